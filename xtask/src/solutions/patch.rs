//! A reference solution: `solutions/K.patch`, an explanation and then a diff. And a plausible wrong
//! one: `solutions/wrong/K.patch`, which changes the solution.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::Fault;
use crate::steps::{Step, read_text};
use crate::{graders, processes};

const LIMIT: Duration = Duration::from_secs(30);

/// One exercise's solution, or what makes it a wrong one.
pub struct Patch {
    /// Its path inside the step.
    pub name: String,
    file: PathBuf,
    /// How many lines its explanation has at least.
    head: usize,
}

impl Patch {
    /// The solution of that exercise, whether it exists or not.
    pub fn of(step: &Step, number: u8) -> Self {
        Self::at(step, format!("solutions/{number}.patch"), 3)
    }

    /// What makes that a wrong one.
    pub fn wrong(step: &Step, number: u8) -> Self {
        Self::at(step, format!("solutions/wrong/{number}.patch"), 1)
    }

    fn at(step: &Step, name: String, head: usize) -> Self {
        let file = step.pages.join(&name);
        Patch { name, file, head }
    }

    pub fn exists(&self) -> bool {
        self.file.exists()
    }

    /// A solution explains itself before it shows itself.
    pub fn check_head(&self) -> Result<Option<Fault>> {
        let text = read_text(&self.file)?;
        let head = text.lines().take_while(|line| !starts_diff(line));
        let lines = head.filter(|line| !line.trim().is_empty()).count();
        let what = format!("{} has {lines} lines before its diff", self.name);
        let next = format!(
            "explain there, in {} lines or more, what it does and why",
            self.head
        );
        Ok((lines < self.head).then(|| Fault::new(what, next)))
    }

    /// Whether the programs of tests are other ones with it.
    pub fn changes_tests(&self) -> Result<bool> {
        let text = read_text(&self.file)?;
        Ok(changed(&text).any(|file| file.starts_with("tests/")))
    }

    /// Applies it to the step in that folder.
    pub fn apply(&self, dir: &Path) -> Result<Option<Fault>> {
        let text = read_text(&self.file)?;
        if changes_grader(&text) {
            let what = format!("{} changes {}", self.name, graders::FILE);
            return Ok(Some(Fault::new(
                what,
                "a solution must not change what grades it",
            )));
        }
        let file = std::path::absolute(&self.file)?;
        let mut git = Command::new("git");
        git.args(["apply", "--whitespace=nowarn"])
            .arg(file)
            .current_dir(dir);
        // The copy belongs to no repository, whatever surrounds it.
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
            git.env_remove(name);
        }
        git.envs(
            dir.parent()
                .map(|outside| ("GIT_CEILING_DIRECTORIES", outside)),
        );
        let ended = processes::run(&mut git, LIMIT)?;
        let next = "make it anew against the step as it is; in the step's folder: \
                    git diff --relative -- .";
        let fault = || {
            let what = format!("{} does not apply", self.name);
            Fault::new(what, next).with_log(&ended.output)
        };
        Ok((ended.success != Some(true)).then(fault))
    }
}

fn starts_diff(line: &str) -> bool {
    line.starts_with("diff ") || line.starts_with("--- ")
}

fn changes_grader(patch: &str) -> bool {
    changed(patch).any(|file| file == graders::FILE)
}

/// The files that it changes.
fn changed(patch: &str) -> impl Iterator<Item = &str> {
    let files = patch.lines().filter_map(|line| {
        line.strip_prefix("+++ b/")
            .or_else(|| line.strip_prefix("--- a/"))
    });
    files.map(str::trim_end)
}
