//! What an operator decides while the server runs, and what the server shows: how many clients
//! there may be, how long they may be silent, what is logged, and INFO's numbers.
//!
//! Reread: 03-get-set/GUIDE.md#given-and-worth-a-look

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::harness::stopwatch::undisturbed;
use crate::harness::{Server, installed, is_other_server, wait_until};
use crate::session::{OK, Session, bulk, encode};

const FULL: &str = "-ERR max number of clients reached\r\n";

/// What INFO says of `name`.
fn info(session: &mut Session, name: &str) -> String {
    let text = String::from_utf8_lossy(&session.call(&["INFO"])).into_owned();
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    let found = lines.find(|(field, _)| *field == name);
    let found = found.unwrap_or_else(|| panic!("no {name} in {text}"));
    found.1.to_owned()
}

fn number(session: &mut Session, name: &str) -> f64 {
    info(session, name).parse().expect("a number")
}

fn set_failed(name: &str, why: &str) -> String {
    format!("-ERR CONFIG SET failed (possibly related to argument '{name}') - {why}\r\n")
}

#[test]
fn the_bound_on_clients_can_be_changed() {
    let server = Server::start_with(&["--maxclients", "5"]);
    let mut c = Session::connect(server.addr());
    wait_until("it is alone", || info(&mut c, "connected_clients") == "1");
    let mut others: Vec<_> = (0..4).map(|_| Client::connect(&server)).collect();
    for other in &mut others {
        other.check("PING\r\n", "+PONG\r\n");
    }
    for _ in 0..3 {
        let mut late = Client::connect(&server);
        late.expect_start(FULL).expect_closed();
    }
    assert_eq!(info(&mut c, "rejected_connections"), "3");
    assert_eq!(info(&mut c, "maxclients"), "5");
    assert_eq!(info(&mut c, "connected_clients"), "5");
    others.pop();
    wait_until("one has left", || info(&mut c, "connected_clients") == "4");
    let mut next = Client::connect(&server);
    next.check("PING\r\n", "+PONG\r\n");
    Client::connect(&server).expect_start(FULL).expect_closed();
    c.expect("CONFIG SET maxclients 6", OK);
    Client::connect(&server).check("PING\r\n", "+PONG\r\n");
    // Who is there may stay.
    c.expect("CONFIG SET maxclients 1", OK);
    next.check("PING\r\n", "+PONG\r\n");
    Client::connect(&server).expect_start(FULL).expect_closed();
    c.expect("CONFIG RESETSTAT", OK);
    assert_eq!(info(&mut c, "rejected_connections"), "0");
}

/// So a client may write back what it has read.
#[test]
fn a_parameter_may_be_given_the_value_that_it_has() {
    let server = Server::start();
    let mut c = Session::connect(server.addr());
    for name in ["port", "bind"] {
        let value = c.strings(&["CONFIG", "GET", name]).remove(1);
        let command: [&[u8]; 4] = [b"CONFIG", b"SET", name.as_bytes(), &value];
        assert_eq!(c.call(&command), OK.as_bytes());
    }
}

#[test]
fn parameters_are_checked() {
    let server = Server::start();
    let mut c = Session::connect(server.addr());
    let not_a_number = "argument couldn't be parsed into an integer";
    for name in ["maxclients", "timeout", "tcp-keepalive"] {
        for value in ["x", "1.5"] {
            let command = format!("CONFIG SET {name} {value}");
            c.expect(&command, set_failed(name, not_a_number));
        }
        let least = u8::from(name == "maxclients");
        let most = if least == 1 {
            u32::MAX
        } else {
            i32::MAX as u32
        };
        let between = format!("argument must be between {least} and {most} inclusive");
        let command = format!("CONFIG SET {name} {}", i64::from(least) - 1);
        c.expect(&command, set_failed(name, &between));
    }
    c.expect(
        "CONFIG SET loglevel loud",
        set_failed(
            "loglevel",
            "argument(s) must be one of the following: debug, verbose, notice, warning",
        ),
    );
    c.expect(
        "CONFIG SET protected-mode maybe",
        set_failed("protected-mode", "argument must be 'yes' or 'no'"),
    );
    for (name, value) in [
        ("timeout", "0"),
        ("tcp-keepalive", "300"),
        ("loglevel", "notice"),
        ("protected-mode", "yes"),
        ("maxclients", "100"),
        ("loglevel", "WARNING"),
        ("timeout", "5"),
        ("tcp-keepalive", "0"),
    ] {
        c.expect(&format!("CONFIG SET {name} {value}"), OK);
        let value = value.to_lowercase();
        let reply = ["*2\r\n".into(), bulk(name), bulk(value)].concat();
        c.expect(&format!("CONFIG GET {name}"), reply);
    }
}

