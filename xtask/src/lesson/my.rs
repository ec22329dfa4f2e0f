//! The learner's own folder, `my/`: a workspace and a git repository of their own.
//!
//! It is ignored by the workshop's git, and nothing in the workshop reads it but the
//! commands that are there for it. All steps in it share one `target`, and take the
//! versions of their dependencies from the workshop's `Cargo.lock`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::heart::UNUSED;
use crate::manifest;
use crate::steps::{Files, Step, Workshop, read_text};

const FOLDER: &str = "my";

/// Not a step whose folder was renamed: cargo refuses two packages of one name.
const WORKSPACE: &str = "\
# One workspace for all your steps. A folder that does not begin with a step's number,
# like old-02-resp-parser, is not part of it.
[workspace]
resolver = \"3\"
members = [\"[0-9][0-9]*-*\"]

[profile.dev]
debug = \"line-tables-only\"

[profile.dev.package.\"*\"]
debug = false
";

/// How the members were named before there were chapters.
const MEMBERS_BEFORE: &str = "members = [\"[0-9][0-9]-*\"]\n";

/// Somebody who stands in the folder may say `make try-02` as well.
const MAKEFILE: &str = "\
.DEFAULT_GOAL := help
Makefile: ;
%:
\t@$(MAKE) --no-print-directory -C .. $@
";

const IGNORED: &str = "target/\nappendonlydir/\n*.rdb\n*.proptest-regressions\n";

/// The folder.
pub fn folder(workshop: &Workshop) -> PathBuf {
    workshop.root.join(FOLDER)
}

/// The learner's copy of a step, whether it exists or not.
pub fn step(workshop: &Workshop, step: &Step) -> Step {
    Step {
        number: step.number,
        name: format!("{FOLDER}/{}", step.name),
        dir: folder(workshop).join(&step.name),
        pages: step.pages.clone(),
    }
}

/// The learner's copy, which must be there.
pub fn open(workshop: &Workshop, step: &Step) -> Result<Step> {
    let mine = self::step(workshop, step);
    if !mine.dir.is_dir() {
        bail!(
            "{} is not there yet; make it: make start-{:02}",
            mine.name,
            step.number
        );
    }
    Ok(mine)
}

/// Makes what all steps in the folder share.
pub fn prepare(workshop: &Workshop) -> Result<()> {
    let folder = folder(workshop);
    // These warnings would hide the others.
    let flags = UNUSED.map(|lint| format!("\"-A{lint}\""));
    let config = format!(
        "# What a blank does not use yet is no news.\n[build]\nrustflags = [{}]\n",
        flags.join(", ")
    );
    for (path, text) in [
        ("Cargo.toml", WORKSPACE),
        (".cargo/config.toml", &config),
        ("Makefile", MAKEFILE),
        (".gitignore", IGNORED),
    ] {
        if !folder.join(path).exists() {
            write(&folder.join(path), text.as_bytes())?;
        }
    }
    let workspace = folder.join("Cargo.toml");
    let text = read_text(&workspace)?;
    if text.contains(MEMBERS_BEFORE) {
        let members = WORKSPACE.lines().find(|line| line.starts_with("members"));
        let new = format!("{}\n", members.unwrap_or_default());
        write(&workspace, text.replace(MEMBERS_BEFORE, &new).as_bytes())?;
    }
    // Anew for each step: cargo has dropped what the steps so far do not use.
    let lock = workshop.root.join("Cargo.lock");
    if lock.is_file() {
        write(&folder.join("Cargo.lock"), &fs::read(lock)?)?;
    }
    if !folder.join(".git").exists() {
        git(&folder, &["init", "--quiet"])?;
    }
    Ok(())
}

/// The files of a step as the folder has them: without benches, which are measured in the
/// workshop and take long to build.
pub fn files(step: &Step) -> Result<Files> {
    let mut files = step.all_files()?;
    files.retain(|path, _| !path.starts_with("benches/"));
    if let Some(text) = files.get_mut("Cargo.toml") {
        *text = manifest::without_benches(std::str::from_utf8(text)?)?.into_bytes();
    }
    Ok(files)
}

/// Drops from `Cargo.lock` what no step in the folder uses. Otherwise the first build
/// would do it, and git would show a file that the learner has not touched.
pub fn settle_lock(workshop: &Workshop) {
    let mut cargo = Command::new("cargo");
    cargo.args(["update", "--workspace", "--offline", "--quiet"]);
    // Where it fails, that build does it after all.
    let _ = cargo.current_dir(folder(workshop)).output();
}

/// Writes the files of a step, which is new.
pub fn write_step(dir: &Path, files: &Files) -> Result<()> {
    files
        .iter()
        .try_for_each(|(path, content)| write(&dir.join(path), content))
}

/// Writes a file, and makes its folder.
pub fn write(path: &Path, content: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
}

/// Commits all that is in the folder, if anything has changed.
pub fn commit(workshop: &Workshop, message: &str) -> Result<()> {
    let folder = folder(workshop);
    git(&folder, &["add", "--all"])?;
    if git(&folder, &["diff", "--cached", "--quiet"]).is_ok() {
        return Ok(());
    }
    let mut options = vec!["-c", "commit.gpgsign=false"];
    if git(&folder, &["config", "user.email"]).is_err() {
        options.extend(["-c", "user.name=me", "-c", "user.email=me@localhost"]);
    }
    options.extend(["commit", "--quiet", "--no-verify", "-m", message]);
    git(&folder, &options)
}

fn git(folder: &Path, arguments: &[&str]) -> Result<()> {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder).args(arguments);
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
        git.env_remove(name);
    }
    let done = git
        .output()
        .context("cannot run git, in which your steps are kept; install it")?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        bail!(
            "git {} in {FOLDER}/ failed: {}",
            arguments.join(" "),
            said.trim()
        );
    }
    Ok(())
}
