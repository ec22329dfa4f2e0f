//! A list does what a vector does, whatever its nodes are; and a copy of it stays as it was.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::nodes::PIECE;
use super::*;
use crate::util::copies;

/// What can be done to a list. Indexes are taken modulo its length.
#[derive(Debug, Clone)]
enum Step {
    Push(Side, Vec<u8>),
    Pop(Side),
    Insert(Side, Vec<u8>, Vec<u8>),
    Set(usize, Vec<u8>),
    Remove(usize, usize),
    RemoveAll(Side, Vec<u8>, usize),
    Copy,
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => (-3..4).prop_map(|it: i32| it.to_string().into_bytes()),
        4 => (0..40usize).prop_map(|len| vec![b'x'; len]),
        1 => (4000..9000usize).prop_map(|len| vec![b'y'; len]),
    ]
}

fn end() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Left), Just(Side::Right)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (end(), text()).prop_map(|(side, text)| Step::Push(side, text)),
        1 => end().prop_map(Step::Pop),
        4 => (end(), text(), text()).prop_map(|(side, pivot, text)| Step::Insert(side, pivot, text)),
        2 => (any::<usize>(), text()).prop_map(|(index, text)| Step::Set(index, text)),
        1 => (any::<usize>(), 0..9usize).prop_map(|(index, count)| Step::Remove(index, count)),
        1 => (end(), text(), 1..4usize).prop_map(|(side, text, most)| Step::RemoveAll(side, text, most)),
        1 => Just(Step::Copy),
    ]
}

fn shape() -> impl Strategy<Value = Shape> {
    let fill = prop_oneof![Just(-2), Just(-1), Just(0), 1..6i64];
    let large = prop_oneof![Just(1 << 30), Just(30usize)];
    (fill, 0..3u64, large).prop_map(|(fill, depth, large)| Shape { fill, depth, large })
}

fn elements(list: &List) -> VecDeque<Vec<u8>> {
    let mut all = VecDeque::new();
    list.each(|element| all.push_back(element.bytes(&mut itoa::Buffer::new()).to_vec()));
    all
}

/// Does the same to a vector.
fn apply(model: &mut VecDeque<Vec<u8>>, step: &Step) {
    let at = |index: usize| index % model.len().max(1);
    match step {
        Step::Push(Side::Left, text) => model.push_front(text.clone()),
        Step::Push(Side::Right, text) => model.push_back(text.clone()),
        Step::Pop(Side::Left) => drop(model.pop_front()),
        Step::Pop(Side::Right) => drop(model.pop_back()),
        Step::Insert(side, pivot, text) => {
            if let Some(index) = model.iter().position(|it| it == pivot) {
                model.insert(index + usize::from(*side == Side::Right), text.clone());
            }
        }
        Step::Set(index, text) if !model.is_empty() => {
            let index = at(*index);
            model[index] = text.clone();
        }
        Step::Remove(index, count) => {
            let start = at(*index);
            model.drain(start..(start + count).min(model.len()));
        }
        Step::RemoveAll(side, text, most) => {
            let mut found: Vec<usize> = (0..model.len()).filter(|it| model[*it] == *text).collect();
            if *side == Side::Left {
                found.truncate(*most);
            } else {
                found.drain(..found.len().saturating_sub(*most));
            }
            found
                .iter()
                .rev()
                .for_each(|index| drop(model.remove(*index)));
        }
        Step::Set(..) | Step::Copy => {}
    }
}

