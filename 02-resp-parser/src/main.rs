//! Build your own Redis, step 02: a server that speaks RESP.
//!
//! `main` reads the flags, opens the port, says hello and hands over to
//! [`server::run`]. Everything that can fail before the first client arrives
//! fails here, with one line that says what to do about it.

#![forbid(unsafe_code)]

mod admission;
mod cli;
mod client;
mod command;
mod commands;
mod connection;
mod cross_protocol;
mod logging;
mod resp;
mod server;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use crate::cli::Cli;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    logging::init(cli.loglevel);
    match serve(&cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until the process ends, or says why it cannot.
async fn serve(cli: &Cli) -> Result<(), String> {
    let mut limits = cli.limits()?;
    limits.maxclients = admission::make_room(limits.maxclients);
    let listener = server::listen((cli.bind, cli.port).into());
    let listener = listener.map_err(|error| cli.explain_bind_error(&error))?;
    cli.print_banner();
    let keepalive = Duration::from_secs(cli.tcp_keepalive.into());
    server::run(listener, keepalive, limits).await;
    Ok(())
}
