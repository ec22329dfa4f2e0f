//! Random commands on hashes to this server and to a real one: the replies must be the same, byte
//! for byte, in both protocols, and so must the data. Then the data goes from each to the other:
//! as an RDB file, as an AOF, by DUMP, and by replication in both roles.
//!
//! `SEED` repeats a run. Left out are the order of a table, and what depends on chance.
//!
//! Reread: advanced/chapters/006-object-model/GUIDE.md

use std::path::Path;

use fastrand::Rng;
use tempfile::TempDir;

use crate::harness::{Server, amount, is_other_server, wait_until};
use crate::session::{OK, Session, shown};

const COMMANDS: usize = 20_000;
pub const DEBUG: &[&str] = &["--enable-debug-command", "yes"];

const KEYS: [&str; 4] = ["h", "g", "sixteen bytes :)", "seventeen bytes:)"];
const FIELDS: [&str; 12] = [
    "a",
    "b",
    "c",
    "1",
    "-1",
    "12",
    "007",
    "127",
    "128",
    "-4097",
    "a longer field than the others",
    "",
];
const VALUES: [&str; 16] = [
    "",
    "0",
    "1",
    "-1",
    "4095",
    "4096",
    "32768",
    "8388608",
    "2147483648",
    "9223372036854775807",
    "-9223372036854775808",
    "3.5",
    "1e10",
    "abc",
    "a value of more than sixteen bytes",
    "inf",
];

/// Prints the seed, so that a failure can be repeated.
pub fn random() -> Rng {
    let seed = std::env::var("SEED").ok().and_then(|it| it.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    Rng::with_seed(seed)
}

pub fn pick(rng: &mut Rng, from: &[&str]) -> String {
    rng.choice(from)
        .map_or(String::new(), |it| (*it).to_owned())
}

fn value(rng: &mut Rng) -> String {
    match rng.u8(..40) {
        0 => "x".repeat(rng.usize(60..70)),
        1 => "x".repeat(rng.usize(4090..4100)),
        2 => rng.i64(..).to_string(),
        _ => pick(rng, &VALUES),
    }
}

fn command(rng: &mut Rng) -> Vec<String> {
    const NAMES: [&str; 20] = [
        "HSET",
        "HSET",
        "HSET",
        "HMSET",
        "HSETNX",
        "HGET",
        "HMGET",
        "HDEL",
        "HDEL",
        "HLEN",
        "HSTRLEN",
        "HEXISTS",
        "HINCRBY",
        "HINCRBYFLOAT",
        "DEL",
        "OBJECT",
        "TYPE",
        "GET",
        "SET",
        "HDEL",
    ];
    let name = pick(rng, &NAMES);
    let mut words = vec![name.clone()];
    if name == "OBJECT" {
        words.push("ENCODING".into());
    }
    // Mostly the first, so that it gets large.
    let key = if rng.u8(..3) > 0 {
        KEYS[0].to_owned()
    } else {
        pick(rng, &KEYS)
    };
    let is_rare = ["DEL", "SET"].contains(&&*name) && rng.u8(..4) > 0;
    words.push(if is_rare { KEYS[1].to_owned() } else { key });
    match &*name {
        "HSET" | "HMSET" | "HMGET" | "HDEL" => {
            for _ in 0..rng.usize(1..4) {
                words.push(pick(rng, &FIELDS));
                if name.ends_with("SET") {
                    words.push(value(rng));
                }
            }
        }
        "HSETNX" | "HINCRBY" | "HINCRBYFLOAT" => words.extend([pick(rng, &FIELDS), value(rng)]),
        "HGET" | "HSTRLEN" | "HEXISTS" => words.push(pick(rng, &FIELDS)),
        "SET" => words.push("text".into()),
        _ => {}
    }
    // Now and then one argument is missing, or there is one too many.
    match rng.u8(..100) {
        0 => drop(words.pop()),
        1 => words.push(pick(rng, &FIELDS)),
        _ => {}
    }
    words
}

pub fn digest(c: &mut Session) -> String {
    String::from_utf8_lossy(&c.call(&["DEBUG", "DIGEST"])).into_owned()
}

/// Hashes in every encoding, and some with a deadline.
fn fill(c: &mut Session, rng: &mut Rng) {
    for number in 0..60 {
        let key = format!("hash:{number}");
        let mut words = vec!["HSET".to_owned(), key.clone()];
        for _ in 0..rng.usize(1..30) {
            words.extend([rng.u32(..1000).to_string(), value(rng)]);
        }
        c.call(&words);
        if number % 5 == 0 {
            c.call(&["PEXPIREAT", &key, "33000000000000"]);
        }
    }
    for batch in 0..20 {
        let mut words = vec!["HSET".to_owned(), "large".to_owned()];
        for number in 0..100 {
            words.extend([format!("field:{}", batch * 100 + number), value(rng)]);
        }
        c.call(&words);
    }
    c.call(&["SET", "text", "value"]);
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
            c.expect("FLUSHALL", if protocol == "2" { OK } else { "+OK\r\n" });
            c.expect("CONFIG SET hash-max-listpack-entries 9", OK);
        }
        for number in 0..amount(COMMANDS) {
            let words = command(rng);
            let [left, right] = sessions.each_mut().map(|c| c.call(&words));
            assert_eq!(shown(&left), shown(&right), "command {number}: {words:?}");
            if number % 500 == 0 {
                let [left, right] = sessions.each_mut().map(digest);
                assert_eq!(left, right, "after command {number}: {words:?}");
            }
        }
        let [left, right] = sessions.each_mut().map(digest);
        assert_eq!(left, right);
    }
}

