//! The run: a test, a process; and so many at once that all processors are busy.

use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};

use crate::graders::OTHER_SERVER;
use crate::lesson::attempt::PATIENCE;
use crate::outcome::{self, Outcome, Verdict};
use crate::output::{REMOVED, paint, print};
use crate::programs::Program;
use crate::side_by_side::{at_once, tests_at_once};

/// Where there is no terminal for a bar, how often is said how far it is.
const SAY: Duration = Duration::from_secs(30);

/// For so many seconds a test waits for a reply. Other programs may write so much that the disk takes
/// longer for an fsync than the suites' 20 s.
const LONG_PATIENCE: &str = "60";

/// A test that is to be run.
#[derive(Clone)]
pub struct Test {
    program: Program,
    pub name: String,
    /// What it is told under, like `05-aof-persistence suite`.
    pub label: String,
    /// Nothing may be left out on our own server where everything is installed.
    pub on_own_server: bool,
    environment: Vec<(&'static str, String)>,
}

impl Test {
    pub fn new(program: &Program, name: &str, label: String) -> Self {
        Test {
            program: program.clone(),
            name: name.to_owned(),
            label,
            on_own_server: false,
            environment: Vec::new(),
        }
    }

    /// The same with that environment variable.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.environment.push((name, value.to_owned()));
        self
    }

    fn command(&self) -> Command {
        let mut command = self.program.command();
        command.env_remove(OTHER_SERVER);
        command.env(PATIENCE, LONG_PATIENCE);
        command.envs(self.environment.iter().cloned());
        command
    }
}

/// A test that was run.
pub struct Done<'a> {
    pub test: &'a Test,
    pub outcome: Outcome,
    pub took: Duration,
}

impl Done<'_> {
    /// In CI everything is installed, so what is left out there is a fault as well.
    pub fn failed(&self) -> bool {
        let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
        match self.outcome.verdict {
            Verdict::Passed => false,
            Verdict::LeftOut => in_ci && self.test.on_own_server,
            Verdict::Failed => true,
        }
    }

    /// Its name, what it said, where, and the server's last words.
    pub fn told(&self) -> String {
        let (label, name) = (&self.test.label, &self.test.name);
        let mut text = format!("{} {label}: {name}\n", paint(REMOVED, "✗"));
        for line in self.outcome.text.lines() {
            text.push_str(&format!("    {line}\n"));
        }
        if let Some(place) = &self.outcome.place {
            text.push_str(&format!("    at {place}\n"));
        }
        for line in &self.outcome.server_said {
            text.push_str(&format!("    it said     {line}\n"));
        }
        text
    }
}

/// Runs them all, and tells each failure when it is known.
pub fn all(tests: &[Test]) -> Result<Vec<Done<'_>>> {
    let bar = ProgressBar::new(tests.len() as u64);
    if let Ok(style) = ProgressStyle::with_template("{pos}/{len} {wide_bar} {elapsed}  {msg}") {
        bar.set_style(style);
    }
    let started = Instant::now();
    let (done, said) = (Mutex::new(Vec::new()), Mutex::new(started));
    at_once(tests_at_once(), tests, |test| {
        bar.set_message(test.name.clone());
        let began = Instant::now();
        let outcome = outcome::of(test.command(), &test.name)?;
        let took = began.elapsed();
        let one = Done {
            test,
            outcome,
            took,
        };
        bar.inc(1);
        if one.failed() {
            bar.suspend(|| print(&one.told()))?;
        }
        let mut done = done.lock().expect("no worker panics");
        done.push(one);
        let mut said = said.lock().expect("no worker panics");
        if bar.is_hidden() && said.elapsed() >= SAY {
            *said = Instant::now();
            let (count, all) = (done.len(), tests.len());
            let seconds = started.elapsed().as_secs();
            print(&format!("  {count} of {all} ({seconds} s)\n"))?;
        }
        Ok(())
    })?;
    bar.finish_and_clear();
    Ok(done.into_inner().expect("no worker panics"))
}
