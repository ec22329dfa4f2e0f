//! The log is written anew, and the data are saved, on a disk on which calls fail, hang, or are
//! the last ones of a server or a machine.
//!
//! Reread: 06-rdb-snapshots/GUIDE.md#what-can-go-wrong

use std::sync::atomic::Ordering;

use fastrand::Rng;
use tempfile::TempDir;

use crate::dump::leftovers;
use crate::faults::load::{self, CLIENTS, Load, Peer, list};
use crate::faults::machine::Journal;
use crate::faults::walk::Walk;
use crate::faults::{Action, Disk, EIO, ENOSPC, Fault};
use crate::harness::{Server, is_other_server, wait_until};
use crate::log::{ON, connect, data_folder};
use crate::session::OK;

/// Writes the log anew twice in a row, and goes on writing.
fn rewrite_twice(peer: &mut Peer, load: &Load) -> bool {
    for _ in 0..2 {
        load.wait_for(2);
        if !peer.tell("BGREWRITEAOF") || !peer.settle() {
            return false;
        }
    }
    load.wait_for(2);
    true
}

/// Saves with the log on, and both at once as far as that goes.
fn save_and_rewrite(peer: &mut Peer, load: &Load) -> bool {
    let is_there = peer.tell("BGSAVE") && peer.tell("BGREWRITEAOF") && peer.settle();
    load.wait_for(2);
    is_there
}

fn flags<'a>(policy: &'a str, preamble: &'a str) -> [&'a str; 6] {
    [
        ON[0],
        ON[1],
        "--appendfsync",
        policy,
        "--aof-use-rdb-preamble",
        preamble,
    ]
}

