//! The list: elements in the order in which they were put there (`quicklist.c` in Redis).
//!
//! A list is used at its ends, and should take little more memory than its elements. A linked list
//! has cheap ends, but two pointers for each element; one listpack has no pointers, but each write
//! moves all that follows. So a list is a sequence of nodes, each a listpack of at most eight
//! kilobytes (`list-max-listpack-size`): a write moves at most that much, and the pointers are
//! shared by hundreds of elements.
//!
//! An element that is inserted into a full node cuts it in two (`edit.rs`). Nodes beside it that
//! have become small enough are merged, so that a list does not end up as many small nodes.
//!
//! Redis fixes the parameters of a list when it is created. Here the [`Shape`] of now counts.

mod edit;
mod node;
mod nodes;

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::{Digest, Element, Listpack, Object, Output, Write};
use crate::resp::parse_integer;

use node::Node;
use nodes::{At, Nodes};

/// How many elements one RPUSH of an AOF has at most (`AOF_REWRITE_ITEMS_PER_CMD`).
const ELEMENTS_PER_COMMAND: usize = 64;

/// How lists are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// `list-max-listpack-size`: how large a node may be.
    pub fill: i64,
    /// `list-compress-depth`: how many nodes at each end are not compressed; 0 compresses none.
    pub depth: u64,
    /// From so many bytes on an element has a node of its own (`packed_threshold`).
    pub large: usize,
}

impl Shape {
    /// As Redis has it without a configuration.
    pub const DEFAULT: Self = Self {
        fill: -2,
        depth: 0,
        large: 1 << 30,
    };
}

/// An end of a list, or a direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The head.
    Left,
    /// The tail.
    Right,
}

/// Elements in their order.
#[derive(Debug, Clone, Default)]
pub struct List {
    nodes: Nodes,
}

/// What an element is compared with. An element that is a number is kept as one.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    text: &'a [u8],
    number: Option<i64>,
}

impl<'a> Wanted<'a> {
    pub fn new(text: &'a [u8]) -> Self {
        let number = parse_integer(text);
        Self { text, number }
    }

    pub fn is(&self, element: Element<'_>) -> bool {
        match element {
            Element::Text(bytes) => bytes == self.text,
            Element::Integer(value) => Some(value) == self.number,
        }
    }
}

impl List {
    /// Puts an element at one end (`quicklistPush`).
    pub fn push(&mut self, side: Side, text: &[u8], shape: Shape) {
        let at = self.nodes.end(side);
        let node = self.nodes.get(at);
        if node.is_some_and(|node| node.allows(text.len(), shape)) {
            self.nodes.change(at, |node| node.push(side, text));
            return;
        }
        self.push_node(side, Node::of(text, shape));
        self.compress_ends(shape);
    }

    fn push_node(&mut self, side: Side, node: Node) {
        let at = self.nodes.end(side);
        match side {
            _ if self.len() == 0 => self.nodes = Nodes::One(node),
            Side::Left => _ = self.nodes.insert(at, node),
            Side::Right => _ = self.nodes.insert(at.after(), node),
        }
    }

    /// Appends a listpack as a node. For a file.
    pub fn push_listpack(&mut self, list: Listpack, shape: Shape) {
        if list.len() > 0 {
            self.push_node(Side::Right, Node::packed(list));
            self.compress_ends(shape);
        }
    }

    /// Appends an element as a node. For a file.
    pub fn push_plain(&mut self, bytes: Vec<u8>, shape: Shape) {
        self.push_node(Side::Right, Node::plain(bytes));
        self.compress_ends(shape);
    }

