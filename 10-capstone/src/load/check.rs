//! The check of replies: a server that answers fast but wrongly must not win.

use anyhow::{Context, Result, bail, ensure};

use super::reply::{self, Reply};
use super::request::{KEY_BYTES, MIDDLE, is_value};
use crate::operation::{MEMBERS, Operation};

/// A command that was sent, against which its reply is checked.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    pub operation: Operation,
    /// The number of its key.
    pub key: u32,
}

impl Asked {
    /// The length of the reply at the beginning of `input`, or `None` if part of it is missing. It
    /// is an error if the reply is not right for the command. `bytes` is the length of each value.
    pub fn reply(self, input: &[u8], bytes: usize) -> Result<Option<usize>> {
        let found = reply::scan(input).ok();
        let found = found.with_context(|| format!("this is no reply to {}", self.operation))?;
        let Some((reply, length)) = found else {
            return Ok(None);
        };
        self.check(&reply, bytes)?;
        Ok(Some(length))
    }

    /// Is this reply right for the command?
    fn check(self, reply: &Reply, bytes: usize) -> Result<()> {
        let Self { operation, key } = self;
        match (operation, reply) {
            (Operation::Set | Operation::Mset, Reply::Simple(b"OK")) => Ok(()),
            (Operation::Get, Reply::Bulk(value)) if is_value(bytes, key, value) => Ok(()),
            (Operation::Hget, Reply::Bulk(value)) if is_value(bytes, key + MIDDLE, value) => Ok(()),
            (Operation::Lpop, Reply::Bulk(value)) if self.has(bytes, value) => Ok(()),
            (Operation::Lpop, Reply::Null) => Ok(()),
            (Operation::Incr | Operation::Lpush, Reply::Integer(1..)) => Ok(()),
            (Operation::Del | Operation::Sadd | Operation::Srem, Reply::Integer(0 | 1)) => Ok(()),
            (Operation::Expire | Operation::Sismember, Reply::Integer(1)) => Ok(()),
            // The field and the member are there already.
            (Operation::Hset | Operation::Zadd, Reply::Integer(0)) => Ok(()),
            (Operation::Zrank, Reply::Integer(0..=9)) => Ok(()),
            (_, Reply::Array(values)) => self.check_each(values, bytes),
            (_, Reply::Error(text)) => {
                let text = String::from_utf8_lossy(text);
                bail!("{operation} was answered with -{text}")
            }
            (Operation::Get, Reply::Null) => bail!("GET of key {key} found nothing"),
            (Operation::Get, Reply::Bulk(value)) => {
                let length = value.len();
                bail!("GET of key {key} found {length} bytes of another value")
            }
            _ => bail!("{operation} was answered with {reply:?}"),
        }
    }

    /// Is this the value of a member?
    fn has(self, bytes: usize, value: &[u8]) -> bool {
        (self.key..self.key + MEMBERS).any(|key| is_value(bytes, key, value))
    }

    /// Are these the values of the command's keys, in order, or all members, in any order?
    fn check_each(self, mut values: &[u8], bytes: usize) -> Result<()> {
        let Self { operation, key } = self;
        let count = match operation {
            Operation::Hgetall => 2 * MEMBERS,
            // Of ten overlapping sets, only one member is in all.
            Operation::Sinter => 1,
            _ => operation.keys(),
        };
        for place in 0..count {
            let is_right = |value| match operation {
                Operation::Mget => is_value(bytes, key + place, value),
                Operation::Sinter => is_value(bytes, key + MEMBERS - 1, value),
                // A field is the name of a key.
                Operation::Hgetall if place % 2 == 0 => self.has(KEY_BYTES, value),
                _ => self.has(bytes, value),
            };
            match reply::scan(values) {
                Ok(Some((Reply::Bulk(value), length))) if is_right(value) => {
                    values = &values[length..];
                }
                _ => bail!("{operation} did not find the value of key {}", key + place),
            }
        }
        ensure!(values.is_empty(), "{operation} found too many values");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(operation: Operation, reply: Reply) -> Result<(), String> {
        let asked = Asked { operation, key: 7 };
        asked.check(&reply, 16).map_err(|error| error.to_string())
    }

    #[test]
    fn right_answers_pass() {
        assert_eq!(checked(Operation::Set, Reply::Simple(b"OK")), Ok(()));
        assert_eq!(
            checked(Operation::Get, Reply::Bulk(b"capstone:0000007")),
            Ok(())
        );
        for (operation, number) in [
            (Operation::Incr, 1_111_111_111_111_112),
            (Operation::Del, 0),
            (Operation::Del, 1),
            (Operation::Expire, 1),
        ] {
            assert_eq!(checked(operation, Reply::Integer(number)), Ok(()));
        }
        assert_eq!(
            checked(Operation::Mget, Reply::Array(&values(7..17))),
            Ok(())
        );
    }

    #[test]
    fn members_are_those_of_the_key() {
        let pairs = [values(7..12), values(7..12), values(12..17), values(12..17)].concat();
        for (operation, right, wrong) in [
            (
                Operation::Hget,
                Reply::Bulk(b"capstone:0000012"),
                Reply::Bulk(b"capstone:0000007"),
            ),
            (Operation::Hset, Reply::Integer(0), Reply::Integer(1)),
            (
                Operation::Hgetall,
                Reply::Array(&pairs),
                Reply::Array(&values(7..17)),
            ),
            (
                Operation::Lpop,
                Reply::Bulk(b"capstone:0000016"),
                Reply::Bulk(b"capstone:0000017"),
            ),
            (Operation::Lpop, Reply::Null, Reply::Integer(1)),
            (
                Operation::Lrange,
                Reply::Array(&values(7..17)),
                Reply::Array(&values(8..18)),
            ),
            (Operation::Srem, Reply::Integer(0), Reply::Integer(2)),
            (Operation::Sismember, Reply::Integer(1), Reply::Integer(0)),
            (
                Operation::Sinter,
                Reply::Array(&values(16..17)),
                Reply::Array(b""),
            ),
            (
                Operation::Zrange,
                Reply::Array(&values(7..17)),
                Reply::Array(&values(7..18)),
            ),
            (Operation::Zrank, Reply::Integer(9), Reply::Integer(10)),
        ] {
            assert_eq!(checked(operation, right), Ok(()));
            assert!(checked(operation, wrong).is_err(), "{operation}");
        }
    }

    /// The values of these keys, as an array has them.
    fn values(keys: std::ops::Range<u32>) -> Vec<u8> {
        let value = |key| format!("$16\r\ncapstone:{key:07}\r\n").into_bytes();
        keys.flat_map(value).collect()
    }

    #[test]
    fn wrong_answers_say_what_is_wrong() {
        for (operation, reply, complaint) in [
            (
                Operation::Set,
                Reply::Error(b"OOM no room"),
                "SET was answered with -OOM no room",
            ),
            (Operation::Get, Reply::Null, "GET of key 7 found nothing"),
            (
                Operation::Get,
                Reply::Bulk(b"capstone:0000008"),
                "GET of key 7 found 16 bytes of another value",
            ),
            (Operation::Set, Reply::Null, "SET was answered with Null"),
            (
                Operation::Expire,
                Reply::Integer(0),
                "EXPIRE was answered with Integer(0)",
            ),
            (
                Operation::Mget,
                Reply::Array(&values(7..16)),
                "MGET did not find the value of key 16",
            ),
            (
                Operation::Mget,
                Reply::Array(&values(7..18)),
                "MGET found too many values",
            ),
        ] {
            assert_eq!(checked(operation, reply), Err(complaint.to_owned()));
        }
    }
}
