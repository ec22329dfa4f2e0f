//! The graders of `EXERCISES.md`. They are ignored until somebody asks for them:
//!
//! ```text
//! make check-010a
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

fn start() -> (Server, Client) {
    let server = Server::start_with(&["--enable-debug-command", "yes"]);
    let client = Client::connect(&server);
    (server, client)
}

/// Sends the words of `command`, and takes the reply as text.
#[track_caller]
fn ask(client: &mut Client, command: &str) -> String {
    let words: Vec<&str> = command.split(' ').collect();
    let reply = escaped(&client.send(encode(&words)).reply());
    let reply = reply.replace("\\r\\n", "\n").replace("\\'", "'");
    reply.trim_end().to_owned()
}

#[track_caller]
fn set(client: &mut Client, name: &str, value: &str) {
    let command = format!("CONFIG SET {name} {value}");
    assert_eq!(ask(client, &command), "+OK", "{command}");
}

/// Appends the numbers from 1 on to a list, one at a time.
#[track_caller]
fn push(client: &mut Client, key: &str, count: usize) {
    for number in 1..=count {
        let command = format!("RPUSH {key} {number}");
        let reply = ask(client, &command);
        assert!(reply.starts_with(':'), "{command}: {reply}");
    }
}

/// How many nodes a list has, how large they may be, and whether those inside are compressed.
#[track_caller]
fn nodes(client: &mut Client, key: &str) -> (i64, i64, i64) {
    let object = ask(client, &format!("DEBUG OBJECT {key}"));
    let number = |name: &str| {
        let mut words = object.split(' ');
        let word = words.find_map(|word| word.strip_prefix(name));
        let number = word.and_then(|it| it.parse().ok());
        number.unwrap_or_else(|| panic!("DEBUG OBJECT {key} has no number for `{name}`: {object}"))
    };
    (
        number("ql_nodes:"),
        number("ql_listpack_max:"),
        number("ql_compressed:"),
    )
}

/// How many bytes a list takes.
#[track_caller]
fn memory(client: &mut Client, key: &str) -> i64 {
    let reply = ask(client, &format!("MEMORY USAGE {key} SAMPLES 0"));
    let number = reply.strip_prefix(':').and_then(|it| it.parse().ok());
    number.unwrap_or_else(|| panic!("MEMORY USAGE {key}: {reply}"))
}

#[test]
#[ignore = "an exercise: make check-010a"]
fn exercise_1_a_list_goes_on_as_it_began() {
    let (_server, mut client) = start();
    set(&mut client, "list-max-listpack-size", "4");
    push(&mut client, "old", 8);
    set(&mut client, "list-max-listpack-size", "100");
    set(&mut client, "list-compress-depth", "1");
    push(&mut client, "new", 12);
    push(&mut client, "old", 4);
    assert_eq!(nodes(&mut client, "new"), (1, 100, 1), "a new list");
    assert_eq!(nodes(&mut client, "old"), (3, 4, 0), "the old list");
    // A full node is cut by the limit of the list.
    assert_eq!(ask(&mut client, "LINSERT old BEFORE 3 x"), ":13");
    assert_eq!(nodes(&mut client, "old"), (4, 4, 0), "after LINSERT");
    // None of its nodes is compressed, whichever command comes.
    set(&mut client, "list-max-listpack-size", "2");
    set(&mut client, "list-compress-depth", "0");
    let text = "x".repeat(1000);
    for _ in 0..12 {
        ask(&mut client, &format!("RPUSH loose {text}"));
    }
    set(&mut client, "list-compress-depth", "1");
    for command in ["LPOP loose", "RPOP loose 1", "LSET loose 0 x"] {
        let before = memory(&mut client, "loose");
        ask(&mut client, command);
        let after = memory(&mut client, "loose");
        assert!(
            after > before - 1500,
            "{command} makes {after} bytes of {before}: its depth is 0, and nodes were compressed"
        );
    }
}

#[test]
#[ignore = "an exercise: make check-010a"]
fn exercise_1_a_list_takes_its_parameters_along() {
    let (_server, mut client) = start();
    set(&mut client, "list-max-listpack-size", "2");
    push(&mut client, "list", 4);
    set(&mut client, "list-max-listpack-size", "100");
    assert_eq!(ask(&mut client, "RENAME list other"), "+OK");
    assert_eq!(ask(&mut client, "COPY other copy"), ":1");
    for key in ["other", "copy"] {
        push(&mut client, key, 4);
        assert_eq!(nodes(&mut client, key), (4, 2, 0), "{key}");
    }
    // What LMOVE creates is a new list; where it only turns a list, that is the same.
    ask(&mut client, "LMOVE other moved LEFT RIGHT");
    ask(&mut client, "LMOVE copy copy LEFT RIGHT");
    assert_eq!(nodes(&mut client, "moved").1, 100, "what LMOVE created");
    assert_eq!(nodes(&mut client, "copy").1, 2, "what LMOVE turned");
}

#[test]
#[ignore = "an exercise: make check-010a"]
fn exercise_1_what_is_created_anew_has_the_parameters_of_now() {
    let (_server, mut client) = start();
    set(&mut client, "list-max-listpack-size", "2");
    push(&mut client, "list", 4);
    set(&mut client, "list-max-listpack-size", "100");
    assert_eq!(ask(&mut client, "DEBUG RELOAD"), "+OK");
    // The nodes of a file stay as they are.
    push(&mut client, "list", 4);
    assert_eq!(nodes(&mut client, "list"), (2, 100, 0), "after DEBUG RELOAD");
    set(&mut client, "list-max-listpack-size", "50");
    ask(&mut client, "LPOP list 8");
    push(&mut client, "list", 4);
    assert_eq!(nodes(&mut client, "list"), (1, 50, 0), "after it was empty");
}

