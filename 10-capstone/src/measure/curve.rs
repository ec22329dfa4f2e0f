//! The latency curve: percentile by percentile, as HdrHistogram draws it.
//!
//! This file owns the points of the curve. Towards the end they become denser, in proportion to the
//! share of commands that are slower still, so 99 %, 99.9 % and 99.99 % are equally far apart. The
//! curve ends at the slowest command. It has no points beyond the number of samples: a thousand
//! commands have no p99.99.

use hdrhistogram::Histogram;
use serde::Serialize;

/// Number of points until the share of slower commands has halved.
const STEPS_PER_HALF: u32 = 4;

/// A point of the curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// Percentage of commands that were at least as fast.
    pub percentile: f64,
    /// Latency in microseconds.
    pub us: f64,
}

/// The curve of a histogram of nanoseconds.
pub fn of(latencies: &Histogram<u64>) -> Vec<Point> {
    let mut points: Vec<Point> = Vec::new();
    for step in latencies.iter_quantiles(STEPS_PER_HALF) {
        let point = Point {
            percentile: round(step.quantile_iterated_to() * 100.0, 6),
            us: round(step.value_iterated_to() as f64 / 1000.0, 3),
        };
        if points.last() != Some(&point) {
            points.push(point);
        }
    }
    points
}

/// Rounds to a number of decimal places, because people read the JSON file too.
fn round(number: f64, digits: i32) -> f64 {
    let factor = 10f64.powi(digits);
    (number * factor).round() / factor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_goes_through_the_percentiles() {
        let mut histogram = Histogram::new(3).unwrap();
        for microseconds in 1..=10_000u64 {
            histogram.record(microseconds * 1000).unwrap();
        }
        let curve = of(&histogram);
        assert!(curve.is_sorted_by_key(|point| point.percentile));
        assert!(curve.is_sorted_by_key(|point| point.us));
        for point in &curve {
            let expected = point.percentile * 100.0;
            assert!(
                (point.us - expected).abs() <= expected * 0.002 + 1.0,
                "{point:?}"
            );
        }
        assert_eq!(curve.last().map(|point| point.percentile), Some(100.0));
        assert!(curve.len() < 80, "{} points", curve.len());
    }

    #[test]
    fn no_samples_are_no_curve() {
        assert_eq!(of(&Histogram::new(3).unwrap()), []);
    }
}
