//! What is done for all clients every so often (`clientsCron` in Redis).

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::state::Shared;

/// How often (`hz` in Redis is 10).
const PERIOD: Duration = Duration::from_millis(100);

/// How many periods are a second.
const SECOND: u64 = 10;

/// Looks after the clients for as long as the server runs.
pub async fn run(shared: Shared) {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for tick in 0u64.. {
        ticks.tick().await;
        let state = &mut *shared.lock();
        state.clients.tick();
        if tick % SECOND == 0 {
            let limits = state.config.client_output_buffer_limit;
            state.clients.enforce(limits.normal);
            state.clients.end_idle(state.config.timeout);
            state.pubsub.enforce(limits.pubsub);
        }
    }
}
