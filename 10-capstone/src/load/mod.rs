//! The load generator: one thread, many connections, one window of time.
//!
//! This file owns one measurement of one server. It opens the connections, starts the clients,
//! opens the window after the warm-up, and closes it.
//!
//! `closed_loop.rs`, `open_loop.rs` and `fanout.rs` say what the clients do, and
//! `measure/window.rs` holds the samples. One thread is enough for that and leaves the other core
//! to the server. So nothing here is shared between threads, and the histograms need no lock.

// What is sent, and what must come back.
mod check;
mod reply;
mod request;
mod traffic;

pub mod keyspace;

mod connection;
mod plan;

mod closed_loop;
mod fanout;
mod open_loop;

use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::task::{JoinSet, LocalSet};

pub use connection::Answers;
use connection::Shared;
pub use plan::Plan;
pub use traffic::Keys;
use traffic::Traffic;

use crate::measure::disturbance::Pause;
use crate::measure::window::{Measurement, Window};
use crate::worker::CancellationToken;

/// How long the clients may take to connect. A client that finds the queue of connections full
/// tries again for minutes.
const CONNECTED: Duration = Duration::from_secs(20);
/// How long a reply may take after the window has closed.
const LAST_REPLY: Duration = Duration::from_secs(10);

/// Runs one measurement. It blocks the calling thread, which is the load generator.
pub fn measure(plan: &Plan, stop: CancellationToken) -> Result<Measurement> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, async {
        tokio::select! {
            measured = run(plan) => measured,
            () = stop.cancelled() => bail!("stopped"),
        }
    })
}

async fn run(plan: &Plan) -> Result<Measurement> {
    let scenario = &plan.scenario;
    let shared = Rc::new(Shared {
        traffic: Traffic::new(scenario, plan.keys.clone()),
        window: Window::new()?,
        all_sent: CancellationToken::new(),
    });
    let started = tokio::time::timeout(CONNECTED, start(plan, &shared)).await;
    let mut clients = started.context("not all clients were connected within 20 s")??;

    tokio::select! {
        ended = keep_time(plan, &shared.window) => ended?,
        Some(ended) = clients.join_next() => {
            ended.context("a client panicked")??;
            bail!("a client ended before its time");
        }
    }
    let ended = tokio::time::timeout(LAST_REPLY, clients.join_all()).await;
    let ended = ended.with_context(|| format!("no reply within {LAST_REPLY:?}"))?;
    ended.into_iter().collect::<Result<()>>()?;
    shared.window.measured().context("the window is open")
}

/// Connects all clients and starts their tasks.
async fn start(plan: &Plan, shared: &Rc<Shared>) -> Result<JoinSet<Result<()>>> {
    let shared = Rc::clone(shared);
    match plan.scenario.rate {
        _ if plan.scenario.condition.is_fanout() => fanout::start(plan, shared).await,
        Some(rate) => open_loop::start(plan, rate, shared).await,
        None => closed_loop::start(plan, shared).await,
    }
}

/// Opens the window after the warm-up, and closes it. A pause of the server begins after a quarter
/// of the time, so that its consequences are measured too.
async fn keep_time(plan: &Plan, window: &Window) -> Result<()> {
    tokio::time::sleep(plan.warmup).await;
    window.open(plan.pid);
    let until = tokio::time::Instant::now() + plan.seconds;
    if let Some(length) = plan.scenario.pause() {
        tokio::time::sleep(plan.seconds.saturating_sub(length) / 4).await;
        let pause = Pause::begin(plan.pid)?;
        tokio::time::sleep(length).await;
        drop(pause);
    }
    tokio::time::sleep_until(until).await;
    window.close(plan.pid);
    Ok(())
}
