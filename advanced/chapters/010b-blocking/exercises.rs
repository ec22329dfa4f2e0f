//! The graders of `EXERCISES.md`. They are ignored until somebody asks for them:
//!
//! ```text
//! make check-010b
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

#[track_caller]
fn set(client: &mut Client, name: &str, value: &str) {
    let command = format!("CONFIG SET {name} {value}");
    assert_eq!(ask(client, &command), "+OK", "{command}");
}

/// The value of a line of INFO; empty if it has no such line.
fn info(client: &mut Client, name: &str) -> String {
    let text = ask(client, "INFO everything");
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    let found = lines.find(|(it, _)| *it == name);
    found.map_or_else(String::new, |(_, value)| value.to_owned())
}

/// A client that sends a command and waits, and its id.
#[track_caller]
fn waiter(server: &Server, observer: &mut Client, command: &str) -> (Client, String) {
    let mut client = Client::connect(server);
    let id = ask(&mut client, "CLIENT ID")[1..].to_owned();
    wait_again(&mut client, observer, command);
    (client, id)
}

#[track_caller]
fn wait_again(client: &mut Client, observer: &mut Client, command: &str) {
    client.send(encode(&command.split(' ').collect::<Vec<_>>()));
    wait_until("INFO clients has blocked_clients:1", || {
        info(observer, "blocked_clients") == "1"
    });
}

const ONE: &str = "*2\n$1\nk\n$1\na";

const NO_REPLICAS: &str = "-NOREPLICAS Not enough good replicas to write.";

#[test]
#[ignore = "an exercise: make check-010b"]
fn exercise_1_without_replicas_no_write_is_accepted() {
    let server = Server::start();
    let mut c = Client::connect(&server);
    assert_eq!(ask(&mut c, "SET s x"), "+OK");
    set(&mut c, "min-replicas-to-write", "1");
    let name = "min-slaves-to-write";
    let get = ask(&mut c, &format!("CONFIG GET {name}"));
    assert_eq!(get, format!("*2\n${}\n{name}\n$1\n1", name.len()));
    for command in [
        "SET s y",
        "RPUSH k a",
        "BLPOP k 0.01",
        "BLMOVE k d LEFT LEFT 0",
    ] {
        assert_eq!(ask(&mut c, command), NO_REPLICAS, "{command}");
    }
    assert_eq!(ask(&mut c, "GET s"), "$1\nx");
    assert_eq!(info(&mut c, "min_slaves_good_slaves"), "0");
    // Without a greatest lag, no replica can be good, and the parameter has no effect.
    set(&mut c, "min-replicas-max-lag", "0");
    assert_eq!(ask(&mut c, "SET s y"), "+OK");
    assert_eq!(info(&mut c, "min_slaves_good_slaves"), "");
    set(&mut c, "min-slaves-max-lag", "10");
    assert_eq!(ask(&mut c, "SET s y"), NO_REPLICAS);
    set(&mut c, "min-replicas-to-write", "0");
    assert_eq!(ask(&mut c, "SET s y"), "+OK");
    assert_eq!(info(&mut c, "min_slaves_good_slaves"), "");
}

#[test]
#[ignore = "an exercise: make check-010b"]
fn exercise_1_who_waits_already_goes_on() {
    let server = Server::start();
    let mut c = Client::connect(&server);
    let (mut waiter, _) = waiter(&server, &mut c, "BLPOP k 0");
    set(&mut c, "min-replicas-to-write", "1");
    assert_eq!(ask(&mut c, "RPUSH k a"), NO_REPLICAS);
    assert_eq!(info(&mut c, "blocked_clients"), "1");
    set(&mut c, "min-replicas-to-write", "0");
    assert_eq!(ask(&mut c, "RPUSH k a"), ":1");
    waiter.expect(ONE.replace('\n', "\r\n") + "\r\n");
}

