//! The exercises as the step's `EXERCISES.md` has them: numbers, titles, and the
//! lines on which the hints begin.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::docs::page::{Heading, Page};
use crate::graders;
use crate::steps::{Step, Workshop};

/// The page.
pub const PAGE: &str = "EXERCISES.md";

/// An exercise.
pub struct Task {
    pub number: u8,
    pub title: String,
    /// The page, like `03-get-set/EXERCISES.md`.
    pub page: String,
    /// The line of its heading.
    pub line: usize,
    /// The line of its first hint, or of its heading if it has none.
    pub hints: usize,
}

/// The exercises of a step, or an error that says what to do for want of them.
pub fn of(workshop: &Workshop, step: &Step) -> Result<Vec<Task>> {
    let is_there = |path: PathBuf| path.is_file();
    let name = &step.name;
    let (page, grader) = (step.pages.join(PAGE), step.dir.join(graders::FILE));
    match (is_there(page), is_there(grader)) {
        (true, true) => {}
        (false, false) => bail!("{name} has no exercises{}", those_with(workshop)),
        (page, _) => {
            let missing = if page { graders::FILE } else { PAGE };
            bail!(
                "{name}/{missing} is missing; get it back as it was: git checkout -- {name}/{missing}"
            );
        }
    }
    let tasks = read(step)?;
    if tasks.is_empty() {
        bail!(
            "{name}/{PAGE} has no exercise, which is a heading like `## 1. Title`; \
             get it back as it was: git checkout -- {name}/{PAGE}"
        );
    }
    Ok(tasks)
}

fn those_with(workshop: &Workshop) -> String {
    let steps = workshop.all();
    let with = steps.filter(|step| step.pages.join(PAGE).is_file());
    let names: Vec<_> = with.map(|step| step.name.as_str()).collect();
    match names.is_empty() {
        true => String::new(),
        false => format!("; steps that have some: {}", names.join(", ")),
    }
}

/// The exercises on the step's page, which is there.
pub fn read(step: &Step) -> Result<Vec<Task>> {
    let name = step.page(PAGE);
    let page = Page::read(step.pages.join(PAGE), name, None)?;
    let headings = page.headings.iter().filter(|heading| heading.level == 2);
    Ok(headings.filter_map(|it| task(&page, it)).collect())
}

/// The exercise under a heading like `2. Title`, if it is one.
fn task(page: &Page, heading: &Heading) -> Option<Task> {
    let (number, title) = heading.text.trim().split_once(". ")?;
    let section = page.section(heading);
    let hints = page.details.iter().find(|line| section.contains(line));
    Some(Task {
        number: number.parse().ok()?,
        title: title.trim().to_owned(),
        page: page.name.clone(),
        line: heading.line,
        hints: hints.copied().unwrap_or(heading.line),
    })
}
