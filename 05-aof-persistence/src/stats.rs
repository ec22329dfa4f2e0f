//! What the server counts while it runs, for INFO (`server.stat_…` in Redis).

use std::time::{Duration, Instant};

/// Counters since the start or since `CONFIG RESETSTAT`.
#[derive(Debug)]
pub struct Stats {
    started: Instant,
    /// How much memory the process occupied when it started, in bytes.
    pub startup_memory: u64,
    pub connections_received: u64,
    pub commands_processed: u64,
}

/// How much memory the process occupies, in bytes; 0 if the system does not say.
pub fn memory_in_use() -> u64 {
    memory_stats::memory_stats().map_or(0, |stats| stats.physical_mem as u64)
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            startup_memory: memory_in_use(),
            connections_received: 0,
            commands_processed: 0,
        }
    }
}

impl Stats {
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Forgets what was counted, but not what is so now.
    pub fn reset(&mut self) {
        self.connections_received = 0;
        self.commands_processed = 0;
    }
}
