//! What a step's exercises say of themselves, each in the line below its heading, like
//! `*25 minutes · medium · about 60 lines · for class*`.

use anyhow::Result;

use super::near;
use crate::check::tasks::{self, PAGE, Task};
use crate::heart::count::is_code;
use crate::steps::{Step, read_text};

const LEVELS: [&str; 3] = ["easy", "medium", "hard"];
/// How many lines a solution may have; one with more takes an evening.
const MOST: usize = 120;

/// All of a step.
#[derive(Default)]
pub struct Exercises {
    /// The minutes of all of them.
    pub minutes: usize,
    pub faults: Vec<String>,
}

/// What an exercise says.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    minutes: usize,
    lines: usize,
    for_class: bool,
}

impl Exercises {
    /// Reads the page and counts the solutions.
    pub fn of(step: &Step) -> Result<Self> {
        let mut all = Exercises::default();
        let path = step.pages.join(PAGE);
        if !path.is_file() {
            return Ok(all);
        }
        let text = read_text(&path)?;
        let name = step.page(PAGE);
        let mut for_class = 0;
        for Task { number, line, .. } in tasks::read(step)? {
            let patch = step.pages.join(format!("solutions/{number}.patch"));
            let added = added(&read_text(&patch)?);
            if added > MOST {
                all.faults.push(format!(
                    "{name}:{line}: the solution of exercise {number} has {added} lines, and {MOST} are \
                     the most; ask for less"
                ));
            }
            let below = text.lines().skip(line).find(|it| !it.is_empty());
            let Some(head) = below.and_then(head) else {
                all.faults.push(format!(
                    "{name}:{line}: nothing below says what exercise {number} takes; write there: \
                     *25 minutes · medium · about {added} lines*"
                ));
                continue;
            };
            all.minutes += head.minutes;
            for_class += usize::from(head.for_class);
            if !near(head.lines, added) && head.lines.abs_diff(added) > 5 {
                all.faults.push(format!(
                    "{name}:{line}: exercise {number} says {} lines, and its solution adds {added}; \
                     correct the number",
                    head.lines
                ));
            }
        }
        if for_class != 1 {
            all.faults.push(format!(
                "{name}: {for_class} exercises are for class; let one line end in ` · for class*`"
            ));
        }
        Ok(all)
    }
}

/// The line below the heading of an exercise.
fn head(line: &str) -> Option<Head> {
    let fields = line.trim_end().strip_prefix('*')?.strip_suffix('*')?;
    let fields: Vec<_> = fields.split(" · ").collect();
    let [minutes, level, lines, rest @ ..] = &fields[..] else {
        return None;
    };
    let lines = lines.strip_prefix("about ")?.strip_suffix(" lines")?;
    let head = Head {
        minutes: minutes.strip_suffix(" minutes")?.parse().ok()?,
        lines: lines.parse().ok()?,
        for_class: rest == ["for class"],
    };
    (LEVELS.contains(level) && (rest.is_empty() || head.for_class)).then_some(head)
}

/// The lines of code that a patch adds.
fn added(patch: &str) -> usize {
    let lines = patch.lines().filter(|it| !it.starts_with("+++"));
    lines
        .filter_map(|line| line.strip_prefix('+'))
        .filter(|line| is_code(line))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exercise_says_what_it_takes() {
        let said = |for_class| Head {
            minutes: 25,
            lines: 60,
            for_class,
        };
        assert_eq!(
            head("*25 minutes · medium · about 60 lines*"),
            Some(said(false))
        );
        assert_eq!(
            head("*25 minutes · easy · about 60 lines · for class*"),
            Some(said(true))
        );
        for wrong in [
            "25 minutes · medium · about 60 lines",
            "*25 minutes · simple · about 60 lines*",
            "*25 minutes · medium · 60 lines*",
            "*25 minutes · medium · about 60 lines · for home*",
        ] {
            assert_eq!(head(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_a_patch_adds_is_code() {
        let patch = "Why.\n--- a/x\n+++ b/x\n+// No.\n+\n+let a = 1;\n-let b = 1;\n context\n";
        assert_eq!(added(patch), 1);
    }
}
