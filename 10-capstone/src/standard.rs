//! The scenarios that are measured when the command line names none.
//!
//! This file owns the choice. A scenario is written as on the command line, so each row can be
//! measured alone with `--scenario`. Each scenario changes one thing of `50x1x16` or `50x16x16`, so
//! a difference between two rows has one reason. The scenarios that need other flags of the server
//! come last, because the server has to be restarted for each of them.

use crate::scenario::Scenario;

/// The open loop, at a rate that any machine of the last ten years reaches.
pub const OPEN: &str = "50x1x16,rate=20000";

/// The scenarios of `--all-steps`, which shows what each step costs.
pub const ALL_STEPS: &[&str] = &["50x1x16", "50x16x16", "50x64x16"];

/// GET and SET on a server that does nothing besides.
pub const PLAIN: &[&str] = &[
    // The three main rows: the number of commands in flight.
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

/// Data types. They are left out if the server that is measured lacks them. What changes a list or
/// a set is one half of the commands, and undoes what the other half does.
pub const TYPES: &[&str] = &[
    "50x16x16,hset",
    "50x16x16,hget",
    "50x16x16,hgetall",
    "50x16x16,lpop=50",
    "50x16x16,lrange",
    "50x16x16,srem=50",
    "50x16x16,sismember",
    "50x16x16,sinter",
    "50x16x16,zadd",
    "50x16x16,zrange",
    "50x16x16,zrank",
    "50x1x16,blpop",
];

/// What `--full` adds.
pub const MORE: &[&str] = &[
    // Values. Longer values only measure how fast memory is copied.
    "50x1x1048576",
    // Commands. Half of the commands in the DEL row are SET; with DEL alone, soon no key would be
    // left.
    "50x16x16,incr",
    "50x16x16,mget",
    "50x16x16,mset",
    "50x16x16,del=50",
    "50x16x16,expire",
    // Pub/sub with many messages in flight.
    "50x16x16,pubsub",
];

/// Scenarios in which the server does more than answer GET and SET.
pub const BESIDE: &[&str] = &[
    "50x1x1024,bgsave",
    "50x1x16,pubsub",
    "50x16x16,aof=everysec",
    "50x1x16,aof=always",
    "50x1x16,replica",
];

/// The scenarios of `--pause` alone: a closed loop and an open loop see the same pause.
pub const DEMONSTRATION: &[&str] = &["50x1x16", OPEN];

/// Parses one of the lists in this file.
pub fn scenarios(list: &[&str]) -> Vec<Scenario> {
    let scenario = |text: &&str| text.parse().expect("the lists of this file are right");
    list.iter().map(scenario).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lists_can_be_read() {
        for list in [ALL_STEPS, PLAIN, TYPES, MORE, BESIDE, DEMONSTRATION] {
            assert_eq!(scenarios(list).len(), list.len());
        }
    }
}
