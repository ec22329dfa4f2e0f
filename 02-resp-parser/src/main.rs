//! Build your own Redis, step 02: a server that speaks RESP.
//!
//! `main` reads the flags, opens the port, says hello and hands over to
//! [`server::run`]. Everything that can fail before the first client arrives
//! fails here, with one line that says what to do about it.

#![forbid(unsafe_code)]

mod cli;
mod client;
mod command;
mod commands;
mod connection;
mod cross_protocol;
mod resp;
mod server;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    cli::init_logging();
    match server::listen((cli.bind, cli.port).into()) {
        Ok(listener) => {
            cli.print_banner();
            server::run(listener).await;
            ExitCode::SUCCESS
        }
        Err(error) => {
            cli.explain_bind_error(&error);
            ExitCode::FAILURE
        }
    }
}
