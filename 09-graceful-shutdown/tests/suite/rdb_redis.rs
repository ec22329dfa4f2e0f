//! Redis reads our RDB files, we read Redis's, its tool accepts what we wrote; and
//! what we cannot represent we refuse and leave alone.
//!
//! Reread: 06-rdb-snapshots/GUIDE.md#how-redis-does-it

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::dump::{self, file, record, same, string, wait_for_background};
use crate::harness::{Server, installed, is_other_server, wait_until};
use crate::log::{
    Log, NAME, ON, connect, copy, data_folder, data_set, plain, snapshot, unix_milliseconds,
};
use crate::session::{OK, Session, encode, int};

/// What files may be written with.
const WAYS: [&[&str]; 4] = [
    &[],
    &["--rdbcompression", "no"],
    &["--rdbchecksum", "no"],
    &["--rdbcompression", "no", "--rdbchecksum", "no"],
];

/// Every way in which a string is written, as a value and as a key.
fn fill(c: &mut Session) {
    let edges = [
        "0", "-1", "127", "-128", "128", "-129", "32767", "-32768", "32768", "-32769",
    ];
    let far = [
        "2147483647",
        "-2147483648",
        "2147483648",
        "-2147483649",
        "9223372036854775807",
        "-9223372036854775808",
    ];
    let no_numbers = ["007", "+1", "3.14", "-0", " 1", "1 ", "1e3", ""];
    for text in [&edges[..], &far, &no_numbers].concat() {
        c.expect_args(&["SET", &format!("v{text}"), text], OK);
        c.expect_args(&["SET", text, "v"], OK);
    }
    let every: Vec<u8> = (0..=255).collect();
    let mut state = 7_u32;
    let noise: Vec<u8> = (0..70_000)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect();
    for (name, piece) in [
        ("a", &b"a"[..]),
        ("abc", b"abc"),
        ("every", &every),
        ("noise", &noise),
    ] {
        for length in [1, 20, 21, 32, 63, 64, 300, 16_383, 16_384, 70_000] {
            let value: Vec<u8> = piece.iter().copied().cycle().take(length).collect();
            let key = format!("{name}{length}");
            c.expect_args(&[b"SET", key.as_bytes(), &value], OK);
            c.expect_args(&[b"SET", &value[..], b"key"], OK);
        }
    }
    // Numbers that a counter has made are kept in another way.
    c.expect("DECRBY counted 2147483649", int(-2147483649));
    c.expect("APPEND v127 0", int(4));
    c.expect("SETRANGE v128 1 0", int(3));
    c.expect("PEXPIREAT counted 33000000000123", int(1));
    c.expect("SET timed v PXAT 33000000000001", OK);
    c.expect("SET long v EX 500000", OK);
}

/// redis-check-rdb finds nothing wrong with a file.
#[track_caller]
fn is_valid(file: &Path) {
    let output = Command::new("redis-check-rdb")
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .expect("redis-check-rdb");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("looks OK"),
        "{said}"
    );
}

#[test]
fn redis_reads_our_file() {
    if !installed("redis-check-rdb") {
        return;
    }
    for way in WAYS {
        let data = data_folder();
        let server = Server::start_on(data.path(), way);
        let mut c = connect(&server);
        fill(&mut c);
        c.expect("BGSAVE", "+Background saving started\r\n");
        wait_for_background(&mut c);
        let expected = data_set(&mut c);
        server.kill();
        is_valid(&dump::path(&data));
        let server = Server::start_redis_on(data.path(), &[]).expect("it is installed");
        same(&data_set(&mut connect(&server)), &expected);
    }
}

#[test]
fn our_server_reads_a_file_of_redis() {
    for way in WAYS {
        let data = data_folder();
        let Some(server) = Server::start_redis_on(data.path(), way) else {
            return;
        };
        let mut c = connect(&server);
        fill(&mut c);
        c.expect("SAVE", OK);
        let expected = data_set(&mut c);
        server.kill();
        let server = Server::start_on(data.path(), &[]);
        let mut c = connect(&server);
        same(&data_set(&mut c), &expected);
        // And Redis what we make of it.
        c.expect("SAVE", OK);
        server.kill();
        let server = Server::start_redis_on(data.path(), &[]).expect("it is installed");
        same(&data_set(&mut connect(&server)), &expected);
    }
}

