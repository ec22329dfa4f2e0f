//! When an intset becomes a table, what is popped, and what is picked at random.

use std::collections::HashMap;

use super::*;

fn limits() -> Limits {
    Limits {
        set_entries: 8,
        ..Limits::default()
    }
}

fn set(members: &[&str]) -> Set {
    let mut set = Set::default();
    for member in members {
        assert!(set.add(member.as_bytes(), limits()), "{member}");
    }
    set
}

fn numbers(count: usize) -> Set {
    let numbers: Vec<String> = (0..count).map(|it| it.to_string()).collect();
    set(&numbers.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn text_or_one_number_too_many_makes_a_table() {
    let mut full = numbers(8);
    assert_eq!(full.encoding(), "intset");
    assert!(!full.add(b"7", limits()));
    assert_eq!(full.encoding(), "intset", "eight may be in it");
    // A limit that has become less says nothing of a number that is there.
    let less = Limits {
        set_entries: 3,
        ..limits()
    };
    assert!(!full.add(b"7", less));
    assert_eq!(full.encoding(), "intset", "nothing was added");
    assert!(full.add(b"8", limits()));
    assert_eq!((full.encoding(), full.len()), ("hashtable", 9));
    assert!((0..9).all(|it: usize| full.contains(it.to_string().as_bytes())));
    for text in ["text", "007", "+1", " 1", "9223372036854775808", ""] {
        let mut set = numbers(3);
        assert!(!set.contains(text.as_bytes()) && !set.remove(text.as_bytes()));
        assert!(set.add(text.as_bytes(), limits()));
        assert_eq!((set.encoding(), set.len()), ("hashtable", 4), "{text:?}");
        assert!(set.contains(text.as_bytes()) && set.contains(b"2"));
    }
}

#[test]
fn so_many_are_popped_and_the_others_stay() {
    for size in [8, 1000] {
        for count in [0, 1, size / 2, size - 1, size, size + 1] {
            let mut set = numbers(size);
            let popped = set.pop(count, limits());
            assert_eq!(popped.len(), count.min(size));
            assert_eq!(set.len(), size - popped.len());
            for member in popped {
                assert!(
                    set.add(&member, limits()),
                    "it is gone, and was popped once"
                );
            }
            assert_eq!(set.len(), size);
        }
    }
}

/// In both encodings: that a member is picked less than half as often as it should be, or
/// twice as often, is 30 standard deviations away.
#[test]
fn each_member_is_as_likely() {
    for size in [8, 500] {
        let set = numbers(size);
        let mut picked: HashMap<Element<'_>, usize> = HashMap::new();
        for _ in 0..size * 4000 {
            *picked.entry(set.random().expect("a member")).or_default() += 1;
        }
        assert_eq!(picked.len(), size);
        assert!(picked.values().all(|times| (2000..8000).contains(times)));
    }
}
