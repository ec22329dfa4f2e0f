//! The table against the standard library's, and what a snapshot and a scan may rely on.

use std::collections::{HashMap, HashSet};

use super::*;

/// A key of its own, and a number.
#[derive(Debug, Clone, PartialEq)]
struct Numbered(Vec<u8>, u64);

impl Record for Numbered {
    fn key(&self) -> &[u8] {
        &self.0
    }
}

fn key(number: u64) -> Vec<u8> {
    format!("key:{number}").into_bytes()
}

fn put(table: &mut Dict<Numbered>, number: u64, value: u64) -> bool {
    let key = key(number);
    table.upsert(&key, |it| it.1 = value, || Numbered(key.clone(), value))
}

fn filled(count: u64) -> Dict<Numbered> {
    let mut table = Dict::default();
    (0..count).for_each(|number| assert!(put(&mut table, number, number)));
    table
}

/// Writes to it until it is in one piece.
fn finish(table: &mut Dict<Numbered>) {
    while table.rehash.is_some() {
        table.remove(b"not there");
    }
}

#[test]
fn it_is_a_map_while_it_grows_and_shrinks() {
    let (mut table, mut expected) = (Dict::default(), HashMap::new());
    for round in 0..60_000u64 {
        // More insertions first, more removals later.
        let number = fastrand::u64(..20_000);
        if fastrand::u64(..60_000) > round {
            assert_eq!(
                put(&mut table, number, round),
                expected.insert(number, round).is_none()
            );
        } else {
            let removed = table.remove(&key(number)).map(|it| it.1);
            assert_eq!(removed, expected.remove(&number));
        }
        assert_eq!(table.len(), expected.len());
    }
    for number in 0..20_000 {
        let found = table.get(&key(number)).map(|it| it.1);
        assert_eq!(found, expected.get(&number).copied());
    }
    assert_eq!(table.iter().count(), expected.len());
    for number in 0..20_000 {
        table.remove(&key(number));
    }
    finish(&mut table);
    assert_eq!((table.len(), table.main.size()), (0, SMALLEST));
}

#[test]
fn a_copy_shares_all_chunks_but_those_that_change() {
    let mut table = filled(50_000);
    finish(&mut table);
    let copy = table.clone();
    put(&mut table, 7, 0);
    let chunks = 0..copy.main.chunks();
    let shared = chunks.filter(|chunk| table.main.shares(&copy.main, *chunk));
    assert_eq!(shared.count(), copy.main.chunks() - 1);
    assert_eq!(copy.get(&key(7)).map(|it| it.1), Some(7));
    (0..50_000).for_each(|number| drop(table.remove(&key(number))));
    assert_eq!(copy.iter().count(), 50_000);
}

/// However the table grows and shrinks between the calls.
#[test]
fn a_scan_returns_what_stays() {
    for count in [1, 10, 300, 5000] {
        let mut table = filled(1000);
        let (mut cursor, mut seen) = (0, HashSet::new());
        let (mut next, mut grows, mut rehashes) = (1000, true, 0);
        loop {
            cursor = table.scan(cursor, count, |record| {
                seen.insert(record.1);
            });
            if cursor == 0 {
                break;
            }
            rehashes += usize::from(table.rehash.is_some());
            // The first thousand stay. With 9000 it has 16384 buckets, and shrinks again.
            for _ in 0..4 * count {
                grows = if grows { next < 9000 } else { next <= 1000 };
                match grows {
                    true => assert!(put(&mut table, next, next)),
                    false => assert!(table.remove(&key(next - 1)).is_some()),
                }
                next = if grows { next + 1 } else { next - 1 };
            }
        }
        assert!(rehashes > 0 || count > 10, "COUNT {count}");
        let missing = (0..1000).find(|number| !seen.contains(number));
        assert_eq!(missing, None, "COUNT {count}");
    }
}

#[test]
fn a_random_record_is_any_of_them() {
    let table = filled(1000);
    let mut seen = HashSet::new();
    // That one of them is not drawn in so many draws does not happen in the life of a universe.
    for _ in 0..100_000 {
        seen.extend(table.random().map(|it| it.1));
    }
    assert_eq!(seen.len(), 1000);
    assert!(Dict::<Numbered>::default().random().is_none());
}

/// The fifth record finds four buckets full. It is in the second table, and the four are where
/// they were.
#[test]
fn a_second_table_is_created_empty() {
    let mut table = filled(5);
    let Some(rehash) = &table.rehash else {
        panic!("five records in four buckets, and no second table");
    };
    let second: Vec<_> = rehash.target.iter().map(|it| it.1).collect();
    assert_eq!((table.main.size(), table.main.iter().count()), (4, 4));
    assert_eq!(
        (rehash.target.size(), rehash.index, second),
        (8, 0, vec![4])
    );
    assert!((0..5).all(|it| table.get(&key(it)).is_some()));
    assert!(!put(&mut table, 4, 44));
    assert_eq!(table.remove(&key(4)).map(|it| it.1), Some(44));
    assert_eq!((table.len(), table.iter().count()), (4, 4));
}

