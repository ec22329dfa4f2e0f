//! The format, forwards and backwards, whole and damaged.

use proptest::prelude::*;

use super::*;
use crate::store::clock::Unit;
use crate::store::{Store, Value};

const OPTIONS: Options = Options {
    compression: true,
    checksum: true,
    is_base: false,
};

fn encode(store: &Store, options: Options) -> Vec<u8> {
    let mut file = Vec::new();
    let written = write(store.snapshot(), options, &Progress::default(), &mut file);
    assert!(written.is_ok(), "a Vec takes everything");
    file
}

fn decode(file: &[u8]) -> Result<Vec<Record>, RdbError> {
    let mut decoder = Decoder::new(file)?;
    let mut records = Vec::new();
    while let Some(record) = decoder.next()? {
        records.push(record);
    }
    records.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(records)
}

/// One key for each way to write a string.
fn sample() -> Store {
    let mut store = Store::default();
    for value in ["", "12", "-300", "70000", "123456789012", "007", "plain"] {
        store.set_bytes(format!("key:{value}").as_bytes(), value.as_bytes());
    }
    store.set_bytes(b"17", &b"ab".repeat(40));
    store.set_bytes(&b"long".repeat(30), &(0..=255).collect::<Vec<u8>>());
    let deadline = store
        .clock
        .moment(1_900_000_000_123, Unit::UnixMilliseconds);
    store.insert_until(b"volatile", Value::from_bytes(b"v"), deadline);
    store
}

#[test]
fn what_is_written_is_read() -> Result<(), RdbError> {
    let mut store = sample();
    for compression in [true, false] {
        for checksum in [true, false] {
            let options = Options {
                compression,
                checksum,
                ..OPTIONS
            };
            let records = decode(&encode(&store, options))?;
            assert_eq!(records.len(), store.len());
            for record in records {
                let value = store.get(&record.key).map(Value::text);
                assert_eq!(value, Some(record.value.text()));
                let has_deadline = record.key == b"volatile";
                assert_eq!(record.deadline, has_deadline.then_some(1_900_000_000_123));
            }
        }
    }
    Ok(())
}

/// The record of a key called `k`: what is in the file between its sizes and its end.
fn record(store: &Store, options: Options) -> Vec<u8> {
    let mut file = encode(store, options);
    file.truncate(file.len() - 9);
    let sizes = [opcode::SIZES, 1, store.volatile_len() as u8];
    let start = file.windows(3).rposition(|bytes| bytes == sizes);
    file.split_off(start.expect("the sizes: FB, one key") + 3)
}

#[track_caller]
fn is_written(what: &str, written: &[u8], expected: &[u8]) {
    let start = |bytes: &[u8]| bytes[..bytes.len().min(24)].escape_ascii().to_string();
    assert!(
        written == expected,
        "{what} is written as {} ({} bytes), should be {} ({} bytes)",
        start(written),
        written.len(),
        start(expected),
        expected.len()
    );
}

#[test]
fn a_string_is_written_in_the_shortest_way() {
    for (value, expected) in [
        ("", &b"\x00"[..]),
        ("plain", b"\x05plain"),
        ("12", b"\xC0\x0C"),
        ("-300", b"\xC1\xD4\xFE"),
        ("70000", b"\xC2\x70\x11\x01\x00"),
        ("2147483648", b"\x0A2147483648"),
        ("007", b"\x03007"),
        ("aaaaaaaaaaaaaaaaaaaa", b"\x14aaaaaaaaaaaaaaaaaaaa"),
    ] {
        let mut store = Store::default();
        store.set_bytes(b"k", value.as_bytes());
        let written = record(&store, OPTIONS);
        let expected = [b"\x00\x01k", expected].concat();
        is_written(&format!("k with the value {value:?}"), &written, &expected);
    }
    // Of a key, too.
    let mut store = Store::default();
    store.set_bytes(b"17", b"v");
    let written = record(&store, OPTIONS);
    is_written(
        "the key 17 with the value v",
        &written,
        b"\x00\xC0\x11\x01v",
    );
    store = Store::default();
    store.set_bytes(b"k", &b"ab".repeat(40));
    let written = record(&store, OPTIONS);
    assert!(
        written.starts_with(b"\x00\x01k\xC3") && written.len() < 30,
        "a string that can be compressed is written as {}",
        written.escape_ascii()
    );
}

