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
use crate::lifecycle::{Hold, Lifecycle, Phase};
use crate::logging;
use crate::pubsub::PubSub;
use crate::replication::Replication;
use crate::stats::Stats;
use crate::store::{Expiry, Store};

/// What commands may read and change besides their own client.
#[derive(Default)]
pub struct State {
    pub store: Store,
    pub config: Config,
    pub stats: Stats,
    pub clients: Clients,
    /// Those of them that wait for a key.
    #[cfg(feature = "blocking")]
    pub blocked: crate::clients::blocked::Blocked,
    pub aof: Aof,
    pub background: Background,
    pub pubsub: PubSub,
    pub replication: Replication,
    pub lifecycle: Lifecycle,
    /// Which commands wait. It follows from the phase.
    pub hold: Hold,
    /// Nothing is done regularly (`DEBUG PAUSE-CRON`).
    pub is_cron_paused: bool,
    #[cfg(feature = "client-lifecycle")]
    pub life: crate::clients::life::Life,
}

impl State {
    /// Changes the parameters, and tells those that have a copy of one.
    pub fn configure(&mut self, config: Config) {
        logging::set_level(config.loglevel);
        self.config = config;
        self.store.removal.is_lazy = self.config.lazyfree_lazy_expire;
        self.configure_service();
    }

    /// Enters a phase of the shutdown, and notifies every connection.
    pub fn enter(&mut self, phase: Phase) {
        self.lifecycle.enter(phase);
        self.settle_hold();
    }

    /// Decides which commands wait from here on, and lets every connection look again.
    pub fn settle_hold(&mut self) {
        self.hold = match self.lifecycle.phase() {
            Phase::Running => Hold::Nothing,
            Phase::Draining | Phase::Ended => Hold::Writes,
        };
        #[cfg(feature = "client-lifecycle")]
        {
            self.hold = self.hold.max(self.life.pause.hold());
        }
        self.clients.notify_all();
    }

    /// Do writes wait, so that the data does not change?
    pub fn is_frozen(&self) -> bool {
        self.hold != Hold::Nothing
    }

    /// Ends the connection of a client, whatever that is doing. Nothing is kept for it any more.
    pub fn kill(&mut self, client: u64) {
        self.clients.kill(client);
        self.forget(client);
    }

    /// Drops what is kept for a client whose connection has ended.
    pub fn forget(&mut self, client: u64) {
        self.pubsub.leave(client);
        #[cfg(feature = "blocking")]
        self.blocked.forget(client, &mut self.store.awaited);
        self.replication.leave(client);
        self.clients.leave(client);
    }

    /// Aborts the shutdown, and notifies every connection. Returns false if none was in progress.
    pub fn abort_shutdown(&mut self) -> bool {
        let was_wanted = self.lifecycle.abort();
        self.settle_hold();
        was_wanted
    }

    /// Decides, and returns, what happens from here on to expired keys. That depends only on the
    /// role and the phase of the server, and on whose command is executed: `is_obeyed` means that
    /// it comes from the AOF or from the primary.
    pub fn settle_expiry(&mut self, is_obeyed: bool) -> Expiry {
        self.store.expiry = match () {
            () if is_obeyed || self.store.loading => Expiry::Ignore,
            () if self.is_frozen() => Expiry::Freeze,
            () if self.replication.is_replica() => Expiry::Hide,
            () => Expiry::Remove,
        };
        self.store.expiry
    }
}

/// A handle to the state. All clones lead to the same state.
#[derive(Clone)]
pub struct Shared(Arc<Mutex<State>>);

impl Shared {
    pub fn new(config: Config) -> Self {
        let mut state = State::default();
        state.configure(config);
        Self(Arc::new(Mutex::new(state)))
    }

    /// Waits for the lock, and reads the clock, which then stands still until the guard is
    /// dropped.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        // A lock is poisoned by a panic, and a panic ends the process (`abort_on_panic`).
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.store.clock.tick();
        state
    }
}
