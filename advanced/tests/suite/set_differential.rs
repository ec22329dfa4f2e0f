//! Random commands on sets to this server and to a real one: the replies must be the same in both
//! protocols, and so must the data. Then the data goes from each to the other: as an RDB file, as
//! an AOF, by DUMP, and by replication in both roles.
//!
//! `SEED` repeats a run. The order of a table is its own, so the strings of a reply are compared
//! in order. What depends on chance is sent to a primary only, where its replica must follow.
//!
//! Reread: advanced/chapters/010c-sets/GUIDE.md

use fastrand::Rng;
use tempfile::TempDir;

use crate::harness::{Server, amount, wait_until};
use crate::hash_differential::{DEBUG, both_ways, digest, pick, random};
use crate::session::{OK, Session, shown, strings};

const COMMANDS: usize = 20_000;

const KEYS: [&str; 5] = ["s", "t", "u", "sixteen bytes :)", "seventeen bytes:)"];
const NUMBERS: [&str; 12] = [
    "0",
    "-1",
    "7",
    "32767",
    "-32768",
    "32768",
    "2147483647",
    "-2147483648",
    "2147483648",
    "9223372036854775807",
    "-9223372036854775808",
    "100",
];
const TEXTS: [&str; 6] = [
    "",
    "a",
    "007",
    "9223372036854775808",
    "1.5",
    "a member of more than sixteen bytes",
];

/// Mostly numbers, so that there are intsets.
fn member(rng: &mut Rng) -> String {
    match rng.u8(..200) {
        0..2 => pick(rng, &TEXTS),
        2..60 => pick(rng, &NUMBERS),
        _ => rng.i32(-20..20).to_string(),
    }
}

/// A command whose reply does not depend on chance.
fn command(rng: &mut Rng) -> Vec<String> {
    const NAMES: [&str; 22] = [
        "SADD",
        "SADD",
        "SADD",
        "SADD",
        "SREM",
        "SREM",
        "SMOVE",
        "SISMEMBER",
        "SMISMEMBER",
        "SCARD",
        "SMEMBERS",
        "SINTER",
        "SUNION",
        "SDIFF",
        "SINTERSTORE",
        "SUNIONSTORE",
        "SDIFFSTORE",
        "SINTERCARD",
        "DEL",
        "OBJECT",
        "SPOP",
        "SET",
    ];
    let name = pick(rng, &NAMES);
    let mut words = vec![name.clone()];
    if name == "OBJECT" {
        words.push("ENCODING".into());
    }
    let keys = match &*name {
        "SET" if rng.u8(..8) > 0 => return vec!["SCARD".into(), KEYS[0].into()],
        "SINTERCARD" => {
            let count = rng.usize(1..4);
            words.push(count.to_string());
            count
        }
        "SMOVE" => 2,
        it if ["SINTER", "SUNION", "SDIFF"]
            .iter()
            .any(|start| it.starts_with(start)) =>
        {
            rng.usize(2..5)
        }
        _ => 1,
    };
    words.extend((0..keys).map(|_| pick(rng, &KEYS)));
    match &*name {
        "SADD" | "SREM" | "SMISMEMBER" => {
            words.extend((0..rng.usize(1..5)).map(|_| member(rng)));
        }
        "SMOVE" | "SISMEMBER" => words.push(member(rng)),
        "SINTERCARD" if rng.bool() => {
            words.extend(["LIMIT".into(), rng.u8(..4).to_string()]);
        }
        // All members, or none.
        "SPOP" => words.push(if rng.bool() { "1000" } else { "0" }.into()),
        "SET" => words.push("text".into()),
        _ => {}
    }
    // Now and then one argument is missing, or there is one too many.
    match rng.u8(..100) {
        0 if name != "SPOP" => drop(words.pop()),
        1 => words.push(member(rng)),
        _ => {}
    }
    words
}

