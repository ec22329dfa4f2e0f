//! What a build of cargo's leaves behind: programs of tests, and servers.
//!
//! Cargo says where they are; no other tool knows where targets go.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use cargo_metadata::diagnostic::DiagnosticLevel;
use cargo_metadata::{Artifact, Message};

use crate::docs::package_name;
use crate::processes::{self, Ended};
use crate::steps::{Step, Workshop};

/// The time for a build from nothing.
const LIMIT: Duration = Duration::from_secs(3600);

/// How cargo's lines for machines begin; all others are for people.
const FOR_MACHINES: &str = "{\"reason\":";

/// A program that was built.
#[derive(Clone, Debug)]
pub struct Program {
    /// What cargo calls it: a step's name, or that of a file in `tests`.
    pub name: String,
    /// The folder of its package, in which cargo would run its tests.
    pub folder: PathBuf,
    pub path: PathBuf,
    pub is_test: bool,
}

impl Program {
    /// The program, ready to be run as cargo would.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.current_dir(&self.folder);
        command
    }

    /// The names of its tests; `options` narrow the choice, like `--ignored`.
    pub fn tests(&self, options: &[&str]) -> Result<Vec<String>> {
        let output = self.command().arg("--list").args(options).output();
        let output = output.with_context(|| format!("cannot run {}", self.path.display()))?;
        let list = String::from_utf8_lossy(&output.stdout).into_owned();
        let names = list.lines().filter_map(|line| line.strip_suffix(": test"));
        Ok(names.map(str::to_owned).collect())
    }
}

/// What a build came to.
#[derive(Default)]
pub struct Built {
    /// Whether all of it succeeded.
    pub success: bool,
    /// What was built, even if other things were not.
    pub programs: Vec<Program>,
    /// Whether the compiler had a warning.
    pub warned: bool,
    /// What the compiler and cargo said to people.
    pub log: String,
}

/// Says that this builds a step for the first time, and at a terminal lets cargo show how
/// far it is. Nothing is said if it was built before.
pub fn first_time(step: &Step, cargo: &Command) -> Result<()> {
    let prefix = format!("{}-", package_name(step)?.replace('-', "_"));
    let built = std::fs::read_dir(step.dir.join("../target/debug/deps"));
    let mut names = built.into_iter().flatten().flatten();
    if names.any(|it| it.file_name().to_string_lossy().starts_with(&prefix)) {
        return Ok(());
    }
    eprintln!(
        "building {} for the first time, which takes a minute or two; later only what you change",
        step.name
    );
    if std::io::stderr().is_terminal() {
        let arguments = cargo.get_args().filter(|it| *it != "--quiet");
        let mut loud = Command::new(cargo.get_program());
        loud.args(arguments)
            .current_dir(&step.dir)
            .stdout(Stdio::null());
        // What it comes to is told by the build itself.
        let _ = loud.status();
    }
    Ok(())
}

/// Runs this `cargo test --no-run`, or whatever else builds.
pub fn build(cargo: &mut Command) -> Result<Built> {
    cargo.arg("--message-format=json");
    let Ended { success, output } = processes::run(cargo, LIMIT)?;
    if success.is_none() {
        bail!("the build was ended because it took more than an hour");
    }
    let mut built = Built {
        success: success == Some(true),
        ..Built::default()
    };
    for message in Message::parse_stream(output.as_bytes()) {
        match message? {
            Message::CompilerArtifact(artifact) => built.programs.extend(program(artifact)),
            Message::CompilerMessage(of) => {
                built.warned |= of.message.level == DiagnosticLevel::Warning;
                built.log.extend(of.message.rendered);
            }
            _ => {}
        }
    }
    let for_people = output.lines().filter(|it| !it.starts_with(FOR_MACHINES));
    built.log.extend(for_people.map(|line| format!("{line}\n")));
    Ok(built)
}

/// Builds the servers and the programs of tests of all steps, together: alone, each
/// would have its dependencies with other features, and they would be compiled again.
pub fn of_all_steps(workshop: &Workshop) -> Result<Built> {
    let mut cargo = Command::new("cargo");
    cargo.args(["test", "--no-run", "--quiet"]);
    for step in &workshop.steps {
        cargo.args(["--package", &package_name(step)?]);
    }
    build(cargo.current_dir(&workshop.root))
}

/// The same where something that does not build is an error.
pub fn all_of_all_steps(workshop: &Workshop) -> Result<Vec<Program>> {
    let built = of_all_steps(workshop)?;
    if !built.success {
        bail!("not all steps build:\n{}", built.log.trim_end());
    }
    Ok(built.programs)
}

/// Builds the server and the programs of tests of a chapter.
pub fn of_chapter(step: &Step) -> Result<Vec<Program>> {
    let mut cargo = Command::new("cargo");
    cargo.args([
        "test",
        "--no-run",
        "--quiet",
        "--package",
        &package_name(step)?,
    ]);
    let built = build(cargo.current_dir(&step.dir))?;
    if !built.success {
        bail!("{} does not build:\n{}", step.name, built.log.trim_end());
    }
    Ok(built.programs)
}

/// Those that belong to the step.
pub fn of_step<'a>(programs: &'a [Program], step: &Step) -> impl Iterator<Item = &'a Program> {
    let folder = whole(&step.dir);
    programs
        .iter()
        .filter(move |it| whole(&it.folder) == folder)
}

fn whole(folder: &Path) -> PathBuf {
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
}

fn program(artifact: Artifact) -> Option<Program> {
    Some(Program {
        path: artifact.executable?.into(),
        folder: artifact.manifest_path.parent()?.into(),
        name: artifact.target.name,
        is_test: artifact.profile.test,
    })
}
