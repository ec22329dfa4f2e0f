//! Parameters of how the process runs, and of what it tells about its clients and commands.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use nix::errno::Errno::{EADDRNOTAVAIL, EAFNOSUPPORT};

use super::Change::Immutable;
use super::Kind::{Number, Other, Signed, Text, Word, YesNo};
use super::inert::Accepted;
use super::{Config, Parameter, row};
use crate::aof::system_text;
use crate::clients::Handle;
use crate::keyspace_events::Classes;
use crate::lifecycle::{Request, Save, set_on_signal};

/// Changes a parameter that says where a file is.
pub fn set_protected(config: &mut Config, row: &Parameter, value: &str) -> Result<(), String> {
    if row.name != "dir" {
        return row.set(config, value);
    }
    if config.appendonly {
        return Err("this server cannot change it while the AOF is on".into());
    }
    let folder = Path::new(value).canonicalize();
    let folder = folder.map_err(|error| system_text(&error))?;
    fs::read_dir(&folder).map_err(|error| system_text(&error))?;
    config.dir = folder.display().to_string();
    Ok(())
}

impl Config {
    /// Whether a client may change the parameters that say where files are
    /// (`allowProtectedAction`).
    pub fn trusts(&self, client: &Handle) -> bool {
        is_allowed(&self.service.enable_protected_configs, client)
    }

    /// The addresses to listen on.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let bind = self.service.bind.iter();
        bind.map(|it| (it.address, self.port).into()).collect()
    }

    /// Whether it does not matter that this address cannot be listened on, because this machine does
    /// not have it.
    pub fn may_lack(&self, address: SocketAddr, error: &io::Error) -> bool {
        let missing = [EADDRNOTAVAIL as i32, EAFNOSUPPORT as i32];
        let is_missing = error.raw_os_error().is_some_and(|it| missing.contains(&it));
        let mut bind = self.service.bind.iter();
        is_missing && bind.any(|it| it.address == address.ip() && it.is_optional)
    }

    /// Tells those who cannot look here what has changed.
    pub fn publish_service(&mut self) {
        let service = &self.service;
        set_on_signal(service.shutdown_on_sigterm, service.shutdown_on_sigint);
        self.service.accepted.tell();
    }
}

/// Parameters whose values are not shown where others may look.
pub const SECRETS: &[&str] = &["masterauth", "masteruser", "requirepass"];

fn is_allowed(who: &str, client: &Handle) -> bool {
    who == "yes" || (who == "local" && client.addr.ip().is_loopback())
}

/// Values of the parameters of [`PARAMETERS`], and what a config file has besides.
#[derive(Debug, Clone)]
pub struct Service {
    /// The addresses to listen on, as they were given.
    pub bind: Vec<Bind>,
    /// Run in the background.
    pub daemonize: bool,
    /// The file that gets the number of the process; empty is none.
    pub pidfile: String,
    /// The file that gets the server log; empty is standard error.
    pub logfile: String,
    /// What SIGINT and SIGTERM request, as SHUTDOWN's options.
    pub shutdown_on_sigint: Request,
    pub shutdown_on_sigterm: Request,
    /// Who may change the parameters that say where files are: `no`, `yes` or `local`.
    pub enable_protected_configs: String,
    /// A command that took longer than so many microseconds enters the slow log; -1 is none.
    pub slowlog_log_slower_than: i64,
    pub slowlog_max_len: u64,
    /// An event that took so many milliseconds or more is kept for LATENCY; 0 is none.
    pub latency_monitor_threshold: i64,
    /// Keep a histogram of each command's times.
    pub latency_tracking: bool,
    /// What INFO latencystats shows of it.
    pub percentiles: Vec<f64>,
    pub notify_keyspace_events: Classes,
    /// The values of parameters without effect.
    pub accepted: Accepted,
    /// The config file, which CONFIG REWRITE writes.
    pub file: Option<PathBuf>,
    /// `rename-command`: a command's name and its new one; empty is none.
    pub renames: Vec<(String, String)>,
}

/// An address to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    pub address: IpAddr,
    /// It does not matter if this machine has no such address.
    pub is_optional: bool,
    /// How it was written.
    text: String,
}

impl Default for Service {
    fn default() -> Self {
        let local = "127.0.0.1".parse();
        Self {
            bind: local.into_iter().collect(),
            daemonize: false,
            pidfile: String::new(),
            logfile: String::new(),
            shutdown_on_sigint: Request::default(),
            shutdown_on_sigterm: Request::default(),
            enable_protected_configs: "no".into(),
            slowlog_log_slower_than: 10_000,
            slowlog_max_len: 128,
            latency_monitor_threshold: 0,
            latency_tracking: true,
            percentiles: vec![50.0, 99.0, 99.9],
            notify_keyspace_events: Classes::default(),
            accepted: Accepted::default(),
            file: None,
            renames: Vec::new(),
        }
    }
}

/// What may be forbidden to clients, or to those on other machines.
const PROTECTED: &[&str] = &["no", "yes", "local"];