/// It is the server's, and not the list's.
#[test]
#[ignore = "an exercise: make check-010a"]
fn exercise_1_how_large_an_element_may_be_is_not_kept() {
    let (_server, mut client) = start();
    push(&mut client, "list", 4);
    let threshold = "DEBUG QUICKLIST-PACKED-THRESHOLD";
    assert_eq!(ask(&mut client, &format!("{threshold} 5")), "+OK");
    assert_eq!(ask(&mut client, "RPUSH list short"), ":5");
    assert_eq!(nodes(&mut client, "list"), (2, -2, 0), "a large element");
    assert_eq!(ask(&mut client, &format!("{threshold} 0")), "+OK");
}

/// The reply that is an array of these strings.
fn array(items: &[&str]) -> String {
    let head = format!("*{}", items.len());
    let items = items.iter().map(|it| format!("${}\n{it}", it.len()));
    let lines: Vec<_> = std::iter::once(head).chain(items).collect();
    lines.join("\n").trim_end().to_owned()
}

#[track_caller]
fn sorted(client: &mut Client, command: &str, items: &[&str]) {
    assert_eq!(ask(client, command), array(items), "{command}");
}

#[test]
#[ignore = "an exercise: make check-010a"]
fn exercise_2_numbers_are_sorted_as_numbers() {
    let (_server, mut client) = start();
    ask(&mut client, "RPUSH list 10 -3 2.5 1e1 7 -inf 100 10.0");
    let up = ["-inf", "-3", "2.5", "7", "10", "10.0", "1e1", "100"];
    sorted(&mut client, "SORT_RO list", &up);
    sorted(&mut client, "sort_ro list desc Asc", &up);
    let down: Vec<&str> = up.iter().rev().copied().collect();
    sorted(&mut client, "SORT_RO list DESC", &down);
    // The list is as it was.
    assert_eq!(ask(&mut client, "LINDEX list 0"), "$2\n10");
    ask(&mut client, "RPUSH zeros 0 -1 1 -0");
    let zeros = ["-1", "-0", "0", "1"];
    sorted(&mut client, "SORT_RO zeros", &zeros);
    assert_eq!(ask(&mut client, "LSET zeros 0 "), "+OK");
    let zeros = ["-1", "", "-0", "1"];
    sorted(&mut client, "SORT_RO zeros", &zeros);
}

#[test]
#[ignore = "an exercise: make check-010a"]
fn exercise_2_words_are_sorted_as_words() {
    let (_server, mut client) = start();
    ask(&mut client, "RPUSH list resp echo 10 9 keys keys2");
    let up = ["10", "9", "echo", "keys", "keys2", "resp"];
    sorted(&mut client, "SORT_RO list ALPHA", &up);
    sorted(&mut client, "SORT_RO list DESC ALPHA LIMIT 0 2", &["resp", "keys2"]);
    let error = "-ERR One or more scores can't be converted into double";
    assert_eq!(ask(&mut client, "SORT_RO list"), error);
    for element in ["nan", "1x", "one"] {
        ask(&mut client, &format!("RPUSH {element} 1 {element}"));
        assert_eq!(ask(&mut client, &format!("SORT_RO {element}")), error);
    }
}

#[test]
#[ignore = "an exercise: make check-010a"]
fn exercise_2_a_limit_leaves_part_of_them() {
    let (_server, mut client) = start();
    ask(&mut client, "RPUSH list 5 3 1 2 4");
    for (limit, items) in [
        ("0 2", &["1", "2"][..]),
        ("3 9", &["4", "5"]),
        ("1 -1", &["2", "3", "4", "5"]),
        ("-5 1", &["1"]),
        ("2 0", &[]),
        ("5 1", &[]),
        ("0 1 DESC LIMIT 1 2", &["4", "3"]),
        ("2 9223372036854775807", &["3", "4", "5"]),
    ] {
        sorted(&mut client, &format!("SORT_RO list LIMIT {limit}"), items);
    }
}

#[test]
#[ignore = "an exercise: make check-010a"]
fn exercise_2_what_cannot_be_is_refused() {
    let (_server, mut client) = start();
    ask(&mut client, "RPUSH list 1");
    ask(&mut client, "SET string 1");
    ask(&mut client, "HSET hash 1 1");
    let wrong_type = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    let not_an_integer = "-ERR value is not an integer or out of range";
    for (command, reply) in [
        ("SORT_RO nothing", "*0"),
        ("SORT_RO string", wrong_type),
        ("SORT_RO hash ALPHA", wrong_type),
        ("SORT_RO list UP", "-ERR syntax error"),
        ("SORT_RO list LIMIT 1", "-ERR syntax error"),
        ("SORT_RO string STORE list", "-ERR syntax error"),
        ("SORT_RO list LIMIT x 1", not_an_integer),
        ("SORT_RO list LIMIT 0 1.5", not_an_integer),
    ] {
        assert_eq!(ask(&mut client, command), reply, "{command}");
    }
}
