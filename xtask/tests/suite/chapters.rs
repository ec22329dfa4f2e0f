//! Chapters are steps that are made from `advanced/`, and each rule about its gates finds
//! the fault that is planted.

use crate::scratch::{Scratch, manifest};

const LIST: &str = "\
[[chapter]]
number = \"006\"
name = \"object\"
title = \"The object\"
minutes = 20

[[chapter]]
number = \"003\"
name = \"client\"
title = \"The client\"
feature = \"client\"
minutes = 30

[[planned]]
number = \"010a\"
title = \"Lists\"
";

const FEATURES: &str =
    "\n[features]\ndefault = [\"client\"]\nclient = [\"dep:itoa\", \"tokio/sync\"]\n";

const TRACK: &str = "# The track\n\n<!-- chapters:begin -->\n<!-- chapters:end -->\n";

const README: &str = "# A chapter\n\n<!-- lineage:begin -->\n<!-- lineage:end -->\n\n## Runtime path\n\n\
    1. [`listen`](../../src/server.rs): it begins\n";

const GATED: &str = "
/// Ends.
#[cfg(feature = \"client\")]
pub fn end() {
    crate::client::end();
}
";

/// The scratch workshop with an advanced track of two chapters on step 03.
fn advanced() -> Scratch {
    let scratch = Scratch::new();
    scratch.copy_step("03-store", &scratch.path("advanced"));
    scratch.write("advanced/README.md", TRACK);
    let crates = "bytes = \"1.12\"\nitoa = { version = \"1.0\", optional = true }\n\
                  tokio = { version = \"1.54\", features = [\"net\", \"rt\"] }\n";
    let text = manifest("x", crates).replace("stepx", "advanced") + FEATURES;
    scratch.write("advanced/Cargo.toml", &text);
    scratch.write("advanced/chapters.toml", LIST);
    scratch.write("advanced/src/object.rs", "//! The object.\n");
    scratch.write(
        "advanced/src/client.rs",
        "//! A client.\n\n/// Ends.\npub fn end() {}\n",
    );
    scratch.write(
        "advanced/src/lib.rs",
        "//! The house.\n\nmod object;\n\nmod resp;\n\nmod store;\n\n\
         #[cfg(feature = \"client\")]\nmod client;\n\nmod server;\n",
    );
    let server = scratch.read("advanced/src/server.rs");
    scratch.write("advanced/src/server.rs", &(server + GATED));
    for chapter in ["006-object", "003-client"] {
        scratch.write(&format!("advanced/chapters/{chapter}/README.md"), README);
    }
    scratch.tool(&["lineage", "--write"]).passes();
    scratch
}

/// Adds lines to the end of a file of the track, and looks what `lineage` says.
#[track_caller]
fn planted(file: &str, lines: &str, said: &[&str]) {
    let scratch = advanced();
    let text = scratch.read(file);
    scratch.write(file, &(text + lines));
    scratch.tool(&["lineage", "--write"]);
    scratch.tool(&["lineage"]).fails_with(said);
}

#[test]
fn a_chapter_is_a_plain_step() {
    let scratch = advanced();
    scratch.tool(&["lineage"]).passes();
    let [base, client] = ["006-object", "003-client"].map(|it| format!("target/chapters/{it}"));
    let server = scratch.read("advanced/src/server.rs");
    let plain = server.replace("#[cfg(feature = \"client\")]\n", "");
    assert_eq!(scratch.read(&format!("{client}/src/server.rs")), plain);
    assert_eq!(
        scratch.read(&format!("{base}/src/server.rs")),
        scratch.read("03-store/src/server.rs")
    );
    assert!(!scratch.path(&format!("{base}/src/client.rs")).exists());
    assert!(scratch.path(&format!("{client}/src/client.rs")).exists());
    let manifest = scratch.read(&format!("{base}/Cargo.toml"));
    assert!(manifest.contains("name = \"step006-object\""), "{manifest}");
    assert!(
        !manifest.contains("itoa") && !manifest.contains("[features]"),
        "{manifest}"
    );
    let manifest = scratch.read(&format!("{client}/Cargo.toml"));
    assert!(
        manifest.contains("itoa = { version = \"1.0\" }"),
        "{manifest}"
    );
    assert!(manifest.contains("\"rt\", \"sync\"]"), "{manifest}");
}

/// They measure all chapters at once.
#[test]
fn a_chapter_has_no_benches() {
    let scratch = advanced();
    scratch.write("advanced/benches/all.rs", "fn main() {}\n");
    let bench = "\n[[bench]]\nname = \"all\"\nharness = false\n";
    let text = scratch.read("advanced/Cargo.toml") + bench;
    scratch.write("advanced/Cargo.toml", &text);
    scratch.tool(&["lineage"]).passes();
    let chapter = "target/chapters/003-client";
    assert!(!scratch.path(&format!("{chapter}/benches")).exists());
    let manifest = scratch.read(&format!("{chapter}/Cargo.toml"));
    assert!(!manifest.contains("bench"), "{manifest}");
}

