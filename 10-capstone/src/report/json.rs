//! The results as a JSON file, for plots and other programs.
//!
//! This file owns the file, but not its structure, which is that of
//! [`Results`](super::results::Results). An unknown figure is `null`.

use std::path::Path;

use anyhow::{Context, Result};

use super::results::Results;

/// Writes the results to `path`.
pub fn write(path: &Path, results: &Results) -> Result<()> {
    let mut text = serde_json::to_string_pretty(results)?;
    text.push('\n');
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
