//! The command line: the flags, the banner, and what to say when the port
//! cannot be opened.
//!
//! Flags are spelled as `redis-server` spells them, so that a command line can
//! be moved from one to the other.

use std::io::{self, Write};
use std::net::IpAddr;

use clap::{ArgAction, Parser};

use crate::logging::LogLevel;
use crate::net::admission::Limits;

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

    /// How many clients there may be at once.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub maxclients: u32,

    /// Whether to let in nobody but clients on this machine. There are no passwords, so "no" is
    /// for networks where everybody may read, change and delete everything.
    #[arg(long, default_value = "yes", value_parser = parse_yes_no, action = ArgAction::Set)]
    pub protected_mode: bool,
}

fn parse_yes_no(text: &str) -> Result<bool, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("say yes or no"),
    }
}

impl Cli {
    /// Which clients may connect, or what is wrong with the flags.
    pub fn limits(&self) -> Result<Limits, String> {
        self.check_bind()?;
        Ok(Limits {
            maxclients: self.maxclients.into(),
            protected_mode: self.protected_mode,
        })
    }

    /// Refuses an address that other machines can reach, unless `--protected-mode no` is given,
    /// because whoever can reach the port can do everything.
    fn check_bind(&self) -> Result<(), String> {
        match self.protected_mode && !self.bind.is_loopback() {
            false => Ok(()),
            true => Err(format!(
                "cannot use --bind {}: whoever can reach that address could read, change and \
                 delete everything, because there are no passwords. If you mean it, say \
                 --protected-mode no; otherwise leave --bind out",
                self.bind
            )),
        }
    }

    /// Prints what is running and what to type next. An error, such as a closed pipe or a full
    /// disk, is ignored: it is no reason not to run.
    pub fn print_banner(&self) {
        let _ = writeln!(
            io::stdout(),
            "\n  Step 02: a server that speaks RESP, listening on {}:{}\n\
             \n  In a second terminal, type:\n\
             \n      redis-cli -h {} -p {} PING\n\
             \n  It says PONG. Ctrl-C ends the server.\n",
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
