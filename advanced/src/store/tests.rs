//! Time in the store, with a clock that the tests move: none of them waits.

use super::*;
use crate::objects::{Hash, Limits};
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
    // And how many keys there are when it has looked at a dead one: where that is removed,
    // and where it is hidden until the primary says so.
    let looks: &[(&str, Look, usize, usize)] = &[
        ("get", |store| store.get(b"k").is_some(), 0, 1),
        (
            "get_for_write",
            |store| store.get_for_write(b"k").is_some(),
            0,
            0,
        ),
        ("contains", |store| store.contains(b"k"), 0, 0),
        ("remove", |store| store.remove(b"k").is_some(), 0, 0),
        ("rename", |store| store.rename(b"k", b"other"), 0, 0),
        ("copy", |store| store.copy(b"k", b"other"), 0, 1),
        ("keys", |store| store.keys().count() > 0, 1, 1),
        ("random_key", |store| store.random_key().is_some(), 0, 1),
        ("scan", |store| store.scan(0, 10).1.count() > 0, 0, 1),
        (
            "upsert",
            |store| {
                let fresh = Value::Integer(7);
                store.upsert(b"k", fresh, |value| {
                    Ok::<_, ()>(!matches!(value, Value::Integer(7)))
                }) == Ok(true)
            },
            1,
            1,
        ),
        ("deadline", |store| store.deadline(b"k").is_some(), 0, 1),
        ("persist", |store| store.persist(b"k"), 0, 0),
    ];
    for (name, sees, removed, hidden) in looks {
        let modes = [
            (Expiry::Remove, removed),
            (Expiry::Hide, hidden),
            (Expiry::Freeze, hidden),
        ];
        for (expiry, left) in modes {
            let mut store = volatile(b"k", 100);
            store.expiry = expiry;
            assert!(sees(&mut store), "{name} does not see a living key");
            let mut store = volatile(b"k", 100);
            store.expiry = expiry;
            store.clock.advance(101);
            // To DEL and RANDOMKEY on a replica the key is still there.
            let is_there = expiry != Expiry::Remove && ["remove", "random_key"].contains(name);
            assert_eq!(sees(&mut store), is_there, "{name}: {expiry:?}");
            assert_eq!(store.len(), *left, "{name}: {expiry:?}");
        }
        let mut store = volatile(b"k", 100);
        store.expiry = Expiry::Ignore;
        store.clock.advance(101);
        assert!(
            sees(&mut store),
            "{name} does not see what the primary sees"
        );
        assert_eq!(store.counters.expired, 0, "{name}");
    }
}

#[test]
fn a_deadline_that_has_come_ends_a_key_on_a_primary_only() {
    for (expiry, left) in [(Expiry::Remove, 0), (Expiry::Hide, 1), (Expiry::Ignore, 1)] {
        let mut store = volatile(b"k", 100);
        store.expiry = expiry;
        let deadline = store.clock.now();
        assert_eq!(store.set_deadline(b"k", deadline), left > 0, "{expiry:?}");
        assert_eq!(store.len(), left, "{expiry:?}");
    }
}

#[test]
fn a_replica_removes_only_what_its_own_clients_gave_a_deadline() {
    let mut store = Store {
        expiry: Expiry::Ignore,
        ..Store::default()
    };
    add(&mut store, b"primary's", 100);
    add(&mut store, b"kept", 100);
    store.expiry = Expiry::Hide;
    add(&mut store, b"own", 100);
    add(&mut store, b"later", 1000);
    add(&mut store, b"lasting", 100);
    // A value that keeps the deadline that the primary gave it.
    add(&mut store, b"kept", 100);
    assert!(store.persist(b"lasting"));
    assert_eq!(store.tracked_len(), 3);
    store.clock.advance(101);
    let sample = store.expire_tracked(100);
    assert_eq!((sample.looked_at, sample.expired), (3, 1));
    assert_eq!((store.len(), store.tracked_len()), (4, 1));
    // A part at a time, and each has its turn.
    for number in 0..100 {
        add(&mut store, format!("{number}").as_bytes(), 100);
    }
    store.clock.advance(101);
    let mut found = 0;
    for _ in 0..=101 / 10 {
        found += store.expire_tracked(10).expired;
    }
    assert_eq!((found, store.tracked_len()), (100, 1));
    store.clear(false);
    assert_eq!(store.tracked_len(), 0);
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
    let room = |store: &Store| -> usize {
        let segments = store.segments.iter();
        segments
            .map(|segment| segment.entries.capacity() + segment.deadlines.capacity())
            .sum()
    };
    let full = room(&store);
    store.clock.advance(101);
    samples_until_clean(&mut store);
    assert_eq!(store.len(), 0);
    assert!(room(&store) < full / 10);
}

