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

/// What belongs to one connection and its commands may change.
pub mod client;

/// What a command is: its row in the table, its dispatch, its errors, what is propagated.
pub mod command;

/// What each command does: a file per family, and the table that joins them.
pub mod handlers;

/// Sockets: the listener, and a connection.
pub mod net;

/// Flags and the banner.
pub mod cli;

/// The order in which a server comes up.
pub mod startup;
