//! Build your own Redis, step 09: graceful shutdown.
//!
//! `main` reads the flags, opens the port, says hello and hands over to
//! [`server::run`]; it ends in [`shutdown::run`]. Everything that can fail before the
//! first client arrives fails here, with one line that says what to do about it.

#![forbid(unsafe_code)]

mod admission;
mod aof;
mod apply;
mod background;
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
mod delivery;
mod expiry;
mod file;
mod float;
mod glob;
mod lifecycle;
mod link;
mod load;
mod logging;
mod output_limit;
mod pubsub;
mod rdb;
mod recovery;
mod replay;
mod replica;
mod replication;
mod resp;
mod server;
mod shutdown;
mod state;
mod stats;
mod store;

use std::process::ExitCode;

use tokio::sync::{mpsc, oneshot};

use crate::cli::Cli;
use crate::recovery::Door;
use crate::replication::Address;
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
    let shared = prepare(cli)?;
    let listener = server::listen((cli.config.bind, cli.config.port).into());
    let listener = listener.map_err(|error| cli.explain_bind_error(&error))?;
    // Who subscribes while the data is loaded gets messages at once.
    tokio::spawn(delivery::run(shared.clone()));
    let (door, opened) = oneshot::channel();
    let (guard, connections) = mpsc::channel(1);
    let clients = shared.clone();
    let server = tokio::spawn(async move {
        // It is opened or dropped; either lets clients in.
        let _ = opened.await;
        server::run(listener, clients, guard).await;
    });
    let port = server.abort_handle();
    let end = tokio::spawn(shutdown::run(shared.clone(), port, connections));
    recover(shared.clone(), door).await?;
    cli.print_banner(shared.lock().store.len());
    tokio::spawn(cron::run(shared.clone()));
    tokio::spawn(expiry::run(shared.clone()));
    tokio::spawn(link::run(shared, commands::table()));
    // To return earlier would end the connections before they have said goodbye.
    let _ = end.await;
    Ok(())
}

/// What there must be before the port is open: the state, and an ear for signals, for whoever
/// sees the port may send one. Or what is wrong with the flags.
fn prepare(cli: &Cli) -> Result<Shared, String> {
    let mut config = cli.config()?;
    config.maxclients = admission::make_room(config.maxclients);
    let shared = Shared::new(config);
    follow(cli.primary()?, &shared);
    let state = &mut *shared.lock();
    state.store.loading = true;
    shutdown::listen_for_signals(state.lifecycle.requests())
        .map_err(|error| format!("cannot listen for signals: {error}"))?;
    Ok(shared.clone())
}

/// Follows that primary, if it is one, as soon as our own data is loaded.
fn follow(primary: Option<Address>, shared: &Shared) {
    if let Some(address) = primary {
        shared.lock().replication.follow(address);
    }
}

/// Makes the data set as it was, on a thread of its own: it waits for the disk, and there
/// are clients to be told so.
async fn recover(shared: Shared, door: Door) -> Result<(), String> {
    let recovery = move || recovery::run(&shared, commands::table(), door);
    match tokio::task::spawn_blocking(recovery).await {
        Ok(recovered) => recovered.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
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
