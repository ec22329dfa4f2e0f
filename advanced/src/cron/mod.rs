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
        if state.lifecycle.has_ended() {
            return;
        }
        if state.is_cron_paused {
            continue;
        }
        every_tick(state);
        if tick % SECOND == 0 {
            every_second(state);
        }
        if tick % (state.config.repl_ping_replica_period * SECOND) == 0 {
            ping_replicas(state);
        }
    }
}

fn every_tick(state: &mut State) {
    state.clients.tick();
    #[cfg(feature = "client-lifecycle")]
    crate::handlers::client_lifecycle::every_tick(state);
    state.clients.shrink_idle();
    state.stats.sample();
    let (store, config) = (&state.store, &state.config);
    state.background.every_tick(&mut state.aof, store, config);
}

fn every_second(state: &mut State) {
    state.stats.sample_memory();
    state.clients.end_idle(state.config.timeout);
    state.aof.every_second(state.config.appendfsync);
    let limits = state.config.client_output_buffer_limit;
    state.clients.enforce(limits.normal);
    state.pubsub.enforce(limits.pubsub);
    if state.is_frozen() {
        // Little is read from the primary now, so its silence must not count as a timeout.
        state.replication.hear();
    }
    let silence = state.config.repl_timeout;
    state.replication.enforce(limits.replica, silence);
}

/// Sends PING to the replicas, so that they know that this server is alive.
fn ping_replicas(state: &mut State) {
    if state.replication.is_read() {
        let limit = state.config.client_output_buffer_limit.replica;
        state.replication.append([&b"ping"[..]].into_iter(), limit);
    }
}
