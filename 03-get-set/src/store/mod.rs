//! The store: keys and their values, and the only place that knows how they are
//! kept (`db.c` in Redis).
//!
//! Underneath is an [`IndexMap`]: a hash table that leads to positions in a vector of entries.
//! Lookups cost what they cost in a `HashMap`, and in addition the keys have numbers. That is what
//! SCAN and RANDOMKEY live on, and what a `HashMap` cannot give: its buckets are private, and
//! walking past n of them to pick the next ten would make a full SCAN quadratic.
//!
//! The hash is seeded at random when the server starts, so that nobody can
//! prepare keys that all fall into one bucket.

mod value;

use ahash::RandomState;
use indexmap::IndexMap;
use smallvec::SmallVec;

pub use value::Value;

/// Bytes that lie in the table itself if there are at most 16 of them, and
/// elsewhere in memory if there are more. Memory is what a lookup waits for: with
/// key and value inside, an entry is 64 bytes, which is one cache line.
type Bytes = SmallVec<[u8; 16]>;

/// A hash table from keys to values of type `V`.
type Table<V> = IndexMap<Bytes, V, RandomState>;

/// Hashing a key that is longer than this, in bytes, takes longer than waiting for memory.
const MAX_PREFETCHED: usize = 256;

/// Fewer keys than this lie in the processor's cache, and there is nothing to wait for.
const PREFETCHED_FROM: usize = 20_000;

/// Below this many keys the table is too small for shrinking to be worth it.
const SMALL_TABLE: usize = 1024;

/// A string of this length, in bytes, takes so much memory that there should not be two of them.
const LARGE: usize = 32 * 1024;

/// What happened to the keys, for INFO, since the start or since `CONFIG
/// RESETSTAT`.
#[derive(Debug, Default)]
pub struct Counters {
    /// Reads that found their key.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
}

/// The keys and their values.
#[derive(Debug, Default)]
pub struct Store {
    entries: Table<Value>,
    pub counters: Counters,
}

impl Store {
    /// The value of `key` for a command that reads it. Counts for INFO.
    pub fn get(&mut self, key: &[u8]) -> Option<&Value> {
        let value = self.entries.get(key);
        match value {
            Some(_) => self.counters.hits += 1,
            None => self.counters.misses += 1,
        }
        value
    }

    /// Looks up keys before any of them is needed: one of each command of a pipeline, and the
    /// next ones of MGET and MSET.
    ///
    /// A lookup mostly waits for memory. Done one key at a time, the waits add up; done together,
    /// the processor has several under way at once. The first argument of a command need not be a
    /// key; then nothing is found, which costs less than to check.
    pub fn prefetch<'a>(&self, keys: impl Iterator<Item = &'a [u8]>) {
        if self.len() < PREFETCHED_FROM {
            return;
        }
        for key in keys.filter(|key| key.len() <= MAX_PREFETCHED) {
            std::hint::black_box(self.entries.get_index_of(key));
        }
    }

    /// The value of `key` for a command that is about to change it (`lookupKeyWrite`). Does not
    /// count as a read.
    pub fn get_for_write(&self, key: &[u8]) -> Option<&Value> {
        self.entries.get(key)
    }

    pub fn contains(&self, key: &[u8]) -> bool {
        self.get_for_write(key).is_some()
    }

    /// Changes the value of `key` in place. A key that does not exist gets `initial`, after the
    /// change. A change that fails must leave the value as it was; a key that did not exist is not
    /// created then.
    pub fn upsert<T, E>(
        &mut self,
        key: &[u8],
        mut initial: Value,
        change: impl FnOnce(&mut Value) -> Result<T, E>,
    ) -> Result<T, E> {
        match self.entries.get_mut(key) {
            Some(value) => change(value),
            None => {
                let result = change(&mut initial)?;
                self.insert(key, initial);
                Ok(result)
            }
        }
    }

    /// Gives `key` a string as its value, whatever it had before. A large one is a copy for which
    /// there must be memory, so the old value is freed first.
    pub fn set_bytes(&mut self, key: &[u8], bytes: &[u8]) {
        if bytes.len() >= LARGE
            && let Some(old) = self.entries.get_mut(key)
        {
            *old = Value::Integer(0);
        }
        self.insert(key, Value::from_bytes(bytes));
    }

    /// Gives `key` a value, whatever it had before.
    pub fn insert(&mut self, key: &[u8], value: Value) {
        match self.entries.get_mut(key) {
            Some(old) => *old = value,
            None => {
                self.entries.insert(Bytes::from_slice(key), value);
            }
        }
    }

    /// Removes `key` and returns its value.
    pub fn remove(&mut self, key: &[u8]) -> Option<Value> {
        let value = self.entries.swap_remove(key);
        shrink(&mut self.entries);
        value
    }

    /// Renames `from` to `to`, whose old value is lost (RENAME). False if there is no
    /// `from`.
    pub fn rename(&mut self, from: &[u8], to: &[u8]) -> bool {
        let value = self.remove(from);
        value.map(|value| self.insert(to, value)).is_some()
    }

    /// Copies the value of `from` to `to`, whose old value is lost (COPY). False if
    /// there is no `from`.
    pub fn copy(&mut self, from: &[u8], to: &[u8]) -> bool {
        let value = self.get_for_write(from).cloned();
        value.map(|value| self.insert(to, value)).is_some()
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Empties the store. What it held is freed before this returns or, if
    /// `lazy`, on a thread of its own: millions of keys take a while.
    pub fn clear(&mut self, lazy: bool) {
        let old = std::mem::take(&mut self.entries);
        if lazy {
            // If there can be no thread, the closure and with it the map is
            // dropped here.
            let _ = std::thread::Builder::new().spawn(move || drop(old));
        }
    }

    pub fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.entries.keys().map(|key| key.as_slice())
    }

    /// A key picked at random, each with the same probability.
    pub fn random_key(&self) -> Option<&[u8]> {
        let index = fastrand::usize(..self.len().max(1));
        self.entries.get_index(index).map(|(key, _)| key.as_slice())
    }

    /// A part of the keys, and the cursor for the next part; 0 starts, and 0
    /// means that there is no more.
    ///
    /// The cursor is the number of entries that are still to be seen, and they
    /// are seen from the last to the first. Removing an entry moves the last one
    /// into its place, so an entry that is still to be seen can only move to
    /// where it is still to be seen. Hence SCAN's promise: what is there from
    /// beginning to end is returned, perhaps twice.
    pub fn scan(&self, cursor: u64, count: usize) -> (u64, impl Iterator<Item = (&[u8], &Value)>) {
        let end = match usize::try_from(cursor) {
            Ok(cursor) if cursor > 0 => cursor.min(self.len()),
            _ => self.len(),
        };
        let start = end.saturating_sub(count);
        let part = self.entries.get_range(start..end).into_iter().flatten();
        (
            start as u64,
            part.map(|(key, value)| (key.as_slice(), value)),
        )
    }
}

/// Frees memory when nine tenths of the table are empty.
fn shrink<V>(table: &mut Table<V>) {
    if table.capacity() > SMALL_TABLE && table.len() < table.capacity() / 10 {
        table.shrink_to(table.len() * 2);
    }
}
