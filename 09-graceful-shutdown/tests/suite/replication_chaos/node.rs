//! One of the servers: it can be killed, started again on its files, stopped, and asked.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use fastrand::Rng;
use tempfile::TempDir;

use super::model::{self, Data};
use super::wire::{Pace, Wire};
use crate::harness::stopwatch::Stopwatch;
use crate::harness::{Server, is_other_server};
use crate::log::{FOLDER, NAME, connect, data_folder};
use crate::session::{Session, encode, shown};

/// How long anything may take until it is as it has to be.
const DEADLINE: Duration = Duration::from_secs(60);

/// How often to look.
const INTERVAL: Duration = Duration::from_millis(20);

pub struct Node {
    pub wire: Wire,
    /// What it must have, while that can be said.
    pub model: Option<Data>,
    pub is_stopped: bool,
    pub is_primary: bool,
    /// Does a start read the log?
    has_log: bool,
    /// Has every write so far reached a log that a start reads?
    pub is_logged: bool,
    is_stock: bool,
    data: TempDir,
    server: Option<Server>,
    session: Option<Session>,
}

impl Node {
    /// A stock Redis if `is_stock` and there is one, else what is tested.
    pub fn start(is_stock: bool, has_log: bool) -> Self {
        let data = data_folder();
        let server = launch(is_stock, &data, has_log);
        Self {
            wire: Wire::to(server.addr()),
            model: Some(Data::new()),
            is_stopped: false,
            is_primary: true,
            has_log,
            is_logged: has_log,
            is_stock,
            session: Some(greet(&server)),
            data,
            server: Some(server),
        }
    }

    pub fn session(&mut self) -> &mut Session {
        self.session.as_mut().expect("it runs")
    }

    pub fn server(&self) -> &Server {
        self.server.as_ref().expect("it runs")
    }

    pub fn call(&mut self, line: &str) -> Vec<u8> {
        let words: Vec<&str> = line.split(' ').collect();
        self.session().call(&words)
    }

    /// Says it until it is done; while data is loaded it cannot be.
    pub fn insist(&mut self, line: &str) {
        wait_for(line, || {
            let reply = self.call(line);
            let is_done = reply.starts_with(b"+");
            is_done.then_some(()).ok_or(shown(&reply))
        });
    }

    /// Ends it at once, and starts it on the files that it leaves.
    pub fn restart(&mut self) {
        self.session = None;
        self.server = None;
        let server = launch(self.is_stock, &self.data, self.has_log);
        self.wire.aim(server.addr());
        self.session = Some(greet(&server));
        self.server = Some(server);
        self.is_stopped = false;
        self.is_primary = true;
        if !self.is_logged {
            self.model = None;
        }
    }

    pub fn stop(&mut self) {
        self.server().signal(&["STOP"]);
        self.is_stopped = true;
    }

    /// Ends what keeps it from its work.
    pub fn heal(&mut self) {
        self.wire.set_pace(Pace::Free);
        if self.is_stopped {
            self.server().signal(&["CONT"]);
            self.is_stopped = false;
        }
    }

    /// Turns the log on or off. What a start finds after that depends on when it comes.
    pub fn set_log(&mut self, is_on: bool) {
        let value = if is_on { "yes" } else { "no" };
        if self.call(&format!("CONFIG SET appendonly {value}")) == b"+OK\r\n" {
            self.is_logged = self.is_logged && is_on && self.has_log;
            self.has_log = is_on;
        }
    }

    /// From here on a start finds what there is now.
    pub fn persist(&mut self, with_log: bool) {
        self.session().call(&["CONFIG", "SET", "save", ""]);
        self.set_log(with_log);
        self.wait_for_files();
        match with_log {
            true => assert!(self.has_log, "the log is not on"),
            false => self.insist("SAVE"),
        }
    }

    /// It follows nobody, or another; then nobody can say what it will have, and when its log
    /// will.
    pub fn is_now(&mut self, a_primary: bool) {
        self.is_primary = a_primary;
        if !a_primary {
            self.model = None;
            self.is_logged = false;
        }
    }

    fn wait_for_files(&mut self) {
        wait_for("the files are written", || {
            let fields = self.info();
            let busy = [
                "aof_rewrite_scheduled",
                "aof_rewrite_in_progress",
                "rdb_bgsave_in_progress",
                "loading",
            ];
            let busy =
                { busy.into_iter() }.find(|name| fields.get(*name).is_some_and(|it| it != "0"));
            busy.map_or(Ok(()), |name| Err(name.to_owned()))
        });
        self.is_logged = self.has_log;
    }

