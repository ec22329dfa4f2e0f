//! Replication: what a primary knows of its replicas, and a replica of its primary
//! (`replication.c` in Redis).
//!
//! There is one feed: the writes, in the order in which they were applied, as RESP. Its
//! bytes are counted from the beginning; that count is the *replication offset*. Who
//! has the feed up to the same offset has the same data set, if they read the same
//! feed. Therefore the feed has a name, the *replication id*, which changes
//! when the data may go another way: when a replica becomes a primary.
//!
//! A replica begins with an RDB file of the data set as it was at some offset, and
//! goes on with the feed from there. While it receives the file, the feed grows; so each
//! replica has a place in the feed of its own, and the feed keeps what the slowest of
//! them still needs. That is bounded: who needs too much is disconnected, and may
//! come back and begin anew. The primary waits for nobody.
//!
//! A replica's own feed is that of its primary, byte by byte: what it received, it
//! passes on. So a replica of a replica counts the same offsets.
//!
//! This file owns the state. `net/to_replica.rs` sends file and feed to a replica, `net/from_primary.rs`
//! follows a primary.
//!
//! A replica is in the list from PSYNC until its connection ends or it is disconnected from here;
//! with its entry goes all that is kept for it. It is known by the id of its client.

mod feed;
mod sync_file;

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::sync::watch;
use tracing::warn;

use crate::aof::encode;
use crate::clients::Handle;
use crate::clients::output_limit::OutputLimit;
use crate::stats::random_id;
use feed::Feed;
pub use sync_file::SyncFile;

/// A feed that does not exist.
const NO_ID: &str = "0000000000000000000000000000000000000000";

/// What the server knows of the other servers.
#[derive(Debug)]
pub struct Replication {
    /// The name of the feed.
    pub id: String,
    /// The name that it had before this server became a primary, and up to which
    /// offset that is the same feed.
    pub second_id: String,
    pub second_offset: i64,
    feed: Feed,
    /// The servers that follow us, by the ids of their clients.
    replicas: BTreeMap<u64, Replica>,
    /// The server that we follow, if we are a replica.
    primary: Option<Primary>,
    /// The same for `net/from_primary.rs`, which waits for it to change.
    wanted: watch::Sender<Option<Address>>,
    /// Changes when a replica has said how far it is.
    acknowledged: watch::Sender<()>,
}

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub host: String,
    pub port: u16,
}

/// How it stands with the primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// There is no connection yet, or no longer.
    Connect,
    /// There will be one.
    Connecting,
    /// The RDB file is on its way.
    Sync,
    /// The feed is.
    Connected,
}

/// The server that we follow.
#[derive(Debug)]
pub struct Primary {
    pub address: Address,
    pub link: Link,
    /// When something came from it last.
    pub heard: Instant,
    /// Since when there is no link.
    pub down: Instant,
}

/// A server that follows us.
#[derive(Debug)]
pub struct Replica {
    pub client: Arc<Handle>,
    /// On which port it listens itself.
    pub port: u16,
    pub state: ReplicaState,
    /// The file that it waits for. Its connection owns it.
    file: Weak<SyncFile>,
    /// Which offset of the feed it gets next, and which it says that it has.
    position: i64,
    pub acknowledged: i64,
}

/// How far a replica is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplicaState {
    /// Its RDB file is being written.
    WaitBgsave,
    /// It gets the file.
    SendBulk,
    /// It gets the feed.
    Online,
}

impl Default for Replication {
    fn default() -> Self {
        Self {
            id: random_id(),
            second_id: NO_ID.into(),
            second_offset: -1,
            feed: Feed::default(),
            replicas: BTreeMap::new(),
            primary: None,
            wanted: watch::Sender::default(),
            acknowledged: watch::Sender::default(),
        }
    }
}

/// The feed, and the replicas that read it.
impl Replication {
    /// How many bytes the feed has had.
    pub fn offset(&self) -> i64 {
        self.feed.end()
    }

    /// Does anybody read the feed?
    pub fn is_read(&self) -> bool {
        !self.replicas.is_empty()
    }

