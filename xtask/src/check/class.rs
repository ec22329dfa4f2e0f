//! `--all`: the exercises of a whole class, from a folder with a folder for each student.
//!
//! A student's folder is a clone of their `my/`, or of a workshop with `my/` in it. All are
//! built in one target folder, one after the other, so that dependencies are built once. There
//! cargo takes the same step of two students for one package: what it built of the one must go
//! before the other is built, or would be graded in its place. What goes wrong with one student
//! is a line in the result, and the others are graded all the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::{Args, Graded, Status, chosen, grading, json};
use crate::graders::FILE;
use crate::output::print;
use crate::processes;
use crate::steps::{Step, Workshop, read_text};

/// Cargo may have to wait for another cargo first.
const CLEAN: Duration = Duration::from_secs(300);

/// A step of a student.
struct Work {
    step: String,
    /// The student's graders are not the workshop's, so what they say is no proof.
    graders_changed: bool,
    /// The exercises, or why they could not be graded.
    graded: Result<Vec<Graded>, String>,
}

/// Grades everybody below that folder. It fails if there is nobody, not if somebody has not
/// done an exercise: that is a result.
pub fn run(args: &Args, folder: &Path) -> Result<()> {
    let workshop = args.root.open()?;
    let steps: Vec<&Step> = match args.step {
        Some(number) => vec![workshop.step(number)?],
        None => workshop.all().filter(|it| has_graders(it)).collect(),
    };
    let mut class = Vec::new();
    for student in students(folder)? {
        let mut works = Vec::new();
        for step in &steps {
            works.extend(work(args, &workshop, step, &student)?);
        }
        class.push((name(&student), works));
    }
    match args.json {
        true => print(&format!("{:#}\n", document(&class))),
        false => print(&class.iter().map(told).collect::<String>()),
    }
}

fn has_graders(step: &Step) -> bool {
    step.dir.join(FILE).is_file()
}

fn students(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut students = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() && !name(&path).starts_with('.') {
            students.push(fs::canonicalize(path)?);
        }
    }
    if students.is_empty() {
        bail!(
            "{} has no folders; clone each student's my/ into it, under the student's name",
            folder.display()
        );
    }
    students.sort();
    Ok(students)
}

fn name(student: &Path) -> String {
    let name = student.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// What a student has of a step. Who is asked for one step must have it; of all steps, those
/// that were begun are graded.
fn work(args: &Args, workshop: &Workshop, step: &Step, student: &Path) -> Result<Option<Work>> {
    let places = [
        student.join("my").join(&step.name),
        student.join(&step.name),
    ];
    let Some(dir) = places.into_iter().find(|dir| dir.is_dir()) else {
        let missing = || Work {
            step: step.name.clone(),
            graders_changed: false,
            graded: Err("it is not there".to_owned()),
        };
        return Ok(args.step.is_some().then(missing));
    };
    let theirs = Step {
        number: step.number,
        name: format!("{}/{}", name(student), step.name),
        dir,
        pages: step.pages.clone(),
    };
    let tasks = chosen(workshop, step, args.exercise)?;
    let target = workshop.root.join("target/class");
    let graded = forget(step, &theirs, &target)
        .and_then(|()| grading::grade(&theirs, tasks, args.time_limit, Some(&target)));
    Ok(Some(Work {
        step: step.name.clone(),
        graders_changed: read_text(&theirs.dir.join(FILE)).ok()
            != Some(read_text(&step.dir.join(FILE))?),
        graded: graded.map_err(|error| format!("{error:#}")),
    }))
}

/// Removes what was built of the student before.
fn forget(step: &Step, theirs: &Step, target: &Path) -> Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.args(["clean", "--quiet", "--package"]);
    cargo.arg(format!("step{}", step.name));
    cargo.current_dir(&theirs.dir);
    cargo.env("CARGO_TARGET_DIR", target);
    let ended = processes::run(&mut cargo, CLEAN)?;
    if ended.success != Some(true) {
        bail!("{}", ended.output.trim());
    }
    Ok(())
}

fn document(class: &[(String, Vec<Work>)]) -> Value {
    let student = |(student, works): &(String, Vec<Work>)| {
        let steps: Vec<_> = works.iter().map(step).collect();
        json!({ "student": student, "steps": steps })
    };
    json!({ "students": class.iter().map(student).collect::<Vec<_>>() })
}

fn step(work: &Work) -> Value {
    let mut value = match &work.graded {
        Ok(graded) => json::value(&work.step, graded),
        Err(error) => json!({ "step": work.step, "done": false, "error": error }),
    };
    value["graders_changed"] = work.graders_changed.into();
    value
}

/// A line for each step of a student.
fn told((student, works): &(String, Vec<Work>)) -> String {
    if works.is_empty() {
        return format!("{student:20}  no step\n");
    }
    let lines = works.iter().map(|work| {
        let changed = match work.graders_changed {
            true => format!("; {FILE} is not the workshop's"),
            false => String::new(),
        };
        let said = match &work.graded {
            Ok(graded) => summary(graded) + &changed,
            Err(error) => error.clone(),
        };
        format!("{student:20}  {:22}  {said}\n", work.step)
    });
    lines.collect()
}

fn summary(graded: &[Graded]) -> String {
    if graded.iter().any(|it| it.status == Status::DoesNotBuild) {
        return Status::DoesNotBuild.words().to_owned();
    }
    let done = graded.iter().filter(|it| it.status == Status::Done);
    let numbers: Vec<_> = done.map(|it| it.task.number.to_string()).collect();
    let which = match numbers.is_empty() {
        true => String::new(),
        false => format!(" ({})", numbers.join(", ")),
    };
    format!("{} of {} done{which}", numbers.len(), graded.len())
}
