//! From exercises to results: one build, and then one run of the graders for
//! each exercise, so that one that hangs takes no other with it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};
use indicatif::ProgressBar;

use super::source::Source;
use super::tasks::Task;
use super::{Graded, Status, build};
use crate::graders::{FILE, Grade, Names, Verdict, by_cargo, prefix};
use crate::programs;
use crate::steps::Step;

/// How often the line of progress moves, which is there at a terminal only.
const TICK: Duration = Duration::from_millis(100);

/// Grades each of these exercises, within that time for each. It is built in that target
/// folder, or where cargo does it by itself.
pub fn grade(
    step: &Step,
    tasks: Vec<Task>,
    limit: Duration,
    target: Option<&Path>,
) -> Result<Vec<Graded>> {
    let mut build = cargo(step, target);
    build.args(["test", "--no-run", "--quiet", "--test", "exercises"]);
    programs::first_time(step, &build)?;
    let progress = ProgressBar::new_spinner();
    progress.enable_steady_tick(TICK);
    progress.set_message(format!("building {} and its graders", step.name));
    if let Some(error) = build::first_error(build)? {
        let unbuilt = tasks.into_iter().map(|task| unbuilt(task, &error));
        return Ok(unbuilt.collect());
    }
    let grading = Grading {
        step,
        target,
        names: Names::ask(|| Ok(by_cargo(cargo(step, target))))?,
        source: Source::read(step)?,
        limit,
    };
    let graded = tasks.into_iter().map(|task| {
        progress.set_message(format!("exercise {}: {}", task.number, task.title));
        grading.grade(task)
    });
    graded.collect()
}

/// Cargo in the step's folder, where it takes the step for its package.
fn cargo(step: &Step, target: Option<&Path>) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(&step.dir);
    cargo.envs(target.map(|target| ("CARGO_TARGET_DIR", target)));
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

/// What all exercises of a step are graded with.
struct Grading<'a> {
    step: &'a Step,
    target: Option<&'a Path>,
    names: Names,
    source: Source,
    limit: Duration,
}

impl Grading<'_> {
    fn grade(&self, task: Task) -> Result<Graded> {
        let mine = self.of(task.number)?;
        let grade = Grade::of(
            by_cargo(cargo(self.step, self.target)),
            task.number,
            self.limit,
        )?;
        let done = grade.verdict == Verdict::Passed;
        let (passed, mut failed): (Vec<_>, Vec<_>) = mine
            .into_iter()
            .partition(|name| done || passed(&grade, name));
        self.source.sort(&mut failed);
        let first = failed.first().copied();
        Ok(Graded {
            message: self.message(&grade, &failed),
            place: first.and_then(|name| self.source.place(name, failed_at(&grade, name))),
            task,
            status: if done { Status::Done } else { Status::NotYet },
            passed: owned(&passed),
            failed: owned(&failed),
        })
    }

    /// The graders of an exercise; an exercise without one cannot be done.
    fn of(&self, exercise: u8) -> Result<Vec<&str>> {
        let mine = self.names.of(exercise);
        if mine.is_empty() {
            let file = format!("{}/{FILE}", self.step.name);
            let prefix = prefix(exercise);
            bail!(
                "no test in {file} begins with `{prefix}`; get the file back as it was: \
                 git checkout -- {file}"
            );
        }
        Ok(mine)
    }

    /// What is not right yet, in the words of the first grader that fails.
    fn message(&self, grade: &Grade, failed: &[&str]) -> Option<String> {
        let output = grade.output.trim();
        let mut tests = grade.tests.iter();
        match grade.verdict {
            Verdict::Passed => None,
            Verdict::Failed => {
                let first = tests.find(|test| failed.first() == Some(&test.name.as_str()));
                Some(first.map_or(output, |test| &test.said).to_owned())
            }
            Verdict::BrokeOff => Some(format!(
                "the graders broke off before their verdict:\n{output}"
            )),
            Verdict::Hung => Some(self.hung(failed)),
        }
    }

    fn hung(&self, unfinished: &[&str]) -> String {
        format!(
            "no verdict within {} s, so this was stopped: {}\n\
             Does your server answer, and does it go on when a client is slow or silent?\n\
             Put the same to it by hand. --time-limit SECONDS gives the graders more time.",
            self.limit.as_secs_f64(),
            unfinished.join(", "),
        )
    }
}

fn passed(grade: &Grade, name: &str) -> bool {
    let mut tests = grade.tests.iter();
    tests.any(|test| test.name == name && test.passed)
}

fn failed_at<'a>(grade: &'a Grade, name: &str) -> Option<&'a str> {
    let test = grade.tests.iter().find(|test| test.name == name)?;
    test.place.as_deref()
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}
