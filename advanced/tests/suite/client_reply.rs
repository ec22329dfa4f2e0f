//! CLIENT REPLY: which replies a client gets.
//!
//! Reread: advanced/chapters/003-client-lifecycle/GUIDE.md#the-idea

use crate::client::Client;
use crate::clients_seen::{wait_for_blocked, with_id};
use crate::harness::Server;

#[test]
fn off_is_for_all_replies_until_on() {
    let server = Server::start();
    let mut c = Client::connect(&server);
    c.send(
        "CLIENT REPLY OFF\r\nSET a 1\r\nGET a\r\nNOSUCH\r\nSET a\r\nCLIENT REPLY SKIP\r\nPING\r\n",
    );
    c.send("CLIENT REPLY OFF\r\nCLIENT REPLY what\r\n");
    c.expect_silence();
    c.check("CLIENT REPLY ON\r\n", "+OK\r\n");
    c.check("GET a\r\n", "$1\r\n1\r\n");
    c.check("CLIENT REPLY what\r\n", "-ERR syntax error\r\n");
    c.check("CLIENT REPLY ON\r\n", "+OK\r\n");
}

#[test]
fn skip_is_for_one_reply() {
    let server = Server::start();
    let mut c = Client::connect(&server);
    c.send("CLIENT REPLY SKIP\r\nPING a\r\nPING b\r\nPING c\r\n");
    c.expect("$1\r\nb\r\n$1\r\nc\r\n");
    c.send("CLIENT REPLY SKIP\r\nCLIENT REPLY SKIP\r\nPING a\r\nPING b\r\n");
    c.expect("$1\r\nb\r\n");
    c.send("CLIENT REPLY SKIP\r\nCLIENT REPLY ON\r\nPING\r\n");
    c.expect("+OK\r\n+PONG\r\n");
    c.send("CLIENT REPLY SKIP\r\nNOSUCH\r\nPING\r\n")
        .expect("+PONG\r\n");
}

#[test]
fn a_reply_that_comes_late_is_left_out_too() {
    let server = Server::start();
    let (mut other, (mut c, id)) = (Client::connect(&server), with_id(&server));
    for how in ["SKIP", "OFF"] {
        c.send(format!("CLIENT REPLY {how}\r\nWAIT 1 0\r\n"));
        wait_for_blocked(&mut other, 1);
        other.check(format!("CLIENT UNBLOCK {id} ERROR\r\n"), ":1\r\n");
        c.check("CLIENT REPLY ON\r\n", "+OK\r\n");
    }
}

/// A message is no reply.
#[test]
fn messages_come_nevertheless() {
    let server = Server::start();
    let (mut c, mut other) = (Client::connect(&server), Client::connect(&server));
    c.send("CLIENT REPLY OFF\r\nSUBSCRIBE a\r\nPING\r\nSUBSCRIBE\r\n");
    c.expect("*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
    other.check("PUBLISH a x\r\n", ":1\r\n");
    c.expect("*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n");
    c.send("UNSUBSCRIBE\r\n");
    c.expect("*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n");
    c.send("HELLO 3\r\nSUBSCRIBE a\r\nPUBLISH a y:1\r\nPING\r\n");
    c.expect(
        ">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n>3\r\n$7\r\nmessage\r\n$1\r\na\r\n$3\r\ny:1\r\n",
    );
    c.check("CLIENT REPLY ON\r\n", "+OK\r\n");
}

#[test]
fn reset_ends_it() {
    let server = Server::start();
    let mut c = Client::connect(&server);
    c.send("CLIENT REPLY OFF\r\nPING\r\n");
    c.check("RESET\r\n", "+RESET\r\n");
    c.check("PING\r\n", "+PONG\r\n");
}

/// With an AOF each reply to a write waits until it is safe. There is none here.
#[test]
fn writes_without_replies_are_written() {
    let flags = ["--appendonly", "yes", "--appendfsync", "always"];
    let server = Server::start_with(&flags);
    let mut c = Client::connect(&server);
    let sets: String = (0..500).map(|i| format!("SET key:{i} {i}\r\n")).collect();
    c.send(format!(
        "CLIENT REPLY OFF\r\n{sets}CLIENT REPLY ON\r\nDBSIZE\r\n"
    ));
    c.expect("+OK\r\n:500\r\n");
}
