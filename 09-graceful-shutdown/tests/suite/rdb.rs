//! Saving: the commands, the save points, what is refused and in which words, and
//! that the next server has what was saved.
//!
//! Reread: 06-rdb-snapshots/GUIDE.md#the-idea

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::thread;

use tempfile::TempDir;

use crate::dump::{self, expect_no_leftovers, leftovers, same, wait_for_background};
use crate::harness::{Server, is_other_server, wait_until};
use crate::log::{ON, connect, data_folder, data_set, info, plain, snapshot, unix_milliseconds};
use crate::session::{OK, Session, arity, bulk, encode, int, strings};

const STARTED: &str = "+Background saving started\r\n";
const IN_PROGRESS: &str = "-ERR Background save already in progress\r\n";
const MISCONF: &str = "-MISCONF Redis is configured to save RDB snapshots, but it's currently \
    unable to persist to disk. Commands that may modify the data set are disabled, because this \
    instance is configured to report errors during writes if RDB snapshotting fails \
    (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB \
    error.\r\n";

/// A server on `data` that keeps no log.
fn start(data: &TempDir) -> (Server, Session) {
    let server = Server::start_on(data.path(), &[]);
    let session = connect(&server);
    (server, session)
}

fn field(c: &mut Session, name: &str) -> i64 {
    let value = info(c, name).unwrap_or_else(|| panic!("INFO has no {name}"));
    value.parse().expect("a number")
}

/// Strings of every kind, and times.
fn fill(c: &mut Session) {
    let long = "abc".repeat(4000);
    let numbers = [
        "0",
        "-1",
        "127",
        "-128",
        "128",
        "32767",
        "32768",
        "2147483647",
        "-2147483648",
        "2147483648",
        "9223372036854775807",
        "-9223372036854775808",
        "007",
        "+1",
        "3.14",
        "-0",
    ];
    for number in numbers {
        c.expect_args(&["SET", &format!("n{number}"), number], OK);
        c.expect_args(&["SET", number, "the key is a number"], OK);
    }
    for length in [0, 1, 20, 21, 63, 64, 12_000] {
        c.expect_args(&["SET", &format!("l{length}"), &long[..length]], OK);
    }
    let every: Vec<u8> = (0..=255).cycle().take(16_384).collect();
    c.expect_args(&[&b"SET"[..], b"\r\n\0\xff", &every], OK);
    c.expect_args(&["SET", &long, "a long key"], OK);
    c.expect("SET timed v PXAT 33000000000123", OK);
    c.expect("SET number 17 PXAT 33000000000777", OK);
}

#[test]
fn what_was_saved_is_there_after_a_crash() {
    let data = data_folder();
    let (server, mut c) = start(&data);
    fill(&mut c);
    c.expect("SAVE", OK);
    let saved = data_set(&mut c);
    c.expect("SET late v", OK);
    c.expect("DEL timed", int(1));
    server.kill();
    let (_server, mut c) = start(&data);
    same(&data_set(&mut c), &saved);
    assert_eq!(
        field(&mut c, "rdb_last_load_keys_loaded"),
        saved.len() as i64
    );
    assert_eq!(field(&mut c, "rdb_changes_since_last_save"), 0);
}

