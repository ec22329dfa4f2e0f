//! The rounds of one server in one scenario, and their medians.
//!
//! This file owns the way from several measurements to one line of the table: the median of each
//! figure, or the largest where the figure is a maximum. The latencies of all rounds are also kept
//! together, because the far end of a latency curve needs every sample.

use anyhow::Result;
use hdrhistogram::Histogram;

use super::figures::{Busy, ByCommand, Figure, Round};
use super::window::Measurement;

/// The rounds of one server in one scenario, collected one by one.
pub struct Rounds {
    pub rounds: Vec<Round>,
    /// The latencies of all rounds and commands, in nanoseconds.
    pub latencies: Histogram<u64>,
}

impl Rounds {
    pub fn new() -> Result<Self> {
        Ok(Self {
            rounds: Vec::new(),
            latencies: Histogram::new(3)?,
        })
    }

    /// Adds one measurement.
    pub fn add(&mut self, measured: &Measurement) -> Result<()> {
        self.rounds.push(Round::of(measured));
        Ok(self.latencies.add(measured.samples.all())?)
    }

    /// The median over rounds, figure by figure; the largest where the figure is a maximum.
    pub fn figures(&self) -> ByCommand {
        let rounds: Vec<ByCommand> = self.rounds.iter().map(|round| round.figures).collect();
        over(&rounds, |figure, all| match figure {
            Figure::Max => all.iter().copied().max_by(f64::total_cmp),
            _ => median(all),
        })
    }

    /// The median over rounds, share by share.
    pub fn busy(&self) -> Busy {
        Busy::from_fn(|share| median_of(self.rounds.iter().map(|round| round.busy[share])))
    }
}

/// The result of `pick` for each figure of all rounds; `None` if a round does not have the figure.
pub fn over(rounds: &[ByCommand], pick: impl Fn(Figure, &[f64]) -> Option<f64>) -> ByCommand {
    let figure = |command, figure| {
        let all = rounds.iter().map(|it| it[command][figure]);
        pick(figure, &all.collect::<Option<Vec<_>>>()?)
    };
    ByCommand::from_fn(|command| enum_map::EnumMap::from_fn(|it| figure(command, it)))
}

/// The median; `None` if one of the numbers is unknown.
pub fn median_of(numbers: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    median(&numbers.collect::<Option<Vec<_>>>()?)
}

/// The middle value, or the mean of the two in the middle; `None` if there are no numbers.
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
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 3.0]), Some(3.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 9.0]), Some(3.5));
    }
}
