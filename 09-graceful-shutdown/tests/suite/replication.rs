//! A primary and its replicas: who has what, how far, and what each of them refuses.
//!
//! Reread: 08-replication/GUIDE.md#the-idea

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::harness::stopwatch::{Stopwatch, undisturbed};
use crate::harness::{Server, wait_until};
use crate::log::{ON, connect, data_folder, data_set};
use crate::replicas::{
    ID, Reader, Relay, Writer, all, empty_file, file, follow, info, prepare, start, wait_for_link,
    wait_for_offset, wait_until_as_far,
};
use crate::session::{NOT_AN_INTEGER, NULL, OK, SYNTAX, Session, arity, bulk, encode, int};

const READONLY: &str = "-READONLY You can't write against a read only replica.\r\n";
const IS_PRIMARY: &str = "-ERR PSYNC FAILOVER can't be sent to a master.\r\n";
const OTHER_HISTORY: &str = "-ERR PSYNC FAILOVER replid must match my replid.\r\n";
const NO_LINK: &str = "-NOMASTERLINK Can't SYNC while not connected with my master\r\n";

#[test]
fn what_cannot_be_is_refused() {
    let (_server, mut c) = start(&[]);
    for command in ["REPLICAOF", "REPLICAOF x", "REPLICAOF a 1 b"] {
        c.expect(command, arity("replicaof"));
    }
    c.expect("SLAVEOF a", arity("slaveof"));
    for port in ["65536", "-1", "abc"] {
        let command = format!("REPLICAOF 127.0.0.1 {port}");
        c.expect(&command, "-ERR Invalid master port\r\n");
    }
    c.expect("PSYNC ?", arity("psync"));
    c.expect("PSYNC ? x", NOT_AN_INTEGER);
    c.expect("SYNC x", arity("sync"));
    c.expect("ROLE x", arity("role"));
    c.expect("WAIT 1", arity("wait"));
    c.expect("WAIT x 10", NOT_AN_INTEGER);
    let timeout = "-ERR timeout is not an integer or out of range\r\n";
    c.expect("WAIT 1 x", timeout);
    c.expect("WAIT 1 99999999999999999999", timeout);
    c.expect("WAIT 1 -1", "-ERR timeout is negative\r\n");
    c.expect("WAIT -1 0", int(0));
    c.expect("WAIT 0 0", int(0));
    c.expect("WAIT 1 10", int(0));
}

#[test]
fn replconf_takes_pairs() {
    let (_server, mut c) = start(&[]);
    c.expect("REPLCONF", OK);
    c.expect("REPLCONF listening-port", SYNTAX);
    c.expect("REPLCONF listening-port x", NOT_AN_INTEGER);
    c.expect("REPLCONF LISTENING-port 1 capa eof capa psync2", OK);
    c.expect("REPLCONF ip-address 127.0.0.1", OK);
    c.expect(
        "REPLCONF listening-port 1 FOO bar",
        "-ERR Unrecognized REPLCONF option: FOO\r\n",
    );
    c.expect(&format!("REPLCONF ip-address {}", "x".repeat(255)), OK);
    c.expect(
        &format!("REPLCONF ip-address {}", "x".repeat(256)),
        "-ERR REPLCONF ip-address provided by replica instance is too long: 256 bytes\r\n",
    );
    // To these there is no answer.
    c.send(&encode(&["REPLCONF", "ACK", "1"]));
    c.send(&encode(&["REPLCONF", "GETACK", "*"]));
    c.expect("PING", "+PONG\r\n");
}

#[test]
fn a_replica_without_a_primary_says_so() {
    let (_server, mut c) = start(&[]);
    c.expect("ROLE", "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n");
    c.expect("SET mine 1", OK);
    // Nobody listens there.
    c.expect("SLAVEOF 127.0.0.1 1", OK);
    let already = "+OK Already connected to specified master\r\n";
    c.expect("REPLICAOF 127.0.0.1 1", already);
    let role = String::from_utf8_lossy(&c.call(&["ROLE"])).into_owned();
    let start = "*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:1\r\n$";
    assert!(
        role.starts_with(start) && role.ends_with(":-1\r\n"),
        "{role}"
    );
    assert_eq!(info(&mut c, "role"), "slave");
    assert_eq!(info(&mut c, "master_link_status"), "down");
    assert_eq!(info(&mut c, "master_last_io_seconds_ago"), "-1");
    for command in ["SET a 1", "DEL mine", "FLUSHALL", "INCR a"] {
        c.expect(command, READONLY);
    }
    let hello = |c: &mut Session| c.strings(&["HELLO", "2"])[9].clone();
    assert_eq!(hello(&mut c), b"replica");
    c.expect("PSYNC ? -1", NO_LINK);
    c.expect("PSYNC ? x", NO_LINK);
    c.expect("SYNC", NO_LINK);
    assert!(c.call(&["WAIT", "0", "0"]).starts_with(b"-ERR WAIT cannot"));
    c.expect("GET mine", bulk("1"));
    c.expect("CONFIG SET replica-serve-stale-data no", OK);
    let down = "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to \
                'no'.\r\n";
    c.expect("GET mine", down);
    c.expect("CONFIG SET replica-serve-stale-data yes", OK);
    c.expect("CONFIG SET replica-read-only no", OK);
    c.expect("SET a 1", OK);
    c.expect("CONFIG SET replica-read-only yes", OK);
    c.expect("REPLICAOF no one", OK);
    assert_eq!(hello(&mut c), b"master");
    c.expect(
        "MGET mine a",
        [b"*2\r\n".to_vec(), bulk("1"), bulk("1")].concat(),
    );
    c.expect("SET a 2", OK);
}

