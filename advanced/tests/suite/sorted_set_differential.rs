//! Random commands on sorted sets to this server and to a real one: the replies must be the same,
//! byte for byte, in both protocols, and so must the data. Then the data goes from each to the other:
//! as an RDB file, as an AOF, by DUMP, and by replication in both roles.
//!
//! `SEED` repeats a run. Left out are the order of a table, and what depends on chance.
//!
//! Reread: advanced/README.md#the-advanced-track

use std::path::Path;

use fastrand::Rng;
use tempfile::TempDir;

use crate::harness::{Server, amount, is_other_server, wait_until};
use crate::session::{OK, Session, shown};

const COMMANDS: usize = 20_000;
const DEBUG: &[&str] = &["--enable-debug-command", "yes"];

/// Most commands are for the first, so that it gets large. `ints` and `words`
/// are sets. In `lex`, all scores are equal.
const KEYS: &str = "z z z z y x text to big ints words";
const NAMES: &str = "ZADD ZADD ZADD ZADD ZADD ZADD ZINCRBY ZINCRBY ZREM ZREM ZCARD ZCOUNT ZSCORE \
    ZMSCORE ZRANK ZREVRANK ZRANGE ZRANGE ZRANGE ZRANGESTORE ZREVRANGE ZRANGEBYSCORE ZREVRANGEBYSCORE \
    ZREMRANGEBYRANK ZREMRANGEBYSCORE ZPOPMIN ZPOPMAX ZMPOP ZUNION ZINTER ZDIFF ZUNIONSTORE \
    ZINTERSTORE ZDIFFSTORE ZINTERCARD SADD SADD DEL OBJECT LEX LEX LEX LEX BIG";
const MEMBERS: &str = "a b c d e f foo bar 1 -1 12 007 128 -4097 a-member-that-is-longer";
const SCORES: &str = "0 1 2 3 4 5 -1 1.5 0.1 -0 inf -inf +inf 1e10 1e300 12345678901234567 3.0e3 \
    0x10 1e-5 -2.5e-7 1e17 9007199254740993";
const NO_SCORES: &str = "nan abc 1e999 1x (1";
const RANKS: &str = "0 1 2 3 5 10 100 -1 -2 -3 -5 -100 x 9223372036854775807 -9223372036854775808";
const LEX_ENDS: &str = "- + [a (a [c (c [f (f [ ( [foo (zz a +x";

