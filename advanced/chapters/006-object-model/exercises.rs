//! The graders of `EXERCISES.md`. They are ignored until somebody asks for them:
//!
//! ```text
//! make check-006
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
use harness::{Server, wait_until};
use session::encode;

/// Sends the words of `command`, and takes the reply as text.
#[track_caller]
fn ask(client: &mut Client, command: &str) -> String {
    let words: Vec<&str> = command.split(' ').collect();
    let reply = escaped(&client.send(encode(&words)).reply());
    let reply = reply.replace("\\r\\n", "\n").replace("\\'", "'");
    reply.trim_end().to_owned()
}

/// Gives a hash so many fields, each with a value of `length` bytes.
#[track_caller]
fn fill(client: &mut Client, key: &str, fields: usize, length: usize) {
    for field in 0..fields {
        let value = "v".repeat(length);
        let command = format!("HSET {key} field:{field} {value}");
        assert_eq!(ask(client, &command), ":1", "HSET of a new field");
    }
}

/// A hash with so many fields that is a table.
#[track_caller]
fn table(client: &mut Client, key: &str, fields: usize) {
    fill(client, key, fields, 65);
    let encoding = ask(client, &format!("OBJECT ENCODING {key}"));
    assert_eq!(encoding, "$9\nhashtable", "OBJECT ENCODING of {key}");
}

#[test]
#[ignore = "an exercise: make check-006"]
fn exercise_1_the_first_bit_of_a_byte_is_its_highest() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    for (command, reply) in [
        ("SETBIT key 7 1", ":0"),
        ("GET key", "$1\n\\x01"),
        ("SETBIT key 0 1", ":0"),
        ("GET key", "$1\n\\x81"),
        ("SETBIT key 7 0", ":1"),
        ("SETBIT key 7 0", ":0"),
        ("GETBIT key 0", ":1"),
        ("GETBIT key 7", ":0"),
    ] {
        assert_eq!(ask(&mut client, command), reply, "{command}");
    }
}

#[test]
#[ignore = "an exercise: make check-006"]
fn exercise_1_a_string_grows_as_far_as_its_last_bit() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    for (command, reply) in [
        ("GETBIT nothing 5", ":0"),
        ("EXISTS nothing", ":0"),
        ("SETBIT key 100 0", ":0"),
        ("STRLEN key", ":13"),
        ("SETBIT key 99 1", ":0"),
        ("GETBIT key 99", ":1"),
        ("GETBIT key 1000000", ":0"),
        ("STRLEN key", ":13"),
    ] {
        assert_eq!(ask(&mut client, command), reply, "{command}");
    }
}

/// `12` is kept as a number, until a bit of it is set.
#[test]
#[ignore = "an exercise: make check-006"]
fn exercise_1_the_encoding_changes_with_the_first_bit_that_is_set() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    for (command, reply) in [
        ("SET key 12", "+OK"),
        ("GETBIT key 3", ":1"),
        ("GETBIT key 6", ":0"),
        ("OBJECT ENCODING key", "$3\nint"),
        ("SETBIT key 7 0", ":1"),
        ("GET key", "$2\n02"),
        ("OBJECT ENCODING key", "$3\nraw"),
    ] {
        assert_eq!(ask(&mut client, command), reply, "{command}");
    }
}

#[test]
#[ignore = "an exercise: make check-006"]
fn exercise_1_what_cannot_be_is_refused() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    ask(&mut client, "HSET hash field value");
    let offset = "-ERR bit offset is not an integer or out of range";
    let bit = "-ERR bit is not an integer or out of range";
    let wrong_type = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    for (command, reply) in [
        ("SETBIT key -1 1", offset),
        ("SETBIT key 4294967296 1", offset),
        ("SETBIT key first 1", offset),
        ("GETBIT key 4294967296", offset),
        ("SETBIT key 0 2", bit),
        ("SETBIT key 0 yes", bit),
        ("SETBIT hash 0 1", wrong_type),
        ("GETBIT hash 0", wrong_type),
        ("EXISTS key", ":0"),
    ] {
        assert_eq!(ask(&mut client, command), reply, "{command}");
    }
}

