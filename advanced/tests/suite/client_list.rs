//! CLIENT LIST and CLIENT INFO: a client is a record, and each field of it is true.
//!
//! Reread: advanced/chapters/003-client-lifecycle/GUIDE.md#the-idea

use crate::client::Client;
use crate::clients_seen::{ask, field, id, info, line_of, wait_for_blocked, with_id};
use crate::harness::{Server, wait_until};

/// The fields, in Redis's order.
const FIELDS: &str = "id addr laddr fd name age idle flags db sub psub ssub multi qbuf qbuf-free \
                      argv-mem multi-mem rbs rbp obl oll omem tot-mem events cmd user redir resp";

#[test]
fn the_caller_sees_the_command_that_it_calls() {
    let server = Server::start();
    let mut c = Client::connect(&server);
    let list = "*2\r\n$6\r\nclient\r\n$4\r\nlist\r\n";
    let reply = c.send(list).reply();
    let reply = String::from_utf8_lossy(&reply);
    let line = reply.lines().nth(1).expect("a line");
    let names: Vec<_> = line
        .split(' ')
        .filter_map(|it| it.split_once('='))
        .collect();
    let names: Vec<_> = names.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.join(" "), FIELDS);
    let expected = [
        ("name", ""),
        ("flags", "N"),
        ("db", "0"),
        ("sub", "0"),
        ("psub", "0"),
        ("ssub", "0"),
        ("multi", "-1"),
        ("qbuf", "26"),
        ("argv-mem", "10"),
        ("multi-mem", "0"),
        ("obl", "0"),
        ("oll", "0"),
        ("omem", "0"),
        ("events", "r"),
        ("cmd", "client|list"),
        ("user", "default"),
        ("redir", "-1"),
        ("resp", "2"),
    ];
    for (name, value) in expected {
        assert_eq!(field(line, name), value, "{name} in {line}");
    }
}

#[test]
fn a_pipeline_waits_in_the_input_and_its_replies_in_the_output() {
    let server = Server::start();
    let mut c = Client::connect(&server);
    c.send("ECHO abc\r\nCLIENT INFO\r\nPING\r\n");
    c.expect_start("$3\r\nabc\r\n");
    let line = String::from_utf8_lossy(&c.reply()).into_owned();
    c.expect("+PONG\r\n");
    // The reply to ECHO, which may have been sent already.
    assert!(["0", "9"].contains(&field(&line, "obl")), "{line}");
    assert_eq!(field(&line, "cmd"), "client|info");
}

#[test]
fn a_list_can_be_of_a_type_or_of_ids() {
    let server = Server::start();
    let (mut observer, own) = with_id(&server);
    let (mut subscriber, listens) = with_id(&server);
    subscriber.check(
        "SUBSCRIBE a\r\n",
        "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n",
    );
    let ids = |text: String| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.is_empty());
        lines.map(|line| field(line, "id").to_owned()).collect()
    };
    assert_eq!(
        ids(ask(&mut observer, "CLIENT LIST TYPE normal")),
        [own.as_str()]
    );
    assert_eq!(
        ids(ask(&mut observer, "client list type PUBSUB")),
        [listens.as_str()]
    );
    assert!(ids(ask(&mut observer, "CLIENT LIST TYPE replica")).is_empty());
    assert!(ids(ask(&mut observer, "CLIENT LIST TYPE master")).is_empty());
    // In the order of the call, and as often.
    let both = format!("CLIENT LIST ID {listens} 0 {own} 9999 {own}");
    let expected = [listens.as_str(), &own, &own];
    assert_eq!(ids(ask(&mut observer, &both)), expected);
    let errors = [
        ("CLIENT LIST TYPE", "-ERR syntax error"),
        ("CLIENT LIST ID", "-ERR syntax error"),
        ("CLIENT LIST ID x", "-ERR Invalid client ID"),
        ("CLIENT LIST TYPE x", "-ERR Unknown client type 'x'"),
        ("CLIENT LIST what ever", "-ERR syntax error"),
        ("CLIENT LIST TYPE normal pubsub", "-ERR syntax error"),
    ];
    for (command, error) in errors {
        assert_eq!(ask(&mut observer, command), error, "{command}");
    }
}

