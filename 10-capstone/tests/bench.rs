//! Runs the benchmark itself, for fractions of a second.

mod harness;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use harness::{Bench, Redis, Results, error, poll, side, stdout};

#[test]
fn all_scenarios_are_in_the_table_in_the_json_and_on_the_page() {
    let Some(bench) = Bench::new() else { return };
    let results = Results::new();
    let output = bench.run(&[
        "--full",
        "--server-bin=redis-server",
        "--server-args=--appendonly no",
        "--seconds=0.2",
        "--rounds=1",
        &format!("--json={}", results.path("results.json")),
        &format!("--html={}", results.path("report.html")),
        &format!("--svg={}", results.path("curve.svg")),
    ]);
    let table = stdout(&output);
    for text in [
        "50×16, 16 B",
        "50×1, 64 KiB",
        "50×1, 1 MiB",
        "INCR",
        "MGET of 10",
        "MSET of 10",
        "50 % DEL",
        "EXPIRE",
        "Zipf keys",
        "open, 20000/s",
        "AOF always",
        "during BGSAVE",
        "one replica",
        "HGETALL of 10",
        "50 % LPOP",
        "SINTER of 10",
        "ZRANK",
        "BLPOP",
        "1→50×1, 16 B",
        "1→50×16, 16 B",
        "p99.9 µs",
        "CPU µs/op",
        "What do the rows show?",
        "Was the load generator the bottleneck?",
    ] {
        assert!(table.contains(text), "{text} is not in\n{table}");
    }
    let scenarios = results.json()["scenarios"].as_array().unwrap().clone();
    assert_eq!(scenarios.len(), 34);
    for scenario in &scenarios {
        for server in ["ours", "redis"] {
            let side = side(scenario, server);
            assert_eq!(side["rounds"].as_array().unwrap().len(), 1);
            assert!(side["missing"].is_null());
            // On a machine that is busy, a short window may see no command end.
            let curve = side["curve"].as_array().unwrap();
            assert!(
                curve
                    .last()
                    .is_none_or(|point| point["percentile"] == 100.0)
            );
        }
        assert!(side(scenario, "ours")["ratio"]["median"]["all"].is_object());
    }
    let page = results.read("report.html");
    assert_eq!(page.matches("<section").count(), 34);
    assert!(!page.contains("http"), "the page leads elsewhere");
    assert!(results.read("curve.svg").contains("50×1, 16 B"));
    bench.assert_clean();
}

#[test]
fn figures_are_plausible() {
    let Some(bench) = Bench::new() else { return };
    let results = Results::new();
    let output = bench.run(&[
        "--server-bin=redis-server",
        "--no-floor",
        "--scenario=50x16x1024",
        "--scenario=1x1x16",
        "--seconds=0.2",
        "--rounds=2",
        &format!("--json={}", results.path("results.json")),
    ]);
    let table = stdout(&output);
    let widest = table.lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(100), "{table}");
    assert_eq!(table.matches("  generator ").count(), 4);
    for scenario in results.json()["scenarios"].as_array().unwrap() {
        for server in ["ours", "redis"] {
            let side = side(scenario, server);
            assert_plausible(side);
            let rounds = side["rounds"].as_array().unwrap();
            assert_eq!(rounds.len(), 2);
            rounds.iter().for_each(assert_plausible);
        }
        let ratio = &side(scenario, "ours")["ratio"];
        let of = |which: &str| ratio[which]["all"]["p50_us"].as_f64();
        // Unknown, if a round had no command.
        if let [Some(low), Some(median), Some(high)] = ["low", "median", "high"].map(of) {
            assert!((0.0001..10_000.0).contains(&median), "{ratio}");
            assert!(low <= median && median <= high);
        }
    }
    bench.assert_clean();
}

/// Percentiles rise, GET and SET are one to one, and together they are all.
fn assert_plausible(side: &Value) {
    let ops = |command: &str| side[command]["ops_per_sec"].as_f64().unwrap();
    // In a round during which the machine stood still, there was next to nothing to measure.
    let commands = ["all", "get", "set"];
    if ops("all") < 1000.0 || commands.iter().any(|it| side[it]["p50_us"].is_null()) {
        eprintln!("too few commands to judge: {side}");
        return;
    }
    for command in commands {
        let figures = &side[command];
        let latencies = ["p50_us", "p95_us", "p99_us", "p99_9_us", "max_us"];
        let latencies = latencies.map(|name| figures[name].as_f64().unwrap());
        assert!(latencies[0] > 0.0 && latencies.is_sorted(), "{figures}");
    }
    let get_share = ops("get") / ops("all");
    assert!(
        (0.3..0.7).contains(&get_share),
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
        table.contains("1000×3, 1 KiB GET") && table.contains("1000×3, 1 KiB SET"),
        "{table}"
    );
}

