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
//! A replica stands in the list once, from PSYNC until its connection ends
//! or it is disconnected from here; with its entry goes all that is kept for it.

mod feed;
mod sync_file;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::sync::{Notify, watch};
use tracing::warn;

use crate::aof::encode;
use crate::clients::output_limit::{Excess, OutputLimit};
use crate::stats::random_id;
use feed::Feed;
pub use sync_file::{Claim, SyncFile};

/// A feed that does not exist.
const NO_ID: &str = "0000000000000000000000000000000000000000";

/// What the server knows of the other servers.
#[derive(Debug)]
pub struct Replication {
    /// The name of the feed.
    pub id: String,
    /// The name that it had before this server became a primary, and up to which
    /// offset that is the same feed.
    second_id: String,
    second_offset: i64,
    feed: Feed,
    /// Whoever reads our feed, by their places. A place is never used twice: the connection
    /// of one that was disconnected may notice that late.
    replicas: BTreeMap<u64, Replica>,
    /// How many places there have been.
    places: u64,
    /// Which server we follow, if we are a replica.
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
    heard: Instant,
    /// Since when there is no link.
    down: Instant,
}

/// A server that follows us.
#[derive(Debug)]
struct Replica {
    ip: IpAddr,
    port: u16,
    state: ReplicaState,
    /// The file that it waits for.
    file: Option<Arc<SyncFile>>,
    /// Which offset of the feed it gets next, and which it says that it has.
    position: i64,
    acknowledged: i64,
    /// When something came from it last, or it took a part of its file.
    heard: Instant,
    excess: Excess,
    /// It has been told that there is more, and has not looked.
    is_notified: bool,
    events: Arc<ReplicaEvents>,
}

/// What the list of replicas tells a replica's connection.
#[derive(Debug, Default)]
pub struct ReplicaEvents {
    /// There is more in the feed.
    pub more: Notify,
    /// It is no longer in the list. The connection has to end.
    pub disconnected: Notify,
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

/// A client that has become a replica: its place, and the file that it gets first. Its
/// connection gives the place back when it ends, whatever ends it.
#[derive(Debug)]
pub struct FullSync {
    pub place: u64,
    pub events: Arc<ReplicaEvents>,
    pub file: Claim,
}

impl Default for Replication {
    fn default() -> Self {
        Self {
            id: random_id(),
            second_id: NO_ID.into(),
            second_offset: -1,
            feed: Feed::default(),
            replicas: BTreeMap::new(),
            places: 0,
            primary: None,
            wanted: watch::Sender::default(),
            acknowledged: watch::Sender::default(),
        }
    }
}

/// The feed, and who reads it.
impl Replication {
    /// How many bytes the feed has had.
    pub fn offset(&self) -> i64 {
        self.feed.end()
    }

    /// Does anybody read the feed?
    pub fn is_read(&self) -> bool {
        !self.replicas.is_empty()
    }

    /// Adds a command to the feed. A replica adds nothing of its own. Whoever then has more than
    /// `limit` allows waiting for it is disconnected.
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
                self.feed.select_database();
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

    /// Tells the replicas that there is more, once until they have looked. The limit is looked
    /// at here and not only now and then: memory is full before a second has passed.
    fn notify(&mut self, limit: OutputLimit) {
        let end = self.feed.end();
        self.disconnect_if(|replica| {
            if !replica.is_notified && replica.state == ReplicaState::Online {
                replica.is_notified = true;
                replica.events.more.notify_one();
            }
            replica.exceeds(limit, end)
        });
    }

    /// The file for which some replica waits. Until that replica has it, the feed is kept
    /// from the file's offset on; so another one may begin with it, too.
    pub fn awaited_file(&self) -> Option<Arc<SyncFile>> {
        self.replicas.values().find_map(|it| it.file.clone())
    }

