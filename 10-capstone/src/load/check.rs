//! The check of replies: a server that answers fast and wrong must not win.

use anyhow::{Result, bail};

use super::reply::{self, Reply, Scan};
use super::request::Templates;
use crate::scenario::Operation;

/// A command that was sent: what its reply is checked against.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    pub operation: Operation,
    /// The number of its key.
    pub key: u32,
}

impl Asked {
    /// The length of the reply at the beginning of `input`, if all of it is here; an
    /// error if it is not what the command must be answered with.
    pub fn reply(self, input: &[u8], requests: &Templates) -> Result<Option<usize>> {
        match reply::scan(input) {
            Scan::Reply(reply, length) => {
                self.check(&reply, requests)?;
                Ok(Some(length))
            }
            Scan::Incomplete => Ok(None),
            Scan::Invalid => bail!("the server sends what is no reply to {}", self.operation),
        }
    }

    /// Is this the answer that the command must have?
    fn check(self, reply: &Reply, requests: &Templates) -> Result<()> {
        let Self { operation, key } = self;
        match (operation, reply) {
            (Operation::Set, Reply::Simple(b"OK")) => Ok(()),
            (Operation::Get, Reply::Bulk(value)) if requests.is_value(key, value) => Ok(()),
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(operation: Operation, reply: Reply) -> Result<(), String> {
        let requests = Templates::new(16);
        let asked = Asked { operation, key: 7 };
        asked
            .check(&reply, &requests)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn right_answers_pass() {
        assert_eq!(checked(Operation::Set, Reply::Simple(b"OK")), Ok(()));
        assert_eq!(
            checked(Operation::Get, Reply::Bulk(b"capstone:0000007")),
            Ok(())
        );
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
        ] {
            assert_eq!(checked(operation, reply), Err(complaint.to_owned()));
        }
    }
}
