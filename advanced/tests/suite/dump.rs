//! DUMP and RESTORE, and what a value is to OBJECT and to DEBUG.
//!
//! Reread: advanced/chapters/006-object-model/GUIDE.md

use crate::harness::Server;
use crate::session::{NOT_AN_INTEGER, NULL, OK, SYNTAX, Session, bulk, int};

const BUSY: &str = "-BUSYKEY Target key name already exists.\r\n";
const FOOTER: &str = "-ERR DUMP payload version or checksum are wrong\r\n";
const BAD_DATA: &str = "-ERR Bad data format\r\n";

fn start() -> (Server, Session) {
    let server = Server::start_with(&["--enable-debug-command", "yes"]);
    let session = Session::connect(server.addr());
    (server, session)
}

/// The payload of a key.
fn dump(c: &mut Session, key: &str) -> Vec<u8> {
    let reply = c.call(&["DUMP", key]);
    let start = reply
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(0, |it| it + 1);
    reply[start..reply.len() - 2].to_vec()
}

fn restore(c: &mut Session, key: &str, ttl: &str, payload: &[u8], options: &[&str]) -> Vec<u8> {
    let mut words = vec![b"RESTORE", key.as_bytes(), ttl.as_bytes(), payload];
    words.extend(options.iter().map(|it| it.as_bytes()));
    c.call(&words)
}

/// A string, a small hash, and a large one.
fn fill(c: &mut Session) {
    c.expect("SET s 12345", OK);
    c.expect("HSET small a 1 b two c -70000", int(3));
    let long = "x".repeat(100);
    c.expect_args(&["HSET", "large", "f", &long, "g", "2"], int(2));
}

#[test]
fn a_value_comes_back() {
    let (_server, mut c) = start();
    fill(&mut c);
    c.expect("DUMP none", NULL);
    for key in ["s", "small", "large"] {
        let payload = dump(&mut c, key);
        let (digest, encoding) = (
            c.call(&["DEBUG", "DIGEST-VALUE", key]),
            c.call(&["OBJECT", "ENCODING", key]),
        );
        assert_eq!(restore(&mut c, key, "0", &payload, &[]), BUSY.as_bytes());
        assert_eq!(
            restore(&mut c, key, "0", &payload, &["REPLACE"]),
            OK.as_bytes()
        );
        assert_eq!(
            restore(&mut c, "copy", "0", &payload, &["replace"]),
            OK.as_bytes()
        );
        assert_eq!(c.call(&["DEBUG", "DIGEST-VALUE", "copy"]), digest, "{key}");
        assert_eq!(c.call(&["OBJECT", "ENCODING", "copy"]), encoding, "{key}");
        // A table may have another order.
        assert_eq!(dump(&mut c, "copy").len(), payload.len(), "{key}");
    }
}

#[test]
fn a_time_to_live_comes_with_it() {
    let (_server, mut c) = start();
    fill(&mut c);
    let payload = dump(&mut c, "small");
    assert_eq!(restore(&mut c, "a", "500000", &payload, &[]), OK.as_bytes());
    let unix = "33000000000000";
    assert_eq!(
        restore(&mut c, "b", unix, &payload, &["ABSTTL"]),
        OK.as_bytes()
    );
    c.expect("PEXPIRETIME b", int(33_000_000_000_000));
    // What has expired is not there, and takes with it what it replaces.
    assert_eq!(
        restore(&mut c, "b", "1000", &payload, &["ABSTTL", "REPLACE"]),
        OK.as_bytes()
    );
    c.expect("EXISTS b", int(0));
    assert_eq!(
        restore(&mut c, "c", "0", &payload, &["IDLETIME", "1000"]),
        OK.as_bytes()
    );
    let idle = c.call(&["OBJECT", "IDLETIME", "c"]);
    assert!(idle.starts_with(b":10"), "{}", idle.escape_ascii());
    c.expect("TOUCH c", int(1));
    let idle = c.call(&["OBJECT", "IDLETIME", "c"]);
    assert!(idle.len() < ":100\r\n".len(), "{}", idle.escape_ascii());
}

#[test]
fn what_restore_refuses() {
    let (_server, mut c) = start();
    fill(&mut c);
    let payload = dump(&mut c, "small");
    for (ttl, options, error) in [
        ("-1", &[][..], "-ERR Invalid TTL value, must be >= 0\r\n"),
        ("x", &[], NOT_AN_INTEGER),
        ("0", &["NOPE"], SYNTAX),
        ("0", &["IDLETIME"], SYNTAX),
        ("0", &["IDLETIME", "1", "FREQ", "1"], SYNTAX),
        (
            "0",
            &["IDLETIME", "-1"],
            "-ERR Invalid IDLETIME value, must be >= 0\r\n",
        ),
        (
            "0",
            &["FREQ", "256"],
            "-ERR Invalid FREQ value, must be >= 0 and <= 255\r\n",
        ),
    ] {
        assert_eq!(
            restore(&mut c, "x", ttl, &payload, options),
            error.as_bytes()
        );
    }
    for at in 0..payload.len() {
        let mut changed = payload.clone();
        changed[at] ^= 1;
        assert_eq!(restore(&mut c, "x", "0", &changed, &[]), FOOTER.as_bytes());
    }
    assert_eq!(
        restore(&mut c, "x", "0", &payload[..9], &[]),
        FOOTER.as_bytes()
    );
    // The footer is right, but there is no value before it.
    c.expect("DEBUG SET-SKIP-CHECKSUM-VALIDATION 1", OK);
    for body in [
        &b""[..],
        b"\x04\x00",
        b"\xf0",
        b"\x10\x03abc",
        b"\x0d\x00",
        b"\x04\x01\x01a",
    ] {
        let payload = [body, b"\x0a\x00", &[0; 8]].concat();
        let reply = restore(&mut c, "x", "0", &payload, &[]);
        assert_eq!(reply, BAD_DATA.as_bytes(), "{}", body.escape_ascii());
    }
    c.expect("EXISTS x", int(0));
}

