//! What a GUIDE says of a step's heart that need not be written by hand: the table of
//! what is given, and after the text on each part its tests, hints and bodies.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::count::{Line, given, of_heart};
use super::{Blank, FILE, Heart, Item, source};
use crate::generated::{self, Region};
use crate::pairs::{Pair, Status};
use crate::steps::{Step, read_text};

/// The line before the table of what is given.
const GIVEN: &str = "<!-- given -->";
const GIVEN_END: &str = "<!-- /given -->";
const PART: &str = "<!-- part ";
const PART_END: &str = "<!-- /part -->";

/// The words and code of a GUIDE that are not generated.
pub fn by_hand(text: &str) -> String {
    let mut inside = false;
    let own = text.lines().filter(|line| {
        inside |= *line == GIVEN || line.starts_with(PART);
        let is_own = !inside;
        inside &= !matches!(*line, GIVEN_END | PART_END);
        is_own
    });
    own.flat_map(|line| [line, "\n"]).collect()
}

/// The heading of a part.
pub fn heading(number: usize, title: &str) -> String {
    format!("{number}. {title}")
}

/// Checks the GUIDE of a step that has a heart, or writes what is generated there.
pub fn check(
    before: Option<&Step>,
    step: &Step,
    pairs: &[Pair],
    write: bool,
) -> Result<Vec<String>> {
    if !Heart::exists(step) {
        return Ok(Vec::new());
    }
    let (path, name) = (step.pages.join("GUIDE.md"), step.page("GUIDE.md"));
    let heart = Heart::read(step)?;
    let lines = of_heart(step, &heart)?;
    let (table, mut findings) = table(step, &heart, pairs, &lines);
    let mut regions = vec![Region {
        what: "the table of what is given".to_owned(),
        begin: GIVEN.to_owned(),
        end: GIVEN_END,
        text: table,
    }];
    for number in 1..=heart.parts.len() {
        regions.push(Region {
            what: format!("what belongs to part {number}"),
            begin: format!("{PART}{number} -->"),
            end: PART_END,
            text: part(before, step, &heart, number)
                .with_context(|| format!("{}, part {number}", step.page(FILE)))?,
        });
    }
    findings.extend(misplaced(&name, &read_text(&path)?, &heart));
    findings.extend(generated::renew(&path, &name, &regions, write)?);
    Ok(findings)
}

/// The parts that have no section of their own, in their order.
fn misplaced(name: &str, text: &str, heart: &Heart) -> Vec<String> {
    let mut findings = Vec::new();
    let mut from = 0;
    for (number, part) in (1..).zip(&heart.parts) {
        let heading = format!("\n### {}\n", heading(number, &part.title));
        let Some(at) = text[from..].find(&heading) else {
            let place = match number {
                1 => "below `## Build it`".to_owned(),
                _ => format!("after part {}", number - 1),
            };
            findings.push(format!(
                "{name} has no heading `{}` {place}; write that section, or correct the title in {FILE}",
                heading.trim()
            ));
            continue;
        };
        from += at + heading.len();
        let rest = &text[from..];
        let ends = ["\n## ", "\n### "].map(|it| rest.find(it).unwrap_or(rest.len()));
        let marker = format!("{PART}{number} -->");
        if text.contains(&marker) && !rest[..ends[0].min(ends[1])].contains(&marker) {
            let next = "move it there, with what ends it";
            findings.push(format!(
                "{name}: {marker} is not in the section of part {number}; {next}"
            ));
        }
    }
    let regions = text.lines().filter(|line| line.starts_with(PART)).count();
    if regions > heart.parts.len() {
        findings.push(format!(
            "{name} has {regions} lines `{PART}…`, and {FILE} {} parts; take out what has no part",
            heart.parts.len()
        ));
    }
    findings
}

