//! What everybody has to know of the server's end: whether somebody wants it, and how far
//! it is (`server.shutdown_flags` and its like in Redis).
//!
//! ```text
//! running ──► draining ──► persisted: ended ──► exit
//!    ▲            │             │
//!    └── aborted ─┴── failed ◄──┘
//! ```
//!
//! This file owns the state. SHUTDOWN changes it, every connection watches it, and
//! `shutdown.rs` does what has to be done.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{Notify, watch};

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

/// What holds for all connections at this moment. They wait for it to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    pub phase: Phase,
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

/// The state of the server's end.
#[derive(Debug)]
pub struct Lifecycle {
    /// The same as in the rules, for whoever has the lock: to look there takes one more.
    phase: Phase,
    rules: watch::Sender<Rules>,
    /// What is wanted, as long as it has neither come about nor come to nothing.
    request: Option<Request>,
    /// Rings when there is a request, and when it is taken back.
    bell: Arc<Notify>,
    /// How many requests have come to nothing. Who has asked waits for it to change.
    failures: watch::Sender<u64>,
    /// When the server stops waiting for its replicas.
    pub drained: Option<Instant>,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self {
            phase: Phase::Running,
            rules: watch::Sender::new(Rules {
                phase: Phase::Running,
            }),
            request: None,
            bell: Arc::default(),
            failures: watch::Sender::default(),
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
        self.rules.send_modify(|rules| rules.phase = phase);
    }

    /// What holds for connections; to look at, and to wait for.
    pub fn rules(&self) -> watch::Receiver<Rules> {
        self.rules.subscribe()
    }

    /// Somebody wants the server to end. If that is wanted already, it goes on as it was
    /// wanted first.
    pub fn request(&mut self, request: Request) {
        self.request.get_or_insert(request);
        self.bell.notify_one();
    }

    /// What is wanted, if it is.
    pub fn requested(&self) -> Option<Request> {
        self.request
    }

    /// The number of the request that there is, or that may come next. A new one may come
    /// at once after one that was taken back; so who works on one looks at the number.
    pub fn number(&self) -> u64 {
        *self.failures.borrow()
    }

    /// Is the request with that number still to be done?
    pub fn is_wanted(&self, number: u64) -> bool {
        self.request.is_some() && self.number() == number
    }

    /// Nobody wants it any more: SHUTDOWN ABORT. False if nobody did.
    pub fn abort(&mut self) -> bool {
        let was_wanted = self.request.is_some();
        if was_wanted {
            self.fail();
        }
        was_wanted
    }

    /// It has come to nothing. The server goes on, and who has asked is told.
    pub fn fail(&mut self) {
        self.request = None;
        self.drained = None;
        self.enter(Phase::Running);
        self.failures.send_modify(|count| *count += 1);
        self.bell.notify_one();
    }

    pub fn bell(&self) -> Arc<Notify> {
        self.bell.clone()
    }

    /// Changes when a request has come to nothing.
    pub fn failures(&self) -> watch::Receiver<u64> {
        self.failures.subscribe()
    }
}

/// Waits until the server has ended.
pub async fn ended(rules: &mut watch::Receiver<Rules>) {
    // It fails if nobody can change the rules any more; then it has ended, too.
    let _ = rules.wait_for(|rules| rules.phase == Phase::Ended).await;
}
