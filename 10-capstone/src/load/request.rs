//! Requests, which are encoded before the clock runs.
//!
//! This file owns the bytes that are sent, and the keys and values in them. Two GETs differ only in
//! the digits of their keys, so a request is a template into which seven digits are written. Work
//! that is not done for each request cannot slow down the load generator.

use std::ops::Range;

use redis::Cmd;

use crate::operation::{MEMBERS, Operation};
use crate::scenario::Scenario;

/// The prefix of a key. A number of seven digits follows; together they have 16 bytes, as the keys
/// of `redis-benchmark` do.
pub const KEY_PREFIX: &str = "capstone:";
const KEY_DIGITS: usize = 7;
pub const KEY_BYTES: usize = KEY_PREFIX.len() + KEY_DIGITS;
/// The member that a command with one member is about: neither the first nor the last.
pub const MIDDLE: u32 = MEMBERS / 2;
/// The end of the score in a ZADD for the first key, whose middle member has this score.
const SCORE: &[u8] = b"\r\n$1\r\n5";
/// The key with this number.
pub fn key(number: u32) -> String {
    format!("{KEY_PREFIX}{number:0KEY_DIGITS$}")
}

/// The value that belongs to a key: the key itself, filled up with `x`. So a GET that returns the
/// value of another key is noticed. A value that is shorter than a key is only `x`. Where INCR is
/// measured, the value is a number.
pub fn value(scenario: &Scenario, number: u32) -> Vec<u8> {
    let bytes = scenario.value_bytes as usize;
    let is_number = scenario.operation == Operation::Incr;
    let filling = if is_number { b'1' } else { b'x' };
    let mut value = vec![filling; bytes];
    if bytes >= KEY_BYTES && !is_number {
        value[..KEY_BYTES].copy_from_slice(key(number).as_bytes());
    }
    value
}

/// Is `found` the value of this key? `bytes` is the length of each value.
pub fn is_value(bytes: usize, number: u32, found: &[u8]) -> bool {
    if bytes < KEY_BYTES || found.len() != bytes {
        return found.len() == bytes;
    }
    let mut expected = *b"0000000";
    write_digits(number, &mut expected);
    found.starts_with(KEY_PREFIX.as_bytes()) && found[digits()] == expected
}

/// What follows the name of a command: words that come once, and words that come for each of its
/// keys or members. The time of EXPIRE is so long that no key expires during a run.
const fn words(operation: Operation) -> (&'static str, &'static str) {
    use Operation::*;
    match operation {
        Get | Incr | Mget | Del | Sinter => ("", "key"),
        Set | Mset => ("", "key value"),
        Expire => ("", "key 1000000"),
        Hset => ("key", "key value"),
        Hget => ("key", "key"),
        Hgetall | Lpop => ("key", ""),
        Lrange | Zrange => ("key 0 9", ""),
        Lpush | Sadd | Srem | Sismember | Zrank => ("key", "value"),
        Zadd => ("key", "score value"),
    }
}

/// The command about the key with this number. Its members have the numbers from that one on, so
/// the collections of neighbouring keys overlap; `places` says which of them the command is about.
fn command(scenario: &Scenario, operation: Operation, number: u32, places: Range<u32>) -> Cmd {
    let (once, each) = words(operation);
    let members = places.map(|place| (number + place, each));
    let mut command = redis::cmd(&operation.to_string());
    for (number, words) in std::iter::once((number, once)).chain(members) {
        for word in words.split_whitespace() {
            match word {
                "key" => command.arg(key(number)),
                "value" => command.arg(value(scenario, number)),
                "score" => command.arg(number % MEMBERS),
                other => command.arg(other),
            };
        }
    }
    command
}

/// The command that makes the key with this number, with all its members.
pub fn make(scenario: &Scenario, number: u32) -> Cmd {
    let operation = scenario.operation;
    command(scenario, operation.maker(), number, 0..operation.members())
}

/// One encoded request, and the places of its keys: for each key, where it is, and by how much its
/// number is higher than that of the first key.
pub struct Template {
    bytes: Vec<u8>,
    keys: Vec<(usize, u32)>,
    /// The place of the score of ZADD, which is one digit.
    score: Option<usize>,
}

impl Template {
    /// Appends the request for the key with this number. ZADD has a score drawn from 0 to 9.
    pub fn append(&self, number: u32, score: u8, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        for (at, after) in &self.keys {
            write_digits(number + after, &mut out[start + at..][digits()]);
        }
        if let Some(at) = self.score {
            out[start + at] = b'0' + score;
        }
    }

    /// Encodes a command with the first keys, and finds them in the result.
    pub fn new(scenario: &Scenario, operation: Operation) -> Self {
        let has_member = !words(operation).0.is_empty();
        let places = if has_member {
            MIDDLE..MIDDLE + 1
        } else {
            0..operation.keys()
        };
        let bytes = command(scenario, operation, 0, places).get_packed_command();
        let keys = (0..MEMBERS).flat_map(|after| {
            let key = key(after).into_bytes();
            let places = bytes.windows(KEY_BYTES).enumerate();
            places.filter_map(move |(at, found)| (found == key).then_some((at, after)))
        });
        let keys = keys.collect();
        let score = bytes.windows(SCORE.len()).position(|it| it == SCORE);
        let score = score.map(|at| at + SCORE.len() - 1);
        let score = score.filter(|_| operation == Operation::Zadd);
        Self { bytes, keys, score }
    }
}

