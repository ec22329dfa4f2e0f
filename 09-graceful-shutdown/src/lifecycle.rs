//! The state of the shutdown: whether it was requested, and its phase
//! (in Redis `server.shutdown_flags` and others).
//!
//! ```text
//! running ──► draining ──► persisted: ended ──► exit
//!    ▲            │             │
//!    └── aborted ─┴── failed ◄──┘
//! ```
//!
//! This file owns the state. SHUTDOWN and signals request the shutdown, every connection watches
//! the status, and `shutdown/mod.rs` does the work.

use std::time::Instant;

use tokio::sync::watch;

/// The phase of the server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Phase {
    /// It serves clients.
    #[default]
    Running,
    /// It executes reads. Writes wait, so that the replicas can catch up.
    Draining,
    /// All data is safe. Nothing is executed any more; what was executed gets its reply.
    Ended,
}

/// Whether the data is saved before the server ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Save {
    /// If there are save points.
    #[default]
    IfDue,
    Always,
    Never,
}

/// How the server is to end: the options of SHUTDOWN.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Request {
    pub save: Save,
    /// Do not wait for replicas.
    pub now: bool,
    /// End even if the data cannot be saved.
    pub force: bool,
}

/// An attempt to shut down. It is current until it is aborted or fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// Distinguishes it from earlier attempts.
    id: u64,
    pub request: Request,
}

/// What every connection may see, and wait for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Status {
    pub phase: Phase,
    /// The attempt that is in progress, or has succeeded.
    pub attempt: Option<Attempt>,
    /// How many attempts were aborted or have failed.
    aborted: u64,
}

/// Requests a shutdown without the server's lock, which may be held for as long as a save takes.
#[derive(Debug, Clone)]
pub struct Requests(watch::Sender<Status>);

/// The state of the shutdown, behind the server's lock.
#[derive(Debug, Default)]
pub struct Lifecycle {
    /// A copy of `status.phase`, which can be read without the lock of the `watch`.
    phase: Phase,
    status: watch::Sender<Status>,
    /// The time at which the server stops waiting for its replicas.
    pub drained: Option<Instant>,
}

impl Requests {
    /// Requests a shutdown, and returns the attempt. If there is one already, the request joins
    /// it, and its options stay as they were.
    pub fn send(&self, request: Request) -> Attempt {
        let mut attempt = Attempt { id: 0, request };
        self.0.send_modify(|status| {
            attempt.id = status.aborted;
            attempt = *status.attempt.get_or_insert(attempt);
        });
        attempt
    }

    /// Is this attempt neither aborted nor failed?
    pub fn is_current(&self, attempt: Attempt) -> bool {
        self.0.borrow().attempt == Some(attempt)
    }
}

impl Lifecycle {
    /// The phase of the server.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Has the server ended, so that nothing is executed any more?
    pub fn has_ended(&self) -> bool {
        self.phase() == Phase::Ended
    }

    /// Enters a phase.
    pub fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.status.send_modify(|status| status.phase = phase);
    }

    /// Returns a receiver of the status, to look at or to wait for.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Returns a handle with which a shutdown can be requested.
    pub fn requests(&self) -> Requests {
        Requests(self.status.clone())
    }

    /// Is this attempt neither aborted nor failed?
    pub fn is_current(&self, attempt: Attempt) -> bool {
        self.status.borrow().attempt == Some(attempt)
    }

    /// Ends the attempt that is in progress; the server goes on. Whoever requested it sees that
    /// it is not current any more. Returns false if there was none.
    pub fn abort(&mut self) -> bool {
        self.drained = None;
        self.phase = Phase::Running;
        self.status.send_if_modified(|status| {
            status.phase = Phase::Running;
            status.aborted += 1;
            status.attempt.take().is_some()
        })
    }
}
