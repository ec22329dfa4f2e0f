//! A table for large collections: two tables, and a rehash in small steps (`dict.c` in Redis).
//!
//! A hash table must grow with what it holds, and to grow is to move every record. If one write
//! did that alone, it would take seconds in a hash of millions of fields. So a write that finds
//! the table full only creates a second one of twice the size. From then on each write moves
//! *one* chunk of the first table into the second, until the first is empty and is dropped:
//!
//! ```text
//! main     [ moved ][ moved ][ 512… ][ 768… ]                        1024 buckets
//!                             ^ index: the chunk that the next write moves
//! target   [ 0…    ][ 256…  ][      ][      ][ 1024… ][ 1280… ][      ][      ]   2048 buckets
//! ```
//!
//! Meanwhile a key is in one table or in the other. It is looked for in both, and new ones go
//! into the second. With few records left in many buckets, a table shrinks in the same way.
//!
//! Redis's step is a bucket, and ours is a chunk of up to [`CHUNK`](buckets::CHUNK) buckets: the
//! part that a write copies anyway if a snapshot shares it. That takes some microseconds, and
//! the table is soon in one piece again. In Redis, reads take a step, too. Here they change
//! nothing, so a rehash waits for the next write.

mod buckets;
mod statistics;

use std::sync::LazyLock;

use ahash::RandomState;

use super::Record;
use buckets::{Buckets, CHUNK};

/// How many buckets a table has at least (`DICT_HT_INITIAL_SIZE`).
const SMALLEST: usize = 4;

/// A table shrinks when this many buckets are there for each record (`HASHTABLE_MIN_FILL`, which
/// is the same in percent).
const SPARSE: usize = 10;

/// A scan passes so many times the buckets that it should return records of, as most may be empty
/// (`scanGenericCommand`).
const VISITS: usize = 10;

/// Where a chunk of a large table is drawn at random, so many places are drawn from. Hardly any
/// has more records.
const PLACES: usize = 2 * CHUNK;

/// Nobody can prepare keys that all fall into one bucket.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);

/// A table of records. It has two tables while it is rehashed.
#[derive(Debug, Clone)]
pub struct Dict<R> {
    main: Buckets<R>,
    rehash: Option<Box<Rehash<R>>>,
    len: usize,
}

/// The second table, and how far the first has been moved into it.
#[derive(Debug, Clone)]
struct Rehash<R> {
    target: Buckets<R>,
    /// The chunk of the first table that is moved next. Those before it are empty.
    index: usize,
}

/// As many bits of it as a table has use for. A record keeps them, so that it can be moved without
/// a look at its key.
fn hash(key: &[u8]) -> u32 {
    HASHER.hash_one(key) as u32
}

/// The cursor of the next bucket of a table with this mask: counted up from its highest bit.
fn next(cursor: usize, mask: usize) -> usize {
    let reversed = (cursor | !mask).reverse_bits();
    reversed.wrapping_add(1).reverse_bits()
}

impl<R: Record> Default for Dict<R> {
    fn default() -> Self {
        Self {
            main: Buckets::new(SMALLEST),
            rehash: None,
            len: 0,
        }
    }
}

impl<R: Record> Dict<R> {
    pub fn len(&self) -> usize {
        self.len
    }

    /// One table, or two.
    fn tables(&self) -> impl Iterator<Item = &Buckets<R>> {
        let target = self.rehash.as_ref().map(|it| &it.target);
        std::iter::once(&self.main).chain(target)
    }

    pub fn get(&self, key: &[u8]) -> Option<&R> {
        let hash = hash(key);
        match (self.main.get(hash, key), &self.rehash) {
            (None, Some(rehash)) => rehash.target.get(hash, key),
            (found, _) => found,
        }
    }

    /// The table that a key is in; if it is in none, the one that it would be inserted into.
    fn table_for(&mut self, hash: u32, key: &[u8]) -> &mut Buckets<R> {
        match &mut self.rehash {
            Some(rehash) if self.main.get(hash, key).is_none() => &mut rehash.target,
            _ => &mut self.main,
        }
    }

    /// Calls `update` with the record of this key or, if there is none, inserts what `create`
    /// returns. True if it was inserted.
    pub fn upsert(
        &mut self,
        key: &[u8],
        update: impl FnOnce(&mut R),
        create: impl FnOnce() -> R,
    ) -> bool {
        self.step();
        if self.len >= self.main.size() && self.rehash.is_none() {
            self.resize(self.len + 1);
        }
        let hash = hash(key);
        let chunk = self.table_for(hash, key).chunk_mut(hash);
        match chunk.find(hash, key) {
            Some(index) => {
                update(chunk.record_mut(index));
                false
            }
            None => {
                chunk.push(hash, create());
                self.len += 1;
                true
            }
        }
    }

