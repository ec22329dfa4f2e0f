//! Sorted sets: their commands, the replies in both protocols, and the two encodings.
//!
//! Reread: advanced/README.md#the-advanced-track

use crate::client::Client;
use crate::harness::Server;
use crate::hash::ends_its_client;
use crate::session::{NOT_AN_INTEGER, NULL, OK, SYNTAX, Session, arity, bulk, int};

const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
const EMPTY: &str = "*0\r\n";
const NOT_A_FLOAT: &str = "-ERR value is not a valid float\r\n";

fn start() -> (Server, Session) {
    let server = Server::start();
    let session = Session::connect(server.addr());
    (server, session)
}

/// The reply that is an array of these strings, which are words of a line.
fn array(items: &str) -> Vec<u8> {
    let items: Vec<&str> = items.split_whitespace().collect();
    let mut reply = format!("*{}\r\n", items.len()).into_bytes();
    items.iter().for_each(|item| reply.extend(bulk(item)));
    reply
}

#[test]
fn members_have_scores_and_are_in_their_order() {
    let (_server, mut c) = start();
    c.expect("ZADD z 2 b 1 a 3 c", int(3));
    c.expect("ZADD z 2 a2 2 a1", int(2));
    c.expect("ZRANGE z 0 -1", array("a a1 a2 b c"));
    c.expect("ZREVRANGE z 0 1", array("c b"));
    c.expect("ZRANGE z 0 1 REV WITHSCORES", array("c 3 b 2"));
    c.expect("ZCARD z", int(5));
    c.expect("ZSCORE z b", bulk("2"));
    c.expect("ZSCORE z x", NULL);
    c.expect("ZMSCORE z a x", b"*2\r\n$1\r\n1\r\n$-1\r\n");
    c.expect("ZRANK z b", int(3));
    c.expect("ZREVRANK z b", int(1));
    c.expect("ZRANK z x", NULL);
    c.expect("ZREM z a1 a2 x", int(2));
    c.expect("ZRANGE z 0 -1 WITHSCORES", array("a 1 b 2 c 3"));
    c.expect("ZREM z a b c", int(3));
    c.expect("EXISTS z", int(0));
    for command in [
        "ZCARD none",
        "ZREM none a",
        "ZCOUNT none 0 1",
        "ZLEXCOUNT none - +",
    ] {
        c.expect(command, int(0));
    }
    c.expect("ZRANGE none 0 -1", EMPTY);
    c.expect("ZPOPMIN none", EMPTY);
    c.expect("ZMPOP 1 none MIN", "*-1\r\n");
    c.expect("ZSCORE none a", NULL);
}

/// Scores are printed with 17 digits, and whole numbers as they are.
#[test]
fn scores_are_printed_as_by_redis() {
    let (_server, mut c) = start();
    for (given, printed) in [
        ("0.1", "0.10000000000000001"),
        ("1e17", "1e+17"),
        ("10000000000000000", "10000000000000000"),
        ("-2.5e-7", "-2.4999999999999999e-07"),
        ("0x10", "16"),
        ("+inf", "inf"),
        ("-INFINITY", "-inf"),
        ("3.0e3", "3000"),
        ("123456.789", "123456.789"),
    ] {
        c.call(&["ZADD", "z", given, "m"]);
        c.expect("ZSCORE z m", bulk(printed));
    }
    for wrong in ["nan", "abc", "1e999", "1x", "0x"] {
        c.expect(&format!("ZADD z {wrong} m"), NOT_A_FLOAT);
    }
    c.expect("ZADD z inf m", int(0));
    c.expect(
        "ZINCRBY z -inf m",
        "-ERR resulting score is not a number (NaN)\r\n",
    );
    c.expect("ZSCORE z m", bulk("inf"));
}