#[test]
#[ignore = "an exercise: make check-010b"]
fn exercise_1_a_replica_that_is_silent_does_not_count() {
    let (primary, replica) = (Server::start(), Server::start());
    let (mut p, mut r) = (Client::connect(&primary), Client::connect(&replica));
    set(&mut p, "repl-diskless-sync-delay", "0");
    set(&mut p, "min-replicas-to-write", "1");
    set(&mut p, "min-replicas-max-lag", "2");
    let port = primary.addr().port();
    assert_eq!(ask(&mut r, &format!("REPLICAOF 127.0.0.1 {port}")), "+OK");
    wait_until("the replica counts, and a write is accepted", || {
        ask(&mut p, "RPUSH k a").starts_with(':')
    });
    replica.signal(&["STOP"]);
    wait_until("the replica is silent, and a write is refused", || {
        ask(&mut p, "RPUSH k a") == NO_REPLICAS
    });
    assert!(info(&mut p, "slave0").contains("state=online"));
    assert_eq!(info(&mut p, "min_slaves_good_slaves"), "0");
    replica.signal(&["CONT"]);
    wait_until("the replica counts again", || {
        ask(&mut p, "RPUSH k a").starts_with(':')
    });
}

/// How many calls of a command LATENCY HISTOGRAM knows.
#[track_caller]
fn known(client: &mut Client, command: &str) -> usize {
    let histogram = ask(client, &format!("LATENCY HISTOGRAM {command}"));
    let calls = histogram.split_once("calls\n:");
    let number = calls.and_then(|(_, rest)| rest.lines().next()?.parse().ok());
    number.unwrap_or(0)
}

/// How many calls of a command have failed, as INFO commandstats has it.
#[track_caller]
fn failed(client: &mut Client, command: &str) -> String {
    let stats = info(client, &format!("cmdstat_{command}"));
    let failed = stats.rsplit_once("failed_calls=");
    failed.map_or_else(String::new, |(_, number)| number.to_owned())
}

#[test]
#[ignore = "an exercise: make check-010b"]
fn exercise_2_a_wait_is_in_the_histogram_when_it_was_served() {
    let server = Server::start();
    let mut c = Client::connect(&server);
    let (mut waiter, _) = waiter(&server, &mut c, "BLPOP k 0");
    assert_eq!(known(&mut c, "blpop"), 0, "while the client waits");
    assert_eq!(ask(&mut c, "RPUSH k a"), ":1");
    waiter.expect(ONE.replace('\n', "\r\n") + "\r\n");
    assert_eq!(known(&mut c, "blpop"), 1, "when it was served");
    // What does not wait is there at once, be it that it fails.
    assert_eq!(ask(&mut c, "RPUSH k a"), ":1");
    assert_eq!(ask(&mut c, "BLPOP k 0"), ONE);
    assert_eq!(ask(&mut c, "SET k a"), "+OK");
    assert!(ask(&mut c, "BLPOP k 0").starts_with("-WRONGTYPE"));
    assert_eq!(known(&mut c, "blpop"), 3, "with two that did not wait");
    assert_eq!(known(&mut c, "set"), 1);
}

#[test]
#[ignore = "an exercise: make check-010b"]
fn exercise_2_who_is_late_is_not_in_the_histogram_and_who_is_unblocked_is() {
    let server = Server::start();
    let mut c = Client::connect(&server);
    let mut late = Client::connect(&server);
    assert_eq!(ask(&mut late, "BRPOP k 0.01"), "*-1");
    assert_eq!(known(&mut c, "brpop"), 0, "after a timeout");
    assert_eq!(failed(&mut c, "brpop"), "0");
    let (mut waiter, id) = waiter(&server, &mut c, "BRPOP k 0");
    assert_eq!(ask(&mut c, &format!("CLIENT UNBLOCK {id}")), ":1");
    waiter.expect("*-1\r\n");
    assert_eq!(known(&mut c, "brpop"), 1, "after CLIENT UNBLOCK");
    assert_eq!(failed(&mut c, "brpop"), "1");
    wait_again(&mut waiter, &mut c, "BRPOP k 0");
    assert_eq!(ask(&mut c, &format!("CLIENT UNBLOCK {id} ERROR")), ":1");
    waiter.expect("-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
    assert_eq!(known(&mut c, "brpop"), 2, "after CLIENT UNBLOCK … ERROR");
    assert_eq!(failed(&mut c, "brpop"), "2");
}
