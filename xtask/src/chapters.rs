//! The chapters of the advanced track, as steps: `advanced/` without its gates.
//!
//! `advanced/` is one crate, in which every line that a chapter adds stands behind that
//! chapter's feature. Where a chapter is read, the gates are gone: `target/chapters/NNN-name`
//! is the server up to that chapter, a plain crate, and to all of this tool a step like any
//! other. `advanced/chapters.toml` says which chapters there are, and in which order;
//! `strip.rs` takes the gates out; `rules.rs` keeps them few.
//!
//! Every command makes the folders anew where they differ from the sources, so they are
//! never stale. What is the same stays untouched, so cargo need not compile it again.

mod crates;
pub mod rules;
pub mod show;
pub mod strip;
pub mod table;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use walkdir::WalkDir;

use crate::paths::normal;
use crate::steps::{Files, Number, Step, is_source, read, read_text};

/// The crate with all chapters.
pub const FOLDER: &str = "advanced";
/// The chapters' pages, a folder for each.
pub const PAGES: &str = "advanced/chapters";
/// Which chapters there are.
pub const LIST: &str = "advanced/chapters.toml";
/// Where the chapters are made.
const MADE: &str = "target/chapters";

/// Among a chapter's pages: the graders of its exercises.
const GRADERS: [&str; 2] = ["exercises.rs", "tests/exercises.rs"];

/// What is in `advanced/chapters.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// Those that can be read, in the order in which they are.
    #[serde(default, rename = "chapter")]
    pub chapters: Vec<Chapter>,
    /// Those that are still to come, in their order.
    #[serde(default)]
    pub planned: Vec<Planned>,
    /// Tests of the last step that say what it does not have, and what a chapter has of it.
    #[serde(default)]
    pub outgrown: BTreeMap<String, String>,
}

/// A chapter that can be read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chapter {
    /// Three digits, and a letter if the chapter is in parts.
    pub number: String,
    pub name: String,
    pub title: String,
    /// The feature behind which its lines stand. The first chapter has none: it is the base.
    pub feature: Option<String>,
    /// So many gates it may have outside of lists; more than the rule says is a debt.
    pub gates: Option<usize>,
    /// Reading and writing it takes so long.
    pub minutes: usize,
    /// The units of Redis's own test suite that it opens.
    #[serde(default)]
    pub units: Vec<Unit>,
}

/// A unit of Redis's own test suite.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// Its path there, like `unit/type/hash`.
    pub unit: String,
    /// So many of its tests pass, at least.
    pub passed: usize,
    /// Whether the suite starts the server itself, with a config file.
    #[serde(default)]
    pub own: bool,
}

impl Unit {
    /// The unit of that name: as the chapter has it, or one that it does not have yet.
    pub fn named(name: &str, chapter: &Chapter) -> Self {
        let known = chapter.units.iter().find(|it| it.unit == name);
        known.cloned().unwrap_or(Unit {
            unit: name.to_owned(),
            passed: 0,
            own: false,
        })
    }
}

/// A chapter that is still to come.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    pub number: String,
    pub title: String,
}

impl Chapter {
    /// The name of its folders, like `012-transactions`.
    pub fn folder(&self) -> String {
        format!("{}-{}", self.number, self.name)
    }
}

impl List {
    /// Reads the list; nothing is on it where there is no advanced track.
    pub fn read(root: &Path) -> Result<Self> {
        let path = root.join(LIST);
        if !path.is_file() {
            return Ok(List::default());
        }
        let list: List =
            toml::from_str(&read_text(&path)?).with_context(|| format!("{LIST} is not valid"))?;
        for (at, chapter) in list.chapters.iter().enumerate() {
            if (at == 0) != chapter.feature.is_none() {
                bail!(
                    "{LIST}: only the first chapter has no `feature`; correct {}",
                    chapter.number
                );
            }
        }
        Ok(list)
    }

    /// The features of the chapters up to that one.
    pub fn features(&self, chapter: &Chapter) -> Vec<&str> {
        let at = self
            .chapters
            .iter()
            .position(|it| it.number == chapter.number);
        let up_to = &self.chapters[..=at.unwrap_or_default()];
        up_to
            .iter()
            .filter_map(|it| it.feature.as_deref())
            .collect()
    }
}

/// The crate with all chapters, to be read as a step is.
pub fn source(root: &Path) -> Step {
    Step {
        number: Number::Chapter(0, None),
        name: FOLDER.to_owned(),
        dir: root.join(FOLDER),
        pages: root.join(FOLDER),
    }
}

