//! `cargo xtask solutions`: an exercise, its grader and its solution belong together.
//!
//! Unsolved must fail and solved must pass, for each exercise, always: a grader
//! that the untouched step satisfies tells a student nothing, and one that the
//! reference solution does not satisfy tells them a lie. One that a plausible wrong solution
//! satisfies tells them nothing either. All of it happens in a copy of the step; the step
//! itself is never touched. So this is also where each step shows that it stands alone, and
//! that the blanks of its heart are found, built once for all three.

mod grader;
mod patch;
mod suites;
mod tally;

use anyhow::Result;

use crate::alone;
use crate::bench::Workbench;
use crate::graders;
use crate::heart::Heart;
use crate::hearts;
use crate::output::print;
use crate::processes::on_path;
use crate::side_by_side::side_by_side;
use crate::standalone;
use crate::steps::{Number, Root, Step, Workshop};
use grader::Graders;
use patch::Patch;
use tally::Tally;

/// How many exercises a step has.
const EXERCISES: u8 = 4;

/// How many a chapter has.
const EXERCISES_OF_CHAPTER: u8 = 2;
/// The checks of one exercise.
const CHECKS: u64 = 9;

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
        None => workshop.all().collect(),
    };
    for step in steps.iter().filter(|step| !has_any(step)) {
        print(&format!("{:02}: no exercises yet\n", step.number))?;
    }
    let with = steps.iter().filter(|step| has_any(step));
    let all: u64 = with.map(|step| u64::from(exercises(step))).sum();
    let tally = Tally::new(all * CHECKS);
    // The newest has most to build and to test.
    let newest_first: Vec<&Step> = steps.into_iter().rev().collect();
    side_by_side(&newest_first, |step| check_step(&workshop, step, &tally))?;
    alone::clean(&workshop, &newest_first)?;
    tally.close()
}

fn exercises(step: &Step) -> u8 {
    match step.is_chapter() {
        true => EXERCISES_OF_CHAPTER,
        false => EXERCISES,
    }
}

fn has_any(step: &Step) -> bool {
    let patches = (1..=exercises(step)).any(|number| Patch::of(step, number).exists());
    patches || step.dir.join(graders::FILE).exists()
}

fn check_step(workshop: &Workshop, step: &Step, tally: &Tally) -> Result<()> {
    let missing = match has_any(step) {
        true => missing(step),
        false => Vec::new(),
    };
    if !missing.is_empty() {
        for fault in missing {
            tally.whole_step(step, fault)?;
        }
        return Ok(());
    }
    tally.working_on(&format!("{:02}: the untouched step", step.number));
    let mut bench = Workbench::new(workshop, step)?;
    // Its tests are run with each solution, and `scripts/test` runs them on the step as it is.
    if !standalone::check(step, &mut bench, !has_any(step))? {
        tally.whole_step(step, Fault::new("it does not stand alone", "see above"))?;
        return Ok(());
    }
    if has_any(step) {
        check_exercises(step, &mut bench, tally)?;
    }
    // At last, for it leaves another server behind.
    if Heart::exists(step) {
        bench.alone.reset()?;
        if let Some(faults) = hearts::check(workshop, step, &mut bench)? {
            let fault = Fault::new("its heart does not hold", "see above").with_log(&faults);
            tally.whole_step(step, fault)?;
        }
    }
    Ok(())
}

fn check_exercises(step: &Step, bench: &mut Workbench, tally: &Tally) -> Result<()> {
    let graders = Graders::list(bench)?;
    for number in 1..=exercises(step) {
        let what = "its grader fails on the untouched step";
        tally.check(step, number, what, || graders.check_unsolved(bench, number))?;
        let what = "real Redis satisfies its grader";
        match has_redis() && step.in_lineage() {
            true => drop(tally.check(step, number, what, || graders.check_redis(bench, number))?),
            false => tally.skip(1),
        }
    }
    let mut solved = Vec::new();
    for number in 1..=exercises(step) {
        let exercise = Exercise {
            step,
            number,
            graders: &graders,
            tally,
        };
        if exercise.check_solution(bench)? {
            solved.push(number);
        }
    }
    suites::check(step, &solved, bench, tally)
}

/// Whether there is real Redis; who says that there is none, like the scripts, is believed.
fn has_redis() -> bool {
    let none = std::env::var("WORKSHOP_REDIS").is_ok_and(|value| value == "none");
    !none && on_path("redis-server").is_some()
}

fn missing(step: &Step) -> Vec<Fault> {
    let of = |number| [Patch::of(step, number), Patch::wrong(step, number)];
    let patches = (1..=exercises(step)).flat_map(of).map(|patch| patch.name);
    let files = std::iter::once(graders::FILE.to_owned()).chain(patches);
    let is_there = |file: &str| step.dir.join(file).is_file() || step.pages.join(file).is_file();
    let missing = files.filter(|file| !is_there(file));
    let next = format!(
        "each step has graders, and a solution and a wrong one for each of its {} exercises",
        exercises(step)
    );
    missing
        .map(|file| Fault::new(format!("{file} is missing"), next.clone()))
        .collect()
}

/// One exercise's solution, and what it is checked with.
struct Exercise<'a> {
    step: &'a Step,
    number: u8,
    graders: &'a Graders,
    tally: &'a Tally,
}

impl Exercise<'_> {
    /// All but that it passes the step's suites; true if that can be asked.
    fn check_solution(&self, bench: &mut Workbench) -> Result<bool> {
        let (graders, number) = (self.graders, self.number);
        let patch = Patch::of(self.step, number);
        bench.alone.reset()?;
        self.check("its solution says why", || patch.check_head())?;
        let applied = self.check("its solution applies", || patch.apply(&bench.alone.dir()))?;
        if !applied {
            self.tally.skip(5);
            return Ok(false);
        }
        let built = self.check("its solution builds without a warning", || {
            Ok(bench.rebuild_server()?.map(does_not_build))
        })?;
        if !built {
            self.tally.skip(4);
            return Ok(false);
        }
        self.check("its solution satisfies its grader", || {
            graders.check_solved(bench, number)
        })?;
        self.check("its solution satisfies no other grader", || {
            let others = (1..=exercises(self.step)).filter(|other| *other != number);
            graders.check_others(bench, others, number)
        })?;
        self.check("its grader notices a wrong solution", || {
            self.is_noticed(bench)
        })?;
        Ok(true)
    }

    fn is_noticed(&self, bench: &mut Workbench) -> Result<Option<Fault>> {
        let wrong = Patch::wrong(self.step, self.number);
        let unfit = match wrong.check_head()? {
            None => wrong.apply(&bench.alone.dir())?,
            unfit => unfit,
        };
        match unfit {
            // Its unit tests are not run.
            None => match bench.rebuild_server()?.map(does_not_build) {
                None => self.graders.check_wrong(bench, self.number),
                unfit => Ok(unfit),
            },
            unfit => Ok(unfit),
        }
    }

    fn check(&self, what: &str, check: impl FnOnce() -> Result<Option<Fault>>) -> Result<bool> {
        self.tally.check(self.step, self.number, what, check)
    }
}

fn does_not_build(log: String) -> Fault {
    let next = "repair what the compiler says; warnings count";
    Fault::new("it does not build", next).with_log(&log)
}