#[test]
fn what_a_chapter_had_is_gone_when_its_source_is() {
    let scratch = advanced();
    scratch.delete("advanced/src/object.rs");
    scratch.replace("advanced/src/lib.rs", "mod object;\n\n", "");
    scratch.tool(&["lineage"]);
    assert!(
        !scratch
            .path("target/chapters/006-object/src/object.rs")
            .exists()
    );
}

#[test]
fn its_diff_is_from_the_chapter_before_it_in_the_list() {
    let scratch = advanced();
    let out = scratch.tool(&["diff", "003", "--stat"]).passes().out;
    assert!(out.contains("What 003-client adds to 006-object"), "{out}");
    assert!(out.contains("src/client.rs        new "), "{out}");
    let out = scratch.tool(&["diff", "006-object"]).passes().out;
    assert!(out.contains("What 006-object adds to 03-store"), "{out}");
    assert!(out.contains("new src/object.rs +1"), "{out}");
    let error = scratch
        .tool(&["diff", "012"])
        .fails_with(&["there is no chapter 012"]);
    assert!(
        error.err.contains("006-object, 003-client"),
        "{}",
        error.err
    );
    scratch.tool(&["diff", "3"]).passes();
}

#[test]
fn its_table_is_on_its_own_page() {
    let scratch = advanced();
    let readme = scratch.read("advanced/chapters/006-object/README.md");
    for row in [
        "Compared with [03-store](../../../03-store/README.md); `make diff-006` shows",
        "| [`src/object.rs`](../../src/object.rs) | **new** | +1 −0 |",
    ] {
        assert!(readme.contains(row), "{readme}");
    }
    let readme = scratch.read("advanced/chapters/003-client/README.md");
    assert!(
        readme.contains("Compared with [006-object](../006-object/README.md)"),
        "{readme}"
    );
    scratch.replace(
        "advanced/src/object.rs",
        "object.",
        "object.\n//!\n//! More.",
    );
    scratch
        .tool(&["lineage"])
        .fails_with(&["advanced/chapters/006-object/README.md"]);
}

#[test]
fn the_tracks_page_says_what_can_be_read() {
    let scratch = advanced();
    let rows = |scratch: &Scratch| scratch.read("advanced/README.md");
    let link = "| [003](chapters/003-client/README.md) | The client |";
    assert!(
        rows(&scratch).contains(&format!("{link} being written |")),
        "{}",
        rows(&scratch)
    );
    assert!(
        rows(&scratch).contains("| 010a | Lists | to come |\n<!--"),
        "{}",
        rows(&scratch)
    );
    scratch.write("advanced/chapters/003-client/GUIDE.md", "# Guide\n");
    scratch
        .tool(&["lineage"])
        .fails_with(&["advanced/README.md: the table of chapters is stale"]);
    scratch.tool(&["lineage", "--write"]).passes();
    assert!(
        rows(&scratch).contains(&format!("{link} 30 minutes, +11 lines |")),
        "{}",
        rows(&scratch)
    );
}

#[test]
fn a_change_is_carried_into_the_track() {
    let scratch = advanced();
    scratch.git(&["init", "--quiet"]);
    scratch.write(".gitignore", "target/\n");
    scratch.commit("start");
    scratch.replace("03-store/src/server.rs", "6380", "6381");
    scratch.write("03-store/tests/suite/more.rs", "//! More.\n");
    let out = scratch.tool(&["carry", "03"]).passes().out;
    assert!(out.contains("advanced/src/server.rs (merged)"), "{out}");
    assert!(!out.contains("advanced/tests"), "{out}");
    let server = scratch.read("advanced/src/server.rs");
    assert!(
        server.contains("6381") && server.ends_with(GATED),
        "{server}"
    );
    // Where it stops, nothing can be made of the chapters, and it must go on nevertheless.
    scratch.write(
        "advanced/src/server.rs",
        "<<<<<<< a\n#[cfg(feature = \"client\")]\n",
    );
    scratch
        .tool(&["carry", "03"])
        .fails_with(&["conflict markers already"]);
    scratch
        .tool(&["carry", "006"])
        .fails_with(&["nothing is carried"]);
}

#[test]
fn a_gate_of_another_form_is_told() {
    let lines = "\n#[cfg(all(test, feature = \"client\"))]\nfn a() {}\n";
    planted(
        "advanced/src/server.rs",
        lines,
        &["advanced/src/server.rs", "line 22: a gate is"],
    );
}

#[test]
fn a_gate_in_a_macro_call_is_told() {
    let lines =
        "\nfn a() {\n    go! {\n        #[cfg(feature = \"client\")]\n        a => b,\n    }\n}\n";
    planted(
        "advanced/src/server.rs",
        lines,
        &["server.rs:24: a gate inside a macro call"],
    );
}

