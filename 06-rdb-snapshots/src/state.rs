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
use crate::stats::Stats;
use crate::store::Store;

/// What commands may read and change besides their own client.
pub struct State {
    pub store: Store,
    pub config: Config,
    pub stats: Stats,
    pub clients: Clients,
    pub aof: Aof,
    pub background: Background,
}

/// A handle to the state. All clones lead to the same state.
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
        })))
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
