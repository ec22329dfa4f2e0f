//! What every client does, in whichever loop: connect, and check each reply.
//!
//! This file owns the check. A server that answers fast and wrong must not win.

use anyhow::{Context, Result, bail};
use tokio::net::TcpStream;

use super::reply::{self, Reply, Scan};
use super::request::Templates;
use crate::scenario::Operation;

/// How the other side answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// As Redis does.
    Replies,
    /// With what it was sent: step 01.
    Echo,
}

/// Connects, and lets nothing wait in the kernel.
pub async fn connect(address: &str) -> Result<TcpStream> {
    let stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("cannot connect to {address}"))?;
    // Otherwise the kernel may hold a small request back until the last one
    // is acknowledged (Nagle's algorithm).
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The length of the reply at the beginning of `input`, if all of it is here; an
/// error if it is not what the command must be answered with.
pub fn checked_reply(
    input: &[u8],
    operation: Operation,
    number: u32,
    requests: &Templates,
) -> Result<Option<usize>> {
    match reply::scan(input) {
        Scan::Reply(reply, length) => {
            check(&reply, operation, number, requests)?;
            Ok(Some(length))
        }
        Scan::Incomplete => Ok(None),
        Scan::Invalid => bail!("the server sends what is no reply to {operation}"),
    }
}

/// Is this the answer that the command must have?
fn check(reply: &Reply, operation: Operation, number: u32, requests: &Templates) -> Result<()> {
    match (operation, reply) {
        (Operation::Set, Reply::Simple(b"OK")) => Ok(()),
        (Operation::Get, Reply::Bulk(value)) if requests.is_value(number, value) => Ok(()),
        (_, Reply::Error(text)) => {
            bail!(
                "{operation} was answered with -{}",
                String::from_utf8_lossy(text)
            )
        }
        (Operation::Get, Reply::Null) => bail!("GET of key {number} found nothing"),
        (Operation::Get, Reply::Bulk(value)) => {
            bail!(
                "GET of key {number} found {} bytes of another value",
                value.len()
            )
        }
        _ => bail!("{operation} was answered with {reply:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(operation: Operation, reply: Reply) -> Result<(), String> {
        let requests = Templates::new(16);
        check(&reply, operation, 7, &requests).map_err(|error| error.to_string())
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
