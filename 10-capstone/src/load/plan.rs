//! The plan of one measurement.

use std::time::Duration;

use super::connection::Answers;
use super::traffic::Keys;
use crate::scenario::Scenario;

/// What to measure, and for how long.
#[derive(Debug, Clone)]
pub struct Plan {
    /// `host:port` of the server.
    pub address: String,
    /// The server's process, if it runs on this machine.
    pub pid: Option<u32>,
    pub answers: Answers,
    pub scenario: Scenario,
    pub keys: Keys,
    pub seed: u64,
    /// Length of the warm-up before the window.
    pub warmup: Duration,
    /// Length of the window.
    pub seconds: Duration,
}
