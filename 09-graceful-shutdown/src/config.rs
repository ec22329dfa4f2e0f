//! What CONFIG GET and CONFIG SET see: the server's parameters (`config.c`).
//!
//! A parameter that this server does not have yet, but that stock tools ask for,
//! has the one value that is true of it: there is no `maxmemory`.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use clap::ValueEnum;

use crate::aof::{BaseFormat, Fsync, Location};
use crate::logging::LogLevel;
use crate::output_limit::{OutputLimit, OutputLimits};
use crate::rdb::{self, SavePoint};
use crate::resp::{MAX_BULK, parse_integer};

/// The parameters and their values.
#[derive(Debug, Clone)]
pub struct Config {
    pub bind: IpAddr,
    pub port: u16,
    pub io_threads: u8,
    /// The longest string that a client may send or build, in bytes.
    pub proto_max_bulk_len: usize,
    /// How many clients there may be at once, replicas included.
    pub maxclients: u64,
    /// After so long without a word, a client has to go; 0 is never.
    pub timeout: Duration,
    /// After so long without a word, the system asks whether the client is still there; 0 is
    /// never.
    pub tcp_keepalive: Duration,
    /// Only clients on this machine are let in.
    pub protected_mode: bool,
    pub loglevel: LogLevel,
    /// The folder that all files are in or below.
    pub dir: String,
    pub appendonly: bool,
    pub appendfsync: Fsync,
    /// What the names of the log's files begin with.
    pub appendfilename: String,
    /// The folder of the log, in `dir`.
    pub appenddirname: String,
    /// The log is written anew when it has grown by so many percent (0 is never) and is
    /// larger than so many bytes.
    pub auto_aof_rewrite_percentage: u64,
    pub auto_aof_rewrite_min_size: u64,
    /// The base of the log is an RDB, not made of commands.
    pub aof_use_rdb_preamble: bool,
    /// When to save of itself.
    pub save: Vec<SavePoint>,
    /// The name of the RDB file.
    pub dbfilename: String,
    pub rdbcompression: bool,
    pub rdbchecksum: bool,
    /// Refuse writes after a save in the background that failed.
    pub stop_writes_on_bgsave_error: bool,
    pub client_output_buffer_limit: OutputLimits,
    /// Clients may not change a replica.
    pub replica_read_only: bool,
    /// A replica answers while it has no link to its primary.
    pub replica_serve_stale_data: bool,
    /// Sentinel promotes the replica with the least; 0 is never.
    pub replica_priority: u32,
    /// After so long without a word, the other side is taken for dead.
    pub repl_timeout: Duration,
    /// How often a primary says PING to its replicas, in seconds.
    pub repl_ping_replica_period: u64,
    /// How long the end waits for replicas; 0 is not at all.
    pub shutdown_timeout: Duration,
}

/// The least that `proto-max-bulk-len` may be, in bytes.
const MIN_BULK: i64 = 1024 * 1024;

/// The most that a number may be.
const MAX_NUMBER: u64 = i32::MAX as u64;

/// One line of [`PARAMETERS`].
pub struct Parameter {
    pub name: &'static str,
    pub get: fn(&Config) -> String,
    set: Setter,
}

/// How CONFIG SET treats a parameter.
enum Setter {
    /// It is fixed when the server starts.
    Immutable,
    /// Redis does not let clients change it either, unless told to.
    Protected,
    /// It cannot be other than it is, so setting it to that is fine.
    Same,
    /// It takes values that the function accepts.
    With(fn(&mut Config, &str) -> Result<(), String>),
}

// Parameters that have a second name, from the time when Redis said `slave`.

const REPL_PING_REPLICA_PERIOD: Parameter = Parameter::new(
    "repl-ping-replica-period",
    |config| config.repl_ping_replica_period.to_string(),
    Setter::With(|config, value| {
        config.repl_ping_replica_period = parse_number(value, 1)?;
        Ok(())
    }),
);

