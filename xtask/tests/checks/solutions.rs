//! `cargo xtask solutions`, on a step whose program answers nothing yet, and
//! four exercises that each ask for one answer.

use similar::TextDiff;

use crate::scratch::Scratch;

const STEP: &str = "\
fn answer(question: &str) -> &'static str {
    match question {
        \"zero\" => \"0\",
        _ => \"what?\",
    }
}

fn main() {
    let question = std::env::args().nth(1).unwrap_or_default();
    println!(\"{}\", answer(&question));
}

#[cfg(test)]
mod tests {
    #[test]
    fn zero_is_known() {
        assert_eq!(super::answer(\"zero\"), \"0\");
    }
}
";

const GRADERS: &str = "\
use std::process::Command;

fn ask(question: &str) -> String {
    let program = env!(\"CARGO_BIN_EXE_step01-echo\");
    let output = Command::new(program).arg(question).output().expect(\"it runs\");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
#[ignore = \"exercise 1\"]
fn exercise_1_one() {
    assert_eq!(ask(\"one\"), \"1\");
}

#[test]
#[ignore = \"exercise 1\"]
fn exercise_1_zero_stays() {
    assert_eq!(ask(\"zero\"), \"0\");
}

#[test]
#[ignore = \"exercise 2\"]
fn exercise_2_two() {
    assert_eq!(ask(\"two\"), \"2\");
}

#[test]
#[ignore = \"exercise 3\"]
fn exercise_3_three() {
    assert_eq!(ask(\"three\"), \"3\");
}

#[test]
#[ignore = \"exercise 4\"]
fn exercise_4_four() {
    assert_eq!(ask(\"four\"), \"4\");
}
";

const HEAD: &str = "A new arm in the match.\nNot a table: four answers\nneed none.\n\n";
pub const LAST_ARM: &str = "        _ => \"what?\",\n";

pub fn arm(word: &str, answer: u8) -> String {
    format!("        \"{word}\" => \"{answer}\",\n{LAST_ARM}")
}

/// A patch that changes the step's source so.
pub fn patch(from: &str, to: &str) -> String {
    difference(STEP, from, to)
}

fn difference(old: &str, from: &str, to: &str) -> String {
    assert!(old.contains(from), "no {from:?} in {old}");
    let new = old.replacen(from, to, 1);
    let diff = TextDiff::from_lines(old, &new);
    let diff = diff
        .unified_diff()
        .header("a/src/main.rs", "b/src/main.rs")
        .to_string();
    format!("{HEAD}{diff}")
}

/// A workshop with exercises, in which everything is as it shall be.
pub fn clean() -> Scratch {
    let scratch = Scratch::clean();
    scratch.write("01-echo/src/main.rs", STEP);
    scratch.write("01-echo/tests/exercises.rs", GRADERS);
    for (number, word) in (1..).zip(["one", "two", "three", "four"]) {
        let solved = arm(word, number);
        solve(&scratch, number, &patch(LAST_ARM, &solved));
        let solved = STEP.replacen(LAST_ARM, &solved, 1);
        let mistake = difference(&solved, &format!("\"{number}\""), "\"many\"");
        mistake_in(&scratch, number, &mistake);
    }
    scratch
}

/// Makes a wrong one of a solution.
fn mistake_in(scratch: &Scratch, number: u8, patch: &str) {
    scratch.write(&format!("01-echo/solutions/wrong/{number}.patch"), patch);
}

pub fn solve(scratch: &Scratch, number: u8, patch: &str) {
    scratch.write(&format!("01-echo/solutions/{number}.patch"), patch);
}

#[test]
fn clean_exercises_pass_and_leave_the_step_alone() {
    let scratch = clean();
    let told = scratch.run(&["solutions"]);
    told.fine(&[
        "02: no exercises yet",
        "10: no exercises yet",
        "ok 01 exercise 1: its grader fails on the untouched step",
        "ok 01 exercise 2: its solution says why",
        "ok 01 exercise 2: its solution applies",
        "ok 01 exercise 3: its solution builds without a warning",
        "ok 01 exercise 3: its solution satisfies its grader",
        "ok 01 exercise 4: its solution passes the step's suites",
        "ok 01 exercise 4: its solution satisfies no other grader",
        "ok 01 exercise 4: its grader notices a wrong solution",
        "the exercises' checks passed: 32",
    ]);
    assert_eq!(scratch.read("01-echo/src/main.rs"), STEP);
}

#[test]
fn a_step_without_exercises_is_fine_and_one_with_some_is_not() {
    let scratch = Scratch::clean();
    scratch
        .run(&["solutions", "01"])
        .fine(&["01: no exercises yet"]);
    solve(&scratch, 2, HEAD);
    scratch.run(&["solutions", "01"]).fails(&[
        "tests/exercises.rs is missing",
        "solutions/1.patch is missing",
        "solutions/4.patch is missing",
        "solutions/wrong/4.patch is missing",
    ]);
}

#[test]
fn a_wrong_solution_that_satisfies_its_grader_is_seen() {
    let scratch = clean();
    let solved = STEP.replacen(LAST_ARM, &arm("three", 3), 1);
    mistake_in(&scratch, 3, &difference(&solved, "what?", "who?"));
    scratch.run(&["solutions", "01"]).fails(&[
        "ok 01 exercise 2: its grader notices a wrong solution",
        "✗ 01 exercise 3: its grader notices a wrong solution",
        "a wrong solution satisfies it",
    ]);
}

#[test]
fn a_grader_that_redis_does_not_satisfy_is_seen() {
    let scratch = clean();
    // What stands for Redis here answers nothing but 4, like the solution of exercise 4.
    scratch.replace(
        "01-echo/tests/exercises.rs",
        "fn ask(question: &str) -> String {\n",
        "fn ask(question: &str) -> String {\n    if std::env::var(\"WORKSHOP_SERVER\").is_ok() {\n        \
         return \"4\".to_owned();\n    }\n",
    );
    scratch.write("bin/redis-server", "");
    let path = std::env::var("PATH").expect("a PATH");
    let path = format!("{}:{path}", scratch.path("bin").display());
    let variables = [("WORKSHOP_REDIS", None), ("PATH", Some(path.as_str()))];
    let told = scratch.run_with(&["solutions", "01"], &variables);
    told.fails(&[
        "✗ 01 exercise 3: real Redis satisfies its grader",
        "next: let it ask for what Redis does",
        "ok 01 exercise 4: real Redis satisfies its grader",
    ]);
}

#[test]
fn graders_and_solutions_that_prove_nothing_are_seen() {
    let scratch = clean();
    // The untouched step satisfies grader 1, and solution 2 does not solve.
    scratch.replace(
        "01-echo/tests/exercises.rs",
        "ask(\"one\"), \"1\"",
        "ask(\"one\"), \"what?\"",
    );
    solve(&scratch, 2, &patch(LAST_ARM, &arm("two", 3)));
    // Solution 3 has a warning, and solution 4 breaks what worked.
    solve(
        &scratch,
        3,
        &patch(LAST_ARM, &arm("three", 3).replace("_ =>", "unused =>")),
    );
    let breaks = arm("four", 4).replace(LAST_ARM, "") + "        \"zero\" => \"00\",\n";
    solve(
        &scratch,
        4,
        &patch("        \"zero\" => \"0\",\n", &breaks).replace(HEAD, "Short.\n\n"),
    );
    scratch.run(&["solutions", "01"]).fails(&[
        "✗ 01 exercise 1: its grader fails on the untouched step",
        "the untouched step satisfies it",
        "✗ 01 exercise 2: its solution satisfies its grader",
        "left: \"3\"",
        "✗ 01 exercise 3: its solution builds without a warning",
        "unused variable",
        "✗ 01 exercise 4: its solution says why",
        "solutions/4.patch has 1 lines before its diff",
        "ok 01 exercise 4: its solution satisfies its grader",
        "✗ 01 exercise 4: its solution passes the step's suites",
    ]);
}

#[test]
fn solutions_that_cheat_or_do_not_apply_are_seen() {
    let scratch = clean();
    // Solution 1 solves 2 as well, 2 is for another source, 3 changes its grader.
    let both = arm("two", 2).replace(LAST_ARM, "") + &arm("one", 1);
    solve(&scratch, 1, &patch(LAST_ARM, &both));
    solve(
        &scratch,
        2,
        &patch(LAST_ARM, &arm("two", 2)).replace("\"zero\"", "\"nought\""),
    );
    let cheat = "--- a/tests/exercises.rs\n+++ b/tests/exercises.rs\n@@ -1 +1 @@\n-use std::process::Command;\n+use std::process::Command;\n";
    solve(&scratch, 3, &format!("{HEAD}{cheat}"));
    scratch.replace(
        "01-echo/tests/exercises.rs",
        "#[ignore = \"exercise 4\"]\n",
        "",
    );
    scratch.run(&["solutions", "01"]).fails(&[
        "✗ 01 exercise 1: its solution satisfies no other grader",
        "the solution of exercise 1 also satisfies grader 2",
        "✗ 01 exercise 2: its solution applies",
        "patch does not apply",
        "✗ 01 exercise 3: its solution applies",
        "solutions/3.patch changes tests/exercises.rs",
        "✗ 01 exercise 4: its grader fails on the untouched step",
        "the grader `exercise_4_four` is not `#[ignore]`d",
    ]);
}
