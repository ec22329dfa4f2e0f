//! `cargo xtask tcl`: Redis's own test suite against a chapter.
//!
//! A chapter says in `advanced/chapters.toml` which units of that suite it opens, and how many
//! of their tests pass. Each unit has a server of its own, because it leaves its CONFIG behind.
//! `advanced/tests/tcl.skip` lists the tests that need what a later chapter has. A test that
//! fails, and one that is left out without need, is a finding; so is a number that is too low,
//! because then nobody would see it fall again.

mod skip;
mod unit;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use toml_edit::{DocumentMut, Value};

use crate::chapters::{Chapter, LIST, List, Unit};
use crate::docs::package_name;
use crate::output::{HINT, paint, print, report};
use crate::processes;
use crate::programs;
use crate::side_by_side::side_by_side;
use crate::steps::{Number, Root, Step, Workshop, read_text};
use skip::Skips;
use unit::{Outcome, Suite};

/// What fetches the source.
const SOURCE: &str = "scripts/redis-source";
/// What runs it.
pub const TCLSH: &str = "tclsh";
/// The time for that.
const FETCH: Duration = Duration::from_secs(600);

/// The command's options.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The chapter, like 012 (default: all).
    chapter: Option<Number>,
    /// Only this unit, like unit/type/hash, be it the chapter's or not.
    #[arg(long)]
    unit: Option<String>,
    /// Write the numbers of tests that pass into chapters.toml where they are higher.
    #[arg(long)]
    write: bool,
    #[command(flatten)]
    root: Root,
}

/// Runs the command.
pub fn run(args: Args) -> Result<()> {
    let workshop = args.root.open()?;
    let Some(source) = source(&workshop.root)? else {
        return Ok(());
    };
    let list = List::read(&workshop.root)?;
    let skips = Skips::read(&workshop.root)?;
    print(&format!(
        "{}\n",
        paint(
            HINT,
            "chapter  unit                              passed  skipped  failed  seconds"
        )
    ))?;
    let run = Run {
        workshop: &workshop,
        args: &args,
        list: &list,
        skips: &skips,
        source: &source,
        findings: Mutex::default(),
    };
    let chosen = args.chapter.map(|one| one.to_string());
    let is_chosen = |it: &&Chapter| chosen.as_ref().is_none_or(|one| *one == it.number);
    let chapters: Vec<_> = (0..).zip(list.chapters.iter().filter(is_chosen)).collect();
    side_by_side(&chapters, |(place, chapter)| run.chapter(*place, chapter))?;
    let Run {
        skips, findings, ..
    } = run;
    let mut findings = findings.into_inner().expect("no worker panics");
    findings.extend(skips.stale(&list));
    report(
        &findings,
        "Redis's own suite passes as far as the chapters go",
    )
}

/// What the chapters, which are run side by side, have in common.
struct Run<'a> {
    workshop: &'a Workshop,
    args: &'a Args,
    list: &'a List,
    skips: &'a Skips,
    source: &'a Path,
    findings: Mutex<Vec<String>>,
}

impl Run<'_> {
    /// Runs the units of a chapter, one after the other.
    fn chapter(&self, place: u32, chapter: &Chapter) -> Result<()> {
        let units = match &self.args.unit {
            Some(unit) => vec![Unit::named(unit, chapter)],
            None => chapter.units.clone(),
        };
        if units.is_empty() {
            return Ok(());
        }
        let number = chapter.number.parse().map_err(anyhow::Error::msg)?;
        let server = server(self.workshop.step(number)?)?;
        let folder = self.workshop.root.join("target/tcl").join(&chapter.number);
        let suite = Suite::prepare(self.source, &server, folder, place)?;
        for unit in &units {
            self.unit(&suite, chapter, unit)?;
        }
        Ok(())
    }

    fn unit(&self, suite: &Suite, chapter: &Chapter, unit: &Unit) -> Result<()> {
        let left_out = self.skips.of(&unit.unit, chapter, self.list);
        let began = Instant::now();
        let outcome = suite.run(unit, &left_out)?;
        let mut findings = self.findings.lock().expect("no worker panics");
        print(&row(chapter, unit, &outcome, began.elapsed()))?;
        findings.extend(faults(chapter, unit, &outcome));
        if self.args.write && outcome.passed > unit.passed {
            raise(self.workshop, chapter, unit, outcome.passed)?;
        } else if self.args.unit.is_none() && outcome.passed > unit.passed {
            findings.push(too_low(chapter, unit, &outcome));
        }
        Ok(())
    }
}

/// The folder with Redis's source; none where it cannot be had, which is a failure in CI.
fn source(root: &Path) -> Result<Option<PathBuf>> {
    let missing = match processes::on_path(TCLSH) {
        None => format!("{TCLSH} is missing; install tcl"),
        Some(_) => {
            let ended = processes::run(&mut Command::new(root.join(SOURCE)), FETCH)?;
            let folder = ended.output.lines().last().map(|line| line.trim().into());
            match (ended.success, folder) {
                (Some(true), Some(folder)) => return Ok(Some(folder)),
                _ => ended.output.trim().to_owned(),
            }
        }
    };
    if std::env::var("CI").is_ok_and(|value| value == "true") {
        bail!("CI runs Redis's own suite: {missing}");
    }
    print(&format!(
        "NOTICE: Redis's own suite is not run: {missing}\n"
    ))?;
    Ok(None)
}

