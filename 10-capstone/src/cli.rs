//! The command line: every option, its default and its limits.
//!
//! This file owns the options; what they mean is in the files that use them. With the defaults, a
//! run with all servers takes between two and three minutes.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Parser;

use crate::load::keyspace::MAX_KEYS;
use crate::scenario::{self, Scenario};
use crate::standard::{self, BESIDE, MORE, PLAIN, TYPES};

/// Measures p50, p95 and p99 of the workshop's server against real Redis.
#[derive(Debug, Parser)]
// A flag may come twice, and the last one counts, as in Redis.
#[command(version, about, args_override_self = true)]
pub struct Options {
    /// Measure a server that already runs, instead of starting the newest step's.
    #[arg(long, value_name = "HOST:PORT", value_parser = host_and_port)]
    #[arg(conflicts_with_all = ["server_bin", "server_args"])]
    pub server: Option<String>,

    /// Compare with a Redis that already runs, instead of starting one.
    #[arg(long, value_name = "HOST:PORT", value_parser = host_and_port)]
    #[arg(conflicts_with = "redis_bin")]
    pub redis: Option<String>,

    /// The server to measure [default: the newest step's release build].
    #[arg(long, value_name = "PATH")]
    pub server_bin: Option<PathBuf>,

    /// More arguments for the server to measure, separated by spaces.
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    pub server_args: Option<String>,

    /// The Redis to compare with [default: redis-server on the PATH].
    #[arg(long, value_name = "PATH")]
    pub redis_bin: Option<PathBuf>,

    /// Measure one more server: its name, and the command that starts it. `{port}` in the command
    /// stands for the port to listen on; without it, `--port` and the port come first. May be given
    /// more than once.
    #[arg(long = "peer", value_name = "NAME=COMMAND", value_parser = peer)]
    pub peers: Vec<Peer>,

    /// Measure ours and Redis a second time with this many I/O threads (Redis also with
    /// io-threads-do-reads).
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(2..=128))]
    pub io_threads: Option<u8>,

    /// Measure every step from 03 on that is built, not only the newest.
    #[arg(long, conflicts_with_all = ["server", "server_bin"])]
    pub all_steps: bool,

    /// Leave out the floor, which is the same traffic against step 01's echo.
    #[arg(long)]
    pub no_floor: bool,

    /// Length of one measurement, in seconds.
    #[arg(long, default_value = "0.25", value_parser = seconds)]
    pub seconds: Duration,

    /// Length of the warm-up before each measurement, in seconds.
    #[arg(long, default_value = "0.1", value_parser = seconds)]
    pub warmup: Duration,

    /// Number of measurements of each server in each scenario.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub rounds: u16,

    /// Number of keys.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=MAX_KEYS))]
    pub keys: u32,

    /// Measure more scenarios: other commands than GET and SET, and the longest values.
    #[arg(long, conflicts_with_all = ["all_steps", "scenarios", "rate", "pause"])]
    pub full: bool,

    /// Measure only this scenario; may be given more than once. After the three numbers may follow,
    /// separated by commas: get=90, incr, mget, mset, del, expire, a command on another type (hset,
    /// lpop=50 …), zipf, aof=everysec, aof=always, bgsave, replica, pubsub, blpop, rate=20000 and
    /// pause=200ms.
    #[arg(long = "scenario", value_name = "CLIENTSxPIPELINExBYTES[,…]")]
    pub scenarios: Vec<Scenario>,

    /// Send this many commands per second, whether earlier ones are answered or not (an open loop),
    /// in each scenario [default scenario: 50x1x16].
    #[arg(long, value_name = "PER_SECOND", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub rate: Option<u32>,

    /// Stop the server for this time in the middle of each measurement. Without other options it
    /// shows what a closed loop and an open loop notice of it.
    #[arg(long, value_name = "TIME", value_parser = scenario::milliseconds)]
    pub pause: Option<u64>,

    /// Compare the figures with those of redis-benchmark on the same Redis.
    #[arg(long)]
    pub cross_check: bool,

    /// Seed of the random choice of keys and commands.
    #[arg(long, default_value_t = 10)]
    pub seed: u64,

    /// Show GET and SET in separate rows.
    #[arg(long)]
    pub split: bool,

    /// Write all results to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// Write a page with curves and bars to this file; it needs no network.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// Write the latency curves of the first scenario to this file.
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
}

impl Options {
    /// The scenarios to measure: those of `--scenario`, or a list that fits the other options.
    pub fn scenarios(&self) -> Result<Vec<Scenario>> {
        let list = match (self.pause, self.rate) {
            (Some(_), _) => standard::DEMONSTRATION,
            (None, Some(_)) => &[standard::OPEN],
            (None, None) if self.all_steps => standard::ALL_STEPS,
            (None, None) if self.full => &[PLAIN, TYPES, MORE, BESIDE].concat(),
            (None, None) => &[PLAIN, TYPES, BESIDE].concat(),
        };
        let mut scenarios = self.scenarios.clone();
        if scenarios.is_empty() {
            scenarios = standard::scenarios(list);
        }
        // The demonstration of a pause has a closed loop, which must stay closed.
        let demonstrates = self.scenarios.is_empty() && self.pause.is_some();
        for scenario in &mut scenarios {
            scenario.pause_ms = self.pause.or(scenario.pause_ms);
            if !demonstrates || scenario.rate.is_some() {
                scenario.rate = self.rate.or(scenario.rate);
            }
            scenario.check()?;
            let (pause, seconds) = (scenario.pause().unwrap_or_default(), self.seconds);
            ensure!(
                pause < seconds,
                "a pause of {pause:?} does not fit into {seconds:?}: make --seconds longer"
            );
        }
        Ok(scenarios)
    }
}

