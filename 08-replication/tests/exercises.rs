//! The graders of `EXERCISES.md`. They are ignored until somebody asks for them:
//!
//! ```text
//! make check-08
//! ```
//!
//! Like the suites, they know nothing of a server but its port, and real Redis
//! passes them all.

#[path = "suite/client.rs"]
mod client;
#[path = "suite/harness.rs"]
mod harness;
#[allow(dead_code)]
#[path = "suite/session.rs"]
mod session;

use client::{Client, escaped};
use harness::{Server, wait_until};
use session::{NOT_AN_INTEGER, NULL, OK, arity, bulk, encode, int};

/// A primary, and a client of it.
#[track_caller]
fn start(flags: &[&str]) -> (Server, Client) {
    let server = Server::start_with(flags);
    let mut client = Client::connect(&server);
    wait_until("the server has started, and PING gets PONG", || {
        text(&mut client, "PING") == "+PONG\n"
    });
    // Redis waits 5 seconds for more replicas before it sends the file to the first.
    // Whoever does not wait need not know this parameter, so any reply will do.
    text(&mut client, "CONFIG SET repl-diskless-sync-delay 0");
    (server, client)
}

/// A replica of `primary`, and a client of it.
#[track_caller]
fn start_replica(primary: &Server, flags: &[&str]) -> (Server, Client) {
    let port = primary.addr().port().to_string();
    let follow = ["--replicaof", "127.0.0.1", &port];
    let server = Server::start_with(&[&follow[..], flags].concat());
    let client = Client::connect(&server);
    (server, client)
}

/// A connection that says by itself what a replica says.
#[track_caller]
fn play_replica(primary: &Server, before: &[&str]) -> Client {
    let mut replica = Client::connect(primary);
    for command in before {
        check(&mut replica, command, OK);
    }
    replica
}

/// The file that comes behind SYNC, and perhaps behind signs of life.
#[track_caller]
fn receive_file(replica: &mut Client) -> Vec<u8> {
    loop {
        let byte = replica.receive(1);
        match byte.as_slice() {
            b"\n" => {}
            b"$" => break,
            other => panic!(
                "a replica that has said SYNC gets no file\n  expected  $ and a length\n  received  {}",
                escaped(other)
            ),
        }
    }
    let length = replica.line();
    let length = length.parse().unwrap_or_else(|_| {
        panic!("a file begins with its length\n  expected  a number\n  received  {length}")
    });
    replica.receive(length)
}

/// The words of `command` as they are sent.
fn words(command: &str) -> Vec<u8> {
    let words: Vec<&str> = command.split(' ').collect();
    encode(&words)
}

/// Sends a command and compares its reply.
#[track_caller]
fn check(client: &mut Client, command: &str, reply: impl AsRef<[u8]>) {
    client.check(words(command), reply);
}

/// Sends a command and takes the reply as text.
#[track_caller]
fn text(client: &mut Client, command: &str) -> String {
    escaped(&client.send(words(command)).reply()).replace("\\r\\n", "\n")
}

/// The value of a line of INFO, if it has that line.
#[track_caller]
fn info(client: &mut Client, section: &str, name: &str) -> Option<String> {
    let text = text(client, &format!("INFO {section}"));
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name}:")));
    line.map(str::to_owned)
}

/// Compares a line of INFO.
#[track_caller]
fn check_info(client: &mut Client, section: &str, name: &str, expected: Option<&str>) {
    let received = info(client, section, name);
    assert_eq!(
        received.as_deref(),
        expected,
        "the line {name}: of INFO is not what Redis has (None: there is no such line)\n  sent      \
         INFO {section}\n  expected  {expected:?}\n  received  {received:?}"
    );
}

/// Waits until a line of INFO is right.
#[track_caller]
fn wait_for_info(client: &mut Client, section: &str, name: &str, expected: &str) {
    let what = format!("INFO {section} has the line {name}:{expected}");
    wait_until(&what, || {
        info(client, section, name).as_deref() == Some(expected)
    });
}

/// Waits until a replica has its data, and the primary knows.
#[track_caller]
fn wait_until_linked(primary: &mut Client, replica: &mut Client) {
    wait_for_info(replica, "replication", "master_link_status", "up");
    wait_until("INFO replication of the primary says state=online", || {
        let line = info(primary, "replication", "slave0");
        line.is_some_and(|line| line.contains("state=online"))
    });
}

