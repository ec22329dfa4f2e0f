//! The cross-check: our figures beside those of `redis-benchmark`.
//!
//! This file owns the doubt about ourselves. Both send SET to the same Redis, in
//! turns, and their percentiles should agree. Where they do not, Little's law says
//! why: commands per second times mean latency is how many commands a tool really
//! had on their way. Whatever it holds back, it holds back before its clock starts.

use std::fmt::Write;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use crate::measure::rounds::median;
use crate::measure::window::Measurement;

/// What must be agreed upon.
pub const SHAPES: [(u16, u16); 2] = [(50, 1), (50, 16)];
/// Measurements by each tool.
pub const ROUNDS: usize = 3;
/// A larger difference needs an explanation.
const AGREES: f64 = 0.15;

/// What one tool measured.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Figures {
    pub ops_per_sec: f64,
    pub mean_us: f64,
    pub p50_us: f64,
    pub p95_us: f64,
    pub p99_us: f64,
}

impl Figures {
    /// How many commands were on their way at once, by Little's law.
    fn on_their_way(&self) -> f64 {
        self.ops_per_sec * self.mean_us / 1e6
    }

    fn percentiles(&self) -> [f64; 3] {
        [self.p50_us, self.p95_us, self.p99_us]
    }

    /// What `redis-benchmark` tells too, of one measurement of ours.
    pub fn of(measured: &Measurement) -> Self {
        let latencies = measured.samples.all();
        let percentile = |percent| latencies.value_at_percentile(percent) as f64 / 1000.0;
        Self {
            ops_per_sec: latencies.len() as f64 / measured.wall.as_secs_f64(),
            mean_us: latencies.mean() / 1000.0,
            p50_us: percentile(50.0),
            p95_us: percentile(95.0),
            p99_us: percentile(99.0),
        }
    }

    /// The median over rounds of one tool, figure by figure.
    pub fn median(rounds: &[Self]) -> Option<Self> {
        let over =
            |figure: fn(&Self) -> f64| median(&rounds.iter().map(figure).collect::<Vec<_>>());
        Some(Self {
            ops_per_sec: over(|it| it.ops_per_sec)?,
            mean_us: over(|it| it.mean_us)?,
            p50_us: over(|it| it.p50_us)?,
            p95_us: over(|it| it.p95_us)?,
            p99_us: over(|it| it.p99_us)?,
        })
    }
}

/// Both tools at one shape.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Check {
    pub clients: u16,
    pub pipeline: u16,
    pub ours: Figures,
    pub redis_benchmark: Figures,
}

/// Runs `redis-benchmark` against the Redis on this port, about as long as a round.
pub fn run(port: u16, (clients, pipeline): (u16, u16), commands: u64) -> Result<Figures> {
    let program = which::which("redis-benchmark")
        .context("there is no redis-benchmark on the PATH to check against")?;
    let output = std::process::Command::new(program)
        .args(["-p", &port.to_string(), "-c", &clients.to_string()])
        .args(["-P", &pipeline.to_string(), "-n", &commands.to_string()])
        .args(["-t", "set", "-d", "16", "-r", "100000", "--csv"])
        .output()
        .context("cannot run redis-benchmark")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "redis-benchmark failed: {text}");
    read(&text).with_context(|| format!("redis-benchmark printed what is no result: {text}"))
}

/// Reads the last line of `redis-benchmark --csv`.
fn read(text: &str) -> Option<Figures> {
    let numbers: Vec<f64> = text
        .lines()
        .last()?
        .split(',')
        .skip(1)
        .map(|field| field.trim_matches('"').parse().ok())
        .collect::<Option<_>>()?;
    // rps, then milliseconds: avg, min, p50, p95, p99, max
    match numbers[..] {
        [rps, avg, _min, p50, p95, p99, _max] => Some(Figures {
            ops_per_sec: rps,
            mean_us: avg * 1000.0,
            p50_us: p50 * 1000.0,
            p95_us: p95 * 1000.0,
            p99_us: p99 * 1000.0,
        }),
        _ => None,
    }
}

impl Check {
    /// The comparison, and where it needs one, the explanation.
    fn in_words(&self) -> String {
        let mut text = format!("{}×{}: ", self.clients, self.pipeline);
        let mut most: f64 = 0.0;
        let pairs = self.ours.percentiles().into_iter();
        let pairs = pairs.zip(self.redis_benchmark.percentiles());
        for ((ours, theirs), name) in pairs.zip(["p50", "p95", "p99"]) {
            let ratio = theirs / ours;
            most = most.max((ratio - 1.0).abs());
            _ = write!(
                text,
                "{name} {theirs:.0} against {ours:.0} µs ({ratio:.2}×), "
            );
        }
        let percent = most * 100.0;
        match most <= AGREES {
            true => _ = write!(text, "so they agree within {percent:.0} %."),
            false => {
                _ = write!(
                    text,
                    "so they differ by up to {percent:.0} %. {}",
                    self.why()
                )
            }
        }
        text
    }

    fn why(&self) -> String {
        let (ours, theirs) = (
            self.ours.on_their_way(),
            self.redis_benchmark.on_their_way(),
        );
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

/// All checks, each as a paragraph.
pub fn in_words(checks: &[Check]) -> Vec<String> {
    checks.iter().map(Check::in_words).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(p50: f64, p99: f64, ops_per_sec: f64) -> Figures {
        Figures {
            ops_per_sec,
            mean_us: p50,
            p50_us: p50,
            p95_us: p99,
            p99_us: p99,
        }
    }

    #[test]
    fn the_csv_of_redis_benchmark_is_read() {
        let text = "\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\",\
                    \"p95_latency_ms\",\"p99_latency_ms\",\"max_latency_ms\"\n\
                    \"SET\",\"98847.00\",\"0.266\",\"0.080\",\"0.263\",\"0.311\",\"0.407\",\"1.279\"\n";
        let found = read(text).unwrap();
        assert_eq!((found.p50_us, found.p99_us), (263.0, 407.0));
        assert!((found.on_their_way() - 26.3).abs() < 0.1);
        assert!(read("ERROR\n").is_none() && read("").is_none());
    }

    #[test]
    fn a_difference_is_explained_and_agreement_is_not() {
        let check = |theirs| Check {
            clients: 50,
            pipeline: 1,
            ours: figures(300.0, 600.0, 160_000.0),
            redis_benchmark: theirs,
        };
        let agrees = check(figures(270.0, 610.0, 100_000.0)).in_words();
        assert!(agrees.ends_with("so they agree within 10 %."), "{agrees}");
        let differs = check(figures(200.0, 610.0, 100_000.0)).in_words();
        assert!(differs.contains("differ by up to 33 %"), "{differs}");
        assert!(differs.contains("had 20 on their way"), "{differs}");
        assert!(differs.contains("we had 48"), "{differs}");
    }
}
