//! The graders of `EXERCISES.md`. They are ignored until somebody asks for them:
//!
//! ```text
//! make check-03
//! ```
//!
//! Like the suites, they know nothing of a server but its port, and real Redis
//! passes them all.

#[path = "suite/client.rs"]
mod client;
#[path = "suite/harness.rs"]
mod harness;
#[allow(dead_code)]
#[path = "suite/session.rs"]
mod session;

use client::{Client, escaped};
use harness::Server;
use session::{NOT_AN_INTEGER, OK, SYNTAX, arity, bulk, encode, int};

/// A new server, and a client of it.
fn start() -> (Server, Client) {
    let server = Server::start();
    let client = Client::connect(&server);
    (server, client)
}

/// Sends a command, whose arguments are the words of `command`, and compares its
/// reply.
#[track_caller]
fn check(client: &mut Client, command: &str, reply: impl AsRef<[u8]>) {
    let words: Vec<&str> = command.split(' ').collect();
    client.check(encode(&words), reply);
}

/// Sends commands that all get the same reply.
#[track_caller]
fn check_all(client: &mut Client, commands: &[&str], reply: impl AsRef<[u8]>) {
    for command in commands {
        check(client, command, &reply);
    }
}

/// Sends a command of plain words and takes the reply as text.
#[track_caller]
fn text(client: &mut Client, command: &str) -> String {
    let words: Vec<&str> = command.split(' ').collect();
    escaped(&client.send(encode(&words)).reply()).replace("\\r\\n", "\n")
}

/// Fails if Redis's reply to `command` has the line and the server's has not.
#[track_caller]
fn check_line(client: &mut Client, command: &str, line: &str) {
    let received = text(client, command);
    assert!(
        received.lines().any(|received| received == line),
        "a line is missing\n  sent      {command}\n  expected  a line `{line}`, as Redis \
         says\n  received\n{received}"
    );
}

/// Compares what `COMMAND INFO` says of a command with what Redis says: arity, flags and the
/// positions of the keys.
#[track_caller]
fn check_table(client: &mut Client, name: &str, start: &str) {
    let start = format!("${}\n{name}\n{start}\n", name.len());
    check_parts(client, &format!("COMMAND INFO {name}"), &[&start]);
}

/// Fails if one of these parts is not in the reply.
#[track_caller]
fn check_parts(client: &mut Client, command: &str, parts: &[&str]) {
    let received = text(client, command);
    for part in parts {
        assert!(
            received.contains(part),
            "what the table says of it is another\n  sent      {command}\n  expected  (of Redis, \
             somewhere in the reply) {}\n  received  {}",
            part.replace('\n', " "),
            received.replace('\n', " "),
        );
    }
}

const NO_ERRORS: &str = "# Errorstats\r\n";

/// What `INFO errorstats` replies.
fn errorstats(counts: &[(&str, u32)]) -> Vec<u8> {
    let lines = counts
        .iter()
        .map(|(code, count)| format!("errorstat_{code}:count={count}\r\n"));
    bulk(NO_ERRORS.to_owned() + &lines.collect::<String>())
}

const NO_PROTOCOL: &str = "-NOPROTO unsupported protocol version\r\n";
const NO_PASSWORD: &str = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";

#[test]
#[ignore = "exercise 1: INFO errorstats"]
fn exercise_1_counts_errors_by_code() {
    let (_server, mut client) = start();
    let c = &mut client;
    check(c, "INFO errorstats", errorstats(&[]));
    check(c, "HELLO 3 AUTH ada secret", NO_PASSWORD);
    check(c, "INFO errorstats", errorstats(&[("WRONGPASS", 1)]));
    check(c, "SET word hello", OK);
    check(c, "INCR word", NOT_AN_INTEGER);
    check(c, "SET word again NX XX", SYNTAX);
    check(c, "HELLO 4", NO_PROTOCOL);
    let counts = [("ERR", 2), ("NOPROTO", 1), ("WRONGPASS", 1)];
    check(c, "INFO errorstats", errorstats(&counts));
    check(c, "INFO ERRORSTATS", errorstats(&counts));
}

