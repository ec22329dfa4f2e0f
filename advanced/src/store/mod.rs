//! The store: keys and their values, and the only place that knows how they are
//! kept (`db.c` in Redis).
//!
//! Underneath are [`SEGMENTS`] tables; the hash of a key says which one it is in.
//! Each lies behind an [`Arc`], and that is what makes a snapshot cheap: it clones
//! the `Arc`s, not the tables, and from then on both have the same data in common.
//! Before the store changes a table, [`Arc::make_mut`] looks whether a snapshot
//! still holds it, and if so copies it first. Of the whole data set only the tables
//! that are written to during a snapshot are copied, each at most once, and nobody
//! waits for more than one of them. (`fork` does the same with pages of memory.)
//!
//! That no table ever holds millions of keys has a second effect: none ever has to
//! be moved as a whole to a larger place while everybody waits.
//!
//! The entries of a table have numbers. SCAN, RANDOMKEY and the expiry cycle live
//! on that: they go to the n-th entry of a segment.
//!
//! The hash is seeded at random when the server starts, so that nobody can
//! prepare keys that all fall into one bucket.
//!
//! The deadlines lie in a table of their own (`db->expires`): most keys have none
//! and should not pay for it. A key whose deadline has passed may still be in
//! here, but no command sees it: every method that takes a key looks first whether it has
//! expired. Whether the key is then removed or only hidden depends on the role of this server,
//! and is decided in `state.rs` ([`Expiry`]). Keys that no command asks for are removed by
//! `cron/expire_cycle.rs`.

#[cfg(feature = "blocking")]
pub mod awaited;
pub mod clock;
mod journal;
mod removal;
mod snapshot;
mod table;
mod value;

use std::hint::black_box;
use std::sync::Arc;

use ahash::RandomState;
use smallvec::SmallVec;
use smart_default::SmartDefault;

pub use journal::{Change, Journal};
pub use removal::Removal;
pub use snapshot::{Entry, Snapshot};
use table::Table;
pub use value::{Value, WrongType};

use crate::objects::Object;
use crate::store::clock::{Clock, Moment};
use crate::util::copies;

/// Bytes that lie in the table itself if there are at most 16 of them, and
/// elsewhere in memory if there are more. Memory is what a lookup waits for: with
/// key and value inside, an entry is 64 bytes, which is one cache line.
type Bytes = SmallVec<[u8; 16]>;

/// How many tables there are; a power of two. More of them are smaller, so that one
/// is copied sooner; fewer are cloned sooner for a snapshot. With this many, both
/// take microseconds at ten million keys.
pub const SEGMENTS: usize = 4096;

/// The bits of a hash that name the segment start here. A table gets the lowest 32.
const SEGMENT_SHIFT: u32 = 40;

/// How many keys RANDOMKEY draws if all may have expired and are not removed (`maxtries`).
const RANDOM_TRIES: usize = 100;

/// Hashing a key that is longer than this, in bytes, takes longer than waiting for memory.
const MAX_PREFETCHED: usize = 256;

/// A processor fetches memory in pieces of so many bytes, and of a value at most so many are asked
/// for: what follows them, it fetches by itself.
const CACHE_LINE: usize = 64;
const MAX_LINES: usize = 8;

/// Fewer keys than this lie in the processor's cache, and there is nothing to wait for.
const PREFETCHED_FROM: usize = 2_000;

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

/// One piece of the key space: some of the keys, their values and their deadlines.
#[derive(Debug, Default, Clone)]
struct Segment {
    entries: Table<Value>,
    deadlines: Table<Moment>,
}

impl Segment {
    /// About how many bytes a copy of it takes. Keys and values that lie elsewhere in
    /// memory are not copied and do not count.
    fn size(&self) -> usize {
        let entry = size_of::<Value>() + size_of::<Bytes>() + size_of::<u64>();
        let deadline = size_of::<Moment>() + size_of::<Bytes>() + size_of::<u64>();
        self.entries.len() * entry + self.deadlines.len() * deadline
    }
}

