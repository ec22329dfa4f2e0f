//! `cargo xtask standalone`: each step stands by itself.
//!
//! A learner may take one folder into a repository of their own, so that must
//! build and pass its tests there as it is. What a step needs from outside is
//! looked for first and told by name, for the compiler would only name what it misses.

mod outside;

use std::sync::Mutex;

use anyhow::{Result, bail};

use crate::alone;
use crate::bench::Workbench;
use crate::output::{ADDED, HINT, REMOVED, paint, print};
use crate::side_by_side::side_by_side;
use crate::steps::{Number, Root, Step};

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
        None => workshop.all().collect(),
    };
    let failed = Mutex::new(Vec::new());
    // The newest has most to build and to test.
    let newest_first: Vec<&Step> = steps.iter().rev().copied().collect();
    side_by_side(&newest_first, |step| {
        let mut bench = Workbench::new(&workshop, step)?;
        if !check(step, &mut bench, true)? {
            failed.lock().expect("no worker panics").push(step.number);
        }
        Ok(())
    })?;
    alone::clean(&workshop, &newest_first)?;
    let failed = failed.into_inner().expect("no worker panics").len();
    if failed > 0 {
        bail!(
            "of {} steps, {failed} do not stand alone; see above",
            steps.len()
        );
    }
    Ok(())
}

/// Looks at a step and at its copy, and says what came of it. Where the copy's tests are run with
/// each solution, they need not be run before.
pub fn check(step: &Step, bench: &mut Workbench, tests: bool) -> Result<bool> {
    let faults = faults(step, bench, tests)?;
    print(&told(step, &faults, tests))?;
    Ok(faults.is_empty())
}

fn faults(step: &Step, bench: &mut Workbench, tests: bool) -> Result<Vec<String>> {
    let needs = outside::needs(step)?;
    if !needs.is_empty() {
        return Ok(needs);
    }
    let (what, log) = match bench.build()? {
        Some(log) => ("does not build", log),
        None if !tests => return Ok(Vec::new()),
        None => match bench.test()? {
            Some(ended) => ("does not pass its tests", ended.output),
            None => return Ok(Vec::new()),
        },
    };
    print(&log)?;
    Ok(vec![format!(
        "a copy of {} {what}; repair what is said above, and keep all that it needs inside \
         its folder",
        step.name
    )])
}

fn told(step: &Step, faults: &[String], tests: bool) -> String {
    if faults.is_empty() {
        let ok = paint(ADDED, "ok");
        let passes = if tests { " and passes its tests" } else { "" };
        return format!("{ok} {} builds{passes} alone\n", step.name);
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
