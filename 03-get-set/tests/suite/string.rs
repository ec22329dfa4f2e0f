//! Commands on strings: every option, every error, byte for byte.
//!
//! Reread: 03-get-set/GUIDE.md#2-get-and-set

use crate::harness::Server;
use crate::session::{NOT_AN_INTEGER, NULL, OK, SYNTAX, Session, arity, bulk, int};

const NOT_A_FLOAT: &str = "-ERR value is not a valid float\r\n";
const OVERFLOW: &str = "-ERR increment or decrement would overflow\r\n";
const TOO_LONG: &str = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n";
const MAX: i64 = i64::MAX;

/// Strings that text tools would break.
const WEIRD: [&[u8]; 6] = [
    b"",
    b"\0",
    b"\r\n",
    b"a b\0c\r\n$5\r\nhello\r\n",
    b"\xff\xfe\x80",
    b"\xf0\x9f\xa6\x80",
];

fn connect() -> (Server, Session) {
    let server = Server::start();
    let session = Session::connect(server.addr());
    (server, session)
}

#[test]
fn get_and_set() {
    let (_server, mut c) = connect();
    c.expect("GET k", NULL);
    c.expect("SET k v", OK);
    c.expect("GET k", bulk("v"));
    c.expect("sEt k w", OK);
    c.expect("get k", bulk("w"));
    for name in ["get", "set", "setnx", "getset", "getdel"] {
        c.expect(name, arity(name));
    }
    c.expect("GET a b", arity("get"));
    c.expect("SET k", arity("set"));
    c.expect("SETNX k", arity("setnx"));
    c.expect("GETSET k a b", arity("getset"));
}

#[test]
fn set_with_conditions() {
    let (_server, mut c) = connect();
    c.expect("SET k 1 XX", NULL);
    c.expect("GET k", NULL);
    c.expect("SET k 1 NX", OK);
    c.expect("SET k 2 nx", NULL);
    c.expect("GET k", bulk("1"));
    c.expect("SET k 3 xx", OK);
    c.expect("SET k 4 XX XX", OK);
    c.expect("SET k 5 GET", bulk("4"));
    c.expect("SET k 6 NX GET", bulk("5"));
    c.expect("SET k 6 GET XX", bulk("5"));
    c.expect("GET k", bulk("6"));
    c.expect("SET new 1 GET", NULL);
    c.expect("SET newer 1 XX GET", NULL);
    c.expect("EXISTS new newer", int(1));
    c.expect("SET newest 1 NX GET", NULL);
    c.expect("GET newest", bulk("1"));
}

#[test]
fn set_refuses_what_it_does_not_know() {
    let (_server, mut c) = connect();
    for options in ["NX XX", "XX NX", "BOGUS", "NX BOGUS", "GET GETT", ""] {
        c.expect(&format!("SET k v {options}"), SYNTAX);
    }
    c.expect("GET k", NULL);
}

#[test]
fn setnx_getset_and_getdel() {
    let (_server, mut c) = connect();
    c.expect("SETNX k 1", int(1));
    c.expect("SETNX k 2", int(0));
    c.expect("GETSET k 3", bulk("1"));
    c.expect("GETSET other 4", NULL);
    c.expect("GETDEL k", bulk("3"));
    c.expect("GETDEL k", NULL);
    c.expect("EXISTS k other", int(1));
}

#[test]
fn mget_mset_and_msetnx() {
    let (_server, mut c) = connect();
    c.expect("MSET a 1 b 2 a 3", OK);
    c.expect(
        "MGET a x b a",
        "*4\r\n$1\r\n3\r\n$-1\r\n$1\r\n2\r\n$1\r\n3\r\n",
    );
    c.expect("MSETNX c 1 a 2", int(0));
    c.expect("GET c", NULL);
    c.expect("MSETNX c 1 d 2 c 3", int(1));
    c.expect("MGET c d", "*2\r\n$1\r\n3\r\n$1\r\n2\r\n");
    c.expect("MGET", arity("mget"));
    for name in ["mset", "msetnx"] {
        for args in ["", " k", " a 1 b"] {
            c.expect(&format!("{name}{args}"), arity(name));
        }
    }
}

