//! The graders of `EXERCISES.md`. They are ignored until somebody asks for them:
//!
//! ```text
//! make check-06
//! ```
//!
//! Like the suites, they know nothing of a server but its port and its folder, and
//! real Redis passes them all.

#[path = "suite/client.rs"]
mod client;
#[path = "suite/harness.rs"]
mod harness;
#[allow(dead_code)]
#[path = "suite/session.rs"]
mod session;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use client::{Client, escaped};
use harness::stopwatch::Stopwatch;
use harness::{Server, installed, wait_until};
use session::{NULL, OK, SYNTAX, arity, bulk, encode, int};

/// A folder that outlives the servers on it.
fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A server with its files in `data` that has loaded them, and a client of it. It saves
/// only when it is told to.
#[track_caller]
fn start(data: &Path, flags: &[&str]) -> (Server, Client) {
    let flags = [&["--save", ""], flags].concat();
    let server = Server::start_on(data, &flags);
    let mut client = Client::connect(&server);
    wait_until("the data is loaded, and PING gets PONG", || {
        text(&mut client, "PING") == "+PONG\n"
    });
    (server, client)
}

/// A command, whose arguments are the words of `command`, as it is sent.
fn words(command: &str) -> Vec<u8> {
    let words: Vec<&str> = command.split(' ').collect();
    encode(&words)
}

/// Sends a command and compares its reply.
#[track_caller]
fn check(client: &mut Client, command: &str, reply: impl AsRef<[u8]>) {
    client.check(words(command), reply);
}

/// Sends a command and takes the reply as text.
#[track_caller]
fn text(client: &mut Client, command: &str) -> String {
    escaped(&client.send(words(command)).reply()).replace("\\r\\n", "\n")
}

/// The reply of `CONFIG GET` for one parameter.
fn parameter(name: &str, value: &str) -> Vec<u8> {
    [b"*2\r\n".to_vec(), bulk(name), bulk(value)].concat()
}

/// What Redis says when CONFIG SET cannot do it.
fn config_error(name: &str, why: &str) -> String {
    format!("-ERR CONFIG SET failed (possibly related to argument '{name}') - {why}\r\n")
}

/// The number behind `name` in INFO.
#[track_caller]
fn field(client: &mut Client, name: &str) -> i64 {
    let info = text(client, "INFO");
    let mut lines = info.lines();
    let found = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.parse().ok());
    found.unwrap_or_else(|| {
        panic!("a line is missing\n  sent      INFO\n  expected  {name}:…\n  received\n{info}")
    })
}

/// Starts BGSAVE or BGREWRITEAOF and waits for its end.
#[track_caller]
fn in_background(client: &mut Client, command: &str) {
    let _ = text(client, command);
    wait_for_background(client);
}

#[track_caller]
fn wait_for_background(client: &mut Client) {
    wait_until("BGSAVE or BGREWRITEAOF has ended", || {
        field(client, "rdb_bgsave_in_progress") == 0
            && field(client, "aof_rewrite_in_progress") == 0
            && field(client, "aof_rewrite_scheduled") == 0
    });
}

/// What is in a folder besides folders.
#[track_caller]
fn files(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).expect("read the folder").flatten();
    let files = entries.filter(|entry| entry.path().is_file());
    files
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

// Exercise 1.

const UNPROTECTED: [&str; 2] = ["--enable-protected-configs", "yes"];

#[test]
#[ignore = "exercise 1: enable-protected-configs"]
fn exercise_1_saves_under_another_name() {
    let data = folder();
    let (server, mut client) = start(data.path(), &UNPROTECTED);
    let c = &mut client;
    check(c, "SET n 1", OK);
    check(c, "SAVE", OK);
    check(c, "CONFIG SET dbfilename monday.rdb", OK);
    let name = parameter("dbfilename", "monday.rdb");
    check(c, "CONFIG GET dbfilename", name);
    check(c, "SET n 2", OK);
    check(c, "SAVE", OK);
    check(c, "CONFIG SET DBFilename tuesday.rdb", OK);
    check(c, "SET n 3", OK);
    in_background(c, "BGSAVE");
    server.kill();
    let expected = set(&["dump.rdb", "monday.rdb", "tuesday.rdb"]);
    let found = files(data.path());
    assert_eq!(
        found, expected,
        "the files are others\n  sent      SAVE, CONFIG SET dbfilename monday.rdb, SAVE, CONFIG \
         SET dbfilename tuesday.rdb, BGSAVE"
    );
    for (name, n) in [("dump.rdb", "1"), ("monday.rdb", "2"), ("tuesday.rdb", "3")] {
        let (_server, mut client) = start(data.path(), &["--dbfilename", name]);
        check(&mut client, "GET n", bulk(n));
    }
}

