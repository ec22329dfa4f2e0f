//! Sets: the commands, their replies in both protocols, and the two encodings.
//!
//! Reread: advanced/chapters/010c-sets/GUIDE.md

use std::collections::{HashMap, HashSet};
use std::fs;

use tempfile::TempDir;

use crate::client::Client;
use crate::harness::{Server, is_other_server, wait_until};
use crate::hash::ends_its_client;
use crate::notifications::Listener;
use crate::session::{NOT_AN_INTEGER, NULL, OK, SYNTAX, Session, arity, bulk, int};

const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
const EMPTY: &str = "*0\r\n";
const NOT_POSITIVE: &str = "-ERR value is out of range, must be positive\r\n";

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

/// The strings in the reply to a command, in order.
fn sorted(c: &mut Session, command: &str) -> Vec<String> {
    let words: Vec<&str> = command.split(' ').collect();
    let found = c.strings(&words).into_iter();
    let mut found: Vec<String> = found
        .map(|it| String::from_utf8_lossy(&it).into_owned())
        .collect();
    found.sort();
    found
}

#[track_caller]
fn expect_sorted(c: &mut Session, command: &str, expected: &str) {
    let expected: Vec<&str> = expected.split_whitespace().collect();
    assert_eq!(sorted(c, command), expected, "{command}");
}

#[test]
fn members_are_added_and_found() {
    let (_server, mut c) = start();
    for (members, other, encoding) in [
        (["3", "1", "2"], "4", "intset"),
        (["a", "1", "2"], "b", "hashtable"),
    ] {
        let [first, second, third] = members;
        c.expect("DEL s", int(i64::from(encoding == "hashtable")));
        c.expect_args(&["SADD", "s", first, second, first], int(2));
        c.expect_args(&["SADD", "s", first, third], int(1));
        c.expect("OBJECT ENCODING s", bulk(encoding));
        c.expect("TYPE s", "+set\r\n");
        c.expect("SCARD s", int(3));
        c.expect_args(&["SISMEMBER", "s", first], int(1));
        c.expect_args(&["SISMEMBER", "s", other], int(0));
        let several = ["SMISMEMBER", "s", second, other, third, first];
        c.expect_args(&several, "*4\r\n:1\r\n:0\r\n:1\r\n:1\r\n");
        c.expect_args(&["SREM", "s", other, second, second], int(1));
        let mut left = [first, third];
        left.sort_unstable();
        expect_sorted(&mut c, "SMEMBERS s", &left.join(" "));
    }
    c.expect("SCARD none", int(0));
    c.expect("SISMEMBER none a", int(0));
    c.expect("SMISMEMBER none a b", "*2\r\n:0\r\n:0\r\n");
    c.expect("SMEMBERS none", EMPTY);
    c.expect("SREM none a", int(0));
}

#[test]
fn a_set_without_members_is_gone() {
    let (_server, mut c) = start();
    c.expect("SADD s a 1", int(2));
    c.expect("SREM s a x 1", int(2));
    c.expect("EXISTS s", int(0));
    c.expect("SADD s 1 2", int(2));
    c.expect("SREM s 1 2 3", int(2));
    c.expect("TYPE s", "+none\r\n");
}

#[test]
fn an_intset_becomes_a_table() {
    let (_server, mut c) = start();
    let parameter = "set-max-intset-entries";
    c.expect_args(&["CONFIG", "GET", parameter], array(&[parameter, "512"]));
    c.expect_args(&["CONFIG", "SET", parameter, "3"], OK);
    c.expect("SADD s 70000 -5 9223372036854775807", int(3));
    c.expect("SMEMBERS s", array(&["-5", "70000", "9223372036854775807"]));
    c.expect("OBJECT ENCODING s", bulk("intset"));
    c.expect("SADD s -5", int(0));
    c.expect("OBJECT ENCODING s", bulk("intset"));
    c.expect("SADD s 1", int(1));
    c.expect("OBJECT ENCODING s", bulk("hashtable"));
    expect_sorted(&mut c, "SMEMBERS s", "-5 1 70000 9223372036854775807");
    c.expect("SREM s 1 -5", int(2));
    c.expect("OBJECT ENCODING s", bulk("hashtable"));
    for text in ["01", "+1", "9223372036854775808", "1.0", ""] {
        c.call(&["DEL", "t"]);
        c.expect("SADD t 1", int(1));
        c.expect_args(&["SADD", "t", text], int(1));
        c.expect("OBJECT ENCODING t", bulk("hashtable"));
        c.expect_args(&["SMISMEMBER", "t", text, "1"], "*2\r\n:1\r\n:1\r\n");
    }
}

