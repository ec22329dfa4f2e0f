//! The server's parameters (`config.c` in Redis): each is one row of [`PARAMETERS`], from
//! which the flags, CONFIG GET and CONFIG SET are made.
//!
//! A parameter that this server does not have yet, but that stock tools ask for, has the one
//! value that is true of it: there is no `maxmemory`.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use clap::ValueEnum;
use smart_default::SmartDefault;

use crate::aof::{BaseFormat, Fsync, Location};
use crate::clients::output_limit::{OutputLimit, OutputLimits};
use crate::logging::LogLevel;
use crate::rdb::{self, SavePoint};
use crate::resp::{MAX_BULK, parse_integer};
use crate::util::strtoll;

use self::Change::{Free, Immutable, Protected, Same};
use self::Kind::{Always, FileName, Memory, Number, Other, Seconds, YesNo};

/// The parameters and their values. One without a default here is 0, `no` or nothing at first.
#[derive(Debug, Clone, SmartDefault)]
pub struct Config {
    #[default(Ipv4Addr::LOCALHOST.into())]
    pub bind: IpAddr,
    #[default(6380)]
    pub port: u16,
    #[default(1)]
    pub io_threads: u64,
    /// The longest string that a client may send or build, in bytes.
    #[default(MAX_BULK)]
    pub proto_max_bulk_len: usize,
    /// How many clients there may be at once.
    #[default(10_000)]
    pub maxclients: u64,
    /// For how long a client may be idle before it is disconnected; 0 is for ever.
    pub timeout: Duration,
    /// For how long a connection may be idle before the system sends a TCP keep-alive; 0 is for
    /// ever.
    #[default(Duration::from_secs(300))]
    pub tcp_keepalive: Duration,
    /// Only clients on this machine may connect.
    #[default(true)]
    pub protected_mode: bool,
    #[default(LogLevel::Notice)]
    pub loglevel: LogLevel,
    /// The folder that all files are in or below.
    #[default(".")]
    pub dir: String,
    pub appendonly: bool,
    #[default(Fsync::Everysec)]
    pub appendfsync: Fsync,
    /// What the names of the AOF's files begin with.
    #[default("appendonly.aof")]
    pub appendfilename: String,
    /// The folder of the AOF, in `dir`.
    #[default("appendonlydir")]
    pub appenddirname: String,
    /// The AOF is rewritten when it has grown by so many percent (0 is never) and is
    /// larger than so many bytes.
    #[default(100)]
    pub auto_aof_rewrite_percentage: u64,
    #[default(64 << 20)]
    pub auto_aof_rewrite_min_size: usize,
    /// The base of the AOF is an RDB, not made of commands.
    #[default(true)]
    pub aof_use_rdb_preamble: bool,
    /// The save points: when to save without a command.
    pub save: Vec<SavePoint>,
    /// The name of the RDB file.
    #[default("dump.rdb")]
    pub dbfilename: String,
    #[default(true)]
    pub rdbcompression: bool,
    #[default(true)]
    pub rdbchecksum: bool,
    /// Refuse writes after a save in the background that failed.
    #[default(true)]
    pub stop_writes_on_bgsave_error: bool,
    pub client_output_buffer_limit: OutputLimits,
}

/// One row of [`PARAMETERS`].
pub struct Parameter {
    pub name: &'static str,
    kind: Kind,
    change: Change,
}

/// What values a parameter takes, and where its value is.
enum Kind {
    /// It has this one value.
    Always(&'static str),
    YesNo(fn(&mut Config) -> &mut bool),
    /// A number between these two, both included.
    Number(u64, u64, fn(&mut Config) -> &mut u64),
    /// A number of seconds, at least this many.
    Seconds(u64, fn(&mut Config) -> &mut Duration),
    /// A number of bytes, such as `64mb`, at least this many.
    Memory(u64, fn(&mut Config) -> &mut usize),
    /// A name without a path.
    FileName(fn(&mut Config) -> &mut String),
    /// Text that these functions write and read.
    Other(fn(&Config) -> String, Setter),
}

/// Reads a value, or says in Redis's words what is wrong with it.
type Setter = fn(&mut Config, &str) -> Result<(), String>;

/// Whether CONFIG SET can change a parameter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Free,
    /// It is fixed when the server starts.
    Immutable,
    /// Redis does not let clients change it either, unless told to.
    Protected,
    /// CONFIG SET accepts only the value that it has.
    Same,
}

/// The largest value of most numbers.
const MAX: u64 = i32::MAX as u64;