/// A key, and where to look for it: its segment, and its hash for the tables there.
#[derive(Clone, Copy)]
struct Place<'a> {
    segment: usize,
    hash: u32,
    key: &'a [u8],
}

/// The keys, their values and their deadlines.
#[derive(Debug, SmartDefault)]
pub struct Store {
    #[default(no_segments())]
    segments: Vec<Arc<Segment>>,
    hasher: RandomState,
    /// How many keys there are in all segments, and how many deadlines.
    keys: usize,
    volatile: usize,
    /// Which segment the next sample of the deadlines begins in, and how many of
    /// its deadlines are still to be sampled in this round; both go down.
    #[default((SEGMENTS, 0))]
    sampled_to: (usize, usize),
    /// A moving average of the times to live that samples saw, in milliseconds.
    average_ttl: i64,
    pub clock: Clock,
    pub counters: Counters,
    /// How many changes there have been. If it is the same before and after a command,
    /// that command has changed nothing (`server.dirty`).
    pub changes: u64,
    /// How many bytes of segments were copied because a snapshot had them, too. With what was copied of
    /// large values, it is [`copied`](Self::copied).
    pub copied: u64,
    /// The keys that expired and are not yet in the AOF as deleted.
    pub expired: Vec<Bytes>,
    /// Data is being loaded.
    pub loading: bool,
    /// Only commands remove keys that have expired (`DEBUG SET-ACTIVE-EXPIRE`).
    pub is_active_expiry_off: bool,
    /// What happens to a key that has expired; `State` derives it for each command.
    #[default(Expiry::Remove)]
    pub expiry: Expiry,
    /// How such a key is removed.
    pub removal: Removal,
    /// The keys that got their deadline from a client of this replica, which may be writable.
    /// No primary will say that they are removed (`slaveKeysWithExpire`).
    tracked: Table<()>,
    /// How many of them are still to be looked at in this round; it goes down.
    tracked_to: usize,
    /// What has happened to keys since the last command.
    pub events: Journal,
    /// The keys that clients wait for.
    #[cfg(feature = "blocking")]
    pub awaited: awaited::Awaited,
}

/// What happens to a key that has expired (`expireIfNeeded`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// It is removed.
    Remove,
    /// Commands do not see it, but it stays until the primary sends its DEL. Only a client that
    /// writes to it, if the replica allows that, removes it first.
    Hide,
    /// Commands do not see it, and it is not removed: to remove it would be a write, and during
    /// a shutdown the data must not change.
    Freeze,
    /// It is as if it had not expired: commands from the AOF or the primary were executed while
    /// it was still there.
    Ignore,
}

/// Empty segments. All share one table until they are written to.
fn no_segments() -> Vec<Arc<Segment>> {
    vec![Arc::default(); SEGMENTS]
}

/// The one place that says which segment a key is in.
fn segment_of(hash: u64, _key: &[u8]) -> usize {
    (hash >> SEGMENT_SHIFT) as usize % SEGMENTS
}

/// The most of this many keys that a segment gets in nearly all cases; it is more than an even
/// share, because hashes are not distributed evenly.
fn share(keys: u64) -> usize {
    let mean = keys as usize / SEGMENTS;
    mean + 2 * mean.isqrt()
}

/// Looks at the memory in which small objects lie: first at where it is, then at it.
fn look_into(objects: &[&dyn Object]) {
    let fronts: SmallVec<[&[u8]; 64]> = objects.iter().map(|it| it.front()).collect();
    for front in fronts {
        let lines = front.iter().step_by(CACHE_LINE).take(MAX_LINES);
        black_box(lines.fold(0, |sum, first| sum ^ first));
    }
}