#[test]
fn a_member_is_moved() {
    let (_server, mut c) = start();
    c.expect("SADD s 1 2", int(2));
    c.expect("SMOVE s t 3", int(0));
    c.expect("SMOVE none t 3", int(0));
    c.expect("SMOVE s s 1", int(1));
    c.expect("SMOVE s s 3", int(0));
    c.expect("SMOVE s t 1", int(1));
    c.expect("SADD t 2 x", int(2));
    c.expect("SMOVE s t 2", int(1));
    c.expect("EXISTS s", int(0));
    expect_sorted(&mut c, "SMEMBERS t", "1 2 x");
    c.expect("SET text x", OK);
    c.expect("SMOVE text t x", WRONG_TYPE);
    c.expect("SMOVE t text x", WRONG_TYPE);
    c.expect("SMOVE none text x", int(0));
    c.expect("SISMEMBER t x", int(1));
}

#[test]
fn sets_are_combined() {
    let (_server, mut c) = start();
    c.expect("SADD a 1 2 3 4", int(4));
    c.expect("SADD b 3 4 5 text", int(4));
    c.expect("SADD c 4 text", int(2));
    for (command, expected) in [
        ("SINTER a", "1 2 3 4"),
        ("SINTER a b", "3 4"),
        ("SINTER b a c", "4"),
        ("SINTER b c b", "4 text"),
        ("SINTER a none b", ""),
        ("SUNION a", "1 2 3 4"),
        ("SUNION a b c none", "1 2 3 4 5 text"),
        ("SDIFF a", "1 2 3 4"),
        ("SDIFF a b", "1 2"),
        ("SDIFF b a none", "5 text"),
        ("SDIFF a a", ""),
        ("SDIFF none a", ""),
        // More sets than pay for asking each of them.
        ("SDIFF b none c c c c c c c c c", "3 5"),
    ] {
        expect_sorted(&mut c, command, expected);
    }
    for (command, count, members) in [
        ("SINTERSTORE d a b", 2, "3 4"),
        ("SUNIONSTORE d d c", 3, "3 4 text"),
        ("SDIFFSTORE d d a", 1, "text"),
    ] {
        c.expect(command, int(count));
        expect_sorted(&mut c, "SMEMBERS d", members);
    }
    c.expect("SINTERSTORE d a none", int(0));
    c.expect("EXISTS d", int(0));
    // Whatever the destination was, and its deadline is gone, too.
    c.expect("SET d text EX 100", OK);
    c.expect("SDIFFSTORE d a b", int(2));
    c.expect("TTL d", int(-1));
    c.expect("OBJECT ENCODING d", bulk("intset"));
    c.expect("SET text x", OK);
    for command in [
        "SINTER a text",
        "SINTER none text",
        "SUNION text",
        "SDIFF a none text",
        "SINTERSTORE d a text",
        "SINTERCARD 2 a text",
    ] {
        c.expect(command, WRONG_TYPE);
    }
    c.expect("SCARD d", int(2));
}

#[test]
fn an_intersection_is_counted() {
    let (_server, mut c) = start();
    c.expect("SADD a 1 2 3 4", int(4));
    c.expect("SADD b 2 3 4 x", int(4));
    for (command, count) in [
        ("SINTERCARD 1 a", 4),
        ("SINTERCARD 2 a b", 3),
        ("SINTERCARD 2 a b LIMIT 0", 3),
        ("SINTERCARD 2 a b limit 2", 2),
        ("SINTERCARD 2 a b LIMIT 9", 3),
        ("SINTERCARD 2 a none LIMIT 1", 0),
    ] {
        c.expect(command, int(count));
    }
    let numkeys = "-ERR numkeys should be greater than 0\r\n";
    let limit = "-ERR LIMIT can't be negative\r\n";
    for (command, error) in [
        ("SINTERCARD 0 a", numkeys),
        ("SINTERCARD -1 a", numkeys),
        ("SINTERCARD x a", numkeys),
        (
            "SINTERCARD 3 a b",
            "-ERR Number of keys can't be greater than number of args\r\n",
        ),
        ("SINTERCARD 1 a b", SYNTAX),
        ("SINTERCARD 1 a LIMIT", SYNTAX),
        ("SINTERCARD 1 a LIMIT -1", limit),
        ("SINTERCARD 1 a LIMIT x", limit),
    ] {
        c.expect(command, error);
    }
    c.expect(
        "COMMAND GETKEYS SINTERCARD 2 a b LIMIT 3",
        array(&["a", "b"]),
    );
    let invalid = "-ERR Invalid arguments specified for command\r\n";
    for numkeys in ["0", "x", "9"] {
        c.expect_args(&["COMMAND", "GETKEYS", "SINTERCARD", numkeys, "a"], invalid);
    }
}

