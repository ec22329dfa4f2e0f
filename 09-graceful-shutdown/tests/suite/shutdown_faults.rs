//! The end of a server, and the data of another primary, on a disk on which calls fail or are the
//! last ones. Whoever says goodbye has made everything safe; whoever cannot, stays.
//!
//! Reread: 09-graceful-shutdown/GUIDE.md#what-can-go-wrong

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tempfile::TempDir;

use crate::dump::leftovers;
use crate::faults::load::{self, Load, Peer, Told, check};
use crate::faults::machine::Journal;
use crate::faults::{Action, Disk, EIO, ENOSPC, Fault};
use crate::harness::{Server, is_other_server, wait_until};
use crate::log::{ON, connect, data_folder, info};
use crate::replicas::{all, fill, start, wait_for_link, wait_for_offset};
use crate::session::{OK, Session, bulk};
use crate::shutdown::{FAILED, tell};

/// A server whose clients write, and which is to end.
struct Ending {
    data: TempDir,
    disk: Disk,
    server: Server,
    load: Load,
}

/// What is on: the log with a policy, or the save at the end.
const WAYS: [&[&str]; 4] = [
    &["--appendonly", "yes", "--appendfsync", "always"],
    &["--appendonly", "yes", "--appendfsync", "everysec"],
    &[
        "--appendonly",
        "yes",
        "--appendfsync",
        "no",
        "--save",
        "3600 1",
    ],
    &["--appendonly", "no", "--save", "3600 1"],
];

/// How many calls an end makes, about.
const CALLS: u64 = 12;

impl Ending {
    fn start(flags: &[&str], fault: &Fault) -> Option<Self> {
        let data = data_folder();
        let disk = Disk::under(&data)?;
        let server = disk.start(flags);
        let load = Load::start(server.addr(), &disk);
        load.wait_for(10);
        load.pause();
        disk.arm(fault);
        Some(Self {
            data,
            disk,
            server,
            load,
        })
    }

    /// Asks for the end. True if it comes, with success; false if the server stays.
    fn ends(&mut self) -> bool {
        let peer = Peer::connect(self.server.addr());
        let reply = peer.and_then(|mut peer| peer.ask(&["SHUTDOWN"]));
        if reply.is_some() {
            return false;
        }
        self.server.ended().success()
    }

    /// The machine ends after the server has: everything that was acknowledged is there.
    #[track_caller]
    fn must_be_safe(self, flags: &[&str], rng: &mut Rng) {
        let told = self.load.stop();
        let journal = Journal::of(&self.disk);
        let end = *journal.moments().last().expect("the end");
        let image = journal.after_power_cut(end, rng);
        has(image.path(), flags, &told);
    }
}

#[track_caller]
fn has(data: &Path, flags: &[&str], told: &[Arc<Told>]) {
    let server = Server::start_on(data, flags);
    check(&mut connect(&server), told);
}

fn kinds(rng: &mut Rng) -> Vec<(&'static [&'static str], u64)> {
    let places = WAYS
        .iter()
        .flat_map(|way| (1..=CALLS).map(|place| (*way, place)));
    load::some(&places.collect::<Vec<_>>(), 8, rng)
}

#[test]
fn what_was_acknowledged_is_safe_when_it_has_ended() {
    let mut rng = load::rng();
    for flags in WAYS {
        let none = Fault::new(Action::Kill).count(0);
        let Some(mut ending) = Ending::start(flags, &none) else {
            return;
        };
        assert!(ending.ends());
        ending.must_be_safe(flags, &mut rng);
    }
}

/// What is in the increment before the last one is made safe, too. Redis may end before it is.
#[test]
fn what_was_acknowledged_is_safe_when_it_has_ended_in_a_rewrite() {
    if is_other_server() {
        return;
    }
    let mut rng = load::rng();
    for flags in &WAYS[1..3] {
        let slow = Action::Delay(Duration::from_millis(300));
        let fault = Fault::new(slow).calls("sync").path("1.incr").always();
        let Some(mut ending) = Ending::start(flags, &fault) else {
            return;
        };
        let mut peer = Peer::connect(ending.server.addr()).expect("a server");
        peer.tell("BGREWRITEAOF");
        wait_until("it goes on in another file", || {
            ending.disk.journal().contains("2.incr")
        });
        assert!(ending.ends());
        ending.must_be_safe(flags, &mut rng);
    }
}

