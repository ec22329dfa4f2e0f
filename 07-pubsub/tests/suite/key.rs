//! Commands on keys, whatever their values are.
//!
//! Reread: 03-get-set/GUIDE.md#4-scan

use crate::harness::Server;
use crate::session::{NOT_AN_INTEGER, NULL, OK, SYNTAX, Session, arity, bulk, int};

const NO_SUCH_KEY: &str = "-ERR no such key\r\n";

fn connect() -> (Server, Session) {
    let server = Server::start();
    let session = Session::connect(server.addr());
    (server, session)
}

#[test]
fn del_unlink_exists_and_touch() {
    let (_server, mut c) = connect();
    for name in ["DEL", "UNLINK"] {
        c.expect("MSET a 1 b 2 c 3", OK);
        for count in ["EXISTS", "TOUCH"] {
            c.expect(&format!("{count} a x b a"), int(3));
            c.expect(&format!("{count} x"), int(0));
            c.expect(count, arity(&count.to_lowercase()));
        }
        c.expect(&format!("{name} a x b a"), int(2));
        c.expect(&format!("{name} a"), int(0));
        c.expect("DBSIZE", int(1));
        c.expect(name, arity(&name.to_lowercase()));
    }
}

#[test]
fn type_of_a_key() {
    let (_server, mut c) = connect();
    c.expect("SET k v", OK);
    c.expect("TYPE k", "+string\r\n");
    c.expect("TYPE missing", "+none\r\n");
    c.expect("TYPE", arity("type"));
}

#[test]
fn keys_match_globs() {
    let (_server, mut c) = connect();
    let names: [&[u8]; 12] = [
        b"hello",
        b"hallo",
        b"hxllo",
        b"hllo",
        b"heeeello",
        b"a*c",
        b"abc",
        b"a]c",
        b"a\\c",
        b"",
        b"\xff",
        b"a\r\nc",
    ];
    for name in names {
        c.expect_args(&[b"SET", name, b"v"], OK);
    }
    let table: [(&[u8], &[&[u8]]); 23] = [
        (b"*", &names),
        (b"", &[b""]),
        (b"h?llo", &[b"hello", b"hallo", b"hxllo"]),
        (
            b"h*llo",
            &[b"hello", b"hallo", b"hxllo", b"hllo", b"heeeello"],
        ),
        (b"h[ae]llo", &[b"hello", b"hallo"]),
        (b"h[^e]llo", &[b"hallo", b"hxllo"]),
        (b"h[a-e]llo", &[b"hello", b"hallo"]),
        (b"h[e-a]llo", &[b"hello", b"hallo"]),
        (b"H*", &[]),
        (b"hello*", &[b"hello"]),
        (b"*o", &[b"hello", b"hallo", b"hxllo", b"hllo", b"heeeello"]),
        (b"*e*e*o", &[b"heeeello"]),
        (b"a\\*c", &[b"a*c"]),
        (b"a*c", &[b"a*c", b"abc", b"a]c", b"a\\c", b"a\r\nc"]),
        (b"a?c", &[b"a*c", b"abc", b"a]c", b"a\\c"]),
        (b"a[\\]]c", &[b"a]c"]),
        (b"a\\\\c", &[b"a\\c"]),
        (b"a[b", &[]),
        (b"abc[", &[]),
        (b"ab[c", &[b"abc"]),
        (b"\xff", &[b"\xff"]),
        (b"[\xfe-\xff]", &[b"\xff"]),
        (b"a\r\n?", &[b"a\r\nc"]),
    ];
    for (pattern, expected) in table {
        let mut found = c.strings(&[b"KEYS", pattern]);
        found.sort();
        let mut expected = expected.to_vec();
        expected.sort();
        assert_eq!(found, expected, "KEYS {}", pattern.escape_ascii());
    }
    c.expect("KEYS", arity("keys"));
}

