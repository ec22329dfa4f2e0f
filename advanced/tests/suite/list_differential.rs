//! Random commands on lists to this server and to a real one: the replies must be the same, byte
//! for byte, in both protocols; so must the data, the notifications, and how the elements are
//! divided among nodes, which DUMP shows. Then the data goes from each to the other: as an RDB
//! file, as an AOF, by DUMP, and by replication in both roles.
//!
//! `SEED` repeats a run.
//!
//! Reread: advanced/README.md#the-advanced-track

use fastrand::Rng;
use tempfile::TempDir;

use crate::harness::{Server, amount, wait_until};
use crate::hash_differential::{DEBUG, both_ways, digest, pick, random};
use crate::session::{OK, Session, shown};

const COMMANDS: usize = 12_000;

const KEYS: [&str; 4] = ["l", "m", "sixteen bytes :)", "seventeen bytes:)"];
const ELEMENTS: [&str; 14] = [
    "a",
    "b",
    "c",
    "",
    "0",
    "-1",
    "127",
    "128",
    "-4097",
    "007",
    "32768",
    "2147483648",
    "-9223372036854775808",
    "an element of more than sixteen bytes",
];

/// How large a node may be, how many at the ends are not compressed, and from which size on an
/// element has a node of its own.
const SHAPES: [[&str; 3]; 6] = [
    ["-2", "0", "1gb"],
    ["4", "0", "1gb"],
    ["1", "1", "1gb"],
    ["7", "2", "20"],
    ["-1", "1", "1000"],
    ["0", "0", "5"],
];

fn element(rng: &mut Rng) -> String {
    match rng.u8(..40) {
        0 => "x".repeat(rng.usize(60..70)),
        1 => "y".repeat(rng.usize(4090..4100)),
        2 => "z".repeat(rng.usize(8180..8200)),
        3 => rng.i64(..).to_string(),
        _ => pick(rng, &ELEMENTS),
    }
}

fn index(rng: &mut Rng) -> String {
    match rng.u8(..20) {
        0 => "x".into(),
        1 => rng.i64(..).to_string(),
        _ => rng.i64(-60..60).to_string(),
    }
}

fn command(rng: &mut Rng) -> Vec<String> {
    const NAMES: [&str; 28] = [
        "LPUSH",
        "LPUSH",
        "LPUSH",
        "RPUSH",
        "RPUSH",
        "RPUSH",
        "LPUSHX",
        "RPUSHX",
        "LPOP",
        "RPOP",
        "LINSERT",
        "LINSERT",
        "LINSERT",
        "LINSERT",
        "LSET",
        "LSET",
        "LREM",
        "LTRIM",
        "LPOS",
        "LINDEX",
        "LRANGE",
        "LLEN",
        "LMOVE",
        "RPOPLPUSH",
        "LMPOP",
        "OBJECT",
        "SET",
        "DEL",
    ];
    let name = pick(rng, &NAMES);
    let side = |rng: &mut Rng| pick(rng, &["LEFT", "right", "LEFT", "RIGHT", "up"]);
    // Mostly the first, so that it gets long.
    let key = |rng: &mut Rng| match rng.u8(..3) {
        0 => pick(rng, &KEYS),
        _ => KEYS[0].to_owned(),
    };
    let mut words = vec![name.clone()];
    match &*name {
        "OBJECT" => words.push("ENCODING".into()),
        "LMPOP" => words.push(pick(rng, &["1", "2", "0", "x"])),
        _ => {}
    }
    let is_rare = ["DEL", "SET", "LTRIM"].contains(&&*name) && rng.u8(..8) > 0;
    words.push(if is_rare {
        KEYS[1].to_owned()
    } else {
        key(rng)
    });
    match &*name {
        "LPUSH" | "RPUSH" | "LPUSHX" | "RPUSHX" => {
            (0..rng.usize(1..8)).for_each(|_| words.push(element(rng)));
        }
        "LPOP" | "RPOP" if rng.bool() => words.push(rng.i64(-1..6).to_string()),
        "LINSERT" => words.extend([
            pick(rng, &["before", "AFTER", "AFTER", "BEFORE", "at"]),
            pick(rng, &ELEMENTS),
            element(rng),
        ]),
        "LSET" => words.extend([index(rng), element(rng)]),
        "LREM" => words.extend([rng.i64(-2..3).to_string(), pick(rng, &ELEMENTS)]),
        "LTRIM" | "LRANGE" => words.extend([index(rng), index(rng)]),
        "LINDEX" => words.push(index(rng)),
        "LMOVE" => words.extend([key(rng), side(rng), side(rng)]),
        "RPOPLPUSH" => words.push(key(rng)),
        "LMPOP" => {
            if words[1] == "2" {
                words.push(key(rng));
            }
            words.push(side(rng));
            if rng.bool() {
                words.extend(["COUNT".into(), rng.i64(-1..5).to_string()]);
            }
        }
        "LPOS" => {
            words.push(pick(rng, &ELEMENTS));
            for option in ["RANK", "COUNT", "MAXLEN"] {
                if rng.bool() {
                    words.extend([option.into(), rng.i64(-2..5).to_string()]);
                }
            }
        }
        "SET" => words.push("text".into()),
        _ => {}
    }
    // Now and then one argument is missing, or there is one too many.
    match rng.u8(..100) {
        0 => drop(words.pop()),
        1 => words.push(pick(rng, &ELEMENTS)),
        _ => {}
    }
    words
}

