//! Keyspace notifications: which event each command publishes, in which order, and for which
//! classes.
//!
//! Reread: advanced/README.md#the-advanced-track

use crate::client::Client;
use crate::harness::Server;
use crate::session::{OK, Session, bulk};

/// A subscriber to all events of a server that publishes these classes.
pub struct Listener {
    subscriber: Client,
    writer: Session,
}

impl Listener {
    pub fn new(server: &Server, classes: &str) -> Self {
        let mut writer = Session::connect(server.addr());
        writer.expect(&format!("CONFIG SET notify-keyspace-events {classes}"), OK);
        let mut subscriber = Client::connect(server);
        subscriber.send("PSUBSCRIBE *\r\n").reply();
        Self { subscriber, writer }
    }

    /// Sends a command, and compares the events, `event key`, that come of it. What is published
    /// after it shows where they end.
    #[track_caller]
    pub fn check(&mut self, command: &str, events: &[&str]) {
        let args: Vec<&str> = command.split(' ').collect();
        self.writer.call(&args);
        self.writer.call(&["PUBLISH", "end", command]);
        for event in events {
            let (event, key) = event.split_once(' ').expect("an event and a key");
            self.expect(&format!("__keyevent@0__:{event}"), key);
        }
        self.expect("end", command);
    }

    #[track_caller]
    fn expect(&mut self, channel: &str, message: &str) {
        let words = ["pmessage", "*", channel, message].map(bulk);
        let expected = [b"*4\r\n".to_vec(), words.concat()].concat();
        self.subscriber.expect_start(expected);
    }
}

#[test]
fn strings() {
    let server = Server::start();
    let mut l = Listener::new(&server, "EA");
    for (command, events) in [
        ("SET a 1", &["set a"][..]),
        ("SET a 1 NX", &[]),
        ("SET a 1 EX 100", &["set a", "expire a"]),
        ("SET a 2 KEEPTTL", &["set a"]),
        ("SETEX a 100 3", &["set a", "expire a"]),
        ("PSETEX a 100000 3", &["set a", "expire a"]),
        ("SETNX b 1", &["set b"]),
        ("SETNX b 1", &[]),
        ("GETSET b 2", &["set b"]),
        ("MSET a 1 b 2", &["set a", "set b"]),
        ("MSETNX c 1 d 2", &["set c", "set d"]),
        ("MSETNX c 1 e 2", &[]),
        ("INCR a", &["incrby a"]),
        ("DECR a", &["incrby a"]),
        ("INCRBY a 5", &["incrby a"]),
        ("DECRBY a 5", &["incrby a"]),
        ("INCRBYFLOAT a 1.5", &["incrbyfloat a"]),
        ("APPEND a x", &["append a"]),
        ("INCR a", &[]),
        ("SETRANGE a 0 y", &["setrange a"]),
        ("GETEX a", &[]),
        ("GETEX a EX 100", &["expire a"]),
        ("GETEX a PERSIST", &["persist a"]),
        ("GETEX a PERSIST", &[]),
        ("GETDEL a", &["del a"]),
        ("GET a", &[]),
    ] {
        l.check(command, events);
    }
}

#[test]
fn keys() {
    let server = Server::start();
    let mut l = Listener::new(&server, "EA");
    for (command, events) in [
        ("MSET a 1 b 2 c 3", &["set a", "set b", "set c"][..]),
        ("RENAME a b", &["rename_from a", "rename_to b"]),
        ("RENAMENX b c", &[]),
        ("RENAMENX b d", &["rename_from b", "rename_to d"]),
        ("COPY d e", &["copy_to e"]),
        ("COPY d e", &[]),
        ("COPY d e REPLACE", &["copy_to e"]),
        ("EXPIRE d 100", &["expire d"]),
        ("EXPIRE d 100 NX", &[]),
        ("PEXPIREAT d 99999999999999", &["expire d"]),
        ("PERSIST d", &["persist d"]),
        ("PERSIST d", &[]),
        ("EXPIRE d -1", &["del d"]),
        ("DEL c d e", &["del c", "del e"]),
        ("SET x 1", &["set x"]),
        ("UNLINK x", &["del x"]),
        ("SET y 1", &["set y"]),
        ("FLUSHALL", &[]),
    ] {
        l.check(command, events);
    }
}

#[test]
fn new_keys_and_misses_are_told_if_asked_for() {
    let server = Server::start();
    let mut l = Listener::new(&server, "EAnm");
    for (command, events) in [
        ("SET a 1", &["new a", "set a"][..]),
        ("SET a 1", &["set a"]),
        ("INCR n", &["new n", "incrby n"]),
        ("APPEND s x", &["new s", "append s"]),
        ("SETRANGE r 0 x", &["new r", "setrange r"]),
        ("RENAME a b", &["new b", "rename_from a", "rename_to b"]),
        ("COPY b c", &["new c", "copy_to c"]),
        ("GET none", &["keymiss none"]),
        ("MGET none b", &["keymiss none"]),
        ("EXISTS none", &["keymiss none"]),
    ] {
        l.check(command, events);
    }
}

