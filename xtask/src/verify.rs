//! `cargo xtask verify`: a step's suites against a server of anybody's, in any
//! language.
//!
//! The suites are the step's own and know of a server only its port. What is
//! added here is for somebody who has not read them: each failure says in words
//! what was asked, what came back, what is likely to be wrong and what to read
//! again. A server that cannot be tested at all is told once, not once per test.

mod command_line;
mod probe;
mod report;
mod suites;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

use crate::outcome::{self, Outcome, Verdict};
use crate::output::print;
use crate::steps::{Number, Root};
use report::Tally;
use suites::{Suite, Suites, Test};

/// So many failures say enough; a server that fails more is at its beginning.
const ENOUGH: usize = 12;

/// The command's options.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The step whose suites are run, like 03.
    step: Number,
    /// The command that starts the server. It gets --port N, from step 05 on also --dir.
    #[arg(long, value_name = "COMMAND")]
    server: String,
    /// Only this suite, like resp.
    #[arg(long, value_name = "NAME")]
    suite: Option<String>,
    /// Only the tests with these words in their name.
    #[arg(long, value_name = "WORDS")]
    test: Option<String>,
    /// Run all tests and show every failure in full, however many fail.
    #[arg(long)]
    all: bool,
    /// How long the server may take for a reply.
    #[arg(long, value_name = "SECONDS", default_value = "10")]
    patience: u64,
    /// The suites' program, where it is built already.
    #[arg(long, value_name = "FILE", hide = true)]
    program: Option<PathBuf>,
    #[command(flatten)]
    root: Root,
}

/// Runs the command.
pub fn run(args: Args) -> Result<()> {
    let here = std::env::current_dir()?;
    let server = command_line::resolve(&args.server, &here)?;
    let workshop = args.root.open()?;
    let step = workshop.step(args.step)?;
    if !step.in_lineage() {
        bail!("{} measures and has no suites to verify", step.name);
    }
    let patience = Duration::from_secs(args.patience);
    let limit = (!args.all).then_some(ENOUGH);
    print(&format!(
        "{}: its suites against {}\n",
        step.name, args.server
    ))?;
    probe::check(&server, step, patience)?;
    let mut suites = Suites::of(step, args.program)?;
    suites.keep(args.suite.as_deref(), args.test.as_deref())?;
    let examiner = Examiner {
        program: &suites.program,
        server: command_line::join(&server)?,
        patience,
        limit,
        bar: bar(suites.count()),
    };
    let tally = examiner.examine(&suites.all)?;
    examiner.bar.finish_and_clear();
    report::close(&tally, limit.is_none())
}

fn bar(tests: usize) -> ProgressBar {
    let bar = ProgressBar::new(tests as u64);
    if let Ok(style) = ProgressStyle::with_template("{pos}/{len} {wide_bar} {elapsed}  {msg}") {
        bar.set_style(style);
    }
    bar
}

/// What all tests are run with.
struct Examiner<'a> {
    program: &'a Path,
    server: String,
    patience: Duration,
    /// After so many failures no other test is begun.
    limit: Option<usize>,
    bar: ProgressBar,
}

impl Examiner<'_> {
    /// Runs the suites one after the other and prints a line for each.
    fn examine<'s>(&self, suites: &'s [Suite]) -> Result<Tally<'s>> {
        let mut tally = Tally::default();
        let width = suites.iter().map(|suite| suite.name.len()).max();
        for suite in suites {
            self.bar.set_message(suite.name.clone());
            let outcomes = self.examine_suite(suite, tally.failures.len())?;
            let line = tally.add(suite, outcomes, width.unwrap_or_default());
            self.bar.suspend(|| print(&line))?;
        }
        Ok(tally)
    }

    /// Runs the tests of a suite, as many at a time as the machine has processors.
    /// `None` is a test that was not begun.
    fn examine_suite(&self, suite: &Suite, failed: usize) -> Result<Vec<Option<Outcome>>> {
        let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(failed));
        let outcomes = Mutex::new(Vec::new());
        let work = || {
            let begin = || {
                let failed = failed.load(Ordering::Relaxed);
                self.limit.is_none_or(|limit| failed < limit)
            };
            while begin() {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(test) = suite.tests.get(at) else {
                    break;
                };
                let outcome = self.examine_test(test);
                if matches!(&outcome, Ok(outcome) if outcome.verdict == Verdict::Failed) {
                    failed.fetch_add(1, Ordering::Relaxed);
                }
                self.bar.inc(1);
                if let Ok(mut outcomes) = outcomes.lock() {
                    outcomes.push((at, outcome));
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
                scope.spawn(work);
            }
        });
        let mut all: Vec<_> = suite.tests.iter().map(|_| None).collect();
        for (at, outcome) in outcomes.into_inner().unwrap_or_default() {
            all[at] = Some(outcome?);
        }
        Ok(all)
    }

    fn examine_test(&self, test: &Test) -> Result<Outcome> {
        let mut program = Command::new(self.program);
        program
            .env("WORKSHOP_SERVER", &self.server)
            .env("WORKSHOP_PATIENCE", self.patience.as_secs().to_string());
        outcome::of(program, &test.path)
    }
}
