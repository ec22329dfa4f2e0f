//! Fan-out: one client sends, many wait, and the time until what was sent is where it belongs.
//!
//! This file owns the load of pub/sub, where each message goes to all subscribers, and of BLPOP,
//! where each element goes to the client that has waited longest. Each message is its own number,
//! so the run ends if one is missed or comes twice. The loop is closed: the next batch is sent when
//! the last one has arrived everywhere. One message that arrives at one client counts as one
//! operation.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::connection::{Shared, connect};
use super::plan::Plan;
use crate::operation::Operation;
use crate::scenario::{Condition, Scenario};

const CHANNEL: &str = "capstone:channel";

/// What the sender and the others share.
struct Fanout {
    shared: Rc<Shared>,
    scenario: Scenario,
    /// The number of the first message in flight.
    number: Cell<u64>,
    /// When the batch in flight was sent.
    sent: Cell<Instant>,
    /// Was the window open then?
    counts: Cell<bool>,
    /// How many arrivals of the batch are missing.
    missing: Cell<usize>,
    complete: Notify,
}

impl Fanout {
    /// Records that a message has arrived at a client.
    fn arrived(&self) {
        if self.counts.get() {
            let latency = self.sent.get().elapsed();
            self.shared.window.record(Operation::Get, latency);
        }
        self.missing.set(self.missing.get().saturating_sub(1));
        if self.missing.get() == 0 {
            self.complete.notify_one();
        }
    }
}

/// Subscribes all clients and starts to publish.
pub async fn start(plan: &Plan, shared: Rc<Shared>) -> Result<JoinSet<Result<()>>> {
    let fanout = Rc::new(Fanout {
        shared,
        scenario: plan.scenario,
        number: Cell::new(0),
        sent: Cell::new(Instant::now()),
        counts: Cell::new(false),
        missing: Cell::new(0),
        complete: Notify::new(),
    });
    let mut tasks = JoinSet::new();
    for _ in 0..plan.scenario.clients {
        let fanout = Rc::clone(&fanout);
        if plan.scenario.condition == Condition::Blpop {
            tasks.spawn_local(pop(connect(&plan.address).await?, fanout));
        } else {
            tasks.spawn_local(receive(subscribe(&plan.address).await?, fanout));
        }
    }
    let stream = connect(&plan.address).await?;
    tasks.spawn_local(publish(stream, fanout));
    Ok(tasks)
}

/// Opens a connection and subscribes it to the channel.
async fn subscribe(address: &str) -> Result<TcpStream> {
    let mut stream = connect(address).await?;
    let request = redis::cmd("SUBSCRIBE").arg(CHANNEL).get_packed_command();
    stream.write_all(&request).await?;
    let length = CHANNEL.len();
    let expected = format!("*3\r\n$9\r\nsubscribe\r\n${length}\r\n{CHANNEL}\r\n:1\r\n");
    expect(&mut stream, expected.as_bytes(), "SUBSCRIBE").await?;
    Ok(stream)
}

/// Reads exactly these bytes. The first byte is read alone, because the error of a server that
/// lacks the command may be shorter than what is expected.
async fn expect(stream: &mut TcpStream, expected: &[u8], command: &str) -> Result<()> {
    let mut found = vec![0; expected.len()];
    stream.read_exact(&mut found[..1]).await?;
    let is_like = found[0] == expected[0];
    ensure!(is_like, "{command} was not answered as Redis does");
    stream.read_exact(&mut found[1..]).await?;
    let answer = found.escape_ascii();
    ensure!(found == expected, "{command} was answered with {answer}");
    Ok(())
}

