//! The command line: every option, its default and its limits.
//!
//! This file owns what may be asked for; what it means is in the files that use
//! it. The defaults are chosen so that everything, both servers included, takes
//! about two minutes.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::keyspace::MAX_KEYS;
use crate::scenario::Scenario;

/// Measures p50, p95 and p99 of the workshop's server against real Redis.
#[derive(Debug, Parser)]
#[command(version, about)]
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
    #[arg(
        long,
        value_name = "ARGS",
        default_value = "",
        hide_default_value = true
    )]
    #[arg(allow_hyphen_values = true)]
    pub server_args: String,

    /// The Redis to compare with [default: redis-server on the PATH].
    #[arg(long, value_name = "PATH")]
    pub redis_bin: Option<PathBuf>,

    /// Length of one measurement, in seconds.
    #[arg(long, default_value = "1.5", value_parser = seconds)]
    pub seconds: Duration,

    /// Time before each measurement that is not counted, in seconds.
    #[arg(long, default_value = "0.3", value_parser = seconds)]
    pub warmup: Duration,

    /// Measurements of each server in each scenario.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub rounds: u16,

    /// Keys in the key space.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=MAX_KEYS))]
    pub keys: u32,

    /// Measure only this scenario; may be given more than once
    /// [default: 1x1, 50x1 and 50x16, with values of 16 and of 1024 bytes].
    #[arg(long = "scenario", value_name = "CLIENTSxPIPELINExBYTES")]
    pub scenarios: Vec<Scenario>,

    /// Seed of the choice of keys and commands.
    #[arg(long, default_value_t = 10)]
    pub seed: u64,

    /// Show GET and SET in rows of their own.
    #[arg(long)]
    pub split: bool,

    /// Write all results to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

impl Options {
    /// The scenarios to measure: those asked for, or the standard six.
    pub fn scenarios(&self) -> Vec<Scenario> {
        if self.scenarios.is_empty() {
            Scenario::standard()
        } else {
            self.scenarios.clone()
        }
    }
}

/// Reads `localhost:6379` or `[::1]:6379`.
fn host_and_port(text: &str) -> Result<String, String> {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
            Ok(text.to_owned())
        }
        _ => Err("expected HOST:PORT, such as 127.0.0.1:6379".to_owned()),
    }
}

/// Reads a number of seconds between 0 (not included) and an hour.
fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number <= 3600.0 => Ok(Duration::from_secs_f64(number)),
        _ => Err("expected a number of seconds above 0, at most 3600".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Options::command().debug_assert();
    }

    #[test]
    fn a_standard_run_takes_less_than_three_minutes() {
        let options = Options::parse_from(["bench"]);
        let each = options.seconds + options.warmup;
        let measurements = options.scenarios().len() as u32 * u32::from(options.rounds) * 2;
        assert!(each * measurements < Duration::from_secs(150));
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
    fn seconds_are_positive_and_finite() {
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        for wrong in ["0", "-1", "NaN", "inf", "3601", "two"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
