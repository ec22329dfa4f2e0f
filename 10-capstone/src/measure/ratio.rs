//! The ratio of alternating rounds: which server is better, how far the rounds spread, and which
//! claim that allows.
//!
//! This file owns the claim. The speed of a machine changes: another program starts, a core heats
//! up, a hypervisor takes a slice. Whoever measures one server for a minute and then the other
//! compares two states of the machine. So the servers take turns, round by round ([`turns`]), and a
//! different one begins each time. A disturbance that lasts longer than a round then hits all
//! servers alike and leaves the ratio of two neighbouring rounds as it was.
//!
//! Each round has its own ratio. The report shows the median, the smallest and the largest. If the
//! smallest is below 1 and the largest above 1, the rounds do not agree on which server is better,
//! and the report says "no difference shown". Five rounds of two equal servers agree by chance in
//! one of sixteen cases; more rounds make that rarer.
//!
//! Rejected: the ratio of two medians, each of one server. The medians may come from different
//! rounds, and so from different states of the machine.

use std::fmt;

use serde::Serialize;
use strum::VariantArray;

use super::figures::{ByCommand, Command, Figure, Round, three_digits};
use super::rounds::{median, over};

/// Fewer rounds agree by chance too often: three rounds in one of four cases.
pub const FEWEST_ROUNDS: u16 = 5;

/// The order in which `servers` are measured in a round: each one once, and a different one first
/// than in the round before.
pub fn turns(round: usize, servers: usize) -> impl Iterator<Item = usize> {
    (0..servers).map(move |turn| (turn + round) % servers)
}

/// One server's figures divided by another's, round by round.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    pub median: ByCommand,
    /// The smallest ratio of all rounds, figure by figure.
    pub low: ByCommand,
    /// The largest ratio of all rounds, figure by figure.
    pub high: ByCommand,
    pub rounds: u16,
}

impl Comparison {
    /// Compares rounds that were measured one right after the other.
    pub fn of(ours: &[Round], theirs: &[Round]) -> Self {
        let pairs = ours.iter().zip(theirs);
        let ratios: Vec<_> = pairs
            .map(|(one, other)| divided(&one.figures, &other.figures))
            .collect();
        Self {
            median: over(&ratios, |_, all| median(all)),
            low: over(&ratios, |_, all| all.iter().copied().min_by(f64::total_cmp)),
            high: over(&ratios, |_, all| all.iter().copied().max_by(f64::total_cmp)),
            rounds: ratios.len() as u16,
        }
    }

    /// The ratio of one figure. A maximum has no ratio, because it is a single command.
    pub fn ratio(&self, command: Command, figure: Figure) -> Option<Ratio> {
        let of = |figures: &ByCommand| figures[command][figure];
        (figure != Figure::Max).then_some(Ratio {
            figure,
            median: of(&self.median)?,
            low: of(&self.low)?,
            high: of(&self.high)?,
            rounds: self.rounds,
        })
    }

    /// The ratios of all commands together.
    pub fn ratios(&self) -> Vec<Ratio> {
        let all = Figure::VARIANTS.iter();
        let all = all.filter_map(|figure| self.ratio(Command::All, *figure));
        all.collect()
    }
}

/// The figures of one round divided by those of another; `None` where one of them is unknown.
fn divided(ours: &ByCommand, theirs: &ByCommand) -> ByCommand {
    let ratio = |command, figure| {
        let divisor = theirs[command][figure].filter(|number| *number > 0.0)?;
        Some(ours[command][figure]? / divisor)
    };
    ByCommand::from_fn(|command| enum_map::EnumMap::from_fn(|it| ratio(command, it)))
}

/// The ratios of one figure over all rounds.
#[derive(Debug, Clone, Copy)]
pub struct Ratio {
    pub figure: Figure,
    pub median: f64,
    pub low: f64,
    pub high: f64,
    rounds: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    Better,
    Worse,
    /// The rounds do not agree, or there are too few of them.
    NotShown,
}