#[test]
#[ignore = "exercise 1: enable-protected-configs"]
fn exercise_1_saves_in_another_folder() {
    let data = folder();
    let root = data.path().canonicalize().expect("the folder");
    fs::create_dir_all(root.join("backups/monday")).expect("folders");
    let (server, mut client) = start(&root, &UNPROTECTED);
    let c = &mut client;
    check(c, "SET n 1", OK);
    for (sent, expected) in [
        ("backups", "backups"),
        ("monday", "backups/monday"),
        ("..", "backups"),
        (".", "backups"),
    ] {
        check(c, &format!("CONFIG SET dir {sent}"), OK);
        let expected = root.join(expected).display().to_string();
        check(c, "CONFIG GET dir", parameter("dir", &expected));
    }
    check(c, "SAVE", OK);
    // By its full name, and both at once.
    let monday = root.join("backups/monday").display().to_string();
    let both = format!("CONFIG SET dbfilename new.rdb dir {monday}");
    check(c, &both, OK);
    check(c, "SAVE", OK);
    server.kill();
    for (folder, expected) in [
        ("", set(&[])),
        ("backups", set(&["dump.rdb"])),
        ("backups/monday", set(&["new.rdb"])),
    ] {
        let found = files(&root.join(folder));
        assert_eq!(
            found, expected,
            "the files in {folder:?} are others\n  sent      CONFIG SET dir …/backups, SAVE, \
             CONFIG SET dbfilename new.rdb dir …/backups/monday, SAVE"
        );
    }
    let (_server, mut client) = start(&root.join("backups"), &[]);
    check(&mut client, "GET n", bulk("1"));
}

#[test]
#[ignore = "exercise 1: enable-protected-configs"]
fn exercise_1_refuses_what_cannot_be() {
    let data = folder();
    let root = data.path().canonicalize().expect("the folder");
    let (_server, mut client) = start(&root, &UNPROTECTED);
    let c = &mut client;
    check(c, "SET n 1", OK);
    check(c, "SAVE", OK);
    let a_path = config_error("dbfilename", "dbfilename can't be a path, just a filename");
    for path in ["a/b.rdb", "/tmp/b.rdb", "../b.rdb", "b.rdb/"] {
        check(c, &format!("CONFIG SET dbfilename {path}"), &a_path);
    }
    let missing = config_error("dir", "No such file or directory");
    check(c, "CONFIG SET dir nowhere", &missing);
    check(c, "CONFIG SET dir /nowhere/at/all", &missing);
    let no_folder = config_error("dir", "Not a directory");
    check(c, "CONFIG SET dir dump.rdb", no_folder);
    // All of them or none.
    check(c, "CONFIG SET dbfilename b.rdb dir nowhere", &missing);
    check(c, "CONFIG SET dir / dbfilename a/b.rdb", &a_path);
    check(
        c,
        "CONFIG GET dbfilename",
        parameter("dbfilename", "dump.rdb"),
    );
    let here = parameter("dir", &root.display().to_string());
    check(c, "CONFIG GET dir", here);
}

#[test]
#[ignore = "exercise 1: enable-protected-configs"]
fn exercise_1_is_not_for_everybody() {
    const NAME: &str = "enable-protected-configs";
    let get = "CONFIG GET enable-protected-configs";
    let fixed = config_error(NAME, "can't set immutable config");
    for (flags, value) in [(&[][..], "no"), (&[UNPROTECTED[0], "YES"], "yes")] {
        let data = folder();
        let (_server, mut client) = start(data.path(), flags);
        let c = &mut client;
        check(c, get, parameter(NAME, value));
        check(c, "CONFIG SET enable-protected-configs yes", &fixed);
        check(c, "CONFIG SET enable-protected-configs no", &fixed);
        check(c, get, parameter(NAME, value));
        for (name, new) in [("dir", "."), ("dbfilename", "new.rdb")] {
            let reply = match value {
                "no" => config_error(name, "can't set protected config"),
                _ => OK.to_owned(),
            };
            check(c, &format!("CONFIG SET {name} {new}"), reply);
        }
    }
}

// Exercise 2.

const DELAY: &str = "rdb-key-save-delay";

/// So many keys; with the brake, it takes more than a second to save them.
const KEYS: usize = 2000;
const BRAKE: &str = "CONFIG SET rdb-key-save-delay 500";

