//! `cargo xtask progress`: where one stands, from `my/progress.toml`.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::{line, my};
use crate::heart::Heart;
use crate::output::{ADDED, HEADING, HINT, paint, print};
use crate::steps::{Root, Step, Workshop, read_text};

const FILE: &str = "progress.toml";
const HEAD: &str = "# What `make progress` shows. `make try-…` writes it.\n";

/// The command's options.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    root: Root,
}

/// All steps that were begun, by their names.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Progress(BTreeMap<String, State>);

/// How far a step is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// So many parts are done, from the first on.
    pub green: usize,
    /// So many hints of the part after these were shown.
    pub hints: usize,
}

impl Progress {
    /// Reads the file; nothing is begun where there is none.
    pub fn read(workshop: &Workshop) -> Result<Self> {
        let path = my::folder(workshop).join(FILE);
        if !path.is_file() {
            return Ok(Progress::default());
        }
        toml::from_str(&read_text(&path)?)
            .with_context(|| format!("my/{FILE} is not valid; repair it, or delete it"))
    }

    pub fn of(&self, step: &Step) -> State {
        self.0.get(&step.name).copied().unwrap_or_default()
    }

    /// Writes how far a step is.
    pub fn set(mut self, workshop: &Workshop, step: &Step, state: State) -> Result<()> {
        self.0.insert(step.name.clone(), state);
        let text = format!("{HEAD}{}", toml::to_string(&self)?);
        my::write(&my::folder(workshop).join(FILE), text.as_bytes())
    }

    /// Notes that so many parts are done. Hints are counted anew in each part.
    pub fn set_green(workshop: &Workshop, step: &Step, green: usize) -> Result<()> {
        let progress = Progress::read(workshop)?;
        let old = progress.of(step);
        let hints = if old.green == green { old.hints } else { 0 };
        progress.set(workshop, step, State { green, hints })
    }
}

/// Runs the command.
pub fn run(args: Args) -> Result<()> {
    let workshop = args.root.open()?;
    let progress = Progress::read(&workshop)?;
    let mut text = String::new();
    let mut next = None;
    for step in workshop.steps.iter().filter(|step| Heart::exists(step)) {
        let (green, all) = (progress.of(step).green, Heart::read(step)?.parts.len());
        let begun = my::open(&workshop, step).is_ok();
        let bar = format!(
            "{}{}",
            "■".repeat(green),
            "□".repeat(all.saturating_sub(green))
        );
        let (style, words) = match green {
            _ if green >= all => (ADDED, "done".to_owned()),
            _ if begun => (HEADING, format!("{green} of {all} parts")),
            _ => (HINT, "not begun".to_owned()),
        };
        text += &format!("  {:24} {bar:8} {}\n", step.name, paint(style, &words));
        if green < all && next.is_none() {
            let what = if begun { "watch" } else { "start" };
            next = Some(format!("make {what}-{:02}", step.number));
        }
    }
    print(&format!(
        "{text}\n{}",
        line("next", &next.unwrap_or_else(|| "all is done".into()))
    ))
}
