//! Random commands of several clients that wait for lists, to this server and to a real one. Every
//! client must get the same replies, byte for byte and in both protocols, and the AOF must have the same
//! commands in the same order.
//!
//! `SEED` repeats a run.
//!
//! Reread: advanced/chapters/010b-blocking/README.md

use std::fs;
use std::path::Path;

use fastrand::Rng;
use tempfile::TempDir;

use crate::blocking_room::Room;
use crate::harness::{Server, amount};
use crate::session::{encode, shown};

const STEPS: usize = 1_500;
const GUESTS: usize = 7;
pub const KEYS: [&str; 5] = ["a", "b", "c", "d", "a longer key, of more than 16 bytes"];
const SIDES: [&str; 2] = ["left", "right"];
const FLAGS: &[&str] = &["--appendonly", "yes", "--appendfsync", "always"];

pub fn pick<'a>(rng: &mut Rng, from: &[&'a str]) -> &'a str {
    rng.choice(from).copied().unwrap_or_default()
}

pub fn keys(rng: &mut Rng) -> Vec<&'static str> {
    (0..rng.usize(1..4)).map(|_| pick(rng, &KEYS)).collect()
}

/// The random commands of guests, for one type of value.
pub struct Commands {
    /// One that may wait.
    pub waiting: fn(&mut Rng) -> Vec<String>,
    /// One that does not wait. It gets the ids of all guests, and a number that it counts up.
    pub other: fn(&mut Rng, &[String], &mut usize) -> Vec<String>,
    /// What reads a whole value, without the key.
    pub read: &'static [&'static str],
}

const ON_LISTS: Commands = Commands {
    waiting,
    other,
    read: &["LRANGE", "0", "-1"],
};

/// A command that may wait.
fn waiting(rng: &mut Rng) -> Vec<String> {
    let keys = keys(rng);
    let timeout = pick(rng, &["0", "0", "0", "-0", "1e3", "1e9", "-1", "x", "1e30"]);
    let mut words = match rng.u8(..6) {
        0 => vec!["BLPOP"],
        1 => vec!["BRPOP"],
        2 => {
            let (to, from) = (pick(rng, &KEYS), pick(rng, &["left", "RIGHT"]));
            let into = pick(rng, &["left", "Right", "right", "up"]);
            vec!["BLMOVE", keys[0], to, from, into, timeout]
        }
        3 => vec!["BRPOPLPUSH", keys[0], pick(rng, &KEYS), timeout],
        _ => {
            let count = ["1", "2", "3"][keys.len() - 1];
            let side = pick(rng, &SIDES);
            let mut words = [&["BLMPOP", timeout, count], &keys[..], &[side]].concat();
            if rng.bool() {
                words.extend(["COUNT", pick(rng, &["1", "2", "3", "100", "0"])]);
            }
            words
        }
    };
    if words.len() == 1 {
        words.extend(keys);
        words.push(timeout);
    }
    words.into_iter().map(str::to_owned).collect()
}

/// A command that does not wait. Every element is another, so that it shows who has got which.
fn other(rng: &mut Rng, ids: &[String], number: &mut usize) -> Vec<String> {
    let (key, to) = (pick(rng, &KEYS), pick(rng, &KEYS));
    let mut words: Vec<String> = Vec::new();
    let mut say = |line: &[&str]| words.extend(line.iter().map(|word| (*word).to_owned()));
    match rng.u8(..24) {
        0 => say(&["LPOP", key]),
        1 => say(&["LMOVE", key, to, pick(rng, &SIDES), pick(rng, &SIDES)]),
        2 => say(&["DEL", key, to]),
        3 => say(&["SET", key, "a string"]),
        4 => say(&["HSET", key, "field", "value"]),
        5 => say(&["RENAME", key, to]),
        6 => say(&["COPY", key, to, "REPLACE"]),
        7 => say(&["FLUSHALL"]),
        8 | 9 => {
            let id = rng.choice(ids).cloned().unwrap_or_default();
            say(&["CLIENT", "UNBLOCK", &id, pick(rng, &["TIMEOUT", "ERROR"])]);
        }
        10 => say(&["RPOPLPUSH", key, to]),
        11 => say(&["LRANGE", key, "0", "-1"]),
        _ => {
            say(&[pick(rng, &["LPUSH", "RPUSH"]), key]);
            for _ in 0..rng.usize(1..4) {
                *number += 1;
                say(&[&format!("e{number}")]);
            }
        }
    }
    words
}

