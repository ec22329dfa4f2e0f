//! The registry of clients: who is connected (`server.clients` in Redis), and what is regularly
//! done for all of them (`clientsCron`).
//!
//! A connection owns its client and serves it. The rest of the server reaches a client through its
//! [`Handle`]: CLIENT LIST reads it, and CLIENT KILL aborts its task. A task that is aborted drops
//! what it owns, so no message is needed to disconnect a client, and no connection has to ask in
//! each turn whether it may go on.
//!
//! The fields that change with each command are atomic, so that a connection can store them without
//! the lock, and nobody waits. All times are those of the last tick, because reading the clock
//! costs more than the rest together.

#[cfg(feature = "blocking")]
pub mod blocked;
#[cfg(feature = "client-lifecycle")]
pub mod life;
pub mod notify;
pub mod output_limit;
pub mod states;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use tokio::task::AbortHandle;
use tracing::{debug, warn};

use crate::clients::notify::Notify;
use crate::clients::output_limit::{Excess, OutputLimit};
use crate::clients::states::{BLOCKED, CLOSING, PRIMARY, REPLICA, RESP3, States, TIMED};
use crate::resp::Protocol;

/// All clients that are connected.
#[derive(Default)]
pub struct Clients {
    /// By id, which is the order in which they connected.
    handles: BTreeMap<u64, Arc<Handle>>,
    /// The id of the client that connected last.
    last_id: u64,
    /// Up to which client those that are silent have been told to free their buffers; 0 at the end.
    shrunk_to: u64,
}

/// A client that has been silent for longer needs no buffers.
const IDLE: Duration = Duration::from_secs(2);

/// The time of the last tick, in milliseconds since the first.
static NOW: AtomicU64 = AtomicU64::new(0);

/// What the rest of the server knows of a client, and how it disconnects it.
#[derive(Debug)]
pub struct Handle {
    /// Counts up from 1; never used twice while the server runs.
    pub id: u64,
    /// The address of the client, and the one on which it reached this server.
    pub addr: SocketAddr,
    pub local_addr: SocketAddr,
    /// The number of its socket; -1 if there is none.
    pub fd: RawFd,
    /// Set by `CLIENT SETNAME`; empty when there is none.
    name: Mutex<String>,
    pub states: States,
    /// To how many channels it is subscribed, and to how many patterns.
    pub subscriptions: [AtomicUsize; 2],
    /// Notified when its connection has something to do that is not a command of the client:
    /// messages, more of the feed, or another phase of the server.
    pub mail: Notify,
    /// Since when too much waits for it.
    excess: Excess,
    /// The address of its last command in the table; 0 if there was none.
    command: AtomicUsize,
    /// How many bytes wait: of commands that have not been executed, and of replies
    /// that have not been sent.
    pub unread: AtomicUsize,
    pub unwritten: AtomicUsize,
    /// How long the arguments of the command are with which it waits, in bytes.
    argv: AtomicUsize,
    /// How large its buffers are, in bytes.
    pub input_size: AtomicUsize,
    pub output_size: AtomicUsize,
    /// When it connected, and when it last sent or received something, in milliseconds of [`NOW`].
    came: u64,
    heard: AtomicU64,
    /// The task that serves it.
    task: OnceLock<AbortHandle>,
    /// That task is ended, and executes nothing any more.
    is_ended: AtomicBool,
}

/// The types of clients in CLIENT LIST and CLIENT KILL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Normal,
    Primary,
    Replica,
    Subscriber,
}

impl Kind {
    /// The kind called `name`, in any mixture of case.
    pub fn named(name: &[u8]) -> Option<Self> {
        match name.to_ascii_lowercase().as_slice() {
            b"normal" => Some(Self::Normal),
            b"master" => Some(Self::Primary),
            b"slave" | b"replica" => Some(Self::Replica),
            b"pubsub" => Some(Self::Subscriber),
            _ => None,
        }
    }
}

impl Clients {
    /// Adds a client that has connected.
    pub fn enter(&mut self, addr: SocketAddr, local_addr: SocketAddr, fd: RawFd) -> Arc<Handle> {
        self.last_id += 1;
        self.tick();
        let handle = Arc::new(Handle::new(self.last_id, addr, local_addr, fd));
        self.handles.insert(handle.id, handle.clone());
        handle
    }

    /// Removes a client whose connection has ended.
    pub fn leave(&mut self, id: u64) {
        if let Some(handle) = self.handles.remove(&id) {
            handle.is_ended.store(true, Relaxed);
        }
    }

