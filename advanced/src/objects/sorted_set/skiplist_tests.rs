//! Against a vector that is kept in order, with all spans and links looked at.

use std::sync::Arc;

use proptest::prelude::*;

use super::page::Page;
use super::*;
use crate::util::copies;

fn member(number: u16) -> Member {
    number.to_string().into_bytes().into()
}

/// Looks at what must be true of every skip list.
fn check(list: &SkipList, expected: &[(f64, Member)]) {
    assert_eq!(list.len(), expected.len());
    let found: Vec<_> = list
        .iter_from(0)
        .map(|(m, s)| (s, Member::from(m)))
        .collect();
    assert_eq!(found, expected);
    let mut back: Vec<_> = (list.iter_back_from(list.len().saturating_sub(1)))
        .map(|(m, s)| (s, Member::from(m)))
        .collect();
    back.reverse();
    assert_eq!(back, expected);
    for lane in 0..list.height() {
        let (mut node, mut rank) = (HEAD, 0);
        while node != END {
            let Link { next, span } = list.nodes[node].links[lane];
            rank += span;
            if next != END {
                let page = &list.nodes[next].page;
                assert_eq!(
                    (page.scores[0], &page.members[0]),
                    (expected[rank].0, &expected[rank].1),
                    "lane {lane}: where a node should begin, {rank} entries are before it"
                );
                assert_eq!(list.nodes[next].score, page.scores[0]);
                assert!(page.len() <= MOST);
            }
            node = next;
        }
        assert_eq!(rank, list.len(), "lane {lane}");
    }
}

fn position(expected: &[(f64, Member)], score: f64, member: &Member) -> usize {
    expected.partition_point(|(s, m)| (*s, m) < (score, member))
}

