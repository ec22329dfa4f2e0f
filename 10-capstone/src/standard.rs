//! What is measured when nobody says what: the list of scenarios.
//!
//! This file owns the choice. Each scenario changes one thing of `50×1, 16 B` or
//! of `50×16, 16 B`, so that a difference between two rows has one reason. Those
//! that need a server with other flags stand together at the end, because each of
//! them has to wait for a server to start.

use crate::scenario::{Condition, Popularity, Scenario};

/// The rate of the open loop: what any machine of the last ten years reaches.
pub const RATE: u32 = 20_000;

const ONE_BY_ONE: Scenario = Scenario::plain(50, 1, 16);
const PIPELINED: Scenario = Scenario::plain(50, 16, 16);

/// A standard run.
pub const STANDARD: &[Scenario] = &[
    // The main three: how much is on its way at once.
    ONE_BY_ONE,
    PIPELINED,
    Scenario::plain(50, 64, 16),
    // Clients.
    Scenario::plain(1, 1, 16),
    Scenario::plain(1000, 1, 16),
    // Commands and keys.
    Scenario {
        get_percent: 90,
        ..PIPELINED
    },
    Scenario {
        popularity: Popularity::Zipf,
        ..PIPELINED
    },
    // An open loop.
    Scenario {
        rate: Some(RATE),
        ..ONE_BY_ONE
    },
    // Values.
    Scenario::plain(50, 1, 1024),
    Scenario::plain(50, 1, 64 * 1024),
    // What a server has to do beside.
    Scenario {
        condition: Condition::Bgsave,
        ..Scenario::plain(50, 1, 1024)
    },
    Scenario {
        condition: Condition::Pubsub,
        ..ONE_BY_ONE
    },
    Scenario {
        condition: Condition::AofEverysec,
        ..PIPELINED
    },
    Scenario {
        condition: Condition::AofAlways,
        ..ONE_BY_ONE
    },
    Scenario {
        condition: Condition::Replica,
        ..ONE_BY_ONE
    },
];

/// What each concept costs: step by step, only the main three.
pub const ALL_STEPS: &[Scenario] = &[ONE_BY_ONE, PIPELINED, Scenario::plain(50, 64, 16)];

/// A pause of the server, seen by a closed loop and by an open one.
pub fn demonstration(pause_ms: u64) -> Vec<Scenario> {
    let closed = Scenario {
        pause_ms: Some(pause_ms),
        ..ONE_BY_ONE
    };
    let open = Scenario {
        rate: Some(RATE),
        ..closed
    };
    vec![closed, open]
}