    /// A new replica, which gets `file` and then the feed from there on.
    pub fn enter(&mut self, ip: IpAddr, port: u16, file: Arc<SyncFile>) -> FullSync {
        let events = Arc::new(ReplicaEvents::default());
        let place = self.places;
        self.places += 1;
        let sync = FullSync {
            place,
            events: events.clone(),
            file: file.claim(),
        };
        if file.offset == self.offset() {
            self.feed.reselect_database();
        }
        let replica = Replica {
            ip,
            port,
            state: ReplicaState::WaitBgsave,
            position: file.offset,
            file: Some(file),
            acknowledged: 0,
            heard: Instant::now(),
            excess: Excess::default(),
            is_notified: false,
            events,
        };
        self.replicas.insert(place, replica);
        sync
    }

    /// A replica has gone.
    pub fn leave(&mut self, place: u64) {
        if self.replicas.remove(&place).is_some() {
            self.trim();
            self.acknowledged.send_replace(());
        }
    }

    /// A replica is so far.
    pub fn advance(&mut self, place: u64, state: ReplicaState) {
        if let Some(replica) = self.replicas.get_mut(&place) {
            replica.state = state;
            replica.file = None;
            replica.heard = Instant::now();
        }
    }

    /// Adds what a replica gets next to `output`, `most` bytes at most. False if it is no
    /// longer a replica.
    pub fn supply(&mut self, place: u64, output: &mut BytesMut, most: usize) -> bool {
        let Some(replica) = self.replicas.get_mut(&place) else {
            return false;
        };
        replica.is_notified = false;
        replica.position = self.feed.read(replica.position, output, most);
        self.trim();
        true
    }

    /// Forgets what every replica has got.
    fn trim(&mut self) {
        let needed = self.replicas.values().map(|replica| replica.position);
        let first = needed.min().unwrap_or(self.feed.end());
        self.feed.trim(first);
    }

    /// Something came from a replica: it is still there.
    pub fn hear_replica(&mut self, place: u64) {
        if let Some(replica) = self.replicas.get_mut(&place) {
            replica.heard = Instant::now();
        }
    }

    /// A replica says up to which offset it has the feed: `REPLCONF ACK`.
    pub fn acknowledge(&mut self, place: u64, offset: i64) {
        if let Some(replica) = self.replicas.get_mut(&place) {
            replica.acknowledged = replica.acknowledged.max(offset);
            self.acknowledged.send_replace(());
        }
    }

    /// How many replicas have the feed up to `offset`.
    pub fn acknowledged(&self, offset: i64) -> usize {
        let online = self.replicas.values().filter(|it| it.is_online());
        online.filter(|it| it.acknowledged >= offset).count()
    }

    /// Changes when [`acknowledged`](Self::acknowledged) may, or when we become a replica.
    pub fn watch(&self) -> watch::Receiver<()> {
        self.acknowledged.subscribe()
    }

    pub fn replica_count(&self) -> usize {
        self.replicas.len()
    }

    /// Asks the replicas how far they are.
    pub fn ask(&mut self, limit: OutputLimit) {
        let words = [&b"REPLCONF"[..], b"GETACK", b"*"];
        self.append(words.into_iter(), limit);
    }

    /// Disconnects whoever has had too much waiting for too long, or has not been heard of
    /// for `timeout`.
    pub fn enforce(&mut self, limit: OutputLimit, timeout: Duration) {
        let end = self.feed.end();
        self.disconnect_if(|replica| replica.is_silent(timeout) || replica.exceeds(limit, end));
    }

    /// Disconnects everybody: what they have is no longer what we have.
    fn disconnect_all(&mut self) {
        self.disconnect_if(|_| true);
    }

    /// Disconnects those of whom `is_due` says so. Nothing is kept for them from here on;
    /// their connections end when they get to it.
    fn disconnect_if(&mut self, mut is_due: impl FnMut(&mut Replica) -> bool) {
        let before = self.replicas.len();
        self.replicas.retain(|_, replica| {
            let goes = is_due(replica);
            if goes {
                replica.events.disconnected.notify_one();
            }
            !goes
        });
        if self.replicas.len() < before {
            self.trim();
            self.acknowledged.send_replace(());
        }
    }
}

impl Replica {
    fn is_online(&self) -> bool {
        self.state == ReplicaState::Online
    }

