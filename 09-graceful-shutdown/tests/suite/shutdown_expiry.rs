//! Keys that expire while the server waits for its replicas: the data stand still, and go on when
//! the end is taken back.
//!
//! Reread: 09-graceful-shutdown/GUIDE.md#the-idea

use crate::client::Client;
use crate::harness::{Server, wait_until};
use crate::replicas::Reader;
use crate::session::{OK, Session, bulk, int};
use crate::shutdown::{FAILED, start_with_laggard, tell, wait_for_drain};

/// How many keys expire.
const KEYS: usize = 50;

/// A server that waits for its replica, with keys that have expired since it does, and `a`, which
/// has not.
struct Drain {
    _server: Server,
    client: Session,
    _reader: Reader,
    asker: Client,
}

fn drain() -> Drain {
    // On a busy machine it may take a while until the server waits.
    for milliseconds in [300, 1000, 3000, 10_000, 30_000] {
        let (server, mut client, reader) = start_with_laggard(&[]);
        for number in 0..KEYS {
            client.expect(&format!("SET {number} 10 PX {milliseconds}"), OK);
        }
        let asker = tell(&server, "SHUTDOWN");
        wait_for_drain(&mut client);
        if client.call(&["EXISTS", "0"]) == b":1\r\n" {
            let last = (KEYS - 1).to_string();
            wait_until("all have expired", || {
                client.call(&["EXISTS", &last]) == b":0\r\n"
            });
            return Drain {
                _server: server,
                client,
                _reader: reader,
                asker,
            };
        }
    }
    panic!("the server takes half a minute to wait");
}

/// What reads says nothing of what has expired, and removes nothing.
#[track_caller]
fn expect_stillness(c: &mut Session) {
    c.expect("GET 0", "$-1\r\n");
    c.expect("TTL 1", int(-2));
    c.expect("KEYS *", "*1\r\n$1\r\na\r\n");
    c.expect("SCAN 0 COUNT 1000", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n");
    c.expect("RANDOMKEY", bulk("a"));
    c.expect("DBSIZE", int(KEYS as i64 + 1));
    let stats = c.call(&["INFO", "stats"]);
    let stats = String::from_utf8_lossy(&stats).into_owned();
    assert!(stats.contains("\r\nexpired_keys:0\r\n"), "{stats}");
}

#[test]
fn nothing_expires_while_it_waits_and_everything_after_abort() {
    let mut drain = drain();
    let c = &mut drain.client;
    expect_stillness(c);
    c.expect("SHUTDOWN ABORT", OK);
    drain.asker.expect(FAILED);
    wait_until("what has expired is removed", || {
        c.call(&["DBSIZE"]) == b":1\r\n"
    });
}

/// What stands right behind it is executed before anybody else notices.
#[test]
fn right_after_abort_writes_find_no_key_that_has_expired() {
    let mut drain = drain();
    let mut abort = Client::connect(&drain._server);
    abort.send(
        "SHUTDOWN ABORT\r\nINCR 0\r\nINCR 0\r\nGET 0\r\nTTL 0\r\nPERSIST 1\r\nAPPEND 2 x\r\n",
    );
    abort.expect(format!("{OK}:1\r\n:2\r\n$1\r\n2\r\n:-1\r\n:0\r\n:1\r\n"));
    drain.asker.expect(FAILED);
}

/// The role says nothing of the phase.
#[test]
fn a_server_that_waits_is_still_when_it_is_told_to_be_a_primary() {
    let mut drain = drain();
    let c = &mut drain.client;
    c.expect("REPLICAOF NO ONE", OK);
    expect_stillness(c);
    c.expect("SHUTDOWN ABORT", OK);
    wait_until("what has expired is removed", || {
        c.call(&["DBSIZE"]) == b":1\r\n"
    });
}