/// The reply of `CONFIG GET` for one parameter.
fn parameter(name: &str, value: &str) -> Vec<u8> {
    [b"*2\r\n".to_vec(), bulk(name), bulk(value)].concat()
}

/// What Redis says when CONFIG SET cannot do it.
fn config_error(name: &str, why: &str) -> String {
    format!("-ERR CONFIG SET failed (possibly related to argument '{name}') - {why}\r\n")
}

const NO_INTEGER: &str = "argument couldn't be parsed into an integer";

// Exercise 1.

/// Compares the three counters.
#[track_caller]
fn check_syncs(client: &mut Client, full: &str, refused: &str) {
    check_info(client, "stats", "sync_full", Some(full));
    check_info(client, "stats", "sync_partial_ok", Some("0"));
    check_info(client, "stats", "sync_partial_err", Some(refused));
}

/// A name that no feed has.
const STRANGE: &str = "0123456789abcdef0123456789abcdef01234567";

#[test]
#[ignore = "exercise 1: sync_full, sync_partial_ok, sync_partial_err"]
fn exercise_1_counts_full_syncs() {
    let (server, mut client) = start(&[]);
    check_syncs(&mut client, "0", "0");
    let _first = start_replica(&server, &[]);
    wait_for_info(&mut client, "stats", "sync_full", "1");
    check_syncs(&mut client, "1", "0");
    let mut second = play_replica(&server, &[]);
    second.send(words("PSYNC ? -1"));
    wait_for_info(&mut client, "stats", "sync_full", "2");
    check_syncs(&mut client, "2", "0");
    let mut third = play_replica(&server, &[]);
    third.send(words("SYNC"));
    wait_for_info(&mut client, "stats", "sync_full", "3");
    check_syncs(&mut client, "3", "0");
}

#[test]
#[ignore = "exercise 1: sync_full, sync_partial_ok, sync_partial_err"]
fn exercise_1_counts_who_asked_for_less() {
    let (server, mut client) = start(&[]);
    for (count, offset) in [("1", "1"), ("2", "-1"), ("3", "1000000")] {
        let mut replica = play_replica(&server, &[]);
        replica.send(words(&format!("PSYNC {STRANGE} {offset}")));
        wait_for_info(&mut client, "stats", "sync_full", count);
        check_syncs(&mut client, count, count);
    }
    check(&mut client, "CONFIG RESETSTAT", OK);
    check_syncs(&mut client, "0", "0");
}

#[test]
#[ignore = "exercise 1: sync_full, sync_partial_ok, sync_partial_err"]
fn exercise_1_does_not_count_errors() {
    let (server, mut client) = start(&[]);
    let mut replica = play_replica(&server, &[]);
    let wrong = format!("PSYNC {STRANGE} here");
    check(&mut replica, &wrong, NOT_AN_INTEGER);
    check(&mut replica, "PSYNC ?", arity("psync"));
    check_syncs(&mut client, "0", "0");
    // Nobody listens there.
    check(&mut client, "REPLICAOF 127.0.0.1 1", OK);
    let refused = "-NOMASTERLINK Can't SYNC while not connected with my master\r\n";
    check(&mut replica, "PSYNC ? -1", refused);
    check(&mut replica, "SYNC", refused);
    check_syncs(&mut client, "0", "0");
}

// Exercise 2.

#[test]
#[ignore = "exercise 2: REPLCONF rdb-only"]
fn exercise_2_sends_the_file_and_hangs_up() {
    let (server, mut client) = start(&[]);
    check(&mut client, "SET greeting hello", OK);
    let mut copier = play_replica(&server, &["REPLCONF rdb-only 1"]);
    copier.send(words("SYNC"));
    let file = receive_file(&mut copier);
    let has = |part: &[u8]| file.windows(part.len()).any(|bytes| bytes == part);
    assert!(
        file.starts_with(b"REDIS") && has(b"greeting") && has(b"hello"),
        "the file is no RDB of the data\n  expected  REDIS…, with greeting and hello\n  received  {}",
        escaped(&file)
    );
    // Also nothing of what is written now.
    check(&mut client, "SET later 1", OK);
    copier.expect_closed();
    wait_for_info(&mut client, "replication", "connected_slaves", "0");
}