/// Gives all keys this value.
#[track_caller]
fn set_all(client: &mut Client, value: &str) {
    let commands = (0..KEYS).map(|number| words(&format!("SET key:{number} {value}")));
    let commands: Vec<Vec<u8>> = commands.collect();
    client.check(commands.concat(), OK.repeat(KEYS));
}

#[test]
#[ignore = "exercise 2: what a snapshot costs"]
fn exercise_2_saves_what_there_was() {
    let data = folder();
    let (server, mut client) = start(data.path(), &[]);
    let c = &mut client;
    set_all(c, "old");
    check(c, BRAKE, OK);
    check(c, "BGSAVE", "+Background saving started\r\n");
    // Nobody waits for it. What comes now comes too late for it.
    set_all(c, "new");
    check(c, "SET more x", OK);
    check(c, "DEL key:0 key:1", int(2));
    let underway = "-ERR Background save already in progress\r\n";
    check(c, "BGSAVE", underway);
    check(c, "SAVE", underway);
    // It is too late for this as well: the save goes on as it began.
    check(c, "CONFIG SET rdb-key-save-delay 0", OK);
    check(c, "BGSAVE", underway);
    check(c, "GET key:7", bulk("new"));
    wait_for_background(c);
    let copied = field(c, "rdb_last_cow_size");
    assert!(
        copied > 0,
        "rdb_last_cow_size does not tell what was copied\n  sent      BGSAVE, and SET of all keys \
         meanwhile\n  expected  more than 0 bytes\n  received  {copied}"
    );
    server.kill();
    let (_server, mut client) = start(data.path(), &[]);
    let c = &mut client;
    check(c, "DBSIZE", int(KEYS as i64));
    let old = ["$3\r\nold\r\n"; 3].concat();
    check(c, "MGET key:0 key:7 key:1999", format!("*3\r\n{old}"));
}

#[test]
#[ignore = "exercise 2: what a snapshot costs"]
fn exercise_2_brakes_everybody_who_saves() {
    let data = folder();
    let flags = ["--rdb-key-save-delay", "12000", "--appendonly", "yes"];
    let (_server, mut client) = start(data.path(), &flags);
    let c = &mut client;
    let commands: Vec<Vec<u8>> = (0..50).map(|n| words(&format!("SET key:{n} x"))).collect();
    c.check(commands.concat(), OK.repeat(50));
    // A base is an RDB file, or else it consists of commands.
    for (preamble, command) in [
        ("yes", "SAVE"),
        ("yes", "BGSAVE"),
        ("yes", "BGREWRITEAOF"),
        ("no", "BGREWRITEAOF"),
    ] {
        let format = format!("CONFIG SET aof-use-rdb-preamble {preamble}");
        check(c, &format, OK);
        let begun = Instant::now();
        in_background(c, command);
        let took = begun.elapsed();
        assert!(
            took >= Duration::from_millis(600),
            "{command} does not wait behind each key\n  sent      {format}, {command}, with 50 \
             keys and --rdb-key-save-delay 12000\n  expected  600 ms or more\n  received  {took:?}"
        );
    }
}

#[test]
#[ignore = "exercise 2: what a snapshot costs"]
fn exercise_2_has_a_brake() {
    let server = Server::start();
    let c = &mut Client::connect(&server);
    check(c, "CONFIG GET rdb-key-save-delay", parameter(DELAY, "0"));
    check(c, "CONFIG SET rdb-key-save-delay 250", OK);
    check(c, "CONFIG GET rdb-key-save-delay", parameter(DELAY, "250"));
    let no_number = config_error(DELAY, "argument couldn't be parsed into an integer");
    for value in ["much", "1.5", "05"] {
        check(c, &format!("CONFIG SET {DELAY} {value}"), &no_number);
    }
    let why = "argument must be between -2147483648 and 2147483647 inclusive";
    let too_much = config_error(DELAY, why);
    check(c, "CONFIG SET rdb-key-save-delay 2147483648", &too_much);
    check(c, "CONFIG SET rdb-key-save-delay -2147483649", &too_much);
    check(c, "CONFIG GET rdb-key-save-delay", parameter(DELAY, "250"));
}

