//! What is left of the log when calls to the system fail, hang, or are the last ones of a
//! server.
//!
//! Reread: 05-aof-persistence/GUIDE.md#what-can-go-wrong

use std::time::{Duration, Instant};

use crate::faults::load::{self, Load, Peer};
use crate::faults::walk::Walk;
use crate::faults::{Action, Disk, ENOSPC, Fault};
use crate::harness::{Server, is_other_server, wait_until};
use crate::log::{FOLDER, Log, ON, connect, data_folder, data_set, plain, start};
use crate::session::{OK, encode, int};

/// The disk of these suites does what it is told, to real Redis as well.
#[test]
fn the_disk_does_what_it_is_told() {
    let data = data_folder();
    let Some(disk) = Disk::under(&data) else {
        return;
    };
    let mut server = disk.start(&[&ON[..], &["--appendfsync", "always"]].concat());
    let mut c = connect(&server);
    c.expect("SET a 1", OK);
    if !disk.journal().contains("incr.aof") {
        return eprintln!("not tested: this server does not call the system through libc");
    }
    disk.arm(&Fault::new(Action::Hold).calls("sync").path(".incr.aof"));
    c.send(&encode(&["SET", "b", "2"]));
    disk.wait_for_fault();
    disk.disarm();
    assert_eq!(c.reply(), OK.as_bytes());
    disk.arm(
        &Fault::new(Action::Kill)
            .calls("write")
            .path(".incr.aof")
            .first(2),
    );
    c.expect("SET c 3", OK);
    c.send(&encode(&["SET", "d", "4"]));
    assert!(!server.ended().success());
    assert_eq!((disk.seen(), disk.faults()), (2, 1));
    let server = Server::start_on(data.path(), &ON);
    let expected = plain(&[("a", "1"), ("b", "2"), ("c", "3")]);
    assert_eq!(data_set(&mut connect(&server)), expected);
}

/// Writes for a while, and begins the log anew, as it was or would be a moment later.
fn write(peer: &mut Peer, load: &Load) -> bool {
    load.wait_for(5);
    load.pause();
    if !peer.tell("CONFIG SET appendonly no") {
        return false;
    }
    if !peer.tell("CONFIG SET appendonly yes") || !peer.settle() {
        return false;
    }
    if peer.is_logging() {
        load.resume();
        load.wait_for(5);
    }
    true
}

/// Writes until the first fsync of `everysec`, and a little longer.
fn write_on(_: &mut Peer, load: &Load) -> bool {
    let started = Instant::now();
    while started.elapsed() < Duration::from_millis(1200) {
        load.wait_for(1);
    }
    true
}

fn flags(policy: &'static str) -> [&'static str; 4] {
    [ON[0], ON[1], "--appendfsync", policy]
}

/// Redis keeps its promise with `always` only: with the others it may not have written yet.
fn policies() -> &'static [&'static str] {
    match is_other_server() {
        true => &["always"],
        false => &["always", "everysec", "no"],
    }
}

#[test]
fn a_kill_at_any_call_loses_nothing_acknowledged() {
    let mut rng = load::rng();
    for policy in policies() {
        let flags = &flags(policy);
        Walk {
            flags,
            scene: write,
        }
        .kill(3, &mut rng);
    }
}

/// Redis ends itself when it cannot keep its promise.
#[test]
fn a_call_that_fails_loses_nothing_acknowledged() {
    if is_other_server() {
        return;
    }
    let mut rng = load::rng();
    for policy in policies() {
        let flags = &flags(policy);
        Walk {
            flags,
            scene: write,
        }
        .fail(6, &mut rng);
    }
    let flags = &flags("everysec");
    let scene = write_on;
    Walk { flags, scene }.fail(1, &mut rng);
}

/// It was created, and nothing names it.
#[test]
fn an_increment_that_cannot_be_made_safe_does_not_stay() {
    if is_other_server() {
        return;
    }
    let flags = &flags("everysec");
    let scene = write;
    let fault = Fault::new(Action::Fail(ENOSPC)).calls("sync");
    Walk { flags, scene }.fail_at(&fault.path(".2.incr").count(1), true);
}

#[test]
fn a_power_cut_at_any_moment_leaves_what_was_safe() {
    let mut rng = load::rng();
    for policy in policies() {
        let flags = &flags(policy);
        Walk {
            flags,
            scene: write,
        }
        .cut_power(*policy == "always", 12, &mut rng);
    }
}

/// The first start makes the files of the log. Whenever it ends, the next one goes on.
#[test]
fn a_kill_at_any_call_of_the_first_start() {
    let mut rng = load::rng();
    let places: Vec<u64> = (1..=40).collect();
    for place in load::some(&places, 6, &mut rng) {
        let data = data_folder();
        let Some(disk) = Disk::under(&data) else {
            return;
        };
        let action = rng
            .choice([Action::Kill, Action::KillAfter])
            .expect("one of two");
        disk.arm(&Fault::new(action).first(place));
        // It may make fewer calls.
        drop(disk.try_start(&ON));
        for round in 1..3 {
            let server = Server::start_on(data.path(), &ON);
            connect(&server).expect("INCR n", int(round));
        }
    }
}

/// Redis starts empty then, and goes on writing to the end of an increment that it has not
/// replayed.
#[test]
fn a_log_that_is_turned_on_is_whole_or_not_there_whenever_the_server_ends() {
    if is_other_server() {
        return;
    }
    for number in 1.. {
        let data = data_folder();
        let Some(disk) = Disk::under(&data) else {
            return;
        };
        let mut server = disk.start(&[]);
        let mut c = connect(&server);
        c.expect("SET a 1", OK);
        let rename = Fault::new(Action::Kill).calls("rename").path(FOLDER);
        disk.arm(&rename.first(number));
        c.send(
            &[
                encode(&["CONFIG", "SET", "appendonly", "yes"]),
                encode(&["SET", "b", "2"]),
            ]
            .concat(),
        );
        let log = Log::of(&data);
        let is_on =
            || log.manifest().exists() && log.last().metadata().is_ok_and(|file| file.len() > 0);
        wait_until("the log is on, or the server ends", || {
            !server.is_alive() || is_on()
        });
        let is_done = server.is_alive();
        server.kill();
        let (_server, mut c) = start(&data, &[]);
        let there = data_set(&mut c);
        let all = [
            plain(&[]),
            plain(&[("a", "1")]),
            plain(&[("a", "1"), ("b", "2")]),
        ];
        assert!(all.contains(&there), "rename {number}: {there:?}");
        if is_done {
            assert!(number > 2 && there == all[2], "{there:?}");
            return;
        }
    }
}