#[test]
fn a_replica_becomes_as_its_primary_and_stays_so() {
    let (primary, mut p) = start(&[]);
    let (replica, mut r) = start(&[]);
    r.expect("SET old 1", OK);
    p.expect_args(&["MSET", "a", "1", "b", "line\r\n"], OK);
    p.expect("SET timed v PXAT 33000000000123", OK);
    follow(&mut r, primary.addr());
    wait_for_link(&mut r);
    r.expect("GET old", NULL);
    p.expect("INCR a", int(2));
    p.expect("GETDEL b", bulk("line\r\n"));
    p.expect("SET more v EX 1000", OK);
    p.expect("RENAME timed renamed", OK);
    wait_for_offset(&mut p, &mut r);
    assert_eq!(data_set(&mut p), data_set(&mut r));
    assert_eq!(info(&mut p, "master_replid"), info(&mut r, "master_replid"));
    assert_eq!(info(&mut p, "connected_slaves"), "1");
    p.expect("WAIT 1 0", int(1));
    let described = info(&mut p, "slave0");
    assert!(described.contains("ip=127.0.0.1,port="), "{described}");
    assert!(described.contains("state=online"), "{described}");
    let role = String::from_utf8_lossy(&p.call(&["ROLE"])).into_owned();
    let port = replica.addr().port().to_string();
    let own = format!(
        "*1\r\n*3\r\n$9\r\n127.0.0.1\r\n${}\r\n{port}\r\n$",
        port.len()
    );
    assert!(role.contains(&own), "{role}");
    let role = String::from_utf8_lossy(&r.call(&["ROLE"])).into_owned();
    assert!(role.contains("$9\r\nconnected\r\n:"), "{role}");
    r.expect("SET a 1", READONLY);
    r.expect("REPLICAOF NO ONE", OK);
    wait_until("the replica has gone", || {
        info(&mut p, "connected_slaves") == "0"
    });
}

#[test]
fn a_server_may_start_as_a_replica() {
    let (primary, mut p) = start(&[]);
    p.expect("SET a 1", OK);
    let address = format!("{} {}", primary.addr().ip(), primary.addr().port());
    let (_replica, mut r) = start(&["--replicaof", &address]);
    wait_for_link(&mut r);
    r.expect("GET a", bulk("1"));
    r.expect("SET a 2", READONLY);
}

/// What it was until then is the feed's second name.
/// A primary does not know what a replica's own clients have written there.
#[test]
fn flushing_an_empty_primary_empties_the_replica() {
    let (primary, mut p) = start(&[]);
    let (_replica, mut r) = start(&["--replica-read-only", "no"]);
    follow(&mut r, primary.addr());
    wait_for_link(&mut r);
    for command in ["FLUSHALL", "FLUSHDB ASYNC"] {
        r.expect("SET mine 1", OK);
        p.expect(command, OK);
        wait_for_offset(&mut p, &mut r);
        r.expect("DBSIZE", int(0));
    }
}

#[test]
fn a_promoted_replica_has_a_feed_of_its_own() {
    let (primary, mut p) = start(&[]);
    let (_replica, mut r) = start(&[]);
    follow(&mut r, primary.addr());
    wait_for_link(&mut r);
    p.expect("SET a 1", OK);
    wait_for_offset(&mut p, &mut r);
    let id = info(&mut r, "master_replid");
    r.expect("REPLICAOF NO ONE", OK);
    assert_eq!(info(&mut r, "role"), "master");
    assert_eq!(info(&mut r, "master_replid2"), id);
    assert_ne!(info(&mut r, "master_replid"), id);
    p.expect("SET a 2", OK);
    r.expect("SET b 1", OK);
    r.expect("GET a", bulk("1"));
    r.expect("SET soon 1 PX 1", OK);
    wait_until("it removes keys again", || r.call(&["DBSIZE"]) == b":2\r\n");
}

