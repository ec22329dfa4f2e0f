//! `cargo xtask mutants`: small changes of a step's code, and whether any test notices.
//!
//! `cargo mutants` knows the changes; all of them would take days, so a sample is drawn. Each is
//! made in a copy of the step, of which only the server and its unit tests are built anew, and
//! the first test that fails ends it. What no test notices is printed as a diff: it needs a test,
//! or a word in CONTRIBUTING.md on why none can tell it from the step.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Deserialize;

use crate::bench::{LONG, Workbench};
use crate::lesson::attempt::Tests;
use crate::outcome::{self, Verdict};
use crate::output::{ADDED, HINT, REMOVED, paint, print};
use crate::processes;
use crate::side_by_side::{at_once, processors};
use crate::steps::{Files, Number, Root, Step, Workshop, read, read_text};
use crate::test::list;

/// The command's options.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The step (default: the newest, which has the code of all).
    step: Option<Number>,
    /// How many changes to try.
    #[arg(long, default_value = "100", value_name = "COUNT")]
    sample: usize,
    /// Which sample: the same number draws the same one.
    #[arg(long, default_value = "1", value_name = "NUMBER")]
    seed: u64,
    /// Only files whose path holds this, like `aof/`.
    #[arg(long, default_value = "", value_name = "PART")]
    only: String,
    #[command(flatten)]
    root: Root,
}

/// The time for one test. A server that a change has made endless is noticed by it.
const LIMIT: Duration = Duration::from_secs(60);

/// The time for listing all changes.
const LIST_LIMIT: Duration = Duration::from_secs(120);

/// The largest file and the most memory, in bytes, that a changed server may have: some of
/// them write without end.
const MOST: [(Resource, u64); 2] = [(Resource::Fsize, 4 << 30), (Resource::As, 16 << 30)];

/// One change, as `cargo mutants --list --json --diff` tells it.
#[derive(Debug, Deserialize)]
struct Mutant {
    /// Path, line, column, and what is changed.
    name: String,
    diff: String,
    /// From the workshop's folder.
    file: String,
}

enum Fate {
    /// By the test of that name.
    Noticed(String),
    Missed,
    /// The compiler refuses it.
    Impossible,
}

/// Runs the command.
pub fn run(args: Args) -> Result<()> {
    let workshop = args.root.open()?;
    let step = match args.step {
        Some(number) => workshop.step(number)?,
        None => list::newest(&workshop)?,
    };
    let mut mutants = all(&workshop, step)?;
    mutants.retain(|mutant| mutant.file.contains(&args.only));
    let of = mutants.len();
    // Drawn by a hash, so that the sample stays much the same when the code changes a little.
    mutants.sort_by_cached_key(|mutant| hash(args.seed, &mutant.diff));
    mutants.truncate(args.sample);
    print(&format!(
        "{} of {of} changes of {}, sample {}\n",
        mutants.len(),
        step.name,
        args.seed
    ))?;
    for (resource, most) in MOST {
        let maximum = getrlimit(resource).maximum;
        let current = Some(maximum.map_or(most, |maximum| most.min(maximum)));
        setrlimit(resource, Rlimit { current, maximum })?;
    }
    let fates = Mutex::new(Vec::new());
    let lanes: Vec<Vec<&Mutant>> = (0..processors())
        .map(|lane| mutants.iter().skip(lane).step_by(processors()).collect())
        .collect();
    at_once(processors(), &lanes, |lane| {
        try_all(&workshop, step, lane, &fates)
    })?;
    crate::alone::clean(&workshop, &[step])?;
    summary(&fates.into_inner().expect("no worker panics"))
}

/// All changes that there are.
fn all(workshop: &Workshop, step: &Step) -> Result<Vec<Mutant>> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(&workshop.root);
    cargo.args(["mutants", "--list", "--json", "--diff", "--dir"]);
    let ended = processes::run(cargo.arg(&step.name), LIST_LIMIT)?;
    if ended.success != Some(true) {
        bail!(
            "cargo mutants does not list what it can change; is it here? cargo install --locked \
             cargo-mutants\n{}",
            ended.output.trim_end()
        );
    }
    let from = ended.output.find('[').unwrap_or_default();
    let mut mutants = serde_json::Deserializer::from_str(&ended.output[from..]).into_iter();
    let mutants: Option<Result<Vec<Mutant>, _>> = mutants.next();
    Ok(mutants.context("cargo mutants says nothing")??)
}

/// FNV-1a, which is the same on every machine.
fn hash(seed: u64, text: &str) -> u64 {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let seeded = seed
        .to_le_bytes()
        .into_iter()
        .fold(0xcbf2_9ce4_8422_2325, mix);
    text.bytes().fold(seeded, mix)
}

fn try_all(
    workshop: &Workshop,
    step: &Step,
    mutants: &[&Mutant],
    fates: &Mutex<Vec<(String, Fate)>>,
) -> Result<()> {
    let mut bench = Workbench::new(workshop, step)?;
    if let Some(log) = bench.build()? {
        bail!("{} does not build:\n{log}", step.name);
    }
    for mutant in mutants {
        let began = Instant::now();
        let fate = fate(step, mutant, &mut bench)?;
        let (mark, told) = match &fate {
            Fate::Noticed(test) => (paint(ADDED, "noticed"), format!("by {test}")),
            Fate::Missed => (paint(REMOVED, "missed"), format!("\n{}", mutant.diff)),
            Fate::Impossible => (paint(HINT, "impossible"), "does not compile".to_owned()),
        };
        let seconds = began.elapsed().as_secs();
        print(&format!("{mark} {} {told} ({seconds} s)\n", mutant.name))?;
        let mut fates = fates.lock().expect("no worker panics");
        fates.push((mutant.file.clone(), fate));
    }
    Ok(())
}

