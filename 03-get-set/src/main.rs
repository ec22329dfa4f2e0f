//! Build your own Redis, step 03: a key-value store.
//!
//! `main` reads the flags, opens the port, says hello and hands over to
//! [`server::run`]. Everything that can fail before the first client arrives
//! fails here, with one line that says what to do about it.

#![forbid(unsafe_code)]

mod admission;
mod cli;
mod client;
mod clients;
mod command;
mod commands;
mod config;
mod connection;
mod cron;
mod cross_protocol;
mod float;
mod glob;
mod logging;
mod resp;
mod server;
mod state;
mod stats;
mod store;

use std::process::ExitCode;

use crate::cli::Cli;
use crate::state::Shared;

/// A store makes and drops an allocation for every key and value that does not
/// fit its table; this allocator is made for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
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

/// Serves until the process ends, or says why it cannot.
fn run(cli: &Cli) -> Result<(), String> {
    let no_threads = |error| format!("cannot start {} threads: {error}", cli.config.io_threads);
    cli.runtime().map_err(no_threads)?.block_on(serve(cli))
}

async fn serve(cli: &Cli) -> Result<(), String> {
    let mut config = cli.config()?;
    config.maxclients = admission::make_room(config.maxclients);
    let shared = Shared::new(config);
    let listener = server::listen((cli.config.bind, cli.config.port).into());
    let listener = listener.map_err(|error| cli.explain_bind_error(&error))?;
    cli.print_banner();
    tokio::spawn(cron::run(shared.clone()));
    server::run(listener, shared).await;
    Ok(())
}

/// A panic is a bug of ours, and it may have left the store half changed. A
/// server that stops is better than one that goes on with wrong data.
fn abort_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        report(info);
        std::process::abort();
    }));
}
