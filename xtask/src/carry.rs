//! `cargo xtask carry`: a change made in one step, merged into every later one.
//!
//! A fix belongs in the earliest step that has the code. For each later step and
//! each file that changed, this is a three-way merge: the step's file as it was
//! (at `--since`), as it is now, and the later step's own. What the later step
//! added stays; what the change touches is taken over. Where both touched the
//! same lines, the file gets conflict markers that name the two steps.
//!
//! The advanced track grows out of the last step, so it is the last to which a change is
//! carried. Its gates are lines as all others. Of tests and benches it has few, and gets none.
//!
//! Only the program is carried: sources, tests, benches and the manifest. The
//! documents, the graders of the exercises and the solutions are each step's own.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};

use crate::chapters;
use crate::manifest::with_identity_of;
use crate::output::print;
use crate::reread;
use crate::steps::{Files, Number, Root, Step, Workshop, is_source};

/// Each step has its own exercises, and so its own graders.
const NOT_CARRIED: &str = "tests/exercises.rs";

/// The command's options.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The step whose change is to be carried, like 03.
    step: Number,
    /// The commit that the step is compared with.
    #[arg(long, value_name = "REV", default_value = "HEAD")]
    since: String,
    #[command(flatten)]
    root: Root,
}

/// Runs the command.
pub fn run(args: Args) -> Result<()> {
    let workshop = args.root.open_without_chapters()?;
    if let Number::Chapter(..) = args.step {
        bail!(
            "a chapter's code is in advanced/, where all later chapters have it; nothing is carried"
        );
    }
    let step = workshop.step(args.step)?;
    if !step.in_lineage() {
        bail!(
            "{} is the end of the row; there is nothing to carry it to",
            step.name
        );
    }
    let changes = changes(&workshop, step, &args.since)?;
    if changes.is_empty() {
        return print(&nothing_changed(step, &args.since));
    }
    let mut log = Log::default();
    let advanced = chapters::source(&workshop.root);
    let last = Some(&advanced).filter(|it| it.dir.is_dir());
    for later in workshop.after(step).chain(last) {
        for change in changes.iter().filter(|it| goes_to(it, later)) {
            let outcome = carry(change, step, later)
                .with_context(|| format!("carrying {} to {}", change.path, later.name))?;
            log.add(later, &change.path, outcome);
        }
    }
    log.finish()
}

/// The advanced track has its own suites: a harness comes along, and no other test.
fn goes_to(change: &Change, later: &Step) -> bool {
    let is_program = change.path.starts_with("src/") || change.path == "Cargo.toml";
    // A suite of the same name is another one.
    let is_helper = |text: &String| !reread::is_suite(text) && !change.path.ends_with("/main.rs");
    let theirs = fs::read_to_string(later.dir.join(&change.path));
    !later.is_chapter() || is_program || theirs.is_ok_and(|it| is_helper(&it))
}

fn nothing_changed(step: &Step, since: &str) -> String {
    format!(
        "nothing in {} has changed since {since}; if the change is committed already, name the commit \
         before it: cargo xtask carry {:02} --since {since}~1\n",
        step.name, step.number
    )
}

/// A file that changed: its content then and now, `None` where there was no file.
struct Change {
    path: String,
    then: Option<Vec<u8>>,
    now: Option<Vec<u8>>,
}

