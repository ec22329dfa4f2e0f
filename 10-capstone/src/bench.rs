//! The plan of a run: contestants, scenarios, rounds.
//!
//! This file owns the order in which things happen. In each scenario the servers take turns, round
//! by round, and a different one begins each time. So a machine that becomes slower or faster
//! during the run affects all of them alike.

use anyhow::{Context, Result, ensure};

use crate::cli::Options;
use crate::cross_check::{self, Check, Told};
use crate::environment::Environment;
use crate::load::{self, Keys, Plan};
use crate::measure::disturbance;
use crate::measure::ratio;
use crate::measure::rounds::Rounds;
use crate::measure::window::Measurement;
use crate::operation::Operation;
use crate::progress::Progress;
use crate::report::results::{Outcome, Results, Side};
use crate::scenario::{Condition, Scenario};
use crate::servers::contestant::{About, Contestant, Role};
use crate::servers::lineup;
use crate::standard::{self, TYPES};
use crate::worker;

/// The most bytes that all values together may take. If values are long, there are fewer keys.
const MOST_VALUE_BYTES: u32 = 128 * 1024 * 1024;

/// Measures everything that the options ask for.
pub async fn run(options: &Options) -> Result<Results> {
    if cfg!(debug_assertions) {
        eprintln!("notice: this is a debug build, whose load generator is slow: use --release");
    }
    let environment = Environment::here();
    let mut scenarios = options.scenarios()?;
    let contestants = lineup::start(options).await?;
    // What no step has is left out, unless it was asked for.
    let optional = standard::scenarios(if options.scenarios.is_empty() {
        TYPES
    } else {
        &[]
    });
    for scenario in optional {
        for step in contestants.iter().filter(|it| it.about.role == Role::Step) {
            if step.lacks(&scenario)?.is_some() {
                scenarios.retain(|it| *it != scenario);
            }
        }
    }
    let turns = scenarios.len() * contestants.len() * usize::from(options.rounds);
    let mut run = Run {
        progress: Progress::new(turns as u64),
        options,
        contestants,
    };
    let mut outcomes = Vec::new();
    for scenario in scenarios {
        outcomes.push(run.measure_scenario(scenario).await?);
    }
    let cross_checks = run.cross_checks().await?;
    Ok(Results {
        environment,
        seconds: options.seconds.as_secs_f64(),
        warmup_seconds: options.warmup.as_secs_f64(),
        rounds: options.rounds,
        keys: options.keys,
        seed: options.seed,
        cross_checks,
        servers: run.contestants.into_iter().map(|it| it.about).collect(),
        scenarios: outcomes,
    })
}

/// A run: its options and the servers that are measured.
struct Run<'a> {
    options: &'a Options,
    contestants: Vec<Contestant>,
    progress: Progress,
}

/// What is sent to all servers in a scenario.
struct Load {
    scenario: Scenario,
    keys: Keys,
}

/// The results of one server in a scenario, so far.
struct Entry {
    /// The index of the contestant.
    contestant: usize,
    /// The reason why it cannot take part.
    missing: Option<String>,
    rounds: Rounds,
}

