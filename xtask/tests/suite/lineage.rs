//! `lineage` passes on steps that agree, and catches each way in which they may not.

use crate::scratch::{DEPENDENCIES, Scratch, manifest};

/// Brings the tables up to date, so that only the planted fault is left.
fn check_after_write(scratch: &Scratch) -> crate::scratch::Run {
    scratch.tool(&["lineage", "--write"]);
    scratch.tool(&["lineage"])
}

#[test]
fn steps_that_agree_pass() {
    let run = Scratch::new().tool(&["lineage"]).passes();
    assert!(run.out.contains("3 steps"), "{}", run.out);
    assert_eq!(run.err, "");
}

#[test]
fn the_table_says_what_became_of_each_file() {
    let scratch = Scratch::new();
    scratch.write("02-parser/src/resp/glob.rs", "//! Old.\n");
    scratch.tool(&["lineage", "--write"]).passes();
    let readme = scratch.read("03-store/README.md");
    let expected = "\
<!-- lineage:begin -->
Compared with [02-parser](../02-parser/README.md); `make diff-03` shows every line.

| file | since the step before | lines |
|---|---|---|
| [`src/store.rs`](src/store.rs) | **new** | +8 −0 |
| [`src/lib.rs`](src/lib.rs) | changed | +1 −0 |
| `src/resp/glob.rs` | removed | +0 −1 |
| `src/resp.rs` `src/server.rs` `tests/suite/main.rs` `Cargo.toml` | same | |
<!-- lineage:end -->

Read on.
";
    assert!(readme.ends_with(expected), "{readme}");
    assert!(
        scratch
            .read("01-echo/README.md")
            .contains("The first step: every file is new.")
    );
}

#[test]
fn writing_twice_changes_nothing() {
    let scratch = Scratch::new();
    let once = scratch.read("03-store/README.md");
    scratch.tool(&["lineage", "--write"]).passes();
    assert_eq!(scratch.read("03-store/README.md"), once);
}

#[test]
fn a_stale_table_fails_and_write_mends_it() {
    let scratch = Scratch::new();
    scratch.replace("02-parser/src/server.rs", "6380", "6381");
    let stale = [
        "02-parser/README.md: the table of changes is stale",
        "lineage --write",
    ];
    scratch
        .tool(&["lineage"])
        .fails_with(&stale)
        .err
        .contains("03-store/README.md");
    scratch.tool(&["lineage", "--write"]).passes();
    scratch.tool(&["lineage"]).passes();
}

#[test]
fn missing_markers_fail_and_write_does_not_guess() {
    let scratch = Scratch::new();
    scratch.write("02-parser/README.md", "# A step\n");
    for arguments in [&["lineage"][..], &["lineage", "--write"]] {
        scratch
            .tool(arguments)
            .fails_with(&["02-parser/README.md", "<!-- lineage:begin -->"]);
    }
    assert_eq!(scratch.read("02-parser/README.md"), "# A step\n");
    scratch.delete("02-parser/README.md");
    scratch
        .tool(&["lineage"])
        .fails_with(&["02-parser/README.md is missing"]);
}

#[test]
fn the_capstone_needs_no_table() {
    let scratch = Scratch::new();
    scratch.write("10-capstone/README.md", "# Measure\n");
    scratch.tool(&["lineage"]).passes();
}

#[test]
fn a_suite_that_changes_in_a_later_step_fails() {
    let scratch = Scratch::new();
    for step in ["02-parser", "03-store"] {
        let suite = format!("{step}/tests/suite/resp.rs");
        scratch.write(&suite, "fn waits() -> u64 {\n    200\n}\n");
    }
    check_after_write(&scratch).passes();
    scratch.replace("03-store/tests/suite/resp.rs", "200", "0");
    check_after_write(&scratch).fails_with(&[
        "03-store/tests/suite/resp.rs is changed since the step before",
        "cargo xtask carry",
    ]);
}

#[test]
fn a_reworded_comment_alone_is_drift() {
    let scratch = Scratch::new();
    scratch.replace("03-store/src/server.rs", "/// Listens.", "/// It listens.");
    check_after_write(&scratch).fails_with(&[
        "03-store/src/server.rs differs from 02-parser/src/server.rs in layout or comments only",
        "carry 02",
    ]);
}

