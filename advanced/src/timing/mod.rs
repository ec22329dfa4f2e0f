//! How long commands take: counts and times for INFO, the slow log, and the latency monitor
//! (`call` in Redis's `server.c`, `slowlog.c`, `latency.c`).
//!
//! Redis reads the clock before and after every command. Two reads are nothing beside a system call,
//! but this server executes a pipeline at a tenth of Redis's cost, and there they would be a tenth of
//! a GET. So the clock is read where a measurement *ends*, and the next one begins with that reading;
//! the first of a batch begins with the one that was read with the lock. And commands that hardly
//! ever take long share a reading: a **run** is at most [`MAX_RUN`] calls of the same brief command,
//! one after the other in one batch. It is measured as a whole, and each of its calls counts with its
//! share. So a pipeline of GETs pays for one reading in 64, and a GET that comes alone for one.
//!
//! What is lost: in a run, all calls seem to have taken equally long, and if the whole run was slow,
//! the slow log has one entry for it, which says so instead of giving arguments. What is not brief is
//! always measured alone, and everything is while `slowlog-log-slower-than` is below
//! [`PRECISE_BELOW`], because then a few brief commands together could seem slow.

pub mod histogram;
pub mod latency;
pub mod slowlog;

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use self::histogram::Histogram;
use self::latency::Latency;
use self::slowlog::SlowLog;
use crate::resp::Batch;

/// The most calls of a run.
const MAX_RUN: u32 = 64;

/// Below so many microseconds, `slowlog-log-slower-than` asks for every command by itself.
const PRECISE_BELOW: i64 = 1000;

/// The most kinds of errors that are counted. Redis keeps all, and a client can make them up.
const MAX_ERRORS: usize = 128;

/// What is measured.
#[derive(Debug)]
pub struct Timing {
    /// The next command of the batch is the same: they may be measured together.
    pub continues: bool,
    /// Brief commands may be measured together.
    pub joins: bool,
    pub tracks: bool,
    pub slowlog: SlowLog,
    pub latency: Latency,
    pub errors: BTreeMap<String, u64>,
    pub error_replies: u64,
    /// When the run began, and how many calls it has had; 0 is no run.
    began: Instant,
    calls: u32,
    /// From so many nanoseconds on, a command is slow.
    slow_from: u64,
    /// The last reading of the clock.
    read: Instant,
    /// The last command was called and has failed.
    has_failed: bool,
    commands: Vec<Calls>,
    /// Where in `commands` a command is, by its address in the table.
    places: HashMap<usize, usize, ahash::RandomState>,
    /// The last that was looked up: most are asked for again.
    last: (usize, usize),
}

/// The calls of one command.
#[derive(Debug, Clone, Default)]
pub struct Calls {
    pub name: &'static str,
    pub calls: u64,
    /// What they took together, in nanoseconds.
    pub nanos: u64,
    /// It was not called, because the server could not, or the arguments were too few.
    pub rejected: u64,
    /// It was called and replied with an error.
    pub failed: u64,
    pub histogram: Histogram,
}

/// A command as it is counted.
#[derive(Debug, Clone, Copy)]
pub struct Called {
    /// Where it is in the table.
    pub address: usize,
    pub name: &'static str,
    /// It hardly ever takes long.
    pub is_brief: bool,
}

/// A measurement that has ended.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    pub time: Duration,
    /// Of so many calls together.
    pub calls: u32,
    /// It is one for the slow log.
    pub is_slow: bool,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            continues: false,
            joins: true,
            tracks: true,
            slowlog: SlowLog::default(),
            latency: Latency::default(),
            errors: BTreeMap::default(),
            error_replies: 0,
            began: Instant::now(),
            calls: 0,
            slow_from: u64::MAX,
            read: Instant::now(),
            has_failed: false,
            commands: Vec::new(),
            places: HashMap::default(),
            last: (0, 0),
        }
    }
}

impl Timing {
    /// The parameters have changed.
    pub fn configure(&mut self, slower_than: i64, tracks: bool) {
        self.joins = !(0..PRECISE_BELOW).contains(&slower_than);
        let micros = u64::try_from(slower_than).unwrap_or(u64::MAX);
        self.slow_from = micros.saturating_mul(1000);
        self.tracks = tracks;
    }

    /// The next command of the batch is about to be called. `locked` is when the batch began.
    pub fn begin(&mut self, batch: &Batch, input: &[u8], locked: Instant) {
        self.continues = self.joins && batch.repeats(input);
        // A run that began in an earlier batch was not ended by its last command: that was refused.
        if self.calls == 0 || self.began < locked {
            self.began = self.read.max(locked);
        }
    }