impl Store {
    fn place<'a>(&self, key: &'a [u8]) -> Place<'a> {
        let hash = self.hasher.hash_one(key);
        Place {
            segment: segment_of(hash, key),
            hash: hash as u32,
            key,
        }
    }

    /// Where to look for `key`, for a command that writes. A key that has expired is removed
    /// first, also on a replica, where the command then comes from a client that may write.
    fn find<'a>(&mut self, key: &'a [u8]) -> Place<'a> {
        let at = self.place(key);
        if self.is_expired(at) {
            self.expire_key(at);
        }
        at
    }

    /// Where to look for `key`, for a command that reads; `None` if the key has expired. Then it
    /// is removed, if that is up to this server.
    fn find_visible<'a>(&mut self, key: &'a [u8]) -> Option<Place<'a>> {
        let at = self.place(key);
        (!self.hide_if_expired(at)).then_some(at)
    }

    /// The segment, for reading.
    fn segment(&self, at: Place<'_>) -> &Segment {
        &self.segments[at.segment]
    }

    /// The segment, for writing. If a snapshot shares it, it is copied first.
    fn segment_mut(&mut self, at: Place<'_>) -> &mut Segment {
        let segment = &mut self.segments[at.segment];
        if Arc::strong_count(segment) > 1 {
            self.copied += segment.size() as u64;
        }
        Arc::make_mut(segment)
    }

    /// How many bytes were copied because a snapshot had them, too.
    pub fn copied(&self) -> u64 {
        self.copied + copies::bytes()
    }

    /// A snapshot of the data at this moment, which later changes of the store do not
    /// affect. It takes microseconds, however many keys there are.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            segments: self.segments.clone(),
            clock: self.clock.clone(),
            keys: self.keys,
            volatile: self.volatile,
        }
    }

    /// The value of `key` for a command that reads it. Counts for INFO and as a use of the key.
    pub fn get(&mut self, key: &[u8]) -> Option<&Value> {
        let now = self.clock.seconds();
        self.look_up(key, |table, hash| table.use_at(hash, key, now))
    }

    /// The value of `key` for a command that only asks about it, which is no use of it
    /// (`LOOKUP_NOTOUCH`). Counts for INFO.
    pub fn peek(&mut self, key: &[u8]) -> Option<&Value> {
        self.look_up(key, |table, hash| table.get(hash, key))
    }

    fn look_up<'a>(
        &'a mut self,
        key: &[u8],
        get: impl FnOnce(&'a Table<Value>, u32) -> Option<&'a Value>,
    ) -> Option<&'a Value> {
        let at = self.find_visible(key);
        let value = at.and_then(|at| get(&self.segments[at.segment].entries, at.hash));
        match value {
            Some(_) => self.counters.hits += 1,
            None => {
                self.counters.misses += 1;
                self.events.note(Change::Missed, key);
            }
        }
        value
    }

    /// For how many seconds no command has used `key`, which must be there.
    pub fn idle_time(&self, key: &[u8]) -> u32 {
        let at = self.place(key);
        let used = self.segment(at).entries.used(at.hash, key);
        let now = self.clock.seconds();
        now.wrapping_sub(used.unwrap_or(now))
    }

    /// Lets `key` appear unused for so many seconds.
    pub fn set_idle_time(&mut self, key: &[u8], seconds: u32) {
        let at = self.place(key);
        let used = self.clock.seconds().wrapping_sub(seconds);
        self.segment(at).entries.use_at(at.hash, key, used);
    }

    /// Looks up keys before any of them is needed: one of each command of a pipeline, and the
    /// next ones of MGET and MSET.
    ///
    /// A lookup mostly waits for memory, twice: for the slot and for the entry. Done one key at a
    /// time, the waits add up; if all slots are asked for first and then all entries, the
    /// processor has many of them under way at once. The elements of a small collection lie elsewhere
    /// again, and are asked for in the same way. The first argument of a command need not be a
    /// key; then nothing is found, which costs less than to check.
    pub fn prefetch<'a>(&self, keys: impl Iterator<Item = &'a [u8]>) {
        if self.len() < PREFETCHED_FROM {
            return;
        }
        let keys = keys.filter(|key| key.len() <= MAX_PREFETCHED);
        let places: SmallVec<[Place<'_>; 64]> = keys.map(|key| self.place(key)).collect();
        self.look_at(&places);
    }

    fn look_at(&self, places: &[Place<'_>]) {
        for at in places {
            let segment = self.segment(*at);
            segment.entries.prefetch(at.hash);
            segment.deadlines.prefetch(at.hash);
        }
        let mut objects: SmallVec<[&dyn Object; 64]> = SmallVec::new();
        for at in places {
            let value = self.segment(*at).entries.prefetch_entry(at.hash);
            if let Some(object) = value.and_then(Value::as_object) {
                objects.push(object);
            }
            black_box(self.deadline_at(*at));
        }
        if !objects.is_empty() {
            look_into(&objects);
        }
    }

    /// The object of `key` for a command that reads it. Counts for INFO.
    pub fn object<T: Object>(&mut self, key: &[u8]) -> Result<Option<&T>, WrongType> {
        self.get(key).map(Value::object).transpose()
    }

    /// The objects of several keys for a command that reads them all. Each counts for INFO, up to
    /// the first that is of another type.
    #[cfg(feature = "sets")]
    pub fn objects<'a, T: Object>(
        &mut self,
        keys: impl Iterator<Item = &'a [u8]>,
    ) -> Result<Vec<Option<&T>>, WrongType> {
        let places: SmallVec<[Place<'a>; 16]> = keys.map(|key| self.place(key)).collect();
        if self.len() >= PREFETCHED_FROM {
            places
                .chunks(64)
                .take(1)
                .for_each(|first| self.look_at(first));
        }
        // What has expired goes first, because afterwards nothing may change.
        if self.volatile > 0 {
            for at in &places {
                self.hide_if_expired(*at);
            }
        }
        let now = self.clock.seconds();
        let mut found = Vec::with_capacity(places.len());
        for at in places {
            let is_visible = !self.is_expired(at);
            let entries = &self.segments[at.segment].entries;
            let value = entries.use_at(at.hash, at.key, now).filter(|_| is_visible);
            match value {
                Some(_) => self.counters.hits += 1,
                None => {
                    self.counters.misses += 1;
                    self.events.note(Change::Missed, at.key);
                }
            }
            found.push(value.map(Value::object).transpose()?);
        }
        Ok(found)
    }

    /// The value of `key` for a command that is about to change it (`lookupKeyWrite`). A key that
    /// has expired is removed first. Does not count as a read.
    pub fn get_for_write(&mut self, key: &[u8]) -> Option<&Value> {
        let at = self.find(key);
        let now = self.clock.seconds();
        self.segment(at).entries.use_at(at.hash, key, now)
    }

    pub fn contains(&mut self, key: &[u8]) -> bool {
        self.get_for_write(key).is_some()
    }

    /// Counts a change of this key. Every change of the data set passes through here, so this
    /// is the place for whatever has to react to one (`signalModifiedKey`).
    fn changed(&mut self, change: Change, key: &[u8]) {
        self.changes += 1;
        self.note(change, key);
    }

    /// Notes what has happened to a key, for whoever wants to know.
    fn note(&mut self, change: Change, key: &[u8]) {
        #[cfg(feature = "blocking")]
        if change == Change::New {
            self.awaited.created(key);
        }
        self.events.note(change, key);
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
        let at = self.find(key);
        let now = self.clock.seconds();
        let entries = &mut self.segment_mut(at).entries;
        let result = match entries.get_mut(at.hash, key, now) {
            Some(value) => change(value)?,
            None => {
                let result = change(&mut initial)?;
                self.write(at, initial, None);
                self.note(Change::New, key);
                result
            }
        };
        self.changed(Change::Written, key);
        Ok(result)
    }

    /// Lets `change` change the object of `key`, and returns its result; with that, `change` says
    /// how many changes it has made, of which there may be none. A key that is not there gets an
    /// empty object first, and one whose object is empty afterwards is removed.
    pub fn change<T, R>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut T) -> (R, u64),
    ) -> Result<R, WrongType>
    where
        T: Object + Default,
        Value: From<T>,
    {
        let at = self.find(key);
        let (result, changes, is_empty);
        let now = self.clock.seconds();
        match self.segment_mut(at).entries.get_mut(at.hash, key, now) {
            Some(value) => {
                let object = value.object_mut::<T>()?;
                (result, changes) = change(object);
                is_empty = object.len() == 0;
                value.settle();
            }
            None => {
                let mut object = T::default();
                (result, changes) = change(&mut object);
                is_empty = object.len() == 0;
                if !is_empty {
                    self.write(at, object.into(), None);
                    self.note(Change::New, key);
                }
            }
        }
        if is_empty {
            self.take(at);
        }
        if changes > 0 {
            let change = match is_empty {
                true => Change::Removed,
                false => Change::Written,
            };
            self.changed(change, key);
            self.changes += changes - 1;
        }
        Ok(result)
    }

    /// Gives `key` a string as its value, whatever it had before.
    pub fn set_bytes(&mut self, key: &[u8], bytes: &[u8]) {
        self.set_bytes_until(key, bytes, None);
    }

    /// Gives `key` a string as its value, and a deadline or none, whatever it had before. A large
    /// string is a copy for which there must be memory, so the old value is freed first.
    pub fn set_bytes_until(&mut self, key: &[u8], bytes: &[u8], deadline: Option<Moment>) {
        if bytes.len() >= LARGE {
            let (at, now) = (self.find(key), self.clock.seconds());
            if let Some(old) = self.segment_mut(at).entries.get_mut(at.hash, key, now) {
                *old = Value::Integer(0);
            }
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
        self.changed(Change::Written, key);
    }

    /// Does what [`insert_until`](Self::insert_until) does, as if `key` was deleted before: it is a new
    /// key in any case (`dbDelete` and `dbAdd`, where others call `setKey`).
    pub fn replace(&mut self, key: &[u8], value: Value, deadline: Option<Moment>) {
        self.put_new(key, value, deadline);
        self.changed(Change::Written, key);
    }

    fn put_new(&mut self, key: &[u8], value: Value, deadline: Option<Moment>) {
        let at = self.find(key);
        self.take(at);
        self.put(key, value, deadline);
    }

    fn put(&mut self, key: &[u8], value: Value, deadline: Option<Moment>) {
        let at = self.find(key);
        self.track(at, deadline);
        if self.write(at, value, deadline) {
            self.note(Change::New, key);
        }
    }

    /// Makes room for so many keys and deadlines, so that no table has to grow while they
    /// are loaded (`dbExpand`).
    pub fn reserve(&mut self, keys: u64, volatile: u64) {
        for segment in &mut self.segments {
            let segment = Arc::make_mut(segment);
            segment.entries.reserve(share(keys));
            segment.deadlines.reserve(share(volatile));
        }
    }

    /// Adds a key from a file with its value and its deadline, which may have passed. False if the
    /// key exists already.
    pub fn load(&mut self, key: &[u8], value: Value, deadline: Option<Moment>) -> bool {
        let keys = self.keys;
        // What comes from a file is no change.
        self.write(self.place(key), value, deadline);
        self.keys > keys
    }

    /// Gives a key its value and deadline. Returns whether it is new.
    fn write(&mut self, at: Place<'_>, value: Value, deadline: Option<Moment>) -> bool {
        let now = self.clock.seconds();
        let segment = self.segment_mut(at);
        let is_new = segment.entries.insert(at.hash, at.key, value, now);
        self.keys += usize::from(is_new);
        self.write_deadline(at, deadline);
        is_new
    }

    /// Removes `key` and returns its value. On a writable replica, a key that has expired is
    /// returned too: as in Redis, DEL counts it as deleted.
    pub fn remove(&mut self, key: &[u8]) -> Option<Value> {
        let at = self.place(key);
        self.hide_if_expired(at);
        let value = self.take(at);
        if value.is_some() {
            self.changed(Change::Removed, key);
        }
        value
    }

    /// Removes the destination of a command whose result is empty. To Redis it is deleted then,
    /// also if it has expired.
    #[cfg(feature = "sets")]
    pub fn remove_destination(&mut self, key: &[u8]) {
        if self.take(self.place(key)).is_some() {
            self.changed(Change::Removed, key);
        }
    }

    /// Renames `from` to `to`, whose old value is lost (RENAME). False if there is no
    /// `from`.
    pub fn rename(&mut self, from: &[u8], to: &[u8]) -> bool {
        let at = self.find(from);
        let deadline = self.deadline_at(at).copied();
        let Some(value) = self.take(at) else {
            return false;
        };
        self.put_new(to, value, deadline);
        self.note(Change::RenamedFrom, from);
        self.changed(Change::RenamedTo, to);
        true
    }

    /// Copies the value of `from` to `to`, whose old value is lost (COPY). False if
    /// there is no `from`.
    pub fn copy(&mut self, from: &[u8], to: &[u8]) -> bool {
        let Some(at) = self.find_visible(from) else {
            return false;
        };
        let value = self.segment(at).entries.get(at.hash, from).cloned();
        let deadline = self.deadline_at(at).copied();
        value
            .map(|value| self.replace(to, value, deadline))
            .is_some()
    }

    /// The deadline of `key`; `None` if there is no such key, or if it has no deadline.
    pub fn deadline(&mut self, key: &[u8]) -> Option<Moment> {
        let at = self.find_visible(key)?;
        self.deadline_at(at).copied()
    }

    /// Sets the deadline of `key`, which must exist. If the deadline has already
    /// passed, removes the key, except on a replica, and returns false.
    pub fn set_deadline(&mut self, key: &[u8], deadline: Moment) -> bool {
        let at = self.place(key);
        let lives = deadline > self.clock.now() || self.expiry != Expiry::Remove;
        if lives {
            self.track(at, Some(deadline));
            self.write_deadline(at, Some(deadline));
            self.changed(Change::Deadline, key);
        } else {
            self.take_expired(at);
            self.changed(Change::Removed, key);
        }
        lives
    }

    /// Removes the deadline of `key` (PERSIST). False if it is missing or has none.
    pub fn persist(&mut self, key: &[u8]) -> bool {
        let at = self.find(key);
        let was_volatile = self.write_deadline(at, None);
        if was_volatile {
            self.changed(Change::Persisted, key);
        }
        was_volatile
    }

    /// How many keys there are. Those that have expired count until they are
    /// removed.
    pub fn len(&self) -> usize {
        self.keys
    }

    /// How many keys have a deadline.
    pub fn volatile_len(&self) -> usize {
        self.volatile
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
        let old = std::mem::replace(&mut self.segments, no_segments());
        (self.keys, self.volatile) = (0, 0);
        self.tracked = Table::default();
        self.average_ttl = 0;
        if lazy {
            // If there can be no thread, the closure and with it the segments are
            // dropped here.
            let _ = std::thread::Builder::new().spawn(move || drop(old));
        }
    }

    /// Empties the store, as [`clear`](Self::clear) does, and counts each key as a change
    /// (FLUSHALL).
    pub fn flush(&mut self, lazy: bool) {
        self.changes += self.len() as u64;
        self.clear(lazy);
    }

    pub fn keys(&self) -> impl Iterator<Item = &[u8]> {
        let entries = self
            .segments
            .iter()
            .flat_map(|segment| segment.entries.iter());
        let keys = entries.map(|(_, key, _)| key);
        keys.filter(|key| self.is_visible(key))
    }

    /// A key picked at random: first a segment, then one of its keys. With many keys, all have
    /// nearly the same probability. (Redis collects up to 15 entries from neighbouring buckets, and
    /// picks one of them: `dictGetFairRandomKey`.)
    ///
    /// Where expired keys are not removed, there may be no other. Then, as in Redis, one that has
    /// expired is returned.
    pub fn random_key(&mut self) -> Option<&[u8]> {
        let mut tries = usize::MAX;
        if self.volatile == self.keys && self.expiry != Expiry::Remove {
            tries = RANDOM_TRIES;
        }
        while self.keys > 0 {
            let segment = fastrand::usize(..SEGMENTS);
            let keys = self.segments[segment].entries.len();
            if keys > 0 {
                let number = fastrand::usize(..keys);
                tries -= 1;
                if tries == 0 || !self.hide_nth_if_expired(segment, number) {
                    let found = self.segments[segment].entries.nth(number);
                    return found.map(|(key, _)| key);
                }
            }
        }
        None
    }

    /// A part of the keys, and the cursor for the next part; 0 starts, and 0
    /// means that there is no more.
    ///
    /// The segments are seen from the last to the first, and so are the entries of each. The cursor
    /// says how many segments are still to be seen, and how many entries of the last of these; 0
    /// entries means all of them. Removing an entry moves the last one of its segment into its
    /// place, so an entry that is still to be seen can only move to where it is still to be seen.
    /// Hence SCAN's promise: what is there from beginning to end is returned, perhaps twice.
    pub fn scan(
        &mut self,
        cursor: u64,
        count: usize,
    ) -> (u64, impl Iterator<Item = (&[u8], &Value)>) {
        let cursor = cursor as usize;
        let (mut segments, mut entries) = match cursor {
            0 => (SEGMENTS, 0),
            _ => (cursor % (SEGMENTS + 1), cursor / (SEGMENTS + 1)),
        };
        let mut parts = Vec::new();
        let mut missing = count;
        while segments > 0 && missing > 0 {
            let segment = segments - 1;
            let len = self.segments[segment].entries.len();
            let end = if entries == 0 { len } else { entries.min(len) };
            let start = end.saturating_sub(missing);
            for number in (start..end).rev() {
                self.hide_nth_if_expired(segment, number);
            }
            missing -= end - start;
            parts.push((segment, start..end));
            entries = start;
            if start == 0 {
                segments -= 1;
            }
        }
        let cursor = (entries * (SEGMENTS + 1) + segments) as u64;
        let store = &*self;
        let entries = parts.into_iter().flat_map(|(segment, range)| {
            let entries = &store.segments[segment].entries;
            range.filter_map(|number| entries.nth(number))
        });
        // Those that were removed are gone, and those that stay are not seen.
        let all = store.expiry == Expiry::Remove;
        let entries = entries.filter(move |(key, _)| all || store.is_visible(key));
        (cursor, entries)
    }

    /// Looks at the next deadlines and removes the keys that have expired, until
    /// it has looked at `looks` of them or removed `removals` keys.
    ///
    /// Like SCAN it goes from the last to the first: a removal moves the last
    /// deadline into the gap, and that one has been looked at already. Having
    /// come to the first, it starts over, so every deadline has its turn.
    pub fn expire(&mut self, looks: usize, removals: usize) -> Sample {
        let mut sample = Sample::default();
        let mut total_ttl = 0i64;
        let looks = looks.min(self.volatile);
        while sample.looked_at < looks && sample.expired < removals {
            let (segment, end) = self.sampled_to;
            let end = end.min(self.segments[segment % SEGMENTS].deadlines.len());
            if end == 0 {
                let segment = segment.checked_sub(1).unwrap_or(SEGMENTS - 1);
                self.sampled_to = (segment, usize::MAX);
                continue;
            }
            self.sampled_to = (segment, end - 1);
            sample.looked_at += 1;
            match self.segments[segment].deadlines.nth(end - 1) {
                Some((key, deadline)) if self.clock.is_past(*deadline) => {
                    let key = Bytes::from_slice(key);
                    self.expire_key(self.place(&key));
                    sample.expired += 1;
                }
                Some((_, deadline)) => {
                    total_ttl = total_ttl.saturating_add(self.clock.until(*deadline));
                }
                None => {}
            }
        }
        self.update_average_ttl(total_ttl, sample.looked_at - sample.expired);
        sample
    }

    /// Looks at the next `looks` of the keys that got their deadline from a client of this
    /// replica, and removes those that have expired (`expireSlaveKeys`). A key is no longer
    /// tracked when it is removed or has no deadline.
    pub fn expire_tracked(&mut self, looks: usize) -> Sample {
        let mut index = match self.tracked_to.min(self.tracked.len()) {
            0 => self.tracked.len(),
            end => end,
        };
        let first = index.saturating_sub(looks);
        let mut sample = Sample::default();
        while index > first {
            index -= 1;
            sample.looked_at += 1;
            let Some((key, ())) = self.tracked.nth(index) else {
                continue;
            };
            let key = Bytes::from_slice(key);
            let at = self.place(&key);
            let deadline = self.deadline_at(at).copied();
            let is_past = deadline.is_some_and(|deadline| self.clock.is_past(deadline));
            if is_past {
                self.expire_key(at);
                sample.expired += 1;
            }
            if is_past || deadline.is_none() {
                self.tracked.remove(at.hash, at.key);
            }
        }
        self.tracked_to = index;
        sample
    }

    /// How many keys [`expire_tracked`](Self::expire_tracked) looks after.
    pub fn tracked_len(&self) -> usize {
        self.tracked.len()
    }

    /// Notes that a client gives the key this deadline, because a replica has to remove such a
    /// key itself.
    fn track(&mut self, at: Place<'_>, deadline: Option<Moment>) {
        let is_new = deadline.is_some() && self.deadline_at(at).copied() != deadline;
        if self.expiry == Expiry::Hide && is_new {
            self.tracked.insert(at.hash, at.key, (), 0);
        }
    }

    /// Each sample counts for a fiftieth, as in Redis. Keys that have expired do not
    /// count.
    fn update_average_ttl(&mut self, total: i64, keys: usize) {
        if self.volatile == 0 {
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

    /// Gives a key a deadline or none. True if it had one.
    fn write_deadline(&mut self, at: Place<'_>, deadline: Option<Moment>) -> bool {
        let had_one = self.deadline_at(at).is_some();
        match deadline {
            Some(new) => {
                let deadlines = &mut self.segment_mut(at).deadlines;
                deadlines.insert(at.hash, at.key, new, 0);
                self.volatile += usize::from(!had_one);
            }
            None if had_one => {
                self.segment_mut(at).deadlines.remove(at.hash, at.key);
                self.volatile -= 1;
            }
            None => {}
        }
        had_one
    }

    /// The deadline of a key, if it has one. Most stores have no deadlines, and then no segment is
    /// searched.
    fn deadline_at(&self, at: Place<'_>) -> Option<&Moment> {
        match self.volatile {
            0 => None,
            _ => self.segment(at).deadlines.get(at.hash, at.key),
        }
    }

    /// Whether the key has expired.
    fn is_expired(&self, at: Place<'_>) -> bool {
        let deadline = self.deadline_at(at);
        let is_past = deadline.is_some_and(|deadline| self.clock.is_past(*deadline));
        is_past && self.expiry != Expiry::Ignore
    }

    /// Whether commands see this key, which is in the store.
    fn is_visible(&self, key: &[u8]) -> bool {
        self.volatile == 0 || !self.is_expired(self.place(key))
    }

    /// Whether the key has expired, for a command that reads it. Then it is removed, if that is
    /// up to this server.
    fn hide_if_expired(&mut self, at: Place<'_>) -> bool {
        let is_expired = self.is_expired(at);
        if is_expired && self.expiry == Expiry::Remove {
            self.expire_key(at);
        }
        is_expired
    }

    /// Does for the key with this number what [`hide_if_expired`](Self::hide_if_expired) does.
    fn hide_nth_if_expired(&mut self, segment: usize, number: usize) -> bool {
        match self.segments[segment].entries.nth(number) {
            Some((key, _)) if self.volatile > 0 && self.is_expired(self.place(key)) => {
                let key = Bytes::from_slice(key);
                self.hide_if_expired(self.place(&key))
            }
            _ => false,
        }
    }

    /// Removes a key because it has expired.
    fn expire_key(&mut self, at: Place<'_>) {
        let began = self.removal.begin();
        self.take_expired(at);
        self.removal.end(began);
        self.expired.push(Bytes::from_slice(at.key));
        self.counters.expired += 1;
    }

    /// Removes a key whose deadline has passed, and frees its value.
    fn take_expired(&mut self, at: Place<'_>) {
        if let Some(value) = self.take(at)
            && self.removal.is_lazy
        {
            value.free();
        }
    }

    /// Removes a key, whether it has expired or not.
    fn take(&mut self, at: Place<'_>) -> Option<Value> {
        self.segment(at).entries.get(at.hash, at.key)?;
        self.write_deadline(at, None);
        let value = self.segment_mut(at).entries.remove(at.hash, at.key);
        self.keys -= usize::from(value.is_some());
        value
    }
}

#[cfg(test)]
mod tests;
