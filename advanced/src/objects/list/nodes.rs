//! The nodes of a list, one after the other.
//!
//! Redis links them. To reach the element in the middle it then follows a pointer for each node
//! before it, and a list that a snapshot shares could not be changed without a copy of all of it.
//! Here they lie in pieces of [`PIECE`], and the pieces behind `Arc`s: a copy of the list takes
//! microseconds, a change copies one piece, and a search adds up the lengths of pieces first.
//!
//! Most lists have one node, and that needs none of this.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Side;
use super::node::Node;
use crate::util::copies;

/// How many nodes a piece has at most.
pub(super) const PIECE: usize = 64;

#[derive(Debug, Clone)]
pub enum Nodes {
    One(Node),
    Many(Box<Pieces>),
}

/// Pieces, none of which is empty.
#[derive(Debug, Clone)]
pub struct Pieces {
    pieces: VecDeque<Piece>,
    /// How many nodes there are, and how many elements.
    nodes: usize,
    len: usize,
}

#[derive(Debug, Clone)]
struct Piece {
    nodes: Arc<VecDeque<Node>>,
    /// How many elements there are in them.
    len: usize,
}

/// Where a node is. Any insertion or removal before it may move it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    piece: usize,
    node: usize,
}

const FIRST: At = At { piece: 0, node: 0 };

impl At {
    /// The place after this node.
    pub fn after(self) -> Self {
        Self {
            node: self.node + 1,
            ..self
        }
    }
}

impl Default for Nodes {
    /// One that is empty.
    fn default() -> Self {
        Self::One(Node::default())
    }
}

impl Nodes {
    /// How many nodes there are.
    pub fn count(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(many) => many.nodes,
        }
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        match self {
            Self::One(node) => node.len(),
            Self::Many(many) => many.len,
        }
    }

    /// The node, if there is one only.
    pub fn only(&self) -> Option<&Node> {
        match self {
            Self::One(node) => Some(node),
            Self::Many(_) => None,
        }
    }

    /// The first node or the last.
    pub fn end(&self, side: Side) -> At {
        match (self, side) {
            (Self::Many(many), Side::Right) => {
                let piece = many.pieces.len() - 1;
                let node = many.pieces[piece].nodes.len() - 1;
                At { piece, node }
            }
            _ => FIRST,
        }
    }

    pub fn get(&self, at: At) -> Option<&Node> {
        match self {
            Self::One(node) => (at == FIRST).then_some(node),
            Self::Many(many) => many.pieces.get(at.piece)?.nodes.get(at.node),
        }
    }

    /// The next node on this side.
    pub fn beside(&self, at: At, side: Side) -> Option<At> {
        let Self::Many(many) = self else {
            return None;
        };
        let is_last = |at: At| at.node + 1 == many.pieces[at.piece].nodes.len();
        let (piece, node) = match side {
            Side::Left if at.node > 0 => (at.piece, at.node - 1),
            Side::Left => {
                let piece = at.piece.checked_sub(1)?;
                (piece, many.pieces[piece].nodes.len() - 1)
            }
            Side::Right if is_last(at) => (at.piece + 1, 0),
            Side::Right => (at.piece, at.node + 1),
        };
        (piece < many.pieces.len()).then_some(At { piece, node })
    }

    /// The node that has the element with this index, and the element's index in it.
    pub fn find(&self, index: usize) -> Option<(At, usize)> {
        let many = match self {
            Self::One(node) => return (index < node.len()).then_some((FIRST, index)),
            Self::Many(many) => many,
        };
        let (piece, index) = find(many.pieces.iter().map(|it| it.len), index)?;
        let nodes = many.pieces[piece].nodes.iter();
        let (node, index) = find(nodes.map(Node::len), index)?;
        Some((At { piece, node }, index))
    }

    /// Lets `change` change a node that is there.
    pub fn change<R>(&mut self, at: At, change: impl FnOnce(&mut Node) -> R) -> R {
        let many = match self {
            Self::One(node) => return change(node),
            Self::Many(many) => many,
        };
        let piece = &mut many.pieces[at.piece];
        let node = &mut piece.nodes_mut()[at.node];
        let before = node.len();
        let result = change(node);
        let after = node.len();
        piece.len = piece.len - before + after;
        many.len = many.len - before + after;
        result
    }

    /// Puts a node there, before what is there. Returns where it is now.
    pub fn insert(&mut self, at: At, node: Node) -> At {
        if let Self::One(first) = self {
            *self = Self::Many(Pieces::new(std::mem::take(first)).into());
        }
        match self {
            Self::One(_) => FIRST,
            Self::Many(many) => many.insert(at, node),
        }
    }

    /// Removes a node that is not the only one. Returns where the one after it is now.
    pub fn remove(&mut self, at: At) -> Option<At> {
        let Self::Many(many) = self else {
            return None;
        };
        let next = many.remove(at);
        if many.nodes > 1 {
            return next;
        }
        let only = many.pieces.front_mut();
        let only = only.and_then(|piece| piece.nodes_mut().pop_front());
        *self = Self::One(only.unwrap_or_default());
        next.map(|_| FIRST)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Node> {
        let (one, many) = match self {
            Self::One(node) => (Some(node), None),
            Self::Many(many) => (None, Some(many)),
        };
        let pieces = many.into_iter().flat_map(|many| &many.pieces);
        one.into_iter()
            .chain(pieces.flat_map(|piece| piece.nodes.iter()))
    }
}