/// In the same number of bytes, if it is compressed as well as Redis does it.
#[test]
fn our_file_is_about_as_large_as_that_of_redis() {
    let size = |server: Server, data: &TempDir| {
        let mut c = connect(&server);
        fill(&mut c);
        c.expect("SAVE", OK);
        fs::metadata(dump::path(data)).expect("the file").len()
    };
    let (ours, theirs) = (data_folder(), data_folder());
    let Some(redis) = Server::start_redis_on(theirs.path(), &[]) else {
        return;
    };
    let theirs = size(redis, &theirs);
    let ours = size(Server::start_on(ours.path(), &[]), &ours);
    assert!(
        ours < theirs + theirs / 20,
        "{ours} bytes, and Redis {theirs}"
    );
}

/// Redis writes keys that have expired and were not yet deleted.
#[test]
fn expired_keys_in_a_file_of_redis() {
    let data = data_folder();
    let Some(server) = Server::start_redis_on(data.path(), &[]) else {
        return;
    };
    let mut c = connect(&server);
    c.expect(
        "DEBUG SET-ACTIVE-EXPIRE 0",
        "-ERR DEBUG command not allowed. If the \
        enable-debug-command option is set to \"local\", you can run it from a local connection, \
        otherwise you need to set this option in the configuration file, and then restart the \
        server.\r\n",
    );
    let soon = unix_milliseconds() + 400;
    for key in 0..200 {
        c.expect(&format!("SET soon{key} v PXAT {soon}"), OK);
    }
    c.expect("SET late v PXAT 33000000000123", OK);
    c.expect("SET never v", OK);
    c.expect("SAVE", OK);
    server.kill();
    wait_until("the time is over", || unix_milliseconds() > soon);
    is_valid(&dump::path(&data));
    let server = Server::start_on(data.path(), &[]);
    let mut c = connect(&server);
    let left = plain(&[("late", "v until :33000000000123"), ("never", "v")]);
    assert_eq!(data_set(&mut c), left);
}

/// Both kinds of base, from Redis to us and back, several times.
#[test]
fn a_log_goes_to_and_fro() {
    let data = data_folder();
    for preamble in ["yes", "no"] {
        let flags = [
            &ON[..],
            &[
                "--appendfsync",
                "always",
                "--aof-use-rdb-preamble",
                preamble,
            ],
        ]
        .concat();
        for round in 0..2 {
            let Some(redis) = Server::start_redis_on(data.path(), &flags) else {
                return;
            };
            let mut c = connect(&redis);
            c.expect("FLUSHALL", OK);
            fill(&mut c);
            c.call(&["BGREWRITEAOF"]);
            wait_for_background(&mut c);
            c.expect(&format!("SET round {round}"), OK);
            let expected = data_set(&mut c);
            redis.kill();
            let server = Server::start_on(data.path(), &flags);
            let mut c = connect(&server);
            same(&data_set(&mut c), &expected);
            c.expect("SET ours 1", OK);
            c.call(&["BGREWRITEAOF"]);
            wait_for_background(&mut c);
            c.expect("INCR ours", int(2));
            let expected = data_set(&mut c);
            server.kill();
            accepts_log(&data);
            let redis = Server::start_redis_on(data.path(), &flags).expect("it is installed");
            same(&data_set(&mut connect(&redis)), &expected);
        }
    }
}

fn accepts_log(data: &TempDir) {
    let output = Command::new("redis-check-aof")
        .arg(Log::of(data).manifest())
        .stdin(Stdio::null())
        .output()
        .expect("redis-check-aof");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("All AOF files and manifest are valid"),
        "{said}"
    );
}

/// Before Redis 7 the AOF was one file, which began as an RDB and went on with commands. Redis 7
/// makes it the base.
#[test]
fn the_base_that_was_an_old_servers_file_may_begin_as_an_rdb() {
    let commands: [&[&str]; 3] = [&["SELECT", "0"], &["INCR", "n"], &["SET", "tail", "1"]];
    let tail: Vec<u8> = commands.iter().flat_map(|words| encode(words)).collect();
    let rdb = file(&[record(b"n", b"41"), record(b"base", b"v")]);
    let data = data_folder();
    let log = Log::of(&data);
    fs::create_dir(&log.folder).expect("the folder");
    fs::write(log.folder.join(NAME), [rdb, tail].concat()).expect("an old AOF");
    let manifest = format!("file {NAME} seq 1 type b\n");
    fs::write(log.manifest(), manifest).expect("a manifest");
    let expected = plain(&[("base", "v"), ("n", "42"), ("tail", "1")]);
    for _ in 0..2 {
        let server = Server::start_on(data.path(), &ON);
        assert_eq!(data_set(&mut connect(&server)), expected);
    }
    assert!(log.folder.join(NAME).exists());
}

