//! Requests: GET and SET, encoded before the clock runs.
//!
//! This file owns the bytes that are sent, and the keys and values in them. Only
//! the digits of a key differ between two GETs, so a request is a template into
//! which seven digits are written. What is not done per request cannot slow the
//! load generator down.

use std::ops::Range;

use crate::scenario::Operation;

/// What a key starts with; a number of seven digits follows, 16 bytes in all,
/// as long as the keys of `redis-benchmark`.
pub const KEY_PREFIX: &str = "capstone:";
const KEY_DIGITS: usize = 7;
const KEY_BYTES: usize = KEY_PREFIX.len() + KEY_DIGITS;

/// The key with this number.
pub fn key(number: u32) -> String {
    format!("{KEY_PREFIX}{number:0KEY_DIGITS$}")
}

/// The value that belongs to a key: the key itself, filled up with `x`. So a GET
/// that answers with another key's value is noticed. A value that is shorter than
/// a key is only `x`.
pub fn value(number: u32, bytes: usize) -> Vec<u8> {
    let mut value = vec![b'x'; bytes];
    if bytes >= KEY_BYTES {
        value[..KEY_BYTES].copy_from_slice(key(number).as_bytes());
    }
    value
}

/// Encoded requests that only lack the digits of a key.
pub struct Templates {
    get: Template,
    set: Template,
    value_bytes: usize,
}

/// One encoded request, and the places where it repeats its key.
struct Template {
    bytes: Vec<u8>,
    keys: Vec<usize>,
}

impl Templates {
    /// Requests for values of `value_bytes` bytes.
    pub fn new(value_bytes: usize) -> Self {
        let key = key(0).into_bytes();
        Self {
            get: Template::new(&[b"GET", &key]),
            set: Template::new(&[b"SET", &key, &value(0, value_bytes)]),
            value_bytes,
        }
    }

    /// Appends the request for `operation` on the key with this number.
    pub fn append(&self, operation: Operation, number: u32, out: &mut Vec<u8>) {
        let template = match operation {
            Operation::Get => &self.get,
            Operation::Set => &self.set,
        };
        let start = out.len();
        out.extend_from_slice(&template.bytes);
        for at in &template.keys {
            write_digits(number, &mut out[start + at..][digits()]);
        }
    }

    /// Is `found` the value that this key must have?
    pub fn is_value(&self, number: u32, found: &[u8]) -> bool {
        if found.len() != self.value_bytes || found.len() < KEY_BYTES {
            return found.len() == self.value_bytes;
        }
        let mut expected = *b"0000000";
        write_digits(number, &mut expected);
        found.starts_with(KEY_PREFIX.as_bytes()) && found[digits()] == expected
    }
}

impl Template {
    /// Encodes a command, and finds the key in it.
    fn new(arguments: &[&[u8]]) -> Self {
        let bytes = array(arguments);
        let key = key(0);
        let places = bytes.windows(KEY_BYTES).enumerate();
        let places = places.filter(|(_, found)| *found == key.as_bytes());
        let keys = places.map(|(at, _)| at).collect();
        Self { bytes, keys }
    }
}

/// A RESP array of bulk strings.
pub fn array(arguments: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", arguments.len()).into_bytes();
    for argument in arguments {
        bytes.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
        bytes.extend_from_slice(argument);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// Where the digits are in a key.
const fn digits() -> Range<usize> {
    KEY_PREFIX.len()..KEY_BYTES
}

/// Writes a number with leading zeros into all of `out`.
fn write_digits(mut number: u32, out: &mut [u8]) {
    for digit in out.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(operation: Operation, number: u32, value_bytes: usize) -> String {
        let mut out = Vec::new();
        Templates::new(value_bytes).append(operation, number, &mut out);
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
    }

    #[test]
    fn a_value_too_short_for_its_key_is_only_filling() {
        assert_eq!(value(7, 15), b"xxxxxxxxxxxxxxx");
        let request = encoded(Operation::Set, 7, 3);
        assert!(
            request.ends_with("$16\r\ncapstone:0000007\r\n$3\r\nxxx\r\n"),
            "{request}"
        );
        assert!(Templates::new(3).is_value(7, b"xxx"));
        assert!(!Templates::new(3).is_value(7, b"xx"));
    }

    #[test]
    fn the_value_of_another_key_is_noticed() {
        for bytes in [16, 1024] {
            let templates = Templates::new(bytes);
            assert!(templates.is_value(7, &value(7, bytes)));
            assert!(!templates.is_value(7, &value(8, bytes)));
            assert!(!templates.is_value(7, &value(7, bytes + 1)));
        }
    }
}
