//! Everything that owns a socket (`networking.c` in Redis).

pub mod connection;
pub mod listener;