impl Run<'_> {
    /// Measures every server in one scenario, in alternating rounds.
    async fn measure_scenario(&mut self, scenario: Scenario) -> Result<Outcome> {
        // Fewer keys, if values are long or if each has many.
        let room = MOST_VALUE_BYTES / scenario.value_bytes;
        let count = (self.options.keys.min(room) / scenario.operation.members()).max(1);
        let keys = Keys::new(scenario.popularity, count);
        let load = Load { scenario, keys };
        // A command with ten keys may begin with any of these and goes on after the last.
        let loaded = count + scenario.operation.keys() - 1;
        let mut entries = self.prepare(scenario, loaded).await?;
        for round in 0..usize::from(self.options.rounds) {
            let present = entries.iter_mut().filter(|it| it.missing.is_none());
            let mut present: Vec<_> = present.collect();
            for turn in ratio::turns(round, present.len()) {
                self.take_turn(&load, round, present[turn]).await?;
            }
        }
        let sides = self.contestants.iter().zip(entries);
        let sides = sides.map(|(it, entry)| Side::of(&it.about, entry.missing, entry.rounds));
        Ok(Outcome::of(scenario, count, sides.collect()))
    }

    /// Prepares all servers that can take part.
    async fn prepare(&mut self, scenario: Scenario, keys: u32) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for (number, contestant) in self.contestants.iter_mut().enumerate() {
            self.progress
                .preparing(&contestant.about.name, scenario, keys);
            let prepared = contestant.prepare(&scenario, keys).await;
            let prepared = prepared.or_else(|error| contestant.give_up(error).map(Some));
            let About { name, label, .. } = &contestant.about;
            let missing = prepared.with_context(|| format!("{name}, {label}"))?;
            if missing.is_some() {
                self.progress.skip(self.options.rounds);
            }
            entries.push(Entry {
                contestant: number,
                missing,
                rounds: Rounds::new()?,
            });
        }
        Ok(entries)
    }

    /// Measures one server in one round. If a peer fails, the reason is noted.
    async fn take_turn(&mut self, load: &Load, round: usize, entry: &mut Entry) -> Result<()> {
        let contestant = &self.contestants[entry.contestant];
        let (name, scenario) = (&contestant.about.name, load.scenario);
        self.progress.measuring(scenario, round, name);
        match self.measure(load, round, contestant).await {
            Ok(measured) => entry.rounds.add(&measured)?,
            Err(error) => {
                let place = format!("{name}, {scenario}");
                let reason = self.contestants[entry.contestant].give_up(error);
                entry.missing = Some(reason.context(place)?);
            }
        }
        self.progress.advance();
        Ok(())
    }

    /// Measures Redis with this benchmark and with `redis-benchmark`, in turns.
    async fn cross_checks(&mut self) -> Result<Vec<Check>> {
        let mut all = self.contestants.iter();
        let redis = all.position(|it| it.about.role == Role::Redis);
        let mut checks = Vec::new();
        if let Some(redis) = redis.filter(|_| self.options.cross_check) {
            for shape in cross_check::SHAPES {
                checks.push(self.cross_check(redis, shape).await?);
            }
        }
        Ok(checks)
    }

    async fn cross_check(&mut self, redis: usize, shape: (u16, u16)) -> Result<Check> {
        let (clients, pipeline) = shape;
        let scenario = Scenario {
            percent: 0,
            ..Scenario::plain(clients, pipeline, 16)
        };
        let count = self.options.keys;
        self.contestants[redis].prepare(&scenario, count).await?;
        let redis = &self.contestants[redis];
        let keys = Keys::new(scenario.popularity, count);
        let load = Load { scenario, keys };
        let port = redis.target()?.port();
        let port = port.context("only a Redis that was started here is cross-checked")?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..cross_check::ROUNDS {
            let measured = self.measure(&load, round, redis).await?;
            let commands = measured.samples.latencies[Operation::Set].len().max(1000);
            ours.push(Told::of(&measured));
            let run = move |_| cross_check::run(port, shape, commands);
            theirs.push(worker::run("redis-benchmark", run).await?);
        }
        Ok(Check {
            clients,
            pipeline,
            ours: Told::median(&ours),
            redis_benchmark: Told::median(&theirs),
        })
    }

    /// Measures one server once, with whatever it has to do besides. All servers get the same seed
    /// in the same round.
    async fn measure(&self, load: &Load, round: usize, who: &Contestant) -> Result<Measurement> {
        let target = who.target()?;
        let plan = Plan {
            address: target.address.clone(),
            pid: target.pid,
            answers: who.answers(),
            scenario: load.scenario,
            keys: load.keys.clone(),
            seed: self.options.seed.wrapping_add(round as u64),
            warmup: self.options.warmup,
            seconds: self.options.seconds,
        };
        let generator = worker::run("generator", move |stop| load::measure(&plan, stop));
        let measured = match load.scenario.condition {
            Condition::Bgsave => disturbance::while_saving(target.connect()?, generator).await?,
            _ => generator.await?,
        };
        let followed = who.is_followed()?;
        ensure!(followed, "the replica has lost its primary meanwhile");
        Ok(measured)
    }
}
