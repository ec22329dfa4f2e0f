//! An open loop: commands are sent when they are due, whether earlier ones have been answered or
//! not.
//!
//! This file owns the schedule. Users do not wait for each other, and neither do these clients: one
//! task sends for all of them at a fixed rate, and each client has another task that reads replies.
//! The clock of a sample starts when its command was *due*. If the server stands still for 200 ms,
//! everything that was due meanwhile waits in its sockets, and the sample of each of these commands
//! says how long it waited. In a closed loop the same pause is one slow command per client, and the
//! others were never sent. That is coordinated omission.
//!
//! The timers of the runtime count in milliseconds, but a command is due every few microseconds. So
//! between two commands the sender reads the clock again and again, and lets the readers run in
//! between. That keeps a whole core busy, which says nothing about the server. How late commands
//! were sent is measured instead.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::task::JoinSet;

use super::check::Asked;
use super::connection::{Shared, connect};
use super::plan::Plan;

/// The highest number of commands without a reply, over all clients. With more, the server does not
/// keep up.
const MOST_UNANSWERED: usize = 1_000_000;
/// The sender does not sleep when the next command is due within this time.
const AWAKE: Duration = Duration::from_millis(3);

/// The moments at which commands are due, evenly spaced.
#[derive(Debug, Clone, Copy)]
struct Schedule {
    start: Instant,
    rate: u32,
}

impl Schedule {
    /// The moment at which the command with this number is due. It is computed from the start, so
    /// rounding errors do not add up.
    fn due(&self, number: u64) -> Instant {
        let nanoseconds = u128::from(number) * 1_000_000_000 / u128::from(self.rate);
        self.start + Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }
}

/// A command that has been sent, or that waits until the socket takes it.
struct Sent {
    asked: Asked,
    due: Instant,
    /// Does it count? It does if the window was open when it was sent.
    counts: bool,
}

/// The commands of one client without a reply, shared by its sender and its reader.
type InFlight = Rc<RefCell<VecDeque<Sent>>>;

/// Connects all clients, and starts their tasks.
pub async fn start(plan: &Plan, rate: u32, shared: Rc<Shared>) -> Result<JoinSet<Result<()>>> {
    let mut tasks = JoinSet::new();
    let mut clients = Vec::new();
    for _ in 0..plan.scenario.clients {
        let (reading, writing) = connect(&plan.address).await?.into_split();
        let in_flight = InFlight::default();
        let reader = Reader {
            stream: reading,
            input: vec![0; plan.scenario.reply_bytes() + 64 * 1024],
            filled: 0,
            in_flight: Rc::clone(&in_flight),
            shared: Rc::clone(&shared),
        };
        tasks.spawn_local(reader.run());
        clients.push(Client {
            stream: writing,
            output: Vec::new(),
            in_flight,
        });
    }
    let sender = Sender {
        clients,
        random: fastrand::Rng::with_seed(plan.seed),
        shared,
    };
    tasks.spawn_local(sender.run(rate));
    Ok(tasks)
}

/// The sending half of a client.
struct Client {
    stream: OwnedWriteHalf,
    /// What the socket has not accepted yet.
    output: Vec<u8>,
    in_flight: InFlight,
}

