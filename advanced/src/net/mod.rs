//! Everything that owns a socket (`networking.c` in Redis).

pub mod admission;
#[cfg(feature = "blocking")]
mod blocked;
pub mod connection;
pub mod delivery;
pub mod from_primary;
pub mod listener;
pub mod listeners;
pub mod to_replica;