/// What to walk through. Redis keeps its promise with `always` only: with the others it may not
/// have written yet.
fn walks(mut walk: impl FnMut(Walk<'_>, &str)) {
    let all = [
        (
            "always",
            "yes",
            rewrite_twice as fn(&mut Peer, &Load) -> bool,
        ),
        ("everysec", "no", rewrite_twice),
        ("always", "no", save_and_rewrite),
    ];
    for (policy, preamble, scene) in all {
        if policy == "always" || !is_other_server() {
            let flags = &flags(policy, preamble);
            walk(Walk { flags, scene }, policy);
        }
    }
}

#[test]
fn a_kill_at_any_call_of_rewrites_loses_nothing_acknowledged() {
    let mut rng = load::rng();
    walks(|walk, _| walk.kill(4, &mut rng));
}

/// Redis ends itself when it cannot keep its promise.
#[test]
fn a_call_that_fails_in_a_rewrite_loses_nothing_acknowledged() {
    if is_other_server() {
        return;
    }
    let mut rng = load::rng();
    walks(|walk, _| walk.fail(3, &mut rng));
}

#[test]
fn a_power_cut_during_rewrites_leaves_what_was_safe() {
    let mut rng = load::rng();
    walks(|walk, policy| walk.cut_power(policy == "always", 15, &mut rng));
}

/// A client number under which the journal says what is saved.
const SAVED: usize = 100;

/// A server without a log that has saved once, and is saving again.
struct Saving {
    disk: Disk,
    data: TempDir,
    server: Server,
    load: Load,
    saved: Vec<u64>,
}

impl Saving {
    fn start(fault: &Fault) -> Option<Self> {
        let data = data_folder();
        let disk = Disk::under(&data)?;
        let server = disk.start(&[]);
        let load = Load::start(server.addr(), &disk);
        load.wait_for(5);
        let saved = save(&mut Peer::connect(server.addr())?, &load, &disk)?;
        disk.arm(fault);
        Some(Self {
            disk,
            data,
            server,
            load,
            saved,
        })
    }

    /// Saves again. False if the server has ended.
    fn save(&self) -> bool {
        let peer = Peer::connect(self.server.addr());
        peer.is_some_and(|mut peer| save(&mut peer, &self.load, &self.disk).is_some())
    }
}

/// Saves, and says how much of each list is saved for certain.
fn save(peer: &mut Peer, load: &Load, disk: &Disk) -> Option<Vec<u64>> {
    use std::io::Write;
    let acknowledged = load.told.iter().map(|told| &told.acknowledged);
    let saved: Vec<u64> = acknowledged.map(|it| it.load(Ordering::SeqCst)).collect();
    if !peer.tell("BGSAVE") || !peer.settle() {
        return None;
    }
    if peer.info("rdb_last_bgsave_status")? == "ok" {
        for (client, count) in saved.iter().enumerate() {
            let line = format!("told\t{}\t{count}\n", SAVED + client);
            let written = disk.open_journal().write_all(line.as_bytes());
            written.expect("the journal");
        }
    }
    Some(saved)
}

/// The server starts with what was saved, or with more of the same.
#[track_caller]
fn has_saved(data: &TempDir, saved: &[u64]) {
    let server = Server::start_on(data.path(), &[]);
    let mut c = connect(&server);
    for (client, saved) in saved.iter().enumerate() {
        let there = list(&mut c, client);
        let count = there.len() as u64;
        assert!(
            there.iter().copied().eq(1..=count),
            "client {client}: {there:?}"
        );
        assert!(count >= *saved, "client {client}: {count} of {saved}");
    }
    assert!(
        is_other_server() || leftovers(data).is_empty(),
        "{:?}",
        leftovers(data)
    );
}

/// How many calls a save makes.
fn calls(rng: &mut Rng) -> Vec<u64> {
    let places: Vec<u64> = (1..=8).collect();
    load::some(&places, 5, rng)
}

/// Without the first fsync, a power loss may cost the contents of the file; without the second, its
/// name.
#[test]
fn a_save_makes_its_file_safe_and_then_its_name() {
    let data = data_folder();
    let Some(disk) = Disk::under(&data) else {
        return;
    };
    let server = disk.start(&[]);
    let mut c = connect(&server);
    c.expect("SET k v", OK);
    c.expect("SAVE", OK);
    let journal = disk.journal();
    if journal.is_empty() {
        return eprintln!("not tested: this server does not call the system through libc");
    }
    let calls: Vec<Vec<&str>> = journal.lines().map(|it| it.split('\t').collect()).collect();
    let is_saved = |call: &&Vec<&str>| call[0] == "rename" && call[7].ends_with("/dump.rdb");
    let rename = calls.iter().find(is_saved).expect("a rename to dump.rdb");
    let (before, after) = journal.split_once(&rename.join("\t")).expect("the rename");
    let syncs = |calls: &str, path: &str| {
        let mut calls = calls.lines().map(|it| it.split('\t').collect::<Vec<_>>());
        calls.any(|call| call[0] == "sync" && call[6] == path)
    };
    assert!(
        syncs(before, rename[6]),
        "no fsync of the file before its rename"
    );
    let folder = disk.data.display().to_string();
    assert!(
        syncs(after, &folder),
        "no fsync of the folder after the rename"
    );
}

#[test]
fn a_kill_at_any_call_of_a_save_leaves_the_old_file_or_the_new_one() {
    let mut rng = load::rng();
    for place in calls(&mut rng) {
        let action = rng
            .choice([Action::Kill, Action::KillAfter])
            .expect("one of two");
        let Some(mut saving) = Saving::start(&Fault::new(action).first(place)) else {
            return;
        };
        if !saving.save() {
            saving.server.ended();
        }
        saving.server.kill();
        saving.load.stop();
        has_saved(&saving.data, &saving.saved);
    }
}

#[test]
fn a_save_that_fails_leaves_the_old_file() {
    let mut rng = load::rng();
    for place in calls(&mut rng) {
        let action = match rng.u8(..3) {
            0 => Action::Shorten(5),
            1 => Action::Fail(EIO),
            _ => Action::Fail(ENOSPC),
        };
        // Where nothing can be deleted, something is left.
        let fault = Fault::new(action).calls("open write sync rename");
        let fault = fault.first(place).count(rng.u64(1..3));
        let Some(saving) = Saving::start(&fault) else {
            return;
        };
        assert!(saving.save(), "the server has ended");
        if rng.bool() {
            saving.disk.disarm();
            wait_until("it saves again", || {
                assert!(saving.save(), "the server has ended");
                let mut peer = Peer::connect(saving.server.addr()).expect("a server");
                peer.info("rdb_last_bgsave_status").as_deref() == Some("ok")
            });
            assert!(is_other_server() || leftovers(&saving.data).is_empty());
        }
        saving.server.kill();
        saving.load.stop();
        has_saved(&saving.data, &saving.saved);
    }
}

#[test]
fn a_power_cut_during_a_save_leaves_the_old_file_or_the_new_one() {
    let mut rng = load::rng();
    let Some(saving) = Saving::start(&Fault::new(Action::Kill).count(0)) else {
        return;
    };
    assert!(saving.save() && saving.save(), "the server has ended");
    saving.server.kill();
    saving.load.stop();
    let journal = Journal::of(&saving.disk);
    for moment in load::some(&journal.moments(), 15, &mut rng) {
        let saved: Vec<u64> = (0..CLIENTS)
            .map(|client| journal.told(moment, SAVED + client))
            .collect();
        has_saved(&journal.after_power_cut(moment, &mut rng), &saved);
    }
}