#[test]
fn another_layout_alone_is_drift_in_tests_and_manifest_too() {
    let scratch = Scratch::new();
    scratch.replace(
        "03-store/tests/suite/main.rs",
        "fn works() {}",
        "fn works() {\n}",
    );
    scratch.replace(
        "02-parser/Cargo.toml",
        "[dependencies]",
        "# What it needs.\n[dependencies]",
    );
    check_after_write(&scratch).fails_with(&[
        "03-store/tests/suite/main.rs differs from",
        "02-parser/Cargo.toml differs from 01-echo/Cargo.toml",
        "03-store/Cargo.toml differs from 02-parser/Cargo.toml",
    ]);
}

#[test]
fn a_reworded_comment_beside_a_real_change_is_not() {
    let scratch = Scratch::new();
    scratch.replace("03-store/src/server.rs", "/// Listens.", "/// It listens.");
    scratch.replace("03-store/src/server.rs", "6380", "6381");
    check_after_write(&scratch).passes();
}

#[test]
fn one_crate_in_two_versions_fails() {
    let scratch = Scratch::new();
    scratch.replace("03-store/Cargo.toml", "\"1.12\"", "\"1.11\"");
    check_after_write(&scratch).fails_with(&["bytes is 1.11 here and 1.12 in 02-parser"]);
}

#[test]
fn the_version_is_compared_across_tables_and_with_the_capstone() {
    let scratch = Scratch::new();
    let text = manifest("03-store", DEPENDENCIES) + "\n[dev-dependencies]\nredis = \"1\"\n";
    scratch.write("03-store/Cargo.toml", &text);
    let text = manifest("10-capstone", DEPENDENCIES) + "redis = \"2\"\n";
    scratch.write("10-capstone/Cargo.toml", &text);
    check_after_write(&scratch)
        .fails_with(&["10-capstone/Cargo.toml: redis is 2 here and 1 in 03-store"]);
}

#[test]
fn a_feature_may_be_added_but_not_lost() {
    let scratch = Scratch::new();
    scratch.replace("02-parser/Cargo.toml", "\"rt\"]", "\"rt\", \"time\"]");
    check_after_write(&scratch).fails_with(&[
        "03-store/Cargo.toml: tokio lacks the features that it has in 02-parser: time",
    ]);
    scratch.replace(
        "03-store/Cargo.toml",
        "\"rt\"]",
        "\"rt\", \"time\", \"sync\"]",
    );
    check_after_write(&scratch).passes();
}

#[test]
fn an_import_from_above_fails() {
    let scratch = Scratch::new();
    scratch.write("03-store/src/resp.rs", "use crate::store::count;\n");
    check_after_write(&scratch).fails_with(&[
        "03-store/src/resp.rs uses crate::store::count, but store is not below resp",
        "the order is that of src/lib.rs",
    ]);
}

#[test]
fn files_of_a_room_that_import_each_other_fail() {
    let scratch = Scratch::new();
    let lib = scratch.read("03-store/src/lib.rs");
    scratch.write("03-store/src/lib.rs", &format!("{lib}mod command;\n"));
    scratch.write("03-store/src/command/mod.rs", "mod key;\nmod string;\n");
    scratch.write("03-store/src/command/key.rs", "use super::string;\n");
    scratch.write("03-store/src/command/string.rs", "use super::key;\n");
    check_after_write(&scratch)
        .fails_with(&["03-store/src: command/key, command/string import one another in a circle"]);
    scratch.write(
        "03-store/src/command/string.rs",
        "use crate::store::count;\n",
    );
    check_after_write(&scratch).passes();
}

#[test]
fn a_file_without_a_room_fails() {
    let scratch = Scratch::new();
    scratch.write("03-store/src/helpers.rs", "pub fn help() {}\n");
    check_after_write(&scratch).fails_with(&[
        "03-store/src/helpers.rs has no room",
        "declare its room in src/lib.rs",
    ]);
}

