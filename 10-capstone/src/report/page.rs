//! The page: all results in one HTML file that needs nothing else.
//!
//! This file owns what is on it; its order is `templates/page.html`: what was found comes first, then row by row the curves,
//! bars and figures behind it, then how and on what it was measured. There is no
//! script in it, and nothing is loaded, so it can be kept, sent and printed. All
//! figures are text, and the last part has them once more, to be pasted into a
//! spreadsheet.

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

/// Colours and lines, for the page as for a drawing of its own.
const STYLE: &str = include_str!("templates/style.css");
/// The page's own.
const PAGE_STYLE: &str = include_str!("templates/page.css");

/// The CSS classes of servers other than Redis and the floor.
const COLOURS: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];

/// The figures that the summary shows.
const SUMMARY: [Figure; 5] = {
    use Figure::{Cpu, Ops, P50, P95, P99};
    [Ops, P50, P95, P99, Cpu]
};

/// The figures that are drawn as bars.
const BARS: [(&str, Figure); 2] = [
    ("commands per second", Figure::Ops),
    ("CPU of the server, µs per command", Figure::Cpu),
];

/// Name, class, width and value of one bar.
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
    /// The CSS class of a server, which gives it its colour.
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

    /// What can be said of each server in a scenario, with its ratios.
    fn findings(&self, outcome: &'a Outcome) -> Vec<(&'a Side, String)> {
        findings::of(outcome, Ratio::to_string)
    }

    /// The class and the text of a ratio's cell; a maximum has none.
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

    /// Whether the load generator was the bottleneck, server by server.
    fn bottlenecks(&self, outcome: &Outcome) -> String {
        let verdicts = outcome.measured().map(|(side, measured)| {
            let words = measured.verdict.words(&measured.busy);
            format!("{}: {words}", side.server)
        });
        verdicts.collect::<Vec<_>>().join(" · ")
    }
}

/// `step05-aof-persistence beside redis-server`
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
        ] {
            assert!(page.contains(text), "{text} is not in\n{page}");
        }
    }
}
