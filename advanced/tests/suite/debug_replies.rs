//! DEBUG PROTOCOL, ERROR, REPLICATE and CHANGE-REPL-ID: what tests of clients and of replication need.
//!
//! Reread: advanced/README.md#the-advanced-track

use crate::client::Client;
use crate::clients_seen::{ask, info};
use crate::harness::{Server, wait_until};

const FLAGS: [&str; 2] = ["--enable-debug-command", "yes"];

/// A type, and what it is in RESP2 and in RESP3.
const TYPES: [(&str, &str, &str); 11] = [
    ("string", "$11\r\nHello World\r\n", "$11\r\nHello World\r\n"),
    ("integer", ":12345\r\n", ":12345\r\n"),
    ("double", "$5\r\n3.141\r\n", ",3.141\r\n"),
    (
        "bignum",
        "$37\r\n1234567999999999999999999999999999999\r\n",
        "(1234567999999999999999999999999999999\r\n",
    ),
    ("null", "$-1\r\n", "_\r\n"),
    (
        "array",
        "*3\r\n:0\r\n:1\r\n:2\r\n",
        "*3\r\n:0\r\n:1\r\n:2\r\n",
    ),
    (
        "set",
        "*3\r\n:0\r\n:1\r\n:2\r\n",
        "~3\r\n:0\r\n:1\r\n:2\r\n",
    ),
    (
        "map",
        "*6\r\n:0\r\n:0\r\n:1\r\n:1\r\n:2\r\n:0\r\n",
        "%3\r\n:0\r\n#f\r\n:1\r\n#t\r\n:2\r\n#f\r\n",
    ),
    (
        "verbatim",
        "$25\r\nThis is a verbatim\nstring\r\n",
        "=29\r\ntxt:This is a verbatim\nstring\r\n",
    ),
    ("true", ":1\r\n", "#t\r\n"),
    ("false", ":0\r\n", "#f\r\n"),
];

#[test]
fn a_reply_of_every_type() {
    let server = Server::start_with(&FLAGS);
    let (mut old, mut new) = (Client::connect(&server), Client::connect(&server));
    new.send("HELLO 3\r\n").reply();
    for (name, resp2, resp3) in TYPES {
        old.check(format!("DEBUG PROTOCOL {name}\r\n"), resp2);
        new.check(format!("DEBUG PROTOCOL {name}\r\n"), resp3);
    }
    let attribute = "$39\r\nSome real reply following the attribute\r\n";
    old.check("DEBUG PROTOCOL attrib\r\n", attribute);
    let said = "|1\r\n$14\r\nkey-popularity\r\n*2\r\n$7\r\nkey:123\r\n:90\r\n";
    new.check("DEBUG PROTOCOL attrib\r\n", format!("{said}{attribute}"));
    let refused = "-ERR RESP2 is not supported by this command\r\n";
    old.check("DEBUG PROTOCOL push\r\n", refused);
    let push = ">2\r\n$16\r\nserver-cpu-usage\r\n:42\r\n";
    let reply = "$40\r\nSome real reply following the push reply\r\n";
    new.check("DEBUG PROTOCOL push\r\n", format!("{push}{reply}"));
    let wrong = "-ERR Wrong protocol type name. Please use one of the following: \
                 string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false";
    assert_eq!(ask(&mut old, "DEBUG PROTOCOL what"), wrong);
}

#[test]
fn an_error_and_a_line_in_the_log() {
    let server = Server::start_with(&FLAGS);
    let mut c = Client::connect(&server);
    let error = "*3\r\n$5\r\nDEBUG\r\n$5\r\nERROR\r\n$8\r\nMY a\r\nb!\r\n";
    c.check(error, "-MY a  b!\r\n");
    c.check("DEBUG LOG something\r\n", "+OK\r\n");
    wait_until("it is in the log", || {
        server.log().contains("DEBUG LOG: something")
    });
}

#[test]
fn the_feed_gets_another_name_and_what_only_replicas_execute() {
    let (primary, replica) = (Server::start_with(&FLAGS), Server::start());
    let (mut p, mut r) = (Client::connect(&primary), Client::connect(&replica));
    let port = primary.addr().port();
    r.check(format!("REPLICAOF 127.0.0.1 {port}\r\n"), "+OK\r\n");
    wait_until("it is online", || ask(&mut p, "WAIT 1 1") == ":1");
    p.check("DEBUG REPLICATE SET a 1\r\n", "+OK\r\n");
    wait_until("the replica has it", || ask(&mut r, "GET a") == "1");
    assert_eq!(ask(&mut p, "GET a"), "");
    let id = info(&mut p, "master_replid");
    p.check("DEBUG CHANGE-REPL-ID\r\n", "+OK\r\n");
    assert_ne!(info(&mut p, "master_replid"), id);
    assert_eq!(info(&mut p, "master_replid2"), "0".repeat(40));
}
