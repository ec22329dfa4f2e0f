//! The graders: the tests in `tests/exercises.rs` whose names begin with
//! `exercise_K_`. Together they grade exercise K, which is solved if all pass.
//!
//! They are `#[ignore]`d, so that a step that nobody has solved yet is green.

use std::time::Duration;

use anyhow::Result;

use super::{Fault, Workbench};
use crate::processes::Ended;

/// Where they are.
pub const FILE: &str = "tests/exercises.rs";

/// The time for one exercise's graders.
const LIMIT: Duration = Duration::from_secs(120);

/// The names of a step's graders.
pub struct Graders {
    all: Vec<String>,
    ignored: Vec<String>,
}

enum Grade {
    Passed,
    Failed,
    /// Something else than a test's verdict.
    None(Fault),
}

impl Graders {
    /// Asks the test program for its tests. It must have been built.
    pub fn list(bench: &Workbench) -> Result<Self> {
        let all = bench.cargo(&["test", "--test", "exercises", "--", "--list"], LIMIT)?;
        let ignored = bench.cargo(
            &["test", "--test", "exercises", "--", "--list", "--ignored"],
            LIMIT,
        )?;
        Ok(Graders {
            all: names(&all.output),
            ignored: names(&ignored.output),
        })
    }

    /// On the step as it is, the exercise must count as unsolved.
    pub fn check_unsolved(&self, bench: &Workbench, exercise: u8) -> Result<Option<Fault>> {
        let prefix = prefix(exercise);
        let mine: Vec<_> = self
            .all
            .iter()
            .filter(|name| name.starts_with(&prefix))
            .collect();
        if mine.is_empty() {
            let what = format!("no test in {FILE} begins with `{prefix}`");
            return Ok(Some(Fault::new(what, "write the grader")));
        }
        if let Some(name) = mine.iter().find(|name| !self.ignored.contains(name)) {
            let what = format!("the grader `{name}` is not `#[ignore]`d");
            return Ok(Some(Fault::new(
                what,
                "ignore it: nobody has solved the exercise yet",
            )));
        }
        let (grade, ended) = grade(bench, exercise)?;
        Ok(match grade {
            Grade::Failed => None,
            Grade::None(fault) => Some(fault),
            Grade::Passed => {
                let next = "let it ask for what the step does not do yet";
                Some(Fault::new("the untouched step satisfies it", next).with_log(&ended.output))
            }
        })
    }

    /// With its solution, the exercise must count as solved.
    pub fn check_solved(&self, bench: &Workbench, exercise: u8) -> Result<Option<Fault>> {
        let (grade, ended) = grade(bench, exercise)?;
        Ok(match grade {
            Grade::Passed => None,
            Grade::None(fault) => Some(fault),
            Grade::Failed => {
                let next =
                    "repair the solution, or the grader if it asks for what Redis does not do";
                Some(Fault::new("the grader fails", next).with_log(&ended.output))
            }
        })
    }

    /// With one exercise's solution, the others must still count as unsolved.
    pub fn check_others(
        &self,
        bench: &Workbench,
        others: impl Iterator<Item = u8>,
        solved: u8,
    ) -> Result<Option<Fault>> {
        for other in others {
            let (grade, ended) = grade(bench, other)?;
            match grade {
                Grade::Failed => {}
                Grade::None(fault) => return Ok(Some(fault)),
                Grade::Passed => {
                    let what =
                        format!("the solution of exercise {solved} also satisfies grader {other}");
                    let next = format!(
                        "let grader {other} ask for more, or keep solution {solved} to its task"
                    );
                    return Ok(Some(Fault::new(what, next).with_log(&ended.output)));
                }
            }
        }
        Ok(None)
    }
}

fn grade(bench: &Workbench, exercise: u8) -> Result<(Grade, Ended)> {
    let prefix = prefix(exercise);
    let ended = bench.cargo(
        &["test", "--test", "exercises", "--", "--ignored", &prefix],
        LIMIT,
    )?;
    let grade = match ended.success {
        Some(true) => Grade::Passed,
        Some(false) if ended.output.contains("test result: FAILED") => Grade::Failed,
        Some(false) => {
            let next = "a grader fails by an assertion that says what was sent and what came back";
            Grade::None(
                Fault::new(format!("grader {exercise} breaks off"), next).with_log(&ended.output),
            )
        }
        None => {
            let what = format!(
                "grader {exercise} does not end within {} s",
                LIMIT.as_secs()
            );
            let next = "let it wait with a deadline, and fail when that is over";
            Grade::None(Fault::new(what, next).with_log(&ended.output))
        }
    };
    Ok((grade, ended))
}

fn prefix(exercise: u8) -> String {
    format!("exercise_{exercise}_")
}

/// The names in what `--list` prints, like `exercise_1_echo: test`.
fn names(list: &str) -> Vec<String> {
    let tests = list.lines().filter_map(|line| line.strip_suffix(": test"));
    tests.map(str::to_owned).collect()
}
