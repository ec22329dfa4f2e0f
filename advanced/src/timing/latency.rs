//! The latency monitor: what took as long as `latency-monitor-threshold` or longer, by the kind of
//! work that it was (`latency.c` in Redis).

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::util::unix_time;

/// How many samples of an event are kept (`LATENCY_TS_LEN`).
const MAX_SAMPLES: usize = 160;

/// How many samples a graph shows.
const COLUMNS: usize = 80;

/// The height of a graph in lines, and the levels of a line.
const ROWS: usize = 4;
const LEVELS: &[u8] = b"_o#";

/// The events by name.
#[derive(Debug, Default)]
pub struct Latency {
    /// In milliseconds; 0 is never.
    pub threshold: i64,
    pub events: BTreeMap<&'static str, Event>,
}

/// A kind of work, and when it took long.
#[derive(Debug, Default)]
pub struct Event {
    /// The oldest first, at most one a second.
    pub samples: VecDeque<Sample>,
    /// The longest ever, in milliseconds.
    pub longest: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// In seconds since 1970.
    pub time: u64,
    /// In milliseconds.
    pub taken: u64,
}

impl Latency {
    /// Keeps an event, if it took long enough.
    pub fn note(&mut self, name: &'static str, taken: Duration) {
        let taken = taken.as_millis() as u64;
        if self.threshold > 0 && taken >= self.threshold as u64 {
            self.events.entry(name).or_default().add(taken);
        }
    }
}

impl Event {
    fn add(&mut self, taken: u64) {
        let time = unix_time().as_secs();
        self.longest = self.longest.max(taken);
        match self.samples.back_mut().filter(|last| last.time == time) {
            Some(last) => last.taken = last.taken.max(taken),
            None => self.samples.push_back(Sample { time, taken }),
        }
        if self.samples.len() > MAX_SAMPLES {
            self.samples.pop_front();
        }
    }

    /// The last samples as a drawing, each a column with its age below.
    pub fn graph(&self, name: &str) -> String {
        let skipped = self.samples.len().saturating_sub(COLUMNS);
        let samples: Vec<&Sample> = self.samples.iter().skip(skipped).collect();
        let taken = || samples.iter().map(|sample| sample.taken);
        let (low, high) = (taken().min().unwrap_or(0), taken().max().unwrap_or(0));
        let mut text = format!(
            "{name} - high {high} ms, low {low} ms (all time high {} ms)\n{}\n",
            self.longest,
            "-".repeat(COLUMNS)
        );
        let steps = ROWS * LEVELS.len() - 1;
        let level = |sample: &Sample| match high - low {
            0 => steps,
            range => ((sample.taken - low) as usize * steps) / range as usize,
        };
        for row in (0..ROWS).rev() {
            let columns = samples.iter().map(|sample| draw(level(sample), row));
            text += &line(columns);
        }
        text + "\n" + &ages(&samples)
    }
}

/// What a column of this level shows in a row, of which the lowest is 0.
fn draw(level: usize, row: usize) -> char {
    match level.checked_sub(row * LEVELS.len()) {
        None => ' ',
        Some(level) => LEVELS.get(level).map_or('|', |letter| char::from(*letter)),
    }
}

/// How long ago each sample was, from top to bottom.
fn ages(samples: &[&Sample]) -> String {
    let now = unix_time().as_secs();
    let ages = samples
        .iter()
        .map(|sample| age(now.saturating_sub(sample.time)));
    let ages: Vec<Vec<char>> = ages.map(|age| age.chars().collect()).collect();
    let height = ages.iter().map(Vec::len).max().unwrap_or(0);
    let row = |row: usize| line(ages.iter().map(move |age| *age.get(row).unwrap_or(&' ')));
    (0..height).map(row).collect()
}

fn line(columns: impl Iterator<Item = char>) -> String {
    let text: String = columns.collect();
    text.trim_end().to_owned() + "\n"
}

fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_one_sample_a_second() {
        let mut latency = Latency {
            threshold: 10,
            ..Latency::default()
        };
        latency.note("command", Duration::from_millis(9));
        assert!(latency.events.is_empty());
        for taken in [10, 30, 20] {
            latency.note("command", Duration::from_millis(taken));
        }
        let event = &latency.events["command"];
        assert_eq!(event.longest, 30);
        assert!(event.samples.len() <= 2);
    }

    #[test]
    fn a_graph_has_a_column_for_each_sample() {
        let samples = [0, 50, 100].map(|taken| Sample { time: 0, taken });
        let event = Event {
            samples: samples.into(),
            longest: 200,
        };
        let graph = event.graph("command");
        let lines: Vec<&str> = graph.lines().collect();
        assert_eq!(
            lines[0],
            "command - high 100 ms, low 0 ms (all time high 200 ms)"
        );
        assert_eq!(lines[2..6], ["  #", "  |", " #|", "_||"]);
    }
}
