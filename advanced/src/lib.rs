//! A server that Redis clients can talk to, room by room.
//!
//! Read from the top: a room uses only the rooms that are declared above it.

#![forbid(unsafe_code)]
// The rooms are public for the benches and for `cargo doc`; nobody else imports them.
#![allow(clippy::len_without_is_empty, clippy::should_implement_trait)]

/// The server log: levels, and where it goes.
pub mod logging;

/// What any program could use: numbers, patterns, files.
pub mod util;

/// The protocol: bytes become commands, replies become bytes.
pub mod resp;

/// What INFO counts.
pub mod stats;

/// How long commands take: statistics, the slow log, the latency monitor.
#[cfg(feature = "client-lifecycle")]
pub mod timing;

/// The phase that the server is in, from running to its end.
pub mod lifecycle;

/// Keyspace notifications: classes of events, and the journal of what happened to keys.
#[cfg(feature = "client-lifecycle")]
pub mod keyspace_events;

/// Values that are not strings, and how they are kept.
pub mod objects;

/// Keys, values, deadlines: the data set, and nothing else holds it.
pub mod store;

/// The RDB file: a data set as bytes, both ways.
pub mod rdb;

/// The append-only file: its folder, its manifest, its fsyncs.
pub mod aof;

/// The registry of all clients: who has been idle for too long, and how much may wait for one.
pub mod clients;

/// Channels and patterns, and their subscribers.
pub mod pubsub;

/// Both roles: the feed of writes, and how far each replica is.
pub mod replication;

/// The parameters and their values, for flags and for CONFIG (which is in `handlers/server.rs`).
pub mod config;

/// How the process runs: in the background, its log file, its number.
#[cfg(feature = "client-lifecycle")]
pub mod process;

/// Which file is to be written now, and the thread that writes it while clients are served.
pub mod background;

/// All that connections share, behind the one lock; and what happens to expired keys in this role.
pub mod state;

/// What belongs to one connection and its commands may change.
pub mod client;

/// What a command is: its row in the table, its dispatch, its errors, what is propagated.
pub mod command;

/// Executes commands that come from an AOF or from a primary.
pub mod apply;

/// What each command does: a file per family, and the table that joins them.
pub mod handlers;

/// The data set as it was: files become keys, at a start or from a primary.
pub mod recovery;

/// What is called at each tick. The rooms that it calls decide what is due.
pub mod cron;

/// The shutdown: signals, the last save, the end of all connections.
pub mod shutdown;

/// Sockets: the listener, a connection, the links to replicas and to a primary.
pub mod net;

/// The config file, and the flags as more lines of it.
#[cfg(feature = "client-lifecycle")]
pub mod command_line;

/// Flags and the banner.
pub mod cli;

/// The order in which a server comes up.
pub mod startup;
