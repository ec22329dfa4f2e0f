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
//!
//! The deadlines lie in a map of their own (`db->expires`): most keys have none
//! and should not pay for it. A key whose deadline has passed may still be in
//! here, but no command sees it: every method that takes a key removes it first if
//! it has expired. Keys that no command asks for are removed by `cron/expire_cycle.rs`.

pub mod clock;
mod value;

use ahash::RandomState;
use indexmap::IndexMap;
use smallvec::SmallVec;

pub use value::Value;

use crate::store::clock::{Clock, Moment};

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
    /// Keys that were removed because they had expired.
    pub expired: u64,
}

/// What a look at some of the deadlines found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sample {
    pub looked_at: usize,
    pub expired: usize,
}

/// The keys, their values and their deadlines.
#[derive(Debug, Default)]
pub struct Store {
    entries: Table<Value>,
    deadlines: Table<Moment>,
    /// How many of the deadlines are still to be sampled in this round; it goes down.
    sampled_to: usize,
    /// A moving average of the times to live that samples saw, in milliseconds.
    average_ttl: i64,
    pub clock: Clock,
    pub counters: Counters,
    /// How many changes there have been. If it is the same before and after a command,
    /// that command has changed nothing (`server.dirty`).
    pub changes: u64,
    /// The keys that expired and are not yet in the AOF as deleted.
    pub expired: Vec<Bytes>,
    /// While the AOF is replayed nothing expires: what it says was done to a key
    /// was done while that was still there.
    pub loading: bool,
}

