//! The set: members without order (`t_set.c` in Redis).

pub mod algebra;
mod intset;
mod members;

use std::io;
use std::sync::Arc;

pub use intset::Intset;
use members::Members;
use smallvec::SmallVec;

use super::{Digest, Element, Limits, Object, Output, Record, Write};
use crate::resp::parse_integer;
use crate::util::copies;

/// How many members one SADD of an AOF has at most (`AOF_REWRITE_ITEMS_PER_CMD`).
const MEMBERS_PER_COMMAND: usize = 64;

/// Up to so many bytes an intset is small. A copy of a segment of the store may have to copy a
/// few hundred of them.
const SMALL: usize = 512;

/// Up to so many members a table is small.
const SMALL_TABLE: usize = 64;

/// No intset has more numbers than this, whatever `set-max-intset-entries` says.
const MAX_INTS: u64 = 1 << 30;

/// Where more than this many times the members that remain are removed at random, the ones that
/// remain are picked instead (`SPOP_MOVE_STRATEGY_MUL`).
const POP_RATIO: usize = 5;

/// Bytes that need no memory of their own if there are at most 16 of them.
type Bytes = SmallVec<[u8; 16]>;

/// Members, each of them once.
#[derive(Debug, Clone)]
pub enum Set {
    /// All members are numbers.
    Ints(Intset),
    Table(Members),
}

/// A member of a table.
#[derive(Debug, Clone)]
pub struct Member(Bytes);

impl Record for Member {
    fn key(&self) -> &[u8] {
        &self.0
    }

    fn outside(&self) -> usize {
        match self.0.spilled() {
            true => self.0.len(),
            false => 0,
        }
    }
}

impl Default for Set {
    fn default() -> Self {
        Self::Ints(Intset::default())
    }
}

impl Set {
    /// Adds a member. True if it was not there (`setTypeAdd`).
    pub fn add(&mut self, member: &[u8], limits: Limits) -> bool {
        if let Self::Ints(ints) = self {
            if let Some(number) = parse_integer(member) {
                let is_new = ints.insert(number);
                if is_new && ints.len() as u64 > limits.set_entries.min(MAX_INTS) {
                    self.convert();
                }
                return is_new;
            }
            self.convert();
        }
        self.add_text(member)
    }

    /// Adds a member to a table.
    fn add_text(&mut self, member: &[u8]) -> bool {
        match self {
            Self::Ints(_) => false,
            Self::Table(members) => members.add(member),
        }
    }

    /// Makes a table of it (`setTypeConvert`).
    fn convert(&mut self) {
        let ints = std::mem::replace(self, Self::Table(Members::default()));
        for member in ints.iter() {
            self.add_text(member.bytes(&mut itoa::Buffer::new()));
        }
    }

    /// A set of these members.
    pub fn collect<'a>(members: impl Iterator<Item = Element<'a>>, limits: Limits) -> Self {
        let mut set = Self::default();
        for member in members {
            set.add(member.bytes(&mut itoa::Buffer::new()), limits);
        }
        set
    }

    /// Makes a table of it if all of `whole`, added one by one, would be one.
    pub fn take_form_of(&mut self, whole: &Self, limits: Limits) {
        if matches!(self, Self::Ints(_))
            && matches!(Self::collect(whole.iter(), limits), Self::Table(_))
        {
            self.convert();
        }
    }

    /// Takes an intset from outside.
    pub fn from_ints(ints: Intset, limits: Limits) -> Self {
        let is_large = ints.len() as u64 > limits.set_entries;
        let mut set = Self::Ints(ints);
        if is_large {
            set.convert();
        }
        set
    }

    /// True if there was such a member (`setTypeRemove`).
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match self {
            Self::Ints(ints) => parse_integer(member).is_some_and(|number| ints.remove(number)),
            Self::Table(members) => members.remove(member),
        }
    }

    /// Whether there is such a member (`setTypeIsMember`).
    pub fn contains(&self, member: &[u8]) -> bool {
        match self {
            Self::Ints(ints) => parse_integer(member).is_some_and(|it| ints.find(it).is_ok()),
            Self::Table(members) => members.contains(member),
        }
    }

    /// The same for a member of another set.
    pub fn has(&self, member: Element<'_>) -> bool {
        match (self, member) {
            (Self::Ints(ints), Element::Integer(number)) => ints.find(number).is_ok(),
            _ => self.contains(member.bytes(&mut itoa::Buffer::new())),
        }
    }

    /// All members: numbers in their order, others in none.
    pub fn iter(&self) -> Box<dyn Iterator<Item = Element<'_>> + '_> {
        match self {
            Self::Ints(ints) => Box::new(ints.iter().map(Element::Integer)),
            Self::Table(members) => members.iter(),
        }
    }

    /// A member picked at random, each as likely as any other; `None` if there is none.
    pub fn random(&self) -> Option<Element<'_>> {
        match self {
            Self::Ints(ints) => {
                let index = fastrand::usize(..ints.len().max(1));
                (index < ints.len()).then(|| Element::Integer(ints.at(index)))
            }
            Self::Table(members) => members.random(),
        }
    }

    /// Removes `count` members picked at random, or all, and returns them
    /// (`spopWithCountCommand`).
    pub fn pop(&mut self, count: usize, limits: Limits) -> Vec<Vec<u8>> {
        let remaining = self.len().saturating_sub(count);
        if remaining.saturating_mul(POP_RATIO) > count {
            return (0..count).filter_map(|_| self.pop_one()).collect();
        }
        // Nearly all: what remains is picked.
        let mut kept = Self::default();
        for member in (0..remaining).filter_map(|_| self.pop_one()) {
            kept.add(&member, limits);
        }
        let popped = std::mem::replace(self, kept);
        let members = popped.iter();
        members
            .map(|it| it.bytes(&mut itoa::Buffer::new()).to_vec())
            .collect()
    }

    fn pop_one(&mut self) -> Option<Vec<u8>> {
        let picked = self.random()?;
        let picked = picked.bytes(&mut itoa::Buffer::new()).to_vec();
        self.remove(&picked);
        Some(picked)
    }

    /// Calls `visit` with a part of the members, about `count`, and returns the cursor of the next
    /// part. An intset is visited at once.
    pub fn scan<'a>(&'a self, cursor: u64, count: usize, visit: impl FnMut(Element<'a>)) -> u64 {
        match self {
            Self::Ints(_) => {
                self.iter().for_each(visit);
                0
            }
            Self::Table(members) => members.scan(cursor, count, visit),
        }
    }
}

