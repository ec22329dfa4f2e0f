//! The page: all results in one HTML file that needs no other file.
//!
//! This file owns the content of the page; its structure is in `templates/page.html`. What was
//! found comes first, then for each row the curves, bars and figures, then how and where it was
//! measured. The page has no script and loads nothing, so it can be kept, sent and printed. All
//! figures are text, and the last part repeats them for a spreadsheet.

use std::path::Path;

use anyhow::{Context, Result};
use askama::Template;
use strum::VariantArray;

use super::chart::{Chart, File, Line};
use super::findings::{self, BESIDE_REDIS_BENCHMARK, or_dash, shown};
use super::results::{Measured, Outcome, Results, Side};
use crate::measure::figures::{Command, Figure};
use crate::measure::ratio::{Comparison, Difference, Ratio};
use crate::servers::contestant::Role;

/// The styles that the page and a separate drawing have in common.
const STYLE: &str = include_str!("templates/style.css");
/// The styles of the page alone.
const PAGE_STYLE: &str = include_str!("templates/page.css");

/// The CSS classes of servers other than Redis and the floor.
const COLOURS: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];

/// The figures in the summary.
const SUMMARY: [Figure; 5] = {
    use Figure::{Cpu, Ops, P50, P95, P99};
    [Ops, P50, P95, P99, Cpu]
};

/// The figures that are drawn as bars.
const BARS: [(&str, Figure); 2] = [
    ("commands per second", Figure::Ops),
    ("CPU of the server, µs per command", Figure::Cpu),
];

/// Name, CSS class, width and value of a bar.
type Bar<'a> = (&'a str, &'static str, String, String);

/// Writes the page to `path`.
pub fn write(path: &Path, results: &Results) -> Result<()> {
    std::fs::write(path, Page { results }.render()?)
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Writes the curves of the first scenario to `path`.
pub fn write_curve(path: &Path, results: &Results) -> Result<()> {
    let first = results.scenarios.first().context("nothing was measured")?;
    let environment = &results.environment;
    let lines = Page { results }.lines(first);
    let file = File {
        title: &format!("Latency, {}", first.name),
        origin: &format!("{} · {}", environment.machine(), environment.begun),
        style: STYLE,
        chart: Chart {
            title: "",
            lines: &lines,
        },
    };
    std::fs::write(path, file.render()?).with_context(|| format!("cannot write {}", path.display()))
}

/// The whole page.
#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    results: &'a Results,
}

