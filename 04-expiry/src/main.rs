//! Build your own Redis, step 04: keys that expire.
//!
//! `main` reads the flags, opens the port, says hello and hands over to
//! [`server::run`]. Everything that can fail before the first client arrives
//! fails here, with one line that says what to do about it.

#![forbid(unsafe_code)]

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
mod float;
mod glob;
mod resp;
mod server;
mod state;
mod stats;
mod store;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;
use crate::state::Shared;

/// A store makes and drops an allocation for every key and value that does not
/// fit its table; this allocator is made for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    cli::init_logging();
    abort_on_panic();
    match cli.runtime() {
        Ok(runtime) => runtime.block_on(serve(&cli)),
        Err(error) => {
            eprintln!("cannot start {} threads: {error}", cli.io_threads);
            ExitCode::FAILURE
        }
    }
}

async fn serve(cli: &Cli) -> ExitCode {
    match server::listen((cli.bind, cli.port).into()) {
        Ok(listener) => {
            cli.print_banner();
            let shared = Shared::new(cli.config());
            tokio::spawn(cron::run(shared.clone()));
            tokio::spawn(expiry::run(shared.clone()));
            server::run(listener, shared).await;
            ExitCode::SUCCESS
        }
        Err(error) => {
            cli.explain_bind_error(&error);
            ExitCode::FAILURE
        }
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
