//! The server log: lines on standard error, from a chosen level on (`serverLog` in Redis).

use std::io::{self, IsTerminal};

use clap::ValueEnum;
use tracing::level_filters::LevelFilter;

/// How important a line must be to be logged (`loglevel`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// Details for developers.
    Debug,
    /// The end of each connection.
    Verbose,
    /// What an operator wants to know.
    Notice,
    /// Something that has gone wrong.
    Warning,
}

impl LogLevel {
    fn filter(self) -> LevelFilter {
        match self {
            Self::Debug => LevelFilter::TRACE,
            Self::Verbose => LevelFilter::DEBUG,
            Self::Notice => LevelFilter::INFO,
            Self::Warning => LevelFilter::WARN,
        }
    }
}

/// Opens the server log, in colour if standard error is a terminal.
pub fn init(level: LogLevel) {
    tracing_subscriber::fmt()
        .with_max_level(level.filter())
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        // It would complain with a panic.
        .log_internal_errors(false)
        .init();
}