const REPLICA_PRIORITY: Parameter = Parameter::new(
    "replica-priority",
    |config| config.replica_priority.to_string(),
    Setter::With(|config, value| {
        config.replica_priority = parse_number(value, 0)? as u32;
        Ok(())
    }),
);

const REPLICA_READ_ONLY: Parameter = Parameter::new(
    "replica-read-only",
    |config| yes_or_no(config.replica_read_only).into(),
    Setter::With(|config, value| parse_yes_no(value, &mut config.replica_read_only)),
);

const REPLICA_SERVE_STALE_DATA: Parameter = Parameter::new(
    "replica-serve-stale-data",
    |config| yes_or_no(config.replica_serve_stale_data).into(),
    Setter::With(|config, value| parse_yes_no(value, &mut config.replica_serve_stale_data)),
);

/// All parameters, by name.
pub const PARAMETERS: &[Parameter] = &[
    Parameter::new(
        "aof-use-rdb-preamble",
        |config| yes_or_no(config.aof_use_rdb_preamble).into(),
        Setter::With(|config, value| parse_yes_no(value, &mut config.aof_use_rdb_preamble)),
    ),
    Parameter::new(
        "appenddirname",
        |config| config.appenddirname.clone(),
        Setter::Immutable,
    ),
    Parameter::new(
        "appendfilename",
        |config| config.appendfilename.clone(),
        Setter::Immutable,
    ),
    Parameter::new(
        "appendfsync",
        |config| config.appendfsync.name().into(),
        Setter::With(set_appendfsync),
    ),
    Parameter::new(
        "appendonly",
        |config| yes_or_no(config.appendonly).into(),
        Setter::With(|config, value| parse_yes_no(value, &mut config.appendonly)),
    ),
    Parameter::new(
        "auto-aof-rewrite-min-size",
        |config| config.auto_aof_rewrite_min_size.to_string(),
        Setter::With(set_min_size),
    ),
    Parameter::new(
        "auto-aof-rewrite-percentage",
        |config| config.auto_aof_rewrite_percentage.to_string(),
        Setter::With(set_percentage),
    ),
    Parameter::new("bind", |config| config.bind.to_string(), Setter::Same),
    Parameter::new(
        "client-output-buffer-limit",
        |config| config.client_output_buffer_limit.to_string(),
        Setter::With(set_client_output_buffer_limit),
    ),
    Parameter::new("databases", |_| "1".into(), Setter::Immutable),
    Parameter::new(
        "dbfilename",
        |config| config.dbfilename.clone(),
        Setter::Protected,
    ),
    Parameter::new("dir", |config| config.dir.clone(), Setter::Protected),
    Parameter::new(
        "io-threads",
        |config| config.io_threads.to_string(),
        Setter::Immutable,
    ),
    Parameter::new(
        "loglevel",
        |config| config.loglevel.name(),
        Setter::With(set_loglevel),
    ),
    Parameter::new(
        "maxclients",
        |config| config.maxclients.to_string(),
        Setter::With(set_maxclients),
    ),
    Parameter::new("maxmemory", |_| "0".into(), Setter::Same),
    Parameter::new("port", |config| config.port.to_string(), Setter::Same),
    Parameter::new(
        "proto-max-bulk-len",
        |config| config.proto_max_bulk_len.to_string(),
        Setter::With(set_proto_max_bulk_len),
    ),
    Parameter::new(
        "protected-mode",
        |config| yes_or_no(config.protected_mode).into(),
        Setter::With(|config, value| parse_yes_no(value, &mut config.protected_mode)),
    ),
    Parameter::new(
        "rdbchecksum",
        |config| yes_or_no(config.rdbchecksum).into(),
        Setter::Immutable,
    ),
    Parameter::new(
        "rdbcompression",
        |config| yes_or_no(config.rdbcompression).into(),
        Setter::With(|config, value| parse_yes_no(value, &mut config.rdbcompression)),
    ),
    REPL_PING_REPLICA_PERIOD,
    REPL_PING_REPLICA_PERIOD.renamed("repl-ping-slave-period"),
    Parameter::new(
        "repl-timeout",
        |config| config.repl_timeout.as_secs().to_string(),
        Setter::With(|config, value| {
            config.repl_timeout = Duration::from_secs(parse_number(value, 1)?);
            Ok(())
        }),
    ),
    REPLICA_PRIORITY,
    REPLICA_READ_ONLY,
    REPLICA_SERVE_STALE_DATA,
    Parameter::new(
        "save",
        |config| SavePoint::format(&config.save),
        Setter::With(set_save),
    ),
    Parameter::new(
        "shutdown-timeout",
        |config| config.shutdown_timeout.as_secs().to_string(),
        Setter::With(|config, value| parse_period(value, &mut config.shutdown_timeout)),
    ),
    REPLICA_PRIORITY.renamed("slave-priority"),
    REPLICA_READ_ONLY.renamed("slave-read-only"),
    REPLICA_SERVE_STALE_DATA.renamed("slave-serve-stale-data"),
    Parameter::new(
        "stop-writes-on-bgsave-error",
        |config| yes_or_no(config.stop_writes_on_bgsave_error).into(),
        Setter::With(|config, value| parse_yes_no(value, &mut config.stop_writes_on_bgsave_error)),
    ),
    Parameter::new(
        "tcp-keepalive",
        |config| config.tcp_keepalive.as_secs().to_string(),
        Setter::With(|config, value| parse_period(value, &mut config.tcp_keepalive)),
    ),
    Parameter::new(
        "timeout",
        |config| config.timeout.as_secs().to_string(),
        Setter::With(|config, value| parse_period(value, &mut config.timeout)),
    ),
];

