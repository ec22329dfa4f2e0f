//! What the tool writes into a page: the text between two lines that are comments.

use std::fs;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result};

use crate::steps::read_text;

/// A text that is generated, and where it belongs.
pub struct Region {
    /// What it is, as one tells a maintainer.
    pub what: String,
    /// The line before it.
    pub begin: String,
    /// The line after it.
    pub end: &'static str,
    pub text: String,
}

/// Checks the regions of a page, or writes them. Returns what is left to be done.
pub fn renew(path: &Path, name: &str, regions: &[Region], write: bool) -> Result<Vec<String>> {
    let old = read_text(path)?;
    let mut new = old.clone();
    let mut findings = Vec::new();
    for region in regions {
        let (what, begin, end) = (&region.what, &region.begin, region.end);
        let Some(place) = place(&new, begin, end) else {
            findings.push(format!(
                "{name} has no place for {what}; put the lines {begin} and {end} where it belongs \
                 and run: cargo xtask lineage --write"
            ));
            continue;
        };
        if new[place.clone()] == region.text {
            continue;
        }
        if !write {
            let next = "run: cargo xtask lineage --write";
            findings.push(format!("{name}: {what} is stale; {next}"));
        }
        new.replace_range(place, &region.text);
    }
    if write && new != old {
        fs::write(path, new).with_context(|| format!("cannot write {name}"))?;
    }
    Ok(findings)
}

/// What lies between the two lines.
fn place(text: &str, begin: &str, end: &str) -> Option<Range<usize>> {
    let start = text.find(begin)? + begin.len();
    let length = text[start..].find(end)?;
    Some(start..start + length)
}
