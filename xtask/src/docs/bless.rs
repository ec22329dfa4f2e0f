//! Writes new expected outputs into a page.

use std::fs;

use anyhow::{Context, Result};

use super::page::Page;
use super::session::Edit;
use crate::steps::read_text;

/// Replaces the lines of each edit. Edits come in the order of the page.
pub fn write(page: &Page, edits: &[Edit]) -> Result<()> {
    let text = read_text(&page.path)?;
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    // From the bottom up, so that the line numbers of the others stay true.
    for (place, new) in edits.iter().rev() {
        let block = page.blocks.iter().rfind(|block| block.line < place.start);
        let margin = block.map_or("", |block| block.margin.as_str());
        let new = new
            .iter()
            .map(|line| format!("{margin}{line}").trim_end().to_owned());
        lines.splice(place.start - 1..place.end - 1, new);
    }
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(&page.path, text).with_context(|| format!("cannot write {}", page.path.display()))
}