#[test]
#[ignore = "exercise 2: what a snapshot costs"]
fn exercise_2_counts_snapshots() {
    let data = folder();
    let (_server, mut client) = start(data.path(), &[]);
    let c = &mut client;
    set_all(c, "x");
    for name in ["total_forks", "latest_fork_usec"] {
        let number = field(c, name);
        assert_eq!(number, 0, "{name}, before any snapshot");
    }
    // Everybody waits for it, so it needs none.
    check(c, "SAVE", OK);
    assert_eq!(field(c, "total_forks"), 0, "total_forks, after SAVE");
    in_background(c, "BGSAVE");
    assert_eq!(field(c, "total_forks"), 1, "total_forks, after BGSAVE");
    let latest = field(c, "latest_fork_usec");
    assert!(latest > 0, "latest_fork_usec, after BGSAVE: {latest}");
    in_background(c, "BGREWRITEAOF");
    let forks = field(c, "total_forks");
    assert_eq!(forks, 2, "total_forks, after BGSAVE and BGREWRITEAOF");
    check(c, "CONFIG RESETSTAT", OK);
    for name in ["total_forks", "latest_fork_usec"] {
        let number = field(c, name);
        assert_eq!(number, 0, "{name}, after CONFIG RESETSTAT");
    }
}

#[test]
#[ignore = "exercise 2: what a snapshot costs"]
fn exercise_2_tells_saves_from_rewrites() {
    let data = folder();
    let (_server, mut client) = start(data.path(), &[]);
    let c = &mut client;
    set_all(c, "x");
    check(c, BRAKE, OK);
    let costs = |c: &mut Client| {
        let save = field(c, "rdb_last_cow_size");
        (save, field(c, "aof_last_cow_size"))
    };
    assert_eq!(costs(c), (0, 0), "the costs, before any snapshot");
    let _ = text(c, "BGREWRITEAOF");
    set_all(c, "y");
    wait_for_background(c);
    let (save, rewrite) = costs(c);
    assert!(
        save == 0 && rewrite > 0,
        "the wrong line tells what was copied\n  sent      BGREWRITEAOF, and SET of all keys \
         meanwhile\n  expected  rdb_last_cow_size:0, aof_last_cow_size above 0\n  received  \
         rdb_last_cow_size:{save}, aof_last_cow_size:{rewrite}"
    );
    let _ = text(c, "BGSAVE");
    set_all(c, "z");
    wait_for_background(c);
    let (save, after) = costs(c);
    assert!(
        save > 0 && after == rewrite,
        "the wrong line tells what was copied\n  sent      BGSAVE, and SET of all keys \
         meanwhile\n  expected  rdb_last_cow_size above 0, aof_last_cow_size:{rewrite}\n  \
         received  rdb_last_cow_size:{save}, aof_last_cow_size:{after}"
    );
    check(c, "CONFIG RESETSTAT", OK);
    assert_eq!(costs(c), (save, after), "the costs, after CONFIG RESETSTAT");
}

// Exercise 3.

const KEEP: [&str; 4] = ["--appendonly", "yes", "--aof-disable-auto-gc", "yes"];
const LOG: [&str; 2] = ["--appendonly", "yes"];
const MANIFEST: &str = "appendonly.aof.manifest";

fn log_folder(data: &TempDir) -> PathBuf {
    data.path().join("appendonlydir")
}

/// The names of the files that the manifest calls `kind`: b, i or h.
fn named(data: &TempDir, kind: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(log_folder(data).join(MANIFEST)).unwrap_or_default();
    let lines = text
        .lines()
        .filter(|line| line.ends_with(&format!(" type {kind}")));
    let names = lines.filter_map(|line| line.strip_prefix("file ")?.split(' ').next());
    names.map(str::to_owned).collect()
}

/// The manifest must call these files history, and they must be there, with those that
/// it names otherwise and no more.
#[track_caller]
fn check_history(data: &TempDir, expected: &[&str], did: &str) {
    let expected = set(expected);
    let there = || {
        let mut files = files(&log_folder(data));
        files.remove(MANIFEST);
        files
    };
    let all = || -> BTreeSet<String> {
        let kinds = ["b", "i", "h"].iter();
        kinds.flat_map(|kind| named(data, kind)).collect()
    };
    // Redis deletes files on a thread of its own.
    let watch = Stopwatch::start();
    while (named(data, "h") != expected || there() != all())
        && watch.elapsed() < Duration::from_secs(5)
    {
        std::thread::sleep(Duration::from_millis(10));
    }
    let (history, there, all) = (named(data, "h"), there(), all());
    assert!(
        history == expected && there == all,
        "the log does not keep its history as it should\n  did       {did}\n  expected  history \
         {expected:?}\n  received  history {history:?}\n  the manifest names {all:?}\n  in \
         the folder are {there:?}"
    );
}

const FIRST: [&str; 2] = ["appendonly.aof.1.base.rdb", "appendonly.aof.1.incr.aof"];
const FIRST_TWO: [&str; 4] = [
    "appendonly.aof.1.base.rdb",
    "appendonly.aof.1.incr.aof",
    "appendonly.aof.2.base.rdb",
    "appendonly.aof.2.incr.aof",
];

