//! `cargo xtask check`, on a step with two exercises: what a learner sees who
//! has solved them, or one, or has broken the build.

use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::scratch::{Scratch, Told};

const STEP: &str = "\
fn answer(question: &str) -> &'static str {
    match question {
        \"one\" => \"1\",
        \"two\" => \"2\",
        \"deux\" => \"2\",
        _ => \"what?\",
    }
}

fn main() {
    let question = std::env::args().nth(1).unwrap_or_default();
    println!(\"{}\", answer(&question));
}
";

/// The order of the file is not that of the names.
const GRADERS: &str = "\
use std::process::Command;

#[track_caller]
fn check(question: &str, expected: &str) {
    let program = env!(\"CARGO_BIN_EXE_step01-echo\");
    let output = Command::new(program).arg(question).output().expect(\"it runs\");
    let received = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let by_hand = format!(\"redis-cli -p 6380 {question}\");
    assert!(received == expected, \"the reply differs\\n  sent      {question}\\n  expected  {expected}\\n  received  {received}\\n  by hand   {by_hand}\");
}

#[test]
#[ignore = \"exercise 1\"]
fn exercise_1_one() {
    check(\"one\", \"1\");
}

#[test]
#[ignore = \"exercise 2\"]
fn exercise_2_two() {
    check(\"two\", \"2\");
}

#[test]
#[ignore = \"exercise 2\"]
fn exercise_2_deux() {
    check(\"deux\", \"2\");
}

#[test]
fn exercise_11_is_another() {
    panic!(\"nobody asked\");
}
";

const PAGE: &str = "\
# Exercises

Two answers to give.

## 1. The answer `one`

<details><summary>Hint 1</summary>a</details>

## 2. The answer *two*

It is 2.

<details><summary>Hint 1</summary>a</details>
<details><summary>Hint 2</summary>a</details>
";

const GRADER_FILE: &str = "01-echo/tests/exercises.rs";
const SOURCE: &str = "01-echo/src/main.rs";

/// A workshop in which both exercises are done.
fn solved() -> Scratch {
    let scratch = Scratch::clean();
    scratch.write(SOURCE, STEP);
    scratch.write(GRADER_FILE, GRADERS);
    scratch.write("01-echo/EXERCISES.md", PAGE);
    scratch
}

/// One in which the second is not: both of its graders fail.
fn half_solved() -> Scratch {
    let scratch = solved();
    scratch.replace(SOURCE, "\"two\" => \"2\"", "\"two\" => \"II\"");
    scratch.replace(SOURCE, "\"deux\" => \"2\"", "\"deux\" => \"II\"");
    scratch
}

fn document(told: &Told) -> Value {
    serde_json::from_str(&told.out).expect("one JSON document")
}

#[test]
fn all_done() {
    let told = solved().run(&["check", "01"]);
    told.fine(&[]);
    let expected = "\
01-echo
  done            1. The answer one
  done            2. The answer two

All 2 exercises are done.

  next      cargo test -p step01-echo (what the step did before must still hold)
";
    assert_eq!(told.out, expected);
}

#[test]
fn the_first_that_is_not_done_is_explained() {
    let told = half_solved().run(&["check", "01"]);
    told.fails(&[]);
    let expected = "\
01-echo
  done            1. The answer one
  not yet         2. The answer two (0 of 2 graders pass)

2. The answer two: not yet

    the reply differs
      sent      two
      expected  2
      received  II
      by hand   redis-cli -p 6380 two

  start     in another terminal, for the line by hand: make 01-echo
  asked by  exercise_2_two (01-echo/tests/exercises.rs:21)
  hints     01-echo/EXERCISES.md:13, exercise 2
  next      make check-01 ARGS=\"--exercise 2\"
building 01-echo for the first time, which takes a minute or two; later only what you change
error: exercises of 01-echo done: 1 of 2
";
    assert_eq!(told.text, expected);
}

#[test]
fn one_exercise_is_graded_alone() {
    let scratch = half_solved();
    let told = scratch.run(&["check", "01", "--exercise", "1"]);
    told.fine(&["done            1. The answer one", "Exercise 1 is done."]);
    assert!(!told.text.contains("2."), "{}", told.text);
    let told = scratch.run(&["check", "01", "--exercise", "2"]);
    told.fails(&["not yet         2. The answer two", "done: 0 of 1"]);
    assert!(!told.text.contains("next  "), "{}", told.text);
}

#[test]
fn half_of_an_exercise_is_not_yet() {
    let scratch = solved();
    scratch.replace(SOURCE, "\"deux\" => \"2\"", "\"deux\" => \"3\"");
    scratch.run(&["check", "01"]).fails(&[
        "not yet         2. The answer two (1 of 2 graders pass)\n                     not exercise_2_deux\n",
        "asked by  exercise_2_deux",
    ]);
}

#[test]
fn graders_that_the_learner_switched_on_count_as_well() {
    let scratch = half_solved();
    scratch.replace(
        GRADER_FILE,
        "#[ignore = \"exercise 2\"]\nfn exercise_2_two",
        "fn exercise_2_two",
    );
    scratch
        .run(&["check", "01"])
        .fails(&["asked by  exercise_2_two"]);
}

#[test]
fn a_solution_is_named_where_there_is_one() {
    let scratch = solved();
    scratch.write("01-echo/solutions/1.patch", "why\n");
    scratch
        .run(&["check", "01"])
        .fine(&["Another way to do it, and why, is in 01-echo/solutions."]);
}

#[test]
fn what_does_not_build_is_told_by_its_first_error() {
    let scratch = solved();
    scratch.replace(SOURCE, "\"1\",", "one,");
    scratch.replace(SOURCE, "\"2\",", "two,");
    let told = scratch.run(&["check", "01"]);
    told.fails(&[
        "does not build  1. The answer one",
        "does not build  2. The answer two",
        "01-echo does not build, so nothing can be graded:",
        "    error[E0425]: cannot find value `one` in this scope",
        "--> 01-echo/src/main.rs:3:",
        "    (the first of 2 errors)",
        "next      repair that, and check again: make check-01",
        "done: 0 of 2",
    ]);
    assert!(!told.text.contains("aborting"), "{}", told.text);
    assert!(!told.text.contains("could not compile"), "{}", told.text);
}

#[test]
fn what_cargo_itself_refuses_is_told() {
    let scratch = solved();
    scratch.replace("01-echo/Cargo.toml", "edition = \"2024\"", "edition = 2024");
    scratch.run(&["check", "01"]).fails(&[
        "does not build  1. The answer one",
        "invalid type: integer `2024`",
    ]);
}

#[test]
fn json_says_the_same() {
    let scratch = half_solved();
    let told = scratch.run(&["check", "01", "--json"]);
    told.fails(&[]);
    let document = document(&told);
    assert_eq!(document["step"], "01-echo");
    assert_eq!(document["done"], false);
    let exercises = document["exercises"].as_array().expect("a list");
    assert_eq!(exercises.len(), 2);
    let (one, two) = (&exercises[0], &exercises[1]);
    assert_eq!(one["number"], 1);
    assert_eq!(one["title"], "The answer one");
    assert_eq!(one["status"], "done");
    assert_eq!(one["graders"]["passed"][0], "exercise_1_one");
    assert_eq!(one["message"], Value::Null);
    assert_eq!(two["status"], "not yet");
    assert_eq!(two["graders"]["failed"][0], "exercise_2_two");
    assert_eq!(two["graders"]["failed"][1], "exercise_2_deux");
    assert_eq!(two["hints"], "01-echo/EXERCISES.md:13");
    assert_eq!(two["place"], "01-echo/tests/exercises.rs:21");
    let message = two["message"].as_str().expect("a text");
    assert!(
        message.contains("  expected  2\n  received  II\n"),
        "{message}"
    );
}

#[test]
fn json_of_what_is_done_and_of_what_does_not_build() {
    let scratch = solved();
    let told = scratch.run(&["check", "01", "--json"]);
    told.fine(&[]);
    assert_eq!(document(&told)["done"], true);
    scratch.write(SOURCE, "fn main() {");
    let told = scratch.run(&["check", "01", "--json", "--exercise", "2"]);
    told.fails(&[]);
    let document = document(&told);
    let exercise = &document["exercises"][0];
    assert_eq!(exercise["number"], 2);
    assert_eq!(exercise["status"], "does not build");
    let message = exercise["message"].as_str().expect("a text");
    assert!(
        message.starts_with("error: this file contains an unclosed delimiter"),
        "{message}"
    );
}

#[test]
fn an_exercise_that_does_not_exist() {
    let told = solved().run(&["check", "01", "--exercise", "7", "--json"]);
    told.fails(&["01-echo has no exercise 7; choose one of: 1, 2"]);
    assert_eq!(told.out, "");
}

#[test]
fn a_step_without_exercises() {
    let scratch = solved();
    scratch
        .run(&["check", "02"])
        .fails(&["02-more has no exercises; steps that have some: 01-echo"]);
    scratch
        .run(&["check", "07"])
        .fails(&["there is no step 07; choose one of: 01-echo"]);
}

#[test]
fn a_missing_page_or_grader_can_be_got_back() {
    let scratch = solved();
    scratch.replace(GRADER_FILE, "fn exercise_1_one", "fn one");
    scratch.run(&["check", "01"]).fails(&[
        "no test in 01-echo/tests/exercises.rs begins with `exercise_1_`",
        "git checkout -- 01-echo/tests/exercises.rs",
    ]);
    std::fs::remove_file(scratch.path(GRADER_FILE)).expect("it was there");
    scratch
        .run(&["check", "01"])
        .fails(&["01-echo/tests/exercises.rs is missing; get it back as it was: git checkout"]);
    scratch.write(GRADER_FILE, GRADERS);
    scratch.write("01-echo/EXERCISES.md", "# Exercises\n");
    scratch
        .run(&["check", "01"])
        .fails(&["01-echo/EXERCISES.md has no exercise"]);
    std::fs::remove_file(scratch.path("01-echo/EXERCISES.md")).expect("it was there");
    scratch
        .run(&["check", "01"])
        .fails(&["01-echo/EXERCISES.md is missing; get it back as it was: git checkout"]);
}

#[test]
fn a_grader_that_hangs_is_stopped_and_named() {
    let scratch = solved();
    let sleep = "std::thread::sleep(std::time::Duration::from_secs(600));\n    check(\"two\"";
    scratch.replace(GRADER_FILE, "check(\"two\"", sleep);
    scratch.run(&["check", "01", "--time-limit", "15"]).fails(&[
        "done            1. The answer one",
        "not yet         2. The answer two (1 of 2 graders pass)",
        "no verdict within 15 s, so this was stopped: exercise_2_two",
        "hints     01-echo/EXERCISES.md:13, exercise 2",
    ]);
}

#[test]
fn ctrl_c_ends_the_graders_as_well() {
    let scratch = solved();
    let hang = "let listener = std::net::TcpListener::bind(\"127.0.0.1:0\").expect(\"a port\");
    let address = listener.local_addr().expect(\"an address\").to_string();
    std::fs::write(\"new\", address).and_then(|()| std::fs::rename(\"new\", \"address\")).expect(\"a file\");
    std::thread::sleep(std::time::Duration::from_secs(600));
    check(\"two\"";
    scratch.replace(GRADER_FILE, "check(\"two\"", hang);
    let mut tool = scratch.start(&["check", "01", "--exercise", "2"]);
    let file = scratch.path("01-echo/address");
    wait_until("the grader hangs", || file.exists());
    let address = scratch.read("01-echo/address");
    let interrupt = format!("kill -INT {}", tool.id());
    let status = Command::new("sh").args(["-c", &interrupt]).status();
    assert!(status.expect("sh runs").success());
    assert_eq!(tool.wait().expect("it ends").code(), Some(130));
    wait_until("the grader is gone", || {
        TcpStream::connect(&address).is_err()
    });
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < deadline, "still not: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_grader_that_breaks_off_is_not_yet() {
    let scratch = solved();
    scratch.replace(
        GRADER_FILE,
        "check(\"one\"",
        "std::process::abort();\n    #[allow(unreachable_code)]\n    check(\"one\"",
    );
    scratch.run(&["check", "01"]).fails(&[
        "not yet         1. The answer one",
        "the graders broke off before their verdict:",
        "SIGABRT",
    ]);
}

#[test]
fn without_cargo_it_says_where_to_get_it() {
    let told = solved().run_with(&["check", "01"], &[("PATH", Some("/nowhere"))]);
    told.fails(&["cargo cannot be found", "https://rustup.rs"]);
}

/// Anna has a clone of her `my/`, Ben a whole workshop in which one exercise is left and the
/// graders were made easier, Cara has nothing yet.
fn class() -> Scratch {
    let scratch = solved();
    let manifest = scratch.read("01-echo/Cargo.toml");
    let ben = STEP.replace("\"deux\" => \"2\"", "\"deux\" => \"II\"");
    for (folder, source, graders) in [
        ("class/anna", STEP, GRADERS.to_owned()),
        (
            "class/ben/my",
            ben.as_str(),
            GRADERS.replacen("\"two\", \"2\"", "\"what\", \"what?\"", 1),
        ),
    ] {
        scratch.write(
            &format!("{folder}/Cargo.toml"),
            "[workspace]\nmembers = [\"*-*\"]\n",
        );
        scratch.write(&format!("{folder}/01-echo/Cargo.toml"), &manifest);
        scratch.write(&format!("{folder}/{SOURCE}"), source);
        scratch.write(&format!("{folder}/{GRADER_FILE}"), &graders);
    }
    scratch.write("class/cara/README.md", "soon");
    scratch
}

#[test]
fn a_class_is_graded_in_one_document() {
    let scratch = class();
    let folder = scratch.path("class");
    let folder = folder.to_str().expect("a plain path");
    let told = scratch.run(&["check", "01", "--all", folder, "--json"]);
    assert!(told.ok, "{}", told.text);
    let students = &document(&told)["students"];
    let step = |student: usize| &students[student]["steps"][0];
    assert_eq!(students[0]["student"], "anna");
    assert_eq!(step(0)["step"], "01-echo");
    assert_eq!(
        (&step(0)["done"], &step(0)["graders_changed"]),
        (&Value::Bool(true), &Value::Bool(false))
    );
    assert_eq!(students[1]["student"], "ben");
    assert_eq!(
        (&step(1)["done"], &step(1)["graders_changed"]),
        (&Value::Bool(false), &Value::Bool(true))
    );
    assert_eq!(
        step(1)["exercises"][1]["graders"]["failed"][0],
        "exercise_2_deux"
    );
    assert_eq!(
        (&step(2)["done"], &step(2)["error"]),
        (&Value::Bool(false), &Value::from("it is not there"))
    );

    // Without a step, all that were begun; for people, a line for each.
    let told = scratch.run(&["check", "--all", folder]);
    told.fine(&[
        "anna                  01-echo                 2 of 2 done (1, 2)\n",
        "ben                   01-echo                 1 of 2 done (1); tests/exercises.rs is not the workshop's\n",
        "cara                  no step\n",
    ]);
}

#[test]
fn a_class_of_nobody_is_an_error() {
    let scratch = solved();
    let folder = scratch.path("01-echo/src");
    let folder = folder.to_str().expect("a plain path");
    scratch
        .run(&["check", "--all", folder])
        .fails(&["has no folders; clone each student's my/ into it"]);
    scratch.run(&["check"]).fails(&["<STEP>"]);
}