    /// Disconnects a client, whatever it is doing.
    pub fn kill(&mut self, id: u64) {
        if let Some(handle) = self.handles.remove(&id) {
            handle.end();
        }
    }

    pub fn get(&self, id: u64) -> Option<&Arc<Handle>> {
        self.handles.get(&id)
    }

    pub fn len(&self) -> usize {
        self.handles.len()
    }

    /// All clients, in the order in which they connected.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Handle>> {
        self.handles.values()
    }

    /// Lets every connection look at the state again.
    pub fn notify_all(&self) {
        self.iter().for_each(|client| client.mail.notify_one());
    }

    /// Sets [`NOW`] to the present time.
    pub fn tick(&mut self) {
        static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
        NOW.store(FIRST.elapsed().as_millis() as u64, Relaxed);
    }

    /// Disconnects the clients that have been idle for longer than `timeout`, unless that is zero.
    pub fn end_idle(&mut self, timeout: Duration) {
        if timeout.is_zero() {
            return;
        }
        let handles = self.handles.values();
        let idle = handles.filter(|handle| handle.may_time_out() && handle.idle() > timeout);
        for id in idle.map(|handle| handle.id).collect::<Vec<_>>() {
            debug!("closing idle client {id}");
            self.kill(id);
        }
    }

    /// Notifies some of the clients that have been silent for long enough to free their buffers
    /// (`clientsCron`). Ten calls look at all of them. If ten thousand freed their buffers at
    /// once, the allocator would keep the memory.
    pub fn shrink_idle(&mut self) {
        let share = self.len() / 10 + 1;
        let mut last = 0;
        for (id, client) in self.handles.range(self.shrunk_to + 1..).take(share) {
            if client.is_idle() && client.has_buffers() {
                client.mail.notify_one();
            }
            last = *id;
        }
        self.shrunk_to = last;
    }

    /// Disconnects the clients for which too many replies have waited for too long, even if nothing
    /// is added. For a subscriber, messages wait in its mailbox as well, so `pubsub` does that.
    pub fn enforce(&self, limit: OutputLimit) {
        for handle in self
            .iter()
            .filter(|it| it.kind() == Kind::Normal && !it.has_mailbox())
        {
            handle.enforce(limit, handle.unwritten.load(Relaxed));
        }
    }
}

/// How much time has passed since `then`, which is a time of [`NOW`].
fn since(then: u64) -> Duration {
    Duration::from_millis(NOW.load(Relaxed).saturating_sub(then))
}

impl Handle {
    /// The handle of a client without a connection.
    pub fn nobody(id: u64) -> Self {
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        Self::new(id, nowhere, nowhere, -1)
    }

    fn new(id: u64, addr: SocketAddr, local_addr: SocketAddr, fd: RawFd) -> Self {
        let now = NOW.load(Relaxed);
        Self {
            id,
            addr,
            local_addr,
            fd,
            name: Mutex::default(),
            states: States::default(),
            subscriptions: Default::default(),
            mail: Notify::default(),
            excess: Excess::default(),
            command: AtomicUsize::default(),
            unread: AtomicUsize::default(),
            unwritten: AtomicUsize::default(),
            argv: AtomicUsize::default(),
            input_size: AtomicUsize::default(),
            output_size: AtomicUsize::default(),
            came: now,
            heard: now.into(),
            task: OnceLock::default(),
            is_ended: AtomicBool::default(),
        }
    }

    /// Sets the task that serves it, right after that was started.
    pub fn set_task(&self, task: AbortHandle) {
        // It is set only once.
        let _ = self.task.set(task);
    }

    /// Stores how much waits in its buffers now.
    pub fn show(&self, input: &BytesMut, output: &BytesMut) {
        self.unread.store(input.len(), Relaxed);
        self.unwritten.store(output.len(), Relaxed);
        self.input_size.store(input.capacity(), Relaxed);
        self.output_size.store(output.capacity(), Relaxed);
    }

    /// It waits from here on, with a command whose arguments are so long together, in bytes. `input`
    /// is what of its input comes after that command.
    pub fn block(&self, argv: usize, input: usize) {
        self.argv.store(argv, Relaxed);
        self.unread.store(input, Relaxed);
        self.states.set(BLOCKED, true);
    }

    /// How long the arguments of the command are with which it waits; 0 if it does not wait.
    pub fn argv(&self) -> usize {
        match self.states.has(BLOCKED) {
            true => self.argv.load(Relaxed),
            false => 0,
        }
    }

