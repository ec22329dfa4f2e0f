//! The graders of `EXERCISES.md`. They are ignored until somebody asks for them:
//!
//! ```text
//! make check-07
//! ```
//!
//! Like the suites, they know nothing of a server but its port, and real Redis passes
//! them all.

#[path = "suite/client.rs"]
mod client;
#[path = "suite/harness.rs"]
mod harness;
#[allow(dead_code)]
#[path = "suite/session.rs"]
mod session;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use client::{Client, escaped};
use harness::{Server, wait_until};
use session::{NULL, OK, arity, bulk, encode, int};

/// A command, whose arguments are the words of `command`, as it is sent.
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

/// A connection that speaks RESP3.
#[track_caller]
fn connect3(server: &Server) -> Client {
    let mut client = Client::connect(server);
    client.send("HELLO 3\r\n").reply();
    client
}

/// What is pushed to a subscriber in RESP2: strings, and perhaps a number at the end.
fn push(words: &[&str], count: Option<i64>) -> Vec<u8> {
    let length = words.len() + usize::from(count.is_some());
    let mut bytes = format!("*{length}\r\n").into_bytes();
    words.iter().for_each(|word| bytes.extend(bulk(word)));
    bytes.extend(count.map(int).unwrap_or_default().bytes());
    bytes
}

/// The same in RESP3.
fn push3(words: &[&str], count: Option<i64>) -> Vec<u8> {
    let mut bytes = push(words, count);
    bytes[0] = b'>';
    bytes
}

/// The reply of `CONFIG GET` for one parameter.
fn parameter(name: &str, value: &str) -> Vec<u8> {
    [b"*2\r\n".to_vec(), bulk(name), bulk(value)].concat()
}

/// What Redis says when CONFIG SET cannot do it.
fn config_error(name: &str, why: &str) -> String {
    format!("-ERR CONFIG SET failed (possibly related to argument '{name}') - {why}\r\n")
}

/// What Redis says to a subscriber in RESP2.
fn bound(name: &str) -> String {
    format!(
        "-ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / \
         RESET are allowed in this context\r\n"
    )
}

/// What COMMAND INFO says of a command, as far as its flags.
fn described(name: &str, arity: i64, flags: &[&str]) -> Vec<u8> {
    let mut bytes = b"*10\r\n".to_vec();
    bytes.extend(bulk(name));
    bytes.extend(int(arity).bytes());
    bytes.extend(format!("*{}\r\n", flags.len()).bytes());
    flags
        .iter()
        .for_each(|flag| bytes.extend(format!("+{flag}\r\n").bytes()));
    bytes
}

/// Checks what COMMAND INFO says of a command, but not in which order its flags come.
#[track_caller]
fn check_described(client: &mut Client, name: &str, arity: i64, flags: &[&str]) {
    let info = client.send(words(&format!("COMMAND INFO {name}"))).reply();
    let expected = described(name, arity, flags);
    assert!(
        info.windows(expected.len()).any(|part| part == expected),
        "the table says something else\n  sent      COMMAND INFO {name}\n  expected  to find {}\n  \
         received  {}",
        escaped(&expected),
        escaped(&info)
    );
}

// Exercise 1.

/// Subscribes to channels of the two kinds and to a pattern, three times the same name.
#[track_caller]
fn subscribe_to_all(client: &mut Client) {
    check(client, "SSUBSCRIBE a", push(&["ssubscribe", "a"], Some(1)));
    check(client, "SUBSCRIBE a", push(&["subscribe", "a"], Some(1)));
    check(
        client,
        "PSUBSCRIBE a*",
        push(&["psubscribe", "a*"], Some(2)),
    );
}

#[test]
#[ignore = "exercise 1: shard channels"]
fn exercise_1_counts_shard_channels_by_themselves() {
    let server = Server::start();
    let c = &mut Client::connect(&server);
    let confirm = |(name, count)| push(&["ssubscribe", name], Some(count));
    let replies = [("a", 1), ("b", 2), ("a", 2)].map(confirm);
    check(c, "SSUBSCRIBE a b a", replies.concat());
    check(c, "SUBSCRIBE a", push(&["subscribe", "a"], Some(1)));
    check(c, "PSUBSCRIBE a*", push(&["psubscribe", "a*"], Some(2)));
    check(c, "SSUBSCRIBE c", push(&["ssubscribe", "c"], Some(3)));
    let confirm = |(name, count)| push(&["sunsubscribe", name], Some(count));
    let replies = [("nosuch", 3), ("b", 2), ("b", 2), ("c", 1)].map(confirm);
    check(c, "SUNSUBSCRIBE nosuch b b c", replies.concat());
    check(c, "SUNSUBSCRIBE", push(&["sunsubscribe", "a"], Some(0)));
    let nothing = "*3\r\n$12\r\nsunsubscribe\r\n$-1\r\n:0\r\n";
    check(c, "SUNSUBSCRIBE", nothing);
    check(c, "UNSUBSCRIBE", push(&["unsubscribe", "a"], Some(1)));
    check(c, "PUNSUBSCRIBE", push(&["punsubscribe", "a*"], Some(0)));
    check(c, "PING", "+PONG\r\n");
}

