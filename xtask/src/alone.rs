//! A step's folder, copied out alone: nothing of the workshop is around it.
//!
//! Only the versions of its dependencies come along, in the workshop's
//! `Cargo.lock`, from which cargo drops what the step does not use. Without it,
//! a step could fail here because of a release that nobody here has seen.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;
use walkdir::WalkDir;

use crate::docs::package_name;
use crate::processes;
use crate::steps::{Files, Step, Workshop, read};

/// A copy of a step in a temporary folder. It is gone when this is dropped.
pub struct Alone {
    step: Step,
    lock: PathBuf,
    target: PathBuf,
    folder: TempDir,
}

/// Where in `target` of the workshop the copies are built. All of them in one place,
/// and with the same flags, so that what they have in common is built once.
const TARGET: &str = "alone";

/// Where below a target folder cargo puts what it builds without options.
const BUILT: &str = "debug";

/// The time for removing what was built.
const CLEAN_LIMIT: Duration = Duration::from_secs(60);

impl Alone {
    /// Copies the step.
    pub fn new(workshop: &Workshop, step: &Step) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let target = target(workshop)?;
        share_dependencies(&target)?;
        let alone = Alone {
            step: step.clone(),
            lock: workshop.root.join("Cargo.lock"),
            target,
            folder,
        };
        alone.copy()?;
        Ok(alone)
    }

    /// The copied step.
    pub fn dir(&self) -> PathBuf {
        self.folder.path().join(&self.step.name)
    }

    /// Makes the copy again what the step is. What is the same stays untouched, so
    /// that cargo need not compile it again.
    pub fn reset(&self) -> Result<()> {
        for entry in WalkDir::new(self.dir()).contents_first(true) {
            let entry = entry?;
            let inside = entry.path().strip_prefix(self.dir())?;
            let is_lock = inside == Path::new("Cargo.lock");
            if entry.file_type().is_file() && !is_lock && !self.step.dir.join(inside).exists() {
                fs::remove_file(entry.path())?;
            }
        }
        self.copy()
    }

    /// Writes these files into the copy, but for those that are so already.
    pub fn put(&self, files: &Files) -> Result<()> {
        for (path, content) in files {
            let to = self.dir().join(path);
            if !fs::read(&to).is_ok_and(|old| old == *content) {
                fs::write(&to, content).with_context(|| format!("cannot write {path}"))?;
            }
        }
        Ok(())
    }

    /// Cargo, in the copy.
    pub fn cargo(&self) -> Command {
        let mut cargo = Command::new("cargo");
        cargo.current_dir(self.dir());
        cargo.env("CARGO_TARGET_DIR", &self.target);
        // The copy is built again with each solution, and then only what that changes.
        cargo.env("CARGO_INCREMENTAL", "1");
        cargo.env("CARGO_PROFILE_DEV_DEBUG", "0");
        cargo
    }

    fn copy(&self) -> Result<()> {
        let walk = WalkDir::new(&self.step.dir).min_depth(1).into_iter();
        for entry in walk.filter_entry(|entry| entry.file_name() != "target") {
            let entry = entry?;
            let to = self.dir().join(entry.path().strip_prefix(&self.step.dir)?);
            if entry.path().is_dir() {
                fs::create_dir_all(&to)?;
            } else {
                copy_file(entry.path(), &to)?;
            }
        }
        if self.lock.is_file() {
            copy_file(&self.lock, &self.dir().join("Cargo.lock"))?;
        }
        Ok(())
    }
}

/// Removes what was built of these steps' copies. The next copies lie elsewhere, so that nobody
/// would use it again; what the copies have in common stays. It is done once, when no copy is in
/// use any more: cargo finds files by the names of programs, and all steps have a `suite`.
pub fn clean(workshop: &Workshop, steps: &[&Step]) -> Result<()> {
    // The chapters are in a workspace of their own.
    for are_chapters in [false, true] {
        let of_one: Vec<_> = steps
            .iter()
            .filter(|it| it.is_chapter() == are_chapters)
            .collect();
        let Some(first) = of_one.first() else {
            continue;
        };
        let mut cargo = Command::new("cargo");
        cargo.current_dir(&first.dir);
        cargo.args(["clean", "--quiet", "--target-dir"]);
        cargo.arg(target(workshop)?);
        for step in of_one {
            cargo.args(["--package", &package_name(step)?]);
        }
        processes::run(&mut cargo, CLEAN_LIMIT)?;
    }
    Ok(())
}

/// What the workshop's own builds compiled of other crates need not be compiled again for the copies:
/// before the first of them, they get links to it. Cargo decides which of it fits.
fn share_dependencies(target: &Path) -> Result<()> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock();
    let to = target.join(BUILT);
    let Some(from) = target.parent().map(|it| it.join(BUILT)) else {
        return Ok(());
    };
    if to.exists() {
        return Ok(());
    }
    for folder in ["build", "deps", ".fingerprint"] {
        // Where there is nothing to share, all is compiled.
        for entry in WalkDir::new(from.join(folder)).into_iter().flatten() {
            let place = to.join(entry.path().strip_prefix(&from)?);
            match entry.file_type().is_dir() {
                true => fs::create_dir_all(&place)?,
                false => fs::hard_link(entry.path(), &place)?,
            }
        }
    }
    Ok(())
}

/// Where the copies are built.
fn target(workshop: &Workshop) -> Result<PathBuf> {
    let root = std::path::absolute(&workshop.root)?;
    Ok(root.join("target").join(TARGET))
}

/// Not `fs::copy`: on some systems that keeps the old time of change, and cargo
/// would take a file that was put back for one that it has compiled already.
fn copy_file(from: &Path, to: &Path) -> Result<()> {
    let bytes = read(from)?;
    if fs::read(to).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(to, bytes).with_context(|| format!("cannot write {}", to.display()))?;
    fs::set_permissions(to, fs::metadata(from)?.permissions())?;
    Ok(())
}
