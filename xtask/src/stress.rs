//! `cargo xtask stress`: tests, many times, while other processes keep all processors busy.
//!
//! A test that fails now and then without a fault costs more than it finds. Here it shows.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::graders::{OTHER_SERVER, REDIS};
use crate::output::print;
use crate::processes::Group;
use crate::programs;
use crate::side_by_side::processors;
use crate::steps::{Number, Root};
use crate::test::{list, runner};

/// The command's options.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// A suite, like aof_crash, or any part of the names of tests.
    name: String,
    /// The step (default: the newest).
    #[arg(long, value_name = "STEP")]
    step: Option<Number>,
    /// How many times each is run.
    #[arg(long, default_value = "20")]
    runs: usize,
    /// On real Redis, and not on the step's own server.
    #[arg(long)]
    redis: bool,
    #[command(flatten)]
    root: Root,
}

/// Runs the command.
pub fn run(args: Args) -> Result<()> {
    let workshop = args.root.open()?;
    let step = match args.step {
        Some(number) => workshop.step(number)?,
        None => list::newest(&workshop)?,
    };
    let programs = match step.is_chapter() {
        true => programs::of_chapter(step)?,
        false => programs::all_of_all_steps(&workshop)?,
    };
    let mut tests = list::of_step(&workshop, step, &programs)?;
    tests.retain(|test| test.name.contains(&args.name));
    if args.redis {
        let on_redis = |test: runner::Test| test.with(OTHER_SERVER, REDIS);
        tests = tests.into_iter().map(on_redis).collect();
    }
    if tests.is_empty() {
        bail!("{} has no test with {} in its name", step.name, args.name);
    }
    let count = tests.len();
    print(&format!("tests: {count}, each {} times\n", args.runs))?;
    let busy = Busy::start()?;
    let all: Vec<_> = (0..args.runs).flat_map(|_| tests.clone()).collect();
    let done = runner::all(&all)?;
    drop(busy);
    let mut failed: BTreeMap<&str, usize> = BTreeMap::new();
    for one in done.iter().filter(|one| one.failed()) {
        *failed.entry(&one.test.name).or_default() += 1;
    }
    for (name, times) in &failed {
        print(&format!("failed {times} of {} times: {name}\n", args.runs))?;
    }
    if !failed.is_empty() {
        bail!("of {count} tests {} failed at least once", failed.len());
    }
    print(&format!("all passed {} times\n", args.runs))
}

/// Processes that compute, one for each processor. They end when this is dropped.
struct Busy(Vec<(Child, Group)>);

impl Busy {
    fn start() -> Result<Self> {
        let start = || {
            let mut shell = Command::new("sh");
            shell.args(["-c", "while :; do :; done"]);
            let child = shell.process_group(0).stdin(Stdio::null()).spawn();
            let child = child.context("there is no shell")?;
            let group = Group::of(&child);
            Ok((child, group))
        };
        Ok(Busy(
            (0..processors()).map(|_| start()).collect::<Result<_>>()?,
        ))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        for (child, group) in &mut self.0 {
            group.end();
            // It was ended a moment ago, so this does not wait.
            let _ = child.wait();
        }
    }
}
