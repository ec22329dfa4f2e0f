//! The end of the server: who asks for it and how, what is safe then, who is waited for, and
//! what stops it.
//!
//! Reread: 09-graceful-shutdown/GUIDE.md#the-idea

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::dump;
use crate::harness::stopwatch::{Stopwatch, undisturbed};
use crate::harness::{Server, is_other_server, wait_until};
use crate::log::{Log, ON, connect, data_folder, data_set, plain};
use crate::replicas::{Reader, Writer, follow, prepare, start, wait_for_link};
use crate::session::{NULL, OK, SYNTAX, Session, bulk, encode, int};

pub const FAILED: &str = "-ERR Errors trying to SHUTDOWN. Check logs.\r\n";
const NONE: &str = "-ERR No shutdown in progress.\r\n";

/// An end for which nobody is waited takes less, even on a busy machine.
const SOON: Duration = Duration::from_secs(8);

/// Sends a command that may have no reply.
pub fn tell(server: &Server, command: &str) -> Client {
    let words: Vec<&str> = command.split(' ').collect();
    let mut client = Client::connect(server);
    client.send(encode(&words));
    client
}

/// What INFO says of the milliseconds that are left, while the server waits.
fn left(session: &mut Session) -> Option<u64> {
    let text = session.call(&["INFO", "server"]);
    let text = String::from_utf8_lossy(&text).into_owned();
    let mut lines = text.lines();
    lines.find_map(|line| line.strip_prefix("shutdown_in_milliseconds:")?.parse().ok())
}

pub fn wait_for_drain(session: &mut Session) {
    wait_until("the server waits for its replica", || {
        left(session).is_some()
    });
}

/// A server with a replica that never says what it has got, and does not have everything.
pub fn start_with_laggard(flags: &[&str]) -> (Server, Session, Reader) {
    let (server, mut session) = start(flags);
    let reader = Reader::connect(&server);
    session.expect("SET a 1", OK);
    (server, session, reader)
}

/// How often the server has said this.
fn said(server: &Server, text: &str) -> usize {
    server.log().matches(text).count()
}

/// The server has said this once.
#[track_caller]
fn expect_said(server: &Server, text: &str) {
    let times = said(server, text);
    assert_eq!(times, 1, "how often {text:?} is in\n{}", server.log());
}

#[test]
fn options_are_checked() {
    let (mut server, mut c) = start(&[]);
    for wrong in [
        "x",
        "SAVE NOSAVE",
        "nosave save",
        "ABORT NOW",
        "FORCE ABORT",
        "NOW x",
    ] {
        c.expect(&format!("SHUTDOWN {wrong}"), SYNTAX);
    }
    c.expect("SHUTDOWN ABORT", NONE);
    c.expect("shutdown abort Abort", NONE);
    c.expect("SET a 1", OK);
    tell(&server, "ShutDown NOW now nosave NoSave force").expect_closed();
    assert_eq!(server.ended().code(), Some(0));
}

#[test]
fn each_way_to_end_is_a_success() {
    for command in [
        "SHUTDOWN",
        "SHUTDOWN NOSAVE",
        "SHUTDOWN NOW FORCE",
        "SHUTDOWN SAVE",
    ] {
        let mut server = Server::start();
        let mut other = connect(&server);
        other.expect("SET a 1", OK);
        tell(&server, command).expect_closed();
        assert_eq!(server.ended().code(), Some(0), "{command}");
    }
    for signal in ["TERM", "INT"] {
        let mut server = Server::start();
        let mut client = Client::connect(&server);
        client.check("PING\r\n", "+PONG\r\n");
        server.signal(&[signal]);
        client.expect_closed();
        assert_eq!(server.ended().code(), Some(0), "{signal}");
        expect_said(&server, &format!("Received SIG{signal}"));
    }
}

