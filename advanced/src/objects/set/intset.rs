//! The intset: a sorted array of numbers, all of the same width (`intset.c` in Redis).
//!
//! It is also, byte for byte, what an RDB file has in it. `{5, -1, 300}` is
//!
//! ```text
//! 02 00 00 00   each number takes two bytes (4 or 8 in other sets)
//! 03 00 00 00   how many numbers there are
//! ff ff         -1, the lowest byte first, as everything here
//! 05 00         5
//! 2c 01         300
//! ```
//!
//! A number takes two bytes here, and about 35 in a table. It is found by bisection. To insert one
//! is to move all greater ones, so an intset must stay small.
//!
//! When a number comes that needs more bytes than the others, the set is *upgraded*: all numbers
//! get the greater width. Such a number is greater than all others, or less than all, so it
//! belongs at one of the ends, and nothing has to be searched. An intset is never made narrower.

use std::cmp::Ordering;
use std::ops::Range;

/// The width and the number of numbers.
const HEADER: usize = 8;

/// Numbers without duplicates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intset(Vec<u8>);

impl Default for Intset {
    fn default() -> Self {
        Self::with_capacity(2, 0)
    }
}

/// How many bytes a number needs (`_intsetValueEncoding`).
fn width_of(number: i64) -> usize {
    match number {
        -0x8000..0x8000 => 2,
        -0x8000_0000..0x8000_0000 => 4,
        _ => 8,
    }
}

impl Intset {
    /// An empty set whose numbers take `width` bytes, with room for `count` of them.
    fn with_capacity(width: usize, count: usize) -> Self {
        let mut bytes = Vec::with_capacity(HEADER + count * width);
        bytes.extend((width as u32).to_le_bytes());
        bytes.extend(0u32.to_le_bytes());
        Self(bytes)
    }

    /// Takes bytes from outside. `None` if they are not an intset with at least one number
    /// (`intsetValidateIntegrity`).
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let width = u32::from_le_bytes(*bytes.first_chunk()?) as usize;
        let count = u32::from_le_bytes(*bytes.get(4..)?.first_chunk()?) as usize;
        let is_whole = matches!(width, 2 | 4 | 8) && bytes.len() == HEADER + count * width;
        let set = is_whole.then(|| Self(bytes.to_vec()))?;
        (count > 0 && set.iter().is_sorted_by(|left, right| left < right)).then_some(set)
    }

    /// What an RDB file has in it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes each number takes: 2, 4 or 8.
    fn width(&self) -> usize {
        self.0[0].into()
    }

    pub fn len(&self) -> usize {
        (self.0.len() - HEADER) / self.width()
    }

    /// Where the number at this index lies.
    fn range(&self, index: usize) -> Range<usize> {
        let start = HEADER + index * self.width();
        start..start + self.width()
    }

    /// The number at this index, which must be less than the length. They are in order.
    pub fn at(&self, index: usize) -> i64 {
        let start = HEADER + index * self.width();
        let bytes = &self.0[start..];
        match self.width() {
            2 => bytes
                .first_chunk()
                .map_or(0, |it| i16::from_le_bytes(*it).into()),
            4 => bytes
                .first_chunk()
                .map_or(0, |it| i32::from_le_bytes(*it).into()),
            _ => bytes.first_chunk().map_or(0, |it| i64::from_le_bytes(*it)),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = i64> {
        (0..self.len()).map(|index| self.at(index))
    }

    /// The index of a number or, as an error, the index at which it belongs (`intsetSearch`).
    pub fn find(&self, number: i64) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        // Numbers often come in order.
        if high > 0 && number > self.at(high - 1) {
            return Err(high);
        }
        while low < high {
            let middle = low.midpoint(high);
            match self.at(middle).cmp(&number) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return Ok(middle),
                Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// Adds a number. True if it was not there (`intsetAdd`).
    pub fn insert(&mut self, number: i64) -> bool {
        let width = self.width();
        if width_of(number) > width {
            self.upgrade(number);
            return true;
        }
        let Err(index) = self.find(number) else {
            return false;
        };
        let at = self.range(index).start;
        // Not twice the size, as a Vec grows: memory counts more here than time.
        self.0.reserve_exact(width);
        self.0
            .splice(at..at, number.to_le_bytes().into_iter().take(width));
        self.recount();
        true
    }

    /// Gives all numbers the width of `number`, and adds it (`intsetUpgradeAndAdd`).
    fn upgrade(&mut self, number: i64) {
        let width = width_of(number);
        let mut wide = Self::with_capacity(width, self.len() + 1);
        // It is beyond all others, so its sign says at which end.
        let first = Some(number).filter(|it| *it < 0);
        let last = Some(number).filter(|it| *it >= 0);
        for number in first.into_iter().chain(self.iter()).chain(last) {
            wide.0.extend_from_slice(&number.to_le_bytes()[..width]);
        }
        wide.recount();
        *self = wide;
    }

    /// True if the number was there (`intsetRemove`).
    pub fn remove(&mut self, number: i64) -> bool {
        let Ok(index) = self.find(number) else {
            return false;
        };
        self.0.drain(self.range(index));
        self.0.shrink_to_fit();
        self.recount();
        true
    }

    /// Writes how many numbers there are where the format has it.
    fn recount(&mut self) {
        let count = self.len() as u32;
        self.0[4..HEADER].copy_from_slice(&count.to_le_bytes());
    }
}

#[cfg(test)]
#[path = "intset_tests.rs"]
mod tests;
