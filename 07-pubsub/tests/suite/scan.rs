//! SCAN: its options, its errors and its promise.
//!
//! Reread: 03-get-set/GUIDE.md#4-scan

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::harness::{Server, is_in_part};
use crate::session::{NOT_AN_INTEGER, OK, SYNTAX, Session, arity, encode, strings};

fn connect() -> (Server, Session) {
    let server = Server::start();
    let session = Session::connect(server.addr());
    (server, session)
}

/// Sends all of `commands` before it looks at the first reply.
fn pipeline(c: &mut Session, commands: &[Vec<String>]) {
    c.send(
        &commands
            .iter()
            .flat_map(|args| encode(args))
            .collect::<Vec<_>>(),
    );
    for _ in commands {
        c.reply();
    }
}

fn fill(c: &mut Session, keys: impl Iterator<Item = String>) {
    let commands: Vec<_> = keys
        .map(|k| vec!["SET".to_owned(), k, "v".to_owned()])
        .collect();
    pipeline(c, &commands);
}

/// One page: the next cursor, and the keys.
fn page(c: &mut Session, cursor: &str, options: &[&str]) -> (String, Vec<String>) {
    let args = [&["SCAN", cursor], options].concat();
    let reply = strings(&c.call(&args)).into_iter();
    let mut words = reply.map(|word| String::from_utf8(word).expect("text"));
    (words.next().expect("a cursor"), words.collect())
}

/// A whole scan; `options` follow the cursor. A key may come more than once.
fn scan(c: &mut Session, options: &[&str]) -> Vec<String> {
    scan_while(c, options, |_, _| {})
}

/// The same, with something that is done after each page.
fn scan_while(
    c: &mut Session,
    options: &[&str],
    mut between: impl FnMut(&mut Session, &[String]),
) -> Vec<String> {
    let mut cursor = "0".to_owned();
    let mut found = Vec::new();
    loop {
        let (next, keys) = page(c, &cursor, options);
        between(c, &keys);
        found.extend(keys);
        cursor = next;
        if cursor == "0" {
            return found;
        }
    }
}

fn unique(keys: &[String]) -> BTreeSet<&str> {
    keys.iter().map(String::as_str).collect()
}

#[test]
fn an_empty_store() {
    let (_server, mut c) = connect();
    c.expect("SCAN 0", "*2\r\n$1\r\n0\r\n*0\r\n");
    c.expect(
        "scan 0 count 1 match * type string",
        "*2\r\n$1\r\n0\r\n*0\r\n",
    );
}

#[test]
fn every_key_is_found_whatever_the_count() {
    let (_server, mut c) = connect();
    fill(&mut c, (0..1000).map(|i| format!("key:{i}")));
    for count in ["1", "7", "10", "1000", "1000000", "9223372036854775807"] {
        let found = scan(&mut c, &["COUNT", count]);
        let found = unique(&found).len();
        assert!(
            found == 1000,
            "a whole scan with COUNT {count} finds {found} of 1000 keys"
        );
    }
    assert_eq!(unique(&scan(&mut c, &[])).len(), 1000);
}

#[test]
fn match_and_type_choose() {
    let (_server, mut c) = connect();
    fill(&mut c, (0..300).map(|i| format!("key:{i}")));
    fill(&mut c, (0..5).map(|i| format!("other:{i}")));
    assert_eq!(unique(&scan(&mut c, &["MATCH", "other:*"])).len(), 5);
    assert_eq!(
        unique(&scan(&mut c, &["match", "key:1?", "COUNT", "3"])).len(),
        10
    );
    assert_eq!(
        unique(&scan(&mut c, &["MATCH", "*", "TYPE", "STRING"])).len(),
        305
    );
    assert_eq!(scan(&mut c, &["TYPE", "list"]).len(), 0);
    assert_eq!(scan(&mut c, &["TYPE", "nonsense"]).len(), 0);
    // The last one counts.
    assert_eq!(
        unique(&scan(&mut c, &["MATCH", "k*", "MATCH", "o*"])).len(),
        5
    );
}

#[test]
fn errors() {
    let (_server, mut c) = connect();
    c.expect("SCAN", arity("scan"));
    for cursor in [
        "abc",
        "1x",
        " 1",
        "-",
        "+",
        "1.5",
        "18446744073709551616",
        "0x0",
    ] {
        c.expect_args(&["SCAN", cursor], "-ERR invalid cursor\r\n");
    }
    for count in ["0", "-1"] {
        c.expect(&format!("SCAN 0 COUNT {count}"), SYNTAX);
    }
    for count in ["abc", "", "1.5", "9223372036854775808"] {
        c.expect_args(&["SCAN", "0", "COUNT", count], NOT_AN_INTEGER);
    }
    for options in [
        "COUNT",
        "MATCH",
        "TYPE",
        "BOGUS",
        "BOGUS 1",
        "COUNT 1 MATCH",
    ] {
        c.expect(&format!("SCAN 0 {options}"), SYNTAX);
    }
}

