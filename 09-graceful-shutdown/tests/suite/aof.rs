//! The append-only file: what is written to it, how it is turned on and off, and
//! that the next server makes the same data set of it.
//!
//! Reread: 05-aof-persistence/GUIDE.md#the-idea

use std::fs;

use crate::harness::{Server, is_other_server, wait_until};
use crate::log::{
    FOLDER, Log, connect, data_folder, data_set, info, plain, start, unix_milliseconds,
    wait_for_rewrite,
};
use crate::session::{NULL, OK, Session, bulk, encode, int};

/// What the log gets from `commands`, the last of which is the one that counts.
/// In `log` a `@` stands for the deadline of `k` in unix milliseconds.
struct Case {
    commands: &'static [&'static str],
    log: &'static [&'static str],
}

const fn case(commands: &'static [&'static str], log: &'static [&'static str]) -> Case {
    Case { commands, log }
}

/// Deadlines are moments, conditions are gone, and what did nothing is not there.
const CASES: &[Case] = &[
    case(&["SET k v"], &["SET k v"]),
    case(&["set k v"], &["set k v"]),
    case(&["SET k v EX 100"], &["SET k v PXAT @"]),
    case(&["SET k v PX 100000"], &["SET k v PXAT @"]),
    case(&["SET k v EXAT 33000000000"], &["SET k v PXAT @"]),
    case(&["SET k v PXAT 33000000000123"], &["SET k v PXAT @"]),
    case(&["SET k v NX"], &["SET k v"]),
    case(&["SET k v", "SET k w NX"], &[]),
    case(&["SET k v XX"], &[]),
    case(&["SET k v", "SET k w XX EX 100"], &["SET k w PXAT @"]),
    case(&["SET k v", "SET k w GET"], &["SET k w"]),
    case(&["SET k v", "SET k w NX GET"], &[]),
    case(&["SET k v EX 100", "SET k w KEEPTTL"], &["SET k w PXAT @"]),
    case(&["SETEX k 100 v"], &["SET k v PXAT @"]),
    case(&["PSETEX k 100000 v"], &["SET k v PXAT @"]),
    case(&["SETNX k v"], &["SETNX k v"]),
    case(&["SET k v", "SETNX k w"], &[]),
    case(&["GETSET k v"], &["SET k v"]),
    case(&["SET k v", "GETDEL k"], &["DEL k"]),
    case(&["GETDEL k"], &[]),
    case(&["SET k v", "GETEX k"], &[]),
    case(&["SET k v", "GETEX k EX 100"], &["PEXPIREAT k @"]),
    case(&["SET k v", "GETEX k PX 100000"], &["PEXPIREAT k @"]),
    case(
        &["SET k v", "GETEX k PXAT 33000000000123"],
        &["PEXPIREAT k @"],
    ),
    case(&["SET k v", "GETEX k EXAT 1"], &["DEL k"]),
    case(&["SET k v EX 100", "GETEX k PERSIST"], &["PERSIST k"]),
    case(&["SET k v", "GETEX k PERSIST"], &[]),
    case(&["GETEX k EX 100"], &[]),
    case(&["SET k v", "EXPIRE k 100"], &["PEXPIREAT k @"]),
    case(&["SET k v", "PEXPIRE k 100000"], &["PEXPIREAT k @"]),
    case(&["SET k v", "EXPIREAT k 33000000000"], &["PEXPIREAT k @"]),
    case(
        &["SET k v", "PEXPIREAT k 33000000000123"],
        &["PEXPIREAT k @"],
    ),
    case(&["SET k v", "EXPIRE k 100 NX"], &["PEXPIREAT k @"]),
    case(&["SET k v EX 100", "EXPIRE k 100 NX"], &[]),
    case(&["SET k v EX 100", "EXPIRE k 50 GT"], &[]),
    case(&["SET k v", "EXPIRE k -1"], &["DEL k"]),
    case(&["SET k v", "PEXPIREAT k 0"], &["DEL k"]),
    case(&["EXPIRE k 100"], &[]),
    case(&["SET k v EX 100", "PERSIST k"], &["PERSIST k"]),
    case(&["SET k v", "PERSIST k"], &[]),
    case(&["SET k 1", "INCR k"], &["INCR k"]),
    case(&["DECRBY k 5"], &["DECRBY k 5"]),
    case(&["SET k v", "INCR k"], &[]),
    case(&["SET k 9223372036854775807", "INCR k"], &[]),
    case(&["SET k 3.0e3", "INCRBYFLOAT k 200"], &["SET k 3200"]),
    case(
        &["SET k 1 EX 100", "INCRBYFLOAT k 0.5"],
        &["SET k 1.5 PXAT @"],
    ),
    case(&["APPEND k v"], &["APPEND k v"]),
    case(&["SETRANGE k 2 v"], &["SETRANGE k 2 v"]),
    case(&["SET k v", "SETRANGE k -1 w"], &[]),
    case(&["MSET k v j w"], &["MSET k v j w"]),
    case(&["MSETNX k v j w"], &["MSETNX k v j w"]),
    case(&["SET k v", "MSETNX k w j w"], &[]),
    case(&["SET k v", "DEL k j"], &["DEL k j"]),
    case(&["SET k v", "UNLINK k"], &["UNLINK k"]),
    case(&["DEL k"], &[]),
    case(&["SET j v EX 100", "RENAME j k"], &["RENAME j k"]),
    case(&["RENAME j k"], &[]),
    case(&["SET k v", "RENAME k k"], &[]),
    case(&["MSET j v k w", "RENAMENX j k"], &[]),
    case(&["SET j v", "RENAMENX j k"], &["RENAMENX j k"]),
    case(&["SET j v", "COPY j k"], &["COPY j k"]),
    case(&["MSET j v k w", "COPY j k"], &[]),
    case(&["SET k v", "FLUSHDB"], &["FLUSHDB"]),
    case(&["SET k v", "FLUSHALL ASYNC"], &["FLUSHALL ASYNC"]),
    case(&["FLUSHALL"], &["FLUSHALL"]),
    case(&["FLUSHDB SYNC"], &["FLUSHDB SYNC"]),
    case(&["FLUSHALL x"], &[]),
    case(&["GET k", "MGET k j", "EXISTS k", "TYPE k", "KEYS *"], &[]),
    case(&["SET k", "SET k v EX 0", "NOSUCH k", "EXPIRE k x"], &[]),
];

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

