//! MONITOR: a client that sees what all others do.
//!
//! Reread: advanced/chapters/003-client-lifecycle/GUIDE.md#the-idea

use crate::client::Client;
use crate::clients_seen::{ask, field, info, line_of, with_id};
use crate::harness::{Server, wait_until};

/// The next line without the time, which must be one.
#[track_caller]
fn next(monitor: &mut Client) -> String {
    let reply = monitor.reply();
    let line = String::from_utf8_lossy(&reply).trim_end().to_owned();
    let (time, rest) = line.split_once(' ').expect("a time");
    let (seconds, microseconds) = time[1..].split_once('.').expect("a time");
    assert!(seconds.len() >= 10 && microseconds.len() == 6, "{line}");
    rest.into()
}

/// A server, one who sends commands, one who watches, and the address of the first.
fn watched() -> (Server, Client, Client, String) {
    let server = Server::start();
    let (mut c, own) = with_id(&server);
    let addr = field(&line_of(&mut c, &own), "addr").to_owned();
    let mut monitor = Client::connect(&server);
    monitor.check("MONITOR\r\n", "+OK\r\n");
    (server, c, monitor, addr)
}

#[test]
fn a_line_has_the_time_the_sender_and_the_words() {
    let (_server, mut c, mut monitor, addr) = watched();
    c.check("set Foo bar\r\n", "+OK\r\n");
    c.check("GET Foo\r\n", "$3\r\nbar\r\n");
    assert_eq!(
        next(&mut monitor),
        format!("[0 {addr}] \"set\" \"Foo\" \"bar\"")
    );
    assert_eq!(next(&mut monitor), format!("[0 {addr}] \"GET\" \"Foo\""));
}

#[test]
fn words_are_quoted() {
    let (_server, mut c, mut monitor, _) = watched();
    let echo = |word: &[u8]| {
        let mut bytes = format!("*2\r\n$4\r\nECHO\r\n${}\r\n", word.len()).into_bytes();
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
        bytes
    };
    let cases: [(&[u8], &str); 4] = [
        (b"", "\"\""),
        (b"a b\"c\\d'", "\"a b\\\"c\\\\d'\""),
        (
            b"\r\n\t\x07\x08\x00\x1b\x7f",
            "\"\\r\\n\\t\\a\\b\\x00\\x1b\\x7f\"",
        ),
        ("é".as_bytes(), "\"\\xc3\\xa9\""),
    ];
    for (word, quoted) in cases {
        c.send(echo(word)).reply();
        let line = next(&mut monitor);
        assert!(line.ends_with(&format!("\"ECHO\" {quoted}")), "{line}");
    }
}

/// What is for administrators is not shown, nor what was refused before it was executed.
#[test]
fn some_commands_are_left_out() {
    let (_server, mut c, mut monitor, _) = watched();
    for hidden in [
        "CONFIG GET dir",
        "CLIENT LIST",
        "REPLCONF capa x",
        "CLIENT KILL 1",
    ] {
        ask(&mut c, hidden);
    }
    for refused in ["NOSUCH", "SET a", "CLIENT NOSUCH"] {
        ask(&mut c, refused);
    }
    // These are executed, and fail.
    ask(&mut c, "SET a b c d");
    ask(&mut c, "SELECT 99");
    ask(&mut c, "CLIENT GETNAME");
    for shown in [
        "\"SET\" \"a\" \"b\" \"c\" \"d\"",
        "\"SELECT\" \"99\"",
        "\"CLIENT\" \"GETNAME\"",
    ] {
        let line = next(&mut monitor);
        assert!(line.ends_with(shown), "{line}");
    }
}

#[test]
fn passwords_are_not_shown() {
    let (_server, mut c, mut monitor, _) = watched();
    for command in [
        "AUTH secret",
        "AUTH default secret",
        "auth nobody secret",
        "HELLO 2 AUTH nobody secret",
        "HELLO 2 SETNAME me AUTH default secret",
    ] {
        ask(&mut c, command);
    }
    for shown in [
        "\"AUTH\" \"(redacted)\"",
        "\"AUTH\" \"(redacted)\" \"(redacted)\"",
        "\"auth\" \"(redacted)\" \"(redacted)\"",
        "\"HELLO\" \"2\" \"AUTH\" \"(redacted)\" \"(redacted)\"",
        "\"HELLO\" \"2\" \"SETNAME\" \"me\" \"AUTH\" \"(redacted)\" \"(redacted)\"",
    ] {
        let line = next(&mut monitor);
        assert!(line.ends_with(shown), "{line}");
    }
}

/// It sees itself, after its reply. A second MONITOR gets no reply, and RESET ends it.
#[test]
fn a_monitor_sees_itself_until_reset() {
    let (_server, mut c, mut monitor, _) = watched();
    monitor.send("MONITOR\r\nPING\r\nECHO a\r\n");
    monitor.expect_start("+PONG\r\n");
    assert!(next(&mut monitor).ends_with("\"PING\""));
    monitor.expect_start("$1\r\na\r\n");
    assert!(next(&mut monitor).ends_with("\"ECHO\" \"a\""));
    monitor.check("RESET\r\n", "+RESET\r\n");
    c.check("SET a 1\r\n", "+OK\r\n");
    monitor.check("GET a\r\n", "$1\r\n1\r\n");
    monitor.check("MONITOR\r\n", "+OK\r\n");
    monitor.check("QUIT\r\n", "+OK\r\n");
    monitor.expect_closed();
}

