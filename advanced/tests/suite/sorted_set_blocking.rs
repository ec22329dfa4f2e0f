//! Commands that wait for a sorted set: their replies, who is served, with what, and what others see.
//!
//! Reread: advanced/chapters/010b-blocking/README.md

use fastrand::Rng;

use crate::blocking_differential::{Commands, KEYS, compare, keys, pick};
use crate::blocking_room::Room;
use crate::harness::{Server, wait_until};
use crate::sorted_set_events::Listener;

/// A room with so many guests.
fn room(guests: usize) -> Room {
    Room::new(Server::start(), guests)
}

/// `text` with a line end for each space, as replies have it.
fn lines(text: &str) -> String {
    text.replace(' ', "\r\n") + "\r\n"
}

#[test]
fn what_is_there_is_taken_at_once() {
    let mut room = room(2);
    room.line(1, "HELLO 3");
    room.heard(1);
    for (guest, command, reply) in [
        (0, "ZADD z 1 a 2 b 3 c 4.5 d 5 e 6 f", ":6"),
        (0, "BZPOPMIN none z 0", "*3 $1 z $1 a $1 1"),
        (1, "BZPOPMIN none z 0", "*3 $1 z $1 b ,2"),
        (0, "BZPOPMAX z none 0", "*3 $1 z $1 f $1 6"),
        (1, "BZPOPMAX z none 0", "*3 $1 z $1 e ,5"),
        (0, "BZMPOP 0 2 none z min", "*2 $1 z *1 *2 $1 c $1 3"),
        (1, "BZMPOP 0 1 z MAX count 9", "*2 $1 z *1 *2 $1 d ,4.5"),
        (0, "EXISTS z", ":0"),
    ] {
        room.line(guest, command);
        room.expect(guest, &lines(reply));
    }
}

#[test]
fn arguments_are_checked_before_anybody_waits() {
    let mut room = room(1);
    room.line(0, "SET s x");
    room.heard(0);
    let float = "-ERR timeout is not a float or out of range\r\n";
    let negative = "-ERR timeout is negative\r\n";
    let syntax = "-ERR syntax error\r\n";
    let wrong_type = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
    let numkeys = "-ERR numkeys should be greater than 0\r\n";
    let count = "-ERR count should be greater than 0\r\n";
    let arity = "-ERR wrong number of arguments for 'bzpopmin' command\r\n";
    for (command, reply) in [
        ("BZPOPMIN s x", float),
        ("BZPOPMAX k -1", negative),
        ("BZPOPMIN k s 0", wrong_type),
        ("BZPOPMIN k", arity),
        ("BZMPOP x 0 k min", numkeys),
        ("BZMPOP x x k min", numkeys),
        ("BZMPOP x 9223372036854775807 k min", syntax),
        ("BZMPOP x 2 k min", syntax),
        ("BZMPOP x 1 k up", syntax),
        ("BZMPOP x 1 k min COUNT", syntax),
        ("BZMPOP x 1 k min COUNT 1 COUNT 1", syntax),
        ("BZMPOP x 1 k min COUNT 0", count),
        ("BZMPOP x 1 k min COUNT 1", float),
        ("BZMPOP -1 1 s min", negative),
        ("BZMPOP 0 1 s min", wrong_type),
    ] {
        room.line(0, command);
        let heard = room.heard(0);
        assert_eq!(String::from_utf8_lossy(&heard), reply, "{command}");
    }
}

#[test]
fn a_wait_that_is_late_ends_with_a_null_array() {
    let mut room = room(2);
    room.line(1, "HELLO 3");
    room.heard(1);
    for command in [
        "BZPOPMIN k j 0.01",
        "BZPOPMAX k 1e-3",
        "BZMPOP 0.01 1 k min",
    ] {
        for (guest, reply) in [(0, "*-1\r\n"), (1, "_\r\n")] {
            room.line(guest, command);
            wait_until("the wait is late", || {
                room.settle();
                !room.waits(guest)
            });
            room.expect(guest, reply);
        }
    }
}

#[test]
fn who_came_first_is_served_first() {
    let mut room = room(5);
    room.line(1, "BZPOPMIN a b 0");
    room.line(2, "BZPOPMAX b a 0");
    room.line(3, "BZMPOP 0 2 b c MIN COUNT 2");
    room.line(4, "BZPOPMIN c b 0");
    room.line(0, "ZADD b 5 v 1 r 2 s 4 u 3 t");
    for (guest, reply) in [
        (0, ":5"),
        (1, "*3 $1 b $1 r $1 1"),
        (2, "*3 $1 b $1 v $1 5"),
        (3, "*2 $1 b *2 *2 $1 s $1 2 *2 $1 t $1 3"),
        (4, "*3 $1 b $1 u $1 4"),
    ] {
        room.expect(guest, &lines(reply));
    }
    room.line(0, "EXISTS b");
    room.expect(0, ":0\r\n");
}

