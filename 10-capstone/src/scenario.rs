//! A scenario: what is sent to a server, and what the server does besides answering.
//!
//! This file owns how a scenario is written, on the command line and in a report. A scenario is
//! plain data, so a new one is a line in `standard.rs` and nothing else.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Error, Result, bail};
use serde::Serialize;

use crate::operation::Operation;

/// The highest number of clients, below the 1,024 open files that many systems allow a process.
const MAX_CLIENTS: u32 = 1000;
/// The highest number of commands in flight on one connection.
const MAX_PIPELINE: u32 = 1000;
/// The longest value in bytes: 1 MiB.
const MAX_VALUE_BYTES: u32 = 1024 * 1024;
/// The highest rate: ten times what one thread can send.
const MAX_RATE: u32 = 10_000_000;
/// How long a pause may be, in milliseconds.
const PAUSE_MS: RangeInclusive<u64> = 1..=60_000;

/// The shortest value that can be a member of a collection.
const LEAST_MEMBER: u32 = 16;
/// The longest number that INCR is measured with, in digits.
const MAX_DIGITS: u32 = 18;
/// The most bytes that an echo may be sent at once. An echo stops reading while it cannot write, so
/// a client that sends more than the sockets hold waits forever.
const MAX_ECHO_BYTES: usize = 256 * 1024;

/// One kind of load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Scenario {
    /// Connections. In a closed loop, each has one batch in flight.
    pub clients: u16,
    /// Commands in a batch, which are sent before the first reply is awaited.
    pub pipeline: u16,
    /// Length of each value, in bytes.
    pub value_bytes: u32,
    /// The command that is measured, and its share in percent; the others are its maker.
    pub operation: Operation,
    pub percent: u8,
    pub popularity: Popularity,
    pub condition: Condition,
    /// Commands per second in an open loop; without it, the loop is closed.
    pub rate: Option<u32>,
    /// How long the server is stopped in the middle of a measurement, in milliseconds.
    pub pause_ms: Option<u64>,
}

/// How often each key is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Popularity {
    /// Every key equally often.
    Uniform,
    /// A few keys very often and most keys rarely, by Zipf's law.
    Zipf,
}

/// What the server does besides answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Nothing: no AOF, no snapshot, no replica.
    Plain,
    /// It appends each write to the AOF and calls fsync once a second.
    AofEverysec,
    /// It appends each write to the AOF and calls fsync before it replies.
    AofAlways,
    /// It saves one snapshot after the other.
    Bgsave,
    /// It has a replica, which is a stock `redis-server`.
    Replica,
    /// One publisher sends messages, and each client is a subscriber.
    Pubsub,
    /// One client pushes elements to a list, and each of the others waits for one with BLPOP.
    Blpop,
}

impl Condition {
    /// Does one client send what the others wait for? Then no key is needed.
    pub fn is_fanout(self) -> bool {
        matches!(self, Self::Pubsub | Self::Blpop)
    }
}

impl Scenario {
    /// Half GET and half SET, on keys that are used equally often, in a closed loop, on a server
    /// that does nothing besides.
    pub const fn plain(clients: u16, pipeline: u16, value_bytes: u32) -> Self {
        Self {
            clients,
            pipeline,
            value_bytes,
            operation: Operation::Get,
            percent: 50,
            popularity: Popularity::Uniform,
            condition: Condition::Plain,
            rate: None,
            pause_ms: None,
        }
    }

    /// The most bytes that the replies to one batch can have: each value with its `$1024\r\n…\r\n`.
    /// An echo sends back the request, which is longer.
    pub fn reply_bytes(&self) -> usize {
        let keys = usize::from(self.pipeline) * self.operation.keys() as usize;
        keys * (self.value_bytes as usize + 80)
    }

    /// Can an echo have the same load? It cannot if the server has to do something besides
    /// answering.
    pub fn has_floor(&self) -> bool {
        let plain = self.condition == Condition::Plain && self.reply_bytes() <= MAX_ECHO_BYTES;
        plain && self.rate.is_none() && self.pause_ms.is_none()
    }

    pub fn pause(&self) -> Option<Duration> {
        self.pause_ms.map(Duration::from_millis)
    }

