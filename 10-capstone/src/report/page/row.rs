//! One scenario on the page: verdict, curves, bars, figures.

use std::fmt::Write;

use super::{Classes, table, verdicts_of};
use crate::report::chart::{self, Line, escape};
use crate::report::results::{Measured, Outcome};
use crate::report::text::three_digits;

/// The scenario's part of the page.
pub fn section(number: usize, outcome: &Outcome, classes: &Classes) -> String {
    format!(
        "<section class=\"row\" id=\"row-{number}\">\n<h3>{}</h3>\n{}\
         <div class=\"pair\">\n<div>\n{}</div>\n<div>\n{}{}</div>\n</div>\n{}</section>\n",
        escape(&outcome.name),
        verdict(outcome),
        chart::inline(&outcome.name, &lines(outcome, classes)),
        bars(outcome, classes, "commands per second", |measured| {
            measured.figures.all.ops_per_sec
        }),
        bars(
            outcome,
            classes,
            "CPU of the server, µs per command",
            |it| { it.figures.all.server_cpu_us_per_op }
        ),
        table::figures(outcome),
    )
}

/// The curves of all servers that were measured.
pub fn lines<'a>(outcome: &'a Outcome, classes: &Classes) -> Vec<Line<'a>> {
    let sides = outcome.sides.iter();
    let lines = sides.filter_map(|side| {
        Some(Line {
            name: &side.server,
            class: classes.class(&side.server),
            points: &side.measured.as_ref()?.curve,
        })
    });
    lines.collect()
}

/// What can be said, and whether the load generator allows it.
fn verdict(outcome: &Outcome) -> String {
    let mut text = String::new();
    for (side, verdict) in verdicts_of(outcome) {
        _ = writeln!(
            text,
            "<p><b>{}</b>: {}</p>",
            escape(&side.server),
            escape(&verdict)
        );
    }
    let sides = outcome.sides.iter();
    let bottlenecks: Vec<String> = sides
        .filter_map(|side| {
            let measured = side.measured.as_ref()?;
            let words = measured.verdict.words(&measured.busy);
            Some(format!("{}: {words}", side.server))
        })
        .collect();
    let bottlenecks = escape(&bottlenecks.join(" · "));
    _ = writeln!(
        text,
        "<p class=\"soft\">Was the load generator the bottleneck? {bottlenecks}</p>"
    );
    text
}

/// One figure of all servers, as bars from zero.
fn bars(
    outcome: &Outcome,
    classes: &Classes,
    title: &str,
    of: fn(&Measured) -> Option<f64>,
) -> String {
    let sides = outcome.sides.iter();
    let figures: Vec<(&str, f64)> = sides
        .filter_map(|side| Some((side.server.as_str(), of(side.measured.as_ref()?)?)))
        .collect();
    let largest = figures.iter().map(|(_, figure)| *figure);
    let largest = largest.fold(f64::MIN_POSITIVE, f64::max);
    let mut html = format!("<h4>{title}</h4>\n");
    for (server, figure) in figures {
        let (class, name) = (classes.class(server), escape(server));
        let (width, value) = (100.0 * figure / largest, three_digits(figure));
        _ = writeln!(
            html,
            "<div class=\"bar\"><span>{name}</span><span class=\"track\"><span class=\"fill \
             {class}\" style=\"width:{width:.1}%\"></span></span><span class=\"value\">{value}</span></div>"
        );
    }
    html
}
