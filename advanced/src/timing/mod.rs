//! How long commands take: counts and times for INFO, the slow log, and the latency monitor
//! (`call` in Redis's `server.c`, `slowlog.c`, `latency.c`).
//!
//! Redis reads the clock before and after every command. Two reads are nothing beside a system call,
//! but this server executes a pipeline at a tenth of Redis's cost, and there they would be a tenth of
//! a GET. So the clock is read where a measurement *ends*, and the next one begins with that reading;
//! the first of a batch begins with the one that was read with the lock. And commands that hardly
//! ever take long share a reading: a **run** is at most [`MAX_RUN`] calls of the same brief command,
//! one after the other in one batch. It is measured as a whole, and each of its calls counts with its
//! share. So a pipeline of GETs pays for one reading in 64, and a GET that comes alone for one. How
//! long a run is, the batch says when it begins, and the calls between its first and its last only
//! count.
//!
//! What is lost: in a run, all calls seem to have taken equally long, and if the whole run was slow,
//! the slow log has one entry for it, which says so instead of giving arguments. What is not brief is
//! always measured alone, and everything is while `slowlog-log-slower-than` is below
//! [`PRECISE_BELOW`], because then a few brief commands together could seem slow.

pub mod histogram;
pub mod latency;
#[cfg(feature = "blocking")]
mod served;
pub mod slowlog;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use self::histogram::Histogram;
use self::latency::Latency;
use self::slowlog::SlowLog;
use crate::resp::Batch;
use crate::util::monotonic::nanos;

/// The most calls of a run.
const MAX_RUN: usize = 64;

/// Below so many microseconds, `slowlog-log-slower-than` asks for every command by itself.
const PRECISE_BELOW: i64 = 1000;

/// The most kinds of errors that are counted. Redis keeps all, and a client can make them up.
const MAX_ERRORS: usize = 128;

/// What is measured.
#[derive(Debug)]
pub struct Timing {
    /// How many commands the run still has, with the one that is under way, and when its batch began:
    /// a batch may be interrupted.
    left: usize,
    locked: u64,
    /// Brief commands may be measured together.
    pub joins: bool,
    pub tracks: bool,
    pub slowlog: SlowLog,
    pub latency: Latency,
    pub errors: BTreeMap<String, u64>,
    pub error_replies: u64,
    /// When the run began, and how many calls it has had.
    began: u64,
    calls: u64,
    /// From so many nanoseconds on, a command is slow.
    slow_from: u64,
    /// The last reading of the clock.
    read: u64,
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
}