#[test]
fn a_length_is_written_with_as_many_bytes_as_it_needs() {
    let options = Options {
        compression: false,
        ..OPTIONS
    };
    for (length, expected) in [
        (63, &b"\x3F"[..]),
        (64, b"\x40\x40"),
        (16_383, b"\x7F\xFF"),
        (16_384, b"\x80\x00\x00\x40\x00"),
        (70_000, b"\x80\x00\x01\x11\x70"),
    ] {
        let mut store = Store::default();
        let value = vec![b'v'; length];
        store.set_bytes(b"k", &value);
        let written = record(&store, options);
        let expected = [b"\x00\x01k", expected, &value].concat();
        is_written(&format!("k with {length} bytes"), &written, &expected);
    }
}

#[test]
fn a_deadline_stands_before_the_type() {
    let mut store = Store::default();
    let deadline = store.clock.moment(0x0123_4567_89AB, Unit::UnixMilliseconds);
    store.insert_until(b"k", Value::from_bytes(b"v"), deadline);
    let written = record(&store, OPTIONS);
    let expected = b"\xFC\xAB\x89\x67\x45\x23\x01\x00\x00\x00\x01k\x01v";
    is_written("k with a deadline", &written, expected);
}

#[test]
fn a_file_cut_at_any_byte_is_noticed() {
    let file = encode(&sample(), OPTIONS);
    for end in 0..file.len() {
        assert!(
            matches!(decode(&file[..end]), Err(RdbError::Short(_))),
            "{end}"
        );
    }
}

#[test]
fn a_file_with_any_byte_changed_is_noticed() {
    let mut file = encode(&sample(), OPTIONS);
    for position in 0..file.len() {
        for bits in [1, 0x80, 0xFF] {
            file[position] ^= bits;
            assert!(decode(&file).is_err(), "byte {position} with bits {bits}");
            file[position] ^= bits;
        }
    }
}

#[test]
fn what_cannot_be_represented_is_named() {
    let cases: [(&[u8], &str); 6] = [
        (
            b"REDIS0011",
            "at byte 5 it has version 11 of the format; this server knows 10",
        ),
        (
            b"REDIS0010\xFE\x03",
            "at byte 10 it has keys in database 3; this server has database 0 only",
        ),
        (
            b"REDIS0010\x0F\x02k\x00",
            "at byte 9 it has a stream at key \"k\\x00\", which this server does not have",
        ),
        (
            b"REDIS0010\xF7",
            "at byte 9 it has data of a module, which this server does not have",
        ),
        (
            b"REDIS0010\xF5",
            "at byte 9 it has functions, which this server does not have",
        ),
        (
            b"RADIS0010",
            "it is damaged at byte 0: no RDB file begins like this",
        ),
    ];
    for (file, expected) in cases {
        let error = decode(file).err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some(expected));
    }
}

#[test]
fn a_length_is_not_memory() {
    for length in [
        &b"\x81\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"[..],
        b"\x80\x7F\xFF\xFF\xFF",
    ] {
        let file = [b"REDIS0010\x00\x01k", length, b"abc"].concat();
        assert!(matches!(decode(&file), Err(RdbError::Short(_))));
        let compressed = [b"REDIS0010\x00\x01k\xC3\x03", length, b"\x02abc"].concat();
        assert!(matches!(decode(&compressed), Err(RdbError::Damaged { .. })));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&[b"REDIS0010", &bytes[..]].concat());
    }

    #[test]
    fn compressed_strings_come_back(
        strings in proptest::collection::vec(proptest::collection::vec(0u8..4, 0..600), 1..8)
    ) {
        let mut compressor = lzf::Compressor::default();
        for string in strings {
            if let Some(compressed) = compressor.compress(&string) {
                prop_assert!(compressed.len() < string.len());
                prop_assert_eq!(lzf::decompress(&compressed, string.len()), Some(string));
            }
        }
    }

    #[test]
    fn any_length_comes_back(length in 0usize..100_000) {
        let mut store = Store::default();
        let value: Vec<u8> = (0..length).map(|i| (i * i % 251) as u8).collect();
        store.set_bytes(b"k", &value);
        let records = decode(&encode(&store, OPTIONS)).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(records[0].value.text(), value);
    }
}