#[test]
fn the_data_is_saved_if_there_are_save_points() {
    let table = [
        ("3600 1", "SHUTDOWN", true),
        ("3600 1", "SHUTDOWN NOSAVE", false),
        ("3600 1", "SHUTDOWN SAVE", true),
        ("3600 1", "SIGTERM", true),
        ("3600 1", "SIGINT", true),
        ("", "SHUTDOWN", false),
        ("", "SHUTDOWN SAVE", true),
        ("", "SIGTERM", false),
    ];
    for (points, way, is_saved) in table {
        let data = data_folder();
        let mut server = Server::start_on(data.path(), &["--save", points]);
        let mut c = connect(&server);
        c.expect("SET a 1", OK);
        match way.strip_prefix("SIG") {
            Some(name) => server.signal(&[name]),
            None => tell(&server, way).expect_closed(),
        }
        assert_eq!(server.ended().code(), Some(0), "{way}");
        let server = Server::start_on(data.path(), &["--save", ""]);
        let expected = if is_saved { bulk("1") } else { NULL.into() };
        connect(&server).expect("GET a", expected);
        assert_eq!(data.path().join("dump.rdb").exists(), is_saved, "{way}");
    }
}

#[test]
fn the_log_is_whole() {
    for policy in ["always", "everysec", "no"] {
        for way in ["SHUTDOWN", "SIGTERM"] {
            let data = data_folder();
            let flags = [&ON[..], &["--appendfsync", policy]].concat();
            let mut server = Server::start_on(data.path(), &flags);
            let mut c = connect(&server);
            for i in 0..300 {
                c.expect(&format!("SET key{i} {i}"), OK);
            }
            match way.strip_prefix("SIG") {
                Some(name) => server.signal(&[name]),
                None => tell(&server, way).expect_closed(),
            }
            assert_eq!(server.ended().code(), Some(0));
            assert_eq!(Log::of(&data).commands().len(), 300, "{policy}, {way}");
            let server = Server::start_on(data.path(), &flags);
            connect(&server).expect("DBSIZE", int(300));
        }
    }
}

#[test]
fn a_server_that_cannot_save_goes_on_unless_it_is_forced() {
    let data = data_folder();
    let mut server = Server::start_on(data.path(), &["--save", "3600 1"]);
    let mut c = connect(&server);
    c.expect("SET a 1", OK);
    fs::remove_dir_all(data.path()).expect("nobody holds the folder");
    c.expect("SHUTDOWN", FAILED);
    c.expect("SHUTDOWN SAVE NOW", FAILED);
    c.expect("SHUTDOWN ABORT", NONE);
    c.expect("INCR a", int(2));
    let stays = "Errors trying to shut down the server";
    // What has failed is over, so nobody insists on it.
    for (times, signal) in (1..).zip(["TERM", "INT", "INT"]) {
        let before = said(&server, stays);
        server.signal(&[signal]);
        wait_until("the server refuses", || {
            said(&server, "scheduling shutdown...") == times && said(&server, stays) > before
        });
        c.expect("INCR a", int(2 + times as i64));
    }
    assert_eq!(said(&server, "You insist"), 0);
    tell(&server, "SHUTDOWN SAVE FORCE").expect_closed();
    assert_eq!(server.ended().code(), Some(0));
}

#[test]
fn nothing_is_saved_where_nothing_is_wanted() {
    let data = data_folder();
    let mut server = Server::start_on(data.path(), &["--save", "3600 1"]);
    connect(&server).expect("SET a 1", OK);
    fs::remove_dir_all(data.path()).expect("nobody holds the folder");
    tell(&server, "SHUTDOWN NOSAVE").expect_closed();
    assert_eq!(server.ended().code(), Some(0));
}

#[test]
fn writes_wait_while_a_replica_is_waited_for() {
    let (mut server, mut c, _reader) = start_with_laggard(&[]);
    assert_eq!(left(&mut c), None);
    let mut asker = tell(&server, "SHUTDOWN");
    wait_for_drain(&mut c);
    assert!((1..=10_000).contains(&left(&mut c).expect("it waits")));
    let mut writer = tell(&server, "SET a 2");
    let mut publisher = tell(&server, "PUBLISH news 1");
    let mut mixed = Client::connect(&server);
    mixed.send("GET a\r\nDEL a\r\nPING\r\n");
    mixed.expect_start(bulk("1"));
    for client in [&mut asker, &mut writer, &mut publisher, &mut mixed] {
        client.expect_silence();
    }
    c.expect("GET a", bulk("1"));
    // It is wanted already, so that is no other end.
    let mut second = tell(&server, "SHUTDOWN NOSAVE NOW");
    second.expect_silence();
    assert!(server.is_alive());
    c.expect("SHUTDOWN ABORT", OK);
    asker.expect(FAILED);
    second.expect(FAILED);
    writer.expect(OK);
    publisher.expect(int(0));
    mixed.expect(":1\r\n+PONG\r\n");
    assert_eq!(left(&mut c), None);
    c.expect("SHUTDOWN ABORT", NONE);
    c.expect("SET b 1", OK);
}