#[test]
fn a_command_may_have_many_keys() {
    let (_server, mut c) = connect();
    let keys: String = (0..=200).map(|n| format!(" k{n}")).collect();
    let pairs = |base: i64| -> String { (0..200).map(|n| format!(" k{n} {}", base + n)).collect() };
    let values = |base: i64| {
        let found = (0..200).flat_map(|n| bulk((base + n).to_string()));
        let values = b"*201\r\n".iter().copied().chain(found);
        values.chain(NULL.bytes()).collect::<Vec<u8>>()
    };
    c.expect(&format!("MSET{}", pairs(0)), OK);
    c.expect(&format!("MGET{keys}"), values(0));
    c.expect(&format!("MSETNX{}", pairs(1000)), int(0));
    c.expect(&format!("DEL{keys}"), int(200));
    c.expect(&format!("MSETNX{}", pairs(1000)), int(1));
    c.expect(&format!("MGET{keys}"), values(1000));
}

#[test]
fn a_large_value_takes_the_place_of_another() {
    let (_server, mut c) = connect();
    let (old, new) = ("o".repeat(100_000), "n".repeat(100_000));
    c.expect_args(&["SET", "k", &old], OK);
    c.expect_args(&["SET", "k", &new, "GET"], bulk(&old));
    c.expect("GET k", bulk(&new));
    c.expect_args(&["GETSET", "k", &old], bulk(&new));
    c.expect_args(&["MSET", "k", &new, "l", &old], OK);
    let both = [b"*2\r\n".to_vec(), bulk(&new), bulk(&old)].concat();
    c.expect("MGET k l", both);
    c.expect_args(&["SET", "k", &old, "NX"], NULL);
    c.expect("GET k", bulk(&new));
}

#[test]
fn append_and_strlen() {
    let (_server, mut c) = connect();
    c.expect("STRLEN k", int(0));
    c.expect("APPEND k ab", int(2));
    c.expect("APPEND k cd", int(4));
    c.expect("GET k", bulk("abcd"));
    c.expect("STRLEN k", int(4));
    c.expect("SET n -120", OK);
    c.expect("STRLEN n", int(4));
    c.expect("APPEND n 5", int(5));
    c.expect("INCR n", int(-1204));
    c.expect_args(&["APPEND", "empty", ""], int(0));
    c.expect("EXISTS empty", int(1));
    c.expect("APPEND k", arity("append"));
    c.expect("STRLEN", arity("strlen"));
}

#[test]
fn getrange_and_substr() {
    let (_server, mut c) = connect();
    c.expect_args(&["SET", "k", "This is a string"], OK);
    c.expect("SET n 12345", OK);
    c.expect_args(&["SET", "empty", ""], OK);
    for (range, expected) in [
        ("k 0 3", "This"),
        ("k -3 -1", "ing"),
        ("k 0 -1", "This is a string"),
        ("k 10 100", "string"),
        ("k 16 20", ""),
        ("k 5 2", ""),
        ("k -100 3", "This"),
        ("k -100 -100", "T"),
        ("k -1 -100", ""),
        ("k 0 -100", "T"),
        ("k 0 0", "T"),
        (
            "k -9223372036854775808 9223372036854775807",
            "This is a string",
        ),
        ("k 9223372036854775807 -9223372036854775808", ""),
        ("n 1 -2", "234"),
        ("empty 0 -1", ""),
        ("missing 0 -1", ""),
    ] {
        c.expect(&format!("GETRANGE {range}"), bulk(expected));
        c.expect(&format!("SUBSTR {range}"), bulk(expected));
    }
    for range in ["k a 1", "k 0 b", "k 0 1.5", "missing 0 9223372036854775808"] {
        c.expect(&format!("GETRANGE {range}"), NOT_AN_INTEGER);
    }
    c.expect("GETRANGE k 0", arity("getrange"));
    c.expect("SUBSTR k 0", arity("substr"));
}

