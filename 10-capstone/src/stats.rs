//! From samples to figures: percentiles, medians over rounds, ratios.
//!
//! This file owns the arithmetic, and the shape of the results that the table, the
//! page and the JSON file show. Percentiles are never averaged: the percentile of a
//! round comes from that round's own histogram, and of several rounds the median is
//! shown, which one disturbed round cannot move far. Only the curve is of all
//! rounds together, because its far end needs every sample there is.

use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::comparison::Comparison;
use crate::contestant::{Contestant, Role};
use crate::cross_check::{self, Check};
use crate::curve::{self, Point};
use crate::environment::Environment;
use crate::load::Measurement;
use crate::scenario::Scenario;
use crate::verdict::Verdict;

/// What is measured of a server, or the ratio of it between two servers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figures {
    pub ops_per_sec: Option<f64>,
    /// Latencies in microseconds, from sending a batch to the reply.
    pub p50_us: Option<f64>,
    pub p95_us: Option<f64>,
    pub p99_us: Option<f64>,
    pub p99_9_us: Option<f64>,
    pub max_us: Option<f64>,
    /// CPU time of the server's process per command, in microseconds.
    pub server_cpu_us_per_op: Option<f64>,
}

impl Figures {
    /// The figures of a histogram of nanoseconds.
    fn of(latencies: &Histogram<u64>, wall: Duration, server: Option<Duration>) -> Self {
        let count = latencies.len() as f64;
        let percentile = |percent| microseconds_at(latencies, percent);
        Self {
            ops_per_sec: Some(count / wall.as_secs_f64()),
            p50_us: percentile(50.0),
            p95_us: percentile(95.0),
            p99_us: percentile(99.0),
            p99_9_us: percentile(99.9),
            max_us: percentile(100.0),
            server_cpu_us_per_op: server
                .filter(|_| count > 0.0)
                .map(|time| time.as_secs_f64() * 1e6 / count),
        }
    }

    /// The figures in the order of the table's columns.
    pub fn in_order(&self) -> [Option<f64>; 7] {
        [
            self.ops_per_sec,
            self.p50_us,
            self.p95_us,
            self.p99_us,
            self.p99_9_us,
            self.max_us,
            self.server_cpu_us_per_op,
        ]
    }

    pub fn from_order(figures: [Option<f64>; 7]) -> Self {
        let [
            ops_per_sec,
            p50_us,
            p95_us,
            p99_us,
            p99_9_us,
            max_us,
            server_cpu_us_per_op,
        ] = figures;
        Self {
            ops_per_sec,
            p50_us,
            p95_us,
            p99_us,
            p99_9_us,
            max_us,
            server_cpu_us_per_op,
        }
    }

    /// What `pick` makes of all rounds, figure by figure; unknown, if one is.
    fn over(rounds: &[Self], pick: fn(&[f64]) -> Option<f64>) -> Self {
        Self::from_order(std::array::from_fn(|column| {
            let all: Option<Vec<f64>> = rounds
                .iter()
                .map(|round| round.in_order()[column])
                .collect();
            pick(&all?)
        }))
    }

    /// These figures divided by others.
    fn divided_by(&self, other: &Self) -> Self {
        let (ours, theirs) = (self.in_order(), other.in_order());
        Self::from_order(std::array::from_fn(|column| {
            let divisor = theirs[column].filter(|number| *number > 0.0)?;
            Some(ours[column]? / divisor)
        }))
    }
}

/// Figures of both commands together, and of each.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct ByCommand {
    pub all: Figures,
    pub get: Figures,
    pub set: Figures,
}

impl ByCommand {
    fn each(of: impl Fn(fn(&Self) -> Figures) -> Figures) -> Self {
        Self {
            all: of(|figures| figures.all),
            get: of(|figures| figures.get),
            set: of(|figures| figures.set),
        }
    }

    /// What `pick` makes of all rounds, figure by figure.
    pub fn over(rounds: &[Self], pick: fn(&[f64]) -> Option<f64>) -> Self {
        Self::each(|of| Figures::over(&rounds.iter().map(of).collect::<Vec<_>>(), pick))
    }