#[test]
fn a_server_that_already_runs_keeps_its_keys_and_no_others() {
    let Some(bench) = Bench::new() else { return };
    let results = Results::new();
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
        "--scenario=2x2x16,srem=50",
        "--scenario=2x1x16,blpop",
        "--scenario=2x2x1048576,hget",
        "--seconds=0.1",
        "--rounds=1",
        &format!("--json={}", results.path("results.json")),
    ]);
    let table = stdout(&output);
    assert!(
        table.contains(&format!("ours   {}", server.address)),
        "{table}"
    );
    for scenario in results.json()["scenarios"].as_array().unwrap() {
        for all in ["ours", "redis"].map(|name| &side(scenario, name)["all"]) {
            // In a tenth of a second, a machine that has other work may execute next to nothing.
            let is_idle = all["ops_per_sec"].as_f64().unwrap_or_default() < 100.0;
            let is_known = is_idle || all["server_cpu_us_per_op"].is_number();
            assert!(is_known || !cfg!(target_os = "linux"), "{all} of {table}");
        }
    }
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut client).unwrap();
    assert_eq!(keys, ["mine"]);
}

#[test]
fn an_open_loop_notices_a_pause_and_a_closed_one_does_not() {
    let Some(bench) = Bench::new() else { return };
    let results = Results::new();
    let output = bench.run(&[
        "--server-bin=redis-server",
        "--no-floor",
        "--pause=200ms",
        "--rate=10000",
        "--seconds=1",
        "--rounds=1",
        &format!("--json={}", results.path("results.json")),
    ]);
    let table = stdout(&output);
    assert!(table.contains("open, 10000/s"), "{table}");
    let scenarios = results.json()["scenarios"].as_array().unwrap().clone();
    let figure = |scenario: usize, name: &str| {
        let side = side(&scenarios[scenario], "ours");
        side["all"][name].as_f64().unwrap()
    };
    // Both saw it once per client at least …
    assert!(figure(0, "max_us") > 150_000.0 && figure(1, "max_us") > 150_000.0);
    // … but a fifth of what was due waited, and the closed loop sent none of it.
    let slow = |scenario: usize| {
        let side = side(&scenarios[scenario], "ours");
        slower_than(side, 100_000.0) * figure(scenario, "ops_per_sec")
    };
    let (closed, open) = (slow(0), slow(1));
    assert!(
        open > 300.0 && open > closed * 2.0,
        "{closed} and {open} slow commands\n{table}"
    );
    let rate = figure(1, "ops_per_sec");
    assert!(rate < 12_000.0, "{rate} per second");
}

/// The share of commands that took at least so long, in microseconds.
fn slower_than(side: &Value, us: f64) -> f64 {
    let curve = side["curve"].as_array().unwrap();
    let faster = curve
        .iter()
        .take_while(|point| point["us"].as_f64().unwrap() < us)
        .map(|point| point["percentile"].as_f64().unwrap());
    1.0 - faster.fold(0.0, f64::max) / 100.0
}

#[test]
fn what_a_server_lacks_is_said_and_the_rest_is_measured() {
    let Some(bench) = Bench::new() else { return };
    let results = Results::new();
    // A Redis without these commands stands for an early step.
    let output = bench.run(&[
        "--server-bin=redis-server",
        "--server-args=--rename-command BGSAVE x --rename-command PUBLISH y",
        "--no-floor",
        "--scenario=2x1x16,bgsave",
        "--scenario=2x1x16,pubsub",
        "--seconds=0.1",
        "--rounds=1",
        &format!("--json={}", results.path("results.json")),
    ]);
    let table = stdout(&output);
    assert!(table.contains("ours: not yet"), "{table}");
    for scenario in results.json()["scenarios"].as_array().unwrap() {
        let missing = side(scenario, "ours")["missing"].as_str().unwrap();
        assert!(missing.contains("does not have it yet"), "{missing}");
        assert!(side(scenario, "redis")["all"]["p50_us"].is_number());
    }
}

#[test]
fn a_type_that_the_server_lacks_has_no_row_unless_it_was_asked_for() {
    let Some(bench) = Bench::new() else { return };
    let results = Results::new();
    // Without HSET there are no hashes, whatever else is there.
    let lacks = "--server-args=--rename-command HSET a --rename-command LPUSH b \
                 --rename-command SADD c --rename-command ZADD d --rename-command BLPOP e";
    let names = |more: &[&str]| {
        let json = format!("--json={}", results.path("results.json"));
        let always = [
            "--server-bin=redis-server",
            "--seconds=0.01",
            "--rounds=1",
            &json,
        ];
        let table = stdout(&bench.run(&[&always[..], more].concat()));
        let json = results.json();
        let scenarios = json["scenarios"].as_array().unwrap().iter();
        let names = scenarios.map(|it| it["name"].as_str().unwrap().to_owned());
        (table, names.collect::<Vec<_>>())
    };
    let short = ["--keys=100", "--warmup=0.01", "--no-floor"];
    let (_, all) = names(&short);
    let (_, few) = names(&[&short[..], &[lacks]].concat());
    assert_eq!((all.len(), few.len()), (27, 15), "{all:?}\n{few:?}");
    assert!(all.contains(&"50×16, 16 B, HGET".to_owned()), "{all:?}");
    let (table, one) = names(&[&short[..], &[lacks, "--scenario=2x1x16,hget"]].concat());
    assert_eq!(one, ["2×1, 16 B, HGET"]);
    assert!(table.contains("ours: not yet"), "{table}");
}

