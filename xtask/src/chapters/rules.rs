//! What keeps the gates of `advanced/` few, and the chapters readable.
//!
//! A chapter is read as the difference between two stripped trees. It can only be read if
//! what it adds is in files of its own, and the few gates elsewhere are small.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::RangeInclusive;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use syn::visit::Visit;

use super::strip::{Gate, gates, has_gates, strip};
use super::{Chapter, FOLDER, LIST, List, source, source_of};
use crate::docs::page::Page;
use crate::docs::runtime;
use crate::heart::source::function;
use crate::paths::normal;
use crate::steps::{Files, Step, Workshop, is_source, read_text};

/// A replaced pair is at most so many lines.
const PAIR: usize = 10;
/// A chapter has at most so many gates in files that are not lists.
const GATES: usize = 25;
/// The runtime path of a chapter is at most so many lines.
const PATH: usize = 250;

/// Where a chapter must be told of: what has a row for each thing that the server has.
const REGISTRIES: [&str; 4] = [
    "src/lib.rs",
    "src/config.rs",
    "src/command/mod.rs",
    "src/handlers/mod.rs",
];

/// What is wrong with the gates.
pub fn check(workshop: &Workshop) -> Result<Vec<String>> {
    let list = List::read(&workshop.root)?;
    if list.chapters.is_empty() {
        return Ok(Vec::new());
    }
    let files = source(&workshop.root).files()?;
    let mut findings = Vec::new();
    let mut counts: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for (path, text) in gated(&files) {
        let gates = gates(text).with_context(|| format!("{FOLDER}/{path}"))?;
        findings.extend(of_file(path, text, &gates, &list));
        findings.extend(unformatted(path, text, &list)?);
        let counts_here = path.starts_with("src/") && !REGISTRIES.contains(&path);
        for gate in gates.iter().filter(|_| counts_here) {
            // One of no chapter is told above.
            if let Some(chapter) = of_feature(&list, gate) {
                let of_chapter = counts.entry(chapter.number.as_str()).or_default();
                *of_chapter.entry(path).or_default() += 1;
            }
        }
    }
    let none = BTreeMap::new();
    findings.extend(list.chapters.iter().filter_map(|chapter| {
        let files = counts.get(chapter.number.as_str()).unwrap_or(&none);
        too_many(chapter, files)
    }));
    for chapter in &list.chapters {
        findings.extend(path_length(workshop, chapter)?);
        findings.extend(later_chapters(&files, &list, chapter)?);
    }
    Ok(findings)
}

/// The chapter whose feature a gate asks for.
fn of_feature<'a>(list: &'a List, gate: &Gate) -> Option<&'a Chapter> {
    let mut chapters = list.chapters.iter();
    chapters.find(|it| it.feature.as_ref() == Some(&gate.feature))
}

/// What is wrong with the number of a chapter's gates.
fn too_many(chapter: &Chapter, files: &BTreeMap<&str, usize>) -> Option<String> {
    let (number, count) = (&chapter.number, files.values().sum::<usize>());
    let allowed = chapter.gates.unwrap_or(GATES);
    if allowed > GATES.max(count) {
        return Some(format!(
            "{LIST}: chapter {number} has {count} gates, so `gates` is {} now; what is above {GATES} is a \
             debt, which only becomes smaller",
            count.max(GATES)
        ));
    }
    let mut files: Vec<_> = files.iter().map(|(path, count)| (count, path)).collect();
    files.sort_by(|one, other| other.cmp(one));
    let told: Vec<_> = files
        .iter()
        .map(|(count, path)| format!("{path} {count}"))
        .collect();
    (count > allowed).then(|| {
        format!(
            "{FOLDER}: chapter {number} has {count} gates outside of {}, and {allowed} are allowed; a \
             seam is missing: give what they have in common a function in the code without the \
             chapter ({})",
            REGISTRIES.join(", "),
            told.join(", ")
        )
    })
}

