//! What a step takes from outside its own folder.

use std::path::Path;

use anyhow::{Context, Result};
use toml::{Table, Value};
use walkdir::WalkDir;

use crate::paths::normal;
use crate::steps::{Step, read_text};

/// The keys of a manifest that name files.
const PATHS: [&str; 5] = ["path", "readme", "license-file", "build", "workspace"];

/// What makes the compiler read another file.
const READS: [&str; 4] = ["include!(", "include_str!(", "include_bytes!(", "#[path ="];

/// Everything found, each as a sentence with its place and what to do.
pub fn needs(step: &Step) -> Result<Vec<String>> {
    let mut needs = Vec::new();
    let manifest = step.dir.join("Cargo.toml");
    let table: Table = toml::from_str(&read_text(&manifest)?)
        .with_context(|| format!("{} is no valid manifest", manifest.display()))?;
    for (key, value) in &table {
        in_manifest(step, key, value, &mut needs);
    }
    let walk = WalkDir::new(&step.dir).sort_by_file_name().into_iter();
    for entry in walk.filter_entry(|entry| entry.file_name() != "target") {
        let entry = entry?;
        if entry.path_is_symlink() {
            in_symlink(step, entry.path(), &mut needs);
        } else if entry
            .path()
            .extension()
            .is_some_and(|extension| extension == "rs")
        {
            in_source(step, entry.path(), &mut needs)?;
        }
    }
    Ok(needs)
}

/// `place` is the dotted key, like `dependencies.serde`.
fn in_manifest(step: &Step, place: &str, value: &Value, needs: &mut Vec<String>) {
    let key = place.rsplit('.').next().unwrap_or(place);
    match value {
        Value::Table(table) => {
            for (key, value) in table {
                in_manifest(step, &format!("{place}.{key}"), value, needs);
            }
        }
        Value::Array(items) => {
            for item in items {
                in_manifest(step, place, item, needs);
            }
        }
        Value::Boolean(true) if key == "workspace" => {
            let what = place.trim_end_matches(".workspace");
            needs.push(format!(
                "{}/Cargo.toml: `{what}` is inherited from the workspace; write its value here",
                step.name
            ));
        }
        Value::String(path) if PATHS.contains(&key) && leads_out(step, &step.dir, path) => {
            needs.push(format!(
                "{}/Cargo.toml: `{place}` is `{path}`, outside the step; take from crates.io or \
                 into the folder what it needs",
                step.name
            ));
        }
        _ => {}
    }
}

fn in_source(step: &Step, file: &Path, needs: &mut Vec<String>) -> Result<()> {
    let from = file.parent().unwrap_or(&step.dir);
    for (number, line) in (1..).zip(read_text(file)?.lines()) {
        let read = READS.iter().find_map(|read| line.split_once(read));
        let path =
            read.and_then(|(_, rest)| rest.trim_start().strip_prefix('"')?.split('"').next());
        if let Some(path) = path.filter(|path| leads_out(step, from, path)) {
            needs.push(format!(
                "{}:{number}: reads `{path}`, outside the step; move that file into the step's folder",
                name(step, file)
            ));
        }
    }
    Ok(())
}

fn in_symlink(step: &Step, link: &Path, needs: &mut Vec<String>) {
    let target = link.read_link().unwrap_or_default();
    let from = link.parent().unwrap_or(&step.dir);
    if leads_out(step, from, &target.to_string_lossy()) {
        needs.push(format!(
            "{}: is a link to `{}`, outside the step; put a copy in its place",
            name(step, link),
            target.display()
        ));
    }
}

fn name(step: &Step, file: &Path) -> String {
    let inside = file.strip_prefix(&step.dir).unwrap_or(file);
    format!("{}/{}", step.name, inside.display())
}

/// Whether a path, as seen from a folder of the step, ends up outside the step.
fn leads_out(step: &Step, from: &Path, path: &str) -> bool {
    !normal(&from.join(path)).starts_with(normal(&step.dir))
}
