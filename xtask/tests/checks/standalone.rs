//! `cargo xtask standalone`.

use crate::scratch::Scratch;

#[test]
fn clean_steps_stand_alone() {
    let scratch = Scratch::clean();
    scratch.run(&["standalone"]).fine(&[
        "ok 01-echo builds and passes its tests alone",
        "ok 02-more builds and passes its tests alone",
        "ok 10-capstone builds and passes its tests alone",
    ]);
    // What is built of a copy is of no use to another, so it is removed.
    assert!(!scratch.path("target/alone/debug/step01-echo").exists());
}

#[test]
fn what_a_manifest_takes_from_outside_is_named() {
    let scratch = Scratch::clean();
    let taken = "license-file = \"../LICENSE\"\nversion.workspace = true\n\n[dependencies]\n\
                 step02-more = { path = \"../02-more\" }\nserde = { workspace = true }\nown = { path = \"own\" }\n\n\
                 [lints]\nworkspace = true\n";
    scratch.replace("01-echo/Cargo.toml", "version = \"0.1.0\"\n", taken);
    let told = scratch.run(&["standalone", "01"]);
    told.fails(&[
        "01-echo/Cargo.toml: `package.version` is inherited from the workspace",
        "01-echo/Cargo.toml: `package.license-file` is `../LICENSE`, outside the step",
        "01-echo/Cargo.toml: `dependencies.step02-more.path` is `../02-more`, outside the step",
        "01-echo/Cargo.toml: `dependencies.serde` is inherited from the workspace",
        "01-echo/Cargo.toml: `lints` is inherited from the workspace",
    ]);
    assert!(!told.text.contains("dependencies.own"), "{}", told.text);
}

#[test]
fn what_the_source_takes_from_outside_is_named() {
    let scratch = Scratch::clean();
    let taken = "// include_str!(\"main.rs\")\nconst A: &str = include_str!(\"../../README.md\");\n#[path = \"../../02-more/src/main.rs\"]\nmod b;\n";
    scratch.write("01-echo/src/lib.rs", taken);
    scratch.run(&["standalone", "01"]).fails(&[
        "01-echo/src/lib.rs:2: reads `../../README.md`, outside the step",
        "01-echo/src/lib.rs:3: reads `../../02-more/src/main.rs`, outside the step",
    ]);
}

#[test]
fn a_step_that_builds_only_in_the_workshop_is_seen() {
    let scratch = Scratch::clean();
    let test = "#[test]\nfn finds_the_workshop() {\n    let root = std::path::Path::new(env!(\"CARGO_MANIFEST_DIR\")).join(\"..\");\n    assert!(root.join(\"02-more\").exists());\n}\n";
    scratch.write("01-echo/tests/it.rs", test);
    scratch.run(&["standalone"]).fails(&[
        "✗ 01-echo does not stand alone",
        "a copy of 01-echo does not pass its tests",
        "ok 02-more builds",
        "of 3 steps, 1 do not stand alone",
    ]);
}
