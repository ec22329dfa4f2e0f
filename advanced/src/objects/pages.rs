//! A table for large collections, in pages.
//!
//! One hash table does not do for a hash of millions of fields: whoever adds the field with
//! which it has to grow waits until all of it is moved, and a snapshot of it is a copy of all.
//! (Redis has two tables while one grows, and moves a bucket with each command; its snapshots
//! are made by `fork`.) So this table is a list of pages of about [`LOAD`] records, and it grows
//! by *linear hashing*: whenever there are more records than the pages should hold, one more page
//! is appended, and one that was there, the next in turn, is divided between the two. No write
//! ever moves more than one page.
//!
//! Which page a key is in, the lowest bits of its hash say:
//!
//! ```text
//! 5 pages: bits 000 001 010 011 100   pages 0 and 4 were divided, 1 to 3 are still to be
//!          101 110 111                have no page yet; they are in 001 010 011
//! ```
//!
//! In a page the records are sorted by sixteen other bits of their hashes, the tags. A search
//! goes through the tags only, which are a few cache lines, and then looks at one key. To insert
//! is to move what comes after, some hundred bytes; there is nothing to rehash and no gap.
//!
//! The pages lie behind `Arc`s, as the segments of the store do. A copy of the table shares
//! them; whoever changes a page that a snapshot has too copies that page first.

use std::sync::{Arc, LazyLock};

use ahash::RandomState;

use super::Record;
use crate::util::copies;

/// How many records a page holds on average when the next page is added. Larger pages are copied
/// and divided more slowly; with smaller ones the list of them takes longer to copy.
const LOAD: usize = 128;

/// Pages are merged when they hold this many on average.
const MIN_LOAD: usize = LOAD / 4;

/// The tag is made of the highest bits of a hash, the number of the page of the lowest.
const TAG_SHIFT: u32 = 48;

/// Nobody can prepare keys that all fall into one page.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::default);

/// How many pages there are in one piece of the list.
const PIECE: usize = 64;

/// A table of records.
#[derive(Debug, Clone)]
pub struct Pages<R> {
    /// At least one.
    pages: List<R>,
    len: usize,
}

/// The list of the pages. It lies in pieces behind `Arc`s in its turn, so that a copy takes
/// microseconds, however many pages there are.
#[derive(Debug, Clone)]
struct List<R> {
    /// All but the last are full, and none is empty.
    pieces: Vec<Arc<Vec<Arc<Page<R>>>>>,
    len: usize,
}

/// The records of one page, and their tags, by which both are sorted.
#[derive(Debug, Clone)]
struct Page<R> {
    tags: Vec<u16>,
    records: Vec<R>,
}

impl<R> Default for Page<R> {
    fn default() -> Self {
        Self {
            tags: Vec::new(),
            records: Vec::new(),
        }
    }
}

fn hash(key: &[u8]) -> u64 {
    HASHER.hash_one(key)
}

fn tag(hash: u64) -> u16 {
    (hash >> TAG_SHIFT) as u16
}

impl<R: Record> Page<R> {
    /// How many bytes a copy of it takes.
    fn copied(&self) -> usize {
        let record = |it: &R| size_of::<(u16, R)>() + it.outside();
        self.records.iter().map(record).sum()
    }
}

impl<R: Record> List<R> {
    fn get(&self, number: usize) -> Option<&Arc<Page<R>>> {
        self.pieces.get(number / PIECE)?.get(number % PIECE)
    }

    /// The page, to be changed. If a snapshot has it too, it is copied first.
    fn page_mut(&mut self, number: usize) -> &mut Page<R> {
        let page = &mut piece_mut(&mut self.pieces[number / PIECE])[number % PIECE];
        copies::count(page, Page::copied);
        Arc::make_mut(page)
    }

    fn push(&mut self, page: Page<R>) {
        if self.len.is_multiple_of(PIECE) {
            self.pieces.push(Arc::default());
        }
        if let Some(last) = self.pieces.last_mut() {
            piece_mut(last).push(page.into());
            self.len += 1;
        }
    }

    fn pop(&mut self) -> Option<Arc<Page<R>>> {
        let page = piece_mut(self.pieces.last_mut()?).pop();
        self.len -= 1;
        if self.len.is_multiple_of(PIECE) {
            self.pieces.pop();
        }
        page
    }

    fn iter(&self) -> impl Iterator<Item = &Arc<Page<R>>> {
        self.pieces.iter().flat_map(|piece| piece.iter())
    }
}

