//! The check of replies: a server that answers fast but wrongly must not win.

use anyhow::{Context, Result, bail, ensure};

use super::reply::{self, Reply};
use super::request::is_value;
use crate::scenario::Operation;

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
            (Operation::Incr, Reply::Integer(1..)) => Ok(()),
            (Operation::Del, Reply::Integer(0 | 1)) => Ok(()),
            (Operation::Expire, Reply::Integer(1)) => Ok(()),
            (Operation::Mget, Reply::Array(values)) => self.check_each(values, bytes),
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

    /// Are these the values of the command's keys, in order?
    fn check_each(self, mut values: &[u8], bytes: usize) -> Result<()> {
        for key in (self.key..).take(self.operation.keys() as usize) {
            match reply::scan(values) {
                Ok(Some((Reply::Bulk(value), length))) if is_value(bytes, key, value) => {
                    values = &values[length..];
                }
                _ => bail!("{} did not find the value of key {key}", self.operation),
            }
        }
        let operation = self.operation;
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
