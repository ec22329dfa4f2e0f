//! What the rest of the server knows of a client besides its connection: the states that MONITOR,
//! CLIENT NO-EVICT, CLIENT UNBLOCK and QUIT bring about (`client->flags` in Redis's `server.h`).
//!
//! They are atomic because a connection tells them without the lock. What two clients could
//! disagree about, whether a wait is over, changes with the lock held.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering::Relaxed};

/// These states of one client.
#[derive(Debug, Default)]
pub struct Record {
    /// It gets a line for each command of others.
    pub is_monitor: AtomicBool,
    /// Its connection is closed as soon as it has its last reply.
    pub is_closing: AtomicBool,
    /// It is not disconnected when memory is short.
    pub is_kept: AtomicBool,
    /// How large the arguments of the command are for whose reply it waits.
    pub argv: AtomicUsize,
    /// What is the matter with its wait: one of the constants below.
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
    /// Is it a monitor?
    pub fn watches(&self) -> bool {
        self.is_monitor.load(Relaxed)
    }

    /// A wait begins. CLIENT UNBLOCK may end it if it could also end because it takes too long.
    pub fn begin_to_wait(&self, may_time_out: bool) {
        self.wait
            .store(if may_time_out { OPEN } else { FIXED }, Relaxed);
    }

    /// Ends the wait, with an error or as if it were late. Returns false if that may not be.
    pub fn unblock(&self, with_error: bool) -> bool {
        let ended = if with_error { BROKEN } else { LATE };
        let result = self.wait.compare_exchange(OPEN, ended, Relaxed, Relaxed);
        result.is_ok()
    }

    /// Was the wait ended as if it were late?
    pub fn is_late(&self) -> bool {
        self.wait.load(Relaxed) == LATE
    }

    /// Was the wait ended with an error?
    pub fn is_broken(&self) -> bool {
        self.wait.load(Relaxed) == BROKEN
    }

    /// Adds the letters of these states to `flags`, in Redis's order.
    pub fn add_flags(&self, flags: &mut String) {
        if self.is_monitor.load(Relaxed) {
            flags.insert(0, 'O');
        }
        let more = [('c', &self.is_closing), ('e', &self.is_kept)];
        let more = more.iter().filter(|(_, flag)| flag.load(Relaxed));
        flags.extend(more.map(|(letter, _)| letter));
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
        assert!(record.is_broken() && !record.is_late());
        record.begin_to_wait(true);
        assert!(!record.is_broken());
    }
}
