//! What each kind of page must have: the parts of a lesson, the questions at its
//! end, the tasks and their hints.

use super::page::{Heading, Page};
use super::report::{Fault, Report};
use crate::heart::Heart;
use crate::steps::Step;

/// The parts of a lesson, in the order in which it is taught.
const GUIDE_PARTS: [&str; 7] = [
    "You will learn",
    "The idea",
    "How Redis does it",
    BUILD,
    "What can go wrong",
    QUESTIONS,
    "Read on",
];
/// Only where there is a heart to write.
const BUILD: &str = "Build it";
const QUESTIONS: &str = "Check yourself";
const QUESTIONS_ASKED: usize = 5;
const TASKS: usize = 4;
/// In a chapter of the advanced track.
const TASKS_OF_CHAPTER: usize = 2;
const HINTS: usize = 3;

/// Checks what the page's name promises.
pub fn check(page: &Page, report: &mut Report) {
    let faults = &mut report.faults;
    faults.extend(unclosed(page));
    if page.step.is_none() {
        return;
    }
    match page.path.file_name().and_then(|name| name.to_str()) {
        Some("GUIDE.md") => check_guide(page, faults),
        Some("EXERCISES.md") => check_exercises(page, faults),
        _ => {}
    }
}

fn unclosed(page: &Page) -> Option<Fault> {
    let (opened, closed) = (page.details.len(), page.details_closed);
    let what = format!("{opened} <details> but {closed} </details>");
    let line = page.details.last().copied().unwrap_or(1);
    (opened != closed).then(|| {
        Fault::new(
            line,
            what,
            "close each; an open one hides the rest of the page",
        )
    })
}

fn check_guide(page: &Page, faults: &mut Vec<Fault>) {
    let mut last = 0;
    let has_heart = page.step.as_ref().is_some_and(Heart::exists);
    for part in GUIDE_PARTS {
        if part == BUILD && !has_heart {
            continue;
        }
        let Some(heading) = find(page, |text| text == part) else {
            let what = format!("the part \"{part}\" is missing");
            let next = format!(
                "write it under a heading `## {part}`; the order is: {}",
                GUIDE_PARTS.join(", ")
            );
            faults.push(Fault::new(1, what, next));
            continue;
        };
        if heading.line < last {
            let what = format!("the part \"{part}\" is out of order");
            let next = format!("the order is: {}", GUIDE_PARTS.join(", "));
            faults.push(Fault::new(heading.line, what, next));
        }
        last = last.max(heading.line);
        if part == QUESTIONS {
            faults.extend(wrong_number(page, heading, QUESTIONS_ASKED, "answers"));
        }
    }
}

fn check_exercises(page: &Page, faults: &mut Vec<Fault>) {
    let is_chapter = page.step.as_ref().is_some_and(Step::is_chapter);
    let tasks = if is_chapter { TASKS_OF_CHAPTER } else { TASKS };
    for number in 1..=tasks {
        let start = format!("{number}. ");
        match find(page, |text| text.starts_with(&start)) {
            Some(heading) => faults.extend(wrong_number(page, heading, HINTS, "hints")),
            None => {
                let what = format!("task {number} is missing");
                let next =
                    format!("write it under a heading `## {number}. …`; there are {tasks} tasks");
                faults.push(Fault::new(1, what, next));
            }
        }
    }
}

/// A fault if the heading's section has not just so many `<details>`.
fn wrong_number(page: &Page, heading: &Heading, want: usize, of_what: &str) -> Option<Fault> {
    let have = page.details_in(&page.section(heading));
    let what = format!(
        "\"{}\" has {have} {of_what} in <details>, not {want}",
        heading.text
    );
    let next = format!("fold each of the {want} {of_what} in a <details> of its own");
    (have != want).then(|| Fault::new(heading.line, what, next))
}

fn find(page: &Page, wanted: impl Fn(&str) -> bool) -> Option<&Heading> {
    let mut second_level = page.headings.iter().filter(|heading| heading.level == 2);
    second_level.find(|heading| wanted(heading.text.trim()))
}