/// ZSCAN shows a score as the encoding has it: a listpack has whole numbers.
#[test]
fn zscan_shows_scores_as_they_are_kept() {
    let (_server, mut c) = start();
    let scan = |score| format!("*2\r\n$1\r\n0\r\n*2\r\n$1\r\nm\r\n{score}\r\n");
    for (entries, in_digits, minus_zero) in [
        (128, "$18\r\n100000000000000000", "$1\r\n0"),
        (0, "$5\r\n1e+17", "$2\r\n-0"),
    ] {
        let limit = format!("CONFIG SET zset-max-listpack-entries {entries}");
        c.expect(&limit, OK);
        for (score, shown) in [
            ("1e17", in_digits),
            ("-0", minus_zero),
            ("1e19", "$5\r\n1e+19"),
        ] {
            c.call(&["DEL", "z"]);
            c.expect(&format!("ZADD z {score} m"), int(1));
            c.expect("ZSCAN z 0", scan(shown));
        }
    }
}

#[test]
fn zadd_has_options() {
    let (_server, mut c) = start();
    c.expect("ZADD z XX 1 a", int(0));
    c.expect("EXISTS z", int(0));
    c.expect("ZADD z 5 a", int(1));
    c.expect("ZADD z NX 6 a 1 b", int(1));
    c.expect("ZADD z XX CH 6 a 1 c", int(1));
    c.expect("ZADD z GT CH 5 a", int(0));
    c.expect("ZADD z LT CH 5 a", int(1));
    c.expect("ZADD z GT 2 c", int(1));
    c.expect("ZADD z INCR 2.5 a", bulk("7.5"));
    c.expect("ZADD z NX INCR 1 a", NULL);
    c.expect("ZADD z LT INCR 1 a", NULL);
    c.expect("ZINCRBY z -2.5 a", bulk("5"));
    c.expect(
        "ZADD z XX NX 1 a",
        "-ERR XX and NX options at the same time are not compatible\r\n",
    );
    let incompatible = "-ERR GT, LT, and/or NX options at the same time are not compatible\r\n";
    c.expect("ZADD z GT LT 1 a", incompatible);
    c.expect("ZADD z GT NX 1 a", incompatible);
    c.expect(
        "ZADD z INCR 1 a 2 b",
        "-ERR INCR option supports a single increment-element pair\r\n",
    );
    c.expect("ZADD z 1 a 2", SYNTAX);
    c.expect("ZADD z NX XX CH", SYNTAX);
    // Nothing is changed when one of the scores is wrong.
    c.expect("ZADD z 9 a x b", NOT_A_FLOAT);
    c.expect("ZSCORE z a", bulk("5"));
}

