//! The nodes of a skip list, and where they lie. Links are numbers of nodes. Nodes lie in pieces behind
//! `Arc`s, and so does each page: a copy of the list shares them, and whoever changes one that a
//! snapshot has too copies that one first.

use std::ops::{Index, IndexMut};
use std::sync::Arc;

use smallvec::SmallVec;

use super::page::Page;
use crate::util::copies;

/// How many nodes are in one piece.
const PIECE: usize = 32;

/// The node at which every lane begins.
pub const HEAD: usize = 0;

/// No node: the end of a lane.
pub const END: usize = usize::MAX;

/// The nodes by their numbers.
#[derive(Debug, Clone)]
pub struct Nodes {
    pieces: Vec<Arc<Vec<Node>>>,
    /// A node that is not in use. Its `back` is the next such node.
    unused: usize,
}

/// A page of entries, and where each of its lanes goes on.
#[derive(Debug, Clone, Default)]
pub struct Node {
    /// The score of the first entry, so that a search seldom has to look into the page. Nobody asks
    /// for that of the head.
    pub score: f64,
    pub page: Arc<Page>,
    /// The node before it in lane 0.
    pub back: usize,
    /// One for each lane that it is in.
    pub links: SmallVec<[Link; 1]>,
}

/// The way from a node to the next in one lane.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// The next node in this lane.
    pub next: usize,
    /// How many entries there are from the first of this node to the first of the next.
    pub span: usize,
}

impl Default for Nodes {
    /// The head and nothing else.
    fn default() -> Self {
        let mut nodes = Self {
            pieces: Vec::new(),
            unused: END,
        };
        nodes.add(Node {
            back: END,
            ..Node::default()
        });
        nodes
    }
}

impl Index<usize> for Nodes {
    type Output = Node;

    fn index(&self, number: usize) -> &Node {
        &self.pieces[number / PIECE][number % PIECE]
    }
}

impl IndexMut<usize> for Nodes {
    fn index_mut(&mut self, number: usize) -> &mut Node {
        &mut piece_mut(&mut self.pieces[number / PIECE])[number % PIECE]
    }
}

/// The piece, to be changed. If a snapshot has it too, it is copied first.
fn piece_mut(piece: &mut Arc<Vec<Node>>) -> &mut Vec<Node> {
    copies::count(piece, |it| size_of_val(it.as_slice()));
    Arc::make_mut(piece)
}

impl Nodes {
    /// Adds a node, and returns its number.
    pub fn add(&mut self, node: Node) -> usize {
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
        let piece = piece_mut(&mut self.pieces[last]);
        piece.push(node);
        last * PIECE + piece.len() - 1
    }

    /// Removes a node, to which no link leads any more. Its number is given to another one later.
    pub fn remove(&mut self, number: usize) {
        self[number] = Node {
            back: self.unused,
            ..Node::default()
        };
        self.unused = number;
    }

    /// Those that are in use, and empty ones in the place of the others.
    pub fn iter(&self) -> impl Iterator<Item = &Node> {
        self.pieces.iter().flat_map(|piece| piece.iter())
    }

    /// The page of a node, to be changed. If a snapshot has it too, it is copied first.
    pub fn page_mut(&mut self, number: usize) -> &mut Page {
        let page = &mut self[number].page;
        copies::count(page, Page::size);
        Arc::make_mut(page)
    }

    /// Corrects the score of a node whose first entry has changed.
    pub fn renew(&mut self, number: usize) {
        let first = self[number].page.scores.first().copied();
        self[number].score = first.unwrap_or_default();
    }
}

impl Node {
    /// How many bytes of memory it takes without the members, about.
    pub fn size(&self) -> usize {
        /// What an `Arc` has in front of what it holds.
        const COUNTS: usize = 2 * size_of::<usize>();
        size_of::<Self>() + COUNTS + self.page.size()
    }
}
