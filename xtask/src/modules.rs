//! The modules of the advanced track: a folder of pages for each, be it a chapter or taught by
//! one of the ten steps.

use std::fs;
use std::path::Path;

use crate::chapters::PAGES;

/// What a diagram of the module must show; beside its page.
pub const RUBRIC: &str = "rubric.toml";

/// The folders of the modules that have a rubric, in their order.
pub fn drawn(root: &Path) -> Vec<String> {
    let folders = fs::read_dir(root.join(PAGES)).into_iter().flatten();
    let drawn = folders
        .flatten()
        .filter(|it| it.path().join(RUBRIC).is_file());
    let mut names: Vec<_> = drawn
        .map(|folder| folder.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
