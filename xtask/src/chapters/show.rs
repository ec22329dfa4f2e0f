//! `cargo xtask chapter`: makes the chapters, and builds them without a warning.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::output::print;
use crate::processes;
use crate::steps::{Number, Root, Step};

/// The time for building a chapter from nothing.
const LIMIT: Duration = Duration::from_secs(1200);

/// The command's options.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The chapter, like 012 (default: all).
    chapter: Option<Number>,
    /// Only make them; do not compile them.
    #[arg(long)]
    only_make: bool,
    #[command(flatten)]
    root: Root,
}

/// Runs the command.
pub fn run(args: Args) -> Result<()> {
    let workshop = args.root.open()?;
    let chapters: Vec<&Step> = match args.chapter {
        Some(number) => vec![workshop.step(number)?],
        None => workshop.chapters.iter().collect(),
    };
    for chapter in chapters {
        let folder = chapter
            .dir
            .strip_prefix(&workshop.root)
            .unwrap_or(&chapter.dir);
        print(&format!("{}\n", folder.display()))?;
        if !args.only_make {
            compile(chapter)?;
        }
    }
    Ok(())
}

/// A warning is an error: nothing is there before the chapter that needs it.
fn compile(chapter: &Step) -> Result<()> {
    let mut cargo = Command::new("cargo");
    // Clippy's lints come along; it passes the flags to this crate and not to what it needs. Where
    // a later chapter changes what a `let` has, an earlier one returns it as it is.
    cargo.args(["clippy", "--quiet", "--all-targets", "--"]);
    cargo.args(["-D", "warnings", "-A", "clippy::let_and_return"]);
    cargo.current_dir(&chapter.dir);
    let ended = processes::run(&mut cargo, LIMIT)?;
    if ended.success != Some(true) {
        bail!(
            "{} does not compile without a warning; put what it does not need behind the gate of \
             the chapter that needs it:\n{}",
            chapter.name,
            ended.output.trim_end()
        );
    }
    Ok(())
}