/// A file as the chapter has it, if it is one of `advanced/`, to which the chapter's pages link.
pub fn source_of(root: &Path, step: &Step, file: &Path) -> PathBuf {
    match file.strip_prefix(normal(&root.join(FOLDER))) {
        Ok(inside) if step.is_chapter() => step.dir.join(inside),
        _ => file.to_owned(),
    }
}

/// Makes all chapters, and returns them as steps, in their order.
pub fn write_all(root: &Path) -> Result<Vec<Step>> {
    let list = List::read(root)?;
    if list.chapters.is_empty() {
        return Ok(Vec::new());
    }
    let source = source(root).all_files()?;
    let mut steps = Vec::new();
    for chapter in &list.chapters {
        let step = step(root, chapter)?;
        let mut files = plain(&source, &list, chapter)?;
        let graders = step.pages.join(GRADERS[0]);
        if graders.is_file() {
            files.insert(GRADERS[1].to_owned(), read(&graders)?);
        }
        write(&step.dir, &files)?;
        steps.push(step);
    }
    crates::write_workspace(root, &root.join(MADE), &steps)?;
    Ok(steps)
}

fn step(root: &Path, chapter: &Chapter) -> Result<Step> {
    let name = chapter.folder();
    let number = chapter.number.parse::<Number>();
    let number = number.map_err(|fault| anyhow::anyhow!("{LIST}: {fault}"))?;
    if !matches!(number, Number::Chapter(..)) {
        bail!(
            "{LIST}: the number of a chapter has three digits; correct {}",
            chapter.number
        );
    }
    Ok(Step {
        number,
        dir: root.join(MADE).join(&name),
        pages: root.join(PAGES).join(&name),
        name,
    })
}

/// The files of the server up to that chapter, without gates, and without those that only a
/// later chapter has.
pub fn plain(source: &Files, list: &List, chapter: &Chapter) -> Result<Files> {
    let on = list.features(chapter);
    let mut files = Files::new();
    let mut gone = Vec::new();
    // Benches measure all chapters at once, so none of them has any.
    let is_part = |path: &str| is_source(path) && !path.starts_with("benches/");
    for (path, content) in source.iter().filter(|(path, _)| is_part(path)) {
        let stripped = match std::str::from_utf8(content) {
            Ok(text) if path == "Cargo.toml" => crates::manifest(text, &on, chapter)?,
            Ok(text) if path.ends_with(".rs") && strip::has_gates(text) => {
                let told = || format!("{FOLDER}/{path}");
                let stripped = strip::strip(text, &on).with_context(told)?;
                gone.extend(stripped.modules.iter().map(|it| module_place(path, it)));
                stripped.text
            }
            // Not a text, or nothing in it is about chapters.
            _ if path == "tests/tcl.skip" => continue,
            _ => {
                files.insert(path.clone(), content.clone());
                continue;
            }
        };
        files.insert(path.clone(), stripped.into_bytes());
    }
    let is_gone = |path: &str| {
        let mut places = gone.iter();
        places.any(|it| {
            path.strip_prefix(it.as_str())
                .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        })
    };
    files.retain(|path, _| !is_gone(path));
    crates::rename(&mut files, chapter);
    Ok(files)
}

/// Where the module lies that this file declares: its path without `.rs`.
fn module_place(path: &str, module: &str) -> String {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    match file {
        "mod.rs" | "lib.rs" | "main.rs" => format!("{folder}/{module}"),
        _ => format!("{}/{module}", path.trim_end_matches(".rs")),
    }
}

/// Makes the folder have exactly these files.
fn write(folder: &Path, files: &Files) -> Result<()> {
    for (path, content) in files {
        write_file(&folder.join(path), content)?;
    }
    for entry in WalkDir::new(folder).contents_first(true) {
        let entry = entry?;
        let inside = entry
            .path()
            .strip_prefix(folder)?
            .to_string_lossy()
            .replace('\\', "/");
        if entry.file_type().is_file() && !files.contains_key(&inside) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Writes a file if it is not so already, at once: another command may be reading it.
fn write_file(path: &Path, content: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    let told = || format!("cannot write {}", path.display());
    let folder = path.parent().map(PathBuf::from).unwrap_or_default();
    fs::create_dir_all(&folder).with_context(told)?;
    let file = tempfile::NamedTempFile::new_in(&folder).with_context(told)?;
    fs::write(file.path(), content).with_context(told)?;
    file.persist(path).with_context(told)?;
    Ok(())
}
