//! What the log needs once a second, whoever is connected: fsync under
//! `everysec`, and another try at what failed (`serverCron` in Redis).

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::state::Shared;

/// How much is lost at most under `everysec` if the machine ends, about.
const PERIOD: Duration = Duration::from_secs(1);

/// Looks after the log for as long as the server runs.
pub async fn run(shared: Shared) {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let state = &mut *shared.lock();
        let policy = state.config.appendfsync;
        state.aof.every_second(policy, &state.store);
    }
}
