//! Publishes what a command has done to keys, as `__keyspace@0__:<key>` and
//! `__keyevent@0__:<event>` (`notifyKeyspaceEvent` in Redis's `notify.c`).
//!
//! An event is mostly called like the command, so here are only those that are not.

use super::Command;
use crate::keyspace_events::Class;
use crate::resp::Args;
use crate::state::State;
use crate::store::Change;

/// Commands whose event has another name, by that name.
const NAMES: &[(&str, &[&str])] = &[
    (
        "set",
        &["setnx", "setex", "psetex", "getset", "mset", "msetnx"],
    ),
    ("incrby", &["incr", "decr", "decrby"]),
    ("hset", &["hmset", "hsetnx"]),
    ("copy_to", &["copy"]),
];

/// Options of SET after which the key has a deadline.
const DEADLINES: &[&[u8]] = &[b"EX", b"PX", b"EXAT", b"PXAT"];

/// Publishes what the journal has.
#[inline]
pub fn publish(state: &mut State, command: &Command, args: Args<'_>) {
    #[cfg(feature = "lists")]
    state.store.events.name.take();
    if !state.store.events.entries.is_empty() {
        publish_all(state, command, args);
    }
}

fn publish_all(state: &mut State, command: &Command, args: Args<'_>) {
    let mut entries = std::mem::take(&mut state.store.events.entries);
    for (change, key) in entries.drain(..) {
        let (class, event) = match change {
            Change::New => (Class::New, "new"),
            #[cfg(feature = "sorted-sets")]
            Change::Named(name) if name.starts_with('z') => (Class::SortedSet, name),
            #[cfg(feature = "lists")]
            Change::Named(name) => (Class::List, name),
            Change::Written => (class(command), event(command, args, &key)),
            Change::Removed => {
                if takes_out(command) {
                    send(state, class(command), event(command, args, &key), &key);
                }
                (Class::Generic, "del")
            }
            Change::RenamedFrom => (Class::Generic, "rename_from"),
            Change::RenamedTo => (Class::Generic, "rename_to"),
            Change::Deadline => (Class::Generic, "expire"),
            Change::Persisted => (Class::Generic, "persist"),
            Change::Missed if command.name.starts_with("object|") => continue,
            Change::Missed => (Class::Missed, "keymiss"),
        };
        send(state, class, event, &key);
        if change == Change::Written && sets_deadline(command, args) {
            send(state, Class::Generic, "expire", &key);
        }
    }
    // The room is kept for the next command.
    state.store.events.entries = entries;
}

/// Publishes that keys have expired.
pub fn publish_expired(state: &mut State, key: &[u8]) {
    send(state, Class::Expired, "expired", key);
}

/// Whether the command removes a key by taking out its last element, which is an event, too.
fn takes_out(command: &Command) -> bool {
    #[cfg(feature = "sets")]
    if ["srem", "spop", "smove"].contains(&command.name) {
        return true;
    }
    command.name.starts_with('h')
}

/// The name of the event when a command has written a value.
fn event(command: &Command, _args: Args<'_>, _key: &[u8]) -> &'static str {
    #[cfg(feature = "sets")]
    if command.name == "smove" {
        let is_source = _args[1] == *_key;
        return if is_source { "srem" } else { "sadd" };
    }
    let found = NAMES.iter().find(|(_, from)| from.contains(&command.name));
    found.map_or(command.name, |(name, _)| name)
}

/// The class of the event when a command has written a value: that of the command's family.
fn class(command: &Command) -> Class {
    match command.name {
        "copy" | "restore" => Class::Generic,
        name if name.starts_with('h') => Class::Hash,
        #[cfg(feature = "sorted-sets")]
        name if name.starts_with('z') => Class::SortedSet,
        #[cfg(feature = "sets")]
        "sadd" | "srem" | "spop" | "smove" | "sinterstore" | "sunionstore" | "sdiffstore" => {
            Class::Set
        }
        _ => Class::String,
    }
}

/// Whether the command has given the key that it has written a deadline.
fn sets_deadline(command: &Command, args: Args<'_>) -> bool {
    let is_deadline = |arg: &[u8]| DEADLINES.iter().any(|it| arg.eq_ignore_ascii_case(it));
    match command.name {
        "setex" | "psetex" => true,
        "set" => args.skip(3).iter().any(is_deadline),
        _ => false,
    }
}

/// Publishes an event on the channels that were asked for.
fn send(state: &mut State, class: Class, event: &str, key: &[u8]) {
    let classes = state.config.service.notify_keyspace_events;
    if !classes.has(class) {
        return;
    }
    let limit = state.config.client_output_buffer_limit.pubsub;
    if classes.has(Class::Keyspace) {
        let channel = [b"__keyspace@0__:", key].concat();
        state.pubsub.publish(&channel, event.as_bytes(), limit);
    }
    if classes.has(Class::Keyevent) {
        let channel = [b"__keyevent@0__:", event.as_bytes()].concat();
        state.pubsub.publish(&channel, key, limit);
    }
}
