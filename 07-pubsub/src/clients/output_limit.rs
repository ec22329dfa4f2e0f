//! How many bytes may wait for a client before it is disconnected
//! (`checkClientOutputBufferLimits` in Redis's `networking.c`).
//!
//! What a client does not take has to be kept, and memory ends. Who sends only
//! what was asked for can stop reading the questions; who sends what others
//! publish has no such way. So there is a hard limit, which ends a client at
//! once, and a soft one, which it may exceed for some seconds.

use std::fmt;
use std::time::{Duration, Instant};

/// The limits for one class of clients.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct OutputLimit {
    /// In bytes; 0 means that there is none.
    pub hard: u64,
    /// In bytes; 0 means that there is none.
    pub soft: u64,
    /// For how long the soft limit may be exceeded.
    pub seconds: u32,
}

/// Since when a client has exceeded its soft limit.
#[derive(Debug, Default)]
pub struct Excess(Option<Instant>);

/// So many bytes of what waits are not counted: they lie in the buffer that every client of Redis
/// has (`PROTO_REPLY_CHUNK_BYTES`). What does not fit it is counted, and at least as one more.
const FREE: usize = 16 * 1024;

/// How much of so many bytes that wait for a client counts.
fn counted(bytes: usize) -> u64 {
    match bytes.saturating_sub(FREE) {
        0 => 0,
        more => more.max(FREE) as u64,
    }
}

impl OutputLimit {
    /// Is so much at once too much, however short?
    pub fn is_hard_exceeded(&self, bytes: usize) -> bool {
        self.hard > 0 && counted(bytes) >= self.hard
    }

    /// The same as [`is_exceeded`](Self::is_exceeded) for replies and messages to a client.
    pub fn is_exceeded_by_client(&self, bytes: usize, excess: &mut Excess) -> bool {
        self.is_exceeded(counted(bytes) as usize, excess)
    }

    /// Is it too much if this many bytes wait for a client?
    pub fn is_exceeded(&self, bytes: usize, excess: &mut Excess) -> bool {
        let reaches = |limit| limit > 0 && bytes as u64 >= limit;
        if !reaches(self.soft) {
            excess.0 = None;
            return reaches(self.hard);
        }
        let since = *excess.0.get_or_insert_with(Instant::now);
        // Redis counts whole seconds, and one more must have begun.
        let patience = Duration::from_secs(self.seconds.into());
        reaches(self.hard) || since.elapsed() > patience
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
        hard: 100,
        soft: 10,
        seconds: 1,
    };

    #[test]
    fn the_hard_limit_ends_a_client_at_once() {
        let excess = &mut Excess::default();
        assert!(!LIMIT.is_exceeded(99, excess));
        assert!(LIMIT.is_exceeded(100, excess));
        let soft = 0;
        assert!(OutputLimit { soft, ..LIMIT }.is_exceeded(100, excess));
    }

    #[test]
    fn the_soft_limit_has_patience_and_begins_anew() {
        let mut excess = Excess(Instant::now().checked_sub(Duration::from_secs(2)));
        assert!(LIMIT.is_exceeded(10, &mut excess));
        assert!(!LIMIT.is_exceeded(9, &mut excess));
        assert!(!LIMIT.is_exceeded(10, &mut excess));
    }

    #[test]
    fn nothing_is_no_limit() {
        let none = OutputLimit::default();
        assert!(!none.is_exceeded(usize::MAX, &mut Excess::default()));
    }
}
