//! From samples to figures: percentiles, and medians over rounds.
//!
//! This file owns the arithmetic. Percentiles are never averaged: the percentile of a
//! round comes from that round's own histogram, and of several rounds the median is
//! shown, which one disturbed round cannot move far.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::window::Measurement;

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

    /// A histogram of 1, 2, … `count` microseconds.
    pub fn microseconds(count: u64) -> Histogram<u64> {
        let mut histogram = Histogram::new_with_max(60_000_000_000, 3).unwrap();
        for number in 1..=count {
            histogram.record(number * 1000).unwrap();
        }
        histogram
    }

    /// Equal to three digits, which is what a histogram keeps.
    pub fn assert_close(found: Option<f64>, expected: f64) {
        let found = found.expect("a number");
        assert!(
            (found / expected - 1.0).abs() < 0.002,
            "{found} is not {expected}"
        );
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
}
