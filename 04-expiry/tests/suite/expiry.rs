//! Step 04's concept: keys that end. Every option and every error of the commands
//! that speak of time, what no command may see, and what goes by itself.
//!
//! No test waits for seconds. A key that has to be over already is set with a
//! time in the past; one that has to end lives for some milliseconds.
//!
//! Reread: 04-expiry/GUIDE.md#2-the-lazy-half

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use redis::{Commands, Expiry, SetExpiry, SetOptions};

use crate::harness::stopwatch::Stopwatch;
use crate::harness::{Server, amount, wait_until};
use crate::session::{NOT_AN_INTEGER, NULL, OK, SYNTAX, Session, arity, bulk, encode, int};

const NO_SUCH_KEY: &str = "-ERR no such key\r\n";
const NX_CONFLICT: &str =
    "-ERR NX and XX, GT or LT options at the same time are not compatible\r\n";
const GT_CONFLICT: &str = "-ERR GT and LT options at the same time are not compatible\r\n";

/// 2100-01-01, in milliseconds since 1970.
const FAR: i64 = 4_102_444_800_000;

/// What TTL says of a key that does not end, and of one that is not there.
const LASTING: i64 = -1;
const MISSING: i64 = -2;

fn connect() -> (Server, Session) {
    let server = Server::start();
    let session = Session::connect(server.addr());
    (server, session)
}

/// The calendar time in milliseconds since 1970.
fn unix() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("a time after 1970").as_millis() as i64
}

/// What Redis says of a time that cannot be.
fn invalid(name: &str) -> String {
    format!("-ERR invalid expire time in '{name}' command\r\n")
}

/// The number that `command` replies.
#[track_caller]
fn number(c: &mut Session, command: &str) -> i64 {
    let reply = c.call(&command.split(' ').collect::<Vec<_>>());
    let text = String::from_utf8_lossy(&reply).into_owned();
    let digits = text.strip_prefix(':').map(str::trim_end);
    let number = digits.and_then(|digits| digits.parse().ok());
    number.unwrap_or_else(|| panic!("{command}: {text:?}"))
}

/// PTTL of `key` is at most `milliseconds`, and not a minute less.
#[track_caller]
fn expect_ttl(c: &mut Session, key: &str, milliseconds: i64) {
    let ttl = number(c, &format!("PTTL {key}"));
    let right = milliseconds - 60_000..=milliseconds;
    assert!(right.contains(&ttl), "PTTL {key}: {ttl}, not {right:?}");
}

/// The value of a field of INFO.
fn field(c: &mut Session, name: &str) -> i64 {
    let text = c.strings(&["INFO"]).remove(0);
    let text = String::from_utf8(text).expect("text");
    let mut values = text.split(['\n', ',', ':']).skip_while(|word| {
        let (before, _) = word.split_once('=').unwrap_or((word, ""));
        before != name
    });
    let found = values.next().unwrap_or_else(|| panic!("no {name}: {text}"));
    let value = found.split_once('=').map(|(_, value)| value.to_owned());
    let value = value.unwrap_or_else(|| values.next().unwrap_or_default().to_owned());
    value.trim().parse().expect("a number")
}

/// Reread: 04-expiry/GUIDE.md#3-expire-and-its-conditions
#[test]
fn set_gives_a_time_to_live() {
    let (_server, mut c) = connect();
    let seconds = unix() / 1000 + 1000;
    for option in [
        "EX 1000".to_owned(),
        "pX 1000000".to_owned(),
        format!("exat {seconds}"),
        format!("PXAT {}", seconds * 1000),
    ] {
        c.expect(&format!("SET k v {option}"), OK);
        expect_ttl(&mut c, "k", 1_000_000);
        c.expect("GET k", bulk("v"));
        c.expect("SET k w KEEPTTL", OK);
        expect_ttl(&mut c, "k", 1_000_000);
        c.expect("SET k w", OK);
        c.expect("TTL k", int(LASTING));
        c.expect("SET k w keepttl", OK);
        c.expect("TTL k", int(LASTING));
        c.expect("DEL k", int(1));
    }
    c.expect("SET fresh v KEEPTTL", OK);
    c.expect("PTTL fresh", int(LASTING));
}

/// Reread: 04-expiry/GUIDE.md#3-expire-and-its-conditions
#[test]
fn the_options_of_set_go_together() {
    let (_server, mut c) = connect();
    c.expect("SET k 1 EX 1000 NX", OK);
    c.expect("SET k 2 EX 5000 NX", NULL);
    expect_ttl(&mut c, "k", 1_000_000);
    c.expect("SET k 3 XX PX 5000000 GET", bulk("1"));
    expect_ttl(&mut c, "k", 5_000_000);
    c.expect("SET k 4 GET NX EX 9000", bulk("3"));
    expect_ttl(&mut c, "k", 5_000_000);
    c.expect("SET k 5 GET KEEPTTL", bulk("3"));
    expect_ttl(&mut c, "k", 5_000_000);
    c.expect("SET missing 1 XX EX 1000", NULL);
    c.expect("TTL missing", int(MISSING));
    c.expect("SET k 6 GET", bulk("5"));
    c.expect("TTL k", int(LASTING));
    // The same option twice: the last one counts.
    c.expect("SET k 7 EX 9000 EX 1000", OK);
    expect_ttl(&mut c, "k", 1_000_000);
    c.expect("SET k 8 EX abc EX 1000", OK);
    c.expect("SET k 8 KEEPTTL KEEPTTL", OK);
    expect_ttl(&mut c, "k", 1_000_000);
}