#[test]
fn a_range_is_by_rank_by_score_or_by_member() {
    let (_server, mut c) = start();
    c.expect("ZADD z 1 a 2 b 3 c 4 d 5 e", int(5));
    c.expect("ZADD l 0 a 0 b 0 c 0 d", int(4));
    for (command, reply) in [
        ("ZRANGE z 1 -2", "b c d"),
        ("ZRANGE z -2 10", "d e"),
        ("ZRANGE z 3 1", ""),
        ("ZRANGE z (1 3 BYSCORE", "b c"),
        ("ZRANGE z (3 -inf BYSCORE REV", "b a"),
        ("ZRANGE z -inf +inf BYSCORE LIMIT 1 2 WITHSCORES", "b 2 c 3"),
        ("ZRANGE z -inf +inf BYSCORE LIMIT -1 2", ""),
        ("ZRANGE z -inf +inf BYSCORE LIMIT 3 -1", "d e"),
        ("ZRANGEBYSCORE z 2 4 LIMIT 1 5", "c d"),
        ("ZREVRANGEBYSCORE z +inf (2 LIMIT 0 2", "e d"),
        ("ZRANGE l [b + BYLEX", "b c d"),
        ("ZRANGE l (c - BYLEX REV", "b a"),
        ("ZRANGEBYLEX l - (c", "a b"),
        ("ZREVRANGEBYLEX l + [b LIMIT 1 1", "c"),
    ] {
        c.expect(command, array(reply));
    }
    c.expect("ZCOUNT z (1 +inf", int(4));
    c.expect("ZLEXCOUNT l [b (d", int(2));
    c.expect("ZRANGESTORE to z 1 3", int(3));
    c.expect("ZRANGE to 0 -1 WITHSCORES", array("b 2 c 3 d 4"));
    c.expect("ZRANGESTORE to z 9 10", int(0));
    c.expect("EXISTS to", int(0));
    c.expect("ZREMRANGEBYRANK z 0 0", int(1));
    c.expect("ZREMRANGEBYSCORE z (2 3", int(1));
    c.expect("ZREMRANGEBYLEX l [b [c", int(2));
    c.expect("ZRANGE z 0 -1", array("b d e"));
    c.expect("ZRANGE l 0 -1", array("a d"));
    for (command, error) in [
        (
            "ZRANGE z 0 1 LIMIT 0 1",
            "syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
        ),
        (
            "ZRANGE z - + BYLEX WITHSCORES",
            "syntax error, WITHSCORES not supported in combination with BYLEX",
        ),
        ("ZRANGE z x 1 BYSCORE", "min or max is not a float"),
        (
            "ZRANGE z a b BYLEX",
            "min or max not valid string range item",
        ),
        ("ZCOUNT z (x 1", "min or max is not a float"),
        ("ZRANGEBYSCORE z 0 1 REV", "syntax error"),
        ("ZRANGE z x 1", "value is not an integer or out of range"),
    ] {
        c.expect(command, format!("-ERR {error}\r\n"));
    }
}

#[test]
fn members_are_taken_from_the_ends() {
    let (_server, mut c) = start();
    c.expect("ZADD z 1 a 2 b 3 c 4 d", int(4));
    c.expect("ZPOPMIN z", array("a 1"));
    c.expect("ZPOPMAX z 2", array("d 4 c 3"));
    c.expect("ZPOPMIN z 0", EMPTY);
    let popped = [b"*2\r\n$1\r\nz\r\n*1\r\n".to_vec(), array("b 2")].concat();
    c.expect("ZMPOP 2 none z MAX COUNT 5", popped);
    c.expect("EXISTS z", int(0));
    let positive = "-ERR value is out of range, must be positive\r\n";
    c.expect("ZPOPMIN z -1", positive);
    c.expect("ZPOPMIN z x", positive);
    c.expect("ZPOPMIN z 1 2", SYNTAX);
    c.expect("ZMPOP 0 z MIN", "-ERR numkeys should be greater than 0\r\n");
    c.expect(
        "ZMPOP 1 z MIN COUNT 0",
        "-ERR count should be greater than 0\r\n",
    );
    c.expect("ZMPOP 1 z MIDDLE", SYNTAX);
    c.expect("ZMPOP 3 z MIN", SYNTAX);
}

