//! The tips of COMMAND INFO: what a proxy must know to send a command to many servers, and whether two
//! servers with the same data give the same reply (`CMD_TIPS` in Redis's `commands.c`).

use crate::command::Command;

const ANY_OUTPUT: &str = "nondeterministic_output";
const ANY_ORDER: &str = "nondeterministic_output_order";
const ALL_NODES: &str = "request_policy:all_nodes";
const ALL_SHARDS: &str = "request_policy:all_shards";
const MULTI_SHARD: &str = "request_policy:multi_shard";
const SPECIAL_REQUEST: &str = "request_policy:special";
const ALL_SUCCEEDED: &str = "response_policy:all_succeeded";
const SUM: &str = "response_policy:agg_sum";
const LEAST: &str = "response_policy:agg_min";
const SPECIAL_RESPONSE: &str = "response_policy:special";

/// Tips, and the commands that have them. All others have none.
const TIPS: &[(&[&str], &[&str])] = &[
    (&[ANY_OUTPUT], ANY_OUTPUT_OF),
    (&[ANY_ORDER], ANY_ORDER_OF),
    (
        &[ALL_NODES, ALL_SUCCEEDED],
        &["config|set", "latency|reset", "slowlog|reset"],
    ),
    (&[ALL_SHARDS, SUM], &["dbsize"]),
    (&[MULTI_SHARD, SUM], &["del", "exists", "touch", "unlink"]),
    (
        &[ALL_SHARDS, ALL_SUCCEEDED],
        &["flushall", "flushdb", "ping"],
    ),
    (&[ANY_OUTPUT, ALL_SHARDS, SPECIAL_RESPONSE], &["info"]),
    (
        &[ANY_OUTPUT, ALL_NODES, SPECIAL_RESPONSE],
        &[
            "latency|doctor",
            "latency|graph",
            "latency|histogram",
            "latency|history",
            "latency|latest",
        ],
    ),
    (&[ALL_SHARDS, ANY_ORDER], &["keys"]),
    (&[ALL_SHARDS, ANY_OUTPUT], &["randomkey"]),
    (&[ANY_OUTPUT, SPECIAL_REQUEST], &["scan"]),
    (&[MULTI_SHARD], &["mget"]),
    (&[MULTI_SHARD, ALL_SUCCEEDED], &["mset"]),
    (&[MULTI_SHARD, LEAST], &["msetnx"]),
    (&[ALL_NODES, ANY_OUTPUT], &["slowlog|get"]),
    (&[ALL_NODES, SUM, ANY_OUTPUT], &["slowlog|len"]),
    (&[ALL_SHARDS, LEAST], &["wait"]),
];

/// The reply depends on more than the data.
const ANY_OUTPUT_OF: &[&str] = &[
    "client|info",
    "client|list",
    "dump",
    "hrandfield",
    "hscan",
    "lastsave",
    "object|encoding",
    "object|freq",
    "object|idletime",
    "object|refcount",
    "pttl",
    "spop",
    "srandmember",
    "sscan",
    "time",
    "ttl",
    "zrandmember",
    "zscan",
];

/// The elements of the reply are in no particular order.
const ANY_ORDER_OF: &[&str] = &[
    "command",
    "command|info",
    "command|list",
    "hgetall",
    "hkeys",
    "hvals",
    "sdiff",
    "sinter",
    "smembers",
    "sunion",
];

/// The tips for a command.
pub fn tips(command: &Command) -> &'static [&'static str] {
    let found = TIPS.iter().find(|(_, of)| of.contains(&command.name));
    found.map_or(&[], |(tips, _)| tips)
}