/// Reread: 04-expiry/GUIDE.md#3-expire-and-its-conditions
#[test]
fn options_that_contradict_each_other_are_a_syntax_error() {
    let (_server, mut c) = connect();
    c.expect("SET k old EX 1000", OK);
    let times = ["EX 10", "PX 10", "EXAT 10", "PXAT 10"];
    for one in times {
        for other in times.iter().filter(|other| **other != one) {
            c.expect(&format!("SET k v {one} {other}"), SYNTAX);
            c.expect(&format!("GETEX k {one} {other}"), SYNTAX);
        }
        let (word, _) = one.split_once(' ').expect("two words");
        for options in [
            format!("{one} KEEPTTL"),
            format!("KEEPTTL {one}"),
            format!("{one} PERSIST"),
            word.to_owned(),
            format!("NX {word}"),
            format!("{one} 10"),
            format!("{one} NX XX"),
        ] {
            c.expect(&format!("SET k v {options}"), SYNTAX);
        }
        for options in [
            format!("{one} PERSIST"),
            format!("PERSIST {one}"),
            format!("{one} KEEPTTL"),
            word.to_owned(),
            format!("{one} BOGUS"),
            format!("{one} NX"),
        ] {
            c.expect(&format!("GETEX k {options}"), SYNTAX);
        }
    }
    for command in ["SET k v PERSIST", "GETEX k KEEPTTL", "GETEX k BOGUS"] {
        c.expect(command, SYNTAX);
    }
    c.expect("GET k", bulk("old"));
    expect_ttl(&mut c, "k", 1_000_000);
}

/// Times that are no numbers, and numbers that are no times. What comes second
/// does not fit into 64 bits, in milliseconds.
const NOT_NUMBERS: [&str; 8] = [
    "abc",
    "",
    "1.5",
    "01",
    "+1",
    "1e3",
    "9223372036854775808",
    "10s",
];
const TOO_MANY_SECONDS: [&str; 2] = ["9223372036854775807", "9223372036854776"];

/// Reread: 04-expiry/GUIDE.md#3-expire-and-its-conditions
#[test]
fn set_and_its_kin_refuse_times_that_cannot_be() {
    let (_server, mut c) = connect();
    c.expect("SET k old EX 1000", OK);
    let commands = [
        ("set", "SET k v EX", ""),
        ("set", "SET k v PX", ""),
        ("set", "SET k v EXAT", ""),
        ("set", "SET k v PXAT", ""),
        ("setex", "SETEX k", "v"),
        ("psetex", "PSETEX k", "v"),
        ("getex", "GETEX k EX", ""),
        ("getex", "GETEX k PX", ""),
        ("getex", "GETEX k EXAT", ""),
        ("getex", "GETEX k PXAT", ""),
    ];
    for (name, before, after) in commands {
        let mut refuse = |time: &str, error: &str| {
            let mut args: Vec<&str> = before.split(' ').collect();
            args.push(time);
            args.extend(Some(after).filter(|after| !after.is_empty()));
            c.expect_args(&args, error);
        };
        for time in NOT_NUMBERS {
            refuse(time, NOT_AN_INTEGER);
        }
        for time in ["0", "-1", "-9223372036854775808"] {
            refuse(time, &invalid(name));
        }
        if !before.contains(" P") && !before.starts_with('P') {
            for time in TOO_MANY_SECONDS {
                refuse(time, &invalid(name));
            }
        }
        if before.ends_with(" PX") || name == "psetex" {
            refuse("9223372036854775807", &invalid(name));
        }
    }
    c.expect("GET k", bulk("old"));
    expect_ttl(&mut c, "k", 1_000_000);
    // The last moment that there is.
    c.expect("SET k v PXAT 9223372036854775807", OK);
    c.expect("PEXPIRETIME k", int(i64::MAX));
    c.expect("SET k v EXAT 9223372036854775", OK);
    c.expect("PEXPIRETIME k", int(9_223_372_036_854_775_000));
}