#[test]
fn wrong_types_and_wrong_arguments() {
    let (_server, mut c) = start();
    c.expect("SET text x", OK);
    c.expect("SADD s a", int(1));
    for command in [
        "SADD text a",
        "SREM text a",
        "SISMEMBER text a",
        "SMISMEMBER text a",
        "SCARD text",
        "SMEMBERS text",
        "SPOP text",
        "SPOP text 0",
        "SRANDMEMBER text",
        "SRANDMEMBER text 0",
        "SSCAN text 0",
        "HGET s a",
        "GET s",
        "APPEND s x",
        "INCR s",
    ] {
        c.expect(command, WRONG_TYPE);
    }
    for (command, name) in [
        ("SADD s", "sadd"),
        ("SMOVE s t", "smove"),
        ("SPOP", "spop"),
        ("SINTERCARD 1", "sintercard"),
        ("SSCAN s", "sscan"),
        ("SUNIONSTORE d", "sunionstore"),
    ] {
        c.expect(command, arity(name));
    }
    let range = "-ERR value is out of range, value must between -9223372036854775807 and \
                 9223372036854775807\r\n";
    for (command, error) in [
        ("SPOP s 1 2", SYNTAX),
        ("SPOP s -1", NOT_POSITIVE),
        ("SPOP s x", NOT_POSITIVE),
        ("SPOP none -1", NOT_POSITIVE),
        ("SRANDMEMBER s 1 2", SYNTAX),
        ("SRANDMEMBER s x", NOT_AN_INTEGER),
        ("SRANDMEMBER s -9223372036854775808", range),
        ("SSCAN s x", "-ERR invalid cursor\r\n"),
        ("SSCAN s 0 COUNT 0", SYNTAX),
    ] {
        c.expect(command, error);
    }
    c.expect("SPOP none", NULL);
    c.expect("SPOP none 3", EMPTY);
    c.expect("SPOP s 0", EMPTY);
    c.expect("SRANDMEMBER none", NULL);
    c.expect("SRANDMEMBER none 3", EMPTY);
    c.expect("SRANDMEMBER s 0", EMPTY);
    c.expect("SRANDMEMBER s -2", array(&["a", "a"]));
}

#[test]
fn resp3_has_sets() {
    let server = Server::start();
    let mut c = Client::connect(&server);
    c.send("HELLO 3\r\n").reply();
    c.check("SADD s 1 2\r\n", ":2\r\n");
    let both = "2\r\n$1\r\n1\r\n$1\r\n2\r\n";
    c.check("SMEMBERS s\r\n", format!("~{both}"));
    c.check("SINTER s s\r\n", format!("~{both}"));
    c.check("SDIFF s none\r\n", format!("~{both}"));
    c.check("SUNION s\r\n", format!("~{both}"));
    c.check("SUNION none\r\n", "~0\r\n");
    c.check("SRANDMEMBER s 5\r\n", format!("*{both}"));
    c.check("SRANDMEMBER none\r\n", "_\r\n");
    c.check("SPOP none\r\n", "_\r\n");
    c.check("SPOP none 1\r\n", "~0\r\n");
    c.check("SPOP s 5\r\n", format!("~{both}"));
}

/// What SPOP returns is gone, what it does not return stays, in both encodings and for each of
/// the ways in which it is done.
#[test]
fn so_many_are_popped() {
    let (_server, mut c) = start();
    for text in ["", "text"] {
        for count in [0, 1, 2, 50, 90, 97, 99, 100, 150] {
            c.call(&["DEL", "s"]);
            let all: HashSet<String> = (0..100).map(|it| format!("{text}{it}")).collect();
            for member in &all {
                c.expect_args(&["SADD", "s", member], int(1));
            }
            let popped = sorted(&mut c, &format!("SPOP s {count}"));
            let left = sorted(&mut c, "SMEMBERS s");
            assert_eq!(popped.len(), count.min(100));
            let both: HashSet<String> = popped.into_iter().chain(left).collect();
            assert_eq!(both, all, "SPOP s {count}");
        }
    }
}

