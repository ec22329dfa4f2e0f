//! `cargo xtask load`: what a step asks of a learner, counted.
//!
//! The minutes are a model: people read 150 words a minute, type 3 lines that a page
//! shows, and write 1.5 lines of their own.

use std::collections::HashSet;

use anyhow::Result;

use crate::docs::fence::Kind;
use crate::docs::page::Page;
use crate::heart::{Heart, source};
use crate::output::{HINT, paint, print};
use crate::pairs::{Pair, compare, line_diff};
use crate::steps::{Number, Root, Step, Workshop, read_text};

const WORDS: usize = 150;
const TYPED: usize = 3;
/// Lines written in two minutes.
const WRITTEN: usize = 3;

/// The command's options.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The step, like 02 (default: all).
    step: Option<Number>,
    #[command(flatten)]
    root: Root,
}

/// Runs the command.
pub fn run(args: Args) -> Result<()> {
    let workshop = args.root.open()?;
    let head =
        "step                      words  added  given  heart  shown   read  type  write  claim";
    print(&format!("{}\n", paint(HINT, head)))?;
    for step in workshop.lineage() {
        if args.step.is_none_or(|Number(number)| number == step.number) {
            print(&row(&workshop, step)?)?;
        }
    }
    let model = format!(
        "lines are code; read, type, write and claim are minutes, for {WORDS} words, {TYPED} lines \
         typed, 1.5 lines written a minute; shown counts lines of the heart where there is one"
    );
    print(&format!("{}\n", paint(HINT, &model)))
}

fn row(workshop: &Workshop, step: &Step) -> Result<String> {
    let text = read_text(&step.dir.join("GUIDE.md"))?;
    let page = Page::read(step.dir.join("GUIDE.md"), String::new(), Some(step.clone()))?;
    let words = words(&text);
    let added: usize = compare(workshop.before(step), step)?
        .iter()
        .map(added)
        .sum();
    let heart = heart_lines(step)?;
    let on_page: HashSet<&str> = shown(&page).collect();
    let (shown, typed) = match heart.is_empty() {
        true => (on_page.len(), on_page.len()),
        false => (
            heart
                .iter()
                .filter(|it| on_page.contains(it.as_str()))
                .count(),
            0,
        ),
    };
    let claim = claim(&text).map_or("-".to_owned(), |minutes| minutes.to_string());
    Ok(format!(
        "{:24} {words:6} {added:6} {:6} {:6} {shown:6} {:6} {:5} {:6} {claim:>6}\n",
        step.name,
        added.saturating_sub(heart.len()),
        heart.len(),
        words / WORDS,
        typed / TYPED,
        heart.len() * 2 / WRITTEN,
    ))
}

/// The words of a page outside of its code.
fn words(text: &str) -> usize {
    let mut in_code = false;
    let prose = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        !in_code && !fence
    });
    let words = prose.flat_map(str::split_whitespace);
    words
        .filter(|word| word.contains(char::is_alphanumeric))
        .count()
}

fn is_code(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with("//")
}

/// The lines of code that a step adds in a file; tests do not count.
fn added(pair: &Pair) -> usize {
    let is_program = pair.path.starts_with("src/") && !pair.path.ends_with("tests.rs");
    let (Some((before, after)), true) = (pair.texts(), is_program) else {
        return 0;
    };
    let [before, after] =
        [before, after].map(|text| text.split("#[cfg(test)]").next().unwrap_or_default());
    let diff = line_diff(before, after);
    let new = diff
        .iter_all_changes()
        .filter(|it| it.tag() == similar::ChangeTag::Insert);
    new.filter(|it| is_code(it.value())).count()
}

/// The lines of code of a step's heart, signatures included.
fn heart_lines(step: &Step) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    if !Heart::exists(step) {
        return Ok(lines);
    }
    let heart = Heart::read(step)?;
    for (_, item) in heart.items(1..) {
        let text = read_text(&step.dir.join(&item.file))?;
        let found = source::find(&text, item)?;
        let range = if found.is_lines {
            found.body
        } else {
            found.whole
        };
        let code = text[range].lines().filter(|line| is_code(line));
        lines.extend(code.map(|line| line.trim().to_owned()));
    }
    Ok(lines)
}

/// The lines of source that a page shows.
fn shown(page: &Page) -> impl Iterator<Item = &str> {
    let blocks = page.blocks.iter();
    let source = blocks.filter(|block| {
        matches!(Kind::of(&block.info), Kind::Excerpt(path) | Kind::Change(path) if path.starts_with("src/"))
    });
    let lines = source
        .flat_map(|block| &block.body)
        .filter(|line| !line.starts_with('-'));
    lines
        .map(|line| line.trim_start_matches('+').trim())
        .filter(|line| is_code(line))
}

/// The minutes that the page promises.
fn claim(text: &str) -> Option<usize> {
    let (before, _) = text.split_once(" minutes")?;
    before
        .rsplit(|c: char| !c.is_ascii_digit())
        .find(|it| !it.is_empty())?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_promises_are_read() {
        let page = "# A b\n\nIn about 90 minutes: – `c`\n\n```rust x\nlet d = 1;\n```\ne\n";
        assert_eq!(words(page), 8);
        assert_eq!(claim(page), Some(90));
        assert_eq!(claim("no promise"), None);
    }
}