#[test]
fn setrange() {
    let (_server, mut c) = connect();
    c.expect("SETRANGE k 5 ab", int(7));
    c.expect("GET k", bulk("\0\0\0\0\0ab"));
    c.expect("SETRANGE k 1 xy", int(7));
    c.expect("GET k", bulk("\0xy\0\0ab"));
    c.expect("SET n 12345", OK);
    c.expect("SETRANGE n 1 99", int(5));
    c.expect("INCR n", int(19946));
    c.expect_args(&["SETRANGE", "n", "100", ""], int(5));
    c.expect_args(&["SETRANGE", "missing", "100", ""], int(0));
    c.expect("EXISTS missing", int(0));
    let out_of_range = "-ERR offset is out of range\r\n";
    c.expect("SETRANGE k -1 x", out_of_range);
    c.expect("SETRANGE missing -1 x", out_of_range);
    c.expect("SETRANGE k one x", NOT_AN_INTEGER);
    c.expect("SETRANGE k 536870912 x", TOO_LONG);
    c.expect(&format!("SETRANGE k {MAX} x"), TOO_LONG);
    c.expect("SETRANGE k 1", arity("setrange"));
}

#[test]
fn counters() {
    let (_server, mut c) = connect();
    c.expect("INCR n", int(1));
    c.expect("INCRBY n 41", int(42));
    c.expect("DECR n", int(41));
    c.expect("DECRBY n 50", int(-9));
    c.expect("INCRBY n -1", int(-10));
    c.expect("DECRBY fresh 5", int(-5));
    c.expect("GET n", bulk("-10"));
    for word in [
        "abc",
        "",
        "1.5",
        "01",
        "+1",
        "1e3",
        "9223372036854775808",
        "-0",
    ] {
        c.expect_args(&["SET", "k", word], OK);
        c.expect("INCR k", NOT_AN_INTEGER);
        c.expect_args(&["INCRBY", "n", word], NOT_AN_INTEGER);
        c.expect_args(&["DECRBY", "n", word], NOT_AN_INTEGER);
        c.expect("GET k", bulk(word));
    }
    c.expect_args(&["SET", "k", " 1"], OK);
    c.expect("DECR k", NOT_AN_INTEGER);
    c.expect("INCR", arity("incr"));
    c.expect("DECR a b", arity("decr"));
    c.expect("INCRBY n", arity("incrby"));
    c.expect("DECRBY n", arity("decrby"));
}

#[test]
fn counters_do_not_overflow() {
    let (_server, mut c) = connect();
    c.expect(&format!("SET n {MAX}"), OK);
    c.expect("INCR n", OVERFLOW);
    c.expect("DECRBY n -1", OVERFLOW);
    c.expect("GET n", bulk(MAX.to_string()));
    c.expect(&format!("SET n {}", i64::MIN), OK);
    c.expect("DECR n", OVERFLOW);
    c.expect(&format!("INCRBY n {}", i64::MIN), OVERFLOW);
    c.expect(&format!("INCRBY n {MAX}"), int(-1));
    c.expect(
        &format!("DECRBY n {}", i64::MIN),
        "-ERR decrement would overflow\r\n",
    );
    c.expect(&format!("INCRBY fresh {}", i64::MIN), int(i64::MIN));
}

#[test]
fn a_change_that_fails_makes_no_key() {
    let (_server, mut c) = connect();
    c.expect(
        "INCRBYFLOAT f inf",
        "-ERR increment would produce NaN or Infinity\r\n",
    );
    c.expect("EXISTS f", int(0));
    c.expect("INCRBYFLOAT f 1.5", bulk("1.5"));
    c.expect("INCR f", NOT_AN_INTEGER);
    c.expect("GET f", bulk("1.5"));
}