/// The piece of a list, to be changed. If a snapshot has it too, it is copied first.
fn piece_mut<T: Clone>(piece: &mut Arc<Vec<T>>) -> &mut Vec<T> {
    copies::count(piece, |it| size_of_val(it.as_slice()));
    Arc::make_mut(piece)
}

impl<R: Record> std::ops::Index<usize> for List<R> {
    type Output = Page<R>;

    fn index(&self, number: usize) -> &Page<R> {
        &self.pieces[number / PIECE][number % PIECE]
    }
}

impl<R: Record> Page<R> {
    /// The position of the first tag that is not less than this one. Hashes are spread evenly, so
    /// it is near the place that the tag has in proportion, most often in the same cache line.
    fn first(&self, tag: u16) -> usize {
        let mut position = (usize::from(tag) * self.tags.len()) >> u16::BITS;
        while position > 0 && self.tags[position - 1] >= tag {
            position -= 1;
        }
        while self.tags.get(position).is_some_and(|it| *it < tag) {
            position += 1;
        }
        position
    }

    /// Where `key` is, or as an error where it belongs.
    fn find(&self, tag: u16, key: &[u8]) -> Result<usize, usize> {
        let mut position = self.first(tag);
        while self.tags.get(position) == Some(&tag) {
            if self.records[position].key() == key {
                return Ok(position);
            }
            position += 1;
        }
        Err(position)
    }

    fn insert(&mut self, position: usize, tag: u16, record: R) {
        if self.records.len() == self.records.capacity() {
            // Not twice the size: pages are small, and there are many of them.
            let more = 1 + self.records.len() / 8;
            self.tags.reserve_exact(more);
            self.records.reserve_exact(more);
        }
        self.tags.insert(position, tag);
        self.records.insert(position, record);
    }

    fn remove(&mut self, position: usize) -> R {
        self.tags.remove(position);
        self.records.remove(position)
    }

    /// Moves the records with this bit in their hash to a page of their own.
    fn divide(&mut self, bit: u64) -> Self {
        let mut other = Self::default();
        let mut rest = Self::default();
        for (tag, record) in self.tags.drain(..).zip(self.records.drain(..)) {
            let page = match hash(record.key()) & bit {
                0 => &mut rest,
                _ => &mut other,
            };
            page.tags.push(tag);
            page.records.push(record);
        }
        rest.shrink();
        other.shrink();
        *self = rest;
        other
    }

    /// Takes the records of another page.
    fn merge(&mut self, other: Self) {
        for (tag, record) in other.tags.into_iter().zip(other.records) {
            let position = self.first(tag);
            self.insert(position, tag, record);
        }
    }

    fn shrink(&mut self) {
        self.tags.shrink_to_fit();
        self.records.shrink_to_fit();
    }
}

impl<R: Record> Default for Pages<R> {
    fn default() -> Self {
        let pages = List {
            pieces: vec![vec![Arc::default()].into()],
            len: 1,
        };
        Self { pages, len: 0 }
    }
}

impl<R: Record> Pages<R> {
    pub fn len(&self) -> usize {
        self.len
    }

    /// One less than the number of pages there would be if all were divided in this round.
    fn mask(&self) -> usize {
        self.pages.len.next_power_of_two() - 1
    }

    /// The number of the page for a hash.
    fn page_of(&self, hash: u64) -> usize {
        let number = hash as usize & self.mask();
        match number < self.pages.len {
            true => number,
            // That page is not there yet.
            false => number & (self.mask() >> 1),
        }
    }

    pub fn get(&self, key: &[u8]) -> Option<&R> {
        let hash = hash(key);
        let page = &self.pages[self.page_of(hash)];
        let position = page.find(tag(hash), key).ok()?;
        Some(&page.records[position])
    }

    /// Calls `update` with the record of this key or, if there is none, inserts what `create`
    /// returns. True if it was inserted.
    pub fn upsert(
        &mut self,
        key: &[u8],
        update: impl FnOnce(&mut R),
        create: impl FnOnce() -> R,
    ) -> bool {
        let hash = hash(key);
        let number = self.page_of(hash);
        let page = self.pages.page_mut(number);
        match page.find(tag(hash), key) {
            Ok(position) => {
                update(&mut page.records[position]);
                false
            }
            Err(position) => {
                page.insert(position, tag(hash), create());
                self.len += 1;
                if self.len > LOAD * self.pages.len {
                    self.grow();
                }
                true
            }
        }
    }