    /// Has it said and taken nothing for too long? While it waits for its file it need not.
    fn is_silent(&self, timeout: Duration) -> bool {
        let is_silent = self.file.is_none() && self.heard.elapsed() > timeout;
        if is_silent {
            let (ip, port) = (self.ip, self.port);
            warn!("replica {ip}:{port} is disconnected: it says nothing");
        }
        is_silent
    }

    /// Is it too much that waits for it in the feed, which ends at `end`?
    fn exceeds(&mut self, limit: OutputLimit, end: i64) -> bool {
        let behind = (end - self.position) as usize;
        let exceeds = limit.is_exceeded(behind, &mut self.excess);
        if exceeds {
            let (ip, port) = (self.ip, self.port);
            warn!("replica {ip}:{port} is disconnected: {behind} bytes wait for it");
        }
        exceeds
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
        let primary = self.primary.as_ref();
        primary.is_some_and(|primary| primary.link != Link::Connected)
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
        // Who waits for our replicas waits in vain.
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

/// What INFO and ROLE say.
impl Replication {
    pub fn info(&self, config: &Settings) -> String {
        let mut text = String::new();
        // A string takes everything.
        let _ = self.write_info(&mut text, config);
        text
    }

    fn write_info(&self, text: &mut String, config: &Settings) -> std::fmt::Result {
        match &self.primary {
            None => write!(text, "role:master\r\n")?,
            Some(primary) => {
                write!(text, "role:slave\r\n")?;
                primary.write_info(text, self.offset())?;
                write!(
                    text,
                    "slave_priority:{}\r\nslave_read_only:{}\r\nreplica_announced:1\r\n",
                    config.priority,
                    u8::from(config.read_only)
                )?;
            }
        }
        write!(text, "connected_slaves:{}\r\n", self.replicas.len())?;
        for (number, replica) in self.replicas.values().enumerate() {
            writeln!(text, "slave{number}:{}\r", replica.describe())?;
        }
        write!(
            text,
            "master_failover_state:no-failover\r\nmaster_replid:{}\r\nmaster_replid2:{}\r\n\
             master_repl_offset:{}\r\nsecond_repl_offset:{}\r\nrepl_backlog_active:0\r\n\
             repl_backlog_size:1048576\r\nrepl_backlog_first_byte_offset:0\r\n\
             repl_backlog_histlen:0\r\n",
            self.id,
            self.second_id,
            self.offset(),
            self.second_offset
        )
    }

    /// The replicas that get the feed: address, port, and the offset that they have.
    pub fn online(&self) -> impl ExactSizeIterator<Item = (String, u16, i64)> {
        let online = self.replicas.values().filter(|it| it.is_online());
        let described = online.map(|it| (it.ip.to_string(), it.port, it.acknowledged));
        described.collect::<Vec<_>>().into_iter()
    }
}

/// What INFO shows of the parameters.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub priority: u32,
    pub read_only: bool,
}

impl Primary {
    pub fn is_connected(&self) -> bool {
        self.link == Link::Connected
    }

    fn write_info(&self, text: &mut String, offset: i64) -> std::fmt::Result {
        let is_up = self.link == Link::Connected;
        let heard = match is_up {
            true => self.heard.elapsed().as_secs() as i64,
            false => -1,
        };
        write!(
            text,
            "master_host:{}\r\nmaster_port:{}\r\nmaster_link_status:{}\r\n\
             master_last_io_seconds_ago:{heard}\r\nmaster_sync_in_progress:{}\r\n\
             slave_read_repl_offset:{offset}\r\nslave_repl_offset:{offset}\r\n",
            self.address.host,
            self.address.port,
            if is_up { "up" } else { "down" },
            u8::from(self.link == Link::Sync),
        )?;
        if !is_up {
            let down = self.down.elapsed().as_secs();
            write!(text, "master_link_down_since_seconds:{down}\r\n")?;
        }
        Ok(())
    }
}

impl Replica {
    fn describe(&self) -> String {
        let state = self.state.name();
        let lag = match self.state {
            ReplicaState::Online => self.heard.elapsed().as_secs(),
            _ => 0,
        };
        format!(
            "ip={},port={},state={state},offset={},lag={lag}",
            self.ip, self.port, self.acknowledged
        )
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
