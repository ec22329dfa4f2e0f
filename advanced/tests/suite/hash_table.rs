//! The table of a large collection while it is rehashed: what SCAN may rely on, what a snapshot has, and
//! what DEBUG says of its two tables.
//!
//! Reread: advanced/chapters/007-hash-table/README.md#two-tables

use std::collections::HashSet;

use crate::harness::Server;
use crate::session::{NULL, OK, Session, bulk, int, strings};

const FLAGS: [&str; 4] = ["--enable-debug-command", "yes", "--save", ""];

/// Redis sends this text as a verbatim string, which is a bulk string to these clients.
fn statistics(c: &mut Session, key: &str) -> String {
    String::from_utf8_lossy(&c.call(&["DEBUG", "HTSTATS-KEY", key])).into_owned()
}

fn is_rehashing(c: &mut Session, key: &str) -> bool {
    statistics(c, key).contains("rehashing target")
}

fn field(number: usize) -> String {
    format!("field:{number}")
}

fn set(c: &mut Session, numbers: std::ops::Range<usize>) {
    for number in numbers {
        c.call(&["HSET", "h", &field(number), "v"]);
    }
}

/// A hash whose table has just got a second one: of 1024 buckets and 2048.
fn rehashing() -> (Server, Session) {
    let server = Server::start_with(&FLAGS);
    let mut c = Session::connect(server.addr());
    set(&mut c, 0..1024);
    // What is left to do of the rehash before.
    for _ in 0..1024 {
        c.expect("HDEL h none", int(0));
    }
    assert!(!is_rehashing(&mut c, "h"), "{}", statistics(&mut c, "h"));
    set(&mut c, 1024..1025);
    (server, c)
}

#[test]
fn a_full_table_gets_a_second_one() {
    let (_server, mut c) = rehashing();
    let text = statistics(&mut c, "h");
    let parts = [
        "Hash table 0 stats (main hash table)",
        "table size: 1024",
        "number of elements: 1024",
        "max chain length: ",
        "Chain length distribution:",
        "Hash table 1 stats (rehashing target)",
        "table size: 2048",
        "number of elements: 1",
    ];
    let mut rest = &text[..];
    for part in parts {
        let found = rest.split_once(part);
        assert!(found.is_some(), "no {part:?} in\n{text}");
        rest = found.map_or("", |it| it.1);
    }
    for number in 0..1025 {
        c.expect(&format!("HGET h {}", field(number)), bulk("v"));
    }
    c.expect("HLEN h", int(1025));
    c.expect(&format!("HGET h {}", field(1025)), NULL);
}

/// Redis takes a step with each command, a server may also take larger ones.
#[test]
fn steps_end_a_rehash() {
    let (_server, mut c) = rehashing();
    for _ in 0..1025 {
        c.expect(&format!("HSET h {} w", field(7)), int(0));
    }
    let text = statistics(&mut c, "h");
    assert!(!text.contains("rehashing target"), "{text}");
    assert!(text.contains("table size: 2048"), "{text}");
    assert!(text.contains("number of elements: 1025"), "{text}");
}

#[test]
fn a_table_with_few_elements_left_shrinks() {
    let (_server, mut c) = rehashing();
    for number in 10..1025 {
        c.expect(&format!("HDEL h {}", field(number)), int(1));
    }
    // The rehash that one began may not be over, and the next begins after it.
    for _ in 0..4096 {
        c.expect("HSET h more v", int(1));
        c.expect("HDEL h more", int(1));
    }
    let text = statistics(&mut c, "h");
    // At least one in ten buckets would have a field, if each had one of its own.
    let is_small = [16, 32, 64]
        .iter()
        .any(|size| text.contains(&format!("table size: {size}\n")));
    assert!(is_small, "{text}");
    c.expect("HLEN h", int(10));
    for number in 0..10 {
        c.expect(&format!("HGET h {}", field(number)), bulk("v"));
    }
}

/// A field that is there from the first call to the last is returned, through growth and shrinking.
#[test]
fn a_scan_passes_through_rehashes() {
    let server = Server::start_with(&FLAGS);
    let mut c = Session::connect(server.addr());
    set(&mut c, 0..700);
    let (mut cursor, mut seen, mut calls) = ("0".to_owned(), HashSet::new(), 0);
    let (mut next, mut both) = (700, 0);
    loop {
        let reply = c.call(&["HSCAN", "h", &cursor, "COUNT", "10"]);
        let mut words = strings(&reply).into_iter();
        cursor = String::from_utf8_lossy(&words.next().unwrap_or_default()).into_owned();
        seen.extend(words.step_by(2));
        both += usize::from(is_rehashing(&mut c, "h"));
        calls += 1;
        // Grows by 40 a call to 4700 fields, then loses 400 a call.
        match calls {
            ..=100 => {
                set(&mut c, next..next + 40);
                next += 40;
            }
            _ => {
                for number in (next.max(1100) - 400..next).filter(|it| *it >= 700) {
                    c.call(&["HDEL", "h", &field(number)]);
                }
                next = next.max(1100) - 400;
            }
        }
        if cursor == "0" {
            break;
        }
    }
    assert!(both > 0, "it was not rehashed in {calls} calls");
    let missing: Vec<_> = (0..700)
        .filter(|it| !seen.contains(field(*it).as_bytes()))
        .collect();
    assert!(missing.is_empty(), "not returned: {missing:?}");
}

/// COUNT is about how many are returned, in a large collection, too.
#[test]
fn a_scan_returns_about_as_many_as_it_should() {
    let server = Server::start();
    let mut c = Session::connect(server.addr());
    set(&mut c, 0..5000);
    for count in [1, 10, 100] {
        let reply = c.call(&["HSCAN", "h", "0", "COUNT", &count.to_string()]);
        let fields = (strings(&reply).len() - 1) / 2;
        assert!(
            (1..=count + 20).contains(&fields),
            "COUNT {count}: {fields}"
        );
    }
}

/// What was written while there were two tables is in the file, once.
#[test]
fn a_snapshot_has_both_tables() {
    let (_server, mut c) = rehashing();
    let before = c.call(&["DEBUG", "DIGEST"]);
    c.expect("DEBUG RELOAD", OK);
    assert_eq!(c.call(&["DEBUG", "DIGEST"]), before);
    c.expect("HLEN h", int(1025));
}