#[test]
#[ignore = "exercise 1: INFO errorstats"]
fn exercise_1_counts_what_no_handler_refuses() {
    let (server, mut client) = start();
    let c = &mut client;
    check(c, "GET", arity("get"));
    check(c, "INFO errorstats", errorstats(&[("ERR", 1)]));
    let unknown = "-ERR unknown command 'NOSUCH', with args beginning with: \r\n";
    check(c, "NOSUCH", unknown);
    check(c, "INFO errorstats", errorstats(&[("ERR", 2)]));
    let unknown = "-ERR unknown subcommand 'NOSUCH'. Try CLIENT HELP.\r\n";
    check(c, "CLIENT NOSUCH", unknown);
    check(c, "INFO errorstats", errorstats(&[("ERR", 3)]));
    // Behind a command that is all right, in the same packet.
    let reply = "+PONG\r\n-ERR Protocol error: invalid bulk length\r\n";
    let mut broken = Client::connect(&server);
    broken.check("PING\r\n*1\r\n$x\r\n", reply).expect_closed();
    check(c, "INFO errorstats", errorstats(&[("ERR", 4)]));
    check_line(c, "INFO stats", "total_error_replies:4");
}

#[test]
#[ignore = "exercise 1: INFO errorstats"]
fn exercise_1_counts_for_all_clients_together() {
    let (server, mut first) = start();
    let mut second = Client::connect(&server);
    check(&mut first, "GET", arity("get"));
    check(&mut second, "GET", arity("get"));
    // Commands of one packet see each other's errors.
    let batch = [encode(&["GET"]), encode(&["INFO", "errorstats"])].concat();
    let replies = [arity("get").into_bytes(), errorstats(&[("ERR", 3)])].concat();
    second.check(batch, replies);
    check(&mut first, "INFO errorstats", errorstats(&[("ERR", 3)]));
}

#[test]
#[ignore = "exercise 1: INFO errorstats"]
fn exercise_1_does_not_count_what_is_no_error() {
    let (_server, mut client) = start();
    let c = &mut client;
    check(c, "GET nobody", "$-1\r\n");
    check(c, "ECHO -ERR", bulk("-ERR"));
    check(c, "SET key -ERR", OK);
    check(c, "GET key", bulk("-ERR"));
    check(c, "INFO errorstats", errorstats(&[]));
    check_line(c, "INFO stats", "total_error_replies:0");
}

#[test]
#[ignore = "exercise 1: INFO errorstats"]
fn exercise_1_has_a_sum_and_forgets_both() {
    let (_server, mut client) = start();
    let c = &mut client;
    check_all(c, &["GET", "GET", "GET"], arity("get"));
    check(c, "HELLO 4", NO_PROTOCOL);
    check_line(c, "INFO stats", "total_error_replies:4");
    check(c, "CONFIG RESETSTAT", OK);
    check(c, "INFO errorstats", errorstats(&[]));
    check_line(c, "INFO stats", "total_error_replies:0");
    check(c, "HELLO 4", NO_PROTOCOL);
    check(c, "INFO errorstats", errorstats(&[("NOPROTO", 1)]));
    check_line(c, "INFO stats", "total_error_replies:1");
}

#[test]
#[ignore = "exercise 1: INFO errorstats"]
fn exercise_1_is_a_section_like_the_others() {
    let (_server, mut client) = start();
    let c = &mut client;
    check(c, "GET", arity("get"));
    for command in ["INFO", "INFO all", "INFO everything", "INFO default"] {
        check_line(c, command, "errorstat_ERR:count=1");
        let received = text(c, command);
        let mut titles = received.lines().filter(|line| line.starts_with("# "));
        let known = ["# Replication", "# Errorstats", "# Cluster"];
        let order: Vec<&str> = titles.by_ref().filter(|t| known.contains(t)).collect();
        assert_eq!(
            order, known,
            "the order of the sections\n  sent      {command}\n  received  (left) and what Redis \
             says (right)"
        );
    }
}

const INVALID: &str = "-ERR Invalid command specified\r\n";
const NO_KEYS: &str = "-ERR The command has no key arguments\r\n";
const WRONG_NUMBER: &str = "-ERR Invalid number of arguments specified for command\r\n";