/// The one that was taken back says nothing of the next one.
#[test]
fn after_abort_it_ends_as_it_is_wanted_then() {
    let data = data_folder();
    let folder = data.path().display().to_string();
    let (mut server, mut c, _reader) = start_with_laggard(&["--dir", &folder]);
    let mut asker = tell(&server, "SHUTDOWN NOSAVE");
    wait_for_drain(&mut c);
    let mut both = Client::connect(&server);
    both.send("SHUTDOWN ABORT\r\nSHUTDOWN SAVE NOW\r\n");
    // Redis ends without saying what it has done.
    if !is_other_server() {
        both.expect_start(OK);
        asker.expect_start(FAILED);
        both.expect_closed();
    }
    assert_eq!(server.ended().code(), Some(0));
    assert!(data.path().join("dump.rdb").exists());
}

#[test]
fn a_signal_is_taken_back_as_well() {
    let (mut server, mut c, _reader) = start_with_laggard(&["--shutdown-timeout", "600"]);
    let mut asker = tell(&server, "SHUTDOWN");
    wait_for_drain(&mut c);
    server.signal(&["TERM"]);
    wait_until("it is heard", || said(&server, "Received SIGTERM") == 1);
    c.expect("SHUTDOWN ABORT", OK);
    asker.expect(FAILED);
    c.expect("SET a 2", OK);
    asker.expect_silence();
    assert_eq!(left(&mut c), None);
    // And the next one is the first one.
    server.signal(&["TERM"]);
    wait_for_drain(&mut c);
    c.expect("SHUTDOWN ABORT", OK);
    assert!(server.is_alive());
}

#[test]
fn who_presses_ctrl_c_again_insists() {
    for signal in ["INT", "TERM"] {
        let (mut server, mut c, _reader) = start_with_laggard(&[]);
        server.signal(&[signal]);
        wait_for_drain(&mut c);
        server.signal(&["INT"]);
        assert_eq!(server.ended().code(), Some(1));
        expect_said(&server, "You insist... exiting now.");
    }
}

/// A whole process group may get a SIGTERM, and its leader may pass it on, so the server gets it
/// twice.
#[test]
fn a_second_sigterm_changes_nothing() {
    let (mut server, mut c, _reader) = start_with_laggard(&[]);
    server.signal(&["TERM"]);
    wait_for_drain(&mut c);
    server.signal(&["TERM"]);
    wait_until("it is heard again", || {
        said(&server, "Received SIGTERM scheduling shutdown...") == 2
    });
    c.expect("SHUTDOWN ABORT", OK);
    c.expect("SET a 2", OK);
    assert!(server.is_alive());
    for _ in 0..5 {
        let mut server = Server::start();
        server.signal(&["TERM", "TERM"]);
        assert_eq!(server.ended().code(), Some(0));
    }
}

#[test]
fn there_is_an_end_to_waiting_for_replicas() {
    for (flags, command, least) in [
        (&["--shutdown-timeout", "1"][..], "SHUTDOWN", 500),
        (&["--shutdown-timeout", "0"], "SHUTDOWN", 0),
        (&[], "SHUTDOWN NOW", 0),
    ] {
        let (mut server, mut c, _reader) = start_with_laggard(flags);
        c.expect("SET a 2", OK);
        let (started, watch) = (Instant::now(), Stopwatch::start());
        tell(&server, command).expect_closed();
        assert_eq!(server.ended().code(), Some(0));
        let took = started.elapsed();
        let has_waited = took >= Duration::from_millis(least);
        assert!(has_waited, "the server does not wait for its replica");
        assert!(watch.elapsed() < SOON, "{took:?}");
        expect_said(&server, "Lagging replica");
        expect_said(&server, "0 of 1 replicas are in sync");
    }
}

