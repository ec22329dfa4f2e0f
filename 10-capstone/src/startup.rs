//! The process: signals, the reports, the exit status.
//!
//! This file owns the end of the process. It runs the benchmark until it is complete or a signal
//! stops it, prints the report and chooses the exit status. Servers that the benchmark started are
//! killed when [`Target`](crate::servers::target::Target) is dropped. So `main` always returns
//! normally, after an error and after Ctrl-C as well.

use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use crate::bench;
use crate::cli::Options;
use crate::report::{json, page, text};

/// Runs the program that the command line asks for.
#[tokio::main(flavor = "current_thread")]
pub async fn main() -> ExitCode {
    match run_until_signalled(&Options::parse()).await {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(signal)) => {
            eprintln!("stopped by a signal; every server that was started here is stopped too");
            ExitCode::from(128 + signal)
        }
        Err(error) => {
            let mut causes: Vec<_> = error.chain().map(ToString::to_string).collect();
            // Some errors contain the text of their cause.
            causes.dedup();
            eprintln!("error: {}", causes.join(": "));
            ExitCode::FAILURE
        }
    }
}

/// Runs the benchmark; returns the number of the signal if one has stopped it.
async fn run_until_signalled(options: &Options) -> Result<Option<u8>> {
    let mut signal = pin!(next_signal());
    let outcome = tokio::select! {
        // Polled first, so it listens before a server is started.
        biased;
        number = &mut signal => return number.map(Some),
        outcome = run(options) => outcome,
    };
    // A terminal sends Ctrl-C to the servers as well, and a server may end before the signal is
    // seen here. So after an error the signal that explains it gets a moment to arrive.
    if outcome.is_err()
        && let Ok(number) = tokio::time::timeout(Duration::from_millis(100), signal).await
    {
        return number.map(Some);
    }
    outcome.map(|()| None)
}

async fn run(options: &Options) -> Result<()> {
    let results = bench::run(options).await?;
    print!("{}", text::render(&results, options.split)?);
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

/// Waits for a signal that asks the program to stop, and returns its number.
async fn next_signal() -> Result<u8> {
    let listen = |kind| signal(kind).context("cannot listen for signals");
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hangup = listen(SignalKind::hangup())?;
    Ok(tokio::select! {
        _ = interrupt.recv() => 2,
        _ = terminate.recv() => 15,
        _ = hangup.recv() => 1,
    })
}
