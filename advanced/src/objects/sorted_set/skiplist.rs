//! The skip list with spans (`zskiplist` in Redis): entries in order, found by score or by rank in
//! logarithmic time.
//!
//! In a linked list in order one has to pass each node to find a place. A skip list has express
//! lanes: each node is in lane 0, one of four also in lane 1, one of sixteen in lane 2, and so on, by
//! chance. A search begins in the highest lane, goes on while the next node is still before what it
//! looks for, and then goes down one lane. No rotations, no rebalancing: chance does it.
//!
//! ```text
//! lane 2   head ────────────── 5 ─────────────→ n3 ──────── 3 ──→ end
//! lane 1   head ──── 3 ───→ n1 ─────── 2 ─────→ n3 ──────── 3 ──→ end
//! lane 0   head ──── 3 ───→ n1 ── 1 ──→ n2 ─ 1 ─→ n3 ── 3 ──────→ end
//! entries  a b c            d           e         f g h
//! ```
//!
//! The number at a link is its *span*: how many entries it passes. The spans of the links on the way to
//! an entry add up to its rank, which is all of ZRANK; and to find the tenth entry is to go on while
//! the sum is not above ten. The price is that an insertion must correct the span of every link that
//! passes over the new entry. Those are exactly the last links of the search, one for each lane.
//!
//! A node of Redis holds one entry. Here it holds a page of up to [`MOST`]: a search waits for memory
//! at each node, and so there are fewer of them, and a range is read from memory that is in one piece. A
//! page that is full is divided between two nodes. The head has a page, too, so that there always is a
//! node before any place.
//!
//! This file has the search, and how entries come in. How they go is in `remove.rs`, and how a snapshot
//! shares them in `nodes.rs`.

mod nodes;
mod page;
mod remove;

use std::iter;

use smallvec::SmallVec;

use super::bound::Bound;
use nodes::{END, HEAD, Link, Node, Nodes};
use page::MOST;
pub use page::Member;

/// No node is in more lanes than this. With one of four in the next lane, that is enough for 4^16 nodes.
const MAX_HEIGHT: usize = 16;

/// Entries in order.
#[derive(Debug, Clone, Default)]
pub struct SkipList {
    nodes: Nodes,
    len: usize,
}

/// Where a search went down: in each lane the last node before the place, and how many entries are
/// before that node.
#[derive(Debug)]
struct Path([Step; MAX_HEIGHT]);

#[derive(Debug, Clone, Copy)]
struct Step {
    node: usize,
    rank: usize,
}

/// In how many lanes a new node is: in each with a quarter of the chance of the one below
/// (`zslRandomLevel`).
fn random_height() -> usize {
    let quarters = fastrand::u32(..).trailing_zeros() as usize / 2;
    (1 + quarters).min(MAX_HEIGHT)
}

impl SkipList {
    pub fn len(&self) -> usize {
        self.len
    }

    /// How many lanes there are.
    fn height(&self) -> usize {
        self.nodes[HEAD].links.len()
    }

    /// Goes from the highest lane down to lane 0, in each as far as `goes_on` allows; it is asked with
    /// the next node and with its rank.
    fn descend(&self, goes_on: impl Fn(&Node, usize) -> bool) -> Path {
        let mut at = Step {
            node: HEAD,
            rank: 0,
        };
        let mut path = Path([at; MAX_HEIGHT]);
        for lane in (0..self.height()).rev() {
            loop {
                let Link { next, span } = self.nodes[at.node].links[lane];
                if next == END || !goes_on(&self.nodes[next], at.rank + span) {
                    break;
                }
                at = Step {
                    node: next,
                    rank: at.rank + span,
                };
            }
            path.0[lane] = at;
        }
        path
    }

    /// The way to the last node whose first entry is before `bound`.
    fn find(&self, bound: &Bound<'_>) -> Path {
        self.descend(|node, _| bound.is_after(node.score, || &node.page.members[0]))
    }