fn change(list: &mut List, step: &Step, shape: Shape) {
    let len = list.len();
    match step {
        Step::Push(side, text) => list.push(*side, text, shape),
        Step::Pop(side) => _ = list.pop(*side, shape, |_| ()),
        Step::Insert(side, pivot, text) => _ = list.insert(*side, pivot, text, shape),
        Step::Set(index, text) if len > 0 => list.set(index % len, text, shape),
        Step::Remove(index, count) if len > 0 => {
            let start = index % len;
            list.remove(start, (*count).min(len - start), shape);
        }
        Step::RemoveAll(side, text, most) => {
            list.remove_all(Wanted::new(text), *side, *most, shape);
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn a_list_does_what_a_vector_does(shape in shape(), steps in prop::collection::vec(step(), 1..100)) {
        let (mut list, mut model) = (List::default(), VecDeque::new());
        let mut copy = (list.clone(), model.clone());
        for step in &steps {
            change(&mut list, step, shape);
            apply(&mut model, step);
            prop_assert_eq!(list.len(), model.len());
            if matches!(step, Step::Copy) {
                prop_assert_eq!(elements(&copy.0), copy.1);
                copy = (list.clone(), model.clone());
            }
        }
        prop_assert_eq!(elements(&list), model);
        prop_assert_eq!(elements(&copy.0), copy.1);
    }
}

fn number(list: &List, index: usize) -> Option<i64> {
    let found = list.get(index, |element| match element {
        Element::Integer(number) => Some(number),
        Element::Text(_) => None,
    });
    found.flatten()
}

/// A node may have four elements.
const FOUR: Shape = Shape {
    fill: 4,
    ..Shape::DEFAULT
};

/// A list of the numbers from 0 on, in nodes with so many of them.
fn nodes_of(lens: &[usize]) -> List {
    let (mut list, mut next) = (List::default(), 0);
    for len in lens {
        let mut node = Listpack::default();
        (next..next + len).for_each(|number| node.push(number.to_string().as_bytes()));
        list.push_listpack(node, FOUR);
        next += len;
    }
    list
}

/// The elements of each node, with a space between them.
fn shown(list: &List) -> Vec<String> {
    let nodes = list.nodes.iter().map(|node| {
        let mut words = Vec::new();
        let _ = node.visit(0..node.len(), false, &mut |element| {
            words.push(element.bytes(&mut itoa::Buffer::new()).to_vec());
            ControlFlow::<()>::Continue(())
        });
        String::from_utf8_lossy(&words.join(&b' ')).into_owned()
    });
    nodes.collect()
}

/// Puts `x` beside an element, and shows the nodes.
fn inserted(list: &mut List, side: Side, pivot: &str) -> Vec<String> {
    assert!(list.insert(side, pivot.as_bytes(), b"x", FOUR));
    shown(list)
}

#[test]
fn a_full_node_is_cut_in_two_at_the_gap() {
    let mut list = nodes_of(&[4, 4]);
    let nodes = inserted(&mut list.clone(), Side::Right, "1");
    assert_eq!(nodes, ["0 1", "x 2 3", "4 5 6 7"], "x to the right of 1");
    let nodes = inserted(&mut list.clone(), Side::Left, "6");
    assert_eq!(nodes, ["0 1 2 3", "4 5 x", "6 7"], "x to the left of 6");
    assert_eq!(list.len(), 8);
    let large = Shape { large: 5, ..FOUR };
    assert!(list.insert(Side::Left, b"2", b"large", large));
    assert_eq!(shown(&list), ["0 1", "large", "2 3", "4 5 6 7"]);
    assert_eq!(list.len(), 9);
    // In a full piece, a new node moves others.
    for (side, text, nodes) in [
        (Side::Left, "x", &["160 x", "161 162 163"][..]),
        (Side::Right, "x", &["160 161", "x 162 163"]),
        (Side::Right, "large", &["160 161", "large", "162 163"]),
    ] {
        let mut list = nodes_of(&[4; PIECE]);
        assert!(list.insert(side, b"161", text.as_bytes(), large));
        let nodes_there = &shown(&list)[40..40 + nodes.len()];
        assert_eq!(nodes_there, nodes, "{text} at 161 in a full piece");
    }
}

#[test]
fn two_nodes_that_fit_into_one_are_merged() {
    let mut list = nodes_of(&[2, 2, 1]);
    let first = list.nodes.end(Side::Left);
    assert!(list.merge(first, FOUR));
    assert_eq!(shown(&list), ["0 1 2 3", "4"]);
    assert!(!list.merge(first, FOUR), "five are too many");
    assert!(!list.merge(list.nodes.end(Side::Right), FOUR), "no next");
    assert_eq!((list.len(), number(&list, 4)), (5, Some(4)));
    let mut list = nodes_of(&[1]);
    list.push_plain(b"large".to_vec(), FOUR);
    assert!(!list.merge(first, FOUR), "one of them is no listpack");
}

/// In each, the node with the pivot is full.
#[test]
fn around_a_cut_small_nodes_are_merged() {
    use Side::{Left, Right};
    for (lens, side, pivot, nodes) in [
        // The two on the left; the two on the right.
        (&[2, 1, 4][..], Left, "5", &["0 1", "2 3 4 x", "5 6"][..]),
        (&[4, 1], Right, "1", &["0 1", "x 2 3 4"]),
        // The part without the new element, and the node on its left.
        (&[1, 4], Right, "3", &["0 1 2 3", "x 4"]),
        // The same after the two on the left have become one.
        (&[1, 1, 4, 4], Right, "3", &["0 1 2 3", "x 4 5", "6 7 8 9"]),
        // The part without the new element, and the node on its right.
        (&[1, 2, 4, 1], Left, "5", &["0", "1 2", "3 4 x", "5 6 7"]),
        // On both sides.
        (&[1, 4, 1], Right, "2", &["0 1 2", "x 3 4 5"]),
    ] {
        let found = inserted(&mut nodes_of(lens), side, pivot);
        assert_eq!(
            found, nodes,
            "nodes of {lens:?}, x {side:?} of {pivot}; `split` names the part without x as center"
        );
    }
    // In a full piece, where the new node moves others: the node that is cut is between small ones.
    let mut lens = [4; PIECE];
    (lens[40], lens[42]) = (1, 1);
    let nodes = inserted(&mut nodes_of(&lens), Right, "162");
    let expected = ["160 161 162", "x 163 164 165", "166 167 168 169"];
    assert_eq!(nodes[40..43], expected, "in a full piece");
    // A large element is a node, and nothing is merged.
    let mut list = nodes_of(&[2, 1, 4]);
    let large = Shape { large: 5, ..FOUR };
    assert!(list.insert(Left, b"5", b"large", large));
    assert_eq!(shown(&list), ["0 1", "2", "3 4", "large", "5 6"]);
}

/// Before an insertion, an element is thought to take more than it does. So both parts may fit into
/// one again, with the new element; and so may a small node on each side.
#[test]
fn what_was_cut_may_fit_into_one_node() {
    for (sides, index) in [
        (&[][..], 1),
        (&[Side::Left], 2),
        (&[Side::Left, Side::Right], 2),
    ] {
        let mut list = List::default();
        for len in [4000, 4000, 169] {
            list.push(Side::Right, &vec![b'y'; len], Shape::DEFAULT);
        }
        let node = list.nodes.get(list.nodes.end(Side::Left));
        assert!(node.is_some_and(|node| !node.allows(1, Shape::DEFAULT)));
        for side in sides {
            list.push(*side, b"0", Shape::DEFAULT);
        }
        assert_eq!(list.nodes.count(), 1 + sides.len());
        assert!(list.insert(Side::Right, &[b'y'; 4000], b"1", Shape::DEFAULT));
        assert_eq!(
            (list.nodes.count(), number(&list, index)),
            (1, Some(1)),
            "small nodes on these sides of the one that is cut: {sides:?}"
        );
    }
}

#[test]
fn pieces_of_nodes_grow_and_go() {
    let shape = Shape {
        fill: 1,
        ..Shape::DEFAULT
    };
    let mut list = List::default();
    (0..500).for_each(|number: i32| list.push(Side::Right, number.to_string().as_bytes(), shape));
    (1..300).for_each(|number: i32| list.push(Side::Left, (-number).to_string().as_bytes(), shape));
    assert!((0..799).all(|index| number(&list, index) == Some(index as i64 - 299)));
    // In the middle of full pieces.
    for pivot in (0..400).step_by(7) {
        let pivot = pivot.to_string();
        assert!(list.insert(Side::Left, pivot.as_bytes(), b"x", shape));
    }
    assert_eq!(
        list.remove_all(Wanted::new(b"x"), Side::Right, usize::MAX, shape),
        58
    );
    assert!((0..799).all(|index| number(&list, index) == Some(index as i64 - 299)));
    list.remove(1, 797, shape);
    assert_eq!(
        (number(&list, 0), number(&list, 1), list.nodes.count()),
        (Some(-299), Some(499), 2)
    );
    list.remove(0, 1, shape);
    assert!(matches!(list.nodes, Nodes::One(_)));
}

#[test]
fn nodes_inside_are_compressed() {
    let shape = Shape {
        depth: 1,
        ..Shape::DEFAULT
    };
    let mut list = List::default();
    (0..10_000).for_each(|_| list.push(Side::Left, b"the same again and again", shape));
    let inside = |list: &List| {
        let states: Vec<bool> = list.nodes.iter().map(Node::is_compressed).collect();
        assert!(!states[0] && !states[states.len() - 1]);
        states.iter().filter(|it| **it).count()
    };
    let nodes = list.nodes.count();
    assert_eq!(inside(&list), nodes - 2);
    assert!(list.size(usize::MAX) < 40_000);
    list.set(5000, b"another", shape);
    assert_eq!(inside(&list), nodes - 2);
    (0..600).for_each(|_| _ = list.pop(Side::Left, shape, |_| ()));
    assert_eq!(inside(&list), list.nodes.count() - 2);
    assert_eq!(list.position(Wanted::new(b"another")), Some(4400));
}

/// Tests that run at the same time may add to it.
#[test]
fn what_is_copied_of_a_list_is_counted() {
    let (mut list, text) = (List::default(), [b'x'; 100]);
    let (fill, depth, large) = (-2, 0, 1 << 30);
    let shape = Shape { fill, depth, large };
    (0..10_000).for_each(|_| list.push(Side::Right, &text, shape));
    let (_copy, before) = (list.clone(), copies::bytes());
    list.set(5000, &[b'y'; 100], shape);
    let copied = copies::bytes() - before;
    assert!(copied > 4000, "only {copied} bytes were copied");
}
