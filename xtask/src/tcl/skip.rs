//! `advanced/tests/tcl.skip`: the tests of Redis's own suite that are left out, and why.
//!
//! A line is `chapter | unit | name of the test | why`. The test is run from that chapter on.
//! `never` stands for a chapter where what the test needs is out of scope.

use std::path::Path;

use anyhow::{Result, bail};

use crate::chapters::{Chapter, List};
use crate::steps::read_text;

const FILE: &str = "advanced/tests/tcl.skip";
/// In the place of a chapter.
const NEVER: &str = "never";

/// A test that is left out.
#[derive(Debug)]
struct Skip {
    chapter: String,
    unit: String,
    test: String,
    line: usize,
}

/// All of them.
#[derive(Debug)]
pub struct Skips(Vec<Skip>);

impl Skips {
    /// Reads the file; nothing is left out where there is none.
    pub fn read(root: &Path) -> Result<Self> {
        let path = root.join(FILE);
        match path.is_file() {
            true => Self::parse(&read_text(&path)?),
            false => Ok(Skips(Vec::new())),
        }
    }

    fn parse(text: &str) -> Result<Self> {
        let mut skips = Vec::new();
        for (line, row) in (1..).zip(text.lines()) {
            if row.trim().is_empty() || row.starts_with('#') {
                continue;
            }
            let fields: Vec<_> = row.split(" | ").map(|it| it.trim().to_owned()).collect();
            let [chapter, unit, test, why] = &fields[..] else {
                bail!("{FILE}:{line}: write `chapter | unit | name of the test | why`");
            };
            if why.is_empty() {
                bail!("{FILE}:{line}: say why the test is left out");
            }
            let [chapter, unit, test] = [chapter, unit, test].map(Clone::clone);
            skips.push(Skip {
                chapter,
                unit,
                test,
                line,
            });
        }
        Ok(Skips(skips))
    }

    /// The tests of a unit that are not for the server up to that chapter.
    pub fn of(&self, unit: &str, chapter: &Chapter, list: &List) -> Vec<&str> {
        let known = known(list, &chapter.number);
        let later = |it: &&Skip| it.unit == unit && !known.contains(&it.chapter.as_str());
        self.0
            .iter()
            .filter(later)
            .map(|it| it.test.as_str())
            .collect()
    }

    /// The lines about chapters that are there, or that nobody knows.
    pub fn stale(&self, list: &List) -> Vec<String> {
        let is_planned = |number: &str| list.planned.iter().any(|it| it.number == number);
        let is_there = |number: &str| list.chapters.iter().any(|it| it.number == number);
        // A chapter before the one that opens the test may have the unit as well.
        let is_used = |skip: &Skip| {
            let of_unit = |it: &&Chapter| it.units.iter().any(|unit| unit.unit == skip.unit);
            let mut chapters = list.chapters.iter().filter(of_unit);
            chapters.any(|it| !known(list, &it.number).contains(&skip.chapter.as_str()))
        };
        let wrong = self.0.iter().filter_map(|it| {
            let chapter = it.chapter.as_str();
            let what = match () {
                () if chapter == NEVER || is_planned(chapter) => return None,
                () if !is_there(chapter) => {
                    format!("there is no chapter {chapter}; name one, or `{NEVER}`")
                }
                () if is_used(it) => return None,
                () => format!("chapter {chapter} is there; take out the line, and the test is run"),
            };
            Some(format!("{FILE}:{}: {what}", it.line))
        });
        wrong.collect()
    }
}

/// The chapters up to that one.
fn known<'a>(list: &'a List, number: &str) -> Vec<&'a str> {
    let numbers = list.chapters.iter().map(|it| it.number.as_str());
    let at = numbers.clone().position(|it| it == number);
    numbers.take(at.map_or(0, |at| at + 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list() -> List {
        let chapter = |number: &str, rest: &str| {
            format!(
                "[[chapter]]\nnumber = \"{number}\"\nname = \"a\"\ntitle = \"A\"\nminutes = 1\n{rest}\n"
            )
        };
        let text = chapter("006", "units = [{ unit = \"unit/a\", passed = 1 }]")
            + &chapter("003", "feature = \"x\"")
            + "[[planned]]\nnumber = \"012\"\ntitle = \"B\"\n";
        toml::from_str(&text).expect("it is valid")
    }

    #[test]
    fn what_a_later_chapter_opens_is_left_out_before_it() {
        let skips =
            Skips::parse("# Why.\n003 | unit/a | One | CLIENT\n\n012 | unit/a | Two | EXEC\n");
        let (skips, list) = (skips.expect("it is valid"), list());
        assert_eq!(skips.of("unit/a", &list.chapters[0], &list), ["One", "Two"]);
        assert_eq!(skips.of("unit/a", &list.chapters[1], &list), ["Two"]);
        assert!(skips.of("unit/b", &list.chapters[0], &list).is_empty());
        assert!(skips.stale(&list).is_empty());
    }

    #[test]
    fn a_line_that_is_not_needed_is_told() {
        let text = "006 | unit/a | One | HSET\n099 | unit/a | Two | no\nnever | unit/a | C | ACL\n";
        let stale = Skips::parse(text).expect("it is valid").stale(&list());
        assert_eq!(stale.len(), 2, "{stale:?}");
        assert!(
            stale[0].contains("tcl.skip:1: chapter 006 is there"),
            "{stale:?}"
        );
        assert!(
            stale[1].contains("tcl.skip:2: there is no chapter 099"),
            "{stale:?}"
        );
    }

    #[test]
    fn a_line_without_a_reason_is_told() {
        let error = |text| Skips::parse(text).expect_err("no").to_string();
        assert!(error("012 | unit/a | One\n").contains("tcl.skip:1: write `chapter"));
        assert!(error("012 | unit/a | One | \n").contains("tcl.skip:1"));
    }
}
