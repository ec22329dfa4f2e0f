//! The server log: lines on standard error, from a chosen level on (`serverLog` in Redis).

use std::io::{self, IsTerminal};
use std::sync::OnceLock;

use clap::ValueEnum;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, fmt, reload};

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

/// The filter of lines; it can be changed while the server runs.
static FILTER: OnceLock<reload::Handle<LevelFilter, Registry>> = OnceLock::new();

/// Opens the server log, in colour if standard error is a terminal.
pub fn init(level: LogLevel) {
    let (filter, handle) = reload::Layer::new(level.filter());
    let lines = fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        // It would complain with a panic.
        .log_internal_errors(false);
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .init();
    let _ = FILTER.set(handle);
}

/// Logs only lines that are at least this important from now on.
pub fn set_level(level: LogLevel) {
    if let Some(filter) = FILTER.get() {
        // It fails only if the subscriber is gone, which is when the process ends.
        let _ = filter.reload(level.filter());
    }
}
