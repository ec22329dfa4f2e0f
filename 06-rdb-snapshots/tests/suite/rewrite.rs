//! The log is written anew: on demand, of itself, when it is turned on, and while
//! clients write. At no time is anything lost or done twice.
//!
//! Reread: 06-rdb-snapshots/GUIDE.md#8-a-shorter-aof

use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use tempfile::TempDir;

use crate::dump::{self, expect_no_leftovers, leftovers, wait_for_background};
use crate::faults::{Action, Disk, EIO, Fault};
use crate::harness::{Server, is_other_server, wait_until};
use crate::log::{
    DataSet, FOLDER, Log, ON, connect, data_folder, data_set, info, plain, snapshot, start,
};
use crate::session::{OK, Session, encode, int, strings};

const STARTED: &str = "+Background append only file rewriting started\r\n";

fn size(c: &mut Session, name: &str) -> u64 {
    let value = info(c, name).unwrap_or_else(|| panic!("INFO has no {name}"));
    value.parse().expect("a number")
}

/// The log in `data` has one base and one increment, and no other files lie about.
#[track_caller]
fn is_tidy(data: &TempDir, base: &str) {
    let log = Log::of(data);
    let named = [log.files('b'), log.files('i'), vec![log.manifest()]].concat();
    let files = || -> Vec<_> { snapshot(&log.folder).into_keys().collect() };
    wait_until("the old files are deleted", || files().len() == 3);
    assert!(
        files().iter().all(|file| named.contains(file)),
        "{:?}",
        files()
    );
    let first = log.files('b').remove(0);
    assert!(
        first.to_string_lossy().ends_with(base),
        "{}",
        first.display()
    );
    assert_eq!(leftovers(data), [""; 0]);
}

/// What the next server finds.
fn after_a_crash(server: Server, data: &TempDir) -> DataSet {
    server.kill();
    let (_server, mut c) = start(data, &[]);
    data_set(&mut c)
}

#[test]
fn a_log_becomes_as_short_as_its_data() {
    for (preamble, base) in [("yes", ".base.rdb"), ("no", ".base.aof")] {
        let data = data_folder();
        let (server, mut c) = start(&data, &["--aof-use-rdb-preamble", preamble]);
        for _ in 0..2000 {
            c.call(&["INCR", "n"]);
        }
        c.expect("SET timed v PXAT 33000000000123", OK);
        c.expect_args(&["SET", "empty", ""], OK);
        let before = size(&mut c, "aof_current_size");
        let rewrites = size(&mut c, "aof_rewrites");
        c.expect("BGREWRITEAOF", STARTED);
        c.expect("INCR n", int(2001));
        wait_for_background(&mut c);
        c.expect("INCR n", int(2002));
        assert_eq!(
            info(&mut c, "aof_last_bgrewrite_status").as_deref(),
            Some("ok")
        );
        assert_eq!(size(&mut c, "aof_rewrites"), rewrites + 1);
        assert!(size(&mut c, "aof_current_size") < before / 20);
        assert!(size(&mut c, "aof_base_size") <= size(&mut c, "aof_current_size"));
        is_tidy(&data, base);
        let expected = data_set(&mut c);
        assert_eq!(after_a_crash(server, &data), expected, "{base}");
    }
}

#[test]
fn a_log_that_has_grown_is_written_anew_of_itself() {
    let data = data_folder();
    let flags = [
        "--auto-aof-rewrite-min-size",
        "4kb",
        "--auto-aof-rewrite-percentage",
        "100",
    ];
    let (server, mut c) = start(&data, &flags);
    let value = "v".repeat(500);
    let mut count = 0;
    wait_until("it is written anew twice", || {
        for _ in 0..20 {
            count += 1;
            c.expect_args(&["SET", "k", &value], OK);
            c.expect("INCR n", int(count));
        }
        size(&mut c, "aof_rewrites") >= 2
    });
    wait_for_background(&mut c);
    let expected = data_set(&mut c);
    assert_eq!(after_a_crash(server, &data), expected);
}

/// With the log off, only a base is written, for whoever turns it on one day.
#[test]
fn a_rewrite_with_the_log_off() {
    let data = data_folder();
    let server = Server::start_on(data.path(), &[]);
    let mut c = connect(&server);
    c.expect("SET k v", OK);
    c.expect("BGREWRITEAOF", STARTED);
    wait_for_background(&mut c);
    c.expect("SET k unlogged", OK);
    assert_eq!(info(&mut c, "aof_enabled").as_deref(), Some("0"));
    assert_eq!(after_a_crash(server, &data), plain(&[("k", "v")]));
}