#[test]
fn a_save_in_the_background_is_told_of() {
    let data = data_folder();
    let (server, mut c) = start(&data);
    let begun = unix_milliseconds() / 1000;
    let last = |c: &mut Session| -> i64 {
        let reply = String::from_utf8(c.call(&["LASTSAVE"])).expect("text");
        let digits = reply.trim_matches([':', '\r', '\n']);
        digits.parse().expect("an integer")
    };
    assert!((begun - last(&mut c)).abs() <= 10, "the time of the start");
    fill(&mut c);
    assert!(field(&mut c, "rdb_changes_since_last_save") > 30);
    let expected = data_set(&mut c);
    c.expect("BGSAVE", STARTED);
    wait_for_background(&mut c);
    assert_eq!(
        info(&mut c, "rdb_last_bgsave_status").as_deref(),
        Some("ok")
    );
    assert_eq!(field(&mut c, "rdb_changes_since_last_save"), 0);
    assert_eq!(field(&mut c, "rdb_current_bgsave_time_sec"), -1);
    assert!(field(&mut c, "rdb_last_bgsave_time_sec") >= 0);
    let time = last(&mut c);
    assert!(time >= begun);
    assert_eq!(field(&mut c, "rdb_last_save_time"), time);
    expect_no_leftovers(&data);
    server.kill();
    let (_server, mut c) = start(&data);
    same(&data_set(&mut c), &expected);
}

/// Sends `lines` as one packet. What is under way at the first of them is so at the
/// last, for nothing comes between.
fn at_once(c: &mut Session, lines: &[(&str, &str)]) {
    let words = |line: &str| encode(&line.split(' ').collect::<Vec<_>>());
    let packet: Vec<u8> = lines.iter().flat_map(|(line, _)| words(line)).collect();
    c.send(&packet);
    for (line, expected) in lines {
        let reply = String::from_utf8(c.reply()).expect("text");
        assert_eq!(reply, *expected, "{line}");
    }
}

#[test]
fn one_at_a_time() {
    const REWRITING: &str = "+Background append only file rewriting started\r\n";
    const REWRITE_LATER: &str = "+Background append only file rewriting scheduled\r\n";
    const SAVE_LATER: &str = "+Background saving scheduled\r\n";
    let data = data_folder();
    let (_server, mut c) = start(&data);
    c.expect("SET k v", OK);
    let saving = [
        ("BGSAVE", STARTED),
        ("BGSAVE", IN_PROGRESS),
        ("bgsave schedule", IN_PROGRESS),
        ("SAVE", IN_PROGRESS),
        ("BGREWRITEAOF", REWRITE_LATER),
        ("BGREWRITEAOF", REWRITE_LATER),
        ("SET k w", OK),
    ];
    at_once(&mut c, &saving);
    wait_for_background(&mut c);
    assert_eq!(field(&mut c, "rdb_changes_since_last_save"), 1);
    let rewriting = [
        ("BGREWRITEAOF", REWRITING),
        (
            "BGREWRITEAOF",
            "-ERR Background append only file rewriting already in progress\r\n",
        ),
        (
            "BGSAVE",
            "-ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE \
             SCHEDULE in order to schedule a BGSAVE whenever possible.\r\n",
        ),
        ("BGSAVE SCHEDULE", SAVE_LATER),
        ("SAVE", OK),
        ("SET k x", OK),
    ];
    at_once(&mut c, &rewriting);
    wait_until("the second is saved, too", || {
        field(&mut c, "rdb_changes_since_last_save") == 0
    });
    c.expect("BGSAVE SCHEDULE", STARTED);
    wait_for_background(&mut c);
    expect_no_leftovers(&data);
}

#[test]
fn wrong_arguments_are_refused() {
    let data = data_folder();
    let (_server, mut c) = start(&data);
    for (line, expected) in [
        ("SAVE now", arity("save")),
        ("LASTSAVE now", arity("lastsave")),
        ("BGREWRITEAOF now", arity("bgrewriteaof")),
        ("BGSAVE now", "-ERR syntax error\r\n".into()),
        ("BGSAVE SCHEDULE now", "-ERR syntax error\r\n".into()),
    ] {
        c.expect(line, expected);
    }
    assert!(!dump::path(&data).exists());
}

fn config(name: &str, value: &str) -> Vec<u8> {
    [b"*2\r\n".to_vec(), bulk(name), bulk(value)].concat()
}

