//! Replication: what a primary knows of its replicas, and a replica of its primary
//! (`replication.c` in Redis).
//!
//! There is one feed: the writes, in the order in which they were applied, as RESP. Its
//! bytes are counted from the beginning; that count is the *replication offset*. Two servers
//! that have read the same feed up to the same offset have the same data set. Therefore the feed
//! has a name, the *replication id*, which changes when the data may differ from then on: when a
//! replica becomes a primary.
//!
//! A replica begins with an RDB file of the data set as it was at some offset, and
//! goes on with the feed from there. While it receives the file, the feed grows; so each
//! replica has a place in the feed of its own, and the feed keeps what the slowest of
//! them still needs. That is bounded: a replica that needs too much is disconnected, and may
//! come back and begin anew. The primary waits for no replica.
//!
//! A replica's own feed is that of its primary, byte by byte: what it received, it
//! passes on. So a replica of a replica counts the same offsets.
//!
//! This file owns the state. `handlers/replication.rs` answers PSYNC and says what a replica gets,
//! `net/to_replica.rs` sends file and feed to it, `net/from_primary.rs` follows a primary.
//!
//! A replica is in the list from PSYNC until its connection ends or it is disconnected from here;
//! with its entry goes all that is kept for it. It is known by the id of its client.

mod feed;
mod sync_file;

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use smart_default::SmartDefault;
use strum::{Display, IntoStaticStr};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::aof::encode;
use crate::clients::Handle;
use crate::clients::output_limit::OutputLimit;
use crate::stats::random_id;
use feed::Feed;
pub use sync_file::SyncFile;

/// The replication id of a feed that does not exist: forty zeros, as INFO shows them.
const NO_ID: &str = "0000000000000000000000000000000000000000";

/// The state of replication, in both roles: the feed and its replicas, and the primary.
#[derive(Debug, SmartDefault)]
pub struct Replication {
    /// The replication id: the name of the feed (`master_replid` in INFO).
    #[default(random_id())]
    pub id: String,
    /// The id that the feed had before this server became a primary, and the first offset that
    /// is not part of that feed (`master_replid2` and `second_repl_offset` in INFO).
    #[default(NO_ID.into())]
    pub second_id: String,
    #[default(-1)]
    pub second_offset: i64,
    feed: Feed,
    /// The replicas of this server, by the ids of their clients.
    replicas: BTreeMap<u64, Replica>,
    /// The primary of this server, if it is a replica.
    primary: Option<Primary>,
    /// The address of the primary, for `net/from_primary.rs`, which waits for it to change.
    wanted: watch::Sender<Option<Address>>,
    /// Changes when a replica has acknowledged an offset, or is gone.
    acknowledged: watch::Sender<()>,
}

/// The host and the port of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub host: String,
    pub port: u16,
}

/// The state of the link to the primary (`repl_state` in Redis), as ROLE names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Link {
    /// There is no connection; the next attempt follows.
    Connect,
    /// An attempt is under way, up to the reply to PSYNC.
    Connecting,
    /// The RDB file is being received or loaded.
    Sync,
    /// The feed is being received.
    Connected,
}

/// What this server knows of its primary, if it is a replica.
#[derive(Debug)]
pub struct Primary {
    pub address: Address,
    pub link: Link,
    /// When its last bytes arrived, or the state of the link changed.
    pub heard: Instant,
    /// Since when the link has been down, while it is.
    pub down: Instant,
}

/// What a primary knows of one of its replicas.
#[derive(Debug)]
pub struct Replica {
    pub client: Arc<Handle>,
    /// The port on which the replica listens, from `REPLCONF listening-port`; 0 if it has not said.
    pub port: u16,
    pub state: ReplicaState,
    /// The file that it waits for, until it has begun to get it. Its connection owns the file.
    file: Weak<SyncFile>,
    /// The offset of the feed from which it is sent bytes next, and the one that it has acknowledged.
    position: i64,
    pub acknowledged: i64,
}

/// How far a replica is (`replstate` in Redis), as INFO names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display)]
#[strum(serialize_all = "snake_case")]
pub enum ReplicaState {
    /// It waits for its RDB file, which is being written.
    WaitBgsave,
    /// It is sent the file.
    SendBulk,
    /// It is sent the feed.
    Online,
}

/// The feed, and the replicas that read it.
impl Replication {
    /// The replication offset: how many bytes the feed has had so far.
    pub fn offset(&self) -> i64 {
        self.feed.end()
    }

    /// Whether there is a replica that reads the feed.
    pub fn is_read(&self) -> bool {
        !self.replicas.is_empty()
    }

