//! Hashes: the sixteen commands, their replies in both protocols, and the two encodings.
//!
//! Reread: advanced/chapters/006-object-model/GUIDE.md

use crate::client::Client;
use crate::harness::{Server, is_other_server};
use crate::session::{NOT_AN_INTEGER, NULL, OK, SYNTAX, Session, arity, bulk, int};

const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
const EMPTY: &str = "*0\r\n";

fn start() -> (Server, Session) {
    let server = Server::start();
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
fn fields_are_set_and_read() {
    let (_server, mut c) = start();
    c.expect("HSET h a 1 b two", int(2));
    c.expect("HSET h a 3 c 4 c 5", int(1));
    c.expect("HGET h a", bulk("3"));
    c.expect("HGET h c", bulk("5"));
    c.expect("HGET h x", NULL);
    c.expect("HGET none x", NULL);
    c.expect("HMSET h d 6", OK);
    c.expect("HMGET h a x d", b"*3\r\n$1\r\n3\r\n$-1\r\n$1\r\n6\r\n");
    c.expect("HMGET none a", b"*1\r\n$-1\r\n");
    c.expect("HSETNX h a 9", int(0));
    c.expect("HSETNX h e 9", int(1));
    c.expect("HLEN h", int(5));
    c.expect("HSTRLEN h b", int(3));
    c.expect("HSTRLEN h x", int(0));
    c.expect("HEXISTS h b", int(1));
    c.expect("HEXISTS h x", int(0));
    c.expect(
        "HGETALL h",
        array(&["a", "3", "b", "two", "c", "5", "d", "6", "e", "9"]),
    );
    c.expect("HKEYS h", array(&["a", "b", "c", "d", "e"]));
    c.expect("HVALS h", array(&["3", "two", "5", "6", "9"]));
    for command in ["HGETALL", "HKEYS", "HVALS"] {
        c.expect(&format!("{command} none"), EMPTY);
    }
    for command in [
        "HLEN none",
        "HSTRLEN none a",
        "HEXISTS none a",
        "HDEL none a",
    ] {
        c.expect(command, int(0));
    }
}

#[test]
fn a_hash_without_fields_is_gone() {
    let (_server, mut c) = start();
    c.expect("HSET h a 1 b 2", int(2));
    c.expect("HDEL h a a x", int(1));
    c.expect("TYPE h", "+hash\r\n");
    c.expect("HDEL h b", int(1));
    c.expect("EXISTS h", int(0));
    c.expect("TYPE h", "+none\r\n");
    // What fails leaves none behind.
    c.expect("HINCRBY new f x", NOT_AN_INTEGER);
    c.expect("HSET h f x", int(1));
    c.expect(
        "HINCRBYFLOAT new f x",
        "-ERR value is not a valid float\r\n",
    );
    c.expect("EXISTS new", int(0));
}

#[test]
fn numbers_are_added() {
    let (_server, mut c) = start();
    c.expect("HINCRBY h n 5", int(5));
    c.expect("HINCRBY h n -7", int(-2));
    c.expect("HSET h max 9223372036854775807 text abc far inf", int(3));
    let overflow = "-ERR increment or decrement would overflow\r\n";
    c.expect("HINCRBY h max 1", overflow);
    c.expect("HINCRBY h text 1", "-ERR hash value is not an integer\r\n");
    c.expect("HINCRBY h n 1.5", NOT_AN_INTEGER);
    c.expect("HINCRBYFLOAT h n 2.25", bulk("0.25"));
    c.expect("HINCRBYFLOAT h new 1e3", bulk("1000"));
    c.expect(
        "HINCRBYFLOAT h text 1",
        "-ERR hash value is not a float\r\n",
    );
    c.expect("HINCRBYFLOAT h n x", "-ERR value is not a valid float\r\n");
    c.expect("HINCRBYFLOAT h n inf", "-ERR value is NaN or Infinity\r\n");
    let infinite = "-ERR increment would produce NaN or Infinity\r\n";
    c.expect("HINCRBYFLOAT h far 1", infinite);
    c.expect("HGET h far", bulk("inf"));
}

#[test]
fn wrong_types_and_wrong_arguments() {
    let (_server, mut c) = start();
    c.expect("SET s text", OK);
    c.expect("HSET h a 1", int(1));
    for command in [
        "HSET s a 1",
        "HSETNX s a 1",
        "HMSET s a 1",
        "HGET s a",
        "HMGET s a",
        "HGETALL s",
        "HDEL s a",
        "HLEN s",
        "HSTRLEN s a",
        "HEXISTS s a",
        "HKEYS s",
        "HVALS s",
        "HINCRBY s a 1",
        "HINCRBYFLOAT s a 1",
        "HRANDFIELD s",
        "HRANDFIELD s 3",
        "HSCAN s 0",
        "GET h",
        "GETSET h x",
        "GETDEL h",
        "GETEX h",
        "SET h x GET",
        "APPEND h x",
        "STRLEN h",
        "GETRANGE h 0 1",
        "SETRANGE h 0 x",
        "SETRANGE h 0 \"\"",
        "INCR h",
        "DECRBY h 2",
        "INCRBYFLOAT h 1",
    ] {
        c.expect(command, WRONG_TYPE);
    }
    c.expect("MGET h s", b"*2\r\n$-1\r\n$4\r\ntext\r\n");
    c.expect("HGET h a", bulk("1"));
    for (command, name) in [
        ("HSET h a", "hset"),
        ("HSET h a 1 b", "hset"),
        ("HMSET h a 1 b", "hmset"),
        ("HGET h", "hget"),
        ("HSCAN h", "hscan"),
        ("HINCRBY h a", "hincrby"),
    ] {
        c.expect(command, arity(name));
    }
    c.expect("SET h now-a-string", OK);
    c.expect("TYPE h", "+string\r\n");
}

#[test]
fn a_random_field() {
    let (_server, mut c) = start();
    c.expect("HRANDFIELD none", NULL);
    c.expect("HRANDFIELD none 3", EMPTY);
    c.expect("HRANDFIELD none -3 WITHVALUES", EMPTY);
    c.expect("HSET h a 1", int(1));
    c.expect("HRANDFIELD h", bulk("a"));
    c.expect("HRANDFIELD h 0", EMPTY);
    c.expect("HRANDFIELD h 5", array(&["a"]));
    c.expect("HRANDFIELD h -3", array(&["a", "a", "a"]));
    c.expect("HRANDFIELD h 5 WITHVALUES", array(&["a", "1"]));
    c.expect("HRANDFIELD h -2 withvalues", array(&["a", "1", "a", "1"]));
    c.expect("HRANDFIELD h 1 VALUES", SYNTAX);
    c.expect("HRANDFIELD h 1 WITHVALUES x", SYNTAX);
    c.expect("HRANDFIELD h x", NOT_AN_INTEGER);
    let range = "-ERR value is out of range, value must between -9223372036854775807 and \
                 9223372036854775807\r\n";
    c.expect("HRANDFIELD h -9223372036854775808", range);
    let half = "HRANDFIELD h 4611686018427387904 WITHVALUES";
    c.expect(half, "-ERR value is out of range\r\n");
}

/// In both encodings a positive count gives different fields, and in time each of them.
#[test]
fn random_fields_are_different_and_come_from_all() {
    let (_server, mut c) = start();
    for value in ["short", &"long".repeat(20)] {
        c.call(&["DEL", "h"]);
        for number in 0..100 {
            c.expect_args(&["HSET", "h", &format!("f{number}"), value], int(1));
        }
        for count in ["2", "40", "99"] {
            let mut seen = std::collections::HashSet::new();
            // Each round misses a given field with a chance of 98 in 100 at most.
            for _ in 0..3000 {
                let fields = c.strings(&["HRANDFIELD", "h", count]);
                assert_eq!(fields.len().to_string(), count);
                let unique: std::collections::HashSet<_> = fields.iter().cloned().collect();
                assert_eq!(unique.len(), fields.len(), "{count} fields are different");
                seen.extend(fields);
                if seen.len() == 100 {
                    break;
                }
            }
            assert_eq!(
                seen.len(),
                100,
                "{count} of 100, again and again, are each of them"
            );
        }
        assert_eq!(c.strings(&["HRANDFIELD", "h", "-300"]).len(), 300);
    }
}

#[test]
fn resp3_has_maps_and_pairs() {
    let server = Server::start();
    let mut c = Client::connect(&server);
    c.send("HELLO 3\r\n").reply();
    c.check("HSET h a 1\r\n", ":1\r\n");
    c.check("HGETALL h\r\n", "%1\r\n$1\r\na\r\n$1\r\n1\r\n");
    c.check("HGETALL none\r\n", "%0\r\n");
    c.check("HGET h x\r\n", "_\r\n");
    c.check("HMGET h x\r\n", "*1\r\n_\r\n");
    c.check("HKEYS h\r\n", "*1\r\n$1\r\na\r\n");
    c.check("HRANDFIELD h 1\r\n", "*1\r\n$1\r\na\r\n");
    c.check(
        "HRANDFIELD h 1 WITHVALUES\r\n",
        "*1\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n",
    );
    c.check("HRANDFIELD none\r\n", "_\r\n");
    c.check("HINCRBYFLOAT h a 0.5\r\n", "$3\r\n1.5\r\n");
    c.check(
        "HSCAN h 0\r\n",
        "*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n$3\r\n1.5\r\n",
    );
}

#[test]
fn a_save_tells_what_it_copies() {
    let (_server, mut c) = start();
    let number = |c: &mut Session, name: &str| -> u64 {
        let info = c.call(&["INFO", "persistence"]);
        let info = String::from_utf8_lossy(&info).into_owned();
        let line = info.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|it| it.strip_prefix(':'));
        number.and_then(|it| it.parse().ok()).expect(name)
    };
    let fields = (0..20_000).flat_map(|number| [number.to_string(), "v".repeat(100)]);
    let words = ["HSET".to_owned(), "h".to_owned()]
        .into_iter()
        .chain(fields);
    c.expect_args(&words.collect::<Vec<_>>(), int(20_000));
    c.call(&["BGSAVE"]);
    while number(&mut c, "rdb_bgsave_in_progress") == 1 {
        c.call(&["HINCRBY", "h", "count", "1"]);
        let (size, peak) = (
            number(&mut c, "current_cow_size"),
            number(&mut c, "current_cow_peak"),
        );
        assert!(peak >= size || peak == 0, "{peak} < {size}");
    }
    for name in [
        "current_cow_size",
        "current_cow_peak",
        "current_save_keys_processed",
    ] {
        assert_eq!(number(&mut c, name), 0, "{name} after the save");
    }
}