impl Object for Set {
    fn type_name(&self) -> &'static str {
        "set"
    }

    fn encoding(&self) -> &'static str {
        match self {
            Self::Ints(_) => "intset",
            Self::Table(_) => "hashtable",
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Ints(ints) => ints.len(),
            Self::Table(table) => table.len(),
        }
    }

    fn size(&self, samples: usize) -> usize {
        match self {
            Self::Ints(ints) => ints.as_bytes().len(),
            Self::Table(members) => members.size(samples),
        }
    }

    fn front(&self) -> &[u8] {
        match self {
            Self::Ints(ints) => ints.as_bytes(),
            Self::Table(members) => members.front(),
        }
    }

    /// Of a table only little is copied.
    fn is_small(&self) -> bool {
        match self {
            Self::Ints(ints) => ints.as_bytes().len() <= SMALL,
            Self::Table(table) => table.len() <= SMALL_TABLE,
        }
    }

    fn take(&mut self) -> Arc<dyn Object> {
        Arc::new(std::mem::take(self))
    }

    fn copy(&self) -> Arc<dyn Object> {
        // A table shares its pieces with the copy.
        if let Self::Ints(ints) = self {
            copies::add(ints.as_bytes().len());
        }
        Arc::new(self.clone())
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Ints(_) => 11,
            Self::Table(_) => 2,
        }
    }

    fn save(&self, output: &mut dyn Output) -> io::Result<()> {
        match self {
            Self::Ints(ints) => output.string(ints.as_bytes()),
            Self::Table(members) => {
                output.length(members.len());
                let mut members = members.iter();
                members.try_for_each(|it| output.string(it.bytes(&mut itoa::Buffer::new())))
            }
        }
    }

    fn commands(&self, key: &[u8], write: &mut Write<'_>) -> io::Result<()> {
        let mut members = self.iter();
        loop {
            let part = members.by_ref().take(MEMBERS_PER_COMMAND);
            let part: Vec<Bytes> = part
                .map(|it| Bytes::from_slice(it.bytes(&mut itoa::Buffer::new())))
                .collect();
            if part.is_empty() {
                return Ok(());
            }
            let name_and_key = [&b"SADD"[..], key].into_iter();
            let words: Vec<&[u8]> = name_and_key.chain(part.iter().map(|it| &**it)).collect();
            write(&words)?;
        }
    }

    fn digest(&self, digest: &mut Digest) {
        /// `OBJ_SET`
        const TYPE: u32 = 2;
        digest.append(&TYPE.to_be_bytes());
        for member in self.iter() {
            digest.add(member.bytes(&mut itoa::Buffer::new()));
        }
    }

    fn table_statistics(&self) -> Option<String> {
        match self {
            Self::Ints(_) => None,
            Self::Table(table) => Some(table.statistics()),
        }
    }
}

#[cfg(test)]
mod tests;
