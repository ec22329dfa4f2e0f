//! Starts the server that is tested: this step's own, or the one that
//! `WORKSHOP_SERVER` names, in any language.
//!
//! The suites know nothing of a server but its port. That is what lets them run
//! against real Redis, which has to pass every one of them.

// Shared by all steps; an early one does not need all of it.
#![allow(dead_code)]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::thread::{panicking, sleep};
use std::time::Duration;

use port::{free_address, is_served};
use stopwatch::Stopwatch;
use tempfile::TempDir;

#[path = "port.rs"]
mod port;
#[path = "stopwatch.rs"]
pub mod stopwatch;

/// How long a server may take to start, or anything else to come true.
const DEADLINE: Duration = Duration::from_secs(30);

/// How long to wait before looking again.
const INTERVAL: Duration = Duration::from_millis(5);

/// How long a server may live whose port is a stranger's. One that cannot have it
/// ends at once; one that lives on is served in another way, as a container is.
const STRANGE: Duration = Duration::from_secs(3);

/// How many ports to try. A port can be taken by somebody else between finding it
/// and opening it.
const TRIES: usize = 4;

/// What servers say then.
const TAKEN: &str = "ddress already in use";

/// The ends of banners: ours, and Redis's. What a server says behind it is news.
const BANNERS: [&str; 2] = ["Ctrl-C ends the server", "Ready to accept connections"];

/// How long to wait for the end of a server that may be about to end.
const ENDING: Duration = Duration::from_millis(200);

/// What a server says goes to this file in its folder; a test that fails shows
/// it.
const LOG: &str = "server.log";

/// A real Redis, for this machine alone, that keeps nothing unless told to.
const REDIS: &[&str] = &[
    "redis-server",
    "--bind",
    "127.0.0.1",
    "--save",
    "",
    "--appendonly",
    "no",
];

/// The environment variable with the command line of a server to test.
const OTHER_SERVER: &str = "WORKSHOP_SERVER";

/// The environment variable that says, by being there, that this run is one of many.
const IN_PART: &str = "WORKSHOP_IN_PART";