fn or_nothing(log: &[u8]) -> String {
    match log {
        [] => "(nothing)".into(),
        _ => log.escape_ascii().to_string(),
    }
}

/// Redis writes some commands in another form; what they mean is tested below.
#[test]
fn the_log_says_what_happened() {
    if is_other_server() {
        return;
    }
    let data = data_folder();
    let (_server, mut c) = start(&data, &[]);
    let log = Log::of(&data);
    for Case {
        commands,
        log: expected,
    } in CASES
    {
        c.call(&["FLUSHALL"]);
        let (last, before) = commands.split_last().expect("a command");
        for command in before {
            c.call(&words(command));
        }
        let start = log.bytes().len();
        c.call(&words(last));
        let deadline = String::from_utf8(c.call(&["PEXPIRETIME", "k"])).expect("an integer");
        let deadline = deadline.trim_matches([':', '\r', '\n']);
        let expected: Vec<u8> = expected
            .iter()
            .flat_map(|line| encode(&words(&line.replace('@', deadline))))
            .collect();
        let written = &log.bytes()[start..];
        assert!(
            written == expected,
            "{commands:?} logged: {}; expected: {}",
            or_nothing(written),
            or_nothing(&expected)
        );
    }
}

/// Relative times would start anew with each replay, and a condition would meet
/// another data set.
#[test]
fn no_time_in_the_log_counts_from_now() {
    let data = data_folder();
    let (_server, mut c) = start(&data, &[]);
    for command in CASES.iter().flat_map(|case| case.commands) {
        c.call(&words(command));
    }
    let relative = ["EX", "PX", "SETEX", "PSETEX", "EXPIRE", "PEXPIRE"];
    for command in Log::of(&data).commands() {
        let words = crate::session::strings(&command);
        let text = |word: &[u8]| String::from_utf8_lossy(word).to_uppercase();
        assert!(
            !words.iter().any(|word| relative.contains(&&text(word)[..])),
            "{}",
            command.escape_ascii()
        );
    }
}