#[test]
fn randomkey_is_one_of_the_keys() {
    let (_server, mut c) = connect();
    c.expect("RANDOMKEY", NULL);
    c.expect("MSET a 1 b 2 c 3", OK);
    let mut seen = std::collections::BTreeSet::new();
    // That one of three is missed every time happens once in 10^35 runs.
    for _ in 0..200 {
        seen.insert(c.call(&["RANDOMKEY"]));
    }
    let all = ["a", "b", "c"].map(bulk);
    assert!(seen.iter().eq(all.iter()), "{seen:?}");
}

#[test]
fn rename_and_renamenx() {
    let (_server, mut c) = connect();
    c.expect("RENAME a b", NO_SUCH_KEY);
    c.expect("RENAMENX a b", NO_SUCH_KEY);
    c.expect("RENAME a a", NO_SUCH_KEY);
    c.expect("MSET a 1 b 2", OK);
    c.expect("RENAME a a", OK);
    c.expect("RENAMENX a a", int(0));
    c.expect("RENAMENX a b", int(0));
    c.expect("RENAME a b", OK);
    c.expect("MGET a b", "*2\r\n$-1\r\n$1\r\n1\r\n");
    c.expect("RENAMENX b c", int(1));
    c.expect("GET c", bulk("1"));
    c.expect("DBSIZE", int(1));
    c.expect("RENAME a", arity("rename"));
    c.expect("RENAMENX a", arity("renamenx"));
}

#[test]
fn copy() {
    let (_server, mut c) = connect();
    c.expect("COPY a b", int(0));
    c.expect("MSET a 1 b 2", OK);
    c.expect("COPY a b", int(0));
    c.expect("COPY a b REPLACE", int(1));
    c.expect("GET b", bulk("1"));
    c.expect("COPY a c DB 0", int(1));
    c.expect("COPY a c db 0 replace replace", int(1));
    c.expect("APPEND c x", int(2));
    c.expect("GET a", bulk("1"));
    let same = "-ERR source and destination objects are the same\r\n";
    c.expect("COPY a a", same);
    c.expect("COPY x x REPLACE", same);
    c.expect("COPY a b DB 999", "-ERR DB index is out of range\r\n");
    c.expect("COPY a b DB -1", "-ERR DB index is out of range\r\n");
    c.expect("COPY a b DB x", NOT_AN_INTEGER);
    c.expect("COPY a b DB", SYNTAX);
    c.expect("COPY a b BOGUS", SYNTAX);
    c.expect("COPY a", arity("copy"));
}

#[test]
fn dbsize_and_flush() {
    let (_server, mut c) = connect();
    for flush in [
        "FLUSHDB",
        "FLUSHDB SYNC",
        "FLUSHDB async",
        "FLUSHALL",
        "FLUSHALL sync",
        "FLUSHALL ASYNC",
    ] {
        c.expect("MSET a 1 b 2", OK);
        c.expect("DBSIZE", int(2));
        c.expect(&format!("{flush} x"), SYNTAX);
        c.expect("DBSIZE", int(2));
        c.expect(flush, OK);
        c.expect("DBSIZE", int(0));
        c.expect("GET a", NULL);
    }
    c.expect("FLUSHALL BOGUS", SYNTAX);
    c.expect("DBSIZE x", arity("dbsize"));
}

#[test]
fn object() {
    let (_server, mut c) = connect();
    c.expect("OBJECT ENCODING missing", NULL);
    c.expect("OBJECT REFCOUNT missing", NULL);
    c.expect("SET small 9999", OK);
    c.expect("OBJECT REFCOUNT small", int(i32::MAX.into()));
    c.expect("SET large 10000", OK);
    c.expect("OBJECT refcount large", int(1));
    c.expect("OBJECT", arity("object"));
    c.expect("OBJECT ENCODING", arity("object|encoding"));
    c.expect(
        "OBJECT BOGUS x",
        "-ERR unknown subcommand 'BOGUS'. Try OBJECT HELP.\r\n",
    );
    // The name that COMMAND INFO gives a subcommand is not one to call it by.
    c.expect(
        "OBJECT|ENCODING x",
        "-ERR unknown command 'OBJECT|ENCODING', with args beginning with: 'x' \r\n",
    );
    assert!(c.call(&["OBJECT", "HELP"]).starts_with(b"*"));
}
