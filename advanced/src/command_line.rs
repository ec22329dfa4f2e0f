//! The command line with a config file, as Redis reads it.

use crate::command::REDIS_VERSION;
use crate::config::Config;
use crate::config::file::{Wrong, read_arguments};
use crate::handlers;
use crate::process;

/// Reads the config file and the flags, and begins the process as they say, or ends it with an
/// explanation. `None` if the flags ask for something else.
pub fn read(defaults: &Config) -> Option<Config> {
    let mut config = defaults.clone();
    let arguments = std::env::args_os().skip(1);
    let arguments: Vec<String> = arguments
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    if let Err(wrong) = read_arguments(&arguments, &mut config, handlers::rename)? {
        if matches!(wrong, Wrong::Line { .. }) {
            eprintln!("\n*** FATAL CONFIG FILE ERROR (Redis {REDIS_VERSION}) ***");
        }
        eprintln!("{wrong}");
        std::process::exit(1);
    }
    if let Err(error) = process::begin(&config) {
        eprintln!("{error}");
        std::process::exit(1);
    }
    Some(config)
}
