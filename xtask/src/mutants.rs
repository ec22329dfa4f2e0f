//! `cargo xtask mutants`: small changes of a step's code, and whether any test notices.
//!
//! There are thousands, so a sample is drawn. All of it is built into one copy of the step, each
//! change with a switch in front of it. First each test runs without a change, and it is noted
//! which it comes across. Then, for each change, the tests that come across it run with it, until
//! one of them fails twice: once may be by chance. What no test notices is printed. It needs a
//! test, or a line in `mutants/equivalent.txt` on why none can notice it.

mod changes;
mod switched;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::bench::Workbench;
use crate::lesson::attempt::{PATIENCE, Tests};
use crate::outcome::{self, Verdict};
use crate::output::{ADDED, HINT, REMOVED, paint, print};
use crate::side_by_side::{at_once, tests_at_once};
use crate::steps::{Files, Number, Root, Step, Workshop, read_text};
use crate::test;
use changes::Change;
use switched::{ON, REACHED, Switched};

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
    /// Only files whose path holds this, like `aof/`. It can be given more than once.
    #[arg(long, value_name = "PART")]
    only: Vec<String>,
    #[command(flatten)]
    root: Root,
}

/// The changes that no test can notice, from the workshop's folder.
const EQUIVALENT: &str = "xtask/src/mutants/equivalent.txt";

/// The time for a test without a change.
const LIMIT: Duration = Duration::from_secs(120);

/// The largest file and the most memory, in bytes, that a changed server may have: some of
/// them write without end.
const MOST: [(Resource, u64); 2] = [(Resource::Fsize, 4 << 30), (Resource::As, 16 << 30)];

/// A test that passes without a change.
struct Test {
    name: String,
    /// How long it took.
    took: Duration,
    /// The numbers of the changes that it comes across.
    reaches: BTreeSet<usize>,
}

enum Fate {
    /// By the test of that name.
    Noticed(String),
    /// So many tests come across it.
    Missed(usize),
    /// It is on the list.
    Equivalent,
    /// The compiler refuses it.
    Impossible,
}

/// Runs the command.
pub fn run(args: Args) -> Result<()> {
    let workshop = args.root.open()?;
    let step = match args.step {
        Some(number) => workshop.step(number)?,
        None => test::list::newest(&workshop)?,
    };
    let is_asked =
        |path: &str| args.only.is_empty() || args.only.iter().any(|it| path.contains(it));
    let mut changes = Vec::new();
    for (path, text) in step.all_files()? {
        let is_tests = path.ends_with("tests.rs") || path.starts_with("src/bin/");
        if path.starts_with("src/") && path != "src/main.rs" && !is_tests && is_asked(&path) {
            changes.extend(changes::of(&path, std::str::from_utf8(&text)?)?);
        }
    }
    let of = changes.len();
    // Drawn by a hash, so that the sample stays much the same when the code changes a little.
    changes.sort_by_cached_key(|it| hash(args.seed, &format!("{}{}{}", it.path, it.text, it.what)));
    changes.truncate(args.sample);
    let (count, name, seed) = (changes.len(), &step.name, args.seed);
    print(&format!(
        "{count} of {of} changes of {name}, sample {seed}\n"
    ))?;
    let equivalent = equivalent(&workshop)?;
    let mut fates: Vec<_> = changes
        .iter()
        .map(|it| equivalent.contains(&row(it)).then_some(Fate::Equivalent))
        .collect();
    for (resource, most) in MOST {
        let maximum = getrlimit(resource).maximum;
        let current = Some(maximum.map_or(most, |maximum| most.min(maximum)));
        setrlimit(resource, Rlimit { current, maximum })?;
    }
    let mut bench = Workbench::new(&workshop, step)?;
    build(&mut bench, step, &changes, &mut fates)?;
    let programs = Tests::of(bench.programs())?;
    let tests = without_change(&programs)?;
    let mut open: Vec<_> = (0..count).filter(|it| fates[*it].is_none()).collect();
    // What few tests come across is done soonest.
    open.sort_by_key(|number| {
        tests
            .iter()
            .filter(|it| it.reaches.contains(number))
            .count()
    });
    let fates = Mutex::new(fates);
    at_once(tests_at_once(), &open, |number| {
        let began = Instant::now();
        let fate = fate(*number, &changes[*number].path, &tests, &programs)?;
        tell(&changes[*number], &fate, began.elapsed())?;
        fates.lock().expect("no worker panics")[*number] = Some(fate);
        Ok(())
    })?;
    crate::alone::clean(&workshop, &[step])?;
    let fates = fates.into_inner().expect("no worker panics");
    summary(changes.iter().zip(fates.into_iter().flatten()))
}