#[test]
#[ignore = "exercise 2: COMMAND GETKEYSANDFLAGS"]
fn exercise_2_executes_nothing() {
    let (_server, mut client) = start();
    let c = &mut client;
    check(c, "SET a 1", OK);
    for (command, keys) in [
        ("DEL a", &[("a", "RM delete")][..]),
        ("SET a 2", &[("a", "OW update")]),
        ("SET b 2", &[("b", "OW update")]),
        // SET would refuse it, but SET is not asked.
        ("SET a 2 NX XX", &[("a", "OW update")]),
    ] {
        let command = format!("COMMAND GETKEYSANDFLAGS {command}");
        check(c, &command, accesses('*', keys));
    }
    check(c, "GET a", bulk("1"));
    check(c, "EXISTS b", int(0));
}

#[test]
#[ignore = "exercise 2: COMMAND GETKEYSANDFLAGS"]
fn exercise_2_refuses_in_this_order() {
    let (_server, mut client) = start();
    let c = &mut client;
    let ask = "COMMAND GETKEYSANDFLAGS";
    let unknown = [
        "NOSUCH a",
        "OBJECT NOSUCH a",
        "OBJECT|ENCODING a",
        "GET|a b",
    ];
    let keyless = [
        "ECHO a",
        "ECHO a b c d",
        "CONFIG GET a",
        "KEYS a*",
        "SCAN 0",
        "OBJECT HELP",
    ];
    let wrong = [
        "GET a b",
        "SET a",
        "RENAME a",
        "OBJECT ENCODING",
        "OBJECT ENCODING a b",
    ];
    let asking = |words: &[&str]| -> Vec<String> {
        words.iter().map(|word| format!("{ask} {word}")).collect()
    };
    for (commands, reply) in [
        (asking(&unknown), INVALID),
        (asking(&keyless), NO_KEYS),
        (asking(&wrong), WRONG_NUMBER),
    ] {
        for command in commands {
            check(c, &command, reply);
        }
    }
    let name = ask.to_lowercase().replace(' ', "|");
    check_all(c, &[ask, &format!("{ask} GET")], arity(&name));
}

/// The reply of COMMAND GETKEYSANDFLAGS for these keys, each with the words that
/// say what would happen to it; `set` is how a set begins.
fn accesses(set: char, keys: &[(&str, &str)]) -> Vec<u8> {
    let mut reply = format!("*{}\r\n", keys.len()).into_bytes();
    for (key, access) in keys {
        let words: Vec<&str> = access.split(' ').collect();
        reply.extend_from_slice(b"*2\r\n");
        reply.extend(bulk(key));
        reply.extend(format!("{set}{}\r\n", words.len()).bytes());
        reply.extend(words.iter().flat_map(|w| format!("+{w}\r\n").into_bytes()));
    }
    reply
}

#[test]
#[ignore = "exercise 2: COMMAND GETKEYSANDFLAGS"]
fn exercise_2_says_what_happens_to_each_key() {
    let (_server, mut client) = start();
    let c = &mut client;
    for (command, keys) in [
        ("GET a", &[("a", "RO access")][..]),
        ("EXISTS a", &[("a", "RO")]),
        ("STRLEN a", &[("a", "RO")]),
        ("INCRBY a 1", &[("a", "RW access update")]),
        ("GETDEL a", &[("a", "RW access delete")]),
        ("APPEND a 1", &[("a", "RW insert")]),
        ("SETRANGE a 0 b", &[("a", "RW update")]),
        ("SETNX a 1", &[("a", "OW insert")]),
        ("DEL a b", &[("a", "RM delete"), ("b", "RM delete")]),
        ("MGET a a", &[("a", "RO access"), ("a", "RO access")]),
        ("COPY a b", &[("a", "RO access"), ("b", "OW update")]),
        (
            "RENAME a b",
            &[("a", "RW access delete"), ("b", "OW update")],
        ),
        (
            "RENAMENX a b",
            &[("a", "RW access delete"), ("b", "OW insert")],
        ),
        ("MSET a 1 b 2", &[("a", "OW update"), ("b", "OW update")]),
        ("object encoding a", &[("a", "RO")]),
    ] {
        let command = format!("COMMAND GETKEYSANDFLAGS {command}");
        check(c, &command, accesses('*', keys));
    }
    // Who has the handler of another command need not have its line in the table.
    for (command, access) in [
        ("GETRANGE a 0 1", "RO access"),
        ("SUBSTR a 0 1", "RO access"),
        ("TOUCH a", "RO"),
        ("TYPE a", "RO"),
        ("OBJECT REFCOUNT a", "RO"),
        ("GETSET a 1", "RW access update"),
        ("INCR a", "RW access update"),
        ("DECR a", "RW access update"),
        ("DECRBY a 1", "RW access update"),
        ("INCRBYFLOAT a 1", "RW access update"),
        ("MSETNX a 1", "OW insert"),
        ("UNLINK a", "RM delete"),
    ] {
        let keys = &[("a", access)];
        let command = format!("COMMAND GETKEYSANDFLAGS {command}");
        check(c, &command, accesses('*', keys));
    }
    // A set is a type of its own in RESP3.
    c.send("HELLO 3\r\n").reply();
    let reply = accesses('~', &[("a", "RO access")]);
    check(c, "COMMAND GETKEYSANDFLAGS GET a", reply);
}

