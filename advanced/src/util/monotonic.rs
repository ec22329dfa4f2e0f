//! The monotonic clock as a number (`monotonic.c` in Redis).
//!
//! It is what [`Instant`](std::time::Instant) reads, too. But each batch of commands needs two
//! readings, where it begins and where it ends, and to subtract two `Instant`s takes longer than to
//! read one: their seconds and nanoseconds are counted separately.

use nix::time::{ClockId, clock_gettime};

/// Nanoseconds since some moment before the server started (`getMonotonicUs`).
pub fn nanos() -> u64 {
    // It fails only where there is no such clock.
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |now| {
        now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64
    })
}