#[test]
fn incrbyfloat_prints_a_long_double() {
    let (_server, mut c) = connect();
    for (start, increment, sum) in [
        ("0", "0.1", "0.1"),
        ("0.1", "0.2", "0.3"),
        ("1000", "0.1", "1000.09999999999999998"),
        ("10.50", "0.1", "10.6"),
        ("5.0e3", "2.0e2", "5200"),
        ("5", "-5", "0"),
        ("-0.5", "0.5", "0"),
        ("1", "0x10", "17"),
        ("1", "1e20", "100000000000000000000"),
        ("3", "1e-18", "3"),
        ("0", "6e-18", "0.00000000000000001"),
        ("1", "1e0000000000000000001", "11"),
        ("0", "0e999999999999", "0"),
        (
            "1234567890123.123456",
            "0.000001",
            "1234567890123.12345695495605469",
        ),
    ] {
        c.expect(&format!("SET f {start}"), OK);
        c.expect(&format!("INCRBYFLOAT f {increment}"), bulk(sum));
        c.expect("GET f", bulk(sum));
    }
    c.expect("INCRBYFLOAT fresh 1.50", bulk("1.5"));
}

#[test]
fn incrbyfloat_refuses_what_is_no_number() {
    let (_server, mut c) = connect();
    c.expect("SET f 1", OK);
    let bad = [
        "", "abc", " 1", "1 ", "nan", "1e", "0x", "1e99999", "1e-99999", "--1", ".",
    ];
    for word in bad {
        c.expect_args(&["INCRBYFLOAT", "f", word], NOT_A_FLOAT);
        c.expect_args(&["SET", "k", word], OK);
        c.expect("INCRBYFLOAT k 1", NOT_A_FLOAT);
    }
    let infinite = "-ERR increment would produce NaN or Infinity\r\n";
    for word in ["inf", "-inf", "+Infinity"] {
        c.expect(&format!("INCRBYFLOAT f {word}"), infinite);
    }
    // A number has at most 5,119 digits (MAX_LONG_DOUBLE_CHARS).
    let long = format!("{:05119}", 1);
    c.expect_args(&["INCRBYFLOAT", "f", &long], bulk("2"));
    c.expect_args(&["INCRBYFLOAT", "f", &format!("0{long}")], NOT_A_FLOAT);
    c.expect("GET f", bulk("2"));
    c.expect("INCRBYFLOAT f", arity("incrbyfloat"));
}

#[test]
fn keys_and_values_are_any_bytes() {
    let (_server, mut c) = connect();
    for key in WEIRD {
        for value in WEIRD {
            c.expect_args(&[b"SET", key, value], OK);
            c.expect_args(&[b"GET", key], bulk(value));
            c.expect_args(&[b"STRLEN", key], int(value.len() as i64));
            c.expect_args(&[b"APPEND", key, value], int(2 * value.len() as i64));
            c.expect_args(&[b"GETDEL", key], bulk([value, value].concat()));
        }
    }
    for key in WEIRD {
        c.expect_args(&[b"SET", key, key], OK);
    }
    c.expect("DBSIZE", int(WEIRD.len() as i64));
    for key in WEIRD {
        c.expect_args(&[b"GET", key], bulk(key));
    }
}

#[test]
fn a_large_value_comes_back_whole() {
    let (_server, mut c) = connect();
    let value: Vec<u8> = (0..1 << 20).map(|i: u32| ((i * 31) >> 3) as u8).collect();
    c.expect_args(&[b"SET", &b"k"[..], &value], OK);
    c.expect("GET k", bulk(&value));
    c.expect("STRLEN k", int(1 << 20));
    c.expect("GETRANGE k 1048570 -1", bulk(&value[1_048_570..]));
    c.expect_args(&[b"APPEND", &b"k"[..], &value], int(2 << 20));
    c.expect("GET k", bulk([&value[..], &value].concat()));
}