    /// Adds a command to the feed. A replica adds nothing of its own. A replica of ours for which
    /// more than `limit` allows waits then is disconnected.
    pub fn append<'a>(
        &mut self,
        words: impl ExactSizeIterator<Item = &'a [u8]>,
        limit: OutputLimit,
    ) {
        if self.primary.is_some() {
            return;
        }
        match self.is_read() {
            true => {
                self.feed.extend(|bytes| encode(words, bytes));
                self.notify(limit);
            }
            // Nobody can ask for these bytes; that there was something is enough.
            false => self.feed.skip(1),
        }
    }

    /// Adds what came from the primary, as it is.
    pub fn pass_on(&mut self, bytes: &[u8], limit: OutputLimit) {
        match self.is_read() {
            true => {
                self.feed.extend(|feed| feed.extend_from_slice(bytes));
                self.notify(limit);
            }
            false => self.feed.skip(bytes.len() as i64),
        }
    }

    /// Tells the replicas that there is more. The limit is looked at here and not only now and
    /// then: memory is full before a second has passed.
    fn notify(&mut self, limit: OutputLimit) {
        self.replicas.values().for_each(Replica::notify);
        let end = self.offset();
        self.disconnect_if(|replica| replica.enforce(limit, end));
    }

    /// The file for which some replica waits. Until that replica has it, the feed is kept
    /// from the file's offset on; so another one may begin with it, too.
    pub fn awaited_file(&self) -> Option<Arc<SyncFile>> {
        self.replicas.values().find_map(|it| it.file.upgrade())
    }

    /// A new replica, which gets `file` and then the feed from there on.
    pub fn enter(&mut self, client: Arc<Handle>, port: u16, file: &Arc<SyncFile>) {
        let id = client.id;
        let replica = Replica {
            client,
            port,
            state: ReplicaState::WaitBgsave,
            file: Arc::downgrade(file),
            position: file.offset,
            acknowledged: 0,
        };
        self.replicas.insert(id, replica);
        // Who shares the file of another replica reads the SELECT that is there for that one.
        if file.offset == self.offset() && self.primary.is_none() {
            self.feed
                .extend(|feed| feed.extend_from_slice(feed::SELECT));
            self.replicas.values().for_each(Replica::notify);
        }
    }

    /// A client has gone, which may have been a replica.
    pub fn leave(&mut self, client: u64) {
        if self.replicas.remove(&client).is_some() {
            self.forget();
        }
    }

    /// A replica is so far.
    pub fn advance(&mut self, client: u64, state: ReplicaState) {
        if let Some(replica) = self.replicas.get_mut(&client) {
            replica.state = state;
        }
    }

    /// Adds what a replica gets next to `output`, `most` bytes at most.
    pub fn supply(&mut self, client: u64, output: &mut BytesMut, most: usize) {
        if let Some(replica) = self.replicas.get_mut(&client) {
            replica.position = self.feed.read(replica.position, output, most);
            self.trim();
        }
    }

    /// Forgets what every replica has got.
    fn trim(&mut self) {
        let needed = self.replicas.values().map(|replica| replica.position);
        let first = needed.min().unwrap_or(self.feed.end());
        self.feed.trim(first);
    }

    /// Forgets what only those needed that have just gone, and whom others waited for.
    fn forget(&mut self) {
        self.trim();
        self.acknowledged.send_replace(());
    }

    /// A replica says up to which offset it has the feed: `REPLCONF ACK`.
    pub fn acknowledge(&mut self, client: u64, offset: i64) {
        if let Some(replica) = self.replicas.get_mut(&client) {
            replica.acknowledged = replica.acknowledged.max(offset);
            self.acknowledged.send_replace(());
        }
    }

    /// How many replicas have the feed up to `offset`.
    pub fn acknowledged(&self, offset: i64) -> usize {
        let online = self.replicas().filter(|it| it.is_online());
        online.filter(|it| it.acknowledged >= offset).count()
    }

    /// Changes when [`acknowledged`](Self::acknowledged) may, or when we become a replica.
    pub fn watch(&self) -> watch::Receiver<()> {
        self.acknowledged.subscribe()
    }

    /// The servers that follow us.
    pub fn replicas(&self) -> impl ExactSizeIterator<Item = &Replica> {
        self.replicas.values()
    }

    /// Asks the replicas how far they are.
    pub fn ask(&mut self, limit: OutputLimit) {
        let words = [&b"REPLCONF"[..], b"GETACK", b"*"];
        self.append(words.into_iter(), limit);
    }

    /// Disconnects the replicas for which too much has waited for too long, and the servers that
    /// have not been heard of for `timeout`.
    pub fn enforce(&mut self, limit: OutputLimit, timeout: Duration) {
        let end = self.offset();
        self.disconnect_if(|replica| replica.is_silent(timeout) || replica.enforce(limit, end));
        let is_silent = |it: &Primary| it.link != Link::Connect && it.heard.elapsed() > timeout;
        if self.primary.as_ref().is_some_and(is_silent) {
            warn!("nothing has come from the primary for too long");
            // That ends the connection, and begins another.
            self.wanted.send_modify(|_| {});
        }
    }

    /// Disconnects all replicas: what they have is no longer what we have.
    fn disconnect_all(&mut self) {
        self.disconnect_if(|_| true);
    }

    /// Disconnects the replicas of which `is_due` says so. Nothing is kept for them from here on;
    /// their connections end as soon as their tasks get to it.
    fn disconnect_if(&mut self, is_due: impl Fn(&Replica) -> bool) {
        let before = self.replicas.len();
        self.replicas.retain(|_, replica| {
            let goes = is_due(replica);
            if goes {
                replica.client.end();
            }
            !goes
        });
        if self.replicas.len() < before {
            self.forget();
        }
    }
}

