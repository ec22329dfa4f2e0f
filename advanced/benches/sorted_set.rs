//! The skip list of large sorted sets beside the design that was rejected: a balanced tree whose nodes
//! count what is below them. Run it with `cargo bench -p advanced --bench sorted_set`.
//!
//! The tree is a treap: its nodes are in the order of their entries from left to right, and in that of
//! random numbers from top to bottom, which keeps it balanced. A snapshot can share it, as it can share
//! the skip list, so its nodes are behind `Arc`s.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

use advanced::objects::sorted_set::{Bound, SkipList};

const ENTRIES: usize = 1_000_000;

/// How often something is done in one measurement of what is quick.
const TIMES: usize = 1000;

/// How many entries a range has.
const RANGE: usize = 100;

type Entry = (f64, Arc<[u8]>);

type Tree = Option<Arc<Node>>;

#[derive(Clone)]
struct Node {
    entry: Entry,
    /// Lower is further up.
    priority: u32,
    /// How many entries are in it and below it.
    size: usize,
    /// What comes before it, and what comes after it.
    children: [Tree; 2],
}

fn size(tree: &Tree) -> usize {
    tree.as_ref().map_or(0, |node| node.size)
}

fn insert(tree: &mut Tree, entry: Entry) {
    let Some(node) = tree.as_mut().map(Arc::make_mut) else {
        *tree = Some(Arc::new(Node {
            entry,
            priority: fastrand::u32(..),
            size: 1,
            children: [None, None],
        }));
        return;
    };
    let side = usize::from(node.entry < entry);
    insert(&mut node.children[side], entry);
    node.size += 1;
    let child = node.children[side].as_ref();
    if child.is_some_and(|child| child.priority < node.priority) {
        rotate(tree, side);
    }
}

/// Puts the child on this side in the place of its parent, which becomes its child.
fn rotate(tree: &mut Tree, side: usize) {
    let Some(mut parent) = tree.take() else {
        return;
    };
    let node = Arc::make_mut(&mut parent);
    if let Some(mut child) = node.children[side].take() {
        let top = Arc::make_mut(&mut child);
        top.size = node.size;
        node.children[side] = top.children[1 - side].take();
        node.size = 1 + size(&node.children[0]) + size(&node.children[1]);
        top.children[1 - side] = Some(parent);
        *tree = Some(child);
    }
}

fn rank(mut tree: &Tree, entry: &Entry) -> usize {
    let mut rank = 0;
    while let Some(node) = tree {
        let is_after = node.entry < *entry;
        if is_after {
            rank += 1 + size(&node.children[0]);
        }
        tree = &node.children[usize::from(is_after)];
    }
    rank
}

/// Calls `visit` with the scores from this rank on, as long as some are `left`.
fn range(tree: &Tree, rank: usize, left: &mut usize, visit: &mut impl FnMut(f64)) {
    let Some(node) = tree.as_ref().filter(|_| *left > 0) else {
        return;
    };
    let before = size(&node.children[0]);
    if rank < before {
        range(&node.children[0], rank, left, visit);
    }
    if rank <= before && *left > 0 {
        *left -= 1;
        visit(node.entry.0);
    }
    range(
        &node.children[1],
        rank.saturating_sub(before + 1),
        left,
        visit,
    );
}

/// So many entries in an order that has nothing to do with their scores.
fn entries(seed: u64, count: usize) -> Vec<Entry> {
    let mut random = fastrand::Rng::with_seed(seed);
    let entry = |number| {
        let member = format!("member:{seed}:{number}").into_bytes();
        (random.f64() * 1e6, member.into())
    };
    (0..count).map(entry).collect()
}

fn list_of(entries: &[Entry]) -> SkipList {
    let mut list = SkipList::default();
    for (score, member) in entries {
        list.insert(*score, Arc::clone(member));
    }
    list
}

fn tree_of(entries: &[Entry]) -> Tree {
    let mut tree = None;
    for entry in entries {
        insert(&mut tree, entry.clone());
    }
    tree
}

fn list_rank(list: &SkipList, (score, member): &Entry) -> usize {
    list.count_before(&Bound::entry(*score, member))
}

fn growth(c: &mut Criterion) {
    let all = entries(1, ENTRIES);
    let mut group = c.benchmark_group("growth to 1,000,000 entries");
    group.sample_size(10);
    group.bench_function("skip list", |b| {
        b.iter_with_large_drop(|| list_of(&all));
    });
    group.bench_function("tree", |b| b.iter_with_large_drop(|| tree_of(&all)));
    group.finish();
}

fn ranks_and_ranges(c: &mut Criterion) {
    let all = entries(1, ENTRIES);
    let (list, tree) = (list_of(&all), tree_of(&all));
    let some = &all[..TIMES];
    let ranks: Vec<usize> = some.iter().map(|entry| rank(&tree, entry)).collect();
    assert!(
        some.iter()
            .map(|entry| list_rank(&list, entry))
            .eq(ranks.iter().copied())
    );

    let mut group = c.benchmark_group("1,000 ranks");
    group.bench_function("skip list", |b| {
        b.iter(|| {
            some.iter()
                .map(|entry| list_rank(&list, entry))
                .sum::<usize>()
        });
    });
    group.bench_function("tree", |b| {
        b.iter(|| some.iter().map(|entry| rank(&tree, entry)).sum::<usize>());
    });
    group.finish();

    let mut group = c.benchmark_group("1,000 ranges of 100");
    group.bench_function("skip list", |b| {
        b.iter(|| {
            for rank in &ranks {
                let scores = list.iter_from(*rank).take(RANGE).map(|(_, score)| score);
                black_box(scores.sum::<f64>());
            }
        });
    });
    group.bench_function("tree", |b| {
        b.iter(|| {
            for rank in &ranks {
                let mut sum = 0.0;
                range(&tree, *rank, &mut RANGE.clone(), &mut |score| sum += score);
                black_box(sum);
            }
        });
    });
    group.finish();
}

/// What is shared with the snapshot is copied before it is changed.
fn after_a_snapshot(c: &mut Criterion) {
    let (all, new) = (entries(1, ENTRIES), entries(2, TIMES));
    let (list, tree) = (list_of(&all), tree_of(&all));
    let mut group = c.benchmark_group("the first 1,000 insertions after a snapshot");
    group.bench_function("skip list", |b| {
        let add = |mut list: SkipList| {
            for (score, member) in &new {
                list.insert(*score, Arc::clone(member));
            }
            list
        };
        b.iter_batched(|| list.clone(), add, BatchSize::PerIteration);
    });
    group.bench_function("tree", |b| {
        let add = |mut tree: Tree| {
            for entry in &new {
                insert(&mut tree, entry.clone());
            }
            tree
        };
        b.iter_batched(|| tree.clone(), add, BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group!(benches, growth, ranks_and_ranges, after_a_snapshot);
criterion_main!(benches);
