//! The cross-check: the figures of this benchmark beside those of `redis-benchmark`.
//!
//! This file owns the doubt about this benchmark. Both tools send SET to the same Redis in turns,
//! and their percentiles should agree. Where they do not, Little's law says why: commands per
//! second times mean latency is the number of commands that a tool really had in flight. The others
//! waited inside the tool before its clock started.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use crate::measure::figures::{self, Figure, Figures, Round};
use crate::measure::rounds::median_of;
use crate::measure::window::Measurement;

/// Clients and pipeline of each comparison.
pub const SHAPES: [(u16, u16); 2] = [(50, 1), (50, 16)];
/// Number of measurements with each tool.
pub const ROUNDS: usize = 3;
/// A larger difference is explained.
const AGREES: f64 = 0.15;

/// What one tool measured.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Told {
    #[serde(flatten)]
    figures: Figures,
    mean_us: Option<f64>,
}

impl Told {
    /// How many commands were in flight at once, by Little's law.
    fn on_their_way(&self) -> f64 {
        let product = self.figures[Figure::Ops].zip(self.mean_us);
        product.map_or(0.0, |(ops_per_sec, mean)| ops_per_sec * mean / 1e6)
    }

    /// The figures of one measurement by this benchmark.
    pub fn of(measured: &Measurement) -> Self {
        Self {
            figures: Round::of(measured).figures[figures::Command::All],
            mean_us: Some(measured.samples.all().mean() / 1000.0),
        }
    }

    /// The median over the rounds of one tool, figure by figure.
    pub fn median(rounds: &[Self]) -> Self {
        let figure = |figure| median_of(rounds.iter().map(|round| round.figures[figure]));
        Self {
            figures: Figures::from_fn(figure),
            mean_us: median_of(rounds.iter().map(|round| round.mean_us)),
        }
    }
}

/// The figures of both tools for one pair of clients and pipeline.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Check {
    pub clients: u16,
    pub pipeline: u16,
    pub ours: Told,
    pub redis_benchmark: Told,
}

/// Runs `redis-benchmark` against the Redis on this port, for about as long as a round.
pub fn run(port: u16, (clients, pipeline): (u16, u16), commands: u64) -> Result<Told> {
    let arguments =
        format!("-p {port} -c {clients} -P {pipeline} -n {commands} -t set -d 16 -r 100000 --csv");
    let mut program = Command::new("redis-benchmark");
    let output = program.args(arguments.split(' ')).output();
    let output = output.context("cannot run redis-benchmark to check against")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "redis-benchmark failed: {text}");
    read(&text).with_context(|| format!("redis-benchmark printed what is no result: {text}"))
}

/// Parses the last line of `redis-benchmark --csv`.
fn read(text: &str) -> Option<Told> {
    let fields = text.lines().last()?.split(',').skip(1);
    let numbers = fields.map(|field| field.trim_matches('"').parse().ok());
    let numbers: Vec<f64> = numbers.collect::<Option<_>>()?;
    // rps, then milliseconds: avg, min, p50, p95, p99, max
    let [rps, avg, _min, p50, p95, p99, max] = numbers[..] else {
        return None;
    };
    let figures = Figures::from_fn(|figure| match figure {
        Figure::Ops => Some(rps),
        Figure::P50 => Some(p50 * 1000.0),
        Figure::P95 => Some(p95 * 1000.0),
        Figure::P99 => Some(p99 * 1000.0),
        Figure::Max => Some(max * 1000.0),
        Figure::P999 | Figure::Cpu => None,
    });
    let mean_us = Some(avg * 1000.0);
    Some(Told { figures, mean_us })
}

impl Check {
    /// The comparison in words, with an explanation if the tools do not agree.
    pub fn in_words(&self) -> String {
        let mut text = format!("{}×{}: ", self.clients, self.pipeline);
        let mut most: f64 = 0.0;
        for figure in [Figure::P50, Figure::P95, Figure::P99] {
            let of = |told: &Told| told.figures[figure].unwrap_or(f64::NAN);
            let (ours, theirs) = (of(&self.ours), of(&self.redis_benchmark));
            let (name, ratio) = (figure.name(), theirs / ours);
            most = most.max((ratio - 1.0).abs());
            text += &format!("{name} {theirs:.0} against {ours:.0} µs ({ratio:.2}×), ");
        }
        let percent = most * 100.0;
        if most <= AGREES {
            return format!("{text}so they agree within {percent:.0} %.");
        }
        let why = self.why();
        format!("{text}so they differ by up to {percent:.0} %. {why}")
    }

    fn why(&self) -> String {
        let ours = self.ours.on_their_way();
        let theirs = self.redis_benchmark.on_their_way();
        let all = f64::from(self.clients) * f64::from(self.pipeline);
        format!(
            "Of {all:.0} commands at a time, redis-benchmark had {theirs:.0} on their way while its \
             clock ran, and we had {ours:.0} (throughput × mean latency). Its clock starts when its \
             event loop comes to a request, and stops before it reads the reply, once for a whole \
             batch. Ours runs until each reply has been read. The tail of a short run differs \
             from one run to the next as well."
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(p50: f64, p99: f64, ops_per_sec: f64) -> Told {
        let figures = Figures::from_fn(|figure| match figure {
            Figure::Ops => Some(ops_per_sec),
            Figure::P50 => Some(p50),
            _ => Some(p99),
        });
        let mean_us = Some(p50);
        Told { figures, mean_us }
    }

    #[test]
    fn the_csv_of_redis_benchmark_is_read() {
        let text = "\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\",\
                    \"p95_latency_ms\",\"p99_latency_ms\",\"max_latency_ms\"\n\
                    \"SET\",\"98847.00\",\"0.266\",\"0.080\",\"0.263\",\"0.311\",\"0.407\",\"1.279\"\n";
        let found = read(text).unwrap();
        let [p50, p99] = [Figure::P50, Figure::P99].map(|it| found.figures[it]);
        assert_eq!((p50, p99), (Some(263.0), Some(407.0)));
        assert!((found.on_their_way() - 26.3).abs() < 0.1);
        assert!(read("ERROR\n").is_none() && read("").is_none());
    }

    #[test]
    fn a_difference_is_explained_and_agreement_is_not() {
        let check = |theirs| Check {
            clients: 50,
            pipeline: 1,
            ours: told(300.0, 600.0, 160_000.0),
            redis_benchmark: theirs,
        };
        let agrees = check(told(270.0, 610.0, 100_000.0)).in_words();
        assert!(agrees.ends_with("so they agree within 10 %."), "{agrees}");
        let differs = check(told(200.0, 610.0, 100_000.0)).in_words();
        assert!(differs.contains("differ by up to 33 %"), "{differs}");
        assert!(differs.contains("had 20 on their way"), "{differs}");
        assert!(differs.contains("we had 48"), "{differs}");
    }
}
