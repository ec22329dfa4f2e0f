//! `cargo xtask check`: is what a learner built right?
//!
//! Grades the exercises of a step where it stands, in the build folder that
//! `cargo test` uses as well. For the first exercise that is not done it says
//! what was asked, what came back, and where the hints are.

mod build;
mod json;
mod report;
mod tasks;

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};
use indicatif::ProgressBar;

use crate::graders::{self, Grade, Names, Verdict};
use crate::output::print;
use crate::processes;
use crate::steps::{Number, Root, Step, Workshop};
use tasks::Task;

/// How often the line of progress moves.
const TICK: Duration = Duration::from_millis(100);

/// The command's options.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The step, like 05.
    step: Number,
    /// Grade only this exercise.
    #[arg(long, value_name = "K")]
    exercise: Option<u8>,
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
    /// Where the grader failed that says so, like `03-get-set/tests/exercises.rs:12`.
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
    let workshop = args.root.open()?;
    let step = workshop.step(args.step)?;
    let tasks = chosen(&workshop, step, args.exercise)?;
    let graded = grade(step, tasks, args.time_limit)?;
    match args.json {
        true => print(&json::document(step, &graded))?,
        false => print(&report::told(step, &graded))?,
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

fn grade(step: &Step, tasks: Vec<Task>, limit: Duration) -> Result<Vec<Graded>> {
    let progress = ProgressBar::new_spinner();
    progress.enable_steady_tick(TICK);
    progress.set_message(format!("building {} and its graders", step.name));
    if let Some(error) = build::first_error(cargo(step))? {
        return Ok(tasks
            .into_iter()
            .map(|task| unbuilt(task, &error))
            .collect());
    }
    let names = Names::ask(|| cargo(step))?;
    let mut graded = Vec::new();
    for task in tasks {
        progress.set_message(format!("exercise {}: {}", task.number, task.title));
        graded.push(grade_one(step, task, &names, limit)?);
    }
    progress.finish_and_clear();
    Ok(graded)
}

/// Cargo in the step's folder, where it takes the step for its package.
fn cargo(step: &Step) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(&step.dir);
    cargo
}

fn unbuilt(task: Task, error: &str) -> Graded {
    Graded {
        task,
        status: Status::DoesNotBuild,
        passed: Vec::new(),
        failed: Vec::new(),
        message: Some(error.to_owned()),
        place: None,
    }
}

fn grade_one(step: &Step, task: Task, names: &Names, limit: Duration) -> Result<Graded> {
    let mine = names.of(task.number);
    if mine.is_empty() {
        bail!(
            "no test in {0}/{1} begins with `{2}`; get the file back as it was: git checkout -- {0}/{1}",
            step.name,
            graders::FILE,
            graders::prefix(task.number),
        );
    }
    let grade = Grade::of(cargo(step), task.number, limit)?;
    let done = grade.verdict == Verdict::Passed;
    let passes = |name: &str| done || grade.tests.iter().any(|it| it.name == name && it.passed);
    let (passed, failed): (Vec<&str>, Vec<&str>) = mine.iter().partition(|name| passes(name));
    let failed = tasks::in_order(step, failed)?;
    let first = grade
        .tests
        .iter()
        .find(|it| failed.first() == Some(&it.name));
    let message = match grade.verdict {
        Verdict::Passed => None,
        Verdict::Failed => first.map(|test| test.said.clone()),
        Verdict::BrokeOff => Some(broke_off(&grade.output)),
        Verdict::Hung => Some(hung(&failed, limit)),
    };
    let place = first.and_then(|test| test.place.clone());
    Ok(Graded {
        task,
        status: if done { Status::Done } else { Status::NotYet },
        passed: passed.into_iter().map(str::to_owned).collect(),
        failed,
        message,
        place,
    })
}

fn broke_off(output: &str) -> String {
    format!(
        "the graders broke off before their verdict:\n{}",
        output.trim()
    )
}

fn hung(unfinished: &[String], limit: Duration) -> String {
    format!(
        "no verdict within {} s, so this was stopped: {}\n\
         Does your server answer, and does it go on when a client is slow or silent?\n\
         Put the same to it by hand. --time-limit SECONDS gives the graders more time.",
        limit.as_secs_f64(),
        unfinished.join(", "),
    )
}
