//! The listpack: a list of strings in one piece of memory (`listpack.c` in Redis).
//!
//! It is also, byte for byte, what an RDB file has in it, so a small collection is saved and
//! loaded without being looked at element by element. `["name", "Marie", "age", "66"]` is
//!
//! ```text
//! 1c 00 00 00              the size of all, in bytes: 28
//! 04 00                    how many elements: 4 (65,535: too many for two bytes, count them)
//! 84 "name"   05           a string of 4 bytes; this element took 5
//! 85 "Marie"  06
//! 83 "age"    04
//! 42          01           the number 66, in one byte
//! ff                       the end
//! ```
//!
//! An element begins with what it is, and ends with how long it was, so that the list can be
//! read backwards too. Its first byte says how the rest is encoded:
//!
//! ```text
//! 0xxxxxxx                      a number from 0 to 127
//! 10llllll  <bytes>             a string of up to 63 bytes
//! 110xxxxx  xxxxxxxx            a number of 13 bits
//! 1110llll  llllllll  <bytes>   a string of up to 4,095 bytes
//! f0  <4 bytes>  <bytes>        a longer string
//! f1  f2  f3  f4                a number of 16, 24, 32 or 64 bits follows
//! ```
//!
//! The older ziplist kept the length of the *previous* element. When one grew past 253 bytes,
//! so did the length in the next, which could then outgrow its own field, and so on: one write
//! moved the whole list many times. Here an element is changed without a look at any other.
//!
//! A listpack that comes from outside is read whole before it is used ([`Listpack::parse`]);
//! after that every offset that an element leads to is known to be inside. Where the code still
//! uses `get`, it is so that a mistake of ours would be an end of the list and not a panic.

#[cfg(feature = "lists")]
mod ends;

use std::ops::Range;

use smallvec::SmallVec;

use crate::resp::parse_integer;
use crate::util::allocation::allocated;

/// The size of all and the number of elements.
const HEADER: usize = 6;
const END: u8 = 0xFF;

/// The number of elements is not in the header, because it has no room for it.
const UNCOUNTED: u16 = u16::MAX;

/// No listpack grows to more bytes than this (`LISTPACK_MAX_SAFETY_LIMIT`).
pub const MAX_SIZE: usize = 1 << 30;

/// An entry before it is put into a list: an element and its length.
type Entry = SmallVec<[u8; 80]>;

/// One element. A string that is a number is kept as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Element<'a> {
    Text(&'a [u8]),
    Integer(i64),
}

impl<'a> Element<'a> {
    /// The string itself. `digits` is where a number is spelled out.
    pub fn bytes<'b>(self, digits: &'b mut itoa::Buffer) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Self::Text(bytes) => bytes,
            Self::Integer(number) => digits.format(number).as_bytes(),
        }
    }

    /// The same string, as a number if it is one. In a list from outside it need not be.
    pub fn number(self) -> Self {
        match self {
            Self::Text(bytes) => parse_integer(bytes).map_or(self, Self::Integer),
            number => number,
        }
    }
}

/// A list of strings. Positions are offsets in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listpack(Vec<u8>);

impl Default for Listpack {
    fn default() -> Self {
        Self(vec![HEADER as u8 + 1, 0, 0, 0, 0, 0, END])
    }
}

