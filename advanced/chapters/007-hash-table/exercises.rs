//! The graders of `EXERCISES.md`. They are ignored until somebody asks for them:
//!
//! ```text
//! make check-007
//! ```
//!
//! Like the suites, they know nothing of a server but its port, and real Redis passes them all.

#[path = "suite/client.rs"]
mod client;
#[path = "suite/harness.rs"]
mod harness;
#[allow(dead_code)]
#[path = "suite/session.rs"]
mod session;

use client::{Client, escaped};
use harness::Server;
use session::encode;

const FLAGS: [&str; 4] = ["--enable-debug-command", "yes", "--save", ""];

/// Sends `words`, and takes the reply as it is.
#[track_caller]
fn call<T: AsRef<[u8]>>(client: &mut Client, words: &[T]) -> Vec<u8> {
    client.send(encode(words)).reply()
}

/// Sends the words of `command`, and takes the reply as text.
#[track_caller]
fn ask(client: &mut Client, command: &str) -> String {
    let words: Vec<&str> = command.split(' ').collect();
    let reply = escaped(&call(client, &words));
    let reply = reply.replace("\\r\\n", "\n").replace("\\'", "'");
    reply.trim_end().to_owned()
}

/// Sets so many fields, one with each command.
#[track_caller]
fn fill(client: &mut Client, key: &str, fields: std::ops::Range<usize>) {
    for field in fields {
        let command = format!("HSET {key} field:{field} value");
        assert_eq!(ask(client, &command), ":1", "HSET of a new field");
    }
}

/// What DEBUG HTSTATS-KEY says of the tables of `key`: the size and the number of elements of each.
#[track_caller]
fn tables(client: &mut Client, key: &str) -> Vec<(usize, usize)> {
    let text = call(client, &["DEBUG", "HTSTATS-KEY", key]);
    let text = String::from_utf8_lossy(&text);
    let numbers = |name: &str| -> Vec<usize> {
        let lines = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix(name));
        lines
            .filter_map(|number| number.trim().parse().ok())
            .collect()
    };
    let (sizes, elements) = (numbers("table size:"), numbers("number of elements:"));
    assert!(
        !sizes.is_empty() && sizes.len() == elements.len(),
        "DEBUG HTSTATS-KEY {key} says:\n{text}"
    );
    sizes.into_iter().zip(elements).collect()
}

/// There is one table, of this size and with so many elements.
#[track_caller]
fn is_one_table(client: &mut Client, key: &str, size: usize, elements: usize, after: &str) {
    assert_eq!(
        tables(client, key),
        [(size, elements)],
        "buckets and elements of each table, after {after}"
    );
}

#[test]
#[ignore = "an exercise: make check-007"]
fn exercise_1_a_listpack_becomes_a_table_of_the_right_size() {
    let server = Server::start_with(&FLAGS);
    let mut client = Client::connect(&server);
    fill(&mut client, "many", 0..513);
    is_one_table(&mut client, "many", 1024, 513, "the 513th HSET");
    let set = "CONFIG SET hash-max-listpack-entries 5000";
    assert_eq!(ask(&mut client, set), "+OK");
    fill(&mut client, "long", 0..1100);
    let value = "x".repeat(65);
    assert_eq!(ask(&mut client, &format!("HSET long last {value}")), ":1");
    is_one_table(&mut client, "long", 2048, 1101, "HSET of a long value");
}

/// A table of 1024 buckets that is full, and one more; and so on.
#[test]
#[ignore = "an exercise: make check-007"]
fn exercise_1_what_is_loaded_gets_its_table_at_once() {
    let server = Server::start_with(&FLAGS);
    let mut client = Client::connect(&server);
    for size in [1024, 2048, 4096] {
        fill(&mut client, &format!("h{size}"), 0..size + 1);
    }
    assert_eq!(ask(&mut client, "DEBUG RELOAD"), "+OK");
    for size in [1024, 2048, 4096] {
        let key = format!("h{size}");
        is_one_table(&mut client, &key, 2 * size, size + 1, "DEBUG RELOAD");
        let last = format!("HGET {key} field:{size}");
        assert_eq!(ask(&mut client, &last), "$5\nvalue", "{last}");
    }
}