/// A cursor that no SCAN returned gives some part of the keys, and no error.
#[test]
fn made_up_cursors_are_accepted() {
    let (_server, mut c) = connect();
    fill(&mut c, (0..100).map(|i| format!("key:{i}")));
    for cursor in [
        "-1",
        "+5",
        "18446744073709551615",
        "-0",
        "007",
        "",
        "12345678901",
    ] {
        let reply = c.call(&["SCAN", cursor, "COUNT", "5"]);
        assert!(
            reply.starts_with(b"*2\r\n$"),
            "{cursor}: {}",
            reply.escape_ascii()
        );
    }
    for start in ["", "-0", "+0", "00"] {
        let found = strings(&c.call(&["SCAN", start, "COUNT", "1000"]));
        assert_eq!(found.len(), 101, "from {start:?}");
    }
    for start in ["18446744073709551615", "12345678901"] {
        let mut cursor = start.to_owned();
        let mut pages = 0;
        while cursor != "0" {
            cursor = page(&mut c, &cursor, &["COUNT", "5"]).0;
            pages += 1;
            assert!(
                pages < 1000,
                "a scan of 100 keys that begins with SCAN {start} COUNT 5 has not ended after {pages} pages"
            );
        }
    }
}

/// The keys `stays:0` to `stays:999`, and between them as many that go.
fn fill_with_both(c: &mut Session) {
    let names = (0..1000).flat_map(|i| [format!("stays:{i}"), format!("goes:0:{i}")]);
    fill(c, names);
}

/// All keys that stay must be among those that were found.
#[track_caller]
fn check_stayed(found: &[String], meanwhile: &str) {
    let unique = unique(found);
    let stayed = unique.iter().filter(|k| k.starts_with("stays:")).count();
    assert!(
        stayed == 1000,
        "a whole scan finds {stayed} of 1000 keys that stay, while {meanwhile}"
    );
}

#[test]
fn what_stays_is_found_while_what_was_seen_is_deleted() {
    let (_server, mut c) = connect();
    fill_with_both(&mut c);
    let found = scan_while(&mut c, &["COUNT", "10"], |c, keys| {
        let seen = keys.iter().filter(|k| k.starts_with("goes:"));
        let delete: Vec<_> = seen.map(|k| vec!["DEL".to_owned(), k.clone()]).collect();
        pipeline(c, &delete);
    });
    check_stayed(&found, "keys that were returned are deleted");
}

/// A key that gets another value is still the same key.
///
/// Reread: 03-get-set/GUIDE.md#2-get-and-set
#[test]
fn what_stays_is_found_while_values_change() {
    let (_server, mut c) = connect();
    fill_with_both(&mut c);
    let mut pages = 0;
    let found = scan_while(&mut c, &["COUNT", "10"], |c, _| {
        let key = |i| format!("stays:{}", i % 1000);
        let set = vec!["SET".to_owned(), key(pages), "w".to_owned()];
        let append = vec!["APPEND".to_owned(), key(pages + 300), "x".to_owned()];
        pipeline(c, &[set, append]);
        pages += 1;
    });
    check_stayed(&found, "SET and APPEND give them other values");
}

/// The promise: a key that is there from beginning to end is returned, whatever
/// other clients insert and delete in the meantime.
#[test]
fn what_stays_is_found_while_others_come_and_go() {
    let (server, mut c) = connect();
    fill_with_both(&mut c);
    let done = AtomicBool::new(false);
    let address = server.addr();
    thread::scope(|scope| {
        for client in 0..2 {
            let done = &done;
            scope.spawn(move || churn(&mut Session::connect(address), client, done));
        }
        let counts = ["10", "100", "3"];
        for count in &counts[..if is_in_part() { 1 } else { 3 }] {
            let found = scan(&mut c, &["COUNT", count]);
            let stayed = unique(&found)
                .iter()
                .filter(|k| k.starts_with("stays:"))
                .count();
            if stayed != 1000 {
                done.store(true, Ordering::Relaxed);
            }
            assert!(
                stayed == 1000,
                "a whole scan with COUNT {count} finds {stayed} of 1000 keys that stay"
            );
        }
        done.store(true, Ordering::Relaxed);
    });
    c.expect("SET end 1", OK);
}

/// Deletes and inserts a thousand keys at a time until `done`.
fn churn(c: &mut Session, client: usize, done: &AtomicBool) {
    let name = |round, i| format!("goes:{client}:{}", round * 1000 + i);
    for round in 0.. {
        if done.load(Ordering::Relaxed) {
            return;
        }
        fill(c, (0..1000).map(|i| name(round + 1, i)));
        let old = (0..1000).map(|i| vec!["DEL".to_owned(), name(round, i)]);
        pipeline(c, &old.collect::<Vec<_>>());
    }
}