    /// The first part of the name: clients, pipeline and length of the values.
    pub fn shape(&self) -> String {
        let (clients, pipeline) = (self.clients, self.pipeline);
        let size = match self.value_bytes {
            MAX_VALUE_BYTES => "1 MiB".to_owned(),
            bytes if bytes >= 1024 && bytes % 1024 == 0 => format!("{} KiB", bytes / 1024),
            bytes => format!("{bytes} B"),
        };
        let is_fanout = self.condition.is_fanout();
        let publisher = if is_fanout { "1→" } else { "" };
        format!("{publisher}{clients}×{pipeline}, {size}")
    }

    /// The second part of the name: everything in which the scenario differs from a plain one.
    pub fn details(&self) -> Vec<String> {
        let condition = CONDITIONS.iter().find(|(it, ..)| *it == self.condition);
        let condition = condition.map(|(.., name)| (*name).to_owned());
        let commands = match (self.operation, self.percent, self.operation.keys()) {
            (Operation::Get, 50, _) => None,
            (operation, 100, 1) => Some(operation.to_string()),
            (operation, 100, keys) => Some(format!("{operation} of {keys}")),
            (operation, percent, _) => Some(format!("{percent} % {operation}")),
        };
        let zipf = (self.popularity == Popularity::Zipf).then(|| "Zipf keys".to_owned());
        let rate = self.rate.map(|rate| format!("open, {rate}/s"));
        let pause = self.pause_ms.map(|pause| format!("{pause} ms pause"));
        let all = [commands, zipf, condition, rate, pause];
        all.into_iter().flatten().collect()
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [vec![self.shape()], self.details()].concat();
        out.pad(&parts.join(", "))
    }
}

impl FromStr for Scenario {
    type Err = Error;

    /// Reads a scenario such as `50x1x16,get=90,zipf`: clients, pipeline, bytes of a value, then
    /// words.
    fn from_str(text: &str) -> Result<Self> {
        let mut words = text.split(',');
        let scenario = words.next().and_then(read_shape);
        let mut scenario = scenario.with_context(|| {
            format!(
                "'{text}' is no scenario: expected CLIENTSxPIPELINExBYTES, such as 50x16x1024, \
                 up to {MAX_CLIENTS}x{MAX_PIPELINE}x{MAX_VALUE_BYTES}, and then perhaps {WORDS}"
            )
        })?;
        for word in words {
            let added = scenario.add(word);
            added.with_context(|| format!("'{word}' in '{text}' is not one of {WORDS}"))?;
        }
        scenario.check()?;
        Ok(scenario)
    }
}

/// The words for conditions: on the command line, and in a report.
const CONDITIONS: [(Condition, &str, &str); 6] = [
    (Condition::AofEverysec, "aof=everysec", "AOF everysec"),
    (Condition::AofAlways, "aof=always", "AOF always"),
    (Condition::Bgsave, "bgsave", "during BGSAVE"),
    (Condition::Replica, "replica", "one replica"),
    (Condition::Pubsub, "pubsub", "pub/sub"),
    (Condition::Blpop, "blpop", "BLPOP"),
];

/// The words that may follow the three numbers.
const WORDS: &str = "get=PERCENT (or incr, mget, mset, del, expire, hset, hget, hgetall, lpush, \
                     lpop, lrange, sadd, srem, sismember, sinter, zadd, zrange, zrank, with or \
                     without =PERCENT), zipf, aof=everysec, aof=always, bgsave, replica, pubsub, \
                     blpop, rate=PER_SECOND or pause=200ms";

fn read_shape(text: &str) -> Option<Scenario> {
    let numbers = text.split('x').collect::<Vec<_>>();
    let [clients, pipeline, bytes] = numbers[..] else {
        return None;
    };
    Some(Scenario::plain(
        within(clients, 1, MAX_CLIENTS)? as u16,
        within(pipeline, 1, MAX_PIPELINE)? as u16,
        within(bytes, 1, MAX_VALUE_BYTES)?,
    ))
}

impl Scenario {
    /// Applies one word; `None` if the word is unknown.
    fn add(&mut self, word: &str) -> Option<()> {
        let (name, value) = word.split_once('=').unwrap_or((word, ""));
        if let Ok(operation) = name.parse() {
            self.operation = operation;
            self.percent = within(if word == name { "100" } else { value }, 0, 100)? as u8;
            return Some(());
        }
        match (name, value) {
            ("zipf", "") => self.popularity = Popularity::Zipf,
            ("rate", rate) => self.rate = Some(within(rate, 1, MAX_RATE)?),
            ("pause", pause) => self.pause_ms = Some(milliseconds(pause).ok()?),
            _ => self.condition = CONDITIONS.iter().find(|(_, it, _)| *it == word)?.0,
        }
        Some(())
    }

