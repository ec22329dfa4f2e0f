//! The workshop's own tool: what a step adds, whether an exercise is solved,
//! whether the steps still agree, and how a fix travels to the later ones.
//!
//! Run it as `cargo xtask <command>` from anywhere inside the workshop. This
//! file owns the list of commands and nothing else. Each command lives in the
//! module of its name, which exposes `Args` and `run`. A command that finds
//! something wrong returns an error: that is how it exits with status 1.

#![forbid(unsafe_code)]

mod alone;
mod bench;
mod carry;
mod check;
mod dependencies;
mod diff;
mod docs;
mod drift;
mod graders;
mod imports;
mod layers;
mod lineage;
mod manifest;
mod outcome;
mod output;
mod pairs;
mod paths;
mod processes;
mod programs;
mod reread;
mod side_by_side;
mod solutions;
mod standalone;
mod steps;
mod stress;
mod test;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The tool of the workshop, for learners, graders and maintainers.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show what a step adds to the step before it.
    Diff(diff::Args),
    /// Grade the exercises of a step, where you solve them.
    Check(check::Args),
    /// Check (or, with --write, refresh) what each step says it changed, and that steps agree.
    Lineage(lineage::Args),
    /// Run what the documents show, and compare it with the truth.
    Docs(docs::Args),
    /// Build and test each step in its folder alone, outside the workshop.
    Standalone(standalone::Args),
    /// Prove that each exercise's grader and its reference solution belong together.
    Solutions(solutions::Args),
    /// Run tests, each in a process of its own, with all processors busy.
    Test(test::Args),
    /// Run tests many times, while other processes keep all processors busy.
    Stress(stress::Args),
    /// Run a step's suites against a server of anybody's, in any language.
    Verify(verify::Args),
    /// Merge what changed in one step into every later step.
    Carry(carry::Args),
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    match processes::end_with_the_tool().and_then(|()| run(command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let label = output::paint(output::REMOVED, "error:");
            anstream::eprintln!("{label} {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Diff(args) => diff::run(args),
        Command::Check(args) => check::run(args),
        Command::Lineage(args) => lineage::run(args),
        Command::Docs(args) => docs::run(args),
        Command::Standalone(args) => standalone::run(args),
        Command::Solutions(args) => solutions::run(args),
        Command::Test(args) => test::run(args),
        Command::Stress(args) => stress::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Carry(args) => carry::run(args),
    }
}