impl<'a> Page<'a> {
    /// The CSS class for the colour of a server.
    fn class(&self, side: &Side) -> &'static str {
        let mut servers = self.results.servers.iter();
        let place = servers.position(|it| it.name == side.server);
        match side.role {
            Role::Step | Role::Peer => COLOURS[place.unwrap_or_default() % COLOURS.len()],
            Role::Redis => "redis",
            Role::Floor => "floor",
        }
    }

    /// The curves of all servers that were measured in a scenario.
    fn lines(&self, outcome: &'a Outcome) -> Vec<Line<'a>> {
        let sides = outcome.measured();
        let lines = sides.map(|(side, it)| (&*side.server, self.class(side), &*it.curve));
        lines.collect()
    }

    /// The latency curves of a scenario.
    fn chart(&self, outcome: &'a Outcome) -> askama::Result<String> {
        let (title, lines) = (&*outcome.name, &*self.lines(outcome));
        Chart { title, lines }.render()
    }

    /// One figure of all servers, as bars from zero: name, class, width, value.
    fn bars(&self, outcome: &'a Outcome, figure: &Figure) -> Vec<Bar<'a>> {
        let of = |measured: &Measured| measured.figures[Command::All][*figure];
        let largest = outcome.measured().filter_map(|(_, measured)| of(measured));
        let largest = largest.fold(f64::MIN_POSITIVE, f64::max);
        let bars = outcome.measured().filter_map(|(side, measured)| {
            let width = format!("{:.1}%", 100.0 * of(measured)? / largest);
            Some((&*side.server, self.class(side), width, shown(of(measured))))
        });
        bars.collect()
    }

    fn figure(&self, measured: &Measured, figure: &Figure) -> String {
        shown(measured.figures[Command::All][*figure])
    }

    /// A statement about each server in a scenario, with its ratios.
    fn findings(&self, outcome: &'a Outcome) -> Vec<(&'a Side, String)> {
        findings::of(outcome, Ratio::to_string)
    }

    /// The CSS class and the text of a ratio's cell; a maximum has no ratio.
    fn ratio_cell(&self, comparison: &Comparison, figure: &Figure) -> (&'static str, String) {
        let Some(ratio) = comparison.ratio(Command::All, *figure) else {
            return ("", or_dash(None));
        };
        let (class, sign) = match ratio.difference() {
            Difference::Better => ("better", "✓"),
            Difference::Worse => ("worse", "✗"),
            Difference::NotShown => ("none", "≈"),
        };
        (class, format!("{} {sign}", ratio.times()))
    }

    fn spread(&self, comparison: &Comparison, figure: &Figure) -> String {
        let ratio = comparison.ratio(Command::All, *figure);
        or_dash(ratio.as_ref().map(Ratio::spread))
    }

    /// For each server, whether the load generator was the bottleneck.
    fn bottlenecks(&self, outcome: &Outcome) -> String {
        let verdicts = outcome.measured().map(|(side, measured)| {
            let words = measured.verdict.words(&measured.busy);
            format!("{}: {words}", side.server)
        });
        verdicts.collect::<Vec<_>>().join(" · ")
    }
}

/// The title, such as `step05-aof-persistence beside redis-server`.
fn title(results: &Results) -> String {
    let name = |role| {
        let mut of_role = results.servers.iter().filter(move |it| it.role == role);
        let (first, last) = (of_role.next()?, of_role.next_back());
        Some(match last {
            Some(last) => format!("{} to {}", first.name, last.name),
            None => first.label.split(' ').next()?.to_owned(),
        })
    };
    let names = [name(Role::Step), name(Role::Redis)];
    let names: Vec<String> = names.into_iter().flatten().collect();
    names.join(" beside ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::results::tests::sample;

    #[test]
    fn the_page_needs_nothing_else() {
        let page = Page { results: &sample() }.render().unwrap();
        for outside in [
            "http:", "https:", "<script", "<link", "@import", "url(", " src=", "<img", "<iframe",
        ] {
            assert!(!page.contains(outside), "{outside} leads out of the page");
        }
    }

    #[test]
    fn what_is_opened_is_closed() {
        let page = Page { results: &sample() }.render().unwrap();
        let mut open = Vec::new();
        for piece in page.split('<').skip(1) {
            let (tag, _) = piece.split_once('>').expect("a tag ends");
            let name = tag.split([' ', '/']).find(|part| !part.is_empty());
            let name = name.unwrap_or_default();
            if tag.starts_with('/') {
                assert_eq!(open.pop(), Some(name), "in <{tag}>");
            } else if !tag.ends_with('/') && !["!doctype", "meta", "br"].contains(&name) {
                open.push(name);
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }

    #[test]
    fn links_lead_to_rows() {
        let page = Page { results: &sample() }.render().unwrap();
        let links: Vec<_> = page.split("href=\"#").skip(1).collect();
        assert!(!links.is_empty());
        for link in links {
            let (anchor, _) = link.split_once('"').expect("it ends");
            assert!(page.contains(&format!("id=\"{anchor}\"")), "{anchor}");
        }
    }

    #[test]
    fn names_of_others_are_escaped() {
        let mut results = sample();
        results.servers[0].label = "<b>\"evil\"</b>".to_owned();
        let page = Page { results: &results }.render().unwrap();
        assert!(page.contains("&#60;b&#62;&#34;evil&#34;&#60;/b&#62;"));
        assert!(!page.contains("<b>\"evil"));
    }

    #[test]
    fn figures_machine_and_verdict_are_on_it() {
        let page = Page { results: &sample() }.render().unwrap();
        for text in [
            "50×1, 16 B",
            "p99.9",
            "A CPU",
            "How it was measured",
            "<svg",
            "no difference shown in",
            "does not have it yet",
            "ours / floor",
            "CPU per command above the floor",
        ] {
            assert!(page.contains(text), "{text} is not in\n{page}");
        }
    }
}