#[test]
fn sorted_sets_are_combined() {
    let (_server, mut c) = start();
    c.expect("ZADD a 1 x 2 y", int(2));
    c.expect("ZADD b 10 y 20 z", int(2));
    for (command, reply) in [
        ("ZUNION 2 a b WITHSCORES", "x 1 y 12 z 20"),
        ("ZUNION 2 a b WEIGHTS 2 -1 WITHSCORES", "z -20 y -6 x 2"),
        ("ZUNION 2 a b AGGREGATE MAX WITHSCORES", "x 1 y 10 z 20"),
        ("ZINTER 2 a b WITHSCORES", "y 12"),
        ("ZINTER 2 a b AGGREGATE min WITHSCORES", "y 2"),
        ("ZINTER 2 a none", ""),
        ("ZDIFF 2 a b WITHSCORES", "x 1"),
        ("ZDIFF 2 a a", ""),
    ] {
        c.expect(command, array(reply));
    }
    c.expect("ZINTERCARD 2 a b", int(1));
    c.expect("ZINTERCARD 2 a a LIMIT 1", int(1));
    c.expect("ZUNIONSTORE a 2 a b", int(3));
    c.expect("ZRANGE a 0 -1 WITHSCORES", array("x 1 y 12 z 20"));
    c.expect("ZINTERSTORE to 2 a none", int(0));
    c.expect("ZDIFFSTORE a 2 a b", int(1));
    c.expect("ZRANGE a 0 -1 WITHSCORES", array("x 1"));
    c.expect(
        "ZUNION 0 a",
        "-ERR at least 1 input key is needed for 'zunion' command\r\n",
    );
    c.expect(
        "ZUNION 2 a b WEIGHTS 1 x",
        "-ERR weight value is not a float\r\n",
    );
    c.expect(
        "ZINTERCARD 1 a LIMIT -1",
        "-ERR LIMIT can't be negative\r\n",
    );
    for command in [
        "ZUNION 3 a b",
        "ZUNION 2 a b WEIGHTS 1",
        "ZDIFF 1 a WEIGHTS 1",
        "ZUNIONSTORE to 1 a WITHSCORES",
        "ZUNION 1 a AGGREGATE AVG",
    ] {
        c.expect(command, SYNTAX);
    }
}

#[test]
fn a_set_is_combined_as_a_sorted_set_whose_scores_are_1() {
    let (_server, mut c) = start();
    c.expect("ZADD z 1 a 5 1", int(2));
    c.expect("SADD numbers 1 2", int(2));
    c.expect("SADD words 2 a", int(2));
    for (command, reply) in [
        ("ZUNION 2 z numbers WITHSCORES", "2 1 a 1 1 6"),
        ("ZINTER 2 words z WEIGHTS 3 1 WITHSCORES", "a 4"),
        ("ZINTER 2 words numbers WITHSCORES", "2 2"),
        ("ZDIFF 2 words z WITHSCORES", "2 1"),
        ("ZDIFF 2 z numbers WITHSCORES", "a 1"),
        ("ZUNION 1 words WEIGHTS inf WITHSCORES", "2 inf a inf"),
    ] {
        c.expect(command, array(reply));
    }
    c.expect("ZINTERCARD 2 words z", int(1));
    c.expect("ZUNIONSTORE words 2 words numbers", int(3));
    c.expect("ZRANGE words 0 -1 WITHSCORES", array("1 1 a 1 2 2"));
    c.expect("RPUSH list a", int(1));
    c.expect("ZUNION 2 numbers list", WRONG_TYPE);
}

#[test]
fn a_random_member() {
    let (_server, mut c) = start();
    c.expect("ZRANDMEMBER none", NULL);
    c.expect("ZRANDMEMBER none 3", EMPTY);
    c.expect("ZADD z 1 a", int(1));
    c.expect("ZRANDMEMBER z", bulk("a"));
    c.expect("ZRANDMEMBER z -2 WITHSCORES", array("a 1 a 1"));
    c.expect("ZRANDMEMBER z 5", array("a"));
    c.expect("ZRANDMEMBER z x", NOT_AN_INTEGER);
    c.expect("ZRANDMEMBER z 1 SCORES", SYNTAX);
    // In both encodings a positive count gives different members, and in time each of them.
    for member in ["m", &"long".repeat(20)] {
        c.call(&["DEL", "z"]);
        for number in 0..100 {
            c.call(&["ZADD", "z", "1", &format!("{member}{number}")]);
        }
        let mut seen = std::collections::HashSet::new();
        // Each round misses a given member with a chance of 98 in 100 at most.
        for round in 0.. {
            let members = c.strings(&["ZRANDMEMBER", "z", ["2", "40", "99"][round % 3]]);
            let unique: std::collections::HashSet<_> = members.iter().collect();
            assert_eq!(unique.len(), members.len());
            seen.extend(members);
            if seen.len() == 100 {
                break;
            }
            assert!(round < 9000, "{} of 100 were returned", seen.len());
        }
    }
}

