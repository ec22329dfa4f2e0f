//! The forms in which older versions of Redis wrote small collections. They are read, and
//! become listpacks.

use crate::objects::{Listpack, listpack};

/// What a list of either form ends with.
const END: u8 = 0xFF;

/// Takes bytes from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(front)
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// A number of so many bytes, in digits.
    fn integer(&mut self, size: usize) -> Option<Vec<u8>> {
        let mut wide = [0; 8];
        wide[8 - size..].copy_from_slice(self.take(size)?);
        let number = i64::from_le_bytes(wide) >> (64 - 8 * size);
        Some(number.to_string().into_bytes())
    }
}

fn push(list: &mut Listpack, text: &[u8]) -> Option<()> {
    let fits = list.as_bytes().len() + text.len() < listpack::MAX_SIZE;
    fits.then(|| list.push(text))
}

/// Reads a ziplist, which Redis wrote until 6.2 (`ziplist.c`). `None` if it is damaged.
///
/// ```text
/// <size of all: 4 bytes> <offset of the last element: 4> <number of elements: 2>
/// <size of the previous element: 1 byte, or fe and 4> <encoding, length> <bytes>   …
/// ff
/// ```
pub fn ziplist(bytes: &[u8]) -> Option<Listpack> {
    let mut reader = Reader(bytes);
    let size = u32::from_le_bytes(reader.array()?) as usize;
    let last = u32::from_le_bytes(reader.array()?) as usize;
    let count = u16::from_le_bytes(reader.array()?);
    let mut list = Listpack::default();
    let (mut previous, mut offset) = (0, bytes.len() - reader.0.len());
    while *reader.0.first()? != END {
        let start = bytes.len() - reader.0.len();
        let claimed = match reader.byte()? {
            0xFE => u32::from_le_bytes(reader.array()?) as usize,
            short => short.into(),
        };
        if claimed != previous {
            return None;
        }
        push(&mut list, &ziplist_element(&mut reader)?)?;
        (offset, previous) = (start, bytes.len() - reader.0.len() - start);
    }
    let is_counted = count == u16::MAX || usize::from(count) == list.len();
    let is_whole = size == bytes.len() && reader.0.len() == 1 && last == offset;
    (is_whole && is_counted).then_some(list)
}

fn ziplist_element(reader: &mut Reader<'_>) -> Option<Vec<u8>> {
    let first = reader.byte()?;
    let low = first & 0x3F;
    let length = match first {
        0..0x40 => low.into(),
        0x40..0x80 => u16::from_be_bytes([low, reader.byte()?]).into(),
        0x80 => u32::from_be_bytes(reader.array()?) as usize,
        0xC0 => return reader.integer(2),
        0xD0 => return reader.integer(4),
        0xE0 => return reader.integer(8),
        0xF0 => return reader.integer(3),
        0xFE => return reader.integer(1),
        // The number is in the byte itself.
        0xF1..0xFE => return Some((first - 0xF1).to_string().into_bytes()),
        _ => return None,
    };
    Some(reader.take(length)?.to_vec())
}

/// Reads a zipmap, which Redis wrote until 2.4 (`zipmap.c`). Returns the length of its longest
/// string, too. `None` if it is damaged.
///
/// ```text
/// <number of fields, 254: count them>
/// <length> <field> <length> <number of free bytes> <value> <free bytes>   …
/// ff
/// ```
pub fn zipmap(bytes: &[u8]) -> Option<(Listpack, usize)> {
    let mut reader = Reader(bytes);
    let count = reader.byte()?;
    let mut list = Listpack::default();
    let mut longest = 0;
    while *reader.0.first()? != END {
        let length = zipmap_length(&mut reader)?;
        push(&mut list, reader.take(length)?)?;
        let value = zipmap_length(&mut reader)?;
        let free = reader.byte()?;
        push(&mut list, reader.take(value)?)?;
        reader.take(free.into())?;
        longest = longest.max(length).max(value);
    }
    let is_counted = count >= 254 || usize::from(count) == list.len() / 2;
    (reader.0.len() == 1 && is_counted).then_some((list, longest))
}

fn zipmap_length(reader: &mut Reader<'_>) -> Option<usize> {
    Some(match reader.byte()? {
        254 => u32::from_le_bytes(reader.array()?) as usize,
        END => return None,
        short => short.into(),
    })
}