/// The chapter's server, built.
fn server(step: &Step) -> Result<PathBuf> {
    let package = package_name(step)?;
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet", "--package", &package]);
    let built = programs::build(cargo.current_dir(&step.dir))?;
    let mut programs = built.programs.into_iter();
    let server = programs.find(|it| it.name == package).map(|it| it.path);
    server.with_context(|| format!("{} does not build:\n{}", step.name, built.log.trim_end()))
}

fn row(chapter: &Chapter, unit: &Unit, outcome: &Outcome, took: Duration) -> String {
    format!(
        "{:7}  {:32}  {:6}  {:7}  {:6}  {:7}\n",
        chapter.number,
        unit.unit,
        outcome.passed,
        outcome.skipped,
        outcome.failed.len(),
        took.as_secs()
    )
}

/// What is wrong with a unit.
fn faults(chapter: &Chapter, unit: &Unit, outcome: &Outcome) -> Vec<String> {
    let place = format!("chapter {}, {}", chapter.number, unit.unit);
    let told = |what| format!("{place}: {what}");
    let mut faults: Vec<_> = outcome.failed.iter().map(told).collect();
    if let Some(first) = faults.first_mut() {
        *first += "\n  repair it; what needs a later chapter is listed in advanced/tests/tcl.skip";
    }
    if outcome.passed < unit.passed {
        faults.push(format!(
            "{place}: {} tests pass, and {LIST} says {}; this number only goes up",
            outcome.passed, unit.passed
        ));
    }
    faults
}

fn too_low(chapter: &Chapter, unit: &Unit, outcome: &Outcome) -> String {
    format!(
        "chapter {}, {}: {} tests pass, and {LIST} says {}; run: cargo xtask tcl {} --write",
        chapter.number, unit.unit, outcome.passed, unit.passed, chapter.number
    )
}

/// Writes a higher number into the list; all else stays as it is.
fn raise(workshop: &Workshop, chapter: &Chapter, unit: &Unit, passed: usize) -> Result<()> {
    let path = workshop.root.join(LIST);
    let mut document: DocumentMut = read_text(&path)?.parse()?;
    // A unit that was asked for by name need not be on the list.
    if let Some(value) = number_of(&mut document, &chapter.number, &unit.unit) {
        let decor = value.decor().clone();
        *value = Value::from(passed as i64);
        *value.decor_mut() = decor;
        std::fs::write(&path, document.to_string())?;
    }
    Ok(())
}

/// Where the list says how many tests of a unit pass.
fn number_of<'a>(list: &'a mut DocumentMut, chapter: &str, unit: &str) -> Option<&'a mut Value> {
    let mut chapters = list
        .get_mut("chapter")?
        .as_array_of_tables_mut()?
        .iter_mut();
    let row = chapters.find(|it| it["number"].as_str() == Some(chapter))?;
    let units = row.get_mut("units")?.as_array_mut()?.iter_mut();
    let mut units = units.filter_map(Value::as_inline_table_mut);
    let row = units.find(|it| it.get("unit").and_then(Value::as_str) == Some(unit))?;
    row.get_mut("passed")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "[[chapter]]\nnumber = \"006\"\nname = \"a\"\ntitle = \"A\"\nminutes = 1\n\
        units = [\n    { unit = \"unit/a\", passed = 3 },\n    { unit = \"unit/b\", passed = 4 }, # why\n]\n";

    fn list() -> List {
        toml::from_str(TEXT).expect("it is valid")
    }

    #[test]
    fn a_failure_and_a_number_that_falls_are_told() {
        let chapter = &list().chapters[0];
        let outcome = Outcome {
            passed: 2,
            skipped: 0,
            failed: vec!["One in tests/unit/a.tcl".to_owned()],
        };
        let faults = faults(chapter, &chapter.units[0], &outcome);
        assert!(faults[0].contains("chapter 006, unit/a: One"), "{faults:?}");
        assert!(faults[0].contains("tcl.skip"), "{faults:?}");
        assert!(
            faults[1].contains("2 tests pass, and advanced/chapters.toml says 3"),
            "{faults:?}"
        );
        assert_eq!(faults.len(), 2);
    }

    #[test]
    fn only_the_number_is_written() {
        let mut document: DocumentMut = TEXT.parse().expect("it is valid");
        *number_of(&mut document, "006", "unit/b").expect("it is there") = Value::from(5);
        let expected = TEXT.replace("passed = 4", "passed = 5");
        assert_eq!(document.to_string(), expected);
        assert!(number_of(&mut document, "006", "unit/c").is_none());
        assert!(number_of(&mut document, "003", "unit/b").is_none());
    }
}
