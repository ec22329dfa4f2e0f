//! The command line: the flags, the banner, and what to say when the port
//! cannot be opened.
//!
//! Each parameter is a flag. Flags are spelled as `redis-server` spells them, so that a
//! command line can be moved from one to the other.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command};
use tokio::runtime::{Builder, Runtime};

use crate::command::REDIS_VERSION;
use crate::config::{Config, Parameter, parameters};
use crate::rdb::SavePoint;

/// The flags, as they were given.
#[derive(Debug)]
pub struct Cli {
    pub config: Config,
}

/// The save points of a server that is started without `--save`.
const SAVE: &str = "3600 1 300 100 60 10000";

impl Cli {
    /// Reads the flags. If they are wrong, ends the process with an explanation.
    pub fn parse() -> Self {
        let save = SavePoint::parse(SAVE).unwrap_or_default();
        let config = Config {
            save,
            ..Config::default()
        };
        #[cfg(feature = "client-lifecycle")]
        if let Some(config) = crate::command_line::read(&config) {
            return Self { config };
        }
        let mut command = command(&config);
        let matches = command.get_matches_mut();
        Self::read(&matches, config).unwrap_or_else(|reason| {
            let error = command.error(ErrorKind::ValueValidation, reason);
            error.exit()
        })
    }

    fn read(matches: &ArgMatches, mut config: Config) -> Result<Self, String> {
        for parameter in parameters().filter(|it| it.is_flag()) {
            let name = parameter.name;
            for value in values(matches, name) {
                let wrong = |reason| format!("cannot use --{name} {value:?}: {reason}");
                parameter.set(&mut config, &value).map_err(wrong)?;
            }
        }
        Ok(Self { config })
    }

    /// The parameters, or why the server cannot start with them.
    pub fn config(&self) -> Result<Config, String> {
        self.check_bind()?;
        let dir = &self.config.dir;
        let no_folder = |error| format!("cannot use --dir {dir}: {error}");
        let folder = Path::new(dir).canonicalize().map_err(no_folder)?;
        Ok(Config {
            dir: folder.display().to_string(),
            ..self.config.clone()
        })
    }

    /// Refuses an address that other machines can reach, unless `--protected-mode no` is given,
    /// because whoever can reach the port can do everything.
    fn check_bind(&self) -> Result<(), String> {
        match self.config.protected_mode && !self.config.bind.is_loopback() {
            false => Ok(()),
            true => Err(format!(
                "cannot use --bind {}: whoever can reach that address could read, change and \
                 delete everything, because there are no passwords. If you mean it, say \
                 --protected-mode no; otherwise leave --bind out",
                self.config.bind
            )),
        }
    }

    /// Tokio's reactor with as many threads as asked for. Everything that a
    /// client needs happens on one of them.
    pub fn runtime(&self) -> io::Result<Runtime> {
        match self.config.io_threads {
            1 => Builder::new_current_thread().enable_all().build(),
            threads => Builder::new_multi_thread()
                .worker_threads(threads as usize)
                .enable_all()
                .build(),
        }
    }

    /// Prints what is running, what it has loaded, and what to type next. An error, such as a
    /// closed pipe or a full disk, is ignored: it is no reason not to run.
    pub fn print_banner(&self, keys: usize) {
        let source = match self.config.appendonly {
            true => format!("the AOF in {}", self.config.appenddirname),
            false => self.config.dbfilename.clone(),
        };
        let loaded = match keys {
            0 => "no data yet".into(),
            1 => format!("1 key from {source}"),
            _ => format!("{keys} keys from {source}"),
        };
        let _ = writeln!(
            io::stdout(),
            "\n  The advanced track, version {} (as Redis {REDIS_VERSION}), \
             listening on {}:{}\n  Loaded: {loaded}\n\
             \n  In a second terminal, type:\n\
             \n      redis-cli -h {} -p {}\n\
             \n  and then SET greeting hello. Press Ctrl-C here, start it again, and GET greeting.\n",
            env!("CARGO_PKG_VERSION"),
            self.config.bind,
            self.config.port,
            self.config.bind,
            self.config.port,
        );
    }

    /// Why the port could not be opened at this address, and what to do.
    pub fn explain_bind_error(&self, address: SocketAddr, error: &io::Error) -> String {
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
        format!("cannot listen on {address}: {error} ({hint})")
    }
}

fn command(defaults: &Config) -> Command {
    let flag = |parameter: &Parameter| {
        let flag = Arg::new(parameter.name).long(parameter.name);
        // A flag may come twice, as in Redis, and may have several words.
        flag.num_args(1..)
            .action(ArgAction::Append)
            .value_name("VALUE")
            .help(format!("[default: {}]", parameter.get(defaults)))
    };
    let flags = parameters().filter(|it| it.is_flag()).map(flag);
    Command::new(env!("CARGO_PKG_NAME"))
        .about(env!("CARGO_PKG_DESCRIPTION"))
        .version(env!("CARGO_PKG_VERSION"))
        .after_help("The flags are the parameters of redis.conf; src/config.rs says what each is.")
        .args(flags)
}

/// The values of a flag, in order; the words of one are joined as in Redis.
fn values(matches: &ArgMatches, name: &str) -> Vec<String> {
    let occurrences = matches
        .get_occurrences::<String>(name)
        .into_iter()
        .flatten();
    let values = occurrences.map(|words| words.map(String::as_str).collect::<Vec<_>>().join(" "));
    let values: Vec<String> = values.collect();
    match name {
        // Save points add up, and an empty value takes back those before it.
        "save" if !values.is_empty() => {
            let last = values.rsplit(String::is_empty).next();
            vec![last.unwrap_or_default().join(" ")]
        }
        _ => values,
    }
}