/// A chunk with each write, and no record is moved by the write that creates the second table.
#[test]
fn a_rehash_takes_a_step_with_each_write() {
    let mut table = filled(4096);
    assert!(table.rehash.is_none());
    let mut moved = Vec::new();
    for number in 4096.. {
        put(&mut table, number, number);
        match &table.rehash {
            Some(rehash) => moved.push((rehash.index, table.main.iter().count())),
            None => break,
        }
        let found = (0..=number).all(|it| table.get(&key(it)).is_some());
        assert!(found, "after {number}");
    }
    let indexes: Vec<_> = moved.iter().map(|it| it.0).collect();
    assert_eq!(
        indexes,
        (0..16).collect::<Vec<_>>(),
        "16 chunks; on the left the index after each write, until there was one table"
    );
    assert_eq!(
        moved[0].1, 4096,
        "the write that creates the second table moves nothing"
    );
    assert!(
        moved.is_sorted_by(|left, right| left.1 > right.1),
        "the index after each write, and the records left in the first table: {moved:?}"
    );
    assert_eq!(table.main.size(), 8192);
}

/// The number of a node has 16 bits. Its chunk has a bucket for each of its records on average, or a
/// few more at the end of a rehash, as the seed spreads the keys: it never comes near that limit.
#[test]
fn a_chunk_has_about_as_many_records_as_buckets() {
    let (mut table, mut most, mut fullest) = (Dict::default(), 0, 0.0f64);
    let growing = (0..40_000).map(|it| (it, true));
    // With a tenth of its 65,536 buckets in use it is rehashed, and meanwhile it grows again.
    let shrinking = (6_500..40_000).map(|it| (it, false));
    let again = (40_000..60_000).map(|it| (it, true));
    for (number, is_new) in growing.chain(shrinking).chain(again) {
        match is_new {
            true => assert!(put(&mut table, number, number)),
            false => assert!(table.remove(&key(number)).is_some()),
        }
        // What is in the table for new records, and how much room that has.
        let target = table.rehash.as_ref().map_or(&table.main, |it| &it.target);
        if number % 200 == 0 {
            let load = target.iter().count() as f64 / target.size() as f64;
            fullest = fullest.max(load);
            let chunks = (0..target.chunks()).map(|it| target.records(it));
            most = most.max(chunks.max().unwrap_or_default());
        }
    }
    assert!(fullest <= 1.1, "{fullest} records for each bucket");
    assert!(most < 2 * CHUNK, "{most} records in a chunk");
}

/// The bits of a cursor are counted from the highest: all of a bucket's halves, one after another.
#[test]
fn a_cursor_visits_each_bucket_once() {
    for mask in [0, 3, 255, 4095] {
        let cursors =
            std::iter::successors(Some(next(0, mask)), |cursor| Some(next(*cursor, mask)));
        let mut seen: Vec<_> = cursors.take_while(|it| *it != 0).collect();
        if mask >= 3 {
            let first = [mask / 2 + 1, mask / 4 + 1];
            assert_eq!(seen[..2], first, "the cursors after 0, for mask {mask}");
        }
        seen.sort_unstable();
        assert_eq!(seen, (1..=mask).collect::<Vec<_>>(), "for mask {mask}");
    }
}

/// Each record of either table is visited, and only once if nothing changes meanwhile.
#[test]
fn a_scan_of_two_tables_visits_both() {
    let growing = filled(4097);
    let mut shrinking = filled(4096);
    (400..4096).for_each(|number| drop(shrinking.remove(&key(number))));
    for mut table in [growing, shrinking] {
        for _ in 0..5 {
            put(&mut table, 0, 0);
        }
        let sizes: Vec<_> = table.tables().map(Buckets::size).collect();
        assert_eq!(sizes.len(), 2);
        let (mut cursor, mut seen, mut calls) = (0, Vec::new(), 0);
        loop {
            cursor = table.scan_bucket(cursor, &mut |record| seen.push(record.1));
            calls += 1;
            if cursor == 0 {
                break;
            }
        }
        seen.sort_unstable();
        let is_missing = |it: &&Numbered| seen.binary_search(&it.1).is_err();
        let missing = table.iter().filter(is_missing).count();
        assert_eq!(
            (missing, seen.len()),
            (0, table.len()),
            "records that were not visited, and how many visits there were"
        );
        let smaller = sizes[0].min(sizes[1]);
        assert_eq!(
            calls, smaller,
            "one call for each bucket of the smaller table"
        );
    }
}

#[test]
fn chains_are_whole_whatever_is_removed() {
    let mut table = filled(200);
    for number in (0..200).step_by(3) {
        assert_eq!(table.remove(&key(number)).map(|it| it.1), Some(number));
    }
    let in_chains: usize = (0..table.main.size())
        .map(|it| table.main.chain(it).count())
        .sum();
    assert_eq!(
        (in_chains, table.iter().count()),
        (133, 133),
        "records in chains, and in all chunks, after 67 of 200 were removed"
    );
    assert!((0..200).all(|it| table.get(&key(it)).is_some() == (it % 3 != 0)));
}
