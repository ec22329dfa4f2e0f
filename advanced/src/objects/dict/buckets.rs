//! One table: a power of two of buckets, each with a chain of the records that fall into it.
//!
//! The buckets lie in chunks behind `Arc`s. A copy of the table shares them, and a write copies
//! the chunk that it changes, if a snapshot has it too, and nothing else. Within a chunk, the
//! records of all chains lie in one piece of memory, and a link is the number of a record in it:
//!
//! ```text
//! heads   [ 2 ][ - ][ 1 ][ - ]
//! nodes   0: hash …00, next -    1: hash …10, next -    2: hash …00, next 0
//! ```
//!
//! Redis allocates each record by itself, and its links are pointers. These here take a quarter
//! of the memory, and they are still right in a copy.
//!
//! Which bucket a record is in, the lowest bits of its hash say. The last eight of them are the
//! bucket in its chunk, in a table of any size, and those before them are the chunk.

use std::mem;
use std::sync::Arc;

use super::Record;
use crate::util::copies;

/// How many buckets a chunk has; a table with fewer has one smaller chunk. Larger chunks are
/// copied and moved more slowly; with smaller ones the list of them takes longer to copy.
pub const CHUNK: usize = 256;

/// How many chunks there are in one piece of the list.
const PIECE: usize = 64;

/// There is room for another sixteenth of a chunk's buckets whenever its nodes are full.
const GROWTH: usize = 16;

/// The place of a node in its chunk. A chunk has about as many nodes as buckets, because the table
/// grows as soon as it has as many records as buckets, and clients do not know the seed of the hash.
type Index = u16;

/// The end of a chain.
const NONE: Index = Index::MAX;

/// A table.
#[derive(Debug, Clone)]
pub struct Buckets<R> {
    chunks: Chunks<R>,
    /// The number of buckets, less one: which bits of a hash are the number of a bucket.
    pub mask: usize,
}

/// The chunks of a table.
#[derive(Debug, Clone)]
enum Chunks<R> {
    /// Most tables are small, and a look-up waits for memory less often.
    One(Arc<Chunk<R>>),
    /// The list of them lies in pieces behind `Arc`s in its turn, so that a copy takes
    /// microseconds, however large the table is.
    Many(Vec<Arc<[Arc<Chunk<R>>]>>),
}

/// Some buckets with all of their records.
#[derive(Debug, Clone)]
pub struct Chunk<R> {
    /// The first node of each chain. There is none if the chunk was moved to another table.
    heads: Box<[Index]>,
    /// In no order, and without gaps.
    nodes: Vec<Node<R>>,
}

#[derive(Debug, Clone)]
struct Node<R> {
    hash: u32,
    /// The next node of the chain.
    next: Index,
    record: R,
}

impl<R: Record> Chunk<R> {
    fn new(buckets: usize) -> Self {
        Self {
            heads: vec![NONE; buckets].into(),
            nodes: Vec::new(),
        }
    }

    /// The bucket for a hash.
    fn slot(&self, hash: u32) -> usize {
        hash as usize & self.heads.len().wrapping_sub(1)
    }

    /// Where the record of `key` is.
    pub fn find(&self, hash: u32, key: &[u8]) -> Option<usize> {
        let mut link = *self.heads.get(self.slot(hash))?;
        while let Some(node) = self.nodes.get(usize::from(link)) {
            if node.hash == hash && node.record.key() == key {
                return Some(usize::from(link));
            }
            link = node.next;
        }
        None
    }

    pub fn record_mut(&mut self, index: usize) -> &mut R {
        &mut self.nodes[index].record
    }

    /// Puts a record at the head of its chain.
    pub fn push(&mut self, hash: u32, record: R) {
        if self.nodes.len() == self.nodes.capacity() {
            // Not twice the size: chunks are small, and there are many of them.
            let more = self.heads.len().div_ceil(GROWTH);
            self.nodes.reserve_exact(more);
        }
        let (slot, index) = (self.slot(hash), self.nodes.len() as Index);
        let next = mem::replace(&mut self.heads[slot], index);
        self.nodes.push(Node { hash, next, record });
    }

    /// How many bytes a copy of it takes.
    fn copied(&self) -> usize {
        let nodes = self.nodes.iter();
        let nodes = nodes.map(|node| size_of::<Node<R>>() + node.record.outside());
        size_of_val(&*self.heads) + nodes.sum::<usize>()
    }

    /// Removes a record. The last node of the chunk takes its place.
    fn remove(&mut self, index: usize) -> R {
        *self.link_to(index) = self.nodes[index].next;
        let last = self.nodes.len() - 1;
        if last != index {
            *self.link_to(last) = index as Index;
        }
        self.nodes.swap_remove(index).record
    }

