//! Who is measured: the workshop's steps, Redis, and the floor.
//!
//! This file owns where their programs are found. Steps are found as release builds
//! in the `target` folder that this program lies in; building them is the
//! Makefile's work.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::contestant::{Contestant, Role, Source};
use super::target;
use crate::cli::Options;

/// What the private Redis is started with: nothing is saved, nobody else may call.
const REDIS_ARGUMENTS: [&str; 8] = [
    "--save",
    "",
    "--appendonly",
    "no",
    "--bind",
    "127.0.0.1",
    "--daemonize",
    "no",
];

/// What is said when there is nothing to compare with.
pub const NO_REDIS: &str = "notice: there is no redis-server on the PATH, so ours is measured \
                            alone. `make redis` installs it.";

/// Starts everybody whom the options ask for: steps, Redis, floor.
pub async fn start(options: &Options) -> Result<Vec<Contestant>> {
    let redis = redis_program(options)?;
    let mut contestants = Vec::new();
    for (name, source) in steps(options)? {
        contestants.push(Contestant::new(&name, Role::Step, source, redis.clone()).await?);
    }
    if let Some(source) = redis_source(options, redis.as_ref()) {
        contestants.push(Contestant::new("redis", Role::Redis, source, redis).await?);
    }
    if let Some(program) = floor(options) {
        let source = Source::Program(program, Vec::new());
        contestants.push(Contestant::new("floor", Role::Floor, source, None).await?);
    }
    Ok(contestants)
}

/// The servers to measure, with their names.
fn steps(options: &Options) -> Result<Vec<(String, Source)>> {
    if let Some(address) = &options.server {
        return Ok(vec![("ours".to_owned(), Source::Address(address.clone()))]);
    }
    let arguments: Vec<String> = options
        .server_args
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    if options.all_steps {
        let steps = all_steps()?.into_iter();
        return Ok(steps
            .map(|(name, path)| (name, Source::Program(path, arguments.clone())))
            .collect());
    }
    let program = match &options.server_bin {
        Some(path) => existing(path)?,
        None => newest_step()?,
    };
    Ok(vec![(
        "ours".to_owned(),
        Source::Program(program, arguments),
    )])
}

/// The program of this name, or an error that names it.
fn existing(path: &Path) -> Result<PathBuf> {
    target::find_program(path).with_context(|| format!("there is no program {}", path.display()))
}

/// The folder of release builds, in the same `target` folder as this program.
fn builds() -> Result<PathBuf> {
    let myself = std::env::current_exe()?;
    let profile = myself.parent().unwrap_or(Path::new("."));
    Ok(profile.with_file_name("release"))
}

/// The names of all steps' programs in a folder, in order.
fn step_names(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| step_number(name).is_some()).collect();
    names.sort();
    names
}

/// 5, if this is what cargo calls the program of a step, like
/// `step05-aof-persistence`.
fn step_number(name: &str) -> Option<u8> {
    let (number, _) = name.strip_prefix("step0")?.split_once('-')?;
    let number = number.parse().ok()?;
    (number <= 9 && !name.contains('.')).then_some(number)
}

/// The newest step of which there is a release build.
fn newest_step() -> Result<PathBuf> {
    let folder = builds()?;
    let newest = step_names(&folder).pop();
    newest
        .map(|name| folder.join(name))
        .with_context(|| not_built(&folder))
}

/// Every step that has GET and SET: 03 and later.
fn all_steps() -> Result<Vec<(String, PathBuf)>> {
    let folder = builds()?;
    let names = step_names(&folder).into_iter();
    let steps: Vec<_> = names
        .filter(|name| step_number(name) >= Some(3))
        .map(|name| (name[..6].to_owned(), folder.join(&name)))
        .collect();
    if steps.is_empty() {
        bail!(not_built(&folder));
    }
    Ok(steps)
}

fn not_built(folder: &Path) -> String {
    format!(
        "no step is built in {}: run `make 10-capstone`, or for example \
         `cargo build --release -p step05-aof-persistence` and then this again",
        folder.display()
    )
}

/// Step 01, unless nobody wants it or it is not built.
fn floor(options: &Options) -> Option<PathBuf> {
    if options.no_floor {
        return None;
    }
    let folder = builds().ok()?;
    let echo = step_names(&folder)
        .into_iter()
        .find(|name| step_number(name) == Some(1));
    if echo.is_none() {
        eprintln!("notice: step 01 is not built, so there is no floor to compare with");
    }
    echo.map(|name| folder.join(name))
}

/// The program of Redis; none, if this machine has none.
fn redis_program(options: &Options) -> Result<Option<PathBuf>> {
    if let Some(path) = &options.redis_bin {
        return existing(path).map(Some);
    }
    let found = target::find_program(Path::new("redis-server"));
    if found.is_none() && options.redis.is_none() {
        if std::env::var("CI").is_ok_and(|value| value == "true") {
            bail!("there is no redis-server on the PATH, and CI must compare with it");
        }
        eprintln!("{NO_REDIS}");
    }
    Ok(found)
}

/// The Redis to compare with.
fn redis_source(options: &Options, program: Option<&PathBuf>) -> Option<Source> {
    if let Some(address) = &options.redis {
        return Some(Source::Address(address.clone()));
    }
    let arguments = REDIS_ARGUMENTS.map(str::to_owned).to_vec();
    program.map(|program| Source::Program(program.clone(), arguments))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_of_steps_are_told_from_others() {
        assert_eq!(step_number("step05-aof-persistence"), Some(5));
        for other in [
            "step05-aof-persistence.d",
            "step10-capstone",
            "xtask",
            "step0",
            "step0x-a",
        ] {
            assert_eq!(step_number(other), None, "{other}");
        }
    }
}