impl Ratio {
    pub fn difference(&self) -> Difference {
        let more_is_better = self.figure == Figure::Ops;
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
        format!("{}–{}", three_digits(self.low), three_digits(self.high))
    }

    /// `0.90×`
    pub fn times(&self) -> String {
        format!("{}×", three_digits(self.median))
    }
}

impl fmt::Display for Ratio {
    /// `p50 0.90× (0.86–0.93)`
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.figure.name();
        write!(out, "{name} {} ({})", self.times(), self.spread())
    }
}

/// Ratios in words: `better in ops/s and CPU; no difference shown in p99`. `show` writes one ratio.
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
    use enum_map::EnumMap;

    use super::super::figures::Busy;
    use super::*;

    fn ratio(figure: Figure, low: f64, high: f64) -> Ratio {
        Ratio {
            figure,
            median: (low + high) / 2.0,
            low,
            high,
            rounds: 5,
        }
    }

    #[test]
    fn less_is_better_but_of_operations() {
        assert_eq!(
            ratio(Figure::P50, 0.8, 0.9).difference(),
            Difference::Better
        );
        assert_eq!(ratio(Figure::P50, 1.1, 1.2).difference(), Difference::Worse);
        assert_eq!(
            ratio(Figure::Ops, 1.1, 1.2).difference(),
            Difference::Better
        );
        assert_eq!(ratio(Figure::Ops, 0.8, 0.9).difference(), Difference::Worse);
    }

    #[test]
    fn rounds_that_do_not_agree_show_no_difference() {
        for (low, high) in [(0.5, 1.01), (0.99, 3.0), (1.0, 1.0), (1.0, 2.0), (0.5, 1.0)] {
            let difference = ratio(Figure::P99, low, high).difference();
            assert_eq!(difference, Difference::NotShown, "{low}–{high}");
        }
    }

    #[test]
    fn each_server_has_its_turn_and_each_begins() {
        let order = |round| turns(round, 3).collect::<Vec<_>>();
        assert_eq!(
            [order(0), order(1), order(5)],
            [[0, 1, 2], [1, 2, 0], [2, 0, 1]]
        );
        assert_eq!(turns(7, 0).count(), 0);
    }

    /// Rounds in each of which all figures are this number.
    fn rounds(numbers: [f64; 5]) -> [Round; 5] {
        numbers.map(|number| Round {
            figures: ByCommand::from_fn(|_| EnumMap::from_fn(|_| Some(number))),
            busy: Busy::default(),
        })
    }

    #[test]
    fn neighbouring_rounds_are_compared() {
        // The machine grows slower, and the rounds do not agree.
        let ours = rounds([90.0, 220.0, 300.0, 1000.0, 1520.0]);
        let theirs = rounds([100.0, 200.0, 400.0, 800.0, 1600.0]);
        let ratio = Comparison::of(&ours, &theirs).ratio(Command::All, Figure::P50);
        let ratio = ratio.expect("all is known");
        assert_eq!(ratio.to_string(), "p50 0.95× (0.75–1.25)");
        assert_eq!(ratio.difference(), Difference::NotShown);
    }

    #[test]
    fn four_rounds_are_too_few() {
        let four = Ratio {
            rounds: 4,
            ..ratio(Figure::P50, 0.5, 0.6)
        };
        assert_eq!(four.difference(), Difference::NotShown);
    }

    #[test]
    fn words_name_each_figure_once() {
        let ratios = [
            ratio(Figure::Ops, 1.1, 1.3),
            ratio(Figure::P50, 0.8, 0.9),
            ratio(Figure::Cpu, 0.4, 0.5),
            ratio(Figure::P99, 0.9, 1.1),
        ];
        assert_eq!(
            in_words(&ratios, |ratio| ratio.figure.name().to_owned()),
            "better in ops/s, p50 and CPU; no difference shown in p99"
        );
        assert_eq!(ratios[1].to_string(), "p50 0.85× (0.80–0.90)");
        assert_eq!(in_words(&[], Ratio::to_string), "");
    }
}
