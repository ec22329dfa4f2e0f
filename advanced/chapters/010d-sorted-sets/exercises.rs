//! The graders of `EXERCISES.md`. They are ignored until somebody asks for them:
//!
//! ```text
//! make check-010d
//! ```
//!
//! Like the suites, they know nothing of a server but its port, and real Redis passes them all.

#[path = "suite/client.rs"]
mod client;
#[path = "suite/harness.rs"]
mod harness;
#[allow(dead_code)]
#[path = "suite/session.rs"]
mod session;

use client::{Client, escaped};
use harness::Server;
use session::encode;

const SYNTAX: &str = "-ERR syntax error";
const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";
const NONE: &str = "*0";

/// Sends the words of `command`, and takes the reply as text.
#[track_caller]
fn ask(client: &mut Client, command: &str) -> String {
    let words: Vec<&str> = command.split(' ').collect();
    let reply = escaped(&client.send(encode(&words)).reply());
    let reply = reply.replace("\\r\\n", "\n").replace("\\'", "'");
    reply.trim_end().to_owned()
}

/// Sends each command, and expects its reply.
#[track_caller]
fn expect(client: &mut Client, replies: &[(&str, &str)]) {
    for (command, reply) in replies {
        assert_eq!(ask(client, command), *reply, "{command}");
    }
}

/// A reply with these strings in an array.
fn list(words: &[&str]) -> String {
    let strings = words
        .iter()
        .map(|word| format!("\n${}\n{word}", word.len()));
    format!("*{}{}", words.len(), strings.collect::<String>())
}

/// Sends each command, and expects these members, which are one word.
#[track_caller]
fn expect_members(client: &mut Client, replies: &[(&str, &str)]) {
    for (command, members) in replies {
        let members: Vec<&str> = members.split(' ').collect();
        assert_eq!(ask(client, command), list(&members), "{command}");
    }
}

#[test]
#[ignore = "an exercise: make check-010d"]
fn exercise_1_members_are_sorted_as_numbers_or_as_text() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    assert_eq!(ask(&mut client, "ZADD n 1 10 2 9 3 1.5 4 -3 5 10.0"), ":5");
    expect_members(
        &mut client,
        &[
            ("SORT_RO n", "-3 1.5 9 10 10.0"),
            ("SORT_RO n DESC", "10.0 10 9 1.5 -3"),
            ("SORT_RO n desc asc", "-3 1.5 9 10 10.0"),
            ("SORT_RO n LIMIT 1 2", "1.5 9"),
            ("SORT_RO n DESC LIMIT 0 2", "10.0 10"),
        ],
    );
    ask(&mut client, "ZADD board 30 ada 10 bob 20 dan 20 cyd");
    expect_members(
        &mut client,
        &[
            ("SORT_RO board ALPHA", "ada bob cyd dan"),
            ("SORT_RO board alpha DESC LIMIT 1 2", "cyd bob"),
        ],
    );
    let error = "-ERR One or more scores can't be converted into double";
    expect(&mut client, &[("SORT_RO board", error)]);
}

/// Few members are a listpack, many are a skip list.
#[test]
#[ignore = "an exercise: make check-010d"]
fn exercise_1_by_nosort_keeps_the_order_of_the_scores() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    ask(&mut client, "ZADD board 30 ada 10 bob 20 dan 20 cyd");
    expect_members(
        &mut client,
        &[
            ("SORT_RO board BY nosort", "bob cyd dan ada"),
            ("SORT_RO board by anything", "bob cyd dan ada"),
            ("SORT_RO board BY nosort DESC", "ada dan cyd bob"),
            ("SORT_RO board BY nosort ALPHA", "bob cyd dan ada"),
        ],
    );
    let members: Vec<String> = (0..1000).map(|rank| format!("m{rank}")).collect();
    for (rank, member) in members.iter().enumerate() {
        let command = format!("ZADD large {rank} {member}");
        assert_eq!(ask(&mut client, &command), ":1", "{command}");
    }
    let words: Vec<&str> = members.iter().map(String::as_str).collect();
    let all = ask(&mut client, "SORT_RO large BY nosort");
    assert!(all == list(&words), "all are there, in their order");
    expect_members(
        &mut client,
        &[
            ("SORT_RO large BY nosort LIMIT 500 2", "m500 m501"),
            ("SORT_RO large BY nosort DESC LIMIT 100 2", "m899 m898"),
        ],
    );
}

#[test]
#[ignore = "an exercise: make check-010d"]
fn exercise_1_a_limit_counts_in_the_order_that_is_asked_for() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    ask(&mut client, "ZADD board 30 ada 10 bob 20 dan 20 cyd");
    expect_members(
        &mut client,
        &[
            ("SORT_RO board BY nosort LIMIT 0 2", "bob cyd"),
            ("SORT_RO board BY nosort DESC LIMIT 0 2", "ada dan"),
            ("SORT_RO board BY nosort DESC LIMIT 3 5", "bob"),
            ("SORT_RO board BY nosort LIMIT 2 -1", "dan ada"),
            ("SORT_RO board BY nosort LIMIT 2 -7", "dan ada"),
            ("SORT_RO board BY nosort LIMIT -5 2", "bob cyd"),
            ("SORT_RO board ALPHA LIMIT 3 9", "dan"),
        ],
    );
    expect(
        &mut client,
        &[
            ("SORT_RO board BY nosort LIMIT 0 0", NONE),
            ("SORT_RO board BY nosort LIMIT 4 1", NONE),
            ("SORT_RO board BY nosort LIMIT 9 -1", NONE),
            ("SORT_RO board ALPHA DESC LIMIT 4 1", NONE),
        ],
    );
}