#[test]
fn a_kill_at_any_call_of_the_end_loses_nothing_acknowledged() {
    let mut rng = load::rng();
    for (flags, place) in kinds(&mut rng) {
        // Without a log nothing is promised before the save.
        if flags[1] == "no" {
            continue;
        }
        let action = rng
            .choice([Action::Kill, Action::KillAfter])
            .expect("one of two");
        let Some(mut ending) = Ending::start(flags, &Fault::new(action).first(place)) else {
            return;
        };
        ending.ends();
        let told = ending.load.stop();
        has(ending.data.path(), flags, &told);
    }
}

/// It ends when it has kept its promise, and not before; at the second try if the first fails.
#[test]
fn a_call_that_fails_at_the_end_loses_nothing_acknowledged() {
    if is_other_server() {
        return;
    }
    let mut rng = load::rng();
    for (flags, place) in kinds(&mut rng) {
        let errno = rng.choice([EIO, ENOSPC]).expect("one of two");
        let fault = Fault::new(Action::Fail(errno))
            .first(place)
            .count(rng.u64(1..4));
        let Some(mut ending) = Ending::start(flags, &fault) else {
            return;
        };
        if !ending.ends() {
            ending.load.resume();
            ending.load.wait_for(3);
            ending.load.pause();
            ending.disk.disarm();
            wait_until("it ends", || ending.ends());
        }
        eprintln!("{fault:?} with {flags:?}");
        ending.must_be_safe(flags, &mut rng);
    }
}

/// A log that cannot be made safe is mended by a rewrite. Who asks for the end again and again,
/// as some scripts do, must not stop that again and again.
#[test]
fn who_asks_again_and_again_gets_the_end() {
    if is_other_server() {
        return;
    }
    let data = data_folder();
    let Some(disk) = Disk::under(&data) else {
        return;
    };
    let mut server = disk.start(&ON);
    let mut c = connect(&server);
    c.expect("SET k 1", OK);
    disk.arm(&Fault::new(Action::Fail(EIO)).calls("sync").path("incr"));
    wait_until("it ends", || {
        let reply = Peer::connect(server.addr()).and_then(|mut peer| peer.ask(&["SHUTDOWN"]));
        reply.is_none()
    });
    assert!(server.ended().success());
    assert_eq!(disk.faults(), 1);
    connect(&Server::start_on(data.path(), &ON)).expect("GET k", bulk("1"));
}

/// An AOF that was just turned on has no base yet. A server that ended now would leave no data.
#[test]
fn an_aof_without_its_base_holds_up_the_end() {
    let data = data_folder();
    let Some(disk) = Disk::under(&data) else {
        return;
    };
    let mut server = disk.start(&["--save", ""]);
    let mut c = connect(&server);
    c.expect("SET k 1", OK);
    disk.arm(&Fault::new(Action::Hold).calls("sync").path("temp-"));
    c.expect("CONFIG SET appendonly yes", OK);
    disk.wait_for_fault();
    c.expect("SHUTDOWN", FAILED);
    assert!(server.log().contains("Writing initial AOF, can't exit"));
    disk.disarm();
    wait_until("the base is there", || {
        info(&mut c, "aof_rewrite_in_progress").as_deref() == Some("0")
    });
    tell(&server, "SHUTDOWN").expect_closed();
    assert!(server.ended().success());
    connect(&Server::start_on(data.path(), &ON)).expect("GET k", bulk("1"));
}

/// A save that is under way is stopped: it leaves no file, neither half nor whole.
#[test]
fn a_save_under_way_ends_with_the_server() {
    const SAID: [&str; 2] = ["written in the background", "Killing it"];
    let data = data_folder();
    let Some(disk) = Disk::under(&data) else {
        return;
    };
    let mut server = disk.start(&["--save", ""]);
    let mut c = connect(&server);
    c.expect("SET k 1", OK);
    disk.arm(&Fault::new(Action::Hold).calls("sync").path("temp-"));
    c.expect("BGSAVE", "+Background saving started\r\n");
    disk.wait_for_fault();
    let mut client = tell(&server, "SHUTDOWN NOSAVE");
    wait_until("the save is told to stop", || {
        SAID.iter().any(|text| server.log().contains(text))
    });
    disk.disarm();
    client.expect_closed();
    assert!(server.ended().success());
    assert_eq!(leftovers(&data), [""; 0]);
    assert!(!data.path().join("dump.rdb").exists());
}