    /// Removes the element at one end, after `read` has seen it. `None` if there is none.
    pub fn pop<R>(
        &mut self,
        side: Side,
        shape: Shape,
        read: impl FnOnce(Element<'_>) -> R,
    ) -> Option<R> {
        let at = self.nodes.end(side);
        // Mostly others stay in its node.
        if let Some((element, bytes)) = self.nodes.get(at).and_then(|node| node.last(side)) {
            let result = read(element);
            self.nodes.change(at, |node| node.take_off(bytes));
            self.compress_ends(shape);
            return Some(result);
        }
        let index = match side {
            Side::Left => 0,
            Side::Right => self.len().checked_sub(1)?,
        };
        let result = self.get(index, read)?;
        self.remove(index, 1, shape);
        Some(result)
    }

    /// Lets `read` see the element with this index. `None` if there is none.
    pub fn get<R>(&self, index: usize, read: impl FnOnce(Element<'_>) -> R) -> Option<R> {
        let mut read = Some(read);
        let found = self.visit(index, 1, Side::Right, |element| {
            ControlFlow::Break(read.take().map(|read| read(element)))
        });
        found.break_value().flatten()
    }

    /// Calls `visit` with `count` elements from this index on, which must be there, until it
    /// breaks. [`Side::Left`] goes backwards.
    pub fn visit<B>(
        &self,
        index: usize,
        count: usize,
        direction: Side,
        mut visit: impl FnMut(Element<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let mut left = count;
        let mut found = self.nodes.find(index);
        while let Some((at, index)) = found.filter(|_| left > 0) {
            let Some(node) = self.nodes.get(at) else {
                break;
            };
            let range = match direction {
                Side::Right => index..node.len().min(index.saturating_add(left)),
                Side::Left => (index + 1).saturating_sub(left)..index + 1,
            };
            left -= range.len();
            node.visit(range, direction == Side::Left, &mut visit)?;
            let next = self.nodes.beside(at, direction);
            found = next.and_then(|next| {
                let last = self.nodes.get(next)?.len() - 1;
                Some((next, if direction == Side::Left { last } else { 0 }))
            });
        }
        ControlFlow::Continue(())
    }

    /// All elements.
    fn each(&self, mut visit: impl FnMut(Element<'_>)) {
        let _ = self.visit(0, self.len(), Side::Right, |element| {
            visit(element);
            ControlFlow::<()>::Continue(())
        });
    }

    /// How the nodes are filled, for DEBUG OBJECT.
    pub fn statistics(&self, shape: Shape) -> String {
        let (count, len) = (self.nodes.count(), self.nodes.len());
        let average = len as f64 / count as f64;
        let size: usize = self.nodes.iter().map(Node::size).sum();
        format!(
            " ql_nodes:{count} ql_avg_node:{average:.2} ql_listpack_max:{} ql_compressed:{} \
             ql_uncompressed_size:{size}",
            shape.fill,
            u8::from(shape.depth > 0),
        )
    }
}

impl Object for List {
    fn type_name(&self) -> &'static str {
        "list"
    }

    fn encoding(&self) -> &'static str {
        "quicklist"
    }

    fn len(&self) -> usize {
        self.nodes.len()
    }

    fn size(&self, samples: usize) -> usize {
        let sizes = self.nodes.iter().take(samples).map(Node::memory);
        let (count, total) = sizes.fold((0, 0), |(count, total), size| (count + 1, total + size));
        let node = size_of::<Node>() + size_of::<Arc<Listpack>>() + size_of::<Listpack>();
        size_of::<Self>() + self.nodes.count() * (node + total / count.max(1))
    }

    fn front(&self) -> &[u8] {
        self.nodes.only().map_or(&[], Node::front)
    }

    fn take(&mut self) -> Arc<dyn Object> {
        Arc::new(std::mem::take(self))
    }

    fn copy(&self) -> Arc<dyn Object> {
        Arc::new(self.clone())
    }

    fn kind(&self) -> u8 {
        18
    }

    fn save(&self, output: &mut dyn Output) -> io::Result<()> {
        output.length(self.nodes.count());
        self.nodes.iter().try_for_each(|node| node.save(output))
    }

    fn commands(&self, key: &[u8], write: &mut Write<'_>) -> io::Result<()> {
        let mut start = 0;
        while start < self.len() {
            let count = ELEMENTS_PER_COMMAND.min(self.len() - start);
            let mut words = vec![b"RPUSH".to_vec(), key.to_vec()];
            let _ = self.visit(start, count, Side::Right, |element| {
                words.push(element.bytes(&mut itoa::Buffer::new()).to_vec());
                ControlFlow::<()>::Continue(())
            });
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            write(&words)?;
            start += count;
        }
        Ok(())
    }

    fn digest(&self, digest: &mut Digest) {
        /// `OBJ_LIST`
        const TYPE: u32 = 1;
        digest.append(&TYPE.to_be_bytes());
        self.each(|element| digest.append(element.bytes(&mut itoa::Buffer::new())));
    }
}

#[cfg(test)]
mod stalls;
#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