#[test]
#[ignore = "exercise 1: shard channels"]
fn exercise_1_keeps_the_names_apart() {
    let server = Server::start();
    let mut publisher = Client::connect(&server);
    let p = &mut publisher;
    let c = &mut Client::connect(&server);
    subscribe_to_all(c);
    check(p, "SPUBLISH a one", int(1));
    check(p, "SPUBLISH ab nobody", int(0));
    check(p, "PUBLISH a two", int(2));
    let expected = [
        push(&["smessage", "a", "one"], None),
        push(&["message", "a", "two"], None),
        push(&["pmessage", "a*", "a", "two"], None),
    ];
    c.expect(expected.concat());
    check(c, "UNSUBSCRIBE", push(&["unsubscribe", "a"], Some(1)));
    check(c, "PUNSUBSCRIBE", push(&["punsubscribe", "a*"], Some(0)));
    check(p, "PUBLISH a nobody", int(0));
    check(p, "SPUBLISH a three", int(1));
    c.expect(push(&["smessage", "a", "three"], None));
}

#[test]
#[ignore = "exercise 1: shard channels"]
fn exercise_1_makes_a_subscriber() {
    let server = Server::start();
    let mut publisher = Client::connect(&server);
    let p = &mut publisher;
    let c = &mut Client::connect(&server);
    check(c, "SSUBSCRIBE a", push(&["ssubscribe", "a"], Some(1)));
    check(c, "SPUBLISH a x", bound("spublish"));
    check(c, "PING", "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
    // Ending what there is none of does not end what there is.
    check(c, "UNSUBSCRIBE a", push(&["unsubscribe", "a"], Some(0)));
    check(c, "SUBSCRIBE b", push(&["subscribe", "b"], Some(1)));
    check(c, "UNSUBSCRIBE b", push(&["unsubscribe", "b"], Some(0)));
    check(c, "GET k", bound("get"));
    check(p, "SPUBLISH a x", int(1));
    c.expect(push(&["smessage", "a", "x"], None));
    check(c, "SUNSUBSCRIBE a", push(&["sunsubscribe", "a"], Some(0)));
    check(c, "GET k", NULL);
    check(c, "SUBSCRIBE b", push(&["subscribe", "b"], Some(1)));
    check(c, "SUNSUBSCRIBE a", push(&["sunsubscribe", "a"], Some(0)));
    check(c, "GET k", bound("get"));
    check(p, "SPUBLISH a x", int(0));
}

#[test]
#[ignore = "exercise 1: shard channels"]
fn exercise_1_ends_with_the_client() {
    let server = Server::start();
    let mut publisher = Client::connect(&server);
    let p = &mut publisher;
    let mut c = Client::connect(&server);
    check(&mut c, "SSUBSCRIBE a", push(&["ssubscribe", "a"], Some(1)));
    check(&mut c, "RESET", "+RESET\r\n");
    check(p, "SPUBLISH a x", int(0));
    check(&mut c, "GET k", NULL);
    check(&mut c, "SSUBSCRIBE a", push(&["ssubscribe", "a"], Some(1)));
    check(p, "SPUBLISH a x", int(1));
    c.expect(push(&["smessage", "a", "x"], None));
    drop(c);
    wait_until("the shard channel has gone with its client", || {
        p.send(words("SPUBLISH a x")).reply() == b":0\r\n"
    });
}

#[test]
#[ignore = "exercise 1: shard channels"]
fn exercise_1_speaks_resp3() {
    let server = Server::start();
    let c = &mut connect3(&server);
    check(c, "SSUBSCRIBE a", push3(&["ssubscribe", "a"], Some(1)));
    check(c, "SUBSCRIBE a", push3(&["subscribe", "a"], Some(1)));
    let received = [push3(&["smessage", "a", "x"], None), int(1).into()];
    check(c, "SPUBLISH a x", received.concat());
    check(c, "SUNSUBSCRIBE", push3(&["sunsubscribe", "a"], Some(0)));
    let nothing = ">3\r\n$12\r\nsunsubscribe\r\n_\r\n:0\r\n";
    check(c, "SUNSUBSCRIBE", nothing);
}

#[test]
#[ignore = "exercise 1: shard channels"]
fn exercise_1_is_no_channel_to_those_who_ask() {
    let server = Server::start();
    let mut other = Client::connect(&server);
    let p = &mut other;
    let c = &mut Client::connect(&server);
    subscribe_to_all(c);
    check(c, "SSUBSCRIBE b1", push(&["ssubscribe", "b1"], Some(2)));
    check(p, "PUBSUB CHANNELS", "*1\r\n$1\r\na\r\n");
    check(p, "PUBSUB NUMSUB b1", "*2\r\n$2\r\nb1\r\n:0\r\n");
    check(p, "PUBSUB NUMPAT", int(1));
}

#[test]
#[ignore = "exercise 1: shard channels"]
fn exercise_1_is_in_the_table() {
    let server = Server::start();
    let c = &mut Client::connect(&server);
    let flags = ["pubsub", "noscript", "loading", "stale"];
    check_described(c, "ssubscribe", -2, &flags);
    check_described(c, "sunsubscribe", -1, &flags);
    check_described(c, "spublish", 3, &["pubsub", "loading", "stale", "fast"]);
    check(c, "SSUBSCRIBE", arity("ssubscribe"));
    check(c, "SPUBLISH a", arity("spublish"));
}

/// The limit of a subscriber: what waits for one that does not read is bounded.
#[test]
#[ignore = "exercise 1: shard channels"]
fn exercise_1_has_the_limit_of_subscribers() {
    let server = Server::start();
    let p = &mut Client::connect(&server);
    let mut sleeper = TcpStream::connect(server.addr()).expect("a connection");
    let subscribe = words("SSUBSCRIBE a");
    sleeper.write_all(&subscribe).expect("room for a command");
    wait_until("somebody listens", || {
        p.send(words("SPUBLISH a x")).reply() == b":1\r\n"
    });
    let message = "x".repeat(1 << 20);
    let publish = words(&format!("SPUBLISH a {message}"));
    // 32 MB may wait, and what the system keeps for a socket.
    let ended = (0..64).any(|_| p.send(publish.clone()).reply() == b":0\r\n");
    assert!(
        ended,
        "it still listens\n  sent      SSUBSCRIBE a by a client that reads nothing more, and 64 times \
         SPUBLISH a <1 MB> by another\n  expected  the client to be disconnected, as by PUBLISH"
    );
}

// Exercise 2.

/// How many bytes the graders let wait for a client: what the system keeps for a socket is
/// far less than either.
const LARGE: usize = 48 << 20;
const SMALL: usize = 24 << 20;

/// Somebody who subscribes to `channel` and reads nothing more, and for whom so many bytes of
/// messages wait.
#[track_caller]
fn sleeper(server: &Server, publisher: &mut Client, channel: &str, bytes: usize) -> TcpStream {
    const SIZE: usize = 1 << 20;
    let mut sleeper = TcpStream::connect(server.addr()).expect("a connection");
    let patience = sleeper.set_read_timeout(Some(client::patience()));
    patience.expect("a timeout");
    let subscribe = words(&format!("SUBSCRIBE {channel}"));
    sleeper.write_all(&subscribe).expect("room for a command");
    let mut confirmed = vec![0; push(&["subscribe", channel], Some(1)).len()];
    sleeper.read_exact(&mut confirmed).expect("a confirmation");
    let message = "x".repeat(SIZE);
    for _ in 0..bytes / SIZE {
        check(publisher, &format!("PUBLISH {channel} {message}"), int(1));
    }
    sleeper
}

/// A server that has no limit for a single subscriber, and a client of it.
#[track_caller]
fn without_limit() -> (Server, Client) {
    let server = Server::start();
    let mut client = Client::connect(&server);
    let limit = [
        "CONFIG",
        "SET",
        "client-output-buffer-limit",
        "pubsub 0 0 0",
    ];
    client.check(encode(&limit), OK);
    (server, client)
}

/// How many are subscribed to a channel.
#[track_caller]
fn subscribers(client: &mut Client, channel: &str) -> String {
    let reply = text(client, &format!("PUBSUB NUMSUB {channel}"));
    reply.lines().last().unwrap_or_default().to_owned()
}

/// What INFO says of the clients that were disconnected.
#[track_caller]
fn evicted(client: &mut Client) -> String {
    let info = text(client, "INFO stats");
    let line = info
        .lines()
        .find(|line| line.starts_with("evicted_clients:"));
    line.unwrap_or("no line evicted_clients").to_owned()
}

/// A number that CLIENT LIST shows of the clients, of the one with the most.
#[track_caller]
fn most(client: &mut Client, field: &str) -> usize {
    let list = text(client, "CLIENT LIST");
    let fields = list.split([' ', '\n']);
    let numbers = fields.filter_map(|it| it.strip_prefix(field)?.strip_prefix('=')?.parse().ok());
    numbers.max().unwrap_or(0)
}

#[test]
#[ignore = "exercise 2: maxmemory-clients"]
fn exercise_2_the_largest_has_to_go() {
    let (server, mut client) = without_limit();
    let _small = sleeper(&server, &mut client, "small", SMALL);
    let _large = sleeper(&server, &mut client, "large", LARGE);
    check(&mut client, "CONFIG SET maxmemory-clients 36mb", OK);
    wait_until("the one for which most waits is no subscriber", || {
        subscribers(&mut client, "large") == ":0"
    });
    assert_eq!(
        subscribers(&mut client, "small"),
        ":1",
        "once the largest is gone, the others take less than the limit, and stay"
    );
    assert_eq!(evicted(&mut client), "evicted_clients:1");
}

#[test]
#[ignore = "exercise 2: maxmemory-clients"]
fn exercise_2_it_is_closed_without_a_word_and_what_waits_is_lost() {
    let (server, mut client) = without_limit();
    let mut large = sleeper(&server, &mut client, "large", LARGE);
    check(&mut client, "CONFIG SET maxmemory-clients 16mb", OK);
    wait_until("it is no subscriber", || {
        subscribers(&mut client, "large") == ":0"
    });
    let received = drain(&mut large);
    assert!(
        received < LARGE,
        "what waits for a client that is disconnected is thrown away\n  expected  less than \
         {LARGE} bytes to reach it\n  received  {received} bytes"
    );
    check(&mut client, "PING", "+PONG\r\n");
}

/// Reads until the server closes the connection; how many bytes that were.
#[track_caller]
fn drain(client: &mut TcpStream) -> usize {
    let mut buffer = vec![0; 64 * 1024];
    let mut total = 0;
    loop {
        match client.read(&mut buffer) {
            Ok(0) => return total,
            Ok(count) => total += count,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return total,
            Err(error) => {
                panic!("the connection is not closed\n  received  {total} bytes, then: {error}")
            }
        }
    }
}

#[test]
#[ignore = "exercise 2: maxmemory-clients"]
fn exercise_2_all_together_count() {
    let (server, mut client) = without_limit();
    let _sleepers = ["a", "b", "c"].map(|it| sleeper(&server, &mut client, it, SMALL));
    check(&mut client, "CONFIG SET maxmemory-clients 56mb", OK);
    wait_until(
        "somebody was disconnected, though nobody alone is too large",
        || evicted(&mut client) != "evicted_clients:0",
    );
    let all = ["a", "b", "c"].map(|it| subscribers(&mut client, it));
    let left = all.iter().filter(|it| *it == ":1").count();
    assert_eq!(left, 2, "of three, one has to go: {all:?}");
    assert_eq!(evicted(&mut client), "evicted_clients:1");
    check(&mut client, "CONFIG RESETSTAT", OK);
    assert_eq!(evicted(&mut client), "evicted_clients:0");
}

#[test]
#[ignore = "exercise 2: maxmemory-clients"]
fn exercise_2_what_has_not_been_executed_counts_too() {
    let (server, mut client) = without_limit();
    let mut writer = Client::connect(&server);
    writer.send(format!("*3\r\n$3\r\nSET\r\n$1\r\na\r\n${}\r\n", 2 * LARGE));
    writer.send("x".repeat(LARGE));
    wait_until("CLIENT LIST shows that memory", || {
        most(&mut client, "tot-mem") > SMALL
    });
    check(&mut client, "CONFIG SET maxmemory-clients 36mb", OK);
    assert_eq!(drain(&mut writer.socket), 0, "it is closed without a word");
    assert_eq!(evicted(&mut client), "evicted_clients:1");
}

#[test]
#[ignore = "exercise 2: maxmemory-clients"]
fn exercise_2_client_list_shows_what_waits() {
    let (server, mut client) = without_limit();
    let _large = sleeper(&server, &mut client, "large", LARGE);
    for field in ["omem", "tot-mem"] {
        let most = most(&mut client, field);
        assert!(
            most > SMALL,
            "{field} is to show what waits for the subscriber\n  sent      {LARGE} bytes to one \
             that does not read, then CLIENT LIST\n  expected  more than {SMALL}\n  found     \
             {most}"
        );
    }
    assert_eq!(
        evicted(&mut client),
        "evicted_clients:0",
        "there is no limit"
    );
}

#[test]
#[ignore = "exercise 2: maxmemory-clients"]
fn exercise_2_is_a_parameter() {
    const NAME: &str = "maxmemory-clients";
    let server = Server::start_with(&["--maxmemory-clients", "64mb"]);
    let c = &mut Client::connect(&server);
    check(
        c,
        &format!("CONFIG GET {NAME}"),
        parameter(NAME, "67108864"),
    );
    check(c, &format!("CONFIG SET {NAME} 1gb"), OK);
    check(
        c,
        &format!("CONFIG GET {NAME}"),
        parameter(NAME, "1073741824"),
    );
    check(c, &format!("CONFIG SET {NAME} 0"), OK);
    let why = config_error(NAME, "argument must be a memory or percent value");
    for wrong in ["much", "-1", "1x"] {
        check(c, &format!("CONFIG SET {NAME} {wrong}"), &why);
    }
    check(c, &format!("CONFIG GET {NAME}"), parameter(NAME, "0"));
}

// Exercise 3.

/// A client that has said MONITOR.
#[track_caller]
fn monitor(server: &Server) -> Client {
    let mut client = Client::connect(server);
    check(&mut client, "MONITOR", OK);
    client
}

/// The next line that a monitor is shown must be of this client, and show these words. The
/// time is returned, as it is sent.
#[track_caller]
fn check_line(monitor: &mut Client, of: &str, words: &str) -> String {
    let line = monitor.line();
    let (time, rest) = line.split_once(' ').unwrap_or((&line, ""));
    let expected = format!("[0 {of}] {words}");
    assert!(
        rest == escaped(expected.as_bytes()) && time.starts_with('+'),
        "a monitor is shown something else\n  expected  +<time> {}\n  received  {line}",
        escaped(expected.as_bytes())
    );
    time[1..].to_owned()
}

/// A client's address, as a monitor is shown it.
fn address(client: &Client) -> String {
    let address = client.socket.local_addr().expect("an address");
    address.to_string()
}

#[test]
#[ignore = "exercise 3: MONITOR"]
fn exercise_3_shows_what_is_executed() {
    let server = Server::start();
    let mut monitors = [monitor(&server), monitor(&server)];
    let c = &mut Client::connect(&server);
    check(c, "SET a 1", OK);
    c.check("get  a\r\nGeT a\r\n", [bulk("1"), bulk("1")].concat());
    check(c, "SETRANGE a 1 x", int(2));
    let not_integer = "-ERR value is not an integer or out of range\r\n";
    check(c, "INCR a", not_integer);
    check(c, "PUBLISH channel hi", int(0));
    check(c, "SUBSCRIBE b", push(&["subscribe", "b"], Some(1)));
    check(c, "UNSUBSCRIBE b", push(&["unsubscribe", "b"], Some(0)));
    let of = &address(c);
    for m in &mut monitors {
        check_line(m, of, r#""SET" "a" "1""#);
        check_line(m, of, r#""get" "a""#);
        check_line(m, of, r#""GeT" "a""#);
        check_line(m, of, r#""SETRANGE" "a" "1" "x""#);
        check_line(m, of, r#""INCR" "a""#);
        check_line(m, of, r#""PUBLISH" "channel" "hi""#);
        check_line(m, of, r#""SUBSCRIBE" "b""#);
        check_line(m, of, r#""UNSUBSCRIBE" "b""#);
    }
}

#[test]
#[ignore = "exercise 3: MONITOR"]
fn exercise_3_says_when() {
    let server = Server::start();
    let m = &mut monitor(&server);
    let c = &mut Client::connect(&server);
    let clock = |c: &mut Client| {
        let lines = text(c, "TIME");
        let lines: Vec<&str> = lines.lines().collect();
        format!("{}.{:0>6}", lines[2], lines[4])
    };
    let of = &address(c);
    for _ in 0..20 {
        let before = clock(c);
        check(c, "ECHO now", bulk("now"));
        let after = clock(c);
        check_line(m, of, r#""TIME""#);
        let time = check_line(m, of, r#""ECHO" "now""#);
        check_line(m, of, r#""TIME""#);
        // All have the same number of digits, so they compare as text does.
        let fits = time.len() == before.len() && before <= time && time <= after;
        assert!(
            fits,
            "the time is not when the command was executed\n  expected  seconds.microseconds, \
             from {before} to {after}, as TIME says\n  received  {time}"
        );
    }
}

#[test]
#[ignore = "exercise 3: MONITOR"]
fn exercise_3_leaves_out_what_was_not_executed_and_what_is_admin() {
    let server = Server::start();
    let m = &mut monitor(&server);
    let c = &mut Client::connect(&server);
    let of = &address(c);
    text(c, "NOSUCH a");
    check(c, "GET", arity("get"));
    text(c, "CONFIG GET port");
    check(c, "CONFIG SET timeout-or-not 1", {
        "-ERR Unknown option or number of arguments for CONFIG SET - 'timeout-or-not'\r\n"
    });
    check(c, "MONITOR", OK);
    check(c, "RESET", "+RESET\r\n");
    check(c, "SUBSCRIBE a", push(&["subscribe", "a"], Some(1)));
    check(c, "GET a", bound("get"));
    check(c, "UNSUBSCRIBE a", push(&["unsubscribe", "a"], Some(0)));
    check_line(m, of, r#""RESET""#);
    check_line(m, of, r#""SUBSCRIBE" "a""#);
    check_line(m, of, r#""UNSUBSCRIBE" "a""#);
}

#[test]
#[ignore = "exercise 3: MONITOR"]
fn exercise_3_quotes_all_bytes() {
    let server = Server::start();
    let m = &mut monitor(&server);
    let c = &mut Client::connect(&server);
    let of = &address(c);
    let all: Vec<u8> = (0..=255).collect();
    c.check(encode(&[&b"ECHO"[..], &all]), bulk(&all));
    check(c, "ECHO ", bulk(""));
    let quoted = |byte: u8| match byte {
        b'\\' | b'"' => format!("\\{}", char::from(byte)),
        b'\n' => "\\n".into(),
        b'\r' => "\\r".into(),
        b'\t' => "\\t".into(),
        7 => "\\a".into(),
        8 => "\\b".into(),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    };
    let all: String = all.iter().map(|byte| quoted(*byte)).collect();
    check_line(m, of, &format!("\"ECHO\" \"{all}\""));
    check_line(m, of, r#""ECHO" """#);
}

#[test]
#[ignore = "exercise 3: MONITOR"]
fn exercise_3_is_no_subscription() {
    let server = Server::start();
    let m = &mut monitor(&server);
    let c = &mut Client::connect(&server);
    let of = &address(m);
    let of_other = &address(c);
    // A monitor is shown what it says itself, behind the reply.
    m.send(words("PING")).expect_start("+PONG\r\n");
    check_line(m, of, r#""PING""#);
    let subscribed = push(&["subscribe", "a"], Some(1));
    m.send(words("SUBSCRIBE a")).expect_start(subscribed);
    check_line(m, of, r#""SUBSCRIBE" "a""#);
    check(m, "ECHO x", bound("echo"));
    check(c, "PUBLISH a hi", int(1));
    m.expect_start(push(&["message", "a", "hi"], None));
    check_line(m, of_other, r#""PUBLISH" "a" "hi""#);
    let ended = push(&["unsubscribe", "a"], Some(0));
    m.send(words("UNSUBSCRIBE a")).expect_start(ended);
    check_line(m, of, r#""UNSUBSCRIBE" "a""#);
    check(c, "ECHO still", bulk("still"));
    check_line(m, of_other, r#""ECHO" "still""#);
    m.send(words("ECHO x")).expect_start(bulk("x"));
    check_line(m, of, r#""ECHO" "x""#);
    check(m, "RESET", "+RESET\r\n");
    check(m, "GET a", NULL);
    check(c, "ECHO alone", bulk("alone"));
    check(m, "PING", "+PONG\r\n");
}

#[test]
#[ignore = "exercise 3: MONITOR"]
fn exercise_3_obeys_the_limit_of_normal_clients() {
    const LIMIT: &str = "client-output-buffer-limit";
    let server = Server::start();
    let c = &mut Client::connect(&server);
    let set_limit = |limit: &str| encode(&["CONFIG", "SET", LIMIT, limit]);
    c.check(set_limit("pubsub 100000 0 0"), OK);
    let m = &mut monitor(&server);
    let large = "x".repeat(200_000);
    c.check(encode(&["SET", "a", &large]), OK);
    check_line(m, &address(c), &format!("\"SET\" \"a\" \"{large}\""));
    c.check(set_limit("normal 100000 0 0"), OK);
    c.check(encode(&["SET", "a", &large]), OK);
    m.expect_closed();
    check(c, "PING", "+PONG\r\n");
}

#[test]
#[ignore = "exercise 3: MONITOR"]
fn exercise_3_shows_a_crowd_in_order() {
    const COMMANDS: usize = 20_000;
    let server = Server::start();
    let m = &mut monitor(&server);
    let c = &mut Client::connect(&server);
    let of = &address(c);
    for first in (0..COMMANDS).step_by(1000) {
        let numbers = first..first + 1000;
        let commands = numbers.clone().map(|it| words(&format!("ECHO {it}")));
        let replies = numbers.map(|it| bulk(it.to_string()));
        let (commands, replies): (Vec<_>, Vec<_>) = (commands.collect(), replies.collect());
        c.check(commands.concat(), replies.concat());
    }
    let mut received = Vec::new();
    let lines = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count();
    while lines(&received) < COMMANDS {
        let before = received.len();
        let mut part = vec![0; 1 << 16];
        let length = m.socket.read(&mut part).unwrap_or(0);
        received.extend_from_slice(&part[..length]);
        assert!(
            received.len() > before,
            "a monitor that reads all is shown only {} of {COMMANDS} commands",
            lines(&received)
        );
    }
    let received = String::from_utf8_lossy(&received);
    for (number, line) in received.lines().enumerate() {
        let expected = format!("[0 {of}] \"ECHO\" \"{number}\"");
        assert!(
            line.ends_with(&expected),
            "a monitor is shown another command than it should be\n  expected  …{expected}\n  \
             received  {line}"
        );
    }
}

#[test]
#[ignore = "exercise 3: MONITOR"]
fn exercise_3_is_in_the_table() {
    let server = Server::start();
    let c = &mut Client::connect(&server);
    check_described(c, "monitor", 1, &["admin", "noscript", "loading", "stale"]);
    check(c, "MONITOR x", arity("monitor"));
}

// Exercise 4.

const EVENTS: &str = "notify-keyspace-events";

/// A server that publishes these events, a client that subscribes to all of them, and one
/// to make them happen.
#[track_caller]
fn notifying(events: &str) -> (Server, Client, Client) {
    let server = Server::start_with(&["--notify-keyspace-events", events]);
    let mut listener = Client::connect(&server);
    let subscribed = push(&["psubscribe", "__key*@0__:*"], Some(1));
    check(&mut listener, "PSUBSCRIBE __key*@0__:*", subscribed);
    let client = Client::connect(&server);
    (server, listener, client)
}

/// Events, each of the form `event key`, as the channels of events have them.
fn events(list: &[&str]) -> Vec<u8> {
    let message = |event: &&str| {
        let (event, key) = event.split_once(' ').unwrap_or((event, ""));
        let channel = format!("__keyevent@0__:{event}");
        push(&["pmessage", "__key*@0__:*", &channel, key], None)
    };
    list.iter().flat_map(message).collect()
}

/// Sends a command, whatever its reply is, and checks that it causes these events and
/// no others. Who publishes something behind it knows that nothing else is under way.
#[track_caller]
fn causes(client: &mut Client, listener: &mut Client, command: &str, list: &[&str]) {
    client.send(words(command)).reply();
    check(client, "PUBLISH __keyevent@0__:behind it", int(1));
    let expected = [events(list), events(&["behind it"])].concat();
    let received: Vec<Vec<u8>> = (0..=list.len()).map(|_| listener.reply()).collect();
    let received = received.concat();
    assert!(
        received == expected,
        "the events are not Redis's\n  sent      {command}\n  expected  {list:?}, and then \
         \"behind it\", which the grader published\n  received  {}",
        escaped(&received)
    );
}

#[test]
#[ignore = "exercise 4: keyspace notifications"]
fn exercise_4_has_two_kinds_of_channels() {
    let (_server, mut listener, mut client) = notifying("KEA");
    let (l, c) = (&mut listener, &mut client);
    let on_key = |event: &str| {
        let channel = "__keyspace@0__:a b";
        push(&["pmessage", "__key*@0__:*", channel, event], None)
    };
    c.check(encode(&["SETEX", "a b", "100", "v"]), OK);
    let both = [
        on_key("set"),
        events(&["set a b"]),
        on_key("expire"),
        events(&["expire a b"]),
    ];
    l.expect(both.concat());
    check(c, "CONFIG SET notify-keyspace-events Kg$", OK);
    c.check(encode(&["DEL", "a b"]), int(1));
    l.expect(on_key("del"));
    check(c, "CONFIG SET notify-keyspace-events E$", OK);
    c.check(encode(&["SETEX", "a b", "100", "v"]), OK);
    l.expect(events(&["set a b"]));
    // Classes without a kind of channel, and the other way round, are nothing.
    for nothing in ["A", "KE", "Kx"] {
        check(c, &format!("CONFIG SET {EVENTS} {nothing}"), OK);
        c.check(encode(&["SETEX", "a b", "100", "v"]), OK);
    }
    check(c, "PUBLISH __keyspace@0__:a end", int(1));
    let end = ["pmessage", "__key*@0__:*", "__keyspace@0__:a", "end"];
    l.expect(push(&end, None));
}

#[test]
#[ignore = "exercise 4: keyspace notifications"]
fn exercise_4_tells_of_strings() {
    let (_server, mut listener, mut client) = notifying("EA");
    let (l, c) = (&mut listener, &mut client);
    for (command, list) in [
        ("SET a 1", &["set a"][..]),
        ("SET a 1 EX 100", &["set a", "expire a"]),
        ("SET a 1 KEEPTTL", &["set a"]),
        ("SET a 1 NX", &[]),
        ("SET a 1 XX GET", &["set a"]),
        ("SET b 1 XX", &[]),
        ("SETNX a 1", &[]),
        ("SETNX b 1", &["set b"]),
        ("SETEX b 100 1", &["set b", "expire b"]),
        ("PSETEX b 100000 1", &["set b", "expire b"]),
        ("SETEX b 0 1", &[]),
        ("GETSET b 2", &["set b"]),
        ("MSET a 1 b 2 a 3", &["set a", "set b", "set a"]),
        ("MSETNX c 1 b 2", &[]),
        ("MSETNX c 1 d 2", &["set c", "set d"]),
        ("GET a", &[]),
        ("GET nobody", &[]),
        ("MGET a b", &[]),
    ] {
        causes(c, l, command, list);
    }
}

#[test]
#[ignore = "exercise 4: keyspace notifications"]
fn exercise_4_tells_of_keys_and_deadlines() {
    let (_server, mut listener, mut client) = notifying("EA");
    let (l, c) = (&mut listener, &mut client);
    check(c, "CONFIG SET notify-keyspace-events Eg", OK);
    check(c, "MSET a 1 b 2 c 3 d 4 e 5", OK);
    for (command, list) in [
        ("EXPIRE a 100", &["expire a"][..]),
        ("EXPIRE a 200 NX", &[]),
        ("PEXPIRE a 200000 XX", &["expire a"]),
        ("EXPIREAT a 99999999999", &["expire a"]),
        ("EXPIRE nobody 100", &[]),
        ("GETEX a", &[]),
        ("GETEX a EX 100", &["expire a"]),
        ("GETEX nobody EX 100", &[]),
        ("TOUCH a", &[]),
        ("GETDEL a", &["del a"]),
        ("GETDEL a", &[]),
        // What is given a time that is over is deleted; it does not expire.
        ("PEXPIREAT b 1", &["del b"]),
        ("GETEX c PXAT 1", &["del c"]),
        ("EXPIRE d -1", &["del d"]),
        ("SET d 1", &[]),
        ("DEL nobody d e d", &["del d", "del e"]),
        ("SET f 1", &[]),
        ("UNLINK f", &["del f"]),
        ("FLUSHALL", &[]),
    ] {
        causes(c, l, command, list);
    }
}

#[test]
#[ignore = "exercise 4: keyspace notifications"]
fn exercise_4_tells_of_keys_that_expire() {
    let (_server, mut listener, mut client) = notifying("EA");
    let (l, c) = (&mut listener, &mut client);
    check(c, "SET a 1 PX 1", OK);
    // Nobody asks for it any more, and it is told nevertheless.
    l.expect(events(&["set a", "expire a", "expired a"]));
    for _ in 0..20 {
        // Whoever finds it over: first it expired, and then it was set.
        check(c, "SET a 1 PX 1", OK);
        wait_until("SET NX finds that the time of the key is over", || {
            c.send(words("SET a 2 NX")).reply() == OK.as_bytes()
        });
        check(c, "DEL a", int(1));
        let expected = ["set a", "expire a", "expired a", "set a", "del a"];
        l.expect(events(&expected));
    }
    check(c, "CONFIG SET notify-keyspace-events E$g", OK);
    check(c, "SET a 1 PX 1", OK);
    wait_until("the key has expired", || text(c, "DBSIZE") == ":0\n");
    check(c, "CONFIG SET notify-keyspace-events Ex", OK);
    check(c, "SET b 1 PX 1", OK);
    l.expect(events(&["set a", "expire a", "expired b"]));
}

#[test]
#[ignore = "exercise 4: keyspace notifications"]
fn exercise_4_is_a_parameter() {
    let server = Server::start();
    let c = &mut Client::connect(&server);
    check(
        c,
        "CONFIG GET notify-keyspace-events",
        parameter(EVENTS, ""),
    );
    for (given, shown) in [
        ("KEA", "AKE"),
        ("g$", "g$"),
        ("Kxg", "gxK"),
        ("lszhxetdg$", "A"),
        ("EmK", "KEm"),
        ("ggg", "g"),
        ("n", "n"),
        ("", ""),
    ] {
        check(c, &format!("CONFIG SET {EVENTS} {given}"), OK);
        check(c, &format!("CONFIG GET {EVENTS}"), parameter(EVENTS, shown));
    }
    let why = "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.";
    for wrong in ["kea", "KEQ", "K-E"] {
        let refused = config_error(EVENTS, why);
        check(c, &format!("CONFIG SET {EVENTS} {wrong}"), refused);
    }
    check(
        c,
        "CONFIG GET notify-keyspace-events",
        parameter(EVENTS, ""),
    );
}
