//! What an exercise's graders must say: no on the untouched step, yes with its
//! solution, and no with the solution of another exercise.

use anyhow::Result;

use super::Fault;
use crate::bench::Workbench;
use crate::graders::{FILE, Grade, LIMIT, Names, Verdict, prefix};

/// The graders of a step.
pub struct Graders(Names);

impl Graders {
    /// Asks the test program for its tests. It must have been built.
    pub fn list(bench: &Workbench) -> Result<Self> {
        Ok(Graders(Names::ask(|| bench.graders())?))
    }

    /// On the step as it is, the exercise must count as unsolved.
    pub fn check_unsolved(&self, bench: &Workbench, exercise: u8) -> Result<Option<Fault>> {
        let mine = self.0.of(exercise);
        if mine.is_empty() {
            let what = format!("no test in {FILE} begins with `{}`", prefix(exercise));
            return Ok(Some(Fault::new(what, "write the grader")));
        }
        let is_ignored = |name: &str| self.0.ignored.iter().any(|it| it == name);
        if let Some(name) = mine.iter().find(|name| !is_ignored(name)) {
            let what = format!("the grader `{name}` is not `#[ignore]`d");
            return Ok(Some(Fault::new(
                what,
                "ignore it: nobody has solved the exercise yet",
            )));
        }
        let grade = grade(bench, exercise)?;
        Ok(match grade.verdict {
            Verdict::Failed => None,
            Verdict::Passed => {
                let next = "let it ask for what the step does not do yet";
                Some(Fault::new("the untouched step satisfies it", next).with_log(&grade.output))
            }
            _ => Some(no_verdict(exercise, &grade)),
        })
    }

    /// With its solution, the exercise must count as solved.
    pub fn check_solved(&self, bench: &Workbench, exercise: u8) -> Result<Option<Fault>> {
        let grade = grade(bench, exercise)?;
        Ok(match grade.verdict {
            Verdict::Passed => None,
            Verdict::Failed => {
                let next =
                    "repair the solution, or the grader if it asks for what Redis does not do";
                Some(Fault::new("the grader fails", next).with_log(&grade.output))
            }
            _ => Some(no_verdict(exercise, &grade)),
        })
    }

    /// What real Redis does must count as solved, where Redis has it.
    pub fn check_redis(&self, bench: &Workbench, exercise: u8) -> Result<Option<Fault>> {
        let grade = Grade::on_redis(bench.graders()?, exercise)?;
        Ok(match grade.verdict {
            Verdict::Passed => None,
            Verdict::Failed => {
                let next = "let it ask for what Redis does";
                Some(Fault::new("the grader fails", next).with_log(&grade.output))
            }
            _ => Some(no_verdict(exercise, &grade)),
        })
    }

    /// With a wrong solution, the exercise must count as unsolved.
    pub fn check_wrong(&self, bench: &Workbench, exercise: u8) -> Result<Option<Fault>> {
        let grade = grade(bench, exercise)?;
        Ok(match grade.verdict {
            Verdict::Failed => None,
            Verdict::Passed => {
                let next = "let it ask for what the wrong solution does wrong";
                Some(Fault::new("a wrong solution satisfies it", next))
            }
            _ => Some(no_verdict(exercise, &grade)),
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
            let grade = grade(bench, other)?;
            match grade.verdict {
                Verdict::Failed => {}
                Verdict::Passed => {
                    let what =
                        format!("the solution of exercise {solved} also satisfies grader {other}");
                    let next = format!(
                        "let grader {other} ask for more, or keep solution {solved} to its task"
                    );
                    return Ok(Some(Fault::new(what, next).with_log(&grade.output)));
                }
                _ => return Ok(Some(no_verdict(other, &grade))),
            }
        }
        Ok(None)
    }
}

fn grade(bench: &Workbench, exercise: u8) -> Result<Grade> {
    Grade::of(bench.graders()?, exercise, LIMIT)
}

/// A grader that ends otherwise than with a verdict.
fn no_verdict(exercise: u8, grade: &Grade) -> Fault {
    let fault = match grade.verdict {
        Verdict::Hung => Fault::new(
            format!(
                "grader {exercise} does not end within {} s",
                LIMIT.as_secs()
            ),
            "let it wait with a deadline, and fail when that is over",
        ),
        _ => Fault::new(
            format!("grader {exercise} breaks off"),
            "a grader fails by an assertion that says what was sent and what came back",
        ),
    };
    fault.with_log(&grade.output)
}
