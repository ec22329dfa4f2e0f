//! The page: all results in one HTML file that needs nothing else.
//!
//! This file owns its order: what was found comes first, then row by row the curves,
//! bars and figures behind it, then how and on what it was measured. There is no
//! script in it, and nothing is loaded, so it can be kept, sent and printed. All
//! figures are text, and the last part has them once more, to be pasted into a
//! spreadsheet.

mod row;
mod table;

use std::path::Path;

use anyhow::{Context, Result};

use crate::cross_check;
use crate::report::chart::{self, escape};
use crate::report::results::{Outcome, Results, Side};
use crate::report::text;
use crate::servers::contestant::Role;

/// Colours and lines, for the page as for a drawing of its own.
const STYLE: &str = include_str!("style.css");
/// The page's own.
const PAGE_STYLE: &str = include_str!("page.css");

/// Writes the page to `path`.
pub fn write(path: &Path, results: &Results) -> Result<()> {
    std::fs::write(path, render(results))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Writes the curves of the first scenario to `path`.
pub fn write_curve(path: &Path, results: &Results) -> Result<()> {
    let first = results.scenarios.first().context("nothing was measured")?;
    let title = format!("Latency, {}", first.name);
    let origin = format!(
        "{} · {}",
        results.environment.machine(),
        results.environment.begun
    );
    let classes = Classes::of(results);
    let svg = chart::file(&title, &origin, STYLE, &row::lines(first, &classes));
    std::fs::write(path, svg).with_context(|| format!("cannot write {}", path.display()))
}

/// The colour of each server.
pub struct Classes(Vec<(String, &'static str)>);

impl Classes {
    fn of(results: &Results) -> Self {
        let mut steps = ["a", "b", "c", "d", "e", "f", "g"].into_iter().cycle();
        let servers = results.servers.iter().map(|server| {
            let class = match server.role {
                Role::Step => steps.next().unwrap_or("a"),
                Role::Redis => "redis",
                Role::Floor => "floor",
            };
            (server.name.clone(), class)
        });
        Self(servers.collect())
    }

    pub fn class(&self, server: &str) -> &'static str {
        let found = self.0.iter().find(|(name, _)| name == server);
        found.map_or("a", |(_, class)| class)
    }
}

/// The whole page.
fn render(results: &Results) -> String {
    let classes = Classes::of(results);
    let rows: Vec<String> = results
        .scenarios
        .iter()
        .enumerate()
        .map(|(number, outcome)| row::section(number, outcome, &classes))
        .collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}{PAGE_STYLE}</style>\n</head>\n<body>\n\
         <header>\n<h1>{title}</h1>\n<p class=\"soft\">{machine}<br>{begun}</p>\n</header>\n\
         <main>\n<h2>What was found</h2>\n{warnings}{summary}{verdicts}\
         <h2>Row by row</h2>\n{rows}\
         <h2>How it was measured</h2>\n{method}\
         {cross_checks}<h2>Who, and on what</h2>\n{servers}{environment}\
         <h2>All figures, to be copied</h2>\n{copy}</main>\n</body>\n</html>\n",
        title = escape(&title(results)),
        machine = escape(&results.environment.machine()),
        begun = escape(&results.environment.begun),
        warnings = warnings(results),
        summary = table::summary(results),
        verdicts = verdicts(results),
        rows = rows.concat(),
        method = method(results),
        cross_checks = cross_checks(results),
        servers = servers(results),
        environment = environment(results),
        copy = table::to_copy(results),
    )
}

/// `step05-aof-persistence beside redis-server`
fn title(results: &Results) -> String {
    let name = |role| {
        let mut of_role = results.servers.iter().filter(move |it| it.role == role);
        let first = of_role.next()?;
        let last = of_role.next_back().map(|last| format!(" to {}", last.name));
        let program = first.label.split(' ').next().unwrap_or_default();
        Some(match last {
            Some(last) => format!("{}{last}", first.name),
            None => program.to_owned(),
        })
    };
    let names: Vec<String> = [name(Role::Step), name(Role::Redis)]
        .into_iter()
        .flatten()
        .collect();
    names.join(" beside ")
}