/// Each member is drawn about as often as any other: with 100 members and 100,000 draws the
/// bounds are 15 standard deviations from the mean. Redis draws unevenly from a hash table, how
/// much depends on its random hash seed (`dictGetFairRandomKey`), so there it must only draw each.
#[test]
fn members_are_picked_fairly() {
    let (_server, mut c) = start();
    for text in ["", "text"] {
        c.call(&["DEL", "s"]);
        for number in 0..100 {
            c.expect_args(&["SADD", "s", &format!("{text}{number}")], int(1));
        }
        let mut counts: HashMap<String, usize> = HashMap::new();
        for _ in 0..100 {
            for member in sorted(&mut c, "SRANDMEMBER s -1000") {
                *counts.entry(member).or_default() += 1;
            }
        }
        assert_eq!(counts.len(), 100);
        let is_uneven = is_other_server() && !text.is_empty();
        let fair = if is_uneven { 1..100_000 } else { 500..1600 };
        assert!(counts.values().all(|it| fair.contains(it)), "{counts:?}");
        for count in [1, 20, 40, 99, 100] {
            let picked = sorted(&mut c, &format!("SRANDMEMBER s {count}"));
            let different: HashSet<&String> = picked.iter().collect();
            assert_eq!((picked.len(), different.len()), (count, count));
        }
    }
}

/// Every member is returned that is there throughout, whatever happens between the calls.
#[test]
fn sscan_returns_what_stays() {
    let (_server, mut c) = start();
    c.expect("SSCAN none 0", "*2\r\n$1\r\n0\r\n*0\r\n");
    c.expect("SADD ints 3 1 22", int(3));
    let all = "*2\r\n$1\r\n0\r\n*3\r\n$1\r\n1\r\n$1\r\n3\r\n$2\r\n22\r\n";
    c.expect("SSCAN ints 0 COUNT 1", all);
    c.expect(
        "SSCAN ints 0 MATCH 2*",
        "*2\r\n$1\r\n0\r\n*1\r\n$2\r\n22\r\n",
    );
    for batch in 0..30 {
        let members = (batch * 100..(batch + 1) * 100).map(|number| format!("m{number}"));
        let mut words = vec!["SADD".to_owned(), "big".to_owned()];
        words.extend(members);
        c.expect_args(&words, int(100));
    }
    let (mut cursor, mut seen) = ("0".to_owned(), HashSet::new());
    for round in 0.. {
        let mut found = c.strings(&["SSCAN", "big", &cursor, "COUNT", "50"]);
        cursor = String::from_utf8_lossy(&found.remove(0)).into_owned();
        seen.extend(found);
        // The first two thousand stay; others come and go.
        let command = if round % 2 == 0 { "SREM" } else { "SADD" };
        let mut words = vec![command.to_owned(), "big".to_owned()];
        words.extend((0..200).map(|number| format!("m{}", 2000 + (round * 200 + number) % 4000)));
        c.call(&words);
        if cursor == "0" {
            break;
        }
    }
    for number in 0..2000 {
        let member = format!("m{number}").into_bytes();
        assert!(seen.contains(&member), "m{number} was not returned");
    }
}