/// Does what `commands` say to a fresh key `k` and asks for its encoding.
#[track_caller]
fn expect_encoding(c: &mut Session, commands: &[&str], encoding: &str) {
    c.call(&["DEL", "k"]);
    for command in commands {
        let args: Vec<&str> = command.split(' ').collect();
        let reply = c.call(&args);
        assert_ne!(reply[0], b'-', "{command}: {}", reply.escape_ascii());
    }
    c.expect("OBJECT ENCODING k", bulk(encoding));
}

#[test]
fn encodings_follow_every_change() {
    let (_server, mut c) = connect();
    let text = |length| format!("SET k {}", "x".repeat(length));
    for (commands, encoding) in [
        (vec!["SET k 12"], "int"),
        (vec!["SET k -9223372036854775808"], "int"),
        (vec!["SET k 9223372036854775808"], "embstr"),
        (vec!["SET k 012"], "embstr"),
        (vec!["SET k 1.5"], "embstr"),
        (vec![&text(44)], "embstr"),
        (vec![&text(45)], "raw"),
        (vec!["APPEND k 12"], "int"),
        (vec!["APPEND k x"], "embstr"),
        (vec!["SET k 1", "APPEND k 2"], "raw"),
        (vec!["SET k x", "APPEND k y"], "raw"),
        (vec!["SET k x", "APPEND k y", "SET k x"], "embstr"),
        (vec!["SET k 1", "APPEND k 2", "INCR k"], "int"),
        (vec!["SETRANGE k 0 12"], "raw"),
        (vec!["SET k 12", "SETRANGE k 1 3"], "raw"),
        (vec!["INCR k"], "int"),
        (vec!["INCRBYFLOAT k 1.5"], "embstr"),
        (vec!["INCRBYFLOAT k 3"], "embstr"),
        (vec!["INCRBYFLOAT k 3", "INCR k"], "int"),
        (vec!["GETSET k 7"], "int"),
        (vec!["SETNX k 7"], "int"),
        (vec!["MSET k 7"], "int"),
        (vec!["MSETNX k x"], "embstr"),
        (vec!["SET k 5", "COPY k l", "RENAME l k"], "int"),
        (
            vec!["SET k x", "APPEND k y", "COPY k l REPLACE", "RENAME l k"],
            "raw",
        ),
    ] {
        expect_encoding(&mut c, &commands, encoding);
    }
}

#[test]
fn nothing_grows_past_proto_max_bulk_len() {
    let (_server, mut c) = connect();
    let limit = 1 << 20;
    c.expect(&format!("CONFIG SET proto-max-bulk-len {limit}"), OK);
    let full = "x".repeat(limit);
    c.expect(&format!("SET k {full}"), OK);
    c.expect("APPEND k y", TOO_LONG);
    c.expect_args(&["APPEND", "k", ""], int(limit as i64));
    c.expect("STRLEN k", int(limit as i64));
    c.expect("SETRANGE k 1048575 y", int(limit as i64));
    c.expect("SETRANGE k 1048576 y", TOO_LONG);
    c.expect("SETRANGE k 1048575 yz", TOO_LONG);
    c.expect("SETRANGE fresh 1048575 y", int(limit as i64));
    c.expect("SETRANGE fresher 1048576 y", TOO_LONG);
    c.expect("EXISTS fresher", int(0));
    c.expect(&format!("SET short {}", &full[1..]), OK);
    c.expect("APPEND short z", int(limit as i64));
    c.expect("APPEND short z", TOO_LONG);
    c.expect(&format!("APPEND new {full}"), int(limit as i64));
    c.expect(&format!("ECHO {full}"), bulk(&full));
    // One byte more is announced, and the connection ends before it is sent.
    c.send(b"*2\r\n$4\r\nECHO\r\n$1048577\r\n");
    assert_eq!(c.reply(), b"-ERR Protocol error: invalid bulk length\r\n");
}
