//! Lists: the seventeen commands and their replies, what they are called in notifications, and what
//! an old or damaged payload becomes.
//!
//! Reread: advanced/README.md#the-advanced-track

use crate::harness::Server;
use crate::notifications::Listener;
use crate::restore_fuzz::{dumped, tamper};
use crate::session::{NOT_AN_INTEGER, NULL, OK, SYNTAX, Session, arity, bulk, int};

const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
const NOT_POSITIVE: &str = "-ERR value is out of range, must be positive\r\n";
const EMPTY: &str = "*0\r\n";
const NO_ARRAY: &str = "*-1\r\n";

fn start() -> (Server, Session) {
    let server = Server::start_with(&["--enable-debug-command", "yes"]);
    let session = Session::connect(server.addr());
    (server, session)
}

/// The reply that is an array of these strings.
fn array(items: &[&str]) -> Vec<u8> {
    let mut reply = format!("*{}\r\n", items.len()).into_bytes();
    items.iter().for_each(|item| reply.extend(bulk(item)));
    reply
}

#[test]
fn elements_come_and_go_at_both_ends() {
    let (_server, mut c) = start();
    c.expect("RPUSH l a b", int(2));
    c.expect("LPUSH l 1 0", int(4));
    c.expect("LRANGE l 0 -1", array(&["0", "1", "a", "b"]));
    c.expect("OBJECT ENCODING l", bulk("quicklist"));
    c.expect("TYPE l", "+list\r\n");
    c.expect("LPUSHX none a", int(0));
    c.expect("RPUSHX l c", int(5));
    c.expect("LPOP l", bulk("0"));
    c.expect("RPOP l 2", array(&["c", "b"]));
    c.expect("LPOP l 0", EMPTY);
    c.expect("LPOP l -1", NOT_POSITIVE);
    c.expect("LPOP l x", NOT_POSITIVE);
    c.expect("LPOP l 1 2", arity("lpop"));
    c.expect("LPOP l 9", array(&["1", "a"]));
    c.expect("EXISTS l", int(0));
    c.expect("LPOP l", NULL);
    c.expect("RPOP l 1", NO_ARRAY);
    c.expect("LLEN l", int(0));
    c.expect("SET s text", OK);
    for command in [
        "LPUSH s a",
        "LPOP s",
        "LLEN s",
        "LRANGE s 0 1",
        "LINDEX s 0",
    ] {
        c.expect(command, WRONG_TYPE);
    }
    for command in ["LSET s 0 a", "LREM s 0 a", "LTRIM s 0 1", "LPOS s a"] {
        c.expect(command, WRONG_TYPE);
    }
    c.expect("LMOVE s s LEFT LEFT", WRONG_TYPE);
    c.expect("LMPOP 2 none s LEFT", WRONG_TYPE);
}

#[test]
fn elements_have_indexes_from_both_ends() {
    let (_server, mut c) = start();
    c.expect("RPUSH l a b c b e", int(5));
    c.expect("LINDEX l 1", bulk("b"));
    c.expect("LINDEX l -1", bulk("e"));
    c.expect("LINDEX l 5", NULL);
    c.expect("LINDEX l x", NOT_AN_INTEGER);
    c.expect("LRANGE l -2 100", array(&["b", "e"]));
    c.expect("LRANGE l 3 2", EMPTY);
    c.expect("LSET l -2 d", OK);
    c.expect("LSET l 5 x", "-ERR index out of range\r\n");
    c.expect("LSET none 0 x", "-ERR no such key\r\n");
    c.expect("LINSERT l BEFORE c b2", int(6));
    c.expect("LINSERT l AFTER nope x", int(-1));
    c.expect("LINSERT l AT c x", SYNTAX);
    c.expect("LPOS l c", int(3));
    c.expect("LPOS l c RANK -1 COUNT 0 MAXLEN 2", EMPTY);
    c.expect("LPOS l c COUNT -1", "-ERR COUNT can't be negative\r\n");
    c.expect("LREM l -1 b", int(1));
    c.expect("LTRIM l 1 -2", OK);
    c.expect("LRANGE l 0 -1", array(&["b2", "c", "d"]));
    c.expect("LTRIM l 5 9", OK);
    c.expect("EXISTS l", int(0));
}

#[test]
fn an_element_moves_from_list_to_list() {
    let (_server, mut c) = start();
    c.expect("RPUSH l a b c", int(3));
    c.expect("PEXPIREAT l 33000000000000", int(1));
    c.expect("LMOVE l m LEFT RIGHT", bulk("a"));
    c.expect("RPOPLPUSH l l", bulk("c"));
    c.expect("LRANGE l 0 -1", array(&["c", "b"]));
    c.expect(
        "LMPOP 3 none l m RIGHT COUNT 1",
        [b"*2\r\n".to_vec(), bulk("l"), array(&["b"])].concat(),
    );
    // The only element of a list stays, and with it the key and its deadline.
    c.expect("LMOVE l l LEFT RIGHT", bulk("c"));
    c.expect("PEXPIRETIME l", int(33_000_000_000_000));
    c.expect("LMPOP 1 none LEFT", NO_ARRAY);
    c.expect(
        "LMPOP 0 l LEFT",
        "-ERR numkeys should be greater than 0\r\n",
    );
    c.expect(
        "LMPOP 1 l LEFT COUNT 0",
        "-ERR count should be greater than 0\r\n",
    );
    c.expect("LMPOP 2 l LEFT", SYNTAX);
    c.expect("COMMAND GETKEYS LMPOP 2 a b LEFT", array(&["a", "b"]));
    c.expect(
        "COMMAND GETKEYS LMPOP 9 a b LEFT",
        "-ERR Invalid arguments specified for command\r\n",
    );
    c.expect("LMOVE none m LEFT LEFT", NULL);
    c.expect("LMOVE l m LEFT UP", SYNTAX);
}