#[test]
#[ignore = "exercise 2: REPLCONF rdb-only"]
fn exercise_2_feeds_whoever_did_not_ask_for_it() {
    let (server, mut client) = start(&[]);
    let mut copier = play_replica(&server, &["REPLCONF rdb-only 1"]);
    copier.send(words("SYNC"));
    receive_file(&mut copier);
    copier.expect_closed();
    // The last word counts.
    let ways = ["REPLCONF rdb-only 0", "REPLCONF RDB-ONLY 1 rdb-only 0"];
    for way in ways {
        let mut replica = play_replica(&server, &[way]);
        replica.send(words("SYNC"));
        receive_file(&mut replica);
        wait_until("INFO replication says state=online", || {
            let line = info(&mut client, "replication", "slave0");
            line.is_some_and(|line| line.contains("state=online"))
        });
        check(&mut client, "SET later 1", OK);
        let feed = [words("SELECT 0"), words("SET later 1")].concat();
        replica.expect(feed);
        drop(replica);
        wait_for_info(&mut client, "replication", "connected_slaves", "0");
    }
}

#[test]
#[ignore = "exercise 2: REPLCONF rdb-only"]
fn exercise_2_takes_only_0_and_1() {
    let (server, _client) = start(&[]);
    let mut copier = play_replica(&server, &[]);
    let range = "-ERR value is out of range, value must between 0 and 1\r\n";
    check(&mut copier, "REPLCONF rdb-only 2", range);
    check(&mut copier, "REPLCONF rdb-only -1", range);
    check(&mut copier, "REPLCONF rdb-only yes", NOT_AN_INTEGER);
    check(&mut copier, "REPLCONF rdb-only", "-ERR syntax error\r\n");
    check(&mut copier, "REPLCONF rdb-only 1", OK);
    check(&mut copier, "GET greeting", NULL);
}

// Exercise 3.

const TOO_FEW: &str = "-NOREPLICAS Not enough good replicas to write.\r\n";

#[test]
#[ignore = "exercise 3: min-replicas-to-write"]
fn exercise_3_refuses_writes_without_replicas() {
    let (_server, mut client) = start(&["--min-replicas-to-write", "1"]);
    for command in ["SET a 1", "INCR a", "DEL a", "EXPIRE a 10", "FLUSHALL"] {
        check(&mut client, command, TOO_FEW);
    }
    check(&mut client, "SET a", arity("set"));
    check(&mut client, "GET a", NULL);
    check(&mut client, "PUBLISH news hello", int(0));
    check_info(
        &mut client,
        "replication",
        "min_slaves_good_slaves",
        Some("0"),
    );
    check(&mut client, "CONFIG SET min-replicas-to-write 0", OK);
    check(&mut client, "SET a 1", OK);
    check_info(&mut client, "replication", "min_slaves_good_slaves", None);
}

#[test]
#[ignore = "exercise 3: min-replicas-to-write"]
fn exercise_3_lets_writes_in_as_long_as_there_are_enough() {
    let (server, mut client) = start(&["--min-replicas-to-write", "1"]);
    let (replica, mut reader) = start_replica(&server, &["--min-replicas-to-write", "5"]);
    wait_until_linked(&mut client, &mut reader);
    wait_for_info(&mut client, "replication", "min_slaves_good_slaves", "1");
    check(&mut client, "SET a 1", OK);
    wait_until("the replica has what was written", || {
        text(&mut reader, "GET a") == "$1\n1\n"
    });
    let readonly = "-READONLY You can't write against a read only replica.\r\n";
    check(&mut reader, "SET a 2", readonly);
    check(&mut client, "CONFIG SET min-replicas-to-write 2", OK);
    check(&mut client, "SET a 2", TOO_FEW);
    check(&mut client, "CONFIG SET min-replicas-to-write 1", OK);
    check(&mut client, "SET a 2", OK);
    // It is expected to end; so nothing is to be read of it.
    drop(reader);
    replica.kill();
    wait_for_info(&mut client, "replication", "min_slaves_good_slaves", "0");
    check(&mut client, "SET a 3", TOO_FEW);
    check(&mut client, "GET a", bulk("2"));
}