#[test]
fn two_gates_and_an_unknown_feature_are_told() {
    let lines = "\n#[cfg(feature = \"client\")]\n#[cfg(feature = \"other\")]\nfn a() {}\n";
    planted(
        "advanced/src/server.rs",
        lines,
        &["one thing has two gates", "has the feature `other`"],
    );
}

#[test]
fn a_long_pair_is_told() {
    let body = "    one();\n".repeat(8);
    let lines = format!(
        "\n#[cfg(not(feature = \"client\"))]\nfn a() {{\n{body}}}\n#[cfg(feature = \"client\")]\nfn a() {{}}\n"
    );
    planted(
        "advanced/src/server.rs",
        &lines.replace("{body}", &body),
        &["what the feature replaces here is 11 lines"],
    );
}

#[test]
fn too_many_gates_are_told() {
    let gate = |name: usize| format!("\n#[cfg(feature = \"client\")]\nfn f{name}() {{}}\n");
    let lines: String = (0..25).map(gate).collect();
    planted(
        "advanced/src/server.rs",
        &lines,
        &["chapter 003 has 26 gates outside of", "a seam is missing"],
    );
    let scratch = advanced();
    let text = scratch.read("advanced/src/lib.rs");
    scratch.write("advanced/src/lib.rs", &(text + &lines));
    scratch.tool(&["lineage", "--write"]).passes();
    // A debt is a number that only becomes smaller.
    let scratch = advanced();
    let text = scratch.read("advanced/src/server.rs");
    scratch.write("advanced/src/server.rs", &(text + &lines));
    let debt = |from: &str, to: &str| {
        scratch.replace("advanced/chapters.toml", from, to);
        scratch.tool(&["lineage", "--write"])
    };
    debt("minutes = 30", "minutes = 30\ngates = 26").passes();
    debt("gates = 26", "gates = 27").fails_with(&["has 26 gates, so `gates` is 26 now"]);
}

#[test]
fn a_side_that_is_not_formatted_is_told() {
    let lines = "\nfn a(\n    a: u8,\n    #[cfg(feature = \"client\")]\n    b: u8,\n) {\n}\n";
    let said = ["advanced/src/server.rs as it is in chapter 006 is not formatted at its line"];
    planted("advanced/src/server.rs", lines, &said);
}

#[test]
fn the_runtime_path_is_short_and_leads_somewhere() {
    let scratch = advanced();
    let readme = "advanced/chapters/003-client/README.md";
    let text = scratch.read(readme) + "2. [`end`](../../src/client.rs): it ends\n";
    scratch.write(readme, &text);
    let out = scratch.tool(&["diff", "003", "--path"]).passes().out;
    assert!(out.contains("4 lines  src/server.rs:4  listen\n"), "{out}");
    assert!(
        out.contains("1 lines  src/client.rs:4  end\n   5 lines\n"),
        "{out}"
    );
    let long = format!(
        "//! A client.\n\npub fn end() {{\n{}}}\n",
        "    a();\n".repeat(250)
    );
    scratch.write("advanced/src/client.rs", &long);
    scratch.tool(&["lineage", "--write"]);
    let said = "003-client/README.md: the runtime path is 256 lines";
    scratch
        .tool(&["lineage"])
        .fails_with(&[said, "make diff-003"]);
    scratch.replace(readme, "`end`", "`no`");
    scratch
        .tool(&["lineage"])
        .fails_with(&["client.rs has no function `no`"]);
}

#[test]
fn a_comment_about_a_later_chapter_is_told() {
    planted(
        "advanced/src/object.rs",
        "// See chapter 003.\n",
        &["speaks of chapter 003, which comes later"],
    );
    planted(
        "advanced/src/client.rs",
        "// See chapter 010a.\n",
        &["speaks of chapter 010a"],
    );
}

#[test]
fn what_a_chapter_does_not_need_is_a_warning_and_told() {
    let scratch = advanced();
    let text = scratch.read("advanced/Cargo.toml");
    let (head, _) = text.split_once("[dependencies]").expect("dependencies");
    scratch.write(
        "advanced/Cargo.toml",
        &format!("{head}[features]\nclient = []\n"),
    );
    scratch.write("advanced/src/server.rs", &format!("//! Accepts.\n{GATED}"));
    let house = scratch.read("advanced/src/lib.rs");
    scratch.write("advanced/src/lib.rs", &house.replace("mod ", "pub mod "));
    scratch.tool(&["chapter"]).passes();
    let text = scratch.read("advanced/src/server.rs") + "\nfn later() {}\n";
    scratch.write("advanced/src/server.rs", &text);
    scratch
        .tool(&["chapter", "006"])
        .fails_with(&["does not compile without a warning", "later"]);
}