/// Prints the seed, so that a failure can be repeated.
fn random() -> Rng {
    let seed = std::env::var("SEED").ok().and_then(|it| it.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    Rng::with_seed(seed)
}

fn pick(rng: &mut Rng, words: &str) -> String {
    let words: Vec<&str> = words.split_whitespace().collect();
    words[rng.usize(..words.len())].to_owned()
}

fn member(rng: &mut Rng) -> String {
    match rng.u8(..30) {
        0 => "x".repeat(rng.usize(60..70)),
        1 => String::new(),
        2..12 => format!("m{}", rng.u8(..40)),
        _ => pick(rng, MEMBERS),
    }
}

fn score(rng: &mut Rng) -> String {
    match rng.u8(..40) {
        0 => pick(rng, NO_SCORES),
        1..10 => (rng.f64() * 20.0 - 10.0).to_string(),
        _ => pick(rng, SCORES),
    }
}

/// A score that is one, and is the same in both encodings: in a listpack, minus 0 is 0.
fn kept_score(rng: &mut Rng) -> String {
    loop {
        match score(rng) {
            zero if zero == "-0" => return "0".into(),
            none if NO_SCORES.split(' ').any(|it| it == none) => {}
            score => return score,
        }
    }
}

fn score_end(rng: &mut Rng) -> String {
    let open = if rng.u8(..3) == 0 { "(" } else { "" };
    open.to_owned() + &score(rng)
}

/// A command, and its arguments.
fn command(rng: &mut Rng) -> Vec<String> {
    let name = pick(rng, NAMES);
    let mut words = vec![name.clone(), pick(rng, KEYS)];
    let chance = |rng: &mut Rng, of: u8| rng.u8(..of) == 0;
    match &*name {
        "ZADD" => {
            let options = ["NX", "XX", "GT", "LT", "CH", "INCR"];
            words.extend((options.iter().filter(|_| chance(rng, 8))).map(|it| (*it).to_owned()));
            for _ in 0..rng.usize(1..4) {
                words.extend([score(rng), member(rng)]);
            }
        }
        "SADD" if rng.bool() => words = vec![name, "ints".into(), rng.u8(..20).to_string()],
        "SADD" => words = vec![name, "words".into(), member(rng)],
        "ZINCRBY" => words.extend([score(rng), member(rng)]),
        "ZREM" | "ZMSCORE" => words.extend([member(rng), member(rng)]),
        "ZSCORE" | "ZRANK" | "ZREVRANK" => words.push(member(rng)),
        "ZCOUNT" | "ZREMRANGEBYSCORE" => words.extend([score_end(rng), score_end(rng)]),
        "ZREMRANGEBYRANK" => words.extend([0, 1].map(|_| rng.i8(-3..30).to_string())),
        "ZRANGE" | "ZRANGESTORE" | "ZREVRANGE" | "ZRANGEBYSCORE" | "ZREVRANGEBYSCORE" => {
            if name == "ZRANGESTORE" {
                words.insert(1, "to".into());
            }
            let by_option = matches!(&*name, "ZRANGE" | "ZRANGESTORE") && chance(rng, 2);
            if name.ends_with("BYSCORE") || by_option {
                words.extend([score_end(rng), score_end(rng)]);
            } else {
                words.extend([pick(rng, RANKS), pick(rng, RANKS)]);
            }
            if by_option {
                words.push("BYSCORE".into());
            }
            for option in ["REV", "WITHSCORES", "LIMIT"] {
                if chance(rng, 3) {
                    words.push(option.into());
                    if option == "LIMIT" {
                        words.extend([pick(rng, RANKS), pick(rng, RANKS)]);
                    }
                }
            }
        }
        "ZPOPMIN" | "ZPOPMAX" if chance(rng, 2) => words.push(pick(rng, "0 1 2 3 -1 x")),
        "ZMPOP" => {
            let end = pick(rng, "MIN MAX min MIDDLE");
            words = [name, "2".into(), pick(rng, KEYS), pick(rng, KEYS), end].to_vec();
            if chance(rng, 2) {
                words.extend(["COUNT".into(), pick(rng, "1 2 0 x")]);
            }
        }
        "ZUNION" | "ZINTER" | "ZDIFF" | "ZUNIONSTORE" | "ZINTERSTORE" | "ZDIFFSTORE"
        | "ZINTERCARD" => {
            words.truncate(1);
            if name.ends_with("STORE") {
                words.push("to".into());
            }
            words.extend([
                pick(rng, "2 2 2 2 2 2 1 0 x 9"),
                pick(rng, KEYS),
                pick(rng, KEYS),
            ]);
            for option in ["WEIGHTS", "AGGREGATE", "WITHSCORES", "LIMIT"] {
                if chance(rng, 3) {
                    words.push(option.into());
                    match option {
                        "WEIGHTS" => words.extend([score(rng), score(rng)]),
                        "AGGREGATE" => words.push(pick(rng, "sum MIN max AVG")),
                        "LIMIT" => words.push(pick(rng, RANKS)),
                        _ => {}
                    }
                }
            }
        }
        "OBJECT" => words.insert(1, "ENCODING".into()),
        "LEX" => words = lex_command(rng),
        "BIG" => {
            words = vec!["ZADD".into(), "big".into()];
            for _ in 0..40 {
                words.extend([rng.u16(..500).to_string(), format!("k{}", rng.u16(..3000))]);
            }
        }
        _ => {}
    }
    // Now and then one argument is missing, or there is one too many.
    match rng.u8(..100) {
        0 => drop(words.pop()),
        1 => words.push(member(rng)),
        _ => {}
    }
    words
}

/// A command on the key in which all scores are equal.
fn lex_command(rng: &mut Rng) -> Vec<String> {
    const NAMES: &str = "ZADD ZADD ZADD ZREM ZRANGEBYLEX ZREVRANGEBYLEX ZLEXCOUNT ZREMRANGEBYLEX";
    let name = pick(rng, NAMES);
    let mut words = vec![name.clone(), "lex".into()];
    match &*name {
        "ZADD" => words.extend(["0".into(), member(rng)]),
        "ZREM" => words.push(member(rng)),
        _ => {
            words.extend([pick(rng, LEX_ENDS), pick(rng, LEX_ENDS)]);
            if name.ends_with("RANGEBYLEX") && !name.contains("REM") && rng.bool() {
                words.extend(["LIMIT".into(), pick(rng, RANKS), pick(rng, RANKS)]);
            }
        }
    }
    words
}

fn digest(c: &mut Session) -> String {
    String::from_utf8_lossy(&c.call(&["DEBUG", "DIGEST"])).into_owned()
}

/// Sorted sets in every encoding, and some with a deadline.
fn fill(c: &mut Session, rng: &mut Rng) {
    for number in 0..60 {
        let key = format!("zset:{number}");
        let mut words = vec!["ZADD".to_owned(), key.clone()];
        for _ in 0..rng.usize(1..30) {
            words.extend([kept_score(rng), member(rng)]);
        }
        c.call(&words);
        if number % 5 == 0 {
            c.call(&["PEXPIREAT", &key, "33000000000000"]);
        }
    }
    for batch in 0..20 {
        let mut words = vec!["ZADD".to_owned(), "large".to_owned()];
        for number in 0..100 {
            words.extend([kept_score(rng), format!("member:{}", batch * 100 + number)]);
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
            c.expect("FLUSHALL", OK);
            c.expect("SET text value", OK);
            c.expect("CONFIG SET zset-max-listpack-entries 20", OK);
        }
        for number in 0..amount(COMMANDS) {
            let words = command(rng);
            let [left, right] = sessions.each_mut().map(|c| c.call(&words));
            assert_eq!(shown(&left), shown(&right), "command {number}: {words:?}");
            assert!(left == right, "command {number}: {words:?}");
            if number % 500 == 0 {
                let [left, right] = sessions.each_mut().map(digest);
                assert_eq!(left, right, "after command {number}: {words:?}");
            }
        }
        let [left, right] = sessions.each_mut().map(digest);
        assert_eq!(left, right);
    }
}

type Start = fn(&Path, &[&str]) -> Server;

fn redis_on(data: &Path, flags: &[&str]) -> Server {
    Server::start_redis_on(data, flags).expect("Redis is installed")
}

/// Both ways, if Redis is there and the server under test is ours.
fn both_ways(test: impl Fn(Start, Start)) {
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
            (&[][..], "SAVE"),
            (&["--appendonly", "yes"], "BGREWRITEAOF"),
            (NO_PREAMBLE, "BGREWRITEAOF"),
            (NO_PREAMBLE, "PING"),
        ] {
            let data = TempDir::new().expect("a folder");
            let rng = &mut random();
            let flags = [DEBUG, flags].concat();
            let server = from(data.path(), &flags);
            let mut c = Session::connect(server.addr());
            fill(&mut c, rng);
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
                // What comes after the base.
                c.call(&["ZADD", "large", "INCR", "0.1", "member:0"]);
                c.call(&["ZMPOP", "1", "large", "MAX", "COUNT", "3"]);
            }
            let expected = digest(&mut c);
            drop(c);
            server.kill();
            let server = to(data.path(), &flags);
            let mut c = Session::connect(server.addr());
            wait_until("it has loaded", || c.call(&["PING"]) == b"+PONG\r\n");
            assert_eq!(digest(&mut c), expected, "{flags:?}");
            c.expect("OBJECT ENCODING large", "$8\r\nskiplist\r\n");
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
            let [left, right] = sessions.each_mut().map(|c| {
                let range = [b"ZRANGE", &key[..], b"0", b"-1", b"WITHSCORES"];
                c.call(&range)
            });
            assert!(left == right, "{}", key.escape_ascii());
            sessions[0].call(&[b"PERSIST", &key[..]]);
        }
        let [left, right] = sessions.each_mut().map(digest);
        assert_eq!(left, right);
    });
}

