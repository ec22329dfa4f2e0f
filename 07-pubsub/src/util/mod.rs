//! What any program could use: nothing here knows of commands
//! or keys.

pub mod buffer;
pub mod file;
pub mod glob;
pub mod long_double;
pub mod open_files;

use std::num::IntErrorKind;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Reads a number as C's `strtoll` does: it ends at a NUL byte, nothing is 0, and what does not fit
/// 64 bits is the largest number, or the smallest.
pub fn strtoll(text: &str) -> Option<i64> {
    let text = text.split('\0').next().unwrap_or_default();
    let number = text.parse::<i64>().or_else(|error| match error.kind() {
        IntErrorKind::Empty => Ok(0),
        IntErrorKind::PosOverflow => Ok(i64::MAX),
        IntErrorKind::NegOverflow => Ok(i64::MIN),
        _ => Err(error),
    });
    number.ok()
}

/// The unix time: how long ago 1970 began.
pub fn unix_time() -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default()
}