/// The text files that may have gates.
fn gated(files: &Files) -> impl Iterator<Item = (&str, &str)> {
    let sources = files
        .iter()
        .filter(|(path, _)| is_source(path) && path.ends_with(".rs"));
    let texts = sources
        .filter_map(|(path, content)| Some((path.as_str(), std::str::from_utf8(content).ok()?)));
    texts.filter(|(_, text)| has_gates(text))
}

/// What is wrong with the gates of one file.
fn of_file(path: &str, text: &str, gates: &[Gate], list: &List) -> Vec<String> {
    let macros = macros(text);
    let mut findings = Vec::new();
    for (at, gate) in gates.iter().enumerate() {
        let line = gate.line + 1;
        let mut tell = |what: String| findings.push(format!("{FOLDER}/{path}:{line}: {what}"));
        if of_feature(list, gate).is_none() {
            tell(format!(
                "no chapter has the feature `{}`; correct it, or add the chapter to {LIST}",
                gate.feature
            ));
        }
        if macros.iter().any(|lines| lines.contains(&line)) {
            tell(
                "a gate inside a macro call does nothing; move what differs into a function"
                    .to_owned(),
            );
        }
        if gates.iter().any(|other| {
            other.line != gate.line
                && gate.all.contains(&other.line)
                && !gate.thing.contains(&other.line)
        }) {
            tell(
                "one thing has two gates; keep that of the earliest chapter that needs it"
                    .to_owned(),
            );
        }
        let lines =
            gate.thing.len() + other_half(gate, &gates[at + 1..]).map_or(0, |it| it.thing.len());
        let is_second = gates[..at]
            .iter()
            .any(|it| other_half(it, &gates[at..at + 1]).is_some());
        let replaces = gate.is_not || other_half(gate, &gates[at + 1..]).is_some();
        if replaces && !is_second && lines > PAIR {
            tell(format!(
                "what the feature replaces here is {lines} lines, and {PAIR} are allowed; put both \
                 into functions, or find the seam below"
            ));
        }
    }
    findings
}

/// The gate that lets through what stands in the place of this one's.
fn other_half<'a>(gate: &Gate, after: &'a [Gate]) -> Option<&'a Gate> {
    after.iter().find(|it| {
        it.all.start == gate.all.end && it.feature == gate.feature && it.is_not != gate.is_not
    })
}

/// The lines of macro calls, counted from 1.
fn macros(text: &str) -> Vec<RangeInclusive<usize>> {
    #[derive(Default)]
    struct Calls(Vec<RangeInclusive<usize>>);
    impl<'ast> Visit<'ast> for Calls {
        fn visit_macro(&mut self, call: &'ast syn::Macro) {
            let span = call.delimiter.span();
            self.0
                .push(span.open().start().line..=span.close().end().line);
        }
    }
    let mut calls = Calls::default();
    if let Ok(file) = syn::parse_file(text) {
        calls.visit_file(&file);
    }
    calls.0
}

/// The chapters in which the file would be formatted in another way.
fn unformatted(path: &str, text: &str, list: &List) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let mut last = String::new();
    for chapter in &list.chapters {
        let told = || format!("{FOLDER}/{path}");
        let plain = strip(text, &list.features(chapter))
            .with_context(told)?
            .text;
        // Most files are the same in many chapters.
        if plain == last || plain.trim().is_empty() {
            continue;
        }
        if let Some(line) = first_unformatted(&plain)? {
            findings.push(format!(
                "{FOLDER}/{path} as it is in chapter {} is not formatted at its line {}, `{}`; move \
                 the gate, or what it governs, so that a formatter leaves both sides as they are",
                chapter.number,
                line + 1,
                plain.lines().nth(line).unwrap_or_default().trim()
            ));
        }
        last = plain;
    }
    Ok(findings)
}

