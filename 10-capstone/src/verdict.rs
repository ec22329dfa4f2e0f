//! The verdict: was the load generator the bottleneck?
//!
//! This file owns the question that every benchmark must answer about itself. In
//! a closed loop, somebody is always the slowest. When that is the generator,
//! throughput and latency say how fast *it* is, and a faster server would change
//! little. Then only the server's CPU time per command tells two servers apart.

use serde::Serialize;

use crate::stats::Busy;

/// From this share on, a thread counts as never idle.
const NEVER_IDLE: f64 = 0.90;

/// Who kept the other waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The generator never rested, and the server did.
    Generator,
    /// The server never rested, and the generator did.
    Server,
    /// Neither ever rested.
    Both,
    /// Both rested: they wait for each other, or for a wake-up.
    Neither,
    /// The server's CPU time is unknown, and the generator rested.
    NotGenerator,
    /// The server's CPU time is unknown, and the generator never rested.
    PerhapsGenerator,
}

impl Verdict {
    /// Judges by how busy both were. A generator that waits for a core is not
    /// idle: it has work.
    pub fn of(busy: &Busy) -> Self {
        let generator = busy.generator_not_idle >= NEVER_IDLE;
        match (generator, busy.server.map(|share| share >= NEVER_IDLE)) {
            (true, Some(false)) => Self::Generator,
            (false, Some(true)) => Self::Server,
            (true, Some(true)) => Self::Both,
            (false, Some(false)) => Self::Neither,
            (false, None) => Self::NotGenerator,
            (true, None) => Self::PerhapsGenerator,
        }
    }

    /// The verdict in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Generator => "yes: compare CPU µs/op, not latency",
            Self::Server => "no: the server was",
            Self::Both => "no more than the server: neither rested",
            Self::Neither => "no: both had time to spare",
            Self::NotGenerator => "no: it had time to spare",
            Self::PerhapsGenerator => "perhaps: it never rested",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(generator: f64, waiting: f64, server: Option<f64>) -> Verdict {
        Verdict::of(&Busy {
            generator,
            generator_not_idle: generator + waiting,
            server,
            others: None,
        })
    }

    #[test]
    fn the_one_that_never_rests_is_the_bottleneck() {
        assert_eq!(verdict(0.99, 0.0, Some(0.6)), Verdict::Generator);
        assert_eq!(verdict(0.60, 0.0, Some(0.99)), Verdict::Server);
        assert_eq!(verdict(0.99, 0.0, Some(0.95)), Verdict::Both);
        assert_eq!(verdict(0.45, 0.0, Some(0.40)), Verdict::Neither);
        assert_eq!(verdict(0.45, 0.0, None), Verdict::NotGenerator);
        assert_eq!(verdict(0.95, 0.0, None), Verdict::PerhapsGenerator);
    }

    #[test]
    fn to_wait_for_a_core_is_not_to_rest() {
        assert_eq!(verdict(0.60, 0.35, Some(0.5)), Verdict::Generator);
    }

    #[test]
    fn a_server_with_several_threads_may_use_more_than_one_core() {
        assert_eq!(verdict(0.60, 0.0, Some(1.7)), Verdict::Server);
    }
}