impl Parameter {
    const fn new(name: &'static str, get: fn(&Config) -> String, set: Setter) -> Self {
        Self { name, get, set }
    }

    /// The same parameter by another name.
    const fn renamed(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    pub fn is_immutable(&self) -> bool {
        matches!(self.set, Setter::Immutable)
    }

    pub fn is_protected(&self) -> bool {
        matches!(self.set, Setter::Protected)
    }

    /// The parameter called `name`, in any mixture of case.
    pub fn find(name: &[u8]) -> Option<&'static Self> {
        PARAMETERS
            .iter()
            .find(|parameter| parameter.name.as_bytes().eq_ignore_ascii_case(name))
    }
}

impl Config {
    pub fn new(bind: IpAddr, port: u16, io_threads: u8) -> Self {
        Self {
            bind,
            port,
            io_threads,
            proto_max_bulk_len: MAX_BULK,
            maxclients: 10_000,
            timeout: Duration::ZERO,
            tcp_keepalive: Duration::from_secs(300),
            protected_mode: true,
            loglevel: LogLevel::Notice,
            dir: String::new(),
            appendonly: false,
            appendfsync: Fsync::Everysec,
            appendfilename: "appendonly.aof".into(),
            appenddirname: "appendonlydir".into(),
            auto_aof_rewrite_percentage: 100,
            auto_aof_rewrite_min_size: 64 << 20,
            aof_use_rdb_preamble: true,
            save: Vec::new(),
            dbfilename: "dump.rdb".into(),
            rdbcompression: true,
            rdbchecksum: true,
            stop_writes_on_bgsave_error: true,
            client_output_buffer_limit: OutputLimits::default(),
            replica_read_only: true,
            replica_serve_stale_data: true,
            replica_priority: 100,
            repl_timeout: Duration::from_secs(60),
            repl_ping_replica_period: 10,
            shutdown_timeout: Duration::from_secs(10),
        }
    }

    /// Where the log is.
    pub fn log_location(&self) -> Location {
        Location {
            folder: Path::new(&self.dir).join(&self.appenddirname),
            name: self.appendfilename.clone(),
        }
    }

    /// What the base of the log is made of.
    pub fn base_format(&self) -> BaseFormat {
        match self.aof_use_rdb_preamble {
            true => BaseFormat::Rdb(rdb::Options {
                is_base: true,
                ..self.rdb_options()
            }),
            false => BaseFormat::Commands,
        }
    }

