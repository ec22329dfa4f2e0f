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
//! A node of Redis holds one entry. Here it holds a [`Page`] of up to [`MOST`]: a search waits for
//! memory at each node, and so there are fewer of them, and a range is read from memory that is in one
//! piece. A page that is full is divided between two nodes. The head has a page, too, so that
//! there always is a node before any place.
//!
//! Links are numbers of nodes. Nodes lie in pieces behind `Arc`s, and so does each page: a copy of the
//! list shares them, and whoever changes one that a snapshot has too copies that one first.

use std::ops::{Index, IndexMut};
use std::sync::Arc;

use smallvec::SmallVec;

use super::bound::Bound;

/// A member, which the table of the sorted set shares.
pub type Member = Arc<[u8]>;

/// How many entries a page has at most.
const MOST: usize = 128;

/// A page with fewer entries than this is merged with the next, if that leaves room.
const FEW: usize = MOST / 4;

/// No node is in more lanes than this. With one of four in the next lane, that is enough for 4^16 nodes.
const MAX_HEIGHT: usize = 16;

/// How many nodes are in one piece.
const PIECE: usize = 32;

const HEAD: usize = 0;

/// No node: the end of a lane.
const END: usize = usize::MAX;

/// Entries in order.
#[derive(Debug, Clone)]
pub struct SkipList {
    nodes: Nodes,
    len: usize,
}

#[derive(Debug, Clone)]
struct Nodes {
    pieces: Vec<Arc<Vec<Node>>>,
    /// A node that is not in use. Its `back` is the next such node.
    unused: usize,
}

#[derive(Debug, Clone, Default)]
struct Node {
    /// The score of the first entry, so that a search seldom has to look into the page.
    score: f64,
    page: Arc<Page>,
    /// The node before it in lane 0.
    back: usize,
    /// One for each lane that it is in.
    links: SmallVec<[Link; 1]>,
}

#[derive(Debug, Clone, Copy)]
struct Link {
    /// The next node in this lane.
    next: usize,
    /// How many entries there are from the first of this node to the first of the next.
    span: usize,
}

/// Some entries in order.
#[derive(Debug, Clone, Default)]
struct Page {
    scores: Vec<f64>,
    members: Vec<Member>,
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

impl Index<usize> for Nodes {
    type Output = Node;

    fn index(&self, number: usize) -> &Node {
        &self.pieces[number / PIECE][number % PIECE]
    }
}

impl IndexMut<usize> for Nodes {
    fn index_mut(&mut self, number: usize) -> &mut Node {
        &mut Arc::make_mut(&mut self.pieces[number / PIECE])[number % PIECE]
    }
}

impl Nodes {
    /// Adds a node, and returns its number.
    fn add(&mut self, node: Node) -> usize {
        if self.unused != END {
            let number = self.unused;
            self.unused = self[number].back;
            self[number] = node;
            return number;
        }
        let is_full = self.pieces.last().is_none_or(|last| last.len() == PIECE);
        if is_full {
            self.pieces.push(Arc::default());
        }
        let last = self.pieces.len() - 1;
        let piece = Arc::make_mut(&mut self.pieces[last]);
        piece.push(node);
        last * PIECE + piece.len() - 1
    }

    fn remove(&mut self, number: usize) {
        self[number] = Node {
            back: self.unused,
            ..Node::default()
        };
        self.unused = number;
    }

    /// The page of a node, to be changed. If a snapshot has it too, it is copied first.
    fn page_mut(&mut self, number: usize) -> &mut Page {
        Arc::make_mut(&mut self[number].page)
    }

    /// Corrects the score of a node whose first entry has changed.
    fn renew(&mut self, number: usize) {
        let first = self[number].page.scores.first().copied();
        self[number].score = first.unwrap_or_default();
    }
}

impl Page {
    fn len(&self) -> usize {
        self.scores.len()
    }

