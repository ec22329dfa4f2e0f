//! What INSTRUCTOR.md has for the slides: the plans, the drawing, the demos, and what only the
//! instructor sees.

use std::collections::BTreeMap;

use super::text::{Block, Section, blocks, sections};
use crate::load::plan::{self, Plan, Row};

/// The page, in the order in which a class needs it.
#[derive(Default)]
pub struct Teaching<'a> {
    /// What has to be done before the class.
    pub before: Vec<&'a str>,
    pub plans: Vec<Plan>,
    pub board: Vec<Section<'a>>,
    /// Each with the part after which it is shown; 0 is before the first.
    pub demos: Vec<(usize, Section<'a>)>,
    /// Likely mistakes by part; 0 are those of no part.
    pub mistakes: BTreeMap<usize, Vec<String>>,
    /// How to catch up.
    pub late: Vec<&'a str>,
    pub exercises: Vec<&'a str>,
}

impl<'a> Teaching<'a> {
    pub fn read(page: &'a str) -> Self {
        let mut all = Teaching {
            plans: plan::read(page),
            ..Teaching::default()
        };
        for section in sections(page) {
            let title = section.title.to_lowercase();
            let has = |words: &[&str]| words.iter().any(|it| title.contains(it));
            match section.body {
                _ if has(&["plan"]) => {}
                _ if has(&["board"]) => all.board.push(section),
                _ if has(&["demo"]) => all.demos.push((after(&title), section)),
                _ if has(&["mistakes"]) => all.add_mistakes(section.body),
                body if has(&["cut", "late"]) => all.late.push(body),
                body if has(&["exercises", "home"]) => all.exercises.push(body),
                body => all.before.push(body),
            }
        }
        all
    }

    fn add_mistakes(&mut self, body: &str) {
        for block in blocks(body) {
            let text = match block {
                Block::Text(it) => it.to_owned(),
                Block::Item(it) => it,
                _ => continue,
            };
            let rest = text.trim_start_matches('*').strip_prefix("Part ");
            let part = rest.and_then(|it| it.split_once(':')?.0.parse().ok());
            self.mistakes
                .entry(part.unwrap_or(0))
                .or_default()
                .push(text);
        }
    }

    /// The row in which a part is written.
    pub fn row(&self, part: usize) -> Option<&Row> {
        let mut rows = self.plans.iter().flat_map(|plan| &plan.rows);
        rows.find(|row| row.part == Some(part))
    }

    /// What the plan of that number has after a part, or before its first, up to the next part.
    pub fn then(&self, plan: usize, part: Option<usize>) -> Vec<String> {
        let rows = self.plans.get(plan).map_or(&[][..], |plan| &plan.rows);
        let from = match part {
            None => Some(0),
            Some(_) => rows
                .iter()
                .position(|row| row.part == part)
                .map(|at| at + 1),
        };
        let rows = rows[from.unwrap_or(rows.len())..].iter();
        let rows = rows.take_while(|row| row.part.is_none());
        rows.map(told).collect()
    }
}

/// A row as a note.
pub fn told(row: &Row) -> String {
    format!("**{} minutes.** {}", row.minutes, row.text)
}

/// After which part a demo is shown whose title ends with `(after part 2)` or `(part 3)`.
fn after(title: &str) -> usize {
    let number = title.split_once("part ").map_or("", |(_, rest)| rest);
    let number = number.trim_end_matches(')').parse().unwrap_or(0_usize);
    number - usize::from(number > 0 && !title.contains("after"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# T\nRun it.\n## Plan (30 minutes)\n\n| minutes | what | lines |\n|---|---|---|\n\
        | 10 | Idea | |\n| 10 | Part 1, a | 3 |\n| 5 | Draw | |\n| 5 | Part 2, b. Alone | 4 |\n\n\
        ## On the board\n## Demo: x (after part 1)\nNo.\n## Likely mistakes, and so on\n- *Part 2: c.* \"Why?\"\n\
        - d\n## Late?\nCut.\n";

    #[test]
    fn each_note_finds_its_part() {
        let page = Teaching::read(PAGE);
        assert_eq!(page.before, ["Run it.\n"]);
        assert_eq!(page.late, ["Cut.\n"]);
        assert_eq!((page.board.len(), page.demos[0].0), (1, 1));
        let mistakes = [
            (0, vec!["d".to_owned()]),
            (2, vec!["*Part 2: c.* \"Why?\"".to_owned()]),
        ];
        assert_eq!(page.mistakes, BTreeMap::from(mistakes));
        assert_eq!(
            page.row(2).map(told).as_deref(),
            Some("**5 minutes.** Part 2, b. Alone")
        );
        assert_eq!(page.then(0, None), ["**10 minutes.** Idea"]);
        assert_eq!(page.then(0, Some(1)), ["**5 minutes.** Draw"]);
        assert_eq!(page.then(0, Some(2)), [""; 0]);
    }

    #[test]
    fn a_demo_says_when_it_is_shown() {
        assert_eq!(after("demo: count (after part 3)"), 3);
        assert_eq!(after("demo: a full disk (part 4)"), 3);
        assert_eq!(after("live demo"), 0);
    }
}