#[test]
fn every_write_is_there_after_a_crash() {
    let data = data_folder();
    let (server, mut c) = start(&data, &["--appendfsync", "no"]);
    for (number, case) in CASES.iter().enumerate() {
        let commands = case.commands.iter();
        for command in commands.filter(|command| !command.starts_with("FLUSH")) {
            c.call(&words(command));
        }
        // Under names that the other cases do not touch.
        for key in ["j", "k"] {
            let kept = format!("{number}{key}");
            c.call(&["RENAME", key, &kept]);
        }
    }
    let before = data_set(&mut c);
    assert!(before.len() > CASES.len() / 2, "{} keys", before.len());
    server.kill();
    let (_server, mut c) = start(&data, &[]);
    assert_eq!(data_set(&mut c), before);
}

#[test]
fn bytes_of_any_kind_come_back() {
    let data = data_folder();
    let (server, mut c) = start(&data, &[]);
    let long = vec![b'*'; 300_000];
    let values: [&[u8]; 6] = [
        b"",
        b"\r\n*1\r\n$4\r\nPING\r\n",
        b"\0\xff",
        b"#TS:1",
        b"REDIS",
        &long,
    ];
    for value in values {
        c.expect_args(&[b"SET", value, value], OK);
    }
    server.kill();
    let (_server, mut c) = start(&data, &[]);
    for value in values {
        c.expect_args(&[b"GET", value], bulk(value));
    }
    c.expect("DBSIZE", int(values.len() as i64));
}

/// The command that finds it expired is the first to touch it, whether it changes
/// anything or not. The active cycle may be quicker, but not five times.
#[test]
fn a_key_that_expired_is_deleted_in_the_right_place() {
    let data = data_folder();
    let (server, mut c) = start(&data, &["--appendfsync", "always"]);
    let log = Log::of(&data);
    let place = |command: &[u8]| log.commands().iter().position(|other| other == command);
    let deleted = |key: &str| {
        let spellings = [encode(&["DEL", key]), encode(&["UNLINK", key])];
        spellings.iter().find_map(|command| place(command))
    };
    for round in 0..5 {
        let (raised, read) = (format!("raised{round}"), format!("read{round}"));
        for key in [&raised, &read] {
            c.expect(&format!("SET {key} 41 PX 1"), OK);
        }
        let over = unix_milliseconds() + 5;
        wait_until("the time is over", || unix_milliseconds() > over);
        for _ in 0..2 {
            // The second reply waits for what the first GET logged.
            c.expect(&format!("GET {read}"), NULL);
        }
        assert!(deleted(&read).is_some(), "GET found it expired: no DEL");
        c.expect(&format!("INCR {raised}"), int(1));
        let (del, incr) = (deleted(&raised), place(&encode(&["INCR", &raised])));
        assert!(
            del.is_some() && del < incr,
            "DEL is command {del:?} of the log, and the INCR that found it expired {incr:?}"
        );
    }
    c.expect("SET active 41 PX 1", OK);
    wait_until("nobody asks, and it is deleted", || {
        deleted("active").is_some()
    });
    server.kill();
    let (_server, mut c) = start(&data, &[]);
    let expected: Vec<String> = (0..5).map(|round| format!("raised{round}")).collect();
    let expected: Vec<(&str, &str)> = expected.iter().map(|key| (&key[..], "1")).collect();
    assert_eq!(data_set(&mut c), plain(&expected));
}

/// A key whose deadline passed before the restart does not come back; every other deadline stays
/// the same.
#[test]
fn deadlines_survive_to_the_millisecond() {
    let data = data_folder();
    let (server, mut c) = start(&data, &[]);
    let soon = unix_milliseconds() + 50;
    c.expect(&format!("SET soon v PXAT {soon}"), OK);
    c.expect("SET late v PXAT 33000000000123", OK);
    server.kill();
    wait_until("the time is over", || unix_milliseconds() > soon);
    let (_server, mut c) = start(&data, &[]);
    c.expect("GET soon", NULL);
    c.expect("PEXPIRETIME late", ":33000000000123\r\n");
}