#[test]
fn sorted_sets_are_replicated_in_both_roles() {
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

/// The forms in which older versions wrote them: scores in digits, and a ziplist.
#[test]
fn old_forms_are_read() {
    if is_other_server() {
        return;
    }
    let server = Server::start_with(DEBUG);
    let mut c = Session::connect(server.addr());
    c.expect("DEBUG SET-SKIP-CHECKSUM-VALIDATION 1", OK);
    let digits = b"\x03\x03\x01a\x031.5\x01b\xff\x01c\xfe";
    let ziplist = b"\x0c\x18\x18\0\0\0\x12\0\0\0\x04\0\0\x01a\x03\xf2\x02\x01b\x03\x032.5\xff";
    for (payload, expected) in [
        (
            &digits[..],
            "*6\r\n$1\r\nb\r\n$4\r\n-inf\r\n$1\r\na\r\n$3\r\n1.5\r\n$1\r\nc\r\n$3\r\ninf\r\n",
        ),
        (
            &ziplist[..],
            "*4\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$3\r\n2.5\r\n",
        ),
    ] {
        let payload = [payload, b"\x0a\x00\0\0\0\0\0\0\0\0"].concat();
        c.expect_args(&[b"RESTORE", &b"z"[..], b"0", &payload, b"REPLACE"], OK);
        c.expect("ZRANGE z 0 -1 WITHSCORES", expected);
    }
    let bad = "-ERR Bad data format\r\n";
    for wrong in [
        // No number, a member twice, a score without a member, and not in order.
        &b"\x03\x01\x01a\xfd"[..],
        b"\x03\x02\x01a\x011\x01a\x012",
        b"\x11\x09\x09\0\0\0\x01\0\x01\x01\xff",
        b"\x11\x0f\x0f\0\0\0\x04\0\x01\x01\x05\x01\x02\x01\x03\x01\xff",
    ] {
        let payload = [wrong, b"\x0a\x00\0\0\0\0\0\0\0\0"].concat();
        c.expect_args(&[b"RESTORE", &b"z"[..], b"0", &payload, b"REPLACE"], bad);
    }
}
