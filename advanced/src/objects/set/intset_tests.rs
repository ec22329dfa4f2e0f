//! The intset against the standard library's sorted set, and its bytes.

use std::collections::BTreeSet;

use super::*;

fn set(numbers: &[i64]) -> Intset {
    let mut set = Intset::default();
    numbers
        .iter()
        .for_each(|number| assert!(set.insert(*number)));
    set
}

/// An intset takes the memory that its numbers need.
#[track_caller]
fn has_no_room(set: &Intset) {
    let (size, room) = (set.0.len(), set.0.capacity());
    assert!(
        room <= size + HEADER,
        "{size} bytes, and memory for {room}: a Vec that grows by itself doubles"
    );
}

#[test]
fn its_bytes_are_those_of_redis() {
    let bytes = b"\x02\0\0\0\x03\0\0\0\xff\xff\x05\0\x2c\x01";
    assert_eq!(set(&[5, -1, 300]).as_bytes(), bytes);
    assert_eq!(Intset::parse(bytes), Some(set(&[300, 5, -1])));
}

#[test]
fn numbers_of_one_width_are_in_order() {
    let (mut set, mut expected) = (Intset::default(), BTreeSet::new());
    for _ in 0..2000 {
        let number = fastrand::i64(-500..500);
        let place = expected.range(..number).count();
        let found = match expected.contains(&number) {
            true => Ok(place),
            false => Err(place),
        };
        assert_eq!(
            set.find(number),
            found,
            "{number}, of {} numbers {place} are less",
            expected.len()
        );
        assert_eq!(
            set.insert(number),
            expected.insert(number),
            "{number} is new"
        );
        assert!(
            set.iter().eq(expected.iter().copied()),
            "{number} came last"
        );
        has_no_room(&set);
    }
    assert_eq!(set.as_bytes().len(), HEADER + 2 * expected.len());
    assert_eq!(
        set.as_bytes()[4..HEADER],
        (expected.len() as u32).to_le_bytes()
    );
    // Whatever `upgrade` does with the others.
    for (number, told) in [
        (
            70_000,
            "70000 needs four bytes, so `insert` calls `upgrade`",
        ),
        (1000, "1000 needs two bytes, and there are four"),
    ] {
        assert!(set.insert(number), "{told}");
        assert_eq!(set.width(), 4, "{told}");
    }
}

#[test]
fn a_number_that_needs_more_bytes_widens_all() {
    for (number, width) in [
        (32_767, 2),
        (-32_768, 2),
        (32_768, 4),
        (-32_769, 4),
        (i64::from(i32::MAX), 4),
        (i64::from(i32::MIN), 4),
        (i64::from(i32::MAX) + 1, 8),
        (i64::from(i32::MIN) - 1, 8),
        (i64::MAX, 8),
        (i64::MIN, 8),
    ] {
        let mut set = set(&[-5, 0, 5]);
        assert!(set.insert(number), "{number} is new");
        let mut expected = vec![-5, 0, 5, number];
        expected.sort_unstable();
        assert_eq!(set.iter().collect::<Vec<_>>(), expected);
        assert_eq!(set.as_bytes().len(), HEADER + 4 * width, "{number}");
        let header = [(width as u32).to_le_bytes(), 4u32.to_le_bytes()].concat();
        assert_eq!(
            set.as_bytes()[..HEADER],
            header,
            "the header after {number}: the width, and how many numbers there are"
        );
        has_no_room(&set);
        assert!(!set.insert(number), "{number} is there");
        // It stays as wide as it is.
        assert!(set.remove(number) && !set.remove(number));
        assert_eq!(set.as_bytes().len(), HEADER + 3 * width);
        assert!(set.insert(1) && set.find(0) == Ok(1));
    }
}

#[test]
fn it_is_a_sorted_set() {
    for bits in [4, 10, 20, 40, 64] {
        let (mut set, mut expected) = (Intset::default(), BTreeSet::new());
        for _ in 0..3000 {
            let number = fastrand::i64(..) >> (64 - bits);
            match fastrand::bool() {
                true => assert_eq!(set.insert(number), expected.insert(number)),
                false => assert_eq!(set.remove(number), expected.remove(&number)),
            }
            assert_eq!(set.find(number).is_ok(), expected.contains(&number));
        }
        assert!(set.iter().eq(expected.iter().copied()));
        assert_eq!(set.len(), expected.len());
        let parsed = Intset::parse(set.as_bytes());
        assert_eq!(parsed, Some(set).filter(|set| set.len() > 0));
    }
}

#[test]
fn damaged_bytes_are_refused() {
    let good = set(&[1, 2, 70_000]).as_bytes().to_vec();
    assert!(Intset::parse(&good).is_some());
    for length in 0..good.len() {
        assert_eq!(Intset::parse(&good[..length]), None);
    }
    // A width that does not exist, another length, not in order, twice.
    for (at, byte) in [(0, 3), (0, 0), (4, 2), (7, 1), (8, 3), (8, 2)] {
        let mut bad = good.clone();
        bad[at] = byte;
        assert_eq!(Intset::parse(&bad), None, "byte {at}");
    }
    assert_eq!(Intset::parse(Intset::default().as_bytes()), None);
}
