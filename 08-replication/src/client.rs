//! What the server knows of a client, and what the client's commands may change
//! about it (`struct client` in Redis's `server.h`).
//!
//! It is apart from `connection.rs` because commands see a client, never its
//! socket or its buffers.

use std::net::IpAddr;
use std::time::Duration;

use crate::pubsub::Subscription;
use crate::replication::FullSync;
use crate::resp::Protocol;

/// The state of one client between its commands.
#[derive(Debug)]
pub struct Client {
    /// Counts up from 1; never used twice while the server runs.
    pub id: u64,
    /// Set by `CLIENT SETNAME`; empty when there is none.
    pub name: Vec<u8>,
    /// How replies to this client are encoded; chosen with `HELLO`.
    pub protocol: Protocol,
    /// Where it stands among the subscribers, as long as it is one.
    pub subscription: Option<Subscription>,
    /// Where it comes from.
    pub ip: IpAddr,
    /// On which port it listens itself; set by `REPLCONF`.
    pub replica_port: u16,
    /// It has become a replica: its place among them, and what it gets.
    pub sync: Option<FullSync>,
    /// The replication offset behind its last write.
    pub written: i64,
    /// It waits for replicas and gets no reply before.
    pub wait: Option<Wait>,
    /// Hang up after the replies so far have been sent.
    pub closing: bool,
    /// It has sent a line of HTTP: it does not get those replies either.
    pub is_browser: bool,
}

/// What `WAIT` waits for.
#[derive(Debug, Clone, Copy)]
pub struct Wait {
    /// So many replicas have everything up to this replication offset.
    pub replicas: usize,
    pub offset: i64,
    /// How long at most.
    pub timeout: Option<Duration>,
}

impl Client {
    /// The id of the log and of the primary. What they send was accepted once
    /// (`mustObeyClient`).
    pub const OBEYED: u64 = 0;

    pub fn new(id: u64, ip: IpAddr) -> Self {
        Self {
            id,
            ip,
            replica_port: 0,
            sync: None,
            written: 0,
            wait: None,
            name: Vec::new(),
            protocol: Protocol::default(),
            subscription: None,
            closing: false,
            is_browser: false,
        }
    }

    /// The client that stands for the log or the primary.
    pub fn obeyed() -> Self {
        Self::new(Self::OBEYED, [0, 0, 0, 0].into())
    }

    pub fn is_obeyed(&self) -> bool {
        self.id == Self::OBEYED
    }
}
