//! The comparison: a ratio, how far it spread, and what that allows to say.
//!
//! This file owns the claim. Each round gives a ratio of its own. The median is
//! shown, and with it the smallest and the largest. If one of them is below 1 and
//! the other above, the rounds do not agree on who is better, and "no difference
//! shown" is all that is said. If five rounds agree, then by luck alone in one of
//! sixteen cases; who wants more certainty asks for more rounds.

use std::fmt;

use serde::Serialize;

use super::figures::{ByCommand, Figures, median};

/// Fewer rounds agree by luck too often: three of them in one of four cases.
pub const FEWEST_ROUNDS: usize = 5;

/// One server's figures divided by another's, round by round.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    pub median: ByCommand,
    /// The smallest ratio of all rounds, figure by figure.
    pub low: ByCommand,
    /// The largest.
    pub high: ByCommand,
    pub rounds: usize,
}

impl Comparison {
    /// Compares rounds that were measured right after each other.
    pub fn of(ours: &[ByCommand], theirs: &[ByCommand]) -> Self {
        let pairs = ours.iter().zip(theirs);
        let ratios: Vec<_> = pairs.map(|(one, other)| one.divided_by(other)).collect();
        Self {
            median: ByCommand::over(&ratios, median),
            low: ByCommand::over(&ratios, |all| all.iter().copied().min_by(f64::total_cmp)),
            high: ByCommand::over(&ratios, |all| all.iter().copied().max_by(f64::total_cmp)),
            rounds: ratios.len(),
        }
    }

    /// The ratios of all figures but the maximum, which is one single command.
    pub fn ratios(&self, of: fn(&ByCommand) -> Figures) -> Vec<Ratio> {
        let (median, low, high) = (of(&self.median), of(&self.low), of(&self.high));
        let all = median.in_order().into_iter().zip(low.in_order());
        let all = all.zip(high.in_order()).zip(NAMES);
        all.filter(|(_, name)| *name != MAX)
            .filter_map(|(((median, low), high), name)| {
                Some(Ratio {
                    name,
                    median: median?,
                    low: low?,
                    high: high?,
                    rounds: self.rounds,
                })
            })
            .collect()
    }
}

/// The figures, in the order of [`Figures::in_order`].
const NAMES: [&str; 7] = ["ops/s", "p50", "p95", "p99", "p99.9", MAX, "CPU"];
const MAX: &str = "max";

/// What the rounds say of one figure.
#[derive(Debug, Clone, Copy)]
pub struct Ratio {
    pub name: &'static str,
    pub median: f64,
    pub low: f64,
    pub high: f64,
    rounds: usize,
}

/// A ratio with three digits, or fewer if it is that far off.
fn short(ratio: f64) -> String {
    match ratio {
        ratio if ratio >= 99.5 => format!("{ratio:.0}"),
        ratio if ratio >= 9.995 => format!("{ratio:.1}"),
        ratio => format!("{ratio:.2}"),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    Better,
    Worse,
    /// The rounds do not agree.
    NotShown,
}

impl Ratio {
    pub fn difference(&self) -> Difference {
        let more_is_better = self.name == NAMES[0];
        match (self.low > 1.0, self.high < 1.0) {
            _ if self.rounds < FEWEST_ROUNDS => Difference::NotShown,
            (true, _) if more_is_better => Difference::Better,
            (_, true) if more_is_better => Difference::Worse,
            (true, _) => Difference::Worse,
            (_, true) => Difference::Better,
            _ => Difference::NotShown,
        }
    }

    /// `0.86–0.93`
    pub fn spread(&self) -> String {
        format!("{}–{}", short(self.low), short(self.high))
    }

    /// `0.90×`
    pub fn times(&self) -> String {
        format!("{}×", short(self.median))
    }
}

impl fmt::Display for Ratio {
    /// `p50 0.90× (0.86–0.93)`
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {} ({})", self.name, self.times(), self.spread())
    }
}

/// What the ratios say together: `better in ops/s and CPU; no difference shown in
/// p99`. `show` decides what is said of each.
pub fn in_words(ratios: &[Ratio], show: impl Fn(&Ratio) -> String) -> String {
    let kinds = [
        (Difference::Better, "better in"),
        (Difference::Worse, "worse in"),
        (Difference::NotShown, "no difference shown in"),
    ];
    let parts = kinds.into_iter().filter_map(|(difference, words)| {
        let of_kind = ratios.iter().filter(|it| it.difference() == difference);
        let names: Vec<String> = of_kind.map(&show).collect();
        (!names.is_empty()).then(|| format!("{words} {}", list(&names)))
    });
    parts.collect::<Vec<_>>().join("; ")
}

/// `a, b and c`
fn list(names: &[String]) -> String {
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(name: &'static str, low: f64, high: f64) -> Ratio {
        Ratio {
            name,
            median: (low + high) / 2.0,
            low,
            high,
            rounds: 5,
        }
    }

    #[test]
    fn less_is_better_but_of_operations() {
        assert_eq!(ratio("p50", 0.8, 0.9).difference(), Difference::Better);
        assert_eq!(ratio("p50", 1.1, 1.2).difference(), Difference::Worse);
        assert_eq!(ratio("ops/s", 1.1, 1.2).difference(), Difference::Better);
        assert_eq!(ratio("ops/s", 0.8, 0.9).difference(), Difference::Worse);
    }

    #[test]
    fn rounds_that_do_not_agree_show_no_difference() {
        for (low, high) in [(0.5, 1.01), (0.99, 3.0), (1.0, 1.0), (1.0, 2.0), (0.5, 1.0)] {
            let difference = ratio("p99", low, high).difference();
            assert_eq!(difference, Difference::NotShown, "{low}–{high}");
        }
    }

    #[test]
    fn four_rounds_are_too_few() {
        let four = Ratio {
            rounds: 4,
            ..ratio("p50", 0.5, 0.6)
        };
        assert_eq!(four.difference(), Difference::NotShown);
    }

    #[test]
    fn words_name_each_figure_once() {
        let ratios = [
            ratio("ops/s", 1.1, 1.3),
            ratio("p50", 0.8, 0.9),
            ratio("CPU", 0.4, 0.5),
            ratio("p99", 0.9, 1.1),
        ];
        assert_eq!(
            in_words(&ratios, |ratio| ratio.name.to_owned()),
            "better in ops/s, p50 and CPU; no difference shown in p99"
        );
        assert_eq!(ratios[1].to_string(), "p50 0.85× (0.80–0.90)");
        assert_eq!(in_words(&[], Ratio::to_string), "");
    }
}