#[test]
fn a_replica_gets_a_file_and_then_each_write_as_it_was_done() {
    let (server, mut c) = start(&[]);
    c.expect("SET before 1", OK);
    let mut reader = Reader::connect(&server);
    assert!(reader.file.starts_with(b"REDIS00"));
    assert_eq!(reader.id, info(&mut c, "master_replid"));
    c.expect("SET a 1", OK);
    c.expect("SET a 2 NX", NULL);
    c.expect("INCRBY a 5", int(6));
    c.expect("SET t v PXAT 33000000000123", OK);
    c.expect("SET s v EX 1000", OK);
    c.expect("INCRBYFLOAT a 0.5", bulk("6.5"));
    c.expect("SET soon v PX 5", OK);
    wait_until("it is over", || c.call(&["EXISTS", "soon"]) == b":0\r\n");
    c.expect("GET a", bulk("6.5"));
    for whole in [
        &["SET", "a", "1"][..],
        &["INCRBY", "a", "5"],
        &["SET", "t", "v", "PXAT", "33000000000123"],
    ] {
        assert_eq!(reader.expect(whole).len(), whole.len());
    }
    reader.expect(&["SET", "s", "v", "PXAT"]);
    reader.expect(&["SET", "a", "6.5"]);
    reader.expect(&["SET", "soon", "v", "PXAT"]);
    reader.expect(&["DEL", "soon"]);
    let (counted, said) = (reader.offset, info(&mut c, "master_repl_offset"));
    assert!(
        said == counted.to_string(),
        "FULLRESYNC's offset and the bytes of the feed make {counted}, and INFO says {said}"
    );
}

#[test]
fn sync_is_psync_without_a_name() {
    let (server, mut c) = start(&[]);
    c.expect("SET a 1", OK);
    let mut client = Client::connect(&server);
    client.send("SYNC\r\n");
    assert!(file(&mut client).starts_with(b"REDIS00"));
}

#[test]
fn who_asks_for_an_unknown_feed_gets_everything() {
    let (server, _c) = start(&[]);
    for command in [format!("PSYNC {ID} 100\r\n"), "PSYNC ? -1\r\n".into()] {
        let mut client = Client::connect(&server);
        client.send(command);
        let line = client.line();
        assert!(
            line.starts_with("+FULLRESYNC "),
            "what PSYNC is answered\n  expected  +FULLRESYNC <id> <offset>\n  received  {line}"
        );
        file(&mut client);
    }
}

/// Each error, and which of two comes first.
#[test]
fn what_psync_refuses_it_refuses_in_order() {
    let (_server, mut c) = start(&[]);
    c.expect("PSYNC ? x", NOT_AN_INTEGER);
    c.expect("PSYNC ? x FailOver", IS_PRIMARY);
    // Nobody listens there.
    c.expect("REPLICAOF 127.0.0.1 1", OK);
    c.expect("PSYNC ? -1", NO_LINK);
    c.expect("PSYNC ? x", NO_LINK);
    c.expect("SYNC", NO_LINK);
    c.expect("PSYNC ? x failover", OTHER_HISTORY);
}

#[test]
fn wait_waits_for_replicas_to_say_that_they_have_it() {
    let (server, mut c) = start(&[]);
    let mut reader = Reader::connect(&server);
    c.expect("SET a 1", OK);
    c.expect("WAIT 1 50", int(0));
    c.send(&encode(&["WAIT", "1", "0"]));
    while reader.command()[0] != "SET" {}
    reader.expect(&["REPLCONF", "GETACK", "*"]);
    reader.acknowledge();
    assert_eq!(c.reply(), b":1\r\n");
    c.expect("WAIT 1 0", int(1));
    // Of one that has gone nobody hears any more.
    c.expect("SET a 2", OK);
    drop(reader);
    c.expect("WAIT 1 100", int(0));
}

#[test]
fn who_waits_when_the_server_becomes_a_replica_waits_no_longer() {
    let (server, mut c) = start(&[]);
    let mut waiting = Client::connect(&server);
    waiting.send(b"WAIT 1 0\r\nPING\r\n");
    wait_until("somebody waits", || {
        let clients = c.call(&["INFO", "clients"]);
        String::from_utf8_lossy(&clients).contains("blocked_clients:1\r")
    });
    c.expect("REPLICAOF 127.0.0.1 1", OK);
    waiting.expect(
        b"-UNBLOCKED force unblock from blocking operation, instance state changed \
          (master -> replica?)\r\n",
    );
    waiting.expect_closed();
}

/// A new replica does not know yet to which database the commands belong.
#[test]
fn each_new_replica_is_told_the_database() {
    let (server, mut c) = start(&[]);
    for value in ["1", "2"] {
        let mut reader = Reader::connect(&server);
        c.expect_args(&["SET", "a", value], OK);
        let first = reader.any_command();
        assert!(
            first == ["SELECT", "0"],
            "the first command of the feed for a new replica\n  expected  SELECT 0\n  \
             received  {}",
            first.join(" ")
        );
        reader.expect(&["SET", "a", value]);
    }
}

