//! A server that echoes, room by room.
//!
//! Read from the top: a room uses only the rooms that are declared above it.

#![forbid(unsafe_code)]
// The rooms are public for the benches and for `cargo doc`; nobody else imports them.
#![allow(clippy::len_without_is_empty, clippy::should_implement_trait)]

/// The server log: levels, and where it goes.
pub mod logging;

/// Sockets: the listener, and a connection.
pub mod net;

/// Flags and the banner.
pub mod cli;

/// The order in which a server comes up.
pub mod startup;
