//! `cargo xtask standalone`: each step stands by itself.
//!
//! A learner may take one folder into a repository of their own, so that must
//! build and pass its tests there as it is. What a step needs from outside is
//! looked for first and told by name, for the compiler would only name what it misses.

mod outside;

use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::alone::Alone;
use crate::output::{ADDED, HINT, REMOVED, paint, print};
use crate::processes::{self, Ended};
use crate::side_by_side::side_by_side;
use crate::steps::{Number, Root, Step, Workshop};

/// The time for a step's build from nothing, and for its tests.
const LIMIT: Duration = Duration::from_secs(1200);

/// The command's options.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The step, like 05 (default: all).
    step: Option<Number>,
    #[command(flatten)]
    root: Root,
}

/// Runs the command.
pub fn run(args: Args) -> Result<()> {
    let workshop = args.root.open()?;
    let steps = match args.step {
        Some(number) => vec![workshop.step(number)?],
        None => workshop.steps.iter().collect(),
    };
    let failed = Mutex::new(Vec::new());
    // The newest has most to build and to test.
    let newest_first: Vec<&Step> = steps.iter().rev().copied().collect();
    side_by_side(&newest_first, |step| {
        let faults = check(&workshop, step)?;
        print(&told(step, &faults))?;
        if !faults.is_empty() {
            failed.lock().expect("no worker panics").push(step.number);
        }
        Ok(())
    })?;
    let failed = failed.into_inner().expect("no worker panics").len();
    if failed > 0 {
        bail!(
            "of {} steps, {failed} do not stand alone; see above",
            steps.len()
        );
    }
    Ok(())
}

fn check(workshop: &Workshop, step: &Step) -> Result<Vec<String>> {
    let needs = outside::needs(step)?;
    if !needs.is_empty() {
        return Ok(needs);
    }
    let alone = Alone::new(workshop, step)?;
    for action in ["build", "test"] {
        print(&format!("{}: cargo {action}\n", step.name))?;
        if !succeeds_in_time(&alone, step, action)? {
            return Ok(vec![format!(
                "`cargo {action}` fails in a copy of {}; repair what is said above, and keep all \
                 that it needs inside its folder",
                step.name
            )]);
        }
    }
    Ok(Vec::new())
}

/// On a busy machine a test may fail without a fault, so what fails is run once more.
fn succeeds_in_time(alone: &Alone, step: &Step, action: &str) -> Result<bool> {
    if succeeds(alone, step, action)? {
        return Ok(true);
    }
    print(&format!(
        "{}: `cargo {action}` failed and is run once more\n",
        step.name
    ))?;
    succeeds(alone, step, action)
}

/// What cargo says is shown whole when it fails; otherwise the results are enough.
fn succeeds(alone: &Alone, step: &Step, action: &str) -> Result<bool> {
    let Ended { success, output } = processes::run(alone.cargo().arg(action), LIMIT)?;
    if success != Some(true) {
        print(&output)?;
        return Ok(false);
    }
    let results = output
        .lines()
        .filter(|line| line.starts_with("test result:"));
    let results: Vec<_> = results
        .map(|line| format!("{}: {line}\n", step.name))
        .collect();
    print(&results.concat())?;
    Ok(true)
}

fn told(step: &Step, faults: &[String]) -> String {
    if faults.is_empty() {
        let ok = paint(ADDED, "ok");
        return format!("{ok} {} builds and passes its tests alone\n", step.name);
    }
    let mut text = format!(
        "{} {} does not stand alone\n",
        paint(REMOVED, "✗"),
        step.name
    );
    for fault in faults {
        text.push_str(&format!("  {} {fault}\n", paint(HINT, "-")));
    }
    text
}
