//! Which tests there are, and how each is run.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::runner::Test;
use super::{Part, chapters};
use crate::graders::{OTHER_SERVER, REDIS};
use crate::programs::{self, Program};
use crate::steps::{Step, Workshop, read};

/// The program with all suites of a step.
pub const SUITE: &str = "suite";
/// The program with the graders of a step.
pub const EXERCISES: &str = "exercises";

/// This tool's package and folder.
const TOOL: &str = "xtask";

/// The tests of these parts. What takes longest stands first: real Redis, for which
/// some tests wait, and the newest step.
pub fn of(workshop: &Workshop, parts: &[Part]) -> Result<Vec<Test>> {
    let has = |part| parts.contains(&part);
    let mut tests = Vec::new();
    if has(Part::Redis) || has(Part::Steps) {
        let programs = programs::all_of_all_steps(workshop)?;
        if has(Part::Redis) {
            tests.extend(on_redis(newest(workshop)?, &programs)?);
        }
        if has(Part::Steps) {
            for step in workshop.steps.iter().rev() {
                tests.extend(of_step(workshop, step, &programs)?);
            }
        }
    }
    if has(Part::Chapters) || has(Part::ChaptersOnRedis) {
        tests.extend(chapters::of(
            workshop,
            has(Part::Chapters),
            has(Part::ChaptersOnRedis),
        )?);
    }
    if has(Part::Tool) || has(Part::ToolUnits) {
        tests.extend(of_tool(workshop, has(Part::Tool), has(Part::ToolUnits))?);
    }
    Ok(tests)
}

/// The last step that grows out of the one before it.
pub fn newest(workshop: &Workshop) -> Result<&Step> {
    workshop.lineage().next_back().context("there is no step")
}

/// All tests of a step on its own server. A suite that is new in a step does all that
/// it can there, and again in the newest step. In between it does a part of what takes
/// long: it is byte-identical, and so is most of what it tests.
pub fn of_step(workshop: &Workshop, step: &Step, programs: &[Program]) -> Result<Vec<Test>> {
    let newest = match step.is_chapter() {
        true => workshop.chapters.last(),
        false => Some(newest(workshop)?),
    };
    let is_newest = !step.in_lineage() || newest.is_some_and(|it| it.number == step.number);
    let before = workshop.before(step).filter(|_| !is_newest);
    let mut tests = Vec::new();
    for program in programs::of_step(programs, step).filter(|it| it.is_test) {
        let ignored = program.tests(&["--ignored"])?;
        for name in program.tests(&[])? {
            if ignored.contains(&name) {
                continue;
            }
            let is_suite = program.name == SUITE;
            let mut test = Test::new(program, &name, label(step, program));
            test.on_own_server = true;
            if is_suite && before.is_some_and(|before| is_known(step, before, &name)) {
                test = test.with("WORKSHOP_IN_PART", "1");
            }
            tests.push(test);
        }
    }
    Ok(tests)
}

/// Does the step before have the suite of that test as it is?
fn is_known(step: &Step, before: &Step, test: &str) -> bool {
    let suite = test.split("::").next().unwrap_or_default();
    let file = Path::new("tests/suite").join(format!("{suite}.rs"));
    let (mine, theirs) = (read(&step.dir.join(&file)), read(&before.dir.join(&file)));
    matches!((mine, theirs), (Ok(mine), Ok(theirs)) if mine == theirs)
}

/// The suites of a step, on real Redis.
pub fn on_redis(step: &Step, programs: &[Program]) -> Result<Vec<Test>> {
    let mut tests = Vec::new();
    for program in programs::of_step(programs, step).filter(|it| it.is_test && it.name == SUITE) {
        let label = format!("{} on Redis", label(step, program));
        let names = program.tests(&[])?.into_iter();
        let test = |name: String| Test::new(program, &name, label.clone());
        tests.extend(names.map(|name| test(name).with(OTHER_SERVER, REDIS)));
    }
    Ok(tests)
}

fn label(step: &Step, program: &Program) -> String {
    match program.name.as_str() {
        name @ (SUITE | EXERCISES) => format!("{} {name}", step.name),
        _ => format!("{} unit tests", step.name),
    }
}

/// The tests of this tool, where the workshop has it.
fn of_tool(workshop: &Workshop, all: bool, units: bool) -> Result<Vec<Test>> {
    if !workshop.root.join(TOOL).exists() {
        return Ok(Vec::new());
    }
    let mut cargo = Command::new("cargo");
    cargo.args(["test", "--no-run", "--quiet", "--package", TOOL]);
    let built = programs::build(cargo.current_dir(&workshop.root))?;
    if !built.success {
        bail!("{TOOL} does not build:\n{}", built.log.trim_end());
    }
    let mut tests = Vec::new();
    for program in built.programs.iter().filter(|it| it.is_test) {
        let is_unit = [TOOL, "broken-server"].contains(&program.name.as_str());
        if if is_unit { units } else { all } {
            let label = format!("{TOOL} {}", program.name);
            let names = program.tests(&[])?.into_iter();
            tests.extend(names.map(|name| Test::new(program, &name, label.clone())));
        }
    }
    // The faults of broken servers are one test, which takes longest.
    tests.sort_by_key(|test| !test.name.contains("fault"));
    Ok(tests)
}