fn insert(list: &mut SkipList, expected: &mut Vec<(f64, Member)>, score: f64, member: Member) {
    let at = position(expected, score, &member);
    if expected.get(at) != Some(&(score, Arc::clone(&member))) {
        expected.insert(at, (score, Arc::clone(&member)));
        list.insert(score, member);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn entries_come_and_go(
        changes in prop::collection::vec((0u16..900, 0u8..4, 0u8..9), 1..3000),
    ) {
        let (mut list, mut expected) = (SkipList::default(), Vec::new());
        let mut snapshots = Vec::new();
        for (number, score, what) in changes {
            let score = f64::from(score);
            if what < 6 {
                insert(&mut list, &mut expected, score, member(number));
            } else if !expected.is_empty() {
                let rank = usize::from(number) % expected.len();
                let (score, member) = expected.remove(rank);
                match what {
                    6 => list.remove(score, &member),
                    _ => assert_eq!(list.remove_rank(rank), (member, score)),
                }
            }
            if snapshots.len() < 3 && expected.len() % 200 == 199 {
                snapshots.push((list.clone(), expected.clone()));
            }
        }
        check(&list, &expected);
        for (list, expected) in snapshots {
            check(&list, &expected);
        }
    }
}

/// Tests that run at the same time may add to it.
#[test]
fn what_is_copied_is_counted() {
    let mut list = SkipList::default();
    (0..5000).for_each(|number| list.insert(f64::from(number), member(number)));
    let (_copy, before) = (list.clone(), copies::bytes());
    list.insert(2500.5, member(5000));
    let copied = copies::bytes() - before;
    assert!(copied > 1000, "only {copied} bytes were copied");
}

#[test]
fn every_rank_is_found_and_all_is_removed() {
    let (mut list, mut expected) = (SkipList::default(), Vec::new());
    for number in 0..5000u16 {
        let score = f64::from(number.wrapping_mul(40503) % 1000);
        insert(&mut list, &mut expected, score, member(number));
    }
    check(&list, &expected);
    for (rank, (score, member)) in expected.iter().enumerate() {
        assert_eq!(list.count_before(&Bound::entry(*score, member)), rank);
        assert_eq!(list.iter_from(rank).next(), Some((&**member, *score)));
        assert_eq!(list.iter_back_from(rank).next(), Some((&**member, *score)));
    }
    assert_eq!(
        list.count_before(&Bound::score(500.0)),
        expected.partition_point(|it| it.0 < 500.0)
    );
    assert_eq!(
        list.count_before(&Bound::score(500.0).or_equal()),
        expected.partition_point(|it| it.0 <= 500.0)
    );
    while !expected.is_empty() {
        let rank = expected.len() * 7 / 11;
        let (score, member) = expected.remove(rank);
        list.remove(score, &member);
        if expected.len() % 500 == 0 {
            check(&list, &expected);
        }
    }
}

/// Entries in order leave full pages behind, whatever order it is that fills others by half.
#[test]
fn pages_are_full() {
    let mut list = SkipList::default();
    for number in 0..10_000u16 {
        list.insert(f64::from(number), member(number));
    }
    let pages = iter::successors(Some(HEAD), |node| {
        Some(list.next(*node)).filter(|it| *it != END)
    });
    assert_eq!(pages.count(), 10_000_usize.div_ceil(MOST));
}

/// With one lane, a search passes every node; with all nodes in all lanes, too. The seed is always the
/// same.
#[test]
fn one_node_of_four_is_in_the_next_lane_too() {
    fastrand::seed(1);
    let heights: Vec<usize> = (0..40_000).map(|_| random_height()).collect();
    assert!(heights.iter().all(|it| (1..=MAX_HEIGHT).contains(it)));
    let at_least = |height| heights.iter().filter(|it| **it >= height).count();
    for height in 1..4 {
        let (here, above) = (at_least(height), at_least(height + 1));
        assert!(
            (here / 5..here / 3).contains(&above),
            "of {here} nodes in {height} lanes or more, {above} are in one more"
        );
    }
}

/// A list as it is drawn above, with one letter for each entry: `abc|d|e|fgh` are four nodes. The
/// scores are 0, 10, 20, …; n1 is in two lanes, n3 in three.
fn by_hand() -> SkipList {
    let mut list = SkipList::default();
    let node = |letters: &str, first: usize, back, links: &[(usize, usize)]| Node {
        score: (first * 10) as f64,
        page: Arc::new(Page {
            scores: (first..first + letters.len())
                .map(|rank| (rank * 10) as f64)
                .collect(),
            members: letters
                .bytes()
                .map(|letter| Member::from([letter]))
                .collect(),
        }),
        back,
        links: links
            .iter()
            .map(|&(next, span)| Link { next, span })
            .collect(),
    };
    list.nodes[HEAD] = node("abc", 0, END, &[(1, 3), (1, 3), (3, 5)]);
    list.nodes.add(node("d", 3, HEAD, &[(2, 1), (3, 2)]));
    list.nodes.add(node("e", 4, 1, &[(3, 1)]));
    list.nodes
        .add(node("fgh", 5, 2, &[(END, 3), (END, 3), (END, 3)]));
    list.len = 8;
    list
}

fn letters() -> Vec<(f64, Member)> {
    let letters = b"abcdefgh".iter().enumerate();
    letters
        .map(|(rank, letter)| ((rank * 10) as f64, Member::from([*letter])))
        .collect()
}

#[test]
fn a_search_takes_the_highest_lane_first_and_adds_up_the_spans() {
    let list = by_hand();
    check(&list, &letters());
    for (score, path) in [
        (5.0, [(0, 0), (0, 0), (0, 0)]),
        (35.0, [(1, 3), (1, 3), (0, 0)]),
        (45.0, [(2, 4), (1, 3), (0, 0)]),
        (60.0, [(3, 5), (3, 5), (3, 5)]),
    ] {
        let found = list.find(&Bound::score(score));
        let found = found.0.map(|step| (step.node, step.rank));
        assert_eq!(found[..3], path, "the way to {score}, from lane 0 up");
    }
    for (rank, (score, member)) in letters().iter().enumerate() {
        assert_eq!(list.count_before(&Bound::entry(*score, member)), rank);
    }
}

#[test]
fn a_new_entry_makes_the_links_that_pass_over_it_longer() {
    for (rank, score) in [-5.0, 5.0, 25.0, 35.0, 45.0, 55.0, 75.0]
        .into_iter()
        .enumerate()
    {
        let (mut list, mut expected) = (by_hand(), letters());
        insert(&mut list, &mut expected, score, member(rank as u16));
        check(&list, &expected);
    }
}

#[test]
fn a_full_page_is_divided_and_the_new_node_is_in_its_lanes() {
    // The last node is divided, and the first, after which others come.
    for (score, at, height) in [(75.0, 1, 1), (75.0, 2, 3), (75.0, 1, 4), (15.0, 2, 2)] {
        let (mut list, expected) = (by_hand(), letters());
        let path = list.find(&Bound::score(score));
        list.divide(&path, at, height);
        check(&list, &expected);
        assert_eq!(list.height(), height.max(3));
        assert_eq!(list.nodes[4].links.len(), height);
        assert_eq!(list.nodes[4].page.len(), 3 - at);
    }
}
