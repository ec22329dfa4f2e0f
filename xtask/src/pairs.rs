//! The files of a step, each beside its copy in the step before, in the order in
//! which one reads them.

use std::collections::BTreeSet;

use anyhow::Result;
use similar::{Algorithm, ChangeTag, TextDiff};

use crate::layers::Plan;
use crate::manifest;
use crate::reread;
use crate::steps::{Files, Step};

/// What became of a file since the step before.
///
/// The order is the one in which one reads: what is new, then how it is wired in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// The step before has no such file.
    New,
    /// Both have it, with different content.
    Changed,
    /// The step before had it.
    Removed,
    /// Both have it, byte for byte (a manifest: but for its name and description).
    Same,
}

impl Status {
    /// The word for it in tables.
    pub fn word(self) -> &'static str {
        match self {
            Status::New => "new",
            Status::Changed => "changed",
            Status::Removed => "removed",
            Status::Same => "same",
        }
    }
}

/// One file of two neighbouring steps.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The path inside the step.
    pub path: String,
    /// The content in the earlier step, if it has the file.
    pub before: Option<Vec<u8>>,
    /// The content in the later step, if it has the file.
    pub after: Option<Vec<u8>>,
}

impl Pair {
    /// What became of the file.
    pub fn status(&self) -> Status {
        match (&self.before, &self.after) {
            (None, _) => Status::New,
            (_, None) => Status::Removed,
            (before, after) if before == after => Status::Same,
            _ => Status::Changed,
        }
    }

    /// Both contents as text, a missing one as empty; `None` if either is not text.
    pub fn texts(&self) -> Option<(&str, &str)> {
        Some((text(&self.before)?, text(&self.after)?))
    }

    /// How many lines were added and how many removed; `None` if it is not text.
    pub fn line_counts(&self) -> Option<(usize, usize)> {
        let (before, after) = self.texts()?;
        let diff = line_diff(before, after);
        let count = |tag| diff.iter_all_changes().filter(|it| it.tag() == tag).count();
        Some((count(ChangeTag::Insert), count(ChangeTag::Delete)))
    }
}

/// Lines compared so that hunks follow the functions: blank lines and braces do
/// not count as common ground.
pub fn line_diff<'text>(before: &'text str, after: &'text str) -> TextDiff<'text, 'text, str> {
    TextDiff::configure()
        .algorithm(Algorithm::Patience)
        .diff_lines(before, after)
}

/// The files of two steps side by side, in reading order. Without an earlier
/// step everything is new.
pub fn compare(before: Option<&Step>, step: &Step) -> Result<Vec<Pair>> {
    let mut after = step.files()?;
    let mut before = match before {
        Some(last) if step.is_chapter() && !last.is_chapter() => what_chapters_have(last, &after)?,
        Some(before) => before.files()?,
        None => Files::new(),
    };
    ignore_identity(&before, &mut after)?;
    let plan = Plan::of(&after)?;
    let paths: BTreeSet<String> = before.keys().chain(after.keys()).cloned().collect();
    let mut pairs: Vec<Pair> = paths
        .into_iter()
        .map(|path| Pair {
            before: before.remove(&path),
            after: after.remove(&path),
            path,
        })
        .collect();
    pairs.sort_by_cached_key(|pair| reading_order(&plan, pair));
    Ok(pairs)
}

/// The last step's files as far as a chapter can have them: its suites are run against the
/// chapters as they are, and its benches measure it alone.
fn what_chapters_have(last: &Step, first: &Files) -> Result<Files> {
    let mut files = last.files()?;
    // A chapter may have a suite of the same name.
    let is_suite = |path: &str| {
        let source = first.get(path).map(|it| String::from_utf8_lossy(it));
        path.starts_with("tests/") && source.is_some_and(|it| reread::is_suite(&it))
    };
    files.retain(|path, _| {
        let is_program = path.starts_with("src/");
        is_program || first.contains_key(path) && path != "tests/suite/main.rs" && !is_suite(path)
    });
    if let Some(text) = files.get_mut("Cargo.toml") {
        *text = manifest::without_benches(std::str::from_utf8(text)?)?.into_bytes();
    }
    Ok(files)
}

/// What a step is called is no difference: in its manifest, and where its programs and
/// benches import its library.
fn ignore_identity(before: &Files, after: &mut Files) -> Result<()> {
    let names = [before, &*after].map(|files| files.get("Cargo.toml").and_then(|it| library(it)));
    if let [Some(old), Some(new)] = names {
        let importing = |path: &str| {
            ["src/main.rs", "benches/"]
                .iter()
                .any(|it| path.starts_with(it))
        };
        for (_, content) in after.iter_mut().filter(|(path, _)| importing(path)) {
            if let Ok(text) = std::str::from_utf8(content) {
                *content = text.replace(&new, &old).into_bytes();
            }
        }
    }
    let manifests = (before.get("Cargo.toml"), after.get_mut("Cargo.toml"));
    if let (Some(before), Some(after)) = manifests {
        let before = String::from_utf8_lossy(before);
        let mine = String::from_utf8_lossy(after);
        *after = manifest::with_identity_of(&mine, &before)?.into_bytes();
    }
    Ok(())
}

/// New before changed; inside each the program from its lowest layer upwards,
/// then tests, then benches; the manifest at the very end.
fn reading_order(plan: &Plan, pair: &Pair) -> impl Ord + use<> {
    let is_manifest = pair.path == "Cargo.toml";
    let folder = match pair.path.split('/').next() {
        Some("src") => 0,
        Some("tests") => 1,
        _ => 2,
    };
    let place = module_name(&pair.path).and_then(|module| plan.place(module));
    (
        is_manifest,
        pair.status(),
        folder,
        // What has no place is read last.
        place.is_none(),
        place,
        pair.path.clone(),
    )
}

/// The name under which a program imports the library of the package with this manifest.
fn library(manifest: &[u8]) -> Option<String> {
    let manifest: toml_edit::DocumentMut = std::str::from_utf8(manifest).ok()?.parse().ok()?;
    let name = manifest.get("package")?.get("name")?.as_str()?;
    Some(name.replace('-', "_"))
}

/// `src/command/string.rs` is `command/string`; what is not Rust source is nothing.
pub fn module_name(path: &str) -> Option<&str> {
    path.strip_prefix("src/")?.strip_suffix(".rs")
}

fn text(content: &Option<Vec<u8>>) -> Option<&str> {
    match content {
        Some(bytes) => std::str::from_utf8(bytes).ok(),
        None => Some(""),
    }
}