/// What happened to one file of one later step.
enum Outcome {
    Carried(&'static str),
    AlreadyThere,
    Conflict(&'static str),
}

fn changes(workshop: &Workshop, step: &Step, since: &str) -> Result<Vec<Change>> {
    let mut then = files_at(&workshop.root, step, since)?;
    let mut now = step.files()?;
    let paths: BTreeSet<String> = then.keys().chain(now.keys()).cloned().collect();
    let changes = paths.into_iter().map(|path| Change {
        then: then.remove(&path),
        now: now.remove(&path),
        path,
    });
    let is_carried = |it: &Change| it.then != it.now && it.path != NOT_CARRIED;
    Ok(changes.filter(is_carried).collect())
}

/// The step's files as they were in a commit.
fn files_at(root: &Path, step: &Step, rev: &str) -> Result<Files> {
    let folder = format!("{}/", step.name);
    let listed = git(
        root,
        &["ls-tree", "-r", "-z", "--name-only", rev, "--", &folder],
    )?;
    let listed = String::from_utf8(listed)?;
    let mut files = Files::new();
    for name in listed.split_terminator('\0') {
        if let Some(path) = name.strip_prefix(&folder)
            && is_source(path)
        {
            files.insert(
                path.to_owned(),
                git(root, &["show", &format!("{rev}:./{name}")])?,
            );
        }
    }
    Ok(files)
}

fn git(root: &Path, arguments: &[&str]) -> Result<Vec<u8>> {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(arguments)
        .output()
        .context("cannot run git; carry needs it to know what changed")?;
    if !status.success() {
        bail!(
            "git {} failed: {}\ngive --since a commit of this repository",
            arguments.join(" "),
            String::from_utf8_lossy(&stderr).trim()
        );
    }
    Ok(stdout)
}

fn carry(change: &Change, step: &Step, later: &Step) -> Result<Outcome> {
    let target = later.dir.join(&change.path);
    let ours = match target.exists() {
        true => Some(fs::read(&target)?),
        false => None,
    };
    if ours.as_deref().is_some_and(has_conflict_markers) {
        return Ok(Outcome::Conflict(
            "has conflict markers already; resolve them, then carry again",
        ));
    }
    let change = in_terms_of(change, ours.as_deref())?;
    match (&change.then, &change.now, ours) {
        (_, now, ours) if *now == ours => Ok(Outcome::AlreadyThere),
        (Some(_), Some(_), None) => Ok(Outcome::Conflict(
            "this step does not have the file; see whether the change belongs elsewhere",
        )),
        (None, Some(now), None) => write(&target, now, "new"),
        (then, Some(now), Some(ours)) if then.as_ref() == Some(&ours) => {
            write(&target, now, "same")
        }
        (then, None, Some(ours)) if then.as_ref() == Some(&ours) => {
            fs::remove_file(&target)?;
            Ok(Outcome::Carried("deleted"))
        }
        (_, None, Some(_)) => Ok(Outcome::Conflict(
            "deleted there but different here; delete it by hand",
        )),
        (then, Some(now), Some(ours)) => {
            let labels = [&later.name, &format!("{} before", step.name), &step.name];
            merge(
                &target,
                &ours,
                then.as_deref().unwrap_or_default(),
                now,
                labels,
            )
        }
        (_, None, None) => Ok(Outcome::AlreadyThere),
    }
}

/// A manifest keeps its own name, so both sides of the change get that name.
fn in_terms_of(change: &Change, ours: Option<&[u8]>) -> Result<Change> {
    let renamed = |content: &Option<Vec<u8>>| -> Result<Option<Vec<u8>>> {
        let (Some(content), Some(ours), "Cargo.toml") = (content, ours, change.path.as_str())
        else {
            return Ok(content.clone());
        };
        let (content, ours) = (std::str::from_utf8(content)?, std::str::from_utf8(ours)?);
        Ok(Some(with_identity_of(content, ours)?.into_bytes()))
    };
    Ok(Change {
        path: change.path.clone(),
        then: renamed(&change.then)?,
        now: renamed(&change.now)?,
    })
}

fn has_conflict_markers(content: &[u8]) -> bool {
    let mut lines = content.split(|byte| *byte == b'\n');
    lines.any(|line| line.starts_with(b"<<<<<<< ") || line.starts_with(b">>>>>>> "))
}

fn write(target: &Path, content: &[u8], how: &'static str) -> Result<Outcome> {
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(target, content)?;
    Ok(Outcome::Carried(how))
}

/// Merges into the file, and leaves markers where both changed the same lines.
fn merge(
    target: &Path,
    ours: &[u8],
    base: &[u8],
    theirs: &[u8],
    labels: [&String; 3],
) -> Result<Outcome> {
    let mut options = vec!["--diff3"];
    for label in labels {
        options.extend(["-L", label]);
    }
    match three_way(ours, base, theirs, &options)? {
        (Some(0), merged) if merged == ours => Ok(Outcome::AlreadyThere),
        (Some(0), merged) => write(target, &merged, "merged"),
        (Some(1..=127), merged) => {
            fs::write(target, &merged)?;
            Ok(Outcome::Conflict(
                "both changed the same lines; resolve the markers",
            ))
        }
        _ => Ok(Outcome::Conflict("not a text file; merge it by hand")),
    }
}

/// A three-way merge by git: the number of conflicts, at most 127, and the text.
pub fn three_way(
    ours: &[u8],
    base: &[u8],
    theirs: &[u8],
    options: &[&str],
) -> Result<(Option<i32>, Vec<u8>)> {
    let folder = tempfile::tempdir()?;
    let mut command = Command::new("git");
    command.args(["merge-file", "-p"]).args(options);
    for (name, content) in [("ours", ours), ("base", base), ("theirs", theirs)] {
        let path = folder.path().join(name);
        fs::write(&path, content)?;
        command.arg(path);
    }
    let merged = command.output().context("cannot run git merge-file")?;
    Ok((merged.status.code(), merged.stdout))
}

/// What is told at the end.
#[derive(Default)]
struct Log {
    lines: String,
    conflicts: Vec<String>,
    carried: usize,
}

impl Log {
    fn add(&mut self, later: &Step, path: &str, outcome: Outcome) {
        let file = format!("{}/{path}", later.name);
        // Writing to a String cannot fail.
        let _ = match outcome {
            Outcome::Carried(how) => {
                self.carried += 1;
                writeln!(self.lines, "carried        {file} ({how})")
            }
            Outcome::AlreadyThere => writeln!(self.lines, "already there  {file}"),
            Outcome::Conflict(why) => {
                self.conflicts.push(format!("{file}: {why}"));
                writeln!(self.lines, "CONFLICT       {file}")
            }
        };
    }

    fn finish(self) -> Result<()> {
        print(&self.lines)?;
        if self.carried > 0 {
            print("next: run the later steps' tests, then: cargo xtask lineage --write\n")?;
        }
        match self.conflicts.len() {
            0 => Ok(()),
            count => bail!(
                "{count} to be resolved by hand:\n  {}",
                self.conflicts.join("\n  ")
            ),
        }
    }
}
