//! Samples become figures: throughput, percentiles, CPU time per command.
//!
//! This file owns the arithmetic of one measurement and the names of its results. Percentiles are
//! never averaged. The percentile of a round comes from the histogram of that round, and over
//! several rounds the median is shown, which one disturbed round cannot change much.

use std::time::Duration;

use enum_map::{Enum, EnumMap};
use hdrhistogram::Histogram;
use serde::Serialize;
use strum::{IntoStaticStr, VariantArray};

use super::window::Measurement;
use crate::operation::Operation;

/// One figure of a server, with its name in the JSON file and its title in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, IntoStaticStr, VariantArray, Serialize)]
pub enum Figure {
    /// Commands per second.
    #[serde(rename = "ops_per_sec")]
    #[strum(to_string = "ops/s")]
    Ops,
    /// Latencies in microseconds, from writing a batch to reading the reply.
    #[serde(rename = "p50_us")]
    #[strum(to_string = "p50 µs")]
    P50,
    #[serde(rename = "p95_us")]
    #[strum(to_string = "p95 µs")]
    P95,
    #[serde(rename = "p99_us")]
    #[strum(to_string = "p99 µs")]
    P99,
    #[serde(rename = "p99_9_us")]
    #[strum(to_string = "p99.9 µs")]
    P999,
    #[serde(rename = "max_us")]
    #[strum(to_string = "max µs")]
    Max,
    /// CPU time of the server's process per command, in microseconds.
    #[serde(rename = "server_cpu_us_per_op")]
    #[strum(to_string = "CPU µs/op")]
    Cpu,
}

impl Figure {
    /// The name and the unit of the figure, as the head of a column.
    pub fn title(self) -> &'static str {
        self.into()
    }

    /// The name of the figure without its unit.
    pub fn name(self) -> &'static str {
        self.title().split(' ').next().unwrap_or_default()
    }
}

/// The commands whose figures are kept separately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Command {
    /// All commands together.
    All,
    Get,
    Set,
}

/// The figures of a server, or the ratios of two servers. An unknown figure is `None`.
pub type Figures = EnumMap<Figure, Option<f64>>;

/// Figures of all commands together, of GET and of SET.
pub type ByCommand = EnumMap<Command, Figures>;

/// The figures of a histogram of nanoseconds. `server` is the CPU time that the server used for all
/// these commands together.
fn figures(latencies: &Histogram<u64>, wall: Duration, server: Option<Duration>) -> Figures {
    let count = latencies.len() as f64;
    let server = server.filter(|_| count > 0.0);
    Figures::from_fn(|figure| match figure {
        Figure::Ops => Some(count / wall.as_secs_f64()),
        Figure::P50 => microseconds_at(latencies, 50.0),
        Figure::P95 => microseconds_at(latencies, 95.0),
        Figure::P99 => microseconds_at(latencies, 99.0),
        Figure::P999 => microseconds_at(latencies, 99.9),
        Figure::Max => microseconds_at(latencies, 100.0),
        Figure::Cpu => server.map(|time| time.as_secs_f64() * 1e6 / count),
    })
}

/// A percentile of a histogram of nanoseconds, in microseconds; `None` if it has no samples.
fn microseconds_at(histogram: &Histogram<u64>, percent: f64) -> Option<f64> {
    (!histogram.is_empty()).then(|| histogram.value_at_percentile(percent) as f64 / 1000.0)
}

/// A number with three significant digits, or with all digits before the point.
pub fn three_digits(number: f64) -> String {
    match number {
        number if number >= 99.95 => format!("{number:.0}"),
        number if number >= 9.995 => format!("{number:.1}"),
        number => format!("{number:.2}"),
    }
}

/// How busy the load generator, the server and other programs were: 1.0 is one core all the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Share {
    /// Time in which the load generator ran.
    Generator,
    /// Time in which the load generator had work and waited for a core.
    GeneratorWaiting,
    Server,
    /// Time in which the server had work and waited for a core.
    ServerWaiting,
    /// CPU time of programs that have no part in the measurement.
    Others,
    /// In an open loop, the 99th percentile of how late commands were sent, in microseconds.
    LateP99Us,
}

/// All shares; an unknown share is `None`.
pub type Busy = EnumMap<Share, Option<f64>>;

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
        let samples = &measured.samples;
        let wall = measured.wall;
        let share = |time: Duration| time.as_secs_f64() / wall.as_secs_f64();
        let (generator, server) = (measured.generator, measured.server);
        // Nobody can tell which part of the server's CPU time went to GET.
        let of = |operation| figures(&samples.latencies[operation], wall, None);
        Self {
            figures: ByCommand::from_fn(|command| match command {
                Command::All => figures(&samples.all(), wall, server.map(|it| it.running)),
                Command::Get => of(Operation::Get),
                Command::Set => of(Operation::Set),
            }),
            busy: Busy::from_fn(|part| match part {
                Share::Generator => Some(share(generator.running)),
                Share::GeneratorWaiting => Some(share(generator.waiting)),
                Share::Server => server.map(|it| share(it.running)),
                Share::ServerWaiting => server.map(|it| share(it.waiting)),
                Share::Others => measured.others.map(share),
                Share::LateP99Us => microseconds_at(&samples.lateness, 99.0),
            }),
        }
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
    fn numbers_have_three_digits() {
        let shown = [0.123, 1.0, 9.994, 9.996, 45.67, 99.96, 123.4, 98_765.4].map(three_digits);
        assert_eq!(
            shown,
            [
                "0.12", "1.00", "9.99", "10.0", "45.7", "100", "123", "98765"
            ]
        );
    }

    #[test]
    fn percentiles_are_those_of_the_samples() {
        let second = Duration::from_secs(1);
        let figures = super::figures(&microseconds(10_000), second * 2, Some(second));
        assert_close(figures[Figure::Ops], 5000.0);
        assert_close(figures[Figure::P50], 5000.0);
        assert_close(figures[Figure::P95], 9500.0);
        assert_close(figures[Figure::P99], 9900.0);
        assert_close(figures[Figure::P999], 9990.0);
        assert_close(figures[Figure::Max], 10_000.0);
        assert_close(figures[Figure::Cpu], 100.0);
    }

    #[test]
    fn without_samples_there_is_no_latency() {
        let figures = super::figures(
            &microseconds(0),
            Duration::from_secs(1),
            Some(Duration::ZERO),
        );
        assert_eq!(
            figures.into_array(),
            [Some(0.0), None, None, None, None, None, None]
        );
    }
}
