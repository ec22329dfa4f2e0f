//! The lesson as a learner takes it, on two tiny steps: begun blank, filled part by part,
//! taken along to the next step; and the proof that its blanks are found.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::scratch::{Scratch, Told};

const LIB: &str = "\
//! Numbers.

/// Twice as much.
pub fn double(number: u32) -> u32 {
    // Shifting is as good.
    number * 2
}

pub struct Row(Vec<u32>);

impl Row {
    pub fn new(numbers: &[u32]) -> Self {
        Row(numbers.to_vec())
    }

    /// All of them, doubled.
    pub fn doubled(&self) -> impl Iterator<Item = u32> {
        self.0.iter().map(|number| double(*number))
    }
}

#[cfg(test)]
mod tests;
";

const TESTS: &str = "\
use super::{Row, double};

#[test]
fn two_is_doubled() {
    assert_eq!(double(2), 4, \"twice two\");
}

#[test]
fn rows_are_doubled() {
    assert_eq!(Row::new(&[1, 2]).doubled().collect::<Vec<_>>(), [2, 4]);
}
";

const HEART: &str = "\
[[part]]
title = \"One number\"
witness = [\"tests::two_is_doubled\"]
hints = [\"How much is it?\", \"`number * 2`\"]

[[part.item]]
file = \"src/lib.rs\"
item = \"double\"
blank = \"todo\"

[[part]]
title = \"Many numbers\"
witness = [\"tests::rows_are_doubled\"]

[[part.item]]
file = \"src/lib.rs\"
item = \"Row::doubled\"
blank = \"naive\"
body = \"std::iter::empty()\"
";

/// Two steps, the second with one function more.
fn workshop() -> Scratch {
    let scratch = Scratch::clean();
    let more = "\n/// One more.\npub fn next(number: u32) -> u32 {\n    number + 1\n}\n";
    for (step, lib) in [
        ("01-echo", LIB.to_owned()),
        ("02-more", format!("{LIB}{more}")),
    ] {
        scratch.write(&format!("{step}/src/lib.rs"), &lib);
        scratch.write(&format!("{step}/src/tests.rs"), TESTS);
        scratch.write(&format!("{step}/tests/suite/main.rs"), "\n");
        scratch.write(&format!("{step}/tests/exercises.rs"), "\n");
        let manifest = scratch.read(&format!("{step}/Cargo.toml"));
        let suite = "[[test]]\nname = \"suite\"\npath = \"tests/suite/main.rs\"\n";
        scratch.write(
            &format!("{step}/Cargo.toml"),
            &format!("{manifest}\n{suite}"),
        );
        scratch.write(
            &format!("{step}/GUIDE.md"),
            "# G\n\n### 1. One number\n\n### 2. Many numbers\n\n## What can go wrong\n",
        );
    }
    scratch.write("01-echo/heart.toml", HEART);
    let previous = HEART.replace("\"todo\"", "\"previous\"");
    scratch.write("02-more/heart.toml", &previous);
    scratch
}

#[test]
fn a_step_is_filled_part_by_part() {
    let scratch = workshop();
    let file = "my/01-echo/src/lib.rs";
    scratch.run(&["try", "01"]).fails(&["make start-01"]);
    let parts = [
        "2, in parts 1 to 2",
        "part 1: One number",
        "01-echo/GUIDE.md:3",
    ];
    scratch.run(&["start", "01"]).fine(&parts);
    let blank = LIB.replace(
        "    // Shifting is as good.\n    number * 2",
        "    todo!(\"part 1 of the GUIDE\")",
    );
    let naive = "self.0.iter().map(|number| double(*number))";
    assert_eq!(
        scratch.read(file),
        blank.replace(naive, "std::iter::empty()")
    );
    scratch
        .run(&["start", "01"])
        .fails(&["is there already", "mv my/01-echo my/old-01-echo"]);

    let at = "my/01-echo/src/lib.rs:4  double";
    let red = [
        "✗ 1. One number: not yet",
        "part 1 of the GUIDE",
        at,
        "make hint-01",
    ];
    scratch.run(&["try", "01"]).fails(&red);
    scratch.run(&["hint", "01"]).fine(&["hint 1/2", "How much"]);
    scratch
        .run(&["hint", "01"])
        .fine(&["hint 2/2", "make reveal-01"]);
    scratch.replace(file, "todo!(\"part 1 of the GUIDE\")", "number + 2 // mine");
    let red = [
        "ok 1. One number",
        "✗ 2. Many numbers",
        "left: []",
        "right: [2, 4]",
    ];
    scratch.run(&["try", "01"]).fails(&red);
    scratch
        .run(&["progress"])
        .fine(&["■□", "1 of 2 parts", "make watch-01"]);

    let both = ["-        std::iter::empty()", "+        self.0.iter()"];
    scratch
        .run(&["reveal", "01", "--part", "2"])
        .fine(&["make reveal-01 PART=2 WRITE=1"]);
    scratch.run(&["reveal", "01", "--write"]).fine(&both);
    let mine = "    number + 2 // mine";
    scratch.run(&["try", "01"]).fails(&["✗ 2."]);
    // A function of an earlier part comes first, if it is the one that panics.
    let panics = "    assert!(number > 1);\n    number + 2 // mine";
    scratch.replace(file, mine, panics);
    let first = "write     my/01-echo/src/lib.rs:4  double\n";
    scratch.run(&["try", "01"]).fails(&["✗ 2.", first]);
    scratch.replace(file, panics, "    // Shifting is as good.\n    number * 2");
    scratch.run(&["try", "01"]).fine(&[
        "ok 2. Many numbers",
        "All 2 parts are done",
        "make start-02",
    ]);
    assert_eq!(scratch.read(file), LIB);
    scratch.run(&["progress"]).fine(&[
        "■■",
        "done (2 hints, 2 reveals)",
        "make start-02",
        "10-capstone",
    ]);
    scratch
        .run(&["diff", "01", "--my"])
        .fine(&["-    todo!", "+    number * 2"]);
    let beside = scratch.run(&["diff", "01", "--my=step"]);
    beside.fine(&["my/01-echo beside 01-echo", "0 changed"]);
    scratch.replace(file, "number * 2", "number + number");
    let both = ["-    number + number", "+    number * 2"];
    scratch.run(&["diff", "01", "--my=step"]).fine(&both);
    let log = Command::new("git")
        .args(["log", "--format=%s"])
        .current_dir(scratch.path("my"))
        .output()
        .expect("git runs");
    let log = String::from_utf8_lossy(&log.stdout);
    assert_eq!(log, "start 01-echo, from part 1\nbefore 01-echo\n");
}

#[test]
fn an_error_of_the_compiler_leads_to_its_part() {
    let scratch = workshop();
    scratch
        .run(&["start", "01", "--part", "2"])
        .fine(&["1, in parts 2 to 2", "Many numbers"]);
    assert!(scratch.read("my/01-echo/src/lib.rs").contains("number * 2"));
    scratch.replace("my/01-echo/src/lib.rs", "number * 2", "numbr * 2");
    let told = [
        "cannot find value `numbr`",
        "it does not build",
        "part 1: One number",
        "01-echo/GUIDE.md:3  One number",
        "01-echo/GUIDE.md:7  What can go wrong",
    ];
    scratch.run(&["try", "01"]).fails(&told);
    scratch
        .run(&["try", "01", "--part", "3"])
        .fails(&["there are parts 1 to 2"]);
    let whole = ["start", "02", "--done"];
    scratch
        .run(&whole)
        .fine(&["the whole step", "make check-02"]);
    let same = scratch.read("my/02-more/src/lib.rs") == scratch.read("02-more/src/lib.rs");
    assert!(same, "DONE is the step");
}

#[test]
fn where_it_panicked_comes_first() {
    let scratch = workshop();
    scratch.run(&["start", "01", "--done"]).fine(&[]);
    let file = "my/01-echo/src/lib.rs";
    let panics = "assert_ne!(number, 1);\n    number * 2";
    scratch.replace(file, "number * 2", panics);
    let list = "write     my/01-echo/src/lib.rs:4  double\n            my/01-echo/src/lib.rs:";
    scratch
        .run(&["try", "01"])
        .fails(&["✗ 2. Many numbers", list]);
}

#[test]
fn what_is_not_tested_is_not_green() {
    let scratch = workshop();
    scratch.run(&["start", "01", "--done"]).fine(&[]);
    let tool = "return eprintln!(\"not tested: strace is missing\");";
    scratch.replace(
        "my/01-echo/src/tests.rs",
        "assert_eq!(double(2), 4, \"twice two\");",
        tool,
    );
    let told = scratch.run(&["try", "01"]);
    told.fine(&[
        "-  1. One number: not all of it was tested; make doctor",
        "left out  tests::two_is_doubled: strace is missing",
        "ok 2. Many numbers",
    ]);
    assert!(!told.text.contains("ok 1."), "{}", told.text);
}

#[test]
fn a_hint_is_remembered_from_one_round_to_the_next() {
    let scratch = workshop();
    scratch.run(&["start", "01", "--part", "2"]).fine(&[]);
    let witness = "[\"tests::rows_are_doubled\"]";
    let hints = format!("{witness}\nhints = [\"a\", \"b\"]");
    scratch.replace("01-echo/heart.toml", witness, &hints);
    scratch.run(&["hint", "01"]).fine(&["hint 1/2"]);
    scratch.run(&["try", "01"]).fails(&["✗ 2."]);
    scratch.run(&["hint", "01"]).fine(&["hint 2/2"]);
}

#[test]
fn the_next_lesson_follows_the_last_one_that_was_begun() {
    let scratch = workshop();
    let none = ["01-echo", "not begun", "10-capstone", "make start-01"];
    scratch.run(&["progress"]).fine(&none);
    scratch.run(&["start", "02"]).fine(&[]);
    scratch
        .run(&["progress"])
        .fine(&["next      make watch-02"]);
    scratch.run(&["hint", "02"]).fine(&[]);
    scratch.run(&["progress"]).fine(&["0 of 2 parts (1 hint)"]);
    std::fs::rename(scratch.path("my/02-more"), scratch.path("my/old-02-more")).expect("it moves");
    scratch.run(&["start", "02", "--done"]).fine(&[]);
    let next = "next      10-capstone/README.md";
    scratch.run(&["progress"]).fine(&["done", next]);
}

#[test]
fn a_start_has_no_benches_and_a_lock_that_stays() {
    let scratch = workshop();
    let manifest = scratch.read("01-echo/Cargo.toml");
    let benches = format!("{manifest}\n[[bench]]\nname = \"one\"\nharness = false\n");
    scratch.write("01-echo/Cargo.toml", &benches);
    scratch.write("01-echo/benches/one.rs", "fn main() {}\n");
    let lock = "[[package]]\nname = \"step01-echo\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"step02-more\"\nversion = \"0.1.0\"\n";
    scratch.write("Cargo.lock", &format!("version = 4\n\n{lock}"));
    scratch.run(&["start", "01"]).fine(&[]);
    assert!(!scratch.path("my/01-echo/benches").exists());
    assert!(!scratch.read("my/01-echo/Cargo.toml").contains("bench"));
    let before = scratch.read("my/Cargo.lock");
    assert!(!before.contains("step02"), "{before}");
    scratch.run(&["try", "01"]).fails(&["✗ 1."]);
    assert_eq!(scratch.read("my/Cargo.lock"), before);
}

#[test]
fn what_was_made_differently_comes_along() {
    let scratch = workshop();
    scratch
        .run(&["start", "02", "--keep"])
        .fails(&["my/01-echo is not there yet"]);
    scratch.run(&["start", "01", "--done"]).fine(&[]);
    scratch.replace("my/01-echo/src/lib.rs", "//! Numbers.", "//! My numbers.");
    scratch.replace(
        "my/01-echo/src/lib.rs",
        "self.0.iter()",
        "self.0.clone().into_iter()",
    );
    scratch.write("my/01-echo/src/own.rs", "// mine\n");
    let told = [
        "my/01-echo/src/own.rs",
        "src/lib.rs both you and 02-more",
        "1 times",
    ];
    scratch.run(&["start", "02", "--keep"]).fine(&told);
    let lib = scratch.read("my/02-more/src/lib.rs");
    assert!(
        lib.starts_with("//! My numbers.") && lib.contains("std::iter::empty()"),
        "{lib}"
    );
    assert!(
        lib.contains("// Shifting is as good.") && lib.contains("One more"),
        "{lib}"
    );
    assert_eq!(scratch.read("my/02-more/src/own.rs"), "// mine\n");
}

#[test]
fn what_is_still_blank_does_not_come_along() {
    let scratch = workshop();
    scratch.run(&["start", "01"]).fine(&[]);
    let whole = ["start", "02", "--done", "--keep"];
    scratch.run(&whole).fine(&["you had changed nothing"]);
    let lib = scratch.read("my/02-more/src/lib.rs");
    assert_eq!(lib, scratch.read("02-more/src/lib.rs"));
}

#[test]
fn watching_begins_with_a_round_and_has_keys() {
    let scratch = workshop();
    scratch.run(&["start", "01"]).fine(&[]);
    let mut watch = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["watch", "01", "--root"])
        .arg(scratch.root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("xtask runs");
    let mut keys = watch.stdin.take().expect("a pipe");
    keys.write_all(b"hrlnq").expect("it listens");
    let told = Told::new(&watch.wait_with_output().expect("it ends"));
    let all = [
        "✗ 1. One number",
        "hint 1/2",
        "+    number * 2",
        "→  1. One number",
        "save a file",
    ];
    told.fine(&all);
}

#[test]
fn blanks_that_nobody_would_find_are_told() {
    let scratch = workshop();
    scratch
        .run(&["hearts", "01"])
        .fine(&["ok 01-echo: 2 parts, 2 blanks"]);
    // Step 02 has the body of step 01, which is right already.
    let unseen = [
        "✗ 02-more",
        "with `double` blank, no witness of its part fails",
    ];
    scratch.run(&["hearts", "02"]).fails(&unseen);
    scratch.replace(
        "01-echo/heart.toml",
        "std::iter::empty()",
        "let wrong: u32 = true;",
    );
    scratch
        .run(&["hearts", "01"])
        .fails(&["does not compile without a warning", "mismatched"]);
    scratch.replace("01-echo/heart.toml", "Row::doubled", "Row::tripled");
    scratch
        .run(&["hearts", "01"])
        .fails(&["no function `Row::tripled`"]);
    scratch.replace("01-echo/heart.toml", "One number", "No number");
    scratch
        .run(&["hearts", "01"])
        .fails(&["no heading `1. No number`"]);
}
