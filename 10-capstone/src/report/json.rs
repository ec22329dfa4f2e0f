//! The results as a JSON file, for a plot or for the next run.
//!
//! This file owns the file and not its shape, which is that of
//! [`Results`](super::results::Results). A figure that is unknown is `null`.

use std::path::Path;

use anyhow::{Context, Result};

use super::results::Results;

/// Writes the results to `path`.
pub fn write(path: &Path, results: &Results) -> Result<()> {
    let mut text = serde_json::to_string_pretty(results)?;
    text.push('\n');
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
