//! What the server does regularly, whether or not a client is connected (`serverCron` in Redis).

pub mod expire_cycle;

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::state::{Shared, State};

/// The time between two ticks (`hz` in Redis is 10).
const PERIOD: Duration = Duration::from_millis(100);

/// Ticks per second.
const SECOND: u64 = 10;

/// Ticks for as long as the server runs.
pub async fn run(shared: Shared) {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for tick in 0.. {
        ticks.tick().await;
        let state = &mut *shared.lock();
        every_tick(state);
        if tick % SECOND == 0 {
            every_second(state);
        }
    }
}

fn every_tick(state: &mut State) {
    state.clients.tick();
    state.stats.sample();
}

fn every_second(state: &mut State) {
    state.stats.sample_memory();
    state.clients.end_idle(state.config.timeout);
    let policy = state.config.appendfsync;
    state.aof.every_second(policy, &state.store);
}