    pub fn remove(&mut self, key: &[u8]) -> Option<R> {
        self.step();
        let hash = hash(key);
        let removed = match (self.main.remove(hash, key), &mut self.rehash) {
            (None, Some(rehash)) => rehash.target.remove(hash, key),
            (removed, _) => removed,
        }?;
        self.len -= 1;
        let is_sparse = self.len * SPARSE < self.main.size() && self.main.size() > SMALLEST;
        if is_sparse && self.rehash.is_none() {
            self.resize(self.len);
        }
        Some(removed)
    }

    /// Creates the second table, with a bucket for each of so many records. No record is moved
    /// yet (`dictExpand`, `dictResize`).
    fn resize(&mut self, records: usize) {
        let size = records.next_power_of_two().max(SMALLEST);
        let target = Buckets::new(size);
        self.rehash = Some(Box::new(Rehash { target, index: 0 }));
    }

    /// During a rehash, moves one chunk of the first table to the second; with the last, the
    /// second takes the place of the first (`dictRehash`).
    fn step(&mut self) {
        let Some(rehash) = &mut self.rehash else {
            return;
        };
        for (hash, record) in self.main.take(rehash.index) {
            rehash.target.chunk_mut(hash).push(hash, record);
        }
        rehash.index += 1;
        if rehash.index == self.main.chunks()
            && let Some(rehash) = self.rehash.take()
        {
            self.main = rehash.target;
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &R> {
        self.tables().flat_map(Buckets::iter)
    }

    /// A record picked at random, each as likely as any other. A chunk is drawn, then a place in
    /// it; where no record is in that place, both are drawn again. `None` if there is no record.
    pub fn random(&self) -> Option<&R> {
        let chunks: usize = self.tables().map(Buckets::chunks).sum();
        let places = match chunks {
            1 => self.len,
            _ => PLACES,
        };
        if self.len == 0 {
            return None;
        }
        loop {
            let (chunk, place) = (fastrand::usize(..chunks), fastrand::usize(..places));
            let record = match (chunk.checked_sub(self.main.chunks()), &self.rehash) {
                (Some(chunk), Some(rehash)) => rehash.target.record(chunk, place),
                _ => self.main.record(chunk, place),
            };
            if record.is_some() {
                return record;
            }
        }
    }

    /// How many bytes of memory it takes, about. `size` says what a record has outside of its
    /// node; so many of them are asked.
    pub fn size(&self, samples: usize, size: impl Fn(&R) -> usize) -> usize {
        let sizes = self.iter().take(samples).map(size);
        let (count, total) = sizes.fold((0, 0), |(count, total), size| (count + 1, total + size));
        let tables: usize = self.tables().map(Buckets::memory).sum();
        tables + total * self.len / count.max(1)
    }

    /// Calls `visit` with the records of some buckets, at least `count` if they are not too few
    /// and far between, and returns the cursor for the next call; 0 begins, and 0 is the end.
    pub fn scan<'a>(&'a self, cursor: u64, count: usize, mut visit: impl FnMut(&'a R)) -> u64 {
        let (mut cursor, mut visited) = (cursor as usize, 0);
        for _ in 0..count.saturating_mul(VISITS) {
            cursor = self.scan_bucket(cursor, &mut |record| {
                visited += 1;
                visit(record);
            });
            if cursor == 0 || visited >= count {
                break;
            }
        }
        cursor as u64
    }

    /// Calls `visit` with the records of a bucket, and returns the cursor of the next
    /// (`dictScan`).
    ///
    /// A table may be rehashed between two calls. When it doubles, bucket `b` is divided between
    /// `b` and `b + size`, whose numbers end in the same bits. That is why the cursor is counted up
    /// from its *highest* bit: buckets that end alike come one after the other, and those that are
    /// done with are the same ones in a table of any size. During a rehash, a bucket of the smaller
    /// table is visited together with all that it is divided into in the larger one. So a record
    /// that is there from the first call to the last is visited. It may be visited twice.
    fn scan_bucket<'a>(&'a self, cursor: usize, visit: &mut impl FnMut(&'a R)) -> usize {
        let Some(rehash) = &self.rehash else {
            self.main.chain(cursor).for_each(visit);
            return next(cursor, self.main.mask);
        };
        let (small, large) = match self.main.mask < rehash.target.mask {
            true => (&self.main, &rehash.target),
            false => (&rehash.target, &self.main),
        };
        small.chain(cursor).for_each(&mut *visit);
        let mut cursor = cursor;
        loop {
            large.chain(cursor).for_each(&mut *visit);
            cursor = next(cursor, large.mask);
            // Until the bits that only the larger table has are all 0 again.
            if cursor & (large.mask ^ small.mask) == 0 {
                return cursor;
            }
        }
    }
}

#[cfg(test)]
mod tests;