    /// Adds a command to the feed (`replicationFeedSlaves`). A server that is a replica adds nothing
    /// of its own. A replica of ours for which more than `limit` waits then is disconnected.
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

    /// Adds `bytes` that came from the primary to the feed, unchanged. A replica of ours for which
    /// more than `limit` waits then is disconnected.
    pub fn pass_on(&mut self, bytes: &[u8], limit: OutputLimit) {
        match self.is_read() {
            true => {
                self.feed.extend(|feed| feed.extend_from_slice(bytes));
                self.notify(limit);
            }
            false => self.feed.skip(bytes.len() as i64),
        }
    }

    /// Tells the replicas that there is more, and disconnects those for which more than `limit`
    /// waits. The cron checks that, too, but within a second a fast writer can fill the memory.
    fn notify(&mut self, limit: OutputLimit) {
        self.replicas.values().for_each(Replica::notify);
        let end = self.offset();
        self.disconnect_if(|replica| replica.enforce(limit, end));
    }

    /// The file for which some replica waits, if one does. The feed is kept from the file's offset
    /// on, so another replica can begin with the same file.
    pub fn awaited_file(&self) -> Option<Arc<SyncFile>> {
        self.replicas.values().find_map(|it| it.file.upgrade())
    }

    /// Adds a replica, which is sent `file` and then the feed from the file's offset on.
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
        // A replica that shares another's file reads the SELECT that was added for the other.
        if file.offset == self.offset() && self.primary.is_none() {
            self.feed
                .extend(|feed| feed.extend_from_slice(feed::SELECT));
            self.replicas.values().for_each(Replica::notify);
        }
    }

    /// Removes the replica with this client id, if there is one.
    pub fn leave(&mut self, client: u64) {
        if self.replicas.remove(&client).is_some() {
            self.forget();
        }
    }

    /// Sets the state of a replica, if it is still in the list.
    pub fn advance(&mut self, client: u64, state: ReplicaState) {
        if let Some(replica) = self.replicas.get_mut(&client) {
            replica.state = state;
        }
    }

    /// Appends to `output` what the replica with this client id is sent next, `most` bytes at most.
    pub fn supply(&mut self, client: u64, output: &mut BytesMut, most: usize) {
        if let Some(replica) = self.replicas.get_mut(&client) {
            replica.position = self.feed.read(replica.position, output, most);
            self.trim();
        }
    }

    /// How much of the feed a replica has still to be sent: about how many pieces, and how many bytes.
    pub fn waiting(&self, client: u64) -> (usize, usize) {
        let replica = self.replicas.get(&client);
        let bytes = replica.map_or(0, |it| (self.feed.end() - it.position) as usize);
        (bytes.div_ceil(feed::PIECE), bytes)
    }

    /// Drops the part of the feed that no replica needs any more.
    fn trim(&mut self) {
        let needed = self.replicas.values().map(|replica| replica.position);
        let first = needed.min().unwrap_or(self.feed.end());
        self.feed.trim(first);
    }

    /// Replicas are gone: drops what only they needed, and lets WAIT count anew.
    fn forget(&mut self) {
        self.trim();
        self.acknowledged.send_replace(());
    }

    /// Notes that a replica has the feed up to `offset`: `REPLCONF ACK`.
    pub fn acknowledge(&mut self, client: u64, offset: i64) {
        if let Some(replica) = self.replicas.get_mut(&client) {
            replica.acknowledged = replica.acknowledged.max(offset);
            self.acknowledged.send_replace(());
        }
    }

    /// How many replicas have acknowledged `offset` (`replicationCountAcksByOffset`).
    pub fn acknowledged(&self, offset: i64) -> usize {
        let online = self.replicas().filter(|it| it.is_online());
        online.filter(|it| it.acknowledged >= offset).count()
    }

    /// A receiver that is told when [`acknowledged`](Self::acknowledged) may return another number,
    /// and when this server becomes a replica.
    pub fn watch(&self) -> watch::Receiver<()> {
        self.acknowledged.subscribe()
    }

    /// The replicas of this server, in the order in which they came.
    pub fn replicas(&self) -> impl ExactSizeIterator<Item = &Replica> {
        self.replicas.values()
    }

    /// The replicas that have not acknowledged the whole feed.
    fn laggards(&self) -> impl Iterator<Item = &Replica> {
        let end = self.offset();
        self.replicas().filter(move |it| it.acknowledged < end)
    }

    /// Whether every replica has acknowledged the whole feed.
    pub fn is_caught_up(&self) -> bool {
        self.laggards().next().is_none()
    }

    /// Writes a line to the server log for each replica that has not acknowledged the whole feed.
    pub fn report_laggards(&self) {
        for replica in self.laggards() {
            warn!(
                "Lagging replica {}:{} reported offset {} behind master, lag={}, state={}.",
                replica.client.addr.ip(),
                replica.port,
                self.offset() - replica.acknowledged,
                replica.client.idle().as_secs(),
                replica.state
            );
        }
        if self.is_read() {
            let total = self.replicas.len();
            let in_sync = total - self.laggards().count();
            info!("{in_sync} of {total} replicas are in sync when shutting down.");
        }
    }

    /// Gives the feed another name, although nothing has changed.
    pub fn rename(&mut self) {
        self.id = random_id();
        self.second_id = NO_ID.into();
        self.second_offset = -1;
    }

    /// Asks the replicas to acknowledge what they have: `REPLCONF GETACK`, as part of the feed.
    pub fn ask(&mut self, limit: OutputLimit) {
        let words = [&b"REPLCONF"[..], b"GETACK", b"*"];
        self.append(words.into_iter(), limit);
    }

    /// Disconnects the replicas for which more than `limit` waits, and the replicas and the primary
    /// that have been silent for longer than `timeout` (`replicationCron`).
    pub fn enforce(&mut self, limit: OutputLimit, timeout: Duration) {
        let end = self.offset();
        self.disconnect_if(|replica| replica.is_silent(timeout) || replica.enforce(limit, end));
        let is_silent = |it: &Primary| it.link != Link::Connect && it.heard.elapsed() > timeout;
        if self.primary.as_ref().is_some_and(is_silent) {
            warn!("the primary has been silent for longer than repl-timeout");
            // That ends the connection, and begins another.
            self.wanted.send_modify(|_| {});
        }
    }

    /// Disconnects all replicas, because their data set is no longer the same as ours.
    fn disconnect_all(&mut self) {
        self.disconnect_if(|_| true);
    }

    /// Disconnects the replicas for which `is_due` returns true, and removes them at once. Their
    /// tasks end a moment later.
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

    /// Tells the replica's connection that the feed has grown.
    fn notify(&self) {
        self.client.mail.notify_one();
    }

    /// Whether the replica has neither sent nor taken anything for longer than `timeout`. While it
    /// waits for its file, that is no reason to disconnect it.
    fn is_silent(&self, timeout: Duration) -> bool {
        let is_silent = self.state != ReplicaState::WaitBgsave && self.client.idle() > timeout;
        if is_silent {
            warn!(
                "replica {} is disconnected: it has been silent for longer than repl-timeout",
                self.client.addr
            );
        }
        is_silent
    }

    /// Disconnects the replica if more of the feed, which ends at `end`, waits for it than `limit`
    /// allows. Returns whether it did.
    fn enforce(&self, limit: OutputLimit, end: i64) -> bool {
        self.client.enforce(limit, (end - self.position) as usize)
    }
}

