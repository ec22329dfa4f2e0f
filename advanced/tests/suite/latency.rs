//! LATENCY, and what INFO says of commands, their times and their errors.
//!
//! Reread: advanced/README.md#the-advanced-track

use crate::harness::{Server, wait_until};
use crate::session::{NULL, OK, Session, arity, bulk, encode, int};

fn info(c: &mut Session, section: &str) -> String {
    String::from_utf8_lossy(&c.call(&["INFO", section])).into_owned()
}

#[track_caller]
fn has(text: &str, line: &str) {
    assert!(text.contains(line), "no {line} in\n{text}");
}

#[test]
fn calls_and_errors_are_counted_by_command() {
    let server = Server::start();
    let mut c = Session::connect(server.addr());
    c.expect("CONFIG RESETSTAT", OK);
    c.expect("SET a text", OK);
    for _ in 0..3 {
        c.expect("GET a", bulk("text"));
    }
    c.expect("GET", arity("get"));
    let wrong = "-ERR value is not an integer or out of range\r\n";
    c.expect("INCR a", wrong);
    assert!(c.call(&["BOGUS"]).starts_with(b"-ERR unknown command"));
    let commands = info(&mut c, "commandstats");
    for (name, calls, rejected, failed) in [("get", 3, 1, 0), ("incr", 1, 0, 1), ("set", 1, 0, 0)] {
        has(&commands, &format!("cmdstat_{name}:calls={calls},usec="));
        let end = format!("rejected_calls={rejected},failed_calls={failed}\r\n");
        let line = commands
            .lines()
            .find(|line| line.starts_with(&format!("cmdstat_{name}:")));
        has(&format!("{}\r\n", line.expect("a line")), &end);
    }
    has(&commands, "cmdstat_config|resetstat:calls=1,");
    has(&info(&mut c, "errorstats"), "errorstat_ERR:count=3\r\n");
    c.expect("CONFIG RESETSTAT", OK);
    assert!(!info(&mut c, "commandstats").contains("cmdstat_get:"));
    assert!(!info(&mut c, "errorstats").contains("errorstat_ERR:"));
}

#[test]
fn every_call_of_a_pipeline_counts() {
    let server = Server::start();
    let mut c = Session::connect(server.addr());
    c.expect("CONFIG RESETSTAT", OK);
    let sent: Vec<u8> = (0..500).flat_map(|_| encode(&["GET", "nothing"])).collect();
    c.send(&[sent, encode(&["SET", "a", "b"])].concat());
    for _ in 0..500 {
        assert_eq!(c.reply(), NULL.as_bytes());
    }
    assert_eq!(c.reply(), OK.as_bytes());
    let commands = info(&mut c, "commandstats");
    has(&commands, "cmdstat_get:calls=500,");
    has(&commands, "cmdstat_set:calls=1,");
    let histogram = c.call(&["LATENCY", "HISTOGRAM", "get"]);
    has(&String::from_utf8_lossy(&histogram), "calls\r\n:500\r\n");
}

#[test]
fn percentiles_are_shown_if_times_are_tracked() {
    let server = Server::start();
    let mut c = Session::connect(server.addr());
    c.expect("SET a b", OK);
    let line = "latency_percentiles_usec_set:p50=";
    has(&info(&mut c, "latencystats"), line);
    has(&info(&mut c, "latencystats"), ",p99.9=");
    c.expect_args(
        &[
            "CONFIG",
            "SET",
            "latency-tracking-info-percentiles",
            "0 75.5 100",
        ],
        OK,
    );
    let text = info(&mut c, "latencystats");
    has(&text, "latency_percentiles_usec_set:p0=");
    has(&text, ",p75.5=");
    for (value, why) in [
        ("x", "Invalid latency-tracking-info-percentiles parameters"),
        (
            "101",
            "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]",
        ),
    ] {
        let name = "latency-tracking-info-percentiles";
        let before = "-ERR CONFIG SET failed (possibly related to argument '";
        c.expect_args(
            &["CONFIG", "SET", name, value],
            format!("{before}{name}') - {why}\r\n"),
        );
    }
    c.expect("CONFIG SET latency-tracking no", OK);
    assert!(!info(&mut c, "latencystats").contains(line));
}

#[test]
fn a_histogram_is_of_commands_or_of_all_in_a_container() {
    let server = Server::start();
    let mut c = Session::connect(server.addr());
    c.expect("CONFIG RESETSTAT", OK);
    c.expect("SET a b", OK);
    c.expect("CLIENT SETNAME x", OK);
    c.call(&["CLIENT", "ID"]);
    for (args, names) in [
        (&["SET"][..], &["set"][..]),
        (&["client"], &["client|id", "client|setname"]),
        (&["client|id", "bogus"], &["client|id"]),
        (&["bogus"], &[]),
    ] {
        let command = [&["LATENCY", "HISTOGRAM"], args].concat();
        let reply = String::from_utf8_lossy(&c.call(&command)).into_owned();
        assert!(
            reply.starts_with(&format!("*{}\r\n", 2 * names.len())),
            "{args:?}: {reply}"
        );
        for name in names {
            has(
                &reply,
                &format!("{name}\r\n*4\r\n$5\r\ncalls\r\n:1\r\n$14\r\nhistogram_usec\r\n*"),
            );
        }
    }
}