#[test]
fn config_knows_the_file() {
    let data = data_folder();
    let (_server, mut c) = start(&data);
    for (name, value) in [
        ("dbfilename", "dump.rdb"),
        ("rdbcompression", "yes"),
        ("rdbchecksum", "yes"),
        ("stop-writes-on-bgsave-error", "yes"),
        ("aof-use-rdb-preamble", "yes"),
        ("auto-aof-rewrite-percentage", "100"),
        ("auto-aof-rewrite-min-size", "67108864"),
    ] {
        c.expect(&format!("CONFIG GET {name}"), config(name, value));
    }
    for (name, value, why) in [
        ("save", "10", "Invalid save parameters"),
        ("save", "10 x", "Invalid save parameters"),
        ("save", "10 1 20", "Invalid save parameters"),
        ("save", "0 1", "Invalid save parameters"),
        ("save", "10 -1", "Invalid save parameters"),
        ("dbfilename", "other.rdb", "can't set protected config"),
        ("rdbchecksum", "no", "can't set immutable config"),
        ("rdbcompression", "maybe", "argument must be 'yes' or 'no'"),
        (
            "stop-writes-on-bgsave-error",
            "1",
            "argument must be 'yes' or 'no'",
        ),
        (
            "aof-use-rdb-preamble",
            "x",
            "argument must be 'yes' or 'no'",
        ),
        (
            "auto-aof-rewrite-percentage",
            "x",
            "argument couldn't be parsed into an integer",
        ),
        (
            "auto-aof-rewrite-percentage",
            "05",
            "argument couldn't be parsed into an integer",
        ),
        (
            "auto-aof-rewrite-percentage",
            "-1",
            "argument must be between 0 and 2147483647 inclusive",
        ),
        (
            "auto-aof-rewrite-min-size",
            "x",
            "argument must be a memory value",
        ),
    ] {
        let reply =
            format!("-ERR CONFIG SET failed (possibly related to argument '{name}') - {why}\r\n");
        c.expect_args(&["CONFIG", "SET", name, value], reply);
    }
    for (name, value, then) in [
        ("save", "3600 1 300 100", "3600 1 300 100"),
        ("save", "", ""),
        ("rdbcompression", "NO", "no"),
        ("stop-writes-on-bgsave-error", "no", "no"),
        ("aof-use-rdb-preamble", "no", "no"),
        ("auto-aof-rewrite-percentage", "0", "0"),
        ("auto-aof-rewrite-min-size", "1mb", "1048576"),
    ] {
        c.expect_args(&["CONFIG", "SET", name, value], OK);
        c.expect(&format!("CONFIG GET {name}"), config(name, then));
    }
}

/// An integer must be one to its last byte; a save point is two numbers as C reads them.
#[test]
fn config_set_reads_numbers_as_redis_does() {
    let data = data_folder();
    let (_server, mut c) = start(&data);
    let failed = |name: &str, why: &str| {
        format!("-ERR CONFIG SET failed (possibly related to argument '{name}') - {why}\r\n")
    };
    let percentage = "auto-aof-rewrite-percentage";
    let no_integer = failed(percentage, "argument couldn't be parsed into an integer");
    for value in ["50\0", "5 ", "+5", "05", "", "9223372036854775808"] {
        c.expect_args(&["CONFIG", "SET", percentage, value], &no_integer);
    }
    for (value, then) in [
        ("5 ", "5 0"),
        ("5 1\0", "5 1"),
        ("99999999999999999999 1", "9223372036854775807 1"),
        ("100000 4294967298", "100000 2"),
        ("", ""),
    ] {
        c.expect_args(&["CONFIG", "SET", "save", value], OK);
        c.expect("CONFIG GET save", config("save", then));
    }
    let invalid = failed("save", "Invalid save parameters");
    for value in ["5", "5 1 ", "5  1", "5 1\0 7", "0 1", "5 -1", "5 1x"] {
        c.expect_args(&["CONFIG", "SET", "save", value], &invalid);
    }
    c.expect_args(&["CONFIG", "SET", "aof-use-rdb-preamble", "YES\0no"], OK);
}

