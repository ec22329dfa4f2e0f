//! From samples to figures: percentiles, medians over rounds, ratios.
//!
//! This file owns the arithmetic, and the shape of the results that the table and
//! the JSON file show. Percentiles are never averaged: the percentile of a round
//! comes from that round's own histogram, and of several rounds the median is
//! shown, which one disturbed round cannot move far.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

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
        let percentile =
            |percent| (count > 0.0).then(|| latencies.value_at_percentile(percent) as f64 / 1000.0);
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

    fn from_order(figures: [Option<f64>; 7]) -> Self {
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

    /// The median over rounds, figure by figure.
    fn median(rounds: &[Self]) -> Self {
        Self::from_order(std::array::from_fn(|column| {
            let all: Option<Vec<f64>> = rounds
                .iter()
                .map(|round| round.in_order()[column])
                .collect();
            median(&all?)
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

    fn median(rounds: &[Self]) -> Self {
        Self::each(|of| Figures::median(&rounds.iter().map(of).collect::<Vec<_>>()))
    }

    fn divided_by(&self, other: &Self) -> Self {
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
            },
        }
    }
}

/// All rounds of one server in one scenario.
#[derive(Debug, Serialize)]
pub struct Side {
    /// The median over rounds; of `max_us` the largest.
    #[serde(flatten)]
    pub figures: ByCommand,
    pub busy: Busy,
    pub verdict: Verdict,
    pub rounds: Vec<Round>,
}

impl Side {
    fn of(rounds: Vec<Round>) -> Self {
        let all: Vec<ByCommand> = rounds.iter().map(|round| round.figures).collect();
        let mut figures = ByCommand::median(&all);
        figures.all.max_us = largest(&all, |round| round.all.max_us);
        figures.get.max_us = largest(&all, |round| round.get.max_us);
        figures.set.max_us = largest(&all, |round| round.set.max_us);
        let busy = Busy {
            generator: share(&rounds, |busy| Some(busy.generator)).unwrap_or_default(),
            generator_waiting: share(&rounds, |busy| Some(busy.generator_waiting))
                .unwrap_or_default(),
            server: share(&rounds, |busy| busy.server),
            server_waiting: share(&rounds, |busy| busy.server_waiting),
            others: share(&rounds, |busy| busy.others),
        };
        Self {
            figures,
            busy,
            verdict: Verdict::of(&busy),
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

/// Both servers in one scenario.
#[derive(Debug, Serialize)]
pub struct Outcome {
    pub scenario: Scenario,
    pub ours: Side,
    pub redis: Option<Side>,
    /// Ours/Redis: the median over rounds of each round's ratio.
    pub ratio: Option<ByCommand>,
}

impl Outcome {
    /// Puts the rounds together. Round by round, both servers were measured right
    /// after each other; so what disturbs the machine for longer than a round
    /// disturbs both, and leaves their ratio.
    pub fn of(scenario: Scenario, ours: Vec<Round>, redis: Vec<Round>) -> Self {
        let ratios: Vec<ByCommand> = ours
            .iter()
            .zip(&redis)
            .map(|(ours, redis)| ours.figures.divided_by(&redis.figures))
            .collect();
        let compared = !ratios.is_empty();
        Self {
            scenario,
            ours: Side::of(ours),
            redis: compared.then(|| Side::of(redis)),
            ratio: compared.then(|| ByCommand::median(&ratios)),
        }
    }
}

/// What a run found: everything that the report shows.
#[derive(Debug, Serialize)]
pub struct Results {
    pub cores: usize,
    pub seconds: f64,
    pub warmup_seconds: f64,
    pub rounds: u16,
    pub keys: u32,
    pub seed: u64,
    /// What the server calls itself.
    pub ours: String,
    pub redis: Option<String>,
    pub scenarios: Vec<Outcome>,
}

/// The middle value; of an even number, the mean of the two in the middle.
fn median(numbers: &[f64]) -> Option<f64> {
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
mod tests {
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

    fn round(latency_us: u64, server_us: u64) -> Round {
        let mut get = microseconds(0);
        get.record_n(latency_us * 1000, 100).unwrap();
        Round::of(&Measurement {
            wall: Duration::from_secs(1),
            set: get.clone(),
            get,
            generator: CpuTime::default(),
            server: Some(CpuTime {
                running: Duration::from_micros(server_us),
                waiting: Duration::ZERO,
            }),
            others: None,
        })
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
        let ours = vec![round(10, 1000), round(100, 10_000), round(10, 1000)];
        let redis = vec![round(20, 4000), round(200, 40_000), round(40, 4000)];
        let outcome = Outcome::of("1x1x16".parse().unwrap(), ours, redis);
        let ratio = outcome.ratio.unwrap().all;
        assert_close(ratio.p50_us, 0.5);
        assert_close(ratio.server_cpu_us_per_op, 0.25);
        assert_close(ratio.ops_per_sec, 1.0);
        // Of all maxima the largest is shown.
        assert_close(outcome.ours.figures.all.max_us, 100.0);
        assert_close(outcome.ours.figures.all.p50_us, 10.0);
    }

    #[test]
    fn one_server_alone_has_no_ratio() {
        let outcome = Outcome::of("1x1x16".parse().unwrap(), vec![round(10, 1)], vec![]);
        assert!(outcome.redis.is_none() && outcome.ratio.is_none());
    }
}
