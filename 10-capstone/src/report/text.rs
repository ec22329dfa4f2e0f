//! The report on a terminal: one table, and the statements that it allows.
//!
//! This file owns the layout in 100 columns. A ratio whose rounds do not agree is in parentheses.

use anyhow::Result;
use askama::Template;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, Table};
use textwrap::{Options, WordSplitter};

use super::findings::{self, BESIDE_REDIS_BENCHMARK, or_dash, percent, shown};
use super::results::{Measured, Outcome, Results, Side};
use crate::measure::figures::{Command, Figure, Share};
use crate::measure::ratio::{Difference, FEWEST_ROUNDS, Ratio};
use crate::operation::Operation;
use crate::servers::contestant::Role;
use crate::servers::lineup::NO_REDIS;

/// The figures in the table, each in a column.
const FIGURES: [Figure; 6] = {
    use Figure::{Cpu, Ops, P50, P95, P99, P999};
    [Ops, P50, P95, P99, P999, Cpu]
};

/// The whole report. With `split`, GET and SET have rows of their own.
pub fn render(results: &Results, split: bool) -> Result<String> {
    let names = results.scenarios.iter().map(|it| it.name.chars().count());
    let report = Report {
        results,
        table: table(results, split),
        width: names.max().unwrap_or_default(),
    };
    Ok(report.render()?)
}

/// The report; the text around the table is in the template.
#[derive(Template)]
#[template(path = "report.txt")]
struct Report<'a> {
    results: &'a Results,
    table: Table,
    /// The length of the longest scenario name.
    width: usize,
}

impl Report<'_> {
    /// The statements that a row allows.
    fn findings(&self, outcome: &Outcome) -> Vec<String> {
        let findings = findings::of(outcome, |ratio| ratio.figure.name().to_owned());
        let lines = findings.into_iter().map(|(side, finding)| {
            wrapped(&format!("{}: {}: {finding}", outcome.name, side.server))
        });
        lines.collect()
    }

    /// Whether the load generator was the bottleneck, in columns.
    fn bottleneck(&self, outcome: &Outcome, side: &Side, measured: &Measured) -> String {
        let (name, server, width) = (&outcome.name, &side.server, self.width);
        let share = |of| format!("{:5}", or_dash(measured.busy[of].map(percent)));
        let (generator, busy) = (share(Share::Generator), share(Share::Server));
        let verdict = measured.verdict.words(&measured.busy);
        format!("{name:width$}  {server:6}  generator {generator}  server {busy}  {verdict}")
    }
}

fn table(results: &Results, split: bool) -> Table {
    let mut head = vec!["clients×pipeline", "server"];
    head.extend(FIGURES.map(Figure::title));
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_header(head);
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for outcome in &results.scenarios {
        let commands: &[_] = match split && outcome.scenario.operation == Operation::Get {
            true => &[(Command::Get, " GET"), (Command::Set, " SET")],
            false => &[(Command::All, "")],
        };
        for (command, name) in commands {
            table.add_row(row(outcome, *command, name));
        }
    }
    table
}

/// The cells of one scenario. Each cell has a line for each server and for each ratio.
fn row(outcome: &Outcome, command: Command, name: &str) -> Vec<String> {
    let mut about = vec![format!("{}{name}", outcome.scenario.shape())];
    about.extend(outcome.scenario.details());
    for side in outcome.sides.iter().filter(|it| it.missing.is_some()) {
        let is_step = side.role == Role::Step;
        let words = if is_step { "not yet" } else { "cannot" };
        about.push(format!("{}: {words}", side.server));
    }
    let mut columns = vec![about];
    columns.resize(2 + FIGURES.len(), Vec::new());
    let mut line = |name: &str, cell: &dyn Fn(Figure) -> String| {
        columns[1].push(name.to_owned());
        for (column, figure) in columns[2..].iter_mut().zip(FIGURES) {
            column.push(cell(figure));
        }
    };
    for side in &outcome.sides {
        let figures = side.measured.as_ref().map(|it| it.figures[command]);
        line(&side.server, &|figure| {
            shown(figures.and_then(|it| it[figure]))
        });
    }
    for (side, measured) in outcome.measured().filter(|(it, _)| it.role.is_compared()) {
        let (redis, floor) = (&measured.ratio, &measured.floor_ratio);
        for (comparison, name, other) in [(redis, "ratio", "redis"), (floor, "×floor", "floor")] {
            let Some(comparison) = comparison else {
                continue;
            };
            let ratio = |figure| comparison.ratio(command, figure);
            // `ratio`, `ratio05` of `step05`, or `mini/redis`.
            let name = match (side.role, side.server.strip_prefix("step")) {
                (Role::Peer, _) => format!("{}/{other}", side.server),
                (_, number) => format!("{name}{}", number.unwrap_or_default()),
            };
            line(&name, &|figure| or_dash(ratio(figure).map(times)));
            line("spread", &|figure| {
                or_dash(ratio(figure).map(|it| it.spread()))
            });
        }
    }
    columns.iter().map(|lines| lines.join("\n")).collect()
}

/// A ratio; in parentheses if it shows no difference.
fn times(ratio: Ratio) -> String {
    let is_shown = ratio.difference() != Difference::NotShown;
    let times = ratio.times();
    if is_shown {
        times
    } else {
        format!("({times})")
    }
}

/// A paragraph of at most 100 columns, indented from the second line on.
fn wrapped(paragraph: &str) -> String {
    let options = Options::new(100)
        .initial_indent("  ")
        .subsequent_indent("    ")
        .word_splitter(WordSplitter::NoHyphenation);
    textwrap::fill(paragraph, options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_wrapped_at_blanks() {
        let text = wrapped(&"word ".repeat(50));
        assert!(text.lines().count() > 2);
        assert!(
            text.lines().all(|line| line.chars().count() <= 100),
            "{text}"
        );
        assert_eq!(text.split_whitespace().count(), 50);
    }
}