#[test]
fn lag_is_the_time_since_a_replica_was_heard() {
    let (server, mut c) = start(&[]);
    let mut reader = Reader::connect(&server);
    wait_until("it gets the feed", || {
        info(&mut c, "slave0").contains("state=online")
    });
    reader.acknowledge();
    wait_until("it is silent", || !info(&mut c, "slave0").contains("lag=0"));
    // As a replica does that is loading.
    wait_until("it is there again", || {
        reader
            .client
            .socket
            .write_all(b"\n")
            .expect("a sign of life");
        info(&mut c, "slave0").contains("lag=0")
    });
}

#[test]
fn a_replica_says_how_far_it_is_each_second_and_when_it_is_asked() {
    let (_server, mut c) = start(&[]);
    let writer = Writer::new();
    follow(&mut c, writer.addr());
    let mut socket = writer.accept(empty_file());
    let acknowledged = |offset: usize| encode(&["REPLCONF", "ACK", &offset.to_string()]);
    read_until(&mut socket, &[&acknowledged(100).repeat(2)]);
    let question = encode(&["REPLCONF", "GETACK", "*"]);
    let begun = Stopwatch::start();
    for count in 1..=6 {
        socket.write_all(&question).expect("ask");
        // Redis does not count the question itself.
        let end = 100 + count * question.len();
        let either = [acknowledged(end - question.len()), acknowledged(end)];
        read_until(&mut socket, &either.each_ref().map(Vec::as_slice));
    }
    assert!(begun.elapsed() < Duration::from_secs(4), "not at once");
}

/// Reads until one of these has come.
fn read_until(socket: &mut TcpStream, expected: &[&[u8]]) {
    let mut received = Vec::new();
    let has = |received: &[u8], it: &[u8]| received.windows(it.len()).any(|part| part == it);
    while !expected.iter().any(|it| has(&received, it)) {
        let mut part = [0; 4096];
        let count = crate::client::read(socket, &mut part).expect("what the replica says");
        assert!(count > 0, "it hangs up: {}", received.escape_ascii());
        received.extend_from_slice(&part[..count]);
    }
}

#[test]
fn what_is_published_reaches_the_subscribers_of_replicas() {
    let (primary, mut p) = start(&[]);
    let (replica, mut r) = start(&[]);
    follow(&mut r, primary.addr());
    wait_for_link(&mut r);
    let mut subscriber = Client::connect(&replica);
    let confirmed = "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n";
    subscriber.check("SUBSCRIBE news\r\n", confirmed);
    // The number is that of the subscribers here.
    p.expect("PUBLISH news hello", int(0));
    subscriber.expect("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n");
}

/// What they have may be no longer what it has: they have to ask.
#[test]
fn a_promotion_disconnects_the_replicas() {
    let (primary, mut p) = start(&[]);
    let (middle, mut m) = start(&[]);
    follow(&mut m, primary.addr());
    wait_for_link(&mut m);
    let mut reader = Reader::connect(&middle);
    p.expect("SET a 1", OK);
    wait_for_offset(&mut p, &mut m);
    m.expect("REPLICAOF NO ONE", OK);
    let second = info(&mut m, "second_repl_offset");
    let end: i64 = info(&mut p, "master_repl_offset")
        .parse()
        .expect("an offset");
    assert_eq!(second, (end + 1).to_string());
    let _ = reader.client.socket.read_to_end(&mut Vec::new());
    wait_until("it is gone", || info(&mut m, "connected_slaves") == "0");
    m.expect("SET a 2", OK);
    let reader = Reader::connect(&middle);
    assert_eq!(reader.id, info(&mut m, "master_replid"));
}

#[test]
fn many_replicas_read_one_feed() {
    let (server, mut c) = start(&[]);
    c.expect("SET a 1", OK);
    let mut readers: Vec<_> = (0..20).map(|_| Reader::connect(&server)).collect();
    wait_until("all replicas are there", || {
        info(&mut c, "connected_slaves") == "20"
    });
    for i in 0..100 {
        c.expect(&format!("SET a {i}"), OK);
    }
    for reader in &mut readers {
        for i in 0..100 {
            reader.expect(&["SET", "a", &i.to_string()]);
        }
        reader.acknowledge();
    }
    c.expect("WAIT 20 0", int(20));
}

#[test]
fn a_replica_that_does_not_read_is_disconnected() {
    let (server, mut c) = start(&[]);
    let limit = "replica 1mb 0 0";
    c.expect_args(&["CONFIG", "SET", "client-output-buffer-limit", limit], OK);
    let mut slow = Reader::connect(&server);
    let value = "x".repeat(100_000);
    let mut written = 0;
    wait_until("the slow replica has gone", || {
        c.expect_args(&["SET", "a", &value], OK);
        written += value.len();
        info(&mut c, "connected_slaves") == "0"
    });
    let mut received = Vec::new();
    let _ = slow.client.socket.read_to_end(&mut received);
    assert!(received.len() < written, "nothing is missing");
}