    /// The link that leads to a node: a head, or in the node before it.
    fn link_to(&mut self, index: usize) -> &mut Index {
        let slot = self.slot(self.nodes[index].hash);
        let mut link = usize::from(self.heads[slot]);
        if link == index {
            return &mut self.heads[slot];
        }
        loop {
            let next = usize::from(self.nodes[link].next);
            if next == index {
                return &mut self.nodes[link].next;
            }
            link = next;
        }
    }
}

impl<R: Record> Buckets<R> {
    /// An empty table. All of its chunks are one until they are changed, so it takes next to no
    /// time, however large the table is.
    pub fn new(size: usize) -> Self {
        let chunk = Arc::new(Chunk::new(size.min(CHUNK)));
        let chunks = match size.div_ceil(CHUNK) {
            1 => Chunks::One(chunk),
            count => {
                let piece = vec![chunk; count.min(PIECE)].into();
                Chunks::Many(vec![piece; count.div_ceil(PIECE)])
            }
        };
        let mask = size - 1;
        Self { chunks, mask }
    }

    /// How many buckets it has.
    pub fn size(&self) -> usize {
        self.mask + 1
    }

    /// How many chunks it has.
    pub fn chunks(&self) -> usize {
        self.size().div_ceil(CHUNK)
    }

    /// The number of the chunk in which a bucket is.
    fn number(&self, bucket: usize) -> usize {
        (bucket & self.mask) / CHUNK
    }

    fn chunk(&self, number: usize) -> &Chunk<R> {
        match &self.chunks {
            Chunks::One(chunk) => chunk,
            Chunks::Many(pieces) => &pieces[number / PIECE][number % PIECE],
        }
    }

    /// The place of a chunk in the list.
    fn place(&mut self, number: usize) -> &mut Arc<Chunk<R>> {
        match &mut self.chunks {
            Chunks::One(chunk) => chunk,
            Chunks::Many(pieces) => {
                let piece = &mut pieces[number / PIECE];
                copies::count(piece, size_of_val);
                &mut Arc::make_mut(piece)[number % PIECE]
            }
        }
    }

    /// The chunk for a hash, to be changed. If a snapshot has it too, it is copied first.
    pub fn chunk_mut(&mut self, hash: u32) -> &mut Chunk<R> {
        let number = self.number(hash as usize);
        let chunk = self.place(number);
        copies::count(chunk, Chunk::copied);
        Arc::make_mut(chunk)
    }

    pub fn get(&self, hash: u32, key: &[u8]) -> Option<&R> {
        let chunk = self.chunk(self.number(hash as usize));
        let index = chunk.find(hash, key)?;
        Some(&chunk.nodes[index].record)
    }

    pub fn remove(&mut self, hash: u32, key: &[u8]) -> Option<R> {
        let index = self.chunk(self.number(hash as usize)).find(hash, key)?;
        Some(self.chunk_mut(hash).remove(index))
    }

    /// Takes a chunk out of the table, and returns its records and their hashes.
    pub fn take(&mut self, number: usize) -> impl Iterator<Item = (u32, R)> + use<R> {
        let empty = Arc::new(Chunk::new(0));
        let chunk = mem::replace(self.place(number), empty);
        copies::count(&chunk, Chunk::copied);
        let nodes = Arc::unwrap_or_clone(chunk).nodes;
        nodes.into_iter().map(|node| (node.hash, node.record))
    }

    /// The records of a bucket. Of its number, only the bits of the mask count.
    pub fn chain(&self, bucket: usize) -> impl Iterator<Item = &R> {
        let chunk = self.chunk(self.number(bucket));
        let node = |link: Index| chunk.nodes.get(usize::from(link));
        let head = chunk.heads.get(chunk.slot(bucket as u32));
        let first = head.and_then(|link| node(*link));
        std::iter::successors(first, move |it| node(it.next)).map(|it| &it.record)
    }

    pub fn iter(&self) -> impl Iterator<Item = &R> {
        let chunks = (0..self.chunks()).map(|number| self.chunk(number));
        chunks.flat_map(|chunk| chunk.nodes.iter().map(|node| &node.record))
    }

    /// A record by its place in a chunk.
    pub fn record(&self, chunk: usize, place: usize) -> Option<&R> {
        self.chunk(chunk).nodes.get(place).map(|node| &node.record)
    }

    /// How many bytes it takes, without what its records have elsewhere.
    pub fn memory(&self) -> usize {
        let chunks = (0..self.chunks()).map(|number| self.chunk(number));
        let each = chunks.map(|chunk| {
            size_of::<Arc<Chunk<R>>>()
                + size_of::<Chunk<R>>()
                + size_of_val(&*chunk.heads)
                + chunk.nodes.capacity() * size_of::<Node<R>>()
        });
        each.sum()
    }

    /// How many records a chunk has.
    #[cfg(test)]
    pub fn records(&self, number: usize) -> usize {
        self.chunk(number).nodes.len()
    }

    /// Whether another table shares this chunk with it.
    #[cfg(test)]
    pub fn shares(&self, other: &Self, number: usize) -> bool {
        std::ptr::eq(self.chunk(number), other.chunk(number))
    }
}
