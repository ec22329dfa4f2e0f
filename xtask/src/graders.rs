//! The graders: the tests in `tests/exercises.rs` whose names begin with
//! `exercise_K_`. Together they grade exercise K, which is done if all pass.
//!
//! They are `#[ignore]`d, so that a step that nobody has solved yet is green.
//! `solutions` runs them to prove them, `check` to grade a learner's work; what
//! both need is here: the names, the run, and the verdict.

mod libtest;

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::processes::{self, Ended};
pub use libtest::Test;

/// Where they are.
pub const FILE: &str = "tests/exercises.rs";

/// How the suites and the graders are told to start another server than the step's own.
pub const OTHER_SERVER: &str = "WORKSHOP_SERVER";

/// How real Redis is started.
pub const REDIS: &str = "redis-server --save '' --appendonly no";

/// The time for one exercise's graders.
pub const LIMIT: Duration = Duration::from_secs(120);

/// What the names of an exercise's graders begin with.
pub fn prefix(exercise: u8) -> String {
    format!("exercise_{exercise}_")
}

/// The test program of the graders, run by cargo, which builds it if need be.
///
/// The caller's cargo stands in the step's folder, so it takes that package.
pub fn by_cargo(mut cargo: Command) -> Command {
    cargo.args(["test", "--quiet", "--test", "exercises", "--"]);
    cargo
}

/// The program, ready for its options.
fn prepared(mut program: Command) -> Command {
    // The suites' harness would start another server than the step's.
    program.env_remove(OTHER_SERVER);
    // A failure says what was asked; where in the grader's code is noise.
    program.env("RUST_BACKTRACE", "0");
    program
}

/// The names of a step's tests in that file.
pub struct Names {
    pub all: Vec<String>,
    pub ignored: Vec<String>,
}

impl Names {
    /// Asks the test program, which must have been built.
    pub fn ask(program: impl Fn() -> Result<Command>) -> Result<Self> {
        Ok(Names {
            all: list(program()?, &["--list"])?,
            ignored: list(program()?, &["--list", "--ignored"])?,
        })
    }

    /// The graders of one exercise.
    pub fn of(&self, exercise: u8) -> Vec<&str> {
        let prefix = prefix(exercise);
        let names = self.all.iter().map(String::as_str);
        names.filter(|name| name.starts_with(&prefix)).collect()
    }
}

fn list(program: Command, options: &[&str]) -> Result<Vec<String>> {
    let ended = processes::run(prepared(program).args(options), LIMIT)?;
    if ended.success != Some(true) {
        bail!(
            "{FILE} does not say which tests it has:\n{}",
            ended.output.trim_end()
        );
    }
    Ok(libtest::names(&ended.output))
}

/// What came of an exercise's graders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Passed,
    Failed,
    /// The test program ended without a verdict.
    BrokeOff,
    /// It had to be stopped.
    Hung,
}

/// The grading of one exercise.
pub struct Grade {
    pub verdict: Verdict,
    /// The tests that came to an end.
    pub tests: Vec<Test>,
    /// All that was printed.
    pub output: String,
}

impl Grade {
    /// Runs the graders of one exercise, whether ignored or not: who works on an
    /// exercise may well have switched its graders on.
    pub fn of(program: Command, exercise: u8, limit: Duration) -> Result<Self> {
        Self::run(prepared(program), exercise, limit)
    }

    /// The same on real Redis.
    pub fn on_redis(program: Command, exercise: u8) -> Result<Self> {
        let mut program = prepared(program);
        program.env(OTHER_SERVER, REDIS);
        Self::run(program, exercise, LIMIT)
    }

    fn run(mut program: Command, exercise: u8, limit: Duration) -> Result<Self> {
        program.args(["--include-ignored", "--format", "pretty"]);
        let ended = processes::run(program.arg(prefix(exercise)), limit)?;
        Ok(Grade::read(ended, &prefix(exercise)))
    }

    fn read(ended: Ended, prefix: &str) -> Self {
        let mut tests = libtest::tests(&ended.output);
        tests.retain(|test| test.name.starts_with(prefix));
        let verdict = match ended.success {
            // A run of no tests succeeds as well, and proves nothing.
            Some(true) if !tests.is_empty() => Verdict::Passed,
            Some(false) if libtest::failed(&ended.output) => Verdict::Failed,
            Some(_) => Verdict::BrokeOff,
            None => Verdict::Hung,
        };
        Grade {
            verdict,
            tests,
            output: ended.output,
        }
    }
}