/// The primary, if there is one.
impl Replication {
    pub fn is_replica(&self) -> bool {
        self.primary.is_some()
    }

    /// What this server knows of its primary; `None` if it is a primary itself.
    pub fn primary(&self) -> Option<&Primary> {
        self.primary.as_ref()
    }

    /// Whether this server is a replica without the feed of its primary: the link is down, or the
    /// data set is still on its way.
    pub fn is_cut_off(&self) -> bool {
        self.primary.as_ref().is_some_and(|it| !it.is_connected())
    }

    /// Makes this server a replica of the one at `address` (`replicationSetMaster`). Returns false
    /// if it is that already.
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

    /// Makes this server a primary (`replicationUnsetMaster`). Returns false if it is one already.
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

    /// Ends replication with the server: the link to the primary is closed, and so are the connections
    /// of replicas that have not been sent the whole data set.
    pub fn end(&mut self) {
        self.wanted.send_replace(None);
        self.disconnect_if(|replica| !replica.is_online());
    }

    /// A receiver of the address of the wanted primary, `None` for no primary.
    pub fn wanted(&self) -> watch::Receiver<Option<Address>> {
        self.wanted.subscribe()
    }

    /// Sets the state of the link to the primary.
    pub fn set_link(&mut self, link: Link) {
        if let Some(primary) = &mut self.primary {
            if primary.link == Link::Connected && link != Link::Connected {
                primary.down = Instant::now();
            }
            primary.link = link;
        }
        self.hear();
    }

    /// Notes that the primary has just been heard.
    pub fn hear(&mut self) {
        if let Some(primary) = &mut self.primary {
            primary.heard = Instant::now();
        }
    }

    /// Takes over the primary's feed, called `id`: our data set is the one at `offset` now.
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