fn fate(step: &Step, mutant: &Mutant, bench: &mut Workbench) -> Result<Fate> {
    let inside = PathBuf::from(&mutant.file);
    let inside = inside.strip_prefix(&step.name).unwrap_or(&inside);
    let text = changed(&read_text(&step.dir.join(inside))?, &mutant.diff)
        .with_context(|| format!("{} does not apply", mutant.name))?;
    bench.alone.reset()?;
    bench
        .alone
        .put(&files(step, inside.to_string_lossy().as_ref(), text)?)?;
    if bench.rebuild()?.is_some() {
        return Ok(Fate::Impossible);
    }
    noticed(inside.to_string_lossy().as_ref(), bench)
}

/// What is changed, in a library that may leave something unused: that is not what is asked.
fn files(step: &Step, path: &str, text: String) -> Result<Files> {
    let top = "src/lib.rs";
    let mut files = Files::from([(path.to_owned(), text.into_bytes())]);
    if !files.contains_key(top) {
        files.insert(top.to_owned(), read(&step.dir.join(top))?);
    }
    files
        .entry(top.to_owned())
        .or_default()
        .splice(0..0, *b"#![allow(warnings)]\n");
    Ok(files)
}

/// The text with the lines of a diff's one hunk changed.
fn changed(text: &str, diff: &str) -> Option<String> {
    let (head, hunk) = diff.split_once("@@\n")?;
    let line: usize = head.split_once("@@ -")?.1.split(',').next()?.parse().ok()?;
    let from: usize = text
        .split_inclusive('\n')
        .take(line - 1)
        .map(str::len)
        .sum();
    let side = |other: char| -> String {
        let lines = hunk.split_inclusive('\n');
        let lines = lines.filter(|line| !line.starts_with([other, '\\']));
        lines.map(|line| &line[1..]).collect()
    };
    let (old, new) = (side('+'), side('-'));
    let rest = text[from..].strip_prefix(&old)?;
    Some([&text[..from], &new, rest].concat())
}

/// The first test that fails. Those come first that speak of the same thing by their names.
fn noticed(path: &str, bench: &Workbench) -> Result<Fate> {
    let tests = Tests::of(bench.programs())?;
    let mut names: Vec<_> = tests
        .names()
        .filter(|it| !it.starts_with("exercise_"))
        .collect();
    let words: Vec<_> = path
        .split(['/', '.', '_'])
        .filter(|word| word.len() > 2)
        .collect();
    names.sort_by_key(|name| {
        let is_unit = name.contains("tests::");
        let is_long = LONG.iter().any(|part| name.contains(part));
        let is_near = words.iter().any(|word| name.contains(word));
        (!is_unit, !is_near, is_long)
    });
    let first = Mutex::new(None);
    let ended = at_once(3, &names, |name| {
        let mut command = tests.command(name)?;
        command.env("WORKSHOP_PATIENCE", "10");
        if outcome::within(LIMIT, command, name)?.verdict == Verdict::Failed {
            *first.lock().expect("no worker panics") = Some((*name).to_owned());
            bail!("noticed");
        }
        Ok(())
    });
    match (first.into_inner().expect("no worker panics"), ended) {
        (Some(name), _) => Ok(Fate::Noticed(name)),
        (None, ended) => ended.map(|()| Fate::Missed),
    }
}

/// A line for each room, and the score.
fn summary(fates: &[(String, Fate)]) -> Result<()> {
    let mut rooms: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for (file, fate) in fates {
        let inside = file
            .split_once("/src/")
            .map_or(file.as_str(), |(_, inside)| inside);
        let room = inside.split('/').next().unwrap_or(inside);
        let column = match fate {
            Fate::Noticed(_) => 0,
            Fate::Missed => 1,
            Fate::Impossible => 2,
        };
        for room in [room, "together"] {
            rooms.entry(room).or_default()[column] += 1;
        }
    }
    let together = rooms.remove("together");
    let mut table = format!("{:<16} noticed  missed  impossible\n", "");
    for (room, [noticed, missed, impossible]) in
        rooms.into_iter().chain(together.map(|it| ("together", it)))
    {
        table.push_str(&format!(
            "{room:<16} {noticed:>7} {missed:>7} {impossible:>11}\n"
        ));
    }
    print(&table)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIFF: &str = "--- a\n+++ replace\n@@ -2,3 +2,3 @@\n two\n-three\n+drei\n four\n";

    #[test]
    fn a_change_is_made_where_its_diff_says() {
        let text = "one\ntwo\nthree\nfour\nfive\n";
        let new = changed(text, DIFF).expect("it applies");
        assert_eq!(new, "one\ntwo\ndrei\nfour\nfive\n");
    }

    #[test]
    fn a_change_of_another_text_is_refused() {
        assert_eq!(changed("one\ntwo\nthree\n", DIFF), None);
        assert_eq!(changed("two\nthree\nfour\n", DIFF), None);
    }
}