#[test]
#[ignore = "exercise 3: min-replicas-to-write"]
fn exercise_3_counts_only_who_was_heard_of_lately() {
    let flags = [
        "--min-replicas-to-write",
        "1",
        "--min-replicas-max-lag",
        "1",
    ];
    let (server, mut client) = start(&flags);
    // This one takes the file and says nothing more.
    let mut silent = play_replica(&server, &[]);
    silent.send(words("SYNC"));
    receive_file(&mut silent);
    wait_for_info(&mut client, "replication", "min_slaves_good_slaves", "0");
    wait_until("INFO replication says lag=2", || {
        let line = info(&mut client, "replication", "slave0");
        line.is_some_and(|line| line.contains("state=online") && line.contains("lag=2"))
    });
    wait_until("SET gets NOREPLICAS", || {
        text(&mut client, "SET a 1").starts_with("-NOREPLICAS")
    });
    check_info(&mut client, "replication", "connected_slaves", Some("1"));
    // With more patience it counts, and without a bound nobody is counted.
    check(&mut client, "CONFIG SET min-replicas-max-lag 1000", OK);
    wait_for_info(&mut client, "replication", "min_slaves_good_slaves", "1");
    check(&mut client, "SET a 1", OK);
    check(
        &mut client,
        "CONFIG SET min-replicas-max-lag 0 min-replicas-to-write 9",
        OK,
    );
    check(&mut client, "SET a 1", OK);
    check_info(&mut client, "replication", "min_slaves_good_slaves", None);
}

/// Who is in the list and waits for its file has nothing yet.
#[test]
#[ignore = "exercise 3: min-replicas-to-write"]
fn exercise_3_counts_only_who_has_the_data() {
    let (server, mut client) = start(&[]);
    // More than the system keeps for a connection.
    let large = vec![b'x'; 48 << 20];
    check(&mut client, "CONFIG SET rdbcompression no", OK);
    client.check(encode(&[&b"SET"[..], b"large", &large]), OK);
    check(&mut client, "CONFIG SET min-replicas-to-write 1", OK);
    // It reads nothing of the file.
    let mut replica = play_replica(&server, &[]);
    replica.send(words("SYNC"));
    wait_for_info(&mut client, "replication", "connected_slaves", "1");
    for _ in 0..10 {
        let line = info(&mut client, "replication", "slave0").unwrap_or_default();
        assert!(
            !line.contains("state=online"),
            "a replica that has not read its file is online\n  received  slave0:{line}"
        );
        let good = "min_slaves_good_slaves";
        check_info(&mut client, "replication", good, Some("0"));
        check(&mut client, "SET a 1", TOO_FEW);
        std::thread::sleep(std::time::Duration::from_millis(30));
    }
}

#[test]
#[ignore = "exercise 3: min-replicas-to-write"]
fn exercise_3_has_two_parameters() {
    let (_server, mut client) = start(&[]);
    let range = "argument must be between 0 and 2147483647 inclusive";
    for (name, default) in [
        ("min-replicas-max-lag", "10"),
        ("min-replicas-to-write", "0"),
    ] {
        let get = format!("CONFIG GET {name}");
        check(&mut client, &get, parameter(name, default));
        let set = |value: &str| format!("CONFIG SET {name} {value}");
        check(&mut client, &set("few"), config_error(name, NO_INTEGER));
        check(&mut client, &set("-1"), config_error(name, range));
        check(&mut client, &set("2147483648"), config_error(name, range));
        check(&mut client, &set("3"), OK);
        check(&mut client, &get, parameter(name, "3"));
    }
}

// Exercise 4.

/// What INFO of a primary begins the line of its only replica with.
#[track_caller]
fn check_listed(client: &mut Client, ip: &str, port: &str) {
    let line = info(client, "replication", "slave0").unwrap_or_default();
    let expected = format!("ip={ip},port={port},");
    assert!(
        line.starts_with(&expected),
        "the primary says that its replica is somewhere else\n  sent      INFO replication\n  \
         expected  slave0:{expected}…\n  received  slave0:{line}"
    );
}