#[test]
#[ignore = "an exercise: make check-010d"]
fn exercise_1_what_cannot_be_is_refused() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    ask(&mut client, "ZADD board 30 ada");
    ask(&mut client, "SET text 1");
    let integer = "-ERR value is not an integer or out of range";
    expect(
        &mut client,
        &[
            ("SORT_RO nothing", NONE),
            ("SORT_RO nothing BY nosort DESC LIMIT 0 1", NONE),
            ("SORT_RO nothing LIMIT x 1", integer),
            ("SORT_RO board LIMIT 0 x", integer),
            ("SORT_RO board LIMIT 0", SYNTAX),
            ("SORT_RO board BY", SYNTAX),
            ("SORT_RO board STORE other", SYNTAX),
            ("SORT_RO board bogus", SYNTAX),
            ("SORT_RO text", WRONG_TYPE),
            ("SORT_RO text bogus", SYNTAX),
        ],
    );
}

const SICILY: &str = "GEOADD Sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania";

/// A place is a score, and the set is a sorted set like any other.
#[test]
#[ignore = "an exercise: make check-010d"]
fn exercise_2_a_place_becomes_a_score() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    expect(
        &mut client,
        &[
            (SICILY, ":2"),
            (SICILY, ":0"),
            ("TYPE Sicily", "+zset"),
            ("ZSCORE Sicily Palermo", "$16\n3479099956230698"),
            ("ZSCORE Sicily Catania", "$16\n3479447370796909"),
            ("ZREVRANK Sicily Palermo", ":1"),
            ("GEOADD edge -180 -85.05112878 sw 0 0 zero", ":2"),
            ("ZSCORE edge sw", "$1\n0"),
            ("ZSCORE edge zero", "$16\n3377699720527872"),
        ],
    );
}

#[test]
#[ignore = "an exercise: make check-010d"]
fn exercise_2_a_score_becomes_a_place() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    ask(&mut client, SICILY);
    let palermo = "*2\n$20\n13.36138933897018433\n$20\n38.11555639549629859";
    let catania = "*2\n$20\n15.08726745843887329\n$20\n37.50266842333162032";
    let south_west = "*2\n$22\n-179.99999731779098511\n$21\n-85.05112751263942528";
    ask(&mut client, "ZADD edge 0 sw");
    expect(
        &mut client,
        &[
            ("GEOPOS Sicily Palermo", &format!("*1\n{palermo}")),
            (
                "GEOPOS Sicily Catania nobody Palermo",
                &format!("*3\n{catania}\n*-1\n{palermo}"),
            ),
            ("GEOPOS nothing a b", "*2\n*-1\n*-1"),
            ("GEOPOS Sicily", NONE),
            ("GEOPOS edge sw", &format!("*1\n{south_west}")),
        ],
    );
}

#[test]
#[ignore = "an exercise: make check-010d"]
fn exercise_2_options_are_those_of_zadd() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    ask(&mut client, SICILY);
    expect(
        &mut client,
        &[
            ("GEOADD Sicily NX 10 10 Palermo", ":0"),
            ("ZSCORE Sicily Palermo", "$16\n3479099956230698"),
            ("GEOADD Sicily xx 10 10 Enna", ":0"),
            ("EXISTS Sicily", ":1"),
            ("ZCARD Sicily", ":2"),
            ("GEOADD Sicily XX CH 10 10 Palermo", ":1"),
            ("ZSCORE Sicily Palermo", "$16\n3386427883058495"),
            ("GEOADD Sicily NX XX 10 10 a", SYNTAX),
            ("GEOADD Sicily GT 10 10 a", SYNTAX),
            ("GEOADD Sicily 10 10 a 11", SYNTAX),
            ("GEOADD Sicily CH CH CH", SYNTAX),
        ],
    );
}

/// A wrong place among right ones: nothing is added.
#[test]
#[ignore = "an exercise: make check-010d"]
fn exercise_2_what_cannot_be_is_refused() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    ask(&mut client, "SET text 1");
    let pair = |numbers: &str| format!("-ERR invalid longitude,latitude pair {numbers}");
    expect(
        &mut client,
        &[
            ("GEOADD places 181 10 x", &pair("181.000000,10.000000")),
            ("GEOADD places 10 86 x", &pair("10.000000,86.000000")),
            (
                "GEOADD places 1 1 right 1 -85.06 wrong",
                &pair("1.000000,-85.060000"),
            ),
            ("GEOADD places 10 x y", "-ERR value is not a valid float"),
            ("EXISTS places", ":0"),
            ("GEOADD text 1 1 a", WRONG_TYPE),
            ("GEOPOS text a", WRONG_TYPE),
        ],
    );
}