#[test]
#[ignore = "exercise 2: COMMAND GETKEYSANDFLAGS"]
fn exercise_2_knows_when_set_reads() {
    let (_server, mut client) = start();
    let c = &mut client;
    let [writes, reads] = ["OW update", "RW access update"];
    for (command, access) in [
        ("SET a 1", writes),
        ("SET a 1 NX", writes),
        ("SET GET GET", writes),
        ("SET a 1 GET", reads),
        ("SET a 1 XX get", reads),
    ] {
        let key = command.split(' ').nth(1).unwrap_or_default();
        let command = format!("COMMAND GETKEYSANDFLAGS {command}");
        check(c, &command, accesses('*', &[(key, access)]));
    }
}

#[test]
#[ignore = "exercise 2: COMMAND GETKEYSANDFLAGS"]
fn exercise_2_is_in_the_table() {
    let (_server, mut client) = start();
    let c = &mut client;
    let start = ":-4\n*2\n+loading\n+stale\n:0\n:0\n:0";
    check_table(c, "command|getkeysandflags", start);
}

const BAD_OFFSET: &str = "-ERR bit offset is not an integer or out of range\r\n";
const BAD_BIT: &str = "-ERR bit is not an integer or out of range\r\n";

#[test]
#[ignore = "exercise 3: SETBIT, GETBIT and BITCOUNT"]
fn exercise_3_bit_0_is_the_highest_of_the_first_byte() {
    let (_server, mut client) = start();
    let c = &mut client;
    check(c, "SETBIT seen 0 1", int(0));
    check(c, "GET seen", bulk(b"\x80"));
    check(c, "SETBIT seen 7 1", int(0));
    check(c, "GET seen", bulk(b"\x81"));
    check(c, "SETBIT seen 0 0", int(1));
    check(c, "GET seen", bulk(b"\x01"));
    check(c, "SETBIT seen 7 1", int(1));
    check(c, "SETBIT seen 7 0", int(1));
    check(c, "SETBIT seen 7 0", int(0));
    check(c, "GET seen", bulk(b"\0"));
}

#[test]
#[ignore = "exercise 3: SETBIT, GETBIT and BITCOUNT"]
fn exercise_3_a_string_grows_with_zero_bytes() {
    let (_server, mut client) = start();
    let c = &mut client;
    check(c, "SETBIT seen 23 1", int(0));
    check(c, "GET seen", bulk(b"\0\0\x01"));
    check(c, "SETBIT seen 0 1", int(0));
    check(c, "GET seen", bulk(b"\x80\0\x01"));
    // Setting what is 0 already to 0 makes the string longer too.
    check(c, "SETBIT seen 32 0", int(0));
    check(c, "STRLEN seen", int(5));
    check(c, "SETBIT fresh 8 0", int(0));
    check(c, "GET fresh", bulk(b"\0\0"));
    // Looking behind the end does not.
    check(c, "GETBIT seen 800", int(0));
    check(c, "STRLEN seen", int(5));
    check(c, "GETBIT nobody 7", int(0));
    check(c, "EXISTS nobody", int(0));
}