impl Replica {
    pub fn is_online(&self) -> bool {
        self.state == ReplicaState::Online
    }

    /// Tells its connection that there is more of the feed.
    fn notify(&self) {
        self.client.mail.notify_one();
    }

    /// Has it said and taken nothing for too long? While it waits for its file it need not.
    fn is_silent(&self, timeout: Duration) -> bool {
        let is_silent = self.state != ReplicaState::WaitBgsave && self.client.idle() > timeout;
        if is_silent {
            warn!(
                "replica {} is disconnected: it says nothing",
                self.client.addr
            );
        }
        is_silent
    }

    /// Disconnects it if more of the feed, which ends at `end`, waits for it than `limit` allows.
    /// Returns whether it did.
    fn enforce(&self, limit: OutputLimit, end: i64) -> bool {
        self.client.enforce(limit, (end - self.position) as usize)
    }
}

/// The primary, if there is one.
impl Replication {
    pub fn is_replica(&self) -> bool {
        self.primary.is_some()
    }

    /// The server that we follow, if any.
    pub fn primary(&self) -> Option<&Primary> {
        self.primary.as_ref()
    }

    /// Is there a primary from which nothing comes?
    pub fn is_cut_off(&self) -> bool {
        self.primary.as_ref().is_some_and(|it| !it.is_connected())
    }

    /// From now on we follow that server. False if we do so already.
    pub fn follow(&mut self, address: Address) -> bool {
        let current = self.primary.as_ref().map(|primary| &primary.address);
        if current == Some(&address) {
            return false;
        }
        self.disconnect_all();
        let now = Instant::now();
        self.primary = Some(Primary {
            address: address.clone(),
            link: Link::Connect,
            heard: now,
            down: now,
        });
        self.wanted.send_replace(Some(address));
        // A client that waits for our replicas waits in vain.
        self.acknowledged.send_replace(());
        true
    }

    /// From now on we follow nobody. False if we did not.
    pub fn follow_nobody(&mut self) -> bool {
        if self.primary.take().is_none() {
            return false;
        }
        self.second_id = std::mem::replace(&mut self.id, random_id());
        self.second_offset = self.offset() + 1;
        self.disconnect_all();
        self.wanted.send_replace(None);
        true
    }

    /// Whom to follow; to wait for.
    pub fn wanted(&self) -> watch::Receiver<Option<Address>> {
        self.wanted.subscribe()
    }

    /// The link is so far now.
    pub fn set_link(&mut self, link: Link) {
        if let Some(primary) = &mut self.primary {
            if primary.link == Link::Connected && link != Link::Connected {
                primary.down = Instant::now();
            }
            primary.link = link;
        }
        self.hear();
    }

    /// Something came from the primary.
    pub fn hear(&mut self) {
        if let Some(primary) = &mut self.primary {
            primary.heard = Instant::now();
        }
    }

    /// Our data set is that of the primary's feed, called `id`, at `offset`.
    pub fn adopt(&mut self, id: &str, offset: i64) {
        self.disconnect_all();
        self.id = id.to_owned();
        self.second_id = NO_ID.into();
        self.second_offset = -1;
        self.feed = Feed::at(offset);
    }
}

impl Primary {
    pub fn is_connected(&self) -> bool {
        self.link == Link::Connected
    }
}

impl ReplicaState {
    /// What INFO calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::WaitBgsave => "wait_bgsave",
            Self::SendBulk => "send_bulk",
            Self::Online => "online",
        }
    }
}

impl Link {
    /// What ROLE calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Connecting => "connecting",
            Self::Sync => "sync",
            Self::Connected => "connected",
        }
    }
}
