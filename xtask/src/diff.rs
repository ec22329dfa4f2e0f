//! `cargo xtask diff`: what a step adds to the step before it.
//!
//! The lesson of a step is its diff, so it comes in the order in which one reads
//! it: new files first and whole, from the lowest layer upwards, then the few
//! lines elsewhere that wire them in. With `--full` it is a complete patch:
//! `git apply` turns the earlier step into the later one.

use std::collections::BTreeSet;

use anyhow::Result;
use similar::{DiffOp, DiffTag};

use crate::chapters::rules::{self, Function};
use crate::heart::Heart;
use crate::lesson::{my, start};
use crate::output::{ADDED, HEADING, HINT, PLACE, REMOVED, paint, print};
use crate::pairs::{Pair, Status, compare, line_diff};
use crate::steps::{Number, Root, Step, Workshop};

/// The command's options.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The step, like 05.
    step: Number,
    /// Only a table: each file, what became of it, how many lines.
    #[arg(long, conflicts_with = "full")]
    stat: bool,
    /// Only the functions of a chapter's runtime path, in their order.
    #[arg(long, conflicts_with_all = ["full", "stat"])]
    path: bool,
    /// Also tests and benches, not just src/ and Cargo.toml.
    #[arg(long)]
    full: bool,
    /// What you have written in my/: against the step with its heart blank, or against the step.
    #[arg(long, value_name = "WHAT", num_args = 0..=1, require_equals = true, default_missing_value = "start")]
    my: Option<Against>,
    #[command(flatten)]
    color: colorchoice_clap::Color,
    #[command(flatten)]
    root: Root,
}

/// What a learner's copy is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Against {
    /// The step as it was at the start, with its heart blank.
    Start,
    /// The step.
    Step,
}

/// Runs the command.
pub fn run(args: Args) -> Result<()> {
    args.color.write_global();
    let workshop = args.root.open()?;
    let step = workshop.step(args.step)?;
    if args.path {
        return print(&runtime_path(&workshop, step)?);
    }
    let (mut text, pairs) = match (args.my, step.in_lineage()) {
        (Some(against), _) => learners(&workshop, step, against)?,
        (None, false) => return print(&beside_the_lineage(step)),
        (None, true) => {
            let before = workshop.before(step);
            (title(&workshop, before, step), compare(before, step)?)
        }
    };
    if args.stat {
        text.push_str(&stat(&pairs));
    } else {
        text.push_str(&patches(&pairs, args.full));
        text.push_str(&summary(&pairs, args.full));
    }
    print(&text)
}

/// What one reads of a chapter: the functions that a command runs through.
fn runtime_path(workshop: &Workshop, step: &Step) -> Result<String> {
    let functions = rules::path_of(workshop, step)?;
    let row = |it: &Function| format!("{:4} lines  {}  {}\n", it.lines, it.place, it.name);
    let rows: String = functions.iter().map(row).collect();
    let all: usize = functions.iter().map(|it| it.lines).sum();
    let folder = step.dir.strip_prefix(&workshop.root).unwrap_or(&step.dir);
    let title = format!("The runtime path of {}, in {}", step.name, folder.display());
    Ok(format!("{}\n{rows}{all:4} lines\n", paint(HEADING, &title)))
}

/// The learner's copy beside the step, or beside what it was at the start.
fn learners(workshop: &Workshop, step: &Step, against: Against) -> Result<(String, Vec<Pair>)> {
    let mine = my::open(workshop, step)?;
    let yours = my::files(&mine)?;
    let (title, mut before, mut after) = match against {
        Against::Start => (
            format!("What is different in {}, since it was blank", mine.name),
            start::begun(workshop, step, &Heart::read(step)?, 1)?,
            yours,
        ),
        Against::Step => (
            format!("{} beside {} (- yours, + the step's)", mine.name, step.name),
            yours,
            my::files(step)?,
        ),
    };
    let paths: BTreeSet<_> = before.keys().chain(after.keys()).cloned().collect();
    let pairs = paths.into_iter().map(|path| Pair {
        before: before.remove(&path),
        after: after.remove(&path),
        path,
    });
    let pairs = pairs.filter(|pair| pair.status() != Status::Same);
    Ok((paint(HEADING, &title) + "\n\n", pairs.collect()))
}

fn beside_the_lineage(step: &Step) -> String {
    format!(
        "{name} measures the other steps; it does not grow out of the one before it, so there is \
         no diff to show. Start at {name}/README.md and read {name}/src from main.rs.\n",
        name = step.name
    )
}

fn title(workshop: &Workshop, before: Option<&Step>, step: &Step) -> String {
    let name = &step.name;
    let Some(before) = before else {
        let first = workshop
            .lineage()
            .next()
            .is_some_and(|it| it.number == Number::Step(1));
        let why = if first {
            "is the first step"
        } else {
            "has no earlier step here"
        };
        return paint(HEADING, &format!("{name} {why}: everything is new")) + "\n\n";
    };
    let mut title = format!("What {name} adds to {}", before.name);
    if let (Number::Step(earlier), Number::Step(number)) = (before.number, step.number)
        && earlier + 1 != number
    {
        let missing = number - 1;
        title += &format!(" (there is no step {missing:02} yet; this is the closest earlier one)");
    }
    paint(HEADING, &title) + "\n\n"
}

