//! `cargo xtask lineage`: what each step says it changed, and whether the steps agree.
//!
//! Each README has a generated table of what became of every file since the step
//! before. Because a stale table fails, no difference between two steps goes
//! unnoticed. What is generated in a GUIDE is held up to date likewise. The same command holds the steps against one another: no drift
//! (`drift.rs`), one version of each crate (`dependencies.rs`), and no import
//! against the house plan (`imports.rs`, `layers.rs`).

use anyhow::{Context, Result};

use crate::chapters::{rules, table};
use crate::dependencies::disagreements;
use crate::drift::differs_in_form_only;
use crate::generated::{self, Region};
use crate::heart::guide;
use crate::imports::imports;
use crate::layers::{self, Plan};
use crate::output::report;
use crate::pairs::{Pair, Status, compare, module_name};
use crate::steps::{Root, Step, Workshop};

/// The line before the table.
pub const BEGIN: &str = "<!-- lineage:begin -->";
/// The line after the table.
pub const END: &str = "<!-- lineage:end -->";

/// The command's options.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Write what is generated into READMEs and GUIDEs instead of checking it.
    #[arg(long)]
    write: bool,
    #[command(flatten)]
    root: Root,
}

/// Runs the command.
pub fn run(args: Args) -> Result<()> {
    let workshop = args.root.open()?;
    let mut findings = Vec::new();
    for step in workshop.lineage().chain(&workshop.chapters) {
        let before = workshop.before(step);
        let pairs = compare(before, step).with_context(|| format!("comparing {}", step.name))?;
        findings.extend(check_table(before, step, &pairs, args.write)?);
        findings.extend(check_drift(before, step, &pairs)?);
        findings.extend(check_suites(step, &pairs));
        findings.extend(check_layers(step)?);
        findings.extend(guide::check(before, step, &pairs, args.write)?);
    }
    for step in workshop.steps.iter().filter(|it| !it.in_lineage()) {
        let pairs = compare(None, step)?;
        findings.extend(guide::check(None, step, &pairs, args.write)?);
    }
    findings.extend(disagreements(workshop.all())?);
    findings.extend(table::check(&workshop, args.write)?);
    findings.extend(rules::check(&workshop)?);
    report(&findings, &all_well(&workshop))
}

fn all_well(workshop: &Workshop) -> String {
    let count = workshop.lineage().count();
    format!("{count} steps: pages up to date, no drift, one version of each crate, house plan kept")
}

/// Checks or writes the table in a step's README.
fn check_table(
    before: Option<&Step>,
    step: &Step,
    pairs: &[Pair],
    write: bool,
) -> Result<Vec<String>> {
    let path = step.pages.join("README.md");
    let name = step.page("README.md");
    if !path.exists() {
        return Ok(vec![format!(
            "{name} is missing; write it, with {BEGIN} and {END}"
        )]);
    }
    let table = Region {
        what: "the table of changes".to_owned(),
        begin: BEGIN.to_owned(),
        end: END,
        text: table(before, step, pairs),
    };
    generated::renew(&path, &name, &[table], write)
}

fn table(before: Option<&Step>, step: &Step, pairs: &[Pair]) -> String {
    let mut text = format!("\n{}\n\n", caption(before, step));
    text += "| file | since the step before | lines |\n|---|---|---|\n";
    for pair in pairs.iter().filter(|it| it.status() != Status::Same) {
        text += &row(step, pair);
    }
    text += &row_of_same(pairs);
    text
}

fn caption(before: Option<&Step>, step: &Step) -> String {
    match before {
        None => "The first step: every file is new.".to_owned(),
        Some(before) => format!(
            "Compared with [{name}]({up}{name}/README.md); `make diff-{}` shows every line.",
            step.number,
            name = before.name,
            up = match step.is_chapter() && !before.is_chapter() {
                true => "../../../",
                false => "../",
            }
        ),
    }
}

