//! What a list asks of a listpack besides: to be read from either end, to be changed in the middle,
//! to be cut in two and joined again.

use super::{Element, HEADER, Listpack, UNCOUNTED, encode};

impl Listpack {
    /// Takes bytes that were a listpack here before.
    pub fn own(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The position after the last element.
    pub fn end(&self) -> usize {
        self.0.len() - 1
    }

    /// The position of the element before this position; `None` before the first (`lpPrev`). The
    /// length at the end of an element leads back to its beginning.
    pub fn before(&self, position: usize) -> Option<usize> {
        let (mut size, mut shift, mut offset) = (0, 0, position);
        loop {
            offset = offset.checked_sub(1).filter(|it| *it >= HEADER)?;
            let byte = *self.0.get(offset)?;
            size |= usize::from(byte & 0x7F).checked_shl(shift)?;
            shift += 7;
            if byte & 0x80 == 0 {
                return offset.checked_sub(size).filter(|it| *it >= HEADER);
            }
        }
    }

    /// The position of the element with this index in a list of `len` elements, from the nearer
    /// end (`lpSeek`). It is the end for `len` itself.
    pub fn seek(&self, index: usize, len: usize) -> usize {
        let next = |position| self.at(position).map(|(_, next)| next);
        let (from, steps) = match index <= len / 2 {
            true => (self.start(), index),
            false => (self.end(), len - index),
        };
        let step = |position: Option<usize>, _| match index <= len / 2 {
            true => position.and_then(next),
            false => position.and_then(|it| self.before(it)),
        };
        (0..steps).fold(Some(from), step).unwrap_or(self.end())
    }

    /// Puts an element before the one at this position (`lpInsert`).
    pub fn insert(&mut self, position: usize, text: &[u8]) {
        self.splice(position..position, &encode(text));
        self.recount(1);
    }

    /// Moves the elements in this range to before this position, which is not inside of it. Returns
    /// where they are then.
    #[cfg(feature = "sorted-sets")]
    pub fn relocate(
        &mut self,
        elements: std::ops::Range<usize>,
        position: usize,
    ) -> std::ops::Range<usize> {
        let size = elements.len();
        match position <= elements.start {
            true => {
                self.0[position..elements.end].rotate_right(size);
                position..position + size
            }
            false => {
                self.0[elements.start..position].rotate_left(size);
                position - size..position
            }
        }
    }

    /// Cuts it in two at a position that has so many elements before it and after it, and returns
    /// the second part. The first gives back memory that it does not need any more.
    pub fn split_off(&mut self, position: usize, before: usize, after: usize) -> Self {
        let end = self.end();
        let mut rest = Self::default();
        rest.splice(HEADER..HEADER, &self.0[position..end]);
        rest.count_as(after);
        self.splice(position..end, &[]);
        self.count_as(before);
        self.tighten();
        rest
    }

    /// Appends all elements of another list, after which there are `len` (`lpMerge`).
    pub fn append(&mut self, other: &Self, len: usize) {
        let end = self.end();
        self.splice(end..end, &other.0[HEADER..other.end()]);
        self.count_as(len);
    }

    fn count_as(&mut self, len: usize) {
        let count = u16::try_from(len).unwrap_or(UNCOUNTED);
        self.0[4..HEADER].copy_from_slice(&count.to_le_bytes());
    }

    /// Gives back memory after a removal, when less than half of it is in use.
    pub fn tighten(&mut self) {
        if self.0.capacity() > 2 * self.0.len() {
            self.0.shrink_to_fit();
        }
    }

    /// The elements from this position on, backwards from the one before it if `is_reversed`.
    pub fn walk(&self, from: usize, is_reversed: bool) -> impl Iterator<Item = Element<'_>> {
        let mut position = from;
        std::iter::from_fn(move || {
            if is_reversed {
                position = self.before(position)?;
                return self.at(position).map(|(element, _)| element);
            }
            let (element, next) = self.at(position)?;
            position = next;
            Some(element)
        })
    }
}

#[cfg(test)]
#[path = "ends_tests.rs"]
mod tests;