/// What older versions wrote for `{a: 1, b: two}`.
#[test]
fn old_encodings_are_read() {
    let (_server, mut c) = start();
    c.expect("DEBUG SET-SKIP-CHECKSUM-VALIDATION 1", OK);
    let zipmap = b"\x02\x01a\x01\x001\x01b\x03\x00two\xff";
    let ziplist = b"\x18\0\0\0\x12\0\0\0\x04\0\
                    \0\x01a\x03\xf2\x02\x01b\x03\x03two\xff";
    for (kind, bytes) in [(9, &zipmap[..]), (13, ziplist)] {
        let payload = [&[kind, bytes.len() as u8], bytes, b"\x0a\x00", &[0; 8]].concat();
        let reply = restore(&mut c, "h", "0", &payload, &["REPLACE"]);
        assert_eq!(reply, OK.as_bytes(), "type {kind}");
        c.expect("OBJECT ENCODING h", bulk("listpack"));
        c.expect(
            "HGETALL h",
            b"*4\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\nb\r\n$3\r\ntwo\r\n",
        );
    }
}

#[test]
fn object_tells_how_a_value_is_kept() {
    let (_server, mut c) = start();
    fill(&mut c);
    for (key, encoding) in [("s", "int"), ("small", "listpack"), ("large", "hashtable")] {
        c.expect_args(&["OBJECT", "ENCODING", key], bulk(encoding));
    }
    c.expect("OBJECT REFCOUNT small", int(1));
    for subcommand in ["ENCODING", "REFCOUNT", "IDLETIME", "FREQ"] {
        c.expect_args(&["OBJECT", subcommand, "none"], NULL);
    }
    let error = String::from_utf8(c.call(&["OBJECT", "FREQ", "s"])).unwrap_or_default();
    assert!(
        error.starts_with("-ERR An LFU maxmemory policy is not selected"),
        "{error}"
    );
    let usage = c.call(&["MEMORY", "USAGE", "large", "SAMPLES", "0"]);
    assert!(usage.starts_with(b":"), "{}", usage.escape_ascii());
    c.expect("MEMORY USAGE none", NULL);
    c.expect("MEMORY USAGE large SAMPLES", SYNTAX);
}

#[test]
fn debug_reloads_the_same_data() {
    let (_server, mut c) = start();
    let nothing = format!("+{}\r\n", "0".repeat(40));
    c.expect("DEBUG DIGEST", &nothing);
    fill(&mut c);
    c.expect("EXPIRE large 1000", int(1));
    let digest = c.call(&["DEBUG", "DIGEST"]);
    c.expect("DEBUG RELOAD", OK);
    assert_eq!(c.call(&["DEBUG", "DIGEST"]), digest);
    c.expect("DEBUG RELOAD NOSAVE NOFLUSH MERGE", OK);
    assert_eq!(c.call(&["DEBUG", "DIGEST"]), digest);
    c.expect("CONFIG SET appendonly yes", OK);
    crate::harness::wait_until("the new AOF has begun", || {
        let info = String::from_utf8_lossy(&c.call(&["INFO", "persistence"])).into_owned();
        info.contains("aof_rewrite_in_progress:0") && info.contains("aof_rewrite_scheduled:0")
    });
    c.expect("HSET small later 1", int(1));
    let digest = c.call(&["DEBUG", "DIGEST"]);
    for _ in 0..2 {
        c.expect("DEBUG LOADAOF", OK);
        assert_eq!(c.call(&["DEBUG", "DIGEST"]), digest);
    }
    let unknown = "-ERR unknown subcommand or wrong number of arguments for 'nope'. Try DEBUG \
                   HELP.\r\n";
    c.expect("DEBUG nope", unknown);
    c.expect("DEBUG OBJECT none", "-ERR no such key\r\n");
    c.expect("DEBUG SLEEP 0.01", OK);
}

#[test]
fn debug_is_off_by_default() {
    let server = Server::start();
    let mut c = Session::connect(server.addr());
    let reply = c.call(&["DEBUG", "DIGEST"]);
    assert!(
        reply.starts_with(b"-ERR DEBUG command not allowed."),
        "{}",
        reply.escape_ascii()
    );
}
