//! The capstone: measures the workshop's server against real Redis.
//!
//! This file owns the process: it reads the options, runs the benchmark until it
//! ends or a signal ends it, prints the report and chooses the exit status.
//! Servers that the benchmark started are stopped when [`target::Target`] is
//! dropped, so every way out of `main` goes through a normal return: an error, a
//! panic and Ctrl-C all unwind.

#![forbid(unsafe_code)]

// In the order in which one reads: what is sent, what is taken, between whom, and how
// it is shown.
mod cli;
mod scenario;
mod standard;

mod load;
mod measure;
mod servers;
mod worker;

mod bench;
mod cross_check;
mod environment;
mod progress;
mod report;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::Options;
use crate::report::{json, page, text};

fn main() -> ExitCode {
    let options = Options::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    match runtime.block_on(run_until_signalled(&options)) {
        Ok(Ended::Finished) => ExitCode::SUCCESS,
        Ok(Ended::Signalled(number)) => {
            eprintln!("stopped by a signal; every server that was started here is stopped too");
            ExitCode::from(128 + number)
        }
        Err(error) => fail(&error),
    }
}

/// Says what went wrong, and why.
fn fail(error: &anyhow::Error) -> ExitCode {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        // Some errors repeat their cause themselves.
        if !text.ends_with(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    eprintln!("error{text}");
    ExitCode::FAILURE
}

/// How a run came to its end.
enum Ended {
    Finished,
    /// The number of the signal, which the exit status repeats as 128 + number.
    Signalled(u8),
}

async fn run_until_signalled(options: &Options) -> Result<Ended> {
    let mut signals = Signals::install().context("cannot listen for signals")?;
    let outcome = tokio::select! {
        number = signals.next() => return Ok(Ended::Signalled(number)),
        outcome = run(options) => outcome,
    };
    // A terminal sends Ctrl-C to the servers as well, and a server may be gone
    // before the signal is seen here. So an error waits for a signal that
    // explains it.
    if outcome.is_err()
        && let Ok(number) = tokio::time::timeout(Duration::from_millis(100), signals.next()).await
    {
        return Ok(Ended::Signalled(number));
    }
    outcome.map(|()| Ended::Finished)
}

async fn run(options: &Options) -> Result<()> {
    let results = bench::run(options).await?;
    print!("{}", text::render(&results, options.split));
    if let Some(path) = &options.json {
        json::write(path, &results)?;
    }
    if let Some(path) = &options.html {
        page::write(path, &results)?;
        println!("\nThe same with curves: {}", path.display());
    }
    if let Some(path) = &options.svg {
        page::write_curve(path, &results)?;
    }
    Ok(())
}

/// The signals that ask a program to end.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn install() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next signal and returns its number.
    async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 2,
            _ = self.terminate.recv() => 15,
            _ = self.hangup.recv() => 1,
        }
    }
}
