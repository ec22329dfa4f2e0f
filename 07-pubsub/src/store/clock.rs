//! Time: a clock that only goes forward, the moments it shows, and how both
//! relate to the calendar.
//!
//! A key with ten seconds to live must live for ten seconds, whatever
//! somebody does to the system's clock meanwhile. So a deadline is a [`Moment`] on
//! the monotonic clock, and only commands that speak of the calendar (EXPIREAT,
//! EXPIRETIME) convert. The two are tied by one number, the calendar time at which
//! our clock stood at zero; as long as it stays the same, what a client sets with
//! PEXPIREAT is to the millisecond what it gets from PEXPIRETIME.
//!
//! Redis keeps calendar times (`db->expires`) and reads the system's clock
//! (`mstime`). There, setting that clock an hour forward ends every key that had
//! less than an hour.

use std::time::{Duration, Instant};

use crate::util::unix_time;

/// How far the system's clock may be from ours before we follow it. If the network corrects the
/// system's clock bit by bit, ours is corrected with it; it is left behind where that clock is set.
const TOLERANCE: Duration = Duration::from_micros(100);

/// A point in time, in milliseconds since the server's clock started. A deadline
/// in the past may be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(i64);

/// The ways in which a command may give a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// From now on, in seconds: EX, EXPIRE.
    Seconds,
    /// From now on, in milliseconds: PX, PEXPIRE.
    Milliseconds,
    /// Since 1970, in seconds: EXAT, EXPIREAT.
    UnixSeconds,
    /// Since 1970, in milliseconds: PXAT, PEXPIREAT.
    UnixMilliseconds,
}

/// The server's clock. It stands still while a batch of commands is executed, so
/// that they all agree on which keys are there.
#[derive(Debug, Clone)]
pub struct Clock {
    started: Instant,
    /// The calendar time of moment 0, in milliseconds since 1970.
    epoch: i64,
    now: Moment,
}

impl Default for Clock {
    fn default() -> Self {
        let mut clock = Self {
            started: Instant::now(),
            epoch: 0,
            now: Moment(0),
        };
        clock.follow_calendar();
        clock
    }
}

impl Clock {
    /// Moves the clock to the present time.
    pub fn tick(&mut self) {
        self.now = Moment(milliseconds(self.started.elapsed()));
    }

    /// Follows the system's clock if that has been set. Deadlines stay where they are; only their
    /// unix times change.
    pub fn follow_calendar(&mut self) {
        let (passed, unix) = loop {
            let (passed, unix) = (self.started.elapsed(), unix_time());
            // If the thread had to wait in between, the two do not belong together.
            if self.started.elapsed() - passed < TOLERANCE {
                break (passed, unix);
            }
        };
        let zero = unix.saturating_sub(passed);
        if zero.abs_diff(Duration::from_millis(self.epoch.unsigned_abs())) > TOLERANCE {
            // Moment 0 is at a whole millisecond of the calendar. Otherwise our clock would lag
            // behind the system's for a part of each, and PTTL would promise a millisecond more
            // than a client asked for with PXAT.
            let part = Duration::from_nanos(u64::from(zero.subsec_nanos() % 1_000_000));
            self.started = self.started.checked_sub(part).unwrap_or(self.started);
            self.epoch = milliseconds(zero);
        }
    }

    pub fn now(&self) -> Moment {
        self.now
    }

    /// Is it later than `moment`? A key lives up to and including the millisecond
    /// of its deadline, as in Redis.
    pub fn is_past(&self, moment: Moment) -> bool {
        self.now > moment
    }

    /// The moment that is `amount` of `unit` away; `None` if Redis could not count
    /// that far.
    pub fn moment(&self, amount: i64, unit: Unit) -> Option<Moment> {
        let milliseconds = match unit {
            Unit::Seconds | Unit::UnixSeconds => amount.checked_mul(1000)?,
            Unit::Milliseconds | Unit::UnixMilliseconds => amount,
        };
        let unix = match unit {
            Unit::Seconds | Unit::Milliseconds => milliseconds.checked_add(self.unix(self.now))?,
            Unit::UnixSeconds | Unit::UnixMilliseconds => milliseconds,
        };
        Some(Moment(unix.saturating_sub(self.epoch)))
    }

    /// `moment` on the calendar, in milliseconds since 1970.
    pub fn unix(&self, moment: Moment) -> i64 {
        moment.0.saturating_add(self.epoch)
    }

    /// How long it is until `moment`, in milliseconds; 0 if it has passed.
    pub fn until(&self, moment: Moment) -> i64 {
        moment.0.saturating_sub(self.now.0).max(0)
    }

    /// Lets time pass, so that no test has to wait for it.
    #[cfg(test)]
    pub fn advance(&mut self, milliseconds: i64) {
        self.now.0 += milliseconds;
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calendar_time_comes_back_to_the_millisecond() {
        let mut clock = Clock::default();
        for unix in [0, -5, 1_700_000_000_123, i64::MAX] {
            let moment = clock.moment(unix, Unit::UnixMilliseconds);
            clock.advance(777);
            assert_eq!(moment.map(|moment| clock.unix(moment)), Some(unix));
        }
    }

    /// `clock` is not behind the system's clock, not even by a part of a millisecond.
    fn shows_the_milliseconds_of_the_system(clock: &mut Clock) {
        let start = milliseconds(unix_time());
        // Not the millisecond in which the clock was made, but one as close to it as can be.
        let before = loop {
            let now = milliseconds(unix_time());
            if now > start {
                break now;
            }
        };
        clock.tick();
        let unix = clock.unix(clock.now());
        assert!(before <= unix, "at {before} it shows {unix}");
    }

    #[test]
    fn the_clock_shows_the_milliseconds_of_the_system() {
        for _ in 0..50 {
            shows_the_milliseconds_of_the_system(&mut Clock::default());
        }
    }

    #[test]
    fn a_clock_that_was_set_is_followed_to_the_millisecond() {
        for milliseconds_ahead in [-3_600_000, -16, -1, 2, 16, 3_600_000] {
            let mut clock = Clock::default();
            // The same as if the system's clock had been set back by as much.
            clock.epoch += milliseconds_ahead;
            clock.follow_calendar();
            shows_the_milliseconds_of_the_system(&mut clock);
            clock.tick();
            let (ours, system) = (clock.unix(clock.now()), milliseconds(unix_time()));
            assert!(ours <= system + 1, "it shows {ours} at {system}");
        }
    }

    #[test]
    fn a_key_lives_up_to_its_deadline_and_not_longer() {
        let mut clock = Clock::default();
        let Some(moment) = clock.moment(2, Unit::Seconds) else {
            panic!("two seconds are not too far");
        };
        clock.advance(2000);
        assert!(!clock.is_past(moment));
        assert_eq!(clock.until(moment), 0);
        clock.advance(1);
        assert!(clock.is_past(moment));
    }

    #[test]
    fn what_64_bits_cannot_count_is_refused() {
        let clock = Clock::default();
        assert_eq!(clock.moment(i64::MAX, Unit::Milliseconds), None);
        assert_eq!(clock.moment(i64::MAX / 1000 + 1, Unit::UnixSeconds), None);
        assert_eq!(clock.moment(i64::MIN, Unit::Seconds), None);
        assert!(clock.moment(i64::MAX, Unit::UnixMilliseconds).is_some());
        assert!(clock.moment(i64::MIN, Unit::UnixMilliseconds).is_some());
    }
}