#[test]
#[ignore = "exercise 3: aof-disable-auto-gc"]
fn exercise_3_keeps_what_was_replaced() {
    let data = folder();
    let (server, mut client) = start(data.path(), &KEEP);
    let c = &mut client;
    check(c, "SET a 1", OK);
    check_history(&data, &[], "a start with aof-disable-auto-gc yes");
    in_background(c, "BGREWRITEAOF");
    check_history(&data, &FIRST, "BGREWRITEAOF");
    check(c, "SET b 1", OK);
    in_background(c, "BGREWRITEAOF");
    check_history(&data, &FIRST_TWO, "BGREWRITEAOF, twice");
    check(c, "SET c 1", OK);
    server.kill();
    // It survives, and is not replayed.
    let (_server, mut client) = start(data.path(), &KEEP);
    let c = &mut client;
    check_history(&data, &FIRST_TWO, "BGREWRITEAOF, twice, and another start");
    let one = "$1\r\n1\r\n".repeat(3);
    check(c, "MGET a b c", format!("*3\r\n{one}"));
    check(c, "DBSIZE", int(3));
    if installed("redis-check-aof") {
        let manifest = log_folder(&data).join(MANIFEST);
        let output = Command::new("redis-check-aof").arg(manifest).output();
        let output = output.expect("run redis-check-aof");
        assert!(
            output.status.success(),
            "redis-check-aof does not accept the log\n{}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
}

#[test]
#[ignore = "exercise 3: aof-disable-auto-gc"]
fn exercise_3_deletes_it_when_told() {
    let data = folder();
    let (_server, mut client) = start(data.path(), &KEEP);
    let c = &mut client;
    check(c, "SET a 1", OK);
    in_background(c, "BGREWRITEAOF");
    in_background(c, "BGREWRITEAOF");
    check_history(&data, &FIRST_TWO, "BGREWRITEAOF, twice");
    check(c, "CONFIG SET aof-disable-auto-gc no", OK);
    check_history(&data, &[], "CONFIG SET aof-disable-auto-gc no");
    in_background(c, "BGREWRITEAOF");
    check_history(
        &data,
        &[],
        "CONFIG SET aof-disable-auto-gc no, BGREWRITEAOF",
    );
    check(c, "CONFIG SET aof-disable-auto-gc yes", OK);
    in_background(c, "BGREWRITEAOF");
    let fourth = ["appendonly.aof.4.base.rdb", "appendonly.aof.4.incr.aof"];
    let did = "CONFIG SET aof-disable-auto-gc yes, BGREWRITEAOF";
    check_history(&data, &fourth, did);
    // Both in one command.
    let both = "CONFIG SET appendonly no aof-disable-auto-gc no";
    check(c, both, OK);
    check_history(&data, &[], both);
}

#[test]
#[ignore = "exercise 3: aof-disable-auto-gc"]
fn exercise_3_deletes_it_at_the_next_start() {
    let data = folder();
    let (server, mut client) = start(data.path(), &KEEP);
    check(&mut client, "SET a 1", OK);
    in_background(&mut client, "BGREWRITEAOF");
    check_history(&data, &FIRST, "BGREWRITEAOF");
    server.kill();
    let (_server, mut client) = start(data.path(), &LOG);
    check(&mut client, "GET a", bulk("1"));
    check_history(&data, &[], "a start with aof-disable-auto-gc no");
}

#[test]
#[ignore = "exercise 3: aof-disable-auto-gc"]
fn exercise_3_keeps_a_log_that_was_turned_off() {
    let data = folder();
    let (_server, mut client) = start(data.path(), &KEEP);
    let c = &mut client;
    check(c, "SET a 1", OK);
    check(c, "CONFIG SET appendonly no", OK);
    check(c, "SET b 1", OK);
    check(c, "CONFIG SET appendonly yes", OK);
    wait_for_background(c);
    check_history(&data, &FIRST, "CONFIG SET appendonly no, and yes");
    check(c, "CONFIG SET appendonly no", OK);
    check(c, "CONFIG SET aof-disable-auto-gc no", OK);
    let both = "CONFIG SET aof-disable-auto-gc yes appendonly yes";
    let before = named(&data, "b");
    check(c, both, OK);
    wait_until("there is a new base", || named(&data, "b") != before);
    wait_for_background(c);
    let history = named(&data, "h");
    assert!(
        before.is_subset(&history),
        "the last base was not kept\n  sent      {both}, after appendonly no\n  expected  \
         {before:?} as history\n  received  {history:?}"
    );
}

#[test]
#[ignore = "exercise 3: aof-disable-auto-gc"]
fn exercise_3_goes_back() {
    let data = folder();
    let (server, mut client) = start(data.path(), &KEEP);
    let c = &mut client;
    check(c, "SET account 100", OK);
    check(c, "INCRBY account 11", int(111));
    in_background(c, "BGREWRITEAOF");
    check(c, "FLUSHALL", OK);
    server.kill();
    check_history(&data, &FIRST, "BGREWRITEAOF, FLUSHALL");
    // A manifest that names what was the log before.
    let names = "file appendonly.aof.1.base.rdb seq 1 type b\n\
                 file appendonly.aof.1.incr.aof seq 1 type i\n";
    fs::write(log_folder(&data).join(MANIFEST), names).expect("the manifest");
    let (_server, mut client) = start(data.path(), &KEEP);
    check(&mut client, "GET account", bulk("111"));
}

#[test]
#[ignore = "exercise 3: aof-disable-auto-gc"]
fn exercise_3_is_a_parameter() {
    const NAME: &str = "aof-disable-auto-gc";
    let server = Server::start();
    let c = &mut Client::connect(&server);
    check(c, "CONFIG GET aof-disable-auto-gc", parameter(NAME, "no"));
    check(c, "CONFIG SET aof-disable-auto-gc YES", OK);
    check(c, "CONFIG GET aof-disable-auto-gc", parameter(NAME, "yes"));
    let refused = config_error(NAME, "argument must be 'yes' or 'no'");
    check(c, "CONFIG SET aof-disable-auto-gc 1", refused);
    check(c, "CONFIG GET aof-disable-auto-gc", parameter(NAME, "yes"));
}

// Exercise 4.

const TARGET_EXISTS: &str = "-BUSYKEY Target key name already exists.\r\n";
const WRONG_FOOTER: &str = "-ERR DUMP payload version or checksum are wrong\r\n";
const WRONG_DATA: &str = "-ERR Bad data format\r\n";

/// Values, and what Redis 7.0 makes of them.
const PAYLOADS: [(&str, &[u8]); 8] = [
    (
        "hello",
        b"\x00\x05hello\x0a\x00\x63\x72\xdf\x76\x65\x34\x20\x0a",
    ),
    ("", b"\x00\x00\x0a\x00\x5d\x9b\x5c\x40\x0f\x7f\xa2\xda"),
    ("7", b"\x00\xc0\x07\x0a\x00\x74\xcd\x48\xa2\x83\xab\xce\x92"),
    (
        "12345",
        b"\x00\xc1\x39\x30\x0a\x00\x9d\x94\xea\x27\x93\xfc\x08\xb9",
    ),
    (
        "-129",
        b"\x00\xc1\x7f\xff\x0a\x00\x17\x60\x82\x28\x54\x80\x84\x80",
    ),
    (
        "12345678901",
        b"\x00\x0b12345678901\x0a\x00\x30\x4e\x52\xd7\x27\x17\x65\x10",
    ),
    (
        "007",
        b"\x00\x03007\x0a\x00\x72\x58\xe2\x7b\x4c\x69\xba\xd9",
    ),
    (
        "abababababababababababababababababababababababababababababababababababababababab",
        b"\x00\xc3\x0a\x40\x50\x02aba\xe0\x42\x01\x01ab\x0a\x00\x94\x9d\x5f\x0e\xb1\xde\xa4\x45",
    ),
];

/// The payload of the string `hello`.
const HELLO: &[u8] = PAYLOADS[0].1;

/// RESTORE, with options behind the payload.
fn restore(key: &str, ttl: &str, payload: &[u8], options: &str) -> Vec<u8> {
    let mut args = vec![&b"RESTORE"[..], key.as_bytes(), ttl.as_bytes(), payload];
    args.extend(
        options
            .split(' ')
            .filter(|word| !word.is_empty())
            .map(str::as_bytes),
    );
    encode(&args)
}

/// The payload that `DUMP key` gets.
#[track_caller]
fn dumped(client: &mut Client, key: &str) -> Vec<u8> {
    let reply = client.send(words(&format!("DUMP {key}"))).reply();
    let start = reply.iter().position(|byte| *byte == b'\n');
    let payload = start.and_then(|start| reply.get(start + 1..reply.len() - 2));
    let received = escaped(&reply);
    let payload = payload.filter(|_| reply[0] == b'$');
    payload
        .unwrap_or_else(|| panic!("no string\n  sent      DUMP {key}\n  received  {received}"))
        .to_vec()
}

/// `body` with the version and the checksum that belong to it.
fn payload(body: &[u8], version: u16) -> Vec<u8> {
    let mut payload = [body, &version.to_le_bytes()].concat();
    let mut crc = 0u64;
    for byte in &payload {
        crc ^= u64::from(*byte);
        for _ in 0..8 {
            let carry = crc & 1;
            crc = (crc >> 1) ^ (carry * 0x95AC_9329_AC4B_C9B5);
        }
    }
    payload.extend(crc.to_le_bytes());
    payload
}

#[test]
#[ignore = "exercise 4: DUMP and RESTORE"]
fn exercise_4_dumps_what_redis_dumps() {
    let data = folder();
    let (_server, mut client) = start(data.path(), &[]);
    let c = &mut client;
    let (short, long) = PAYLOADS.split_at(7);
    for (value, payload) in short {
        c.check(encode(&["SET", "k", value]), OK);
        check(c, "DUMP k", bulk(payload));
    }
    check(c, "EXPIRE k 100", int(1));
    check(c, "DUMP k", bulk(short[6].1));
    // There is more than one way to compress a string.
    let value = long[0].0;
    c.check(encode(&["SET", "k", value]), OK);
    let compressed = dumped(c, "k");
    assert!(
        compressed.starts_with(b"\x00\xc3") && compressed.len() < value.len(),
        "a long string is not compressed\n  sent      SET k {value}, DUMP k\n  expected  \\x00\\xc3, \
         and fewer bytes than the string has\n  received  {}",
        escaped(&compressed)
    );
    check(c, "CONFIG SET rdbcompression no", OK);
    let plain = [b"\x00\x40\x50", value.as_bytes()].concat();
    check(c, "DUMP k", bulk(payload(&plain, 10)));
    check(c, "DUMP nobody", NULL);
    check(c, "DUMP", arity("dump"));
    check(c, "DUMP a b", arity("dump"));
}

#[test]
#[ignore = "exercise 4: DUMP and RESTORE"]
fn exercise_4_dumps_with_a_checksum_always() {
    let data = folder();
    let (_server, mut client) = start(data.path(), &["--rdbchecksum", "no"]);
    check(&mut client, "SET k hello", OK);
    check(&mut client, "DUMP k", bulk(HELLO));
    client.check(restore("other", "0", HELLO, ""), OK);
}

#[test]
#[ignore = "exercise 4: DUMP and RESTORE"]
fn exercise_4_restores() {
    let data = folder();
    let (_server, mut client) = start(data.path(), &[]);
    let c = &mut client;
    for (number, (value, payload)) in PAYLOADS.iter().enumerate() {
        let key = format!("key:{number}");
        c.check(restore(&key, "0", payload, ""), OK);
        check(c, &format!("GET {key}"), bulk(value));
        check(c, &format!("TTL {key}"), int(-1));
    }
    check(c, "OBJECT ENCODING key:3", bulk("int"));
    check(c, "INCR key:3", int(12346));
    c.check(restore("key:0", "0", HELLO, ""), TARGET_EXISTS);
    c.check(restore("key:7", "0", HELLO, "replace"), OK);
    check(c, "GET key:7", bulk("hello"));
    // Older versions are understood, newer ones are not.
    for version in [1, 9, 10] {
        let old = payload(b"\x00\x05hello", version);
        c.check(restore("old", "0", &old, "REPLACE"), OK);
    }
    let new = payload(b"\x00\x05hello", 11);
    c.check(restore("new", "0", &new, ""), WRONG_FOOTER);
    check(c, "EXISTS new", int(0));
}

#[test]
#[ignore = "exercise 4: DUMP and RESTORE"]
fn exercise_4_has_options() {
    let data = folder();
    let (_server, mut client) = start(data.path(), &[]);
    let c = &mut client;
    let minutes = |reply: String| {
        let left: i64 = reply
            .trim_start_matches(':')
            .trim_end()
            .parse()
            .unwrap_or(-9);
        (left - 1) / 60_000 + 1
    };
    c.check(restore("k", "600000", HELLO, ""), OK);
    let left = text(c, "PTTL k");
    assert_eq!(minutes(left), 10, "minutes left, after RESTORE k 600000");
    c.check(restore("k", "0", HELLO, "REPLACE"), OK);
    check(c, "PTTL k", int(-1));
    let at = 4_102_444_800_123_i64;
    c.check(restore("k", &at.to_string(), HELLO, "ABSTTL REPLACE"), OK);
    check(c, "PEXPIRETIME k", int(at));
    // A moment that has passed ends the key.
    c.check(restore("k", "1000", HELLO, "REPLACE ABSTTL"), OK);
    check(c, "EXISTS k", int(0));
    c.check(restore("k", "0", HELLO, "ABSTTL"), OK);
    check(c, "PTTL k", int(-1));
    for (options, reply) in [("REPLACE REPLACE AbsTTL", OK), ("REPLACE KEEPTTL", SYNTAX)] {
        c.check(restore("k", "0", HELLO, options), reply);
    }
}

#[test]
#[ignore = "exercise 4: DUMP and RESTORE"]
fn exercise_4_looks_in_this_order() {
    let data = folder();
    let (_server, mut client) = start(data.path(), &[]);
    let c = &mut client;
    check(c, "SET there 1", OK);
    let no_ttl = "-ERR Invalid TTL value, must be >= 0\r\n";
    c.check(restore("there", "x", b"bad", "bad"), SYNTAX);
    c.check(restore("there", "x", b"bad", ""), TARGET_EXISTS);
    c.check(restore("k", "x", b"bad", ""), session::NOT_AN_INTEGER);
    c.check(restore("k", "-1", b"bad", ""), no_ttl);
    c.check(restore("there", "0", b"bad", "REPLACE"), WRONG_FOOTER);
    check(c, "RESTORE k 0", arity("restore"));
    check(c, "MGET there k", "*2\r\n$1\r\n1\r\n$-1\r\n");
}

#[test]
#[ignore = "exercise 4: DUMP and RESTORE"]
fn exercise_4_believes_nothing() {
    let data = folder();
    let (_server, mut client) = start(data.path(), &[]);
    let c = &mut client;
    // Any byte changed, or cut anywhere.
    for at in 0..HELLO.len() {
        let mut changed = HELLO.to_vec();
        changed[at] ^= 0x10;
        c.check(restore("k", "0", &changed, ""), WRONG_FOOTER);
        c.check(restore("k", "0", &HELLO[..at], ""), WRONG_FOOTER);
    }
    // The checksum is right, and what it sums up is not.
    for body in [
        &b""[..],
        b"\x00",
        b"\x00\x45\x05hello",
        b"\x63\x05hello",
        b"\xff",
        b"\x00\xc5ab",
        b"\x00\xc3\x04\x05\x01ab",
        b"\x00\x81\x00\x00\x7f\xff\xff\xff\xff\xff",
    ] {
        let bad = payload(body, 10);
        c.check(restore("k", "0", &bad, ""), WRONG_DATA);
    }
    check(c, "DBSIZE", int(0));
}

#[test]
#[ignore = "exercise 4: DUMP and RESTORE"]
fn exercise_4_is_logged() {
    let data = folder();
    let (server, mut client) = start(data.path(), &["--appendonly", "yes", "--appendfsync", "no"]);
    let c = &mut client;
    check(c, "SET a 1", OK);
    c.check(restore("a", "0", HELLO, "REPLACE"), OK);
    c.check(restore("b", "600000", HELLO, ""), OK);
    let at = text(c, "PEXPIRETIME b");
    check(c, "SET gone 1", OK);
    c.check(restore("gone", "1", HELLO, "REPLACE ABSTTL"), OK);
    server.kill();
    let (_server, mut client) = start(data.path(), &["--appendonly", "yes"]);
    let c = &mut client;
    check(c, "GET a", bulk("hello"));
    check(c, "GET b", bulk("hello"));
    let after = text(c, "PEXPIRETIME b");
    assert_eq!(after, at, "PEXPIRETIME b, after kill -9 and a start");
    check(c, "DBSIZE", int(2));
}

#[test]
#[ignore = "exercise 4: DUMP and RESTORE"]
fn exercise_4_moves_keys_to_redis_and_back() {
    let data = folder();
    let (_server, mut client) = start(data.path(), &[]);
    let Some(redis) = Server::start_redis() else {
        return;
    };
    let (c, other) = (&mut client, &mut Client::connect(&redis));
    for length in [0, 19, 20, 21, 63, 64, 300, 16_383, 16_384, 70_000] {
        // Half of it can be compressed.
        let mut seed = 7u32;
        let mut value = vec![b'x'; length / 2];
        value.resize_with(length, || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 24) as u8
        });
        c.check(encode(&[&b"SET"[..], b"k", &value]), OK);
        let ours = dumped(c, "k");
        other.check(restore("k", "0", &ours, "REPLACE"), OK);
        check(other, "GET k", bulk(&value));
        let theirs = dumped(other, "k");
        c.check(restore("k", "0", &theirs, "REPLACE"), OK);
        check(c, "GET k", bulk(&value));
    }
}
