//! What the tests of the benchmark share: a run of it, what it wrote, and a Redis of
//! their own.
//!
//! Both sides are real Redis here, so that nothing but the benchmark is tested.
//! Without `redis-server` the tests say so and pass; with `CI=true` they fail.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// One test measures at a time: two benchmarks on one machine measure each other.
static MACHINE: Mutex<()> = Mutex::new(());

/// The benchmark with the options of a short run, and the folder in which it
/// keeps its servers' files.
pub struct Bench {
    pub folder: TempDir,
    _machine: MutexGuard<'static, ()>,
}

impl Bench {
    /// None, if there is no Redis to run it with.
    pub fn new() -> Option<Self> {
        let found = Command::new("redis-server")
            .arg("--version")
            .output()
            .is_ok();
        if !found {
            assert_ne!(
                std::env::var("CI").as_deref(),
                Ok("true"),
                "CI needs redis-server"
            );
            eprintln!("skipped: there is no redis-server on the PATH");
        }
        found.then(|| Self {
            folder: tempfile::tempdir().unwrap(),
            _machine: MACHINE.lock().unwrap_or_else(PoisonError::into_inner),
        })
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_step10-capstone"));
        command
            .args(["--warmup", "0.05", "--keys", "1000"])
            .args(arguments)
            .env("TMPDIR", self.folder.path())
            .env_remove("CI");
        command
    }

    /// Runs it to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Running servers: processes that were started in the benchmark's folder.
    pub fn servers(&self) -> usize {
        let Ok(processes) = fs::read_dir("/proc") else {
            return 0;
        };
        processes
            .filter_map(|entry| fs::read_link(entry.ok()?.path().join("cwd")).ok())
            .filter(|folder| folder.starts_with(self.folder.path()))
            .count()
    }

    /// Nothing is left: no process, no file.
    pub fn assert_clean(&self) {
        assert_eq!(self.servers(), 0, "a server still runs");
        let left: Vec<_> = fs::read_dir(self.folder.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// A Redis that does not belong to the benchmark.
pub struct Redis {
    child: Child,
    pub address: String,
    _folder: TempDir,
}

impl Redis {
    /// Starts it and connects. The port may have been taken by somebody else since
    /// we found it free; then Redis ends, and we try another one.
    pub fn start() -> (Self, redis::Connection) {
        poll("Redis to start", || {
            let mut server = Self::spawn();
            let client = server.connect()?;
            Some((server, client))
        })
    }

    pub fn spawn() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        drop(listener);
        let child = Command::new("redis-server")
            .args(["--port", &port, "--save", "", "--bind", "127.0.0.1"])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            child,
            address: format!("127.0.0.1:{port}"),
            _folder: folder,
        }
    }

    /// A connection to it, or none if it has ended. That it is this server that
    /// answers and no other, its process id tells.
    pub fn connect(&mut self) -> Option<redis::Connection> {
        let client = redis::Client::open(format!("redis://{}", self.address)).unwrap();
        let own_id = format!("process_id:{}\r", self.child.id());
        poll("Redis to answer or to end", || {
            if self.child.try_wait().unwrap().is_some() {
                return Some(None);
            }
            let mut connection = client.get_connection().ok()?;
            let info: String = redis::cmd("INFO").query(&mut connection).ok()?;
            info.contains(&own_id).then_some(Some(connection))
        })
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks until there is an answer.
pub fn poll<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub fn stdout(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}: {errors}", output.status);
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn error(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The results that a run wrote.
pub struct Results {
    folder: TempDir,
}

impl Results {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.read("results.json")).unwrap()
    }
}

/// What a scenario says of a server.
pub fn side<'a>(scenario: &'a Value, server: &str) -> &'a Value {
    let sides = scenario["sides"].as_array().unwrap();
    let found = sides.iter().find(|side| side["server"] == server);
    found.unwrap_or_else(|| panic!("no {server} in {scenario}"))
}
