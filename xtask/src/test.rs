//! `cargo xtask test`: every test in a process of its own, and all processors busy.
//!
//! Cargo runs one program of tests after the other, and at the end of each it waits for
//! the slowest test. Here the tests of all steps are one list. How a test ends, what it
//! leaves out, and how long it takes is known of each, and told at the end.

mod chapters;
pub mod list;
pub mod runner;
mod told;

use anyhow::{Result, bail};

use crate::output::print;
use crate::steps::Root;

/// The command's options.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Which tests; several are run as one list.
    #[arg(required = true)]
    parts: Vec<Part>,
    /// Build what they need, and run none.
    #[arg(long)]
    build_only: bool,
    #[command(flatten)]
    root: Root,
}

/// Tests that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Every step's unit tests, and its suites on its own server.
    Steps,
    /// The suites of the newest step, which are those of all steps, on real Redis.
    Redis,
    /// The unit tests and suites of the last chapter, which are those of all chapters, and the
    /// newest step's suites on it.
    Chapters,
    /// The suites of the last chapter on real Redis.
    ChaptersOnRedis,
    /// The workshop's own tool: its unit tests.
    ToolUnits,
    /// The same: all of its other tests, and the faults of broken servers.
    Tool,
}

/// Runs the command.
pub fn run(args: Args) -> Result<()> {
    let workshop = args.root.open()?;
    let tests = list::of(&workshop, &args.parts)?;
    print(&format!("tests: {}\n", tests.len()))?;
    if args.build_only {
        return Ok(());
    }
    let done = runner::all(&tests)?;
    print(&told::told(&done))?;
    let failed = done.iter().filter(|done| done.failed()).count();
    if failed > 0 {
        bail!("of {} tests {failed} failed; see above", done.len());
    }
    Ok(())
}
