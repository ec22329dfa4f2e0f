//! The command line: the flags, the banner, and what to say when the port
//! cannot be opened.
//!
//! Flags are spelled as `redis-server` spells them, so that a command line can
//! be moved from one to the other.

use std::io::{self, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Parser};
use tokio::runtime::{Builder, Runtime};

use crate::aof::Fsync;
use crate::config::{self, Config, parse_output_limits};
use crate::logging::LogLevel;
use crate::output_limit::OutputLimits;
use crate::rdb::SavePoint;

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

    /// Ask after so many silent seconds whether a client is still there; 0 is never.
    #[arg(long, default_value_t = 300)]
    pub tcp_keepalive: u32,

    /// What is worth a line in the server log.
    #[arg(long, ignore_case = true, default_value = "notice")]
    pub loglevel: LogLevel,

    /// How many clients there may be at once.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub maxclients: u32,

    /// Whether to let in nobody but clients on this machine. There are no passwords, so "no" is
    /// for networks where everybody may read, change and delete everything.
    #[arg(long, default_value = "yes", value_parser = parse_yes_no, action = ArgAction::Set)]
    pub protected_mode: bool,

    /// How many threads serve clients. One is fastest on a small machine.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=128))]
    pub io_threads: u8,

    /// Disconnect clients that say nothing for so many seconds; 0 is never.
    #[arg(long, default_value_t = 0)]
    pub timeout: u32,

    /// The folder for all files. It must be there.
    #[arg(long, default_value = ".")]
    pub dir: PathBuf,

    /// Whether to log every write, so that nothing is lost when the server ends.
    #[arg(long, default_value = "no", value_parser = parse_yes_no, action = ArgAction::Set)]
    pub appendonly: bool,

    /// When the log is made safe against the end of the machine: before each reply
    /// (always), once a second (everysec), or when the system sees fit (no).
    #[arg(long, default_value = "everysec", value_parser = parse_fsync)]
    pub appendfsync: Fsync,

    /// What the names of the log's files begin with.
    #[arg(long, default_value = "appendonly.aof", value_parser = parse_file_name)]
    pub appendfilename: String,

    /// The folder of the log, made inside --dir.
    #[arg(long, default_value = "appendonlydir", value_parser = parse_file_name)]
    pub appenddirname: String,

    /// Whether the base of the log is an RDB file, or made of commands.
    #[arg(long, default_value = "yes", value_parser = parse_yes_no, action = ArgAction::Set)]
    pub aof_use_rdb_preamble: bool,

    /// The log is written anew when it has grown by so many percent; 0 is never.
    #[arg(long, default_value_t = 100)]
    pub auto_aof_rewrite_percentage: u32,

    /// And only if it is larger than this, such as 64mb.
    #[arg(long, default_value = "64mb", value_parser = parse_size)]
    pub auto_aof_rewrite_min_size: u64,

    /// Save of itself after so many seconds if there were so many changes: "3600 1 300 100".
    /// "" is never.
    #[arg(long, default_value = "3600 1 300 100 60 10000", num_args = 1.., action = ArgAction::Append)]
    pub save: Vec<String>,

    /// The name of the RDB file.
    #[arg(long, default_value = "dump.rdb", value_parser = parse_file_name)]
    pub dbfilename: String,

    /// Whether to compress long strings in RDB files.
    #[arg(long, default_value = "yes", value_parser = parse_yes_no, action = ArgAction::Set)]
    pub rdbcompression: bool,

    /// Whether RDB files have a checksum.
    #[arg(long, default_value = "yes", value_parser = parse_yes_no, action = ArgAction::Set)]
    pub rdbchecksum: bool,

    /// Whether to refuse writes when the last BGSAVE failed.
    #[arg(long, default_value = "yes", value_parser = parse_yes_no, action = ArgAction::Set)]
    pub stop_writes_on_bgsave_error: bool,
    /// How much may wait for a client before it is disconnected: class (normal, replica, pubsub),
    /// hard limit, soft limit, and for how many seconds that may be exceeded.
    #[arg(long, default_value = "", value_parser = parse_limits, action = ArgAction::Append)]
    pub client_output_buffer_limit: Vec<String>,
}

