//! The states of a client, as one number (`client->flags` in Redis's `server.h`).
//!
//! Most questions that are asked with each command are about a state. To ask whether a client has
//! any of several takes one comparison.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// It speaks RESP3.
pub const RESP3: u32 = 1;
/// What a client has chosen for itself, and RESET takes back: the first eight.
pub const CHOSEN: u32 = 0xff;

/// It gets the feed of a replica.
pub const REPLICA: u32 = 1 << 8;
/// It is the primary that we follow. It has no task of its own.
pub const PRIMARY: u32 = 1 << 9;
/// It waits for something other than its next command.
pub const BLOCKED: u32 = 1 << 10;
/// It does not wait for ever.
pub const TIMED: u32 = 1 << 11;
/// Its connection is closed as soon as it has its last reply.
pub const CLOSING: u32 = 1 << 12;

/// All states of one client. They change one by one, without the server's lock.
#[derive(Debug, Default)]
pub struct States(AtomicU32);

impl States {
    /// Is it in one of these states?
    #[inline]
    pub fn has(&self, states: u32) -> bool {
        self.0.load(Relaxed) & states != 0
    }

    /// Is it in none of these states any more, or in all of them?
    pub fn set(&self, states: u32, is_on: bool) {
        match is_on {
            true => self.0.fetch_or(states, Relaxed),
            false => self.0.fetch_and(!states, Relaxed),
        };
    }
}
