//! The command line: the flags, the banner, and what to say when the port
//! cannot be opened.
//!
//! Flags are spelled as `redis-server` spells them, so that a command line can
//! be moved from one to the other.

use std::io::{self, Write};
use std::net::IpAddr;

use clap::Parser;

use crate::logging::LogLevel;

/// The flags that this step understands.
#[derive(Debug, Parser)]
// A flag may come twice, and the last one counts, as in Redis.
#[command(about, version, args_override_self = true)]
pub struct Cli {
    /// TCP port to listen on.
    #[arg(long, default_value_t = 6380)]
    pub port: u16,

    /// Address to listen on. Loopback only, unless you say otherwise.
    #[arg(long, default_value = "127.0.0.1")]
    pub bind: IpAddr,

    /// After how many idle seconds a client is probed; 0 is never.
    #[arg(long, default_value_t = 300)]
    pub tcp_keepalive: u32,

    /// How important a line must be to be logged.
    #[arg(long, ignore_case = true, default_value = "notice")]
    pub loglevel: LogLevel,
}

impl Cli {
    /// Prints what is running and what to type next. An error, such as a closed pipe or a full
    /// disk, is ignored: it is no reason not to run.
    pub fn print_banner(&self) {
        let _ = writeln!(
            io::stdout(),
            "\n  Step 01: a TCP echo server, listening on {}:{}\n\
             \n  In a second terminal, type:\n\
             \n      nc {} {}\n\
             \n  and then any line: it comes back as you sent it. Ctrl-C ends the server.\n",
            self.bind,
            self.port,
            self.bind,
            self.port
        );
    }

    /// Why the port could not be opened, and what to do.
    pub fn explain_bind_error(&self, error: &io::Error) -> String {
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "another program has this port; end it, or choose another with --port"
            }
            io::ErrorKind::AddrNotAvailable => {
                "this machine has no such address; try --bind 127.0.0.1"
            }
            io::ErrorKind::PermissionDenied => {
                "ports below 1024 belong to the system; choose another with --port"
            }
            _ => "check --bind and --port",
        };
        format!(
            "cannot listen on {}:{}: {error} ({hint})",
            self.bind, self.port
        )
    }
}
