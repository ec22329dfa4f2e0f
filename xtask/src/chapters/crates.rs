//! A chapter's `Cargo.toml`, its name, and the workspace that all chapters are in.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use toml_edit::{DocumentMut, InlineTable, Item, Table, Value};

use super::{Chapter, FOLDER, write_file};
use crate::manifest::without_benches;
use crate::steps::{Files, Step, read_text};

/// What is built lies beside what is built of the steps, so that what both use is built once.
const CONFIG: &str = "[build]\ntarget-dir = \"..\"\n";

/// The manifest of a chapter: with these features, and without any, and without benches.
pub fn manifest(text: &str, on: &[&str], chapter: &Chapter) -> Result<String> {
    let mut document: DocumentMut = without_benches(text)
        .and_then(|it| Ok(it.parse()?))
        .with_context(|| format!("{FOLDER}/Cargo.toml"))?;
    let features = document.remove("features");
    let asked = asked(features.as_ref(), on);
    if let Some(Item::Table(crates)) = document.get_mut("dependencies") {
        let names: Vec<_> = crates.iter().map(|(name, _)| name.to_owned()).collect();
        for name in names {
            resolve(crates, &name, &asked);
        }
    }
    let number = &chapter.number;
    let title = chapter.name.replace('-', " ");
    for (key, value) in [
        ("name", package(chapter)),
        (
            "description",
            format!("Build your own Redis, chapter {number}: {title}"),
        ),
    ] {
        document["package"][key] = Value::from(value).into();
    }
    Ok(document.to_string())
}

/// What the features ask of crates: `dep:name`, or `name/feature`.
fn asked(features: Option<&Item>, on: &[&str]) -> Vec<String> {
    let lists = on.iter().filter_map(|it| features?.get(it)?.as_array());
    let words = lists.flatten().filter_map(Value::as_str);
    words.map(str::to_owned).collect()
}

/// An optional crate becomes one that is there, or goes; one that is there gets the features
/// that are asked of it.
fn resolve(crates: &mut Table, name: &str, asked: &[String]) {
    let is_asked = asked.iter().any(|it| it.strip_prefix("dep:") == Some(name));
    let Some(Item::Value(Value::InlineTable(row))) = crates.get_mut(name) else {
        return;
    };
    let is_optional = row.remove("optional").and_then(|it| it.as_bool()) == Some(true);
    if is_optional && !is_asked {
        crates.remove(name);
        return;
    }
    let more = asked.iter().filter_map(|it| it.split_once('/'));
    let more: Vec<_> = more
        .filter(|(of, _)| of.trim_end_matches('?') == name)
        .collect();
    for (_, feature) in &more {
        add_feature(row, feature);
    }
    if is_optional || !more.is_empty() {
        row.fmt();
    }
}

fn add_feature(row: &mut InlineTable, feature: &str) {
    let list = row.get_or_insert("features", toml_edit::Array::new());
    if let Some(list) = list.as_array_mut() {
        list.push(feature);
    }
}

/// The chapter's package, which may not begin with a digit.
fn package(chapter: &Chapter) -> String {
    format!("step{}", chapter.folder())
}

/// Has the program import the library by its new name.
pub fn rename(files: &mut Files, chapter: &Chapter) {
    let name = package(chapter).replace('-', "_");
    for (path, content) in files.iter_mut() {
        if path != "src/main.rs" {
            continue;
        }
        if let Ok(text) = std::str::from_utf8(content) {
            let new = text.replace(&format!("{FOLDER}::"), &format!("{name}::"));
            *content = new.into_bytes();
        }
    }
}

/// Makes what all chapters share: a workspace with the profiles and versions of the workshop's.
pub fn write_workspace(root: &Path, folder: &Path, steps: &[Step]) -> Result<()> {
    let names: Vec<_> = steps.iter().map(|it| format!("\"{}\"", it.name)).collect();
    let mut text = format!(
        "[workspace]\nresolver = \"3\"\nmembers = [{}]\n",
        names.join(", ")
    );
    let workshop: DocumentMut = read_text(&root.join("Cargo.toml"))?.parse()?;
    if let Some(profiles) = workshop.get("profile") {
        let mut own = DocumentMut::new();
        own.insert("profile", profiles.clone());
        text += &format!("\n{own}");
    }
    write_file(&folder.join("Cargo.toml"), text.as_bytes())?;
    write_file(&folder.join(".cargo/config.toml"), CONFIG.as_bytes())?;
    // Cargo drops from the copy what the chapters do not use, so the two are never the same.
    let (from, to) = (root.join("Cargo.lock"), folder.join("Cargo.lock"));
    let changed = |path: &Path| fs::metadata(path).and_then(|it| it.modified()).ok();
    if from.is_file() && changed(&from) > changed(&to) {
        fs::copy(&from, &to).context("cannot copy Cargo.lock")?;
    }
    Ok(())
}
