//! How long writes to the AOF and its fsyncs take, for the latency monitor (`flushAppendOnlyFile`
//! in Redis's `aof.c`).
//!
//! The AOF keeps the longest time of each kind until somebody takes it, ten times a second and
//! before a reply that shows it. So what writes need not know who is told, nor what else the server
//! does at the time.

use std::mem::take;
use std::time::Duration;

use super::{Aof, Fsync};

/// The longest writes since they were last asked for.
#[derive(Debug, Default)]
pub struct Delays {
    /// Of those during an fsync on the other thread.
    during_fsync: Duration,
    /// Of the others.
    other: Duration,
}

/// A kind of work, and how long it has taken at most; no time at all if it was not done.
pub type Delay = (&'static str, Duration);

impl Delays {
    pub fn add(&mut self, is_during_fsync: bool, time: Duration) {
        let longest = match is_during_fsync {
            true => &mut self.during_fsync,
            false => &mut self.other,
        };
        *longest = time.max(*longest);
    }
}

impl Aof {
    /// Returns the longest times since the last call, under the names that LATENCY gives them.
    /// `has_job` says whether a file is written in the background. An fsync counts only if replies
    /// wait for it, and a write is slow because of one only if they do not.
    pub fn take_delays(&mut self, policy: Fsync, has_job: bool) -> [Delay; 4] {
        let Delays {
            during_fsync,
            other,
        } = take(&mut self.delays);
        let fsync = match &self.open {
            Some(open) => open.syncer.take_longest(),
            None => Duration::ZERO,
        };
        let (pending, other, fsync) = match policy {
            Fsync::Everysec => (during_fsync, other, Duration::ZERO),
            Fsync::Always => (Duration::ZERO, during_fsync.max(other), fsync),
            Fsync::No => (Duration::ZERO, during_fsync.max(other), Duration::ZERO),
        };
        let name = match has_job {
            true => "aof-write-active-child",
            false => "aof-write-alone",
        };
        [
            ("aof-write", pending.max(other)),
            ("aof-write-pending-fsync", pending),
            (name, other),
            ("aof-fsync-always", fsync),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    #[test]
    fn the_longest_of_each_kind_is_taken_once() {
        let mut aof = Aof::default();
        for (is_during_fsync, time) in [(true, 20), (true, 10), (false, 3), (false, 5)] {
            aof.delays.add(is_during_fsync, ms(time));
        }
        let taken = aof.take_delays(Fsync::Everysec, true);
        assert_eq!(taken[0], ("aof-write", ms(20)));
        assert_eq!(taken[1], ("aof-write-pending-fsync", ms(20)));
        assert_eq!(taken[2], ("aof-write-active-child", ms(5)));
        let again = aof.take_delays(Fsync::Everysec, false);
        assert!(again.iter().all(|(_, time)| time.is_zero()), "{again:?}");
    }

    #[test]
    fn only_once_a_second_an_fsync_is_to_blame() {
        for policy in [Fsync::Always, Fsync::No] {
            let mut aof = Aof::default();
            aof.delays.add(true, ms(20));
            let taken = aof.take_delays(policy, false);
            assert_eq!(taken[1].1, Duration::ZERO);
            assert_eq!(taken[2], ("aof-write-alone", ms(20)));
        }
    }
}