#[test]
fn a_large_sorted_set_becomes_a_skip_list() {
    let (_server, mut c) = start();
    for (parameter, old) in [("entries", "128"), ("value", "64")] {
        let [new, alias] = ["listpack", "ziplist"].map(|it| format!("zset-max-{it}-{parameter}"));
        c.expect_args(&["CONFIG", "GET", &new], array(&format!("{new} {old}")));
        c.expect_args(&["CONFIG", "SET", &alias, "3"], OK);
        c.expect_args(&["CONFIG", "GET", &new], array(&format!("{new} 3")));
    }
    c.expect("ZADD z 1 a 2 b 3 c", int(3));
    c.expect("OBJECT ENCODING z", bulk("listpack"));
    c.expect("ZADD z 4 d", int(1));
    c.expect("OBJECT ENCODING z", bulk("skiplist"));
    c.expect("ZREM z a b c", int(3));
    c.expect("OBJECT ENCODING z", bulk("skiplist"));
    c.expect("ZADD l 1 abcd", int(1));
    c.expect("OBJECT ENCODING l", bulk("skiplist"));
    c.expect("ZUNIONSTORE z 1 z", int(1));
    c.expect("OBJECT ENCODING z", bulk("listpack"));
}

#[test]
fn resp3_has_doubles_and_pairs() {
    let server = Server::start();
    let mut c = Client::connect(&server);
    c.send("HELLO 3\r\n").reply();
    c.check("ZADD z 1.5 a 2 b\r\n", ":2\r\n");
    c.check("ZSCORE z a\r\n", ",1.5\r\n");
    c.check("ZSCORE z x\r\n", "_\r\n");
    c.check("ZADD z INCR inf b\r\n", ",inf\r\n");
    c.check("ZMSCORE z a b x\r\n", "*3\r\n,1.5\r\n,inf\r\n_\r\n");
    c.check(
        "ZRANGE z 0 -1 WITHSCORES\r\n",
        "*2\r\n*2\r\n$1\r\na\r\n,1.5\r\n*2\r\n$1\r\nb\r\n,inf\r\n",
    );
    c.check("ZRANGE z 0 0\r\n", "*1\r\n$1\r\na\r\n");
    c.check(
        "ZUNION 1 z WITHSCORES\r\n",
        "*2\r\n*2\r\n$1\r\na\r\n,1.5\r\n*2\r\n$1\r\nb\r\n,inf\r\n",
    );
    c.check(
        "ZSCAN z 0 MATCH a\r\n",
        "*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n$3\r\n1.5\r\n",
    );
    c.check("ZPOPMIN z\r\n", "*2\r\n$1\r\na\r\n,1.5\r\n");
    c.check("ZPOPMAX z 1\r\n", "*1\r\n*2\r\n$1\r\nb\r\n,inf\r\n");
    c.check("ZMPOP 1 z MIN\r\n", "_\r\n");
}

#[test]
fn wrong_types_and_wrong_arguments() {
    let (_server, mut c) = start();
    c.expect("SET s text", OK);
    c.expect("ZADD z 1 a", int(1));
    for command in [
        "ZADD s 1 a",
        "ZINCRBY s 1 a",
        "ZREM s a",
        "ZCARD s",
        "ZCOUNT s 0 1",
        "ZLEXCOUNT s - +",
        "ZSCORE s a",
        "ZMSCORE s a",
        "ZRANK s a",
        "ZREVRANK s a",
        "ZRANGE s 0 1",
        "ZRANGESTORE to s 0 1",
        "ZRANGEBYSCORE s 0 1",
        "ZREVRANGEBYLEX s + -",
        "ZREMRANGEBYRANK s 0 1",
        "ZPOPMIN s",
        "ZPOPMAX s 0",
        "ZMPOP 2 s z MIN",
        "ZRANDMEMBER s",
        "ZRANDMEMBER s 2",
        "ZSCAN s 0",
        "ZUNION 2 z s",
        "ZDIFFSTORE to 2 s z",
        "ZINTERCARD 1 s",
        "GET z",
        "HGET z a",
        "APPEND z x",
    ] {
        c.expect(command, WRONG_TYPE);
    }
    for (command, name) in [
        ("ZADD z 1", "zadd"),
        ("ZRANGE z 0", "zrange"),
        ("ZPOPMIN", "zpopmin"),
        ("ZMPOP 1 z", "zmpop"),
        ("ZSCAN z", "zscan"),
    ] {
        c.expect(command, arity(name));
    }
    c.expect("SET z text", OK);
    c.expect("TYPE z", "+string\r\n");
}