/// What happened on one server: what each guest has received, the data, and the AOF.
struct Told {
    heard: Vec<Vec<u8>>,
    data: Vec<Vec<u8>>,
    log: Vec<u8>,
}

fn play(commands: &Commands, server: Server, data: &Path, seed: u64) -> Told {
    let (rng, mut number) = (&mut Rng::with_seed(seed), 0);
    let mut room = Room::new(server, GUESTS);
    let ids: Vec<String> = (0..GUESTS).map(|it| room.id(it).to_owned()).collect();
    for guest in (0..GUESTS).step_by(2) {
        room.line(guest, "HELLO 3");
        room.heard(guest);
    }
    for _ in 0..amount(STEPS) {
        // The first never waits, or nobody might be left.
        let guest = rng.usize(..GUESTS);
        let guest = if room.waits(guest) { 0 } else { guest };
        let count = rng.usize(1..4);
        let said = (0..count).map(|_| match guest > 0 && rng.u8(..5) < 3 {
            true => (commands.waiting)(rng),
            false => (commands.other)(rng, &ids, &mut number),
        });
        let said: Vec<Vec<String>> = said.collect();
        room.say(guest, &said);
    }
    for (guest, id) in ids.iter().enumerate() {
        while room.waits(guest) {
            let unblock = format!("CLIENT UNBLOCK {id} ERROR");
            room.line(0, &unblock);
        }
    }
    let keys = KEYS.iter().map(|key| {
        let ask = encode(&[&commands.read[..1], &[*key], &commands.read[1..]].concat());
        room.observer.send(ask).reply()
    });
    let left = keys.collect();
    let heard = (0..GUESTS).map(|guest| room.heard(guest)).collect();
    let log = fs::read(data.join("appendonlydir/appendonly.aof.1.incr.aof"));
    Told {
        heard,
        data: left,
        log: log.expect("an AOF"),
    }
}

/// The AOF of Redis names its database.
fn comparable(log: &[u8]) -> Vec<u8> {
    let select = encode(&["SELECT", "0"]);
    String::from_utf8_lossy(log)
        .replace(&*String::from_utf8_lossy(&select), "")
        .into_bytes()
}

#[track_caller]
fn same(what: &str, ours: &[u8], theirs: &[u8]) {
    if ours != theirs {
        let at = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
        let from = at.saturating_sub(200);
        let (ours, theirs) = (shown(&ours[from..]), shown(&theirs[from..]));
        panic!("{what} differs at byte {at}\n  ours   {ours}\n  Redis  {theirs}");
    }
}

#[test]
fn everybody_gets_what_redis_gives_and_so_does_the_aof() {
    compare(&ON_LISTS);
}

/// Lets guests of both servers say the same, and compares what comes of it.
pub fn compare(commands: &Commands) {
    let folders = [TempDir::new(), TempDir::new()].map(|it| it.expect("a folder"));
    let [ours, theirs] = [folders[0].path(), folders[1].path()];
    let Some(redis) = Server::start_redis_on(theirs, FLAGS) else {
        return;
    };
    let seed = std::env::var("SEED").ok().and_then(|it| it.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    let theirs = play(commands, redis, theirs, seed);
    let ours = play(commands, Server::start_on(ours, FLAGS), ours, seed);
    for guest in 0..GUESTS {
        let what = format!("what guest {guest} has received");
        same(&what, &ours.heard[guest], &theirs.heard[guest]);
    }
    assert!(ours.data == theirs.data, "the data differ");
    same("the AOF", &comparable(&ours.log), &comparable(&theirs.log));
}
