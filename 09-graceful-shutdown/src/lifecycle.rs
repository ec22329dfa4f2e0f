//! The state of the server's end: whether somebody wants it, and how far it is
//! (`server.shutdown_flags` and its like in Redis).
//!
//! ```text
//! running ──► draining ──► persisted: ended ──► exit
//!    ▲            │             │
//!    └── aborted ─┴── failed ◄──┘
//! ```
//!
//! This file owns the state. SHUTDOWN and signals ask for the end, every connection watches the
//! status, and `shutdown/mod.rs` does what has to be done.

use std::time::Instant;

use tokio::sync::watch;

/// How far the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It serves.
    Running,
    /// It serves reads. Writes wait, so that the replicas can catch up.
    Draining,
    /// All is safe. Nothing is executed any more; what was executed gets its reply.
    Ended,
}

/// Whether the data is saved before the end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Save {
    /// If there are save points.
    #[default]
    IfDue,
    Always,
    Never,
}

/// How somebody wants the server to end: the options of SHUTDOWN.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Request {
    pub save: Save,
    /// Do not wait for replicas.
    pub now: bool,
    /// End even if the data cannot be saved.
    pub force: bool,
}

/// One attempt to end the server. It is over when it is aborted or fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// Tells it from the attempts before it.
    id: u64,
    pub request: Request,
}

/// What everybody may see, and wait for.
#[derive(Debug, Clone, Copy)]
pub struct Status {
    pub phase: Phase,
    /// The attempt that is under way, or has succeeded.
    pub attempt: Option<Attempt>,
    /// How many attempts were aborted or have failed.
    aborted: u64,
}

/// Asks for the end without the server's lock, which may be held for as long as a save takes.
#[derive(Debug, Clone)]
pub struct Requests(watch::Sender<Status>);

/// The state of the server's end.
#[derive(Debug)]
pub struct Lifecycle {
    /// The same as in the status, for whoever has the server's lock: to look there takes another.
    phase: Phase,
    status: watch::Sender<Status>,
    /// When the server stops waiting for its replicas.
    pub drained: Option<Instant>,
}

impl Requests {
    /// Asks for the end. If there is an attempt already, this joins it, and it goes on as it was
    /// asked for first.
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

impl Default for Lifecycle {
    fn default() -> Self {
        Self {
            phase: Phase::Running,
            status: watch::Sender::new(Status {
                phase: Phase::Running,
                attempt: None,
                aborted: 0,
            }),
            drained: None,
        }
    }
}

impl Lifecycle {
    pub fn phase(&self) -> Phase {
        self.phase
    }

    pub fn has_ended(&self) -> bool {
        self.phase() == Phase::Ended
    }

    pub fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.status.send_modify(|status| status.phase = phase);
    }

    /// The status; to look at, and to wait for.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// For whoever asks for the end.
    pub fn requests(&self) -> Requests {
        Requests(self.status.clone())
    }

    /// Is this attempt neither aborted nor failed?
    pub fn is_current(&self, attempt: Attempt) -> bool {
        self.status.borrow().attempt == Some(attempt)
    }

    /// Ends the attempt that is under way, and whoever has asked for it is told. The server goes
    /// on. False if there was none.
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

/// Waits until the server has ended.
pub async fn ended(status: &mut watch::Receiver<Status>) {
    // It fails if nobody can change the status any more; then the server has ended, too.
    let _ = status.wait_for(|status| status.phase == Phase::Ended).await;
}
