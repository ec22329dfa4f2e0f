//! What redis-cli shows of a server that holds all types: the largest keys, the hot ones, all of them,
//! and what others do. It says the same of this server and of Redis.
//!
//! Reread: advanced/README.md#the-advanced-track

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::harness::{Server, installed};
use crate::session::{Session, bulk, int};

const KEYS: &[&str] = &[
    "SET text hello",
    "SET longer hello-world-of-strings",
    "SET number 12345",
    "HSET hash a 1 b 2 c 3",
    "HSET hash:2 a 1",
    "RPUSH list a b c d",
    "SADD numbers 1 2 3",
    "SADD set a b c d e",
    "ZADD sorted 1 a 2 b 3 c 4 d 5 e 6 f",
];

fn fill(server: &Server) {
    let mut c = Session::connect(server.addr());
    for command in KEYS {
        c.call(&command.split(' ').collect::<Vec<_>>());
    }
}

fn redis_cli(server: &Server, args: &[&str]) -> Command {
    let mut command = Command::new("redis-cli");
    command
        .arg("-p")
        .arg(server.addr().port().to_string())
        .args(args)
        .stdin(Stdio::null());
    command
}

/// All that it says, and whether it has ended well.
fn say(server: &Server, args: &[&str]) -> (Vec<String>, bool) {
    let output = redis_cli(server, args).output().expect("redis-cli");
    let said = [&output.stdout[..], &output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let lines = said.lines().map(str::to_owned).collect();
    (lines, output.status.success())
}

/// A server of ours and a Redis with the same keys.
fn pair() -> Option<[Server; 2]> {
    if !installed("redis-cli") {
        return None;
    }
    let pair = [Server::start(), Server::start_redis()?];
    pair.iter().for_each(fill);
    Some(pair)
}

/// The lines, without those that depend on the order in which SCAN finds the keys.
fn summary(lines: Vec<String>) -> Vec<String> {
    let in_summary = |line: &String| !line.contains("-------- summary");
    lines.into_iter().skip_while(in_summary).collect()
}

/// The text without its numbers of bytes.
fn without_sizes(line: &str) -> String {
    let is_size = |word: &str| word.starts_with(|first: char| first.is_ascii_digit());
    let words = line.split_whitespace().scan(false, |follows, word| {
        let follows = std::mem::replace(follows, ["has", "with", "size"].contains(&word));
        Some(if follows && is_size(word) {
            "…"
        } else {
            word
        })
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_largest_keys_of_each_type() {
    let Some(pair) = pair() else { return };
    let [ours, redis] = pair.each_ref().map(|it| say(it, &["--bigkeys"]));
    assert!(ours.1 && redis.1);
    let ours = summary(ours.0);
    assert!(ours.contains(&"Biggest   zset found '\"sorted\"' has 6 members".into()));
    assert_eq!(ours, summary(redis.0));
}

/// How many bytes a key takes is a server's own; which types there are, and how many keys, is not.
#[test]
fn the_memory_of_each_type() {
    let Some(pair) = pair() else { return };
    let [ours, redis] = pair.each_ref().map(|it| say(it, &["--memkeys"]));
    assert!(ours.1 && redis.1);
    let shown = |lines: Vec<String>| -> Vec<String> {
        let lines = summary(lines);
        lines.iter().map(|line| without_sizes(line)).collect()
    };
    let ours = shown(ours.0);
    assert!(ours.contains(&"2 sets with … bytes (22.22% of keys, avg size …".into()));
    // Of two hashes, say, the same is larger.
    assert_eq!(ours, shown(redis.0));
}

#[test]
fn without_lfu_no_key_is_hot() {
    let Some(pair) = pair() else { return };
    let [ours, redis] = pair.each_ref().map(|it| say(it, &["--hotkeys"]));
    let is_told = |line: &String| line.contains("An LFU maxmemory policy is not selected");
    assert!(ours.0.iter().any(is_told) && !ours.1);
    assert_eq!(ours, redis);
}

#[test]
fn all_keys_and_those_of_a_pattern() {
    let Some(pair) = pair() else { return };
    for args in [
        &["--scan"][..],
        &["--scan", "--pattern", "*s*t*"],
        &["--scan", "--quoted-pattern", "\"hash\\x3a*\""],
    ] {
        let found = pair.each_ref().map(|it| {
            let (mut lines, is_well) = say(it, args);
            lines.sort_unstable();
            (lines, is_well)
        });
        assert!(!found[0].0.is_empty() && found[0].1, "{args:?}");
        assert_eq!(found[0], found[1], "{args:?}");
    }
}

/// What MONITOR shows, up to the PING, without the times and the address.
fn watch(server: &Server) -> Vec<String> {
    let mut child = redis_cli(server, &["MONITOR"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("redis-cli");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    assert_eq!(lines.next().and_then(Result::ok).as_deref(), Some("OK"));
    let mut c = Session::connect(server.addr());
    c.expect("RPUSH list e", int(5));
    c.expect("HGET hash a", bulk("1"));
    c.expect_args(&["SADD", "set", "a b\r\n\"c\"", "\u{e9}"], int(2));
    c.expect("ZADD sorted 1.5 g", int(1));
    c.expect(
        "BLPOP list 0",
        format!("*2\r\n{}{}", "$4\r\nlist\r\n", "$1\r\na\r\n"),
    );
    c.expect("PING", "+PONG\r\n");
    let mut seen = Vec::new();
    for line in lines.map_while(Result::ok).filter(|line| !line.is_empty()) {
        let words = line.split_once("] ").expect("an address").1;
        seen.push(words.to_owned());
        if words == "\"PING\"" {
            break;
        }
    }
    let _ = child.kill();
    let _ = child.wait();
    seen
}

#[test]
fn monitor_shows_commands_of_all_types() {
    let Some(pair) = pair() else { return };
    let [ours, redis] = pair.each_ref().map(watch);
    assert_eq!(ours.len(), 6, "{ours:?}");
    assert_eq!(ours, redis);
}
