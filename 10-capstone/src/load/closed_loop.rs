//! A closed loop: a client sends a batch, waits for its replies, and sends the next one.
//!
//! This file owns the moment of measurement. A sample starts just before its batch is written and
//! ends just after the read that completed its reply. So it contains everything that a client of
//! the server would wait for. It also contains the time that a reply waits in the socket while this
//! program handles another client; the report says how long that may be.
//!
//! The loop answers the question "how fast can it go?". The number of commands in flight is fixed,
//! so a slow server receives less load. How long users wait at a given load it cannot say, because
//! it does not send while it waits. `open_loop.rs` can.

use std::ops::Range;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::check::Asked;
use super::connection::{Answers, Shared, connect};
use super::plan::Plan;

/// A client with at most one batch in flight.
struct Client {
    stream: TcpStream,
    random: fastrand::Rng,
    answers: Answers,
    shared: Rc<Shared>,
    /// Commands in a batch.
    pipeline: u16,
    /// The encoded batch.
    output: Vec<u8>,
    /// The commands of the batch, in order, and where each ends in it.
    batch: Vec<(Asked, usize)>,
    /// Room for all replies to a batch and a little more. If a read filled the buffer, another read
    /// would be needed to learn that nothing is left.
    input: Vec<u8>,
}

/// Opens all connections before any client may send.
pub async fn start(plan: &Plan, shared: Rc<Shared>) -> Result<JoinSet<Result<()>>> {
    let scenario = plan.scenario;
    let mut clients = Vec::new();
    for number in 0..u64::from(scenario.clients) {
        let seed = plan.seed.wrapping_mul(1_000_003).wrapping_add(number);
        clients.push(Client {
            stream: connect(&plan.address).await?,
            random: fastrand::Rng::with_seed(seed),
            answers: plan.answers,
            shared: Rc::clone(&shared),
            pipeline: scenario.pipeline,
            output: Vec::new(),
            batch: Vec::with_capacity(scenario.pipeline.into()),
            input: vec![0; scenario.reply_bytes() + 512],
        });
    }
    let mut tasks = JoinSet::new();
    for client in clients {
        tasks.spawn_local(client.run());
    }
    Ok(tasks)
}

impl Client {
    /// Sends batch after batch until the window closes, each after all replies to the one before.
    async fn run(mut self) -> Result<()> {
        while !self.shared.window.is_over() {
            self.choose_batch();
            // Decided when the batch is sent, so a slow reply counts too if it arrives after the
            // window has closed.
            let counts = self.shared.window.is_open();
            let sent = Instant::now();
            self.stream.write_all(&self.output).await?;
            self.receive_batch(sent, counts).await?;
        }
        Ok(())
    }

    fn choose_batch(&mut self) {
        self.output.clear();
        self.batch.clear();
        for _ in 0..self.pipeline {
            let traffic = &self.shared.traffic;
            let asked = traffic.append(&mut self.random, &mut self.output);
            self.batch.push((asked, self.output.len()));
        }
    }

    /// Reads until each command of the batch has its reply.
    async fn receive_batch(&mut self, sent: Instant, counts: bool) -> Result<()> {
        let (mut filled, mut scanned, mut latency) = (0, 0, Duration::ZERO);
        for (asked, end) in &self.batch {
            scanned += loop {
                if let Some(length) = self.reply_to(*asked, scanned..filled, *end)? {
                    break length;
                }
                let count = self.stream.read(&mut self.input[filled..]).await?;
                latency = sent.elapsed();
                ensure!(count > 0, "the server closed the connection");
                filled += count;
            };
            if counts {
                self.shared.window.record(asked.operation, latency);
            }
        }
        ensure!(scanned == filled, "there are more replies than commands");
        Ok(())
    }