/// What a change has in the list of equivalents: the file, what is changed, and the line.
fn row(change: &Change) -> [String; 3] {
    [&change.path, &change.what, &change.text].map(String::clone)
}

/// The changes after which a server does the same: `file | change | line | why`.
fn equivalent(workshop: &Workshop) -> Result<BTreeSet<[String; 3]>> {
    let text = read_text(&workshop.root.join(EQUIVALENT))?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let rows = lines.map(|line| {
        let columns: Vec<_> = line.split(" | ").collect();
        match columns[..] {
            [path, what, line, _why] => Ok([path, what, line].map(str::to_owned)),
            _ => bail!("{EQUIVALENT}: `{line}` has not four columns"),
        }
    });
    rows.collect()
}

/// FNV-1a, which is the same on every machine.
fn hash(seed: u64, text: &str) -> u64 {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let bytes = seed.to_le_bytes().into_iter().chain(text.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, mix)
}

/// Builds the copy with all changes that have no fate yet, but for those that the compiler refuses.
fn build(
    bench: &mut Workbench,
    step: &Step,
    changes: &[Change],
    fates: &mut [Option<Fate>],
) -> Result<()> {
    let top = "src/lib.rs";
    loop {
        bench.alone.reset()?;
        let mut by_file = BTreeMap::from([(top, Vec::new())]);
        for (number, change) in changes.iter().enumerate() {
            if fates[number].is_none() {
                by_file
                    .entry(&change.path)
                    .or_default()
                    .push((number, change));
            }
        }
        let (mut files, mut all) = (Files::new(), BTreeMap::new());
        for (path, here) in by_file {
            let switched = Switched::new(&read_text(&step.dir.join(path))?, here);
            let text = match path == top {
                // What is unused then is not what is asked.
                true => format!(
                    "#![allow(warnings)]\n{}{}",
                    switched.text,
                    switched::switch(changes.len())
                ),
                false => switched.text.clone(),
            };
            files.insert(path.to_owned(), text.into_bytes());
            all.insert(path, switched);
        }
        bench.alone.put(&files)?;
        let Some(log) = bench.build()? else {
            return Ok(());
        };
        let refused: BTreeSet<_> = errors(&log)
            .filter_map(|(path, line, column)| all.get(path)?.at(line, column))
            .collect();
        if refused.is_empty() {
            bail!("{} with switches does not build:\n{log}", step.name);
        }
        for number in refused {
            fates[number] = Some(Fate::Impossible);
        }
    }
}

/// The places of the errors of which the compiler speaks.
fn errors(log: &str) -> impl Iterator<Item = (&str, usize, usize)> {
    let mut lines = log.lines();
    std::iter::from_fn(move || {
        lines.by_ref().find(|line| line.starts_with("error"))?;
        lines
            .by_ref()
            .find_map(|line| line.trim().strip_prefix("--> "))
    })
    .filter_map(|place| {
        let mut parts = place.split(':');
        let path = parts.next()?;
        let path = &path[path.find("src/")?..];
        let [line, column] = [parts.next()?.parse().ok()?, parts.next()?.parse().ok()?];
        // The library has one line more at its top.
        Some((path, line - usize::from(path == "src/lib.rs"), column))
    })
}