#[test]
fn only_the_classes_that_were_asked_for() {
    let server = Server::start();
    let mut l = Listener::new(&server, "E$");
    l.check("SET a 1 EX 100", &["set a"]);
    l.check("DEL a", &[]);
    l.writer.expect("CONFIG SET notify-keyspace-events Eg", OK);
    l.check("SET a 1 EX 100", &["expire a"]);
    l.check("DEL a", &["del a"]);
    l.writer.expect("CONFIG SET notify-keyspace-events A", OK);
    l.check("SET a 1", &[]);
    l.writer
        .expect_args(&["CONFIG", "SET", "notify-keyspace-events", ""], OK);
    l.check("DEL a", &[]);
}

#[test]
fn a_channel_is_named_after_the_key_or_the_event() {
    let server = Server::start();
    let mut l = Listener::new(&server, "KEA");
    l.writer.call(&["SET", "some:key", "1"]);
    l.expect("__keyspace@0__:some:key", "set");
    l.expect("__keyevent@0__:set", "some:key");
    l.writer.expect("CONFIG SET notify-keyspace-events KA", OK);
    l.writer.call(&["DEL", "some:key"]);
    l.expect("__keyspace@0__:some:key", "del");
}

#[test]
fn keys_expire_when_they_are_asked_for_and_when_they_are_not() {
    let server = Server::start();
    let mut l = Listener::new(&server, "EA");
    // The key may be gone before another command comes, so nothing marks the end.
    l.writer.call(&["SET", "a", "1", "PX", "1"]);
    for event in ["set", "expire", "expired"] {
        l.expect(&format!("__keyevent@0__:{event}"), "a");
    }
    l.check("SET b 1", &["set b"]);
    l.writer.call(&["PEXPIRE", "b", "1"]);
    for event in ["expire", "expired"] {
        l.expect(&format!("__keyevent@0__:{event}"), "b");
    }
}

/// The event of a deletion on a replica is that of the DEL that the primary sends.
#[test]
fn a_replica_publishes_what_its_primary_sends() {
    let primary = Server::start();
    let replica = Server::start_with(&[
        "--replicaof",
        &format!("127.0.0.1 {}", primary.addr().port()),
    ]);
    let mut l = Listener::new(&replica, "EA");
    let mut p = Session::connect(primary.addr());
    crate::harness::wait_until("the replica is linked", || {
        let info = p.call(&["INFO", "replication"]);
        String::from_utf8_lossy(&info).contains("state=online")
    });
    p.expect("SET a 1", OK);
    l.expect("__keyevent@0__:set", "a");
    p.expect("PEXPIRE a 1", ":1\r\n");
    l.expect("__keyevent@0__:expire", "a");
    l.expect("__keyevent@0__:del", "a");
}

#[test]
fn the_classes_are_letters() {
    let server = Server::start();
    let mut c = Session::connect(server.addr());
    for (set, got) in [
        ("KEA", "AKE"),
        ("K$x", "$xK"),
        ("Em", "Em"),
        ("g$lshzxetdK", "AK"),
        ("nK", "nK"),
    ] {
        c.expect(&format!("CONFIG SET notify-keyspace-events {set}"), OK);
        let value = c
            .strings(&["CONFIG", "GET", "notify-keyspace-events"])
            .remove(1);
        assert_eq!(value, got.as_bytes(), "{set}");
    }
    c.expect(
        "CONFIG SET notify-keyspace-events KEQ",
        "-ERR CONFIG SET failed (possibly related to argument 'notify-keyspace-events') - Invalid \
         event class character. Use 'Ag$lshzxeKEtmdn'.\r\n",
    );
}

#[test]
fn hashes() {
    let server = Server::start();
    let mut l = Listener::new(&server, "EAn");
    for (command, events) in [
        ("HSET h a 1 b 2", &["new h", "hset h"][..]),
        ("HMSET h c 3", &["hset h"]),
        ("HSETNX h d 1", &["hset h"]),
        ("HSETNX h d 1", &[]),
        ("HINCRBY h a 1", &["hincrby h"]),
        ("HINCRBYFLOAT h a 1.5", &["hincrbyfloat h"]),
        ("HINCRBY h a 1", &[]),
        ("HDEL h x", &[]),
        ("HDEL h a b", &["hdel h"]),
        ("COPY h i", &["new i", "copy_to i"]),
        ("HDEL h c d", &["hdel h", "del h"]),
        ("HGET h c", &[]),
        ("DEL i", &["del i"]),
    ] {
        l.check(command, events);
    }
}

#[test]
fn a_value_that_is_restored_is_an_event() {
    let server = Server::start();
    let mut l = Listener::new(&server, "EA");
    l.check("SET a text", &["set a"]);
    let payload = l.writer.strings(&["DUMP", "a"]).remove(0);
    l.writer
        .expect_args(&[&b"RESTORE"[..], b"b", b"0", &payload], OK);
    l.expect("__keyevent@0__:restore", "b");
}