#[test]
fn the_time_to_wait_can_be_changed() {
    let (mut server, mut c, _reader) = start_with_laggard(&[]);
    c.expect(
        "CONFIG GET shutdown-timeout",
        "*2\r\n$16\r\nshutdown-timeout\r\n$2\r\n10\r\n",
    );
    c.expect("CONFIG SET shutdown-timeout 600", OK);
    let mut asker = tell(&server, "SHUTDOWN");
    wait_for_drain(&mut c);
    assert!(left(&mut c).is_some_and(|left| left > 500_000));
    c.expect("SHUTDOWN ABORT", OK);
    asker.expect(FAILED);
    c.expect("CONFIG SET shutdown-timeout 0", OK);
    tell(&server, "SHUTDOWN").expect_closed();
    assert_eq!(server.ended().code(), Some(0));
}

#[test]
fn it_ends_as_soon_as_the_replica_has_everything() {
    let (mut server, mut c, mut reader) = start_with_laggard(&["--shutdown-timeout", "600"]);
    server.signal(&["TERM"]);
    wait_for_drain(&mut c);
    assert_eq!(reader.command(), ["SET", "a", "1"]);
    // That is more than before, and not everything: the server has asked something since.
    let ack = |offset: i64| encode(&["REPLCONF", "ACK", &offset.to_string()]);
    reader.client.send(ack(reader.offset));
    let pause = Some(Duration::from_millis(20));
    reader
        .client
        .socket
        .set_read_timeout(pause)
        .expect("a timeout");
    let mut feed = Vec::new();
    wait_until("the server ends", || {
        let received = reader.client.receive(4096);
        reader.offset += received.len() as i64;
        feed.extend(received);
        // It may have ended a moment ago.
        let _ = reader.client.socket.write_all(&ack(reader.offset));
        !server.is_alive()
    });
    assert_eq!(server.ended().code(), Some(0));
    expect_said(&server, "1 of 1 replicas are in sync");
    // Redis may leave it to the replica, which says it each second.
    let is_asked = String::from_utf8_lossy(&feed).contains("GETACK");
    assert!(is_asked || is_other_server(), "the replica is not asked");
}

#[test]
fn a_replica_that_goes_is_not_waited_for() {
    let (mut server, mut c, reader) = start_with_laggard(&["--shutdown-timeout", "600"]);
    server.signal(&["TERM"]);
    wait_for_drain(&mut c);
    drop(reader);
    assert_eq!(server.ended().code(), Some(0));
}

#[test]
fn nobody_holds_it_up() {
    let mut server = Server::start();
    let mut c = connect(&server);
    c.expect_args(&["SET", "large", &"x".repeat(1 << 20)], OK);
    let _idle = Client::connect(&server);
    let mut half = Client::connect(&server);
    half.send("*3\r\n$3\r\nSET\r\n$1\r\na");
    let mut subscriber = Client::connect(&server);
    subscriber.send("SUBSCRIBE news\r\n");
    subscriber.line();
    let mut deaf = Client::connect(&server);
    deaf.send("GET large\r\n".repeat(40));
    deaf.expect_start("$1048576\r\n");
    let mut waiting = tell(&server, "WAIT 1 0");
    waiting.expect_silence();
    let started = Stopwatch::start();
    server.signal(&["TERM"]);
    assert_eq!(server.ended().code(), Some(0));
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
}

/// Redis hangs up on a client that waits. Here it hears how many replicas have it.
#[test]
fn who_waits_for_replicas_is_answered() {
    if is_other_server() {
        return eprintln!("not tested: what WAIT replies at the end of another server");
    }
    let mut server = Server::start();
    let mut waiting = tell(&server, "WAIT 1 0");
    waiting.expect_silence();
    server.signal(&["TERM"]);
    waiting.expect(int(0));
    waiting.expect_closed();
    server.ended();
}