pub const PARAMETERS: &[Parameter] = &[
    row("bind", Other(get_bind, set_bind)),
    row("daemonize", YesNo(|c| &mut c.service.daemonize)).change(Immutable),
    row(
        "enable-protected-configs",
        Word(PROTECTED, |c| &mut c.service.enable_protected_configs),
    )
    .change(Immutable),
    row(
        "latency-monitor-threshold",
        Signed(0, i64::MAX, |c| &mut c.service.latency_monitor_threshold),
    ),
    row(
        "latency-tracking",
        YesNo(|c| &mut c.service.latency_tracking),
    ),
    row(
        "latency-tracking-info-percentiles",
        Other(get_percentiles, set_percentiles),
    ),
    row("logfile", Text(|c| &mut c.service.logfile)).change(Immutable),
    row(
        "notify-keyspace-events",
        Other(
            |c| c.service.notify_keyspace_events.to_string(),
            set_notify_keyspace_events,
        ),
    ),
    row("pidfile", Text(|c| &mut c.service.pidfile)).change(Immutable),
    row(
        "shutdown-on-sigint",
        Other(
            |c| options(c.service.shutdown_on_sigint),
            |c, value| set_request(&mut c.service.shutdown_on_sigint, value),
        ),
    ),
    row(
        "shutdown-on-sigterm",
        Other(
            |c| options(c.service.shutdown_on_sigterm),
            |c, value| set_request(&mut c.service.shutdown_on_sigterm, value),
        ),
    ),
    row(
        "slowlog-log-slower-than",
        Signed(-1, i64::MAX, |c| &mut c.service.slowlog_log_slower_than),
    ),
    row(
        "slowlog-max-len",
        Number(0, i64::MAX as u64, |c| &mut c.service.slowlog_max_len),
    ),
];

impl std::str::FromStr for Bind {
    type Err = String;

    /// `*` is every IPv4 address, `::*` every IPv6 address.
    fn from_str(text: &str) -> Result<Self, String> {
        let plain = text.strip_prefix('-').unwrap_or(text);
        let address = match plain {
            "*" => Ipv4Addr::UNSPECIFIED.into(),
            "::*" => Ipv6Addr::UNSPECIFIED.into(),
            _ => plain.parse().map_err(|_| "Invalid bind address")?,
        };
        Ok(Self {
            address,
            is_optional: plain != text,
            text: text.to_owned(),
        })
    }
}

fn get_bind(config: &Config) -> String {
    let bind = &config.service.bind;
    let words: Vec<&str> = bind.iter().map(|it| it.text.as_str()).collect();
    words.join(" ")
}

fn set_bind(config: &mut Config, value: &str) -> Result<(), String> {
    let words = value.split_whitespace().map(str::parse);
    let bind = words.collect::<Result<Vec<Bind>, String>>()?;
    config.bind = bind.first().ok_or("give an address to listen on")?.address;
    config.service.bind = bind;
    Ok(())
}

fn set_notify_keyspace_events(config: &mut Config, value: &str) -> Result<(), String> {
    config.service.notify_keyspace_events =
        Classes::parse(value).ok_or("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")?;
    Ok(())
}

fn get_percentiles(config: &Config) -> String {
    let numbers = config.service.percentiles.iter().map(f64::to_string);
    numbers.collect::<Vec<_>>().join(" ")
}

fn set_percentiles(config: &mut Config, value: &str) -> Result<(), String> {
    let mut percentiles = Vec::new();
    for word in value.split_whitespace() {
        let number: f64 = word
            .parse()
            .map_err(|_| "Invalid latency-tracking-info-percentiles parameters")?;
        if !(0.0..=100.0).contains(&number) {
            return Err(
                "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"
                    .into(),
            );
        }
        percentiles.push(number);
    }
    config.service.percentiles = percentiles;
    Ok(())
}

/// SHUTDOWN's options as a parameter has them.
fn options(request: Request) -> String {
    let options = [
        ("save", request.save == Save::Always),
        ("nosave", request.save == Save::Never),
        ("now", request.now),
        ("force", request.force),
    ];
    let given: Vec<&str> = options.iter().filter(|it| it.1).map(|it| it.0).collect();
    match given.is_empty() {
        true => "default".into(),
        false => given.join(" "),
    }
}

fn set_request(field: &mut Request, value: &str) -> Result<(), String> {
    let mut request = Request::default();
    let mut words = value.split_whitespace().peekable();
    let unknown = "argument(s) must be one of the following: default, save, nosave, now, force";
    words.peek().ok_or(unknown)?;
    for word in words {
        match word.to_ascii_lowercase().as_str() {
            "default" => {}
            "save" if request.save != Save::Never => request.save = Save::Always,
            "nosave" if request.save != Save::Always => request.save = Save::Never,
            "save" | "nosave" => {
                return Err("shutdown options SAVE and NOSAVE can't be used simultaneously".into());
            }
            "now" => request.now = true,
            "force" => request.force = true,
            _ => return Err(unknown.into()),
        }
    }
    *field = request;
    Ok(())
}
