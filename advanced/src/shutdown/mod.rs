//! The shutdown (`prepareForShutdown` and `finishShutdown` in Redis's `server.c`).
//!
//! Its order matters. First the replicas get what they lack; writes wait meanwhile, because
//! otherwise the replicas might never catch up. Then, with the lock held, so that no client sees
//! or changes anything in between, the AOF is written and made safe, and the data set is saved
//! if that was requested. Until then everything can be undone: if the disk is full, the server
//! goes on, because the data is in its memory only. After that nothing is executed any more; what
//! was executed gets its reply, the port is closed, and every connection ends by itself. There
//! is a deadline for clients that do not read their last replies.
//!
//! **Signals** arrive on a thread of their own. A second Ctrl-C ends the process at
//! once, even if everything else waits for the disk.

use std::convert::Infallible;
use std::io;
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::{sleep_until, timeout};
use tracing::{info, warn};

use crate::aof::system_text;
use crate::lifecycle::{self, Attempt, Phase, Request, Requests, Save};
use crate::state::{Shared, State};

/// How long clients may take to read their last replies.
const GOODBYE: Duration = Duration::from_secs(2);

/// Each connection holds one. When all are dropped, all connections have ended.
pub type ConnectionGuard = mpsc::Sender<Infallible>;

/// Handles SIGTERM and SIGINT from now on: each requests a shutdown.
pub fn listen_for_signals(requests: Requests) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let context = runtime.enter();
    let terminate = signal(SignalKind::terminate())?;
    let interrupt = signal(SignalKind::interrupt())?;
    drop(context);
    thread::Builder::new()
        .name("signals".into())
        .spawn(move || runtime.block_on(hear(terminate, interrupt, requests)))?;
    Ok(())
}

/// The first signal requests a shutdown. A SIGINT after it ends the process at once, because
/// somebody presses Ctrl-C again. A second SIGTERM does not: the sender may be the same, as when
/// a process group gets it and its leader passes it on.
async fn hear(mut terminate: Signal, mut interrupt: Signal, requests: Requests) {
    let mut attempt = None;
    loop {
        let (name, insists) = tokio::select! {
            _ = terminate.recv() => ("SIGTERM", false),
            _ = interrupt.recv() => ("SIGINT", true),
        };
        if insists && attempt.is_some_and(|attempt| requests.is_current(attempt)) {
            warn!("You insist... exiting now.");
            process::exit(1);
        }
        info!("Received {name} scheduling shutdown...");
        attempt = Some(requests.send(lifecycle::on_signal(insists)));
    }
}

/// Waits until a shutdown is requested, and ends all that the server does. `port` is the task that accepts
/// clients; `connections` ends when all connections have.
pub async fn run(shared: Shared, port: AbortHandle, connections: mpsc::Receiver<Infallible>) {
    let mut status = shared.lock().lifecycle.status();
    loop {
        let attempt = status.borrow_and_update().attempt;
        if let Some(attempt) = attempt {
            info!("User requested shutdown...");
            drain(&shared, attempt).await;
            if finish(&mut shared.lock(), attempt) {
                break;
            }
        }
        // It fails if nobody can ask any more, and we hold the state.
        let _ = status.changed().await;
    }
    port.abort();
    say_goodbye(connections).await;
    info!("Redis is now ready to exit, bye bye...");
}

/// Waits until the replicas have everything, the attempt is aborted, or the timeout is over.
async fn drain(shared: &Shared, attempt: Attempt) {
    let Some((deadline, acknowledged)) = begin_to_drain(&mut shared.lock(), attempt.request) else {
        return;
    };
    let mut status = shared.lock().lifecycle.status();
    tokio::select! {
        () = caught_up(shared, acknowledged) => {}
        _ = status.wait_for(|status| status.attempt != Some(attempt)) => {}
        () = sleep_until(deadline.into()) => {}
    }
}