impl Listpack {
    /// Takes bytes from outside. `None` if they are not a listpack from end to end
    /// (`lpValidateIntegrity`).
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let total = u32::from_le_bytes(*bytes.first_chunk()?);
        let count = u16::from_le_bytes([*bytes.get(4)?, *bytes.get(5)?]);
        if total as usize != bytes.len() {
            return None;
        }
        let (mut offset, mut found) = (HEADER, 0);
        while *bytes.get(offset)? != END {
            let (_, size) = decode(&bytes[offset..])?;
            let mut backlen = Entry::new();
            put_backlen(&mut backlen, size);
            offset += size;
            if !bytes.get(offset..)?.starts_with(&backlen) {
                return None;
            }
            offset += backlen.len();
            found += 1;
        }
        let is_whole = offset + 1 == bytes.len();
        let is_counted = count == UNCOUNTED || usize::from(count) == found;
        (is_whole && is_counted).then(|| Self(bytes.to_vec()))
    }

    /// What an RDB file has in it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// How many bytes of memory it takes outside of itself, about.
    pub fn memory(&self) -> usize {
        allocated(self.0.capacity())
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        match self.count() {
            UNCOUNTED => self.iter().count(),
            count => count.into(),
        }
    }

    fn count(&self) -> u16 {
        u16::from_le_bytes([self.0[4], self.0[5]])
    }

    /// The first position.
    pub fn start(&self) -> usize {
        HEADER
    }

    /// The element at this position, and the position of the next; `None` at the end.
    #[inline]
    pub fn at(&self, position: usize) -> Option<(Element<'_>, usize)> {
        let (element, size) = decode(self.0.get(position..)?)?;
        Some((element, position + size + backlen_size(size)))
    }

    pub fn iter(&self) -> impl Iterator<Item = Element<'_>> {
        let mut position = self.start();
        std::iter::from_fn(move || {
            let (element, next) = self.at(position)?;
            position = next;
            Some(element)
        })
    }

    /// The position of the first element that is `text`, if only every `step`-th is looked at
    /// (`lpFind`). Returns the position after it, too.
    pub fn find(&self, text: &[u8], step: usize) -> Option<Range<usize>> {
        self.search(text, step).map(|(_, found)| found)
    }

    /// The same, and how many elements that were looked at are before it.
    pub fn search(&self, text: &[u8], step: usize) -> Option<(usize, Range<usize>)> {
        let bytes = &*self.0;
        let number = parse_integer(text);
        // What a short string begins with says how long it is. Names that belong together often begin
        // alike, and differ at the end.
        let short = if text.len() < 64 {
            0x80 | text.len() as u8
        } else {
            END
        };
        let is_text = |it: &[u8]| it.last() == text.last() && it == text;
        let (mut position, mut index) = (self.start(), 0);
        loop {
            let (is_found, next) = match *bytes.get(position)? {
                first @ 0x80..0xC0 => {
                    let end = position + 1 + usize::from(first & 0x3F);
                    let is_found = first == short && is_text(bytes.get(position + 1..end)?);
                    (is_found, end + 1)
                }
                _ => {
                    let (element, next) = self.at(position)?;
                    let is_found = match element {
                        Element::Text(it) => it == text,
                        Element::Integer(value) => Some(value) == number,
                    };
                    (is_found, next)
                }
            };
            if is_found {
                return Some((index, position..next));
            }
            position = next;
            for _ in 1..step {
                position = after(bytes, position)?;
            }
            index += 1;
        }
    }

    /// Appends an element.
    pub fn push(&mut self, text: &[u8]) {
        let end = self.0.len() - 1;
        self.splice(end..end, &encode(text));
        self.recount(1);
    }

    /// Replaces the element in this range.
    pub fn replace(&mut self, element: Range<usize>, text: &[u8]) {
        self.splice(element, &encode(text));
    }

    /// Removes the elements in this range, which are so many.
    pub fn remove(&mut self, elements: Range<usize>, count: usize) {
        self.splice(elements, &[]);
        self.recount(-(count as isize));
    }

    /// Puts `new` in the place of the bytes in this range.
    fn splice(&mut self, old: Range<usize>, new: &[u8]) {
        let bytes = &mut self.0;
        let (length, end) = (bytes.len(), old.start + new.len());
        if new.len() > old.len() {
            let more = new.len() - old.len();
            // Not twice the size, as a Vec grows: memory counts more here than time.
            bytes.reserve_exact(more);
            bytes.resize(length + more, 0);
            bytes.copy_within(old.end..length, end);
        } else if new.len() < old.len() {
            bytes.copy_within(old.end..length, end);
            bytes.truncate(length - (old.end - end));
        }
        bytes[old.start..end].copy_from_slice(new);
        let total = bytes.len() as u32;
        bytes[..4].copy_from_slice(&total.to_le_bytes());
    }

    /// Changes the number of elements in the header. A list that was too long to be counted
    /// there stays so.
    fn recount(&mut self, more: isize) {
        let count = self.count();
        if count != UNCOUNTED {
            let count = (count as usize).saturating_add_signed(more);
            let count = u16::try_from(count).unwrap_or(UNCOUNTED);
            self.0[4..HEADER].copy_from_slice(&count.to_le_bytes());
        }
    }
}