    /// Notes that it has just sent or received something.
    pub fn hear(&self) {
        self.heard.store(NOW.load(Relaxed), Relaxed);
    }

    /// How long ago it last sent or received something.
    pub fn idle(&self) -> Duration {
        since(self.heard.load(Relaxed))
    }

    fn has_buffers(&self) -> bool {
        self.input_size.load(Relaxed) > 0 || self.output_size.load(Relaxed) > 0
    }

    /// Has it been silent for so long that it needs no buffers?
    pub fn is_idle(&self) -> bool {
        self.idle() > IDLE
    }

    /// How long ago it connected.
    pub fn age(&self) -> Duration {
        since(self.came)
    }

    pub fn name(&self) -> String {
        let name = self.name.lock().unwrap_or_else(PoisonError::into_inner);
        name.clone()
    }

    pub fn set_name(&self, name: &str) {
        *self.name.lock().unwrap_or_else(PoisonError::into_inner) = name.into();
    }

    /// The protocol that it speaks.
    pub fn protocol(&self) -> Protocol {
        match self.states.has(RESP3) {
            false => Protocol::Resp2,
            true => Protocol::Resp3,
        }
    }

    pub fn set_protocol(&self, protocol: Protocol) {
        self.states.set(RESP3, protocol == Protocol::Resp3);
    }

    /// Notes that it calls the command at this address of the table.
    pub fn call(&self, command: usize) {
        self.command.store(command, Relaxed);
    }

    pub fn command(&self) -> usize {
        self.command.load(Relaxed)
    }

    /// A letter for each of its states, as CLIENT LIST shows them.
    pub fn flags(&self) -> String {
        let is = |state| self.states.has(state);
        let states = [
            ('S', is(REPLICA)),
            ('M', is(PRIMARY)),
            ('P', self.is_subscriber()),
            ('b', is(BLOCKED)),
            ('c', is(CLOSING)),
        ];
        let flags = states.iter().filter(|(_, is_on)| *is_on);
        let mut flags: String = flags.map(|(flag, _)| *flag).collect();
        #[cfg(feature = "client-lifecycle")]
        life::record::add_flags(&self.states, &mut flags);
        if flags.is_empty() {
            flags.push('N');
        }
        flags
    }

    /// May it be disconnected when it is idle? Not if it waits for others, as subscribers and
    /// replicas do, or for its reply, as a blocked client does.
    fn may_time_out(&self) -> bool {
        self.kind() == Kind::Normal && !self.has_mailbox() && !self.states.has(BLOCKED)
    }

    pub fn kind(&self) -> Kind {
        if self.states.has(REPLICA) {
            return Kind::Replica;
        }
        if self.states.has(PRIMARY) {
            return Kind::Primary;
        }
        match self.is_subscriber() {
            true => Kind::Subscriber,
            false => Kind::Normal,
        }
    }

    /// Whether it has a subscription.
    pub fn is_subscriber(&self) -> bool {
        self.subscription_count() > 0
    }

    /// Does it wait, and not for ever?
    pub fn has_deadline(&self) -> bool {
        self.states.has(BLOCKED) && self.states.has(TIMED)
    }

    /// Is there a mailbox for it, whose limit counts what waits in its output, too?
    pub fn has_mailbox(&self) -> bool {
        #[cfg(feature = "client-lifecycle")]
        if self.states.has(life::record::MONITOR) {
            return true;
        }
        self.is_subscriber()
    }

    /// Has its connection been ended? Commands that have arrived are not executed then.
    pub fn is_ended(&self) -> bool {
        self.is_ended.load(Relaxed)
    }

    /// How many subscriptions it has.
    pub fn subscription_count(&self) -> usize {
        let [channels, patterns] = &self.subscriptions;
        channels.load(Relaxed) + patterns.load(Relaxed)
    }

    /// Disconnects the client if `limit` does not allow that `waiting` bytes wait for it. Returns
    /// whether it did.
    pub fn enforce(&self, limit: OutputLimit, waiting: usize) -> bool {
        let exceeds = limit.is_exceeded(waiting, &self.excess, NOW.load(Relaxed));
        if exceeds {
            warn!(
                "client {} is disconnected for overcoming of output buffer limits: {waiting} bytes \
                 wait for it, and it does not take them",
                self.id
            );
            self.end();
        }
        exceeds
    }

    /// Ends its connection, whatever that is doing. The link to a primary notices by itself that it
    /// is not wanted any more.
    pub fn end(&self) {
        self.is_ended.store(true, Relaxed);
        self.task.get().inspect(|task| task.abort());
        self.mail.notify_one();
    }
}