/// Redis drops what waits for clients when it ends.
#[test]
fn what_was_executed_is_answered_and_what_was_published_arrives() {
    let mut server = Server::start();
    let mut subscriber = Client::connect(&server);
    subscriber.send("SUBSCRIBE news\r\n");
    subscriber.reply();
    let mut publisher = Client::connect(&server);
    let count = 2000;
    let end = match is_other_server() {
        true => "",
        false => "SHUTDOWN NOSAVE\r\nPUBLISH news late\r\n",
    };
    publisher.send("PUBLISH news hello\r\n".repeat(count) + end);
    publisher.expect_start(int(1).repeat(count));
    if is_other_server() {
        server.signal(&["TERM"]);
    }
    for _ in 0..count {
        subscriber.expect_start("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n");
    }
    publisher.expect_closed();
    subscriber.expect_closed();
    assert_eq!(server.ended().code(), Some(0));
}

#[test]
fn what_stands_behind_shutdown_is_not_executed() {
    let data = data_folder();
    let mut server = Server::start_on(data.path(), &ON);
    let mut c = Client::connect(&server);
    c.send("SHUTDOWN x\r\nSHUTDOWN\r\nSET b 2\r\n");
    // Redis ends without saying so.
    if !is_other_server() {
        c.expect_start(SYNTAX);
        c.expect_closed();
    }
    assert_eq!(server.ended().code(), Some(0));
    let server = Server::start_on(data.path(), &ON);
    assert_eq!(data_set(&mut connect(&server)), plain(&[]));
}

#[test]
fn what_stands_behind_shutdown_is_executed_if_it_comes_to_nothing() {
    let (server, mut c, _reader) = start_with_laggard(&[]);
    let mut pipeline = Client::connect(&server);
    pipeline.send("PING\r\nSHUTDOWN\r\nSET b 2\r\nPING\r\n");
    pipeline.expect_start("+PONG\r\n");
    wait_for_drain(&mut c);
    pipeline.expect_silence();
    c.expect("SHUTDOWN ABORT", OK);
    pipeline.expect(format!("{FAILED}+OK\r\n+PONG\r\n"));
    c.expect("GET b", bulk("2"));
}

/// Who has no more to say still waits for his turn. Redis hangs up on him.
#[test]
fn nothing_overtakes_shutdown() {
    let (server, mut c, _reader) = start_with_laggard(&[]);
    let mut pipeline = Client::connect(&server);
    pipeline.send("SHUTDOWN\r\nGET a\r\n").finish();
    wait_for_drain(&mut c);
    if !is_other_server() {
        pipeline.expect_silence();
    }
    c.expect("SHUTDOWN ABORT", OK);
    if !is_other_server() {
        pipeline.expect(FAILED.to_owned() + "$1\r\n1\r\n");
    }
}

#[test]
fn a_subscriber_may_end_the_server_in_resp3_only() {
    let mut server = Server::start();
    let mut c = Client::connect(&server);
    c.send("SUBSCRIBE news\r\n").reply();
    c.send("SHUTDOWN NOSAVE\r\n");
    assert!(c.line().starts_with("-ERR Can\\'t execute \\'shutdown\\'"));
    let mut c = Client::connect(&server);
    c.send("HELLO 3\r\n").reply();
    c.send("SUBSCRIBE news\r\n").reply();
    c.send("SHUTDOWN NOSAVE\r\n").expect_closed();
    assert_eq!(server.ended().code(), Some(0));
}

#[test]
fn fifty_may_ask_at_once() {
    let data = data_folder();
    let mut server = Server::start_on(data.path(), &ON);
    connect(&server).expect("SET a 1", OK);
    let mut clients: Vec<_> = (0..50).map(|_| Client::connect(&server)).collect();
    for (i, client) in clients.iter_mut().enumerate() {
        let command = ["SHUTDOWN\r\n", "SHUTDOWN NOW\r\n", "SHUTDOWN FORCE\r\n"][i % 3];
        // It may have ended already.
        let _ = client.socket.write_all(command.as_bytes());
    }
    for client in &mut clients {
        client.expect_closed();
    }
    assert_eq!(server.ended().code(), Some(0));
    let server = Server::start_on(data.path(), &ON);
    connect(&server).expect("GET a", bulk("1"));
}

