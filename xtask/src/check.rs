//! `cargo xtask check`: is what a learner built right?
//!
//! Grades the exercises of a step in the learner's folder, `my/`, or where the step stands
//! if there is none, in the build folder that `cargo test` uses as well. For the first exercise that is not done it says
//! what was asked, what came back, and where the hints are.

mod build;
mod class;
mod grading;
mod json;
mod report;
mod source;
pub mod tasks;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::lesson::my;
use crate::output::print;
use crate::processes;
use crate::steps::{Number, Root, Step, Workshop};
use tasks::Task;

/// The command's options.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The step, like 05. With --all it may be left out: then it is every step.
    #[arg(required_unless_present = "all")]
    step: Option<Number>,
    /// Grade a class: each folder in DIR is a student's my/, or a workshop with one.
    #[arg(long, value_name = "DIR", conflicts_with = "reference")]
    all: Option<PathBuf>,
    /// Grade only this exercise.
    #[arg(long, value_name = "K")]
    exercise: Option<u8>,
    /// Grade the step itself, instead of yours in my/.
    #[arg(long)]
    reference: bool,
    /// Print one JSON document, for the work of a whole class.
    #[arg(long)]
    json: bool,
    /// The time that the graders of one exercise may take.
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = processes::seconds)]
    time_limit: Duration,
    #[command(flatten)]
    root: Root,
}

/// One exercise, graded.
pub struct Graded {
    pub task: Task,
    pub status: Status,
    /// The graders that passed, by name.
    pub passed: Vec<String>,
    /// Those that did not, in the order of their file.
    pub failed: Vec<String>,
    /// What is not right yet; none if it is done.
    pub message: Option<String>,
    /// Where the first of them asks, like `03-get-set/tests/exercises.rs:12`.
    pub place: Option<String>,
}

/// How far an exercise is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Done,
    NotYet,
    DoesNotBuild,
}

impl Status {
    /// In words, for people and machines alike.
    pub fn words(self) -> &'static str {
        match self {
            Status::Done => "done",
            Status::NotYet => "not yet",
            Status::DoesNotBuild => "does not build",
        }
    }
}

/// Runs the command.
pub fn run(args: Args) -> Result<()> {
    if let Some(folder) = &args.all {
        return class::run(&args, folder);
    }
    let workshop = args.root.open()?;
    let step = workshop.step(args.step.context("which step?")?)?;
    let tasks = chosen(&workshop, step, args.exercise)?;
    // Whoever has begun the step in their own folder solves the exercises there.
    let mine = my::open(&workshop, step).ok().filter(|_| !args.reference);
    let at = mine.as_ref().unwrap_or(step);
    let graded = grading::grade(at, tasks, args.time_limit, None)?;
    match args.json {
        true => print(&format!("{:#}\n", json::value(&step.name, &graded)))?,
        false => print(&report::told(step, at, &graded, args.exercise))?,
    }
    let done = graded.iter().filter(|it| it.status == Status::Done).count();
    if done < graded.len() {
        bail!(
            "exercises of {} done: {done} of {}",
            step.name,
            graded.len()
        );
    }
    Ok(())
}

/// The exercises that were asked for.
fn chosen(workshop: &Workshop, step: &Step, wanted: Option<u8>) -> Result<Vec<Task>> {
    let mut tasks = tasks::of(workshop, step)?;
    let Some(wanted) = wanted else {
        return Ok(tasks);
    };
    let numbers: Vec<_> = tasks.iter().map(|task| task.number.to_string()).collect();
    tasks.retain(|task| task.number == wanted);
    if tasks.is_empty() {
        let all = numbers.join(", ");
        bail!(
            "{} has no exercise {wanted}; choose one of: {all}",
            step.name
        );
    }
    Ok(tasks)
}