/// The place of the digits in a key.
const fn digits() -> Range<usize> {
    KEY_PREFIX.len()..KEY_BYTES
}

/// Writes a number with leading zeros, so that it fills `out`.
fn write_digits(mut number: u32, out: &mut [u8]) {
    for digit in out.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(operation: Operation, value_bytes: u32) -> Scenario {
        Scenario {
            operation,
            ..Scenario::plain(1, 1, value_bytes)
        }
    }

    fn encoded(operation: Operation, number: u32, value_bytes: u32) -> String {
        let mut out = Vec::new();
        let template = Template::new(&scenario(operation, value_bytes), operation);
        template.append(number, 7, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn requests_are_resp_arrays() {
        assert_eq!(
            encoded(Operation::Get, 42, 16),
            "*2\r\n$3\r\nGET\r\n$16\r\ncapstone:0000042\r\n"
        );
        assert_eq!(
            encoded(Operation::Set, 9_999_999, 18),
            "*3\r\n$3\r\nSET\r\n$16\r\ncapstone:9999999\r\n$18\r\ncapstone:9999999xx\r\n"
        );
        assert_eq!(
            encoded(Operation::Expire, 7, 16),
            "*3\r\n$6\r\nEXPIRE\r\n$16\r\ncapstone:0000007\r\n$7\r\n1000000\r\n"
        );
    }

    #[test]
    fn ten_keys_in_a_row_are_written_with_their_values() {
        let mset = encoded(Operation::Mset, 95, 16);
        assert!(
            mset.starts_with("*21\r\n$4\r\nMSET\r\n$16\r\ncapstone:0000095\r\n"),
            "{mset}"
        );
        assert!(
            mset.ends_with("\r\ncapstone:0000104\r\n$16\r\ncapstone:0000104\r\n"),
            "{mset}"
        );
        assert_eq!(
            encoded(Operation::Mget, 95, 16)
                .matches("capstone:")
                .count(),
            10
        );
    }

    #[test]
    fn neighbouring_collections_overlap() {
        let made = |operation| {
            let command = make(&scenario(operation, 16), 95).get_packed_command();
            String::from_utf8(command).unwrap()
        };
        let fields = made(Operation::Hget);
        assert!(fields.starts_with("*22\r\n$4\r\nHSET\r\n$16\r\ncapstone:0000095\r\n"));
        let count = |text| fields.matches(text).count();
        assert_eq!(count("capstone:"), 21, "{fields}");
        assert_eq!(
            (count("capstone:0000095"), count("capstone:0000104")),
            (3, 2)
        );
        for (operation, command) in [
            (Operation::Lrange, "*12\r\n$5\r\nLPUSH\r\n"),
            (Operation::Sinter, "*12\r\n$4\r\nSADD\r\n"),
            (
                Operation::Zrank,
                "*22\r\n$4\r\nZADD\r\n$16\r\ncapstone:0000095\r\n$1\r\n5\r\n",
            ),
        ] {
            let found = made(operation);
            assert!(found.starts_with(command), "{found}");
        }
    }

    #[test]
    fn a_command_is_about_a_member_in_the_middle() {
        for (operation, expected) in [
            (
                Operation::Hget,
                "*3 $4 HGET $16 capstone:0000042 $16 capstone:0000047 ",
            ),
            (Operation::Hgetall, "*2 $7 HGETALL $16 capstone:0000042 "),
            (
                Operation::Lrange,
                "*4 $6 LRANGE $16 capstone:0000042 $1 0 $1 9 ",
            ),
            (
                Operation::Srem,
                "*3 $4 SREM $16 capstone:0000042 $18 capstone:0000047xx ",
            ),
            (
                Operation::Zadd,
                "*4 $4 ZADD $16 capstone:0000042 $1 7 $18 capstone:0000047xx ",
            ),
        ] {
            assert_eq!(encoded(operation, 42, 18).replace("\r\n", " "), expected);
        }
        let sinter = encoded(Operation::Sinter, 42, 16);
        assert!(sinter.starts_with("*11\r\n"), "{sinter}");
        assert!(sinter.ends_with("capstone:0000051\r\n"), "{sinter}");
    }

    #[test]
    fn a_value_too_short_for_its_key_is_only_filling() {
        assert_eq!(value(&scenario(Operation::Get, 15), 7), b"xxxxxxxxxxxxxxx");
        assert_eq!(
            value(&scenario(Operation::Incr, 16), 7),
            b"1111111111111111"
        );
        let request = encoded(Operation::Set, 7, 3);
        assert!(
            request.ends_with("$16\r\ncapstone:0000007\r\n$3\r\nxxx\r\n"),
            "{request}"
        );
        assert!(is_value(3, 7, b"xxx"));
        assert!(!is_value(3, 7, b"xx"));
    }

    #[test]
    fn the_value_of_another_key_is_noticed() {
        for bytes in [16, 1024] {
            let scenario = scenario(Operation::Get, bytes as u32);
            assert!(is_value(bytes, 7, &value(&scenario, 7)));
            assert!(!is_value(bytes, 7, &value(&scenario, 8)));
            assert!(!is_value(
                bytes,
                7,
                &[&value(&scenario, 7)[..], b"x"].concat()
            ));
        }
    }
}
