//! The order in which a server starts: flags, port, banner, clients.
//!
//! Everything that can fail before the first client arrives fails here, with one line that
//! says what to do about it.

use std::process::ExitCode;

use tokio::sync::oneshot;

use crate::cli::Cli;
use crate::cron;
use crate::cron::expire_cycle;
use crate::handlers;
use crate::logging;
use crate::net::listener;
use crate::recovery;
use crate::recovery::{Accept, RecoveryError};
use crate::state::Shared;
use crate::util::open_files;

/// Runs the server until it ends. Returns the exit status of the process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    logging::init(cli.config.loglevel);
    abort_on_panic();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until the process ends; an error says why it cannot.
fn run(cli: &Cli) -> Result<(), String> {
    let no_threads = |error| format!("cannot start {} threads: {error}", cli.config.io_threads);
    cli.runtime().map_err(no_threads)?.block_on(serve(cli))
}

async fn serve(cli: &Cli) -> Result<(), String> {
    let mut config = cli.config()?;
    config.maxclients = open_files::raise_limit(config.maxclients);
    let shared = Shared::new(config);
    shared.lock().store.loading = true;
    let listener = listener::listen((cli.config.bind, cli.config.port).into());
    let listener = listener.map_err(|error| cli.explain_bind_error(&error))?;
    let (accept, accepting) = oneshot::channel();
    let clients = shared.clone();
    let server = tokio::spawn(async move {
        // A value is sent, or the sender is dropped; either lets clients in.
        let _ = accepting.await;
        listener::run(listener, clients).await;
    });
    recover(shared.clone(), accept).await?;
    cli.print_banner();
    tokio::spawn(cron::run(shared.clone()));
    tokio::spawn(expire_cycle::run(shared));
    // It ends with the process.
    let _ = server.await;
    Ok(())
}

/// Loads the data set on a thread of its own, because that waits for the disk while clients must
/// get `-LOADING`.
async fn recover(shared: Shared, accept: Accept) -> Result<(), String> {
    let recovery = move || recovery::run(&shared, handlers::table(), accept);
    let recovered = tokio::task::spawn_blocking(recovery).await;
    let recovered = recovered.map_err(RecoveryError::from).flatten();
    recovered.map_err(|error| error.to_string())
}

/// Ends the process at a panic, which is a bug and may have left the store half changed. A server
/// that stops is better than one that goes on with wrong data.
fn abort_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        report(info);
        std::process::abort();
    }));
}
