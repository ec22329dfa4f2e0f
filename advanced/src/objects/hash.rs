//! The hash: fields and their values (`t_hash.c` in Redis).

use std::collections::HashSet;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::{Digest, Element, Limits, Listpack, Object, Output, Record, Table, Write, listpack};
use crate::util::allocation::allocated;
use crate::util::copies;

/// How many fields one HMSET of an AOF has at most (`AOF_REWRITE_ITEMS_PER_CMD`).
const FIELDS_PER_COMMAND: usize = 64;

/// Up to so many bytes a listpack is small. A copy of a segment of the store may have to copy a
/// few hundred of them.
const SMALL: usize = 512;

/// Fields and their values.
#[derive(Debug, Clone)]
pub enum Hash {
    /// Field, value, field, value, in the order in which they came.
    Packed(Listpack),
    Table(Box<Table<Field>>),
}

impl Default for Hash {
    fn default() -> Self {
        Self::Packed(Listpack::default())
    }
}

/// A field and its value in one piece of memory: the length of the field, the field, the value.
/// The length takes one byte or, after a byte 255, eight.
#[derive(Debug, Clone)]
pub struct Field(Box<[u8]>);

/// The first byte of a field whose length takes eight more.
const LONG: u8 = u8::MAX;

impl Field {
    fn new(field: &[u8], value: &[u8]) -> Self {
        let length = field.len();
        Self(match u8::try_from(length) {
            Ok(short) if short != LONG => [&[short][..], field, value].concat().into(),
            _ => {
                let length = (length as u64).to_le_bytes();
                [&[LONG][..], &length, field, value].concat().into()
            }
        })
    }

    /// Where the field begins and ends.
    fn range(&self) -> Range<usize> {
        match self.0[0] {
            LONG => {
                let length = self.0[1..].first_chunk().copied().unwrap_or_default();
                9..9 + u64::from_le_bytes(length) as usize
            }
            short => 1..1 + usize::from(short),
        }
    }

    fn value(&self) -> &[u8] {
        &self.0[self.range().end..]
    }

    fn set_value(&mut self, value: &[u8]) {
        let range = self.range();
        match self.0.len() - range.end == value.len() {
            true => self.0[range.end..].copy_from_slice(value),
            false => *self = Self::new(&self.0[range], value),
        }
    }

    fn elements(&self) -> (Element<'_>, Element<'_>) {
        (Element::Text(self.key()), Element::Text(self.value()))
    }
}

impl Record for Field {
    fn key(&self) -> &[u8] {
        &self.0[self.range()]
    }

    fn outside(&self) -> usize {
        self.0.len()
    }
}

impl Hash {
    /// The value of `field`. `digits` is where a number is spelled out.
    pub fn get<'a>(&'a self, field: &[u8], digits: &'a mut itoa::Buffer) -> Option<&'a [u8]> {
        match self {
            Self::Packed(list) => {
                let (value, _) = list.at(list.find(field, 2)?.end)?;
                Some(value.bytes(digits))
            }
            Self::Table(table) => Some(table.get(field)?.value()),
        }
    }

    /// Gives `field` a value. True if there was no such field (`hashTypeSet`).
    pub fn set(&mut self, field: &[u8], value: &[u8], limits: Limits) -> bool {
        if let Self::Packed(list) = self {
            let size = list.as_bytes().len() + field.len() + value.len();
            let longest = field.len().max(value.len());
            if longest <= limits.hash_value && size < listpack::MAX_SIZE {
                let is_new = set_packed(list, field, value);
                // Also if it was only updated: the limit may have been lowered.
                if list.len() as u64 / 2 > limits.hash_entries {
                    self.convert();
                }
                return is_new;
            }
            self.convert();
        }
        let Self::Table(table) = self else {
            return false;
        };
        let update = |record: &mut Field| record.set_value(value);
        table.upsert(field, update, || Field::new(field, value))
    }

