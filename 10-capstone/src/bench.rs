//! The plan of a run: contestants, scenarios, rounds.
//!
//! This file owns the order in which things happen. In each scenario the servers
//! take turns, round by round, and the one that begins alternates too. So a
//! machine that grows slower or faster over the run hits all alike.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail, ensure};

use crate::cli::Options;
use crate::cross_check::{self, Check};
use crate::environment::Environment;
use crate::load::{self, Keys, Plan};
use crate::measure::disturbance;
use crate::measure::window::Measurement;
use crate::progress::Progress;
use crate::report::results::{Competitor, Outcome, Results, Rounds};
use crate::scenario::{Condition, Scenario};
use crate::servers::contestant::{Contestant, Role};
use crate::servers::lineup;
use crate::worker;

/// All values together take no more than this: fewer keys, if they are long.
const MOST_VALUE_BYTES: u32 = 128 * 1024 * 1024;

/// Measures everything that the options ask for.
pub async fn run(options: &Options) -> Result<Results> {
    if cfg!(debug_assertions) {
        eprintln!("notice: this is a debug build, whose load generator is slow: use --release");
    }
    let scenarios = options.scenarios()?;
    let environment = Environment::here();
    let mut contestants = lineup::start(options).await?;
    let mut progress = Progress::new(measurements(options, &scenarios, &contestants));
    let mut outcomes = Vec::new();
    for scenario in scenarios {
        let outcome = measure_scenario(options, scenario, &mut contestants, &mut progress);
        outcomes.push(outcome.await?);
    }
    let cross_checks = cross_checks(options, &mut contestants).await?;
    let competitor = |contestant: &Contestant| Competitor {
        name: contestant.name.clone(),
        role: contestant.role,
        label: contestant.label.clone(),
        flags: contestant.flags(),
    };
    Ok(Results {
        environment,
        seconds: options.seconds.as_secs_f64(),
        warmup_seconds: options.warmup.as_secs_f64(),
        rounds: options.rounds,
        keys: options.keys,
        seed: options.seed,
        servers: contestants.iter().map(competitor).collect(),
        scenarios: outcomes,
        cross_checks,
    })
}

/// How many measurements there will be, if everybody can do everything.
fn measurements(options: &Options, scenarios: &[Scenario], contestants: &[Contestant]) -> u64 {
    let sides = |scenario: &Scenario| {
        let sides = contestants.iter().filter(|it| takes_part(it, scenario));
        sides.count() as u64
    };
    scenarios.iter().map(sides).sum::<u64>() * u64::from(options.rounds)
}

fn takes_part(contestant: &Contestant, scenario: &Scenario) -> bool {
    contestant.role != Role::Floor || scenario.has_floor()
}

/// The keys of a scenario.
fn keys(options: &Options, scenario: &Scenario) -> u32 {
    let room = (MOST_VALUE_BYTES / scenario.value_bytes).max(1);
    options.keys.min(room)
}

/// Measures every server in one scenario, in alternating rounds.
async fn measure_scenario(
    options: &Options,
    scenario: Scenario,
    contestants: &mut [Contestant],
    progress: &mut Progress,
) -> Result<Outcome> {
    let count = keys(options, &scenario);
    let keys = Keys::new(scenario.popularity, count);
    let mut sides: Vec<Rounds> = Vec::new();
    let mut present = Vec::new();
    for contestant in contestants.iter_mut() {
        if !takes_part(contestant, &scenario) {
            continue;
        }
        let about = format!("{}, {}", contestant.name, contestant.label);
        let missing = contestant.cannot(&scenario).context(about.clone())?;
        sides.push(Rounds::new(contestant, missing.clone())?);
        match missing {
            Some(_) => progress.skip(options.rounds),
            None => {
                progress.preparing(&contestant.name, scenario, count);
                contestant.prepare(&scenario, count).await.context(about)?;
                present.push((sides.len() - 1, &*contestant));
            }
        }
    }
    for round in 0..usize::from(options.rounds) {
        for turn in 0..present.len() {
            let (side, contestant) = present[(turn + round) % present.len()];
            progress.measuring(scenario, round, &contestant.name);
            let plan = plan(options, scenario, round, contestant, &keys)?;
            let measured = measure(plan, contestant)
                .await
                .with_context(|| format!("{}, {scenario}", contestant.name))?;
            sides[side].add(&measured)?;
            progress.advance();
        }
    }
    Ok(Outcome::of(scenario, count, sides))
}