fn warnings(results: &Results) -> String {
    let mut text = String::new();
    if !results.has(Role::Redis) {
        text.push_str("<p>There was no Redis on this machine to compare with.</p>\n");
    }
    if let Some(most) = text::disturbance(results) {
        let most = text::percent(most);
        text.push_str(&format!(
            "<p>Other programs used up to {} of a core meanwhile: rely on ratios, not on \
             figures.</p>\n",
            most.trim()
        ));
    }
    text
}

/// What can be said of each row, in words.
fn verdicts(results: &Results) -> String {
    let mut items = String::new();
    for (number, outcome) in results.scenarios.iter().enumerate() {
        for (side, verdict) in verdicts_of(outcome) {
            items.push_str(&format!(
                "<li><a href=\"#row-{number}\">{}</a>: {} {}</li>\n",
                escape(&outcome.name),
                escape(&side.server),
                escape(&verdict)
            ));
        }
    }
    format!("<details><summary>The same in words</summary>\n<ul>\n{items}</ul>\n</details>\n")
}

/// The verdict on each step in a scenario, with its ratios.
fn verdicts_of(outcome: &Outcome) -> Vec<(&Side, String)> {
    let steps = outcome.sides.iter().filter(|side| side.role == Role::Step);
    let verdicts = steps.map(|side| (side, text::verdict(outcome, side, ToString::to_string)));
    verdicts
        .filter(|(_, verdict)| !verdict.is_empty())
        .collect()
}

fn method(results: &Results) -> String {
    format!(
        "<p>One thread sends GET and SET over loopback and takes the time of each. In each \
         scenario the servers take turns: {} rounds of {} s each, after {} s that do not count, \
         and another server begins each round. Every reply is checked: a GET must bring the value \
         of its own key.</p>\n\
         <p><b>Latency</b> runs from sending a batch to the read that completes a command’s reply \
         (a closed loop: a client sends when it is answered). In rows with <i>open</i>, commands \
         are sent at a fixed rate whether the last ones are answered or not, and latency runs from \
         the moment at which a command was due: what waits behind a slow one counts in full.</p>\n\
         <p><b>Figures</b> are medians over the rounds. <b>Ratios</b> are taken round by round \
         against Redis; shown are their median and, behind it, the smallest and the largest. Where \
         the smallest is below 1 and the largest above, the rounds do not agree on who is better, \
         and <b>no difference is shown</b>. Curves are of all rounds together.</p>\n\
         <p><b>CPU</b> is the time that the server’s process used per command, and the children \
         that it forked. It holds where the load generator or another program set the pace. The \
         <b>floor</b> is the same traffic against step 01’s echo server: what the kernel alone \
         costs.</p>\n",
        results.rounds, results.seconds, results.warmup_seconds
    )
}

/// What `redis-benchmark` says of the same Redis.
fn cross_checks(results: &Results) -> String {
    if results.cross_checks.is_empty() {
        return String::new();
    }
    let lines = cross_check::in_words(&results.cross_checks);
    let lines: String = lines
        .iter()
        .map(|line| format!("<p>{}</p>\n", escape(line)))
        .collect();
    format!("<p><b>{}.</b></p>\n{lines}", text::BESIDE_REDIS_BENCHMARK)
}

fn servers(results: &Results) -> String {
    let facts = results.servers.iter().map(|server| {
        let flags = match server.flags.is_empty() {
            true => "no flags of its own".to_owned(),
            false => server.flags.clone(),
        };
        (server.name.as_str(), format!("{} · {flags}", server.label))
    });
    table::facts(facts)
}

fn environment(results: &Results) -> String {
    let facts = results.environment.facts().into_iter();
    let sizes = format!("{} keys, seed {}", results.keys, results.seed);
    table::facts(facts.chain([("data", sizes)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::results::tests::sample;

    #[test]
    fn the_page_needs_nothing_else() {
        let page = render(&sample());
        for outside in [
            "http:", "https:", "<script", "<link", "@import", "url(", " src=", "<img", "<iframe",
        ] {
            assert!(!page.contains(outside), "{outside} leads out of the page");
        }
    }

    #[test]
    fn what_is_opened_is_closed() {
        let page = render(&sample());
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
        let page = render(&sample());
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
        let page = render(&results);
        assert!(page.contains("&lt;b&gt;&quot;evil&quot;&lt;/b&gt;"));
        assert!(!page.contains("<b>\"evil"));
    }

    #[test]
    fn figures_machine_and_verdict_are_on_it() {
        let page = render(&sample());
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
