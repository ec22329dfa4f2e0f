//! One client of a closed loop: sends a batch, and takes a sample as each reply
//! arrives.
//!
//! This file owns the moment of measurement. A sample starts just before its
//! batch is written and ends just after the read that completed its reply. So it
//! holds everything that a client of the server would wait for, and the time that
//! a reply waits here, in the socket, while this program is busy with another
//! client. The report says how much that may be.

use std::rc::Rc;
use std::time::Instant;

use anyhow::{Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::connection::{Answers, checked_reply, connect};
use super::plan::Plan;
use super::request::Templates;
use super::traffic::Traffic;
use crate::measure::window::Window;
use crate::scenario::{Operation, Scenario};

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

/// Opens all connections, and only then lets any of them send.
pub async fn start(
    plan: &Plan,
    traffic: Rc<Traffic>,
    window: Rc<Window>,
) -> Result<JoinSet<Result<()>>> {
    let scenario = plan.scenario;
    let mut connections = Vec::new();
    for client in 0..u64::from(scenario.clients) {
        let seed = plan.seed.wrapping_mul(1_000_003).wrapping_add(client);
        let connection = Connection::open(&plan.address, scenario, plan.answers, seed);
        connections.push(connection.await?);
    }
    let mut clients = JoinSet::new();
    for connection in connections {
        let (traffic, window) = (Rc::clone(&traffic), Rc::clone(&window));
        clients.spawn_local(async move { connection.run(&traffic, &window).await });
    }
    Ok(clients)
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