/// Measures Redis with this tool and with `redis-benchmark`, in turns.
async fn cross_checks(options: &Options, contestants: &mut [Contestant]) -> Result<Vec<Check>> {
    let redis = contestants.iter_mut().find(|it| it.role == Role::Redis);
    let Some(redis) = redis.filter(|_| options.cross_check) else {
        return Ok(Vec::new());
    };
    let mut checks = Vec::new();
    for (clients, pipeline) in cross_check::SHAPES {
        let scenario = Scenario {
            get_percent: 0,
            ..Scenario::plain(clients, pipeline, 16)
        };
        redis.prepare(&scenario, options.keys).await?;
        let port = redis
            .target()?
            .port()
            .context("only a Redis that was started here is checked: its keys are written to")?;
        let mut ours = Rounds::new(redis, None)?;
        let mut theirs = Vec::new();
        let keys = Keys::new(scenario.popularity, options.keys);
        for round in 0..cross_check::ROUNDS {
            let measured = measure(plan(options, scenario, round, redis, &keys)?, redis).await?;
            let commands = measured.set.len().max(1000);
            ours.add(&measured)?;
            let shape = (clients, pipeline);
            let run = move |_| cross_check::run(port, shape, commands);
            theirs.push(worker::run("redis-benchmark", run).await?);
        }
        let ours = ours.like_redis_benchmark();
        let both = ours.zip(cross_check::Figures::median(&theirs));
        let (ours, redis_benchmark) = both.context("nothing was measured to be checked")?;
        checks.push(Check {
            clients,
            pipeline,
            ours,
            redis_benchmark,
        });
    }
    Ok(checks)
}

/// All servers get the same seed in the same round.
fn plan(
    options: &Options,
    scenario: Scenario,
    round: usize,
    contestant: &Contestant,
    keys: &Keys,
) -> Result<Plan> {
    let target = contestant.target()?;
    Ok(Plan {
        address: target.address.clone(),
        pid: target.pid,
        answers: contestant.answers(),
        scenario,
        keys: keys.clone(),
        seed: options.seed.wrapping_add(round as u64),
        warmup: options.warmup,
        seconds: options.seconds,
    })
}

/// Measures one server once, with whatever else it has to do meanwhile.
async fn measure(plan: Plan, contestant: &Contestant) -> Result<Measurement> {
    let condition = plan.scenario.condition;
    let generator = worker::run("generator", move |stop| load::measure(&plan, stop));
    if condition == Condition::Bgsave {
        return measure_saving(generator, contestant).await;
    }
    let measured = generator.await?;
    ensure!(
        contestant.is_followed()?,
        "the replica has lost its primary: this was not measured with a replica"
    );
    Ok(measured)
}

/// Measures while the server saves, and waits for the last save.
async fn measure_saving(
    generator: impl Future<Output = Result<Measurement>>,
    contestant: &Contestant,
) -> Result<Measurement> {
    let mut server = contestant.target()?.connect()?;
    let begun = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&begun);
    let saving = worker::run("bgsave", move |mut stop| {
        disturbance::keep_saving(&mut server, &counter, &mut stop)
    });
    let measured = tokio::select! {
        measured = generator => measured?,
        ended = saving => {
            ended?;
            bail!("the saving ended before its time");
        }
    };
    ensure!(begun.load(Ordering::Relaxed) > 0, "no BGSAVE was begun");
    let mut server = contestant.target()?.connect()?;
    worker::run("last save", move |mut stop| {
        disturbance::let_saves_end(&mut server, &mut stop)
    })
    .await?;
    Ok(measured)
}
