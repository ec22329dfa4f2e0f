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

use std::fs;
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

/// Between which bounds the mean of so many commands lies, in milliseconds, by their curve: the commands
/// of each of its steps took as long as the step's beginning at least, and as its end at most. The
/// slowest command is known, so its share comes on top of the lower bound.
fn bounds_of_mean(curve: &Value, commands: f64) -> (f64, f64) {
    let points = curve.as_array().unwrap();
    let max = points.last().map_or(0.0, |point| number(&point["us"]));
    let (mut low, mut high, mut before) = (max / commands, 0.0, (0.0, 0.0));
    for point in points {
        let (percentile, us) = (number(&point["percentile"]), number(&point["us"]));
        let share = (percentile - before.0) / 100.0;
        low += share * before.1;
        high += share * us;
        // The slowest command counts once.
        before = (percentile, if us < max { us } else { before.1 });
    }
    (low / 1000.0, high / 1000.0)
}

/// A few commands that take very long are in the mean, and not in the p50. Redis counts commands
/// before the window, too, so the slowest is one of so many at most.
#[test]
#[ignore = "exercise 1: --csv"]
fn exercise_1_the_mean_is_not_the_median() {
    let results = Results::new();
    let csv = format!("--csv={}", results.path("results.csv"));
    let (side, gets) = paused_in("1x1x16,get=100", &[&csv]);
    let csv = results.read("results.csv");
    let line = csv.lines().nth(1).unwrap_or_default();
    let fields = fields(line);
    let numbers = fields[1..].iter().map(|field| field.parse::<f64>());
    let numbers: Vec<f64> = numbers.flatten().collect();
    let [_, mean, .., max] = numbers[..] else {
        panic!("seven numbers follow the name\n  received  {line}");
    };
    let (low, high) = bounds_of_mean(&side["curve"], gets);
    // The last digits are rounded, in the file and in the histogram.
    assert!(
        mean > low * 0.99 - 0.001 && mean < high * 1.01 + 0.001,
        "one command of {gets:.0} waited {max:.0} ms, and the mean holds it\n  expected  {low:.3} to \
         {high:.3} ms, by the curve in the JSON file\n  received  {mean:.3} ms\n{line}"
    );
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

/// When commands arrived at the grader's own server, in seconds, in three rounds of both servers.
/// Each measurement has a connection of its own, and a list of its own here: ours and redis in the
/// first round, redis and ours in the second, and again ours and redis.
fn arrivals(arrivals: &str, rate: &str, seconds: &str) -> [Vec<f64>; 6] {
    let (bench, server) = (bench(), Server::start(Reach::Easy));
    run(
        &bench,
        &[
            &format!("--server={}", server.address),
            &format!("--redis={}", server.address),
            "--no-floor",
            "--keys=10",
            &format!("--scenario=1x1x16,{rate}"),
            arrivals,
            seconds,
            "--rounds=3",
        ],
    );
    let arrivals = server.arrivals().try_into();
    arrivals.expect("one client connects once in each measurement")
}

fn middle(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The mean time between two commands of one measurement. It is taken of many pairs of commands that
/// are half of the list apart, and the pair in the middle counts: a machine that stands still makes
/// some of them too long and others too short, and leaves the middle.
fn mean_gap(arrivals: &[f64]) -> f64 {
    let half = arrivals.len() / 2;
    let later = arrivals.iter().skip(half);
    let pairs = later.zip(arrivals);
    middle(
        pairs
            .map(|(later, at)| (later - at) / half as f64)
            .collect(),
    )
}

/// How the variance of arrivals in slices of 20 ms compares with their mean. Of an even schedule this
/// is about 0; of a Poisson process, 1. Commands that are held up only make it larger.
fn dispersion(arrivals: &[f64]) -> f64 {
    let start = arrivals.first().copied().unwrap_or_default();
    let mut slices = [0.0; 25];
    for at in arrivals {
        if let Some(slice) = slices.get_mut(((at - start) / 0.02) as usize) {
            *slice += 1.0;
        }
    }
    let mean = slices.iter().sum::<f64>() / 25.0;
    let squares = slices.iter().map(|count: &f64| (count - mean).powi(2));
    squares.sum::<f64>() / 24.0 / mean
}

/// 1000 commands a second are 1 ms apart, on average. One measurement in which the machine stood still
/// does not move the one in the middle.
#[track_caller]
fn assert_rate_is_kept(arrivals: &[Vec<f64>; 6]) {
    let gap = middle(arrivals.iter().map(|it| mean_gap(it)).collect()) * 1e3;
    assert!(
        (0.8..1.25).contains(&gap),
        "on average it is still the rate\n  expected  1 ms between two commands\n  received  {gap:.2} ms"
    );
}

#[test]
#[ignore = "exercise 3: --arrivals poisson"]
fn exercise_3_arrivals_come_in_bunches() {
    let arrivals = arrivals("--arrivals=poisson", "rate=1000", "--seconds=0.5");
    let dispersion = middle(arrivals.iter().map(|it| dispersion(it)).collect());
    assert!(
        dispersion > 0.45,
        "of a Poisson process, arrivals in 20 ms vary as much as their mean\n  expected  \
         variance / mean of about 1\n  received  {dispersion:.2}"
    );
}

#[test]
#[ignore = "exercise 3: --arrivals poisson"]
fn exercise_3_the_rate_is_kept() {
    assert_rate_is_kept(&arrivals(
        "--arrivals=poisson",
        "rate=1000",
        "--seconds=0.5",
    ));
}

/// How far two lists of moments are apart, once one is moved to where it fits the other: half of
/// the pairs are nearer, half are further. So commands that were held up hardly count.
fn apart(one: &[f64], other: &[f64]) -> f64 {
    let distances = one.iter().zip(other).map(|(one, other)| one - other);
    let distances: Vec<f64> = distances.collect();
    let moved = middle(distances.clone());
    middle(distances.iter().map(|it| (it - moved).abs()).collect())
}

/// 20 commands a second are 50 ms apart, on average. Two schedules of 40 that were drawn one by one
/// are some 150 ms apart; the same schedule twice, as far as commands are late.
#[test]
#[ignore = "exercise 3: --arrivals poisson"]
fn exercise_3_the_times_are_drawn_from_the_seed() {
    const SAME: f64 = 0.03;
    let rounds = arrivals("--arrivals=poisson", "rate=20", "--seconds=2");
    let [one, redis_one, redis_two, two, three, redis_three] = &rounds;
    let same = [(one, redis_one), (two, redis_two), (three, redis_three)];
    let same = middle(same.map(|(ours, redis)| apart(ours, redis)).to_vec());
    assert!(
        same < SAME,
        "in the same round, both servers get the same bunches\n  expected  commands at the same \
         times, within {:.0} ms\n  received  {:.1} ms in the round in the middle of three",
        SAME * 1e3,
        same * 1e3
    );
    let other = [(one, two), (two, three), (three, one)];
    let other = other.map(|(round, next)| apart(round, next));
    let other = other.into_iter().fold(0.0, f64::max);
    assert!(
        other > SAME,
        "another round has another seed, and other bunches\n  received  the same ones, within {:.1} ms",
        other * 1e3
    );
}

#[test]
#[ignore = "exercise 3: --arrivals poisson"]
fn exercise_3_even_is_still_there_and_anything_else_refused() {
    assert_rate_is_kept(&arrivals("--arrivals=even", "rate=1000", "--seconds=0.5"));
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
