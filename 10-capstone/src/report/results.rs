//! What a run found: the shape of the results that the table, the page and the JSON
//! file show.
//!
//! This file owns how rounds become one side of a scenario. Only the latency curve is
//! of all rounds together, because its far end needs every sample there is.

use anyhow::Result;
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::cross_check::{self, Check};
use crate::environment::Environment;
use crate::measure::comparison::Comparison;
use crate::measure::curve::{self, Point};
use crate::measure::figures::{Busy, ByCommand, Round, median};
use crate::measure::verdict::Verdict;
use crate::measure::window::Measurement;
use crate::scenario::Scenario;
use crate::servers::contestant::{Contestant, Role};

/// The rounds of one server in one scenario, as they come in.
pub struct Rounds {
    server: String,
    role: Role,
    missing: Option<String>,
    rounds: Vec<Round>,
    /// The latencies of all rounds and commands.
    latencies: Histogram<u64>,
}

impl Rounds {
    /// No rounds yet; or never, for the reason given.
    pub fn new(contestant: &Contestant, missing: Option<String>) -> Result<Self> {
        Ok(Self::named(&contestant.name, contestant.role, missing)?)
    }

    fn named(
        server: &str,
        role: Role,
        missing: Option<String>,
    ) -> Result<Self, hdrhistogram::CreationError> {
        Ok(Self {
            server: server.to_owned(),
            role,
            missing,
            rounds: Vec::new(),
            latencies: Histogram::new(3)?,
        })
    }

    /// Takes one measurement.
    pub fn add(&mut self, measured: &Measurement) -> Result<()> {
        self.rounds.push(Round::of(measured));
        self.latencies.add(&measured.get)?;
        self.latencies.add(&measured.set)?;
        Ok(())
    }

    /// What `redis-benchmark` tells too: the median over rounds of both commands.
    pub fn like_redis_benchmark(&self) -> Option<cross_check::Figures> {
        let figures = ByCommand::over(&self.figures(), median).all;
        Some(cross_check::Figures {
            ops_per_sec: figures.ops_per_sec?,
            mean_us: self.latencies.mean() / 1000.0,
            p50_us: figures.p50_us?,
            p95_us: figures.p95_us?,
            p99_us: figures.p99_us?,
        })
    }

    fn figures(&self) -> Vec<ByCommand> {
        self.rounds.iter().map(|round| round.figures).collect()
    }
}

/// One server in one scenario.
#[derive(Debug, Serialize)]
pub struct Side {
    /// What the server is called, as in [`Competitor`].
    pub server: String,
    pub role: Role,
    /// Why it was not measured; none, if it was.
    pub missing: Option<String>,
    #[serde(flatten)]
    pub measured: Option<Measured>,
}

impl Side {
    fn of(all: Rounds, redis: &[ByCommand]) -> Self {
        let figures = all.figures();
        let (server, role, missing) = (all.server, all.role, all.missing);
        let compared = role == Role::Step && missing.is_none() && !redis.is_empty();
        let ratio = compared.then(|| Comparison::of(&figures, redis));
        let measured = (!all.rounds.is_empty()).then(|| Measured {
            curve: curve::of(&all.latencies),
            ..Measured::of(all.rounds, &figures, ratio)
        });
        Self {
            server,
            role,
            missing,
            measured,
        }
    }
}

/// All rounds of one server in one scenario.
#[derive(Debug, Serialize)]
pub struct Measured {
    /// The median over rounds; of `max_us` the largest.
    #[serde(flatten)]
    pub figures: ByCommand,
    pub busy: Busy,
    pub verdict: Verdict,
    /// This server/Redis.
    pub ratio: Option<Comparison>,
    /// Percentile by percentile, over all rounds together.
    pub curve: Vec<Point>,
    pub rounds: Vec<Round>,
}

impl Measured {
    fn of(rounds: Vec<Round>, all: &[ByCommand], ratio: Option<Comparison>) -> Self {
        let mut figures = ByCommand::over(all, median);
        figures.all.max_us = largest(all, |round| round.all.max_us);
        figures.get.max_us = largest(all, |round| round.get.max_us);
        figures.set.max_us = largest(all, |round| round.set.max_us);
        let busy = Busy {
            generator: share(&rounds, |busy| Some(busy.generator)).unwrap_or_default(),
            generator_waiting: share(&rounds, |busy| Some(busy.generator_waiting))
                .unwrap_or_default(),
            server: share(&rounds, |busy| busy.server),
            server_waiting: share(&rounds, |busy| busy.server_waiting),
            others: share(&rounds, |busy| busy.others),
            late_p99_us: share(&rounds, |busy| busy.late_p99_us),
        };
        Self {
            verdict: Verdict::of(&busy, figures.all.p99_us),
            figures,
            busy,
            ratio,
            curve: Vec::new(),
            rounds,
        }
    }
}

/// The median share over rounds.
fn share(rounds: &[Round], of: impl Fn(&Busy) -> Option<f64>) -> Option<f64> {
    median(
        &rounds
            .iter()
            .map(|round| of(&round.busy))
            .collect::<Option<Vec<_>>>()?,
    )
}

fn largest(rounds: &[ByCommand], of: impl Fn(&ByCommand) -> Option<f64>) -> Option<f64> {
    rounds.iter().filter_map(of).max_by(f64::total_cmp)
}

/// All servers in one scenario.
#[derive(Debug, Serialize)]
pub struct Outcome {
    pub scenario: Scenario,
    /// The scenario in words.
    pub name: String,
    /// How many keys there were.
    pub keys: u32,
    pub sides: Vec<Side>,
}

