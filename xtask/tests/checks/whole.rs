//! `make test` and `make prove` as a whole: they pass on a clean workshop, and each kind
//! of fault that they are there to catch makes one fail, with what to do next.
//!
//! Makefile and scripts are the real ones. Only Redis is left out.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::scratch::{Scratch, Told};
use crate::solutions::{self, LAST_ARM, arm, patch, solve};

const README: &str = "01-echo/README.md";
const TABLE: &str = "\n<!-- lineage:begin -->\n<!-- lineage:end -->\n";

/// `cargo xtask` is the tool that is tested; all else is the real cargo.
const CARGO: &str = "#!/bin/sh
PATH=${PATH#*:}
if [ \"$1\" = xtask ]; then
    shift
    exec XTASK \"$@\" --root .
fi
exec cargo \"$@\"
";

/// Gives a workshop what `make test` needs.
fn complete(scratch: Scratch) -> Scratch {
    let real = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for file in [
        "Makefile",
        "scripts/parts.sh",
        "scripts/test",
        "scripts/prove",
    ] {
        let text = fs::read_to_string(real.join(file)).expect("the workshop has it");
        scratch.write(file, &text);
    }
    scratch.write("scripts/redis", "#!/bin/sh\nexit 1\n");
    scratch.write(
        "bin/cargo",
        &CARGO.replace("XTASK", env!("CARGO_BIN_EXE_xtask")),
    );
    for program in [
        "scripts/test",
        "scripts/prove",
        "scripts/redis",
        "bin/cargo",
    ] {
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(scratch.path(program), mode).expect("it is ours");
    }
    for step in ["01-echo", "02-more"] {
        let readme = format!("{step}/README.md");
        scratch.write(&readme, &(scratch.read(&readme) + TABLE));
    }
    scratch.run(&["lineage", "--write"]).fine(&[]);
    scratch
}

/// Steps whose pages show what their servers do.
fn with_pages() -> Scratch {
    complete(Scratch::clean())
}

/// A step with exercises. It is no server, so its pages show nothing of one.
fn with_exercises() -> Scratch {
    let scratch = solutions::clean();
    scratch.write(README, "# Step\n");
    scratch.write("README.md", "# Workshop\n");
    fs::remove_file(scratch.path("01-echo/GUIDE.md")).expect("it was there");
    complete(scratch)
}

fn make(what: &str, scratch: &Scratch) -> Told {
    let path = std::env::var("PATH").expect("a PATH");
    let bin = scratch.path("bin");
    let output = Command::new("make")
        .arg(what)
        .current_dir(scratch.root())
        .env("PATH", format!("{}:{path}", bin.display()))
        .env_remove("CI")
        .env_remove("CARGO_TARGET_DIR")
        .env_remove("RUSTFLAGS")
        .env_remove("MAKEFLAGS")
        .output();
    Told::new(&output.expect("make runs"))
}

#[test]
fn clean_workshops_pass() {
    for what in ["test", "prove"] {
        let fine = ["NOTICE: there is no real Redis here", "All of it holds"];
        make(what, &with_pages()).fine(&fine);
    }
    make("prove", &with_exercises()).fine(&["the exercises' checks passed: 32", "All of it holds"]);
}

#[test]
fn a_stale_snippet_fails() {
    let scratch = with_pages();
    scratch.replace(
        "01-echo/GUIDE.md",
        "        count += 1;",
        "        count += 2;",
    );
    make("test", &scratch).fails(&[
        "01-echo/GUIDE.md:17: this is not in `src/main.rs`",
        "next: show lines",
    ]);
}

#[test]
fn a_console_block_with_wrong_output_fails() {
    let scratch = with_pages();
    scratch.replace(README, "\npong\n", "\nPONG\n");
    make("test", &scratch).fails(&[
        "01-echo/README.md:12",
        "- PONG",
        "+ pong",
        "next:",
        "--bless",
    ]);
}

#[test]
fn a_dead_link_fails() {
    let scratch = with_pages();
    scratch.replace("README.md", "01-echo/GUIDE.md", "01-echo/GIUDE.md");
    make("test", &scratch).fails(&[
        "README.md:3: the link `01-echo/GIUDE.md#the-idea` leads to no file",
        "next:",
    ]);
}

#[test]
fn a_step_that_needs_the_workspace_fails() {
    let scratch = with_pages();
    scratch.replace(
        "Cargo.toml",
        "[workspace]",
        "[workspace.package]\nversion = \"0.1.0\"\n\n[workspace]",
    );
    scratch.replace(
        "02-more/Cargo.toml",
        "version = \"0.1.0\"",
        "version.workspace = true",
    );
    scratch.run(&["lineage", "--write"]).fine(&[]);
    make("prove", &scratch).fails(&[
        "✗ 02-more does not stand alone",
        "02-more/Cargo.toml: `package.version` is inherited from the workspace; write its value here",
    ]);
}

#[test]
fn a_grader_that_passes_on_the_untouched_step_fails() {
    let scratch = with_exercises();
    scratch.replace(
        "01-echo/tests/exercises.rs",
        "ask(\"one\"), \"1\"",
        "ask(\"one\"), \"what?\"",
    );
    scratch.run(&["lineage", "--write"]).fine(&[]);
    make("prove", &scratch).fails(&[
        "✗ 01 exercise 1: its grader fails on the untouched step",
        "the untouched step satisfies it",
        "next: let it ask for what the step does not do yet",
    ]);
}

#[test]
fn a_solution_that_does_not_solve_fails() {
    let scratch = with_exercises();
    solve(&scratch, 2, &patch(LAST_ARM, &arm("two", 3)));
    make("prove", &scratch).fails(&[
        "✗ 01 exercise 2: its solution satisfies its grader",
        "the grader fails",
        "next: repair the solution",
    ]);
}

#[test]
fn a_test_that_fails_fails() {
    let scratch = with_exercises();
    scratch.replace(
        "01-echo/src/main.rs",
        "\"zero\" => \"0\"",
        "\"zero\" => \"00\"",
    );
    make("test", &scratch).fails(&[
        "✗ 01-echo unit tests: tests::zero_is_known",
        "left: \"00\"",
        "of 1 tests 1 failed",
    ]);
}
