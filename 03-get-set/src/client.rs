//! What the server knows of a client, and what the client's commands may change
//! about it (`struct client` in Redis's `server.h`).
//!
//! It is apart from `net/connection.rs` because commands see a client, never its
//! socket or its buffers.

use std::sync::Arc;

use crate::clients::Handle;

/// The state of one client between its commands.
#[derive(Debug)]
pub struct Client {
    /// What the rest of the server knows of this client.
    pub handle: Arc<Handle>,
    /// Close the connection after the replies so far have been sent.
    pub closing: bool,
    /// It has sent a line of HTTP: it does not get those replies either.
    pub is_browser: bool,
}

impl Client {
    pub fn new(handle: Arc<Handle>) -> Self {
        Self {
            handle,
            closing: false,
            is_browser: false,
        }
    }
}
