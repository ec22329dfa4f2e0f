//! `load` passes where pages say what they ask for, and tells what they do not say.

use crate::lineage::{GUIDE, with_lesson};
use crate::scratch::Scratch;

const PAGE: &str = "03-store/GUIDE.md";
const EXERCISES: &str = "03-store/EXERCISES.md";

/// A lesson of 4 lines and 2 exercises that says what it asks for.
fn honest() -> Scratch {
    let scratch = with_lesson();
    let time = "In about 0 minutes of reading, 2 of writing and 45 of exercises:";
    scratch.write(
        PAGE,
        &GUIDE.replace("Step 03\n", &format!("Step\n\n{time}\n")),
    );
    let page = "# E\n\n## 1. One\n\n*20 minutes · easy · about 3 lines · for class*\n\n\
                ## 2. Two\n\n*25 minutes · hard · about 120 lines*\n\n## Done?\n";
    scratch.write(EXERCISES, page);
    scratch.write(
        "03-store/solutions/1.patch",
        "Why.\n+++ b/x\n+// no\n+one\n",
    );
    scratch.write("03-store/solutions/2.patch", &"+line\n".repeat(120));
    scratch.tool(&["lineage", "--write"]).passes();
    scratch
}

#[test]
fn a_page_that_says_what_it_asks_for_passes() {
    let run = honest().tool(&["load"]).passes();
    let row = "4      4      0      2     45  0+2+45";
    assert!(run.out.contains(row), "no {row:?} in:\n{}", run.out);
}

#[test]
fn a_page_that_asks_for_more_fails() {
    let scratch = honest();
    scratch.replace(PAGE, "Why.", &"why ".repeat(1_500));
    scratch.replace(PAGE, "    resp::line(b\"\")\n", "");
    scratch.tool(&["load", "03"]).fails_with(&[
        "03-store/GUIDE.md has 3023 words, and 2500 are the most",
        "does not show `resp::line(b\"\")` (src/store.rs:7); run: cargo xtask lineage --write",
        "write: In about 20 minutes of reading, 0 of writing and 45 of exercises:",
    ]);
    let heart = scratch.read("03-store/heart.toml");
    scratch.write("03-store/heart.toml", &format!("classes = 2\n{heart}"));
    let run = scratch.tool(&["load"]);
    assert!(!run.err.contains("are the most"), "{}", run.err);
    let body = "    drop(1);\n".repeat(301);
    scratch.replace(
        "03-store/src/store.rs",
        "    resp::line",
        &format!("{body}    resp::line"),
    );
    scratch
        .tool(&["load"])
        .fails_with(&["the heart has 305 lines, and 300 are the most"]);
}

#[test]
fn exercises_say_what_they_take() {
    let scratch = honest();
    scratch.replace(EXERCISES, "about 120", "about 100");
    scratch.replace(EXERCISES, " · for class", "");
    scratch.tool(&["load"]).fails_with(&[
        "EXERCISES.md:7: exercise 2 says 100 lines, and its solution adds 120",
        "EXERCISES.md: 0 exercises are for class",
    ]);
    scratch.replace(EXERCISES, "*20 minutes", "20 minutes");
    scratch.tool(&["load"]).fails_with(&[
        "EXERCISES.md:3: nothing below says what exercise 1 takes",
        "about 1 lines*",
    ]);
}

#[test]
fn a_solution_takes_no_evening() {
    let scratch = honest();
    let patch = "03-store/solutions/2.patch";
    scratch.write(patch, &"+line\n".repeat(121));
    scratch.tool(&["load"]).fails_with(&[
        "EXERCISES.md:7: the solution of exercise 2 has 121 lines, and 120 are the most",
    ]);
}

#[test]
fn a_plan_is_as_long_as_it_says() {
    const PLAN: &str = "03-store/INSTRUCTOR.md";
    let scratch = honest();
    let table = "| minutes | what | lines |\n|---|---|---|\n| 0–5 | a | 1 |\n| 5–20 | b | 3 |\n";
    scratch.write(PLAN, &format!("# T\n\n## Plan (20 minutes)\n\n{table}"));
    scratch.tool(&["load"]).passes();
    scratch.replace(PLAN, "(20 minutes)", "(25 minutes)");
    scratch.replace(PLAN, "| 3 |", "| 30 |");
    scratch.tool(&["load"]).fails_with(&[
        "INSTRUCTOR.md:3: the heading says 25 minutes, and the rows have 20",
        "INSTRUCTOR.md: the rows of the plan have 31 lines, and the heart has 4",
    ]);
    scratch.write(PLAN, "# T\n");
    scratch
        .tool(&["load"])
        .fails_with(&["INSTRUCTOR.md has no plan"]);
}

#[test]
fn a_step_without_a_heart_is_only_counted() {
    let scratch = honest();
    scratch.delete("03-store/heart.toml");
    scratch.replace(EXERCISES, "*20 minutes", "20 minutes");
    scratch.tool(&["load"]).passes();
}
