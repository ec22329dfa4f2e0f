//! The table compared with the standard library's, with hashes that collide far more often than
//! real ones.

use std::collections::HashMap;

use proptest::prelude::*;

use super::Table;

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
                prop_assert_eq!(table.insert(bad_hash(key), &[key], value, 0), was_new);
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

/// What a key takes of memory, and how soon it is found, depends on it.
#[test]
fn an_entry_is_one_cache_line() {
    assert_eq!(size_of::<super::Entry<crate::store::Value>>(), 64);
}
