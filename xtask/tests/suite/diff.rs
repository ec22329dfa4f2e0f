//! What `diff` shows, in which order, and that it is a real patch.

use crate::scratch::Scratch;

#[test]
fn new_files_come_first_and_whole_then_what_wires_them_in() {
    let scratch = Scratch::new();
    scratch.replace("03-store/src/server.rs", "6380", "6381");
    scratch.replace("03-store/Cargo.toml", "\"rt\"", "\"rt\", \"time\"");
    let out = scratch.tool(&["diff", "03"]).passes().out;
    assert!(
        out.starts_with("What 03-store adds to 02-parser\n"),
        "{out}"
    );
    let order = [
        "new src/store.rs +8",
        "+//! Keys and values.",
        "changed src/server.rs +1 −1",
        "-    let port = 6380;\n+    let port = 6381;",
        "changed src/lib.rs +1 −0",
        "changed Cargo.toml +1 −1",
        "1 new, 3 changed, 0 removed, 2 same",
    ];
    let at: Vec<_> = order
        .iter()
        .map(|it| out.find(it).unwrap_or_else(|| panic!("no {it:?}: {out}")))
        .collect();
    assert!(at.is_sorted(), "{at:?}: {out}");
    assert!(!out.contains("src/resp.rs"), "the same in both: {out}");
    assert!(
        !out.contains("step02-parser\"\n+"),
        "the name is no difference: {out}"
    );
}

#[test]
fn a_hunk_names_the_item_that_it_is_in_unless_it_shows_it() {
    let scratch = Scratch::new();
    let long = "    let zero = 0;\n    let one = 1;\n    let two = 2;\n";
    for step in ["01-echo", "02-parser", "03-store"] {
        let server = format!("{step}/src/server.rs");
        scratch.replace(
            &server,
            "    let one = 1;\n    let two = 2;\n",
            &long.repeat(2),
        );
    }
    scratch.replace("03-store/src/server.rs", "6380", "6381");
    scratch.replace(
        "03-store/src/server.rs",
        "drop((one, two))",
        "drop((two, one))",
    );
    let out = scratch.tool(&["diff", "3"]).passes().out;
    assert!(out.contains("@@ pub fn accept() {\n"), "{out}");
    assert!(out.contains("@@ -2,7 +2,7 @@\n"), "{out}");
}

#[test]
fn tests_are_shown_only_when_asked_for() {
    let scratch = Scratch::new();
    scratch.write("02-parser/tests/suite/resp.rs", "fn new() {}\n");
    let short = scratch.tool(&["diff", "02"]).passes().out;
    assert!(!short.contains("tests/suite/resp.rs"), "{short}");
    assert!(short.contains("not shown: 1"), "{short}");
    let full = scratch.tool(&["diff", "02", "--full"]).passes().out;
    assert!(full.contains("new tests/suite/resp.rs"), "{full}");
}

#[test]
fn stat_is_a_table_of_every_file() {
    let scratch = Scratch::new();
    let out = scratch.tool(&["diff", "03", "--stat"]).passes().out;
    let rows: Vec<Vec<&str>> = out
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    for row in [
        vec!["src/store.rs", "new", "+8"],
        vec!["src/lib.rs", "changed", "+1", "−0"],
        vec!["src/server.rs", "same"],
        vec!["tests/suite/main.rs", "same"],
        vec!["Cargo.toml", "same"],
    ] {
        assert!(rows.contains(&row), "no {row:?} in:\n{out}");
    }
    assert!(!out.contains("@@"), "{out}");
}

#[test]
fn the_first_step_is_all_new() {
    let out = Scratch::new().tool(&["diff", "01-echo"]).passes().out;
    assert!(
        out.contains("01-echo is the first step: everything is new"),
        "{out}"
    );
    assert!(
        out.contains("new src/server.rs") && out.contains("new Cargo.toml"),
        "{out}"
    );
}

#[test]
fn a_missing_step_before_is_skipped_and_said() {
    let scratch = Scratch::new();
    std::fs::remove_dir_all(scratch.path("02-parser")).expect("delete step");
    let out = scratch.tool(&["diff", "03"]).passes().out;
    assert!(out.contains("What 03-store adds to 01-echo"), "{out}");
    assert!(out.contains("no step 02"), "{out}");
}

#[test]
fn the_capstone_has_no_step_before() {
    let out = Scratch::new().tool(&["diff", "10"]).passes().out;
    assert!(
        out.contains("10-capstone measures the other steps"),
        "{out}"
    );
}

#[test]
fn an_unknown_step_fails_and_lists_those_there_are() {
    let scratch = Scratch::new();
    scratch
        .tool(&["diff", "07"])
        .fails_with(&["there is no step 07", "02-parser"]);
    scratch
        .tool(&["diff", "x"])
        .fails_with(&["give a step by its number"]);
}

#[test]
fn colour_only_where_it_is_wanted() {
    let scratch = Scratch::new();
    let colour = |arguments: &[&str], environment: &[(&str, &str)]| {
        scratch
            .tool_with(arguments, environment)
            .passes()
            .out
            .contains('\x1b')
    };
    assert!(!colour(&["diff", "02"], &[]), "a pipe is no terminal");
    assert!(colour(&["diff", "02", "--color", "always"], &[]));
    assert!(!colour(
        &["diff", "02", "--color", "never"],
        &[("CLICOLOR_FORCE", "1")]
    ));
    assert!(colour(&["diff", "02"], &[("CLICOLOR_FORCE", "1")]));
    assert!(!colour(
        &["diff", "02"],
        &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]
    ));
}

/// What a learner sees is all there is: applied to the earlier step, it gives the later one.
#[test]
fn the_full_diff_turns_one_step_into_the_next() {
    let scratch = Scratch::new();
    scratch.replace("03-store/src/server.rs", "6380", "6381");
    scratch.replace(
        "03-store/src/server.rs",
        "    drop((one, two));\n}\n",
        "    drop(two);\n}",
    );
    scratch.replace("03-store/Cargo.toml", "\"rt\"", "\"rt\", \"time\"");
    scratch.write("02-parser/src/old.rs", "fn gone() {}\n");
    let patch = scratch.tool(&["diff", "03", "--full"]).passes().out;
    scratch.write("03.patch", &patch);

    let target = tempfile::tempdir().expect("a temporary folder");
    let copy = target.path().join("copy");
    scratch.copy_step("02-parser", &copy);
    let applied = std::process::Command::new("git")
        .arg("apply")
        .arg(scratch.path("03.patch"))
        .current_dir(&copy)
        .output()
        .expect("run git");
    assert!(
        applied.status.success(),
        "{}",
        String::from_utf8_lossy(&applied.stderr)
    );

    for file in ["src/lib.rs", "src/store.rs", "src/server.rs", "src/resp.rs"] {
        let patched = std::fs::read_to_string(copy.join(file)).expect(file);
        assert_eq!(patched, scratch.read(&format!("03-store/{file}")), "{file}");
    }
    assert!(!copy.join("src/old.rs").exists());
    let manifest = std::fs::read_to_string(copy.join("Cargo.toml")).expect("manifest");
    let as_later = manifest.replace("02-parser", "03-store");
    assert_eq!(as_later, scratch.read("03-store/Cargo.toml"));
}
