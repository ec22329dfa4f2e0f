//! How a wait for a key ends when nobody creates it: the client is killed or hangs up, the server
//! pauses, becomes a replica, or ends.
//!
//! Reread: advanced/chapters/010b-blocking/README.md

use crate::blocking_room::Room;
use crate::client::Client;
use crate::clients_seen::{ask, wait_for_blocked, with_id};
use crate::harness::{Server, wait_until};

/// A server, a client that acts, and one that waits for `k` without end, with its id.
fn waiting(flags: &[&str]) -> (Server, Client, Client, String) {
    let server = Server::start_with(flags);
    let ((mut c, _), (mut waiter, id)) = (with_id(&server), with_id(&server));
    waiter.send("BLPOP k 0\r\n");
    wait_for_blocked(&mut c, 1);
    (server, c, waiter, id)
}

/// Creates the key, of which nobody takes anything.
#[track_caller]
fn nothing_is_taken(c: &mut Client) {
    wait_for_blocked(c, 0);
    assert_eq!(ask(c, "RPUSH k a"), ":1");
    assert_eq!(ask(c, "LLEN k"), ":1");
}

#[test]
fn a_client_that_is_killed_takes_nothing() {
    let (_server, mut c, mut waiter, id) = waiting(&[]);
    // In one batch: the task of the killed client does not run in between.
    c.send(format!("CLIENT KILL ID {id}\r\nRPUSH k a\r\nLLEN k\r\n"));
    c.expect(":1\r\n:1\r\n:1\r\n");
    waiter.expect_closed();
}

#[test]
fn a_client_that_hangs_up_takes_nothing() {
    let (_server, mut c, waiter, _) = waiting(&[]);
    drop(waiter);
    nothing_is_taken(&mut c);
}

/// Redis takes a client that says no more for one that is gone.
#[test]
fn a_client_that_closes_its_half_is_gone() {
    let (_server, mut c, mut waiter, _) = waiting(&[]);
    waiter.finish().expect_closed();
    nothing_is_taken(&mut c);
}

/// The wait goes on, but a command that would wait has to wait for its turn first.
#[test]
fn a_wait_goes_on_in_a_pause() {
    let (server, mut c, mut waiter, _) = waiting(&[]);
    let (mut late, mut other) = (Client::connect(&server), Client::connect(&server));
    late.send("BLPOP j 0.3\r\n");
    wait_for_blocked(&mut c, 2);
    c.check("CLIENT PAUSE 600000 WRITE\r\n", "+OK\r\n");
    late.expect("*-1\r\n");
    other.send("BLPOP k j 0.001\r\n");
    wait_for_blocked(&mut c, 2);
    other.expect_silence();
    waiter.expect_silence();
    c.check("CLIENT UNPAUSE\r\n", "+OK\r\n");
    other.expect("*-1\r\n");
    c.check("RPUSH k a\r\n", ":1\r\n");
    waiter.expect("*2\r\n$1\r\nk\r\n$1\r\na\r\n");
}

#[test]
fn who_waits_is_disconnected_when_the_server_becomes_a_replica() {
    let (_server, mut c, mut waiter, _) = waiting(&[]);
    c.check("REPLICAOF 127.0.0.1 1\r\n", "+OK\r\n");
    waiter.expect(
        "-UNBLOCKED force unblock from blocking operation, instance state changed (master -> \
         replica?)\r\n",
    );
    waiter.expect_closed();
    wait_for_blocked(&mut c, 0);
    let readonly = "-READONLY You can't write against a read only replica.\r\n";
    c.check("BLPOP k 0\r\n", readonly);
    c.check("REPLICAOF NO ONE\r\n", "+OK\r\n");
    nothing_is_taken(&mut c);
}

/// A client may wait on a replica to which clients may write. The primary serves it there.
#[test]
fn the_feed_of_a_primary_serves() {
    let primary = Server::start();
    let replica = Server::start_with(&["--replica-read-only", "no"]);
    let (mut p, _) = with_id(&primary);
    let mut room = Room::new(replica, 2);
    let port = primary.addr().port();
    room.line(0, &format!("REPLICAOF 127.0.0.1 {port}"));
    wait_until("the replica is connected", || {
        let role = room.observer.send("ROLE\r\n").reply();
        String::from_utf8_lossy(&role).contains("connected")
    });
    room.line(1, "BLPOP k 0");
    assert_eq!(ask(&mut p, "RPUSH k a b"), ":2");
    wait_until("it is served", || {
        room.settle();
        !room.waits(1)
    });
    room.expect(1, "*2\r\n$1\r\nk\r\n$1\r\na\r\n");
    room.heard(0);
    // What it has taken there is missing there only.
    room.line(0, "LRANGE k 0 -1");
    room.expect(0, "*1\r\n$1\r\nb\r\n");
    assert_eq!(ask(&mut p, "LLEN k"), ":2");
}

#[test]
fn who_waits_gets_nothing_when_the_server_ends() {
    let (mut server, mut c, mut waiter, _) = waiting(&[]);
    c.send("SHUTDOWN NOSAVE\r\n");
    waiter.expect_closed();
    c.expect_closed();
    assert!(server.ended().success());
}

/// The key has expired, and is still there until somebody asks for it.
#[test]
fn a_key_that_has_expired_is_not_there() {
    let server = Server::start_with(&["--enable-debug-command", "yes"]);
    let mut room = Room::new(server, 2);
    let lines = ["DEBUG SET-ACTIVE-EXPIRE 0", "RPUSH k old", "PEXPIRE k 1"];
    lines.iter().for_each(|line| room.line(0, line));
    wait_until("the key has expired", || {
        ask(&mut room.observer, "PTTL k") == ":-2"
    });
    room.line(1, "BLPOP k 0");
    assert!(room.waits(1));
    room.line(0, "RPUSH k new");
    room.expect(1, "*2\r\n$1\r\nk\r\n$3\r\nnew\r\n");
}