#[test]
fn source_that_does_not_parse_is_named() {
    let scratch = Scratch::new();
    scratch.write("03-store/src/resp.rs", "fn {\n");
    scratch
        .tool(&["lineage"])
        .fails_with(&["src/resp.rs", "03-store"]);
}

const HEART: &str = "\
given = [{ file = \"src\", why = \"It wires it in.\" }]

[[part]]
title = \"Count `keys`\"
witness = [\"store::counts\"]
hints = [\"How many?\", \"So many.\"]

[[part.item]]
file = \"src/store.rs\"
item = \"count\"
blank = \"naive\"
body = \"1\"

[[part]]
title = \"Accept\"
witness = [\"store::accepts\"]

[[part.item]]
file = \"src/server.rs\"
item = \"accept\"
from = \"let two = 2;\"
to = \"let two = 2;\"
blank = \"todo\"
";

pub const GUIDE: &str = "# Step 03\n\n## Build it\n\n<!-- given -->\n<!-- /given -->\n\n\
    ### 1. Count `keys`\n\nWhy.\n\n<!-- part 1 -->\n<!-- /part -->\n\n\
    ### 2. Accept\n\nWhy.\n\n<!-- part 2 -->\n<!-- /part -->\n\n## Read on\n";

pub fn with_lesson() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("03-store/heart.toml", HEART);
    scratch.write("03-store/GUIDE.md", GUIDE);
    scratch
}

#[test]
fn a_guide_gets_what_is_given_and_what_belongs_to_each_part() {
    let scratch = with_lesson();
    scratch.tool(&["lineage"]).fails_with(&[
        "03-store/GUIDE.md: the table of what is given is stale",
        "what belongs to part 2 is stale; run: cargo xtask lineage --write",
    ]);
    check_after_write(&scratch).passes();
    let guide = scratch.read("03-store/GUIDE.md");
    let expected = [
        "<!-- given -->\n| file | lines | why you may leave it unread |\n|---|---|---|\n\
         | [`src`](src) | 2 | It wires it in. |\n<!-- /given -->\n",
        "Why.\n\n<!-- part 1 -->\nAt the start, `count` has a body that is too simple.\n\n\
         Make these pass: `make try-03`\n\n- `store::counts`\n\n<details>\n\
         <summary>Hint 1</summary>\n\nHow many?\n\n</details>\n",
        "```rust src/store.rs\n/// Counts.\npub fn count() -> usize {\n    resp::line(b\"\")\n}\n```\n\n\
         </details>\n<!-- /part -->\n\n### 2. Accept\n",
        "At the start, `accept` (some lines) is `todo!`.",
        "/// Accepts.\npub fn accept() {\n    // …\n    let two = 2;\n    // …\n}\n```",
    ];
    for text in expected {
        assert!(guide.contains(text), "no {text:?} in:\n{guide}");
    }
}

#[test]
fn what_a_guide_lacks_is_told() {
    let scratch = with_lesson();
    let heart = HEART.replace("\"src\"", "\"src/res\"");
    scratch.write("03-store/heart.toml", &heart.replace("Accept", "Accepting"));
    scratch.replace("03-store/GUIDE.md", "<!-- part 2 -->", "<!-- part 3 -->");
    check_after_write(&scratch).fails_with(&[
        "no row of `given` covers these files (lines that are given): src/store.rs (1), src/lib.rs (1)",
        "the row of `given` for src/res covers nothing",
        "has no heading `### 2. Accepting` after part 1",
        "has no place for what belongs to part 2; put the lines <!-- part 2 -->",
    ]);
    scratch.write("03-store/GUIDE.md", &format!("{GUIDE}<!-- part 3 -->\n"));
    check_after_write(&scratch).fails_with(&["has 3 lines `<!-- part …`, and heart.toml 2 parts"]);
    let swapped = GUIDE
        .replace("part 1", "part 0")
        .replace("part 2", "part 1");
    scratch.write("03-store/GUIDE.md", &swapped.replace("part 0", "part 2"));
    check_after_write(&scratch).fails_with(&["<!-- part 1 --> is not in the section of part 1"]);
}
