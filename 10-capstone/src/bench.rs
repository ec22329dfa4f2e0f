//! The plan of a run: servers, scenarios, rounds.
//!
//! This file owns the order in which things happen. In each scenario the servers
//! take turns, round by round, and the one that begins alternates too. So a
//! machine that grows slower or faster over the run hits both alike.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cli::Options;
use crate::keyspace;
use crate::load::{self, Plan};
use crate::progress::Progress;
use crate::scenario::Scenario;
use crate::stats::{Outcome, Results, Round};
use crate::target::{self, Target};
use crate::worker;

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

/// Measures everything that the options ask for.
pub async fn run(options: &Options) -> Result<Results> {
    if cfg!(debug_assertions) {
        eprintln!("notice: this is a debug build, whose load generator is slow: use --release");
    }
    let mut sides = vec![Side::new("ours", start_ours(options).await?)];
    if let Some(redis) = start_redis(options).await? {
        sides.push(Side::new("redis", redis));
    }
    let scenarios = options.scenarios();
    let total = scenarios.len() * usize::from(options.rounds) * sides.len();
    let mut progress = Progress::new(total as u64);
    let mut outcomes = Vec::new();
    for scenario in scenarios {
        outcomes.push(measure_scenario(options, scenario, &mut sides, &mut progress).await?);
    }
    let mut labels = sides.iter().map(|side| side.target.label.clone());
    Ok(Results {
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        seconds: options.seconds.as_secs_f64(),
        warmup_seconds: options.warmup.as_secs_f64(),
        rounds: options.rounds,
        keys: options.keys,
        seed: options.seed,
        ours: labels.next().unwrap_or_default(),
        redis: labels.next(),
        scenarios: outcomes,
    })
}

/// One of the servers, and what its keys hold.
struct Side {
    name: &'static str,
    target: Target,
    loaded_bytes: Option<u32>,
}

impl Side {
    fn new(name: &'static str, target: Target) -> Self {
        Self {
            name,
            target,
            loaded_bytes: None,
        }
    }
}

/// Measures every server in one scenario, in alternating rounds.
async fn measure_scenario(
    options: &Options,
    scenario: Scenario,
    sides: &mut [Side],
    progress: &mut Progress,
) -> Result<Outcome> {
    for side in &mut *sides {
        load_keys(options.keys, scenario, side, progress)
            .await
            .with_context(|| format!("{}, {}", side.name, side.target.label))?;
    }
    let mut rounds = vec![Vec::new(); 2];
    for round in 0..usize::from(options.rounds) {
        for turn in 0..sides.len() {
            let index = (turn + round) % sides.len();
            let side = &sides[index];
            progress.measuring(scenario, round, side.name);
            let measured = measure(options, scenario, round, &side.target)
                .await
                .with_context(|| format!("{}, {scenario}", side.name))?;
            rounds[index].push(measured);
            progress.advance();
        }
    }
    let redis = rounds.pop().unwrap_or_default();
    Ok(Outcome::of(
        scenario,
        rounds.pop().unwrap_or_default(),
        redis,
    ))
}

/// Makes every key hold a value of the scenario's length.
async fn load_keys(
    keys: u32,
    scenario: Scenario,
    side: &mut Side,
    progress: &Progress,
) -> Result<()> {
    let value_bytes = scenario.value_bytes;
    if side.loaded_bytes == Some(value_bytes) {
        return Ok(());
    }
    progress.loading(side.name, keys, value_bytes);
    side.target.holds_keys(keys);
    let mut connection = side.target.connect()?;
    worker::run("load", move |mut stop| {
        keyspace::load(&mut connection, keys, value_bytes, &mut stop)
    })
    .await?;
    side.loaded_bytes = Some(value_bytes);
    Ok(())
}

/// Measures one server once. Both servers get the same seed in the same round.
async fn measure(
    options: &Options,
    scenario: Scenario,
    round: usize,
    target: &Target,
) -> Result<Round> {
    let plan = Plan {
        address: target.address.clone(),
        pid: target.pid,
        scenario,
        keys: options.keys,
        seed: options.seed.wrapping_add(round as u64),
        warmup: options.warmup,
        seconds: options.seconds,
    };
    let measured = worker::run("generator", move |stop| load::measure(&plan, stop)).await?;
    Ok(Round::of(&measured))
}

/// The server that is measured.
async fn start_ours(options: &Options) -> Result<Target> {
    if let Some(address) = &options.server {
        return Target::find(address);
    }
    let program = match &options.server_bin {
        Some(path) => target::find_program(path)
            .with_context(|| format!("there is no program {}", path.display()))?,
        None => built_server()?,
    };
    let arguments: Vec<&str> = options.server_args.split_whitespace().collect();
    Target::start(&program, &arguments).await
}

/// The newest step of which there is a release build, in the same `target` folder
/// as this program.
fn built_server() -> Result<PathBuf> {
    let myself = std::env::current_exe()?;
    let profile = myself.parent().unwrap_or(Path::new("."));
    let folder = profile.with_file_name("release");
    let names = std::fs::read_dir(&folder).into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    let newest = names.filter(|name| is_step(name)).max();
    newest.map(|name| folder.join(name)).with_context(|| {
        format!(
            "no step is built in {}: run `make 10-capstone`, or for example \
             `cargo build --release -p step05-aof-persistence` and then this again",
            folder.display()
        )
    })
}

/// Is this what cargo calls the program of a step, like `step05-aof-persistence`?
fn is_step(name: &str) -> bool {
    let number = name
        .strip_prefix("step0")
        .and_then(|rest| rest.bytes().next());
    number.is_some_and(|digit| digit.is_ascii_digit()) && !name.contains('.')
}

/// The Redis to compare with; none, if this machine has none.
async fn start_redis(options: &Options) -> Result<Option<Target>> {
    if let Some(address) = &options.redis {
        return Target::find(address).map(Some);
    }
    if let Some(path) = &options.redis_bin {
        let program = target::find_program(path)
            .with_context(|| format!("there is no program {}", path.display()))?;
        return Target::start(&program, &REDIS_ARGUMENTS).await.map(Some);
    }
    match target::find_program(Path::new("redis-server")) {
        Some(program) => Target::start(&program, &REDIS_ARGUMENTS).await.map(Some),
        None if std::env::var("CI").is_ok_and(|value| value == "true") => {
            bail!("there is no redis-server on the PATH, and CI must compare with it")
        }
        None => {
            eprintln!("{NO_REDIS}");
            Ok(None)
        }
    }
}

/// What is said when there is nothing to compare with.
pub const NO_REDIS: &str = "notice: there is no redis-server on the PATH, so ours is measured \
                            alone. `make redis` installs it.";
