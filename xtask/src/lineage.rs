//! `cargo xtask lineage`: what each step says it changed, and whether the steps agree.

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
