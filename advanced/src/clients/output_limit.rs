//! How many bytes may wait for a client before it is disconnected
//! (`checkClientOutputBufferLimits` in Redis's `networking.c`).
//!
//! Output that a client does not read has to be kept, and memory is finite. A client that only gets
//! replies can be slowed down: the server stops reading its requests. A subscriber cannot, because
//! others cause what it gets. So there is a hard limit, past which a client is disconnected at once,
//! and a soft limit, which it may exceed for some seconds.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The limits for one class of clients.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct OutputLimit {
    /// The hard limit, in bytes; 0 means that there is none.
    pub hard: u64,
    /// The soft limit, in bytes; 0 means that there is none.
    pub soft: u64,
    /// For how many seconds the soft limit may be exceeded.
    pub seconds: u32,
}

/// Since when a client has exceeded its soft limit, in milliseconds of the registry's clock; 0 if
/// it does not.
#[derive(Debug, Default)]
pub struct Excess(AtomicU64);

/// The first bytes that wait are not counted, because in Redis they lie in the buffer that every
/// client has (`PROTO_REPLY_CHUNK_BYTES`). If more wait, that counts as at least as many again.
pub const FREE: usize = 16 * 1024;

/// How many of the `bytes` that wait for a client count towards its limit.
fn counted(bytes: usize) -> u64 {
    match bytes.saturating_sub(FREE) {
        0 => 0,
        more => more.max(FREE) as u64,
    }
}

impl OutputLimit {
    /// Whether a client must be disconnected if `bytes` bytes wait for it at `now`, in milliseconds
    /// of the registry's clock. Notes in `excess` since when it has exceeded the soft limit.
    pub fn is_exceeded(&self, bytes: usize, excess: &Excess, now: u64) -> bool {
        let bytes = counted(bytes);
        let reaches = |limit| limit > 0 && bytes >= limit;
        if !reaches(self.soft) {
            excess.0.store(0, Relaxed);
            return reaches(self.hard);
        }
        if excess.0.load(Relaxed) == 0 {
            excess.0.store(now.max(1), Relaxed);
        }
        // Redis counts whole seconds, and one more must have begun.
        let allowed = u64::from(self.seconds) * 1000;
        reaches(self.hard) || now.saturating_sub(excess.0.load(Relaxed)) > allowed
    }
}

/// The limits for all classes: `client-output-buffer-limit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputLimits {
    pub normal: OutputLimit,
    pub replica: OutputLimit,
    pub pubsub: OutputLimit,
}

const MB: u64 = 1024 * 1024;

impl Default for OutputLimits {
    fn default() -> Self {
        let limit = |hard, soft, seconds| OutputLimit {
            hard,
            soft,
            seconds,
        };
        Self {
            normal: OutputLimit::default(),
            replica: limit(256 * MB, 64 * MB, 60),
            pubsub: limit(32 * MB, 8 * MB, 60),
        }
    }
}

impl OutputLimits {
    /// The limits for the class called `name`, in any mixture of case.
    pub fn class(&mut self, name: &str) -> Option<&mut OutputLimit> {
        match name.to_ascii_lowercase().as_str() {
            "normal" => Some(&mut self.normal),
            "slave" | "replica" => Some(&mut self.replica),
            "pubsub" => Some(&mut self.pubsub),
            _ => None,
        }
    }
}

/// As CONFIG GET shows them.
impl fmt::Display for OutputLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            normal,
            replica,
            pubsub,
        } = self;
        write!(f, "normal {normal} slave {replica} pubsub {pubsub}")
    }
}

impl fmt::Display for OutputLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.hard, self.soft, self.seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: OutputLimit = OutputLimit {
        hard: 100_000,
        soft: 50_000,
        seconds: 1,
    };

    /// Whether the limit is exceeded at `now` if this many bytes wait besides those that do not
    /// count.
    fn exceeds(limit: OutputLimit, bytes: usize, excess: &Excess, now: u64) -> bool {
        limit.is_exceeded(FREE + bytes, excess, now)
    }

    #[test]
    fn the_hard_limit_ends_a_client_at_once() {
        let excess = &Excess::default();
        assert!(!exceeds(LIMIT, 99_999, excess, 0));
        assert!(exceeds(LIMIT, 100_000, excess, 0));
        let soft = 0;
        assert!(exceeds(OutputLimit { soft, ..LIMIT }, 100_000, excess, 0));
    }

    #[test]
    fn the_soft_limit_has_patience_and_begins_anew() {
        let excess = &Excess::default();
        assert!(!exceeds(LIMIT, 50_000, excess, 5000));
        assert!(!exceeds(LIMIT, 50_000, excess, 6000));
        assert!(exceeds(LIMIT, 50_000, excess, 6100));
        assert!(!exceeds(LIMIT, 49_999, excess, 6200));
        assert!(!exceeds(LIMIT, 50_000, excess, 6300));
    }

    #[test]
    fn nothing_is_no_limit() {
        let none = OutputLimit::default();
        assert!(!none.is_exceeded(usize::MAX, &Excess::default(), 0));
    }
}
