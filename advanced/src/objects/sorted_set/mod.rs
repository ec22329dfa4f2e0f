//! The sorted set: members, each with a score, in the order of the scores (`t_zset.c` in Redis).
//!
//! A large one is kept twice: in a table, which knows the score of a member, and in a [`SkipList`],
//! which knows the order. Both share the members themselves.

pub mod bound;
mod packed;
mod ranked;
mod skiplist;
#[cfg(test)]
mod stalls;

use std::io;
use std::ops::Range;
use std::sync::Arc;

pub use bound::Bound;
pub use ranked::Ranked;
pub use skiplist::SkipList;

use super::{Digest, Element, Listpack, Object, Output, Write, listpack};
use crate::util::{copies, double};

/// How many members one ZADD of an AOF has at most (`AOF_REWRITE_ITEMS_PER_CMD`).
const MEMBERS_PER_COMMAND: usize = 64;

/// Up to so many bytes a listpack is small.
const SMALL: usize = 512;

/// Up to which size a sorted set is a listpack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `zset-max-listpack-entries`: so many members.
    pub entries: u64,
    /// `zset-max-listpack-value`: so many bytes in each.
    pub value: usize,
}

impl Limits {
    /// Those of a server that nobody has configured.
    pub const DEFAULT: Self = Self {
        entries: 128,
        value: 64,
    };
}

/// Members and their scores.
#[derive(Debug, Clone)]
pub enum SortedSet {
    /// Member, score, member, score, in order.
    Packed(Listpack),
    Ranked(Box<Ranked>),
}

impl Default for SortedSet {
    fn default() -> Self {
        Self::Packed(Listpack::default())
    }
}

/// A member and its score.
pub type Entry<'a> = (Element<'a>, f64);

impl SortedSet {
    /// A sorted set of members, of which none is there twice.
    pub fn from_entries(mut entries: Vec<(Vec<u8>, f64)>, limits: Limits) -> Self {
        entries.sort_unstable_by(|a, b| a.1.total_cmp(&b.1).then_with(|| a.0.cmp(&b.0)));
        // Listpack or not is known from the beginning.
        let is_large = entries.len() as u64 > limits.entries
            || entries
                .iter()
                .any(|(member, _)| member.len() > limits.value);
        let mut set = match is_large {
            true => Self::Ranked(Box::default()),
            false => Self::default(),
        };
        for (member, score) in &entries {
            set.set(member, *score, None, limits);
        }
        set
    }

    /// Takes a listpack from outside, whose elements must be members and scores in turn. `None` if
    /// they are not, or if a member is there twice.
    pub fn from_pairs(list: Listpack, limits: Limits) -> Option<Self> {
        let is_large = list.len() as u64 / 2 > limits.entries;
        if !packed::is_sound(&list) {
            return None;
        }
        let mut set = Self::Packed(list);
        if is_large {
            set.convert();
        }
        Some(set)
    }

    /// The score of `member` (`zsetScore`).
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Packed(list) => packed::find(list, member).map(|(_, score)| score),
            Self::Ranked(ranked) => ranked.score(member),
        }
    }

    /// Gives `member` this score. `old` is the score that it has, if it is there.
    pub fn set(&mut self, member: &[u8], score: f64, old: Option<f64>, limits: Limits) {
        if let Self::Packed(list) = self {
            let size = list.as_bytes().len() + member.len();
            let is_small = (list.len() as u64) / 2 < limits.entries
                && member.len() <= limits.value
                && size < listpack::MAX_SIZE;
            // What is there stays as it is, whatever the limits are now.
            if old.is_some() || is_small {
                return packed::set(list, member, score, old);
            }
            self.convert();
        }
        if let Self::Ranked(ranked) = self {
            ranked.set(member, score, old);
        }
    }

    /// Removes `member`, and returns the score that it had (`zsetDel`).
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Packed(list) => {
                let (pair, score) = packed::find(list, member)?;
                list.remove(pair, 2);
                Some(score)
            }
            Self::Ranked(ranked) => ranked.remove(member),
        }
    }

    /// Removes the entry with this rank, and returns it.
    pub fn remove_rank(&mut self, rank: usize) -> Option<(Vec<u8>, f64)> {
        match self {
            Self::Packed(list) => packed::remove_rank(list, rank),
            Self::Ranked(ranked) => ranked.remove_rank(rank),
        }
    }

    /// How many entries are before `bound`.
    pub fn count_before(&self, bound: &Bound<'_>) -> usize {
        match self {
            Self::Packed(list) => packed::count_before(list, bound),
            Self::Ranked(ranked) => ranked.list().count_before(bound),
        }
    }

    /// The rank of `member`, from 0 (`zsetRank`).
    pub fn rank(&self, member: &[u8]) -> Option<usize> {
        match self {
            Self::Packed(list) => packed::rank(list, member),
            Self::Ranked(ranked) => {
                let score = ranked.score(member)?;
                Some(ranked.list().count_before(&Bound::entry(score, member)))
            }
        }
    }

    fn convert(&mut self) {
        if let Self::Packed(list) = self {
            let mut ranked = Ranked::default();
            for (member, score) in packed::entries(list) {
                ranked.set(member.bytes(&mut itoa::Buffer::new()), score, None);
            }
            *self = Self::Ranked(ranked.into());
        }
    }

    /// All entries in order.
    pub fn iter(&self) -> Box<dyn Iterator<Item = Entry<'_>> + '_> {
        self.iter_from(0)
    }

    /// The entries from this rank on.
    pub fn iter_from(&self, rank: usize) -> Box<dyn Iterator<Item = Entry<'_>> + '_> {
        match self {
            Self::Packed(list) => Box::new(packed::entries(list).skip(rank)),
            Self::Ranked(ranked) => Box::new(ranked.list().iter_from(rank).map(as_entry)),
        }
    }

    /// Calls `visit` with the entries of these ranks.
    pub fn each<'a>(&'a self, ranks: Range<usize>, visit: impl FnMut(Entry<'a>)) {
        let (start, count) = (ranks.start, ranks.len());
        match self {
            Self::Packed(list) => {
                let entries = packed::entries(list).skip(start);
                entries.take(count).for_each(visit);
            }
            Self::Ranked(_) => self.iter_from(start).take(count).for_each(visit),
        }
    }

    /// The entries from this rank back to the first.
    pub fn iter_back_from(&self, rank: usize) -> Box<dyn Iterator<Item = Entry<'_>> + '_> {
        match self {
            Self::Packed(list) => {
                let mut entries: Vec<_> = packed::entries(list).take(rank + 1).collect();
                Box::new(std::iter::from_fn(move || entries.pop()))
            }
            Self::Ranked(ranked) => Box::new(ranked.list().iter_back_from(rank).map(as_entry)),
        }
    }

    /// A score of this set as ZSCAN shows it, which depends on the encoding.
    pub fn score_text(&self, score: f64) -> Vec<u8> {
        match self {
            Self::Packed(_) => packed::score_text(score),
            Self::Ranked(_) => double::to_text(score),
        }
    }

    /// An entry picked at random.
    pub fn random(&self) -> Option<Entry<'_>> {
        match self {
            Self::Packed(_) => self.iter().nth(fastrand::usize(..self.len().max(1))),
            Self::Ranked(ranked) => ranked.random().map(as_entry),
        }
    }

    /// Calls `visit` with a part of the entries, about `count`, and returns the cursor of the next
    /// part. A listpack is visited at once.
    pub fn scan<'a>(&'a self, cursor: u64, count: usize, mut visit: impl FnMut(Entry<'a>)) -> u64 {
        match self {
            Self::Packed(_) => {
                self.iter().for_each(visit);
                0
            }
            Self::Ranked(ranked) => ranked.scan(cursor, count, |entry| visit(as_entry(entry))),
        }
    }
}

