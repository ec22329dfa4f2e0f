//! CLIENT PAUSE and UNPAUSE: who waits, and what stands still meanwhile.
//!
//! Reread: advanced/chapters/003-client-lifecycle/GUIDE.md#3-a-pause-has-an-end

use std::time::{Duration, Instant};

use crate::client::Client;
use crate::clients_seen::{ask, field, info, line_of, wait_for_blocked, with_id};
use crate::harness::{Server, wait_until};

/// Longer than any test takes, in milliseconds.
const LONG: &str = "600000";

#[test]
fn writes_wait_and_reads_do_not() {
    let server = Server::start();
    let (mut c, mut writer, mut publisher) = three(&server);
    c.check(format!("CLIENT PAUSE {LONG} WRITE\r\n"), "+OK\r\n");
    writer.send("SET a 1\r\nGET a\r\n");
    wait_for_blocked(&mut c, 1);
    publisher.send("PUBLISH a b\r\n");
    wait_for_blocked(&mut c, 2);
    c.check("GET a\r\n", "$-1\r\n");
    writer.expect_silence();
    publisher.expect_silence();
    c.check("CLIENT UNPAUSE\r\n", "+OK\r\n");
    writer.expect("+OK\r\n$1\r\n1\r\n");
    publisher.expect(":0\r\n");
    wait_for_blocked(&mut c, 0);
}

fn three(server: &Server) -> (Client, Client, Client) {
    let connect = || Client::connect(server);
    (connect(), connect(), connect())
}

#[test]
fn all_wait_and_the_pause_ends_by_itself() {
    let server = Server::start();
    let (mut c, mut other, _) = three(&server);
    other.check("PING\r\n", "+PONG\r\n");
    let watch = Instant::now();
    c.check("CLIENT PAUSE 700\r\n", "+OK\r\n");
    // Even the end of the pause waits for its end.
    c.send("CLIENT UNPAUSE\r\n");
    other.send("PING\r\n");
    other.expect("+PONG\r\n");
    assert!(
        watch.elapsed() >= Duration::from_millis(650),
        "it did not wait"
    );
    c.expect("+OK\r\n");
}

#[test]
fn a_pause_begins_in_the_middle_of_a_batch() {
    let server = Server::start();
    let (mut c, mut other, _) = three(&server);
    c.send(format!(
        "SET a 1\r\nCLIENT PAUSE {LONG} WRITE\r\nGET a\r\nSET a 2\r\nGET a\r\n"
    ));
    c.expect("+OK\r\n+OK\r\n$1\r\n1\r\n");
    c.expect_silence();
    other.check("GET a\r\n", "$1\r\n1\r\n");
    other.check("CLIENT UNPAUSE\r\n", "+OK\r\n");
    c.expect("+OK\r\n$1\r\n2\r\n");
}

#[test]
fn what_is_refused_does_not_wait() {
    let server = Server::start();
    let mut c = Client::connect(&server);
    c.check(format!("CLIENT PAUSE {LONG} WRITE\r\n"), "+OK\r\n");
    let arity = "-ERR wrong number of arguments for 'set' command\r\n";
    c.check("SET a\r\n", arity);
    assert!(ask(&mut c, "NOSUCH").starts_with("-ERR unknown command 'NOSUCH'"));
    c.send("HELLO 3\r\n").reply();
    c.send("SUBSCRIBE a\r\n").reply();
    c.send("HELLO 2\r\n").reply();
    assert!(ask(&mut c, "SET a 1").starts_with("-ERR Can't execute 'set'"));
    c.send("UNSUBSCRIBE\r\n").reply();
    c.check("CLIENT UNPAUSE\r\n", "+OK\r\n");
}

#[test]
fn the_stricter_pause_counts_and_no_timeout_is_none() {
    let server = Server::start();
    let (mut c, mut other, _) = three(&server);
    c.check("CLIENT PAUSE 0\r\n", "+OK\r\n");
    c.check("PING\r\n", "+PONG\r\n");
    c.check(format!("CLIENT PAUSE {LONG} write\r\n"), "+OK\r\n");
    c.check("CLIENT PAUSE 1 WRITE\r\n", "+OK\r\n");
    other.send("SET a 1\r\n");
    wait_for_blocked(&mut c, 1);
    c.check("CLIENT UNPAUSE\r\n", "+OK\r\n");
    other.expect("+OK\r\n");
    c.check("CLIENT UNPAUSE\r\n", "+OK\r\n");
    let errors = [
        (
            "CLIENT PAUSE",
            "-ERR wrong number of arguments for 'client|pause' command",
        ),
        (
            "CLIENT PAUSE abc",
            "-ERR timeout is not an integer or out of range",
        ),
        ("CLIENT PAUSE -1", "-ERR timeout is negative"),
        (
            "CLIENT PAUSE 1 SOME",
            "-ERR CLIENT PAUSE mode must be WRITE or ALL",
        ),
        (
            "CLIENT PAUSE 1 WRITE x",
            "-ERR unknown subcommand or wrong number of arguments for 'PAUSE'. Try CLIENT HELP.",
        ),
    ];
    for (command, error) in errors {
        assert_eq!(ask(&mut c, command), error, "{command}");
    }
}

