//! `carry` takes a change to every later step, keeps what those steps added, and
//! says where it cannot.

use crate::scratch::Scratch;

#[test]
fn a_change_reaches_every_later_step() {
    let scratch = Scratch::committed();
    scratch.replace("01-echo/src/server.rs", "6380", "6381");
    let out = scratch.tool(&["carry", "01"]).passes().out;
    assert!(
        out.contains("carried        02-parser/src/server.rs"),
        "{out}"
    );
    assert!(
        out.contains("carried        03-store/src/server.rs"),
        "{out}"
    );
    assert!(scratch.read("03-store/src/server.rs").contains("6381"));
    assert!(!out.contains("10-capstone"), "{out}");
    scratch.tool(&["lineage"]).passes();
}

#[test]
fn carrying_again_finds_it_there() {
    let scratch = Scratch::committed();
    scratch.replace("01-echo/src/server.rs", "6380", "6381");
    scratch.tool(&["carry", "01"]).passes();
    let out = scratch.tool(&["carry", "01"]).passes().out;
    assert!(
        out.contains("already there  03-store/src/server.rs"),
        "{out}"
    );
    assert!(!out.contains("carried  "), "{out}");
}

#[test]
fn what_a_later_step_added_stays() {
    let scratch = Scratch::committed();
    scratch.replace(
        "03-store/src/server.rs",
        "drop((one, two))",
        "drop((two, one))",
    );
    scratch.commit("03 has its own order");
    scratch.replace("01-echo/src/server.rs", "6380", "6381");
    let out = scratch.tool(&["carry", "01"]).passes().out;
    assert!(out.contains("03-store/src/server.rs (merged)"), "{out}");
    let merged = scratch.read("03-store/src/server.rs");
    assert!(
        merged.contains("6381") && merged.contains("drop((two, one))"),
        "{merged}"
    );
}

#[test]
fn both_changed_the_same_line_is_a_conflict() {
    let scratch = Scratch::committed();
    scratch.replace("03-store/src/server.rs", "6380", "7000");
    scratch.commit("03 has its own port");
    scratch.replace("01-echo/src/server.rs", "6380", "6381");
    let run = scratch.tool(&["carry", "01"]);
    let run = run.fails_with(&["1 to be resolved", "03-store/src/server.rs: both changed"]);
    assert!(
        run.out.contains("CONFLICT       03-store/src/server.rs"),
        "{}",
        run.out
    );
    assert!(
        run.out.contains("carried        02-parser/src/server.rs"),
        "{}",
        run.out
    );
    let marked = scratch.read("03-store/src/server.rs");
    for part in [
        "<<<<<<< 03-store",
        "||||||| 01-echo before",
        ">>>>>>> 01-echo",
        "7000",
        "6380",
        "6381",
    ] {
        assert!(marked.contains(part), "no {part}: {marked}");
    }
    scratch
        .tool(&["carry", "01"])
        .fails_with(&["conflict markers already"]);
    assert_eq!(scratch.read("03-store/src/server.rs"), marked);
}

#[test]
fn new_and_deleted_files_travel() {
    let scratch = Scratch::committed();
    scratch.write("02-parser/tests/suite/fresh.rs", "fn fresh() {}\n");
    scratch.delete("02-parser/src/server.rs");
    let out = scratch.tool(&["carry", "02"]).passes().out;
    assert!(out.contains("03-store/tests/suite/fresh.rs (new)"), "{out}");
    assert!(out.contains("03-store/src/server.rs (deleted)"), "{out}");
    assert_eq!(
        scratch.read("03-store/tests/suite/fresh.rs"),
        "fn fresh() {}\n"
    );
    assert!(!scratch.path("03-store/src/server.rs").exists());
    assert!(
        scratch.path("01-echo/src/server.rs").exists(),
        "never backwards"
    );
}

#[test]
fn a_deleted_file_that_differs_later_is_a_conflict() {
    let scratch = Scratch::committed();
    scratch.replace("03-store/src/server.rs", "6380", "7000");
    scratch.delete("02-parser/src/server.rs");
    scratch
        .tool(&["carry", "02"])
        .fails_with(&["03-store/src/server.rs: deleted there"]);
    assert!(scratch.path("03-store/src/server.rs").exists());
}

#[test]
fn a_file_that_a_later_step_no_longer_has_is_a_conflict() {
    let scratch = Scratch::committed();
    scratch.delete("03-store/src/server.rs");
    scratch.replace("01-echo/src/server.rs", "6380", "6381");
    scratch
        .tool(&["carry", "01"])
        .fails_with(&["03-store/src/server.rs: this step does not have"]);
}

#[test]
fn a_manifest_keeps_its_name_and_description() {
    let scratch = Scratch::committed();
    scratch.replace("03-store/Cargo.toml", "\"rt\"]", "\"rt\", \"time\"]");
    scratch.replace(
        "01-echo/Cargo.toml",
        "bytes = \"1.12\"",
        "bytes = \"1.13\"\nclap = \"4\"",
    );
    scratch.replace("01-echo/Cargo.toml", "0.1.0", "0.2.0");
    scratch
        .tool(&["carry", "01"])
        .fails_with(&["03-store/Cargo.toml"]);
    let carried = scratch.read("02-parser/Cargo.toml");
    assert_eq!(
        carried,
        scratch
            .read("01-echo/Cargo.toml")
            .replace("01-echo", "02-parser")
    );
}

#[test]
fn documents_solutions_and_graders_stay_where_they_are() {
    let scratch = Scratch::committed();
    for file in [
        "README.md",
        "GUIDE.md",
        "solutions/1.patch",
        "tests/exercises.rs",
    ] {
        scratch.write(&format!("02-parser/{file}"), "mine\n");
    }
    let out = scratch.tool(&["carry", "02"]).passes().out;
    assert!(
        out.contains("nothing in 02-parser has changed since HEAD"),
        "{out}"
    );
    assert!(!scratch.path("03-store/GUIDE.md").exists());
}

#[test]
fn a_committed_change_is_carried_since_the_commit_before() {
    let scratch = Scratch::committed();
    scratch.replace("01-echo/src/server.rs", "6380", "6381");
    scratch.commit("another port");
    let out = scratch.tool(&["carry", "01"]).passes().out;
    assert!(out.contains("--since HEAD~1"), "{out}");
    scratch.tool(&["carry", "01", "--since", "HEAD~1"]).passes();
    assert!(scratch.read("03-store/src/server.rs").contains("6381"));
    scratch
        .tool(&["carry", "01", "--since", "nowhere"])
        .fails_with(&["give --since a commit"]);
}

#[test]
fn the_capstone_has_nothing_after_it() {
    Scratch::committed()
        .tool(&["carry", "10"])
        .fails_with(&["nothing to carry it to"]);
}
