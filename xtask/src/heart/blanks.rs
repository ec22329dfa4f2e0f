//! A step with blanks where its heart is.

use std::ops::Range;

use anyhow::{Context, Result};

use super::source::{self, Found};
use super::{Blank, Item};
use crate::steps::{Files, Step, read_text};

/// The environment variable that chooses blanks while a program runs.
pub const SWITCH: &str = "WORKSHOP_BLANKS";

/// How an item stands in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Blank.
    Blank,
    /// Blank or not, as [`SWITCH`] says when the program runs: one build proves them all.
    Switched(usize),
}

/// A step, to be taken apart.
pub struct Maker<'a> {
    pub before: Option<&'a Step>,
}

impl Maker<'_> {
    /// Puts the items, each with its part's number, into that form.
    pub fn apply<'i>(
        &self,
        files: &mut Files,
        items: impl IntoIterator<Item = (Form, usize, &'i Item)>,
    ) -> Result<()> {
        for (form, part, item) in items {
            let content = files.get_mut(&item.file);
            let content = content.with_context(|| format!("{} is not there", item.file))?;
            let text = std::str::from_utf8(content)?;
            let found = source::find(text, item)?;
            let blank = self.blank(part, item, &found)?;
            let new = match form {
                Form::Blank => blank,
                Form::Switched(number) => switched(number, &blank, &text[found.body.clone()]),
            };
            *content = replaced(text, found.body, &new).into_bytes();
        }
        Ok(())
    }

    /// What stands in the item's place at the start.
    pub fn blank(&self, part: usize, item: &Item, found: &Found) -> Result<String> {
        let todo = format!("todo!(\"part {part} of the GUIDE\")");
        let body = match item.blank {
            Blank::Todo if found.is_lines => format!("{todo};"),
            Blank::Todo => todo,
            Blank::Naive => item.body.clone().unwrap_or_default(),
            Blank::Previous => self.previous(item)?,
        };
        let (margin, end) = match found.is_lines {
            true => (found.indent.clone(), String::new()),
            false => (format!("{}    ", found.indent), found.indent.clone()),
        };
        let body = indented(&body, &margin);
        Ok(match (found.is_lines, body.is_empty()) {
            (true, _) => body,
            (false, true) => String::new(),
            (false, false) => format!("\n{body}\n{end}"),
        })
    }

    fn previous(&self, item: &Item) -> Result<String> {
        let before = self.before.context("there is no step before this one")?;
        let file = item.was_file.as_ref().unwrap_or(&item.file);
        let name = item.was_item.as_ref().unwrap_or(&item.item);
        let text = read_text(&before.dir.join(file))?;
        let found = source::function(&text, &format!("{}/{file}", before.name), name)?;
        Ok(text[found.body].to_owned())
    }
}

/// Fills an item of `text` with what it is in `reference`. `blank` is what it was at the start.
pub fn filled(text: &str, reference: &str, item: &Item, blank: &str) -> Result<String> {
    let right = source::find(reference, item)?;
    let inside = source::function(text, &item.file, &item.item)?.body;
    let body = match text[inside.clone()].find(blank) {
        // The lines are not there; what stands in their place is.
        Some(at) if right.is_lines => inside.start + at..inside.start + at + blank.len(),
        _ => source::find(text, item)?.body,
    };
    Ok(replaced(text, body, &reference[right.body]))
}

fn switched(number: usize, blank: &str, body: &str) -> String {
    format!(
        "if std::env::var(\"{SWITCH}\").is_ok_and(|on| on.contains(\",{number},\")) {{\n\
         {blank}\n}} else {{\n{body}\n}}\n"
    )
}

fn replaced(text: &str, range: Range<usize>, new: &str) -> String {
    format!("{}{new}{}", &text[..range.start], &text[range.end..])
}

/// The text's lines, moved so that the one furthest to the left stands behind `margin`.
fn indented(text: &str, margin: &str) -> String {
    let lines = || {
        text.trim_end()
            .lines()
            .skip_while(|it| it.trim().is_empty())
    };
    let space = |line: &str| line.len() - line.trim_start().len();
    let least = lines().filter(|it| !it.trim().is_empty()).map(space).min();
    let moved = lines().map(|line| match line.get(least.unwrap_or_default()..) {
        Some(line) if !line.trim().is_empty() => format!("{margin}{line}"),
        _ => String::new(),
    });
    moved.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_moved_as_a_whole() {
        assert_eq!(indented("\n  a\n\n    b\n  ", "    "), "    a\n\n      b");
        assert_eq!(indented("a", ""), "a");
        assert_eq!(indented("\n\n", "  "), "");
    }
}