    /// The length of the reply at the beginning of this part of the input, or `None` if part of it
    /// is missing. The reply of an echo must be the request, which ends at `end` of the batch.
    fn reply_to(&self, asked: Asked, part: Range<usize>, end: usize) -> Result<Option<usize>> {
        match self.answers {
            Answers::Replies => self.shared.traffic.reply_to(asked, &self.input[part]),
            Answers::Echo if part.end < end => Ok(None),
            Answers::Echo => {
                let request = part.start..end;
                let same = self.input[request.clone()] == self.output[request.clone()];
                ensure!(same, "the echo is not what was sent");
                Ok(Some(request.len()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::connection::tests::{connection, shared};
    use super::*;
    use crate::operation::Operation;

    /// A client that sends nothing but SETs, and the server's end of its connection.
    async fn client(pipeline: u16) -> (Client, TcpStream) {
        let (stream, server) = connection().await;
        let client = Client {
            stream,
            random: fastrand::Rng::with_seed(1),
            answers: Answers::Replies,
            shared: shared(),
            pipeline,
            output: Vec::new(),
            batch: Vec::new(),
            input: vec![0; 512],
        };
        (client, server)
    }

    /// Runs both on one thread; whenever both could go on, the client does first.
    async fn both<A, B>(
        client: impl Future<Output = A>,
        server: impl Future<Output = B>,
    ) -> (A, B) {
        let both = async { tokio::join!(biased; client, server) };
        let ended = tokio::time::timeout(Duration::from_secs(10), both).await;
        ended.expect("the client sends or reads no more")
    }

    async fn request(server: &mut TcpStream) {
        let count = server.read(&mut [0; 512]).await.unwrap();
        assert!(count > 0, "the client closed the connection");
    }

    #[tokio::test]
    async fn a_command_counts_if_it_was_sent_while_the_window_was_open() {
        let (client, mut server) = client(1).await;
        let shared = Rc::clone(&client.shared);
        let script = async {
            request(&mut server).await;
            shared.window.open(None);
            server.write_all(b"+OK\r\n").await.unwrap();
            request(&mut server).await;
            shared.window.close(None);
            tokio::time::sleep(Duration::from_millis(20)).await;
            server.write_all(b"+OK\r\n").await.unwrap();
        };
        let (ended, ()) = both(client.run(), script).await;
        ended.unwrap();
        let samples = shared.window.measured().unwrap().samples;
        let sets = &samples.latencies[Operation::Set];
        assert_eq!(
            sets.len(),
            1,
            "the first was sent before the window opened, the second while it was open"
        );
        assert!(sets.max() >= 20_000_000, "the second took 20 ms or more");
    }

    #[tokio::test]
    async fn each_reply_is_timed_when_it_is_here() {
        let (mut client, mut server) = client(2).await;
        let shared = Rc::clone(&client.shared);
        client.choose_batch();
        shared.window.open(None);
        let sent = Instant::now();
        let script = async {
            server.write_all(b"+OK\r\n+O").await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
            let between = sent.elapsed().as_nanos() as u64;
            // More than the digits that a histogram drops.
            tokio::time::sleep(Duration::from_millis(5)).await;
            server.write_all(b"K\r\n").await.unwrap();
            between
        };
        let (received, between) = both(client.receive_batch(sent, true), script).await;
        received.unwrap();
        shared.window.close(None);
        let samples = shared.window.measured().unwrap().samples;
        let sets = &samples.latencies[Operation::Set];
        assert_eq!(sets.len(), 2, "each command is a sample");
        assert!(sets.min() < between, "the first reply came before");
        assert!(sets.max() > between, "the second reply came after");
    }

    #[tokio::test]
    async fn what_is_not_the_reply_to_the_batch_ends_the_run() {
        for reply in ["-ERR no\r\n", "+OK\r\n+OK\r\n", ""] {
            let (mut client, mut server) = client(1).await;
            client.choose_batch();
            server.write_all(reply.as_bytes()).await.unwrap();
            drop(server);
            let received = client.receive_batch(Instant::now(), true).await;
            assert!(received.is_err(), "{reply:?} was taken for a reply");
        }
    }
}