/// A payload of a hash with one field, which claims to have another number of them.
fn claims(fields: u64) -> Vec<u8> {
    /// `RDB_TYPE_HASH`, and `RDB_64BITLEN`.
    const HEAD: [u8; 2] = [4, 0x81];
    /// The version of RDB, and no checksum.
    const FOOT: [u8; 10] = [10, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    [
        &HEAD[..],
        &fields.to_be_bytes(),
        b"\x05field\x05value",
        &FOOT,
    ]
    .concat()
}

#[test]
#[ignore = "an exercise: make check-007"]
fn exercise_1_a_number_from_outside_is_only_a_claim() {
    let server = Server::start_with(&FLAGS);
    let mut client = Client::connect(&server);
    fill(&mut client, "h", 0..1025);
    let dump = call(&mut client, &["DUMP", "h"]);
    let start = dump
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(0, |it| it + 1);
    let payload = &dump[start..dump.len() - 2];
    let restore: [&[u8]; 4] = [b"RESTORE", b"copy", b"0", payload];
    assert_eq!(call(&mut client, &restore), b"+OK\r\n", "RESTORE");
    is_one_table(&mut client, "copy", 2048, 1025, "RESTORE");
    let skip = "DEBUG SET-SKIP-CHECKSUM-VALIDATION 1";
    assert_eq!(ask(&mut client, skip), "+OK");
    for fields in [1 << 60, 1 << 63, (1 << 63) + 1] {
        let payload = claims(fields);
        let restore: [&[u8]; 4] = [b"RESTORE", b"bad", b"0", &payload];
        let reply = escaped(&call(&mut client, &restore));
        let expected = "-ERR Bad data format\\r\\n";
        assert_eq!(
            reply, expected,
            "RESTORE of one field that claims to be {fields}"
        );
    }
    assert_eq!(ask(&mut client, "EXISTS bad copy"), ":1");
}

/// A server with a hash `h`, which has just got its second table.
#[track_caller]
fn rehashing() -> (Server, Client) {
    let server = Server::start_with(&FLAGS);
    let mut client = Client::connect(&server);
    fill(&mut client, "h", 0..1024);
    // What is left of the rehash before.
    for _ in 0..1024 {
        assert_eq!(ask(&mut client, "HDEL h none"), ":0");
    }
    fill(&mut client, "h", 1024..1025);
    assert_eq!(tables(&mut client, "h"), [(1024, 1024), (2048, 1)]);
    (server, client)
}

/// Redis moves a bucket for each field that is read. A server may also move more.
#[track_caller]
fn ends_a_rehash(command: &str, reply: &str, times: usize) {
    let (_server, mut client) = rehashing();
    for _ in 0..times {
        assert_eq!(ask(&mut client, command), reply, "{command}");
    }
    let after = format!("{times} times {command}");
    is_one_table(&mut client, "h", 2048, 1025, &after);
}

#[test]
#[ignore = "an exercise: make check-007"]
fn exercise_2_hget_takes_a_step() {
    ends_a_rehash("HGET h field:7", "$5\nvalue", 1025);
}

#[test]
#[ignore = "an exercise: make check-007"]
fn exercise_2_so_do_hexists_and_hstrlen() {
    ends_a_rehash("HEXISTS h field:1024", ":1", 1025);
    ends_a_rehash("HEXISTS h none", ":0", 1025);
    ends_a_rehash("HSTRLEN h field:7", ":5", 1025);
}

#[test]
#[ignore = "an exercise: make check-007"]
fn exercise_2_hmget_takes_one_for_each_field() {
    let (_server, mut client) = rehashing();
    let fields: Vec<String> = (0..1025).map(|it| format!("field:{it}")).collect();
    let command = format!("HMGET h {}", fields.join(" "));
    let expected = format!("*1025{}", "\n$5\nvalue".repeat(1025));
    assert_eq!(ask(&mut client, &command), expected, "HMGET of all fields");
    is_one_table(&mut client, "h", 2048, 1025, "HMGET of 1025 fields");
}

#[test]
#[ignore = "an exercise: make check-007"]
fn exercise_2_what_goes_through_all_fields_takes_none() {
    let (_server, mut client) = rehashing();
    let before = tables(&mut client, "h");
    for command in ["HGETALL h", "HKEYS h", "HVALS h", "HLEN h", "HSCAN h 0"] {
        (0..20).for_each(|_| drop(ask(&mut client, command)));
        assert_eq!(tables(&mut client, "h"), before, "after 20 times {command}");
    }
    // In Redis, one step may find ten empty buckets.
    (0..50).for_each(|_| drop(ask(&mut client, "HGET h field:7")));
    assert_ne!(tables(&mut client, "h"), before, "after 50 times HGET");
}

/// The number behind this name in INFO.
#[track_caller]
fn info(client: &mut Client, name: &str) -> i64 {
    let info = ask(client, "INFO everything");
    let line = info.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|it| it.strip_prefix(':')?.trim().parse().ok());
    number.unwrap_or_else(|| panic!("INFO has no number for `{name}`"))
}

/// It is read 1025 times, and nothing is written: neither the AOF nor a replica hears of it.
#[test]
#[ignore = "an exercise: make check-007"]
fn exercise_2_a_step_is_no_change() {
    let (_server, mut client) = rehashing();
    let changes = info(&mut client, "rdb_changes_since_last_save");
    let hits = info(&mut client, "keyspace_hits");
    for _ in 0..1025 {
        assert_eq!(ask(&mut client, "HGET h field:7"), "$5\nvalue");
    }
    let hits_after = info(&mut client, "keyspace_hits");
    assert_eq!(hits_after - hits, 1025, "keyspace_hits for 1025 times HGET");
    let changes_after = info(&mut client, "rdb_changes_since_last_save");
    assert_eq!(changes_after, changes, "rdb_changes_since_last_save");
    is_one_table(&mut client, "h", 2048, 1025, "1025 times HGET");
}