/// Every member is returned that is there throughout, whatever happens between the calls.
#[test]
fn zscan_returns_what_stays() {
    let (_server, mut c) = start();
    c.expect("ZSCAN none 0", b"*2\r\n$1\r\n0\r\n*0\r\n");
    c.expect("ZSCAN none x", "-ERR invalid cursor\r\n");
    for batch in 0..30 {
        let members = (batch * 100..(batch + 1) * 100).map(|number| format!("m{number}"));
        let mut words = vec!["ZADD".to_owned(), "big".to_owned()];
        words.extend(members.flat_map(|member| ["1".to_owned(), member]));
        c.expect_args(&words, int(100));
    }
    let (mut cursor, mut seen) = (b"0".to_vec(), std::collections::HashSet::new());
    for round in 0.. {
        let strings = c.strings(&[&b"ZSCAN"[..], b"big", &cursor, b"COUNT", b"50"]);
        cursor.clone_from(&strings[0]);
        seen.extend(strings.into_iter().skip(1).step_by(2));
        // The first two thousand stay; others come and go.
        let others = (0..200).map(|number| format!("m{}", 2000 + (round * 200 + number) % 4000));
        let words: Vec<String> = match round % 2 {
            0 => others.collect(),
            _ => others.flat_map(|member| ["2".to_owned(), member]).collect(),
        };
        let name = if round % 2 == 0 { "ZREM" } else { "ZADD" };
        c.call(&[&[name.to_owned(), "big".to_owned()], &words[..]].concat());
        if cursor == b"0" {
            break;
        }
    }
    for number in 0..2000 {
        let member = format!("m{number}").into_bytes();
        assert!(seen.contains(&member), "m{number} was not returned");
    }
}

/// The commands on keys know a sorted set, too.
#[test]
fn a_sorted_set_is_a_value_like_any_other() {
    let (_server, mut c) = start();
    for member in ["m", &"x".repeat(100)] {
        c.expect_args(&["ZADD", "z", "1.5", member], int(1));
        c.expect("TYPE z", "+zset\r\n");
        c.expect("SCAN 0 TYPE zset", b"*2\r\n$1\r\n0\r\n*1\r\n$1\r\nz\r\n");
        c.expect("COPY z copy", int(1));
        c.expect_args(&["ZADD", "copy", "2", member], int(0));
        c.expect_args(&["ZSCORE", "z", member], bulk("1.5"));
        c.expect("RENAME z y", OK);
        c.expect_args(&["ZSCORE", "y", member], bulk("1.5"));
        c.expect("PEXPIRE y 100000", int(1));
        c.expect_args(&["ZADD", "y", "3", member], int(0));
        c.expect("PERSIST y", int(1));
        c.expect("UNLINK y copy", int(2));
        c.expect("DBSIZE", int(0));
    }
}

#[test]
fn a_count_without_end_ends_the_client() {
    let text = "x".repeat(100);
    let fill = [&["ZADD", "z", "1", "a"][..], &["ZADD", "t", "1", &text]];
    for key in ["z", "t"] {
        for scores in ["", " WITHSCORES"] {
            let count = "-4611686018427387903";
            ends_its_client(&fill, &format!("ZRANDMEMBER {key} {count}{scores}"));
        }
    }
}
