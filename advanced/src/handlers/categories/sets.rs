//! What COMMAND says of the commands on sets besides their rows.

/// All of them.
pub const NAMES: &[&str] = &[
    "sadd",
    "scard",
    "sdiff",
    "sdiffstore",
    "sinter",
    "sintercard",
    "sinterstore",
    "sismember",
    "smembers",
    "smismember",
    "smove",
    "spop",
    "srandmember",
    "srem",
    "sscan",
    "sunion",
    "sunionstore",
];

/// What those do to their keys whose rows do not say it.
pub const KEY_FLAGS: &[(&[&[&str]], &[&str])] = &[
    (&[&["RW", "insert"]], &["sadd"]),
    (&[&["RW", "delete"]], &["srem"]),
    (&[&["RW", "access", "delete"]], &["spop"]),
    (&[&["RO"]], &["scard", "sismember"]),
    (
        &[&["RW", "access", "delete"], &["RW", "insert"]],
        &["smove"],
    ),
    (&[&["RW", "update"], &["RO", "access"]], &["sinterstore"]),
    (
        &[&["OW", "update"], &["RO", "access"]],
        &["sdiffstore", "sunionstore"],
    ),
];
