//! Build your own Redis, step 05: an append-only file.
//!
//! `main` reads the flags, opens the port, says hello and hands over to
//! [`server::run`]. Everything that can fail before the first client arrives
//! fails here, with one line that says what to do about it.

#![forbid(unsafe_code)]

mod admission;
mod aof;
mod apply;
mod cli;
mod client;
mod clients;
mod clock;
mod command;
mod commands;
mod config;
mod connection;
mod cron;
mod cross_protocol;
mod expiry;
mod file;
mod float;
mod glob;
mod logging;
mod replay;
mod resp;
mod server;
mod state;
mod stats;
mod store;

use std::process::ExitCode;
use std::time::Instant;

use tracing::info;

use crate::aof::Folder;
use crate::cli::Cli;
use crate::config::Config;
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
    let listener = server::listen((cli.config.bind, cli.config.port).into());
    let listener = listener.map_err(|error| cli.explain_bind_error(&error))?;
    let shared = recover(config)?;
    cli.print_banner();
    tokio::spawn(cron::run(shared.clone()));
    tokio::spawn(expiry::run(shared.clone()));
    server::run(listener, shared).await;
    Ok(())
}

/// Makes the data set as the log says it was, or says why that cannot be done. A
/// server that starts empty over a log that it cannot read would be worse than
/// one that does not start.
fn recover(config: Config) -> Result<Shared, String> {
    let location = config.appendonly.then(|| config.log_location());
    let shared = Shared::new(config);
    if let Some(location) = location {
        let folder = Folder::open_at_start(location).map_err(|error| error.to_string())?;
        let started = Instant::now();
        let replayed = replay::run(&folder, commands::table(), &shared);
        let commands = replayed.map_err(|error| error.to_string())?;
        let state = &mut *shared.lock();
        let opened = state.aof.open(folder);
        opened.map_err(|error| format!("cannot append to the log: {error}"))?;
        info!(
            "the AOF is replayed: {commands} commands in {:.3} s, {} keys",
            started.elapsed().as_secs_f64(),
            state.store.len()
        );
    }
    Ok(shared)
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
