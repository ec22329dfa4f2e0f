//! What is done for all clients every so often (`clientsCron` in Redis).

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::state::Shared;

/// How often (`hz` in Redis is 10).
const PERIOD: Duration = Duration::from_millis(100);

/// Looks after the clients for as long as the server runs.
pub async fn run(shared: Shared) {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        shared.lock().clients.tick();
    }
}
