//! The graders of `EXERCISES.md`. They are ignored until somebody asks for them:
//!
//! ```text
//! make check-010c
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

const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";
const SYNTAX: &str = "-ERR syntax error";

/// Sends the words of `command`, and takes the reply as text.
#[track_caller]
fn ask(client: &mut Client, command: &str) -> String {
    let words: Vec<&str> = command.split(' ').collect();
    let reply = escaped(&client.send(encode(&words)).reply());
    let reply = reply.replace("\\r\\n", "\n").replace("\\'", "'");
    reply.trim_end().to_owned()
}

/// The strings in the reply to a command, which is an array.
#[track_caller]
fn list(client: &mut Client, command: &str) -> String {
    let reply = ask(client, command);
    let mut lines = reply.lines();
    let header = lines.next().unwrap_or_default();
    assert!(header.starts_with('*'), "{command}: {reply}");
    let strings: Vec<&str> = lines.skip(1).step_by(2).collect();
    strings.join(" ")
}

#[track_caller]
fn expect_all(client: &mut Client, pairs: &[(&str, &str)]) {
    for (command, reply) in pairs {
        assert_eq!(ask(client, command), *reply, "{command}");
    }
}

#[test]
#[ignore = "an exercise: make check-010c"]
fn exercise_1_strings_are_combined_bit_by_bit() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    let commands = [
        ("MSET a foobar b abcdef", "+OK"),
        ("BITOP AND d a b", ":6"),
        ("GET d", "$6\n`bc`ab"),
        ("BITOP or d a b", ":6"),
        ("GET d", "$6\ngoofev"),
        ("BITOP Xor d a b", ":6"),
        ("GET d", "$6\n\\x07\\r\\x0c\\x06\\x04\\x14"),
        ("BITOP XOR d a b a", ":6"),
        ("GET d", "$6\nabcdef"),
        ("BITOP NOT d a", ":6"),
        ("GET d", "$6\n\\x99\\x90\\x90\\x9d\\x9e\\x8d"),
        ("BITOP NOT d d", ":6"),
        ("GET d", "$6\nfoobar"),
        ("BITOP AND d a", ":6"),
        ("GET d", "$6\nfoobar"),
    ];
    expect_all(&mut client, &commands);
}

/// The result is as long as the longest, for AND, too.
#[test]
#[ignore = "an exercise: make check-010c"]
fn exercise_1_what_is_shorter_is_filled_with_zeros() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    let commands = [
        ("MSET long abcd short ab number 12", "+OK"),
        ("BITOP OR d short long", ":4"),
        ("GET d", "$4\nabcd"),
        ("BITOP AND d long short", ":4"),
        ("GET d", "$4\nab\\x00\\x00"),
        ("BITOP XOR d short long none", ":4"),
        ("GET d", "$4\n\\x00\\x00cd"),
        ("BITOP AND d long none", ":4"),
        ("GET d", "$4\n\\x00\\x00\\x00\\x00"),
        ("BITOP OR d number none", ":2"),
        ("GET d", "$2\n12"),
    ];
    expect_all(&mut client, &commands);
}

#[test]
#[ignore = "an exercise: make check-010c"]
fn exercise_1_the_destination_is_replaced_or_removed() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    let wrong = "-ERR BITOP NOT must be called with a single source key.";
    let commands = [
        ("MSET a foobar b abcdef", "+OK"),
        ("SADD s 1", ":1"),
        ("BITOP OR s a none", ":6"),
        ("TYPE s", "+string"),
        ("SET d x EX 100", "+OK"),
        ("BITOP OR d a", ":6"),
        ("TTL d", ":-1"),
        ("BITOP OR d none other", ":0"),
        ("EXISTS d", ":0"),
        ("BITOP NOT a none", ":0"),
        ("EXISTS a", ":0"),
        ("SADD s2 1", ":1"),
        ("BITOP AND d b s2", WRONG_TYPE),
        ("BITOP NOT d b b", wrong),
        ("BITOP NAND d b b", SYNTAX),
        ("EXISTS d", ":0"),
    ];
    expect_all(&mut client, &commands);
}

#[test]
#[ignore = "an exercise: make check-010c"]
fn exercise_1_bits_are_counted() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    let commands = [
        ("SET a foobar", "+OK"),
        ("BITCOUNT a", ":26"),
        ("BITCOUNT a 0 0", ":4"),
        ("BITCOUNT a 1 1", ":6"),
        ("BITCOUNT a 0 -1", ":26"),
        ("BITCOUNT a -2 -1", ":7"),
        ("BITCOUNT a 0 100", ":26"),
        ("BITCOUNT a 4 2", ":0"),
        ("BITCOUNT a 9 12", ":0"),
        ("BITCOUNT none", ":0"),
        ("BITCOUNT none 0 -1", ":0"),
        ("BITCOUNT none 0", ":0"),
        ("SET n 12", "+OK"),
        ("BITCOUNT n", ":6"),
        ("OBJECT ENCODING n", "$3\nint"),
        ("BITCOUNT a 0", SYNTAX),
        (
            "BITCOUNT a 0 x",
            "-ERR value is not an integer or out of range",
        ),
        ("SADD s 1", ":1"),
        ("BITCOUNT s", WRONG_TYPE),
    ];
    expect_all(&mut client, &commands);
}

