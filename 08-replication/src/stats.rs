//! What the server counts while it runs, for INFO (`server.stat_…` in Redis).

use std::time::{Duration, Instant, SystemTime};

/// Counters since the start or since `CONFIG RESETSTAT`.
#[derive(Debug)]
pub struct Stats {
    started: Instant,
    /// How much memory the process occupied when it started, in bytes.
    pub startup_memory: u64,
    /// The name of this server until it ends; Sentinel tells by it that it is a new one.
    pub run_id: String,
    pub connections_received: u64,
    /// How many clients wait for something else than their next command.
    pub blocked_clients: u64,
    pub commands_processed: u64,
    /// How far the data is loaded, while it is.
    pub loading: Option<Loading>,
}

/// Forty hexadecimal digits that nobody else has (`getRandomHexChars`).
pub fn random_id() -> String {
    let digits = std::iter::repeat_with(|| fastrand::u8(..16));
    let digits = digits.map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]));
    digits.take(ID_LENGTH).collect()
}

/// How many characters an id has.
const ID_LENGTH: usize = 40;

/// The files that are being loaded.
#[derive(Debug, Clone)]
pub struct Loading {
    pub started: SystemTime,
    /// Their size, and how much of that has been read, in bytes.
    pub total: u64,
    pub loaded: u64,
}

impl Loading {
    pub fn new(total: u64) -> Self {
        Self {
            started: SystemTime::now(),
            total,
            loaded: 0,
        }
    }
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
            run_id: random_id(),
            connections_received: 0,
            blocked_clients: 0,
            commands_processed: 0,
            loading: None,
        }
    }
}

impl Stats {
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// So many bytes more are loaded.
    pub fn loaded(&mut self, bytes: u64) {
        if let Some(loading) = &mut self.loading {
            loading.loaded += bytes;
        }
    }

    /// Forgets what was counted, but not what is so now.
    pub fn reset(&mut self) {
        self.connections_received = 0;
        self.commands_processed = 0;
    }
}
