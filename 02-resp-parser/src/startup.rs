//! The order in which a server starts: flags, port, banner, clients.
//!
//! Everything that can fail before the first client arrives fails here, with one line that
//! says what to do about it.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use crate::cli::Cli;
use crate::logging;
use crate::net::listener;
use crate::util::open_files;

/// Runs the server until it ends. Returns the exit status of the process.
#[tokio::main(flavor = "current_thread")]
pub async fn main() -> ExitCode {
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

/// Serves until the process ends; an error says why it cannot.
async fn serve(cli: &Cli) -> Result<(), String> {
    let mut limits = cli.limits()?;
    limits.maxclients = open_files::raise_limit(limits.maxclients);
    let listener = listener::listen((cli.bind, cli.port).into());
    let listener = listener.map_err(|error| cli.explain_bind_error(&error))?;
    cli.print_banner();
    let keepalive = Duration::from_secs(cli.tcp_keepalive.into());
    listener::run(listener, keepalive, limits).await;
    Ok(())
}