#[test]
fn a_large_element_has_a_node_of_its_own() {
    let (_server, mut c) = start();
    c.expect("DEBUG QUICKLIST-PACKED-THRESHOLD 10", OK);
    c.expect_args(&["RPUSH", "l", "a", "long enough for that", "b"], int(3));
    c.expect_args(&["LSET", "l", "0", "this is long, too"], OK);
    c.expect("LSET l 1 short", OK);
    c.expect("LRANGE l 1 -1", array(&["short", "b"]));
    let object = String::from_utf8(c.call(&["DEBUG", "OBJECT", "l"])).expect("text");
    assert!(
        object.contains(" ql_nodes:2 ql_avg_node:1.50 ql_listpack_max:-2 "),
        "{object}"
    );
    c.expect("DEBUG QUICKLIST-PACKED-THRESHOLD 0", OK);
}

#[test]
fn each_command_says_what_it_did() {
    let server = Server::start();
    let mut l = Listener::new(&server, "EA");
    for (command, events) in [
        ("RPUSH l a b c", &["rpush l"][..]),
        ("LPUSH l 0", &["lpush l"]),
        ("LPUSHX none a", &[]),
        ("LINSERT l AFTER a x", &["linsert l"]),
        ("LSET l 0 y", &["lset l"]),
        ("LREM l 0 x", &["lrem l"]),
        ("LREM l 0 x", &[]),
        ("LTRIM l 0 -1", &["ltrim l"]),
        ("LMOVE l m LEFT RIGHT", &["rpush m", "lpop l"]),
        ("RPOPLPUSH m l", &["lpush l", "rpop m", "del m"]),
        ("LMOVE l l LEFT LEFT", &["lpush l", "lpop l"]),
        ("LMPOP 1 l RIGHT COUNT 2", &["rpop l"]),
        ("LPOP l 9", &["lpop l", "del l"]),
        ("LTRIM l 0 1", &[]),
    ] {
        l.check(command, events);
    }
}

/// What older versions of Redis wrote, and what is damaged.
#[test]
fn payloads_are_read_or_refused() {
    let (_server, mut c) = start();
    c.expect("DEBUG SET-SKIP-CHECKSUM-VALIDATION 1", OK);
    let end = [&[10, 0][..], &[0; 8]].concat();
    // One element, "a", in a ziplist and in a listpack.
    let ziplist = b"\x0e\x00\x00\x00\x0a\x00\x00\x00\x01\x00\x00\x01a\xff";
    let listpack = b"\x0a\x00\x00\x00\x01\x00\x81a\x02\xff";
    let string = |bytes: &[u8]| [&[bytes.len() as u8], bytes].concat();
    let mut restore = |body: &[&[u8]]| {
        let payload = [&body.concat()[..], &end].concat();
        c.call(&[b"DEL", &b"l"[..]]);
        let restored = c.call(&[b"RESTORE", &b"l"[..], b"0", &payload]);
        let all = c.call(&["LRANGE", "l", "0", "-1"]);
        (restored == OK.as_bytes(), all)
    };
    let one = (true, array(&["a"]));
    assert_eq!(restore(&[b"\x01\x01\x01a"]), one);
    assert_eq!(restore(&[b"\x0a", &string(ziplist)]), one);
    assert_eq!(restore(&[b"\x0e\x01", &string(ziplist)]), one);
    assert_eq!(restore(&[b"\x12\x01\x02", &string(listpack)]), one);
    assert_eq!(restore(&[b"\x12\x01\x01\x01a"]), one);
    let none = (false, EMPTY.as_bytes().to_vec());
    // No nodes, a node of no kind, an empty element, a node that is cut short.
    assert_eq!(restore(&[b"\x12\x00"]), none);
    assert_eq!(restore(&[b"\x12\x01\x03", &string(listpack)]), none);
    assert_eq!(restore(&[b"\x12\x01\x01\x00"]), none);
    assert_eq!(restore(&[b"\x12\x01\x02", &string(&listpack[..9])]), none);
}

/// A list in each of the forms that it has had in a file.
fn samples(c: &mut Session) -> Vec<Vec<u8>> {
    c.expect("DEBUG QUICKLIST-PACKED-THRESHOLD 100", OK);
    c.expect("CONFIG SET list-max-listpack-size 3", OK);
    c.expect("CONFIG SET list-compress-depth 1", OK);
    let long = "x".repeat(120);
    c.call(&[
        "RPUSH",
        "l",
        "a",
        "1",
        "-70000",
        "two",
        &long,
        "5000000000",
        "b",
        "c",
        "d",
    ]);
    let mut samples = vec![
        b"\x01\x02\x01a\x03two".to_vec(),
        b"\x0a\x0e\x0e\x00\x00\x00\x0a\x00\x00\x00\x01\x00\x00\x01a\xff".to_vec(),
        b"\x0e\x01\x0e\x0e\x00\x00\x00\x0a\x00\x00\x00\x01\x00\x00\x01a\xff".to_vec(),
    ];
    for compression in ["no", "yes"] {
        c.expect(&format!("CONFIG SET rdbcompression {compression}"), OK);
        samples.push(dumped(c, "l"));
    }
    samples
}

#[test]
fn a_damaged_list_does_no_harm() {
    let then = [
        "LRANGE x 0 -1",
        "LINSERT x AFTER two new",
        "LSET x 1 other",
        "LREM x 0 a",
        "RPOP x 3",
        "LMOVE x x LEFT RIGHT",
    ];
    tamper(samples, &then);
}
