//! The table compared with the standard library's, with hashes that collide far more often than
//! real ones.

use std::collections::HashMap;

use proptest::prelude::*;

use super::{SMALL, Table, growth};

/// Few slots, few tags, and the last slots: searches run into each other and round the end.
fn bad_hash(key: u8) -> u32 {
    u32::from(key % 5 + 13) | u32::from(key % 2) << 28
}

proptest! {
    #[test]
    fn a_table_holds_what_a_map_holds(
        changes in prop::collection::vec((any::<bool>(), 0..40u8, any::<u32>()), 0..400)
    ) {
        let mut table = Table::default();
        let mut map = HashMap::new();
        for (is_insert, key, value) in changes {
            if is_insert {
                let was_new = map.insert(key, value).is_none();
                prop_assert_eq!(table.insert(bad_hash(key), &[key], value), was_new);
            } else {
                prop_assert_eq!(table.remove(bad_hash(key), &[key]), map.remove(&key));
            }
            for key in 0..40 {
                prop_assert_eq!(table.get(bad_hash(key), &[key]), map.get(&key));
            }
            prop_assert_eq!(table.iter().count(), map.len());
        }
    }
}

/// Three quarters must be empty, and the table must not be small. What is left is still found.
#[test]
fn a_table_gives_memory_back_as_it_empties() {
    let (hash, key) = (
        |it: usize| (it as u32).wrapping_mul(0x9E37_79B1),
        |it: usize| [it as u8],
    );
    let mut table = Table::default();
    for it in 0..200 {
        table.insert(hash(it), &key(it), it);
    }
    let full = table.capacity();
    let mut remove = |it: usize| {
        assert_eq!(table.remove(hash(it), &key(it)), Some(it));
        for left in 0..it {
            assert_eq!(table.get(hash(left), &key(left)), Some(&left));
        }
        table.capacity()
    };
    for left in (full / 4..200).rev() {
        assert_eq!(remove(left), full, "{left} are left");
    }
    assert_eq!(remove(full / 4 - 1), (full / 4 - 1) * 2);
    let small = (1..full / 4 - 1).rev().map(remove).last();
    assert!(small.is_some_and(|small| (1..=SMALL).contains(&small)));
    assert_eq!(table.remove(hash(0), &key(0)), Some(0));
    assert_eq!(table.capacity(), 0);
}

/// Also from a length between them, which a copy for a snapshot has, and a table that has shrunk.
#[test]
fn a_table_grows_to_the_sizes_of_pieces() {
    for (len, next) in [
        (8, 10),
        (13, 14),
        (14, 16),
        (16, 20),
        (245, 256),
        (256, 320),
    ] {
        assert_eq!(len + growth(len), next);
    }
}
