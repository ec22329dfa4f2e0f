//! `cargo xtask solutions`: an exercise, its grader and its solution belong together.
//!
//! Unsolved must fail and solved must pass, for each exercise, always: a grader
//! that the untouched step satisfies tells a student nothing, and one that the
//! reference solution does not satisfy tells them a lie. All of it happens in a
//! copy of the step; the step itself is never touched.

mod grader;
mod patch;
mod tally;

use std::time::Duration;

use anyhow::Result;

use crate::alone::Alone;
use crate::graders;
use crate::output::print;
use crate::processes::{self, Ended};
use crate::side_by_side::side_by_side;
use crate::steps::{Number, Root, Step, Workshop};
use grader::Graders;
use patch::Patch;
use tally::Tally;

/// How many exercises a step has.
const EXERCISES: u8 = 4;
/// The checks of one exercise.
const CHECKS: u64 = 7;
/// The time for a step's suites.
const SUITES_LIMIT: Duration = Duration::from_secs(600);
/// The time for a build from nothing.
const BUILD_LIMIT: Duration = Duration::from_secs(1200);

/// The command's options.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The step, like 05 (default: all).
    step: Option<Number>,
    #[command(flatten)]
    root: Root,
}

/// What went wrong, and what to do next.
pub struct Fault {
    what: String,
    next: String,
    /// What was printed meanwhile.
    log: String,
}

impl Fault {
    fn new(what: impl Into<String>, next: impl Into<String>) -> Self {
        Fault {
            what: what.into(),
            next: next.into(),
            log: String::new(),
        }
    }

    fn with_log(mut self, log: &str) -> Self {
        self.log = log.to_owned();
        self
    }
}

/// Runs the command.
pub fn run(args: Args) -> Result<()> {
    let workshop = args.root.open()?;
    let steps: Vec<&Step> = match args.step {
        Some(number) => vec![workshop.step(number)?],
        None => workshop.steps.iter().collect(),
    };
    let (with, without): (Vec<_>, Vec<_>) = steps.into_iter().partition(|step| has_any(step));
    for step in without {
        print(&format!("{:02}: no exercises yet\n", step.number))?;
    }
    let tally = Tally::new(with.len() as u64 * u64::from(EXERCISES) * CHECKS);
    // The newest has most to build and to test.
    let newest_first: Vec<&Step> = with.into_iter().rev().collect();
    side_by_side(&newest_first, |step| check_step(&workshop, step, &tally))?;
    tally.close()
}

fn has_any(step: &Step) -> bool {
    let patches = (1..=EXERCISES).any(|number| Patch::of(step, number).exists());
    patches || step.dir.join(graders::FILE).exists()
}

fn check_step(workshop: &Workshop, step: &Step, tally: &Tally) -> Result<()> {
    let missing = missing(step);
    if !missing.is_empty() {
        for fault in missing {
            tally.whole_step(step, fault)?;
        }
        return Ok(());
    }
    tally.working_on(&format!("{:02}: building the untouched step", step.number));
    let bench = Workbench {
        alone: Alone::new(workshop, step)?,
    };
    if let Some(fault) = bench.build()? {
        return tally.whole_step(step, fault);
    }
    let graders = Graders::list(&bench)?;
    for number in 1..=EXERCISES {
        tally.check(
            step,
            number,
            "its grader fails on the untouched step",
            || graders.check_unsolved(&bench, number),
        )?;
    }
    for number in 1..=EXERCISES {
        let exercise = Exercise {
            step,
            number,
            bench: &bench,
            graders: &graders,
            tally,
        };
        exercise.check_solution()?;
    }
    Ok(())
}

fn missing(step: &Step) -> Vec<Fault> {
    let patches = (1..=EXERCISES).map(|number| Patch::of(step, number).name());
    let files = std::iter::once(graders::FILE.to_owned()).chain(patches);
    let missing = files.filter(|file| !step.dir.join(file).is_file());
    let next =
        format!("each step has graders, and a solution for each of its {EXERCISES} exercises");
    missing
        .map(|file| Fault::new(format!("{file} is missing"), next.clone()))
        .collect()
}

/// One exercise's solution, and what it is checked with.
struct Exercise<'a> {
    step: &'a Step,
    number: u8,
    bench: &'a Workbench,
    graders: &'a Graders,
    tally: &'a Tally,
}

impl Exercise<'_> {
    fn check_solution(&self) -> Result<()> {
        let (bench, graders, number) = (self.bench, self.graders, self.number);
        let patch = Patch::of(self.step, number);
        bench.alone.reset()?;
        self.check("its solution says why", || patch.check_head())?;
        let applied = self.check("its solution applies", || patch.apply(&bench.alone.dir()))?;
        if !applied {
            return self.skip(4);
        }
        if !self.check("its solution builds without a warning", || bench.build())? {
            return self.skip(3);
        }
        self.check("its solution satisfies its grader", || {
            graders.check_solved(bench, number)
        })?;
        self.check("its solution passes the step's suites", || bench.suites())?;
        self.check("its solution satisfies no other grader", || {
            let others = (1..=EXERCISES).filter(|other| *other != number);
            graders.check_others(bench, others, number)
        })?;
        Ok(())
    }

    fn check(&self, what: &str, check: impl FnOnce() -> Result<Option<Fault>>) -> Result<bool> {
        self.tally.check(self.step, self.number, what, check)
    }

    /// Counts checks that make no sense any more.
    fn skip(&self, checks: u64) -> Result<()> {
        self.tally.skip(checks);
        Ok(())
    }
}

/// The copy of a step in which everything is tried.
pub struct Workbench {
    alone: Alone,
}

impl Workbench {
    /// Builds the step and all of its tests; a warning is a fault.
    fn build(&self) -> Result<Option<Fault>> {
        let ended = self.cargo(&["test", "--no-run"], BUILD_LIMIT)?;
        let next = "repair what the compiler says; warnings count";
        let fault = || Fault::new("it does not build", next).with_log(&ended.output);
        Ok((ended.success != Some(true)).then(fault))
    }

    fn suites(&self) -> Result<Option<Fault>> {
        let mut cargo = self.alone.cargo();
        // `standalone` does all of what takes long, once for each step.
        cargo.arg("test").env("WORKSHOP_IN_PART", "1");
        let mut ended = processes::run(&mut cargo, SUITES_LIMIT)?;
        // On a busy machine a test may fail without a fault.
        if ended.success == Some(false) {
            print("a suite failed and is run once more\n")?;
            ended = processes::run(&mut cargo, SUITES_LIMIT)?;
        }
        let fault = |what: &str| {
            let next = "the step must still do all that it did; repair the solution";
            Some(Fault::new(what, next).with_log(&ended.output))
        };
        Ok(match ended.success {
            Some(true) => None,
            Some(false) => fault("`cargo test` fails"),
            None => fault(&format!(
                "`cargo test` does not end within {} s",
                SUITES_LIMIT.as_secs()
            )),
        })
    }

    fn cargo(&self, arguments: &[&str], limit: Duration) -> Result<Ended> {
        processes::run(self.alone.cargo().args(arguments), limit)
    }
}