impl Store {
    /// The value of `key` for a command that reads it. Counts for INFO.
    pub fn get(&mut self, key: &[u8]) -> Option<&Value> {
        self.expire_if_needed(key);
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
            std::hint::black_box(self.deadlines.get_index_of(key));
        }
    }

    /// The value of `key` for a command that is about to change it (`lookupKeyWrite`). A key that
    /// has expired is removed first. Does not count as a read.
    pub fn get_for_write(&mut self, key: &[u8]) -> Option<&Value> {
        self.expire_if_needed(key);
        self.entries.get(key)
    }

    pub fn contains(&mut self, key: &[u8]) -> bool {
        self.get_for_write(key).is_some()
    }

    /// Counts a change of these keys. Every change of the data set passes through here, so this
    /// is the place for whatever has to react to one (`signalModifiedKey`).
    fn changed(&mut self, _keys: &[&[u8]]) {
        self.changes += 1;
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
        self.expire_if_needed(key);
        match self.entries.get_mut(key) {
            Some(value) => {
                let result = change(value)?;
                self.changed(&[key]);
                Ok(result)
            }
            None => {
                let result = change(&mut initial)?;
                self.insert(key, initial);
                Ok(result)
            }
        }
    }

    /// Gives `key` a string as its value, whatever it had before.
    pub fn set_bytes(&mut self, key: &[u8], bytes: &[u8]) {
        self.set_bytes_until(key, bytes, None);
    }

    /// Gives `key` a string as its value, and a deadline or none, whatever it had before. A large
    /// string is a copy for which there must be memory, so the old value is freed first.
    pub fn set_bytes_until(&mut self, key: &[u8], bytes: &[u8], deadline: Option<Moment>) {
        if bytes.len() >= LARGE
            && let Some(old) = self.entries.get_mut(key)
        {
            *old = Value::Integer(0);
        }
        self.insert_until(key, Value::from_bytes(bytes), deadline);
    }

    /// Gives `key` a value and no deadline, whatever it had before.
    pub fn insert(&mut self, key: &[u8], value: Value) {
        self.insert_until(key, value, None);
    }

    /// Gives `key` a value and a deadline or none, whatever it had before.
    pub fn insert_until(&mut self, key: &[u8], value: Value, deadline: Option<Moment>) {
        self.put(key, value, deadline);
        self.changed(&[key]);
    }

    fn put(&mut self, key: &[u8], value: Value, deadline: Option<Moment>) {
        self.expire_if_needed(key);
        self.write_deadline(key, deadline);
        match self.entries.get_mut(key) {
            Some(old) => *old = value,
            None => {
                self.entries.insert(Bytes::from_slice(key), value);
            }
        }
    }

    /// Removes `key` and returns its value.
    pub fn remove(&mut self, key: &[u8]) -> Option<Value> {
        self.expire_if_needed(key);
        let value = self.take(key);
        if value.is_some() {
            self.changed(&[key]);
        }
        value
    }

    /// Renames `from` to `to`, whose old value is lost (RENAME). False if there is no
    /// `from`.
    pub fn rename(&mut self, from: &[u8], to: &[u8]) -> bool {
        let deadline = self.deadline(from);
        let Some(value) = self.take(from) else {
            return false;
        };
        self.put(to, value, deadline);
        self.changed(&[from, to]);
        true
    }

    /// Copies the value of `from` to `to`, whose old value is lost (COPY). False if
    /// there is no `from`.
    pub fn copy(&mut self, from: &[u8], to: &[u8]) -> bool {
        let value = self.get_for_write(from).cloned();
        let deadline = self.deadline(from);
        value
            .map(|value| self.insert_until(to, value, deadline))
            .is_some()
    }

    /// The deadline of `key`; `None` if there is no such key, or if it has no deadline.
    pub fn deadline(&mut self, key: &[u8]) -> Option<Moment> {
        self.expire_if_needed(key);
        self.deadlines.get(key).copied()
    }

    /// Sets the deadline of `key`, which must exist. If the deadline has already
    /// passed, removes the key and returns false.
    pub fn set_deadline(&mut self, key: &[u8], deadline: Moment) -> bool {
        self.changed(&[key]);
        let lives = deadline > self.clock.now() || self.loading;
        if lives {
            self.write_deadline(key, Some(deadline));
        } else {
            self.take(key);
        }
        lives
    }

    /// Removes the deadline of `key` (PERSIST). False if it is missing or has none.
    pub fn persist(&mut self, key: &[u8]) -> bool {
        self.expire_if_needed(key);
        let deadline = self.deadlines.swap_remove(key);
        if deadline.is_some() {
            self.changed(&[key]);
        }
        deadline.is_some()
    }

    /// How many keys there are. Those that have expired count until they are
    /// removed.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many keys have a deadline.
    pub fn volatile_len(&self) -> usize {
        self.deadlines.len()
    }

    /// The average time to live of the keys that have a deadline, in
    /// milliseconds, estimated from the samples.
    pub fn average_ttl(&self) -> i64 {
        self.average_ttl
    }

    /// Empties the store. What it held is freed before this returns or, if
    /// `lazy`, on a thread of its own, because millions of keys take a while. This does not
    /// count as a change: it also makes room for another data set.
    pub fn clear(&mut self, lazy: bool) {
        let old = (
            std::mem::take(&mut self.entries),
            std::mem::take(&mut self.deadlines),
        );
        self.average_ttl = 0;
        if lazy {
            // If there can be no thread, the closure and with it the maps are
            // dropped here.
            let _ = std::thread::Builder::new().spawn(move || drop(old));
        }
    }

    /// All keys with their values and deadlines.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &Value, Option<Moment>)> {
        self.entries.iter().map(|(key, value)| {
            let deadline = self.deadlines.get(key).copied();
            (key.as_slice(), value, deadline)
        })
    }

    /// Empties the store, as [`clear`](Self::clear) does, and counts each key as a change
    /// (FLUSHALL).
    pub fn flush(&mut self, lazy: bool) {
        self.changes += self.len() as u64;
        self.clear(lazy);
    }

    pub fn keys(&self) -> impl Iterator<Item = &[u8]> {
        let keys = self.entries.keys().map(|key| key.as_slice());
        keys.filter(|key| !self.is_expired(key))
    }

    /// A key picked at random, each with the same probability.
    pub fn random_key(&mut self) -> Option<&[u8]> {
        let mut index = self.random_index();
        while self.expire_index_if_needed(index) {
            index = self.random_index();
        }
        self.entries.get_index(index).map(|(key, _)| key.as_slice())
    }

    fn random_index(&self) -> usize {
        fastrand::usize(..self.len().max(1))
    }

    /// A part of the keys, and the cursor for the next part; 0 starts, and 0
    /// means that there is no more.
    ///
    /// The cursor is the number of entries that are still to be seen, and they
    /// are seen from the last to the first. Removing an entry moves the last one
    /// into its place, so an entry that is still to be seen can only move to
    /// where it is still to be seen. Hence SCAN's promise: what is there from
    /// beginning to end is returned, perhaps twice.
    pub fn scan(
        &mut self,
        cursor: u64,
        count: usize,
    ) -> (u64, impl Iterator<Item = (&[u8], &Value)>) {
        let end = match usize::try_from(cursor) {
            Ok(cursor) if cursor > 0 => cursor.min(self.len()),
            _ => self.len(),
        };
        let start = end.saturating_sub(count);
        for index in (start..end).rev() {
            self.expire_index_if_needed(index);
        }
        let end = end.min(self.len());
        let part = self.entries.get_range(start..end).into_iter().flatten();
        (
            start as u64,
            part.map(|(key, value)| (key.as_slice(), value)),
        )
    }

    /// Looks at the next deadlines and removes the keys that have expired, until
    /// it has looked at `looks` of them or removed `removals` keys.
    ///
    /// Like SCAN it goes from the last to the first: a removal moves the last
    /// deadline into the gap, and that one has been looked at already. Having
    /// come to the first, it starts over, so every deadline has its turn.
    pub fn expire(&mut self, looks: usize, removals: usize) -> Sample {
        let mut index = match self.sampled_to.min(self.deadlines.len()) {
            0 => self.deadlines.len(),
            end => end,
        };
        let first = index.saturating_sub(looks);
        let mut sample = Sample::default();
        let mut total_ttl = 0i64;
        while index > first && sample.expired < removals {
            index -= 1;
            sample.looked_at += 1;
            match self.deadlines.get_index(index) {
                Some((key, deadline)) if self.clock.is_past(*deadline) => {
                    let key = key.clone();
                    self.expire_key(&key);
                    sample.expired += 1;
                }
                Some((_, deadline)) => {
                    total_ttl = total_ttl.saturating_add(self.clock.until(*deadline));
                }
                None => {}
            }
        }
        self.sampled_to = index;
        self.update_average_ttl(total_ttl, sample.looked_at - sample.expired);
        sample
    }

    /// Each sample counts for a fiftieth, as in Redis. Keys that have expired do not
    /// count.
    fn update_average_ttl(&mut self, total: i64, keys: usize) {
        if self.deadlines.is_empty() {
            self.average_ttl = 0;
        }
        let Some(average) = total.checked_div(keys as i64) else {
            return;
        };
        self.average_ttl = match self.average_ttl {
            0 => average,
            old => old / 50 * 49 + average / 50,
        };
    }

    fn write_deadline(&mut self, key: &[u8], deadline: Option<Moment>) {
        match (deadline, self.deadlines.get_mut(key)) {
            (Some(new), Some(old)) => *old = new,
            (Some(new), None) => {
                self.deadlines.insert(Bytes::from_slice(key), new);
            }
            (None, Some(_)) => {
                self.deadlines.swap_remove(key);
            }
            (None, None) => {}
        }
    }

    /// Has `key` expired?
    fn is_expired(&self, key: &[u8]) -> bool {
        let deadline = self.deadlines.get(key);
        deadline.is_some_and(|deadline| self.clock.is_past(*deadline)) && !self.loading
    }

    fn expire_if_needed(&mut self, key: &[u8]) {
        if self.is_expired(key) {
            self.expire_key(key);
        }
    }

    /// Removes the key with this number if it has expired; true if it had.
    fn expire_index_if_needed(&mut self, index: usize) -> bool {
        match self.entries.get_index(index) {
            Some((key, _)) if self.is_expired(key) => {
                let key = key.clone();
                self.expire_key(&key);
                true
            }
            _ => false,
        }
    }

    /// Removes a key because it has expired.
    fn expire_key(&mut self, key: &[u8]) {
        self.take(key);
        self.expired.push(Bytes::from_slice(key));
        self.counters.expired += 1;
    }

    /// Removes a key, whether it has expired or not.
    fn take(&mut self, key: &[u8]) -> Option<Value> {
        let value = self.entries.swap_remove(key);
        shrink(&mut self.entries);
        self.deadlines.swap_remove(key);
        shrink(&mut self.deadlines);
        value
    }
}

/// Frees memory when nine tenths of the table are empty.
fn shrink<V>(table: &mut Table<V>) {
    if table.capacity() > SMALL_TABLE && table.len() < table.capacity() / 10 {
        table.shrink_to(table.len() * 2);
    }
}

#[cfg(test)]
mod tests;
