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
#[cfg(feature = "diagrams")]
mod book;
mod carry;
mod chapters;
mod check;
mod completions;
mod dependencies;
mod diff;
mod docs;
#[cfg(feature = "diagrams")]
mod draw;
#[cfg(feature = "diagrams")]
mod drawing;
mod drift;
mod generated;
mod graders;
mod heart;
mod hearts;
mod imports;
mod layers;
mod lesson;
mod lineage;
mod load;
mod manifest;
mod modules;
mod mutants;
mod outcome;
mod output;
mod pairs;
mod paths;
mod processes;
mod programs;
mod reread;
mod side_by_side;
#[cfg(feature = "diagrams")]
mod slides;
mod solutions;
mod standalone;
mod steps;
mod stress;
mod tcl;
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
    /// Begin a step in your own folder: everything but its heart, which you write.
    Start(lesson::start::Args),
    /// Build what you have written, and stop at the first test that fails.
    Try(lesson::Common),
    /// Run `try` at each save, with keys for hints.
    Watch(lesson::Common),
    /// Show the next hint of the part that you are at.
    Hint(lesson::Common),
    /// Show the part that you are at as the step has it, beside yours.
    Reveal(lesson::help::Reveal),
    /// Show where you stand in all steps.
    Progress(lesson::progress::Args),
    /// Show what a step adds to the step before it.
    Diff(diff::Args),
    /// Grade your exercises of a step.
    Check(check::Args),
    /// Make the chapters of the advanced track, and see that each compiles without a warning.
    Chapter(chapters::show::Args),
    /// Run Redis's own test suite against the chapters, as far as they go.
    Tcl(tcl::Args),
    /// Check (or, with --write, update) the tables of what each step changed, and that steps agree.
    Lineage(lineage::Args),
    /// Run what the pages show, and compare the output with theirs.
    Docs(docs::Args),
    /// Make the book, a site of the pages, and open it in a browser.
    #[cfg(feature = "diagrams")]
    Book(book::Args),
    /// Hold your diagram against the rubric of a module of the advanced track.
    #[cfg(feature = "diagrams")]
    Draw(draw::Args),
    /// Build and test each step in its folder alone, outside the workshop.
    Standalone(standalone::Args),
    /// Prove that each exercise's grader fails on the step, and passes with the reference solution.
    Solutions(solutions::Args),
    /// Prove that each blank of a step's heart is found by its witnesses.
    Hearts(hearts::Args),
    /// Make the slides of a step, for whoever teaches it.
    #[cfg(feature = "diagrams")]
    Slides(slides::Args),
    /// Count what a step asks of a learner: words, lines, minutes.
    Load(load::Args),
    /// Run tests, each in a process of its own, with all processors busy.
    Test(test::Args),
    /// Run tests many times, while other processes keep all processors busy.
    Stress(stress::Args),
    /// Make small changes in a step's code, and see whether a test notices.
    Mutants(mutants::Args),
    /// Run a step's suites against any server, in any language.
    Verify(verify::Args),
    /// Merge what changed in one step into every later step.
    Carry(carry::Args),
    /// Print what a shell needs to complete these commands.
    Completions(completions::Args),
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
        Command::Start(args) => lesson::start::run(args),
        Command::Try(args) => lesson::attempt::run(args),
        Command::Watch(args) => lesson::watch::run(args),
        Command::Hint(args) => lesson::help::hint(args),
        Command::Reveal(args) => lesson::help::reveal(args),
        Command::Progress(args) => lesson::progress::run(args),
        Command::Hearts(args) => hearts::run(args),
        Command::Load(args) => load::run(args),
        #[cfg(feature = "diagrams")]
        Command::Slides(args) => slides::run(args),
        Command::Diff(args) => diff::run(args),
        Command::Check(args) => check::run(args),
        Command::Chapter(args) => chapters::show::run(args),
        Command::Tcl(args) => tcl::run(args),
        Command::Lineage(args) => lineage::run(args),
        #[cfg(feature = "diagrams")]
        Command::Book(args) => book::run(args),
        Command::Docs(args) => docs::run(args),
        #[cfg(feature = "diagrams")]
        Command::Draw(args) => draw::run(args),
        Command::Standalone(args) => standalone::run(args),
        Command::Solutions(args) => solutions::run(args),
        Command::Test(args) => test::run(args),
        Command::Stress(args) => stress::run(args),
        Command::Mutants(args) => mutants::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Carry(args) => carry::run(args),
        Command::Completions(args) => completions::run(args),
    }
}