/// Those who wait for a list and those who wait for a sorted set stand in one queue.
#[test]
fn only_a_sorted_set_is_of_use() {
    let mut room = room(3);
    room.line(1, "BZPOPMIN k 0");
    room.line(2, "BLPOP k 0");
    for line in ["SET k x", "DEL k", "SADD k a", "DEL k"] {
        room.line(0, line);
        assert!(room.waits(1) && room.waits(2), "{line}");
    }
    room.line(0, "RPUSH k a");
    assert!(room.waits(1));
    room.expect(2, &lines("*2 $1 k $1 a"));
    room.line(0, "ZADD k 1 a");
    room.expect(1, &lines("*3 $1 k $1 a $1 1"));
}

#[test]
fn whatever_creates_a_sorted_set_serves() {
    let mut room = room(2);
    room.line(0, "ZADD z 1 a");
    room.line(0, "SADD s a");
    for way in [
        "ZADD k INCR 1 a",
        "ZINCRBY k 1 a",
        "ZRANGESTORE k z 0 -1",
        "ZUNIONSTORE k 1 z",
        "ZINTERSTORE k 2 z s WEIGHTS 1 0",
        "ZDIFFSTORE k 1 s",
        "COPY z k",
        "RENAME z k",
    ] {
        room.line(1, "BZPOPMAX k 0");
        room.line(0, way);
        room.expect(1, &lines("*3 $1 k $1 a $1 1"));
    }
}

#[test]
fn each_has_the_event_of_the_command_that_does_not_wait() {
    let server = Server::start();
    let mut l = Listener::new(&server, "EA");
    for (command, events) in [
        ("ZADD z 1 a 2 b 3 c 4 d", &["zadd z"][..]),
        ("BZPOPMIN z 0", &["zpopmin z"]),
        ("BZPOPMAX z 0", &["zpopmax z"]),
        ("BZMPOP 0 1 z MIN", &["zpopmin z"]),
        ("BZMPOP 0 1 z MAX COUNT 7", &["zpopmax z", "del z"]),
    ] {
        l.check(command, events);
    }
    let mut room = Room::new(server, 3);
    room.line(1, "BZPOPMIN z 0");
    room.line(2, "BZMPOP 0 1 z MAX COUNT 7");
    let served = ["zadd z", "zpopmin z", "zpopmax z", "del z"];
    l.check("ZADD z 1 a 2 b", &served);
}

/// A command that may wait.
fn waiting(rng: &mut Rng) -> Vec<String> {
    let keys = keys(rng);
    let timeout = pick(rng, &["0", "0", "0", "-0", "1e3", "1e9", "-1", "x", "1e30"]);
    let mut words = vec![pick(rng, &["BZPOPMIN", "BZPOPMAX", "BZMPOP", "BLPOP"])];
    if words[0] == "BZMPOP" {
        words.extend([timeout, ["1", "2", "3"][keys.len() - 1]]);
        words.extend(keys);
        words.push(pick(rng, &["min", "MAX"]));
        if rng.bool() {
            words.extend(["COUNT", pick(rng, &["1", "2", "3", "100", "0"])]);
        }
    } else {
        words.extend(keys);
        words.push(timeout);
    }
    words.into_iter().map(str::to_owned).collect()
}

/// A command that does not wait. Every member is another, so that it shows who has got which.
fn other(rng: &mut Rng, ids: &[String], number: &mut usize) -> Vec<String> {
    let (key, to) = (pick(rng, &KEYS), pick(rng, &KEYS));
    *number += 1;
    let member = format!("m{number}");
    let mut words: Vec<String> = Vec::new();
    let mut say = |line: &[&str]| words.extend(line.iter().map(|word| (*word).to_owned()));
    match rng.u8(..24) {
        0 => say(&["ZPOPMIN", key]),
        1 => say(&["ZMPOP", "2", key, to, "MAX", "COUNT", "2"]),
        2 => say(&["DEL", key, to]),
        3 => say(&["SET", key, "a string"]),
        4 => say(&["SADD", key, &member]),
        5 => say(&["RENAME", key, to]),
        6 => say(&["COPY", key, to, "REPLACE"]),
        7 => say(&["FLUSHALL"]),
        8 | 9 => {
            let id = rng.choice(ids).cloned().unwrap_or_default();
            say(&["CLIENT", "UNBLOCK", &id, pick(rng, &["TIMEOUT", "ERROR"])]);
        }
        10 => say(&["ZUNIONSTORE", to, "2", key, pick(rng, &KEYS)]),
        11 => say(&["ZRANGESTORE", to, key, "0", "1"]),
        12 => say(&["RPUSH", key, &member]),
        13 => say(&["ZINCRBY", key, "1.5", &member]),
        _ => {
            say(&["ZADD", key]);
            for part in 0..rng.usize(1..4) {
                let score = rng.u8(..9).to_string();
                say(&[&score, &format!("{member}-{part}")]);
            }
        }
    }
    words
}

#[test]
fn everybody_gets_what_redis_gives_and_so_does_the_aof() {
    compare(&Commands {
        waiting,
        other,
        read: &["ZRANGE", "0", "-1", "WITHSCORES"],
    });
}
