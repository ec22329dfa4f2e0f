//! Loading an RDB into the store, a batch of keys at a time (`rdbLoad` in Redis's
//! `rdb.c`).
//!
//! The file is read and decoded without the lock; only to put a batch into the store it
//! is taken. So clients get their `-LOADING` at once.

use std::fs::File;

use crate::rdb::{Decoder, RdbError, Record};
use crate::state::Shared;
use crate::store::clock::Unit;

/// How many keys are put into the store at once.
const BATCH: usize = 1024;

/// No record takes fewer bytes. So a file that says that it has more keys than would fit
/// makes us reserve nothing for them.
const MIN_RECORD: u64 = 3;

/// What to do with keys whose time was over before they were loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expired {
    /// Nobody will ask for them.
    Drop,
    /// An AOF follows that says what was done to them while they lived.
    Keep,
}

/// How many keys were in a file.
#[derive(Debug, Default)]
pub struct Loaded {
    pub keys: u64,
    pub expired: u64,
}

/// Loads the file, and returns what follows the RDB in it as far as that was read.
pub fn file(file: &File, expired: Expired, shared: &Shared) -> Result<(Loaded, Vec<u8>), RdbError> {
    let size = file.metadata()?.len();
    let mut decoder = Decoder::new(file)?;
    let mut loaded = Loaded::default();
    let mut batch = Vec::with_capacity(BATCH);
    let mut more = true;
    while more {
        let before = decoder.offset();
        while more && batch.len() < BATCH {
            let record = decoder.next()?;
            more = record.is_some();
            batch.extend(record);
        }
        if loaded.keys + loaded.expired == 0 {
            make_room(decoder.sizes(), size, shared);
        }
        put(&mut batch, expired, &mut loaded, shared)?;
        shared.lock().stats.loaded(decoder.offset() - before);
    }
    let (rest, _) = decoder.into_rest();
    Ok((loaded, rest))
}

/// Makes room for as many keys as the file says that it has, if it can have them.
fn make_room((keys, volatile): (u64, u64), size: u64, shared: &Shared) {
    let most = size / MIN_RECORD;
    let store = &mut shared.lock().store;
    store.reserve(keys.min(most), volatile.min(most));
}

/// Puts a batch into the store.
fn put(
    batch: &mut Vec<Record>,
    expired: Expired,
    loaded: &mut Loaded,
    shared: &Shared,
) -> Result<(), RdbError> {
    let store = &mut shared.lock().store;
    store.prefetch(batch.iter().map(|record| record.key.as_slice()));
    for record in batch.drain(..) {
        let deadline = record.deadline;
        let deadline = deadline.and_then(|at| store.clock.moment(at, Unit::UnixMilliseconds));
        let is_expired = deadline.is_some_and(|deadline| store.clock.is_past(deadline));
        if is_expired && expired == Expired::Drop {
            loaded.expired += 1;
        } else if store.load(&record.key, record.value, deadline) {
            loaded.keys += 1;
        } else {
            let what = format!("key \"{}\" is there twice", record.key.escape_ascii());
            let offset = record.offset;
            return Err(RdbError::Damaged { offset, what });
        }
    }
    Ok(())
}