    /// How many of the entries are before `bound`.
    fn count_before(&self, bound: &Bound<'_>) -> usize {
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

    fn insert(&mut self, position: usize, score: f64, member: Member) {
        if self.len() == self.scores.capacity() {
            // Not twice the size, as a Vec grows: there are many pages.
            let more = 1 + self.len() / 8;
            self.scores.reserve_exact(more);
            self.members.reserve_exact(more);
        }
        self.scores.insert(position, score);
        self.members.insert(position, member);
    }

    fn split_off(&mut self, at: usize) -> Self {
        let (scores, members) = (self.scores.split_off(at), self.members.split_off(at));
        self.scores.shrink_to_fit();
        self.members.shrink_to_fit();
        Self { scores, members }
    }

    fn append(&mut self, other: Self) {
        self.scores.extend(other.scores);
        self.members.extend(other.members);
    }

    fn entries(&self) -> impl DoubleEndedIterator<Item = (&[u8], f64)> {
        let members = self.members.iter().map(|member| &**member);
        members.zip(self.scores.iter().copied())
    }
}

/// In how many lanes a new node is: in each with a quarter of the chance of the one below
/// (`zslRandomLevel`).
fn random_height() -> usize {
    let quarters = fastrand::u32(..).trailing_zeros() as usize / 2;
    (1 + quarters).min(MAX_HEIGHT)
}

impl Default for SkipList {
    fn default() -> Self {
        let mut nodes = Nodes {
            pieces: Vec::new(),
            unused: END,
        };
        nodes.add(Node {
            back: END,
            ..Node::default()
        });
        Self { nodes, len: 0 }
    }
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
        self.nodes.renew(node);
        self.len += 1;
        for lane in 0..self.height() {
            self.nodes[path.0[lane].node].links[lane].span += 1;
        }
        if self.nodes[node].page.len() > MOST {
            // Entries that come in order leave full pages behind.
            let is_last = position == MOST && self.next(node) == END;
            let at = if is_last { MOST } else { MOST / 2 };
            self.divide(&path, at, random_height());
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

    /// Removes an entry, which must be there (`zslDelete`).
    pub fn remove(&mut self, score: f64, member: &[u8]) {
        let path = self.find(&Bound::entry(score, member).or_equal());
        let page = &self.nodes[path.0[0].node].page;
        let position = page.count_before(&Bound::entry(score, member));
        self.remove_at(&path, position);
    }

    /// Removes the entry with this rank, which must be there, and returns it.
    pub fn remove_rank(&mut self, rank: usize) -> (Member, f64) {
        let path = self.find_rank(rank);
        self.remove_at(&path, rank - path.0[0].rank)
    }

    /// The way to the node that holds the entry with this rank (`zslGetElementByRank`).
    fn find_rank(&self, rank: usize) -> Path {
        self.descend(|_, first| first <= rank)
    }

    /// Removes the entry at this position of the page that `path` leads to.
    fn remove_at(&mut self, path: &Path, position: usize) -> (Member, f64) {
        let node = path.0[0].node;
        for lane in 0..self.height() {
            self.nodes[path.0[lane].node].links[lane].span -= 1;
        }
        self.len -= 1;
        let page = &self.nodes[node].page;
        if page.len() == 1 && node != HEAD {
            let (member, score) = (Arc::clone(&page.members[0]), page.scores[0]);
            self.unlink(&Bound::entry(score, &member));
            return (member, score);
        }
        let page = self.nodes.page_mut(node);
        let removed = (page.members.remove(position), page.scores.remove(position));
        self.nodes.renew(node);
        self.merge_if_few(node);
        removed
    }

    /// Takes the entries of the next node into this one, if there is much room in both.
    fn merge_if_few(&mut self, node: usize) {
        let (next, left) = (self.next(node), self.nodes[node].page.len());
        if next == END || left >= FEW || left + self.nodes[next].page.len() > MOST {
            return;
        }
        let page = Arc::clone(&self.nodes[next].page);
        self.unlink(&Bound::entry(page.scores[0], &page.members[0]));
        self.nodes.page_mut(node).append(Arc::unwrap_or_clone(page));
        self.nodes.renew(node);
    }

    /// Takes the first node that is not before `bound` out of its lanes. The links that led to it
    /// pass over its entries now.
    fn unlink(&mut self, bound: &Bound<'_>) {
        let path = self.find(bound);
        let node = self.next(path.0[0].node);
        let links = std::mem::take(&mut self.nodes[node].links);
        for (lane, link) in links.iter().enumerate() {
            let before = &mut self.nodes[path.0[lane].node].links[lane];
            before.next = link.next;
            before.span += link.span;
        }
        if links[0].next != END {
            self.nodes[links[0].next].back = path.0[0].node;
        }
        self.nodes.remove(node);
    }

    /// The next node in lane 0.
    fn next(&self, node: usize) -> usize {
        self.nodes[node].links.first().map_or(END, |link| link.next)
    }

    /// The entries from this rank on.
    pub fn iter_from(&self, rank: usize) -> impl Iterator<Item = (&[u8], f64)> {
        let Step { node, rank: first } = self.find_rank(rank).0[0];
        let some = |node| (node != END).then_some(node);
        let nodes = std::iter::successors(Some(node), move |node| some(self.next(*node)));
        let entries = nodes.flat_map(|node| self.nodes[node].page.entries());
        entries.skip(rank - first)
    }

    /// The entries from this rank back to the first.
    pub fn iter_back_from(&self, rank: usize) -> impl Iterator<Item = (&[u8], f64)> {
        let Step { node, rank: first } = self.find_rank(rank).0[0];
        let some = |node| (node != END).then_some(node);
        let nodes = std::iter::successors(Some(node), move |node| some(self.nodes[*node].back));
        let entries = nodes.flat_map(|node| self.nodes[node].page.entries().rev());
        let after = (self.nodes[node].page.len()).saturating_sub(rank + 1 - first);
        entries.skip(after)
    }

    /// How many bytes of memory it takes without the members, about.
    pub fn size(&self) -> usize {
        let entry = size_of::<f64>() + size_of::<Member>();
        let nodes = self.nodes.pieces.iter().flat_map(|piece| piece.iter());
        let node = size_of::<Node>() + size_of::<Page>() + 2 * size_of::<usize>();
        nodes
            .map(|it| node + it.page.scores.capacity() * entry)
            .sum()
    }
}

#[cfg(test)]
#[path = "skiplist_tests.rs"]
mod tests;
