//! The listpack against a plain vector, against the bytes that Redis writes, and against bytes
//! that nobody wrote.

use proptest::prelude::*;

use super::*;

fn list(texts: &[Vec<u8>]) -> Listpack {
    let mut list = Listpack::default();
    texts.iter().for_each(|text| list.push(text));
    list
}

fn texts(list: &Listpack) -> Vec<Vec<u8>> {
    let spell = |element: Element<'_>| element.bytes(&mut itoa::Buffer::new()).to_vec();
    list.iter().map(spell).collect()
}

/// Checks that what we wrote passes our own check, and that the two agree.
fn check(list: &Listpack, expected: &[Vec<u8>]) {
    assert_eq!(Listpack::parse(list.as_bytes()).as_ref(), Some(list));
    assert_eq!(list.len(), expected.len());
    assert_eq!(texts(list), expected);
}

/// Elements as Redis 7.0.15 has them in the file (`DUMP`, without compression).
const ELEMENTS: [(&str, &[u8]); 14] = [
    ("0", b"\x00\x01"),
    ("127", b"\x7f\x01"),
    ("128", b"\xc0\x80\x02"),
    ("-1", b"\xdf\xff\x02"),
    ("4095", b"\xcf\xff\x02"),
    ("-4096", b"\xd0\x00\x02"),
    ("4096", b"\xf1\x00\x10\x03"),
    ("-32768", b"\xf1\x00\x80\x03"),
    ("32768", b"\xf2\x00\x80\x00\x04"),
    ("8388608", b"\xf3\x00\x00\x80\x00\x05"),
    ("2147483648", b"\xf4\x00\x00\x00\x80\x00\x00\x00\x00\x09"),
    ("", b"\x80\x01"),
    ("abc", b"\x83abc\x04"),
    ("007", b"\x83007\x04"),
];

#[test]
fn an_element_is_as_short_as_it_can_be() {
    for (text, expected) in ELEMENTS {
        assert_eq!(encode(text.as_bytes())[..], *expected, "{text}");
    }
    // Of 63 bytes and of 64, and with a size of one byte and of two.
    for (length, first, last) in [
        (63, &[0xBF][..], &[64][..]),
        (64, &[0xE0, 64], &[66]),
        (125, &[0xE0, 125], &[127]),
        (126, &[0xE0, 126], &[1, 0x80]),
        (298, &[0xE1, 42], &[2, 0xAC]),
        (4096, &[0xF0, 0, 16, 0, 0], &[32, 0x85]),
    ] {
        let text = vec![b'x'; length];
        let expected = [first, &text, last].concat();
        assert_eq!(encode(&text)[..], expected, "{length} bytes");
    }
}

#[test]
fn the_bytes_are_those_of_redis() {
    for (text, expected) in ELEMENTS {
        let list = list(&[text.into()]);
        let total = expected.len() as u8 + 7;
        let expected = [&[total, 0, 0, 0, 1, 0], expected, &[END]].concat();
        assert_eq!(list.as_bytes(), expected, "{text}");
    }
}

/// Where the length of an element, or the length of that length, needs one more byte.
#[test]
fn every_size_comes_back() {
    let bounds = [
        0, 63, 64, 126, 127, 128, 4095, 4096, 16_378, 16_383, 70_000, 2_097_150,
    ];
    for length in bounds
        .into_iter()
        .flat_map(|it: usize| it.saturating_sub(2)..it + 3)
    {
        let texts = [vec![b'x'; length], b"after".to_vec()];
        check(&list(&texts), &texts);
    }
}

#[test]
fn more_elements_than_the_header_can_count() {
    let texts: Vec<Vec<u8>> = (0..65_540).map(|_| b"1".to_vec()).collect();
    let mut list = list(&texts);
    check(&list, &texts);
    list.remove(HEADER..HEADER + 2 * 65_539, 65_539);
    check(&list, &texts[..1]);
}

/// Short texts, numbers, and now and then a long text.
fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => proptest::collection::vec(any::<u8>(), 0..20),
        4 => any::<i64>().prop_map(|it| (it >> (it & 63)).to_string().into_bytes()),
        1 => (0usize..20_000).prop_map(|length| vec![b'l'; length]),
    ]
}

proptest! {
    #[test]
    fn changes_are_those_of_a_vector(
        steps in proptest::collection::vec((0u8..4, any::<usize>(), text()), 0..60)
    ) {
        let (mut list, mut expected) = (Listpack::default(), Vec::new());
        for (step, at, text) in steps {
            let at = at % expected.len().max(1);
            let mut starts = vec![list.start()];
            while let Some((_, next)) = list.at(starts[starts.len() - 1]) {
                starts.push(next);
            }
            match step {
                0 if !expected.is_empty() => {
                    list.remove(starts[at]..starts[at + 1], 1);
                    expected.remove(at);
                }
                1 if !expected.is_empty() => {
                    list.replace(starts[at]..starts[at + 1], &text);
                    expected[at] = text;
                }
                _ => {
                    list.push(&text);
                    expected.push(text);
                }
            }
            check(&list, &expected);
        }
        for text in &expected {
            let first = expected.iter().position(|it| it == text);
            let found = list.find(text, 1);
            let position = found.map(|range| texts(&list).iter().scan(HEADER, |at, _| {
                let here = *at;
                *at = list.at(here)?.1;
                Some(here)
            }).position(|start| start == range.start));
            prop_assert_eq!(position.flatten(), first);
        }
    }

    /// A cut or changed listpack is refused, or it is one whose elements can all be read.
    #[test]
    fn damage_is_refused_or_harmless(
        texts in proptest::collection::vec(text(), 0..8),
        at in any::<usize>(),
        byte in any::<u8>(),
        cut in any::<bool>(),
    ) {
        let mut bytes = list(&texts).as_bytes().to_vec();
        let at = at % bytes.len();
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] = byte;
        }
        if let Some(list) = Listpack::parse(&bytes) {
            prop_assert!(!cut);
            prop_assert_eq!(list.iter().count(), list.len());
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        // With the right size in front, more of them get further.
        let total = (bytes.len() as u32 + 6).to_le_bytes();
        for bytes in [&bytes[..], &[&total[..], &[0xFF, 0xFF], &bytes].concat()] {
            if let Some(list) = Listpack::parse(bytes) {
                prop_assert_eq!(list.iter().count(), list.len());
            }
        }
    }
}
