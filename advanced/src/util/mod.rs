//! What any program could use: nothing here knows of commands
//! or keys.

pub mod allocation;
pub mod buffer;
pub mod copies;
#[cfg(feature = "sorted-sets")]
pub mod double;
pub mod file;
pub mod glob;
pub mod long_double;
pub mod monotonic;
pub mod open_files;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The unix time: how long ago 1970 began.
pub fn unix_time() -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default()
}
