//! The report on a terminal: one table, and what it allows to say.
//!
//! This file owns how results look in 100 columns. A number gets three digits, as
//! many as a measurement of this kind deserves. A ratio whose rounds do not agree
//! is in parentheses.

use std::fmt::Write;

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, Row, Table};

use super::results::{Measured, Outcome, Results, Side};
use crate::cross_check;
use crate::measure::comparison::{Comparison, Difference, FEWEST_ROUNDS, Ratio, in_words};
use crate::measure::figures::{ByCommand, Figures};
use crate::servers::contestant::Role;
use crate::servers::lineup::NO_REDIS;

const COLUMNS: [&str; 8] = [
    "clients×pipeline",
    "server",
    "ops/s",
    "p50 µs",
    "p95 µs",
    "p99 µs",
    "p99.9 µs",
    "CPU µs/op",
];

/// From this share of a core on, other programs are worth a warning.
const DISTURBED: f64 = 0.10;

/// The whole report. With `split`, GET and SET have rows of their own.
pub fn render(results: &Results, split: bool) -> String {
    [
        head(results),
        table(results, split),
        legend(results),
        findings(results),
        bottlenecks(results),
        cross_checks(results),
    ]
    .concat()
}

/// Who was measured, and how.
fn head(results: &Results) -> String {
    let mut text = String::new();
    for server in &results.servers {
        _ = writeln!(text, "{:6} {}", server.name, server.label);
    }
    if !results.has(Role::Redis) {
        _ = writeln!(text, "{NO_REDIS}");
    }
    _ = writeln!(text, "{}", results.environment.machine());
    _ = writeln!(
        text,
        "{} rounds of {} s, alternating, each after {} s of warm-up · {} keys\n",
        results.rounds, results.seconds, results.warmup_seconds, results.keys,
    );
    text
}

fn table(results: &Results, split: bool) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_header(COLUMNS);
    for column in 2..COLUMNS.len() {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for outcome in &results.scenarios {
        for row in rows(outcome, split) {
            table.add_row(row);
        }
    }
    format!("{table}\n")
}

/// The rows of one scenario. A row holds all servers, and their ratios, in lines.
fn rows(outcome: &Outcome, split: bool) -> Vec<Row> {
    if split {
        vec![
            row(outcome, " GET", |figures| figures.get),
            row(outcome, " SET", |figures| figures.set),
        ]
    } else {
        vec![row(outcome, "", |figures| figures.all)]
    }
}

fn row(outcome: &Outcome, command: &str, of: fn(&ByCommand) -> Figures) -> Row {
    let mut lines = Vec::new();
    for side in &outcome.sides {
        let Some(measured) = &side.measured else {
            lines.push((side.server.clone(), NOTHING.map(str::to_owned)));
            continue;
        };
        lines.push((side.server.clone(), shown(&of(&measured.figures))));
    }
    for (side, ratio) in compared(outcome) {
        // `ratio`, or `ratio05` of `step05`.
        let number = side.server.strip_prefix("step").unwrap_or_default();
        let name = format!("ratio{number}");
        lines.push((name, ratio_line(ratio, of)));
        lines.push(("spread".to_owned(), spread_line(ratio, of)));
    }
    let first = format!("{}{command}", outcome.scenario.shape());
    let notes = missing(outcome).map(|(side, _)| format!("{}: not yet", side.server));
    let first: Vec<String> = std::iter::once(first)
        .chain(outcome.scenario.details())
        .chain(notes)
        .collect();
    let names: Vec<&str> = lines.iter().map(|(server, _)| server.as_str()).collect();
    let mut cells = vec![first.join("\n"), names.join("\n")];
    for column in 0..COLUMNS.len() - cells.len() {
        let figures: Vec<&str> = lines
            .iter()
            .map(|(_, shown)| shown[column].as_str())
            .collect();
        cells.push(figures.join("\n"));
    }
    Row::from(cells)
}

/// The servers that were not measured, and why.
fn missing(outcome: &Outcome) -> impl Iterator<Item = (&Side, &str)> {
    let sides = outcome.sides.iter();
    sides.filter_map(|side| Some((side, side.missing.as_deref()?)))
}