#[test]
fn a_large_hash_becomes_a_table() {
    let (_server, mut c) = start();
    for (parameter, old) in [("entries", "512"), ("value", "64")] {
        let [new, alias] = ["listpack", "ziplist"].map(|it| format!("hash-max-{it}-{parameter}"));
        c.expect_args(&["CONFIG", "GET", &new], array(&[&new, old]));
        c.expect_args(&["CONFIG", "SET", &alias, "4"], OK);
        c.expect_args(&["CONFIG", "GET", &new], array(&[&new, "4"]));
    }
    let (packed, table) = (bulk("listpack"), bulk("hashtable"));
    c.expect("HSET h a 1 b 2 c 3 d 4", int(4));
    c.expect("OBJECT ENCODING h", &packed);
    c.expect("HSET h e 5", int(1));
    c.expect("OBJECT ENCODING h", &table);
    c.expect("HDEL h b c d e", int(4));
    c.expect("OBJECT ENCODING h", &table);
    c.expect("HGETALL h", array(&["a", "1"]));
    for pair in ["field 1", "f value"] {
        c.expect("DEL v", int(i64::from(pair == "f value")));
        c.expect("HSET v f four", int(1));
        c.expect("OBJECT ENCODING v", &packed);
        c.call(&[
            "HSET",
            "v",
            pair.split(' ').next().unwrap_or_default(),
            "large",
        ]);
        c.expect("OBJECT ENCODING v", &table);
    }
    // An update converts it, too, if the limit was lowered.
    c.expect("HSET lowered a 1 b 2 c 3 d 4", int(4));
    c.expect("CONFIG SET hash-max-listpack-entries 3", OK);
    c.expect("HSETNX lowered a 5", int(0));
    c.expect("OBJECT ENCODING lowered", &packed);
    c.expect("HSET lowered a 5", int(0));
    c.expect("OBJECT ENCODING lowered", &table);
}

