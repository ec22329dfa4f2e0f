//! Walks through the calls that a server makes during a scene while clients write, and lets each
//! be its last, or fail, or lets the machine lose power between two.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use fastrand::Rng;

use super::load::{CLIENTS, Load, Peer, Told, check, list, some};
use super::machine::Journal;
use super::{Action, Disk, EIO, ENOSPC, Fault};
use crate::harness::{Server, is_other_server, wait_until};
use crate::log::{FOLDER, connect, data_folder, data_set, snapshot};

/// What is done to the server. False if it has ended meanwhile.
pub type Scene = fn(&mut Peer, &Load) -> bool;

/// A scene with the flags of its server, in which the log is on.
#[derive(Clone, Copy)]
pub struct Walk<'a> {
    pub flags: &'a [&'a str],
    pub scene: Scene,
}

/// How much each client writes before a scene.
const BEFORE: u64 = 4;

/// The calls that only append to the log are many, and much the same.
const APPENDS: &str = ".incr";

impl Walk<'_> {
    /// The calls of the scene: which of them, if not all, and how many there are.
    fn calls(&self, fault: &Fault) -> Option<u64> {
        let data = data_folder();
        let disk = Disk::under(&data)?;
        let (server, ..) = self.play(&disk, &fault.clone().count(0));
        let seen = disk.seen();
        server.kill();
        if disk.journal().is_empty() {
            eprintln!("not tested: this server does not call the system through libc");
        }
        (seen > 0).then_some(seen)
    }

    /// Plays the scene. The server and what it told, and whether it is still there.
    fn play(&self, disk: &Disk, fault: &Fault) -> (Server, Load, bool) {
        let server = disk.start(self.flags);
        let load = Load::start(server.addr(), disk);
        load.wait_for(BEFORE);
        disk.arm(fault);
        let peer = Peer::connect(server.addr());
        let is_there = peer.is_some_and(|mut peer| (self.scene)(&mut peer, &load));
        (server, load, is_there)
    }

    /// The server ends at a call, or right after it, as with `kill -9`. Everything that was
    /// acknowledged is there when it starts again.
    pub fn kill(&self, count: usize, rng: &mut Rng) {
        for appends in [false, true] {
            let fault = |action| match appends {
                true => Fault::new(action).path(APPENDS),
                false => Fault::new(action).except(APPENDS),
            };
            let Some(calls) = self.calls(&fault(Action::Kill)) else {
                return;
            };
            let places: Vec<u64> = (1..=calls).collect();
            let count = if appends { count.div_ceil(4) } else { count };
            for place in some(&places, count, rng) {
                let action = rng.choice([Action::Kill, Action::KillAfter]);
                let fault = fault(action.expect("one of two")).first(place);
                self.kill_at(&fault);
            }
        }
    }

    fn kill_at(&self, fault: &Fault) {
        let data = data_folder();
        let disk = Disk::under(&data).expect("a disk");
        let (mut server, load, is_there) = self.play(&disk, fault);
        let at = Trace(format!("{fault:?}"), disk.journal());
        if is_there {
            server.kill();
        } else {
            server.ended();
        }
        let told = load.stop();
        self.is_there(data.path(), &told);
        disk.is_tidy();
        at.forget();
    }

    /// The data are there, with a server that can go on, twice.
    fn is_there(&self, data: &Path, told: &[Arc<Told>]) {
        let server = Server::start_on(data, self.flags);
        let mut c = connect(&server);
        check(&mut c, told);
        let before = data_set(&mut c);
        c.expect("APPEND more 1", ":1\r\n");
        server.kill();
        let server = Server::start_on(data, self.flags);
        let mut c = connect(&server);
        c.expect("GETDEL more", "$1\r\n1\r\n");
        assert!(
            data_set(&mut c) == before,
            "the data are others at the second start"
        );
    }

    /// A call fails, or some in a row. What was acknowledged stays, whether the server ends while
    /// the disk is bad or after that; and then it goes on as before.
    pub fn fail(&self, count: usize, rng: &mut Rng) {
        for appends in [false, true] {
            let fault = |action| match appends {
                true => Fault::new(action).path(APPENDS),
                false => Fault::new(action).except(APPENDS),
            };
            let Some(calls) = self.calls(&fault(Action::Kill)) else {
                return;
            };
            let places: Vec<u64> = (1..=calls).collect();
            let count = if appends { count.div_ceil(3) } else { count };
            for place in some(&places, count, rng) {
                let action = match rng.u8(..4) {
                    0 => Action::Shorten(rng.u64(..30)),
                    1 => Action::Fail(EIO),
                    _ => Action::Fail(ENOSPC),
                };
                let times = rng.choice([1, 1, 2, 5, u64::MAX]).expect("a number");
                self.fail_at(&fault(action).first(place).count(times), rng.bool());
            }
        }
    }

    /// The calls that `fault` says fail, and the disk recovers or does not.
    pub fn fail_at(&self, fault: &Fault, recovers: bool) {
        let data = data_folder();
        let disk = Disk::under(&data).expect("a disk");
        let (mut server, load, is_there) = self.play(&disk, fault);
        let at = Trace(format!("{fault:?}, recovers: {recovers}"), disk.journal());
        if !is_there || !recovers {
            assert!(server.is_alive(), "the server has ended of itself");
            server.kill();
            let told = load.stop();
            self.is_there(data.path(), &told);
            disk.is_tidy();
            return at.forget();
        }
        disk.disarm();
        let mut peer = Peer::connect(server.addr()).expect("a server");
        // The scene may have ended with the log off.
        wait_until("the log is on", || {
            peer.tell("CONFIG SET appendonly yes");
            // A server that has failed too often waits to be asked.
            for line in ["BGREWRITEAOF", "BGSAVE"] {
                assert!(peer.tell(line) && peer.settle(), "the server has ended");
            }
            peer.is_logging()
        });
        load.resume();
        wait_until("it writes again", || {
            peer.ask(&["SET", "probe", "1"])
                .is_some_and(|reply| reply == "+OK")
        });
        load.wait_for(BEFORE);
        let told = load.stop();
        assert!(
            (self.scene)(&mut peer, &Load::default()),
            "the server has ended"
        );
        peer.settle();
        let mut c = connect(&server);
        let before = data_set(&mut c);
        check(&mut c, &told);
        server.kill();
        let server = Server::start_on(data.path(), self.flags);
        // It accepts before it has tidied up, and answers afterwards.
        connect(&server);
        drop(server);
        disk.is_tidy();
        let server = Server::start_on(data.path(), self.flags);
        let mut c = connect(&server);
        assert!(
            data_set(&mut c) == before,
            "the data are others after a start"
        );
        at.forget();
    }

    /// The machine ends between two calls. What is left is how it once was, and everything is
    /// there that was acknowledged (`is_always`), or that the disk had been told to keep.
    pub fn cut_power(&self, is_always: bool, count: usize, rng: &mut Rng) {
        let data = data_folder();
        let Some(disk) = Disk::under(&data) else {
            return;
        };
        let none = Fault::new(Action::Kill).count(0);
        let (server, load, is_there) = self.play(&disk, &none);
        assert!(is_there, "the server has ended");
        load.wait_for(BEFORE);
        server.kill();
        let told = load.stop();
        let server = Server::start_on(data.path(), self.flags);
        let mut c = connect(&server);
        check(&mut c, &told);
        let all: Vec<Vec<u64>> = (0..CLIENTS).map(|client| list(&mut c, client)).collect();
        drop((c, server));
        let journal = Journal::of(&disk);
        for moment in some(&journal.moments(), count, rng) {
            let seed = rng.u64(..);
            let image = journal.after_power_cut(moment, &mut Rng::with_seed(seed));
            let what = format!("power cut at {moment}, {seed}");
            let at = Trace(what, disk.journal()[..moment].to_owned());
            let server = Server::start_on(image.path(), self.flags);
            let mut c = connect(&server);
            for (client, all) in all.iter().enumerate() {
                let there = list(&mut c, client);
                assert!(
                    all.starts_with(&there),
                    "client {client}: {there:?} of {all:?}"
                );
                let promised = match is_always {
                    true => journal.told(moment, client),
                    false => journal.told_and_safe(moment, client),
                };
                let count = there.len() as u64;
                assert!(count >= promised, "client {client}: {count} of {promised}");
            }
            at.forget();
        }
    }
}