#[test]
fn flags_say_what_a_client_is_and_does() {
    let server = Server::start();
    let mut observer = Client::connect(&server);
    let (mut c, id) = with_id(&server);
    let mut flags = |expected: &str| {
        wait_until(expected, || {
            field(&line_of(&mut observer, &id), "flags") == expected
        });
    };
    flags("N");
    c.check("CLIENT NO-EVICT ON\r\n", "+OK\r\n");
    flags("e");
    c.send("HELLO 3\r\n").reply();
    c.send("PSUBSCRIBE x*\r\n").reply();
    flags("Pe");
    c.send("WAIT 1 0\r\n");
    flags("Pbe");
    let mut other = Client::connect(&server);
    other.check(format!("CLIENT UNBLOCK {id}\r\n"), ":1\r\n");
    c.expect(":0\r\n");
    c.send("PUNSUBSCRIBE\r\n").reply();
    c.check("CLIENT NO-EVICT OFF\r\n", "+OK\r\n");
    c.check("MONITOR\r\n", "+OK\r\n");
    flags("O");
    c.check("RESET\r\n", "+RESET\r\n");
    flags("N");
    assert_eq!(ask(&mut c, "CLIENT NO-EVICT maybe"), "-ERR syntax error");
}

/// The arguments of the command with which a client waits are in `argv-mem`, and what comes after it is
/// in `qbuf`.
#[test]
fn what_waits_with_a_client_is_counted() {
    let server = Server::start();
    let mut observer = Client::connect(&server);
    let (mut c, id) = with_id(&server);
    let mut seen = |sizes: [&str; 3]| {
        wait_until(&format!("flags, argv-mem and qbuf are {sizes:?}"), || {
            let line = line_of(&mut observer, &id);
            ["flags", "argv-mem", "qbuf"].map(|name| field(&line, name)) == sizes
        });
    };
    c.send("WAIT 1 0\r\n");
    seen(["b", "6", "0"]);
    c.send("ECHO abcd\r\n");
    seen(["b", "6", "11"]);
    let mut other = Client::connect(&server);
    other.check(format!("CLIENT UNBLOCK {id}\r\n"), ":1\r\n");
    c.expect(":0\r\n$4\r\nabcd\r\n");
    seen(["N", "0", "0"]);
    other.check("CLIENT PAUSE 600000 WRITE\r\n", "+OK\r\n");
    c.send("GET a\r\nSET a value\r\nGET a\r\n");
    c.expect("$-1\r\n");
    seen(["b", "9", "7"]);
    c.send("GET b\r\n");
    seen(["b", "9", "14"]);
    other.check("CLIENT UNPAUSE\r\n", "+OK\r\n");
    c.expect("+OK\r\n$5\r\nvalue\r\n$-1\r\n");
    seen(["N", "0", "0"]);
}

/// `tot-mem` has the arguments, too.
#[test]
fn a_large_argument_that_waits_is_in_the_memory_of_its_client() {
    let server = Server::start();
    let mut observer = Client::connect(&server);
    let (mut c, id) = with_id(&server);
    observer.check("CLIENT PAUSE 600000 WRITE\r\n", "+OK\r\n");
    c.send(format!("SET a {}\r\n", "x".repeat(10_000)));
    wait_until("it is counted", || {
        let line = line_of(&mut observer, &id);
        let number = |name: &str| field(&line, name).parse::<usize>().expect("a number");
        number("argv-mem") == 10_004 && number("tot-mem") > 10_004
    });
    observer.check("CLIENT UNPAUSE\r\n", "+OK\r\n");
    c.expect("+OK\r\n");
}