/// A server in a folder of its own; it ends when this is dropped.
pub struct Server {
    process: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl Server {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts the server with more flags.
    pub fn start_with(flags: &[&str]) -> Self {
        let mut command = command_line();
        command.extend(flags.iter().map(|flag| (*flag).to_owned()));
        Self::launch(&command)
    }

    /// Starts the server with a limit on its open files.
    pub fn start_with_files(limit: u32) -> Self {
        let script = format!("ulimit -n {limit}; exec \"$@\"");
        let mut command = vec!["sh".into(), "-c".into(), script, "sh".into()];
        command.extend(command_line());
        Self::launch(&command)
    }

    /// Starts the server with its files in `data`, a folder that outlives it.
    pub fn start_on(data: &Path, flags: &[&str]) -> Self {
        Self::launch(&on(command_line(), data, flags))
    }

    /// The same for a server that `program` becomes after it has prepared something, as `env` does.
    pub fn start_through(program: &[String], data: &Path, flags: &[&str]) -> Self {
        Self::launch(&[program, &on(command_line(), data, flags)].concat())
    }

    /// Its files are in `data`, and there is a limit on how large a file may become, in bytes, until
    /// [`lift_limit`](Self::lift_limit). A write beyond it fails as on a full disk.
    pub fn start_limited(data: &Path, bytes: u64, flags: &[&str]) -> Self {
        let script = "trap '' XFSZ; limit=$1; shift; exec prlimit --fsize=$limit: \"$@\"";
        Self::launch(&limited(script, bytes, on(command_line(), data, flags)))
    }

    /// The same for a server that cannot say what happens: its output goes to a
    /// device that is always full.
    pub fn start_mute(data: &Path, bytes: u64, flags: &[&str]) -> Self {
        let script = "trap '' XFSZ; limit=$1; shift; \
                      exec prlimit --fsize=$limit: \"$@\" >/dev/full 2>&1";
        Self::launch(&limited(script, bytes, on(command_line(), data, flags)))
    }

    /// Ends the limit of the two above.
    pub fn lift_limit(&self) {
        let process = self.process.id().to_string();
        let status = Command::new("prlimit")
            .args(["--fsize=unlimited:", "--pid", &process])
            .status();
        assert!(status.is_ok_and(|status| status.success()), "prlimit fails");
    }

    /// Starts a real Redis, to compare with, if there is one.
    pub fn start_redis() -> Option<Self> {
        Self::start_redis_with(&[])
    }

    /// The same with more flags.
    pub fn start_redis_with(flags: &[&str]) -> Option<Self> {
        let words = REDIS.iter().chain(flags);
        let command: Vec<String> = words.map(|word| (*word).to_owned()).collect();
        installed(REDIS[0]).then(|| Self::launch(&command))
    }

    /// The same with its files in `data`.
    pub fn start_redis_on(data: &Path, flags: &[&str]) -> Option<Self> {
        let folder = data.display().to_string();
        Self::start_redis_with(&[&["--dir", &folder], flags].concat())
    }

    /// Starts the server on `data`, which it is not to accept. How it ended, and
    /// what it said.
    #[track_caller]
    pub fn refuses(data: &Path, flags: &[&str]) -> (ExitStatus, String) {
        match Self::try_on(data, flags) {
            Ok(server) => panic!("the server starts, and should not:\n{}", server.log()),
            Err(refusal) => refusal,
        }
    }

    /// Starts the server with flags that it is not to accept. What it said.
    #[track_caller]
    pub fn refuses_flags(flags: &[&str]) -> String {
        let flags = flags.iter().map(|flag| (*flag).to_owned());
        match Self::try_command(&command_line().into_iter().chain(flags).collect::<Vec<_>>()) {
            Ok(server) => panic!("the server starts, and should not:\n{}", server.log()),
            Err((status, said)) => {
                assert!(!status.success(), "it ends with {status}");
                said
            }
        }
    }

    /// Starts the server on `data`, which it may not accept. A server may listen
    /// before it has looked at its data, so it has to answer.
    #[track_caller]
    pub fn try_on(data: &Path, flags: &[&str]) -> Result<Self, (ExitStatus, String)> {
        Self::try_command(&on(command_line(), data, flags))
    }

    /// The same for a server that `program` becomes after it has prepared something, as `env` does.
    #[track_caller]
    pub fn try_through(
        program: &[String],
        data: &Path,
        flags: &[&str],
    ) -> Result<Self, (ExitStatus, String)> {
        Self::try_command(&[program, &on(command_line(), data, flags)].concat())
    }

    #[track_caller]
    fn try_command(command: &[String]) -> Result<Self, (ExitStatus, String)> {
        let mut tries = TRIES;
        loop {
            tries -= 1;
            let mut server = Self::spawn(command);
            let mut served = None;
            wait_until("the server starts or ends", || {
                let ready = server.is_own(&mut served) && is_answered(server.address);
                ready || !server.is_alive()
            });
            match server.process.try_wait().expect("how the server ended") {
                Some(_) if tries > 0 && server.log().contains(TAKEN) => {}
                Some(status) => return Err((status, server.log())),
                None => return Ok(server),
            }
        }
    }

    /// Ends the server at once and without a warning, as `kill -9` does.
    pub fn kill(self) {
        drop(self);
    }

    fn launch(command: &[String]) -> Self {
        let mut log = String::new();
        for _ in 0..TRIES {
            match Self::try_launch(command) {
                Ok(server) => return server,
                Err(said) => log = said,
            }
        }
        panic!("the server does not start: {}\n{log}", command.join(" "));
    }

    /// Starts a server, or returns what it said before it ended.
    fn try_launch(command: &[String]) -> Result<Self, String> {
        let mut server = Self::spawn(command);
        if server.accepts() {
            Ok(server)
        } else {
            Err(server.log())
        }
    }

    fn spawn(command: &[String]) -> Self {
        // For a moment a new process has every socket of this one. If it had the
        // one with which another test looks for a port, that would seem served.
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _one = ONE_AT_A_TIME.lock();
        let address = free_address();
        let folder = tempfile::tempdir().expect("a folder for the server");
        let log = File::create(folder.path().join(LOG)).expect("a log for the server");
        let process = Command::new(&command[0])
            .args(&command[1..])
            .args(["--port", &address.port().to_string()])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {}: {error}", command[0]));
        Self {
            process,
            address,
            folder,
        }
    }

    /// Waits until the server accepts connections; false if it ends before.
    fn accepts(&mut self) -> bool {
        let watch = Stopwatch::start();
        let mut served = None;
        while watch.elapsed() < DEADLINE && self.is_alive() {
            if is_served(self.address) && self.is_own(&mut served) {
                return self.is_alive();
            }
            sleep(INTERVAL);
        }
        false
    }

    /// Is it this server that is served there, and no stranger? `served` is when
    /// that was asked first.
    fn is_own(&self, served: &mut Option<Stopwatch>) -> bool {
        let first = *served.get_or_insert_with(Stopwatch::start);
        let own = port::listens(self.process.id(), self.address.port());
        own.unwrap_or(true) || first.elapsed() > STRANGE
    }

    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// The number of the server's process.
    pub fn process(&self) -> u32 {
        self.process.id()
    }

    /// Sends these signals to the server, one right after the other: `["TERM"]`.
    pub fn signal(&self, names: &[&str]) {
        let process = self.process.id();
        let lines = names.iter().map(|name| format!("kill -{name} {process};"));
        let status = Command::new("sh")
            .args(["-c", &lines.collect::<String>()])
            .status();
        assert!(status.is_ok(), "no shell to send a signal with");
    }

    /// Waits until the server has ended by itself; how.
    #[track_caller]
    pub fn ended(&mut self) -> ExitStatus {
        wait_until("the server ends", || !self.is_alive());
        self.process.wait().expect("how the server ended")
    }

    /// The memory that the server has occupied at most, in KiB, where the system
    /// tells.
    pub fn peak_memory(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    }

    /// How much of a processor the server takes for the next `time`, in percent, where the
    /// system tells.
    pub fn share_of_processor(&self, time: Duration) -> Option<u64> {
        let before = self.ticks()?;
        sleep(time);
        // The system counts in hundredths of a second.
        let ticks = self.ticks()? - before;
        Some(ticks * 10 * 100 / time.as_millis() as u64)
    }

    /// For how long the server has computed so far.
    fn ticks(&self) -> Option<u64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id())).ok()?;
        // A name in brackets is the second field; it may hold anything.
        let (_, fields) = stat.rsplit_once(") ")?;
        let mut times = fields.split(' ').skip(11);
        let mut time = || times.next()?.parse::<u64>().ok();
        Some(time()? + time()?)
    }

    /// How many files and sockets the server has open, where the system tells.
    pub fn open_files(&self) -> Option<usize> {
        let files = fs::read_dir(format!("/proc/{}/fd", self.process.id())).ok()?;
        Some(files.count())
    }

    /// What the server has said.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join(LOG)).unwrap_or_default()
    }

    /// Is it still running?
    pub fn is_alive(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }
}

