//! The choice of commands and keys.
//!
//! This file owns what a client sends next. The choice is made outside of the latency sample, but
//! on the generator's thread, so it must cost next to nothing: one or two random numbers and one
//! lookup in a table.
//!
//! Zipf's law (the k-th key is used in proportion to `1 / k^0.99`, as in the YCSB benchmark) is
//! such a table: the inverse of the law at 65,536 evenly spaced places. Drawing a key means
//! choosing a place. Walking through the sums of the law at each draw would cost more than a
//! command costs the server.

use std::sync::Arc;

use anyhow::Result;

use super::check::Asked;
use super::request::Template;
use crate::scenario::{Popularity, Scenario};

/// The exponent of Zipf's law.
const EXPONENT: f64 = 0.99;
/// Places in the table.
const PLACES: usize = 1 << 16;

/// The keys that are used, and how often each of them is.
#[derive(Debug, Clone)]
pub enum Keys {
    /// This many keys, all used equally often.
    Uniform(u32),
    /// A table of keys, in which a place is drawn.
    Table(Arc<[u32]>),
}

impl Keys {
    /// Prepares the draw from `count` keys.
    pub fn new(popularity: Popularity, count: u32) -> Self {
        match popularity {
            Popularity::Uniform => Self::Uniform(count),
            Popularity::Zipf => Self::Table(zipf(count).into()),
        }
    }

    fn draw(&self, random: &mut fastrand::Rng) -> u32 {
        match self {
            Self::Uniform(count) => random.u32(..count),
            Self::Table(table) => table[random.usize(..table.len())],
        }
    }
}

/// The inverse of Zipf's law over `count` keys, at evenly spaced places.
fn zipf(count: u32) -> Vec<u32> {
    let weight = |key: u32| f64::from(key + 1).powf(-EXPONENT);
    let total: f64 = (0..count).map(weight).sum();
    let (mut key, mut up_to) = (0, weight(0));
    let place = |place: usize| {
        let share = total * (place as f64 + 0.5) / PLACES as f64;
        while up_to < share && key + 1 < count {
            key += 1;
            up_to += weight(key);
        }
        key
    };
    (0..PLACES).map(place).collect()
}

/// What the clients of one measurement send.
pub struct Traffic {
    measured: Template,
    other: Template,
    keys: Keys,
    scenario: Scenario,
}

impl Traffic {
    pub fn new(scenario: &Scenario, keys: Keys) -> Self {
        Self {
            measured: Template::new(scenario, scenario.operation),
            other: Template::new(scenario, scenario.operation.maker()),
            keys,
            scenario: *scenario,
        }
    }

    /// Chooses a command and its key, and appends the request to `out`.
    pub fn append(&self, random: &mut fastrand::Rng, out: &mut Vec<u8>) -> Asked {
        let (dice, measured) = (random.u8(..100), self.scenario.operation);
        let (operation, template) = match dice < self.scenario.percent {
            true => (measured, &self.measured),
            false => (measured.maker(), &self.other),
        };
        let key = self.keys.draw(random);
        template.append(key, dice % 10, out);
        Asked { operation, key }
    }

    /// The length of the reply at the beginning of `input`, or `None` if part of it is missing; an
    /// error if it is not the right reply to this command.
    pub fn reply_to(&self, asked: Asked, input: &[u8]) -> Result<Option<usize>> {
        asked.reply(input, self.scenario.value_bytes as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Operation;

    /// How often each key is drawn, in a hundred thousand draws.
    fn drawn(keys: &Keys, count: usize) -> Vec<u32> {
        let mut random = fastrand::Rng::with_seed(1);
        let mut times = vec![0; count];
        for _ in 0..100_000 {
            times[keys.draw(&mut random) as usize] += 1;
        }
        times
    }

    #[test]
    fn uniform_keys_are_all_alike() {
        let times = drawn(&Keys::new(Popularity::Uniform, 10), 10);
        assert!(
            times.iter().all(|times| (9_000..11_000).contains(times)),
            "{times:?}"
        );
    }

    #[test]
    fn zipf_prefers_the_first_keys_as_its_law_says() {
        let times = drawn(&Keys::new(Popularity::Zipf, 1000), 1000);
        // The sum of 1 / k^0.99 over a thousand keys is 7.73.
        let expected = |key: usize| 100_000.0 / 7.73 / (key as f64 + 1.0).powf(0.99);
        for key in [0, 1, 9, 99] {
            let (found, expected) = (f64::from(times[key]), expected(key));
            assert!(
                (found - expected).abs() < expected * 0.05 + 20.0,
                "key {key}: {found} times, not {expected}"
            );
        }
    }

    #[test]
    fn every_key_can_be_drawn_and_no_other() {
        for count in [1, 2, 3, 100] {
            let table = zipf(count);
            assert_eq!(table.first(), Some(&0));
            assert_eq!(table.last(), Some(&(count - 1)));
            assert!(table.is_sorted());
        }
    }

    #[test]
    fn the_share_of_get_is_the_scenario_s() {
        for percent in [0, 50, 90, 100] {
            let scenario = Scenario {
                percent,
                ..Scenario::plain(1, 1, 16)
            };
            let traffic = Traffic::new(&scenario, Keys::Uniform(100));
            let mut random = fastrand::Rng::with_seed(2);
            let mut out = Vec::new();
            let gets = (0..10_000)
                .filter(|_| traffic.append(&mut random, &mut out).operation == Operation::Get)
                .count();
            let expected = usize::from(percent) * 100;
            assert!(gets.abs_diff(expected) < 300, "{gets}, not {expected}");
        }
    }
}
