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
            replication,
            ..
        } = &mut *shared.lock();
        background.every_tick(aof, store, config);
        let limit = config.client_output_buffer_limit.replica;
        if tick % SECOND == 0 {
            aof.every_second(config.appendfsync);
            replication.enforce(limit, config.repl_timeout);
        }
        // The replicas are to know that we are here.
        let ping = config.repl_ping_replica_period * SECOND;
        if tick % ping == 0 && replication.is_read() {
            replication.append([&b"ping"[..]].into_iter(), limit);
        }
    }
}