/// A reply as it is, except that its strings are in order.
fn in_order(reply: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut strings = strings(reply);
    strings.sort();
    let header = match strings.is_empty() {
        true => reply,
        false => reply
            .split(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default(),
    };
    (header.to_vec(), strings)
}

/// SADD of these members.
fn added(key: &str, members: impl Iterator<Item = String>) -> Vec<String> {
    let command = ["SADD", key].map(str::to_owned);
    command.into_iter().chain(members).collect()
}

/// Sets in both encodings, and some with a deadline.
fn fill(c: &mut Session, rng: &mut Rng) {
    for number in 0..60 {
        let key = format!("set:{number}");
        let members = (0..rng.usize(1..30)).map(|_| member(rng));
        c.call(&added(&key, members));
        if number % 5 == 0 {
            c.call(&["PEXPIREAT", &key, "33000000000000"]);
        }
    }
    for batch in 0..20 {
        let numbers = batch * 100..(batch + 1) * 100;
        let members = numbers.clone().map(|number| format!("member:{number}"));
        c.call(&added("large", members));
        c.call(&added("numbers", numbers.map(|it| (it * it).to_string())));
    }
    let ints = (0..500).map(|number| (number << 30).to_string());
    c.call(&added("ints", ints));
}

#[test]
fn random_commands_have_the_replies_of_redis() {
    let Some(redis) = Server::start_redis_with(DEBUG) else {
        return;
    };
    let ours = Server::start_with(DEBUG);
    let rng = &mut random();
    for protocol in ["2", "3"] {
        let mut sessions = [&ours, &redis].map(|server| Session::connect(server.addr()));
        for c in &mut sessions {
            c.call(&["HELLO", protocol]);
            c.expect("FLUSHALL", OK);
            c.expect("CONFIG SET set-max-intset-entries 9", OK);
        }
        for number in 0..amount(COMMANDS) {
            let words = command(rng);
            let [left, right] = sessions.each_mut().map(|c| c.call(&words));
            let is_same = in_order(&left) == in_order(&right);
            let [left, right] = [left, right].map(|it| shown(&it));
            assert!(is_same, "command {number}: {words:?}\n{left}\n{right}");
            if number % 500 == 0 {
                let [left, right] = sessions.each_mut().map(digest);
                assert_eq!(left, right, "after command {number}: {words:?}");
            }
        }
        let [left, right] = sessions.each_mut().map(digest);
        assert_eq!(left, right);
    }
}

#[test]
fn an_rdb_file_and_an_aof_are_read_by_the_other() {
    const NO_PREAMBLE: &[&str] = &["--appendonly", "yes", "--aof-use-rdb-preamble", "no"];
    both_ways(|from, to| {
        for (flags, save) in [
            (&[][..], "SAVE"),
            (&["--appendonly", "yes"], "BGREWRITEAOF"),
            (NO_PREAMBLE, "BGREWRITEAOF"),
            (NO_PREAMBLE, "PING"),
        ] {
            let data = TempDir::new().expect("a folder");
            let flags = [DEBUG, flags].concat();
            let server = from(data.path(), &flags);
            let mut c = Session::connect(server.addr());
            fill(&mut c, &mut random());
            c.call(&[save]);
            wait_until("the file is written", || {
                let info = c.call(&["INFO", "persistence"]);
                let info = String::from_utf8_lossy(&info).into_owned();
                ["aof_rewrite_in_progress:0", "aof_rewrite_scheduled:0"]
                    .iter()
                    .all(|it| info.contains(it))
            });
            if save != "SAVE" {
                // With `everysec` Redis may reply before it writes, and then it is killed.
                c.expect("CONFIG SET appendfsync always", OK);
                // These have to be logged as what was removed.
                c.call(&["SPOP", "large", "700"]);
                c.call(&["SPOP", "numbers", "1990"]);
                c.call(&["SPOP", "ints"]);
                c.call(&["SPOP", "set:0", "1000"]);
            }
            let expected = digest(&mut c);
            drop(c);
            server.kill();
            let server = to(data.path(), &flags);
            let mut c = Session::connect(server.addr());
            wait_until("it has loaded", || c.call(&["PING"]) == b"+PONG\r\n");
            assert_eq!(digest(&mut c), expected, "{flags:?}");
            c.expect("OBJECT ENCODING large", "$9\r\nhashtable\r\n");
            c.expect("OBJECT ENCODING ints", "$6\r\nintset\r\n");
        }
    });
}

#[test]
fn a_payload_of_one_is_restored_by_the_other() {
    both_ways(|from, to| {
        let folders = [(); 2].map(|()| TempDir::new().expect("a folder"));
        let servers = [from(folders[0].path(), DEBUG), to(folders[1].path(), DEBUG)];
        let mut sessions = servers.each_ref().map(|it| Session::connect(it.addr()));
        fill(&mut sessions[0], &mut random());
        for key in sessions[0].strings(&["KEYS", "*"]) {
            sessions[0].call(&[b"PERSIST", &key[..]]);
            let payload = sessions[0].strings(&[b"DUMP", &key[..]]).remove(0);
            let restored = sessions[1].call(&[b"RESTORE", &key[..], b"0", &payload]);
            assert_eq!(shown(&restored), shown(OK.as_bytes()));
            let [left, right] = sessions
                .each_mut()
                .map(|c| c.call(&[b"OBJECT", &b"ENCODING"[..], &key[..]]));
            assert_eq!(left, right);
        }
        let [left, right] = sessions.each_mut().map(digest);
        assert_eq!(left, right);
    });
}

#[test]
fn sets_are_replicated_in_both_roles() {
    both_ways(|primary, replica| {
        let folders = [(); 2].map(|()| TempDir::new().expect("a folder"));
        let primary = primary(folders[0].path(), DEBUG);
        let mut c = Session::connect(primary.addr());
        let rng = &mut random();
        fill(&mut c, rng);
        let replica = replica(folders[1].path(), DEBUG);
        let mut r = Session::connect(replica.addr());
        let port = primary.addr().port().to_string();
        r.expect_args(&["REPLICAOF", "127.0.0.1", &port], OK);
        for _ in 0..amount(2000) {
            c.call(&command(rng));
            if rng.u8(..10) == 0 {
                let key = pick(rng, &["large", "numbers", "ints", "s", "t"]);
                c.call(&["SPOP", &key, &rng.u8(..20).to_string()]);
                c.call(&["SPOP", &key]);
            }
        }
        wait_until("the replica has the same data", || {
            digest(&mut r) == digest(&mut c)
        });
    });
}