#[test]
fn both_sides_notice_silence() {
    let (server, mut c) = start(&[]);
    c.expect("CONFIG SET repl-ping-replica-period 1", OK);
    let mut silent = Reader::connect(&server);
    wait_until("there is a PING", || {
        let reply = silent.client.reply();
        silent.client.expect_start("");
        reply.eq_ignore_ascii_case(&encode(&["PING"]))
    });
    c.expect("CONFIG SET repl-timeout 2", OK);
    wait_until("the silent replica has gone", || {
        info(&mut c, "connected_slaves") == "0"
    });
    // And a primary that says nothing.
    c.expect("CONFIG SET repl-timeout 60", OK);
    let writer = Writer::new();
    follow(&mut c, writer.addr());
    let mut socket = writer.accept(empty_file());
    wait_for_link(&mut c);
    c.expect("CONFIG SET repl-timeout 2", OK);
    wait_until("the link has ended", || {
        info(&mut c, "master_link_status") == "down"
    });
    let _ = socket.read_to_end(&mut Vec::new());
}

/// An RDB file with a key that is over since long ago, and one that is not.
fn timed_file() -> Vec<u8> {
    let mut file = b"REDIS0009\xfe\0".to_vec();
    file.extend(b"\xfc\x01\0\0\0\0\0\0\0\0\x04over\x01v");
    file.extend(b"\0\x04stay\x01v\xff\0\0\0\0\0\0\0\0");
    [format!("${}\r\n", file.len()).into_bytes(), file].concat()
}

#[test]
fn a_primary_may_not_know_what_a_replica_says_of_itself() {
    let (_server, mut c) = start(&[]);
    let writer = Writer::of_old();
    follow(&mut c, writer.addr());
    let _socket = writer.accept(timed_file());
    wait_for_link(&mut c);
    c.expect("GET stay", bulk("v"));
}

/// A replica waits for its primary's DEL, however long ago the key expired.
#[test]
fn a_replica_hides_what_is_over_until_the_primary_removes_it() {
    let (_server, mut c) = start(&[]);
    let writer = Writer::new();
    follow(&mut c, writer.addr());
    let mut socket = writer.accept(timed_file());
    wait_for_link(&mut c);
    c.expect("GET over", NULL);
    c.expect("EXISTS over stay", int(1));
    c.expect("DBSIZE", int(2));
    // The feed sees it: to the primary it was still there.
    socket
        .write_all(&encode(&["APPEND", "over", "w"]))
        .expect("send");
    socket
        .write_all(&encode(&["PERSIST", "over"]))
        .expect("send");
    wait_until("the key is back", || c.call(&["GET", "over"]) == bulk("vw"));
    socket
        .write_all(&encode(&["PEXPIREAT", "over", "1"]))
        .expect("send");
    wait_until("it is over", || c.call(&["EXISTS", "over"]) == b":0\r\n");
    socket.write_all(&encode(&["DEL", "over"])).expect("send");
    wait_until("it is removed", || c.call(&["DBSIZE"]) == b":1\r\n");
}

#[test]
fn a_transaction_is_seen_as_a_whole() {
    let (_server, mut c) = start(&[]);
    let writer = Writer::new();
    follow(&mut c, writer.addr());
    let mut socket = writer.accept(empty_file());
    wait_for_link(&mut c);
    let commands: &[&[&str]] = &[
        &["SELECT", "0"],
        &["SET", "a", "1"],
        &["MULTI"],
        &["INCR", "a"],
        &["SET", "b", "1"],
    ];
    let first: Vec<u8> = commands.iter().flat_map(|words| encode(words)).collect();
    socket.write_all(&first).expect("send");
    wait_until("what stands before MULTI", || {
        c.call(&["GET", "a"]) == bulk("1")
    });
    c.expect("EXISTS b", int(0));
    let last = [encode(&["EXEC"]), encode(&["INCR", "a"])].concat();
    socket.write_all(&last[..5]).expect("send");
    socket.write_all(&last[5..]).expect("send");
    wait_until("EXEC and what follows", || {
        c.call(&["GET", "a"]) == bulk("3")
    });
    c.expect("GET b", bulk("1"));
    let offset = 100 + first.len() + last.len();
    assert_eq!(info(&mut c, "master_repl_offset"), offset.to_string());
    assert_eq!(info(&mut c, "master_replid"), ID);
}

