//! The active half of expiry (`activeExpireCycle` in Redis's `expire.c`).
//!
//! The lazy half is in the store: a key that has expired is removed as soon as a
//! command names it. That makes every reply right, but it does not free the memory
//! of a key that no command ever names again. So this task looks ten times a second.
//!
//! It must find the expired keys without looking at all deadlines at once,
//! and it must not keep clients waiting. Both follow from working in samples. A
//! sample looks at some 65,000 deadlines, one after the other as they lie in
//! memory, which takes a tenth of a millisecond. If hardly any had passed,
//! the task goes back to sleep, and the next sample begins where this one ended;
//! at worst one deadline in ten belongs to an expired key. If many had passed, it
//! goes on at once, but for a quarter of the time at most: a millisecond of work,
//! three of rest. A million keys that end in the same second are gone within a
//! few, and no command waits for longer than one slice.
//!
//! What was rejected: looking at all deadlines every time makes all clients wait
//! in proportion to the number of keys. A queue ordered by deadline finds the
//! expired keys at once, but every SET with a time to live pays for keeping the order
//! (the GUIDE has the numbers).

use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::command::{propagate_expired, took};
use crate::state::Shared;
use crate::store::{Expiry, Sample};

/// How often to look, if nothing needs more (`hz` in Redis is 10).
const PERIOD: Duration = Duration::from_millis(100);

/// How many deadlines a sample looks at. The next ones may be quite different:
/// keys that were set together lie together. So there are enough of them to see
/// a million deadlines in two seconds.
const LOOKS: usize = 65_536;

/// How many keys a sample removes at most. That takes less than a millisecond,
/// with the lock held.
const REMOVALS: usize = 1024;

/// The share of a sample, in percent, that may have expired before the task goes on at
/// once (`ACTIVE_EXPIRE_CYCLE_ACCEPTABLE_STALE`).
const ACCEPTABLE: usize = 10;

/// How long to work at most before others have their turn, and for how long they
/// have it: a quarter of the time is ours (`ACTIVE_EXPIRE_CYCLE_SLOW_TIME_PERC`).
const SLICE: Duration = Duration::from_millis(1);
const REST: Duration = Duration::from_millis(3);

/// Removes keys that have expired, for as long as the server runs.
pub async fn run(shared: Shared) {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        shared.lock().store.clock.follow_calendar();
        loop {
            let started = Instant::now();
            let has_more = work(&shared);
            took(&mut shared.lock(), "expire-cycle", started.elapsed());
            match has_more {
                true => sleep(REST).await,
                false => break,
            }
        }
    }
}

/// Works for a slice of time; true if there is more to do.
fn work(shared: &Shared) -> bool {
    let started = Instant::now();
    while started.elapsed() < SLICE {
        // The lock is free between two samples: with several threads, commands
        // need not wait for the whole slice.
        let state = &mut *shared.lock();
        let sample = match state.settle_expiry(false) {
            _ if state.store.is_active_expiry_off || state.is_cron_paused => return false,
            Expiry::Remove => state.store.expire(LOOKS, REMOVALS),
            // For all other keys, the primary sends a DEL.
            Expiry::Hide => state.store.expire_tracked(LOOKS),
            Expiry::Freeze | Expiry::Ignore => return false,
        };
        propagate_expired(state);
        if !is_worth_more(&sample) {
            return false;
        }
    }
    true
}

fn is_worth_more(sample: &Sample) -> bool {
    sample.expired * 100 > sample.looked_at * ACCEPTABLE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn going_on_depends_on_what_was_found() {
        let worth = |looked_at, expired| is_worth_more(&Sample { looked_at, expired });
        assert!(!worth(0, 0));
        assert!(!worth(LOOKS, LOOKS / 10));
        assert!(worth(LOOKS, LOOKS / 10 + 1));
        assert!(worth(1, 1));
    }
}
