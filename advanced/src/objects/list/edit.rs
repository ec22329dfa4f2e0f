//! Changes in the middle of a list: nodes are cut in two, and merged again.

use std::ops::ControlFlow;

use super::node::Node;
use super::{At, List, Nodes, Shape, Side, Wanted};
use crate::objects::Object;

impl List {
    /// Puts an element beside the first that is `pivot`: before it on its left side, after it on
    /// its right. False if there is none.
    pub fn insert(&mut self, side: Side, pivot: &[u8], text: &[u8], shape: Shape) -> bool {
        let found = self
            .position(Wanted::new(pivot))
            .and_then(|index| self.nodes.find(index));
        if let Some((at, index)) = found {
            self.insert_at(at, index, side, text, shape);
            self.compress_ends(shape);
        }
        found.is_some()
    }

    /// The index of the first element that is wanted.
    pub(super) fn position(&self, wanted: Wanted<'_>) -> Option<usize> {
        let mut index = 0;
        let found = self.visit(0, self.len(), Side::Right, |element| {
            if wanted.is(element) {
                return ControlFlow::Break(index);
            }
            index += 1;
            ControlFlow::Continue(())
        });
        found.break_value()
    }

    /// Puts an element beside the one with this index in a node (`_quicklistInsert`).
    fn insert_at(&mut self, at: At, index: usize, side: Side, text: &[u8], shape: Shape) {
        let allows = |node: Option<&Node>| node.is_some_and(|node| node.allows(text.len(), shape));
        let gap = match side {
            Side::Left => index,
            Side::Right => index + 1,
        };
        if allows(self.nodes.get(at)) {
            return self.nodes.change(at, |node| node.insert(gap, text));
        }
        // At the edge of a full node, its neighbour may have room.
        let len = self.nodes.get(at).map_or(0, Node::len);
        if gap == 0 && side == Side::Left || gap == len && side == Side::Right {
            let neighbour = self.nodes.beside(at, side);
            if let Some(neighbour) = neighbour.filter(|it| allows(self.nodes.get(*it))) {
                let near = side.opposite();
                return self.nodes.change(neighbour, |node| node.push(near, text));
            }
            let place = if side == Side::Left { at } else { at.after() };
            let place = self.nodes.insert(place, Node::of(text, shape));
            return self.compress(place, shape);
        }
        self.split(at, gap, side, text, shape);
    }

    /// Cuts a node in two at a gap between its elements, and puts a new element into that gap.
    /// Then the nodes around it are merged where they fit into one.
    fn split(&mut self, at: At, gap: usize, side: Side, text: &[u8], shape: Shape) {
        let mut rest = self.nodes.change(at, |node| node.split_off(gap));
        if text.len() >= shape.large {
            let right = self.nodes.insert(at.after(), rest);
            self.nodes.insert(right, Node::of(text, shape));
            return;
        }
        match side {
            Side::Left => self.nodes.change(at, |node| node.push(Side::Right, text)),
            Side::Right => rest.push(Side::Left, text),
        }
        let right = self.nodes.insert(at.after(), rest);
        // The one of the two parts that did not get the element.
        let center = match side {
            Side::Left => Some(right),
            Side::Right => self.nodes.beside(right, Side::Left),
        };
        if let Some(center) = center {
            self.merge_around(center, shape);
        }
    }

    /// Merges the two nodes on each side of this one, and then it with its neighbours, where two fit
    /// into one (`_quicklistMergeNodes`).
    fn merge_around(&mut self, mut center: At, shape: Shape) {
        let left = |list: &Self, at| list.nodes.beside(at, Side::Left);
        // What lies on the right is merged first: that moves nothing on the left.
        if let Some(next) = self.nodes.beside(center, Side::Right) {
            self.merge(next, shape);
        }
        if let Some(far) = left(self, center).and_then(|near| left(self, near))
            && self.merge(far, shape)
        {
            center = self.nodes.beside(far, Side::Right).unwrap_or(far);
        }
        if let Some(near) = left(self, center)
            && self.merge(near, shape)
        {
            center = near;
        }
        self.merge(center, shape);
    }

