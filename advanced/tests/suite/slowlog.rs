//! The slow log: what enters it, in which form, and how much of it is kept.
//!
//! Reread: advanced/README.md#the-advanced-track

use crate::harness::Server;
use crate::session::{OK, Session, arity, encode, int, strings};

/// A server that takes every command for slow, and a client of it.
fn start() -> (Server, Session) {
    let server = Server::start();
    let mut c = Session::connect(server.addr());
    c.expect("CONFIG SET slowlog-log-slower-than 0", OK);
    c.expect("SLOWLOG RESET", OK);
    (server, c)
}

/// The arguments of the newest entries, the newest first, with the client's address and name at
/// their end.
fn newest(c: &mut Session, count: &str) -> Vec<Vec<u8>> {
    c.strings(&["SLOWLOG", "GET", count])
}

#[test]
fn it_is_empty_and_counts_what_took_long() {
    let server = Server::start();
    let mut c = Session::connect(server.addr());
    c.expect("CONFIG SET slowlog-log-slower-than 10000000", OK);
    c.expect("SLOWLOG RESET", OK);
    c.expect("PING", "+PONG\r\n");
    c.expect("SLOWLOG LEN", int(0));
    c.expect(
        "CONFIG SET slowlog-log-slower-than 0 slowlog-max-len 10",
        OK,
    );
    for _ in 0..20 {
        c.expect("PING", "+PONG\r\n");
    }
    c.expect("SLOWLOG LEN", int(10));
    c.expect("CONFIG SET slowlog-log-slower-than -1", OK);
    c.expect("SLOWLOG RESET", OK);
    c.expect("PING", "+PONG\r\n");
    c.expect("SLOWLOG LEN", int(0));
}

#[test]
fn an_entry_says_what_and_who() {
    let (_server, mut c) = start();
    c.expect("CLIENT SETNAME somebody", OK);
    c.expect("SET key value", OK);
    let reply = c.call(&["SLOWLOG", "GET", "1"]);
    let text = String::from_utf8_lossy(&reply);
    assert!(text.starts_with("*1\r\n*6\r\n:"), "{text}");
    let words = strings(&reply);
    assert_eq!(words[..3], [&b"SET"[..], b"key", b"value"]);
    assert!(words[3].starts_with(b"127.0.0.1:"), "{text}");
    assert_eq!(words[4], b"somebody");
}

#[test]
fn ids_count_up_and_are_not_used_again() {
    let (_server, mut c) = start();
    let id = |c: &mut Session| {
        let reply = c.call(&["SLOWLOG", "GET", "1"]);
        let text = String::from_utf8_lossy(&reply).into_owned();
        let line = text.lines().nth(2).map(|line| line[1..].parse::<i64>());
        line.expect("a line").expect("an id")
    };
    let first = id(&mut c);
    assert_eq!(id(&mut c), first + 1);
    c.expect("SLOWLOG RESET", OK);
    assert_eq!(id(&mut c), first + 3);
}

#[test]
fn many_and_long_arguments_are_cut() {
    let (_server, mut c) = start();
    let args: Vec<String> = (0..40).map(|number| format!("k{number}")).collect();
    let mut command = vec!["DEL".to_owned()];
    command.extend(args);
    c.expect_args(&command, int(0));
    let words = newest(&mut c, "1");
    assert_eq!(words.len(), 32 + 2);
    assert_eq!(words[30], b"k29");
    assert_eq!(words[31], b"... (10 more arguments)");
    let command: Vec<String> = command[..32].to_vec();
    c.expect_args(&command, int(0));
    assert_eq!(newest(&mut c, "1")[31], b"k30");
    for (length, shown) in [
        (128, "A".repeat(128)),
        (129, "A".repeat(128) + "... (1 more bytes)"),
        (1000, "A".repeat(128) + "... (872 more bytes)"),
    ] {
        c.expect_args(&["SET", "k", &"A".repeat(length)], OK);
        assert_eq!(newest(&mut c, "1")[2], shown.as_bytes(), "{length}");
    }
}

#[test]
fn the_count_is_a_number_from_minus_one() {
    let (_server, mut c) = start();
    for _ in 0..12 {
        c.expect("PING", "+PONG\r\n");
    }
    c.expect("CONFIG SET slowlog-log-slower-than -1", OK);
    for (count, entries) in [("0", 0), ("1", 1), ("-1", 13), ("100", 13)] {
        let reply = c.call(&["SLOWLOG", "GET", count]);
        assert!(
            reply.starts_with(format!("*{entries}\r\n").as_bytes()),
            "{count}"
        );
    }
    assert!(c.call(&["SLOWLOG", "GET"]).starts_with(b"*10\r\n"));
    let wrong = "-ERR count should be greater than or equal to -1\r\n";
    for count in ["-2", "-222"] {
        c.expect(&format!("SLOWLOG GET {count}"), wrong);
    }
    c.expect("SLOWLOG LEN x", arity("slowlog|len"));
}

#[test]
fn passwords_are_not_shown() {
    let (_server, mut c) = start();
    c.expect_args(&["CONFIG", "SET", "masterauth", ""], OK);
    let words = newest(&mut c, "1");
    assert_eq!(words[2..4], [&b"masterauth"[..], b"(redacted)"]);
}

#[test]
fn each_command_of_a_pipeline_has_its_entry() {
    let (_server, mut c) = start();
    let sent: Vec<u8> = (0..5)
        .flat_map(|number| encode(&["GET", &format!("k{number}")]))
        .collect();
    c.send(&sent);
    for _ in 0..5 {
        assert_eq!(c.reply(), b"$-1\r\n");
    }
    let words = newest(&mut c, "5");
    let keys: Vec<&[u8]> = words.chunks(4).map(|entry| &entry[1][..]).collect();
    assert_eq!(keys, [&b"k4"[..], b"k3", b"k2", b"k1", b"k0"]);
}