/// Whatever comes instead of a file, the replica lives and tries again.
#[test]
fn a_broken_sync_is_tried_again() {
    let (_server, mut c) = start(&[]);
    let writer = Writer::new();
    follow(&mut c, writer.addr());
    for broken in [
        &b"garbage\r\n"[..],
        b"$-5\r\n",
        b"$100\r\nREDIS0009",
        b"$20\r\nthis is no RDB file.",
        b"-ERR no\r\n",
    ] {
        drop(writer.accept(broken));
        c.expect("PING", "+PONG\r\n");
    }
    let _socket = writer.accept(timed_file());
    wait_for_link(&mut c);
    c.expect("GET stay", bulk("v"));
}

#[test]
fn nobody_is_followed_in_the_middle_of_a_file() {
    let (_server, mut c) = start(&[]);
    c.expect("SET mine 1", OK);
    let writer = Writer::new();
    follow(&mut c, writer.addr());
    let file = timed_file();
    let mut socket = writer.accept(&file[..20]);
    wait_until("the sync has begun", || {
        info(&mut c, "master_sync_in_progress") == "1"
    });
    c.expect("REPLICAOF NO ONE", OK);
    let _ = socket.write_all(&file[20..]);
    let _ = socket.read_to_end(&mut Vec::new());
    c.expect("GET mine", bulk("1"));
    c.expect("SET mine 2", OK);
    c.expect("DBSIZE", int(1));
}

#[test]
fn a_server_that_follows_itself_gets_nowhere_and_answers() {
    let (server, mut c) = start(&[]);
    c.expect("SET mine 1", OK);
    follow(&mut c, server.addr());
    let deadline = Instant::now() + Duration::from_millis(300);
    wait_until("some time has gone by", || {
        c.expect("GET mine", bulk("1"));
        Instant::now() > deadline
    });
    c.expect("REPLICAOF NO ONE", OK);
    c.expect("SET mine 2", OK);
}

/// All count the same offsets of the same feed.
#[test]
fn replicas_have_replicas() {
    let (first, mut a) = start(&[]);
    let (second, mut b) = start(&[]);
    let (_third, mut c) = start(&[]);
    a.expect("SET x 1", OK);
    follow(&mut b, first.addr());
    wait_for_link(&mut b);
    follow(&mut c, second.addr());
    wait_for_link(&mut c);
    for _ in 0..100 {
        a.call(&["INCR", "x"]);
    }
    wait_until_as_far(("the first", &mut a), ("the one in the middle", &mut b));
    wait_until_as_far(("the first", &mut a), ("the last", &mut c));
    c.expect("GET x", bulk("101"));
    assert_eq!(info(&mut a, "master_replid"), info(&mut c, "master_replid"));
    // The one in the middle goes its own way, and the last goes with it.
    b.expect("REPLICAOF NO ONE", OK);
    b.expect("SET x own", OK);
    wait_until("the last one follows", || {
        c.call(&["GET", "x"]) == bulk("own")
    });
    wait_until_as_far(("the one in the middle", &mut b), ("the last", &mut c));
}

#[test]
fn killed_servers_come_back() {
    let data = data_folder();
    let flags = [&ON[..], &["--appendfsync", "always"]].concat();
    let primary = Server::start_on(data.path(), &flags);
    let mut p = prepare(&primary);
    p.expect("SET a 1", OK);
    let relay = Relay::to(primary.addr());
    let (_replica, mut r) = start(&[]);
    follow(&mut r, relay.addr());
    wait_for_link(&mut r);
    primary.kill();
    wait_until("the link has ended", || {
        info(&mut r, "master_link_status") == "down"
    });
    r.expect("GET a", bulk("1"));
    let primary = Server::start_on(data.path(), &flags);
    let mut p = prepare(&primary);
    p.expect("SET a 2", OK);
    relay.turn(primary.addr());
    wait_until("the replica is back", || r.call(&["GET", "a"]) == bulk("2"));
    // A cut, with writes meanwhile.
    relay.turn(primary.addr());
    p.expect("INCR a", int(3));
    wait_for_offset(&mut p, &mut r);
    assert_eq!(all(&mut p), all(&mut r));
}

/// A replica's AOF holds what the replica has received, and nothing else.
#[test]
fn a_replica_keeps_a_log_of_its_own() {
    let data = data_folder();
    let flags = [&ON[..], &["--appendfsync", "always"]].concat();
    let (primary, mut p) = start(&[]);
    p.expect("SET a 1", OK);
    let replica = Server::start_on(data.path(), &flags);
    let mut r = prepare(&replica);
    r.expect("SET own 1", OK);
    follow(&mut r, primary.addr());
    wait_for_link(&mut r);
    p.expect("SET t v PXAT 33000000000123", OK);
    p.expect("INCR a", int(2));
    wait_for_offset(&mut p, &mut r);
    crate::log::wait_for_rewrite(&mut r);
    // What comes later is in it at once.
    p.expect("INCR a", int(3));
    wait_for_offset(&mut p, &mut r);
    let expected = data_set(&mut p);
    assert_eq!(data_set(&mut r), expected);
    replica.kill();
    let replica = Server::start_on(data.path(), &flags);
    let mut r = connect(&replica);
    assert_eq!(data_set(&mut r), expected);
}