#[test]
fn fields_follow_the_client() {
    let server = Server::start();
    let mut observer = Client::connect(&server);
    let (mut c, id) = with_id(&server);
    c.send("HELLO 3\r\n").reply();
    c.check("CLIENT SETNAME me\r\n", "+OK\r\n");
    c.send("SUBSCRIBE a b\r\n").reply();
    c.reply();
    c.send("PSUBSCRIBE c*\r\n").reply();
    let line = line_of(&mut observer, &id);
    let expected = [
        ("name", "me"),
        ("sub", "2"),
        ("psub", "1"),
        ("resp", "3"),
        ("cmd", "psubscribe"),
        ("flags", "P"),
    ];
    for (name, value) in expected {
        assert_eq!(field(&line, name), value, "{name} in {line}");
    }
    c.check("RESET\r\n", "+RESET\r\n");
    let line = line_of(&mut observer, &id);
    let expected = [
        ("name", ""),
        ("sub", "0"),
        ("psub", "0"),
        ("resp", "2"),
        ("cmd", "reset"),
    ];
    for (name, value) in expected {
        assert_eq!(field(&line, name), value, "{name} in {line}");
    }
}

/// What waits for one who does not read is in `omem`, and in `tot-mem`.
#[test]
fn what_waits_for_a_subscriber_is_counted() {
    let server = Server::start();
    let (mut observer, (mut c, id)) = (Client::connect(&server), with_id(&server));
    c.send("SUBSCRIBE a\r\n").expect_start("*3\r\n");
    let message = "x".repeat(100_000);
    let publish = format!("*3\r\n$7\r\nPUBLISH\r\n$1\r\na\r\n$100000\r\n{message}\r\n");
    wait_until("more waits than the sockets take", || {
        observer.check(&publish, ":1\r\n");
        let line = line_of(&mut observer, &id);
        let number = |name: &str| field(&line, name).parse::<usize>().expect("a number");
        number("omem") > 200_000
            && number("oll") > 1
            && number("tot-mem") > number("omem")
            && field(&line, "events") == "rw"
    });
}

#[test]
fn info_counts_clients() {
    let server = Server::start();
    let (mut observer, mut c) = (Client::connect(&server), Client::connect(&server));
    c.check("PING\r\n", "+PONG\r\n");
    for (name, value) in [
        ("connected_clients", "2"),
        ("cluster_connections", "0"),
        ("blocked_clients", "0"),
        ("tracking_clients", "0"),
        ("clients_in_timeout_table", "0"),
    ] {
        assert_eq!(info(&mut observer, name), value, "{name}");
    }
    c.send("WAIT 1 100000\r\n");
    wait_for_blocked(&mut observer, 1);
    assert_eq!(info(&mut observer, "clients_in_timeout_table"), "1");
    assert!(!info(&mut observer, "client_recent_max_input_buffer").is_empty());
    assert!(!info(&mut observer, "client_recent_max_output_buffer").is_empty());
}

#[test]
fn tracking_is_out_of_scope_and_off() {
    let server = Server::start();
    let mut c = Client::connect(&server);
    c.check("CLIENT GETREDIR\r\n", ":-1\r\n");
    c.check("CLIENT TRACKING OFF\r\n", "+OK\r\n");
    let error = "-ERR CLIENT CACHING can be called only when the client is in tracking mode with \
                 OPTIN or OPTOUT mode enabled\r\n";
    c.check("CLIENT CACHING YES\r\n", error);
    let off = "*6\r\n$5\r\nflags\r\n*1\r\n$3\r\noff\r\n$8\r\nredirect\r\n:-1\r\n$8\r\nprefixes\r\n\
               *0\r\n";
    c.check("CLIENT TRACKINGINFO\r\n", off);
    assert_eq!(ask(&mut c, "CLIENT TRACKING what"), "-ERR syntax error");
}

#[test]
fn help_is_that_of_redis() {
    let server = Server::start();
    let mut c = Client::connect(&server);
    let reply = c.send("CLIENT HELP\r\n").reply();
    let text = String::from_utf8_lossy(&reply).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "*48");
    assert_eq!(lines[2], "+CACHING (YES|NO)");
    assert_eq!(lines[48], "+    Prints this help.");
    let _ = id(&mut c);
}
