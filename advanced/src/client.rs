//! What the server knows of a client, and what the client's commands may change
//! about it (`struct client` in Redis's `server.h`).
//!
//! It is apart from `net/connection.rs` because commands see a client, never its
//! socket or its buffers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::clients::Handle;
use crate::clients::output_limit::OutputLimits;
use crate::lifecycle::Attempt;
use crate::replication::SyncFile;

/// The state of one client between its commands.
#[derive(Debug)]
pub struct Client {
    /// What the rest of the server knows of this client.
    pub handle: Arc<Handle>,
    /// If it is a replica, the port on which it listens; set by `REPLCONF`.
    pub replica_port: u16,
    /// Set when it has become a replica: the RDB file that it is sent first.
    pub sync: Option<Arc<SyncFile>>,
    /// The replication offset after its last write.
    pub written: i64,
    /// What it waits for before its next command is executed.
    pub waiting: Option<Waiting>,
    /// Close the connection after the replies so far have been sent.
    pub closing: bool,
    /// It has sent a line of HTTP: it does not get those replies either.
    pub is_browser: bool,
    /// It is the AOF or the primary. What they send was accepted once (`mustObeyClient`).
    pub is_obeyed: bool,
}

/// What a client waits for before it gets its reply.
#[derive(Debug, Clone, Copy)]
pub enum Waiting {
    /// `WAIT`: this many replicas have acknowledged this offset, or the deadline has passed.
    Replicas {
        replicas: usize,
        offset: i64,
        deadline: Option<Instant>,
    },
    /// `BLPOP` and others: one of the keys holds what the command wants, or the deadline has passed.
    #[cfg(feature = "blocking")]
    Keys { deadline: Option<Instant> },
    /// `SHUTDOWN`: the server ends, or this attempt is aborted or fails.
    End(Attempt),
    /// The next command has arrived, and the server does not execute such commands now
    /// (`BLOCKED_POSTPONE`).
    Turn,
}

impl Waiting {
    /// The moment at which it ends in any case, if there is one. What has none, such as a shutdown, has
    /// no place for one either.
    fn deadline(&mut self) -> Option<&mut Option<Instant>> {
        match self {
            Self::Replicas { deadline, .. } => Some(deadline),
            #[cfg(feature = "blocking")]
            Self::Keys { deadline } => Some(deadline),
            Self::End(_) | Self::Turn => None,
        }
    }

    /// May it end because it takes too long?
    pub fn may_time_out(mut self) -> bool {
        self.deadline().is_some()
    }

    /// Is there a moment at which it ends in any case?
    pub fn has_deadline(mut self) -> bool {
        self.deadline().is_some_and(|deadline| deadline.is_some())
    }

    /// Lets its time be over, if it may end like that.
    pub fn expire(&mut self) {
        if let Some(deadline) = self.deadline() {
            *deadline = Some(Instant::now());
        }
    }

    /// The longest time for which it still waits.
    pub fn left(mut self) -> Duration {
        let deadline = self.deadline().and_then(|deadline| *deadline);
        deadline.map_or(Duration::MAX, |it| {
            it.saturating_duration_since(Instant::now())
        })
    }
}

impl Client {
    pub fn new(handle: Arc<Handle>) -> Self {
        Self {
            handle,
            replica_port: 0,
            sync: None,
            written: 0,
            waiting: None,
            closing: false,
            is_browser: false,
            is_obeyed: false,
        }
    }

    /// Disconnects the client if these limits do not allow that `waiting` bytes wait for it, and
    /// returns whether it did. What a command has to do for a reply that may get too large for
    /// memory; after any other command, the connection does it.
    pub fn exceeds(&mut self, limits: OutputLimits, waiting: usize) -> bool {
        let limit = match self.handle.is_subscriber() {
            true => limits.pubsub,
            false => limits.normal,
        };
        self.closing |= self.handle.enforce(limit, waiting);
        self.closing
    }

    /// The client that executes what comes from the AOF or the primary.
    pub fn obeyed(handle: Arc<Handle>) -> Self {
        Self {
            is_obeyed: true,
            ..Self::new(handle)
        }
    }
}
