//! The tests of the advanced track.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::list::{SUITE, newest, of_step, on_redis};
use super::runner::Test;
use crate::chapters::{LIST, List};
use crate::docs::package_name;
use crate::graders::OTHER_SERVER;
use crate::programs::{self, Program};
use crate::steps::{Step, Workshop};

/// Without flags, because those come after the config file, of which the suite has tests.
const REDIS: &str = "redis-server";

/// The tests of the last chapter, on its own server or on real Redis. Those before it are tested with
/// the solutions of their exercises, in copies.
pub fn of(workshop: &Workshop, own: bool, redis: bool) -> Result<Vec<Test>> {
    let Some(last) = workshop.chapters.last() else {
        return Ok(Vec::new());
    };
    let programs = programs::of_chapter(last)?;
    let mut tests = Vec::new();
    if redis {
        let suite = on_redis(last, &programs)?.into_iter();
        tests.extend(suite.map(|test| test.with(OTHER_SERVER, REDIS)));
    }
    if own {
        tests.extend(of_newest_step(workshop, last, &programs)?);
        tests.extend(of_step(workshop, last, &programs)?);
    }
    Ok(tests)
}

/// The suites of the newest step, as they are, on the server of the last chapter. They look for
/// their server beside themselves, so there they find that one.
fn of_newest_step(workshop: &Workshop, last: &Step, programs: &[Program]) -> Result<Vec<Test>> {
    let step = newest(workshop)?;
    let name = package_name(last)?;
    let mut servers = programs::of_step(programs, last).filter(|it| !it.is_test);
    let server = servers.find(|it| it.name == name);
    let server = server.with_context(|| format!("{} has no server", last.name))?;
    let of_steps = programs::all_of_all_steps(workshop)?;
    let outgrown = List::read(&workshop.root)?.outgrown;
    let mut tests = Vec::new();
    for program in programs::of_step(&of_steps, step).filter(|it| it.is_test && it.name == SUITE) {
        let folder = workshop.root.join("target/chapters/.suites");
        let moved = Program {
            path: beside(&folder, &program.path, &server.path, &package_name(step)?)?,
            ..program.clone()
        };
        let ignored = moved.tests(&["--ignored"])?;
        let label = format!("{} suite on {}", step.name, last.name);
        let names = moved.tests(&[])?;
        if let Some(name) = outgrown.keys().find(|it| !names.contains(it)) {
            bail!(
                "{LIST}: {} has no test {name}, which is `outgrown`; take it out",
                step.name
            );
        }
        let is_run = |name: &&String| !ignored.contains(name) && !outgrown.contains_key(*name);
        tests.extend(names.iter().filter(is_run).map(|name| {
            // What takes long is done whole on the step itself.
            Test::new(&moved, name, label.clone()).with("WORKSHOP_IN_PART", "1")
        }));
    }
    Ok(tests)
}

/// A copy of the suite's program, with that server two folders above it, under the name of the
/// suite's own.
fn beside(folder: &Path, suite: &Path, server: &Path, name: &str) -> Result<std::path::PathBuf> {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder.join("deps"))?;
    symlink(server, folder.join(name))?;
    let copy = std::path::absolute(folder)?.join("deps").join(SUITE);
    fs::copy(suite, &copy).with_context(|| format!("cannot copy {}", suite.display()))?;
    Ok(copy)
}