impl Outcome {
    /// Puts the rounds together. Round by round, all servers were measured right
    /// after each other; so what disturbs the machine for longer than a round
    /// disturbs all of them, and leaves their ratio.
    pub fn of(scenario: Scenario, keys: u32, sides: Vec<Rounds>) -> Self {
        let redis = sides.iter().find(|side| side.role == Role::Redis);
        let redis = redis.map(Rounds::figures).unwrap_or_default();
        Self {
            scenario,
            name: scenario.to_string(),
            keys,
            sides: sides
                .into_iter()
                .map(|side| Side::of(side, &redis))
                .collect(),
        }
    }

    /// What was measured of the Redis in this scenario.
    pub fn redis(&self) -> Option<&Measured> {
        let redis = self.sides.iter().find(|side| side.role == Role::Redis)?;
        redis.measured.as_ref()
    }
}

/// One of those who were measured.
#[derive(Debug, Serialize)]
pub struct Competitor {
    /// `ours`, `redis`, `floor` or `step03`.
    pub name: String,
    pub role: Role,
    /// Its program and version.
    pub label: String,
    /// The arguments that it was started with.
    pub flags: String,
}

/// What a run found: everything that the report shows.
#[derive(Debug, Serialize)]
pub struct Results {
    pub environment: Environment,
    pub seconds: f64,
    pub warmup_seconds: f64,
    pub rounds: u16,
    pub keys: u32,
    pub seed: u64,
    pub servers: Vec<Competitor>,
    pub scenarios: Vec<Outcome>,
    /// The same Redis, measured by `redis-benchmark` too; empty, if nobody asked.
    pub cross_checks: Vec<Check>,
}

impl Results {
    /// Was there a Redis to compare with?
    pub fn has(&self, role: Role) -> bool {
        self.servers.iter().any(|server| server.role == role)
    }
}

#[cfg(test)]
pub mod tests {
    use std::time::Duration;

    use super::*;
    use crate::measure::cpu::CpuTime;
    use crate::measure::figures::tests::{assert_close, microseconds};

    fn measurement(latency_us: u64, server_us: u64) -> Measurement {
        let mut get = microseconds(0);
        get.record_n(latency_us * 1000, 100).unwrap();
        Measurement {
            wall: Duration::from_secs(1),
            set: get.clone(),
            get,
            lateness: microseconds(0),
            generator: CpuTime::default(),
            server: Some(CpuTime {
                running: Duration::from_micros(server_us),
                waiting: Duration::ZERO,
            }),
            others: None,
        }
    }

    /// The outcome of rounds with these latencies and CPU times, in microseconds.
    fn outcome(ours: &[(u64, u64)], redis: &[(u64, u64)]) -> Outcome {
        let rounds = |name, role, all: &[(u64, u64)]| {
            let mut rounds = Rounds::named(name, role, None).unwrap();
            for (latency, cpu) in all {
                rounds.add(&measurement(*latency, *cpu)).unwrap();
            }
            rounds
        };
        let sides = vec![
            rounds("ours", Role::Step, ours),
            rounds("redis", Role::Redis, redis),
        ];
        Outcome::of(Scenario::plain(1, 1, 16), 100, sides)
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        // The machine is ten times slower in the second round, for both.
        let outcome = outcome(
            &[(10, 1000), (100, 10_000), (10, 1000)],
            &[(20, 4000), (200, 40_000), (40, 4000)],
        );
        let ours = outcome.sides[0].measured.as_ref().unwrap();
        let ratio = ours.ratio.as_ref().unwrap();
        assert_close(ratio.median.all.p50_us, 0.5);
        assert_close(ratio.low.all.p50_us, 0.25);
        assert_close(ratio.high.all.p50_us, 0.5);
        assert_close(ratio.median.all.server_cpu_us_per_op, 0.25);
        assert_close(ratio.median.all.ops_per_sec, 1.0);
        // Of all maxima the largest is shown.
        assert_close(ours.figures.all.max_us, 100.0);
        assert_close(ours.figures.all.p50_us, 10.0);
        // Redis is not compared with itself.
        assert!(outcome.redis().unwrap().ratio.is_none());
    }

    #[test]
    fn one_server_alone_has_no_ratio() {
        let outcome = outcome(&[(10, 1)], &[]);
        assert!(outcome.redis().is_none());
        assert!(outcome.sides[0].measured.as_ref().unwrap().ratio.is_none());
    }

    #[test]
    fn the_curve_is_of_all_rounds_together() {
        let outcome = outcome(&[(10, 1), (1000, 1)], &[]);
        let curve = &outcome.sides[0].measured.as_ref().unwrap().curve;
        assert_close(curve.first().map(|point| point.us), 10.0);
        assert_close(curve.last().map(|point| point.us), 1000.0);
    }

    /// Results to draw and to describe: one scenario with a difference and one without
    /// ours.
    pub fn sample() -> Results {
        let mut first = outcome(&[(10, 1), (11, 1), (30, 1)], &[(20, 2), (21, 2), (22, 2)]);
        first.name = "50×1, 16 B".to_owned();
        let mut second = outcome(&[], &[(20, 2), (21, 2), (22, 2)]);
        second.sides[0].missing = Some("step05-aof-persistence does not have it yet".to_owned());
        let server = |name: &str, role| Competitor {
            name: name.to_owned(),
            role,
            label: format!("{name} 1.0"),
            flags: String::new(),
        };
        Results {
            environment: Environment {
                cpu: Some("A CPU".to_owned()),
                arguments: Vec::new(),
                ..Environment::here()
            },
            seconds: 1.0,
            warmup_seconds: 0.1,
            rounds: 3,
            keys: 100,
            seed: 1,
            servers: vec![server("ours", Role::Step), server("redis", Role::Redis)],
            scenarios: vec![first, second],
            cross_checks: Vec::new(),
        }
    }
}
