//! `cargo xtask load`: what a step asks of a learner, counted, and whether its pages say so.
//!
//! The minutes are a model: people read 150 words a minute, and write 1.5 lines. Pages
//! round them to 5.

mod exercises;
pub mod plan;

use std::collections::HashSet;

use anyhow::Result;

use crate::docs::fence::Kind;
use crate::docs::page::Page;
use crate::heart::count::{Line, given, is_code, of_heart};
use crate::heart::{Heart, guide};
use crate::output::{HINT, paint, print, report};
use crate::pairs::compare;
use crate::steps::{Number, Root, Step, Workshop, read_text};
use exercises::Exercises;

const WORDS: usize = 150;
/// Lines written in two minutes.
const WRITTEN: usize = 3;
/// What a page may have at most, and its heart, for one class and for more.
const LIMITS: [[usize; 2]; 2] = [[2_500, 150], [4_000, 300]];

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
    let head = "step                      words  given  heart  shown   read  write   exer  claim";
    print(&format!("{}\n", paint(HINT, head)))?;
    let mut faults = Vec::new();
    let chosen = |it: &&Step| args.step.is_none_or(|number| number == it.number);
    for step in workshop.all().filter(chosen) {
        if step.pages.join("GUIDE.md").is_file() {
            let load = Load::of(&workshop, step)?;
            print(&load.row(&step.name))?;
            faults.extend(load.faults(&step.name));
        }
    }
    let model = format!(
        "lines are code; read, write, exer(cises) and claim are minutes, for {WORDS} words read \
         and 1.5 lines written a minute"
    );
    print(&format!("{}\n", paint(HINT, &model)))?;
    report(&faults, "what the pages say of it is so")
}

/// What was counted.
struct Load {
    /// How many classes the step is; nothing if it has no heart.
    classes: Option<usize>,
    words: usize,
    given: usize,
    heart: Vec<Line>,
    /// Whether each line of the heart is on the page.
    shown: Vec<bool>,
    claim: Option<[usize; 3]>,
    exercises: Exercises,
    /// What is not so of the plan for a class.
    plan: Vec<String>,
}

impl Load {
    fn of(workshop: &Workshop, step: &Step) -> Result<Self> {
        let path = step.pages.join("GUIDE.md");
        let text = read_text(&path)?;
        let mut classes = None;
        let mut lines = Vec::new();
        if Heart::exists(step) {
            let heart = Heart::read(step)?;
            classes = Some(heart.classes);
            lines = of_heart(step, &heart)?;
        }
        let pairs = compare(workshop.before(step), step)?;
        let page = Page::read(path, String::new(), Some(step.clone()))?;
        let on_page: HashSet<&str> = shown(&page).collect();
        Ok(Load {
            classes,
            words: words(&guide::by_hand(&text)),
            given: pairs.iter().map(|pair| given(pair, &lines)).sum(),
            shown: lines
                .iter()
                .map(|it| on_page.contains(it.text.as_str()))
                .collect(),
            plan: plan::faults(step, lines.len())?,
            heart: lines,
            claim: claim(&text),
            exercises: Exercises::of(step)?,
        })
    }

    /// The minutes of reading, writing and exercises.
    fn model(&self) -> [usize; 3] {
        let write = self.heart.len() * 2 / WRITTEN;
        [self.words / WORDS, write, self.exercises.minutes]
    }

    fn row(&self, name: &str) -> String {
        let (heart, [read, write, exercises]) = (self.heart.len(), self.model());
        let shown = self.shown.iter().filter(|it| **it).count();
        let claim = self.claim.map(|it| it.map(|it| it.to_string()).join("+"));
        format!(
            "{name:24} {:6} {:6} {heart:6} {shown:6} {read:6} {write:6} {exercises:6}  {}\n",
            self.words,
            self.given,
            claim.as_deref().unwrap_or("-"),
        )
    }

    /// What is not as it should be, if there is a heart to write.
    fn faults(&self, name: &str) -> Vec<String> {
        let mut faults = Vec::new();
        let Some(classes) = self.classes else {
            return faults;
        };
        let [words, lines] = LIMITS[usize::from(classes > 1)];
        if self.words > words {
            faults.push(format!(
                "{name}/GUIDE.md has {} words, and {words} are the most; move to NOTES.md what \
                 nobody needs to write the heart",
                self.words
            ));
        }
        if self.heart.len() > lines {
            faults.push(format!(
                "{name}: the heart has {} lines, and {lines} are the most; give some of them",
                self.heart.len()
            ));
        }
        let mut shown = self.heart.iter().zip(&self.shown);
        if let Some((line, _)) = shown.find(|(_, shown)| !*shown) {
            faults.push(format!(
                "{name}/GUIDE.md does not show `{}` ({}:{}); run: cargo xtask lineage --write",
                line.text,
                line.file,
                line.number + 1
            ));
        }
        let model = self.model();
        let is_near = |claim: [usize; 3]| claim.into_iter().zip(model).all(|(it, so)| near(it, so));
        if !self.claim.is_some_and(is_near) {
            let [read, write, exercises] = model.map(|it| (it + 2) / 5 * 5);
            faults.push(format!(
                "{name}/GUIDE.md does not say how long it takes, within 15 %; write: In about {read} minutes of \
                 reading, {write} of writing and {exercises} of exercises:"
            ));
        }
        faults.extend(self.exercises.faults.iter().cloned());
        faults.extend(self.plan.iter().cloned());
        faults
    }
}

/// Whether a number on a page is the counted one: within 15 %, and as it may be rounded.
fn near(said: usize, counted: usize) -> bool {
    said.abs_diff(counted) <= (counted * 15 / 100).max(3)
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

/// The minutes of reading, writing and exercises that the page promises.
fn claim(text: &str) -> Option<[usize; 3]> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.split("In about ").find_map(|rest| {
        let (read, rest) = rest.split_once(" minutes of reading, ")?;
        let (write, rest) = rest.split_once(" of writing and ")?;
        let (exercises, _) = rest.split_once(" of exercises")?;
        Some([
            read.parse().ok()?,
            write.parse().ok()?,
            exercises.parse().ok()?,
        ])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_promises_are_read() {
        let page = "# A b\n\nIn about 20 minutes of\nreading, 90 of writing and 80 of exercises:\n\n\
                    ```rust x\nlet d = 1;\n```\n<!-- part 1 -->\nMake\n<!-- /part -->\n– `e`\n";
        assert_eq!(words(&guide::by_hand(page)), 16);
        assert_eq!(claim(page), Some([20, 90, 80]));
        assert_eq!(claim("In about 90 minutes:"), None);
    }

    #[test]
    fn a_promise_may_be_rounded() {
        assert!(near(15, 12) && near(10, 13) && near(110, 97));
        assert!(!near(15, 11) && !near(115, 99));
    }
}
