//! How the process runs: in the background, with a log file, with a file that has its number
//! (`daemonize` and `createPidFile` in Redis's `server.c`).
//!
//! Redis forks to go into the background. A process with threads cannot, and safe Rust has no
//! `fork`, so this one starts itself again, as a session of its own, and ends. Nothing has been
//! done by then but to read the configuration.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Command, Stdio, exit};

use nix::unistd::{dup2_stderr, dup2_stdout, setsid};
use tracing::{info, warn};

use crate::config::Config;

/// Redis's own, for a server in the background.
const DEFAULT_PIDFILE: &str = "/var/run/redis.pid";

/// Set for the process that was started again.
const MARK: &str = "WORKSHOP_IN_BACKGROUND";

/// Goes into the background and opens the log file, if that was asked for. A server with a config
/// file has its log on standard output, as Redis has, because what starts it looks there. An error
/// says what cannot be done.
pub fn begin(config: &Config) -> Result<(), String> {
    let service = &config.service;
    if service.daemonize {
        go_into_background().map_err(|error| format!("cannot run in the background: {error}"))?;
    }
    if !service.logfile.is_empty() {
        let file = &service.logfile;
        open_log(file).map_err(|error| format!("Can't open the log file: {file}: {error}"))?;
    } else if service.file.is_some() {
        dup2_stderr(io::stdout()).map_err(|error| format!("cannot write the log: {error}"))?;
    }
    Ok(())
}

/// The file that has the number of the process, while it runs.
pub struct PidFile(Option<String>);

impl PidFile {
    /// Writes the number of the process into its file, if there is one.
    pub fn write(config: &Config) -> Self {
        if config.service.file.is_some() {
            info!("Server started, PID: {}", std::process::id());
        }
        let file = pidfile(config);
        if let Some(file) = &file
            && let Err(error) = fs::write(file, format!("{}\n", std::process::id()))
        {
            warn!("Failed to write PID file: {error}");
        }
        Self(file)
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.as_ref().map(fs::remove_file);
    }
}

/// All is loaded, and clients are served. Who started the process may wait for this line.
pub fn ready(config: &Config) {
    if config.service.file.is_some() {
        info!("Ready to accept connections");
    }
}

fn pidfile(config: &Config) -> Option<String> {
    match config.service.pidfile.as_str() {
        "" if config.service.daemonize => Some(DEFAULT_PIDFILE.into()),
        "" => None,
        file => Some(file.into()),
    }
}

/// Starts the process again in the background and ends this one; in the one that was started
/// again, becomes independent of the terminal.
fn go_into_background() -> io::Result<()> {
    if std::env::var_os(MARK).is_some() {
        setsid()?;
        return Ok(());
    }
    let mut process = Command::new(std::env::current_exe()?);
    process
        .args(std::env::args_os().skip(1))
        .env(MARK, "yes")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    exit(0);
}

/// Everything that the process says goes to `file` from now on.
fn open_log(file: impl AsRef<Path>) -> io::Result<()> {
    let file = File::options().append(true).create(true).open(file)?;
    dup2_stdout(&file)?;
    dup2_stderr(&file)?;
    Ok(())
}
