//! What the server knows of a client, and what the client's commands may change
//! about it (`struct client` in Redis's `server.h`).
//!
//! It is apart from `net/connection.rs` because commands see a client, never its
//! socket or its buffers.

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
    /// Close the connection after the replies so far have been sent.
    pub closing: bool,
    /// It has sent a line of HTTP: it does not get those replies either.
    pub is_browser: bool,
}

impl Client {
    pub fn new(id: u64) -> Self {
        Self {
            id,
            name: Vec::new(),
            protocol: Protocol::default(),
            closing: false,
            is_browser: false,
        }
    }
}
