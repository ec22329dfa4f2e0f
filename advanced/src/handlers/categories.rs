//! What COMMAND says of a command besides its row: its ACL categories, and what it does to its
//! keys (`setImplicitACLCategories` in Redis's `server.c`, and the key specifications of its
//! `commands.c`).
//!
//! Most follows from the row and from the family that the row is in.

#[cfg(feature = "sets")]
mod sets;
mod specifications;
mod tips;

use std::iter::zip;

#[cfg(feature = "lists")]
use super::list;
#[cfg(feature = "sorted-sets")]
use super::sorted_set;
use super::{connection, expiry, key, string};
use crate::command::{Command, CommandError, Context, Flag, Result};
use crate::resp::{Args, Reply};

pub use tips::tips;

/// The order in which Redis names them (`ACLCommandCategories`).
const ORDER: &[&str] = &[
    "keyspace",
    "read",
    "write",
    "set",
    "sortedset",
    "list",
    "hash",
    "string",
    "pubsub",
    "admin",
    "fast",
    "slow",
    "blocking",
    "dangerous",
    "connection",
];

/// The categories that a flag brings with it.
const OF_FLAGS: &[(Flag, &[&str])] = &[
    (Flag::Write, &["write"]),
    (Flag::Readonly, &["read"]),
    (Flag::Admin, &["admin", "dangerous"]),
    (Flag::Pubsub, &["pubsub"]),
    (Flag::Fast, &["fast"]),
    #[cfg(feature = "blocking")]
    (Flag::Blocking, &["blocking"]),
];

/// The categories of families.
const OF_FAMILIES: &[(&[Command], &str)] = &[
    (string::COMMANDS, "string"),
    (key::COMMANDS, "keyspace"),
    (expiry::COMMANDS, "keyspace"),
    (connection::COMMANDS, "connection"),
    #[cfg(feature = "lists")]
    (list::COMMANDS, "list"),
    #[cfg(feature = "blocking")]
    (super::list_blocking::COMMANDS, "list"),
    #[cfg(feature = "sorted-sets")]
    (sorted_set::COMMANDS, "sortedset"),
];

/// The categories of commands whose family has none.
const OF_NAMES: &[(&str, &[&str])] = &[
    ("admin", &["lastsave", "role"]),
    (
        "dangerous",
        &[
            "flushall", "flushdb", "info", "keys", "lastsave", "restore", "role",
        ],
    ),
    (
        "keyspace",
        &["dbsize", "dump", "flushall", "flushdb", "restore"],
    ),
    ("connection", &["wait"]),
    #[cfg(feature = "sets")]
    ("set", sets::NAMES),
];

/// What a command does to its first key, and to the second if that is different.
pub type KeyFlags = &'static [&'static [&'static str]];

/// Commands whose row does not say what they do to their keys, by that.
const KEY_FLAGS: &[(KeyFlags, &[&str])] = &[
    (
        &[&["OW", "update"]],
        &["mset", "psetex", "restore", "setex"],
    ),
    (&[&["OW", "insert"]], &["msetnx", "setnx"]),
    (
        &[&["RW", "access", "update"]],
        &[
            "decr",
            "decrby",
            "getex",
            "getset",
            "hincrby",
            "hincrbyfloat",
            "incr",
            "incrby",
            "incrbyfloat",
        ],
    ),
    (&[&["RW", "access", "delete"]], &["getdel"]),
    (&[&["RW", "insert"]], &["append", "hsetnx"]),
    (&[&["RW", "delete"]], &["hdel"]),
    (&[&["RM", "delete"]], &["del", "unlink"]),
    (&[&["RO", "access"], &["OW", "update"]], &["copy"]),
    (
        &[&["RW", "access", "delete"], &["OW", "update"]],
        &["rename"],
    ),
    (
        &[&["RW", "access", "delete"], &["OW", "insert"]],
        &["renamenx"],
    ),
    (
        &[&["RO"]],
        &[
            "exists",
            "hexists",
            "hlen",
            "hstrlen",
            "memory|usage",
            "object|encoding",
            "object|freq",
            "object|idletime",
            "object|refcount",
            "strlen",
            "touch",
            "type",
        ],
    ),
];

/// The ACL categories of a command.
pub fn categories(command: &Command) -> Vec<&'static str> {
    let flags = OF_FLAGS.iter().filter(|(flag, _)| command.is(*flag));
    let mut found: Vec<&str> = flags.flat_map(|(_, names)| *names).copied().collect();
    if !command.is(Flag::Fast) {
        found.push("slow");
    }
    let names = OF_NAMES.iter().filter(|(_, of)| of.contains(&command.name));
    found.extend(names.map(|(category, _)| *category));
    found.extend(family(command));
    if command.name.starts_with('h') && command.keys.first == 1 {
        found.push("hash");
    }
    found.sort_by_key(|category| ORDER.iter().position(|it| it == category));
    found.dedup();
    found
}

/// The category of the command's family.
fn family(command: &Command) -> Option<&'static str> {
    let named = |start: &str| command.name.starts_with(start);
    if named("client|") || named("command") {
        return Some("connection");
    }
    let is_it = |it: &Command| it.name == command.name;
    let has = |it: &Command| is_it(it) || it.subcommands.iter().any(is_it);
    let mut families = OF_FAMILIES.iter();
    let found = families.find(|(commands, _)| commands.iter().any(has));
    found.filter(|_| command.name != "object").map(|it| it.1)
}

/// What a command does to its keys.
fn key_flags(command: &Command) -> KeyFlags {
    let rows = KEY_FLAGS.iter();
    #[cfg(feature = "lists")]
    let rows = rows.chain(list::KEY_FLAGS);
    #[cfg(feature = "blocking")]
    let rows = rows.chain(super::list_blocking::KEY_FLAGS);
    #[cfg(feature = "sorted-sets")]
    let rows = rows.chain(sorted_set::KEY_FLAGS);
    #[cfg(feature = "sets")]
    let rows = rows.chain(sets::KEY_FLAGS);
    let found = rows.clone().find(|(_, of)| of.contains(&command.name));
    match found {
        Some((flags, _)) => flags,
        None if command.is(Flag::Write) => &[&["RW", "update"]],
        None => &[&["RO", "access"]],
    }
}

/// Writes the key specifications of a command.
pub fn specifications(reply: &mut Reply<'_>, command: &Command) {
    let flags: KeyFlags = match command.name {
        "set" => &[&["RW", "access", "update", "variable_flags"]],
        _ => key_flags(command),
    };
    specifications::write(reply, command, flags);
}

/// `COMMAND GETKEYSANDFLAGS command argument …`: each key of that command, and what it does to it.
pub fn getkeysandflags(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    (command, keys): (&Command, Vec<&[u8]>),
) -> Result {
    let gets = |arg: &[u8]| arg.eq_ignore_ascii_case(b"GET");
    let flags: KeyFlags = match command.name {
        "set" if args.skip(5).iter().any(gets) => &[&["RW", "access", "update"]],
        "set" => &[&["OW", "update"]],
        _ => key_flags(command),
    };
    let last = flags.last().ok_or(CommandError::SYNTAX)?;
    ctx.reply.array(keys.len());
    let flags = flags.iter().chain(std::iter::repeat(last));
    for (key, flags) in zip(keys, flags) {
        ctx.reply.array(2);
        ctx.reply.bulk(key);
        ctx.reply.set(flags.len());
        flags.iter().for_each(|flag| ctx.reply.simple(flag));
    }
    Ok(())
}