/// A Redis without these commands stands for a server that knows little of Redis. `--port` comes
/// from the benchmark in one, and from the command in the other.
#[test]
fn peers_are_beside_redis_and_what_one_cannot_do_does_not_end_the_run() {
    let Some(bench) = Bench::new() else { return };
    let results = Results::new();
    let lacks = ["COMMAND", "CONFIG", "INFO", "INCR"].map(|it| format!("--rename-command {it} ''"));
    let lacks = lacks.join(" ");
    let output = bench.run(&[
        "--server-bin=redis-server",
        "--no-floor",
        &format!("--peer=small=redis-server --port {{port}} --save '' {lacks}"),
        "--peer=whole=redis-server --save ''",
        "--scenario=2x1x16,incr",
        "--scenario=2x1x16",
        "--scenario=2x1x16,aof=always",
        "--seconds=0.1",
        "--rounds=2",
        &format!("--json={}", results.path("results.json")),
        &format!("--html={}", results.path("report.html")),
        &format!("--svg={}", results.path("curve.svg")),
    ]);
    let table = stdout(&output);
    for text in ["small/redis", "whole/redis", "small: cannot"] {
        assert!(table.contains(text), "{text} is not in\n{table}");
    }
    let json = results.json();
    let missing =
        |scenario: usize, name| side(&json["scenarios"][scenario], name)["missing"].clone();
    let reason = "INCR was answered with -ERR unknown command";
    assert!(missing(0, "small").as_str().unwrap().starts_with(reason));
    let reason = "redis-server does not have it (append-only file)";
    assert_eq!(missing(2, "small"), reason);
    for (scenario, name) in [(1, "small"), (0, "whole"), (1, "whole"), (2, "whole")] {
        assert!(missing(scenario, name).is_null(), "{scenario}, {name}");
        let side = side(&json["scenarios"][scenario], name);
        assert_eq!(side["rounds"].as_array().unwrap().len(), 2);
        assert_eq!(side["role"], "peer");
        assert!(side["ratio"]["median"]["all"].is_object());
    }
    for text in [
        "small / redis",
        "<b>small</b>: not measured",
        "INCR was answered with",
    ] {
        let page = results.read("report.html");
        assert!(page.contains(text), "{text} is not in\n{page}");
    }
    assert!(results.read("curve.svg").contains(">whole</text>"));
    bench.assert_clean();
}

#[test]
fn more_threads_are_two_more_servers() {
    let Some(bench) = Bench::new() else { return };
    let results = Results::new();
    let output = bench.run(&[
        "--server-bin=redis-server",
        "--no-floor",
        "--io-threads=2",
        "--scenario=2x1x16",
        "--seconds=0.1",
        "--rounds=1",
        &format!("--json={}", results.path("results.json")),
    ]);
    let table = stdout(&output);
    for text in ["ours×2/redis", "redis×2/redis"] {
        assert!(table.contains(text), "{text} is not in\n{table}");
    }
    let servers = &results.json()["servers"];
    let flags = |place: usize| servers[place]["flags"].as_str().unwrap();
    assert_eq!(flags(2), "--io-threads 2");
    assert!(flags(3).ends_with("--io-threads 2 --io-threads-do-reads yes"));
    bench.assert_clean();
}

#[test]
fn a_peer_that_does_not_start_is_named() {
    let Some(bench) = Bench::new() else { return };
    for (peer, text) in [
        (
            "--peer=one=/no/such/server",
            "there is no program /no/such/server",
        ),
        ("--peer=one=false --port {port}", "false did not start"),
    ] {
        let output = bench.run(&["--server-bin=redis-server", peer]);
        assert!(error(&output).contains(text));
    }
    bench.assert_clean();
}

#[test]
fn nothing_is_saved_on_a_server_of_others() {
    let Some(bench) = Bench::new() else { return };
    let (server, mut client) = Redis::start();
    let output = bench.run(&[
        &format!("--server={}", server.address),
        "--no-floor",
        "--scenario=2x1x16,bgsave",
        "--scenario=2x1x16,pause=10ms",
        "--seconds=0.1",
        "--rounds=1",
    ]);
    let table = stdout(&output);
    assert!(
        table.contains("not done to a server that was not started here"),
        "{table}"
    );
    let info: String = redis::cmd("INFO").query(&mut client).unwrap();
    assert!(info.contains("rdb_saves:0\r"), "{info}");
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
