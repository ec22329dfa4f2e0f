//! `rubric.toml`: what a diagram of the module must show, and what it must not.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::modules::RUBRIC;
use crate::steps::read_text;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rubric {
    /// `flowchart`, `sequenceDiagram` or `stateDiagram-v2`; any of them if it is not given.
    pub kind: Option<String>,
    /// Whether the arrows of a sequence must come in the rubric's order.
    #[serde(default)]
    pub in_order: bool,
    #[serde(rename = "node")]
    pub nodes: Vec<NodeRule>,
    #[serde(rename = "arrow")]
    pub arrows: Vec<ArrowRule>,
    #[serde(default, rename = "wrong")]
    pub wrong: Vec<Wrong>,
}

/// A node that must be there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeRule {
    pub name: String,
    /// What people call it: beginnings of words.
    pub words: Vec<String>,
    /// A question that leads to it.
    #[serde(default)]
    pub hint: String,
    /// It may be left out; other rules speak of it.
    #[serde(default)]
    pub optional: bool,
}

/// An arrow that must be there. Nodes that the rubric does not know may lie on its way.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArrowRule {
    pub from: String,
    pub to: String,
    /// Nodes of the rubric that may lie on its way as well.
    #[serde(default)]
    pub through: Vec<String>,
    /// One of these must be written on it.
    #[serde(default)]
    pub words: Vec<String>,
    #[serde(default)]
    pub hint: String,
    /// In a sequence, what follows it in the rubric may come before it.
    #[serde(default)]
    pub loose: bool,
}

/// An arrow that must not be there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wrong {
    pub from: String,
    pub to: String,
    pub why: String,
}

impl Rubric {
    /// Reads the rubric of the module in that folder.
    pub fn read(folder: &Path) -> Result<Self> {
        let rubric: Rubric = toml::from_str(&read_text(&folder.join(RUBRIC))?)
            .with_context(|| format!("{RUBRIC} is not valid"))?;
        let arrows = rubric.arrows.iter().map(|it| (&it.from, &it.to));
        let wrong = rubric.wrong.iter().map(|it| (&it.from, &it.to));
        for (from, to) in arrows.chain(wrong) {
            for end in [from, to] {
                if !rubric.nodes.iter().any(|node| node.name == *end) {
                    bail!("{RUBRIC} has an arrow to or from `{end}`, and no such node");
                }
            }
        }
        Ok(rubric)
    }

    /// How many nodes and arrows it asks for.
    pub fn size(&self) -> (usize, usize) {
        let nodes = self.nodes.iter().filter(|it| !it.optional);
        (nodes.count(), self.arrows.len())
    }
}
