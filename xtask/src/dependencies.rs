//! Whether the steps agree on the crates that they use.
//!
//! Each step names its dependencies itself, so that its folder works alone. The
//! price is that versions could drift apart. They may not: a crate has one
//! version in the whole workshop, and a later step may ask for more of its
//! features than an earlier one, but not for fewer.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use toml::{Table, Value};

use crate::steps::{Step, read_text};

/// The tables of a manifest that list dependencies.
const TABLES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// What one step asks of one crate, in one table.
#[derive(Clone, Debug)]
struct Dependency {
    table: &'static str,
    name: String,
    version: String,
    features: BTreeSet<String>,
    default_features: bool,
}

/// What the steps disagree on; empty if they agree.
pub fn disagreements<'a>(steps: impl Iterator<Item = &'a Step>) -> Result<Vec<String>> {
    let mut seen = Seen::default();
    let mut findings = Vec::new();
    for step in steps {
        for dependency in dependencies(step)? {
            findings.extend(seen.version_changed(step, &dependency));
            if step.in_lineage() {
                findings.extend(seen.features_lost(step, &dependency));
            }
        }
    }
    Ok(findings)
}

/// What the steps so far asked for.
#[derive(Default)]
struct Seen {
    versions: BTreeMap<String, (String, String)>,
    features: BTreeMap<(&'static str, String), (String, Dependency)>,
}

impl Seen {
    fn version_changed(&mut self, step: &Step, now: &Dependency) -> Option<String> {
        let current = (step.name.clone(), now.version.clone());
        let (before, version) = self.versions.insert(now.name.clone(), current)?;
        (version != now.version).then(|| {
            format!(
                "{}/Cargo.toml: {} is {} here and {version} in {before}; give it one version in all steps",
                step.name, now.name, now.version
            )
        })
    }

    fn features_lost(&mut self, step: &Step, now: &Dependency) -> Option<String> {
        let current = (step.name.clone(), now.clone());
        let key = (now.table, now.name.clone());
        let (before, earlier) = self.features.insert(key, current)?;
        let mut lost: Vec<_> = earlier
            .features
            .difference(&now.features)
            .cloned()
            .collect();
        if earlier.default_features && !now.default_features {
            lost.push("default".to_owned());
        }
        (!lost.is_empty()).then(|| {
            format!(
                "{}/Cargo.toml: {} lacks the features that it has in {before}: {}; add them here, or \
                 remove them from the earlier steps",
                step.name,
                now.name,
                lost.join(", ")
            )
        })
    }
}

fn dependencies(step: &Step) -> Result<Vec<Dependency>> {
    let path = step.dir.join("Cargo.toml");
    let manifest: Table = read_text(&path)?
        .parse()
        .with_context(|| format!("{} is not valid TOML", path.display()))?;
    let mut found = Vec::new();
    for table in TABLES {
        if let Some(Value::Table(entries)) = manifest.get(table) {
            found.extend(
                entries
                    .iter()
                    .map(|(name, value)| dependency(table, name, value)),
            );
        }
    }
    Ok(found)
}

fn dependency(table: &'static str, name: &str, value: &Value) -> Dependency {
    let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
    let field = |name: &str| value.as_table().and_then(|table| table.get(name));
    let features = field("features").and_then(Value::as_array);
    let default_features = field("default-features").and_then(Value::as_bool);
    Dependency {
        table,
        name: name.to_owned(),
        version: text(field("version").unwrap_or(value)),
        features: features.into_iter().flatten().map(text).collect(),
        default_features: default_features.unwrap_or(true),
    }
}