/// The table of what is given, and what is wrong with the rows that it is made from.
fn table(step: &Step, heart: &Heart, pairs: &[Pair], lines: &[Line]) -> (String, Vec<String>) {
    let mut findings = Vec::new();
    let mut uncovered = Vec::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let changed = |it: &&Pair| matches!(it.status(), Status::New | Status::Changed);
    for pair in pairs.iter().filter(changed) {
        let path = pair.path.as_str();
        let covers = |row: &&str| {
            let rest = path.strip_prefix(*row);
            rest.is_some_and(|it| it.is_empty() || it.starts_with('/'))
        };
        let rows = heart.given.iter().map(|row| row.file.as_str());
        let count = given(pair, lines);
        match rows.filter(covers).max_by_key(|row| row.len()) {
            Some(row) => *counts.entry(row).or_default() += count,
            None if count == 0 => {}
            None => uncovered.push(format!("{path} ({count})")),
        }
    }
    if !uncovered.is_empty() {
        findings.push(format!(
            "{}: no row of `given` covers these files (lines that are given): {}; add for each, \
             or for a folder, {{ file = \"src/…\", why = \"why it may be left unread\" }}",
            step.page(FILE),
            uncovered.join(", ")
        ));
    }
    let mut text = "\n| file | lines | why you may leave it unread |\n|---|---|---|\n".to_owned();
    for row in &heart.given {
        let file = &row.file;
        match counts.remove(file.as_str()) {
            Some(count) => {
                text += &format!(
                    "| [`{file}`]({}) | {count} | {} |\n",
                    step.link(file),
                    row.why
                )
            }
            None => findings.push(format!(
                "{}: the row of `given` for {file} covers nothing that this step adds or \
                 changes; correct it, or take it out",
                step.page(FILE)
            )),
        }
    }
    (text, findings)
}

/// What the page says of a part after the text on it.
fn part(before: Option<&Step>, step: &Step, heart: &Heart, number: usize) -> Result<String> {
    let part = heart.part(number)?;
    let mut text = format!("\n{}\n\n", at_the_start(before, &part.items));
    text += &format!("Make these pass: `make try-{:02}`\n\n", step.number);
    text.extend(part.witness.iter().map(|it| format!("- `{it}`\n")));
    for (at, hint) in (1..).zip(&part.hints) {
        text += &folded(&format!("Hint {at}"), hint.trim());
    }
    for item in &part.items {
        let Item { file, item: it, .. } = item;
        let source = read_text(&step.dir.join(file))?;
        let code = format!("```rust {file}\n{}```", excerpt(&source, item)?);
        let title = format!("<code>{it}</code> as this step has it");
        text += &folded(&title, &code);
    }
    Ok(text)
}

fn folded(title: &str, text: &str) -> String {
    format!("\n<details>\n<summary>{title}</summary>\n\n{text}\n\n</details>\n")
}

/// What is written in a part, and what stands in its place.
fn at_the_start(before: Option<&Step>, items: &[Item]) -> String {
    let previous = before.map_or("no step".to_owned(), |it| it.label());
    let states = [
        (
            Blank::Todo,
            ["is `todo!`", "are `todo!`"].map(str::to_owned),
        ),
        (
            Blank::Naive,
            [
                "has a body that is too simple",
                "have bodies that are too simple",
            ]
            .map(str::to_owned),
        ),
        (
            Blank::Previous,
            ["is", "are"].map(|it| format!("{it} as in {previous}")),
        ),
    ];
    let told = states.into_iter().filter_map(|(blank, [one, many])| {
        let mut names: Vec<_> = items
            .iter()
            .filter(|it| it.blank == blank)
            .map(|it| match it.from {
                Some(_) => format!("`{}` (some lines)", it.item),
                None => format!("`{}`", it.item),
            })
            .collect();
        let verb = if names.len() == 1 { one } else { many };
        let last = names.pop()?;
        Some(match names.is_empty() {
            true => format!("{last} {verb}"),
            false => format!("{} and {last} {verb}", names.join(", ")),
        })
    });
    format!("At the start, {}.", told.collect::<Vec<_>>().join("; "))
}

/// The item with what stands above it, or its lines within their function, as far to the
/// left as they can be.
pub fn excerpt(text: &str, item: &Item) -> Result<String> {
    let found = source::find(text, item)?;
    let function = source::function(text, &item.file, &item.item)?;
    let mut start = found.whole.start;
    while let Some(above) = text[..start].lines().next_back()
        && ["///", "#["].iter().any(|it| above.trim().starts_with(it))
    {
        start -= above.len() + 1;
    }
    let mut whole = text[start..found.whole.end].to_owned();
    if found.is_lines {
        let mark = |space: &str| match space.trim() {
            "" => String::new(),
            _ => format!("{}    // …\n", function.indent),
        };
        let (head, body) = (&text[start..function.body.start], &text[found.body.clone()]);
        let above = mark(&text[function.body.start..found.body.start]);
        let below = mark(&text[found.body.end..function.body.end]);
        whole = format!("{head}\n{above}{body}\n{below}{}}}", function.indent);
    }
    let lines = whole.lines();
    let lines = lines.map(|it| it.strip_prefix(&function.indent).unwrap_or(it.trim_start()));
    Ok(lines.flat_map(|line| [line, "\n"]).collect())
}
