//! What the pages tell a learner to type is there to be typed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use walkdir::WalkDir;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The pages of the workshop.
fn pages() -> Vec<PathBuf> {
    let walk = WalkDir::new(root()).max_depth(2);
    let entries = walk.into_iter().filter_map(Result::ok);
    let paths = entries.map(|entry| entry.into_path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect()
}

/// What stands behind `make` wherever a page has that in a line of code.
fn targets(page: &str) -> impl Iterator<Item = &str> {
    let ends_word = |c: char| !(c.is_ascii_alphanumeric() || c == '-');
    ["`make ", "$ make "].into_iter().flat_map(move |before| {
        page.split(before)
            .skip(1)
            .filter_map(move |rest| rest.split(ends_word).next())
            .filter(|word| !word.is_empty() && !word.contains("NN"))
    })
}

#[test]
fn every_make_target_on_the_pages_exists() {
    let pages: Vec<String> = pages()
        .iter()
        .filter_map(|page| fs::read_to_string(page).ok())
        .collect();
    let targets: BTreeSet<&str> = pages.iter().flat_map(|page| targets(page)).collect();
    assert!(targets.contains("check-03") && targets.contains("10-capstone"));
    for target in targets {
        let made = Command::new("make")
            .args(["--dry-run", "--directory"])
            .arg(root())
            .args([target, "SERVER=./my-server"])
            .output()
            .expect("run make");
        let told = String::from_utf8_lossy(&made.stderr);
        assert!(
            made.status.success(),
            "the pages say `make {target}`, and make says: {told}"
        );
    }
}
