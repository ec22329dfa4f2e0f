//! Time in the store, with a clock that the tests move: none of them waits.

use super::*;
use crate::store::clock::Unit;

/// A store with `key` set to live for `ttl` milliseconds.
fn volatile(key: &[u8], ttl: i64) -> Store {
    let mut store = Store::default();
    add(&mut store, key, ttl);
    store
}

fn add(store: &mut Store, key: &[u8], ttl: i64) {
    let deadline = store.clock.moment(ttl, Unit::Milliseconds);
    store.insert_until(key, Value::from_bytes(b"value"), deadline);
}

/// How many samples of 100 it takes until no expired key is left.
fn samples_until_clean(store: &mut Store) -> usize {
    let mut samples = 1;
    while store.expire(100, 100).expired > 0 {
        samples += 1;
    }
    samples
}

#[test]
fn no_method_sees_a_key_whose_time_is_over() {
    type Look = fn(&mut Store) -> bool;
    // And how many keys there are when it has looked at a dead one.
    let looks: &[(&str, Look, usize)] = &[
        ("get", |store| store.get(b"k").is_some(), 0),
        (
            "get_for_write",
            |store| store.get_for_write(b"k").is_some(),
            0,
        ),
        ("contains", |store| store.contains(b"k"), 0),
        ("remove", |store| store.remove(b"k").is_some(), 0),
        ("rename", |store| store.rename(b"k", b"other"), 0),
        ("copy", |store| store.copy(b"k", b"other"), 0),
        ("keys", |store| store.keys().count() > 0, 1),
        ("random_key", |store| store.random_key().is_some(), 0),
        ("scan", |store| store.scan(0, 10).1.count() > 0, 0),
        (
            "upsert",
            |store| {
                let fresh = Value::Integer(7);
                store.upsert(b"k", fresh, |value| {
                    Ok::<_, ()>(*value != Value::Integer(7))
                }) == Ok(true)
            },
            1,
        ),
        ("deadline", |store| store.deadline(b"k").is_some(), 0),
        ("persist", |store| store.persist(b"k"), 0),
    ];
    for (name, sees, left) in looks {
        let mut store = volatile(b"k", 100);
        assert!(sees(&mut store), "{name} does not see a living key");
        let mut store = volatile(b"k", 100);
        store.clock.advance(101);
        assert!(!sees(&mut store), "{name} sees a dead key");
        assert_eq!(store.len(), *left, "keys after {name}");
    }
}

#[test]
fn a_deadline_goes_where_its_key_goes() {
    let mut store = volatile(b"a", 100);
    assert!(store.copy(b"a", b"b") && store.rename(b"a", b"c"));
    assert_eq!(store.deadline(b"a"), None);
    let deadline = store.deadline(b"b");
    assert!(deadline.is_some());
    assert_eq!(deadline, store.deadline(b"c"));
    store.set_bytes(b"b", b"new");
    assert_eq!(store.deadline(b"b"), None, "a new value, a new life");
    store.remove(b"c");
    assert_eq!(store.volatile_len(), 0);
}

#[test]
fn a_key_that_comes_back_does_not_inherit_its_end() {
    let mut store = volatile(b"k", 100);
    store.clock.advance(101);
    store.set_bytes(b"k", b"new");
    assert!(store.contains(b"k"));
    assert_eq!(store.volatile_len(), 0);
    assert_eq!(store.counters.expired, 1);
}

#[test]
fn samples_find_every_key_that_is_over_and_no_other() {
    let mut store = Store::default();
    for number in 0..5000 {
        let ttl = if number % 2 == 0 { 100 } else { 100_000 };
        add(&mut store, format!("key:{number}").as_bytes(), ttl);
        store.set_bytes(format!("lasting:{number}").as_bytes(), b"value");
    }
    store.clock.advance(101);
    let samples = samples_until_clean(&mut store);
    assert!(samples <= 52, "{samples} samples for one round");
    assert_eq!(store.len(), 7500);
    assert_eq!(store.volatile_len(), 2500);
    assert_eq!(store.counters.expired, 2500);
}

#[test]
fn memory_comes_back_without_a_read() {
    let mut store = Store::default();
    for number in 0..50_000 {
        add(&mut store, format!("key:{number}").as_bytes(), 100);
    }
    let full = (store.entries.capacity(), store.deadlines.capacity());
    store.clock.advance(101);
    samples_until_clean(&mut store);
    assert_eq!(store.len(), 0);
    assert!(store.entries.capacity() < full.0 / 10);
    assert!(store.deadlines.capacity() < full.1 / 10);
}

#[test]
fn scan_misses_no_living_key_while_dead_ones_are_removed() {
    let mut store = Store::default();
    for number in 0..1000 {
        let ttl = if number % 3 == 0 { 100 } else { 100_000 };
        add(&mut store, format!("{number}").as_bytes(), ttl);
    }
    store.clock.advance(101);
    let mut seen = std::collections::HashSet::new();
    let mut cursor = 0;
    loop {
        let (next, part) = store.scan(cursor, 7);
        seen.extend(part.map(|(key, _)| key.to_vec()));
        cursor = next;
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(seen.len(), 666);
    assert_eq!(store.len(), 666);
}

#[test]
fn a_sample_ends_with_its_looks_or_its_removals() {
    let mut store = Store::default();
    for number in 0..1000 {
        let ttl = if number < 500 { 100 } else { 100_000 };
        add(&mut store, format!("{number}").as_bytes(), ttl);
    }
    store.clock.advance(101);
    // From the last to the first: five hundred living ones, then the dead.
    let found = [(400, 30), (400, 30), (400, 30)].map(|(looks, removals)| {
        let sample = store.expire(looks, removals);
        (sample.looked_at, sample.expired)
    });
    assert_eq!(found, [(400, 0), (130, 30), (30, 30)]);
}