/// Sends batch after batch, each after the one before has arrived everywhere.
async fn publish(mut stream: TcpStream, fanout: Rc<Fanout>) -> Result<()> {
    let Scenario {
        clients, pipeline, ..
    } = fanout.scenario;
    // An element goes to one client, and the list was empty before.
    let (command, receivers) = match fanout.scenario.condition {
        Condition::Blpop => ("LPUSH", 1),
        _ => ("PUBLISH", clients),
    };
    let arrivals = usize::from(receivers) * usize::from(pipeline);
    let window = &fanout.shared.window;
    let replies = format!(":{receivers}\r\n").repeat(pipeline.into());
    let (mut batch, mut number) = (Vec::new(), 0);
    while !window.is_over() {
        batch.clear();
        fanout.number.set(number);
        for _ in 0..pipeline {
            batch.extend(encoded(command, number, &fanout.scenario));
            number += 1;
        }
        fanout.missing.set(arrivals);
        fanout.counts.set(window.is_open());
        fanout.sent.set(Instant::now());
        stream.write_all(&batch).await?;
        expect(&mut stream, replies.as_bytes(), command).await?;
        fanout.complete.notified().await;
    }
    fanout.shared.all_sent.cancel();
    Ok(())
}

/// Receives until nothing more is published.
async fn receive(stream: TcpStream, fanout: Rc<Fanout>) -> Result<()> {
    let mut input = BufReader::with_capacity(64 * 1024, stream);
    for number in 0.. {
        let expected = encoded("message", number, &fanout.scenario);
        let mut found = vec![0; expected.len()];
        tokio::select! {
            biased;
            read = input.read_exact(&mut found) => read.context("a subscriber lost its server")?,
            () = fanout.shared.all_sent.cancelled() => break,
        };
        let got = found.escape_ascii();
        ensure!(found == expected, "message {number} came as {got}");
        fanout.arrived();
    }
    Ok(())
}

/// Waits for one element after the other, until nothing more is pushed.
async fn pop(mut stream: TcpStream, fanout: Rc<Fanout>) -> Result<()> {
    let request = redis::cmd("BLPOP").arg(CHANNEL).arg(0).get_packed_command();
    loop {
        stream.write_all(&request).await?;
        let mut found = element(0, &fanout.scenario);
        tokio::select! {
            biased;
            read = stream.read_exact(&mut found) => read.context("a client lost its server")?,
            () = fanout.shared.all_sent.cancelled() => return Ok(()),
        };
        let got = found.escape_ascii();
        let expected = element(fanout.number.get(), &fanout.scenario);
        ensure!(found == expected, "BLPOP was answered with {got}");
        fanout.arrived();
    }
}

/// The message with this number, filled up with `x`. A very short message holds the last digits.
fn message(number: u64, bytes: usize) -> Vec<u8> {
    let digits = format!("{number:016}").into_bytes();
    let mut message = digits[digits.len().saturating_sub(bytes)..].to_vec();
    message.resize(bytes, b'x');
    message
}

/// The message with this number as the reply to BLPOP: the list, and the element.
fn element(number: u64, scenario: &Scenario) -> Vec<u8> {
    let message = message(number, scenario.value_bytes as usize);
    redis::cmd(CHANNEL).arg(message).get_packed_command()
}

/// The message with this number as an array of bulk strings, as both the command `PUBLISH` and the
/// push `message` have it.
fn encoded(command: &str, number: u64, scenario: &Scenario) -> Vec<u8> {
    let message = message(number, scenario.value_bytes as usize);
    let mut command = redis::cmd(command);
    command.arg(CHANNEL).arg(message).get_packed_command()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_numbers_of_the_asked_length() {
        assert_eq!(message(7, 16), b"0000000000000007");
        assert_eq!(message(7, 18), b"0000000000000007xx");
        assert_eq!(message(123, 2), b"23");
    }

    #[test]
    fn frames_are_what_redis_pushes() {
        assert_eq!(
            encoded("message", 5, &Scenario::plain(1, 1, 1)),
            b"*3\r\n$7\r\nmessage\r\n$16\r\ncapstone:channel\r\n$1\r\n5\r\n"
        );
        assert_eq!(
            element(5, &Scenario::plain(1, 1, 1)),
            b"*2\r\n$16\r\ncapstone:channel\r\n$1\r\n5\r\n"
        );
    }
}