#[test]
#[ignore = "exercise 3: SETBIT, GETBIT and BITCOUNT"]
fn exercise_3_any_string_is_a_bitmap() {
    let (_server, mut client) = start();
    let c = &mut client;
    // "4" is 00110100 and "5" is 00110101.
    check(c, "SET number 42", OK);
    for (offset, on) in [0, 0, 1, 1, 0, 1, 0, 0].into_iter().enumerate() {
        check(c, &format!("GETBIT number {offset}"), int(on));
    }
    check(c, "BITCOUNT number", int(6));
    check(c, "OBJECT ENCODING number", bulk("int"));
    check(c, "SETBIT number 7 1", int(0));
    check(c, "GET number", bulk("52"));
    check(c, "OBJECT ENCODING number", bulk("raw"));
    check(c, "INCR number", int(53));
    check(c, "SET word hello", OK);
    check(c, "SETBIT word 0 0", int(0));
    check(c, "OBJECT ENCODING word", bulk("raw"));
    check(c, "GET word", bulk("hello"));
    check(c, "SETBIT fresh 1 0", int(0));
    check(c, "OBJECT ENCODING fresh", bulk("raw"));
}

#[test]
#[ignore = "exercise 3: SETBIT, GETBIT and BITCOUNT"]
fn exercise_3_refuses_before_it_changes_anything() {
    let (_server, mut client) = start();
    let c = &mut client;
    for offset in [
        "x",
        "",
        "-1",
        "01",
        "1.5",
        "4294967296",
        "9223372036854775808",
    ] {
        check(c, &format!("GETBIT seen {offset}"), BAD_OFFSET);
        check(c, &format!("SETBIT seen {offset} 1"), BAD_OFFSET);
        check(c, &format!("SETBIT seen {offset} 2"), BAD_OFFSET);
    }
    for bit in ["2", "-1", "x", "", "01", "true"] {
        check(c, &format!("SETBIT seen 1 {bit}"), BAD_BIT);
    }
    check(c, "EXISTS seen", int(0));
    check(c, "SET seen 42", OK);
    check(c, "SETBIT seen 100 2", BAD_BIT);
    check(c, "GET seen", bulk("42"));
    check(c, "OBJECT ENCODING seen", bulk("int"));
    check_all(c, &["SETBIT seen 1", "SETBIT seen 1 1 1"], arity("setbit"));
    check_all(c, &["GETBIT seen", "GETBIT seen 1 1"], arity("getbit"));
    check(c, "BITCOUNT", arity("bitcount"));
}

#[test]
#[ignore = "exercise 3: SETBIT, GETBIT and BITCOUNT"]
fn exercise_3_the_limit_is_that_of_strings() {
    let (_server, mut client) = start();
    let c = &mut client;
    check(c, "GETBIT seen 4294967295", int(0));
    check(c, "GETBIT seen 4294967296", BAD_OFFSET);
    check(c, "CONFIG SET proto-max-bulk-len 1mb", OK);
    check(c, "SETBIT seen 8388607 1", int(0));
    check(c, "STRLEN seen", int(1024 * 1024));
    check(c, "BITCOUNT seen", int(1));
    check_all(
        c,
        &["SETBIT seen 8388608 1", "GETBIT seen 8388608"],
        BAD_OFFSET,
    );
    check(c, "CONFIG SET proto-max-bulk-len 1gb", OK);
    check(c, "GETBIT seen 4294967296", int(0));
}