#[test]
#[ignore = "exercise 4: replica-announce-ip, replica-announce-port"]
fn exercise_4_a_primary_believes_its_replica() {
    let (server, mut client) = start(&[]);
    let long = format!("REPLCONF ip-address {}", "x".repeat(255));
    let said = "REPLCONF listening-port 4321 ip-address 10.9.8.7";
    let mut replica = play_replica(&server, &[&long, said]);
    let longer = format!("REPLCONF ip-address {}", "x".repeat(256));
    let refused =
        "-ERR REPLCONF ip-address provided by replica instance is too long: 256 bytes\r\n";
    check(&mut replica, &longer, refused);
    replica.send(words("SYNC"));
    receive_file(&mut replica);
    wait_until("INFO replication says state=online", || {
        let line = info(&mut client, "replication", "slave0");
        line.is_some_and(|line| line.contains("state=online"))
    });
    check_listed(&mut client, "10.9.8.7", "4321");
    let role = text(&mut client, "ROLE");
    let expected = "*1\n*3\n$8\n10.9.8.7\n$4\n4321\n";
    assert!(
        role.contains(expected),
        "ROLE does not say where the replica says that it is\n  expected  …{expected:?}…\n  \
         received  {role:?}"
    );
}

#[test]
#[ignore = "exercise 4: replica-announce-ip, replica-announce-port"]
fn exercise_4_a_replica_says_where_it_is() {
    let (server, mut client) = start(&[]);
    let flags = [
        "--replica-announce-ip",
        "replica.example",
        "--replica-announce-port",
        "4321",
    ];
    let (_replica, mut reader) = start_replica(&server, &flags);
    wait_until_linked(&mut client, &mut reader);
    check_listed(&mut client, "replica.example", "4321");
}

#[test]
#[ignore = "exercise 4: replica-announce-ip, replica-announce-port"]
fn exercise_4_what_it_does_not_say_is_what_the_primary_sees() {
    let (server, mut client) = start(&[]);
    let flags = ["--replica-announce-ip", "10.9.8.7"];
    let (replica, mut reader) = start_replica(&server, &flags);
    wait_until_linked(&mut client, &mut reader);
    let port = replica.addr().port().to_string();
    check_listed(&mut client, "10.9.8.7", &port);
    // The next greeting says what is set by then.
    check(&mut reader, "CONFIG SET replica-announce-ip ", OK);
    check(&mut reader, "CONFIG SET replica-announce-port 4321", OK);
    check_listed(&mut client, "10.9.8.7", &port);
    check(&mut reader, "REPLICAOF NO ONE", OK);
    wait_for_info(&mut client, "replication", "connected_slaves", "0");
    let follow = format!("REPLICAOF 127.0.0.1 {}", server.addr().port());
    check(&mut reader, &follow, OK);
    wait_until_linked(&mut client, &mut reader);
    check_listed(&mut client, "127.0.0.1", "4321");
}

#[test]
#[ignore = "exercise 4: replica-announce-ip, replica-announce-port"]
fn exercise_4_a_replica_can_be_kept_quiet_about() {
    let (server, mut client) = start(&[]);
    let (_replica, mut reader) = start_replica(&server, &["--replica-announced", "no"]);
    wait_until_linked(&mut client, &mut reader);
    check_info(&mut reader, "replication", "replica_announced", Some("0"));
    check(&mut reader, "CONFIG SET replica-announced YES", OK);
    check_info(&mut reader, "replication", "replica_announced", Some("1"));
    // The primary does not say of itself whether it would be.
    check(&mut client, "CONFIG SET replica-announced no", OK);
    check_info(&mut client, "replication", "replica_announced", None);
}

#[test]
#[ignore = "exercise 4: replica-announce-ip, replica-announce-port"]
fn exercise_4_has_three_parameters() {
    let (_server, mut client) = start(&[]);
    for (name, default, value, wrong, why) in [
        ("replica-announce-port", "0", "65535", "here", NO_INTEGER),
        (
            "replica-announce-port",
            "65535",
            "0",
            "65536",
            "argument must be between 0 and 65535 inclusive",
        ),
        (
            "replica-announced",
            "yes",
            "no",
            "maybe",
            "argument must be 'yes' or 'no'",
        ),
    ] {
        let get = format!("CONFIG GET {name}");
        check(&mut client, &get, parameter(name, default));
        let set = |value: &str| format!("CONFIG SET {name} {value}");
        check(&mut client, &set(wrong), config_error(name, why));
        check(&mut client, &set(value), OK);
        check(&mut client, &get, parameter(name, value));
    }
    let (name, get) = ("replica-announce-ip", "CONFIG GET replica-announce-ip");
    check(&mut client, get, parameter(name, ""));
    check(&mut client, "CONFIG SET replica-announce-ip a.b", OK);
    check(&mut client, get, parameter(name, "a.b"));
}