    /// Where the RDB file is.
    pub fn rdb_location(&self) -> rdb::Location {
        rdb::Location {
            folder: self.dir.clone().into(),
            name: self.dbfilename.clone(),
        }
    }

    /// How the RDB file is written.
    pub fn rdb_options(&self) -> rdb::Options {
        rdb::Options {
            compression: self.rdbcompression,
            checksum: self.rdbchecksum,
            is_base: false,
        }
    }

    /// Sets a parameter, or says in Redis's words why not.
    pub fn set(&mut self, parameter: &Parameter, value: &[u8]) -> Result<(), String> {
        let value = String::from_utf8_lossy(value);
        match parameter.set {
            Setter::With(set) => set(self, &value),
            Setter::Same if c_string(&value) == (parameter.get)(self) => Ok(()),
            Setter::Immutable | Setter::Protected | Setter::Same => {
                Err("this server cannot change it".into())
            }
        }
    }
}

fn yes_or_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

fn parse_yes_no(value: &str, parameter: &mut bool) -> Result<(), String> {
    *parameter = match c_string(value).to_ascii_lowercase().as_str() {
        "yes" => true,
        "no" => false,
        _ => return Err("argument must be 'yes' or 'no'".into()),
    };
    Ok(())
}

fn set_save(config: &mut Config, value: &str) -> Result<(), String> {
    config.save = SavePoint::parse(value).ok_or("Invalid save parameters")?;
    Ok(())
}

fn set_percentage(config: &mut Config, value: &str) -> Result<(), String> {
    config.auto_aof_rewrite_percentage = parse_number(value, 0)?;
    Ok(())
}

fn set_loglevel(config: &mut Config, value: &str) -> Result<(), String> {
    config.loglevel = LogLevel::from_str(c_string(value), true)
        .map_err(|_| "argument(s) must be one of the following: debug, verbose, notice, warning")?;
    Ok(())
}

fn set_maxclients(config: &mut Config, value: &str) -> Result<(), String> {
    config.maxclients = parse_between(value, 1, u32::MAX.into())?;
    Ok(())
}

/// Seconds, or none.
fn parse_period(value: &str, parameter: &mut Duration) -> Result<(), String> {
    *parameter = Duration::from_secs(parse_number(value, 0)?);
    Ok(())
}

/// A number that is `least` or more.
fn parse_number(value: &str, least: u64) -> Result<u64, String> {
    parse_between(value, least, MAX_NUMBER)
}

fn parse_between(value: &str, least: u64, most: u64) -> Result<u64, String> {
    let number =
        parse_integer(value.as_bytes()).ok_or("argument couldn't be parsed into an integer")?;
    match u64::try_from(number) {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!(
            "argument must be between {least} and {most} inclusive"
        )),
    }
}

fn set_min_size(config: &mut Config, value: &str) -> Result<(), String> {
    let bytes = parse_memory(value).ok_or("argument must be a memory value")?;
    let too_large = |_| format!("argument must be between 0 and {} inclusive", i64::MAX);
    config.auto_aof_rewrite_min_size = u64::try_from(bytes).map_err(too_large)?;
    Ok(())
}

fn set_appendfsync(config: &mut Config, value: &str) -> Result<(), String> {
    config.appendfsync = Fsync::find(c_string(value))
        .ok_or("argument(s) must be one of the following: everysec, always, no")?;
    Ok(())
}

/// The text up to a NUL byte, where C's strings end. Redis reads all values like that,
/// except for integers, in which a NUL is a wrong digit.
fn c_string(text: &str) -> &str {
    text.split('\0').next().unwrap_or_default()
}

