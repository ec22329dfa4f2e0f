//! What is measured when nobody says what: the list of scenarios.
//!
//! This file owns the choice. It is written as on the command line, so that any row can be
//! measured alone with `--scenario`. Each scenario changes one thing of `50x1x16` or of
//! `50x16x16`, so that a difference between two rows has one reason. Those that need a
//! server with other flags stand together at the end, because each of them has to wait for
//! a server to start.

use crate::scenario::Scenario;

/// The rate of the open loop: what any machine of the last ten years reaches.
pub const OPEN: &str = "50x1x16,rate=20000";

/// What each concept costs: step by step, only how much is on its way at once.
pub const ALL_STEPS: &[&str] = &["50x1x16", "50x16x16", "50x64x16"];

/// GET and SET on a server that has nothing else to do.
pub const PLAIN: &[&str] = &[
    // The main three: how much is on its way at once.
    "50x1x16",
    "50x16x16",
    "50x64x16",
    // Clients.
    "1x1x16",
    "1000x1x16",
    // Commands and keys.
    "50x16x16,get=90",
    "50x16x16,zipf",
    // An open loop.
    OPEN,
    // Values.
    "50x1x1024",
    "50x1x65536",
];

/// What a full run adds.
pub const MORE: &[&str] = &[
    // Values. Longer than this, they are a matter of copying.
    "50x1x1048576",
    // Commands. Half of those with DEL are SET, or soon nothing would be left to delete.
    "50x16x16,incr",
    "50x16x16,mget",
    "50x16x16,mset",
    "50x16x16,del=50",
    "50x16x16,expire",
    // Messages in bulk.
    "50x16x16,pubsub",
];

/// What a server has to do beside.
pub const BESIDE: &[&str] = &[
    "50x1x1024,bgsave",
    "50x1x16,pubsub",
    "50x16x16,aof=everysec",
    "50x1x16,aof=always",
    "50x1x16,replica",
];

/// A pause of the server is seen by a closed loop and by an open one.
pub const DEMONSTRATION: &[&str] = &["50x1x16", OPEN];

/// Reads a list of this file.
pub fn scenarios(list: &[&str]) -> Vec<Scenario> {
    let scenario = |text: &&str| text.parse().expect("the lists of this file are right");
    list.iter().map(scenario).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lists_can_be_read() {
        for list in [ALL_STEPS, PLAIN, MORE, BESIDE, DEMONSTRATION] {
            assert_eq!(scenarios(list).len(), list.len());
        }
    }
}