    /// Executes commands, a few at a time; how many it took.
    pub fn write(&mut self, commands: &[Vec<Vec<u8>>]) -> usize {
        let mut count = 0;
        for commands in commands.chunks(8) {
            let bytes: Vec<u8> = commands.iter().flat_map(|it| encode(it)).collect();
            self.session().send(&bytes);
            for command in commands {
                let reply = self.session().reply();
                count += usize::from(!reply.starts_with(b"-"));
                if let Some(data) = &mut self.model {
                    model::apply(data, command, &reply);
                }
            }
        }
        count
    }

    /// Everything that it has, but for what is about to end.
    pub fn data(&mut self) -> Data {
        let keys = self.session().strings(&["KEYS", "*"]);
        let mut data = Data::new();
        for keys in keys.chunks(500) {
            let ask = |name: &'static str| {
                keys.iter()
                    .flat_map(move |key| encode(&[name.as_bytes(), key]))
            };
            let asked: Vec<u8> = ask("PEXPIRETIME").chain(ask("GET")).collect();
            let session = self.session();
            session.send(&asked);
            let deadlines: Vec<_> = keys.iter().map(|_| session.reply()).collect();
            for (key, deadline) in keys.iter().zip(deadlines) {
                let entry = model::entry(&session.reply(), &deadline);
                data.extend(entry.map(|entry| (key.clone(), entry)));
            }
        }
        model::lasting(data)
    }

    pub fn info(&mut self) -> BTreeMap<String, String> {
        let text = self.call("INFO");
        let text = String::from_utf8_lossy(&text).into_owned();
        let pairs = text.lines().filter_map(|line| line.split_once(':'));
        pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// There is nothing in its folder but what a start reads. Redis leaves what it was writing
    /// when it was killed.
    pub fn check_files(&mut self) {
        self.session().call(&["CONFIG", "SET", "save", ""]);
        self.wait_for_files();
        if self.is_stock || is_other_server() {
            return;
        }
        wait_for("no file is left", || {
            let left = strays(self.data.path());
            left.is_empty().then_some(()).ok_or(format!("{left:?}"))
        });
    }
}

/// The files in the folder of a server that belong to nothing.
fn strays(folder: &Path) -> BTreeSet<String> {
    let log = folder.join(FOLDER);
    let manifest = format!("{NAME}.manifest");
    let named = fs::read_to_string(log.join(&manifest)).unwrap_or_default();
    let named = named.lines().filter_map(|line| line.split(' ').nth(1));
    let mut known: BTreeSet<String> = named.map(str::to_owned).collect();
    known.extend([manifest, FOLDER.to_owned(), "dump.rdb".to_owned()]);
    let files = [folder, &log]
        .into_iter()
        .filter_map(|it| fs::read_dir(it).ok());
    let names = files
        .flatten()
        .flatten()
        .map(|it| it.file_name().display().to_string());
    names.filter(|name| !known.contains(name)).collect()
}

fn launch(is_stock: bool, data: &TempDir, has_log: bool) -> Server {
    // With another policy Redis answers before its log has a write, at times.
    let policy = match is_stock || is_other_server() {
        true => "always",
        false => "everysec",
    };
    let mut flags = vec!["--appendfsync", policy, "--repl-ping-replica-period", "1"];
    flags.extend(["--appendonly", if has_log { "yes" } else { "no" }]);
    flags.extend(["--repl-timeout", "15", "--save", ""]);
    let stock = is_stock.then(|| Server::start_redis_on(data.path(), &flags));
    stock
        .flatten()
        .unwrap_or_else(|| Server::start_on(data.path(), &flags))
}

fn greet(server: &Server) -> Session {
    let mut session = connect(server);
    session.call(&["CONFIG", "SET", "repl-diskless-sync-delay", "0"]);
    let limit = "replica 2mb 1mb 1";
    session.call(&["CONFIG", "SET", "client-output-buffer-limit", limit]);
    session
}

/// Waits until `done` has nothing to say against it.
#[track_caller]
pub fn wait_for(what: &str, mut done: impl FnMut() -> Result<(), String>) {
    let watch = Stopwatch::start();
    while let Err(state) = done() {
        assert!(watch.elapsed() < DEADLINE, "still not: {what}\n{state}");
        sleep(INTERVAL);
    }
}

/// How long something random takes.
pub fn moment(rng: &mut Rng, most: u64) -> Duration {
    Duration::from_millis(rng.u64(..most))
}