/// Reread: 04-expiry/GUIDE.md#3-expire-and-its-conditions
#[test]
fn what_is_checked_first() {
    let (_server, mut c) = connect();
    c.expect("SET k v", OK);
    // The words, then the time, then everything else.
    c.expect("SET k w EX abc NX XX", SYNTAX);
    c.expect("SET k w NX EX abc", NOT_AN_INTEGER);
    c.expect("SET k w GET EX 0", invalid("set"));
    c.expect("SET missing w XX PX -1", invalid("set"));
    c.expect("SETEX k abc", arity("setex"));
    // GETEX looks for the key before it looks at the time.
    c.expect("GETEX missing EX abc", NULL);
    c.expect("GETEX missing EX 0", NULL);
    c.expect("GETEX missing EX 1 BOGUS", SYNTAX);
    // EXPIRE looks at the words, the time, and then for the key.
    let unsupported = "-ERR Unsupported option BOGUS\r\n";
    c.expect("EXPIRE missing abc BOGUS", unsupported);
    c.expect("EXPIRE missing abc NX XX", NX_CONFLICT);
    c.expect("EXPIRE missing abc", NOT_AN_INTEGER);
    c.expect("EXPIRE missing 9223372036854775807", invalid("expire"));
    c.expect("GET k", bulk("v"));
    c.expect("TTL k", int(LASTING));
}

/// Reread: 04-expiry/GUIDE.md#3-expire-and-its-conditions
#[test]
fn setex_and_psetex() {
    let (_server, mut c) = connect();
    c.expect("SETEX k 1000 v", OK);
    expect_ttl(&mut c, "k", 1_000_000);
    c.expect("PSETEX k 5000000 12", OK);
    expect_ttl(&mut c, "k", 5_000_000);
    c.expect("OBJECT ENCODING k", bulk("int"));
    for name in ["setex", "psetex"] {
        c.expect(name, arity(name));
        c.expect(&format!("{name} k 10"), arity(name));
        c.expect(&format!("{name} k 10 v NX"), arity(name));
    }
}

/// Reread: 04-expiry/GUIDE.md#3-expire-and-its-conditions
#[test]
fn getex() {
    let (_server, mut c) = connect();
    c.expect("GETEX k", NULL);
    c.expect("GETEX k EX 1000", NULL);
    c.expect("EXISTS k", int(0));
    c.expect("SET k v", OK);
    c.expect("GETEX k", bulk("v"));
    c.expect("TTL k", int(LASTING));
    let seconds = unix() / 1000 + 1000;
    for option in [
        "EX 1000".to_owned(),
        "PX 1000000".to_owned(),
        format!("EXAT {seconds}"),
        format!("pxat {}", seconds * 1000),
    ] {
        c.expect(&format!("GETEX k {option}"), bulk("v"));
        expect_ttl(&mut c, "k", 1_000_000);
        c.expect("GETEX k", bulk("v"));
        expect_ttl(&mut c, "k", 1_000_000);
        c.expect("GETEX k persist", bulk("v"));
        c.expect("TTL k", int(LASTING));
    }
    c.expect("GETEX k PERSIST PERSIST", bulk("v"));
    // It still replies with a value that it ends.
    c.expect("GETEX k EXAT 1", bulk("v"));
    c.expect("GETEX k", NULL);
    c.expect("SET k v", OK);
    c.expect("GETEX k PXAT 1", bulk("v"));
    c.expect("DBSIZE", int(0));
    c.expect("GETEX", arity("getex"));
}