/// The servers that were compared with Redis.
fn compared(outcome: &Outcome) -> impl Iterator<Item = (&Side, &Comparison)> {
    let sides = outcome.sides.iter();
    sides.filter_map(|side| Some((side, side.measured.as_ref()?.ratio.as_ref()?)))
}

/// A line of figures, without the maximum.
type Line = [String; 6];

const NOTHING: [&str; 6] = ["—"; 6];

/// The figures as text; what is unknown is a dash.
fn shown(figures: &Figures) -> Line {
    let [ops, p50, p95, p99, p99_9, _max, cpu] = figures.in_order();
    [ops, p50, p95, p99, p99_9, cpu].map(|figure| figure.map_or("—".to_owned(), three_digits))
}

/// The ratios, those that show nothing in parentheses.
fn ratio_line(comparison: &Comparison, of: fn(&ByCommand) -> Figures) -> Line {
    by_name(comparison, of, |ratio| match ratio.difference() {
        Difference::NotShown => format!("({})", ratio.times()),
        Difference::Better | Difference::Worse => ratio.times(),
    })
}

fn spread_line(comparison: &Comparison, of: fn(&ByCommand) -> Figures) -> Line {
    by_name(comparison, of, Ratio::spread)
}

fn by_name(
    comparison: &Comparison,
    of: fn(&ByCommand) -> Figures,
    show: fn(&Ratio) -> String,
) -> Line {
    let ratios = comparison.ratios(of);
    ["ops/s", "p50", "p95", "p99", "p99.9", "CPU"].map(|name| {
        let found = ratios.iter().find(|ratio| ratio.name == name);
        found.map_or("—".to_owned(), show)
    })
}

/// What the figures mean.
fn legend(results: &Results) -> String {
    let mut text = String::from("Each figure is the median over the rounds.\n");
    if results.has(Role::Redis) {
        text.push_str(
            "ratio is ours/redis, the median of each round's ratio: good is below 1, \
             for ops/s above 1;\nspread is from the smallest to the largest of them. \
             In parentheses: no difference shown.\n",
        );
    }
    if usize::from(results.rounds) < FEWEST_ROUNDS {
        _ = writeln!(
            text,
            "Fewer than {FEWEST_ROUNDS} rounds show no difference at all."
        );
    }
    if results.has(Role::Floor) {
        text.push_str("floor is the same traffic against step 01's echo: what the kernel costs.\n");
    }
    if let Some((difference, place)) = get_against_set(results) {
        let difference = difference * 100.0;
        _ = writeln!(
            text,
            "p50 of GET and of SET differ by at most {difference:.0} %"
        );
        _ = writeln!(text, "({place}); --split shows both.");
    }
    text
}

/// Where the medians of GET and SET are farthest apart, and how far.
fn get_against_set(results: &Results) -> Option<(f64, String)> {
    sides(results)
        .filter_map(|(outcome, side, measured)| {
            let figures = &measured.figures;
            let (get, set) = (figures.get.p50_us?, figures.set.p50_us?);
            let place = format!("{}, {}", outcome.scenario, side.server);
            Some(((get - set).abs() / get.min(set), place))
        })
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
}

/// Every server in every scenario, if it was measured.
fn sides(results: &Results) -> impl Iterator<Item = (&Outcome, &Side, &Measured)> {
    let outcomes = results.scenarios.iter();
    outcomes.flat_map(|outcome| {
        let sides = outcome.sides.iter();
        sides.filter_map(move |side| Some((outcome, side, side.measured.as_ref()?)))
    })
}

/// What each row allows to say.
fn findings(results: &Results) -> String {
    let mut text = String::from("\nWhat do the rows show?\n");
    for outcome in &results.scenarios {
        for (side, finding) in verdicts(outcome) {
            let line = format!("{}: {}: {finding}", outcome.scenario, side.server);
            text.push_str(&wrapped(&line));
        }
    }
    text
}