/// DEBUG makes a command that takes long for sure.
#[test]
fn what_takes_long_is_an_event() {
    let server = Server::start_with(&["--enable-debug-command", "yes"]);
    let mut c = Session::connect(server.addr());
    c.expect("LATENCY LATEST", "*0\r\n");
    c.expect("LATENCY HISTORY command", "*0\r\n");
    c.expect("DEBUG SLEEP 0.03", OK);
    c.expect("LATENCY LATEST", "*0\r\n");
    c.expect("CONFIG SET latency-monitor-threshold 20", OK);
    c.call(&["LATENCY", "RESET"]);
    c.expect("DEBUG SLEEP 0.03", OK);
    let latest = String::from_utf8_lossy(&c.call(&["LATENCY", "LATEST"])).into_owned();
    // On a busy machine there may be other events.
    has(&latest, "*4\r\n$7\r\ncommand\r\n:");
    let mut after = latest.lines().skip_while(|line| *line != "command");
    let taken: i64 = after.nth(2).expect("a line")[1..]
        .parse()
        .expect("a number");
    assert!(taken >= 30, "{latest}");
    let history = String::from_utf8_lossy(&c.call(&["LATENCY", "HISTORY", "command"])).into_owned();
    assert!(history.starts_with("*1\r\n*2\r\n:"), "{history}");
    let graph = String::from_utf8_lossy(&c.call(&["LATENCY", "GRAPH", "command"])).into_owned();
    has(&graph, "command - high ");
    let doctor = c.call(&["LATENCY", "DOCTOR"]);
    assert!(doctor.len() > 20);
    c.expect("LATENCY RESET bogus", int(0));
    c.expect("LATENCY RESET command bogus", int(1));
    c.expect("LATENCY HISTORY command", "*0\r\n");
    c.expect(
        "LATENCY GRAPH command",
        "-ERR No samples available for event 'command'\r\n",
    );
    c.expect("LATENCY HELP x", arity("latency|help"));
}

/// Many keys that expire at the same time.
fn expire_many(c: &mut Session) {
    const KEYS: usize = 20_000;
    let set = |number: usize| encode(&["SET", &format!("k:{number}"), "v", "PX", "20"]);
    c.send(&(0..KEYS).flat_map(set).collect::<Vec<u8>>());
    for _ in 0..KEYS {
        assert_eq!(c.reply(), OK.as_bytes());
    }
}

#[test]
fn a_long_expire_cycle_is_an_event() {
    let server = Server::start();
    let mut c = Session::connect(server.addr());
    c.expect("CONFIG SET latency-monitor-threshold 1", OK);
    wait_until("an expire cycle takes a millisecond", || {
        expire_many(&mut c);
        c.call(&["LATENCY", "HISTORY", "expire-cycle"]) != b"*0\r\n"
    });
}

/// A hash of so many fields takes longer to free than a millisecond.
#[test]
fn a_large_value_that_expires_is_an_event() {
    let server = Server::start();
    let mut c = Session::connect(server.addr());
    c.expect("CONFIG SET latency-monitor-threshold 1", OK);
    let fields = (0..100_000).flat_map(|number| [format!("field:{number}"), "v".to_owned()]);
    let words = ["HSET", "large"]
        .map(str::to_owned)
        .into_iter()
        .chain(fields);
    let words: Vec<String> = words.collect();
    wait_until("it takes a millisecond to remove it", || {
        c.expect_args(&words, int(100_000));
        c.expect("PEXPIRE large 1", int(1));
        wait_until("it has expired", || {
            c.call(&["EXISTS", "large"]) == b":0\r\n"
        });
        c.call(&["LATENCY", "HISTORY", "expire-del"]) != b"*0\r\n"
    });
    c.expect("LATENCY RESET expire-del", int(1));
}

/// A write of many megabytes takes more than a millisecond on any machine.
#[test]
fn a_long_write_to_the_aof_is_an_event() {
    let server = Server::start_with(&["--appendonly", "yes", "--appendfsync", "no"]);
    let mut c = Session::connect(server.addr());
    c.expect("CONFIG SET latency-monitor-threshold 1", OK);
    let value = "v".repeat(32 << 20);
    wait_until("a write to the AOF takes a millisecond", || {
        c.expect_args(&["SET", "large", &value], OK);
        c.call(&["LATENCY", "HISTORY", "aof-write-alone"]) != b"*0\r\n"
    });
    let latest = String::from_utf8_lossy(&c.call(&["LATENCY", "LATEST"])).into_owned();
    has(&latest, "*4\r\n$9\r\naof-write\r\n:");
    c.expect("LATENCY HISTORY aof-write-pending-fsync", "*0\r\n");
    c.expect("LATENCY RESET aof-write aof-write-alone", int(2));
}

#[test]
fn without_cron_no_key_is_looked_for() {
    let server = Server::start_with(&["--enable-debug-command", "yes"]);
    let mut c = Session::connect(server.addr());
    c.expect("DEBUG PAUSE-CRON 1", OK);
    c.expect("SET a b PX 1", OK);
    c.expect("DEBUG SLEEP 0.01", OK);
    c.expect("DBSIZE", int(1));
    c.expect("DEBUG PAUSE-CRON 0", OK);
    wait_until("the key is gone", || c.call(&["DBSIZE"]) == b":0\r\n");
}
