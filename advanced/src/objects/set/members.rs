//! The members of a set that are not all numbers.
//!
//! OBJECT ENCODING calls it a hash table, and a large one is. But most sets are small, and to look
//! through a few members in a row takes less time than to compute a hash, and to follow it from one
//! place in memory to another. (Redis has found that too: from 7.2 on, small sets are listpacks.)

use super::{Bytes, Member};
use crate::objects::{Element, Listpack, Record, Table};
use crate::util::allocation::allocated;

/// So many members lie in a row, at most, if they take no more than so many bytes.
const FEW: usize = 32;
const SMALL: usize = 512;

/// Members, each of them once.
#[derive(Debug, Clone)]
pub enum Members {
    Few(Listpack),
    Many(Box<Table<Member>>),
}

impl Default for Members {
    fn default() -> Self {
        Self::Few(Listpack::default())
    }
}

impl Members {
    /// Adds a member. True if it was not there.
    pub fn add(&mut self, member: &[u8]) -> bool {
        if let Self::Few(list) = self {
            if list.find(member, 1).is_some() {
                return false;
            }
            if list.len() < FEW && list.as_bytes().len() + member.len() < SMALL {
                list.push(member);
                return true;
            }
            *self = Self::Many(table_of(list).into());
        }
        match self {
            Self::Few(_) => false,
            Self::Many(table) => table.upsert(member, |_| (), || Member(Bytes::from_slice(member))),
        }
    }

    /// True if there was such a member.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match self {
            Self::Few(list) => {
                let found = list.find(member, 1);
                let is_found = found.is_some();
                found.into_iter().for_each(|range| list.remove(range, 1));
                is_found
            }
            Self::Many(table) => table.remove(member).is_some(),
        }
    }

    pub fn contains(&self, member: &[u8]) -> bool {
        match self {
            Self::Few(list) => list.find(member, 1).is_some(),
            Self::Many(table) => table.get(member).is_some(),
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Self::Few(list) => list.len(),
            Self::Many(table) => table.len(),
        }
    }

    /// The memory in which few members lie.
    pub fn front(&self) -> &[u8] {
        match self {
            Self::Few(list) => list.as_bytes(),
            Self::Many(_) => &[],
        }
    }

    pub fn iter(&self) -> Box<dyn Iterator<Item = Element<'_>> + '_> {
        match self {
            Self::Few(list) => Box::new(list.iter()),
            Self::Many(table) => Box::new(table.iter().map(|it| Element::Text(it.key()))),
        }
    }

    /// A member picked at random, each as likely as any other; `None` if there is none.
    pub fn random(&self) -> Option<Element<'_>> {
        match self {
            Self::Few(list) => list.iter().nth(fastrand::usize(..list.len().max(1))),
            Self::Many(table) => table.random().map(|it| Element::Text(it.key())),
        }
    }

    /// Calls `visit` with a part of the members, as [`Table::scan`] does. Few are visited at once.
    pub fn scan<'a>(
        &'a self,
        cursor: u64,
        count: usize,
        mut visit: impl FnMut(Element<'a>),
    ) -> u64 {
        match self {
            Self::Few(list) => {
                list.iter().for_each(visit);
                0
            }
            Self::Many(table) => {
                table.scan(cursor, count, |member| visit(Element::Text(member.key())))
            }
        }
    }

    /// How many bytes of memory it takes, about. So many members are measured.
    pub fn size(&self, samples: usize) -> usize {
        match self {
            Self::Few(list) => list.memory(),
            Self::Many(table) => table.size(samples, |member| match member.0.spilled() {
                true => allocated(member.0.capacity()),
                false => 0,
            }),
        }
    }

    /// How the table is filled, for DEBUG; that of a few members is made for it.
    pub fn statistics(&self) -> String {
        match self {
            Self::Few(list) => table_of(list).statistics(),
            Self::Many(table) => table.statistics(),
        }
    }
}

/// A table of these members.
fn table_of(list: &Listpack) -> Table<Member> {
    let mut table = Table::default();
    for member in list.iter() {
        let member = Bytes::from_slice(member.bytes(&mut itoa::Buffer::new()));
        table.upsert(&member.clone(), |_| (), || Member(member));
    }
    table
}