#[test]
fn a_replica_has_everything_when_its_primary_has_ended() {
    let (mut primary, p) = start(&[]);
    let (_replica, mut r) = start(&[]);
    follow(&mut r, primary.addr());
    wait_for_link(&mut r);
    let mut writer = TcpStream::connect(primary.addr()).expect("connect");
    let value = "v".repeat(100);
    let batch: Vec<u8> = (0..500)
        .flat_map(|i| encode(&["INCR", &format!("{i}{value}")]))
        .collect();
    let mut replies = 0;
    let mut buffer = [0; 65536];
    for round in 0.. {
        if round == 40 {
            primary.signal(&["TERM"]);
        }
        if writer.write_all(&batch).is_err() {
            break;
        }
        let count = writer.read(&mut buffer).unwrap_or(0);
        if count == 0 {
            break;
        }
        replies += buffer[..count]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
    }
    while let Ok(count @ 1..) = writer.read(&mut buffer) {
        replies += buffer[..count]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
    }
    assert_eq!(primary.ended().code(), Some(0));
    drop(p);
    let keys = r.strings(&["KEYS", "*"]);
    let sum: usize = keys
        .iter()
        .map(|key| {
            let value = crate::session::strings(&r.call(&[b"GET", &key[..]]));
            String::from_utf8_lossy(&value[0])
                .parse::<usize>()
                .expect("a number")
        })
        .sum();
    assert!(
        sum >= replies,
        "{replies} writes were acknowledged, and {sum} are there"
    );
}

#[test]
fn a_replica_saves_what_it_has() {
    let data = data_folder();
    let (primary, mut p) = start(&[]);
    p.expect("SET a 1", OK);
    let mut replica = Server::start_on(data.path(), &["--save", "3600 1"]);
    let mut r = prepare(&replica);
    follow(&mut r, primary.addr());
    wait_for_link(&mut r);
    tell(&replica, "SHUTDOWN").expect_closed();
    assert_eq!(replica.ended().code(), Some(0));
    p.expect("SET b 1", OK);
    let server = Server::start_on(data.path(), &[]);
    assert_eq!(data_set(&mut connect(&server)), plain(&[("a", "1")]));
}

/// Nor is it when a part of it is loaded already. A machine that is quick may have all of it.
#[test]
fn half_of_what_is_loaded_is_none() {
    const KEYS: u32 = 400_000;
    let data = data_folder();
    let flags = ["--save", "3600 1"];
    let mut replica = Server::start_on(data.path(), &flags);
    let mut r = connect(&replica);
    r.expect("SET mine 1", OK);
    r.expect("SAVE", OK);
    let primary = Writer::new();
    follow(&mut r, primary.addr());
    let keys = (0..KEYS).map(|key| dump::record(format!("key:{key}").as_bytes(), b"v"));
    let file = dump::file(&keys.collect::<Vec<_>>());
    let file = [format!("${}\r\n", file.len()).into_bytes(), file].concat();
    let _socket = primary.accept(file);
    wait_until("some of it is loaded", || {
        let text = String::from_utf8_lossy(&r.call(&["INFO"])).into_owned();
        text.contains("\r\nloading:1\r\n") || text.contains("master_link_status:up")
    });
    replica.signal(&["TERM"]);
    assert_eq!(replica.ended().code(), Some(0));
    let server = Server::start_on(data.path(), &flags);
    let mut c = connect(&server);
    wait_until("it is loaded", || {
        !c.call(&["PING"]).starts_with(b"-LOADING")
    });
    let count = c.call(&["DBSIZE"]);
    let all = [int(1), int(i64::from(KEYS))];
    assert!(
        all.iter().any(|it| it.as_bytes() == count),
        "{}",
        count.escape_ascii()
    );
}

/// Its own data are all that there is, until the primary's are.
#[test]
fn half_of_the_primarys_data_is_none() {
    for log in [&[][..], &ON] {
        let data = data_folder();
        let flags = [&["--save", "3600 1"], log].concat();
        let mut replica = Server::start_on(data.path(), &flags);
        let mut r = connect(&replica);
        r.expect("SET mine 1", OK);
        let primary = Writer::new();
        follow(&mut r, primary.addr());
        let half = format!("$1000000\r\nREDIS0009{}", "\0".repeat(300_000));
        let _socket = primary.accept(half);
        replica.signal(&["TERM"]);
        assert_eq!(replica.ended().code(), Some(0));
        let server = Server::start_on(data.path(), &flags);
        connect(&server).expect("GET mine", bulk("1"));
    }
}

