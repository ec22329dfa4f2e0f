//! A large sorted set: a table for the scores of members, and a skip list for their order
//! (`struct zset` in Redis).

use std::sync::Arc;

use super::skiplist::{Member, SkipList};
use crate::objects::{Record, Table};
use crate::util::allocation::allocated;

/// Members and their scores, kept twice. Each member itself lies in memory once, and both share it.
#[derive(Debug, Clone, Default)]
pub struct Ranked {
    table: Table<Scored>,
    list: SkipList,
}

/// A member and its score, in the table.
#[derive(Debug, Clone)]
struct Scored {
    member: Member,
    score: f64,
}

impl Record for Scored {
    fn key(&self) -> &[u8] {
        &self.member
    }

    fn outside(&self) -> usize {
        0
    }
}

/// What an `Arc` has in front of what it holds, in bytes.
const COUNTS: usize = 2 * size_of::<usize>();

impl Ranked {
    /// The entries in their order.
    pub fn list(&self) -> &SkipList {
        &self.list
    }

    /// The score of `member`.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        self.table.get(member).map(|scored| scored.score)
    }

    /// Gives `member` this score. `old` is the score that it has, if it is there.
    pub fn set(&mut self, member: &[u8], score: f64, old: Option<f64>) {
        let mut shared = None;
        let update = |scored: &mut Scored| {
            scored.score = score;
            shared = Some(Arc::clone(&scored.member));
        };
        let new = match old {
            Some(_) => None,
            None => Some(Member::from(member)),
        };
        self.table.upsert(member, update, || Scored {
            member: new.clone().unwrap_or_else(|| member.into()),
            score,
        });
        if let Some(old) = old {
            self.list.remove(old, member);
        }
        if let Some(member) = new.or(shared) {
            self.list.insert(score, member);
        }
    }

    /// Removes `member`, and returns the score that it had.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let Scored { member, score } = self.table.remove(member)?;
        self.list.remove(score, &member);
        Some(score)
    }

    /// Removes the entry with this rank, and returns it.
    pub fn remove_rank(&mut self, rank: usize) -> Option<(Vec<u8>, f64)> {
        if rank >= self.list.len() {
            return None;
        }
        let (member, score) = self.list.remove_rank(rank);
        self.table.remove(&member);
        Some((member.to_vec(), score))
    }

    /// An entry picked at random.
    pub fn random(&self) -> Option<(&[u8], f64)> {
        self.table.random().map(|it| (&*it.member, it.score))
    }

    /// Calls `visit` with a part of the entries, as [`Table::scan`] does.
    pub fn scan<'a>(
        &'a self,
        cursor: u64,
        count: usize,
        mut visit: impl FnMut((&'a [u8], f64)),
    ) -> u64 {
        let visit = |scored: &'a Scored| visit((&*scored.member, scored.score));
        self.table.scan(cursor, count, visit)
    }

    /// How many bytes of memory it takes, about. So many members are measured.
    pub fn size(&self, samples: usize) -> usize {
        let member = |scored: &Scored| allocated(COUNTS + scored.member.len());
        self.table.size(samples, member) + self.list.size()
    }

    /// How the table is filled, for DEBUG.
    pub fn statistics(&self) -> String {
        self.table.statistics()
    }
}
