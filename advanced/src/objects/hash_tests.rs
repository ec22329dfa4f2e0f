//! When a listpack becomes a table, and that nothing is lost then.

use super::*;

fn limits() -> Limits {
    Limits {
        hash_entries: 8,
        hash_value: 10,
        ..Limits::default()
    }
}

/// A hash of so many fields: `0` to …, each with itself as its value.
fn numbers(count: usize) -> Hash {
    let mut hash = Hash::default();
    for number in 0..count {
        let text = number.to_string();
        assert!(hash.set(text.as_bytes(), text.as_bytes(), limits()));
    }
    hash
}

#[track_caller]
fn check(hash: &Hash, encoding: &str, count: usize) {
    assert_eq!(hash.encoding(), encoding);
    for number in 0..count {
        let text = number.to_string();
        let digits = &mut itoa::Buffer::new();
        assert_eq!(hash.get(text.as_bytes(), digits), Some(text.as_bytes()));
    }
}

#[test]
fn one_field_too_many_makes_a_table_of_all() {
    let mut hash = numbers(8);
    check(&hash, "listpack", 8);
    assert!(!hash.set(b"7", b"7", limits()));
    check(&hash, "listpack", 8);
    assert!(hash.set(b"8", b"8", limits()));
    check(&hash, "hashtable", 9);
    assert!(!hash.set(b"8", b"again", limits()));
    assert_eq!(hash.len(), 9);
    assert!(hash.remove(b"8"));
    check(&hash, "hashtable", 8);
}

#[test]
fn a_field_or_value_that_is_too_long_makes_a_table() {
    for (field, value, encoding) in [
        ("f", "ten bytes.", "listpack"),
        ("f", "eleven byte", "hashtable"),
        ("ten bytes.", "v", "listpack"),
        ("eleven byte", "v", "hashtable"),
        // It was there before, and fits no more.
        ("3", "eleven byte", "hashtable"),
    ] {
        let mut hash = numbers(4);
        let is_new = hash.set(field.as_bytes(), value.as_bytes(), limits());
        assert_eq!(is_new, field != "3");
        check(&hash, encoding, 3);
        let digits = &mut itoa::Buffer::new();
        let found = hash.get(field.as_bytes(), digits);
        assert_eq!(found, Some(value.as_bytes()), "{field}");
    }
}