fn set_proto_max_bulk_len(config: &mut Config, value: &str) -> Result<(), String> {
    let bytes = parse_memory(value).ok_or("argument must be a memory value")?;
    match usize::try_from(bytes) {
        Ok(length) if bytes >= MIN_BULK => {
            config.proto_max_bulk_len = length;
            Ok(())
        }
        _ => Err(format!(
            "argument must be between {MIN_BULK} and {} inclusive",
            i64::MAX
        )),
    }
}

fn set_client_output_buffer_limit(config: &mut Config, value: &str) -> Result<(), String> {
    config.client_output_buffer_limit =
        parse_output_limits(value, config.client_output_buffer_limit)?;
    Ok(())
}

/// Reads `class hard soft seconds`, once or for several classes. The others keep the
/// limits that they have in `limits`.
pub fn parse_output_limits(value: &str, mut limits: OutputLimits) -> Result<OutputLimits, String> {
    if value.is_empty() {
        return Ok(limits);
    }
    let words: Vec<&str> = value.split(' ').collect();
    let (groups, []) = words.as_chunks() else {
        return Err("Wrong number of arguments in buffer limit configuration.".into());
    };
    for [class, hard, soft, seconds] in groups {
        *limits
            .class(c_string(class))
            .ok_or("Invalid client class specified in buffer limit configuration.")? =
            parse_output_limit(hard, soft, seconds).ok_or(
                "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
            )?;
    }
    Ok(limits)
}

fn parse_output_limit(hard: &str, soft: &str, seconds: &str) -> Option<OutputLimit> {
    Some(OutputLimit {
        hard: parse_memory(hard)? as u64,
        soft: parse_memory(soft)? as u64,
        seconds: parse_seconds(seconds)?,
    })
}

/// Reads as C's `strtoll` does, and keeps the lower 32 bits, as Redis does.
fn parse_seconds(text: &str) -> Option<u32> {
    let text = c_string(text);
    let digits = text.strip_prefix('+').unwrap_or(text);
    let number = match digits {
        "" => 0,
        _ if !digits.bytes().all(|byte| byte.is_ascii_digit()) => return None,
        _ => digits.parse().unwrap_or(i64::MAX),
    };
    u32::try_from(number as i32).ok()
}

/// Reads a size in bytes such as `100`, `64kb` (1024 each) or `64k` (1000 each)
/// (`memtoull`).
///
/// No digits are 0. What is too much for 64 bits is the largest number, or with a unit whatever
/// the multiplication makes of it, and the bounds of the parameter refuse it.
pub fn parse_memory(text: &str) -> Option<i64> {
    let text = c_string(text);
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    let number: u64 = match number {
        "" => 0,
        digits => digits.parse().unwrap_or(u64::MAX),
    };
    Some(number.wrapping_mul(factor) as i64)
}

#[cfg(test)]
mod tests {
    use super::{parse_memory, parse_output_limits};
    use crate::output_limit::OutputLimits;

    #[test]
    fn limits_are_named_by_class() {
        let limits = |text| parse_output_limits(text, OutputLimits::default());
        let shown = |text| limits(text).map(|limits| limits.to_string());
        assert_eq!(
            shown("PUBSUB 1mb 2k +3 replica kb 99999999999999999999 4294967299"),
            Ok("normal 0 0 0 slave 0 18446744073709551615 3 pubsub 1048576 2000 3".into())
        );
        assert_eq!(limits(""), Ok(OutputLimits::default()));
        for text in [
            " ",
            "pubsub 1 2",
            "pubsub 1 2 3 ",
            "master 1 2 3",
            "pubsub -1 2 3",
            "pubsub 1 2 -3",
            "pubsub 1 2 9223372036854775808",
        ] {
            assert!(limits(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(parse_memory("100"), Some(100));
        assert_eq!(parse_memory("1k"), Some(1000));
        assert_eq!(parse_memory("1KB"), Some(1024));
        assert_eq!(parse_memory("2gb"), Some(2 << 30));
        assert_eq!(parse_memory("99999999999999999999"), Some(-1));
        for text in ["-1", "1 kb", "1x", "k1"] {
            assert_eq!(parse_memory(text), None, "{text:?}");
        }
    }
}
