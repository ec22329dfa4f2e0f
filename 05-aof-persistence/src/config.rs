//! What CONFIG GET and CONFIG SET see: the server's parameters (`config.c`).
//!
//! A parameter that this server does not have yet, but that stock tools ask for,
//! has the one value that is true of it: `save` is empty.

use std::net::IpAddr;
use std::time::Duration;

use clap::ValueEnum;
use std::path::Path;

use crate::aof::{Fsync, Location};
use crate::logging::LogLevel;
use crate::resp::{MAX_BULK, parse_integer};

/// The parameters and their values.
#[derive(Debug, Clone)]
pub struct Config {
    pub bind: IpAddr,
    pub port: u16,
    pub io_threads: u8,
    /// The longest string that a client may send or build, in bytes.
    pub proto_max_bulk_len: usize,
    /// How many clients there may be at once.
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

/// All parameters, by name.
pub const PARAMETERS: &[Parameter] = &[
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
        Setter::With(set_appendonly),
    ),
    Parameter::new("bind", |config| config.bind.to_string(), Setter::Same),
    Parameter::new("databases", |_| "1".into(), Setter::Immutable),
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
    Parameter::new("save", |_| String::new(), Setter::Same),
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
        }
    }

    /// Where the log is.
    pub fn log_location(&self) -> Location {
        Location {
            folder: Path::new(&self.dir).join(&self.appenddirname),
            name: self.appendfilename.clone(),
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

fn set_appendonly(config: &mut Config, value: &str) -> Result<(), String> {
    config.appendonly = match c_string(value).to_ascii_lowercase().as_str() {
        "yes" => true,
        "no" => false,
        _ => return Err("argument must be 'yes' or 'no'".into()),
    };
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

fn parse_yes_no(value: &str, parameter: &mut bool) -> Result<(), String> {
    *parameter = match c_string(value).to_ascii_lowercase().as_str() {
        "yes" => true,
        "no" => false,
        _ => return Err("argument must be 'yes' or 'no'".into()),
    };
    Ok(())
}

/// Reads a size in bytes such as `100`, `64kb` (1024 each) or `64k` (1000 each)
/// (`memtoull`).
///
/// No digits are 0. What is too much for 64 bits is the largest number, or with a unit whatever
/// the multiplication makes of it, and the bounds of the parameter refuse it.
fn parse_memory(text: &str) -> Option<i64> {
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
    use super::parse_memory;

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