#[test]
fn a_save_point_saves_of_itself() {
    let data = data_folder();
    let (server, mut c) = start(&data);
    c.expect_args(&["CONFIG", "SET", "save", "100000 1 1 3"], OK);
    c.expect("MSET a 1 b 2", OK);
    c.expect("INCR a", int(2));
    c.expect("GET a", bulk("2"));
    wait_until("it is saved", || {
        field(&mut c, "rdb_changes_since_last_save") == 0
    });
    server.kill();
    let (_server, mut c) = start(&data);
    assert_eq!(data_set(&mut c), plain(&[("a", "2"), ("b", "2")]));
}

/// A folder that has the file's name is as good as a disk that fails: nothing can be
/// renamed to it.
#[test]
fn after_a_save_that_failed_writes_are_refused() {
    let data = data_folder();
    let (_server, mut c) = start(&data);
    c.expect_args(&["CONFIG", "SET", "save", "100000 100000"], OK);
    c.expect("SET k v", OK);
    fs::create_dir_all(dump::path(&data).join("in the way")).expect("a folder");
    c.expect("SAVE", "-ERR\r\n");
    c.expect("SET k w", OK);
    c.expect("BGSAVE", STARTED);
    wait_until("it fails", || {
        info(&mut c, "rdb_last_bgsave_status").as_deref() == Some("err")
    });
    for line in ["SET k x", "DEL k", "FLUSHALL", "PING"] {
        c.expect(line, MISCONF);
    }
    c.expect("GET k", bulk("w"));
    c.expect("SET k", arity("set"));
    c.expect("ECHO k", bulk("k"));
    assert!(field(&mut c, "rdb_changes_since_last_save") > 0);
    expect_no_leftovers(&data);
    c.expect("CONFIG SET stop-writes-on-bgsave-error no", OK);
    c.expect("SET k y", OK);
    c.expect("CONFIG SET stop-writes-on-bgsave-error yes", OK);
    c.expect("SET k z", MISCONF);
    // Who does not want to save does not mind.
    c.expect_args(&["CONFIG", "SET", "save", ""], OK);
    c.expect("SET k z", OK);
    c.expect_args(&["CONFIG", "SET", "save", "100000 100000"], OK);
    c.expect("PING", MISCONF);
    fs::remove_dir_all(dump::path(&data)).expect("no folder");
    c.expect("BGSAVE", STARTED);
    wait_for_background(&mut c);
    c.expect("PING", "+PONG\r\n");
    c.expect("SET k v", OK);
}

#[test]
fn info_has_the_fields_that_redis_has() {
    let data = data_folder();
    let (_server, mut c) = start(&data);
    for (name, value) in [
        ("loading", "0"),
        ("current_fork_perc", "0.00"),
        ("current_save_keys_processed", "0"),
        ("current_save_keys_total", "0"),
        ("rdb_changes_since_last_save", "0"),
        ("rdb_bgsave_in_progress", "0"),
        ("rdb_last_bgsave_status", "ok"),
        ("rdb_last_bgsave_time_sec", "-1"),
        ("rdb_current_bgsave_time_sec", "-1"),
        ("rdb_saves", "0"),
        ("rdb_last_load_keys_expired", "0"),
        ("rdb_last_load_keys_loaded", "0"),
        ("aof_enabled", "0"),
        ("aof_rewrite_in_progress", "0"),
        ("aof_rewrite_scheduled", "0"),
        ("aof_last_rewrite_time_sec", "-1"),
        ("aof_current_rewrite_time_sec", "-1"),
        ("aof_last_bgrewrite_status", "ok"),
        ("aof_rewrites", "0"),
        ("aof_rewrites_consecutive_failures", "0"),
    ] {
        assert_eq!(info(&mut c, name).as_deref(), Some(value), "{name}");
    }
    assert!(info(&mut c, "current_cow_size").is_some());
    c.expect("SAVE", OK);
    assert_eq!(field(&mut c, "rdb_saves"), 1);
}

