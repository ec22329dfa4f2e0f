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

/// Its elements, if its bytes are those of a listpack.
#[track_caller]
fn elements(list: &Listpack) -> Vec<Vec<u8>> {
    let parsed = Listpack::parse(list.as_bytes()).expect("its bytes are a listpack");
    let text = |element: Element<'_>| element.bytes(&mut itoa::Buffer::new()).to_vec();
    let elements: Vec<_> = parsed.iter().map(text).collect();
    assert_eq!(list.len(), elements.len(), "what the header counts");
    elements
}

#[test]
fn a_listpack_is_cut_in_two_and_joined_again() {
    let whole = sample();
    let all = elements(&whole);
    for gap in 0..=all.len() {
        let mut first = whole.clone();
        let position = first.seek(gap, all.len());
        let second = first.split_off(position, gap, all.len() - gap);
        assert_eq!(elements(&first), all[..gap], "before gap {gap}");
        assert_eq!(elements(&second), all[gap..], "after gap {gap}");
        first.append(&second, all.len());
        assert_eq!(elements(&first), all, "joined at gap {gap}");
        assert_eq!(first.as_bytes(), whole.as_bytes(), "joined at gap {gap}");
    }
}
