//! The result for people: a line for each exercise, and then all that helps with
//! the first one that is not done, and nothing of the others.

use super::{Graded, Status};
use crate::output::{ADDED, HEADING, HINT, REMOVED, paint};
use crate::steps::Step;

/// How much of a message is shown. Its beginning tells what was asked.
const LINES: usize = 40;

/// The whole text. `at` is where the step was graded, which may be the learner's folder, and
/// `wanted` the exercise that was asked for, if it was only one.
pub fn told(step: &Step, at: &Step, graded: &[Graded], wanted: Option<u8>) -> String {
    let rows: String = graded.iter().map(row).collect();
    let first = graded.iter().find(|it| it.status != Status::Done);
    let more = match first {
        None => all_done(step, at, graded),
        Some(first) if first.status == Status::DoesNotBuild => does_not_build(at, first),
        Some(first) => not_yet(step, at, first, wanted),
    };
    format!("{}\n{rows}\n{more}", paint(HEADING, &at.name))
}

fn row(graded: &Graded) -> String {
    let style = match graded.status {
        Status::Done => ADDED,
        _ => REMOVED,
    };
    let words = paint(style, &format!("{:14}", graded.status.words()));
    let (passed, all) = counts(graded);
    let counts = match graded.status {
        Status::NotYet if all > 1 => {
            let counts = format!("({passed} of {all} graders pass)");
            format!(" {}", paint(HINT, &counts))
        }
        _ => String::new(),
    };
    let task = &graded.task;
    let row = format!("  {words}  {}. {}{counts}\n", task.number, task.title);
    row + &left(graded)
}

/// The graders that do not pass yet, if others of the exercise do.
fn left(graded: &Graded) -> String {
    if graded.passed.is_empty() {
        return String::new();
    }
    let line = |name: &String| format!("{:21}{}\n", "", paint(HINT, &format!("not {name}")));
    graded.failed.iter().map(line).collect()
}

fn counts(graded: &Graded) -> (usize, usize) {
    let passed = graded.passed.len();
    (passed, passed + graded.failed.len())
}

fn all_done(step: &Step, at: &Step, graded: &[Graded]) -> String {
    let solutions = step.pages.join("solutions").is_dir();
    let compare = match solutions {
        true => format!(
            " Another way to do it, and why, is in {}.",
            step.page("solutions")
        ),
        false => String::new(),
    };
    let done = match graded {
        [one] => format!("Exercise {} is done.", one.task.number),
        all => format!("All {} exercises are done.", all.len()),
    };
    let again = match at.name == step.name {
        true => format!("cargo test -p step{}", step.name),
        false => format!("(cd {} && cargo test)", at.name),
    };
    let next = format!("{again} (what the step did before must still hold)");
    format!("{done}{compare}\n\n  {}\n", line("next", &next))
}

fn does_not_build(step: &Step, first: &Graded) -> String {
    let next = format!(
        "repair that, and check again: make check-{:02}",
        step.number
    );
    format!(
        "{} does not build, so nothing can be graded:\n\n{}\n  {}\n",
        step.name,
        indented(first),
        line("next", &next),
    )
}

fn not_yet(step: &Step, at: &Step, first: &Graded, wanted: Option<u8>) -> String {
    let task = &first.task;
    let number = task.number;
    let title = paint(HEADING, &format!("{number}. {}", task.title));
    let mut text = format!("{title}: not yet\n\n{}\n", indented(first));
    if has_line_by_hand(first) {
        let target = match at.name == step.name {
            true => step.name.clone(),
            false => format!("run-{:02}", step.number),
        };
        let start = format!("in another terminal, for the line by hand: make {target}");
        text.push_str(&format!("  {}\n", line("start", &start)));
    }
    let mut rows = vec![
        ("asked by", asked_by(first)),
        (
            "hints",
            format!("{}:{}, exercise {number}", task.page, task.hints),
        ),
    ];
    // Whoever has just asked for this one knows how.
    if wanted != Some(number) {
        let next = format!("make check-{:02} ARGS=\"--exercise {number}\"", step.number);
        rows.push(("next", next));
    }
    for (label, value) in rows {
        text.push_str(&format!("  {}\n", line(label, &value)));
    }
    text
}

fn has_line_by_hand(graded: &Graded) -> bool {
    let message = graded.message.as_deref().unwrap_or_default();
    message.contains("\n  by hand ")
}

fn asked_by(graded: &Graded) -> String {
    let grader = graded.failed.first().map_or("", String::as_str);
    let place = graded.place.as_ref();
    place.map_or(grader.to_owned(), |place| format!("{grader} ({place})"))
}

fn line(label: &str, value: &str) -> String {
    format!("{} {value}", paint(HINT, &format!("{label:9}")))
}

/// The message, moved to the right, without empty lines, and cut if it is long.
fn indented(graded: &Graded) -> String {
    let message = graded.message.as_deref().unwrap_or_default();
    let lines = message.lines().filter(|line| !line.trim().is_empty());
    let lines: Vec<_> = lines.collect();
    let shown = &lines[..lines.len().min(LINES)];
    let mut text: String = shown.iter().map(|line| indent(line)).collect();
    if shown.len() < lines.len() {
        text.push_str(&indent(&format!(
            "… ({} lines more)",
            lines.len() - shown.len()
        )));
    }
    text
}

fn indent(line: &str) -> String {
    format!("    {line}\n")
}