/// Neither by a look at them nor by the active cycle, and the feed does not grow.
#[test]
fn no_key_expires_and_nothing_is_propagated() {
    let server = Server::start();
    let mut c = Client::connect(&server);
    c.send(format!(
        "SET a 1 PX 1\r\nSET b 1 PX 1\r\nCLIENT PAUSE {LONG} WRITE\r\n"
    ));
    c.expect("+OK\r\n+OK\r\n+OK\r\n");
    let offset = info(&mut c, "master_repl_offset");
    wait_until("both are logically expired", || {
        ask(&mut c, "GET a").is_empty() && ask(&mut c, "EXISTS b") == ":0"
    });
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(info(&mut c, "expired_keys"), "0");
    assert_eq!(info(&mut c, "master_repl_offset"), offset);
    assert_eq!(ask(&mut c, "DBSIZE"), ":2");
    c.check("CLIENT UNPAUSE\r\n", "+OK\r\n");
    wait_until("both expire", || info(&mut c, "expired_keys") == "2");
}

#[test]
fn who_leaves_while_it_waits_gets_nothing_done() {
    let server = Server::start();
    let (mut c, (mut writer, id)) = (Client::connect(&server), with_id(&server));
    c.check(format!("CLIENT PAUSE {LONG} WRITE\r\n"), "+OK\r\n");
    writer.send("SET a 1\r\n");
    wait_for_blocked(&mut c, 1);
    assert_eq!(field(&line_of(&mut c, &id), "flags"), "b");
    drop(writer);
    wait_until("it is gone", || line_of(&mut c, &id).is_empty());
    let (mut killed, id) = with_id(&server);
    killed.send("SET a 2\r\n");
    wait_for_blocked(&mut c, 1);
    c.check(format!("CLIENT KILL ID {id}\r\n"), ":1\r\n");
    killed.expect_closed();
    wait_for_blocked(&mut c, 0);
    c.check("CLIENT UNPAUSE\r\n", "+OK\r\n");
    c.check("GET a\r\n", "$-1\r\n");
}

/// A monitor is never paused, and so it may not touch the data.
#[test]
fn a_monitor_does_not_wait() {
    let server = Server::start();
    let mut c = Client::connect(&server);
    c.send("MONITOR\r\nCLIENT PAUSE 500 ALL\r\nCLIENT UNPAUSE\r\nGET a\r\nPUBLISH a b\r\n");
    let error = "-ERR Replica can't interact with the keyspace\r\n";
    c.expect(format!("+OK\r\n+OK\r\n+OK\r\n{error}{error}"));
}

#[test]
fn a_replica_stands_still_while_it_is_paused() {
    let (primary, replica) = (Server::start(), Server::start());
    let (mut p, mut r) = (Client::connect(&primary), Client::connect(&replica));
    p.check("CONFIG SET repl-ping-replica-period 3600\r\n", "+OK\r\n");
    let port = primary.addr().port();
    r.check(format!("REPLICAOF 127.0.0.1 {port}\r\n"), "+OK\r\n");
    wait_until("it is online", || ask(&mut p, "WAIT 1 1") == ":1");
    p.check("SET a 1\r\n", "+OK\r\n");
    wait_until("it follows", || ask(&mut r, "GET a") == "1");
    let offset = info(&mut r, "slave_repl_offset");
    r.check(format!("CLIENT PAUSE {LONG} WRITE\r\n"), "+OK\r\n");
    p.check("SET a 2\r\n", "+OK\r\n");
    let end = info(&mut p, "master_repl_offset");
    wait_until("it has read the write", || {
        info(&mut r, "slave_read_repl_offset") == end
    });
    assert_eq!(info(&mut r, "slave_repl_offset"), offset);
    r.check("GET a\r\n", "$1\r\n1\r\n");
    r.check("CLIENT UNPAUSE\r\n", "+OK\r\n");
    wait_until("it has caught up", || ask(&mut r, "GET a") == "2");
    assert_eq!(info(&mut r, "slave_repl_offset"), end);
}

/// WAIT is no write, but its question to the replicas is one, and is asked after the pause.
#[test]
fn wait_counts_during_a_pause_and_asks_after_it() {
    let (primary, replica) = (Server::start(), Server::start());
    let (mut p, mut r) = (Client::connect(&primary), Client::connect(&replica));
    let port = primary.addr().port();
    r.check(format!("REPLICAOF 127.0.0.1 {port}\r\n"), "+OK\r\n");
    wait_until("it is online", || ask(&mut p, "WAIT 1 1") == ":1");
    p.send(format!(
        "SET a 1\r\nCLIENT PAUSE {LONG} WRITE\r\nWAIT 1 0\r\n"
    ));
    p.expect("+OK\r\n+OK\r\n:1\r\n");
    p.check("CLIENT UNPAUSE\r\n", "+OK\r\n");
}