#[test]
fn who_says_nothing_has_to_go() {
    undisturbed(|| {
        let server = Server::start_with(&["--timeout", "1"]);
        let mut idle = Client::connect(&server);
        let mut half = Client::connect(&server);
        half.send("*2\r\n$3\r\nGET");
        let mut busy = Session::connect(server.addr());
        let started = Instant::now();
        // One that says something now and then stays.
        wait_until("twice the time is over", || {
            busy.expect("PING", "+PONG\r\n");
            started.elapsed() > Duration::from_millis(2500)
        });
        idle.expect_closed();
        half.expect_closed();
    });
}

#[test]
fn the_timeout_can_be_changed() {
    undisturbed(|| {
        let server = Server::start();
        let mut idle = Client::connect(&server);
        idle.check("PING\r\n", "+PONG\r\n");
        let mut c = Session::connect(server.addr());
        c.expect("CONFIG SET timeout 1", OK);
        idle.expect_closed();
        let mut c = Session::connect(server.addr());
        c.expect("CONFIG SET timeout 0", OK);
        let mut other = Client::connect(&server);
        let started = Instant::now();
        wait_until("the time is over", || {
            c.expect("PING", "+PONG\r\n");
            started.elapsed() > Duration::from_millis(1800)
        });
        other.check("PING\r\n", "+PONG\r\n");
    });
}

/// Who takes replies slowly is not idle; who takes none is.
#[test]
fn whoever_takes_a_long_reply_is_not_idle() {
    undisturbed(|| {
        let server = Server::start();
        let mut c = Session::connect(server.addr());
        let megabyte = 1 << 20;
        c.expect_args(&["SET", "large", &"x".repeat(megabyte)], OK);
        c.expect("CONFIG SET timeout 3", OK);
        let (mut slow, mut deaf) = (Client::connect(&server), Client::connect(&server));
        let length = megabyte + "$1048576\r\n\r\n".len();
        let count = 40;
        for client in [&mut slow, &mut deaf] {
            client.send("GET large\r\n".repeat(count));
        }
        // Longer than the timeout, and each pause far shorter, on a busy machine, too.
        let started = Instant::now();
        for number in 1..=count as u32 {
            assert_eq!(slow.receive(length).len(), length);
            let due = Duration::from_millis(120) * number;
            wait_until("the next is wanted", || started.elapsed() > due);
        }
        slow.check("PING\r\n", "+PONG\r\n");
        drop(slow);
        wait_until("the other has to go", || {
            // It may be idle itself when the machine is busy.
            let mut c = Session::connect(server.addr());
            number(&mut c, "connected_clients") <= 2.0 && deaf.socket.write(b"PING\r\n").is_err()
        });
    });
}

/// Who has said goodbye, and takes no replies, is as idle as others.
#[test]
fn whoever_quits_and_takes_nothing_has_to_go() {
    let server = Server::start();
    let mut c = Session::connect(server.addr());
    c.expect_args(&["SET", "large", &"x".repeat(1 << 20)], OK);
    let mut deaf = Client::connect(&server);
    deaf.send("GET large\r\n".repeat(40) + "QUIT\r\n");
    wait_until("it is served", || {
        number(&mut c, "connected_clients") >= 2.0
    });
    c.expect("CONFIG SET timeout 1", OK);
    wait_until("it has to go", || {
        number(&mut Session::connect(server.addr()), "connected_clients") <= 2.0
            && deaf.socket.write(b"x").is_err()
    });
}

/// The time that it has been silent counts, whatever it was when that began.
#[test]
fn a_new_timeout_counts_the_silence_before() {
    undisturbed(|| {
        let server = Server::start_with(&["--timeout", "1000"]);
        let mut idle = Client::connect(&server);
        idle.check("PING\r\n", "+PONG\r\n");
        let mut c = Session::connect(server.addr());
        let started = Instant::now();
        // It changes again and again, and each time is longer than the silence could be if it counted anew.
        wait_until("it has to go", || {
            c.expect("CONFIG SET timeout 2", OK);
            c.expect("CONFIG SET timeout 3", OK);
            number(&mut c, "connected_clients") <= 1.0
        });
        assert!(started.elapsed() > Duration::from_millis(1500));
        idle.expect_closed();
    });
}