#[test]
fn a_monitor_may_not_touch_the_data() {
    let (_server, _, mut monitor, _) = watched();
    for command in ["GET a", "SET a 1", "PUBLISH a b", "DBSIZE", "FLUSHALL"] {
        let error = "-ERR Replica can't interact with the keyspace";
        assert_eq!(ask(&mut monitor, command), error, "{command}");
    }
}

/// The order in which commands were executed is that of the lines, for every monitor.
#[test]
fn all_monitors_see_one_order() {
    let (server, mut c, mut first, _) = watched();
    let mut second = Client::connect(&server);
    second.check("MONITOR\r\n", "+OK\r\n");
    let mut other = Client::connect(&server);
    let count = 200;
    let pings = |name: &str| {
        (0..count)
            .map(|i| format!("PING {name}{i}\r\n"))
            .collect::<String>()
    };
    c.send(pings("a"));
    other.send(pings("b"));
    let lines =
        |monitor: &mut Client| -> Vec<String> { (0..2 * count).map(|_| next(monitor)).collect() };
    let seen = lines(&mut first);
    assert_eq!(seen, lines(&mut second));
    for name in ["a", "b"] {
        let of: Vec<&String> = seen
            .iter()
            .filter(|it| it.contains(&format!("\"PING\" \"{name}")))
            .collect();
        assert_eq!(of.len(), count);
        for (i, line) in of.iter().enumerate() {
            assert!(line.ends_with(&format!("\"{name}{i}\"")), "{line}");
        }
    }
    for _ in 0..count {
        c.reply();
        other.reply();
    }
}

#[test]
fn a_monitor_that_reads_nothing_is_disconnected_past_the_limit_for_normal_clients() {
    let server = Server::start_with(&["--client-output-buffer-limit", "normal 1mb 0 0"]);
    let mut c = Client::connect(&server);
    let (mut monitor, watching) = with_id(&server);
    monitor.send("MONITOR\r\n").expect_start("+OK\r\n");
    let echo = format!("*2\r\n$4\r\nECHO\r\n$100000\r\n{}\r\n", "x".repeat(100_000));
    wait_until("it is disconnected", || {
        c.send(&echo).reply();
        line_of(&mut c, &watching).is_empty()
    });
    assert_eq!(info(&mut c, "connected_clients"), "1");
}

#[test]
fn what_waits_for_a_monitor_is_counted() {
    let server = Server::start();
    let (mut c, (mut monitor, own)) = (Client::connect(&server), with_id(&server));
    monitor.send("MONITOR\r\n").expect_start("+OK\r\n");
    let echo = format!("*2\r\n$4\r\nECHO\r\n$100000\r\n{}\r\n", "x".repeat(100_000));
    wait_until("more waits than the sockets take", || {
        c.send(&echo).reply();
        let line = line_of(&mut c, &own);
        field(&line, "omem").parse::<usize>().expect("bytes") > 200_000
            && field(&line, "oll") != "0"
    });
}

/// A silent monitor is not idle.
#[test]
fn a_monitor_does_not_time_out() {
    let server = Server::start_with(&["--timeout", "1"]);
    let (mut monitor, mut idle) = (Client::connect(&server), Client::connect(&server));
    monitor.check("MONITOR\r\n", "+OK\r\n");
    idle.check("CLIENT SETNAME idle\r\n", "+OK\r\n");
    assert!(next(&mut monitor).ends_with("\"CLIENT\" \"SETNAME\" \"idle\""));
    idle.expect_closed();
    let mut c = Client::connect(&server);
    c.check("PING\r\n", "+PONG\r\n");
    assert!(next(&mut monitor).ends_with("\"PING\""));
}

/// On a replica, the primary is one of those who send commands.
#[test]
fn a_replica_shows_what_its_primary_sends() {
    let (primary, replica) = (Server::start(), Server::start());
    let (mut p, mut r) = (Client::connect(&primary), Client::connect(&replica));
    let port = primary.addr().port();
    r.check(format!("REPLICAOF 127.0.0.1 {port}\r\n"), "+OK\r\n");
    wait_until("it is online", || ask(&mut p, "WAIT 1 1") == ":1");
    let mut monitor = Client::connect(&replica);
    monitor.check("MONITOR\r\n", "+OK\r\n");
    p.check("SET a 1 EX 1000\r\n", "+OK\r\n");
    let expected = format!("[0 127.0.0.1:{port}] \"SET\" \"a\" \"1\" \"PXAT\" ");
    wait_until("the write is shown", || {
        next(&mut monitor).starts_with(&expected)
    });
}