#[test]
fn the_file_can_have_another_name() {
    let data = data_folder();
    let flags = ["--dbfilename", "other_1.rdb"];
    let server = Server::start_on(data.path(), &flags);
    let mut c = connect(&server);
    c.expect("SET k v", OK);
    c.expect("SAVE", OK);
    assert!(data.path().join("other_1.rdb").exists() && !dump::path(&data).exists());
    server.kill();
    let server = Server::start_on(data.path(), &flags);
    connect(&server).expect("GET k", bulk("v"));
    let (status, said) = Server::refuses(data.path(), &["--dbfilename", "a/b.rdb"]);
    assert!(!status.success() && said.contains("path"), "{said}");
}

/// A key that has expired when the file is loaded does not come back.
#[test]
fn keys_that_expired_meanwhile_are_not_loaded() {
    let data = data_folder();
    let (server, mut c) = start(&data);
    let soon = unix_milliseconds() + 300;
    c.expect(&format!("SET soon v PXAT {soon}"), OK);
    c.expect("SET late v PXAT 33000000000123", OK);
    c.expect("SAVE", OK);
    server.kill();
    wait_until("the time is over", || unix_milliseconds() > soon);
    let (_server, mut c) = start(&data);
    c.expect("DBSIZE", int(1));
    c.expect("PEXPIRETIME late", ":33000000000123\r\n");
    assert_eq!(field(&mut c, "rdb_last_load_keys_expired"), 1);
    assert_eq!(field(&mut c, "rdb_last_load_keys_loaded"), 1);
}

/// With the log on, the log is the truth, even if it is empty.
#[test]
fn the_log_comes_before_the_file() {
    let data = data_folder();
    let (server, mut c) = start(&data);
    c.expect("SET k file", OK);
    c.expect("SAVE", OK);
    server.kill();
    let file = fs::read(dump::path(&data)).expect("the file");
    let server = Server::start_on(data.path(), &ON);
    let mut c = connect(&server);
    c.expect("DBSIZE", int(0));
    c.expect("SET k log", OK);
    server.kill();
    assert!(fs::read(dump::path(&data)).expect("the file") == file);
    let server = Server::start_on(data.path(), &ON);
    connect(&server).expect("GET k", bulk("log"));
    server.kill();
    let (_server, mut c) = start(&data);
    c.expect("GET k", bulk("file"));
}

/// Values that take a while to write, for whoever compresses them.
fn fill_much(c: &mut Session) {
    let mut state = 1_u64;
    let mut noise = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        format!("{:016x}", state)
    };
    for key in 0..24 {
        let value: String = (0..32 * 1024).map(|_| noise()).collect();
        c.expect_args(&["SET", &format!("k{key}"), &value], OK);
    }
}

/// A save must not bring back what FLUSHALL deleted, and the file is emptied, too.
#[test]
fn what_was_flushed_is_not_saved() {
    let data = data_folder();
    let (server, mut c) = start(&data);
    c.expect_args(&["CONFIG", "SET", "save", "100000 100000"], OK);
    for _ in 0..3 {
        fill_much(&mut c);
        at_once(&mut c, &[("BGSAVE", STARTED), ("FLUSHALL", OK)]);
        assert!(dump::path(&data).exists());
        wait_for_background(&mut c);
    }
    expect_no_leftovers(&data);
    c.expect("DBSIZE", int(0));
    server.kill();
    let (_server, mut c) = start(&data);
    c.expect("DBSIZE", int(0));
}

