//! A plan for a class, as INSTRUCTOR.md has it: a table whose rows say how long each thing takes, below
//! a heading that says how long all of it takes.
//!
//! ```text
//! ## Plan (105 minutes)
//!
//! | minutes | what | lines to write |
//! |---|---|---|
//! | 0–8 | *The idea* | |
//! ```
//!
//! Minutes are an amount, or from when to when. A step of two classes has two plans. COURSE.md, beside
//! the steps, has a row for each plan, with the same minutes.

#![cfg_attr(
    not(feature = "diagrams"),
    allow(dead_code, reason = "only slides ask what a row says")
)]

use anyhow::Result;

use super::near;
use crate::steps::{Step, read_text};

const PAGE: &str = "INSTRUCTOR.md";

const COURSE: &str = "COURSE.md";

/// What is not as it should be with the plans of a step whose heart has so many lines.
pub fn faults(step: &Step, heart: usize) -> Result<Vec<String>> {
    let path = step.pages.join(PAGE);
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let name = step.page(PAGE);
    let plans = read(&read_text(&path)?);
    let mut faults: Vec<String> = plans
        .iter()
        .flat_map(|plan| plan.faults.iter())
        .map(|(line, fault)| format!("{name}:{line}: {fault}"))
        .collect();
    let lines: usize = plans.iter().map(|plan| plan.lines).sum();
    if plans.is_empty() {
        faults.push(format!(
            "{name} has no plan; write one below a heading like: ## Plan (105 minutes)"
        ));
    } else if !near(lines, heart) {
        faults.push(format!(
            "{name}: the rows of the plan have {lines} lines, and the heart has {heart}; correct them"
        ));
    }
    let course = step.dir.with_file_name(COURSE);
    if course.is_file() {
        faults.extend(course_faults(&step.name, &plans, &read_text(&course)?));
    }
    Ok(faults)
}

/// The plans of a step for which the course has no row with the step's link and their minutes.
fn course_faults(step: &str, plans: &[Plan], course: &str) -> Vec<String> {
    let link = format!("]({step}/{PAGE})");
    let rows = course.lines().filter(|line| line.contains(&link));
    let cells = rows.flat_map(|row| row.split('|'));
    let said: Vec<&str> = cells
        .filter_map(|it| it.split_whitespace().next())
        .collect();
    let missing = plans.iter().map(|plan| plan.total.to_string());
    missing
        .filter(|total| !said.contains(&total.as_str()))
        .map(|total| {
            format!(
                "{COURSE} has no row for {step} with the {total} minutes of its plan; correct it"
            )
        })
        .collect()
}

#[derive(Default)]
pub struct Plan {
    heading: usize,
    /// What its heading says, like `Plan (105 minutes)`.
    pub title: String,
    /// The minutes in its heading.
    total: usize,
    pub rows: Vec<Row>,
    /// The columns of minutes and of lines.
    columns: Option<[Option<usize>; 2]>,
    minutes: usize,
    lines: usize,
    /// Each with its line on the page.
    faults: Vec<(usize, String)>,
}

/// What is done in a class at a stretch.
pub struct Row {
    pub minutes: usize,
    /// The part that is written.
    pub part: Option<usize>,
    /// What the row says besides the minutes and lines, in Markdown.
    pub text: String,
}

/// The plans on a page.
pub fn read(page: &str) -> Vec<Plan> {
    let mut plans = Vec::new();
    let mut open: Option<Plan> = None;
    for (number, line) in (1..).zip(page.lines()) {
        if let Some(heading) = line.strip_prefix("## ") {
            plans.extend(open.take().map(Plan::done));
            open = Plan::begin(number, heading);
        } else if let (Some(plan), Some(row)) = (&mut open, line.strip_prefix('|')) {
            plan.row(number, row);
        }
    }
    plans.extend(open.map(Plan::done));
    plans
}

impl Plan {
    fn begin(heading: usize, text: &str) -> Option<Self> {
        let title = text.strip_prefix("Plan")?;
        let mut plan = Plan {
            heading,
            title: text.to_owned(),
            ..Plan::default()
        };
        let total = title.split_once('(').map(|(_, rest)| rest);
        match total.and_then(|it| it.strip_suffix(" minutes)")?.parse().ok()) {
            Some(total) => plan.total = total,
            None => plan.fault(
                heading,
                format!("say how long it takes, as in: ## Plan{title} (105 minutes)"),
            ),
        }
        Some(plan)
    }

    fn row(&mut self, number: usize, row: &str) {
        let row = row.replace("\\|", " ");
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let Some([minutes, lines]) = self.columns else {
            let column = |word: &str| cells.iter().position(|cell| cell.starts_with(word));
            self.columns = Some([column("minutes"), column("lines")]);
            return;
        };
        if cells[0].starts_with("--") {
            return;
        }
        let cell = |column: Option<usize>| column.and_then(|it| cells.get(it)).copied();
        let lines = cell(lines).unwrap_or_default();
        if !lines.is_empty() {
            match lines.parse::<usize>() {
                Ok(lines) => self.lines += lines,
                Err(_) => self.fault(number, format!("`{lines}` is no number of lines")),
            }
        }
        let before = self.minutes;
        self.pass(number, cell(minutes).unwrap_or_default());
        let columns = self.columns.unwrap_or_default();
        let told = (0..)
            .zip(&cells)
            .filter(|(at, it)| !it.is_empty() && !columns.contains(&Some(*at)));
        let told: Vec<_> = told.map(|(_, cell)| *cell).collect();
        self.rows.push(Row {
            minutes: self.minutes - before,
            part: told.first().and_then(|it| part(it)),
            text: told.join(": "),
        });
    }

