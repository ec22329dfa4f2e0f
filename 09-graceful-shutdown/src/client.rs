//! What the server knows of a client, and what the client's commands may change
//! about it (`struct client` in Redis's `server.h`).
//!
//! It is apart from `net/connection.rs` because commands see a client, never its
//! socket or its buffers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::clients::Handle;
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
    /// `SHUTDOWN`: the server ends, or this attempt is aborted or fails.
    End(Attempt),
}

impl Waiting {
    /// The longest time for which it still waits.
    pub fn left(&self) -> Duration {
        match self {
            Self::Replicas {
                deadline: Some(deadline),
                ..
            } => deadline.saturating_duration_since(Instant::now()),
            _ => Duration::MAX,
        }
    }
}

impl Client {
    /// The id of the client that executes what the AOF or the primary sends. Those commands were
    /// accepted before (`mustObeyClient`).
    pub const OBEYED: u64 = 0;

    pub fn new(handle: Arc<Handle>) -> Self {
        Self {
            handle,
            replica_port: 0,
            sync: None,
            written: 0,
            waiting: None,
            closing: false,
            is_browser: false,
        }
    }

    /// The client that executes what comes from the AOF or the primary.
    pub fn obeyed() -> Self {
        Self::new(Handle::nobody(Self::OBEYED).into())
    }

    pub fn is_obeyed(&self) -> bool {
        self.handle.id == Self::OBEYED
    }
}
