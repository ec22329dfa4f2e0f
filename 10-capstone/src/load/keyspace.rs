//! The key space: every key exists, with a value of the right length, before a
//! server is measured.
//!
//! This file owns what is written to a server beside the load. All keys start
//! with `capstone:`, so a server that holds other data keeps them, and
//! [`remove`] leaves nothing behind. Nothing here is measured, so it uses the
//! `redis` crate.

use anyhow::{Context, Error, Result, anyhow, ensure};

use super::request;
use crate::scenario::Scenario;
use crate::worker::CancellationToken;

/// The most keys that seven digits can name, but for those after the last that an MGET needs.
pub const MAX_KEYS: i64 = 9_999_990;

/// Commands that are sent to the server at once.
const BATCH: usize = 1000;

/// Sets every key to its value.
pub fn load(
    server: &mut redis::Connection,
    keys: u32,
    scenario: &Scenario,
    stop: &CancellationToken,
) -> Result<()> {
    in_batches(server, keys, |batch, number| {
        ensure!(!stop.is_cancelled(), "stopped");
        let value = request::value(scenario, number);
        batch.set(request::key(number), value).ignore();
        Ok(())
    })
    .context("cannot load the key space")
}

/// Deletes every key.
pub fn remove(server: &mut redis::Connection, keys: u32) -> Result<()> {
    in_batches(server, keys, |batch, number| {
        batch.del(request::key(number)).ignore();
        Ok(())
    })
    .context("cannot remove the key space")
}

fn in_batches(
    server: &mut redis::Connection,
    keys: u32,
    mut add: impl FnMut(&mut redis::Pipeline, u32) -> Result<()>,
) -> Result<()> {
    for first in (0..keys).step_by(BATCH) {
        let mut batch = redis::pipe();
        for number in first..keys.min(first + BATCH as u32) {
            add(&mut batch, number)?;
        }
        batch.query::<()>(server).map_err(first_error)?;
    }
    Ok(())
}

/// Of a batch in which every command failed, one error is enough.
fn first_error(error: redis::RedisError) -> Error {
    match error.clone().into_server_errors().as_deref() {
        Some([(_, first), ..]) => {
            anyhow!("-{} {}", first.code(), first.details().unwrap_or_default())
        }
        _ => error.into(),
    }
}