    /// Adds a row's minutes.
    fn pass(&mut self, number: usize, cell: &str) {
        let amount = |text: &str| text.parse::<usize>().ok();
        match cell.split_once('–') {
            None => match amount(cell) {
                Some(minutes) => self.minutes += minutes,
                None => self.fault(number, format!("`{cell}` is no number of minutes")),
            },
            Some((from, to)) => match (amount(from), amount(to)) {
                (Some(from), Some(to)) if from == self.minutes && from <= to => self.minutes = to,
                _ => {
                    let so_far = self.minutes;
                    self.fault(number, format!("`{cell}` does not go on from {so_far}"));
                }
            },
        }
    }

    fn fault(&mut self, line: usize, fault: String) {
        self.faults.push((line, fault));
    }

    /// The plan, when all of it has been read.
    fn done(mut self) -> Self {
        let (total, minutes) = (self.total, self.minutes);
        if self.faults.is_empty() && total != minutes {
            self.fault(
                self.heading,
                format!("the heading says {total} minutes, and the rows have {minutes}"),
            );
        }
        self
    }
}

/// The part of which a row speaks that begins with `Part 1, …`, `part 1: …` or `1. …`.
fn part(text: &str) -> Option<usize> {
    let text = text
        .strip_prefix(['P', 'p'])
        .and_then(|it| it.strip_prefix("art "))
        .unwrap_or(text);
    text.split_once([',', ':', '.', ' '])?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The faults of a page with one plan, and its lines.
    fn plan(heading: &str, rows: &str) -> (Vec<String>, usize) {
        let page = format!(
            "# T\n\n{heading}\n\n| minutes | what | lines |\n|---|---|---|\n{rows}\n## E\n"
        );
        let plans = read(&page);
        let faults = plans.iter().flat_map(|plan| &plan.faults);
        (
            faults
                .map(|(line, text)| format!("{line}: {text}"))
                .collect(),
            plans.iter().map(|plan| plan.lines).sum(),
        )
    }

    #[test]
    fn the_rows_are_the_whole() {
        let amounts = "| 10 | a \\| b | |\n| 20 | c | 17 |\n";
        assert_eq!(plan("## Plan (30 minutes)", amounts), (vec![], 17));
        let times = "| 0–10 | a | 3 |\n| 10–30 | c | 4 |\n";
        assert_eq!(plan("## Plan of b (30 minutes)", times), (vec![], 7));
        assert_eq!(plan("## Board", times), (vec![], 0));
    }

    #[test]
    fn a_row_says_which_part_is_written() {
        let page = "## Plan (30 minutes)\n| minutes | part | lines | what |\n|---|---|---|---|\n\
            | 10 | | | a, 2. b |\n| 5 | 1. c | 3 | d |\n| 15–30 | part 2: `e` | 17 | |\n";
        let rows = read(page).remove(0).rows;
        let rows: Vec<_> = rows
            .iter()
            .map(|it| (it.minutes, it.part, it.text.as_str()))
            .collect();
        let all = [
            (10, None, "a, 2. b"),
            (5, Some(1), "1. c: d"),
            (15, Some(2), "part 2: `e`"),
        ];
        assert_eq!(rows, all);
    }

    #[test]
    fn the_course_has_the_minutes_of_each_plan() {
        let page = "## Plan of a (30 minutes)\n| minutes |\n|---|\n| 30 |\n\
            ## Plan of b (20 minutes)\n| minutes |\n|---|\n| 20 |\n";
        let plans = read(page);
        let course =
            "| 1 | [01](01-x/INSTRUCTOR.md) | 30 + 5 |\n| 2 | [02](02-y/INSTRUCTOR.md) | 20 |\n";
        assert_eq!(
            course_faults("01-x", &plans, course),
            ["COURSE.md has no row for 01-x with the 20 minutes of its plan; correct it"]
        );
        assert_eq!(course_faults("02-y", &plans[1..], course), [""; 0]);
    }

    #[test]
    fn what_is_not_so_is_told() {
        for (heading, rows, fault) in [
            (
                "## Plan (30 minutes)",
                "| 10 | a | |",
                "3: the heading says 30 minutes, and the rows have 10",
            ),
            (
                "## Plan of b",
                "| 10 | a | |",
                "3: say how long it takes, as in: ## Plan of b (105 minutes)",
            ),
            (
                "## Plan (30 minutes)",
                "| 0–9 | a | |\n| 10–30 | b | |",
                "8: `10–30` does not go on from 9",
            ),
            (
                "## Plan (30 minutes)",
                "| a | b | |",
                "7: `a` is no number of minutes",
            ),
            (
                "## Plan (30 minutes)",
                "| 30 | b | few |",
                "7: `few` is no number of lines",
            ),
        ] {
            assert_eq!(plan(heading, rows).0, [fault], "{heading}\n{rows}");
        }
    }
}
