//! Everything that clients share, behind the server's one lock.
//!
//! Why a `std` mutex in an asynchronous program? Because it is held for
//! microseconds and never across an `await`: a task that waits for it waits less
//! than a switch to another task would cost. Why only one? Two locks must be
//! taken in the same order everywhere, and a command that renames a key would
//! need both. Redis goes further and has one thread.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::aof::Aof;
use crate::background::Background;
use crate::clients::Clients;
use crate::config::Config;
use crate::lifecycle::{Lifecycle, Phase};
use crate::pubsub::PubSub;
use crate::replication::Replication;
use crate::stats::Stats;
use crate::store::{Expiry, Store};

/// What commands may read and change besides their own client.
pub struct State {
    pub store: Store,
    pub config: Config,
    pub stats: Stats,
    pub clients: Clients,
    pub aof: Aof,
    pub background: Background,
    pub pubsub: PubSub,
    pub replication: Replication,
    pub lifecycle: Lifecycle,
}

impl State {
    /// The server is in another phase of its end from now on, and every connection looks at it.
    pub fn enter(&mut self, phase: Phase) {
        self.lifecycle.enter(phase);
        self.clients.notify_all();
    }

    /// The server does not end. False if nobody has wanted it to.
    pub fn abort_shutdown(&mut self) -> bool {
        let was_wanted = self.lifecycle.abort();
        self.clients.notify_all();
        was_wanted
    }

    /// What happens from here on to a key whose time is over. It follows from what the server is
    /// and whose command is executed (`is_obeyed`: the log's or the primary's), and nobody else
    /// decides it.
    pub fn settle_expiry(&mut self, is_obeyed: bool) -> Expiry {
        self.store.expiry = match () {
            () if is_obeyed || self.store.loading => Expiry::Ignore,
            () if self.lifecycle.phase() != Phase::Running => Expiry::Freeze,
            () if self.replication.is_replica() => Expiry::Hide,
            () => Expiry::Remove,
        };
        self.store.expiry
    }
}

/// A handle to the state; clones lead to the same one.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<State>>);

impl Shared {
    pub fn new(config: Config) -> Self {
        Self(Arc::new(Mutex::new(State {
            store: Store::default(),
            config,
            stats: Stats::default(),
            clients: Clients::default(),
            aof: Aof::default(),
            background: Background::default(),
            pubsub: PubSub::default(),
            replication: Replication::default(),
            lifecycle: Lifecycle::default(),
        })))
    }

    /// Waits for the lock and looks at the clock. The lock is free again when the
    /// guard is dropped; until then the time stands still.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        // A lock is poisoned by a panic, and a panic ends the process (`abort_on_panic`).
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.store.clock.tick();
        state
    }
}
