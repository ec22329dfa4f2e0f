//! What a client has asked for besides its commands, and what others have done to its wait: MONITOR,
//! CLIENT REPLY, CLIENT NO-EVICT and CLIENT UNBLOCK (`client->flags` in Redis's `server.h`).
//!
//! All of it is one byte of flags, so a connection asks one question after each command, and a client
//! that has asked for nothing pays for one comparison.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};

/// It gets a line for each command of others.
pub const MONITOR: u8 = 1;
/// It gets no replies.
pub const OFF: u8 = 2;
/// The command that is under way gets no reply.
pub const SKIP: u8 = 4;
/// CLIENT REPLY SKIP was called just now.
pub const SKIP_NEXT: u8 = 8;
/// It gets no reply to the command under way.
pub const SILENT: u8 = OFF | SKIP;

/// The flags of one client.
#[derive(Debug, Default)]
pub struct Record {
    flags: AtomicU8,
    /// It is not disconnected when memory is short. That is for a later server to do.
    pub is_kept: AtomicBool,
    wait: AtomicU8,
}

/// Nobody may end the wait.
const FIXED: u8 = 0;
/// CLIENT UNBLOCK may end it.
const OPEN: u8 = 1;
/// CLIENT UNBLOCK has ended it, as if it were late.
const LATE: u8 = 2;
/// CLIENT UNBLOCK has ended it, with an error.
const BROKEN: u8 = 3;

impl Record {
    /// Is nothing to be done after a command of this client, besides sending its reply?
    pub fn is_plain(&self) -> bool {
        self.flags.load(Relaxed) == 0
    }

    /// Is one of these flags set?
    pub fn has(&self, flags: u8) -> bool {
        self.flags.load(Relaxed) & flags != 0
    }

    /// Sets or clears these flags.
    pub fn set(&self, flags: u8, is_on: bool) {
        match is_on {
            true => self.flags.fetch_or(flags, Relaxed),
            false => self.flags.fetch_and(!flags, Relaxed),
        };
    }

    /// The command under way has had its reply, or what stands in its place.
    pub fn has_replied(&self) {
        self.set(SKIP, self.has(SKIP_NEXT));
        self.set(SKIP_NEXT, false);
    }

    /// A wait begins. CLIENT UNBLOCK may end it if it could also end because it takes too long.
    pub fn begin_to_wait(&self, may_time_out: bool) {
        let wait = if may_time_out { OPEN } else { FIXED };
        self.wait.store(wait, Relaxed);
    }

    /// Ends the wait, with an error or as if it were late. Returns false if that may not be.
    pub fn unblock(&self, with_error: bool) -> bool {
        let ended = if with_error { BROKEN } else { LATE };
        let result = self.wait.compare_exchange(OPEN, ended, Relaxed, Relaxed);
        result.is_ok()
    }

    /// Has CLIENT UNBLOCK ended the wait?
    pub fn is_unblocked(&self) -> bool {
        matches!(self.wait.load(Relaxed), LATE | BROKEN)
    }

    /// Has CLIENT UNBLOCK ended the wait with an error?
    pub fn is_broken(&self) -> bool {
        self.wait.load(Relaxed) == BROKEN
    }

    /// Adds the letters of these states to `flags`, in Redis's order.
    pub fn add_flags(&self, flags: &mut String) {
        if self.has(MONITOR) {
            flags.insert(0, 'O');
        }
        if self.is_kept.load(Relaxed) {
            flags.push('e');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_ended_once_and_only_if_it_may() {
        let record = Record::default();
        assert!(!record.unblock(false));
        record.begin_to_wait(false);
        assert!(!record.unblock(true));
        record.begin_to_wait(true);
        assert!(record.unblock(true));
        assert!(!record.unblock(false));
        assert!(record.is_broken() && record.is_unblocked());
        record.begin_to_wait(true);
        assert!(!record.is_unblocked());
    }

    #[test]
    fn one_reply_is_skipped() {
        let record = Record::default();
        record.set(SKIP_NEXT, true);
        record.has_replied();
        assert!(record.has(SILENT));
        record.has_replied();
        assert!(record.is_plain());
    }
}
