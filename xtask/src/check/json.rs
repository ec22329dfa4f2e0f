//! The result for machines: one document, with all that a table of a class needs.

use serde_json::{Value, json};

use super::{Graded, Status};
use crate::steps::Step;

/// The document, ending in a line feed.
pub fn document(step: &Step, graded: &[Graded]) -> String {
    let exercises: Vec<_> = graded.iter().map(exercise).collect();
    let document = json!({
        "step": step.name,
        "done": graded.iter().all(|it| it.status == Status::Done),
        "exercises": exercises,
    });
    format!("{document:#}\n")
}

fn exercise(graded: &Graded) -> Value {
    json!({
        "number": graded.task.number,
        "title": graded.task.title,
        "status": graded.status.words(),
        "graders": { "passed": graded.passed, "failed": graded.failed },
        "message": graded.message,
        "place": graded.place,
        "hints": format!("{}:{}", graded.task.page, graded.task.hints),
    })
}
