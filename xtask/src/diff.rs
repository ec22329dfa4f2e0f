//! `cargo xtask diff`: what a step adds to the step before it.

use anyhow::{Result, bail};

use crate::steps::Root;

/// The command's options.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    root: Root,
}

/// Runs the command.
pub fn run(args: Args) -> Result<()> {
    let _workshop = args.root.open()?;
    bail!("not written yet")
}