/// The first line that `rustfmt` would change, counted from 0.
fn first_unformatted(text: &str) -> Result<Option<usize>> {
    let mut rustfmt = Command::new("rustfmt");
    rustfmt.args(["--edition", "2024", "--quiet"]);
    rustfmt.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = rustfmt
        .spawn()
        .context("cannot run rustfmt; install it: rustup component add rustfmt")?;
    let mut input = child.stdin.take().context("rustfmt takes no input")?;
    let text_of_file = text.to_owned();
    let writer = std::thread::spawn(move || input.write_all(text_of_file.as_bytes()));
    let output = child.wait_with_output()?;
    // What it does not read to the end it has refused, and says so by its status.
    let _ = writer.join();
    let formatted = String::from_utf8_lossy(&output.stdout);
    if output.status.success() && formatted == text {
        return Ok(None);
    }
    let mut lines = text
        .lines()
        .zip(formatted.lines().chain(std::iter::repeat("")));
    Ok(Some(
        lines
            .position(|(is, would_be)| is != would_be)
            .unwrap_or_default(),
    ))
}

/// What is wrong if the runtime path of a chapter is too long.
fn path_length(workshop: &Workshop, chapter: &Chapter) -> Result<Option<String>> {
    let step = workshop.step(chapter.number.parse().map_err(anyhow::Error::msg)?)?;
    let functions = path_of(workshop, step)?;
    let lines: usize = functions.iter().map(|it| it.lines).sum();
    Ok((lines > PATH).then(|| {
        format!(
            "{}: the runtime path is {lines} lines, and {PATH} are what one reads in half an hour; \
             leave out what is not on the way, or make its functions shorter (make diff-{} ARGS=--path)",
            step.page("README.md"),
            chapter.number
        )
    }))
}

/// A function on the runtime path of a chapter.
pub struct Function {
    /// Its place in the source without gates, like `src/client.rs:12`.
    pub place: String,
    pub name: String,
    pub lines: usize,
}

/// The runtime path on the chapter's page.
pub fn path_of(workshop: &Workshop, step: &Step) -> Result<Vec<Function>> {
    let page = step.pages.join("README.md");
    if !page.is_file() {
        return Ok(Vec::new());
    }
    let name = step.page("README.md");
    let page = Page::read(page, name.clone(), Some(step.clone()))?;
    let functions = runtime::functions(&page)?.into_iter();
    let functions = functions.map(|(function_name, path)| {
        let file = source_of(&workshop.root, step, &normal(&step.pages.join(&path)));
        let text = read_text(&file)?;
        let found = function(&text, &path, &function_name).with_context(|| name.clone())?;
        let inside = file.strip_prefix(&step.dir).unwrap_or(&file);
        Ok(Function {
            place: format!("{}:{}", inside.display(), found.line(&text)),
            lines: text[found.whole.clone()].lines().count(),
            name: function_name,
        })
    });
    functions.collect()
}

/// Comments that speak of a chapter that a reader does not know yet.
fn later_chapters(files: &Files, list: &List, chapter: &Chapter) -> Result<Vec<String>> {
    let known = list
        .chapters
        .iter()
        .take_while(|it| it.number != chapter.number);
    let known: Vec<_> = known
        .map(|it| it.number.as_str())
        .chain([chapter.number.as_str()])
        .collect();
    let planned = list.planned.iter().map(|it| it.number.as_str());
    let all = list
        .chapters
        .iter()
        .map(|it| it.number.as_str())
        .chain(planned);
    let later: Vec<_> = all.filter(|it| !known.contains(it)).collect();
    let mut findings = Vec::new();
    for (path, content) in super::plain(files, list, chapter)? {
        let Ok(text) = std::str::from_utf8(&content) else {
            continue;
        };
        for (line, words) in (1..).zip(text.lines()) {
            let mut told = later
                .iter()
                .filter(|it| words.contains(&format!("chapter {it}")));
            if let (true, Some(number)) = (words.trim_start().starts_with("//"), told.next()) {
                findings.push(format!(
                    "{FOLDER}/{path} (line {line} as it is in chapter {}) speaks of chapter {number}, \
                     which comes later; say it in a file of that chapter",
                    chapter.number
                ));
            }
        }
    }
    Ok(findings)
}
