//! The key space: every key exists, with a value of the right length, before a
//! server is measured.
//!
//! This file owns what is written to a server besides the load. All keys start with `capstone:`, so
//! a server that holds other data keeps it, and [`remove`] leaves nothing behind. This is not
//! measured, so it uses the `redis` crate.

use anyhow::{Context, Error, Result, anyhow, ensure};
use redis::Cmd;

use super::request;
use crate::scenario::Scenario;
use crate::worker::CancellationToken;

/// The highest number of keys: what seven digits can name, minus the keys that an MGET needs after
/// the last one.
pub const MAX_KEYS: i64 = 9_999_990;

/// Number of commands that are sent at once.
const BATCH: usize = 1000;

/// Makes every key, with its value or its members.
pub fn load(
    server: &mut redis::Connection,
    keys: u32,
    scenario: &Scenario,
    stop: &CancellationToken,
) -> Result<()> {
    let loaded = in_batches(server, keys, stop, |number| request::make(scenario, number));
    loaded.context("cannot load the key space")
}

/// Deletes every key.
pub fn remove(server: &mut redis::Connection, keys: u32) -> Result<()> {
    let del = |number| Cmd::del(request::key(number));
    let removed = in_batches(server, keys, &CancellationToken::new(), del);
    removed.context("cannot remove the key space")
}

fn in_batches(
    server: &mut redis::Connection,
    keys: u32,
    stop: &CancellationToken,
    command: impl Fn(u32) -> Cmd,
) -> Result<()> {
    for first in (0..keys).step_by(BATCH) {
        ensure!(!stop.is_cancelled(), "stopped");
        let mut batch = redis::pipe();
        for number in first..keys.min(first + BATCH as u32) {
            batch.add_command(command(number)).ignore();
        }
        batch.query::<()>(server).map_err(first_error)?;
    }
    Ok(())
}

/// The first error of a batch; if one command fails, usually all of them do.
fn first_error(error: redis::RedisError) -> Error {
    match error.clone().into_server_errors().as_deref() {
        Some([(_, first), ..]) => {
            anyhow!("-{} {}", first.code(), first.details().unwrap_or_default())
        }
        _ => error.into(),
    }
}
