//! Saves and rewrites on a disk that fails or hangs: what is no longer wanted has no effect, what
//! has failed leaves nothing behind, and nobody waits who need not.
//!
//! Reread: 06-rdb-snapshots/GUIDE.md#what-can-go-wrong

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::dump::{leftovers, same};
use crate::faults::{Action, Disk, EIO, ENOENT, Fault};
use crate::harness::{Server, is_other_server, wait_until};
use crate::log::{Log, ON, connect, data_folder, data_set, info, snapshot};
use crate::session::{OK, Session, bulk, int};

/// The files of the log that are there, and those that it consists of.
fn files(data: &TempDir) -> (Vec<String>, Vec<String>) {
    let name = |path: &Path| {
        path.file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned()
    };
    let log = Log::of(data);
    let there = snapshot(&log.folder);
    let mut named = [log.files('b'), log.files('i'), vec![log.manifest()]].concat();
    named.sort();
    let there = there.keys().map(|path| name(path)).collect();
    (there, named.iter().map(|path| name(path)).collect())
}

/// Nothing is saved or rewritten.
fn is_idle(c: &mut Session) -> bool {
    ["rdb_bgsave_in_progress", "aof_rewrite_in_progress"]
        .iter()
        .all(|field| info(c, field).as_deref() == Some("0"))
}

fn write_keys(c: &mut Session, count: usize, value: &str) {
    let keys: Vec<String> = (0..count).map(|key| format!("k{key}")).collect();
    let mut words = vec!["MSET"];
    words.extend(keys.iter().flat_map(|key| [key.as_str(), value]));
    c.expect_args(&words, OK);
}

/// A save that was begun before FLUSHALL ends after it.
#[test]
fn what_is_flushed_during_a_save_does_not_come_back() {
    let data = data_folder();
    let Some(disk) = Disk::under(&data) else {
        return;
    };
    let server = disk.start(&["--save", "3600 1000000"]);
    let mut c = connect(&server);
    write_keys(&mut c, 100, "v");
    disk.arm(&Fault::new(Action::Hold).calls("sync").path("temp-"));
    c.expect("BGSAVE", "+Background saving started\r\n");
    disk.wait_for_fault();
    c.expect("FLUSHALL", OK);
    disk.disarm();
    // In Redis it is a child, which is killed, and its file is deleted after that.
    wait_until("the save is over", || leftovers(&data).is_empty());
    server.kill();
    let server = Server::start_on(data.path(), &["--save", ""]);
    connect(&server).expect("DBSIZE", int(0));
}

/// The log fails while it is written anew: no two writers have the same file. Redis may refuse
/// writes for ever then: it tries no fsync before there is more to write.
#[test]
fn an_fsync_fails_during_a_rewrite() {
    if is_other_server() {
        return;
    }
    for begins_later in [false, true] {
        let data = data_folder();
        let Some(disk) = Disk::under(&data) else {
            return;
        };
        let server = disk.start(&ON);
        let mut c = connect(&server);
        write_keys(&mut c, 2_000, &"v".repeat(1_000));
        let begin = |c: &mut Session| c.call(&["BGREWRITEAOF"]);
        // Before the rewrite begins: on a busy machine it may be over a moment later.
        let fault = Fault::new(Action::Fail(EIO)).calls("sync");
        disk.arm(&fault.path(".1.incr.aof"));
        if !begins_later {
            begin(&mut c);
        }
        let set = |c: &mut Session| c.call(&["INCR", "counter"]).starts_with(b":");
        set(&mut c);
        disk.wait_for_fault();
        if begins_later {
            begin(&mut c);
        }
        wait_until("writes are taken again", || set(&mut c) && is_idle(&mut c));
        let expected = data_set(&mut c);
        server.kill();
        let server = Server::start_on(data.path(), &ON);
        same(&data_set(&mut connect(&server)), &expected);
    }
}

/// A rewrite that is no longer wanted deletes what it has made, maybe between the moment in which
/// the log that is turned on again sees it and that in which it deletes it.
#[test]
fn a_file_that_is_gone_already_is_no_error() {
    let data = data_folder();
    let Some(disk) = Disk::under(&data) else {
        return;
    };
    let server = disk.start(&ON);
    let mut c = connect(&server);
    c.expect("SET k 1", OK);
    c.expect("CONFIG SET appendonly no", OK);
    let left = Log::of(&data).folder.join("temp-appendonly.aof.base-0");
    fs::write(left, "half a base").expect("write the file");
    let gone = Fault::new(Action::Fail(ENOENT))
        .calls("unlink")
        .path("temp-");
    disk.arm(&gone.always());
    c.expect("CONFIG SET appendonly yes", OK);
    wait_until("the log is on", || is_idle(&mut c));
    c.expect("INCR k", int(2));
    disk.disarm();
    server.kill();
    connect(&Server::start_on(data.path(), &ON)).expect("GET k", bulk("2"));
}