/// Runs all tests without a change. One that fails is left out.
fn without_change(programs: &Tests) -> Result<Vec<Test>> {
    let names: Vec<_> = programs
        .names()
        .filter(|it| !it.starts_with("exercise_"))
        .collect();
    let tests = Mutex::new(Vec::new());
    at_once(tests_at_once(), &names, |name| {
        let folder = tempfile::tempdir()?;
        let began = Instant::now();
        let mut command = programs.command(name)?;
        command.env(REACHED, folder.path());
        command.env("WORKSHOP_IN_PART", "1");
        let outcome = outcome::within(LIMIT, command, name)?;
        if outcome.verdict == Verdict::Failed {
            let text = outcome.text.lines().next().unwrap_or_default();
            return print(&format!(
                "{} {name}, which fails: {text}\n",
                paint(HINT, "left out")
            ));
        }
        let test = Test {
            name: (*name).to_owned(),
            took: began.elapsed(),
            reaches: reached(folder.path())?,
        };
        tests.lock().expect("no worker panics").push(test);
        Ok(())
    })?;
    let tests = tests.into_inner().expect("no worker panics");
    print(&format!(
        "{} of {} tests pass without a change\n",
        tests.len(),
        names.len()
    ))?;
    Ok(tests)
}

fn reached(folder: &Path) -> Result<BTreeSet<usize>> {
    let files = std::fs::read_dir(folder)?;
    files
        .map(|file| Ok(file?.file_name().to_string_lossy().parse()?))
        .collect()
}

/// Runs the tests that come across the change. The shortest come first, and before them those
/// that speak of the same thing by their names.
fn fate(number: usize, path: &str, tests: &[Test], programs: &Tests) -> Result<Fate> {
    let mut near: Vec<_> = tests
        .iter()
        .filter(|it| it.reaches.contains(&number))
        .collect();
    let words: Vec<_> = path
        .split(['/', '.', '_'])
        .filter(|word| word.len() > 2)
        .collect();
    near.sort_by_key(|test| {
        let is_near = words.iter().any(|word| test.name.contains(word));
        test.took / if is_near { 4 } else { 1 }
    });
    for test in &near {
        let fails = || {
            let mut command = programs.command(&test.name)?;
            command.env(ON, number.to_string()).env(PATIENCE, "10");
            command.env("WORKSHOP_IN_PART", "1");
            // A change that makes something endless is noticed by its time.
            let limit = test.took * 5 + Duration::from_secs(15);
            let outcome = outcome::within(limit, command, &test.name)?;
            anyhow::Ok(outcome.verdict == Verdict::Failed)
        };
        if fails()? && fails()? {
            return Ok(Fate::Noticed(test.name.clone()));
        }
    }
    Ok(Fate::Missed(near.len()))
}

fn tell(change: &Change, fate: &Fate, took: Duration) -> Result<()> {
    let (mark, told) = match fate {
        Fate::Noticed(test) => (paint(ADDED, "noticed"), format!("by {test}")),
        Fate::Missed(tests) => {
            let told = format!("by {tests} tests that come across it: {}", change.text);
            (paint(REMOVED, "missed"), told)
        }
        Fate::Equivalent | Fate::Impossible => return Ok(()),
    };
    let Change {
        path, line, what, ..
    } = change;
    let seconds = took.as_secs();
    print(&format!(
        "{mark} {path}:{line}: {what}: {told} ({seconds} s)\n"
    ))
}

/// A line for each room, and the score.
fn summary<'a>(fates: impl Iterator<Item = (&'a Change, Fate)>) -> Result<()> {
    let mut rooms: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    for (change, fate) in fates {
        let inside = change.path.trim_start_matches("src/");
        let room = inside.split('/').next().unwrap_or(inside);
        let column = match fate {
            Fate::Noticed(_) => 0,
            Fate::Missed(_) => 1,
            Fate::Equivalent => 2,
            Fate::Impossible => 3,
        };
        for room in [room, "together"] {
            rooms.entry(room).or_default()[column] += 1;
        }
    }
    let together = rooms.remove("together");
    let mut table = format!("{:<18} noticed  missed  equivalent  impossible\n", "");
    for (room, [noticed, missed, equivalent, impossible]) in
        rooms.into_iter().chain(together.map(|it| ("together", it)))
    {
        table.push_str(&format!(
            "{room:<18} {noticed:>7} {missed:>7} {equivalent:>11} {impossible:>11}\n"
        ));
    }
    print(&table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiler_s_errors_have_places() {
        let log = "error[E1]: a\n   --> src/error.rs:3:5\n    |\nnote: b\n  --> src/b.rs:1:1\n\n\
            error: c\n --> src/lib.rs:9:2\n\nerror: could not compile\n";
        let places: Vec<_> = errors(log).collect();
        assert_eq!(places, [("src/error.rs", 3, 5), ("src/lib.rs", 8, 2)]);
    }
}