/// A write that is none waits for nothing.
#[test]
fn a_write_with_a_wrong_arity_is_refused_at_once() {
    let (server, mut c) = start(&[]);
    let _reader = Reader::connect(&server);
    c.expect("SET a 1", OK);
    let mut asker = Client::connect(&server);
    asker.send("SHUTDOWN\r\n");
    wait_until("the server waits", || left(&mut c).is_some());
    let error = "-ERR wrong number of arguments for 'set' command\r\n";
    Client::connect(&server).check("SET a\r\n", error);
    c.expect("SHUTDOWN ABORT", OK);
    asker.expect(FAILED);
}

/// A write waits while the server waits for a replica, and that is not its client's fault.
#[test]
fn who_is_made_to_wait_is_not_idle() {
    undisturbed(|| {
        let (server, mut c) = start(&[]);
        let _reader = Reader::connect(&server);
        c.expect("SET a 1", OK);
        c.expect("CONFIG SET timeout 1", OK);
        let mut asker = Client::connect(&server);
        asker.send("SHUTDOWN\r\n");
        wait_until("the server waits", || {
            String::from_utf8_lossy(&c.call(&["INFO", "server"])).contains("shutdown_in_mill")
        });
        let mut writer = Client::connect(&server);
        writer.send("SET a 2\r\n");
        let started = Instant::now();
        wait_until("twice the time is over", || {
            c.expect("GET a", bulk("1"));
            started.elapsed() > Duration::from_millis(2500)
        });
        c.expect("SHUTDOWN ABORT", OK);
        writer.expect(OK);
        asker.expect("-ERR Errors trying to SHUTDOWN. Check logs.\r\n");
    });
}

/// Nobody waits for it at the end either.
#[test]
fn whoever_takes_nothing_does_not_hold_up_the_end() {
    let mut server = Server::start();
    let mut c = connect(&server);
    c.expect_args(&["SET", "large", &"x".repeat(1 << 20)], OK);
    for last in ["PING\r\n", "QUIT\r\n"] {
        let mut deaf = Client::connect(&server);
        deaf.send("GET large\r\n".repeat(40) + last);
        wait_until("it is served", || {
            !String::from_utf8_lossy(&c.call(&["INFO", "clients"]))
                .contains("connected_clients:1\r")
        });
        std::mem::forget(deaf);
    }
    let started = Stopwatch::start();
    c.send(b"SHUTDOWN NOSAVE\r\n");
    server.ended();
    assert!(started.elapsed() < Duration::from_millis(1800));
}

#[test]
fn the_banner_says_what_was_loaded() {
    if is_other_server() {
        return eprintln!("not tested: the banner of another server");
    }
    let data = data_folder();
    let server = Server::start_on(data.path(), &[]);
    wait_until("the banner is there", || {
        server.log().contains("Loaded: no data yet")
    });
    let mut c = connect(&server);
    c.expect("MSET a 1 b 2", OK);
    c.expect("SAVE", OK);
    server.kill();
    let server = Server::start_on(data.path(), &[]);
    let address = format!("-p {}", server.addr().port());
    wait_until("the banner is there", || server.log().contains(&address));
    let log = server.log();
    assert!(log.contains("Loaded: 2 keys from dump.rdb"), "{log}");
}

#[test]
fn the_timeout_is_checked() {
    let (_server, mut c) = start(&[]);
    let failed = |why| {
        format!(
            "-ERR CONFIG SET failed (possibly related to argument 'shutdown-timeout') - {why}\r\n"
        )
    };
    let command = "CONFIG SET shutdown-timeout";
    c.expect(
        &format!("{command} x"),
        failed("argument couldn't be parsed into an integer"),
    );
    let between = "argument must be between 0 and 2147483647 inclusive";
    c.expect(&format!("{command} -1"), failed(between));
    c.expect(&format!("{command} 0"), OK);
}