/// The commands on keys know a set, too.
#[test]
fn a_set_is_a_value_like_any_other() {
    let (_server, mut c) = start();
    for member in ["1", "text"] {
        c.expect_args(&["SADD", "s", member], int(1));
        c.expect("SCAN 0 TYPE set", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\ns\r\n");
        c.expect("COPY s copy", int(1));
        c.expect("SADD copy 5", int(1));
        c.expect("SCARD s", int(1));
        c.expect("RENAME s t", OK);
        c.expect("PEXPIRE t 100000", int(1));
        c.expect("SADD t 7", int(1));
        c.expect("PERSIST t", int(1));
        let usage = c.call(&["MEMORY", "USAGE", "t"]);
        assert!(usage.starts_with(b":"), "{}", usage.escape_ascii());
        c.expect("UNLINK t copy", int(2));
        c.expect("DBSIZE", int(0));
    }
}

#[test]
fn what_happens_to_a_set_is_told() {
    let server = Server::start();
    let mut l = Listener::new(&server, "EAn");
    for (command, events) in [
        ("SADD s a b c", &["new s", "sadd s"][..]),
        ("SADD s a", &[]),
        ("SREM s x", &[]),
        ("SREM s a", &["srem s"]),
        ("SMOVE s t b", &["srem s", "new t", "sadd t"]),
        ("SADD t c", &["sadd t"]),
        ("SMOVE s t c", &["srem s", "del s"]),
        ("SMOVE t t c", &[]),
        ("SUNIONSTORE u t none", &["new u", "sunionstore u"]),
        ("SINTERSTORE u t u", &["sinterstore u"]),
        ("SDIFFSTORE u t none", &["sdiffstore u"]),
        ("SDIFFSTORE u t t", &["del u"]),
        ("SDIFFSTORE u t t", &[]),
        ("SPOP t 0", &[]),
        ("SPOP t", &["spop t"]),
        ("SPOP t", &["spop t", "del t"]),
        ("SADD s 1 2 3", &["new s", "sadd s"]),
        ("SPOP s 2", &["spop s"]),
        ("SPOP s 2", &["spop s", "del s"]),
        ("SPOP s 2", &[]),
    ] {
        l.check(command, events);
    }
}

/// The commands of an AOF whose words have no line breaks, each as one line.
fn commands(aof: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(aof).to_ascii_uppercase();
    let mut commands = Vec::new();
    for line in text.split_terminator("\r\n") {
        match line.as_bytes().first() {
            Some(b'*') => commands.push(String::new()),
            Some(b'$') => {}
            _ => {
                if let Some(command) = commands.last_mut() {
                    let space = if command.is_empty() { "" } else { " " };
                    command.push_str(&format!("{space}{line}"));
                }
            }
        }
    }
    commands
}

/// A replay would pick other members. So the AOF has what was removed, all of it or nothing.
#[test]
fn what_spop_has_removed_is_in_the_aof() {
    let data = TempDir::new().expect("a folder");
    // With `everysec` Redis may reply before it writes.
    let mut flags = vec!["--appendonly", "yes", "--appendfsync", "always"];
    flags.extend(["--aof-use-rdb-preamble", "no"]);
    let server = Server::start_on(data.path(), &flags);
    let mut c = Session::connect(server.addr());
    for number in 0..100 {
        c.expect_args(&["SADD", "s", &number.to_string()], int(1));
        c.expect_args(&["SADD", "all", &number.to_string()], int(1));
    }
    c.expect("SADD last a", int(1));
    let srem = |member: &[u8]| format!("SREM S {}", String::from_utf8_lossy(member));
    let forty = c.strings(&["SPOP", "s", "40"]);
    let mut expected = vec![("SPOP s 40", "MULTI".to_owned())];
    expected.extend(forty.iter().map(|member| ("SPOP s 40", srem(member))));
    expected.push(("SPOP s 40", "EXEC".to_owned()));
    let one = c.call(&["SPOP", "s"]);
    let member = one.split(|it| *it == b'\n').nth(1).unwrap_or(&one);
    expected.push(("SPOP s", srem(member.trim_ascii())));
    // Nothing is removed.
    c.expect("SPOP s 0", EMPTY);
    c.expect("SPOP none 3", EMPTY);
    c.expect("SPOP none", NULL);
    c.strings(&["SPOP", "all", "100"]);
    let told = "SPOP s 0, none 3 and none, which remove nothing, and SPOP all 100";
    expected.push((told, "DEL ALL".to_owned()));
    c.expect("SPOP last", bulk("a"));
    expected.push(("SPOP last", "SREM LAST A".to_owned()));
    let left = sorted(&mut c, "SMEMBERS s");
    drop(c);
    server.kill();
    let file = data.path().join("appendonlydir/appendonly.aof.1.incr.aof");
    let logged = commands(&fs::read(file).expect("the AOF"));
    let filled = logged.iter().position(|it| it == "SADD LAST A");
    let mut logged = logged[filled.map_or(0, |it| it + 1)..].iter();
    for (told, expected) in expected {
        let found = logged.next().map_or("nothing", |it| it);
        assert_eq!(found, expected, "in the AOF, for {told}");
    }
    assert_eq!(logged.next(), None, "after the last SPOP");
    let server = Server::start_on(data.path(), &flags);
    let mut c = Session::connect(server.addr());
    wait_until("it has loaded", || c.call(&["PING"]) == b"+PONG\r\n");
    assert_eq!(sorted(&mut c, "SMEMBERS s"), left);
    c.expect("EXISTS all last", int(0));
}

#[test]
fn a_count_without_end_ends_the_client() {
    let text = "x".repeat(100);
    let fill = [&["SADD", "s", "1", "2"][..], &["SADD", "t", "1", &text]];
    for key in ["s", "t"] {
        ends_its_client(&fill, &format!("SRANDMEMBER {key} -4611686018427387904"));
    }
}