/// A server starts on none of these, says what and where it is, and does not touch the
/// file.
#[test]
fn what_this_server_does_not_have_is_refused() {
    let before = record(b"before", b"v");
    let list = [&[1][..], &string(b"my list"), &[1], &string(b"item")].concat();
    let hash = [
        &[4][..],
        &string(b"my hash"),
        &[1],
        &string(b"f"),
        &string(b"v"),
    ]
    .concat();
    let second = [&[0xFE, 3][..], &record(b"k", b"v")].concat();
    let module = [&[0xF7][..], &[0x81, 1, 2, 3, 4, 5, 6, 7, 8], &[0]].concat();
    let function = [&[0xF5][..], &string(b"#!lua name=l\n")].concat();
    let mut future = file(std::slice::from_ref(&before));
    future[5..9].copy_from_slice(b"0011");
    let at = file(std::slice::from_ref(&before)).len() - 9;
    let of = |record: &[u8]| file(&[before.clone(), record.to_vec()]);
    for (bytes, what, at) in [
        (of(&list), "my list", at),
        (of(&hash), "my hash", at),
        (of(&second), "database 3", at + 1),
        (of(&module), "module", at),
        (of(&function), "function", at),
        (of(&[200]), "200", at),
        (future, "version 11", 5),
    ] {
        refused(&bytes, what, at);
    }
}

fn refused(bytes: &[u8], what: &str, at: usize) {
    // Redis has what we do not.
    if is_other_server() && !["version 11", "200", "module"].contains(&what) {
        return;
    }
    let data = data_folder();
    fs::write(dump::path(&data), bytes).expect("a file");
    let (status, said) = Server::refuses(data.path(), &[]);
    assert_eq!(status.code(), Some(1), "{said}");
    if !is_other_server() {
        assert!(
            said.contains(what) && said.contains("dump.rdb"),
            "{what}: {said}"
        );
        let places = [format!("byte {at} "), format!("byte {at}:")];
        let is_told = places.iter().any(|place| said.contains(place));
        assert!(is_told, "{what} at {at}: {said}");
        let lines = said.lines().filter(|line| line.contains("cannot load"));
        assert_eq!(lines.count(), 1, "{said}");
    }
    let files: Vec<Vec<u8>> = snapshot(data.path()).into_values().collect();
    assert!(files == [bytes], "{what}: the file was changed");
}

/// The same as the base of a log.
#[test]
fn a_base_with_a_list_is_refused() {
    let data = data_folder();
    let Some(server) = Server::start_redis_on(data.path(), &ON) else {
        return;
    };
    if is_other_server() {
        return;
    }
    let mut c = connect(&server);
    c.expect("RPUSH letters a b c", int(3));
    c.call(&["BGREWRITEAOF"]);
    wait_for_background(&mut c);
    server.kill();
    let twin = copy(&data);
    let (status, said) = Server::refuses(data.path(), &ON);
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(
        said.contains("letters") && said.contains(".base.rdb"),
        "{said}"
    );
    let files = |data: &TempDir| -> Vec<Vec<u8>> { snapshot(data.path()).into_values().collect() };
    assert!(files(&data) == files(&twin), "files were changed: {said}");
}

/// What Redis may put into a file besides keys is passed over.
#[test]
fn what_need_not_be_known_is_passed_over() {
    let aux = [&[0xFA][..], &string(b"some-tool"), &[0xC0, 7]].concat();
    let sizes = vec![0xFB, 3, 1];
    let idle = [&[0xF8, 0x40, 200][..], &record(b"idle", b"v")].concat();
    let often = [&[0xF9, 9][..], &record(b"often", b"v")].concat();
    let seconds = 2_000_000_000_i32.to_le_bytes();
    let old = [&[0xFD][..], &seconds, &record(b"old", b"v")].concat();
    let records = [aux.clone(), sizes, idle, often, aux, old];
    let data = data_folder();
    fs::write(dump::path(&data), file(&records)).expect("a file");
    let server = Server::start_on(data.path(), &[]);
    let expected = [
        ("idle", "v"),
        ("often", "v"),
        ("old", "v until :2000000000000"),
    ];
    assert_eq!(data_set(&mut connect(&server)), plain(&expected));
}
