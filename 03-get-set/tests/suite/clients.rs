//! The tools that come with Redis, and the `redis` crate, with their defaults.
//!
//! Reread: 03-get-set/GUIDE.md#what-can-go-wrong

use std::io::Write;
use std::process::{Command, Output, Stdio};

use redis::Commands;

use crate::harness::{Server, amount, installed, wait_until};
use crate::session::{OK, Session, bulk, encode, int};

/// Runs `program` against `server` with `input` and waits for its end.
fn run(server: &Server, program: &str, args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(program)
        .args(["-p", &server.addr().port().to_string()])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect(program);
    let mut stdin = child.stdin.take().expect("stdin");
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output().expect(program)
    })
}

/// Standard output, once the program has ended well.
#[track_caller]
fn text(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr].concat();
    let both = String::from_utf8_lossy(&both).replace('\r', "\n");
    assert!(output.status.success(), "{both}");
    both
}

fn cli(server: &Server, args: &[&str], input: &[u8]) -> String {
    text(&run(server, "redis-cli", args, input))
}

#[test]
fn mass_insertion_through_a_pipe() {
    if !installed("redis-cli") {
        return;
    }
    let server = Server::start();
    let keys = amount(100_000);
    let commands: Vec<u8> = (0..keys)
        .flat_map(|i| encode(&["SET", &format!("key:{i}"), &format!("value:{i}")]))
        .collect();
    let report = cli(&server, &["--pipe"], &commands);
    let all = format!("errors: 0, replies: {keys}\n");
    assert!(report.contains(&all), "{report}");
    let mut c = Session::connect(server.addr());
    c.expect("DBSIZE", int(keys as i64));
    let last = keys - 1;
    c.expect(&format!("GET key:{last}"), bulk(format!("value:{last}")));
}

#[test]
fn cli_scans_and_looks_for_big_keys() {
    if !installed("redis-cli") {
        return;
    }
    let server = Server::start();
    let mut c = Session::connect(server.addr());
    for i in 0..500 {
        c.expect(&format!("SET key:{i} {}", "x".repeat(i)), OK);
    }
    let lines = cli(&server, &["--scan"], b"");
    let mut keys: Vec<_> = lines.lines().collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 500);
    let lines = cli(&server, &["--scan", "--pattern", "key:1?"], b"");
    assert_eq!(lines.lines().count(), 10, "{lines}");
    let report = cli(&server, &["--bigkeys"], b"");
    assert!(
        report.contains("Sampled 500 keys in the keyspace!"),
        "{report}"
    );
    assert!(report.contains("\"key:499\"' has 499 bytes"), "{report}");
}

#[test]
fn cli_sends_standard_input_and_speaks_resp3() {
    if !installed("redis-cli") {
        return;
    }
    let server = Server::start();
    let value = b"line\r\n\0\xff";
    assert_eq!(cli(&server, &["-x", "SET", "k"], value), "OK\n");
    Session::connect(server.addr()).expect("GET k", bulk(value));
    assert_eq!(cli(&server, &["-3", "STRLEN", "k"], b""), "8\n");
    let reply = cli(
        &server,
        &["-3", "--json", "CONFIG", "GET", "appendonly"],
        b"",
    );
    assert_eq!(reply, "{\"appendonly\":\"no\"}\n");
    let reply = cli(&server, &["-3"], b"MSET a 1 b 2\nINCR a\nMGET a none\n");
    assert_eq!(reply, "OK\n2\n2\n\n");
}

#[test]
fn cli_shows_statistics() {
    if !installed("redis-cli") {
        return;
    }
    let server = Server::start();
    Session::connect(server.addr()).expect("MSET a 1 b 2", OK);
    // It never ends by itself, so it writes to a file, and we look there.
    let file = tempfile::NamedTempFile::new().expect("a file");
    let mut child = Command::new("redis-cli")
        .args([
            "-p",
            &server.addr().port().to_string(),
            "--stat",
            "-i",
            "0.01",
        ])
        .stdout(file.reopen().expect("the file"))
        .spawn()
        .expect("redis-cli");
    let mut shown = String::new();
    wait_until("it has shown a few lines", || {
        shown = std::fs::read_to_string(file.path()).unwrap_or_default();
        shown.lines().count() > 4
    });
    let _ = child.kill();
    let _ = child.wait();
    // After two lines of headings: keys, memory, clients …
    let line = shown.lines().nth(2).unwrap_or_default();
    let words: Vec<_> = line.split_whitespace().collect();
    assert_eq!(words.first(), Some(&"2"), "{shown}");
    assert!(words.len() >= 6, "{shown}");
}

#[test]
fn benchmark_runs_without_complaint() {
    if !installed("redis-benchmark") {
        return;
    }
    let server = Server::start();
    let requests = amount(20_000).to_string();
    let args = [
        "-t",
        "ping,set,get,incr,mset",
        "-n",
        &requests,
        "-P",
        "16",
        "-q",
    ];
    let report = text(&run(&server, "redis-benchmark", &args, b""));
    let lower = report.to_lowercase();
    assert!(
        !lower.contains("error") && !lower.contains("warning"),
        "{report}"
    );
    for test in [
        "PING_INLINE",
        "PING_MBULK",
        "SET",
        "GET",
        "INCR",
        "MSET (10 keys)",
    ] {
        let line = format!("{test}: ");
        let result = report.lines().rfind(|text| text.starts_with(&line));
        assert!(
            result.is_some_and(|text| text.contains("requests per second")),
            "{test}: {report}"
        );
    }
}

#[test]
fn the_redis_crate() -> redis::RedisResult<()> {
    let server = Server::start();
    for protocol in ["resp2", "resp3"] {
        let url = format!("redis://{}/?protocol={protocol}", server.addr());
        let mut c = redis::Client::open(url)?.get_connection()?;
        let () = redis::cmd("FLUSHALL").query(&mut c)?;
        let () = c.set("k", "v")?;
        assert_eq!(c.get::<_, String>("k")?, "v");
        assert_eq!(c.get::<_, Option<String>>("missing")?, None);
        assert_eq!(c.incr::<_, _, i64>("n", 5)?, 5);
        assert_eq!(c.incr::<_, _, f64>("n", 0.5)?, 5.5);
        let () = c.mset(&[("a", 1), ("b", 2)])?;
        assert_eq!(c.mget::<_, Vec<i64>>(&["a", "b"])?, [1, 2]);
        let (n, k): (String, String) = redis::pipe().get("n").get("k").query(&mut c)?;
        assert_eq!((n.as_str(), k.as_str()), ("5.5", "v"));
        let mut keys: Vec<String> = c.scan()?.collect::<redis::RedisResult<_>>()?;
        keys.sort();
        assert_eq!(keys, ["a", "b", "k", "n"]);
        let info: redis::InfoDict = redis::cmd("INFO").query(&mut c)?;
        assert_eq!(
            info.get::<String>("redis_mode").as_deref(),
            Some("standalone")
        );
        let config: std::collections::HashMap<String, String> = redis::cmd("CONFIG")
            .arg("GET")
            .arg("appendonly")
            .query(&mut c)?;
        assert_eq!(config["appendonly"], "no");
        let error = c.incr::<_, _, i64>("k", 1).expect_err("no number");
        assert!(error.to_string().contains("not an integer"), "{error}");
    }
    Ok(())
}
