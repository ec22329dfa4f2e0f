//! A hash table whose entries have numbers.
//!
//! The entries lie in a vector, one after the other, and a [`HashTable`] leads from a
//! hash to a position in it. That is what [`IndexMap`] is, too. This one is less: it
//! is told the hash of every key, because the store has computed it to find the
//! segment; a position takes four bytes; and it grows by an eighth instead of to
//! the double, because a table that is one of thousands is small enough to be moved.
//! The store's memory per key depends on that.
//!
//! [`IndexMap`]: https://docs.rs/indexmap

use hashbrown::HashTable;

use super::Bytes;

/// Below this many entries a table is too small for shrinking to be worth it.
const SMALL: usize = 8;

/// Something for each of some keys.
#[derive(Debug, Clone)]
pub struct Table<V> {
    /// Where the entries are in the vector, by hash.
    positions: HashTable<u32>,
    entries: Vec<Entry<V>>,
}

/// With short keys and values inside, it is 64 bytes: one cache line.
#[derive(Debug, Clone)]
struct Entry<V> {
    hash: u64,
    key: Bytes,
    value: V,
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self {
            positions: HashTable::new(),
            entries: Vec::new(),
        }
    }
}

impl<V> Table<V> {
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many entries there is room for.
    #[cfg(test)]
    pub fn capacity(&self) -> usize {
        self.entries.capacity()
    }

    fn position(&self, hash: u64, key: &[u8]) -> Option<usize> {
        let is_it = |position: &u32| *self.entries[*position as usize].key == *key;
        let found = self.positions.find(hash, is_it);
        found.map(|position| *position as usize)
    }

    pub fn get(&self, hash: u64, key: &[u8]) -> Option<&V> {
        let position = self.position(hash, key)?;
        Some(&self.entries[position].value)
    }

    pub fn get_mut(&mut self, hash: u64, key: &[u8]) -> Option<&mut V> {
        let position = self.position(hash, key)?;
        Some(&mut self.entries[position].value)
    }

    /// The entry with this number.
    pub fn nth(&self, position: usize) -> Option<(&[u8], &V)> {
        let entry = self.entries.get(position)?;
        Some((&entry.key, &entry.value))
    }

    /// All entries with their hashes, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &[u8], &V)> {
        let entries = self.entries.iter();
        entries.map(|entry| (entry.hash, entry.key.as_slice(), &entry.value))
    }

    /// Makes room for so many more entries.
    pub fn reserve(&mut self, more: usize) {
        self.entries.reserve_exact(more);
        let entries = &self.entries;
        self.positions
            .reserve(more, |position| entries[*position as usize].hash);
    }

    /// Gives `key` a value, whatever it had before. True if it had none.
    pub fn insert(&mut self, hash: u64, key: &[u8], value: V) -> bool {
        if let Some(old) = self.get_mut(hash, key) {
            *old = value;
            return false;
        }
        if self.entries.len() == self.entries.capacity() {
            self.entries.reserve_exact(1 + self.entries.len() / 8);
        }
        let entries = &self.entries;
        self.positions
            .insert_unique(hash, entries.len() as u32, |position| {
                entries[*position as usize].hash
            });
        self.entries.push(Entry {
            hash,
            key: Bytes::from_slice(key),
            value,
        });
        true
    }

    /// Takes `key` out. The last entry gets its number.
    pub fn remove(&mut self, hash: u64, key: &[u8]) -> Option<V> {
        let entries = &self.entries;
        let is_it = |position: &u32| *entries[*position as usize].key == *key;
        let found = self.positions.find_entry(hash, is_it).ok()?;
        let position = found.remove().0;
        let removed = self.entries.swap_remove(position as usize);
        if let Some(moved) = self.entries.get(position as usize) {
            let last = self.entries.len() as u32;
            let moved = self.positions.find_mut(moved.hash, |old| *old == last);
            if let Some(moved) = moved {
                *moved = position;
            }
        }
        self.shrink();
        Some(removed.value)
    }

    /// Gives memory back when three quarters of the table are empty, and all of it when
    /// there is nothing in it.
    fn shrink(&mut self) {
        if self.is_empty() {
            *self = Self::default();
        } else if self.entries.capacity() > SMALL && self.len() < self.entries.capacity() / 4 {
            self.entries.shrink_to(self.len() * 2);
            let entries = &self.entries;
            self.positions.shrink_to(entries.len() * 2, |position| {
                entries[*position as usize].hash
            });
        }
    }
}