#[test]
#[ignore = "an exercise: make check-010c"]
fn exercise_2_elements_are_sorted_as_numbers() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    for fill in [
        "SADD ints 3 -20 100 7",
        "SADD mixed 3 -20 1e2 7 0.5",
        "RPUSH list 3 1.0 1 100 7 3",
    ] {
        ask(&mut client, fill);
    }
    for (command, sorted) in [
        ("SORT ints", "-20 3 7 100"),
        ("SORT ints asc", "-20 3 7 100"),
        ("SORT ints DESC", "100 7 3 -20"),
        ("SORT ints DESC ASC", "-20 3 7 100"),
        ("SORT mixed", "-20 0.5 3 7 1e2"),
        ("SORT list", "1 1.0 3 3 7 100"),
        ("SORT list DESC", "100 7 3 3 1.0 1"),
        ("SORT none", ""),
        ("LRANGE list 0 -1", "3 1.0 1 100 7 3"),
    ] {
        assert_eq!(list(&mut client, command), sorted, "{command}");
    }
}

#[test]
#[ignore = "an exercise: make check-010c"]
fn exercise_2_text_is_sorted_with_alpha() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    ask(&mut client, "SADD words pear fig apple");
    ask(&mut client, "SADD ints 10 9 1");
    let error = "-ERR One or more scores can't be converted into double";
    assert_eq!(ask(&mut client, "SORT words"), error);
    for (command, sorted) in [
        ("SORT words ALPHA", "apple fig pear"),
        ("SORT words desc alpha", "pear fig apple"),
        ("SORT ints ALPHA", "1 10 9"),
    ] {
        assert_eq!(list(&mut client, command), sorted, "{command}");
    }
}

/// What is left out is left out of what is sorted.
#[test]
#[ignore = "an exercise: make check-010c"]
fn exercise_2_a_part_is_taken() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    ask(&mut client, "RPUSH list 5 1 4 2 3");
    for (command, sorted) in [
        ("SORT list LIMIT 0 2", "1 2"),
        ("SORT list limit 1 2 DESC", "4 3"),
        ("SORT list LIMIT 3 10", "4 5"),
        ("SORT list LIMIT 2 -1", "3 4 5"),
        ("SORT list LIMIT -2 2", "1 2"),
        ("SORT list LIMIT 5 1", ""),
        ("SORT list LIMIT 1 0", ""),
        ("SORT list LIMIT 1 9223372036854775807", "2 3 4 5"),
    ] {
        assert_eq!(list(&mut client, command), sorted, "{command}");
    }
}

#[test]
#[ignore = "an exercise: make check-010c"]
fn exercise_2_the_result_is_stored_as_a_list() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    let commands = [
        ("SADD s 3 1 2", ":3"),
        ("SET d x EX 100", "+OK"),
        ("SORT s DESC STORE d", ":3"),
        ("TYPE d", "+list"),
        ("TTL d", ":-1"),
        ("LPOP d", "$1\n3"),
        ("SORT d store d LIMIT 0 1", ":1"),
        ("LPOP d", "$1\n1"),
        ("SET d x", "+OK"),
        ("SORT none STORE d", ":0"),
        ("EXISTS d", ":0"),
        ("SORT s STORE s", ":3"),
        ("TYPE s", "+list"),
        ("LINDEX s 0", "$1\n1"),
    ];
    expect_all(&mut client, &commands);
}

#[test]
#[ignore = "an exercise: make check-010c"]
fn exercise_2_what_cannot_be_is_refused() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    let number = "-ERR value is not an integer or out of range";
    let commands = [
        ("SET text x", "+OK"),
        ("HSET hash f v", ":1"),
        ("SADD s 1", ":1"),
        ("SORT text", WRONG_TYPE),
        ("SORT hash ALPHA", WRONG_TYPE),
        ("SORT text upwards", SYNTAX),
        ("SORT s LIMIT 1", SYNTAX),
        ("SORT s STORE", SYNTAX),
        ("SORT s LIMIT 0 x", number),
        ("SORT s LIMIT x 1", number),
        ("SORT s ASC", "*1\n$1\n1"),
    ];
    expect_all(&mut client, &commands);
}
