//! The graders of `EXERCISES.md`. They are ignored until somebody asks for them:
//!
//! ```text
//! make check-10
//! ```
//!
//! They run your benchmark on a real Redis, and compare what it says with what
//! that Redis, or the JSON file, says of the same run.

#[allow(dead_code)]
mod harness;
mod server;

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

use harness::{Bench, Redis, Results, poll, side};
use server::{Reach, Server};

/// A benchmark to run. A grader cannot do without Redis.
fn bench() -> Bench {
    Bench::new().expect("the graders need redis-server: `make redis` installs it")
}

/// Runs the benchmark, and says with which options if it fails.
#[track_caller]
fn run(bench: &Bench, arguments: &[&str]) -> String {
    let output = bench.run(arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "the benchmark does not succeed\n  options   {}\n  it ended  {}\n  it said   {}",
        arguments.join(" "),
        output.status,
        said.trim()
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs it with options that it must refuse.
#[track_caller]
fn refuses(bench: &Bench, arguments: &[&str]) {
    let output = bench.run(arguments);
    assert_eq!(
        output.status.code(),
        Some(2),
        "this is to be refused, as every wrong option is\n  options   {}\n  it said   {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
}

#[track_caller]
fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("expected a number in the JSON file, and found {value}"))
}

/// What `INFO` of a Redis says under this name.
#[track_caller]
fn info(client: &mut redis::Connection, name: &str) -> String {
    let text: String = redis::cmd("INFO").arg("all").query(client).unwrap();
    let mut lines = text.lines();
    let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or("calls=0").to_owned()
}

/// How often Redis has executed a command.
fn calls(client: &mut redis::Connection, command: &str) -> f64 {
    let found = info(client, &format!("cmdstat_{command}"));
    let calls = found.strip_prefix("calls=").unwrap_or("0");
    calls.split(',').next().unwrap().parse().unwrap()
}

/// A line of CSV, whose fields are all quoted and hold no quotes.
#[track_caller]
fn fields(line: &str) -> Vec<&str> {
    let inner = line.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    let inner = inner.unwrap_or_else(|| panic!("each field is in quotes\n  received  {line}"));
    inner.split("\",\"").collect()
}

// 1. --csv

const HEADER: &str = "\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\",\
                      \"p95_latency_ms\",\"p99_latency_ms\",\"max_latency_ms\"";

/// The CSV of a short run, and the results beside it.
fn csv(scenarios: &[&str]) -> (String, Value) {
    let (bench, results) = (bench(), Results::new());
    let csv = format!("--csv={}", results.path("results.csv"));
    let json = format!("--json={}", results.path("results.json"));
    let short = ["--seconds=0.2", "--rounds=3", "--no-floor"];
    let fixed = ["--server-bin=redis-server", &csv, &json];
    run(&bench, &[&fixed[..], &short, scenarios].concat());
    (results.read("results.csv"), results.json())
}

#[test]
#[ignore = "exercise 1: --csv"]
fn exercise_1_the_header_is_that_of_redis_benchmark() {
    let (csv, _) = csv(&["--scenario=1x1x16"]);
    let first = csv.lines().next().unwrap_or_default();
    assert_eq!(
        first, HEADER,
        "the first line is that of redis-benchmark --csv"
    );
    assert!(csv.ends_with('\n'), "the last line ends as the others do");
}

#[test]
#[ignore = "exercise 1: --csv"]
fn exercise_1_a_line_for_each_scenario_and_server() {
    let (csv, _) = csv(&["--scenario=1x1x16", "--scenario=2x3x1024,zipf"]);
    let names: Vec<&str> = csv.lines().skip(1).map(|line| fields(line)[0]).collect();
    let expected = [
        "ours: 1×1, 16 B",
        "redis: 1×1, 16 B",
        "ours: 2×3, 1 KiB, Zipf keys",
        "redis: 2×3, 1 KiB, Zipf keys",
    ];
    assert_eq!(names, expected, "the first field of each line\n{csv}");
}

#[test]
#[ignore = "exercise 1: --csv"]
fn exercise_1_the_figures_are_those_of_the_json_file() {
    let (csv, json) = csv(&["--scenario=2x2x16"]);
    for (line, server) in csv.lines().skip(1).zip(["ours", "redis"]) {
        let fields = fields(line);
        let all = &side(&json["scenarios"][0], server)["all"];
        let rps = format!("{:.2}", number(&all["ops_per_sec"]));
        assert_eq!(
            fields[1], rps,
            "rps has two digits behind the point\n{line}"
        );
        let names = [(4, "p50_us"), (5, "p95_us"), (6, "p99_us"), (7, "max_us")];
        for (column, name) in names {
            let milliseconds = format!("{:.3}", number(&all[name]) / 1000.0);
            assert_eq!(
                fields[column], milliseconds,
                "{name}, in milliseconds\n{line}"
            );
        }
    }
}

#[test]
#[ignore = "exercise 1: --csv"]
fn exercise_1_mean_and_minimum_are_of_all_rounds() {
    let (csv, json) = csv(&["--scenario=1x1x16", "--rounds=1"]);
    for (line, server) in csv.lines().skip(1).zip(["ours", "redis"]) {
        let figures: Vec<f64> = fields(line)[1..]
            .iter()
            .map(|field| {
                field
                    .parse()
                    .unwrap_or_else(|_| panic!("no number: {field}"))
            })
            .collect();
        let (rps, mean, least) = (figures[0], figures[1], figures[2]);
        let curve = &side(&json["scenarios"][0], server)["curve"];
        let fastest = number(&curve[0]["us"]) / 1000.0;
        assert!(
            least <= fastest + 0.001 && least > 0.0,
            "no command is faster than the fastest\n  received  {least} ms\n  the curve begins at \
             {fastest} ms"
        );
        // Little's law: one client has one command on its way, or is choosing it.
        let on_their_way = rps * mean / 1000.0;
        assert!(
            (0.05..1.5).contains(&on_their_way),
            "throughput × mean latency is the number of clients\n  expected  about 1\n  received  \
             {on_their_way:.2} = {rps} × {mean} ms"
        );
    }
}

/// A few commands that take very long are in the mean, and not in the p50.
#[test]
#[ignore = "exercise 1: --csv"]
fn exercise_1_the_mean_is_not_the_median() {
    let (csv, _) = csv(&["--scenario=1x1x16,pause=300ms", "--seconds=0.4"]);
    for line in csv.lines().skip(1) {
        let fields = fields(line);
        let figures = fields[1..3].iter().map(|field| field.parse::<f64>());
        let figures: Vec<f64> = figures.flatten().collect();
        // Little's law, as above. What waits for the pause alone is three quarters of the time.
        let on_their_way = figures.iter().product::<f64>() / 1000.0;
        assert!(
            on_their_way > 0.6,
            "throughput × mean latency is the number of clients, also if the server stands still for 300 \
             of 400 ms\n  expected  about 1\n  received  {on_their_way:.2}\n{line}"
        );
    }
}

#[test]
#[ignore = "exercise 1: --csv"]
fn exercise_1_what_was_not_measured_has_no_line() {
    let (csv, _) = csv(&[
        "--server-args=--rename-command BGSAVE none",
        "--scenario=1x1x16,bgsave",
    ]);
    let names: Vec<&str> = csv.lines().skip(1).map(|line| fields(line)[0]).collect();
    assert_eq!(names, ["redis: 1×1, 16 B, during BGSAVE"], "{csv}");
}

// 2. --keepalive no

/// Runs against a Redis of ours; connections that it got, and commands that counted.
fn connections(arguments: &[&str]) -> (f64, f64) {
    let (bench, results) = (bench(), Results::new());
    let (server, mut client) = Redis::start();
    let server = format!("--server={}", server.address);
    let json = format!("--json={}", results.path("results.json"));
    let same = server.replace("--server", "--redis");
    let fixed = [&server, &same, &json, "--no-floor"];
    let short = ["--seconds=0.3", "--rounds=1", "--keys=100"];
    run(&bench, &[&fixed[..], &short, arguments].concat());
    let accepted = info(&mut client, "total_connections_received");
    let sides = &results.json()["scenarios"][0];
    let ops = |server| number(&side(sides, server)["all"]["ops_per_sec"]) * 0.3;
    (accepted.parse().unwrap(), ops("ours") + ops("redis"))
}

#[test]
#[ignore = "exercise 2: --keepalive no"]
fn exercise_2_each_batch_has_a_connection_of_its_own() {
    for (scenario, pipeline) in [("2x1x16", 1.0), ("2x5x16", 5.0)] {
        let (accepted, commands) = connections(&["--keepalive=no", "--scenario", scenario]);
        assert!(
            accepted >= commands / pipeline * 0.95,
            "{scenario}: a connection for each batch\n  batches that counted  {:.0}\n  Redis \
             accepted        {accepted:.0} connections",
            commands / pipeline
        );
    }
}

#[test]
#[ignore = "exercise 2: --keepalive no"]
fn exercise_2_with_keepalive_nothing_has_changed() {
    for arguments in [&["--keepalive=yes"][..], &[]] {
        let arguments = [arguments, &["--scenario=2x1x16"]].concat();
        let (accepted, commands) = connections(&arguments);
        assert!(commands > 100.0, "{commands} commands");
        assert!(
            accepted < 30.0,
            "{arguments:?}: a client keeps its connection\n  Redis accepted  {accepted:.0}"
        );
    }
    let bench = bench();
    refuses(&bench, &["--keepalive=perhaps"]);
}

/// The grader's server lets nobody in at once: a client that comes is dropped by the kernel, and
/// tries again after a second. Whoever starts the clock when it is in does not see that second.
#[test]
#[ignore = "exercise 2: --keepalive no"]
fn exercise_2_the_time_to_connect_counts() {
    let (bench, results, server) = (bench(), Results::new(), Server::start(Reach::Hard));
    run(
        &bench,
        &[
            &format!("--server={}", server.address),
            &format!("--redis={}", server.address),
            &format!("--json={}", results.path("results.json")),
            "--no-floor",
            "--keys=10",
            "--keepalive=no",
            "--scenario=1x1x16",
            "--warmup=0.001",
            "--seconds=2.5",
            "--rounds=1",
        ],
    );
    for name in ["ours", "redis"] {
        let json = results.json();
        let p50 = number(&side(&json["scenarios"][0], name)["all"]["p50_us"]);
        assert!(
            p50 > 500_000.0,
            "a client that connects first waits for that, too\n  connecting took   1000000 µs, \
             each time\n  p50 of the batches  {p50:.0} µs"
        );
    }
}

// 3. --arrivals poisson

/// When commands arrived at a Redis, by its own clock: seconds since 1970.
fn arrivals(arguments: &[&str]) -> Vec<f64> {
    let bench = bench();
    let (server, _client) = Redis::start();
    let mut monitor = TcpStream::connect(&server.address).unwrap();
    monitor.write_all(b"MONITOR\r\n").unwrap();
    let mut lines = BufReader::new(monitor.try_clone().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "+OK");
    let reader = std::thread::spawn(move || {
        let lines = lines.map_while(Result::ok);
        let gets = lines.filter(|line| line.contains("\"GET\" \"capstone:"));
        let times = gets.filter_map(|line| line[1..].split(' ').next()?.parse::<f64>().ok());
        times.collect::<Vec<_>>()
    });
    let server = format!("--server={}", server.address);
    let same = server.replace("--server", "--redis");
    let fixed = [&server, &same, "--no-floor", "--keys=100"];
    let short = ["--seconds=1.5", "--rounds=1"];
    run(&bench, &[&fixed[..], &short, arguments].concat());
    drop(monitor.shutdown(std::net::Shutdown::Both));
    reader.join().unwrap()
}

/// Arrivals in slices of 20 ms, of the first second: their mean, and how their variance
/// compares with it. Evenly spaced, this is about 0; of a Poisson process, 1.
fn mean_and_dispersion(arrivals: &[f64]) -> (f64, f64) {
    let start = arrivals.first().copied().unwrap_or_default();
    let mut slices = HashMap::new();
    for at in arrivals {
        *slices.entry(((at - start) / 0.02) as u32).or_insert(0.0) += 1.0;
    }
    let counts: Vec<f64> = (0..50)
        .map(|slice| slices.get(&slice).copied().unwrap_or(0.0))
        .collect();
    let mean = counts.iter().sum::<f64>() / 50.0;
    let squares = counts.iter().map(|count| (count - mean).powi(2));
    (mean, squares.sum::<f64>() / 49.0 / mean)
}

#[test]
#[ignore = "exercise 3: --arrivals poisson"]
fn exercise_3_arrivals_come_in_bunches() {
    let arrivals = arrivals(&["--scenario=5x1x16,get=100,rate=1000", "--arrivals=poisson"]);
    let (mean, dispersion) = mean_and_dispersion(&arrivals);
    assert!(
        dispersion > 0.45,
        "of a Poisson process, arrivals in 20 ms vary as much as their mean\n  expected  \
         variance / mean of about 1\n  received  {dispersion:.2}, with a mean of {mean:.1}"
    );
}

#[test]
#[ignore = "exercise 3: --arrivals poisson"]
fn exercise_3_the_rate_is_kept() {
    let arrivals = arrivals(&["--scenario=5x1x16,get=100,rate=1000", "--arrivals=poisson"]);
    let sent = arrivals.len();
    assert!(
        (2500..3700).contains(&sent),
        "on average it is still the rate\n  expected  about 3100 in twice 1.55 s\n  received  {sent}"
    );
}

/// Arrivals of a Poisson process at the grader's own server, in two rounds of both servers, and
/// how late the generator says that it sent the last of a hundred, in seconds. Each measurement
/// has a connection of its own.
fn poisson_rounds() -> ([Vec<f64>; 4], f64) {
    let (bench, results, server) = (bench(), Results::new(), Server::start(Reach::Easy));
    run(
        &bench,
        &[
            &format!("--server={}", server.address),
            &format!("--redis={}", server.address),
            &format!("--json={}", results.path("results.json")),
            "--no-floor",
            "--keys=10",
            "--scenario=1x1x16,rate=25",
            "--arrivals=poisson",
            "--seconds=2",
            "--rounds=2",
        ],
    );
    let json = results.json();
    let rounds = ["ours", "redis"].map(|name| side(&json["scenarios"][0], name)["rounds"].clone());
    let rounds = rounds.iter().flat_map(|it| it.as_array().unwrap());
    let late = rounds.map(|round| number(&round["busy"]["late_p99_us"]) / 1e6);
    let late = late.fold(0.0, f64::max);
    let arrivals = server.arrivals().try_into();
    let arrivals = arrivals.expect("one client connects once in each measurement");
    (arrivals, late)
}

/// How far two lists of moments are apart, once one is moved to where it fits the other: half of
/// the pairs are nearer, half are further. So commands that were held up hardly count.
fn apart(one: &[f64], other: &[f64]) -> f64 {
    let middle = |mut all: Vec<f64>| {
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    let distances = one.iter().zip(other).map(|(one, other)| one - other);
    let distances: Vec<f64> = distances.collect();
    let moved = middle(distances.clone());
    middle(distances.iter().map(|it| (it - moved).abs()).collect())
}

/// 25 commands a second are 40 ms apart, on average. Two schedules of 50 that were drawn one by
/// one are some hundred milliseconds apart; the same schedule twice, as far as commands are late.
#[test]
#[ignore = "exercise 3: --arrivals poisson"]
fn exercise_3_the_times_are_drawn_from_the_seed() {
    const SAME: f64 = 0.01;
    let mut tries = 5;
    let (first, second) = loop {
        // Both servers take turns, and in the second round the other begins.
        let ([ours, redis, again_redis, again_ours], late) = poisson_rounds();
        let (first, second) = (apart(&ours, &redis), apart(&again_ours, &again_redis));
        let different = apart(&ours, &again_ours);
        assert!(
            different > SAME,
            "another round has another seed, and other bunches\n  received  the same ones, within \
             {:.1} ms",
            different * 1e3
        );
        tries -= 1;
        // A generator that did not get its core for long says so. Then nothing is known.
        if first.max(second) < SAME || late < SAME || tries == 0 {
            break (first, second);
        }
    };
    assert!(
        first.max(second) < SAME,
        "in the same round, both servers get the same bunches\n  expected  commands at the same \
         times, within {:.0} ms\n  received  {:.1} and {:.1} ms in two rounds",
        SAME * 1e3,
        first * 1e3,
        second * 1e3
    );
}

#[test]
#[ignore = "exercise 3: --arrivals poisson"]
fn exercise_3_even_is_still_there_and_anything_else_refused() {
    let arrivals = arrivals(&["--scenario=5x1x16,get=100,rate=1000", "--arrivals=even"]);
    let sent = arrivals.len();
    assert!(
        (2500..3300).contains(&sent),
        "{sent} in twice 1.55 s, not 3100"
    );
    let bench = bench();
    refuses(&bench, &["--arrivals=whenever"]);
}

// 4. --correct

/// A closed loop against a Redis that stands still for 200 ms in between: its results,
/// and how many GETs Redis has executed.
fn paused(correct: &[&str]) -> (Value, f64) {
    paused_in("1x1x16,get=100", correct)
}

/// The same of any scenario.
fn paused_in(scenario: &str, correct: &[&str]) -> (Value, f64) {
    let (bench, results) = (bench(), Results::new());
    let (server, mut client) = Redis::start();
    let (other, _) = Redis::start();
    let arguments = [
        &format!("--server={}", server.address),
        &format!("--redis={}", other.address),
        "--no-floor",
        "--warmup=0.001",
        "--seconds=1",
        "--rounds=1",
        &format!("--scenario={scenario}"),
        &format!("--json={}", results.path("results.json")),
    ];
    let mut command = bench.command(&[&arguments[..], correct].concat());
    let log = fs::File::create(results.path("said")).unwrap();
    let mut child = command
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    while calls(&mut client, "get") < 300.0 {
        let ended = child.try_wait().unwrap();
        assert!(
            ended.is_none(),
            "the benchmark does not succeed\n  options   {correct:?}\n  it said   {}",
            results.read("said").trim()
        );
        assert!(Instant::now() < until, "no GET arrives");
        std::thread::sleep(Duration::from_millis(1));
    }
    let pause = redis::cmd("CLIENT").arg("PAUSE").arg(200).exec(&mut client);
    pause.expect("CLIENT PAUSE");
    let status = poll("the benchmark to end", || child.try_wait().unwrap());
    assert!(status.success(), "{}", results.read("said"));
    let gets = calls(&mut client, "get");
    (side(&results.json()["scenarios"][0], "ours").clone(), gets)
}

#[test]
#[ignore = "exercise 4: --correct"]
fn exercise_4_a_pause_is_seen_in_the_percentiles() {
    let (side, _) = paused(&["--correct=50us"]);
    let p99 = number(&side["all"]["p99_us"]);
    assert!(
        p99 > 20_000.0,
        "corrected, a fifth of the second was bad\n  expected  a p99 of more than 20000 µs\n  \
         received  {p99:.0} µs"
    );
    let get = number(&side["get"]["p99_us"]);
    assert!(
        get > 20_000.0,
        "the same of GET alone\n  received  {get:.0} µs"
    );
    let last = side["curve"].as_array().unwrap().iter().rev();
    let over = last
        .take_while(|point| number(&point["us"]) > 10_000.0)
        .map(|point| number(&point["percentile"]));
    let from = over.fold(100.0, f64::min);
    assert!(
        from < 99.5,
        "the curve is corrected as well\n  received  10 ms at the percentile {from}"
    );
}

#[test]
#[ignore = "exercise 4: --correct"]
fn exercise_4_what_was_not_sent_was_not_answered() {
    let (side, gets) = paused(&["--correct=50us"]);
    let ops = number(&side["all"]["ops_per_sec"]);
    assert!(
        ops <= gets * 1.02 + 100.0,
        "ops/s counts commands that were sent, not those that are made up\n  Redis executed  \
         {gets:.0} GETs\n  ops/s           {ops:.0}, for one second"
    );
}

/// It has sent all commands that it should have sent.
#[test]
#[ignore = "exercise 4: --correct"]
fn exercise_4_an_open_loop_is_left_alone() {
    let (side, _) = paused_in("1x1x16,get=100,rate=1000", &["--correct=1ms"]);
    let p50 = number(&side["all"]["p50_us"]);
    let max = number(&side["all"]["max_us"]);
    assert!(
        max > 100_000.0 && p50 < 25_000.0,
        "of 1000 commands in an open loop, some 200 met the pause, and no others are to be made up\n  \
         expected  a max of more than 100000 µs, and a p50 of less than 25000\n  received  {max:.0} and \
         {p50:.0} µs"
    );
}

#[test]
#[ignore = "exercise 4: --correct"]
fn exercise_4_without_it_all_is_as_before() {
    let (side, _) = paused(&["--correct=10s"]);
    let p95 = number(&side["all"]["p95_us"]);
    let max = number(&side["all"]["max_us"]);
    assert!(
        max > 100_000.0 && p95 < 100_000.0,
        "no command took 10 s, so there is nothing to correct\n  max  {max:.0} µs\n  p95  {p95:.0} µs"
    );
    let bench = bench();
    refuses(&bench, &["--correct=soon"]);
}
