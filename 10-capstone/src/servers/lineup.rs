//! The servers that are measured: the workshop's steps, Redis, peers, and the floor.
//!
//! This file owns where their programs are found. The programs of steps are release builds in the
//! `target` folder that contains this program; the Makefile builds them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::contestant::{Candidate, Contestant, Role, Source};
use crate::cli::Options;

/// The arguments of the private Redis: it saves nothing, and only this machine can connect.
const REDIS_ARGUMENTS: &str = "--save '' --appendonly no --bind 127.0.0.1 --daemonize no";

/// The notice that there is no Redis to compare with.
pub const NO_REDIS: &str = "notice: there is no redis-server on the PATH, so ours is measured \
                            alone. `make redis` installs it.";

/// Starts all servers that the options ask for.
pub async fn start(options: &Options) -> Result<Vec<Contestant>> {
    let redis = redis_program(options)?;
    let mut all = steps(options)?;
    let address = options.redis.clone().map(Source::Address);
    let source = address.or_else(|| {
        let arguments = shlex::split(REDIS_ARGUMENTS)?;
        Some(Source::Program(redis.clone()?, arguments))
    });
    all.extend(source.map(|it| ("redis".to_owned(), Role::Redis, it)));
    if let Some(count) = options.io_threads {
        let more = all.iter().filter_map(|one| with_threads(one, count));
        all.extend(more.collect::<Vec<_>>());
    }
    for peer in options.peers.clone() {
        let source = Source::Program(existing(&peer.program)?, peer.arguments);
        all.push((peer.name, Role::Peer, source));
    }
    all.extend(floor(options)?.map(|it| ("floor".to_owned(), Role::Floor, it)));
    let mut contestants = Vec::new();
    for candidate in all {
        contestants.push(Contestant::new(candidate, redis.clone()).await?);
    }
    Ok(contestants)
}

/// The same program with more I/O threads, as one more server. `None` if it was not started here.
fn with_threads((name, role, source): &Candidate, count: u8) -> Option<Candidate> {
    let Source::Program(program, arguments) = source else {
        return None;
    };
    let mut flags = format!("--io-threads {count}");
    if *role == Role::Redis {
        // Without this flag, the I/O threads of Redis only write.
        flags += " --io-threads-do-reads yes";
    }
    let mut arguments = arguments.clone();
    arguments.extend(flags.split(' ').map(String::from));
    let source = Source::Program(program.clone(), arguments);
    Some((format!("{name}×{count}"), Role::Peer, source))
}

/// The steps to measure, with their names.
fn steps(options: &Options) -> Result<Vec<Candidate>> {
    let arguments = options.server_args.as_deref().unwrap_or_default();
    let arguments: Vec<_> = arguments.split_whitespace().map(String::from).collect();
    let source = |program| Source::Program(program, arguments.clone());
    let one = |source| Ok(vec![("ours".to_owned(), Role::Step, source)]);
    if let Some(address) = &options.server {
        return one(Source::Address(address.clone()));
    }
    if let Some(path) = &options.server_bin {
        return one(source(existing(path)?));
    }
    let mut built = built_steps()?;
    if options.all_steps {
        // Step 03 is the first to have GET and SET.
        built = built.split_off(&3);
    }
    let newest = built.values().next_back().context(
        "no step is built: run `make 10-capstone`, or for example \
         `cargo build --release -p step05-aof-persistence` and then this again",
    )?;
    if !options.all_steps {
        return one(source(newest.clone()));
    }
    let all = built.into_iter().map(|(number, program)| {
        let name = format!("step{number:02}");
        (name, Role::Step, source(program))
    });
    Ok(all.collect())
}

/// Looks for the program with this name.
fn existing(path: &Path) -> Result<PathBuf> {
    which::which(path).with_context(|| format!("there is no program {}", path.display()))
}

/// The programs of all steps by number: the release builds in the `target` folder that contains
/// this program.
fn built_steps() -> Result<BTreeMap<u8, PathBuf>> {
    let myself = std::env::current_exe()?;
    let profile = myself.parent().unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(profile.with_file_name("release"));
    let entries = entries.into_iter().flatten().flatten();
    let steps = entries.filter_map(|entry| {
        let number = step_number(entry.file_name().to_str()?)?;
        Some((number, entry.path()))
    });
    Ok(steps.collect())
}

/// The number of a step from the name that cargo gives its program: 5 for `step05-aof-persistence`.
fn step_number(name: &str) -> Option<u8> {
    let (number, _) = name.strip_prefix("step0")?.split_once('-')?;
    let number = number.parse().ok()?;
    (number <= 9 && !name.contains('.')).then_some(number)
}

/// The echo of step 01, unless it is not wanted or not built.
fn floor(options: &Options) -> Result<Option<Source>> {
    if options.no_floor {
        return Ok(None);
    }
    let echo = built_steps()?.remove(&1);
    if echo.is_none() {
        eprintln!("notice: step 01 is not built, so there is no floor to compare with");
    }
    Ok(echo.map(|program| Source::Program(program, Vec::new())))
}

/// The program of Redis; `None` if this machine has none.
fn redis_program(options: &Options) -> Result<Option<PathBuf>> {
    if let Some(path) = &options.redis_bin {
        return existing(path).map(Some);
    }
    let found = which::which("redis-server").ok();
    if found.is_none() && options.redis.is_none() {
        let in_ci = std::env::var("CI").as_deref() == Ok("true");
        ensure!(
            !in_ci,
            "there is no redis-server on the PATH, and CI must compare with it"
        );
        eprintln!("{NO_REDIS}");
    }
    Ok(found)
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