fn stat(pairs: &[Pair]) -> String {
    let longest = pairs.iter().map(|it| it.path.len()).max().unwrap_or(0);
    let mut text = String::new();
    for pair in pairs {
        let (added, removed) = counts(pair);
        let word = pair.status().word();
        let row = format!("{:longest$}  {word:7}  {added:>6} {removed:>6}", pair.path);
        text += row.trim_end();
        text.push('\n');
    }
    format!("{text}\n{}\n", paint(HEADING, &totals(pairs)))
}

/// The two counts as shown; empty where nothing changed.
pub fn counts(pair: &Pair) -> (String, String) {
    match (pair.status(), pair.line_counts()) {
        (Status::Same, _) => (String::new(), String::new()),
        (_, None) => ("binary".to_owned(), String::new()),
        (Status::New, Some((added, _))) => (format!("+{added}"), String::new()),
        (Status::Removed, Some((_, removed))) => (String::new(), format!("−{removed}")),
        (_, Some((added, removed))) => (format!("+{added}"), format!("−{removed}")),
    }
}

/// How many files are new, changed and so on, and how many lines.
pub fn totals(pairs: &[Pair]) -> String {
    let files = |status| pairs.iter().filter(|it| it.status() == status).count();
    let lines = pairs.iter().filter_map(Pair::line_counts);
    let (added, removed) = lines.fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
    format!(
        "{} new, {} changed, {} removed, {} same; +{added} −{removed} lines",
        files(Status::New),
        files(Status::Changed),
        files(Status::Removed),
        files(Status::Same),
    )
}

fn patches(pairs: &[Pair], full: bool) -> String {
    let shown = pairs.iter().filter(|it| full || is_program(it));
    shown.map(patch).collect()
}

/// Whether the file is part of what is built, and no test.
pub fn is_program(pair: &Pair) -> bool {
    pair.path.starts_with("src/") || pair.path == "Cargo.toml"
}

/// One file as a patch, under a heading that says what became of it.
fn patch(pair: &Pair) -> String {
    if pair.status() == Status::Same {
        return String::new();
    }
    let (added, removed) = counts(pair);
    let heading = format!("{} {} {added} {removed}", pair.status().word(), pair.path);
    let heading = paint(HEADING, heading.trim_end());
    let Some((before, after)) = pair.texts() else {
        return format!("{heading}\n\n");
    };
    let (from, to) = (side("a", pair, &pair.before), side("b", pair, &pair.after));
    let (from, to) = (format!("--- {from}"), format!("+++ {to}"));
    let (from, to) = (paint(HINT, &from), paint(HINT, &to));
    format!("{heading}\n{from}\n{to}\n{}\n", hunks(before, after))
}

fn side(prefix: &str, pair: &Pair, content: &Option<Vec<u8>>) -> String {
    match content {
        Some(_) => format!("{prefix}/{}", pair.path),
        None => "/dev/null".to_owned(),
    }
}

/// What is different, as a patch without its head.
pub fn hunks(before: &str, after: &str) -> String {
    let diff = line_diff(before, after);
    let mut text = String::new();
    for hunk in diff.unified_diff().iter_hunks() {
        let inside = enclosing_item(before, hunk.ops());
        for (at, line) in hunk.to_string().lines().enumerate() {
            text += &match at {
                0 => paint(PLACE, format!("{line} {inside}").trim_end()),
                _ => paint_line(line),
            };
            text.push('\n');
        }
    }
    text
}

fn paint_line(line: &str) -> String {
    match line.as_bytes().first() {
        Some(b'+') => paint(ADDED, line),
        Some(b'-') => paint(REMOVED, line),
        Some(b'\\') => paint(HINT, line),
        _ => line.to_owned(),
    }
}

/// The line that opens the item in which a hunk's first change lies; empty if the
/// hunk shows that line itself.
fn enclosing_item<'text>(text: &'text str, hunk: &[DiffOp]) -> &'text str {
    let shown = hunk.first().map_or(0, |op| op.old_range().start);
    let change = hunk.iter().find(|op| op.tag() != DiffTag::Equal);
    let changed = change.map_or(0, |op| op.old_range().start);
    let above: Vec<&str> = text.lines().take(changed).collect();
    match above.iter().rposition(|line| opens_item(line)) {
        Some(at) if at < shown => above[at].trim(),
        _ => "",
    }
}

fn opens_item(line: &str) -> bool {
    let modifiers = [
        "pub",
        "pub(crate)",
        "pub(super)",
        "async",
        "const",
        "unsafe",
    ];
    let mut words = line.split_whitespace();
    let word = words.find(|word| !modifiers.contains(word));
    let word = word.map(|word| word.split('<').next().unwrap_or(word));
    matches!(
        word,
        Some("fn" | "struct" | "enum" | "trait" | "impl" | "mod")
    )
}

/// What was not shown, and how to see it.
fn summary(pairs: &[Pair], full: bool) -> String {
    let is_hidden = |it: &&Pair| !full && !is_program(it) && it.status() != Status::Same;
    let hidden = pairs.iter().filter(is_hidden).count();
    let mut text = paint(HEADING, &totals(pairs)) + "\n";
    if hidden > 0 {
        let hint = format!("not shown: {hidden} files of tests and benches; --full shows them");
        text += &format!("{}\n", paint(HINT, &hint));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_openers_of_items_count() {
        assert!(!opens_item("    let fn_name = 1;"));
        assert!(!opens_item("const MAX: usize = 1;"));
        assert!(opens_item("const fn max() -> usize {"));
    }
}
