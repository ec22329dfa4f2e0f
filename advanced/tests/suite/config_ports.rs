//! CONFIG SET moves the port while clients are connected, and all that it sets is set, or nothing.
//!
//! Reread: advanced/chapters/003-client-lifecycle/README.md

use std::net::{SocketAddr, TcpListener, TcpStream};

use crate::harness::Server;
use crate::session::{OK, Session};

const PONG: &str = "+PONG\r\n";

/// What CONFIG SET says when it fails.
fn failed(name: &str, why: &str) -> String {
    format!("-ERR CONFIG SET failed (possibly related to argument '{name}') - {why}\r\n")
}

fn config(c: &mut Session, name: &str) -> String {
    let found = c.strings(&["CONFIG", "GET", name]);
    String::from_utf8_lossy(&found[1]).into_owned()
}

/// Lets the server listen on a port that is free. Somebody else may take it before the server does, so
/// there are more tries than one.
fn move_away(c: &mut Session, from: SocketAddr) -> SocketAddr {
    let mut moved = || {
        let free = TcpListener::bind((from.ip(), 0)).ok()?.local_addr().ok()?;
        let reply = c.call(&["CONFIG", "SET", "port", &free.port().to_string()]);
        (reply == OK.as_bytes()).then_some(free)
    };
    (0..10).find_map(|_| moved()).expect("a free port")
}

fn is_open(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_ok()
}

#[test]
fn the_port_moves_and_clients_stay() {
    let server = Server::start();
    let mut c = Session::connect(server.addr());
    let other = move_away(&mut c, server.addr());
    Session::connect(other).expect("PING", PONG);
    assert!(!is_open(server.addr()));
    c.expect("PING", PONG);
    let info = c.call(&["INFO", "server"]);
    let line = format!("tcp_port:{}\r\n", other.port());
    assert!(String::from_utf8_lossy(&info).contains(&line));
    c.expect("CONFIG SET port 0", OK);
    assert!(!is_open(other));
    c.expect(&format!("CONFIG SET port {}", server.addr().port()), OK);
    Session::connect(server.addr()).expect("PING", PONG);
}

#[test]
fn a_port_that_cannot_be_opened_changes_nothing() {
    let server = Server::start();
    let mut c = Session::connect(server.addr());
    let taken = TcpListener::bind((server.addr().ip(), 0)).expect("a port");
    let taken = taken.local_addr().map(|it| (it.port(), taken)).expect("it");
    let (maxclients, port) = (config(&mut c, "maxclients"), config(&mut c, "port"));
    c.expect(
        &format!("CONFIG SET maxclients 77 port {} timeout 99", taken.0),
        failed("port", "Unable to listen on this port. Check server logs."),
    );
    assert_eq!(config(&mut c, "maxclients"), maxclients);
    assert_eq!(config(&mut c, "port"), port);
    assert_eq!(config(&mut c, "timeout"), "0");
    Session::connect(server.addr()).expect("PING", PONG);
    // What is wrong by itself is found before anything is tried.
    let wrong = failed("timeout", "argument couldn't be parsed into an integer");
    c.expect("CONFIG SET port 0 timeout x", wrong);
    Session::connect(server.addr()).expect("PING", PONG);
}

/// Only Linux has all addresses that begin with 127.
#[test]
#[cfg(target_os = "linux")]
fn the_address_moves() {
    let server = Server::start();
    let mut c = Session::connect(server.addr());
    let other = SocketAddr::from(([127, 0, 0, 2], server.addr().port()));
    c.expect("CONFIG SET bind 127.0.0.2", OK);
    Session::connect(other).expect("PING", PONG);
    assert!(!is_open(server.addr()));
    c.expect_args(&["CONFIG", "SET", "bind", "127.0.0.1 127.0.0.2"], OK);
    Session::connect(other).expect("PING", PONG);
    Session::connect(server.addr()).expect("PING", PONG);
    // An address for documentation, which no machine has.
    let error = failed("bind", "Failed to bind to specified addresses.");
    c.expect("CONFIG SET bind 192.0.2.1", error);
    assert_eq!(config(&mut c, "bind"), "127.0.0.1 127.0.0.2");
    Session::connect(other).expect("PING", PONG);
    // One that may be missing is left out.
    c.expect_args(&["CONFIG", "SET", "bind", "127.0.0.1 -192.0.2.1"], OK);
    Session::connect(server.addr()).expect("PING", PONG);
    assert!(!is_open(other));
}
