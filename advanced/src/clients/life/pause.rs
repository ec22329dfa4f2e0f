//! CLIENT PAUSE: until when which commands wait (`pauseClients` in Redis's `networking.c`).
//!
//! A shutdown makes writes wait, too, for a reason of its own. So a pause is kept apart from it, and
//! `State::settle_hold` derives from both what waits.

use std::time::{Duration, Instant};

use crate::lifecycle::Hold;

/// The longest pause. Redis counts milliseconds up to the year 292,000,000.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// The pause that clients have asked for, if there is one.
#[derive(Debug, Default)]
pub struct Pause(Option<(Hold, Instant)>);

impl Pause {
    /// Begins a pause at `now`. If there is one already, the stricter of the two counts, and the
    /// later end.
    pub fn begin(&mut self, hold: Hold, length: Duration, now: Instant) {
        let end = now.checked_add(length.min(LONGEST)).unwrap_or(now);
        let (old_hold, old_end) = self.0.unwrap_or((hold, end));
        self.0 = Some((hold.max(old_hold), end.max(old_end)));
        if length.is_zero() {
            self.expire(now);
        }
    }

    pub fn end(&mut self) {
        self.0 = None;
    }

    /// Ends a pause that is over at `now`. Returns whether it did.
    pub fn expire(&mut self, now: Instant) -> bool {
        self.0.take_if(|(_, end)| *end <= now).is_some()
    }

    /// Which commands wait.
    pub fn hold(&self) -> Hold {
        self.0.map_or(Hold::Nothing, |(hold, _)| hold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stricter_pause_and_the_later_end_count() {
        let (mut pause, now) = (Pause::default(), Instant::now());
        let seconds = Duration::from_secs;
        pause.begin(Hold::Everything, seconds(1), now);
        pause.begin(Hold::Writes, seconds(9), now);
        assert!(!pause.expire(now + seconds(8)));
        assert_eq!(pause.hold(), Hold::Everything);
        assert!(pause.expire(now + seconds(9)));
        assert_eq!(pause.hold(), Hold::Nothing);
        pause.begin(Hold::Writes, Duration::MAX, now);
        assert_eq!(pause.hold(), Hold::Writes);
        pause.end();
        pause.begin(Hold::Writes, Duration::ZERO, now);
        assert_eq!(pause.hold(), Hold::Nothing);
    }
}