/// While a file is saved, the log cannot be begun; that is done as soon as it can be.
#[test]
fn a_log_that_is_turned_on_during_a_save() {
    let data = data_folder();
    let server = Server::start_on(data.path(), &[]);
    let mut c = connect(&server);
    c.expect("SET before v", OK);
    let lines = [
        ("BGSAVE", "+Background saving started\r\n"),
        ("CONFIG SET appendonly yes", OK),
        ("SET meanwhile v", OK),
    ];
    let words = |line: &str| encode(&line.split(' ').collect::<Vec<_>>());
    c.send(
        &lines
            .iter()
            .flat_map(|(line, _)| words(line))
            .collect::<Vec<_>>(),
    );
    for (line, reply) in lines {
        assert_eq!(c.reply(), reply.as_bytes(), "{line}");
    }
    wait_for_background(&mut c);
    c.expect("SET behind v", OK);
    is_tidy(&data, ".base.rdb");
    let expected = plain(&[("before", "v"), ("behind", "v"), ("meanwhile", "v")]);
    assert_eq!(after_a_crash(server, &data), expected);
}

/// A writer that appends one number after another to a key of its own.
struct Writer {
    thread: JoinHandle<u64>,
    acks: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

impl Writer {
    fn start(address: SocketAddr, number: usize) -> Self {
        let (acks, stop) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let (counted, stopped) = (Arc::clone(&acks), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            let mut c = Session::connect(address);
            let key = format!("list{number}");
            let mut at = 0;
            while !stopped.load(Ordering::Relaxed) {
                let append = |at: u64| encode(&["APPEND", &key, &format!("{at:08}")]);
                c.send(&(at..at + 8).flat_map(append).collect::<Vec<_>>());
                for _ in 0..8 {
                    at += 1;
                    assert_eq!(c.reply(), int(8 * at as i64).as_bytes());
                    counted.store(at, Ordering::Relaxed);
                }
            }
            at
        });
        Self { thread, acks, stop }
    }

    fn wait(&self) {
        let before = self.acks.load(Ordering::Relaxed);
        wait_until("more is written", || {
            self.acks.load(Ordering::Relaxed) > before + 16
        });
    }

    fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("a writer")
    }
}

fn is_complete(c: &mut Session, writer: usize, count: u64) {
    let value = strings(&c.call(&["GET", &format!("list{writer}")])).pop();
    let expected: String = (0..count).map(|number| format!("{number:08}")).collect();
    assert!(
        value == Some(expected.into_bytes()),
        "the list of writer {writer}"
    );
}

/// Whatever is turned on and off and written anew, the log that is on has all of it.
#[test]
fn under_load_the_log_is_written_anew_and_turned_on_and_off() {
    let data = data_folder();
    let (server, mut c) = start(&data, &[]);
    let writers: Vec<Writer> = (0..4).map(|n| Writer::start(server.addr(), n)).collect();
    for round in 0..6 {
        writers[round % 4].wait();
        c.call(&["BGREWRITEAOF"]);
        if round % 2 == 0 {
            writers[round % 3].wait();
            wait_for_background(&mut c);
        }
        if round % 3 == 0 {
            // The first one breaks a rewrite off, or not.
            c.expect("CONFIG SET appendonly no", OK);
            writers[0].wait();
            c.expect("CONFIG SET appendonly yes", OK);
            wait_for_background(&mut c);
        }
    }
    let counts: Vec<u64> = writers.into_iter().map(Writer::stop).collect();
    wait_for_background(&mut c);
    expect_no_leftovers(&data);
    server.kill();
    let (_server, mut c) = start(&data, &[]);
    for (writer, count) in counts.into_iter().enumerate() {
        is_complete(&mut c, writer, count);
    }
}

/// A rewrite that is no longer wanted leaves nothing.
#[test]
fn a_log_that_is_turned_off_during_a_rewrite() {
    let data = data_folder();
    let (server, mut c) = start(&data, &[]);
    for round in 0..5 {
        c.expect(&format!("SET logged {round}"), OK);
        let lines = ["BGREWRITEAOF", "CONFIG SET appendonly no", "SET unlogged 1"];
        for line in lines {
            assert_ne!(
                c.call(&line.split(' ').collect::<Vec<_>>())[0],
                b'-',
                "{line}"
            );
        }
        wait_for_background(&mut c);
        wait_until("what it has made is deleted", || {
            leftovers(&data).is_empty()
        });
        c.expect("DEL unlogged", int(1));
        if round < 4 {
            c.expect("CONFIG SET appendonly yes", OK);
            wait_for_background(&mut c);
        }
    }
    let folder = snapshot(&data.path().join(FOLDER));
    assert_eq!(after_a_crash(server, &data), plain(&[("logged", "4")]));
    assert!(!folder.is_empty());
}

#[test]
fn what_is_flushed_during_a_rewrite_does_not_come_back() {
    let data = data_folder();
    let (server, mut c) = start(&data, &[]);
    for round in 0..5 {
        for key in 0..200 {
            c.expect(&format!("SET k{key} v"), OK);
        }
        c.expect("BGREWRITEAOF", STARTED);
        c.expect("FLUSHALL", OK);
        c.expect(&format!("SET left {round}"), OK);
        wait_for_background(&mut c);
    }
    assert_eq!(after_a_crash(server, &data), plain(&[("left", "4")]));
}