#[test]
fn the_log_says_as_much_as_is_wanted() {
    undisturbed(|| {
        if is_other_server() {
            return eprintln!("not tested: what another server has in its log");
        }
        let server = Server::start_with(&["--timeout", "1"]);
        let mut c = Session::connect(server.addr());
        let end_idle = |c: &mut Session| {
            let mut idle = Client::connect(&server);
            idle.check("PING\r\n", "+PONG\r\n");
            wait_until("it has to go", || number(c, "connected_clients") <= 1.0);
            idle.expect_closed();
        };
        end_idle(&mut c);
        assert!(
            !server.log().contains("closing idle client"),
            "{}",
            server.log()
        );
        c.expect("CONFIG SET loglevel VERBOSE", OK);
        end_idle(&mut c);
        wait_until("it is in the log", || {
            server.log().contains("closing idle client")
        });
        c.expect("CONFIG SET loglevel warning", OK);
        let length = server.log().len();
        end_idle(&mut c);
        assert_eq!(server.log().len(), length);
    });
}

#[test]
fn the_numbers_in_info_are_true() {
    let server = Server::start();
    let mut c = Session::connect(server.addr());
    c.expect("CONFIG RESETSTAT", OK);
    let (came, went) = (
        number(&mut c, "total_net_input_bytes"),
        number(&mut c, "total_net_output_bytes"),
    );
    c.expect_args(&["SET", "large", &"x".repeat(1 << 20)], OK);
    for _ in 0..3 {
        c.expect("GET large", bulk("x".repeat(1 << 20)));
    }
    let more = number(&mut c, "total_net_input_bytes") - came;
    assert!((1_048_576.0..1_100_000.0).contains(&more), "{more}");
    let more = number(&mut c, "total_net_output_bytes") - went;
    assert!((3_145_728.0..3_250_000.0).contains(&more), "{more}");

    let cpu = |c: &mut Session| number(c, "used_cpu_sys") + number(c, "used_cpu_user");
    let used = cpu(&mut c);
    let pings = encode(&["PING"]).repeat(500);
    wait_until("it has worked", || {
        c.send(&pings);
        (0..500).for_each(|_| drop(c.reply()));
        cpu(&mut c) > used && number(&mut c, "instantaneous_ops_per_sec") > 100.0
    });
    assert!(number(&mut c, "instantaneous_input_kbps") > 0.0);
    assert!(number(&mut c, "instantaneous_output_kbps") > 0.0);
    assert!(number(&mut c, "used_memory_peak") >= 1_048_576.0);
    wait_until("it rests", || {
        number(&mut c, "instantaneous_ops_per_sec") < 100_000.0
    });
}

/// Runs redis-cli for a while; what it said.
fn watch(server: &Server, flags: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("said");
    let file = fs::File::create(&path).expect("a file");
    // Of itself it would go on for ever; of the time there is enough, even on a busy machine.
    let status = Command::new("timeout")
        .args(["2", "stdbuf", "-oL", "redis-cli", "-p"])
        .arg(server.addr().port().to_string())
        .args(flags)
        .stdin(Stdio::null())
        .stdout(file.try_clone().expect("a handle"))
        .stderr(file)
        .status();
    status.expect("it runs");
    fs::read_to_string(&path).expect("what it said")
}

#[test]
fn redis_cli_shows_how_the_server_is() {
    if !installed("redis-cli") || !installed("stdbuf") {
        return;
    }
    let server = Server::start();
    let mut c = Session::connect(server.addr());
    c.expect("MSET a 1 b 2 c 3", OK);
    // It ends with the server; so this is the last of its lines.
    let said = watch(&server, &["--stat", "-i", "0.1", "-r", "3"]);
    let line = said.lines().last().unwrap_or_default();
    assert!(said.contains("keys") && line.starts_with("3 "), "{said}");
    let said = watch(&server, &["--raw", "--latency", "-i", "0.3"]);
    let numbers: Vec<f64> = said.split_whitespace().flat_map(str::parse).collect();
    assert!(numbers.len() >= 4 && numbers[3] > 0.0, "{said}");
}
