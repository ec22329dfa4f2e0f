//! The result for machines: one document, with all that a table of a class needs.

use serde_json::{Value, json};

use super::{Graded, Status};

/// What is said of a step.
pub fn value(step: &str, graded: &[Graded]) -> Value {
    let exercises: Vec<_> = graded.iter().map(exercise).collect();
    json!({
        "step": step,
        "done": graded.iter().all(|it| it.status == Status::Done),
        "exercises": exercises,
    })
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