/// All parameters, by name.
pub const PARAMETERS: &[Parameter] = &[
    row(
        "aof-use-rdb-preamble",
        YesNo(|c| &mut c.aof_use_rdb_preamble),
    ),
    row("appenddirname", FileName(|c| &mut c.appenddirname)).change(Immutable),
    row("appendfilename", FileName(|c| &mut c.appendfilename)).change(Immutable),
    row(
        "appendfsync",
        Other(|c| name_of(&c.appendfsync), set_appendfsync),
    ),
    row("appendonly", YesNo(|c| &mut c.appendonly)),
    row(
        "auto-aof-rewrite-min-size",
        Memory(0, |c| &mut c.auto_aof_rewrite_min_size),
    ),
    row(
        "auto-aof-rewrite-percentage",
        Number(0, MAX, |c| &mut c.auto_aof_rewrite_percentage),
    ),
    row("bind", Other(|c| c.bind.to_string(), set_bind)).change(Same),
    row(
        "client-output-buffer-limit",
        Other(
            |c| c.client_output_buffer_limit.to_string(),
            set_output_limits,
        ),
    ),
    row("databases", Always("1")).change(Immutable),
    row("dbfilename", FileName(|c| &mut c.dbfilename)).change(Protected),
    row("dir", Other(|c| c.dir.clone(), set_dir)).change(Protected),
    row("io-threads", Number(1, 128, |c| &mut c.io_threads)).change(Immutable),
    row("loglevel", Other(|c| name_of(&c.loglevel), set_loglevel)),
    row("maxclients", Number(1, MAX_CLIENTS, |c| &mut c.maxclients)),
    row("maxmemory", Other(|_| "0".into(), set_maxmemory)),
    row("port", Other(|c| c.port.to_string(), set_port)).change(Same),
    row(
        "proto-max-bulk-len",
        Memory(1 << 20, |c| &mut c.proto_max_bulk_len),
    ),
    row("protected-mode", YesNo(|c| &mut c.protected_mode)),
    row("rdbchecksum", YesNo(|c| &mut c.rdbchecksum)).change(Immutable),
    row("rdbcompression", YesNo(|c| &mut c.rdbcompression)),
    row("save", Other(|c| SavePoint::format(&c.save), set_save)),
    row(
        "stop-writes-on-bgsave-error",
        YesNo(|c| &mut c.stop_writes_on_bgsave_error),
    ),
    row("tcp-keepalive", Seconds(0, |c| &mut c.tcp_keepalive)),
    row("timeout", Seconds(0, |c| &mut c.timeout)),
];

/// The most clients that there may be.
const MAX_CLIENTS: u64 = u32::MAX as u64;

/// A parameter that CONFIG SET can change.
const fn row(name: &'static str, kind: Kind) -> Parameter {
    let change = Free;
    Parameter { name, kind, change }
}

impl Parameter {
    const fn change(self, change: Change) -> Self {
        Self { change, ..self }
    }

    /// The parameter called `name`, in upper or lower case.
    pub fn find(name: &[u8]) -> Option<&'static Self> {
        let is_called = |it: &&Self| it.name.as_bytes().eq_ignore_ascii_case(name);
        PARAMETERS.iter().find(is_called)
    }

    pub fn is(&self, change: Change) -> bool {
        self.change == change
    }

    pub fn is_flag(&self) -> bool {
        !matches!(self.kind, Always(_))
    }

    pub fn get(&self, config: &Config) -> String {
        // The rows say where a value is as it is needed to change it.
        let config = &mut config.clone();
        match self.kind {
            Always(value) => value.into(),
            YesNo(field) if *field(config) => "yes".into(),
            YesNo(_) => "no".into(),
            Number(_, _, field) => field(config).to_string(),
            Seconds(_, field) => field(config).as_secs().to_string(),
            Memory(_, field) => field(config).to_string(),
            FileName(field) => field(config).clone(),
            Other(get, _) => get(config),
        }
    }

    /// Parses and stores a value, whether or not CONFIG SET may change it.
    pub fn set(&self, config: &mut Config, value: &str) -> Result<(), String> {
        match self.kind {
            Always(_) => return Err("this server cannot change it".into()),
            YesNo(field) => *field(config) = parse_yes_no(value)?,
            Number(least, most, field) => *field(config) = parse_number(value, least, most)?,
            Seconds(least, field) => {
                *field(config) = Duration::from_secs(parse_number(value, least, MAX)?);
            }
            Memory(least, field) => *field(config) = parse_size(value, least)?,
            FileName(field) => *field(config) = parse_file_name(value)?,
            Other(_, set) => set(config, value)?,
        }
        Ok(())
    }
}

impl Config {
    /// Sets a parameter for CONFIG SET, or says in Redis's words why not.
    pub fn set(&mut self, parameter: &Parameter, value: &[u8]) -> Result<(), String> {
        let value = String::from_utf8_lossy(value);
        match parameter.change {
            Free => parameter.set(self, &value),
            Same if c_string(&value) == parameter.get(self) => Ok(()),
            _ => Err("this server cannot change it".into()),
        }
    }

    /// Where the AOF is.
    pub fn aof_location(&self) -> Location {
        Location {
            folder: Path::new(&self.dir).join(&self.appenddirname),
            name: self.appendfilename.clone(),
        }
    }

    /// What the base of the AOF is made of.
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
}

/// The text up to a NUL byte, where C's strings end. Redis reads all values like that,
/// except for integers, in which a NUL is a wrong digit.
fn c_string(text: &str) -> &str {
    text.split('\0').next().unwrap_or_default()
}

/// Parses a value that only a flag can set.
fn parse_into<T: FromStr>(value: &str, field: &mut T) -> Result<(), String> {
    *field = value.parse().map_err(|_| "it cannot be read")?;
    Ok(())
}