fn row(step: &Step, pair: &Pair) -> String {
    let (path, status) = (&pair.path, pair.status());
    let file = match status {
        Status::Removed => format!("`{path}`"),
        _ => format!("[`{path}`]({})", step.link(path)),
    };
    let word = match status {
        Status::New => "**new**",
        other => other.word(),
    };
    let lines = match pair.line_counts() {
        Some((added, removed)) => format!("+{added} −{removed}"),
        None => "binary".to_owned(),
    };
    format!("| {file} | {word} | {lines} |\n")
}

/// The files that stay as they are, in one row: they matter as a whole.
fn row_of_same(pairs: &[Pair]) -> String {
    let same = pairs.iter().filter(|it| it.status() == Status::Same);
    let paths: Vec<_> = same.map(|it| format!("`{}`", it.path)).collect();
    match paths.len() {
        0 => String::new(),
        _ => format!("| {} | same | |\n", paths.join(" ")),
    }
}

/// Files whose two copies are the same program in two texts.
fn check_drift(before: Option<&Step>, step: &Step, pairs: &[Pair]) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let Some(before) = before else {
        return Ok(findings);
    };
    for pair in pairs.iter().filter(|it| it.status() == Status::Changed) {
        let path = &pair.path;
        let Some((old, new)) = pair.texts() else {
            continue;
        };
        let drifts = differs_in_form_only(path, old, new).with_context(|| {
            format!("{path} of {} or {} does not parse", before.name, step.name)
        })?;
        if drifts {
            findings.push(format!(
                "{0}/{path} differs from {1}/{path} in layout or comments only; make the two files the \
                 same (cargo xtask carry {2:02} takes a change in {1} to the later steps)",
                step.name, before.name, before.number
            ));
        }
    }
    Ok(findings)
}

/// What of a suite may change from step to step: the list of its modules, and what a
/// payload looks like on the wire.
const GROWS: [&str; 2] = ["tests/suite/main.rs", "tests/suite/payload.rs"];

/// Suites that say of a later step another thing than of the step before. A step still
/// does all that the one before it did, and what proves it must not be weakened.
fn check_suites(step: &Step, pairs: &[Pair]) -> Vec<String> {
    let suites = pairs
        .iter()
        .filter(|pair| pair.path.starts_with("tests/suite/"));
    let changed = suites.filter(|pair| {
        let is_kept = matches!(pair.status(), Status::New | Status::Same);
        !is_kept && !GROWS.contains(&pair.path.as_str())
    });
    let told = changed.map(|pair| {
        format!(
            "{0}/{1} is {2} since the step before; a suite stays as it is in all later steps: make \
             the change in the step in which it is new, and run: cargo xtask carry",
            step.name,
            pair.path,
            pair.status().word(),
        )
    });
    told.collect()
}

/// Files without a room, imports that go upwards, and circles inside a room.
fn check_layers(step: &Step) -> Result<Vec<String>> {
    let files = step.files()?;
    let reading = || format!("reading {}/src", step.name);
    let plan = Plan::of(&files).with_context(reading)?;
    let imports = imports(&files).with_context(reading)?;
    let homeless = files
        .keys()
        .filter_map(|path| module_name(path))
        .filter(|module| plan.place(module).is_none())
        .map(|module| {
            format!(
                "{}/src/{module}.rs has no room; declare its room in src/lib.rs, above those that use it",
                step.name
            )
        });
    let upwards = imports
        .iter()
        .filter(|import| plan.allows(import) == Some(false))
        .map(|import| {
            format!(
                "{}/src/{from}.rs uses {written}, but {to} is not below {from}; move what both need to \
                 a lower room (the order is that of src/lib.rs)",
                step.name,
                from = import.from,
                to = import.to,
                written = import.written,
            )
        });
    let circles = layers::circles(&imports).into_iter().map(|circle| {
        format!(
            "{}/src: {} import one another in a circle; move what they share to a file below them",
            step.name,
            circle.join(", ")
        )
    });
    Ok(homeless.chain(upwards).chain(circles).collect())
}
