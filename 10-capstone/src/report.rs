//! The report: one table, and the verdict on it.
//!
//! This file owns how results look on a terminal of 100 columns. A number gets
//! three digits, as many as a measurement of this kind deserves.

use std::fmt::Write;

use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use comfy_table::{CellAlignment, Row, Table};

use crate::bench::NO_REDIS;
use crate::stats::{ByCommand, Figures, Outcome, Results, Side};

const COLUMNS: [&str; 9] = [
    "clients×pipeline",
    "server",
    "ops/s",
    "p50 µs",
    "p95 µs",
    "p99 µs",
    "p99.9 µs",
    "max µs",
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
        verdicts(results),
    ]
    .concat()
}

/// Who was measured, and how.
fn head(results: &Results) -> String {
    let mut text = format!("ours   {}\n", results.ours);
    match &results.redis {
        Some(redis) => _ = writeln!(text, "redis  {redis}"),
        None => _ = writeln!(text, "{NO_REDIS}"),
    }
    let plural = if results.cores == 1 { "" } else { "s" };
    _ = writeln!(
        text,
        "{} core{plural} · {} rounds of {} s, alternating, each after {} s of warm-up · {} keys · GET:SET 1:1\n",
        results.cores, results.rounds, results.seconds, results.warmup_seconds, results.keys,
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

/// The rows of one scenario. A row holds each server, and their ratio, in lines.
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
    let mut lines = vec![("ours", shown(&of(&outcome.ours.figures), three_digits))];
    if let Some(redis) = &outcome.redis {
        lines.push(("redis", shown(&of(&redis.figures), three_digits)));
    }
    if let Some(ratio) = &outcome.ratio {
        lines.push(("ratio", shown(&of(ratio), |ratio| format!("{ratio:.2}×"))));
    }
    let names: Vec<&str> = lines.iter().map(|(server, _)| *server).collect();
    let mut cells = vec![format!("{}{command}", outcome.scenario), names.join("\n")];
    for column in 0..COLUMNS.len() - cells.len() {
        let figures: Vec<&str> = lines
            .iter()
            .map(|(_, shown)| shown[column].as_str())
            .collect();
        cells.push(figures.join("\n"));
    }
    Row::from(cells)
}

/// The figures as text; what is unknown is a dash.
fn shown(figures: &Figures, show: fn(f64) -> String) -> [String; 7] {
    figures
        .in_order()
        .map(|figure| figure.map_or("—".to_owned(), show))
}

/// What the figures mean.
fn legend(results: &Results) -> String {
    let mut text =
        String::from("Each figure is the median over the rounds, but max is the largest of all.\n");
    if results.redis.is_some() {
        text.push_str(
            "ratio is ours/redis, the median of each round's ratio: good is below 1, \
             for ops/s above 1.\n",
        );
    }
    if let Some((difference, place)) = get_against_set(results) {
        _ = writeln!(
            text,
            "p50 of GET and of SET differ by at most {:.0} % ({}); --split shows both.",
            difference * 100.0,
            place.split_whitespace().collect::<Vec<_>>().join(" ")
        );
    }
    text
}

/// Where the medians of GET and SET are farthest apart, and how far.
fn get_against_set(results: &Results) -> Option<(f64, String)> {
    sides(results)
        .filter_map(|(place, side)| {
            let (get, set) = (side.figures.get.p50_us?, side.figures.set.p50_us?);
            Some(((get - set).abs() / get.min(set), place))
        })
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
}

/// Every server in every scenario, with a name for the two.
fn sides(results: &Results) -> impl Iterator<Item = (String, &Side)> {
    results.scenarios.iter().flat_map(|outcome| {
        let ours = ("ours", Some(&outcome.ours));
        let redis = ("redis", outcome.redis.as_ref());
        [ours, redis].into_iter().filter_map(move |(name, side)| {
            Some((format!("{:13} {name:5}", outcome.scenario), side?))
        })
    })
}

/// Was the load generator the bottleneck? For each row of the table.
fn verdicts(results: &Results) -> String {
    let mut text = String::from("\nWas the load generator the bottleneck?\n");
    for (place, side) in sides(results) {
        let server = side.busy.server.map_or("  —  ".to_owned(), percent);
        _ = writeln!(
            text,
            "  {place}  generator {}, server {server}  {}",
            percent(side.busy.generator),
            side.verdict.words(&side.busy)
        );
    }
    let others = sides(results).filter_map(|(_, side)| side.busy.others);
    if let Some(most) = others
        .max_by(f64::total_cmp)
        .filter(|most| *most > DISTURBED)
    {
        _ = writeln!(
            text,
            "Other programs used up to {} of a core meanwhile: rely on ratios, not on figures.",
            percent(most).trim_start()
        );
    }
    text
}

fn percent(share: f64) -> String {
    format!("{:3.0} %", share * 100.0)
}

/// A number with three digits, or with all of those before the point.
fn three_digits(number: f64) -> String {
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
}
