//! How keys that have expired are removed, and how long that takes (`deleteExpiredKeyAndPropagate`).

use std::time::{Duration, Instant};

/// How a key that has expired is removed, and the longest that it took.
#[derive(Debug, Default)]
pub struct Removal {
    /// A large value is freed on a thread of its own (`lazyfree-lazy-expire`).
    pub is_lazy: bool,
    /// The time is taken. Otherwise no clock is read.
    pub is_timed: bool,
    longest: Duration,
}

impl Removal {
    /// The command that does the same on a replica (`propagateDeletion`).
    pub fn command(&self) -> &'static [u8] {
        match self.is_lazy {
            true => b"UNLINK",
            false => b"DEL",
        }
    }

    /// The removal of a key begins.
    pub(super) fn begin(&self) -> Option<Instant> {
        self.is_timed.then(Instant::now)
    }

    /// A removal that has begun then has ended.
    pub(super) fn end(&mut self, began: Option<Instant>) {
        if let Some(began) = began {
            self.longest = self.longest.max(began.elapsed());
        }
    }

    /// Returns the longest time that a removal took since the last call.
    pub fn take_longest(&mut self) -> Duration {
        std::mem::take(&mut self.longest)
    }
}
