//! The end of the server (`prepareForShutdown` and `finishShutdown` in Redis's
//! `server.c`).
//!
//! It has an order. First the replicas get what they lack; writes wait meanwhile, or it
//! would never be done. Then, with the lock held, so that nobody sees or changes
//! anything in between: the log is written and made safe, and the data set is saved if it is
//! to be. Until then all can go back: if the disk is full, the server stays, because the data
//! are in its memory only. After that nothing is executed any more; what was executed gets
//! its reply, the port is closed, and every connection ends by itself. Whoever does not take
//! what is his holds nobody up: there is a deadline.
//!
//! **Signals** are heard on a thread of their own. A second Ctrl-C ends the process at
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
use crate::lifecycle::{Phase, Request, Save};
use crate::state::{Shared, State};

/// How long the last replies may take to leave.
const GOODBYE: Duration = Duration::from_secs(2);

/// Tells of each signal that asks for the end: the number of the request that it makes or
/// joins. What is taken back is taken back for signals as well.
pub type Signals = mpsc::UnboundedReceiver<u64>;

/// Proves that a connection is still there. When all are dropped, all connections are gone.
pub type Guest = mpsc::Sender<Infallible>;

/// Listens for SIGTERM and SIGINT from now on. `failures` changes when a request has come to
/// nothing.
pub fn signals(failures: watch::Receiver<u64>) -> io::Result<Signals> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let context = runtime.enter();
    let terminate = signal(SignalKind::terminate())?;
    let interrupt = signal(SignalKind::interrupt())?;
    drop(context);
    thread::Builder::new()
        .name("signals".into())
        .spawn(move || runtime.block_on(hear(terminate, interrupt, sender, failures)))?;
    Ok(receiver)
}

/// The first signal asks. A SIGINT after that insists: somebody presses Ctrl-C again. A second
/// SIGTERM does not: it may come from the same hand, as when a process group gets it and
/// its leader passes it on.
async fn hear(
    mut terminate: Signal,
    mut interrupt: Signal,
    sender: mpsc::UnboundedSender<u64>,
    mut failures: watch::Receiver<u64>,
) {
    let mut is_asked = false;
    loop {
        let (name, insists) = tokio::select! {
            _ = terminate.recv() => ("SIGTERM", false),
            _ = interrupt.recv() => ("SIGINT", true),
        };
        let came_to_nothing = failures.has_changed().unwrap_or(false);
        let is_pending = is_asked && !came_to_nothing;
        if is_pending && insists {
            warn!("You insist... exiting now.");
            process::exit(1);
        }
        info!("Received {name} scheduling shutdown...");
        if !is_pending {
            let number = *failures.borrow_and_update();
            is_asked = true;
            // Who receives it lives as long as the server.
            let _ = sender.send(number);
        }
    }
}

/// Waits until the server is to end, and ends it. `port` is what accepts clients.
pub async fn run(
    shared: Shared,
    mut signals: Signals,
    port: AbortHandle,
    guests: mpsc::Receiver<Infallible>,
) {
    loop {
        let (number, request) = wanted(&shared, &mut signals).await;
        info!("User requested shutdown...");
        drain(&shared, number, request).await;
        if finish(&mut shared.lock(), number, request) {
            break;
        }
    }
    port.abort();
    say_goodbye(guests).await;
    info!("Redis is now ready to exit, bye bye...");
    // To give the memory back, key by key, is not worth anybody's time.
    process::exit(0);
}

/// Waits until somebody wants the server to end.
async fn wanted(shared: &Shared, signals: &mut Signals) -> (u64, Request) {
    let bell = shared.lock().lifecycle.bell();
    loop {
        {
            let lifecycle = &shared.lock().lifecycle;
            if let Some(request) = lifecycle.requested() {
                return (lifecycle.number(), request);
            }
        }
        tokio::select! {
            () = bell.notified() => {}
            Some(number) = signals.recv() => {
                let lifecycle = &mut shared.lock().lifecycle;
                if number == lifecycle.number() {
                    lifecycle.request(Request::default());
                }
            }
        }
    }
}

/// Waits until the replicas have everything, or nobody wants the end any more, or it takes
/// too long.
async fn drain(shared: &Shared, number: u64, request: Request) {
    let Some((deadline, mut acknowledged)) = begin_to_drain(&mut shared.lock(), request) else {
        return;
    };
    let bell = shared.lock().lifecycle.bell();
    loop {
        acknowledged.borrow_and_update();
        {
            let state = &*shared.lock();
            let is_wanted = state.lifecycle.is_wanted(number);
            if !is_wanted || state.replication.is_caught_up() || Instant::now() >= deadline {
                return;
            }
        }
        tokio::select! {
            _ = acknowledged.changed() => {}
            () = bell.notified() => {}
            () = sleep_until(deadline.into()) => {}
        }
    }
}

/// Lets writes wait, if there is a replica to wait for: until when, and what changes when
/// it is further.
fn begin_to_drain(state: &mut State, request: Request) -> Option<(Instant, watch::Receiver<()>)> {
    let patience = state.config.shutdown_timeout;
    if request.now || patience.is_zero() || state.replication.is_caught_up() {
        return None;
    }
    info!("Waiting for replicas before shutting down.");
    let deadline = Instant::now() + patience;
    state.lifecycle.drained = Some(deadline);
    state.lifecycle.enter(Phase::Draining);
    state
        .replication
        .ask(state.config.client_output_buffer_limit.replica);
    Some((deadline, state.replication.watch()))
}

/// Makes everything safe. False if the server stays.
fn finish(state: &mut State, number: u64, request: Request) -> bool {
    // It may have been taken back meanwhile.
    let mut may_end = state.lifecycle.is_wanted(number);
    if may_end {
        state.replication.report_laggards();
        may_end = persist(state, request);
        if !may_end {
            warn!("Errors trying to shut down the server. Check the logs for more information.");
            state.lifecycle.fail();
        }
    }
    if may_end {
        state.lifecycle.enter(Phase::Ended);
        state.replication.stop_following();
    }
    may_end
}

/// Something that has to be done before the end; an error says why it cannot be done.
type Step = fn(&mut State, Request) -> Result<(), String>;

/// In this order.
const STEPS: [Step; 3] = [end_background, sync_log, save];

/// Writes what has to be written. False if that is not possible, and the server not
/// forced.
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

/// What is written in the background is not waited for. The files before it are whole, unless
/// it is the first base of the log: without that the log is nothing.
fn end_background(state: &mut State, request: Request) -> Result<(), String> {
    let is_first = state.aof.is_provisional();
    if request.force || !is_first {
        state.background.stop();
    }
    match is_first {
        true => Err("Writing initial AOF".into()),
        false => Ok(()),
    }
}

fn sync_log(state: &mut State, _: Request) -> Result<(), String> {
    if !state.aof.is_open() {
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
    let saved = state.background.save_now(&state.store, &state.config);
    saved.map_err(|error| {
        warn!("cannot save: {}", system_text(&error));
        "Error trying to save the DB".into()
    })
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

/// Waits until every connection has ended, but not for too long.
async fn say_goodbye(mut guests: mpsc::Receiver<Infallible>) {
    if timeout(GOODBYE, guests.recv()).await.is_err() {
        warn!("some clients did not take their last replies");
    }
}
