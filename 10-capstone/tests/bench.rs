//! Runs the benchmark itself, for fractions of a second.
//!
//! Both sides are real Redis here, so that nothing but the benchmark is tested.
//! Without `redis-server` the tests say so and pass; with `CI=true` they fail.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

/// The benchmark with the options of a short run, and the folder in which it
/// keeps its servers' files.
struct Bench {
    folder: TempDir,
}

impl Bench {
    /// None, if there is no Redis to run it with.
    fn new() -> Option<Self> {
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
        })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_step10-capstone"));
        command
            .args(["--warmup", "0.05", "--keys", "1000"])
            .args(arguments)
            .env("TMPDIR", self.folder.path())
            .env_remove("CI");
        command
    }

    /// Runs it to its end.
    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Running servers: processes that were started in the benchmark's folder.
    fn servers(&self) -> usize {
        let Ok(processes) = fs::read_dir("/proc") else {
            return 0;
        };
        processes
            .filter_map(|entry| fs::read_link(entry.ok()?.path().join("cwd")).ok())
            .filter(|folder| folder.starts_with(self.folder.path()))
            .count()
    }

    /// Nothing is left: no process, no file.
    fn assert_clean(&self) {
        assert_eq!(self.servers(), 0, "a server still runs");
        let left: Vec<_> = fs::read_dir(self.folder.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

/// A Redis that does not belong to the benchmark.
struct Redis {
    child: Child,
    address: String,
    _folder: TempDir,
}

impl Redis {
    /// Starts it and connects. The port may have been taken by somebody else since
    /// we found it free; then Redis ends, and we try another one.
    fn start() -> (Self, redis::Connection) {
        poll("Redis to start", || {
            let mut server = Self::spawn();
            let client = server.connect()?;
            Some((server, client))
        })
    }

    fn spawn() -> Self {
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
    fn connect(&mut self) -> Option<redis::Connection> {
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
fn poll<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited too long for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn stdout(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}: {errors}", output.status);
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn error(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn all_scenarios_are_in_the_table_and_in_the_json() {
    let Some(bench) = Bench::new() else { return };
    let results = tempfile::tempdir().unwrap();
    let json = results.path().join("results.json");
    let output = bench.run(&[
        "--server-bin=redis-server",
        "--server-args=--appendonly no",
        "--seconds=0.1",
        "--rounds=2",
        "--json",
        json.to_str().unwrap(),
    ]);
    let table = stdout(&output);
    for text in [
        "50×16, 1024 B",
        "p99.9 µs",
        "CPU µs/op",
        "Was the load generator the bottleneck?",
    ] {
        assert!(table.contains(text), "{text} is not in\n{table}");
    }
    let widest = table.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(100), "{table}");
    assert_eq!(
        table
            .lines()
            .filter(|line| line.contains("  generator "))
            .count(),
        12
    );

    let json: Value = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    let scenarios = json["scenarios"].as_array().unwrap();
    assert_eq!(scenarios.len(), 6);
    for scenario in scenarios {
        for side in ["ours", "redis"] {
            let rounds = scenario[side]["rounds"].as_array().unwrap();
            assert_eq!(rounds.len(), 2);
            assert_plausible(&scenario[side]);
            rounds.iter().for_each(assert_plausible);
        }
        let ratio = scenario["ratio"]["all"]["p50_us"].as_f64().unwrap();
        assert!((0.0001..10_000.0).contains(&ratio), "{ratio}");
    }
    bench.assert_clean();
}

/// Percentiles rise, GET and SET are one to one, and together they are all.
fn assert_plausible(side: &Value) {
    for command in ["all", "get", "set"] {
        let figures = &side[command];
        let latencies = ["p50_us", "p95_us", "p99_us", "p99_9_us", "max_us"];
        let latencies = latencies.map(|name| figures[name].as_f64().unwrap());
        assert!(latencies[0] > 0.0 && latencies.is_sorted(), "{figures}");
    }
    let ops = |command: &str| side[command]["ops_per_sec"].as_f64().unwrap();
    let get_share = ops("get") / ops("all");
    assert!(
        (0.4..0.6).contains(&get_share),
        "{get_share} of all commands are GET"
    );
    if cfg!(target_os = "linux") {
        assert!(side["all"]["server_cpu_us_per_op"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn get_and_set_have_rows_of_their_own_on_request() {
    let Some(bench) = Bench::new() else { return };
    let output = bench.run(&[
        "--server-bin=redis-server",
        "--split",
        "--scenario=1000x3x1024",
        "--seconds=0.1",
        "--rounds=1",
    ]);
    let table = stdout(&output);
    assert!(
        table.contains("1000×3, 1024 B GET") && table.contains("1000×3, 1024 B SET"),
        "{table}"
    );
}

#[test]
fn a_server_that_already_runs_keeps_its_keys_and_no_others() {
    let Some(bench) = Bench::new() else { return };
    let (server, mut client) = Redis::start();
    redis::cmd("SET")
        .arg("mine")
        .arg("1")
        .exec(&mut client)
        .unwrap();
    let output = bench.run(&[
        &format!("--server={}", server.address),
        &format!("--redis={}", server.address),
        "--scenario=2x2x16",
        "--seconds=0.1",
        "--rounds=1",
    ]);
    let table = stdout(&output);
    assert!(
        table.contains(&format!("ours   {}", server.address)),
        "{table}"
    );
    if cfg!(target_os = "linux") {
        assert!(!table.contains('—'), "its CPU time can be known:\n{table}");
    }
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut client).unwrap();
    assert_eq!(keys, ["mine"]);
}

#[test]
fn a_signal_stops_the_servers_too() {
    let Some(bench) = Bench::new() else { return };
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        let mut run = bench
            .command(&["--server-bin=redis-server", "--seconds=60"])
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        if cfg!(target_os = "linux") {
            poll("both servers", || (bench.servers() == 2).then_some(()));
        }
        let pid = i32::try_from(run.id()).unwrap();
        kill(Pid::from_raw(pid), signal).unwrap();
        assert_eq!(run.wait().unwrap().code(), Some(128 + signal as i32));
        bench.assert_clean();
    }
}

#[test]
fn an_error_reply_ends_the_run_with_its_text() {
    let Some(bench) = Bench::new() else { return };
    for (arguments, text) in [
        (
            "--maxmemory 1",
            "cannot load the key space: -OOM command not allowed",
        ),
        (
            "--requirepass secret",
            "did not start: INFO failed: \"NOAUTH\": Authentication required",
        ),
        (
            "--no-such-option 1",
            "Bad directive or wrong number of arguments",
        ),
    ] {
        let arguments = format!("--server-args={arguments}");
        let output = bench.run(&["--server-bin=redis-server", &arguments]);
        let said = error(&output);
        assert!(said.contains(text), "{said}");
        bench.assert_clean();
    }
}

#[test]
fn without_redis_ours_is_measured_alone() {
    let Some(bench) = Bench::new() else { return };
    let server = path_of("redis-server");
    let arguments = [
        "--server-bin",
        server.to_str().unwrap(),
        "--scenario=1x1x16",
    ];
    let short = ["--seconds=0.1", "--rounds=1"];
    let output = bench
        .command(&[&arguments[..], &short].concat())
        .env("PATH", "")
        .output()
        .unwrap();
    let table = stdout(&output);
    assert!(table.contains("`make redis`"), "{table}");
    assert!(!table.contains(" ratio "), "{table}");

    let in_ci = bench
        .command(&arguments)
        .env("PATH", "")
        .env("CI", "true")
        .output()
        .unwrap();
    assert!(error(&in_ci).contains("no redis-server on the PATH"));
}

#[test]
fn a_program_that_does_not_exist_is_named() {
    let Some(bench) = Bench::new() else { return };
    let output = bench.run(&["--server-bin=/no/such/server"]);
    assert!(error(&output).contains("there is no program /no/such/server"));
}

fn path_of(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path)
        .map(|folder: PathBuf| Path::new(&folder).join(program))
        .find(|file| file.is_file())
        .unwrap()
}
