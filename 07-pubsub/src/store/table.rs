//! A hash table whose entries have numbers.
//!
//! The entries lie in a vector, one after the other. The slots, a second vector, say where the
//! entry of a key is: the search begins at the slot to which the hash of the key points, and goes
//! on to the next one until it finds the key or an empty slot (linear probing).
//!
//! [`IndexMap`] is much the same. This one is told the hash of every key, because the store has
//! computed it to find the segment. A slot takes four bytes, and sixteen of them lie in one cache
//! line, so that a lookup waits for memory twice: for the slot and for the entry. And the vector of
//! entries grows by a quarter or less instead of doubling, because a table that is one of thousands
//! is small enough to be moved. The store's speed and its memory per key depend on that.
//!
//! [`IndexMap`]: https://docs.rs/indexmap

use super::Bytes;

/// Below this many entries a table is too small for shrinking to be worth it.
const SMALL: usize = 8;

/// A hash table from keys to values of type `V`.
#[derive(Debug, Clone)]
pub struct Table<V> {
    /// None or a power of two; at most three quarters are in use.
    slots: Vec<Slot>,
    entries: Vec<Entry<V>>,
}

/// With short keys and values inside, it is 64 bytes, which is one cache line. Four of them
/// are free.
#[derive(Debug, Clone)]
struct Entry<V> {
    hash: u32,
    key: Bytes,
    value: V,
}

/// Where an entry is: its number plus one in the lower 24 bits, and above them 8 bits of its hash,
/// so that the wrong entry is hardly ever looked at. A slot that is 0 is empty.
///
/// 24 bits are enough for 16 million entries in each of thousands of tables, more than fit into
/// memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot(u32);

impl Slot {
    const EMPTY: Self = Self(0);
    const TAG: u32 = 0xff00_0000;

    fn new(hash: u32, position: usize) -> Self {
        Self(Self::tag(hash) | (position as u32 + 1))
    }

    /// The highest bits: the lowest ones say which slot it is.
    fn tag(hash: u32) -> u32 {
        hash & Self::TAG
    }

    fn tag_matches(self, hash: u32) -> bool {
        self.0 & Self::TAG == Self::tag(hash)
    }

    fn position(self) -> usize {
        (self.0 & !Self::TAG) as usize - 1
    }
}