/// The commands that set a deadline, with a thousand seconds from now for each.
fn expire_commands() -> [(&'static str, i64); 4] {
    let seconds = unix() / 1000 + 1000;
    [
        ("expire", 1000),
        ("pexpire", 1_000_000),
        ("expireat", seconds),
        ("pexpireat", seconds * 1000),
    ]
}

/// Reread: 04-expiry/GUIDE.md#3-expire-and-its-conditions
#[test]
fn expire_and_its_kin() {
    let (_server, mut c) = connect();
    for (name, time) in expire_commands() {
        c.expect(&format!("{name} k {time}"), int(0));
        c.expect("SET k v", OK);
        c.expect(&format!("{name} k {time}"), int(1));
        expect_ttl(&mut c, "k", 1_000_000);
        c.expect(&format!("{name} k {time}"), int(1));
        c.expect("GET k", bulk("v"));
        c.expect("PERSIST k", int(1));
        c.expect("TTL k", int(LASTING));
        c.expect("DEL k", int(1));
        c.expect(name, arity(name));
        c.expect(&format!("{name} k"), arity(name));
        c.expect(
            &format!("{name} k {time} bOgus"),
            "-ERR Unsupported option bOgus\r\n",
        );
        c.expect_args(&[name, "k", "1", ""], "-ERR Unsupported option \r\n");
        c.expect_args(
            &[name, "k", "1", "a\nb\r\n"],
            "-ERR Unsupported option a b\r\n",
        );
    }
}

/// Reread: 04-expiry/GUIDE.md#3-expire-and-its-conditions
#[test]
fn a_deadline_in_the_past_deletes() {
    let (_server, mut c) = connect();
    let before = field(&mut c, "expired_keys");
    for command in [
        "EXPIRE k 0",
        "EXPIRE k -1",
        "EXPIRE k -9223372036854775",
        "PEXPIRE k 0",
        "PEXPIRE k -1",
        "EXPIREAT k 0",
        "EXPIREAT k 1",
        "EXPIREAT k -9223372036854775",
        "PEXPIREAT k -1",
        "PEXPIREAT k -9223372036854775808",
        "EXPIRE k -1 LT",
        "EXPIRE k -1 NX",
    ] {
        c.expect("SET k v", OK);
        c.expect(command, int(1));
        // It is gone and not only out of sight.
        c.expect("DBSIZE", int(0));
        c.expect(command, int(0));
    }
    for command in ["EXPIRE k -1 GT", "EXPIRE k -1 XX"] {
        c.expect("SET k v", OK);
        c.expect(command, int(0));
        c.expect("TTL k", int(LASTING));
    }
    c.expect("SET k v EX 1000", OK);
    c.expect("EXPIRE k -1 GT", int(0));
    expect_ttl(&mut c, "k", 1_000_000);
    // These keys were deleted; they did not expire.
    assert_eq!(field(&mut c, "expired_keys"), before);
}

/// Reread: 04-expiry/GUIDE.md#3-expire-and-its-conditions
#[test]
fn expire_refuses_what_64_bits_cannot_count() {
    let (_server, mut c) = connect();
    c.expect("SET k v EX 1000", OK);
    for (name, _) in expire_commands() {
        for time in NOT_NUMBERS {
            c.expect_args(&[name, "k", time], NOT_AN_INTEGER);
        }
    }
    for name in ["expire", "expireat"] {
        for time in TOO_MANY_SECONDS.iter().chain(&["-9223372036854775808"]) {
            c.expect(&format!("{name} k {time}"), invalid(name));
        }
    }
    c.expect("PEXPIRE k 9223372036854775807", invalid("pexpire"));
    c.expect("EXPIRE k 9223372036854775", invalid("expire"));
    expect_ttl(&mut c, "k", 1_000_000);
    c.expect("EXPIREAT k 9223372036854775", int(1));
    c.expect("PEXPIREAT k 9223372036854775807", int(1));
    c.expect("PEXPIRETIME k", int(i64::MAX));
    c.expect("GET k", bulk("v"));
}

/// Reread: 04-expiry/GUIDE.md#3-expire-and-its-conditions
#[test]
fn conditions_on_the_old_deadline() {
    let (_server, mut c) = connect();
    // Without a deadline, and with one in a thousand seconds: is a thousand
    // seconds less or more set?
    let table = [
        ("", [1, 1], [1, 1]),
        ("NX", [1, 1], [0, 0]),
        ("XX", [0, 0], [1, 1]),
        ("GT", [0, 0], [0, 1]),
        ("LT", [1, 1], [1, 0]),
        ("XX GT", [0, 0], [0, 1]),
        ("gt xx", [0, 0], [0, 1]),
        ("XX LT", [0, 0], [1, 0]),
        ("LT XX LT", [0, 0], [1, 0]),
        ("NX NX", [1, 1], [0, 0]),
    ];
    for (name, time) in expire_commands() {
        let unit = if name.starts_with('p') { 1000 } else { 1 };
        for (options, without, with) in table {
            for (i, change) in [-500, 500].into_iter().enumerate() {
                let time = time + change * unit;
                let command = format!("{name} k {time} {options}");
                c.expect("SET k v", OK);
                c.expect(command.trim_end(), int(without[i]));
                c.expect("SET k v EX 1000", OK);
                c.expect(command.trim_end(), int(with[i]));
                let left = 1_000_000 + 1000 * change * with[i];
                expect_ttl(&mut c, "k", left);
            }
        }
        // The same deadline is neither later nor earlier.
        c.expect(&format!("PEXPIREAT k {FAR}"), int(1));
        if name == "pexpireat" {
            c.expect(&format!("PEXPIREAT k {FAR} GT"), int(0));
            c.expect(&format!("PEXPIREAT k {FAR} LT"), int(0));
        }
        for options in ["NX XX", "XX NX", "NX GT", "NX LT", "LT NX", "NX GT LT"] {
            c.expect(&format!("{name} k 1 {options}"), NX_CONFLICT);
        }
        for options in ["GT LT", "LT GT", "XX GT LT"] {
            c.expect(&format!("{name} k 1 {options}"), GT_CONFLICT);
        }
    }
}

/// Reread: 04-expiry/GUIDE.md#3-expire-and-its-conditions
#[test]
fn ttl_and_its_kin() {
    let (_server, mut c) = connect();
    let commands = ["ttl", "pttl", "expiretime", "pexpiretime"];
    c.expect("SET lasting v", OK);
    for name in commands {
        c.expect(&format!("{name} missing"), int(MISSING));
        c.expect(&format!("{name} lasting"), int(LASTING));
        c.expect(name, arity(name));
        c.expect(&format!("{name} a b"), arity(name));
    }
    // What was set comes back, in seconds rounded to the nearest.
    for (past, rounded) in [(0, 0), (1, 0), (499, 0), (500, 1), (999, 1)] {
        c.expect(&format!("SET k v PXAT {}", FAR + past), OK);
        c.expect("PEXPIRETIME k", int(FAR + past));
        c.expect("EXPIRETIME k", int(FAR / 1000 + rounded));
    }
    c.expect(&format!("EXPIREAT k {}", FAR / 1000), int(1));
    c.expect("PEXPIRETIME k", int(FAR));
    let left = FAR - unix();
    expect_ttl(&mut c, "k", left + 100);
    let seconds = number(&mut c, "TTL k");
    assert!((left / 1000 - 60..=left / 1000 + 1).contains(&seconds));
    // TTL is rounded too: 1,600 milliseconds are two seconds, for a while.
    let started = Instant::now();
    c.expect("PEXPIRE k 1600", int(1));
    let seconds = number(&mut c, "TTL k");
    if started.elapsed() < Duration::from_millis(90) {
        assert_eq!(seconds, 2);
    }
}

/// A server whose clock is behind the system's by a part of a millisecond says one more.
///
/// Reread: 04-expiry/GUIDE.md#1-moments
#[test]
fn what_is_left_is_never_more_than_was_asked_for() {
    let (_server, mut c) = connect();
    c.expect("SET k v", OK);
    for turn in 0..amount(500) {
        let at = unix() + 10_000;
        match turn % 4 {
            0 => c.expect(&format!("GETEX k PXAT {at}"), bulk("v")),
            1 => c.expect(&format!("PEXPIREAT k {at}"), int(1)),
            2 => c.expect(&format!("SET k v PXAT {at}"), OK),
            _ => c.expect("PEXPIRE k 10000", int(1)),
        }
        let left = number(&mut c, "PTTL k");
        assert!(left <= 10_000, "{left} of 10000 are left");
        let promised = number(&mut c, "PEXPIRETIME k");
        let late = unix() + 10_000;
        assert!(promised <= late, "{promised}, and it is {late}");
        if turn % 4 != 3 {
            assert_eq!(promised, at);
        }
    }
}

/// Reread: 04-expiry/GUIDE.md#3-expire-and-its-conditions
#[test]
fn persist() {
    let (_server, mut c) = connect();
    c.expect("PERSIST k", int(0));
    c.expect("SET k v EX 1000", OK);
    c.expect("PERSIST k", int(1));
    c.expect("PERSIST k", int(0));
    c.expect("TTL k", int(LASTING));
    c.expect("GET k", bulk("v"));
    c.expect("PERSIST", arity("persist"));
    c.expect("PERSIST a b", arity("persist"));
}

/// What each command says of `dead`, whose time is over, and of `live`, which is
/// there; and what GET says of `dead` afterwards.
fn commands_on_a_dead_key() -> Vec<(&'static str, String, Option<&'static str>)> {
    let null = || NULL.to_owned();
    let ok = || OK.to_owned();
    let gone = || NO_SUCH_KEY.to_owned();
    vec![
        ("GET dead", null(), None),
        (
            "MGET dead live",
            "*2\r\n$-1\r\n$1\r\n1\r\n".to_owned(),
            None,
        ),
        ("STRLEN dead", int(0), None),
        ("GETRANGE dead 0 -1", "$0\r\n\r\n".to_owned(), None),
        ("SUBSTR dead 0 -1", "$0\r\n\r\n".to_owned(), None),
        ("TYPE dead", "+none\r\n".to_owned(), None),
        ("EXISTS dead live dead", int(1), None),
        ("TOUCH dead live dead", int(1), None),
        ("DEL dead", int(0), None),
        ("UNLINK dead live", int(1), None),
        ("OBJECT ENCODING dead", null(), None),
        ("OBJECT REFCOUNT dead", null(), None),
        ("TTL dead", int(MISSING), None),
        ("PTTL dead", int(MISSING), None),
        ("EXPIRETIME dead", int(MISSING), None),
        ("PEXPIRETIME dead", int(MISSING), None),
        ("PERSIST dead", int(0), None),
        ("EXPIRE dead 1000", int(0), None),
        ("PEXPIRE dead 1000 NX", int(0), None),
        ("EXPIREAT dead 9999999999", int(0), None),
        ("PEXPIREAT dead 9999999999999 GT", int(0), None),
        ("GETEX dead EX 1000", null(), None),
        ("GETEX dead PERSIST", null(), None),
        ("GETDEL dead", null(), None),
        ("GETSET dead new", null(), Some("new")),
        ("SET dead new", ok(), Some("new")),
        ("SET dead new NX", ok(), Some("new")),
        ("SET dead new XX", null(), None),
        ("SET dead new GET", null(), Some("new")),
        ("SET dead new KEEPTTL", ok(), Some("new")),
        ("SET dead new XX GET", null(), None),
        ("SETNX dead new", int(1), Some("new")),
        ("MSET dead new other x", ok(), Some("new")),
        ("MSETNX dead new other x", int(1), Some("new")),
        ("MSETNX dead new live x", int(0), None),
        ("APPEND dead new", int(3), Some("new")),
        ("SETRANGE dead 1 ab", int(3), Some("\0ab")),
        ("INCR dead", int(1), Some("1")),
        ("DECR dead", int(-1), Some("-1")),
        ("INCRBY dead 5", int(5), Some("5")),
        ("DECRBY dead 5", int(-5), Some("-5")),
        (
            "INCRBYFLOAT dead 1.5",
            "$3\r\n1.5\r\n".to_owned(),
            Some("1.5"),
        ),
        ("RENAME dead other", gone(), None),
        ("RENAMENX dead other", gone(), None),
        ("RENAME dead dead", gone(), None),
        ("RENAME live dead", ok(), Some("1")),
        ("RENAMENX live dead", int(1), Some("1")),
        ("COPY dead other", int(0), None),
        ("COPY dead other REPLACE", int(0), None),
        ("COPY live dead", int(1), Some("1")),
        ("KEYS d*", "*0\r\n".to_owned(), None),
        (
            "SCAN 0 MATCH d*",
            "*2\r\n$1\r\n0\r\n*0\r\n".to_owned(),
            None,
        ),
        (
            "SCAN 0 COUNT 1000 TYPE string MATCH d*",
            "*2\r\n$1\r\n0\r\n*0\r\n".to_owned(),
            None,
        ),
        ("KEYS *", "*1\r\n$4\r\nlive\r\n".to_owned(), None),
        ("RANDOMKEY", "$4\r\nlive\r\n".to_owned(), None),
    ]
}

#[test]
fn no_command_sees_a_key_whose_time_is_over() {
    let (_server, mut c) = connect();
    let mut seen_by = |command: &str, reply: &str, after: Option<&str>, ttl| {
        c.expect("FLUSHALL", OK);
        c.expect("SET live 1", OK);
        c.expect("SET dead 42 PXAT 1", OK);
        c.expect(command, reply);
        c.expect("GET dead", after.map_or(NULL.into(), bulk));
        c.expect("PTTL dead", int(ttl));
    };
    for (command, reply, after) in commands_on_a_dead_key() {
        let ttl = after.map_or(MISSING, |_| LASTING);
        seen_by(command, &reply, after, ttl);
    }
}

#[test]
fn two_dead_keys_are_no_more_than_one() {
    let (_server, mut c) = connect();
    c.expect("SET a 1 PXAT 1", OK);
    c.expect("SET b 2 PXAT 1", OK);
    c.expect("RENAME a b", NO_SUCH_KEY);
    c.expect("SET a 1 PXAT 1", OK);
    c.expect("COPY a b", int(0));
    c.expect("RANDOMKEY", NULL);
    c.expect("KEYS *", "*0\r\n");
    c.expect("MGET a b", "*2\r\n$-1\r\n$-1\r\n");
    c.expect("DBSIZE", int(0));
}

#[test]
fn a_dead_key_is_a_miss_and_counts_as_expired() {
    let (_server, mut c) = connect();
    let names = ["keyspace_hits", "keyspace_misses", "expired_keys"];
    let before = names.map(|name| field(&mut c, name));
    c.expect("SET a 1 PXAT 1", OK);
    c.expect("GET a", NULL);
    c.expect("SET b 1 PXAT 1", OK);
    c.expect("TTL b", int(MISSING));
    c.expect("SET d 1 PXAT 1", OK);
    c.expect("INCR d", int(1));
    c.expect("SET e 1 PXAT 1", OK);
    c.expect("SET e 2", OK);
    let after = names.map(|name| field(&mut c, name));
    assert_eq!(after[0], before[0]);
    assert_eq!(after[1], before[1] + 2);
    assert_eq!(after[2], before[2] + 4);
    c.expect("CONFIG RESETSTAT", OK);
    assert_eq!(field(&mut c, "expired_keys"), 0);
}

#[test]
fn what_keeps_a_deadline_and_what_loses_it() {
    let (_server, mut c) = connect();
    let keeps = [
        "APPEND k 5",
        "SETRANGE k 1 7",
        "INCR k",
        "DECR k",
        "INCRBY k 5",
        "DECRBY k 5",
        "INCRBYFLOAT k 1.5",
        "GET k",
        "GETEX k",
        "TOUCH k",
        "SET k v NX",
        "SET k v KEEPTTL",
        "SETNX k v",
        "MSETNX k v x y",
        "COPY other k",
        "RENAMENX other k",
        "STRLEN k",
        "TTL k",
        "EXPIRE k 5 NX",
        "SET k v NX GET",
        "RENAME k k",
        "INCRBY k abc",
        "SET k v EX 0",
    ];
    let loses = [
        "SET k v",
        "SET k v XX",
        "SET k v GET",
        "GETSET k v",
        "MSET k v",
        "PERSIST k",
        "GETEX k PERSIST",
        "COPY other k REPLACE",
        "RENAME other k",
    ];
    let all = keeps.map(|command| (command, true)).into_iter();
    for (command, kept) in all.chain(loses.map(|command| (command, false))) {
        c.expect("SET other 7", OK);
        c.expect("SET k 42 EX 1000", OK);
        c.call(&command.split(' ').collect::<Vec<_>>());
        match number(&mut c, "TTL k") {
            990..=1000 if kept => {}
            LASTING if !kept => {}
            ttl => panic!("TTL after {command}: {ttl}"),
        }
    }
    for command in ["DEL k", "UNLINK k", "GETDEL k", "FLUSHALL", "FLUSHDB ASYNC"] {
        c.expect("SET k 42 EX 1000", OK);
        c.call(&command.split(' ').collect::<Vec<_>>());
        c.expect("SET k 1 KEEPTTL", OK);
        c.expect("TTL k", int(LASTING));
    }
}

#[test]
fn a_deadline_goes_where_its_value_goes() {
    let (_server, mut c) = connect();
    c.expect(&format!("SET a 1 PXAT {FAR}"), OK);
    c.expect("SET b 2 EX 1000", OK);
    c.expect("RENAME a b", OK);
    c.expect("PEXPIRETIME b", int(FAR));
    c.expect("COPY b c", int(1));
    c.expect("PEXPIRETIME c", int(FAR));
    c.expect("RENAMENX c d", int(1));
    c.expect("PEXPIRETIME d", int(FAR));
    c.expect("SET a 1", OK);
    c.expect("COPY d a REPLACE", int(1));
    c.expect("PEXPIRETIME a", int(FAR));
    // What was left behind has no memory of it.
    c.expect("SET c 1", OK);
    c.expect("TTL c", int(LASTING));
    // The copy and what it was copied from end each on its own.
    c.expect("EXPIRE a 0", int(1));
    c.expect("PEXPIRETIME d", int(FAR));
}

#[test]
fn a_key_is_there_until_its_time_and_not_longer() {
    let (_server, mut c) = connect();
    for milliseconds in 1..=30 {
        let (started, watch) = (Instant::now(), Stopwatch::start());
        c.expect(&format!("SET k v PX {milliseconds}"), OK);
        let ttl = number(&mut c, "PTTL k");
        assert!((MISSING..=milliseconds).contains(&ttl), "{ttl}");
        loop {
            // Looking at the clock first and last makes this true on any machine.
            let early = watch.elapsed();
            let reply = c.call(&["GET", "k"]);
            let late = started.elapsed();
            let life = Duration::from_millis(milliseconds as u64);
            if reply == NULL.as_bytes() {
                assert!(late >= life, "gone after {late:?}, not {life:?}");
                break;
            }
            assert_eq!(reply, bulk("v"));
            assert!(early < life + Duration::from_secs(5), "it does not end");
        }
        c.expect("EXISTS k", int(0));
    }
}

/// Sets `count` keys with `options`, all in one go.
fn fill(c: &mut Session, prefix: &str, count: usize, options: &str) {
    let options: Vec<&str> = options.split_whitespace().collect();
    for start in (0..count).step_by(1000) {
        let end = count.min(start + 1000);
        let commands = (start..end).flat_map(|i| {
            let key = format!("{prefix}:{i}");
            encode(&[&["SET", &key, "value"], &options[..]].concat())
        });
        c.send(&commands.collect::<Vec<u8>>());
        for _ in start..end {
            assert_eq!(c.reply(), OK.as_bytes());
        }
    }
}

/// Reread: 04-expiry/GUIDE.md#4-the-active-half
#[test]
fn memory_comes_back_without_a_read() {
    let (_server, mut c) = connect();
    let before = field(&mut c, "expired_keys");
    fill(&mut c, "lasting", 1000, "");
    fill(&mut c, "long", 1000, "EX 1000");
    fill(&mut c, "short", 3000, "PX 20");
    fill(&mut c, "past", 1000, "PXAT 1");
    // Redis leaves a few for later, as long as they are few.
    wait_until("nine of ten dead keys are gone", || {
        number(&mut c, "DBSIZE") <= 2000 + 400
    });
    c.expect("GET short:1", NULL);
    let left = c.strings(&["KEYS", "short:*"]).len() + c.strings(&["KEYS", "past:*"]).len();
    assert_eq!(left, 0);
    assert_eq!(c.strings(&["KEYS", "l*"]).len(), 2000);
    assert!(field(&mut c, "expired_keys") >= before + 3600);
}

/// Reread: 04-expiry/GUIDE.md#4-the-active-half
#[test]
fn a_few_dead_keys_go_as_well() {
    let (_server, mut c) = connect();
    fill(&mut c, "short", 10, "PX 5");
    wait_until("all are gone", || number(&mut c, "DBSIZE") == 0);
    fill(&mut c, "past", 1, "PXAT 1");
    wait_until("one is gone", || number(&mut c, "DBSIZE") == 0);
    assert_eq!(field(&mut c, "expired_keys"), 11);
    // An empty database has no line.
    assert!(c.strings(&["INFO", "keyspace"])[0].trim_ascii() == b"# Keyspace");
}

/// Reread: 04-expiry/GUIDE.md#4-the-active-half
#[test]
fn info_counts_deadlines() {
    let (_server, mut c) = connect();
    c.expect("MSET a 1 b 2 c 3", OK);
    assert_eq!(field(&mut c, "expires"), 0);
    assert_eq!(field(&mut c, "avg_ttl"), 0);
    c.expect("EXPIRE a 1000", int(1));
    c.expect("EXPIRE b 3000", int(1));
    assert_eq!(field(&mut c, "keys"), 3);
    assert_eq!(field(&mut c, "expires"), 2);
    wait_until("the average is right", || {
        (1_900_000..=2_000_000).contains(&field(&mut c, "avg_ttl"))
    });
    // Keys that are gone say nothing of those that come.
    c.expect("FLUSHALL", OK);
    c.expect("SET a 1 EX 1000", OK);
    c.expect("SET b 1 EX 1000", OK);
    wait_until("the average is that of the new keys", || {
        (900_000..=1_000_000).contains(&field(&mut c, "avg_ttl"))
    });
    c.expect("PERSIST a", int(1));
    assert_eq!(field(&mut c, "expires"), 1);
    c.expect("DEL b", int(1));
    assert_eq!(field(&mut c, "expires"), 0);
    wait_until("there is no average", || field(&mut c, "avg_ttl") == 0);
}

#[test]
fn scan_returns_every_living_key_and_no_dead_one() {
    let (_server, mut c) = connect();
    fill(&mut c, "live", 500, "EX 1000");
    fill(&mut c, "dead", 500, "PXAT 1");
    let mut found = Vec::new();
    let mut cursor = b"0".to_vec();
    loop {
        let mut page = c.strings(&[b"SCAN", &cursor[..]]);
        cursor = page.remove(0);
        found.extend(page);
        if cursor == b"0" {
            break;
        }
    }
    found.sort();
    found.dedup();
    assert!(found.iter().all(|key| key.starts_with(b"live:")));
    assert_eq!(found.len(), 500);
}

/// Many, so that a server that removes them in one go would be noticed.
const MANY: usize = 100_000;

/// Reread: 04-expiry/GUIDE.md#4-the-active-half
#[test]
fn many_keys_that_end_at_once_disturb_nobody() {
    let (server, mut c) = connect();
    let mut other = Session::connect(server.addr());
    let many = amount(MANY);
    fill(&mut c, "key", many, &format!("PXAT {}", unix() + 1500));
    let mut slowest = Duration::ZERO;
    let started = Stopwatch::start();
    for turn in 1.. {
        let asked = Stopwatch::start();
        other.expect("INCR turns", int(turn));
        other.expect(&format!("SET mine {turn} EX 1000"), OK);
        other.expect("GET mine", bulk(turn.to_string()));
        slowest = slowest.max(asked.elapsed());
        // The two keys of the other client stay; a server may leave a few dead
        // ones for later.
        if turn % 20 == 0 && number(&mut c, "DBSIZE") <= 2 + many as i64 / 1000 {
            break;
        }
        let late = started.elapsed() > Duration::from_secs(60);
        assert!(!late, "left: {}", number(&mut c, "DBSIZE"));
    }
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    assert_eq!(c.strings(&["KEYS", "key:*"]).len(), 0);
}

#[test]
fn the_redis_crate_sets_times() -> redis::RedisResult<()> {
    let server = Server::start();
    for protocol in ["resp2", "resp3"] {
        let url = format!("redis://{}/?protocol={protocol}", server.addr());
        let mut c = redis::Client::open(url)?.get_connection()?;
        let () = redis::cmd("FLUSHALL").query(&mut c)?;
        let () = c.set_ex("k", "v", 1000)?;
        assert!((990..=1000).contains(&c.ttl::<_, i64>("k")?));
        let options = SetOptions::default().with_expiration(SetExpiry::KEEPTTL);
        let () = c.set_options("k", "w", options)?;
        assert_eq!(c.get_ex::<_, String>("k", Expiry::PERSIST)?, "w");
        assert_eq!(c.ttl::<_, i64>("k")?, LASTING);
        assert!(c.expire_at::<_, bool>("k", FAR / 1000)?);
        assert_eq!(c.pexpire_time::<_, i64>("k")?, FAR);
        assert!(c.persist::<_, bool>("k")?);
        assert!(c.pexpire_at::<_, bool>("k", 1)?);
        assert_eq!(c.get::<_, Option<String>>("k")?, None);
    }
    Ok(())
}