#[test]
fn the_log_has_a_write_before_its_reply() {
    // Redis makes an exception if an fsync takes long.
    let others = if is_other_server() {
        &[][..]
    } else {
        &["everysec"]
    };
    for policy in [&["always", "no"], others].concat() {
        let data = data_folder();
        let (_server, mut c) = start(&data, &["--appendfsync", policy]);
        for number in 0..100 {
            c.expect(&format!("SET k {number}"), OK);
            let last = Log::of(&data).commands().pop();
            assert_eq!(last, Some(encode(&["SET", "k", &number.to_string()])));
        }
    }
}

#[test]
fn nothing_is_logged_unless_asked_for() {
    let data = data_folder();
    let server = Server::start_on(data.path(), &[]);
    let mut c = connect(&server);
    c.expect("SET k v", OK);
    assert!(!data.path().join(FOLDER).exists());
    assert_eq!(info(&mut c, "aof_enabled").as_deref(), Some("0"));
}

#[test]
fn the_log_can_have_other_names() {
    let data = data_folder();
    let names = [
        "--appendfilename",
        "my-log_1.aof",
        "--appenddirname",
        "logs",
    ];
    let (server, mut c) = start(&data, &names);
    c.expect("SET k v", OK);
    let log = Log::named(&data, "logs", "my-log_1.aof");
    assert_eq!(log.commands(), [encode(&["SET", "k", "v"])]);
    c.expect_args(
        &["CONFIG", "GET", "appendfilename"],
        config("appendfilename", "my-log_1.aof"),
    );
    c.expect_args(
        &["CONFIG", "GET", "appenddirname"],
        config("appenddirname", "logs"),
    );
    server.kill();
    let (_server, mut c) = start(&data, &names);
    c.expect("GET k", bulk("v"));
    assert!(!data.path().join(FOLDER).exists());
}

#[test]
fn a_name_must_be_no_path() {
    let data = data_folder();
    for flag in ["--appendfilename", "--appenddirname"] {
        let (status, said) = Server::refuses(data.path(), &[flag, "a/b"]);
        assert!(!status.success(), "{said}");
        assert!(said.contains("path"), "{said}");
    }
}

fn config(name: &str, value: &str) -> Vec<u8> {
    [b"*2\r\n".to_vec(), bulk(name), bulk(value)].concat()
}

fn failed(name: &str, why: &str) -> String {
    format!("-ERR CONFIG SET failed (possibly related to argument '{name}') - {why}\r\n")
}

#[test]
fn config_knows_the_log() {
    let data = data_folder();
    let (_server, mut c) = start(&data, &["--appendfsync", "always"]);
    let dir = data.path().canonicalize().expect("a path");
    for (name, value) in [
        ("appendonly", "yes"),
        ("appendfsync", "always"),
        ("appendfilename", "appendonly.aof"),
        ("appenddirname", "appendonlydir"),
        ("dir", &dir.display().to_string()),
    ] {
        c.expect(&format!("CONFIG GET {name}"), config(name, value));
    }
    for (name, value, why) in [
        (
            "appendfsync",
            "sometimes",
            "argument(s) must be one of the following: everysec, always, no",
        ),
        ("appendonly", "maybe", "argument must be 'yes' or 'no'"),
        ("appendfilename", "a.aof", "can't set immutable config"),
        ("appenddirname", "a", "can't set immutable config"),
        ("dir", "/", "can't set protected config"),
    ] {
        c.expect(&format!("CONFIG SET {name} {value}"), failed(name, why));
    }
    for policy in ["no", "EverySec", "ALWAYS"] {
        c.expect(&format!("CONFIG SET appendfsync {policy}"), OK);
        let policy = policy.to_lowercase();
        c.expect("CONFIG GET appendfsync", config("appendfsync", &policy));
        c.expect(&format!("SET k {policy}"), OK);
    }
    // All of it or nothing.
    let sent = "CONFIG SET appendonly no appendfsync sometimes";
    assert!(c.call(&words(sent)).starts_with(b"-ERR CONFIG SET failed"));
    c.expect("CONFIG GET appendonly", config("appendonly", "yes"));
}