/// Whichever call fails on the way to a new base, nothing is left of it.
#[test]
fn a_rewrite_that_fails_leaves_nothing_behind() {
    for (calls, path) in [
        ("rename", "manifest"),
        ("sync", "temp-"),
        ("rename", ".base."),
    ] {
        for first in 1..=2 {
            let data = data_folder();
            let Some(disk) = Disk::under(&data) else {
                return;
            };
            let server = disk.start(&ON);
            let mut c = connect(&server);
            c.expect("SET k 1", OK);
            for number in 2..5 {
                let fault = Fault::new(Action::Fail(EIO)).calls(calls).path(path);
                disk.arm(&fault.first(first));
                c.call(&["BGREWRITEAOF"]);
                wait_until("the rewrite is over", || is_idle(&mut c));
                c.expect_args(&["SET", "k", &number.to_string()], OK);
            }
            disk.disarm();
            wait_until("a rewrite succeeds", || {
                c.call(&["BGREWRITEAOF"]);
                wait_until("the rewrite is over", || is_idle(&mut c));
                info(&mut c, "aof_last_bgrewrite_status").as_deref() == Some("ok")
            });
            let is_tidy = || {
                let (there, named) = files(&data);
                there == named
            };
            wait_until("what is no longer needed is deleted", is_tidy);
            c.expect("INCR k", int(5));
            server.kill();
            let (server, mut c) = crate::log::start(&data, &[]);
            c.expect("GET k", crate::session::bulk("5"));
            drop(server);
        }
    }
}

/// One file that cannot be deleted keeps no other from being deleted.
#[test]
fn a_file_that_cannot_be_deleted_keeps_no_other() {
    let data = data_folder();
    let Some(disk) = Disk::under(&data) else {
        return;
    };
    let server = disk.start(&ON);
    let mut c = connect(&server);
    c.expect("SET k 1", OK);
    let stays = Fault::new(Action::Fail(EIO))
        .calls("unlink")
        .path(".1.base.");
    disk.arm(&stays.always());
    for _ in 0..3 {
        c.call(&["BGREWRITEAOF"]);
        wait_until("the rewrite is over", || is_idle(&mut c));
    }
    wait_until("the others are deleted", || {
        let (there, named) = files(&data);
        let left: Vec<&String> = there.iter().filter(|file| !named.contains(file)).collect();
        matches!(left[..], [file] if file.contains(".1.base."))
    });
    disk.disarm();
    c.expect("INCR k", int(2));
    server.kill();
    connect(&Server::start_on(data.path(), &ON)).expect("GET k", bulk("2"));
}

/// Those who come while the log is opened, when all of it is loaded, are told so at once. Real
/// Redis makes nothing safe then.
#[test]
fn nobody_waits_for_a_disk_that_hangs_at_the_start() {
    if is_other_server() {
        return;
    }
    let data = data_folder();
    let server = Server::start_on(data.path(), &ON);
    // So much that clients are let in before it is loaded.
    write_keys(&mut connect(&server), 3_000, &"v".repeat(1_000));
    server.kill();
    let Some(disk) = Disk::under(&data) else {
        return;
    };
    disk.arm(&Fault::new(Action::Hold).calls("sync").path(".incr.aof"));
    let server = disk.launch(&ON);
    disk.wait_for_fault();
    let mut c = Session::connect(server.addr());
    c.expect(
        "PING",
        "-LOADING Redis is loading the dataset in memory\r\n",
    );
    disk.disarm();
    wait_until("it serves", || c.call(&["PING"]) == b"+PONG\r\n");
    c.expect("DBSIZE", int(3_000));
}

/// Real Redis does some of that with everybody waiting.
#[test]
fn nobody_waits_for_a_disk_that_hangs() {
    if is_other_server() {
        return;
    }
    let commands: [(&[&str], &[&str]); 5] = [
        (&[], &["BGSAVE"]),
        (&[], &["BGREWRITEAOF"]),
        (&[], &["CONFIG", "SET", "appendonly", "yes"]),
        (&ON, &["BGREWRITEAOF"]),
        (&ON, &["CONFIG", "SET", "appendonly", "no"]),
    ];
    for (flags, command) in commands {
        // Each of its fsyncs.
        for first in 1.. {
            let data = data_folder();
            let Some(disk) = Disk::under(&data) else {
                return;
            };
            let server = disk.start(flags);
            let (mut c, mut bystander) = (connect(&server), connect(&server));
            c.expect("SET k 1", OK);
            disk.arm(&Fault::new(Action::Hold).calls("sync").first(first));
            let started = c.call(command);
            assert!(started.starts_with(b"+"), "{}", started.escape_ascii());
            let mut done = false;
            wait_until("it is done, or it hangs", || {
                done = is_idle(&mut c) && info(&mut c, "aof_pending_bio_fsync") != Some("1".into());
                done || disk.faults() > 0
            });
            if disk.faults() == 0 {
                break;
            }
            bystander.expect("PING", "+PONG\r\n");
            bystander.expect("SET k 2", OK);
            bystander.expect("GET k", crate::session::bulk("2"));
            disk.disarm();
            wait_until("it is done", || is_idle(&mut c));
            c.expect("SET k 3", OK);
        }
    }
}

/// With `everysec` nobody waits for an fsync.
#[test]
fn nobody_waits_for_the_fsync_of_each_second() {
    let data = data_folder();
    let Some(disk) = Disk::under(&data) else {
        return;
    };
    let server = disk.start(&ON);
    let mut c = connect(&server);
    disk.arm(&Fault::new(Action::Hold).calls("sync").path(".incr.aof"));
    c.expect("SET k 1", OK);
    disk.wait_for_fault();
    c.expect("PING", "+PONG\r\n");
    // Real Redis puts a write off for up to two seconds, and those after it wait.
    c.expect("SET k 2", OK);
    disk.disarm();
}
