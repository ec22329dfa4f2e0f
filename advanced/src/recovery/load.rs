//! Loading an RDB into the store, a batch of keys at a time (`rdbLoad` in Redis's
//! `rdb.c`).
//!
//! The file is read and decoded without the lock, which is taken only to put a batch of keys
//! into the store. So clients get their `-LOADING` at once.

use std::fs::File;

use crate::rdb::{Decoder, RdbError, Record};
use crate::state::Shared;
use crate::store::clock::Unit;

/// How many keys are put into the store with the lock held.
const BATCH: usize = 1024;

/// The smallest record, in bytes. No memory is reserved for more keys than the file can hold.
const MIN_RECORD: u64 = 3;

/// What happens to keys that had expired before they were loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expired {
    /// They are not loaded.
    Drop,
    /// They are loaded, because an AOF follows that says what was done to them while they lived.
    Keep,
}

/// How many keys were loaded, and how many had expired and were not.
#[derive(Debug, Default)]
pub struct Loaded {
    pub keys: u64,
    pub expired: u64,
}

/// Loads an RDB file into the store. Returns the numbers of keys, and the bytes that follow the
/// RDB in the file, as far as they were read.
pub fn file(file: &File, expired: Expired, shared: &Shared) -> Result<(Loaded, Vec<u8>), RdbError> {
    let size = file.metadata()?.len();
    let limits = shared.lock().config.limits;
    let mut decoder = Decoder::new(file)?.with_limits(limits);
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

/// Reserves memory for the numbers of keys and deadlines that the file claims, as far as a file
/// of `size` bytes can hold them.
fn make_room((keys, volatile): (u64, u64), size: u64, shared: &Shared) {
    let most = size / MIN_RECORD;
    let store = &mut shared.lock().store;
    store.reserve(keys.min(most), volatile.min(most));
}

/// Puts a batch into the store and empties it. Fails if a key is there already.
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

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;
    use crate::config::Config;
    use crate::rdb::{self, Options, Progress};
    use crate::store::{Store, Value};

    fn record(key: &str, deadline: Option<i64>, offset: u64) -> Record {
        Record {
            key: key.into(),
            value: Value::Integer(1),
            deadline,
            offset,
        }
    }

    #[test]
    fn what_has_expired_is_dropped_or_kept() -> Result<(), RdbError> {
        // What follows a base in an AOF was done to keys that were still there.
        for (expired, keys) in [(Expired::Drop, 2), (Expired::Keep, 3)] {
            let shared = Shared::new(Config::default());
            let mut batch = vec![
                record("lasting", None, 9),
                record("past", Some(1000), 20),
                record("later", Some(33_000_000_000_123), 40),
            ];
            let mut loaded = Loaded::default();
            put(&mut batch, expired, &mut loaded, &shared)?;
            assert!(batch.is_empty(), "the batch must be empty");
            assert_eq!(loaded.keys, keys, "`loaded.keys`, with {expired:?}");
            assert_eq!(
                loaded.expired,
                3 - keys,
                "`loaded.expired`, with {expired:?}"
            );
            let store = &mut shared.lock().store;
            assert_eq!(
                store.len() as u64,
                keys,
                "keys in the store, with {expired:?}"
            );
            assert_eq!(
                store.volatile_len() as u64,
                keys - 1,
                "deadlines, with {expired:?}"
            );
        }
        Ok(())
    }

    #[test]
    fn a_key_that_is_there_twice_is_damage() {
        let shared = Shared::new(Config::default());
        for expired in [Expired::Drop, Expired::Keep] {
            let key = format!("{expired:?}\n");
            let mut batch = vec![record(&key, None, 9), record(&key, None, 20)];
            let put = put(&mut batch, expired, &mut Loaded::default(), &shared);
            let expected =
                format!("it is damaged at byte 20: key \"{expired:?}\\n\" is there twice");
            assert_eq!(put.map_err(|error| error.to_string()), Err(expected));
        }
    }

    #[test]
    fn what_follows_the_rdb_is_returned() -> Result<(), RdbError> {
        const COMMAND: &[u8] = b"*1\r\n$4\r\nPING\r\n";
        let options = Options {
            compression: true,
            checksum: true,
            is_base: true,
        };
        // A batch may be full, or not, when the file ends.
        for keys in [0, 1, BATCH, 2 * BATCH + 1] {
            let mut store = Store::default();
            for number in 0..keys {
                store.set_bytes(format!("key:{number}").as_bytes(), b"value");
            }
            let mut base = tempfile::tempfile()?;
            rdb::write(store.snapshot(), options, &Progress::default(), &mut base)?;
            base.write_all(COMMAND)?;
            base.rewind()?;
            let shared = Shared::new(Config::default());
            let (loaded, rest) = file(&base, Expired::Keep, &shared)?;
            assert_eq!(loaded.keys, keys as u64, "`loaded.keys`");
            assert_eq!(shared.lock().store.len(), keys, "keys in the store");
            assert_eq!(
                rest.escape_ascii().to_string(),
                COMMAND.escape_ascii().to_string()
            );
        }
        Ok(())
    }
}
