//! What the server counts while it runs, for INFO (`server.stat_…` in Redis).

use std::fmt::Display;
use std::time::{Duration, Instant, SystemTime};

use smart_default::SmartDefault;

/// Counters since the start or since `CONFIG RESETSTAT`.
#[derive(Debug, SmartDefault)]
pub struct Stats {
    #[default(Instant::now())]
    started: Instant,
    /// How much memory the process occupied when it started, in bytes.
    #[default(memory_in_use())]
    pub startup_memory: u64,
    pub connections_received: u64,
    /// How many connections were rejected.
    pub connections_rejected: u64,
    /// How many bytes came from clients as commands, and went to them as replies and messages.
    pub bytes_received: u64,
    pub bytes_sent: u64,
    /// The most memory that was in use at any sample, in bytes.
    pub peak_memory: u64,
    pub rates: Rates,
    pub commands_processed: u64,
    /// The progress of loading, while data is loaded.
    pub loading: Option<Loading>,
}

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

/// Values with their names, as lines of INFO.
pub fn lines(values: &[(&str, &dyn Display)]) -> String {
    let lines = values.iter();
    lines
        .map(|(name, value)| format!("{name}:{value}\r\n"))
        .collect()
}

/// How much memory the process occupies, in bytes; 0 if the system does not say.
pub fn memory_in_use() -> u64 {
    memory_stats::memory_stats().map_or(0, |stats| stats.physical_mem as u64)
}

impl Stats {
    /// Computes the rates from what was counted since the last call; called at each tick.
    pub fn sample(&mut self) {
        let counts = [
            self.commands_processed,
            self.bytes_received,
            self.bytes_sent,
        ];
        self.rates.sample(counts);
    }

    /// Updates the peak of the memory in use; called every second.
    pub fn sample_memory(&mut self) {
        self.peak_memory = self.peak_memory.max(memory_in_use());
    }

    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Counts bytes that were loaded.
    pub fn loaded(&mut self, bytes: u64) {
        if let Some(loading) = &mut self.loading {
            loading.loaded += bytes;
        }
    }

    /// Sets the counters to 0 (CONFIG RESETSTAT); what describes the present state stays.
    pub fn reset(&mut self) {
        self.connections_received = 0;
        self.connections_rejected = 0;
        (self.bytes_received, self.bytes_sent) = (0, 0);
        self.rates = Rates::default();
        self.commands_processed = 0;
    }
}

/// How much happens in a second, averaged over the last ticks.
///
/// Redis keeps 16 samples (`STATS_METRIC_SAMPLES`). A moving average, in which each tick
/// counts for a sixteenth, needs to keep none.
#[derive(Debug, Default)]
pub struct Rates {
    last: Option<(Instant, [u64; 3])>,
    /// Commands, bytes received, bytes sent.
    pub per_second: [f64; 3],
}

impl Rates {
    fn sample(&mut self, counts: [u64; 3]) {
        let now = Instant::now();
        let Some((then, before)) = self.last.replace((now, counts)) else {
            return;
        };
        let seconds = (now - then).as_secs_f64().max(1e-6);
        for (index, mean) in self.per_second.iter_mut().enumerate() {
            let more = counts[index].saturating_sub(before[index]);
            *mean += (more as f64 / seconds - *mean) / 16.0;
        }
    }
}