/// A measurement that has ended.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    pub time: Duration,
    /// Of so many calls together.
    pub calls: u64,
    /// It is one for the slow log.
    pub is_slow: bool,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            left: 0,
            locked: 0,
            joins: true,
            tracks: true,
            slowlog: SlowLog::default(),
            latency: Latency::default(),
            errors: BTreeMap::default(),
            error_replies: 0,
            began: 0,
            calls: 0,
            slow_from: u64::MAX,
            read: 0,
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
    #[inline]
    pub fn begin(&mut self, batch: &Batch, input: &[u8], locked: u64) {
        match self.left > 1 && self.locked == locked {
            true => self.left -= 1,
            false => self.begin_run(batch, input, locked),
        }
    }

    fn begin_run(&mut self, batch: &Batch, input: &[u8], locked: u64) {
        self.left = match self.joins && batch.has_more() {
            true => batch.same(input, MAX_RUN),
            false => 1,
        };
        self.locked = locked;
        self.began = self.read.max(locked);
    }

    /// A command has been called, which hardly ever takes long if it `is_brief`. Returns whether the
    /// measurement ends with it; then [`end`](Self::end) must be called.
    #[inline]
    pub fn count(&mut self, is_brief: impl FnOnce() -> bool) -> bool {
        self.calls += 1;
        self.left < 2 || (self.calls == 1 && !is_brief())
    }

    /// The measurement ends, with the command that is under way, and the next one of the run begins.
    /// `None` if nobody has to know what it has taken.
    #[inline]
    pub fn end(&mut self, command: Called) -> Option<Measured> {
        let calls = std::mem::take(&mut self.calls);
        self.read = nanos();
        let nanos = self.read.saturating_sub(self.began);
        self.began = self.read;
        let tracks = self.tracks;
        let counted = self.calls_of(command);
        counted.calls += calls;
        counted.nanos += nanos;
        if tracks {
            let each = if calls == 1 { nanos } else { nanos / calls };
            counted.histogram.add(each, calls);
        }
        let is_slow = nanos >= self.slow_from;
        (is_slow || self.latency.threshold > 0).then(|| Measured {
            time: Duration::from_nanos(nanos),
            calls,
            is_slow,
        })
    }

    /// The command that is under way has failed.
    #[cold]
    pub fn fail(&mut self, command: Called) {
        self.has_failed = true;
        self.calls_of(command).failed += 1;
    }

    /// A command was refused. Has its run had calls, and would it have been the last? Then the
    /// measurement ends with it.
    pub fn is_cut_short(&self) -> bool {
        self.left < 2 && self.calls > 0
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

    #[inline]
    fn calls_of(&mut self, command: Called) -> &mut Calls {
        if self.last.0 != command.address {
            self.last = (command.address, self.place_of(command));
        }
        &mut self.commands[self.last.1]
    }

    fn place_of(&mut self, command: Called) -> usize {
        let next = self.commands.len();
        let place = *self.places.entry(command.address).or_insert(next);
        if place == next {
            self.commands.push(Calls {
                name: command.name,
                ..Calls::default()
            });
        }
        place
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
    use bytes::BytesMut;

    use super::*;

    const GET: Called = Called {
        address: 1,
        name: "get",
    };
    const KEYS: Called = Called {
        address: 2,
        name: "keys",
    };

    /// Puts inline commands into a batch.
    fn batch(text: &str) -> (Batch, BytesMut) {
        let (mut batch, mut input) = (Batch::default(), BytesMut::from(text));
        assert!(batch.fill(&mut input).is_ok());
        (batch, input)
    }

    /// Calls the commands of a batch. Returns of how many calls each measurement was.
    fn run(timing: &mut Timing, text: &str) -> Vec<u64> {
        let (mut batch, input) = batch(text);
        let mut runs = Vec::new();
        loop {
            timing.begin(&batch, &input, 1);
            let Some(args) = batch.take(&input) else {
                return runs;
            };
            let command = if args.is(0, "GET") { GET } else { KEYS };
            if timing.count(|| command.name == "get") {
                runs.extend(timing.end(command).map(|it| it.calls));
            }
        }
    }

    #[test]
    fn a_run_is_measured_as_a_whole() {
        let mut timing = Timing::default();
        timing.configure(PRECISE_BELOW, true);
        timing.slow_from = 0;
        let text = "GET akey\r\n".repeat(3) + &"KEYS *\r\n".repeat(2) + "GET akey\r\n";
        assert_eq!(run(&mut timing, &text), [3, 1, 1, 1]);
        assert_eq!(run(&mut timing, &"GET akey\r\n".repeat(64)), [64]);
        timing.fail(KEYS);
        let counts = timing.commands();
        let counts: Vec<_> = counts
            .iter()
            .map(|it| (it.name, it.calls, it.failed))
            .collect();
        assert_eq!(counts, [("get", 68, 0), ("keys", 2, 1)]);
        // Every command by itself.
        timing.configure(0, true);
        assert_eq!(run(&mut timing, &text), [1; 6]);
    }

    #[test]
    fn names_are_compared_as_numbers() {
        for (text, same) in [
            ("", 1),
            ("GET a\r\n", 1),
            ("GET abcd\r\nGET ab\r\nGET abcd\r\n", 3),
            ("GET abcd\r\nget abcd\r\n", 1),
            ("GETEX abcd\r\nGETEX abcd\r\n", 2),
            ("GET EX abcd\r\nGETEX abcd\r\n", 1),
            ("GETRANGE k 0 1\r\nGETRANGE k 0 1\r\n", 2),
            // Longer than a number, and at the end.
            ("HINCRBYFLOAT a b 1\r\nHINCRBYFLOAT a b 1\r\n", 1),
            ("PING\r\nPING\r\nPING\r\n", 2),
        ] {
            let (batch, input) = batch(text);
            assert_eq!(batch.same(&input, MAX_RUN), same, "{text}");
        }
        let (batch, input) = batch(&"GET akey\r\n".repeat(9));
        assert_eq!(batch.same(&input, 5), 5);
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
