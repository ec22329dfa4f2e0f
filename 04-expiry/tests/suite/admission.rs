//! Which clients may connect: maxclients and protected mode.
//!
//! Reread: 02-resp-parser/GUIDE.md#who-may-connect

use crate::client::Client;
use crate::harness::{Server, is_other_server, wait_until};

const FULL: &str = "-ERR max number of clients reached\r\n";

/// A client, if it is let in.
fn served(server: &Server) -> Option<Client> {
    let mut client = Client::connect(server);
    client.send("PING\r\n");
    client.line().starts_with("+PONG").then_some(client)
}

#[test]
fn there_is_room_for_so_many_clients() {
    let server = Server::start_with(&["--maxclients", "5"]);
    let mut clients = Vec::new();
    // The server may not have noticed yet that somebody who looked whether it is there has gone.
    wait_until("five are in", || {
        clients.extend(served(&server));
        clients.len() == 5
    });
    for _ in 0..3 {
        Client::connect(&server).expect_start(FULL).expect_closed();
    }
    clients.pop();
    wait_until("there is room again", || {
        clients.extend(served(&server));
        clients.len() == 5
    });
    Client::connect(&server).expect_start(FULL).expect_closed();
    for client in &mut clients {
        client.check("PING\r\n", "+PONG\r\n");
    }
}

/// Redis starts, and refuses each client instead.
#[test]
fn an_open_port_has_to_be_wanted() {
    if is_other_server() {
        return eprintln!("not tested: how another server protects itself");
    }
    let said = Server::refuses_flags(&["--bind", "0.0.0.0"]);
    assert!(said.contains("--protected-mode no"), "{said}");
    assert_eq!(said.trim().lines().count(), 1, "{said}");
    // With `no` it would be open to all; so here it is this machine's address.
    let server = Server::start_with(&["--protected-mode", "no"]);
    Client::connect(&server).check("PING\r\n", "+PONG\r\n");
}