type Data = BTreeMap<Vec<u8>, (Vec<u8>, Vec<u8>)>;

/// A primary, and a server with a log and data of its own.
struct Following {
    data: TempDir,
    disk: Disk,
    primary: Server,
    p: Session,
    replica: Server,
    before: Data,
    after: Data,
}

impl Following {
    fn start() -> Option<Self> {
        let data = data_folder();
        let disk = Disk::under(&data)?;
        let (primary, mut p) = start(&[]);
        fill(&mut p, 1000);
        let replica = disk.start(&[&ON[..], &["--appendfsync", "always"]].concat());
        let mut r = connect(&replica);
        for key in 0..20 {
            r.expect(&format!("SET mine{key} 1"), OK);
        }
        Some(Self {
            before: all(&mut r),
            after: all(&mut p),
            data,
            disk,
            primary,
            p,
            replica,
        })
    }

    /// Becomes a replica, until all is in its log. False if it has ended.
    fn follow(&self) -> bool {
        let Some(mut peer) = Peer::connect(self.replica.addr()) else {
            return false;
        };
        let address = self.primary.addr();
        let line = format!("REPLICAOF {} {}", address.ip(), address.port());
        let mut is_there = peer.tell(&line);
        wait_until("the replica has its data", || {
            let status = peer.info("master_link_status");
            is_there = is_there && status.is_some() && peer.settle();
            !is_there || status.as_deref() == Some("up") && peer.is_logging()
        });
        is_there
    }
}

fn places(rng: &mut Rng) -> Vec<u64> {
    load::some(&(1..=45).collect::<Vec<u64>>(), 6, rng)
}

/// Its own data or the primary's, and nothing between.
#[test]
fn a_kill_at_any_call_of_a_full_sync_leaves_one_of_two_data_sets() {
    let mut rng = load::rng();
    for place in places(&mut rng) {
        let Some(mut it) = Following::start() else {
            return;
        };
        let action = rng
            .choice([Action::Kill, Action::KillAfter])
            .expect("one of two");
        it.disk.arm(&Fault::new(action).first(place));
        let is_done = it.follow();
        if !is_done {
            it.replica.ended();
        }
        it.replica.kill();
        let server = Server::start_on(it.data.path(), &ON);
        let there = all(&mut connect(&server));
        assert!(
            there == it.after || !is_done && there == it.before,
            "{place}: {there:?}"
        );
    }
}

/// It comes to the primary's data all the same, and what comes later is logged.
#[test]
fn a_call_that_fails_in_a_full_sync_is_made_up_for() {
    if is_other_server() {
        return;
    }
    let mut rng = load::rng();
    for place in places(&mut rng) {
        let Some(mut it) = Following::start() else {
            return;
        };
        // After three failures in a row it waits for a minute.
        let errno = rng.choice([EIO, ENOSPC]).expect("one of two");
        let fault = Fault::new(Action::Fail(errno))
            .first(place)
            .count(rng.u64(1..3));
        it.disk.arm(&fault);
        assert!(it.follow(), "the replica has ended");
        it.disk.disarm();
        let mut r = connect(&it.replica);
        it.p.expect("SET later 1", OK);
        wait_for_link(&mut r);
        wait_for_offset(&mut it.p, &mut r);
        assert!(all(&mut r) == all(&mut it.p), "{fault:?}");
        wait_until("it is written", || {
            let mut peer = Peer::connect(it.replica.addr()).expect("a server");
            peer.info("aof_buffer_length").as_deref() == Some("0")
        });
        it.replica.kill();
        let server = Server::start_on(it.data.path(), &ON);
        assert!(all(&mut connect(&server)) == all(&mut it.p), "{fault:?}");
    }
}
