//! A step's copy, built, with what its tests are run by.
//!
//! The programs of tests know a server by its place and nothing of its inside. So when
//! the step's code changes, they are the same, and only the server is built anew.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::alone::Alone;
use crate::graders::OTHER_SERVER;
use crate::processes::{self, Ended};
use crate::programs::{self, Built, Program};
use crate::side_by_side::tests_at_once_of_each;
use crate::steps::{Step, Workshop};

/// The time for all tests of a step.
const LIMIT: Duration = Duration::from_secs(600);

/// The program with a step's graders, without `.rs`.
const EXERCISES: &str = "exercises";

/// What the names of all graders have in common.
const GRADERS: &str = "exercise_";

/// What takes long in the suites, by parts of the tests' names: what plants faults, what
/// kills servers at random, what fills buffers and what waits for other servers. `make
/// test` does all of that, once for each step.
pub const LONG: [&str; 13] = [
    "_faults::",
    "_crash::",
    "_chaos::",
    "_bounds::",
    "_load::",
    "_slow::",
    "_redis::",
    "sentinel::",
    "ten_thousand_clients",
    "a_client_that_never_reads_costs_a_bounded_amount",
    "a_file_is_of_one_moment",
    "a_server_that_loads_its_data_replies_as_redis",
    "what_stays_is_found_while_others_come_and_go",
];

/// The copy and its programs.
pub struct Workbench {
    pub alone: Alone,
    programs: Vec<Program>,
}

impl Workbench {
    /// Copies the step.
    pub fn new(workshop: &Workshop, step: &Step) -> Result<Self> {
        Ok(Workbench {
            alone: Alone::new(workshop, step)?,
            programs: Vec::new(),
        })
    }

    /// Builds the server and all tests; what the compiler says if it does not, for a
    /// warning counts.
    pub fn build(&mut self) -> Result<Option<String>> {
        let built = self.cargo(&[])?;
        let log = refused(&built);
        self.programs = built.programs;
        Ok(log)
    }

    /// Builds the server and the unit tests anew, after a change below `src`.
    pub fn rebuild(&mut self) -> Result<Option<String>> {
        match self.alone.dir().join("src/lib.rs").exists() {
            true => self.build_some(&["--lib"]),
            false => self.rebuild_server(),
        }
    }

    /// The same without the unit tests: those that are there belong to the code before.
    pub fn rebuild_server(&mut self) -> Result<Option<String>> {
        self.build_some(&[])
    }

    /// The graders are built in any case: without a program that needs what only tests
    /// need, cargo would compile the dependencies with other features.
    fn build_some(&mut self, more: &[&str]) -> Result<Option<String>> {
        let built = self.cargo(&[&["--bins", "--test", EXERCISES], more].concat())?;
        if let Some(log) = refused(&built) {
            return Ok(Some(log));
        }
        // A program has another name if what it is built with is another.
        for new in built.programs {
            let known = |it: &&mut Program| (&it.name, it.is_test) == (&new.name, new.is_test);
            match self.programs.iter_mut().find(known) {
                Some(old) => *old = new,
                None => self.programs.push(new),
            }
        }
        Ok(None)
    }

    /// Runs the unit tests and the suites, but for what takes long; what they print
    /// if they do not pass, and whether they came to an end.
    pub fn test(&self) -> Result<Option<Ended>> {
        for program in self.programs.iter().filter(|it| it.is_test) {
            let mut command = program.command();
            command.env_remove(OTHER_SERVER);
            command.env("WORKSHOP_IN_PART", "1");
            command.env("RUST_TEST_THREADS", tests_at_once_of_each().to_string());
            for part in LONG.iter().chain([&GRADERS]) {
                command.args(["--skip", part]);
            }
            let ended = processes::run(&mut command, LIMIT)?;
            if ended.success != Some(true) {
                return Ok(Some(ended));
            }
        }
        Ok(None)
    }

    /// Everything that was built.
    pub fn programs(&self) -> &[Program] {
        &self.programs
    }

    /// The program of its graders.
    pub fn graders(&self) -> Result<Command> {
        let mut tests = self.programs.iter().filter(|it| it.is_test);
        let program = tests.find(|it| it.name == EXERCISES);
        Ok(program.context("the step has no graders")?.command())
    }

    fn cargo(&self, targets: &[&str]) -> Result<Built> {
        let mut cargo = self.alone.cargo();
        cargo.args(["test", "--no-run", "--quiet"]).args(targets);
        programs::build(&mut cargo)
    }
}

/// What the compiler says of a copy that does not build, or only with a warning.
fn refused(built: &Built) -> Option<String> {
    (!built.success || built.warned).then(|| built.log.clone())
}