#[test]
#[ignore = "exercise 3: SETBIT, GETBIT and BITCOUNT"]
fn exercise_3_counts_in_a_range_of_bytes() {
    let (_server, mut client) = start();
    let c = &mut client;
    check(c, "SET word foobar", OK);
    check(c, "BITCOUNT word", int(26));
    for (range, count) in [
        ("0 0", 4),
        ("1 1", 6),
        ("1 1 BYTE", 6),
        ("1 2 byte", 12),
        ("0 -1", 26),
        ("-2 -1", 7),
        ("-100 0", 4),
        ("4 100", 7),
        ("5 3", 0),
        ("-1 -2", 0),
        ("6 100", 0),
        ("-9223372036854775808 9223372036854775807", 26),
    ] {
        check(c, &format!("BITCOUNT word {range}"), int(count));
    }
    // Backwards before anything is cut off is backwards.
    check(c, "SET short abc", OK);
    for (range, count) in [("-5 -7", 0), ("-7 -5", 3), ("-1 -7", 0), ("-5 -5", 3)] {
        check(c, &format!("BITCOUNT short {range}"), int(count));
    }
}

#[test]
#[ignore = "exercise 3: SETBIT, GETBIT and BITCOUNT"]
fn exercise_3_counts_in_a_range_of_bits() {
    let (_server, mut client) = start();
    let c = &mut client;
    check(c, "SET word foobar", OK);
    for (range, count) in [
        ("5 30", 17),
        ("0 0", 0),
        ("1 1", 1),
        ("1 6", 4),
        ("2 2", 1),
        ("7 8", 0),
        ("8 15", 6),
        ("0 -1", 26),
        ("-8 -1", 4),
        ("-9 -1", 5),
        ("40 1000", 4),
        ("48 1000", 0),
        ("9 8", 0),
        ("-9223372036854775808 9223372036854775807", 26),
    ] {
        check(c, &format!("BITCOUNT word {range} BIT"), int(count));
    }
    check(c, "BITCOUNT word -50 -60 BIT", int(0));
    // One bit at a time they add up to all of them, and are what GETBIT says.
    for offset in 0..48 {
        c.send(encode(&["GETBIT", "word", &offset.to_string()]));
        let bit = c.reply();
        check(c, &format!("BITCOUNT word {offset} {offset} bit"), bit);
    }
}

#[test]
#[ignore = "exercise 3: SETBIT, GETBIT and BITCOUNT"]
fn exercise_3_bitcount_checks_its_arguments() {
    let (_server, mut client) = start();
    let c = &mut client;
    check(c, "SET word foobar", OK);
    let wrong = [
        "BITCOUNT word 0",
        "BITCOUNT word 0 1 NIBBLE",
        "BITCOUNT word 0 1 BIT BYTE",
    ];
    check_all(c, &wrong, SYNTAX);
    let wrong = [
        "BITCOUNT word 0 x",
        "BITCOUNT word x 1",
        "BITCOUNT word x 1 NIBBLE",
    ];
    check_all(c, &wrong, NOT_AN_INTEGER);
    // Where there is no key, the rest may be anything.
    let nobody = [
        "BITCOUNT nobody",
        "BITCOUNT nobody 0 1 BIT",
        "BITCOUNT nobody 0",
        "BITCOUNT nobody x y",
        "BITCOUNT nobody 0 1 NIBBLE",
        "BITCOUNT nobody 1 2 3 4 5",
    ];
    check_all(c, &nobody, int(0));
    check(c, "EXISTS nobody", int(0));
}

#[test]
#[ignore = "exercise 3: SETBIT, GETBIT and BITCOUNT"]
fn exercise_3_is_in_the_table() {
    let (_server, mut client) = start();
    let c = &mut client;
    check_table(c, "getbit", ":3\n*2\n+readonly\n+fast\n:1\n:1\n:1");
    check_table(c, "setbit", ":4\n*2\n+write\n+denyoom\n:1\n:1\n:1");
    check_table(c, "bitcount", ":-2\n*1\n+readonly\n:1\n:1\n:1");
}

/// The two strings of Redis's own example.
#[track_caller]
fn set_texts(client: &mut Client) {
    check(client, "MSET a ohmytext b mynewtext", OK);
}

#[test]
#[ignore = "exercise 4: LCS"]
fn exercise_4_finds_what_two_strings_have_in_common() {
    let (_server, mut client) = start();
    let c = &mut client;
    set_texts(c);
    check(c, "LCS a b", bulk("mytext"));
    check(c, "LCS a b LEN", int(6));
    check(c, "LCS a b len", int(6));
    check(c, "LCS a a", bulk("ohmytext"));
    check(c, "MSET x 1234 y 2341", OK);
    check(c, "LCS x y", bulk("234"));
    check(c, "OBJECT ENCODING x", bulk("int"));
    c.check(
        encode(&[&b"MSET"[..], b"v", b"\0\r\n\xff", b"w", b"\n\0\xff"]),
        OK,
    );
    check(c, "LCS v w", bulk(b"\n\xff"));
}