    /// Merges a node with the next, if both fit into one. False if they do not, or if there is no
    /// next.
    pub(super) fn merge(&mut self, at: At, shape: Shape) -> bool {
        let Some(next) = self.nodes.beside(at, Side::Right) else {
            return false;
        };
        let pair = self.nodes.get(at).zip(self.nodes.get(next));
        let pair = pair.filter(|(node, other)| node.allows_merge(other, shape));
        let Some((_, other)) = pair else {
            return false;
        };
        let other = other.clone();
        self.nodes.change(at, |node| node.append(&other));
        self.nodes.remove(next);
        true
    }

    /// Gives the element with this index, which must be there, another value
    /// (`quicklistReplaceEntry`).
    pub fn set(&mut self, index: usize, text: &[u8], shape: Shape) {
        let Some((at, inside)) = self.nodes.find(index) else {
            return;
        };
        let is_large = text.len() >= shape.large;
        let is_plain = self.nodes.get(at).is_some_and(Node::is_plain);
        match (is_plain, is_large) {
            (false, false) => self.nodes.change(at, |node| node.replace(inside, text)),
            (true, true) => self.nodes.change(at, |node| *node = Node::of(text, shape)),
            // It needs a node of another kind: the new one goes in, then the old one goes.
            _ => {
                self.insert_at(at, inside, Side::Right, text, shape);
                self.remove(index, 1, shape);
            }
        }
    }

    /// Removes `count` elements from this index on, which must be there (`quicklistDelRange`).
    pub fn remove(&mut self, index: usize, count: usize, shape: Shape) {
        let mut left = count;
        let mut found = self.nodes.find(index);
        while let Some((at, index)) = found.filter(|_| left > 0) {
            let len = self.nodes.get(at).map_or(0, Node::len);
            let end = len.min(index.saturating_add(left));
            left -= end - index;
            let next = match end - index == len {
                true if self.nodes.count() == 1 => {
                    self.nodes = Nodes::default();
                    None
                }
                true => self.nodes.remove(at),
                false => {
                    self.nodes.change(at, |node| node.remove(index..end));
                    self.nodes.beside(at, Side::Right)
                }
            };
            found = next.map(|next| (next, 0));
        }
        self.compress_ends(shape);
    }

    /// Removes the elements that are wanted, at most `most` of them, from one end on. Returns how
    /// many there were.
    pub fn remove_all(
        &mut self,
        wanted: Wanted<'_>,
        from: Side,
        most: usize,
        shape: Shape,
    ) -> usize {
        let mut indexes = Vec::new();
        let len = self.len();
        let (first, direction) = match from {
            Side::Left => (0, Side::Right),
            Side::Right => (len.saturating_sub(1), Side::Left),
        };
        let mut seen = 0;
        let _ = self.visit(first, len, direction, |element| {
            if wanted.is(element) {
                indexes.push(seen);
            }
            seen += 1;
            match indexes.len() == most {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        // From the last to the first, so that the indexes of the others stay right.
        if from == Side::Right {
            indexes
                .iter_mut()
                .for_each(|index| *index = len - 1 - *index);
        } else {
            indexes.reverse();
        }
        for index in &indexes {
            self.remove(*index, 1, shape);
        }
        indexes.len()
    }

    /// Compresses a node, if as many nodes as that lie between it and both ends
    /// (`__quicklistCompress`).
    fn compress(&mut self, at: At, shape: Shape) {
        let is_inside = |side| {
            let mut steps = (0..shape.depth).scan(Some(at), |at, _| {
                *at = self.nodes.beside((*at)?, side);
                Some(*at)
            });
            steps.all(|at| at.is_some())
        };
        if shape.depth > 0 && is_inside(Side::Left) && is_inside(Side::Right) {
            self.nodes.change(at, Node::compress);
        }
    }

    /// After a change: the nodes near the ends are not compressed, and the next ones are.
    pub(super) fn compress_ends(&mut self, shape: Shape) {
        if shape.depth == 0 {
            return;
        }
        for side in [Side::Left, Side::Right] {
            let mut at = Some(self.nodes.end(side));
            for _ in 0..shape.depth {
                let Some(near) = at else {
                    return;
                };
                if self.nodes.get(near).is_some_and(Node::is_compressed) {
                    self.nodes.change(near, Node::decompress);
                }
                at = self.nodes.beside(near, side.opposite());
            }
            if let Some(inner) = at {
                self.compress(inner, shape);
            }
        }
    }
}

impl Side {
    pub fn opposite(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }
}