/// Who waits for the background by these fields must see that there is more to come.
#[test]
fn a_log_that_is_turned_on_during_a_save_is_scheduled() {
    let data = data_folder();
    let server = Server::start_on(data.path(), &[]);
    let mut c = connect(&server);
    c.expect("SET k v", OK);
    let lines: [&[&str]; 3] = [
        &["BGSAVE"],
        &["CONFIG", "SET", "appendonly", "yes"],
        &["INFO", "persistence"],
    ];
    let request: Vec<Vec<u8>> = lines.iter().map(|words| encode(words)).collect();
    c.send(&request.concat());
    assert_eq!(c.reply(), b"+Background saving started\r\n");
    assert_eq!(c.reply(), OK.as_bytes());
    let info = String::from_utf8_lossy(&c.reply()).into_owned();
    assert!(info.contains("\r\naof_rewrite_scheduled:1\r\n"), "{info}");
    wait_for_background(&mut c);
    assert_eq!(after_a_crash(server, &data), plain(&[("k", "v")]));
}

/// A log that was not made safe is not good again because its end can be written. Redis
/// refuses writes for good after such an fsync.
#[test]
fn a_rewrite_does_not_clear_an_error_of_the_log() {
    if is_other_server() {
        return;
    }
    let data = data_folder();
    let Some(disk) = Disk::under(&data) else {
        return;
    };
    let server = disk.start(&[&ON[..], &["--appendfsync", "everysec"]].concat());
    let mut c = connect(&server);
    let failing = Fault::new(Action::Fail(EIO)).calls("sync").path(FOLDER);
    disk.arm(&failing.always());
    let set = encode(&["SET", "k", "v"]);
    wait_until("writes are refused", || {
        c.call(&["SET", "k", "v"]).starts_with(b"-MISCONF")
    });
    c.send(&[encode(&["BGREWRITEAOF"]), set].concat());
    c.reply();
    let reply = c.reply();
    assert!(reply.starts_with(b"-MISCONF"), "{}", reply.escape_ascii());
    disk.disarm();
    wait_until("writes are taken again", || {
        c.call(&["SET", "k", "w"]) == OK.as_bytes()
    });
    assert_eq!(after_a_crash(server, &data), plain(&[("k", "w")]));
}

/// A rewrite that fails leaves the log as it is, and it goes on.
#[test]
fn a_rewrite_that_fails_costs_nothing() {
    let data = data_folder();
    let (server, mut c) = start(&data, &[]);
    c.expect("SET k v", OK);
    // The new base cannot be given its name.
    for number in 1..4 {
        let in_the_way = format!("appendonly.aof.{number}.base.rdb");
        let path = Log::of(&data).folder.join(in_the_way);
        if !path.exists() {
            fs::create_dir_all(path.join("x")).expect("a folder");
        }
    }
    c.expect("BGREWRITEAOF", STARTED);
    wait_for_background(&mut c);
    let status = info(&mut c, "aof_last_bgrewrite_status");
    // Ours takes another name, for it overwrites nothing; Redis fails.
    let is_redis = is_other_server() && status.as_deref() == Some("err");
    assert!(is_redis || status.as_deref() == Some("ok"), "{status:?}");
    c.expect("APPEND k w", int(2));
    assert_eq!(after_a_crash(server, &data), plain(&[("k", "vw")]));
}

/// Redis lets both write, and the last one wins.
#[test]
fn two_servers_in_one_folder() {
    let data = data_folder();
    let flags = [&ON[..], &["--appendfsync", "always"]].concat();
    let first = Server::start_on(data.path(), &flags);
    connect(&first).expect("SET k first", OK);
    if !is_other_server() {
        let (status, said) = Server::refuses(data.path(), &ON);
        assert!(
            !status.success() && said.contains("another server"),
            "{said}"
        );
    }
    // Who keeps no log may live there, and saves without disturbing the other.
    let second = Server::start_on(data.path(), &[]);
    let (mut a, mut b) = (connect(&first), connect(&second));
    b.expect("SET k second", OK);
    for _ in 0..5 {
        a.call(&["BGSAVE"]);
        b.call(&["BGSAVE"]);
        wait_for_background(&mut a);
        wait_for_background(&mut b);
    }
    for c in [&mut a, &mut b] {
        assert_eq!(info(c, "rdb_last_bgsave_status").as_deref(), Some("ok"));
    }
    expect_no_leftovers(&data);
    second.kill();
    assert!(dump::path(&data).exists());
    assert_eq!(after_a_crash(first, &data), plain(&[("k", "first")]));
}