/// Every field is returned that is there throughout, whatever happens between the calls.
#[test]
fn hscan_returns_what_stays() {
    let (_server, mut c) = start();
    c.expect("HSCAN none 0", b"*2\r\n$1\r\n0\r\n*0\r\n");
    c.expect("HSCAN none x", "-ERR invalid cursor\r\n");
    c.expect("HSET h a 1 b 2 ab 3", int(3));
    c.expect(
        "HSCAN h 0 MATCH a?",
        b"*2\r\n$1\r\n0\r\n*2\r\n$2\r\nab\r\n$1\r\n3\r\n",
    );
    c.expect("HSCAN h 0 COUNT 0", SYNTAX);
    c.expect("HSCAN h 0 COUNT x", NOT_AN_INTEGER);
    c.expect("HSCAN h 0 TYPE hash", SYNTAX);
    for batch in 0..30 {
        let fields = (batch * 100..(batch + 1) * 100).map(|number| format!("f{number}"));
        let mut words = vec!["HSET".to_owned(), "big".to_owned()];
        words.extend(fields.flat_map(|field| [field, "v".to_owned()]));
        c.expect_args(&words, int(100));
    }
    let (mut cursor, mut seen) = ("0".to_owned(), std::collections::HashSet::new());
    for round in 0.. {
        let reply = c.call(&["HSCAN", "big", &cursor, "COUNT", "50"]);
        let text = String::from_utf8_lossy(&reply).into_owned();
        let words: Vec<&str> = text.split("\r\n").collect();
        cursor = words[2].to_owned();
        seen.extend(
            words
                .iter()
                .filter(|it| it.starts_with('f'))
                .map(|it| (*it).to_owned()),
        );
        // The first two thousand stay; others come and go.
        let others = (0..200).map(|number| format!("f{}", 2000 + (round * 200 + number) % 4000));
        let words: Vec<String> = match round % 2 {
            0 => others.collect(),
            _ => others.flat_map(|field| [field, "w".to_owned()]).collect(),
        };
        let name = if round % 2 == 0 { "HDEL" } else { "HSET" };
        c.call(&[&[name.to_owned(), "big".to_owned()], &words[..]].concat());
        if cursor == "0" {
            break;
        }
    }
    for number in 0..2000 {
        assert!(
            seen.contains(&format!("f{number}")),
            "f{number} was not returned"
        );
    }
}

