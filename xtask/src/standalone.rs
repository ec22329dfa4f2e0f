//! `cargo xtask standalone`: each step stands by itself.
//!
//! A learner may take one folder into a repository of their own, so that must
//! build and pass its tests there as it is. What a step needs from outside is
//! looked for first and told by name, for the compiler would only name what it misses.

mod outside;

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::alone::Alone;
use crate::output::{ADDED, HEADING, HINT, REMOVED, paint, print};
use crate::steps::{Number, Root, Step, Workshop};

/// The command's options.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The step, like 05 (default: all, one after the other).
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
    let mut verdicts = String::new();
    let mut failed = 0;
    for step in &steps {
        print(&format!(
            "{}\n",
            paint(HEADING, &format!("{}, alone", step.name))
        ))?;
        let faults = check(&workshop, step)?;
        failed += usize::from(!faults.is_empty());
        verdicts.push_str(&told(step, &faults));
    }
    print(&verdicts)?;
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
        if !succeeds_in_time(&alone, action)? {
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
fn succeeds_in_time(alone: &Alone, action: &str) -> Result<bool> {
    if succeeds(alone.cargo().arg(action))? {
        return Ok(true);
    }
    print(&format!("`cargo {action}` failed and is run once more\n"))?;
    succeeds(alone.cargo().arg(action))
}

fn succeeds(cargo: &mut Command) -> Result<bool> {
    let status = cargo.status().context("cannot run cargo")?;
    Ok(status.success())
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