    /// The command has been called. `None` if the run goes on, or if nobody has to know.
    pub fn end(&mut self, command: Called, has_failed: bool) -> Option<Measured> {
        self.calls += 1;
        if has_failed {
            self.has_failed = true;
            self.calls_of(command).failed += 1;
        }
        if self.continues && self.calls < MAX_RUN && command.is_brief {
            return None;
        }
        self.read = Instant::now();
        let time = self.read - self.began;
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let (calls, tracks) = (std::mem::take(&mut self.calls), self.tracks);
        let counted = self.calls_of(command);
        counted.calls += u64::from(calls);
        counted.nanos += nanos;
        if tracks {
            let each = if calls == 1 {
                nanos
            } else {
                nanos / u64::from(calls)
            };
            counted.histogram.add(each, calls.into());
        }
        let is_slow = nanos >= self.slow_from;
        let measured = Measured {
            time,
            calls,
            is_slow,
        };
        (is_slow || self.latency.threshold > 0).then_some(measured)
    }

    /// A command got an error as its reply, be it that it was called or not.
    pub fn count_error(&mut self, text: &[u8], command: Option<Called>) {
        // The command was called, and what it replied was this error.
        let has_failed = std::mem::take(&mut self.has_failed);
        if let Some(command) = command.filter(|_| !has_failed) {
            self.calls_of(command).rejected += 1;
        }
        self.error_replies += 1;
        let code = text.split(|byte| *byte == b' ').next().unwrap_or_default();
        let code = String::from_utf8_lossy(code);
        if self.errors.len() < MAX_ERRORS || self.errors.contains_key(&*code) {
            *self.errors.entry(code.into_owned()).or_default() += 1;
        }
    }

    fn calls_of(&mut self, command: Called) -> &mut Calls {
        if self.last.0 != command.address {
            let next = self.commands.len();
            let place = *self.places.entry(command.address).or_insert(next);
            if place == next {
                self.commands.push(Calls {
                    name: command.name,
                    ..Calls::default()
                });
            }
            self.last = (command.address, place);
        }
        &mut self.commands[self.last.1]
    }

    /// All commands that were called or rejected, by name.
    pub fn commands(&self) -> Vec<&Calls> {
        let mut commands: Vec<&Calls> = self.commands.iter().collect();
        commands.sort_by_key(|it| it.name);
        commands
    }

    /// Forgets counts and times (CONFIG RESETSTAT).
    pub fn reset(&mut self) {
        self.commands.clear();
        self.places.clear();
        self.last = (0, 0);
        self.errors.clear();
        self.error_replies = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: Called = Called {
        address: 1,
        name: "get",
        is_brief: true,
    };
    const KEYS: Called = Called {
        address: 2,
        name: "keys",
        is_brief: false,
    };

    #[test]
    fn a_run_is_measured_as_a_whole() {
        let mut timing = Timing::default();
        timing.configure(0, true);
        let now = Instant::now();
        let begin = |timing: &mut Timing, continues| {
            timing.begin(&Batch::default(), b"", now);
            timing.continues = continues;
        };
        for _ in 1..MAX_RUN {
            begin(&mut timing, true);
            assert!(timing.end(GET, false).is_none());
        }
        begin(&mut timing, true);
        assert_eq!(timing.end(GET, false).map(|it| it.calls), Some(MAX_RUN));
        begin(&mut timing, false);
        assert_eq!(timing.end(KEYS, true).map(|it| it.calls), Some(1));
        let counts = timing.commands();
        let counts: Vec<_> = counts
            .iter()
            .map(|it| (it.name, it.calls, it.failed))
            .collect();
        assert_eq!(counts, [("get", 64, 0), ("keys", 1, 1)]);
    }

    #[test]
    fn errors_are_counted_by_their_code() {
        let mut timing = Timing::default();
        timing.count_error(b"ERR no", Some(GET));
        timing.has_failed = true;
        timing.count_error(b"WRONGTYPE no", Some(GET));
        for number in 0..2 * MAX_ERRORS {
            timing.count_error(format!("E{number}").as_bytes(), None);
        }
        assert_eq!(timing.commands()[0].rejected, 1);
        assert_eq!(timing.errors["ERR"], 1);
        assert_eq!(timing.errors.len(), MAX_ERRORS);
    }
}