fn set_bind(config: &mut Config, value: &str) -> Result<(), String> {
    parse_into(value, &mut config.bind)
}

fn set_port(config: &mut Config, value: &str) -> Result<(), String> {
    config.port = parse_number(value, 0, u16::MAX.into())? as u16;
    Ok(())
}

fn set_dir(config: &mut Config, value: &str) -> Result<(), String> {
    parse_into(value, &mut config.dir)
}

/// The name of a value that is one of a few, such as `notice`.
fn name_of(value: &impl ValueEnum) -> String {
    let name = value.to_possible_value();
    name.map_or(String::new(), |value| value.get_name().into())
}

fn set_loglevel(config: &mut Config, value: &str) -> Result<(), String> {
    config.loglevel = LogLevel::from_str(c_string(value), true)
        .map_err(|_| "argument(s) must be one of the following: debug, verbose, notice, warning")?;
    Ok(())
}

fn set_appendfsync(config: &mut Config, value: &str) -> Result<(), String> {
    config.appendfsync = Fsync::from_str(c_string(value), true)
        .map_err(|_| "argument(s) must be one of the following: everysec, always, no")?;
    Ok(())
}

fn set_save(config: &mut Config, value: &str) -> Result<(), String> {
    config.save = SavePoint::parse(value).ok_or("Invalid save parameters")?;
    Ok(())
}

fn parse_yes_no(value: &str) -> Result<bool, String> {
    match c_string(value).to_ascii_lowercase().as_str() {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("argument must be 'yes' or 'no'".into()),
    }
}

fn parse_number(value: &str, least: u64, most: u64) -> Result<u64, String> {
    let number =
        parse_integer(value.as_bytes()).ok_or("argument couldn't be parsed into an integer")?;
    within(number, least, most)
}

/// A number of bytes that is `least` or more.
fn parse_size(value: &str, least: u64) -> Result<usize, String> {
    let bytes = parse_memory(value).ok_or("argument must be a memory value")?;
    Ok(within(bytes, least, i64::MAX as u64)? as usize)
}

/// Checks that a number is between these two, both included.
fn within(number: i64, least: u64, most: u64) -> Result<u64, String> {
    let number = u64::try_from(number).ok();
    let number = number.filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("argument must be between {least} and {most} inclusive"))
}

/// The manifest names files by words, so a name must be one.
fn parse_file_name(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    match text.is_empty() || !text.chars().all(plain) || [".", ".."].contains(&text) {
        true => {
            Err("give a name, not a path, of letters, digits, dots, dashes and underscores".into())
        }
        false => Ok(text.to_owned()),
    }
}

fn set_output_limits(config: &mut Config, value: &str) -> Result<(), String> {
    config.client_output_buffer_limit =
        parse_output_limits(value, config.client_output_buffer_limit)?;
    Ok(())
}

/// Reads `class hard soft seconds`, once or for several classes. The others keep the
/// limits that they have in `limits`.
fn parse_output_limits(value: &str, mut limits: OutputLimits) -> Result<OutputLimits, String> {
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
        // As in Redis, of a larger number only the low 32 bits count.
        seconds: u32::try_from(strtoll(seconds)? as i32).ok()?,
    })
}

/// Accepts only 0, because this server has no bound on memory.
fn set_maxmemory(_: &mut Config, value: &str) -> Result<(), String> {
    match parse_memory(value).ok_or("argument must be a memory value")? {
        0 => Ok(()),
        _ => Err("this server cannot change it".into()),
    }
}

/// Reads a size in bytes such as `100`, `64kb` (1024 each) or `64k` (1000 each)
/// (`memtoull`).
///
/// Text without digits is 0. A number that does not fit 64 bits becomes the largest that does, or
/// with a unit whatever the multiplication makes of it, and the bounds of the parameter refuse it.
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
    use super::{parse_memory, parse_output_limits};
    use crate::clients::output_limit::OutputLimits;

    #[test]
    fn limits_are_named_by_class() {
        let limits = |text| parse_output_limits(text, OutputLimits::default());
        let shown = |text| limits(text).map(|limits| limits.to_string());
        assert_eq!(
            shown("PUBSUB 1mb 2k +3 replica kb 99999999999999999999 4294967299"),
            Ok("normal 0 0 0 slave 0 18446744073709551615 3 pubsub 1048576 2000 3".into())
        );
        assert_eq!(limits(""), Ok(OutputLimits::default()));
        for (text, expected) in [
            ("normal 1 2 ", "normal 1 2 0 "),
            ("normal 1 2 -4294967295", "normal 1 2 1 "),
            ("normal 1 2 -99999999999999999999", "normal 1 2 0 "),
        ] {
            let shown = shown(text);
            assert!(shown.is_ok_and(|it| it.starts_with(expected)), "{text:?}");
        }
        for text in [
            " ",
            "pubsub 1 2",
            "pubsub 1 2 3 ",
            "master 1 2 3",
            "pubsub -1 2 3",
            "pubsub 1 2 +",
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