impl Client {
    /// Writes what the socket accepts now, and keeps the rest.
    fn write(&mut self) -> Result<()> {
        match self.stream.try_write(&self.output) {
            Ok(count) => drop(self.output.drain(..count)),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

/// Sends the commands of all clients.
struct Sender {
    clients: Vec<Client>,
    random: fastrand::Rng,
    shared: Rc<Shared>,
}

impl Sender {
    async fn run(mut self, rate: u32) -> Result<()> {
        let schedule = Schedule {
            start: Instant::now(),
            rate,
        };
        let mut number = 0;
        while !self.shared.window.is_over() {
            let due = schedule.due(number);
            if Instant::now() < due {
                wait_for(due).await;
                continue;
            }
            self.send(number, due)?;
            number += 1;
            // A sender that is late must not make the readers late as well.
            if number % 16 == 0 {
                tokio::task::yield_now().await;
            }
        }
        for mut client in self.clients {
            client.stream.write_all(&client.output).await?;
            // Dropping it would close the connection while replies are in flight.
            client.stream.forget();
        }
        self.shared.all_sent.cancel();
        Ok(())
    }

    /// Sends one command. The clients take turns.
    fn send(&mut self, number: u64, due: Instant) -> Result<()> {
        let count = self.clients.len();
        let client = &mut self.clients[(number % count as u64) as usize];
        let shared = &self.shared;
        let asked = shared.traffic.append(&mut self.random, &mut client.output);
        let counts = shared.window.is_open();
        if counts {
            shared.window.record_lateness(due.elapsed());
        }
        let mut in_flight = client.in_flight.borrow_mut();
        in_flight.push_back(Sent { asked, due, counts });
        let unanswered = in_flight.len() * count;
        ensure!(unanswered <= MOST_UNANSWERED, "the server does not keep up");
        drop(in_flight);
        client.write()
    }
}

/// Lets other tasks run until the command is nearly due.
async fn wait_for(due: Instant) {
    match due.checked_duration_since(Instant::now()) {
        Some(time) if time > AWAKE => tokio::time::sleep(time - AWAKE).await,
        _ => tokio::task::yield_now().await,
    }
}

/// Reads the replies of one client.
struct Reader {
    stream: OwnedReadHalf,
    input: Vec<u8>,
    filled: usize,
    in_flight: InFlight,
    shared: Rc<Shared>,
}

impl Reader {
    /// Reads until all commands are sent and answered.
    async fn run(mut self) -> Result<()> {
        let all_sent = self.shared.all_sent.clone();
        while !all_sent.is_cancelled() || !self.in_flight.borrow().is_empty() {
            let count = tokio::select! {
                biased;
                count = self.stream.read(&mut self.input[self.filled..]) => count?,
                () = all_sent.cancelled(), if !all_sent.is_cancelled() => continue,
            };
            let now = Instant::now();
            ensure!(count > 0, "the server closed the connection");
            self.filled += count;
            self.take_replies(now)?;
        }
        Ok(())
    }

    fn take_replies(&mut self, now: Instant) -> Result<()> {
        let mut in_flight = self.in_flight.borrow_mut();
        let mut start = 0;
        while start < self.filled {
            let Some(sent) = in_flight.front() else {
                bail!("there are more replies than commands");
            };
            let input = &self.input[start..self.filled];
            let Some(length) = self.shared.traffic.reply_to(sent.asked, input)? else {
                break;
            };
            start += length;
            if sent.counts {
                let window = &self.shared.window;
                window.record(sent.asked.operation, now - sent.due);
            }
            in_flight.pop_front();
        }
        self.input.copy_within(start..self.filled, 0);
        self.filled -= start;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::super::connection::tests::{connection, shared};
    use super::*;
    use crate::measure::window::Samples;
    use crate::operation::Operation;

    fn offsets(rate: u32, numbers: &[u64]) -> Vec<Duration> {
        let start = Instant::now();
        let schedule = Schedule { start, rate };
        let due = numbers.iter().map(|number| schedule.due(*number) - start);
        due.collect()
    }

    #[test]
    fn commands_are_due_at_even_distances() {
        assert_eq!(
            offsets(20_000, &[0, 1, 2, 20_000]),
            [0, 50, 100, 1_000_000].map(Duration::from_micros)
        );
    }

    #[test]
    fn rounding_does_not_add_up() {
        // A third of a second cannot be said in nanoseconds; an hour can.
        assert_eq!(
            offsets(3, &[1, 3, 3 * 3600]),
            [
                Duration::from_nanos(333_333_333),
                Duration::from_secs(1),
                Duration::from_secs(3600)
            ]
        );
    }

    /// A sender for one client, its reader, and the server's end of their connection.
    async fn one_client() -> (Sender, Reader, TcpStream) {
        let (stream, server) = connection().await;
        let (reading, writing) = stream.into_split();
        let (in_flight, shared) = (InFlight::default(), shared());
        let client = Client {
            stream: writing,
            output: Vec::new(),
            in_flight: Rc::clone(&in_flight),
        };
        let sender = Sender {
            clients: vec![client],
            random: fastrand::Rng::with_seed(1),
            shared: Rc::clone(&shared),
        };
        let reader = Reader {
            stream: reading,
            input: vec![0; 512],
            filled: 0,
            in_flight,
            shared,
        };
        (sender, reader, server)
    }

    #[tokio::test]
    async fn a_sender_that_was_held_up_sends_all_that_was_due() {
        let (sender, reader, mut server) = one_client().await;
        let shared = Rc::clone(&sender.shared);
        let holds_up = async {
            // Both run on this thread, so the sender sends nothing meanwhile.
            std::thread::sleep(Duration::from_millis(100));
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            shared.window.close(None);
            reader.in_flight.borrow().len()
        };
        let (ended, sent) = tokio::join!(biased; sender.run(1000), holds_up);
        ended.unwrap();
        assert!(
            sent >= 100,
            "at 1000/s, 100 commands were due in 100 ms; {sent} were sent"
        );
        assert!(shared.all_sent.is_cancelled(), "readers wait for that");

        let mut requests = Vec::new();
        let all = server.read_to_end(&mut requests);
        let ended = tokio::time::timeout(Duration::from_millis(50), all).await;
        assert!(
            ended.is_err(),
            "the connection was closed before its replies"
        );
        let sets = requests.windows(3).filter(|it| it == b"SET").count();
        assert_eq!(
            sets,
            reader.in_flight.borrow().len(),
            "of all that was sent"
        );
    }

    /// A command that was due so many milliseconds before.
    fn due_before(now: Instant, ms: u64, counts: bool) -> Sent {
        Sent {
            asked: Asked {
                operation: Operation::Set,
                key: 0,
            },
            due: now - Duration::from_millis(ms),
            counts,
        }
    }

    /// Lets the reader have read this.
    fn read(reader: &mut Reader, bytes: &[u8], now: Instant) -> Result<()> {
        let end = reader.filled + bytes.len();
        reader.input[reader.filled..end].copy_from_slice(bytes);
        reader.filled = end;
        reader.take_replies(now)
    }

    fn samples(shared: &Shared) -> Samples {
        shared.window.open(None);
        shared.window.close(None);
        shared.window.measured().unwrap().samples
    }

    #[tokio::test]
    async fn each_reply_belongs_to_the_oldest_command() {
        let (_sender, mut reader, _server) = one_client().await;
        let now = Instant::now();
        for (ms, counts) in [(30, true), (20, false), (10, true)] {
            let sent = due_before(now, ms, counts);
            reader.in_flight.borrow_mut().push_back(sent);
        }
        read(&mut reader, b"+OK\r\n+OK\r\n+O", now).unwrap();
        assert_eq!(reader.in_flight.borrow().len(), 1, "two replies are whole");
        read(&mut reader, b"K\r\n", now).unwrap();
        assert_eq!(reader.in_flight.borrow().len(), 0, "the third is now");

        let sets = &samples(&reader.shared).latencies[Operation::Set];
        assert_eq!(sets.len(), 2, "the second was not due in the window");
        for (found, ms) in [(sets.min(), 10), (sets.max(), 30)] {
            let difference = found.abs_diff(ms * 1_000_000);
            assert!(difference < 100_000, "{found} ns instead of {ms} ms");
        }
        assert!(read(&mut reader, b"+OK\r\n", now).is_err(), "one too many");
    }

    #[tokio::test]
    async fn a_command_that_leaves_late_has_waited_since_it_was_due() {
        let (mut sender, mut reader, _server) = one_client().await;
        sender.shared.window.open(None);
        let due = Instant::now() - Duration::from_millis(100);
        sender.send(0, due).unwrap();
        read(&mut reader, b"+OK\r\n", Instant::now()).unwrap();
        let samples = samples(&reader.shared);
        let ms = samples.latencies[Operation::Set].max() as f64 / 1e6;
        assert!(
            ms >= 100.0,
            "it was due 100 ms ago and has its reply now; the sample says {ms} ms"
        );
        assert!(samples.lateness.max() >= 100_000_000, "it left 100 ms late");
    }

    #[tokio::test]
    async fn too_many_commands_without_a_reply_end_the_run() {
        let (mut sender, reader, _server) = one_client().await;
        let now = Instant::now();
        let unanswered = (0..MOST_UNANSWERED).map(|_| due_before(now, 0, false));
        reader.in_flight.borrow_mut().extend(unanswered);
        assert!(sender.send(0, now).is_err());
    }
}
