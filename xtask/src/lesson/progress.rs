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
    /// So many hints were shown in the parts before it.
    #[serde(default)]
    pub earlier_hints: usize,
    /// So often a part was revealed.
    #[serde(default)]
    pub reveals: usize,
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
        if old.green == green {
            return progress.set(workshop, step, old);
        }
        let state = State {
            green,
            hints: 0,
            earlier_hints: old.earlier_hints + old.hints,
            reveals: old.reveals,
        };
        progress.set(workshop, step, state)
    }
}

/// Runs the command.
pub fn run(args: Args) -> Result<()> {
    let workshop = args.root.open()?;
    let progress = Progress::read(&workshop)?;
    let mut text = String::new();
    // What follows the last step that was begun, whatever was left out before it.
    let mut next = None;
    for step in workshop.all() {
        let begun = my::open(&workshop, step).is_ok();
        let number = step.number;
        let all = match Heart::exists(step) {
            true => Heart::read(step)?.parts.len(),
            false => 0,
        };
        let state = progress.of(step);
        let (bar, words) = row(state, all, begun);
        text += &format!("  {:24} {bar:8} {words}{}\n", step.name, helped(state));
        let open = state.green < all;
        if begun {
            next = open.then(|| format!("make watch-{number:02}"));
        } else if next.is_none() {
            next = Some(match all {
                0 => step.page("README.md"),
                _ => format!("make start-{number:02}"),
            });
        }
    }
    print(&format!(
        "{text}\n{}",
        line("next", &next.unwrap_or_else(|| "all is done".into()))
    ))
}

/// A bar with a box for each part, and in words how far a step is.
fn row(state: State, all: usize, begun: bool) -> (String, String) {
    let green = state.green;
    let bar = "■".repeat(green) + &"□".repeat(all.saturating_sub(green));
    let (style, words) = match green {
        _ if all == 0 => (HINT, "no parts to write".to_owned()),
        _ if green >= all => (ADDED, "done".to_owned()),
        _ if begun => (HEADING, format!("{green} of {all} parts")),
        _ => (HINT, "not begun".to_owned()),
    };
    (bar, paint(style, &words))
}

/// What help was taken.
fn helped(state: State) -> String {
    let counts = [
        (state.earlier_hints + state.hints, "hint"),
        (state.reveals, "reveal"),
    ];
    let taken = counts.iter().filter(|(count, _)| *count > 0);
    let taken = taken.map(|(count, what)| {
        let plural = if *count == 1 { "" } else { "s" };
        format!("{count} {what}{plural}")
    });
    match taken.collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => none,
        taken => paint(HINT, &format!(" ({taken})")),
    }
}