    /// How many entries are before `bound` (`zslGetRank`).
    pub fn count_before(&self, bound: &Bound<'_>) -> usize {
        let Step { node, rank } = self.find(bound).0[0];
        rank + self.nodes[node].page.count_before(bound)
    }

    /// Adds an entry that is not there (`zslInsert`).
    pub fn insert(&mut self, score: f64, member: Member) {
        let bound = Bound::entry(score, &member);
        let path = self.find(&bound);
        let node = path.0[0].node;
        let position = self.nodes[node].page.count_before(&bound);
        self.nodes.page_mut(node).insert(position, score, member);
        self.len += 1;
        for lane in 0..self.height() {
            self.nodes[path.0[lane].node].links[lane].span += 1;
        }
        self.divide_if_full(&path, position);
    }

    /// Divides the page that `path` leads to if it has an entry too many, which is at `position`.
    fn divide_if_full(&mut self, path: &Path, position: usize) {
        let node = path.0[0].node;
        if self.nodes[node].page.len() > MOST {
            // Entries that come in order leave full pages behind.
            let is_last = position == MOST && self.next(node) == END;
            let at = if is_last { MOST } else { MOST / 2 };
            self.divide(path, at, random_height());
        }
    }

    /// Moves the entries from position `at` on to a new node, which comes after the node that `path`
    /// leads to, in so many lanes.
    fn divide(&mut self, path: &Path, at: usize, height: usize) {
        let Step { node, rank } = path.0[0];
        let page = self.nodes.page_mut(node).split_off(at);
        let next = self.next(node);
        let new = self.nodes.add(Node {
            score: page.scores[0],
            page: page.into(),
            back: node,
            links: SmallVec::new(),
        });
        for lane in 0..height {
            if lane == self.height() {
                // A lane that goes from the head to the end.
                let (next, span) = (END, self.len);
                self.nodes[HEAD].links.push(Link { next, span });
            }
            let before = path.0[lane];
            let link = &mut self.nodes[before.node].links[lane];
            let distance = rank + at - before.rank;
            let rest = Link {
                next: link.next,
                span: link.span - distance,
            };
            *link = Link {
                next: new,
                span: distance,
            };
            self.nodes[new].links.push(rest);
        }
        if next != END {
            self.nodes[next].back = new;
        }
    }

    /// The way to the node that holds the entry with this rank (`zslGetElementByRank`).
    fn find_rank(&self, rank: usize) -> Path {
        self.descend(|_, first| first <= rank)
    }

    /// The next node in lane 0.
    fn next(&self, node: usize) -> usize {
        self.nodes[node].links.first().map_or(END, |link| link.next)
    }

    /// The entries from this rank on.
    pub fn iter_from(&self, rank: usize) -> impl Iterator<Item = (&[u8], f64)> {
        let Step { node, rank: first } = self.find_rank(rank).0[0];
        let some = |node| (node != END).then_some(node);
        let nodes = iter::successors(Some(node), move |node| some(self.next(*node)));
        let entries = nodes.flat_map(|node| self.nodes[node].page.entries());
        entries.skip(rank - first)
    }

    /// The entries from this rank back to the first.
    pub fn iter_back_from(&self, rank: usize) -> impl Iterator<Item = (&[u8], f64)> {
        let Step { node, rank: first } = self.find_rank(rank).0[0];
        let some = |node| (node != END).then_some(node);
        let nodes = iter::successors(Some(node), move |node| some(self.nodes[*node].back));
        let entries = nodes.flat_map(|node| self.nodes[node].page.entries().rev());
        let after = (self.nodes[node].page.len()).saturating_sub(rank + 1 - first);
        entries.skip(after)
    }

    /// How many bytes of memory it takes without the members, about.
    pub fn size(&self) -> usize {
        self.nodes.iter().map(Node::size).sum()
    }
}

#[cfg(test)]
#[path = "skiplist_tests.rs"]
mod tests;