impl Piece {
    fn new(nodes: VecDeque<Node>) -> Self {
        Self {
            len: nodes.iter().map(Node::len).sum(),
            nodes: nodes.into(),
        }
    }

    /// The nodes, to be changed. If a snapshot has them too, they are copied first.
    fn nodes_mut(&mut self) -> &mut VecDeque<Node> {
        copies::count(&self.nodes, |it| it.len() * size_of::<Node>());
        Arc::make_mut(&mut self.nodes)
    }
}

impl Pieces {
    fn new(node: Node) -> Self {
        let len = node.len();
        Self {
            pieces: [Piece::new([node].into())].into(),
            nodes: 1,
            len,
        }
    }

    fn insert(&mut self, mut at: At, node: Node) -> At {
        let len = node.len();
        self.nodes += 1;
        self.len += len;
        if self.pieces[at.piece].nodes.len() == PIECE {
            // At the end of a full piece a new one begins; in its middle it is cut in two.
            if let At {
                node: 0 | PIECE, ..
            } = at
            {
                let at = At {
                    piece: at.piece + at.node / PIECE,
                    node: 0,
                };
                self.pieces.insert(at.piece, Piece::new([node].into()));
                return at;
            }
            at = self.divide(at);
        }
        let piece = &mut self.pieces[at.piece];
        piece.nodes_mut().insert(at.node, node);
        piece.len += len;
        at
    }

    /// Cuts a full piece in two. Returns where the node of this place is now.
    fn divide(&mut self, at: At) -> At {
        const HALF: usize = PIECE / 2;
        let piece = &mut self.pieces[at.piece];
        let rest = Piece::new(piece.nodes_mut().split_off(HALF));
        piece.len -= rest.len;
        self.pieces.insert(at.piece + 1, rest);
        match at.node {
            ..HALF => at,
            node => At {
                piece: at.piece + 1,
                node: node - HALF,
            },
        }
    }

    fn remove(&mut self, at: At) -> Option<At> {
        let piece = &mut self.pieces[at.piece];
        let nodes = piece.nodes_mut();
        let removed = nodes.remove(at.node)?.len();
        let left = nodes.len();
        piece.len -= removed;
        self.len -= removed;
        self.nodes -= 1;
        let next = match (left, at.node) {
            (0, _) => {
                self.pieces.remove(at.piece);
                At { node: 0, ..at }
            }
            (left, node) if node < left => at,
            _ => At {
                piece: at.piece + 1,
                node: 0,
            },
        };
        (next.piece < self.pieces.len()).then_some(next)
    }
}

/// Which of these lengths the index falls into, and the index in there.
fn find(lengths: impl Iterator<Item = usize>, mut index: usize) -> Option<(usize, usize)> {
    for (number, length) in lengths.enumerate() {
        if index < length {
            return Some((number, index));
        }
        index -= length;
    }
    None
}
