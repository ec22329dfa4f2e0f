//! Redis replicates from us, and we from Redis, while others write.
//!
//! Reread: 08-replication/GUIDE.md#how-redis-does-it

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use crate::harness::{Server, amount, wait_until};
use crate::log::{connect, data_set};
use crate::replicas::{
    Relay, all, fill, follow, info, prepare, start, wait_for_link, wait_for_offset,
};
use crate::session::{OK, bulk, int};

/// The replica takes over 100,000 keys from the primary while a client changes some of
/// them and adds others; at the end both have the same.
fn syncs_while_others_write(primary: &Server, replica: &Server) {
    let mut p = prepare(primary);
    let mut r = prepare(replica);
    let keys = amount(100_000);
    fill(&mut p, keys);
    r.expect("SET own 1", OK);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut c = connect(primary);
            for i in (0..).take_while(|_| !is_over.load(Relaxed)) {
                let key = format!("key:{}", i * 7919 % keys);
                let new = format!("new:{i}");
                c.call(&["INCR", "counter"]);
                c.call(&["APPEND", &key, "+"]);
                c.call(&["SET", &new, "v", "EX", "10000"]);
                c.call(&["DEL", &format!("key:{}", i * 31 % keys)]);
            }
        });
        follow(&mut r, primary.addr());
        wait_for_link(&mut r);
        let before = p.call(&["GET", "counter"]);
        wait_until("more is written", || p.call(&["GET", "counter"]) != before);
        is_over.store(true, Relaxed);
    });
    wait_for_offset(&mut p, &mut r);
    let (expected, found) = (all(&mut p), all(&mut r));
    assert!(expected.len() > keys / 2, "{} keys", expected.len());
    assert!(expected == found, "the data differ");
    assert_eq!(info(&mut p, "master_replid"), info(&mut r, "master_replid"));
}

#[test]
fn redis_follows_us() {
    if let Some(redis) = Server::start_redis() {
        syncs_while_others_write(&Server::start(), &redis);
    }
}

#[test]
fn we_follow_redis() {
    if let Some(redis) = Server::start_redis() {
        syncs_while_others_write(&redis, &Server::start());
    }
}

/// It asks to go on where it was, and may be given everything instead.
#[test]
fn a_redis_that_was_cut_off_ends_right() {
    let Some(redis) = Server::start_redis() else {
        return;
    };
    let (primary, mut p) = start(&[]);
    let mut r = prepare(&redis);
    let relay = Relay::to(primary.addr());
    follow(&mut r, relay.addr());
    wait_for_link(&mut r);
    for round in 0..3 {
        p.expect("SET counter 1", OK);
        relay.turn(primary.addr());
        p.expect_args(&["SET", &format!("round:{round}"), "v"], OK);
        p.expect("INCR counter", int(2));
        wait_for_offset(&mut p, &mut r);
        assert_eq!(data_set(&mut p), data_set(&mut r));
    }
}

/// Between Redis and Redis we are one of them.
#[test]
fn redis_follows_us_and_we_follow_redis() {
    let (Some(first), Some(last)) = (Server::start_redis(), Server::start_redis()) else {
        return;
    };
    let (middle, mut m) = start(&[]);
    let (mut a, mut z) = (prepare(&first), prepare(&last));
    a.expect("SET a 1", OK);
    follow(&mut m, first.addr());
    wait_for_link(&mut m);
    follow(&mut z, middle.addr());
    wait_for_link(&mut z);
    a.expect("MULTI", OK);
    a.expect("INCR a", "+QUEUED\r\n");
    a.expect("SET b 1 EX 1000", "+QUEUED\r\n");
    a.expect("EXEC", [&b"*2\r\n:2\r\n"[..], OK.as_bytes()].concat());
    let script = "redis.call('INCR', 'a') return redis.call('INCR', 'c')";
    a.expect_args(&["EVAL", script, "0"], int(1));
    a.expect("SET soon v PX 20", OK);
    wait_until("it is over", || a.call(&["EXISTS", "soon"]) == b":0\r\n");
    wait_for_offset(&mut a, &mut m);
    wait_for_offset(&mut m, &mut z);
    let expected = data_set(&mut a);
    assert_eq!(expected.len(), 3);
    assert_eq!(data_set(&mut m), expected);
    assert_eq!(data_set(&mut z), expected);
    assert_eq!(info(&mut a, "master_replid"), info(&mut z, "master_replid"));
}

/// What we do not have ends the link, in the file as in the feed. What we have stays, and
/// when the trouble is gone we follow again.
#[test]
fn what_only_redis_has_does_no_harm() {
    let Some(redis) = Server::start_redis() else {
        return;
    };
    let mut p = prepare(&redis);
    let (replica, mut r) = start(&[]);
    p.expect("SET a 1", OK);
    let troubles: &[(&[&str], &[&str])] = &[
        (&["RPUSH", "list", "x"], &["DEL", "list"]),
        (&["MOVE", "moved", "5"], &["FLUSHALL"]),
    ];
    for (trouble, end) in troubles {
        p.expect("MSET moved 1 kept 1", OK);
        r.expect("REPLICAOF NO ONE", OK);
        r.expect("SET own 1", OK);
        assert_eq!(p.call(trouble), b":1\r\n");
        let before = replica.log().len();
        follow(&mut r, redis.addr());
        if crate::harness::is_other_server() {
            continue;
        }
        wait_until("the log says why", || {
            replica.log()[before..].contains("cannot be loaded")
        });
        assert_eq!(r.call(&["GET", "own"]), bulk("1"));
        p.call(end);
        wait_for_offset(&mut p, &mut r);
        assert_eq!(data_set(&mut p), data_set(&mut r));
        // The same in the feed.
        p.expect("MSET moved 1 kept 1", OK);
        wait_for_offset(&mut p, &mut r);
        p.call(trouble);
        wait_until("the link has ended", || {
            info(&mut r, "master_link_status") == "down"
        });
        r.expect("GET kept", bulk("1"));
        p.call(end);
        wait_for_offset(&mut p, &mut r);
        assert_eq!(data_set(&mut p), data_set(&mut r));
    }
}
