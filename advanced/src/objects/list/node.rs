//! A node of a list: a listpack with some of the elements, or one element that is too large for
//! that (`quicklistNode` in Redis).
//!
//! What is in it lies behind an `Arc`, so that a copy of the list shares it until it is changed.

use std::borrow::Cow;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use super::{Shape, Side};
use crate::objects::{Element, Listpack, Output};
use crate::util::allocation::allocated;
use crate::util::copies;

/// How many bytes a node may have, by `list-max-listpack-size` from -1 down
/// (`optimization_level`).
const LEVELS: [usize; 5] = [4 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10];

/// A node that may have so many elements has at most so many bytes (`SIZE_SAFETY_LIMIT`).
const SAFE: usize = 8192;

/// What an element takes besides its bytes, at most (`SIZE_ESTIMATE_OVERHEAD`).
const OVERHEAD: usize = 8;

/// Fewer bytes are not compressed, nor are those that it makes no shorter than this
/// (`MIN_COMPRESS_BYTES`, `MIN_COMPRESS_IMPROVE`).
const MIN_COMPRESSED: usize = 48;
const MIN_GAIN: usize = 8;

#[derive(Debug, Clone)]
pub struct Node {
    data: Data,
    /// How many elements there are.
    len: u32,
}

#[derive(Debug, Clone)]
enum Data {
    Packed(Arc<Listpack>),
    /// A listpack, compressed.
    Compressed(Arc<Compressed>),
    /// One element as it is.
    Plain(Arc<Vec<u8>>),
}

#[derive(Debug)]
struct Compressed {
    bytes: Vec<u8>,
    /// How many bytes there were.
    size: usize,
}

impl Default for Node {
    fn default() -> Self {
        Self::packed(Listpack::default())
    }
}

impl Node {
    /// A node with one element.
    pub fn of(text: &[u8], shape: Shape) -> Self {
        if text.len() >= shape.large {
            return Self::plain(text.to_vec());
        }
        let mut list = Listpack::default();
        list.push(text);
        Self::packed(list)
    }

    pub fn packed(list: Listpack) -> Self {
        Self {
            len: list.len() as u32,
            data: Data::Packed(list.into()),
        }
    }

    pub fn plain(bytes: Vec<u8>) -> Self {
        Self {
            data: Data::Plain(bytes.into()),
            len: 1,
        }
    }

    pub fn len(&self) -> usize {
        self.len as usize
    }

    pub fn is_plain(&self) -> bool {
        matches!(self.data, Data::Plain(_))
    }

    /// How many bytes its elements take when they are not compressed.
    pub fn size(&self) -> usize {
        match &self.data {
            Data::Packed(list) => list.as_bytes().len(),
            Data::Compressed(compressed) => compressed.size,
            Data::Plain(bytes) => bytes.len(),
        }
    }

    /// The memory of its listpack.
    pub fn front(&self) -> &[u8] {
        match &self.data {
            Data::Packed(list) => list.as_bytes(),
            _ => &[],
        }
    }

    /// How many bytes of memory it takes.
    pub fn memory(&self) -> usize {
        match &self.data {
            Data::Compressed(compressed) => allocated(compressed.bytes.len()),
            Data::Packed(list) => list.memory(),
            Data::Plain(bytes) => allocated(bytes.len()),
        }
    }

    pub fn is_compressed(&self) -> bool {
        matches!(self.data, Data::Compressed(_))
    }

    /// Whether one more element of so many bytes may be put into it (`_quicklistNodeAllowInsert`).
    pub fn allows(&self, bytes: usize, shape: Shape) -> bool {
        let is_small = !self.is_plain() && bytes < shape.large;
        is_small && fits(self.size() + bytes + OVERHEAD, self.len() + 1, shape.fill)
    }

    /// Whether both may become one (`_quicklistNodeAllowMerge`).
    pub fn allows_merge(&self, other: &Self, shape: Shape) -> bool {
        /// What is there once less, as Redis estimates it.
        const HEADER: usize = 11;
        let size = (self.size() + other.size()).saturating_sub(HEADER);
        let are_packed = !self.is_plain() && !other.is_plain();
        are_packed && fits(size, self.len() + other.len(), shape.fill)
    }