/// By how many entries a full table of `len` grows: to the next of 8, 10, 12, 14, 16, 20, 24, 28 …
/// The allocator has pieces of these sizes, so anything in between would take as much memory.
fn growth(len: usize) -> usize {
    match len {
        0..8 => 1,
        _ => {
            let step = 1 << (len.ilog2() - 2);
            step - len % step
        }
    }
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
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

    /// Looks at the slot where the search for a hash begins, so that it is in the cache
    /// when the search comes.
    pub fn prefetch(&self, hash: u32) {
        let home = hash as usize & self.slots.len().wrapping_sub(1);
        std::hint::black_box(self.slots.get(home).copied());
    }

    /// Looks at the entry, and at its key, that a hash leads to; most likely it is the right one.
    pub fn prefetch_entry(&self, hash: u32) {
        if let Some(number) = self.find(hash, |_| true) {
            let entry = &self.entries[self.slots[number].position()];
            std::hint::black_box(entry.key.first());
        }
    }

    /// The number of the slot that leads to `key`.
    fn slot(&self, hash: u32, key: &[u8]) -> Option<usize> {
        self.find(hash, |entry| *entry.key == *key)
    }

    /// The number of the first slot for a hash that leads to an entry that `is_wanted`.
    fn find(&self, hash: u32, is_wanted: impl Fn(&Entry<V>) -> bool) -> Option<usize> {
        let last = self.slots.len().checked_sub(1)?;
        let mut number = hash as usize & last;
        loop {
            let slot = self.slots[number];
            if slot == Slot::EMPTY {
                return None;
            }
            if slot.tag_matches(hash) && is_wanted(&self.entries[slot.position()]) {
                return Some(number);
            }
            number = (number + 1) & last;
        }
    }

    fn position(&self, hash: u32, key: &[u8]) -> Option<usize> {
        let number = self.slot(hash, key)?;
        Some(self.slots[number].position())
    }

    pub fn get(&self, hash: u32, key: &[u8]) -> Option<&V> {
        let position = self.position(hash, key)?;
        Some(&self.entries[position].value)
    }

    pub fn get_mut(&mut self, hash: u32, key: &[u8]) -> Option<&mut V> {
        let position = self.position(hash, key)?;
        Some(&mut self.entries[position].value)
    }

    /// The entry with this number.
    pub fn nth(&self, position: usize) -> Option<(&[u8], &V)> {
        let entry = self.entries.get(position)?;
        Some((&entry.key, &entry.value))
    }

    /// All entries with their hashes, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &[u8], &V)> {
        let entries = self.entries.iter();
        entries.map(|entry| (entry.hash, entry.key.as_slice(), &entry.value))
    }

    /// Makes room for so many more entries.
    pub fn reserve(&mut self, more: usize) {
        self.entries.reserve_exact(more);
        let slots = slots_for(self.len() + more);
        if slots > self.slots.len() {
            self.rehash(slots);
        }
    }

    /// Gives `key` a value, whatever it had before. True if it had none.
    pub fn insert(&mut self, hash: u32, key: &[u8], value: V) -> bool {
        if let Some(old) = self.get_mut(hash, key) {
            *old = value;
            return false;
        }
        let len = self.len();
        if len == self.entries.capacity() {
            self.entries.reserve_exact(growth(len));
        }
        if len >= self.slots.len() / 4 * 3 {
            self.rehash(slots_for(len + 1));
        }
        occupy(&mut self.slots, hash, len);
        self.entries.push(Entry {
            hash,
            key: Bytes::from_slice(key),
            value,
        });
        true
    }

    /// Removes `key` and returns its value. The last entry gets its number.
    pub fn remove(&mut self, hash: u32, key: &[u8]) -> Option<V> {
        let number = self.slot(hash, key)?;
        let position = self.slots[number].position();
        self.vacate(number);
        let removed = self.entries.swap_remove(position);
        if let Some(moved) = self.entries.get(position) {
            let old = Slot::new(moved.hash, self.entries.len());
            let number = seek(&self.slots, moved.hash, old);
            self.slots[number] = Slot::new(moved.hash, position);
        }
        self.shrink();
        Some(removed.value)
    }

    /// Empties a slot. A search ends at an empty slot, so the slots after it that a search reaches
    /// through this one move up.
    fn vacate(&mut self, mut empty: usize) {
        let last = self.slots.len() - 1;
        let mut number = empty;
        loop {
            number = (number + 1) & last;
            let slot = self.slots[number];
            if slot == Slot::EMPTY {
                break;
            }
            let home = self.entries[slot.position()].hash as usize;
            let from_home = number.wrapping_sub(home) & last;
            let from_empty = number.wrapping_sub(empty) & last;
            if from_home >= from_empty {
                self.slots[empty] = slot;
                empty = number;
            }
        }
        self.slots[empty] = Slot::EMPTY;
    }

    /// Frees memory when three quarters of the table are empty, and all of it when the table is
    /// empty.
    fn shrink(&mut self) {
        if self.is_empty() {
            *self = Self::default();
        } else if self.entries.capacity() > SMALL && self.len() < self.entries.capacity() / 4 {
            self.entries.shrink_to(self.len() * 2);
            self.rehash(slots_for(self.len() * 2));
        }
    }

    /// Replaces the slots by this many.
    fn rehash(&mut self, slots: usize) {
        // The old ones go first: memory is not needed twice.
        self.slots = Vec::new();
        self.slots = vec![Slot::EMPTY; slots];
        for (position, entry) in self.entries.iter().enumerate() {
            occupy(&mut self.slots, entry.hash, position);
        }
    }
}

/// How many slots so many entries need.
fn slots_for(entries: usize) -> usize {
    (entries + entries.div_ceil(3)).next_power_of_two().max(4)
}

/// Makes the first empty slot for `hash` point to an entry. There must be an empty one.
fn occupy(slots: &mut [Slot], hash: u32, position: usize) {
    let number = seek(slots, hash, Slot::EMPTY);
    slots[number] = Slot::new(hash, position);
}

/// The number of the first slot for `hash` that equals `wanted`. There must be one.
fn seek(slots: &[Slot], hash: u32, wanted: Slot) -> usize {
    let last = slots.len() - 1;
    let mut number = hash as usize & last;
    while slots[number] != wanted {
        number = (number + 1) & last;
    }
    number
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