    pub fn divided_by(&self, other: &Self) -> Self {
        Self::each(|of| of(self).divided_by(&of(other)))
    }
}

/// How busy everybody was during a measurement: 1.0 is one core, all the time.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Busy {
    /// The load generator ran.
    pub generator: f64,
    /// The load generator had work, and waited for a core.
    pub generator_waiting: f64,
    pub server: Option<f64>,
    /// The server had work, and waited for a core.
    pub server_waiting: Option<f64>,
    /// Programs that have no part in the measurement.
    pub others: Option<f64>,
    /// Of an open loop: in microseconds, how late all but one in a hundred commands
    /// were sent at most.
    pub late_p99_us: Option<f64>,
}

/// One round of one server.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Round {
    #[serde(flatten)]
    pub figures: ByCommand,
    pub busy: Busy,
}

impl Round {
    /// The figures of one measurement.
    pub fn of(measured: &Measurement) -> Self {
        let mut all = measured.get.clone();
        all.add(&measured.set)
            .expect("both histograms have the same bounds");
        let wall = measured.wall;
        let share = |time: Duration| time.as_secs_f64() / wall.as_secs_f64();
        let generator = measured.generator;
        Self {
            figures: ByCommand {
                all: Figures::of(&all, wall, measured.server.map(|server| server.running)),
                // Which of the server's time went to GET, nobody can tell.
                get: Figures::of(&measured.get, wall, None),
                set: Figures::of(&measured.set, wall, None),
            },
            busy: Busy {
                generator: share(generator.running),
                generator_waiting: share(generator.waiting),
                server: measured.server.map(|server| share(server.running)),
                server_waiting: measured.server.map(|server| share(server.waiting)),
                others: measured.others.map(share),
                late_p99_us: microseconds_at(&measured.lateness, 99.0),
            },
        }
    }
}

/// A percentile of nanoseconds, in microseconds; none of no samples.
fn microseconds_at(histogram: &Histogram<u64>, percent: f64) -> Option<f64> {
    (!histogram.is_empty()).then(|| histogram.value_at_percentile(percent) as f64 / 1000.0)
}

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

/// The middle value; of an even number, the mean of the two in the middle.
pub fn median(numbers: &[f64]) -> Option<f64> {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        length if length % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::cpu::CpuTime;

    /// A histogram of 1, 2, … `count` microseconds.
    fn microseconds(count: u64) -> Histogram<u64> {
        let mut histogram = Histogram::new_with_max(60_000_000_000, 3).unwrap();
        for number in 1..=count {
            histogram.record(number * 1000).unwrap();
        }
        histogram
    }

    /// Equal to three digits, which is what a histogram keeps.
    fn assert_close(found: Option<f64>, expected: f64) {
        let found = found.expect("a number");
        assert!(
            (found / expected - 1.0).abs() < 0.002,
            "{found} is not {expected}"
        );
    }

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
    fn percentiles_are_those_of_the_samples() {
        let second = Duration::from_secs(1);
        let figures = Figures::of(&microseconds(10_000), second * 2, Some(second));
        assert_close(figures.ops_per_sec, 5000.0);
        assert_close(figures.p50_us, 5000.0);
        assert_close(figures.p95_us, 9500.0);
        assert_close(figures.p99_us, 9900.0);
        assert_close(figures.p99_9_us, 9990.0);
        assert_close(figures.max_us, 10_000.0);
        assert_close(figures.server_cpu_us_per_op, 100.0);
    }

    #[test]
    fn without_samples_there_is_no_latency() {
        let figures = Figures::of(
            &microseconds(0),
            Duration::from_secs(1),
            Some(Duration::ZERO),
        );
        assert_eq!(
            figures.in_order(),
            [Some(0.0), None, None, None, None, None, None]
        );
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 3.0]), Some(3.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 9.0]), Some(3.5));
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