    /// True if there was such a field.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        match self {
            Self::Packed(list) => {
                let found = list.find(field, 2);
                let pair = found.and_then(|it| Some(it.start..list.at(it.end)?.1));
                pair.is_some_and(|pair| {
                    list.remove(pair, 2);
                    true
                })
            }
            Self::Table(table) => table.remove(field).is_some(),
        }
    }

    /// Makes a table of it.
    fn convert(&mut self) {
        let mut table = Table::default();
        for (field, value) in self.iter() {
            let mut digits = [itoa::Buffer::new(), itoa::Buffer::new()];
            let [first, second] = &mut digits;
            let record = Field::new(field.bytes(first), value.bytes(second));
            let key = record.key().to_vec();
            table.upsert(&key, |_| (), || record);
        }
        *self = Self::Table(table.into());
    }

    /// Takes a listpack from outside, whose elements are pairs. `None` if they are not, or if a
    /// field is there twice.
    pub fn from_pairs(list: Listpack, limits: Limits) -> Option<Self> {
        let count = list.len();
        let mut hash = Self::Packed(list);
        let mut fields = HashSet::with_capacity(count / 2);
        let is_hash =
            count.is_multiple_of(2) && hash.iter().all(|(field, _)| fields.insert(field.number()));
        drop(fields);
        if count as u64 / 2 > limits.hash_entries {
            hash.convert();
        }
        is_hash.then_some(hash)
    }

    /// All fields and their values.
    pub fn iter(&self) -> Box<dyn Iterator<Item = (Element<'_>, Element<'_>)> + '_> {
        match self {
            Self::Packed(list) => {
                let mut elements = list.iter();
                Box::new(std::iter::from_fn(move || {
                    Some((elements.next()?, elements.next()?))
                }))
            }
            Self::Table(table) => Box::new(table.iter().map(Field::elements)),
        }
    }

    /// Calls `visit` with all fields and their values.
    pub fn each(&self, mut visit: impl FnMut(Element<'_>, Element<'_>)) {
        match self {
            Self::Packed(list) => {
                let mut elements = list.iter();
                while let Some((field, value)) = elements.next().zip(elements.next()) {
                    visit(field, value);
                }
            }
            Self::Table(table) => table
                .iter()
                .map(Field::elements)
                .for_each(|it| visit(it.0, it.1)),
        }
    }

    /// A field picked at random, and its value.
    pub fn random(&self) -> Option<(Element<'_>, Element<'_>)> {
        match self {
            Self::Packed(_) => self.iter().nth(fastrand::usize(..self.len().max(1))),
            Self::Table(table) => table.random().map(Field::elements),
        }
    }

    /// Calls `visit` with a part of the fields, about `count`, and returns the cursor of the next
    /// part. A listpack is visited at once.
    pub fn scan<'a>(
        &'a self,
        cursor: u64,
        count: usize,
        mut visit: impl FnMut(Element<'a>, Element<'a>),
    ) -> u64 {
        match self {
            Self::Packed(_) => {
                self.iter().for_each(|(field, value)| visit(field, value));
                0
            }
            Self::Table(table) => table.scan(cursor, count, |record| {
                let (field, value) = record.elements();
                visit(field, value);
            }),
        }
    }
}

fn set_packed(list: &mut Listpack, field: &[u8], value: &[u8]) -> bool {
    let found = list.find(field, 2).map(|it| it.end);
    match found.and_then(|start| Some(start..list.at(start)?.1)) {
        Some(old) => {
            list.replace(old, value);
            false
        }
        None => {
            list.push(field);
            list.push(value);
            true
        }
    }
}

impl Object for Hash {
    fn type_name(&self) -> &'static str {
        "hash"
    }

    fn encoding(&self) -> &'static str {
        match self {
            Self::Packed(_) => "listpack",
            Self::Table(_) => "hashtable",
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Packed(list) => list.len() / 2,
            Self::Table(table) => table.len(),
        }
    }

    fn size(&self, samples: usize) -> usize {
        match self {
            Self::Packed(list) => list.memory(),
            Self::Table(table) => table.size(samples, |field| allocated(field.0.len())),
        }
    }

    fn front(&self) -> &[u8] {
        match self {
            Self::Packed(list) => list.as_bytes(),
            Self::Table(_) => &[],
        }
    }

    fn is_small(&self) -> bool {
        matches!(self, Self::Packed(list) if list.as_bytes().len() <= SMALL)
    }

    fn take(&mut self) -> Arc<dyn Object> {
        Arc::new(std::mem::take(self))
    }

    fn copy(&self) -> Arc<dyn Object> {
        // A table shares its pieces with the copy.
        if let Self::Packed(list) = self {
            copies::add(list.memory());
        }
        Arc::new(self.clone())
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Packed(_) => 16,
            Self::Table(_) => 4,
        }
    }

    fn save(&self, output: &mut dyn Output) -> io::Result<()> {
        match self {
            Self::Packed(list) => output.string(list.as_bytes()),
            Self::Table(table) => {
                output.length(table.len());
                table.iter().try_for_each(|record| {
                    output.string(record.key())?;
                    output.string(record.value())
                })
            }
        }
    }

    fn commands(&self, key: &[u8], write: &mut Write<'_>) -> io::Result<()> {
        let mut pairs = self.iter();
        loop {
            let mut words: Vec<Vec<u8>> = Vec::new();
            for (field, value) in pairs.by_ref().take(FIELDS_PER_COMMAND) {
                words.extend([field, value].map(|it| it.bytes(&mut itoa::Buffer::new()).to_vec()));
            }
            if words.is_empty() {
                return Ok(());
            }
            let name_and_key = [&b"HMSET"[..], key].into_iter();
            let words: Vec<&[u8]> = name_and_key
                .chain(words.iter().map(Vec::as_slice))
                .collect();
            write(&words)?;
        }
    }

    fn digest(&self, digest: &mut Digest) {
        /// `OBJ_HASH`
        const TYPE: u32 = 4;
        digest.append(&TYPE.to_be_bytes());
        for (field, value) in self.iter() {
            let mut pair = Digest::default();
            pair.append(field.bytes(&mut itoa::Buffer::new()));
            pair.append(value.bytes(&mut itoa::Buffer::new()));
            digest.add_digest(pair);
        }
    }

    fn table_statistics(&self) -> Option<String> {
        match self {
            Self::Packed(_) => None,
            Self::Table(table) => Some(table.statistics()),
        }
    }
}

#[cfg(test)]
#[path = "hash_tests.rs"]
mod tests;
