//! What has to be done whoever is connected: fsync under `everysec`, and another try
//! at what failed, once a second; and what is written in the background, more often
//! (`serverCron` in Redis).

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::state::{Shared, State};

/// How often to look (`hz` in Redis is 10).
const PERIOD: Duration = Duration::from_millis(100);

/// How many periods are a second. So much is lost at most under `everysec` if the
/// machine ends, about.
const SECOND: u64 = 10;

/// Looks after the files for as long as the server runs.
pub async fn run(shared: Shared) {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for tick in 0.. {
        ticks.tick().await;
        let State {
            store,
            config,
            aof,
            background,
            ..
        } = &mut *shared.lock();
        background.every_tick(aof, store, config);
        if tick % SECOND == 0 {
            aof.every_second(config.appendfsync);
        }
    }
}
