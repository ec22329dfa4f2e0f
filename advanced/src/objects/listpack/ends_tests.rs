//! Both parts of a listpack that is cut are listpacks, and joined they are what was there.

use super::*;

/// Elements of each size class, with gaps before, between and after them.
fn sample() -> Listpack {
    let mut list = Listpack::default();
    for text in ["", "7", "-4000", "a", "9223372036854775807", "b"] {
        list.push(text.as_bytes());
    }
    list.push(&[b'c'; 200]);
    list.push(&[b'd'; 5000]);
    list
}

/// Its bytes must be those of a listpack with these elements.
#[track_caller]
fn expect(list: &Listpack, elements: &[Vec<u8>], what: &str) {
    let (bytes, count) = (list.as_bytes(), elements.len());
    let Some(parsed) = Listpack::parse(bytes) else {
        panic!(
            "{what} is no listpack of {count} elements: its header is {:?}, it has {} bytes, and \
             the last is {:#X}",
            &bytes[..HEADER.min(bytes.len())],
            bytes.len(),
            bytes.last().copied().unwrap_or_default()
        );
    };
    let text = |element: Element<'_>| element.bytes(&mut itoa::Buffer::new()).to_vec();
    let found: Vec<_> = parsed.iter().map(text).collect();
    assert_eq!(found, elements, "{what}");
    assert_eq!(list.len(), count, "what the header of {what} counts");
}

#[test]
fn a_listpack_is_cut_in_two_and_joined_again() {
    let whole = sample();
    let text = |element: Element<'_>| element.bytes(&mut itoa::Buffer::new()).to_vec();
    let all: Vec<_> = whole.iter().map(text).collect();
    for gap in 0..=all.len() {
        let mut first = whole.clone();
        let position = first.seek(gap, all.len());
        let second = first.split_off(position, gap, all.len() - gap);
        expect(&first, &all[..gap], &format!("the part before gap {gap}"));
        expect(&second, &all[gap..], &format!("the part after gap {gap}"));
        let (size, room) = (first.0.len(), first.0.capacity());
        assert!(
            room <= 2 * size,
            "the part before gap {gap} has {size} bytes and keeps memory for {room}"
        );
        first.append(&second, all.len());
        let joined = format!("what was cut at gap {gap} and joined");
        expect(&first, &all, &joined);
        assert_eq!(first.as_bytes(), whole.as_bytes(), "{joined}");
    }
}
