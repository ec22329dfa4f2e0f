//! What the server knows of a client, and what the client's commands may change
//! about it (`struct client` in Redis's `server.h`).
//!
//! It is apart from `net/connection.rs` because commands see a client, never its
//! socket or its buffers.

use std::sync::Arc;
use std::time::Instant;

use crate::clients::Handle;
use crate::lifecycle::Attempt;
use crate::pubsub::Subscription;
use crate::replication::FullSync;
use crate::resp::Protocol;

/// The state of one client between its commands.
#[derive(Debug)]
pub struct Client {
    /// What others may know of it.
    pub handle: Arc<Handle>,
    /// How replies to this client are encoded; chosen with `HELLO`.
    pub protocol: Protocol,
    /// Where it stands among the subscribers, as long as it is one.
    pub subscription: Option<Subscription>,
    /// On which port it listens itself; set by `REPLCONF`.
    pub replica_port: u16,
    /// It has become a replica: its place among them, and what it gets.
    pub sync: Option<FullSync>,
    /// The replication offset behind its last write.
    pub written: i64,
    /// It waits for something else than its next command, and executes none before.
    pub waiting: Option<Waiting>,
    /// Hang up after the replies so far have been sent.
    pub closing: bool,
    /// It has sent a line of HTTP: it does not get those replies either.
    pub is_browser: bool,
}

/// What a client waits for. It gets its reply after that.
#[derive(Debug, Clone, Copy)]
pub enum Waiting {
    /// `WAIT`: so many replicas have everything up to this replication offset, or it is late.
    Replicas {
        replicas: usize,
        offset: i64,
        deadline: Option<Instant>,
    },
    /// `SHUTDOWN`: the server ends, or this attempt is aborted or fails.
    End(Attempt),
}

impl Waiting {
    /// When it is over at the latest.
    pub fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Replicas { deadline, .. } => *deadline,
            Self::End(_) => None,
        }
    }
}

impl Client {
    /// From its next reply on it speaks this protocol.
    pub fn speak(&mut self, protocol: Protocol) {
        self.protocol = protocol;
        self.handle.set_protocol(protocol);
    }

    /// The id of the log and of the primary. What they send was accepted once
    /// (`mustObeyClient`).
    pub const OBEYED: u64 = 0;

    pub fn new(handle: Arc<Handle>) -> Self {
        Self {
            handle,
            replica_port: 0,
            sync: None,
            written: 0,
            waiting: None,
            protocol: Protocol::default(),
            subscription: None,
            closing: false,
            is_browser: false,
        }
    }

    /// The client that stands for the log or the primary.
    pub fn obeyed() -> Self {
        Self::new(Handle::nobody(Self::OBEYED).into())
    }

    pub fn is_obeyed(&self) -> bool {
        self.handle.id == Self::OBEYED
    }
}