/// A server from another project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    pub name: String,
    pub program: PathBuf,
    pub arguments: Vec<String>,
}

/// Parses a peer such as `mini=mini-redis-server --port {port}`.
fn peer(text: &str) -> Result<Peer> {
    let expected = "expected NAME=COMMAND, such as 'mini=mini-redis-server --port {port}'";
    let (name, command) = text.split_once('=').context(expected)?;
    let mut arguments = shlex::split(command).context(expected)?;
    ensure!(!name.is_empty() && !arguments.is_empty(), expected);
    let taken = ["ours", "redis", "floor"].contains(&name);
    ensure!(!taken, "'{name}' is measured already: choose another name");
    Ok(Peer {
        name: name.to_owned(),
        program: arguments.remove(0).into(),
        arguments,
    })
}

/// Parses an address such as `localhost:6379` or `[::1]:6379`.
fn host_and_port(text: &str) -> Result<String> {
    let parts = text.rsplit_once(':');
    let parts = parts.filter(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    let address = parts.map(|_| text.to_owned());
    address.context("expected HOST:PORT, such as 127.0.0.1:6379")
}

/// Parses a number of seconds above 0 and up to an hour.
fn seconds(text: &str) -> Result<Duration> {
    let number = text.parse().ok().filter(|it| *it > 0.0 && *it <= 3600.0);
    let seconds = number.map(Duration::from_secs_f64);
    seconds.context("expected a number of seconds above 0, at most 3600")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Options::command().debug_assert();
    }

    fn scenarios(arguments: &[&str]) -> Result<Vec<String>> {
        let options = Options::parse_from([&["bench"], arguments].concat());
        let scenarios = options.scenarios()?.into_iter();
        Ok(scenarios.map(|scenario| scenario.to_string()).collect())
    }

    #[test]
    fn a_standard_run_takes_less_than_three_minutes() {
        let options = Options::parse_from(["bench"]);
        let each = options.seconds + options.warmup;
        let sides = |scenario: &Scenario| 2 + u32::from(scenario.has_floor());
        let sides: u32 = options.scenarios().unwrap().iter().map(sides).sum();
        assert!(each * sides * u32::from(options.rounds) < Duration::from_secs(140));
    }

    #[test]
    fn options_choose_scenarios() {
        assert!(scenarios(&[]).unwrap().len() > 10);
        assert_eq!(scenarios(&["--all-steps"]).unwrap().len(), 3);
        let full = scenarios(&["--full"]).unwrap();
        for name in [
            "50×16, 16 B, INCR",
            "50×16, 16 B, MGET of 10",
            "50×1, 1 MiB",
        ] {
            assert!(full.contains(&name.to_owned()), "{full:?}");
        }
        let rate = scenarios(&["--rate=500"]).unwrap();
        assert_eq!(rate, ["50×1, 16 B, open, 500/s"]);
        let both = scenarios(&["--rate=500", "--scenario=1x1x16"]).unwrap();
        assert_eq!(both, ["1×1, 16 B, open, 500/s"]);
        assert!(scenarios(&["--rate=500", "--scenario=1x2x16"]).is_err());
    }

    #[test]
    fn a_pause_alone_is_seen_by_both_loops() {
        let found = scenarios(&["--pause=200ms", "--rate=500"]).unwrap();
        assert_eq!(
            found,
            [
                "50×1, 16 B, 200 ms pause",
                "50×1, 16 B, open, 500/s, 200 ms pause"
            ]
        );
        assert!(scenarios(&["--pause=200ms", "--seconds=0.2"]).is_err());
    }

    #[test]
    fn an_address_has_a_port() {
        assert!(host_and_port("localhost:6379").is_ok());
        assert!(host_and_port("[::1]:6379").is_ok());
        for wrong in [
            "localhost",
            ":6379",
            "localhost:",
            "localhost:65536",
            "[::1]",
        ] {
            assert!(host_and_port(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_peer_has_a_name_and_a_command() {
        let found = peer("mini='/a b/mini' --port {port}").unwrap();
        assert_eq!((&*found.name, found.program), ("mini", "/a b/mini".into()));
        assert_eq!(found.arguments, ["--port", "{port}"]);
        for wrong in ["mini", "=mini", "mini=", "redis=redis-server", "mini='"] {
            assert!(peer(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn seconds_are_positive_and_finite() {
        assert_eq!(seconds("0.25").unwrap(), Duration::from_millis(250));
        for wrong in ["0", "-1", "NaN", "inf", "3601", "two"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
