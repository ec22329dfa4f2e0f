//! What is left after a crash, a full disk or a damaged file: the old file or the new
//! one, whole, and nothing else.
//!
//! Reread: 06-rdb-snapshots/GUIDE.md#what-can-go-wrong

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::dump::{self, expect_no_leftovers, leftovers, same, wait_for_background};
use crate::harness::{Server, is_other_server, wait_until};
use crate::log::{FOLDER, Log, ON, connect, data_folder, data_set, info, snapshot, start};
use crate::session::{OK, Session, bulk, encode, int, strings};

/// Appends numbers to a list of its own until the connection breaks; how many were
/// sent, and how many of them acknowledged.
fn append_on(address: SocketAddr, client: usize, acks: &AtomicU64) -> (u64, u64) {
    let (mut sent, mut acknowledged) = (0, 0);
    let Ok(mut socket) = TcpStream::connect(address) else {
        return (sent, acknowledged);
    };
    let key = format!("list{client}");
    loop {
        let numbers = sent..sent + 8;
        sent += 8;
        let request = numbers.flat_map(|number| encode(&["APPEND", &key, &format!("{number:08}")]));
        if socket.write_all(&request.collect::<Vec<_>>()).is_err() {
            return (sent, acknowledged);
        }
        for _ in 0..8 {
            let expected = int(8 * (acknowledged as i64 + 1));
            let mut reply = vec![0; expected.len()];
            if socket.read_exact(&mut reply).is_err() {
                return (sent, acknowledged);
            }
            assert_eq!(String::from_utf8_lossy(&reply), expected);
            acknowledged += 1;
            acks.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn writers(server: &Server, count: usize) -> (Vec<JoinHandle<(u64, u64)>>, Arc<AtomicU64>) {
    let acks = Arc::new(AtomicU64::new(0));
    let start = |client| {
        let (address, acks) = (server.addr(), Arc::clone(&acks));
        thread::spawn(move || append_on(address, client, &acks))
    };
    ((0..count).map(start).collect(), acks)
}

/// How many numbers the list of a client has, which must be in order.
fn length(c: &mut Session, client: usize) -> u64 {
    let list = strings(&c.call(&["GET", &format!("list{client}")])).pop();
    let list = list.unwrap_or_default();
    let count = list.len() as u64 / 8;
    let expected: String = (0..count).map(|number| format!("{number:08}")).collect();
    assert!(
        list == expected.into_bytes(),
        "the order of client {client}"
    );
    count
}

/// Data that takes a moment to write.
fn ballast(c: &mut Session) {
    for key in 0..4000 {
        c.send(&encode(&[
            "SET",
            &format!("ballast{key}"),
            &"x y z ".repeat(50),
        ]));
        assert_eq!(c.reply(), OK.as_bytes());
    }
}

/// Waits until `folder` has a file with this in its name, or the server is done with it.
fn wait_for_file(data: &TempDir, name: &str) {
    let deadline = Instant::now() + Duration::from_millis(150);
    while Instant::now() < deadline {
        let files = snapshot_names(data);
        if files.iter().any(|file| file.contains(name)) {
            return;
        }
    }
}

fn snapshot_names(data: &TempDir) -> Vec<String> {
    let folders = [data.path().to_owned(), data.path().join(FOLDER)];
    let entries = folders.iter().filter_map(|path| fs::read_dir(path).ok());
    entries
        .flatten()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

/// Redis saves in a process of its own, which outlives the server that is killed, and may still put
/// its file in the place of the last one.
fn kill_and_wait(server: Server) {
    let id = server.process();
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    server.kill();
    wait_until("its last child has ended", || {
        children.split_whitespace().all(has_ended)
    });
}

fn has_ended(process: &str) -> bool {
    // The state stands behind the name, which is in brackets.
    let state = fs::read_to_string(format!("/proc/{process}/stat"));
    state.ok().is_none_or(|it| it.contains(") Z "))
}

/// Whatever the server was doing when it was killed.
#[test]
fn with_the_log_on_nothing_acknowledged_is_lost() {
    let data = data_folder();
    let (server, mut c) = start(&data, &["--appendfsync", "always"]);
    ballast(&mut c);
    server.kill();
    let stages = [
        ("BGREWRITEAOF", "temp-"),
        ("BGREWRITEAOF", ".base."),
        ("BGREWRITEAOF", "2.incr"),
        ("BGREWRITEAOF", "3.incr"),
        ("BGSAVE", "temp-"),
        ("BGSAVE", "dump.rdb"),
        ("CONFIG SET auto-aof-rewrite-min-size 1kb", "temp-"),
    ];
    for (stage, (command, file)) in stages.into_iter().enumerate() {
        let (server, mut c) = start(&data, &["--appendfsync", "always"]);
        for client in 0..4 {
            c.call(&["DEL", &format!("list{client}")]);
        }
        let (threads, acks) = writers(&server, 4);
        let enough = 40 + 100 * stage as u64;
        wait_until("some is written", || acks.load(Ordering::Relaxed) > enough);
        c.call(&command.split(' ').collect::<Vec<_>>());
        wait_for_file(&data, file);
        server.kill();
        let progress: Vec<_> = threads
            .into_iter()
            .map(|it| it.join().expect("a writer"))
            .collect();
        let (server, mut c) = start(&data, &["--appendfsync", "always"]);
        for (client, (sent, acknowledged)) in progress.into_iter().enumerate() {
            let there = length(&mut c, client);
            assert!(
                (acknowledged..=sent).contains(&there),
                "{command}, {file}: {there} of {acknowledged} to {sent}"
            );
        }
        assert!(c.call(&["EXISTS", "ballast0", "ballast3999"]) == b":2\r\n");
        tidy(&data, &mut c);
        server.kill();
    }
}

/// A server that has started has no files that mean nothing.
fn tidy(data: &TempDir, c: &mut Session) {
    if is_other_server() {
        return;
    }
    wait_for_background(c);
    assert_eq!(leftovers(data), [""; 0]);
    let log = Log::of(data);
    let named = [log.files('b'), log.files('i'), vec![log.manifest()]].concat();
    let files: Vec<_> = snapshot(&log.folder).into_keys().collect();
    assert!(files.iter().all(|file| named.contains(file)), "{files:?}");
}

/// Without the log there is what was in the last file, or in the one before.
#[test]
fn with_the_log_off_there_is_one_moment_left() {
    let data = data_folder();
    let server = Server::start_on(data.path(), &[]);
    let mut c = connect(&server);
    ballast(&mut c);
    c.expect("MSET a 0 b 0", OK);
    c.expect("SAVE", OK);
    server.kill();
    let mut saved = 0;
    for round in 1..=6 {
        let server = Server::start_on(data.path(), &[]);
        let mut c = connect(&server);
        c.expect(&format!("MSET a {round} b {round}"), OK);
        c.expect("BGSAVE", "+Background saving started\r\n");
        c.expect("SET b later", OK);
        wait_for_file(&data, ["temp-", "none"][round % 2]);
        kill_and_wait(server);
        let server = Server::start_on(data.path(), &[]);
        let mut c = connect(&server);
        let now = strings(&c.call(&["MGET", "a", "b"]));
        assert_eq!(now[0], now[1], "halves of a file");
        let now: usize = String::from_utf8_lossy(&now[0]).parse().expect("a number");
        assert!(
            now == saved || now == round,
            "{now} after {saved} and {round}"
        );
        saved = now;
        c.expect("EXISTS ballast0 ballast3999", int(2));
        assert!(is_other_server() || leftovers(&data).is_empty());
    }
}

/// What the next server deletes: files that the manifest was to name, and did not.
#[test]
fn what_a_rewrite_has_left_behind_is_deleted() {
    // Redis writes over them some day.
    if is_other_server() {
        return;
    }
    let data = data_folder();
    let (server, mut c) = start(&data, &[]);
    c.expect("SET k v", OK);
    server.kill();
    let folder = Log::of(&data).folder;
    let gone = [
        "appendonly.aof.9.base.rdb",
        "appendonly.aof.9.incr.aof",
        "temp-appendonly.aof.base",
    ];
    let kept = [
        "appendonly.aof.1.base.aof",
        "other.aof.9.base.rdb",
        "appendonly.aof.copy",
    ];
    for name in gone.iter().chain(&kept) {
        let text = if name.contains("9.incr") { "" } else { "x" };
        fs::write(folder.join(name), text).expect("a file");
    }
    let (_server, mut c) = start(&data, &[]);
    c.expect("GET k", bulk("v"));
    assert!(gone.iter().all(|name| !folder.join(name).exists()));
    assert!(kept.iter().all(|name| folder.join(name).exists()));
}

/// A file of every kind of record.
fn small_file(data: &TempDir) -> Vec<u8> {
    let server = Server::start_on(data.path(), &[]);
    let mut c = connect(&server);
    c.expect("MSET text value byte 17 word -300 long 70000", OK);
    c.expect_args(&["SET", "compressed", &"ab".repeat(200)], OK);
    c.expect("SET timed v PXAT 33000000000123", OK);
    c.expect("SAVE", OK);
    fs::read(dump::path(data)).expect("the file")
}

/// The server ends with a failure and leaves the file alone.
#[track_caller]
fn refused(data: &TempDir, bytes: &[u8], what: &str) {
    fs::write(dump::path(data), bytes).expect("a damaged file");
    let Err((status, said)) = Server::try_on(data.path(), &[]) else {
        panic!("{what}: the server starts on the file, and should not");
    };
    assert_eq!(status.code(), Some(1), "{what}: {said}");
    assert!(
        fs::read(dump::path(data)).expect("the file") == bytes,
        "{what}: it was changed"
    );
    assert!(snapshot(data.path()).len() == 1, "{what}: more files");
    if !is_other_server() {
        assert!(
            said.contains("dump.rdb") && said.contains("byte "),
            "{what}: {said}"
        );
    }
}

#[test]
fn a_file_that_is_cut_anywhere_is_refused() {
    let data = data_folder();
    let whole = small_file(&data);
    for cut in (0..whole.len()).filter(|cut| is_chosen(*cut)) {
        refused(&data, &whole[..cut], &format!("cut at {cut}"));
    }
}

#[test]
fn a_file_with_a_wrong_byte_anywhere_is_refused() {
    let data = data_folder();
    let whole = small_file(&data);
    for at in (0..whole.len()).filter(|at| is_chosen(*at)) {
        // Redis reads versions 1 to 10, and the sum of what it reads is another.
        let mut damaged = whole.clone();
        damaged[at] ^= 1 << (at % 8);
        refused(&data, &damaged, &format!("byte {at}"));
    }
    fs::write(dump::path(&data), &whole).expect("the file as it was");
    let server = Server::start_on(data.path(), &[]);
    connect(&server).expect("DBSIZE", int(6));
}

/// The parser's own tests try every byte; here some of them do.
fn is_chosen(at: usize) -> bool {
    at.is_multiple_of(if is_other_server() { 29 } else { 17 })
}

/// The system does not let files become larger than this.
const LIMIT: u64 = 64 * 1024;

#[test]
fn a_full_disk_leaves_the_old_file() {
    if !there("prlimit") {
        return;
    }
    let data = data_folder();
    let server = Server::start_limited(data.path(), LIMIT, &[]);
    let mut c = connect(&server);
    c.expect_args(&["CONFIG", "SET", "save", "100000 100000"], OK);
    c.expect("SET k v", OK);
    c.expect("SAVE", OK);
    let old = fs::read(dump::path(&data)).expect("the file");
    fill(&mut c);
    c.expect("SAVE", "-ERR\r\n");
    c.expect("SET k w", OK);
    c.expect("BGSAVE", "+Background saving started\r\n");
    wait_for_background(&mut c);
    assert_eq!(
        info(&mut c, "rdb_last_bgsave_status").as_deref(),
        Some("err")
    );
    assert!(
        c.call(&["SET", "k", "x"])
            .starts_with(b"-MISCONF Redis is configured to save")
    );
    c.expect("GET k", bulk("w"));
    assert!(fs::read(dump::path(&data)).expect("the file") == old);
    expect_no_leftovers(&data);
    server.lift_limit();
    c.expect("BGSAVE", "+Background saving started\r\n");
    wait_for_background(&mut c);
    c.expect("SET k x", OK);
    c.expect("SAVE", OK);
    let expected = data_set(&mut c);
    server.kill();
    let server = Server::start_on(data.path(), &[]);
    same(&data_set(&mut connect(&server)), &expected);
}

/// More than the limit, which cannot be compressed much.
fn fill(c: &mut Session) {
    let mut state = 1_u64;
    for key in 0..100 {
        let noise = (0..64).map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            format!("{state:016x}")
        });
        c.expect_args(
            &["SET", &format!("noise{key}"), &noise.collect::<String>()],
            OK,
        );
    }
}

#[test]
fn a_rewrite_on_a_full_disk_leaves_the_old_log() {
    if !there("prlimit") {
        return;
    }
    let data = data_folder();
    let (server, mut c) = start(&data, &[]);
    fill(&mut c);
    server.kill();
    let server = Server::start_limited(data.path(), LIMIT, &ON);
    let mut c = connect(&server);
    let before = data_set(&mut c);
    for _ in 0..2 {
        c.call(&["BGREWRITEAOF"]);
        wait_for_background(&mut c);
        assert_eq!(
            info(&mut c, "aof_last_bgrewrite_status").as_deref(),
            Some("err")
        );
    }
    expect_no_leftovers(&data);
    server.kill();
    let (server, mut c) = start(&data, &[]);
    same(&data_set(&mut c), &before);
    c.call(&["BGREWRITEAOF"]);
    wait_for_background(&mut c);
    assert_eq!(
        info(&mut c, "aof_last_bgrewrite_status").as_deref(),
        Some("ok")
    );
    tidy(&data, &mut c);
    drop(server);
}

fn there(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        eprintln!("not tested: {program} is missing");
    }
    found
}

/// An empty file is what is left when a disk was full, and no data set.
#[test]
fn an_empty_file_is_refused() {
    let data = data_folder();
    fs::write(dump::path(&data), "").expect("an empty file");
    let (status, said) = Server::refuses(data.path(), &[]);
    assert!(!status.success(), "{said}");
    assert_eq!(fs::read(dump::path(&data)).expect("the file"), b"");
}