pub type Start = fn(&Path, &[&str]) -> Server;

pub fn redis_on(data: &Path, flags: &[&str]) -> Server {
    Server::start_redis_on(data, flags).expect("Redis is installed")
}

/// Both ways, if Redis is there and the server under test is ours.
pub fn both_ways(test: impl Fn(Start, Start)) {
    if is_other_server() || Server::start_redis().is_none() {
        return;
    }
    test(Server::start_on, redis_on);
    test(redis_on, Server::start_on);
}

#[test]
fn an_rdb_file_and_an_aof_are_read_by_the_other() {
    const NO_PREAMBLE: &[&str] = &["--appendonly", "yes", "--aof-use-rdb-preamble", "no"];
    both_ways(|from, to| {
        for (flags, save) in [
            (&[][..], &["SAVE"][..]),
            (&["--appendonly", "yes"], &["BGREWRITEAOF"]),
            (NO_PREAMBLE, &["BGREWRITEAOF"]),
            (NO_PREAMBLE, &[]),
        ] {
            let data = TempDir::new().expect("a folder");
            let rng = &mut random();
            let flags = [DEBUG, flags].concat();
            let server = from(data.path(), &flags);
            let mut c = Session::connect(server.addr());
            fill(&mut c, rng);
            if !save.is_empty() {
                c.call(save);
                wait_until("the file is written", || {
                    let info = c.call(&["INFO", "persistence"]);
                    let info = String::from_utf8_lossy(&info).into_owned();
                    ["aof_rewrite_in_progress:0", "aof_rewrite_scheduled:0"]
                        .iter()
                        .all(|it| info.contains(it))
                });
            }
            // With `everysec` Redis may reply before it writes, and then it is killed.
            c.expect("CONFIG SET appendfsync always", OK);
            c.expect("HINCRBYFLOAT large field:0x 0.1", "$3\r\n0.1\r\n");
            let c_save = if flags.len() == DEBUG.len() {
                c.call(&["SAVE"])
            } else {
                Vec::new()
            };
            assert!(c_save.is_empty() || c_save == OK.as_bytes());
            let expected = digest(&mut c);
            drop(c);
            server.kill();
            let server = to(data.path(), &flags);
            let mut c = Session::connect(server.addr());
            wait_until("it has loaded", || c.call(&["PING"]) == b"+PONG\r\n");
            assert_eq!(digest(&mut c), expected, "{flags:?}");
            c.expect("OBJECT ENCODING large", "$9\r\nhashtable\r\n");
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
            let reply = sessions[0].call(&[b"DUMP", &key[..]]);
            let start = reply
                .iter()
                .position(|it| *it == b'\n')
                .map_or(0, |it| it + 1);
            let payload = &reply[start..reply.len() - 2];
            let restored = sessions[1].call(&[b"RESTORE", &key[..], b"0", payload]);
            assert_eq!(shown(&restored), shown(OK.as_bytes()));
            let [left, right] = sessions
                .each_mut()
                .map(|c| c.call(&[b"HGETALL", &key[..]]).len());
            assert_eq!(left, right);
            sessions[0].call(&[b"PERSIST", &key[..]]);
        }
        let [left, right] = sessions.each_mut().map(digest);
        assert_eq!(left, right);
    });
}

#[test]
fn hashes_are_replicated_in_both_roles() {
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
        }
        wait_until("the replica has the same data", || {
            digest(&mut r) == digest(&mut c)
        });
    });
}