/// The commands on keys know a hash, too.
#[test]
fn a_hash_is_a_value_like_any_other() {
    let (_server, mut c) = start();
    for large in [false, true] {
        let value = if large { "x".repeat(100) } else { "1".into() };
        c.expect_args(&["HSET", "h", "f", &value], int(1));
        c.expect("SET s x", OK);
        c.expect("SCAN 0 TYPE hash", b"*2\r\n$1\r\n0\r\n*1\r\n$1\r\nh\r\n");
        c.expect("COPY h copy", int(1));
        c.expect("HSET copy f changed", int(0));
        c.expect("HGET h f", bulk(&value));
        c.expect("RENAME h g", OK);
        c.expect("HGET g f", bulk(&value));
        c.expect("PEXPIRE g 100000", int(1));
        c.expect("HSET g f again", int(0));
        c.expect("PERSIST g", int(1));
        c.expect("UNLINK g copy s", int(3));
        c.expect("DBSIZE", int(0));
    }
}

/// Sends a command whose reply would never end. Its client is disconnected as soon as more waits for
/// it than its limit allows, and gets nothing.
pub fn ends_its_client(fill: &[&[&str]], command: &str) {
    let limits = "normal 1mb 0 0 pubsub 2mb 0 0";
    let mut server = Server::start_with(&["--client-output-buffer-limit", limits]);
    let mut c = Session::connect(server.addr());
    for words in fill {
        c.call(words);
    }
    for before in [&[][..], &["HELLO 3", "SUBSCRIBE news"]] {
        let mut client = Client::connect(&server);
        for line in before {
            client.send(format!("{line}\r\n")).reply();
        }
        let then = format!("{command}\r\nSET after it\r\n");
        client.send(then).expect_closed();
    }
    c.expect("EXISTS after", int(0));
    assert!(server.is_alive());
    if !is_other_server()
        && let Some(peak) = server.peak_memory()
    {
        assert!(peak < 256 << 10, "it took {peak} KiB");
    }
}

#[test]
fn a_count_without_end_ends_the_client() {
    let text = "x".repeat(100);
    let fill = [&["HSET", "h", "f", "1"][..], &["HSET", "t", "f", &text]];
    for key in ["h", "t"] {
        for values in ["", " WITHVALUES"] {
            ends_its_client(
                &fill,
                &format!("HRANDFIELD {key} -4611686018427387903{values}"),
            );
        }
    }
}
