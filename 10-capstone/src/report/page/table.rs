//! The tables of the page, and the same as text with tabs.

use std::fmt::Write;

use crate::measure::comparison::{Difference, Ratio};
use crate::report::chart::escape;
use crate::report::results::{Outcome, Results};
use crate::report::text::three_digits;
use crate::servers::contestant::Role;

/// The figures, in the order of `Figures::in_order`.
const FIGURES: [&str; 7] = [
    "ops/s",
    "p50 µs",
    "p95 µs",
    "p99 µs",
    "p99.9 µs",
    "max µs",
    "CPU µs/op",
];
/// What a ratio is called in the order of the columns; a maximum has none.
const RATIOS: [&str; 7] = ["ops/s", "p50", "p95", "p99", "p99.9", "", "CPU"];
/// What the summary shows.
const SUMMARY: [&str; 5] = ["ops/s", "p50", "p95", "p99", "CPU"];

/// Every row's ratios at a glance.
pub fn summary(results: &Results) -> String {
    if !results.has(Role::Redis) {
        return String::new();
    }
    let head: String = SUMMARY.map(|name| format!("<th>{name}</th>")).concat();
    let mut body = String::new();
    for (number, outcome) in results.scenarios.iter().enumerate() {
        for side in outcome.sides.iter().filter(|it| it.role == Role::Step) {
            let ratio = side.measured.as_ref().and_then(|it| it.ratio.as_ref());
            let cells = match (ratio, &side.missing) {
                (Some(ratio), _) => ratio_cells(&ratio.ratios(|figures| figures.all), &SUMMARY),
                (None, missing) => format!(
                    "<td class=\"none\" colspan=\"{}\">{}</td>",
                    SUMMARY.len(),
                    escape(missing.as_deref().unwrap_or("—"))
                ),
            };
            let server = match side.server.as_str() {
                "ours" => String::new(),
                step => format!(", {}", escape(step)),
            };
            _ = writeln!(
                body,
                "<tr><td><a href=\"#row-{number}\">{}</a>{server}</td>{cells}</tr>",
                escape(&outcome.name)
            );
        }
    }
    format!(
        "<p>Each number is a step’s figure divided by Redis’s. Good is below 1, for ops/s above 1. \
         ✓ better, ✗ worse, ≈ no difference shown.</p>\n\
         <div class=\"scroll\"><table>\n<thead><tr><th>clients×pipeline</th>{head}</tr></thead>\n\
         <tbody>\n{body}</tbody></table></div>\n"
    )
}

/// A cell for each name: its ratio, or a dash.
fn ratio_cells(ratios: &[Ratio], names: &[&str]) -> String {
    let cell = |name: &&str| {
        let found = ratios.iter().find(|ratio| ratio.name == *name);
        found.map_or("<td>—</td>".to_owned(), |ratio| {
            let (class, sign) = match ratio.difference() {
                Difference::Better => ("better", "✓"),
                Difference::Worse => ("worse", "✗"),
                Difference::NotShown => ("none", "≈"),
            };
            format!("<td class=\"{class}\">{} {sign}</td>", ratio.times())
        })
    };
    names.iter().map(cell).collect()
}

/// The figures of one scenario.
pub fn figures(outcome: &Outcome) -> String {
    let head: String = FIGURES.map(|name| format!("<th>{name}</th>")).concat();
    let mut body = String::new();
    for side in &outcome.sides {
        let Some(measured) = &side.measured else {
            continue;
        };
        let figures = measured.figures.all.in_order();
        let cells = figures.map(|figure| format!("<td>{}</td>", shown(figure)));
        let name = escape(&side.server);
        _ = writeln!(body, "<tr><td>{name}</td>{}</tr>", cells.concat());
        if let Some(comparison) = &measured.ratio {
            let ratios = comparison.ratios(|figures| figures.all);
            let cells = ratio_cells(&ratios, &RATIOS);
            let spreads = RATIOS.map(|name| {
                let found = ratios.iter().find(|ratio| ratio.name == name);
                format!(
                    "<td class=\"none\">{}</td>",
                    found.map_or("—".into(), Ratio::spread)
                )
            });
            _ = writeln!(
                body,
                "<tr class=\"ratio\"><td>{name} / redis</td>{cells}</tr>"
            );
            _ = writeln!(
                body,
                "<tr><td class=\"none\">spread</td>{}</tr>",
                spreads.concat()
            );
        }
    }
    format!(
        "<div class=\"scroll\"><table>\n<thead><tr><th>server</th>{head}</tr></thead>\n\
         <tbody>\n{body}</tbody></table></div>\n"
    )
}

fn shown(figure: Option<f64>) -> String {
    figure.map_or("—".to_owned(), three_digits)
}

/// Facts with their names.
pub fn facts<'a>(facts: impl Iterator<Item = (&'a str, String)>) -> String {
    let row = |(name, fact): (&str, String)| {
        let (name, fact) = (escape(name), escape(&fact));
        format!("<tr><td>{name}</td><td>{fact}</td></tr>\n")
    };
    let rows: String = facts.map(row).collect();
    format!("<table class=\"facts\">\n<tbody>\n{rows}</tbody></table>\n")
}

/// All figures as text, with tabs between them.
pub fn to_copy(results: &Results) -> String {
    let mut text = format!("scenario\tserver\t{}\n", FIGURES.join("\t"));
    for outcome in &results.scenarios {
        for side in &outcome.sides {
            let Some(measured) = &side.measured else {
                continue;
            };
            let figures = measured.figures.all.in_order().map(shown);
            let line = [&outcome.name, &side.server].map(String::as_str);
            _ = writeln!(text, "{}\t{}", line.join("\t"), figures.join("\t"));
        }
    }
    let text = escape(&text);
    format!("<details><summary>Text with tabs</summary>\n<pre>{text}</pre>\n</details>\n")
}