/// The position of the element after the one at this position; `None` at the end. What is short is
/// passed without being read.
#[inline]
fn after(bytes: &[u8], position: usize) -> Option<usize> {
    let size = match *bytes.get(position)? {
        0..0x80 => 1,
        first @ 0x80..0xC0 => 1 + usize::from(first & 0x3F),
        _ => decode(&bytes[position..])?.1,
    };
    Some(position + size + backlen_size(size))
}

/// Reads the element that `bytes` begin with. Returns it and its size without its length at the
/// end; `None` if it is not whole or is the end of the list.
#[inline]
fn decode(bytes: &[u8]) -> Option<(Element<'_>, usize)> {
    let first = *bytes.first()?;
    let text = |header: usize, length: usize| {
        let end = header.checked_add(length)?;
        Some((Element::Text(bytes.get(header..end)?), end))
    };
    Some(match first {
        0..0x80 => (Element::Integer(first.into()), 1),
        0x80..0xC0 => text(1, (first & 0x3F).into())?,
        0xC0..0xE0 => {
            let number = u16::from_be_bytes([first & 0x1F, *bytes.get(1)?]);
            // The highest of the 13 bits is the sign.
            (Element::Integer(((number << 3) as i16 >> 3).into()), 2)
        }
        0xE0..0xF0 => {
            let length = u16::from_be_bytes([first & 0x0F, *bytes.get(1)?]);
            text(2, length.into())?
        }
        0xF0 => text(5, u32::from_le_bytes(*bytes[1..].first_chunk()?) as usize)?,
        0xF1 => integer(bytes, 2)?,
        0xF2 => integer(bytes, 3)?,
        0xF3 => integer(bytes, 4)?,
        0xF4 => integer(bytes, 8)?,
        _ => return None,
    })
}

/// A number of so many bytes after the first byte of its element.
fn integer(bytes: &[u8], size: usize) -> Option<(Element<'_>, usize)> {
    let mut wide = [0; 8];
    wide[8 - size..].copy_from_slice(bytes.get(1..=size)?);
    // The bytes stand at the top, so that the shift brings the sign down with them.
    let number = i64::from_le_bytes(wide) >> (64 - 8 * size);
    Some((Element::Integer(number), 1 + size))
}

/// Encodes an element in the shortest way.
fn encode(text: &[u8]) -> Entry {
    let mut entry = Entry::new();
    match parse_integer(text) {
        Some(number) => put_integer(&mut entry, number),
        None => put_text(&mut entry, text),
    }
    let size = entry.len();
    put_backlen(&mut entry, size);
    entry
}

fn put_integer(entry: &mut Entry, number: i64) {
    let bytes = number.to_le_bytes();
    match number {
        0..0x80 => entry.push(bytes[0]),
        -0x1000..0x1000 => entry.extend([0xC0 | (bytes[1] & 0x1F), bytes[0]]),
        -0x8000..0x8000 => put(entry, 0xF1, &bytes[..2]),
        -0x80_0000..0x80_0000 => put(entry, 0xF2, &bytes[..3]),
        -0x8000_0000..0x8000_0000 => put(entry, 0xF3, &bytes[..4]),
        _ => put(entry, 0xF4, &bytes),
    }
}

fn put_text(entry: &mut Entry, text: &[u8]) {
    let length = text.len() as u32;
    match length {
        0..64 => entry.push(0x80 | length as u8),
        64..4096 => entry.extend([0xE0 | (length >> 8) as u8, length as u8]),
        _ => put(entry, 0xF0, &length.to_le_bytes()),
    }
    entry.extend_from_slice(text);
}

fn put(entry: &mut Entry, first: u8, rest: &[u8]) {
    entry.push(first);
    entry.extend_from_slice(rest);
}

/// How many bytes the length of an element of this size takes. (In Redis the bounds are one
/// less than seven bits would allow, except for the first.)
fn backlen_size(size: usize) -> usize {
    match size {
        0..128 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    }
}

/// Writes the length of an element for who reads backwards: seven bits a byte, the lowest last,
/// and the highest bit of a byte says that there are more before it.
fn put_backlen(entry: &mut Entry, size: usize) {
    let bytes = backlen_size(size);
    for number in (0..bytes).rev() {
        let more = if number + 1 < bytes { 0x80 } else { 0 };
        entry.push((size >> (7 * number)) as u8 & 0x7F | more);
    }
}

#[cfg(test)]
#[path = "listpack_tests.rs"]
mod tests;
