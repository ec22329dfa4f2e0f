//! A closed loop: a client sends a batch, waits for its replies, and sends the next one.
//!
//! This file owns the moment of measurement. A sample starts just before its
//! batch is written and ends just after the read that completed its reply. So it
//! holds everything that a client of the server would wait for, and the time that
//! a reply waits here, in the socket, while this program is busy with another
//! client. The report says how much that may be.
//!
//! The loop answers "how fast can it go?": the number of commands on their way is fixed,
//! so a slow server receives less load. What users feel at a given load, it cannot say,
//! because it does not send while it waits. `open_loop.rs` does.

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

/// A client with at most one batch on its way.
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
    /// Room for all replies to a batch, and a little more: a read that fills the
    /// buffer would have to be followed by another, to learn that nothing is left.
    input: Vec<u8>,
}

/// Opens all connections, and only then lets any of them send.
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
    /// Sends batch after batch, each when the one before is answered, until the
    /// window closes.
    async fn run(mut self) -> Result<()> {
        while !self.shared.window.is_over() {
            self.choose_batch();
            // Decided by the moment of sending, so that a slow reply counts too
            // when it arrives after the window has closed.
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

    /// Reads until every command of the batch is answered.
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
        ensure!(
            scanned == filled,
            "the server answers more than it was asked"
        );
        Ok(())
    }

    /// The length of the reply that begins this part of the input, if all of it is here.
    /// An echo must be the request, which ends at `end` of the batch.
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