fn as_entry((member, score): (&[u8], f64)) -> Entry<'_> {
    (Element::Text(member), score)
}

impl Object for SortedSet {
    fn type_name(&self) -> &'static str {
        "zset"
    }

    fn encoding(&self) -> &'static str {
        match self {
            Self::Packed(_) => "listpack",
            Self::Ranked(_) => "skiplist",
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Packed(list) => list.len() / 2,
            Self::Ranked(ranked) => ranked.list().len(),
        }
    }

    fn size(&self, samples: usize) -> usize {
        match self {
            Self::Packed(list) => list.memory(),
            Self::Ranked(ranked) => ranked.size(samples),
        }
    }

    fn front(&self) -> &[u8] {
        match self {
            Self::Packed(list) => list.as_bytes(),
            Self::Ranked(_) => &[],
        }
    }

    fn is_small(&self) -> bool {
        matches!(self, Self::Packed(list) if list.as_bytes().len() <= SMALL)
    }

    fn take(&mut self) -> Arc<dyn Object> {
        Arc::new(std::mem::take(self))
    }

    fn copy(&self) -> Arc<dyn Object> {
        // The others share their pieces with the copy.
        if let Self::Packed(list) = self {
            copies::add(list.memory());
        }
        Arc::new(self.clone())
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Packed(_) => 17,
            Self::Ranked(_) => 5,
        }
    }

    fn save(&self, output: &mut dyn Output) -> io::Result<()> {
        match self {
            Self::Packed(list) => output.string(list.as_bytes()),
            Self::Ranked(ranked) => {
                let list = ranked.list();
                output.length(list.len());
                // From the end, so that Redis, which loads it, inserts each at its beginning.
                let last = list.len().saturating_sub(1);
                list.iter_back_from(last).try_for_each(|(member, score)| {
                    output.string(member)?;
                    output.double(score)
                })
            }
        }
    }

    fn commands(&self, key: &[u8], write: &mut Write<'_>) -> io::Result<()> {
        let mut entries = self.iter();
        loop {
            let mut words: Vec<Vec<u8>> = Vec::new();
            for (member, score) in entries.by_ref().take(MEMBERS_PER_COMMAND) {
                words.push(double::to_text(score));
                words.push(member.bytes(&mut itoa::Buffer::new()).to_vec());
            }
            if words.is_empty() {
                return Ok(());
            }
            let name_and_key = [&b"ZADD"[..], key].into_iter();
            let words: Vec<&[u8]> = name_and_key
                .chain(words.iter().map(Vec::as_slice))
                .collect();
            write(&words)?;
        }
    }

    fn digest(&self, digest: &mut Digest) {
        /// `OBJ_ZSET`
        const TYPE: u32 = 3;
        digest.append(&TYPE.to_be_bytes());
        for (member, score) in self.iter() {
            let mut pair = Digest::default();
            pair.append(member.bytes(&mut itoa::Buffer::new()));
            pair.append(&double::to_text(score));
            digest.add_digest(pair);
        }
    }
}