impl Server {
    /// What a failed test tells of its server: whether it has ended, and what it
    /// has said since it was ready.
    fn testimony(&mut self) -> String {
        let mut text = match self.end_of_itself() {
            Some(status) => format!("  server    it has ended by itself ({status})\n"),
            None => String::new(),
        };
        let log = self.log();
        let news = news(&log);
        if !news.is_empty() {
            text.push_str(&format!("the server said:\n{news}\n"));
        }
        text
    }

    /// How the server ended, if it does so now; a connection is closed somewhat
    /// earlier than its process has ended.
    fn end_of_itself(&mut self) -> Option<ExitStatus> {
        let watch = Stopwatch::start();
        while self.is_alive() && watch.elapsed() < ENDING {
            sleep(INTERVAL);
        }
        self.process.try_wait().ok().flatten()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if panicking() {
            eprint!("{}", self.testimony());
        }
        // It may have ended already, and that is fine.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What stands in a log behind the banner, with which a server begins.
fn news(log: &str) -> &str {
    let ends = BANNERS.iter().filter_map(|end| log.find(end));
    let Some(end) = ends.min() else {
        return log.trim();
    };
    // Ours goes on to an empty line, Redis's to the end of its line.
    let blank = if log[end..].starts_with(BANNERS[0]) {
        "\n\n"
    } else {
        "\n"
    };
    let behind = log[end..].find(blank).map(|at| end + at);
    log[behind.unwrap_or(log.len())..].trim()
}

#[test]
fn the_banner_is_no_news() {
    let banner = "\n  Step 03, listening\n\n  type\n\n  Ctrl-C ends the server; with\n  more.\n\n";
    assert_eq!(news(banner), "");
    assert_eq!(
        news(&format!("{banner}thread 'main' panicked\n")),
        "thread 'main' panicked"
    );
    assert_eq!(
        news("1:M # starting\n1:M * Ready to accept connections\n1:M oh\n"),
        "1:M oh"
    );
    assert_eq!(news("cannot start\n"), "cannot start");
}

/// Is a server of somebody else's tested?
pub fn is_other_server() -> bool {
    std::env::var_os(OTHER_SERVER).is_some()
}

/// Do the suites run again and again, as they do for each reference solution? Then
/// what takes long is proven elsewhere.
pub fn is_in_part() -> bool {
    std::env::var_os(IN_PART).is_some()
}

/// How much to do of what takes long, where `all` is enough for once.
pub fn amount(all: usize) -> usize {
    if is_in_part() { all / 10 } else { all }
}

/// Is `program` there? If not, the test says so and passes, except in CI.
pub fn installed(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(
        found || !in_ci,
        "{program} is missing; CI must have it (`make redis`)"
    );
    if !found {
        eprintln!("not tested: {program} is missing; install it with `make redis`");
    }
    found
}

/// Waits until `done`, and fails if that takes too long.
#[track_caller]
pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let watch = Stopwatch::start();
    while !done() {
        assert!(watch.elapsed() < DEADLINE, "still not: {what}");
        sleep(INTERVAL);
    }
}

/// `command` with `--dir data` and more flags. Of two that contradict each other,
/// the later one counts.
fn on(mut command: Vec<String>, data: &Path, flags: &[&str]) -> Vec<String> {
    command.extend(["--dir".into(), data.display().to_string()]);
    command.extend(flags.iter().map(|flag| (*flag).to_owned()));
    command
}

/// `command`, started by a script whose first argument is a number of bytes.
fn limited(script: &str, bytes: u64, command: Vec<String>) -> Vec<String> {
    let bytes = bytes.to_string();
    let mut wrapped = ["sh", "-c", script, "sh", &bytes]
        .map(str::to_owned)
        .to_vec();
    wrapped.extend(command);
    wrapped
}

fn command_line() -> Vec<String> {
    match std::env::var(OTHER_SERVER) {
        Ok(line) => shlex::split(&line).expect("WORKSHOP_SERVER has unbalanced quotes"),
        Err(_) => vec![own_server().display().to_string()],
    }
}

/// The binary of this step lies two folders above the test's own. Going by the
/// package's name keeps this file the same in all steps.
fn own_server() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let folder = test
        .ancestors()
        .nth(2)
        .expect("target/<profile>/deps/suite");
    folder.join(env!("CARGO_PKG_NAME"))
}

/// Does a server that has loaded its data answer at `address`?
fn is_answered(address: SocketAddr) -> bool {
    let mut reply = [0; 5];
    TcpStream::connect(address).is_ok_and(|mut socket| {
        let _ = socket.set_read_timeout(Some(DEADLINE));
        let sent = socket.write_all(b"PING\r\n");
        sent.is_ok() && socket.read_exact(&mut reply).is_ok() && reply == *b"+PONG"
    })
}