/// Lists in nodes of all kinds, and some with a deadline.
fn fill(c: &mut Session, rng: &mut Rng) {
    for (number, [fill, depth, threshold]) in SHAPES.into_iter().enumerate() {
        c.expect(&format!("CONFIG SET list-max-listpack-size {fill}"), OK);
        c.expect(&format!("CONFIG SET list-compress-depth {depth}"), OK);
        c.expect(&format!("DEBUG QUICKLIST-PACKED-THRESHOLD {threshold}"), OK);
        for key in 0..8 {
            let key = format!("list:{number}:{key}");
            let mut words = vec!["RPUSH".to_owned(), key.clone()];
            words.extend((0..rng.usize(1..60)).map(|_| element(rng)));
            c.call(&words);
            if rng.bool() {
                c.call(&["PEXPIREAT", &key, "33000000000000"]);
            }
        }
    }
    for batch in 0..30 {
        let mut words = vec!["LPUSH".to_owned(), "long".to_owned()];
        for number in 0..100 {
            words.extend([format!("element:{}", batch * 100 + number), element(rng)]);
        }
        c.call(&words);
    }
    c.call(&["SET", "text", "value"]);
}

/// What was published, up to what says that this is all.
fn events(subscriber: &mut Session, c: &mut Session, end: &str) -> Vec<String> {
    c.call(&["PUBLISH", "__keyspace@0__:end", end]);
    let mut events = Vec::new();
    loop {
        let event = shown(&subscriber.reply());
        if event.contains(end) {
            return events;
        }
        events.push(event);
    }
}

/// What DEBUG OBJECT says of the nodes of a list.
fn nodes(c: &mut Session, key: &str) -> String {
    let object = String::from_utf8_lossy(&c.call(&["DEBUG", "OBJECT", key])).into_owned();
    object
        .split_once(" ql_")
        .map_or(String::new(), |(_, nodes)| nodes.to_owned())
}

#[test]
fn random_commands_have_the_replies_of_redis() {
    let Some(redis) = Server::start_redis_with(DEBUG) else {
        return;
    };
    let servers = [Server::start_with(DEBUG), redis];
    let rng = &mut random();
    for (round, [fill, depth, threshold]) in SHAPES.into_iter().enumerate() {
        let protocol = if round % 2 == 0 { "2" } else { "3" };
        let mut sessions = servers
            .each_ref()
            .map(|server| Session::connect(server.addr()));
        let mut subscribers = servers
            .each_ref()
            .map(|server| Session::connect(server.addr()));
        for (c, subscriber) in sessions.iter_mut().zip(&mut subscribers) {
            c.call(&["HELLO", protocol]);
            c.call(&["FLUSHALL"]);
            c.expect("CONFIG SET notify-keyspace-events KAn", OK);
            c.expect(&format!("CONFIG SET list-max-listpack-size {fill}"), OK);
            c.expect(&format!("CONFIG SET list-compress-depth {depth}"), OK);
            c.expect(&format!("DEBUG QUICKLIST-PACKED-THRESHOLD {threshold}"), OK);
            c.expect("CONFIG SET rdbcompression no", OK);
            subscriber.call(&["PSUBSCRIBE", "__key*"]);
        }
        for number in 0..amount(COMMANDS) / SHAPES.len() {
            let words = command(rng);
            let [left, right] = sessions.each_mut().map(|c| c.call(&words));
            assert_eq!(shown(&left), shown(&right), "command {number}: {words:?}");
            if number % 100 == 0 {
                let told = format!("after command {number} of round {round}: {words:?}");
                let [left, right] = sessions.each_mut().map(digest);
                assert_eq!(left, right, "{told}");
                for key in KEYS {
                    let [left, right] = sessions.each_mut().map(|c| nodes(c, key));
                    assert_eq!(left, right, "the nodes of {key} {told}");
                    // What is compressed by two programs is not the same.
                    let [left, right] = sessions.each_mut().map(|c| c.call(&["DUMP", key]));
                    assert!(depth != "0" || left == right, "{key} {told}");
                }
                let mut pairs = sessions.iter_mut().zip(&mut subscribers);
                let mut events = || {
                    pairs
                        .next()
                        .map(|(c, it)| events(it, c, &number.to_string()))
                };
                assert_eq!(events(), events(), "{told}");
            }
        }
    }
}

#[test]
fn an_rdb_file_and_an_aof_are_read_by_the_other() {
    const NO_PREAMBLE: &[&str] = &["--appendonly", "yes", "--aof-use-rdb-preamble", "no"];
    both_ways(|from, to| {
        for (flags, save) in [
            (&[][..], "SAVE"),
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
                c.call(&["LMPOP", "2", "none", "long", "LEFT", "COUNT", "3"]);
                c.call(&["LMOVE", "long", "new", "LEFT", "RIGHT"]);
            }
            let expected = digest(&mut c);
            drop(c);
            server.kill();
            let server = to(data.path(), &flags);
            let mut c = Session::connect(server.addr());
            wait_until("it has loaded", || c.call(&["PING"]) == b"+PONG\r\n");
            assert_eq!(digest(&mut c), expected, "{flags:?}");
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
            sessions[0].call(&[b"PERSIST", &key[..]]);
        }
        let [left, right] = sessions.each_mut().map(digest);
        assert_eq!(left, right);
    });
}

#[test]
fn lists_are_replicated_in_both_roles() {
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
        (0..amount(2000)).for_each(|_| drop(c.call(&command(rng))));
        wait_until("the replica has the same data", || {
            digest(&mut r) == digest(&mut c)
        });
    });
}
