//! A page: some entries of a sorted set in order, in memory that is in one piece.

use std::sync::Arc;

use crate::objects::sorted_set::Bound;
use crate::util::allocation::allocated;

/// A member, which the table of the sorted set shares.
pub type Member = Arc<[u8]>;

/// How many entries a page has at most.
pub const MOST: usize = 128;

/// Some entries in order.
#[derive(Debug, Clone, Default)]
pub struct Page {
    pub scores: Vec<f64>,
    pub members: Vec<Member>,
}

impl Page {
    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.scores.len()
    }

    /// How many of the entries are before `bound`.
    pub fn count_before(&self, bound: &Bound<'_>) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            match bound.is_after(self.scores[middle], || &self.members[middle]) {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        low
    }

    /// Puts an entry at this position, where its place is.
    pub fn insert(&mut self, position: usize, score: f64, member: Member) {
        if self.len() == self.scores.capacity() {
            // Not twice the size, as a Vec grows: there are many pages.
            let more = 1 + self.len() / 8;
            self.scores.reserve_exact(more);
            self.members.reserve_exact(more);
        }
        self.scores.insert(position, score);
        self.members.insert(position, member);
    }

    /// Takes the entries from position `at` on out of it.
    pub fn split_off(&mut self, at: usize) -> Self {
        let (scores, members) = (self.scores.split_off(at), self.members.split_off(at));
        self.scores.shrink_to_fit();
        self.members.shrink_to_fit();
        Self { scores, members }
    }

    /// Adds entries that come after all of its own.
    pub fn append(&mut self, other: Self) {
        self.scores.extend(other.scores);
        self.members.extend(other.members);
    }

    /// Its entries in order.
    pub fn entries(&self) -> impl DoubleEndedIterator<Item = (&[u8], f64)> {
        let members = self.members.iter().map(|member| &**member);
        members.zip(self.scores.iter().copied())
    }

    /// How many bytes of memory it takes without the members, about.
    pub fn size(&self) -> usize {
        let scores = allocated(self.scores.capacity() * size_of::<f64>());
        let members = allocated(self.members.capacity() * size_of::<Member>());
        size_of::<Self>() + scores + members
    }
}
