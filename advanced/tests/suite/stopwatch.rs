//! Time that does not pass while the machine stands still.
//!
//! A virtual machine can stop for seconds, with all that runs on it. A test that looks at the
//! clock before and after then finds that the server was slow. So a thread looks at the clock all
//! the time, and time in which it could not look does not count.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, Once};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

/// How often the thread looks.
const LOOK: Duration = Duration::from_millis(10);

/// How long it must be unable to look for the machine to have stood still. On a busy machine it
/// is late by less.
const STILL: Duration = Duration::from_millis(150);

/// How often a test is begun anew because the machine stood still.
const TIMES: usize = 10;

/// What the thread has seen.
static SEEN: Mutex<Seen> = Mutex::new(Seen {
    last: None,
    stops: Vec::new(),
});

struct Seen {
    /// When it looked last.
    last: Option<Instant>,
    /// Until when the machine stood still, and for how long.
    stops: Vec<(Instant, Duration)>,
}

impl Seen {
    fn look(&mut self) {
        let now = Instant::now();
        let last = self.last.replace(now).unwrap_or(now);
        if now - last > STILL {
            self.stops.push((now, now - last));
        }
    }
}

/// Measures time as [`Instant`] does, without the time for which the machine stood still.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    pub fn start() -> Self {
        static THREAD: Once = Once::new();
        THREAD.call_once(|| {
            SEEN.lock().expect("what was seen").look();
            spawn(|| {
                loop {
                    sleep(LOOK);
                    SEEN.lock().expect("what was seen").look();
                }
            });
        });
        Self(Instant::now())
    }

    pub fn elapsed(self) -> Duration {
        let elapsed = self.0.elapsed();
        elapsed.saturating_sub(self.stood_still())
    }

    /// For how long the machine stood still since the start.
    pub fn stood_still(self) -> Duration {
        let mut seen = SEEN.lock().expect("what was seen");
        seen.look();
        let since = seen.stops.iter().rev().take_while(|(end, _)| *end > self.0);
        since.map(|(end, time)| (*time).min(*end - self.0)).sum()
    }
}

/// Runs a test of what the server does by its own clock, which goes on while the machine stands
/// still. A failure says nothing if the machine stood still meanwhile; then the test begins anew.
pub fn undisturbed(test: impl Fn()) {
    for time in 1.. {
        let watch = Stopwatch::start();
        let Err(failure) = catch_unwind(AssertUnwindSafe(&test)) else {
            return;
        };
        let still = watch.stood_still();
        if still.is_zero() || time == TIMES {
            resume_unwind(failure);
        }
        eprintln!("the machine stood still for {still:?}; the test begins anew");
    }
}