    /// Refuses combinations that cannot be measured.
    pub fn check(&self) -> Result<()> {
        match (self.operation, self.condition, self.rate) {
            (_, it, Some(_)) if it.is_fanout() => {
                bail!("pubsub and blpop are closed loops, and have no rate")
            }
            (_, Condition::Blpop, _) if self.pipeline > 1 => {
                bail!("with blpop, elements are pushed one by one: let the pipeline be 1")
            }
            (_, _, Some(_)) if self.pipeline > 1 => {
                bail!("with a rate, commands are sent one by one: let the pipeline be 1")
            }
            (Operation::Incr, ..) if self.value_bytes > MAX_DIGITS => {
                bail!("incr counts up a number, of {MAX_DIGITS} bytes at most")
            }
            (it, ..) if it.members() > 1 && self.value_bytes < LEAST_MEMBER => {
                bail!("members are told apart by {LEAST_MEMBER} bytes: let values be no shorter")
            }
            _ => Ok(()),
        }
    }
}

fn within(text: &str, least: u32, most: u32) -> Option<u32> {
    let number = text.parse().ok()?;
    (least..=most).contains(&number).then_some(number)
}

/// Reads the length of a pause, such as `200ms` or `1s`, in milliseconds.
pub fn milliseconds(text: &str) -> Result<u64> {
    let pause = humantime::parse_duration(text).ok();
    let pause = pause.map(|it| it.as_millis() as u64);
    let pause = pause.filter(|it| PAUSE_MS.contains(it));
    pause.context("expected a time from 1ms to 60s, such as 200ms")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_is_three_numbers() {
        let scenario: Scenario = "50x16x1024".parse().unwrap();
        assert_eq!(scenario, Scenario::plain(50, 16, 1024));
        assert_eq!(scenario.to_string(), "50×16, 1 KiB");
    }

    #[test]
    fn words_say_more() {
        for (text, name) in [
            ("1x1x16,get=90,zipf", "1×1, 16 B, 90 % GET, Zipf keys"),
            ("50x1x16,aof=always", "50×1, 16 B, AOF always"),
            ("50x16x16,mget", "50×16, 16 B, MGET of 10"),
            ("50x16x16,del=50,zipf", "50×16, 16 B, 50 % DEL, Zipf keys"),
            ("50x1x1048576", "50×1, 1 MiB"),
            ("50x1x65536,bgsave", "50×1, 64 KiB, during BGSAVE"),
            ("50x1x16,pubsub", "1→50×1, 16 B, pub/sub"),
            ("50x1x16,blpop", "1→50×1, 16 B, BLPOP"),
            ("50x16x16,hgetall", "50×16, 16 B, HGETALL of 10"),
            ("50x16x16,lpop=50", "50×16, 16 B, 50 % LPOP"),
            (
                "50x1x16,rate=20000,pause=200ms",
                "50×1, 16 B, open, 20000/s, 200 ms pause",
            ),
        ] {
            assert_eq!(text.parse::<Scenario>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn limits_hold_and_one_past_them_does_not() {
        for right in [
            "1000x1000x1048576",
            "1x1x1",
            "1x1x1,get=0",
            "1x1x1,get=100",
            "1x1x18,incr",
            "1x1x1,rate=10000000",
            "1x1x1,pause=60s",
        ] {
            assert!(right.parse::<Scenario>().is_ok(), "{right}");
        }
        for wrong in [
            "1001x1x1",
            "1x1001x1",
            "1x1x1048577",
            "0x1x1",
            "1x0x1",
            "1x1x0",
            "1x1x1,get=101",
            "1x1x19,incr",
            "1x1x1,rate=0",
            "1x1x1,rate=10000001",
            "1x1x1,pause=61s",
            "1x1x1,pause=0s",
        ] {
            assert!(wrong.parse::<Scenario>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_scenario_is_refused() {
        for wrong in [
            "",
            "50",
            "50x1",
            "50x1x16x1",
            "axbxc",
            "-1x1x1",
            "50x1x16,",
            "50x1x16,zipf=1",
            "50x1x16,aof",
            "50x1x16,incr=",
            "50x1x16,xadd",
            "50x1x16,pubsub,rate=5",
            "50x1x16,blpop,rate=5",
            "50x2x16,blpop",
            "50x2x16,rate=5",
        ] {
            assert!(wrong.parse::<Scenario>().is_err(), "{wrong}");
        }
    }
}