/// What can be said of each server that was to be compared with Redis.
fn verdicts(outcome: &Outcome) -> Vec<(&Side, String)> {
    let steps = outcome.sides.iter().filter(|it| it.role == Role::Step);
    let said = steps.map(|side| (side, verdict(outcome, side, |ratio| ratio.name.to_owned())));
    said.filter(|(_, said)| !said.is_empty()).collect()
}

/// The verdict on one server in one scenario; `show` decides what is said of a ratio.
pub fn verdict(outcome: &Outcome, side: &Side, show: fn(&Ratio) -> String) -> String {
    if let Some(missing) = &side.missing {
        return format!("not measured: {missing}");
    }
    let Some(measured) = &side.measured else {
        return String::new();
    };
    let Some(comparison) = &measured.ratio else {
        return String::new();
    };
    let mut ratios = comparison.ratios(|figures| figures.all);
    // In an open loop, everybody answers as often as they are asked.
    ratios.retain(|ratio| outcome.scenario.rate.is_none() || ratio.name != "ops/s");
    let words = in_words(&ratios, show);
    let redis = outcome.redis().map(|redis| redis.verdict);
    let hidden = [Some(measured.verdict), redis]
        .into_iter()
        .flatten()
        .any(|verdict| verdict.hides_the_server());
    match hidden {
        true => format!("{words}. The generator set the pace: only CPU counts here."),
        false => format!("{words}."),
    }
}

/// A line of 100 columns at most, whose continuations are indented.
fn wrapped(line: &str) -> String {
    let (mut text, mut column) = (String::from(" "), 1);
    for word in line.split(' ') {
        let length = word.chars().count() + 1;
        if column + length > 99 {
            text.push_str("\n   ");
            column = 3;
        }
        text.push(' ');
        text.push_str(word);
        column += length;
    }
    text.push('\n');
    text
}

/// Was the load generator the bottleneck? For each row of the table.
fn bottlenecks(results: &Results) -> String {
    let mut text = String::from("\nWas the load generator the bottleneck?\n");
    let names = sides(results).map(|(outcome, ..)| outcome.name.chars().count());
    let width = names.max().unwrap_or_default();
    for (outcome, side, measured) in sides(results) {
        let busy = &measured.busy;
        let server = busy.server.map_or("  —  ".to_owned(), percent);
        let line = format!(
            "  {:width$}  {:6}  generator {}  server {server}  {}\n",
            outcome.name,
            side.server,
            percent(busy.generator),
            measured.verdict.words(busy)
        );
        text.push_str(&line);
    }
    if let Some(most) = disturbance(results) {
        _ = writeln!(
            text,
            "Other programs used up to {} of a core meanwhile: rely on ratios, not on figures.",
            percent(most).trim_start()
        );
    }
    text
}

/// What `redis-benchmark` says of the same Redis.
fn cross_checks(results: &Results) -> String {
    if results.cross_checks.is_empty() {
        return String::new();
    }
    let lines = cross_check::in_words(&results.cross_checks);
    let lines: String = lines.iter().map(|line| wrapped(line)).collect();
    format!("\n{BESIDE_REDIS_BENCHMARK}\n{lines}")
}

/// What stands above the cross-checks.
pub const BESIDE_REDIS_BENCHMARK: &str =
    "redis-benchmark beside this benchmark: SET of 16 B on the same Redis, in turns";

/// The most that other programs used, if that is worth a warning. A replica and the
/// writer of a log are other programs too, so only plain scenarios count.
pub fn disturbance(results: &Results) -> Option<f64> {
    let plain = sides(results).filter(|(outcome, ..)| outcome.scenario.has_floor());
    let others = plain.filter_map(|(_, _, measured)| measured.busy.others);
    others
        .max_by(f64::total_cmp)
        .filter(|most| *most > DISTURBED)
}

pub fn percent(share: f64) -> String {
    format!("{:3.0} %", share * 100.0)
}

/// A number with three digits, or with all of those before the point.
pub fn three_digits(number: f64) -> String {
    match number {
        number if number >= 99.95 => format!("{number:.0}"),
        number if number >= 9.995 => format!("{number:.1}"),
        number => format!("{number:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