/// A file that a server has left behind that ended while saving.
#[test]
fn files_of_a_server_that_ended_are_deleted() {
    // Redis leaves them.
    if is_other_server() {
        return;
    }
    let data = data_folder();
    for name in [
        "temp-1234.rdb",
        "temp-12-1.rdb",
        "temp-mine.rdb",
        "temp-1234.txt",
    ] {
        fs::write(data.path().join(name), "REDIS").expect("a file");
    }
    let (_server, mut c) = start(&data);
    c.expect("DBSIZE", int(0));
    let mut left = leftovers(&data);
    left.sort();
    assert_eq!(left, ["temp-1234.txt", "temp-mine.rdb"]);
}

/// Whatever it is called.
#[test]
fn the_file_itself_is_no_leftover() {
    let data = data_folder();
    for name in ["temp-1.rdb", "temp-12-1.rdb"] {
        let flags = ["--dbfilename", name];
        let server = Server::start_on(data.path(), &flags);
        let mut c = connect(&server);
        c.expect_args(&["SET", "name", name], OK);
        c.expect("SAVE", OK);
        server.kill();
        let server = Server::start_on(data.path(), &flags);
        connect(&server).expect("GET name", bulk(name));
    }
}

/// How many keys each writer of the next test has, so that many parts of the data
/// set are written at each moment.
const KEYS: usize = 500;

/// Writes the same number to a key and then to its twin. The twin is never ahead, and never more
/// than one behind; the same must hold in the file.
#[test]
fn a_file_is_of_one_moment() {
    let data = data_folder();
    let (server, mut c) = start(&data);
    let (stop, rest) = (Arc::new(AtomicBool::new(false)), Arc::new(RwLock::new(())));
    let address = server.addr();
    let writers: Vec<_> = (0..3)
        .map(|writer| {
            let (stop, rest) = (Arc::clone(&stop), Arc::clone(&rest));
            thread::spawn(move || write_twins(&mut Session::connect(address), writer, &rest, &stop))
        })
        .collect();
    for round in 1..=4 {
        wait_until("everybody has written", || {
            let last = format!("b2:{}", KEYS - 1);
            let reply = c.call(&["GET", &last]);
            let value = strings(&reply).pop().unwrap_or_default();
            String::from_utf8_lossy(&value).parse().unwrap_or(0) >= round
        });
        c.expect("BGSAVE", STARTED);
        wait_for_background(&mut c);
        // The file is done, so what they write now shows nothing.
        let _resting = rest.write();
        let copy = data_folder();
        fs::copy(dump::path(&data), dump::path(&copy)).expect("a copy");
        let (_server, mut c) = start(&copy);
        compare_twins(&data_set(&mut c));
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.join().expect("a writer");
    }
    assert!(snapshot(data.path()).len() == 1);
}

/// Waits while somebody holds `rest`.
fn write_twins(c: &mut Session, writer: usize, rest: &RwLock<()>, stop: &AtomicBool) {
    for round in 1.. {
        for part in 0..KEYS / 50 {
            let _writing = rest.read();
            let mut packet = Vec::new();
            for key in part * 50..(part + 1) * 50 {
                for twin in ["a", "b"] {
                    let key = format!("{twin}{writer}:{key}");
                    packet.extend(encode(&["SET", &key, &format!("{round}")]));
                }
            }
            c.send(&packet);
            (0..100).for_each(|_| assert_eq!(c.reply(), OK.as_bytes()));
            if stop.load(Ordering::Relaxed) {
                return;
            }
        }
    }
}

fn compare_twins(data: &crate::log::DataSet) {
    let number = |key: &str| -> i64 {
        data.get(key)
            .map_or(0, |text| text.parse().expect("a number"))
    };
    for writer in 0..3 {
        // One key and one twin may be written and the next not yet.
        let (mut before, mut steps) = (number(&format!("a{writer}:0")), 0);
        for key in 0..KEYS {
            for twin in ["a", "b"] {
                let now = number(&format!("{twin}{writer}:{key}"));
                steps += before - now;
                assert!(
                    now <= before && steps <= 1,
                    "{twin}{writer}:{key} is {now} after {before}"
                );
                before = now;
            }
        }
    }
}
