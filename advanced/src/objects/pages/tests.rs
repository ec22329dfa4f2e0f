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

fn put(table: &mut Pages<Numbered>, number: u64, value: u64) -> bool {
    let key = key(number);
    table.upsert(&key, |it| it.1 = value, || Numbered(key.clone(), value))
}

fn filled(count: u64) -> Pages<Numbered> {
    let mut table = Pages::default();
    (0..count).for_each(|number| assert!(put(&mut table, number, number)));
    table
}

#[test]
fn it_is_a_map_while_it_grows_and_shrinks() {
    let (mut table, mut expected) = (Pages::default(), HashMap::new());
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
    assert_eq!((table.len(), table.pages.len), (0, 1));
}

#[test]
fn a_copy_shares_all_pages_but_those_that_change() {
    let mut table = filled(50_000);
    let copy = table.clone();
    put(&mut table, 7, 0);
    let shared = table.pages.iter().zip(copy.pages.iter());
    let shared = shared
        .filter(|(left, right)| Arc::ptr_eq(left, right))
        .count();
    assert_eq!(shared, copy.pages.len - 1);
    assert_eq!(copy.get(&key(7)).map(|it| it.1), Some(7));
    (0..50_000).for_each(|number| drop(table.remove(&key(number))));
    assert_eq!(copy.iter().count(), 50_000);
}

/// However the table grows and shrinks between the calls.
#[test]
fn a_scan_returns_what_stays() {
    for count in [1, 10, 300, 5000] {
        let mut table = filled(10_000);
        let (mut cursor, mut seen, mut calls) = (0, HashSet::new(), 0);
        loop {
            cursor = table.scan(cursor, count, |record| {
                seen.insert(record.1);
            });
            calls += 1;
            // The first thousand stay.
            for number in 1000..fastrand::u64(1000..20_000) {
                match calls % 2 {
                    0 => drop(table.remove(&key(number))),
                    _ => drop(put(&mut table, number, number)),
                }
            }
            if cursor == 0 {
                break;
            }
        }
        assert!(
            (0..1000).all(|number| seen.contains(&number)),
            "COUNT {count}"
        );
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
    assert!(Pages::<Numbered>::default().random().is_none());
}
