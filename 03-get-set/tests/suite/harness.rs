//! Starts the server that is tested: this step's own, or the one that
//! `WORKSHOP_SERVER` names, in any language.
//!
//! The suites know nothing of a server but its port. That is what lets them run
//! against real Redis, which has to pass every one of them.

// Shared by all steps; an early one does not need all of it.
#![allow(dead_code)]

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a server may take to start.
const START: Duration = Duration::from_secs(10);

/// The environment variable with the command line of a server to test.
const OTHER_SERVER: &str = "WORKSHOP_SERVER";

/// A server in a folder of its own; it ends when this is dropped.
pub struct Server {
    process: Child,
    address: SocketAddr,
    _folder: TempDir,
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

    /// A port can be taken by somebody else between finding it and opening it,
    /// so there is more than one try.
    fn launch(command: &[String]) -> Self {
        (0..3)
            .find_map(|_| Self::try_launch(command))
            .unwrap_or_else(|| panic!("the server does not start: {}", command.join(" ")))
    }

    fn try_launch(command: &[String]) -> Option<Self> {
        let address = free_address();
        let folder = tempfile::tempdir().expect("a folder for the server");
        let process = Command::new(&command[0])
            .args(&command[1..])
            .args(["--port", &address.port().to_string()])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {}: {error}", command[0]));
        let mut server = Self {
            process,
            address,
            _folder: folder,
        };
        server.accepts().then_some(server)
    }

    /// Waits until the server accepts connections; false if it ends before.
    fn accepts(&mut self) -> bool {
        let deadline = Instant::now() + START;
        while Instant::now() < deadline {
            if TcpStream::connect(self.address).is_ok() {
                return true;
            }
            if !matches!(self.process.try_wait(), Ok(None)) {
                return false;
            }
            sleep(Duration::from_millis(5));
        }
        false
    }

    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// The memory that the server has occupied at most, in KiB, where the system
    /// tells.
    pub fn peak_memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    }

    /// Is it still running?
    pub fn is_alive(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, and that is fine.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Is a server of somebody else's tested?
pub fn is_other_server() -> bool {
    std::env::var_os(OTHER_SERVER).is_some()
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

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("the address of a listener")
}
