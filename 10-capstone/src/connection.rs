//! One client of a closed loop: sends a batch, and takes a sample as each reply
//! arrives.
//!
//! This file owns the moment of measurement. A sample starts just before its
//! batch is written and ends just after the read that completed its reply. So it
//! holds everything that a client of the server would wait for, and the time that
//! a reply waits here, in the socket, while this program is busy with another
//! client. The report says how much that may be.

use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::load::Window;
use crate::reply::{self, Reply, Scan};
use crate::request::{Operation, Templates};
use crate::scenario::Scenario;
use crate::traffic::Traffic;

/// How the other side answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// As Redis does.
    Replies,
    /// With what it was sent: step 01.
    Echo,
}

/// A command on its way, to check its reply against.
struct Asked {
    operation: Operation,
    number: u32,
    /// Where its request ends in the batch.
    end: usize,
}

/// A connection with at most one batch on its way.
pub struct Connection {
    stream: TcpStream,
    random: fastrand::Rng,
    answers: Answers,
    pipeline: u16,
    /// The encoded batch.
    output: Vec<u8>,
    /// The commands of the batch, in order.
    batch: Vec<Asked>,
    /// Room for all replies to a batch, and a little more: a read that fills the
    /// buffer would have to be followed by another, to learn that nothing is left.
    input: Vec<u8>,
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

impl Connection {
    /// Connects to `address`; `seed` decides which keys are asked for.
    pub async fn open(
        address: &str,
        scenario: Scenario,
        answers: Answers,
        seed: u64,
    ) -> Result<Self> {
        Ok(Self {
            stream: connect(address).await?,
            random: fastrand::Rng::with_seed(seed),
            answers,
            pipeline: scenario.pipeline,
            output: Vec::new(),
            batch: Vec::with_capacity(scenario.pipeline.into()),
            input: vec![0; scenario.reply_bytes() + 512],
        })
    }

    /// Sends batch after batch, each when the one before is answered, until the
    /// window closes.
    pub async fn run(mut self, traffic: &Traffic, window: &Window) -> Result<()> {
        while !window.is_over() {
            self.choose_batch(traffic);
            // Decided by the moment of sending, so that a slow reply counts too
            // when it arrives after the window has closed.
            let counts = window.is_open();
            let sent = Instant::now();
            self.stream.write_all(&self.output).await?;
            self.receive_batch(sent, counts.then_some(window), &traffic.templates)
                .await?;
        }
        Ok(())
    }

    fn choose_batch(&mut self, traffic: &Traffic) {
        self.output.clear();
        self.batch.clear();
        for _ in 0..self.pipeline {
            let (operation, number) = traffic.append(&mut self.random, &mut self.output);
            self.batch.push(Asked {
                operation,
                number,
                end: self.output.len(),
            });
        }
    }

    /// Reads until every command of the batch is answered.
    async fn receive_batch(
        &mut self,
        sent: Instant,
        window: Option<&Window>,
        requests: &Templates,
    ) -> Result<()> {
        let (mut filled, mut scanned, mut answered) = (0, 0, 0);
        while answered < self.batch.len() {
            ensure!(
                filled < self.input.len(),
                "the server answers more than it was asked"
            );
            let count = self.stream.read(&mut self.input[filled..]).await?;
            let latency = sent.elapsed();
            ensure!(count > 0, "the server closed the connection");
            filled += count;

            while let Some(asked) = self.batch.get(answered) {
                let Some(length) = self.reply_to(asked, scanned, filled, requests)? else {
                    break;
                };
                scanned += length;
                answered += 1;
                if let Some(window) = window {
                    window.record(asked.operation, latency);
                }
            }
        }
        ensure!(
            scanned == filled,
            "the server answers more than it was asked"
        );
        Ok(())
    }

    /// The length of the reply that begins at `start`, if all of it is here.
    fn reply_to(
        &self,
        asked: &Asked,
        start: usize,
        filled: usize,
        requests: &Templates,
    ) -> Result<Option<usize>> {
        match self.answers {
            Answers::Replies => {
                let input = &self.input[start..filled];
                checked_reply(input, asked.operation, asked.number, requests)
            }
            Answers::Echo if filled < asked.end => Ok(None),
            Answers::Echo => {
                let range = start..asked.end;
                let same = self.input[range.clone()] == self.output[range];
                ensure!(same, "the echo is not what was sent");
                Ok(Some(asked.end - start))
            }
        }
    }
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