    /// The listpack; `None` if there is none.
    fn list(&self) -> Option<Cow<'_, Listpack>> {
        match &self.data {
            Data::Packed(list) => Some(Cow::Borrowed(list)),
            Data::Compressed(compressed) => Some(Cow::Owned(compressed.decompress())),
            Data::Plain(_) => None,
        }
    }

    /// Lets `change` change the listpack, of which a copy is made if a snapshot has it too, and
    /// which is compressed again if it was. `None` if there is none.
    fn edit<R>(&mut self, change: impl FnOnce(&mut Listpack) -> R) -> Option<R> {
        let was_compressed = self.is_compressed();
        self.decompress();
        let Data::Packed(list) = &mut self.data else {
            return None;
        };
        copies::count(list, Listpack::memory);
        let result = change(Arc::make_mut(list));
        if was_compressed {
            self.compress();
        }
        Some(result)
    }

    pub fn decompress(&mut self) {
        if let Data::Compressed(compressed) = &self.data {
            self.data = Data::Packed(compressed.decompress().into());
        }
    }

    /// Compresses it, if that makes it shorter.
    pub fn compress(&mut self) {
        if let Data::Packed(list) = &self.data
            && let Some(compressed) = Compressed::new(list.as_bytes())
        {
            self.data = Data::Compressed(compressed.into());
        }
    }

    /// Puts an element before the one with this index.
    pub fn insert(&mut self, index: usize, text: &[u8]) {
        let len = self.len();
        if self
            .edit(|list| list.insert(list.seek(index, len), text))
            .is_some()
        {
            self.len += 1;
        }
    }

    pub fn push(&mut self, side: Side, text: &[u8]) {
        let pushed = self.edit(|list| match side {
            Side::Left => list.insert(list.start(), text),
            Side::Right => list.push(text),
        });
        self.len += u32::from(pushed.is_some());
    }

    /// The element at one end, and where it lies, if it is one of several in a listpack that is not
    /// compressed.
    pub fn last(&self, side: Side) -> Option<(Element<'_>, Range<usize>)> {
        let Data::Packed(list) = &self.data else {
            return None;
        };
        let start = match side {
            Side::Left => list.start(),
            Side::Right => list.before(list.end())?,
        };
        let (element, end) = list.at(start).filter(|_| self.len > 1)?;
        Some((element, start..end))
    }

    /// Removes the element that lies there.
    pub fn take_off(&mut self, bytes: Range<usize>) {
        self.edit(|list| {
            list.remove(bytes, 1);
            list.tighten();
        });
        self.len -= 1;
    }

    /// Replaces the element with this index, which is one of a listpack.
    pub fn replace(&mut self, index: usize, text: &[u8]) {
        let len = self.len();
        self.edit(|list| {
            let start = list.seek(index, len);
            let next = list.at(start).map_or(start, |(_, next)| next);
            list.replace(start..next, text);
        });
    }

    /// Removes the elements with these indexes.
    pub fn remove(&mut self, range: Range<usize>) {
        let len = self.len();
        self.edit(|list| {
            let start = list.seek(range.start, len);
            let end = match range.len() {
                1 => list.at(start).map_or(start, |(_, next)| next),
                _ => list.seek(range.end, len),
            };
            list.remove(start..end, range.len());
            list.tighten();
        });
        self.len -= range.len() as u32;
    }

    /// Cuts it in two before the element with this index, and returns the second part.
    pub fn split_off(&mut self, index: usize) -> Self {
        let (before, after) = (index, self.len() - index);
        let rest = self.edit(|list| {
            let position = list.seek(index, before + after);
            list.split_off(position, before, after)
        });
        self.len = before as u32;
        Self {
            data: Data::Packed(rest.unwrap_or_default().into()),
            len: after as u32,
        }
    }

    /// Appends the elements of another node.
    pub fn append(&mut self, other: &Self) {
        let len = self.len() + other.len();
        if let Some(rest) = other.list() {
            self.edit(|list| list.append(&rest, len));
            self.len = len as u32;
        }
    }

    /// Calls `visit` with the elements of this range in either direction, until it breaks.
    pub fn visit<B>(
        &self,
        range: Range<usize>,
        is_reversed: bool,
        visit: &mut impl FnMut(Element<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        match &self.data {
            Data::Plain(bytes) if !range.is_empty() => visit(Element::Text(bytes)),
            Data::Plain(_) => ControlFlow::Continue(()),
            _ => {
                let list = self.list().unwrap_or_default();
                let from = if is_reversed { range.end } else { range.start };
                let from = list.seek(from, self.len());
                let mut elements = list.walk(from, is_reversed).take(range.len());
                elements.try_for_each(visit)
            }
        }
    }

    /// Writes it as one of the nodes in an RDB file: what it is, and its bytes.
    pub fn save(&self, output: &mut dyn Output) -> std::io::Result<()> {
        output.length(if self.is_plain() { PLAIN } else { PACKED });
        match &self.data {
            Data::Plain(bytes) => output.string(bytes),
            _ => output.string(self.list().unwrap_or_default().as_bytes()),
        }
    }
}

/// What an RDB file says that a node is (`QUICKLIST_NODE_CONTAINER_…`).
pub const PLAIN: usize = 1;
pub const PACKED: usize = 2;

/// Whether a node may have so many bytes and elements. `fill` is `list-max-listpack-size`: so many
/// elements or, below 0, one of the [`LEVELS`] of bytes.
fn fits(size: usize, len: usize, fill: i64) -> bool {
    match usize::try_from(-1 - fill) {
        Ok(level) => size <= LEVELS[level.min(LEVELS.len() - 1)],
        Err(_) => size <= SAFE && len as i64 <= fill,
    }
}

impl Compressed {
    /// `None` if it would not be shorter.
    fn new(bytes: &[u8]) -> Option<Self> {
        let most = bytes.len().checked_sub(MIN_GAIN)?;
        if bytes.len() < MIN_COMPRESSED {
            return None;
        }
        let mut compressed = vec![0; most];
        let length = lzf_rust::compress(bytes, &mut compressed).ok()?;
        compressed.truncate(length);
        compressed.shrink_to_fit();
        Some(Self {
            bytes: compressed,
            size: bytes.len(),
        })
    }

    fn decompress(&self) -> Listpack {
        let bytes = lzf_rust::decompress_into_vec(&self.bytes, self.size);
        // It is what was compressed here.
        bytes.map_or_else(|_| Listpack::default(), Listpack::own)
    }
}