#[test]
fn info_tells_about_the_log() {
    let data = data_folder();
    let (_server, mut c) = start(&data, &["--appendfsync", "always"]);
    c.expect("SET k v", OK);
    for (field, value) in [
        ("loading", 0),
        ("aof_enabled", 1),
        ("aof_rewrite_in_progress", 0),
        ("aof_rewrite_scheduled", 0),
        ("aof_buffer_length", 0),
        ("aof_pending_bio_fsync", 0),
        ("aof_delayed_fsync", 0),
    ] {
        assert_eq!(info(&mut c, field), Some(value.to_string()), "{field}");
    }
    let size = |c: &mut Session| -> u64 {
        let size = info(c, "aof_current_size").expect("a size");
        size.parse().expect("a number")
    };
    let before = size(&mut c);
    c.expect("SET k w", OK);
    assert_eq!(
        size(&mut c) - before,
        encode(&["SET", "k", "w"]).len() as u64
    );
    assert!(info(&mut c, "aof_base_size").is_some());
    assert_eq!(info(&mut c, "aof_last_write_status").as_deref(), Some("ok"));
}

#[test]
fn the_log_is_turned_on_with_data_there() {
    let data = data_folder();
    let server = Server::start_on(data.path(), &[]);
    let mut c = connect(&server);
    c.expect("MSET a 1 b x", OK);
    c.expect("SET c v PXAT 33000000000123", OK);
    c.expect("APPEND b y", int(2));
    c.expect("CONFIG SET appendonly yes", OK);
    assert_eq!(info(&mut c, "aof_enabled").as_deref(), Some("1"));
    wait_for_rewrite(&mut c);
    c.expect("INCR a", int(2));
    let before = data_set(&mut c);
    server.kill();
    let (_server, mut c) = start(&data, &[]);
    assert_eq!(data_set(&mut c), before);
}

#[test]
fn the_log_is_turned_off_and_on_again() {
    let data = data_folder();
    let (server, mut c) = start(&data, &[]);
    for round in 0..3 {
        c.expect(&format!("SET logged {round}"), OK);
        c.expect("CONFIG SET appendonly no", OK);
        let size = snapshot_size(&data);
        c.expect(&format!("SET unlogged {round}"), OK);
        assert_eq!(snapshot_size(&data), size);
        c.expect("CONFIG SET appendonly yes", OK);
        wait_for_rewrite(&mut c);
    }
    c.expect("DEL logged", int(1));
    server.kill();
    let (server, mut c) = start(&data, &[]);
    assert_eq!(data_set(&mut c), plain(&[("unlogged", "2")]));
    c.expect("CONFIG SET appendonly no", OK);
    c.expect("SET unlogged later", OK);
    server.kill();
    let (_server, mut c) = start(&data, &[]);
    assert_eq!(data_set(&mut c), plain(&[("unlogged", "2")]));
}

fn snapshot_size(data: &tempfile::TempDir) -> usize {
    crate::log::snapshot(data.path())
        .values()
        .map(Vec::len)
        .sum()
}

/// Files of an old AOF stay as they are.
#[test]
fn turning_the_log_on_touches_no_file_of_an_old_server() {
    let data = data_folder();
    let old = data.path().join("appendonly.aof");
    fs::write(&old, encode(&["SET", "old", "1"])).expect("an old log");
    let server = Server::start_on(data.path(), &[]);
    let mut c = connect(&server);
    c.expect("SET new 1", OK);
    c.expect("CONFIG SET appendonly yes", OK);
    wait_for_rewrite(&mut c);
    assert!(old.exists(), "the old log is gone");
    drop(server);
    let (_server, mut c) = start(&data, &[]);
    assert_eq!(data_set(&mut c), plain(&[("new", "1")]));
    assert!(old.exists(), "the old log is gone");
}