/// Waits until every replica has everything. `acknowledged` changes with each acknowledgement.
async fn caught_up(shared: &Shared, mut acknowledged: watch::Receiver<()>) {
    while !shared.lock().replication.is_caught_up() {
        // It fails if the state is gone, and we hold it.
        let _ = acknowledged.changed().await;
    }
}

/// Enters the draining phase if there is a replica to wait for. Returns the deadline, and a
/// receiver that changes when a replica acknowledges.
fn begin_to_drain(state: &mut State, request: Request) -> Option<(Instant, watch::Receiver<()>)> {
    let patience = state.config.shutdown_timeout;
    if request.now || patience.is_zero() || state.replication.is_caught_up() {
        return None;
    }
    info!("Waiting for replicas before shutting down.");
    let deadline = Instant::now() + patience;
    state.lifecycle.drained = Some(deadline);
    state.enter(Phase::Draining);
    state
        .replication
        .ask(state.config.client_output_buffer_limit.replica);
    Some((deadline, state.replication.watch()))
}

/// Makes all data safe and ends the server. Returns false if the server goes on.
fn finish(state: &mut State, attempt: Attempt) -> bool {
    if !state.lifecycle.is_current(attempt) {
        return false;
    }
    state.replication.report_laggards();
    if !persist(state, attempt.request) {
        warn!("Errors trying to shut down the server. Check the logs for more information.");
        state.abort_shutdown();
        return false;
    }
    state.replication.end();
    state.enter(Phase::Ended);
    true
}

/// A step of the shutdown. An error says why it failed.
type Step = fn(&mut State, Request) -> Result<(), String>;

/// The steps, in their order.
const STEPS: [Step; 3] = [end_background, sync_log, save];

/// Takes all steps. Returns false at the first that fails, unless the request is forced.
fn persist(state: &mut State, request: Request) -> bool {
    STEPS.iter().all(|step| match step(state, request) {
        Ok(()) => true,
        Err(why) if request.force => {
            warn!("{why}. Exit anyway.");
            true
        }
        Err(why) => {
            warn!("{why}, can't exit.");
            false
        }
    })
}

/// Stops the background job, because the files before it are complete. A job that writes a base
/// that the AOF needs goes on, unless the request is forced: it also mends an AOF that is broken,
/// and a client that repeats SHUTDOWN must not stop it each time.
fn end_background(state: &mut State, request: Request) -> Result<(), String> {
    let needs_base = state.aof.wants_base();
    if request.force || !needs_base {
        state.background.stop();
    }
    // If the AOF is broken, `sync_log` returns the error.
    match needs_base && !state.aof.is_broken() {
        true => Err("Writing initial AOF".into()),
        false => Ok(()),
    }
}

fn sync_log(state: &mut State, _: Request) -> Result<(), String> {
    if !state.aof.is_on() {
        return Ok(());
    }
    info!("Calling fsync() on the AOF file.");
    let synced = state.aof.sync();
    synced.map_err(|error| format!("Fail to fsync the AOF file: {}", system_text(&error)))
}

fn save(state: &mut State, request: Request) -> Result<(), String> {
    if !is_save_due(state, request) {
        return Ok(());
    }
    info!("Saving the final RDB snapshot before exiting.");
    match state.background.save_now(&state.store, &state.config) {
        true => Ok(()),
        false => Err("Error trying to save the DB".into()),
    }
}

fn is_save_due(state: &State, request: Request) -> bool {
    match request.save {
        // Half of the data must not take the place of all of it.
        _ if state.store.loading => false,
        Save::Always => true,
        Save::Never => false,
        Save::IfDue => !state.config.save.is_empty(),
    }
}

/// Waits until every connection has ended, or for `GOODBYE` at most.
async fn say_goodbye(mut connections: mpsc::Receiver<Infallible>) {
    if timeout(GOODBYE, connections.recv()).await.is_err() {
        warn!("some clients did not take their last replies");
    }
}