#[test]
fn scan_misses_no_living_key_while_dead_ones_are_removed() {
    let mut store = Store::default();
    for number in 0..1000 {
        let ttl = if number % 3 == 0 { 100 } else { 100_000 };
        add(&mut store, format!("{number}").as_bytes(), ttl);
    }
    store.clock.advance(101);
    for (expiry, left) in [(Expiry::Hide, 1000), (Expiry::Remove, 666)] {
        store.expiry = expiry;
        assert_eq!(scan_all(&mut store).len(), 666, "{expiry:?}");
        assert_eq!(store.len(), left, "{expiry:?}");
    }
}

/// All keys that SCAN returns, seven at a time.
fn scan_all(store: &mut Store) -> std::collections::HashSet<Vec<u8>> {
    let mut seen = std::collections::HashSet::new();
    let mut cursor = 0;
    loop {
        let (next, part) = store.scan(cursor, 7);
        seen.extend(part.map(|(key, _)| key.to_vec()));
        cursor = next;
        if cursor == 0 {
            return seen;
        }
    }
}

#[test]
fn a_sample_ends_with_its_looks_or_its_removals() {
    let mut store = Store::default();
    for number in 0..1000 {
        let ttl = if number < 500 { 100 } else { 100_000 };
        add(&mut store, format!("{number}").as_bytes(), ttl);
    }
    store.clock.advance(101);
    let sample = store.expire(10, 1000);
    assert_eq!(sample.looked_at, 10);
    let sample = store.expire(1000, 30);
    assert_eq!(sample.expired, 30);
    assert!((30..900).contains(&sample.looked_at), "{sample:?}");
    let sample = store.expire(usize::MAX, usize::MAX);
    assert!(sample.looked_at <= 1000, "at most one round");
}

/// Part 1 of the GUIDE: no key is copied, and no segment is shared for longer than it must be.
#[test]
fn a_snapshot_shares_each_segment_until_its_part_is_dropped() {
    let mut store = volatile(b"volatile", 100);
    store.set_bytes(b"lasting", b"value");
    let snapshot = store.snapshot();
    assert_eq!(snapshot.len(), 2, "how many keys it has");
    assert_eq!(
        snapshot.volatile_len(),
        1,
        "how many of them have a deadline"
    );
    let mut parts = 0;
    for part in snapshot.into_parts() {
        // All segments without keys are one and the same.
        let own = |segment: &&Arc<Segment>| !segment.entries.is_empty();
        let segment = store.segments.get(parts).filter(own);
        let count = || segment.map(Arc::strong_count);
        let shared = segment.map(|_| 2);
        assert_eq!(
            count(),
            shared,
            "who has segment {parts}: the store, the part"
        );
        drop(part);
        let alone = segment.map(|_| 1);
        assert_eq!(
            count(),
            alone,
            "who has segment {parts} when its part is dropped"
        );
        parts += 1;
    }
    assert_eq!(parts, store.segments.len(), "left: parts; right: segments");
}

/// Tests that run at the same time may add to it.
#[test]
fn what_is_copied_of_a_large_value_counts() {
    let mut store = Store::default();
    let set = |store: &mut Store, number: usize| {
        let (field, value) = (number.to_string(), [b'v'; 100]);
        let set = |hash: &mut Hash| (hash.set(field.as_bytes(), &value, Limits::default()), 1);
        store.change(b"k", set).expect("a hash");
    };
    (0..10_000).for_each(|number| set(&mut store, number));
    let (_snapshot, before) = (store.snapshot(), store.copied());
    set(&mut store, 1);
    let copied = store.copied() - before;
    assert!(copied > 5000, "only {copied} bytes were copied");
}

#[test]
fn a_segment_is_copied_once_and_only_if_a_snapshot_has_it() {
    let mut store = Store::default();
    store.set_bytes(b"k", b"old");
    assert_eq!(store.copied, 0, "`copied` grew, and there is no snapshot");
    let snapshot = store.snapshot();
    store.set_bytes(b"k", b"new");
    let copied = store.copied;
    assert!(
        copied > 0,
        "the snapshot has the segment: `copied` must grow"
    );
    store.set_bytes(b"k", b"newer");
    assert_eq!(
        store.copied, copied,
        "`copied` grew at the second change, too"
    );
    let mut there = Vec::new();
    for part in snapshot.into_parts() {
        let values = part.entries();
        there.extend(values.map(|entry| entry.value.text()));
    }
    assert_eq!(there, [b"old"], "left: what the snapshot has");
}
