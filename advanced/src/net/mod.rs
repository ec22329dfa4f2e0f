//! Everything that owns a socket (`networking.c` in Redis).

pub mod admission;
pub mod connection;
pub mod delivery;
pub mod from_primary;
pub mod listener;
#[cfg(feature = "client-lifecycle")]
pub mod listeners;
#[cfg(feature = "client-lifecycle")]
mod special;
pub mod to_replica;
