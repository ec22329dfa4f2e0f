//! One client: sends a batch, and takes a sample as each reply arrives.
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

/// A connection with at most one batch on its way.
pub struct Connection {
    stream: TcpStream,
    random: fastrand::Rng,
    keys: u32,
    /// The encoded batch.
    output: Vec<u8>,
    /// The commands of the batch, in order, to check the replies against.
    batch: Vec<(Operation, u32)>,
    /// Room for all replies to a batch, and a little more: a read that fills the
    /// buffer would have to be followed by another, to learn that nothing is left.
    input: Vec<u8>,
}

impl Connection {
    /// Connects to `address`; `seed` decides which keys are asked for.
    pub async fn open(address: &str, scenario: Scenario, keys: u32, seed: u64) -> Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .with_context(|| format!("cannot connect to {address}"))?;
        // Otherwise the kernel may hold a small request back until the last one
        // is acknowledged (Nagle's algorithm).
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            random: fastrand::Rng::with_seed(seed),
            keys,
            output: Vec::new(),
            batch: Vec::with_capacity(scenario.pipeline.into()),
            input: vec![0; scenario.reply_bytes() + 512],
        })
    }

    /// Sends batch after batch, each when the one before is answered, until the
    /// window closes.
    pub async fn run(mut self, pipeline: u16, requests: &Templates, window: &Window) -> Result<()> {
        while !window.is_over() {
            self.choose_batch(pipeline, requests);
            // Decided by the moment of sending, so that a slow reply counts too
            // when it arrives after the window has closed.
            let counts = window.is_open();
            let sent = Instant::now();
            self.stream.write_all(&self.output).await?;
            self.receive_batch(sent, counts.then_some(window), requests)
                .await?;
        }
        Ok(())
    }

    /// Fills the batch with GET and SET, one to one, on keys chosen uniformly.
    fn choose_batch(&mut self, pipeline: u16, requests: &Templates) {
        self.output.clear();
        self.batch.clear();
        for _ in 0..pipeline {
            let operation = if self.random.bool() {
                Operation::Get
            } else {
                Operation::Set
            };
            let number = self.random.u32(..self.keys);
            requests.append(operation, number, &mut self.output);
            self.batch.push((operation, number));
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

            while answered < self.batch.len() {
                let (operation, number) = self.batch[answered];
                match reply::scan(&self.input[scanned..filled]) {
                    Scan::Reply(reply, length) => {
                        check(&reply, operation, number, requests)?;
                        scanned += length;
                        answered += 1;
                    }
                    Scan::Incomplete => break,
                    Scan::Invalid => bail!("the server sends what is no reply to {operation}"),
                }
                if let Some(window) = window {
                    window.record(operation, latency);
                }
            }
        }
        ensure!(
            scanned == filled,
            "the server answers more than it was asked"
        );
        Ok(())
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