/// Replies that still wait to be sent would be taken for a part of the reply to PSYNC.
#[test]
fn a_sync_with_replies_pending_is_refused() {
    let (server, _c) = start(&[]);
    let pending = "-ERR SYNC and PSYNC are invalid with pending output\r\n";
    for command in ["SYNC", "PSYNC ? -1", "PSYNC ? x"] {
        let mut client = Client::connect(&server);
        client.check(
            format!("PING\r\n{command}\r\nPING\r\n"),
            format!("+PONG\r\n{pending}+PONG\r\n"),
        );
    }
}

#[test]
fn a_failover_is_for_a_replica_of_the_same_history() {
    let (primary, mut p) = start(&[]);
    p.expect("PSYNC ? -1 FAILOVER", IS_PRIMARY);
    p.expect("PSYNC ? x failover", IS_PRIMARY);
    let (replica, mut r) = start(&[]);
    follow(&mut r, primary.addr());
    wait_for_link(&mut r);
    let id = info(&mut p, "master_replid");
    r.expect("PSYNC ? -1 FAILOVER", OTHER_HISTORY);
    assert_eq!(info(&mut r, "role"), "slave");
    r.send(&encode(&["PSYNC", &id, "1", "FAILOVER"]));
    let mut other = prepare(&replica);
    wait_until("the replica is a primary", || {
        info(&mut other, "role") == "master"
    });
}

/// What said `slave` until Redis 5 still does, as a flag and for CONFIG.
#[test]
fn the_primary_is_a_client_of_its_replica() {
    let (primary, mut p) = start(&[]);
    let (_replica, mut r) = start(&[]);
    follow(&mut r, primary.addr());
    wait_for_link(&mut r);
    let list = |c: &mut Session, kind: &str| {
        let text = c.call(&["CLIENT", "LIST", "TYPE", kind]);
        String::from_utf8_lossy(&text).into_owned()
    };
    let said = list(&mut r, "master");
    assert!(
        said.contains(&format!(" addr={} ", primary.addr())),
        "{said}"
    );
    assert!(said.contains(" flags=M "), "{said}");
    assert_eq!(said.matches("id=").count(), 1, "{said}");
    let id = |said: &str| -> Option<String> { Some(said.split_whitespace().nth(1)?.to_owned()) };
    let before = id(&list(&mut p, "replica"));
    r.expect("CLIENT KILL TYPE master", int(1));
    wait_until("there is another link", || {
        let now = id(&list(&mut p, "replica"));
        now.is_some() && now != before
    });
    wait_for_link(&mut r);
    p.expect("SET a 1", OK);
    wait_for_offset(&mut p, &mut r);
    r.expect("GET a", bulk("1"));
    r.expect("REPLICAOF NO ONE", OK);
    wait_until("the link is gone", || {
        !list(&mut r, "master").contains("id=")
    });
}

#[test]
fn config_names_the_primary() {
    let (_server, mut c) = start(&[]);
    let mut names = |primary: &str| {
        for name in ["replicaof", "slaveof"] {
            let expected = [b"*2\r\n".to_vec(), bulk(name), bulk(primary)].concat();
            c.expect(&format!("CONFIG GET {name}"), expected);
            let failed = format!(
                "-ERR CONFIG SET failed (possibly related to argument '{name}') - can't set \
                 immutable config\r\n"
            );
            c.expect_args(&["CONFIG", "SET", name, "127.0.0.1 2"], failed);
        }
        match primary {
            "" => c.expect("REPLICAOF 127.0.0.1 1", OK),
            _ => c.expect("REPLICAOF NO ONE", OK),
        }
    };
    for primary in ["", "127.0.0.1 1", ""] {
        names(primary);
    }
}

#[test]
fn info_counts_what_replication_takes() {
    let (primary, mut p) = start(&[]);
    let (_replica, mut r) = start(&[]);
    let number = |c: &mut Session, field: &str| -> u64 {
        let text = String::from_utf8_lossy(&c.call(&["INFO", "stats"])).into_owned();
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        let (_, value) = lines.find(|(name, _)| *name == field).expect("it is there");
        value.parse().expect("a number")
    };
    let in_the_file = "v".repeat(100_000);
    p.expect("CONFIG SET rdbcompression no", OK);
    p.expect_args(&["SET", "a", &in_the_file], OK);
    follow(&mut r, primary.addr());
    wait_for_link(&mut r);
    p.expect_args(&["SET", "b", &"w".repeat(200_000)], OK);
    wait_for_offset(&mut p, &mut r);
    for (c, field) in [(&mut p, "output"), (&mut r, "input")] {
        let of_all = number(c, &format!("total_net_{field}_bytes"));
        let field = format!("total_net_repl_{field}_bytes");
        let before = number(c, &field);
        assert!((300_000..400_000).contains(&before), "{field}: {before}");
        assert!(of_all >= before, "{field}: {before} of {of_all}");
        c.expect("CONFIG RESETSTAT", OK);
        assert!(number(c, &field) < before, "{field}");
    }
}