/// How many objects were freed in the background, and how many are still to be.
#[track_caller]
fn freed(client: &mut Client) -> (usize, usize) {
    let info = ask(client, "INFO memory");
    let number = |name: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|it| it.trim().parse().ok());
        number.unwrap_or_else(|| panic!("INFO memory has no number for `{name}`"))
    };
    (
        number("lazyfreed_objects:"),
        number("lazyfree_pending_objects:"),
    )
}

#[track_caller]
fn wait_for_freed(client: &mut Client, count: usize) {
    let what = format!("INFO memory has lazyfreed_objects:{count}, and none is pending");
    wait_until(&what, || freed(client) == (count, 0));
}

#[test]
#[ignore = "an exercise: make check-006"]
fn exercise_2_unlink_frees_what_is_large_in_the_background() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    assert_eq!(freed(&mut client), (0, 0), "before anything was freed");
    table(&mut client, "a", 65);
    table(&mut client, "b", 100);
    assert_eq!(ask(&mut client, "UNLINK a b nothing"), ":2");
    assert_eq!(ask(&mut client, "EXISTS a b"), ":0");
    wait_for_freed(&mut client, 2);
}

/// The small ones come first, so they would be counted by the time the large one is.
#[test]
#[ignore = "an exercise: make check-006"]
fn exercise_2_what_is_small_is_freed_at_once() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    table(&mut client, "a", 64);
    fill(&mut client, "b", 500, 5);
    ask(&mut client, &format!("SET c {}", "x".repeat(1_000_000)));
    assert_eq!(ask(&mut client, "UNLINK a b c"), ":3");
    table(&mut client, "d", 65);
    assert_eq!(ask(&mut client, "UNLINK d"), ":1");
    wait_for_freed(&mut client, 1);
}

#[test]
#[ignore = "an exercise: make check-006"]
fn exercise_2_del_does_so_only_if_it_is_told_to() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    let name = "lazyfree-lazy-user-del";
    let get = format!("CONFIG GET {name}");
    assert_eq!(ask(&mut client, &get), format!("*2\n$22\n{name}\n$2\nno"));
    table(&mut client, "a", 65);
    assert_eq!(ask(&mut client, "DEL a"), ":1");
    let set = format!("CONFIG SET {name} yes");
    assert_eq!(ask(&mut client, &set), "+OK");
    table(&mut client, "b", 65);
    assert_eq!(ask(&mut client, "DEL b"), ":1");
    wait_for_freed(&mut client, 1);
    assert_eq!(ask(&mut client, &format!("CONFIG SET {name} no")), "+OK");
}

#[test]
#[ignore = "an exercise: make check-006"]
fn exercise_2_what_expires_counts_if_it_is_told_to() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    for (is_lazy, count) in [("no", 0), ("yes", 1)] {
        let set = format!("CONFIG SET lazyfree-lazy-expire {is_lazy}");
        assert_eq!(ask(&mut client, &set), "+OK");
        table(&mut client, "a", 65);
        assert_eq!(ask(&mut client, "PEXPIRE a 1"), ":1");
        wait_until("EXISTS of what has expired is 0", || {
            ask(&mut client, "EXISTS a") == ":0"
        });
        wait_for_freed(&mut client, count);
    }
}

#[test]
#[ignore = "an exercise: make check-006"]
fn exercise_2_resetstat_counts_anew() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    table(&mut client, "a", 65);
    assert_eq!(ask(&mut client, "UNLINK a"), ":1");
    wait_for_freed(&mut client, 1);
    assert_eq!(ask(&mut client, "CONFIG RESETSTAT"), "+OK");
    assert_eq!(freed(&mut client), (0, 0), "after CONFIG RESETSTAT");
}