/// What was done, for when it goes wrong.
struct Trace(String, String);

impl Trace {
    fn forget(self) {
        std::mem::forget(self);
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        let lines: Vec<&str> = self.1.lines().collect();
        let last = &lines[lines.len().saturating_sub(60)..];
        eprintln!("{}\nthe last calls:\n{}", self.0, last.join("\n"));
    }
}

/// The files that do not belong to the log, nor are data of another kind.
fn untidy(data: &Path) -> Vec<String> {
    let folder = data.join(FOLDER);
    let manifest = fs::read_dir(&folder).into_iter().flatten().flatten();
    let manifest = manifest.map(|file| file.path());
    let manifest = manifest.filter(|path| path.extension().is_some_and(|it| it == "manifest"));
    let text: String = manifest
        .filter_map(|path| fs::read_to_string(path).ok())
        .collect();
    let files = snapshot(data).into_keys();
    let names = files.map(|path| {
        path.file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned()
    });
    let belongs = |name: &str| {
        text.contains(name)
            || name.ends_with(".manifest") && !name.starts_with("temp-")
            || name == "dump.rdb"
    };
    names.filter(|name| !belongs(name)).collect()
}

impl Disk {
    /// Nothing is left over. Redis leaves more behind, and where nothing can be deleted, so does
    /// everybody.
    #[track_caller]
    fn is_tidy(&self) {
        let may_be = is_other_server() || self.journal().contains("fault\tunlink\t");
        let untidy = untidy(&self.data);
        assert!(may_be || untidy.is_empty(), "{untidy:?}");
    }
}