#[test]
#[ignore = "exercise 4: LCS"]
fn exercise_4_a_missing_key_is_an_empty_string() {
    let (_server, mut client) = start();
    let c = &mut client;
    set_texts(c);
    c.check(encode(&["SET", "empty", ""]), OK);
    for command in [
        "LCS a nobody",
        "LCS nobody a",
        "LCS nobody nobody",
        "LCS a empty",
    ] {
        check(c, command, bulk(""));
        check(c, &format!("{command} LEN"), int(0));
    }
    check(c, "EXISTS nobody", int(0));
}

/// There may be several that are the longest. Clients see which one it is.
#[test]
#[ignore = "exercise 4: LCS"]
fn exercise_4_chooses_as_redis_does() {
    let (_server, mut client) = start();
    let c = &mut client;
    check(c, "MSET p ab q ba x abcbdab y bdcaba", OK);
    check(c, "LCS p q", bulk("b"));
    check(c, "LCS q p", bulk("a"));
    check(c, "LCS x y", bulk("bdab"));
    check(c, "LCS y x", bulk("bcba"));
}

#[test]
#[ignore = "exercise 4: LCS"]
fn exercise_4_checks_its_options() {
    let (_server, mut client) = start();
    let c = &mut client;
    set_texts(c);
    check_all(c, &["LCS", "LCS a"], arity("lcs"));
    let wrong = ["LCS a b NOSUCH", "LCS a b LEN NOSUCH", "LCS a b 4"];
    check_all(c, &wrong, SYNTAX);
    check(c, "LCS a b LEN LEN", int(6));
}

/// A solution that tries all subsequences does not come to an end here.
#[test]
#[ignore = "exercise 4: LCS"]
fn exercise_4_takes_the_product_of_the_lengths() {
    let (_server, mut client) = start();
    let c = &mut client;
    let [ab, ba] = ["ab", "ba"].map(|pair| pair.repeat(500));
    c.check(encode(&["MSET", "a", &ab, "b", &ba]), OK);
    check(c, "LCS a b LEN", int(999));
    check(c, "LCS a b", bulk("ba".repeat(499) + "b"));
}

#[test]
#[ignore = "exercise 4: LCS"]
fn exercise_4_bounds_the_memory() {
    let (_server, mut client) = start();
    let c = &mut client;
    check(c, "CONFIG SET proto-max-bulk-len 1mb", OK);
    // 512 × 512 cells of 4 bytes are 1 MiB.
    let (fits, too_long) = ("a".repeat(511), "a".repeat(512));
    c.check(
        encode(&["MSET", "a", &fits, "b", &fits, "c", &too_long]),
        OK,
    );
    check(c, "LCS a b LEN", int(511));
    let refused =
        "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len\r\n";
    check_all(c, &["LCS a c LEN", "LCS c a"], refused);
    // First the options, then the memory.
    check(c, "LCS a c NOSUCH", SYNTAX);
    check(c, "LCS c nobody LEN", int(0));
    check(c, "CONFIG SET proto-max-bulk-len 2mb", OK);
    check(c, "LCS a c LEN", int(511));
    // 32768 × 32768 cells are 2^32 bytes, and 65536 × 65536 are 2^32 cells: a
    // product of 32 bits starts again at 0.
    for length in [32767, 65535] {
        for key in ["d", "e"] {
            let command = format!("SETRANGE {key} {} x", length - 1);
            check(c, &command, int(length));
        }
        check_all(c, &["LCS d e LEN", "LCS e d"], refused);
    }
}

#[test]
#[ignore = "exercise 4: LCS"]
fn exercise_4_is_in_the_table() {
    let (_server, mut client) = start();
    check_table(&mut client, "lcs", ":-3\n*1\n+readonly\n:1\n:2\n:1");
}