#[test]
fn parameters_have_their_old_names_as_well() {
    let (_server, mut c) = start(&[
        "--slave-read-only",
        "no",
        "--slave-serve-stale-data",
        "no",
        "--slave-priority",
        "7",
        "--repl-ping-slave-period",
        "3",
    ]);
    let both = |old: &str, new: &str, value: &str| {
        [
            b"*4\r\n".to_vec(),
            bulk(old),
            bulk(value),
            bulk(new),
            bulk(value),
        ]
        .concat()
    };
    for (old, new, before, after) in [
        ("slave-read-only", "replica-read-only", "no", "yes"),
        (
            "slave-serve-stale-data",
            "replica-serve-stale-data",
            "no",
            "yes",
        ),
        ("slave-priority", "replica-priority", "7", "8"),
        (
            "repl-ping-slave-period",
            "repl-ping-replica-period",
            "3",
            "4",
        ),
    ] {
        let get = |value: &str| [b"*2\r\n".to_vec(), bulk(new), bulk(value)].concat();
        c.expect(&format!("CONFIG GET {new}"), get(before));
        c.expect(&format!("CONFIG SET {old} {after}"), OK);
        c.expect(&format!("CONFIG GET {new}"), get(after));
        let shown = c.call(&["CONFIG", "GET", old, new]);
        let orders = [both(old, new, after), both(new, old, after)];
        assert!(orders.contains(&shown), "{}", shown.escape_ascii());
        // They are two names to CONFIG SET, and the last one counts.
        c.expect(&format!("CONFIG SET {old} {after} {new} {before}"), OK);
        c.expect(&format!("CONFIG GET {new}"), get(before));
    }
    c.expect(
        "CONFIG SET SLAVE-priority x",
        "-ERR CONFIG SET failed (possibly related to argument 'slave-priority') - argument \
         couldn't be parsed into an integer\r\n",
    );
}

/// Neither the replies before it nor what the client sends after it hold up a WAIT.
#[test]
fn wait_reads_and_writes_meanwhile() {
    let server = Server::start();
    let mut c = Client::connect(&server);
    let large = "x".repeat(1 << 20);
    c.check(encode(&["SET", "large", &large]), OK);
    let mut commands = b"GET large\r\n".repeat(30);
    commands.extend(b"WAIT 1 100\r\n");
    let set = encode(&["SET", "other", &large]);
    commands.extend(set.repeat(40));
    // It reads only when it has sent everything.
    c.send(commands);
    c.expect(bulk(&large).repeat(30));
    c.expect(int(0));
    c.expect(OK.repeat(40));
}

/// How many clients of a kind INFO tells of.
fn clients(session: &mut Session, kind: &str) -> String {
    let text = String::from_utf8_lossy(&session.call(&["INFO", "clients"])).into_owned();
    let field = format!("{kind}_clients:");
    let found = text.lines().find_map(|line| line.strip_prefix(&field));
    found.expect("the number").to_owned()
}

/// Subscribers wait for others, and whoever sent WAIT is made to wait.
#[test]
fn who_is_made_to_wait_is_neither_idle_nor_a_replica() {
    undisturbed(|| {
        let (server, mut c) = start(&["--timeout", "1"]);
        let mut subscriber = Client::connect(&server);
        subscriber.send("SUBSCRIBE news\r\n").reply();
        let mut blocked = Client::connect(&server);
        blocked.send("WAIT 1 0\r\n");
        let started = Instant::now();
        wait_until("twice the time is over", || {
            c.expect("PING", "+PONG\r\n");
            started.elapsed() > Duration::from_millis(2500)
        });
        blocked.expect_silence();
        c.expect("PUBLISH news 1", int(1));
        subscriber.expect_start("*3\r\n$7\r\nmessage\r\n");
        drop(blocked);

        wait_until("it is gone", || clients(&mut c, "blocked") == "0");
        c.expect("CONFIG SET timeout 0", OK);
        let mut blocked: Vec<_> = (0..3).map(|_| Client::connect(&server)).collect();
        for client in &mut blocked {
            client.send("WAIT 1 0\r\n");
        }
        wait_until("three wait", || clients(&mut c, "blocked") == "3");
        drop(blocked);
        wait_until("they are gone", || clients(&mut c, "blocked") == "0");

        let before = clients(&mut c, "connected");
        let reader = Reader::connect(&server);
        assert_eq!(clients(&mut c, "connected"), before);
        drop(reader);
    });
}
