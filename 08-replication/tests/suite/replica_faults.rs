//! A replica takes its primary's data: what its own files have until it does, and what becomes of
//! them on a disk that fails or hangs.
//!
//! Reread: 08-replication/GUIDE.md#what-can-go-wrong

use std::time::Instant;

use crate::dump;
use crate::faults::{Action, Disk, EIO, Fault};
use crate::harness::{Server, is_other_server, wait_until};
use crate::log::{ON, connect, data_folder, data_set};
use crate::replicas::{self, Writer, follow, prepare, start, wait_for_link, wait_for_offset};
use crate::session::{OK, Session, bulk, int};

/// An RDB file of so many keys, as it is sent.
fn file(keys: u32) -> Vec<u8> {
    let key = |key: u32| dump::record(format!("key:{key}").as_bytes(), b"v");
    let file = dump::file(&(0..keys).map(key).collect::<Vec<_>>());
    [format!("${}\r\n", file.len()).into_bytes(), file].concat()
}

fn number(c: &mut Session, field: &str) -> u64 {
    let text = String::from_utf8_lossy(&c.call(&["INFO"])).into_owned();
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    let value = { lines }
        .find(|(name, _)| *name == field)
        .map(|(_, value)| value.parse());
    value
        .and_then(Result::ok)
        .unwrap_or_else(|| panic!("INFO has no {field}"))
}

/// To make room for the primary's data is no change of ours.
#[test]
fn what_comes_from_a_primary_is_no_change() {
    let (primary, mut p) = start(&[]);
    p.expect("SET a 1", OK);
    let (_replica, mut r) = start(&[]);
    for key in 0..100 {
        r.expect_args(&["SET", &format!("k{key}"), "v"], OK);
    }
    r.expect("SAVE", OK);
    follow(&mut r, primary.addr());
    wait_for_link(&mut r);
    r.expect("DBSIZE", int(1));
    assert_eq!(number(&mut r, "rdb_changes_since_last_save"), 0);
}

/// Half of the primary's data takes the place of nothing, whatever is due.
#[test]
fn nothing_is_saved_while_data_is_loaded() {
    let data = data_folder();
    let server = Server::start_on(data.path(), &[&ON[..], &["--save", ""]].concat());
    let mut c = connect(&server);
    c.expect("SET own 1", OK);
    c.expect("SAVE", OK);
    c.expect("SET own 2", OK);
    wait_until("a save would be due", || {
        number(&mut c, "uptime_in_seconds") > 2
    });
    let mut primary = None;
    // However quick the machine is, it must take a while.
    for keys in [200_000, 800_000, 3_000_000] {
        let writer = Writer::new();
        follow(&mut c, writer.addr());
        let file = file(keys);
        let sender = std::thread::spawn(move || (writer.accept(file), writer));
        wait_until("it is loaded", || {
            number(&mut c, "loading") == 1 || replicas::info(&mut c, "master_link_status") == "up"
        });
        let started = Instant::now();
        let set = ["CONFIG", "SET", "save", "1 1"];
        let due = [
            "auto-aof-rewrite-min-size",
            "1",
            "auto-aof-rewrite-percentage",
            "1",
        ];
        c.expect_args(&[&set[..], &due].concat(), OK);
        let saved = number(&mut c, "rdb_last_save_time");
        let mut seen = 0;
        loop {
            let text = c.call(&["INFO", "persistence"]);
            let text = String::from_utf8_lossy(&text);
            if !text.contains("\r\nloading:1\r\n") {
                break;
            }
            seen += 1;
            for quiet in ["rdb_bgsave_in_progress:0", "aof_rewrite_in_progress:0"] {
                assert!(text.contains(quiet), "{text}");
            }
            assert!(
                text.contains(&format!("rdb_last_save_time:{saved}")),
                "{text}"
            );
        }
        let took = started.elapsed();
        primary = Some(sender.join().expect("a replica"));
        if seen > 3 && took.as_millis() > 400 {
            break;
        }
        c.expect("REPLICAOF NO ONE", OK);
        c.expect_args(&["CONFIG", "SET", "save", ""], OK);
        wait_until("nothing is under way", || {
            number(&mut c, "rdb_bgsave_in_progress") + number(&mut c, "aof_rewrite_in_progress")
                == 0
        });
    }
    // What was due has waited for all of it.
    wait_for_link(&mut c);
    assert!(primary.is_some());
    wait_until("it is saved", || {
        number(&mut c, "rdb_changes_since_last_save") == 0
    });
}

/// The log cannot begin anew at first, and does when it can.
#[test]
fn a_log_that_cannot_begin_anew_is_tried_again() {
    let (primary, mut p) = start(&[]);
    p.expect("SET a 1", OK);
    let data = data_folder();
    let Some(disk) = Disk::under(&data) else {
        return;
    };
    let replica = disk.start(&ON);
    let mut r = prepare(&replica);
    r.expect("SET own 1", OK);
    disk.arm(
        &Fault::new(Action::Fail(EIO))
            .calls("open")
            .path("appendonlydir")
            .count(2),
    );
    follow(&mut r, primary.addr());
    disk.wait_for_fault();
    wait_for_link(&mut r);
    p.expect("SET b 2", OK);
    wait_for_offset(&mut p, &mut r);
    crate::log::wait_for_rewrite(&mut r);
    p.expect("SET c 3", OK);
    wait_for_offset(&mut p, &mut r);
    let expected = data_set(&mut p);
    replica.kill();
    let replica = Server::start_on(data.path(), &ON);
    assert_eq!(data_set(&mut connect(&replica)), expected);
}

/// A replica whose log can never begin anew ends.
#[test]
fn a_replica_without_its_log_ends() {
    let (primary, mut p) = start(&[]);
    p.expect("SET a 1", OK);
    let data = data_folder();
    let Some(disk) = Disk::under(&data) else {
        return;
    };
    let mut replica = disk.start(&ON);
    let mut r = prepare(&replica);
    r.expect("SET own 1", OK);
    disk.arm(
        &Fault::new(Action::Fail(EIO))
            .calls("open")
            .path("appendonlydir")
            .always(),
    );
    follow(&mut r, primary.addr());
    assert_eq!(replica.ended().code(), Some(1));
    disk.disarm();
    let replica = Server::start_on(data.path(), &ON);
    connect(&replica).expect("GET own", bulk("1"));
}

/// Neither side of a full synchronization waits for a disk that hangs.
#[test]
fn nobody_waits_for_a_disk_that_hangs_during_a_full_synchronization() {
    if is_other_server() {
        return;
    }
    for first in 1.. {
        let (data, other) = (data_folder(), data_folder());
        let (Some(disk), Some(other_disk)) = (Disk::under(&data), Disk::under(&other)) else {
            return;
        };
        let (primary, replica) = (disk.start(&ON), other_disk.start(&ON));
        let (mut p, mut r) = (prepare(&primary), prepare(&replica));
        p.expect("SET a 1", OK);
        r.expect("SET own 1", OK);
        let hold = Fault::new(Action::Hold).calls("sync").first(first);
        other_disk.arm(&hold);
        disk.arm(&hold);
        follow(&mut r, primary.addr());
        wait_for_link(&mut r);
        wait_until("it is done, or it hangs", || {
            let rewriting = number(&mut r, "aof_rewrite_in_progress");
            let scheduled = number(&mut r, "aof_rewrite_scheduled");
            other_disk.faults() > 0 || rewriting + scheduled == 0
        });
        p.expect("SET a 2", OK);
        wait_for_offset(&mut p, &mut r);
        r.expect("GET a", bulk("2"));
        if other_disk.faults() == 0 {
            break;
        }
    }
}