    pub fn remove(&mut self, key: &[u8]) -> Option<R> {
        let hash = hash(key);
        let number = self.page_of(hash);
        let position = self.pages[number].find(tag(hash), key).ok()?;
        let record = self.pages.page_mut(number).remove(position);
        self.len -= 1;
        if self.pages.len > 1 && self.len < MIN_LOAD * self.pages.len {
            self.shrink();
        }
        Some(record)
    }

    /// Appends a page, and divides the one whose records may belong there.
    fn grow(&mut self) {
        let new = self.pages.len;
        let bit = 1 << new.ilog2();
        let page = self.pages.page_mut(new - bit).divide(bit as u64);
        self.pages.push(page);
    }

    /// Undoes what [`grow`](Self::grow) did last.
    fn shrink(&mut self) {
        if let Some(page) = self.pages.pop() {
            let number = self.pages.len;
            copies::count(&page, Page::copied);
            let page = Arc::unwrap_or_clone(page);
            let bit = 1 << number.ilog2();
            self.pages.page_mut(number - bit).merge(page);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &R> {
        self.pages.iter().flat_map(|page| &page.records)
    }

    /// A record picked at random, each as likely as any other. A page is drawn, then a place in
    /// it; in a page with few records the place is often empty, and both are drawn again. `None`
    /// if there is no record.
    pub fn random(&self) -> Option<&R> {
        // Hardly any page holds as many as this. One that does is drawn a little too seldom.
        let places = match self.pages.len {
            1 => self.len,
            _ => 3 * LOAD,
        };
        if self.len == 0 {
            return None;
        }
        loop {
            let page = &self.pages[fastrand::usize(..self.pages.len)];
            let record = page.records.get(fastrand::usize(..places));
            if record.is_some() {
                return record;
            }
        }
    }

    /// How many bytes of memory it takes, about. `size` says what a record has outside of its
    /// page; so many of them are asked.
    pub fn size(&self, samples: usize, size: impl Fn(&R) -> usize) -> usize {
        let sizes = self.iter().take(samples).map(size);
        let (count, total) = sizes.fold((0, 0), |(count, total), size| (count + 1, total + size));
        let places: usize = self.pages.iter().map(|page| page.records.capacity()).sum();
        let pages = self.pages.len * (size_of::<Page<R>>() + size_of::<Arc<Page<R>>>());
        pages + places * (size_of::<u16>() + size_of::<R>()) + total * self.len / count.max(1)
    }

    /// How the pages are filled, for DEBUG.
    pub fn statistics(&self) -> String {
        let lengths = self.pages.iter().map(|page| page.records.len());
        let (least, most) = lengths.fold((usize::MAX, 0), |(least, most), length| {
            (least.min(length), most.max(length))
        });
        let (pages, elements) = (self.pages.len, self.len);
        format!(
            "Pages of a table by linear hashing:\n table size: {pages}\n number of elements: \
             {elements}\n shortest page: {least}\n longest page: {most}\n"
        )
    }

    /// Calls `visit` with the records of some pages, at least `count` if there are so many, and
    /// returns the cursor for the next call; 0 begins, and 0 is the end (`dictScan`).
    ///
    /// Between two calls pages may be divided or merged. That is why the cursor is counted up
    /// from its *highest* bit. A page is visited together with those that it was or will be
    /// divided into, and when the mask gets a bit more, the pages that are done are exactly those
    /// that come from pages that were done. So a record that is there from the first call to the
    /// last is visited; it may be visited twice.
    pub fn scan<'a>(&'a self, cursor: u64, count: usize, mut visit: impl FnMut(&'a R)) -> u64 {
        // Whether a page of this round is divided or not, what it was before is visited whole.
        let mask = self.mask() >> 1;
        let mut cursor = cursor as usize;
        let mut visited = 0;
        loop {
            let first = cursor & mask;
            for number in [Some(first), first.checked_add(mask + 1)]
                .into_iter()
                .flatten()
            {
                if let Some(page) = self.pages.get(number) {
                    page.records.iter().for_each(&mut visit);
                    visited += page.records.len();
                }
            }
            cursor = (cursor | !mask).reverse_bits();
            cursor = cursor.wrapping_add(1).reverse_bits();
            if cursor == 0 || visited >= count {
                return cursor as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests;
