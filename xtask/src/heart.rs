//! The heart of a step: what a learner writes by hand, part by part.
//!
//! `heart.toml` in the step's folder names functions, or lines of one, and what stands
//! in their place at the start. Everything else is taken from the sources, so nothing
//! is written twice. CONTRIBUTING.md says what its keys mean.

pub mod blanks;
pub mod count;
pub mod guide;
pub mod source;

use std::ops::RangeFrom;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::docs::page::Page;
use crate::steps::{Step, read_text};

/// The file.
pub const FILE: &str = "heart.toml";

/// Warnings of what a blank does not use yet, which is no news.
pub const UNUSED: [&str; 5] = [
    "unused_imports",
    "unused_variables",
    "unused_mut",
    "dead_code",
    "unreachable_code",
];

/// A step's parts, in the order in which they are written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heart {
    /// How many classes the step is.
    #[serde(default = "one")]
    pub classes: usize,
    /// What the step adds besides its heart.
    #[serde(default)]
    pub given: Vec<Given>,
    #[serde(rename = "part")]
    pub parts: Vec<Part>,
}

fn one() -> usize {
    1
}

/// What a learner may leave unread.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// A file, or a folder without those files and folders that have a row of their own.
    pub file: String,
    pub why: String,
}

/// One part: what is written at a stretch, between one section of the GUIDE and the next.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    pub title: String,
    /// The tests that fail until it is right, by their whole names, the simplest first.
    pub witness: Vec<String>,
    /// From a question to the near-answer.
    #[serde(default)]
    pub hints: Vec<String>,
    #[serde(rename = "item")]
    pub items: Vec<Item>,
}

/// A function, or some lines of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// The file, like `src/store.rs`.
    pub file: String,
    /// The function, like `Store::insert`.
    pub item: String,
    /// The first and the last of the lines, if it is not the whole body.
    pub from: Option<String>,
    pub to: Option<String>,
    pub blank: Blank,
    /// What stands there if the blank is naive.
    pub body: Option<String>,
    /// Where the step before has it, if not in the same place.
    pub was_file: Option<String>,
    pub was_item: Option<String>,
}

/// What stands in an item's place at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Blank {
    /// The body that the step before has.
    Previous,
    /// A body that works a little, and shows why the idea is needed.
    Naive,
    Todo,
}

impl Heart {
    /// Whether the step has one.
    pub fn exists(step: &Step) -> bool {
        step.pages.join(FILE).is_file()
    }

    /// Reads the step's heart.
    pub fn read(step: &Step) -> Result<Self> {
        if !Self::exists(step) {
            bail!(
                "{name} has no {FILE}, so there is nothing to fill in; `make start-{number:02} \
                 DONE=1` gives the whole step, to do the exercises on",
                name = step.name,
                number = step.number,
            );
        }
        let name = step.page(FILE);
        let text = read_text(&step.pages.join(FILE))?;
        let heart: Heart = toml::from_str(&text).with_context(|| format!("{name} is not valid"))?;
        for (number, part) in (1..).zip(&heart.parts) {
            for item in &part.items {
                item.check()
                    .with_context(|| format!("{name}, part {number}, {}", item.item))?;
            }
        }
        Ok(heart)
    }

    /// The part of that number, counted from 1.
    pub fn part(&self, number: usize) -> Result<&Part> {
        let part = number.checked_sub(1).and_then(|at| self.parts.get(at));
        part.with_context(|| format!("there are parts 1 to {}; choose one", self.parts.len()))
    }

    /// Where the GUIDE speaks of the part of that number, like `02-resp-parser/GUIDE.md:181`.
    pub fn place(&self, step: &Step, number: usize) -> Result<String> {
        let title = guide::heading(number, &self.part(number)?.title);
        place_of(step, &title)
    }

    /// The items of the parts from that one on, each with its part's number.
    pub fn items(&self, RangeFrom { start }: RangeFrom<usize>) -> Vec<(usize, &Item)> {
        let parts = (1..)
            .zip(&self.parts)
            .filter(|(number, _)| *number >= start);
        parts
            .flat_map(|(number, part)| part.items.iter().map(move |item| (number, item)))
            .collect()
    }
}

/// Where the GUIDE has the heading, like `02-resp-parser/GUIDE.md:181`.
pub fn place_of(step: &Step, title: &str) -> Result<String> {
    let (path, name) = (step.pages.join("GUIDE.md"), step.page("GUIDE.md"));
    let title = title.replace('`', "");
    let page = Page::read(path, name.clone(), None)?;
    let heading = page.headings.iter().find(|it| it.text.trim() == title);
    let heading = heading.with_context(|| {
        format!("{name} has no heading `{title}`; a part's is its title in {FILE}")
    })?;
    Ok(format!("{name}:{}", heading.line))
}

impl Item {
    fn check(&self) -> Result<()> {
        if (self.blank == Blank::Naive) != self.body.is_some() {
            bail!("a naive blank has a `body`, and no other has; add it or take it out");
        }
        if self.from.is_some() && self.body.as_ref().is_some_and(|it| it.trim().is_empty()) {
            bail!("lines without anything in their place are not found again; put a comment there");
        }
        if self.from.is_some() != self.to.is_some() {
            bail!("`from` and `to` are the first and the last of its lines; give both or none");
        }
        Ok(())
    }
}