fn parse_yes_no(text: &str) -> Result<bool, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("say yes or no"),
    }
}

fn parse_fsync(text: &str) -> Result<Fsync, &'static str> {
    Fsync::find(text).ok_or("say always, everysec or no")
}

fn parse_size(text: &str) -> Result<u64, &'static str> {
    let bytes = config::parse_memory(text);
    let bytes = bytes.and_then(|bytes| u64::try_from(bytes).ok());
    bytes.ok_or("give a size such as 1000, 64kb or 64mb")
}

/// The text itself, if it is right. Those of several flags add up.
fn parse_limits(text: &str) -> Result<String, String> {
    parse_output_limits(text, OutputLimits::default())?;
    Ok(text.to_owned())
}

/// The manifest names files by words, so a name must be one.
fn parse_file_name(text: &str) -> Result<String, &'static str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if text.is_empty() || !text.chars().all(plain) || [".", ".."].contains(&text) {
        return Err("give a name, not a path, of letters, digits, dots, dashes and underscores");
    }
    Ok(text.to_owned())
}

impl Cli {
    /// What commands may see of the flags, or what is wrong with them.
    pub fn config(&self) -> Result<Config, String> {
        self.check_bind()?;
        let no_folder = |error| format!("cannot use --dir {}: {error}", self.dir.display());
        // An empty one takes back those before it.
        let save = self.save.rsplit(String::is_empty).next();
        let save = save.unwrap_or_default().join(" ");
        let wrong = || format!("cannot use --save {save:?}: give pairs of seconds and changes");
        let mut limits = self.client_output_buffer_limit.iter();
        let limits = limits.try_fold(OutputLimits::default(), |limits, text| {
            parse_output_limits(text, limits)
        });
        Ok(Config {
            client_output_buffer_limit: limits.unwrap_or_default(),
            dir: self
                .dir
                .canonicalize()
                .map_err(no_folder)?
                .display()
                .to_string(),
            appendonly: self.appendonly,
            appendfsync: self.appendfsync,
            appendfilename: self.appendfilename.clone(),
            appenddirname: self.appenddirname.clone(),
            aof_use_rdb_preamble: self.aof_use_rdb_preamble,
            auto_aof_rewrite_percentage: self.auto_aof_rewrite_percentage.into(),
            auto_aof_rewrite_min_size: self.auto_aof_rewrite_min_size,
            save: SavePoint::parse(&save).ok_or_else(wrong)?,
            dbfilename: self.dbfilename.clone(),
            rdbcompression: self.rdbcompression,
            rdbchecksum: self.rdbchecksum,
            stop_writes_on_bgsave_error: self.stop_writes_on_bgsave_error,
            maxclients: self.maxclients.into(),
            timeout: Duration::from_secs(self.timeout.into()),
            tcp_keepalive: Duration::from_secs(self.tcp_keepalive.into()),
            protected_mode: self.protected_mode,
            loglevel: self.loglevel,
            ..Config::new(self.bind, self.port, self.io_threads)
        })
    }

    /// Whoever can reach the port can do everything, so it is open to this machine only, unless
    /// `--protected-mode no` says otherwise.
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

    /// Tokio's reactor with as many threads as asked for. Everything that a
    /// client needs happens on one of them.
    pub fn runtime(&self) -> io::Result<Runtime> {
        match self.io_threads {
            1 => Builder::new_current_thread().enable_all().build(),
            threads => Builder::new_multi_thread()
                .worker_threads(threads.into())
                .enable_all()
                .build(),
        }
    }

    /// Says what is running and what to type next. If nobody can read it, because
    /// the pipe is closed or the disk is full, that is no reason not to run.
    pub fn print_banner(&self) {
        let _ = writeln!(
            io::stdout(),
            "\n  Step 07: publish and subscribe, listening on {}:{}\n\
             \n  In a second terminal, type:\n\
             \n      redis-cli -h {} -p {}\n\
             \n  and then SUBSCRIBE news. In a third: redis-cli -h {} -p {} PUBLISH news hello.\n  \
             Ctrl-C ends the server.\n",
            self.bind,
            self.port,
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
