//! The load generator: one thread, many connections, one window of time.
//!
//! This file owns a single measurement of a single server. It opens the
//! connections, lets them run, opens the window after the warm-up, and closes it.
//! Clocks are read at both edges of the window, so that operations and CPU time
//! are of the same seconds.
//!
//! What the clients do is in `connection.rs` (a closed loop), `open_loop.rs` and
//! `fanout.rs`. One thread is enough for that, and leaves the other core to the
//! server. So nothing here is shared between threads, and the histograms need no
//! lock.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hdrhistogram::Histogram;
use tokio::task::{JoinSet, LocalSet};

use crate::connection::{Answers, Connection};
use crate::cpu::{self, CpuTime};
use crate::disturbance::Pause;
use crate::fanout;
use crate::open_loop;
use crate::request::Operation;
use crate::scenario::{Condition, Scenario};
use crate::traffic::{Keys, Traffic};
use crate::worker::Stop;

/// How long a reply may take after the window has closed.
const LAST_REPLY: Duration = Duration::from_secs(10);

/// What to measure, and for how long.
#[derive(Debug, Clone)]
pub struct Plan {
    /// `host:port` of the server.
    pub address: String,
    /// The server's process, when it runs on this machine.
    pub pid: Option<u32>,
    pub answers: Answers,
    pub scenario: Scenario,
    pub keys: Keys,
    pub seed: u64,
    /// Time before the window.
    pub warmup: Duration,
    /// Length of the window.
    pub seconds: Duration,
}

/// What was measured.
pub struct Measurement {
    /// The true length of the window.
    pub wall: Duration,
    /// Latencies of GET, in nanoseconds; in pub/sub, those of messages.
    pub get: Histogram<u64>,
    /// Latencies of SET, in nanoseconds.
    pub set: Histogram<u64>,
    /// Of an open loop, how late commands were sent, in nanoseconds.
    pub lateness: Histogram<u64>,
    /// What the generator's thread did in the window.
    pub generator: CpuTime,
    /// What the server's threads did in the window.
    pub server: Option<CpuTime>,
    /// CPU time that other programs used in the window.
    pub others: Option<Duration>,
}

/// Runs one measurement. Blocks the calling thread, which is the generator.
pub fn measure(plan: &Plan, mut stop: Stop) -> Result<Measurement> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, async {
        tokio::select! {
            measured = run(plan) => measured,
            () = stop.wait() => bail!("stopped"),
        }
    })
}

async fn run(plan: &Plan) -> Result<Measurement> {
    let window = Rc::new(Window::new()?);
    let mut clients = start_clients(plan, &window).await?;

    let (before, after) = tokio::select! {
        edges = keep_time(plan, &window) => edges?,
        Some(ended) = clients.join_next() => {
            ended.context("a client panicked")??;
            bail!("a client ended before its time");
        }
    };
    let rest = async {
        while let Some(ended) = clients.join_next().await {
            ended.context("a client panicked")??;
        }
        Ok::<_, anyhow::Error>(())
    };
    match tokio::time::timeout(LAST_REPLY, rest).await {
        Ok(ended) => ended?,
        Err(_) => bail!("no reply within {} s", LAST_REPLY.as_secs()),
    }
    Ok(after.since(&before, &window.histograms.borrow()))
}

/// Starts what the scenario asks for.
async fn start_clients(plan: &Plan, window: &Rc<Window>) -> Result<JoinSet<Result<()>>> {
    let scenario = plan.scenario;
    let traffic = Rc::new(Traffic::new(&scenario, plan.keys.clone()));
    let window = Rc::clone(window);
    match scenario.rate {
        _ if scenario.condition == Condition::Pubsub => fanout::start(plan, window).await,
        Some(rate) => open_loop::start(plan, rate, traffic, window).await,
        None => start_closed_loop(plan, traffic, window).await,
    }
}

/// Opens all connections, and only then lets any of them send.
async fn start_closed_loop(
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

/// Opens the window after the warm-up, closes it, and returns both edges. A pause
/// of the server begins a quarter into the window, so that what follows from it is
/// seen too.
async fn keep_time(plan: &Plan, window: &Window) -> Result<(Edge, Edge)> {
    tokio::time::sleep(plan.warmup).await;
    window.phase.set(Phase::Open);
    let before = Edge::now(plan.pid);
    let until = tokio::time::Instant::now() + plan.seconds;
    if let Some(length) = plan.scenario.pause() {
        tokio::time::sleep(plan.seconds.saturating_sub(length) / 4).await;
        let pause = Pause::begin(plan.pid)?;
        tokio::time::sleep(length).await;
        drop(pause);
    }
    tokio::time::sleep_until(until).await;
    let after = Edge::now(plan.pid);
    window.phase.set(Phase::Over);
    Ok((before, after))
}

/// The time in which commands count, and the latencies of those that do.
pub struct Window {
    phase: Cell<Phase>,
    histograms: RefCell<Histograms>,
}

struct Histograms {
    get: Histogram<u64>,
    set: Histogram<u64>,
    lateness: Histogram<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    WarmUp,
    Open,
    Over,
}

impl Window {
    fn new() -> Result<Self> {
        Ok(Self {
            phase: Cell::new(Phase::WarmUp),
            histograms: RefCell::new(Histograms {
                get: histogram()?,
                set: histogram()?,
                lateness: histogram()?,
            }),
        })
    }

    /// Does a command that is sent now count?
    pub fn is_open(&self) -> bool {
        self.phase.get() == Phase::Open
    }

    /// Shall no more commands be sent?
    pub fn is_over(&self) -> bool {
        self.phase.get() == Phase::Over
    }

    /// Takes the latency of one command.
    pub fn record(&self, operation: Operation, latency: Duration) {
        let histograms = &mut *self.histograms.borrow_mut();
        let histogram = match operation {
            Operation::Get => &mut histograms.get,
            Operation::Set => &mut histograms.set,
        };
        histogram.saturating_record(nanoseconds(latency));
    }

    /// Takes how long after its time a command was sent.
    pub fn record_lateness(&self, late: Duration) {
        let histogram = &mut self.histograms.borrow_mut().lateness;
        histogram.saturating_record(nanoseconds(late));
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A histogram of latencies up to a minute, to three digits.
fn histogram() -> Result<Histogram<u64>> {
    let minute = Duration::from_secs(60).as_nanos() as u64;
    Ok(Histogram::new_with_max(minute, 3)?)
}

/// All clocks at one edge of the window.
struct Edge {
    at: Instant,
    generator: CpuTime,
    server: Option<CpuTime>,
    machine: Option<Duration>,
}

impl Edge {
    fn now(pid: Option<u32>) -> Self {
        Self {
            at: Instant::now(),
            generator: cpu::of_this_thread(),
            server: pid.and_then(cpu::of_process),
            machine: cpu::of_machine(),
        }
    }

    /// What happened between two edges.
    fn since(&self, before: &Self, taken: &Histograms) -> Measurement {
        let generator = self.generator.since(&before.generator);
        let server = self
            .server
            .zip(before.server)
            .map(|(after, before)| after.since(&before));
        // Without the server's own time, nobody can say what others used.
        let others = server.and_then(|server| {
            let machine = self.machine?.saturating_sub(before.machine?);
            Some(machine.saturating_sub(server.running + generator.running))
        });
        Measurement {
            wall: self.at - before.at,
            get: taken.get.clone(),
            set: taken.set.clone(),
            lateness: taken.lateness.clone(),
            generator,
            server,
            others,
        }
    }
}
