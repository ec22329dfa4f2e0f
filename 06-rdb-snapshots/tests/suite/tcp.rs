//! Step 01's concept: many clients at once, and none can disturb the others.
//!
//! Reread: 01-tcp-echo/GUIDE.md#2-the-connection

use std::fs;
use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::harness::{Server, is_other_server, wait_until};
use crate::payload::{HELD_FOR_SLOW_READER, reply, request};

/// A megabyte.
const MB: usize = 1024 * 1024;

#[track_caller]
fn check(client: &mut Client, payload: &[u8]) {
    client.check(request(payload), reply(payload));
}

/// Reread: 01-tcp-echo/GUIDE.md#1-the-runtime-and-the-port
#[test]
fn a_server_that_has_started_can_be_connected_to() {
    let server = Server::start();
    TcpStream::connect(server.addr()).expect("an open port");
}

#[test]
fn bytes_come_back_as_they_were() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    let all: Vec<u8> = (0..=255).collect();
    check(&mut client, b"hello");
    check(&mut client, &all);
    check(&mut client, &all.repeat(1024));
}

#[test]
fn one_byte_at_a_time() {
    let server = Server::start();
    let mut client = Client::connect(&server);
    for byte in request(b"slowly") {
        client.send([byte]);
    }
    client.expect(reply(b"slowly"));
}

/// Reread: 01-tcp-echo/GUIDE.md#3-the-accept-loop
#[test]
fn two_hundred_clients_take_turns() {
    let server = Server::start();
    let mut clients: Vec<Client> = (0..200).map(|_| Client::connect(&server)).collect();
    for round in 0..5 {
        let payload = |number: usize| format!("client {number} in round {round}");
        for (number, client) in clients.iter_mut().enumerate() {
            client.send(request(payload(number).as_bytes()));
        }
        for (number, client) in clients.iter_mut().enumerate().rev() {
            client.expect(reply(payload(number).as_bytes()));
        }
    }
}

/// 10 MiB go to a client that reads a little at a time.
/// Reread: 01-tcp-echo/GUIDE.md#2-the-connection
#[test]
fn a_slow_reader_gets_everything_and_memory_is_bounded() {
    let server = Server::start();
    let payload = vec![b'x'; 64 * 1024];
    let (request, reply) = (request(&payload), reply(&payload));
    let before = server.peak_memory();
    let mut client = Client::connect(&server);
    let mut writer = client.socket.try_clone().expect("a second handle");
    let rounds = 10 * MB / payload.len();
    let sender = thread::spawn(move || {
        for _ in 0..rounds {
            // If this fails, the replies are missed below.
            let _ = writer.write_all(&request);
        }
    });
    // Somebody else is served all the while.
    let mut other = Client::connect(&server);
    for _ in 0..rounds {
        for piece in reply.chunks(16 * 1024) {
            client.expect(piece);
            check(&mut other, b"still here");
        }
    }
    sender.join().expect("the sender");
    if let (Some(before), Some(after), false) = (before, server.peak_memory(), is_other_server()) {
        let grown = after - before;
        assert!(grown < HELD_FOR_SLOW_READER, "grew by {grown} KiB");
    }
}

/// Reread: 01-tcp-echo/GUIDE.md#3-the-accept-loop
#[test]
fn a_client_that_vanishes_disturbs_nobody() {
    let mut server = Server::start();
    let mut other = Client::connect(&server);
    for _ in 0..50 {
        let mut client = Client::connect(&server);
        // Half a request, and replies that are never read: the system answers
        // what arrives later with a reset.
        let bytes = request(&[b'x'; 100_000]);
        client.send(&bytes).send(&bytes[..bytes.len() / 2]);
        drop(client);
        check(&mut other, b"undisturbed");
    }
    assert!(server.is_alive());
}

/// A socket that is closed with bytes in it that nobody has read sends a reset.
#[test]
fn clients_that_leave_take_their_sockets_along() {
    let server = Server::start();
    let mut other = Client::connect(&server);
    check(&mut other, b"before");
    let files = server.open_files();
    for _ in 0..20 {
        let mut rude = Client::connect(&server);
        rude.send(request(b"never read"));
        rude.socket.peek(&mut [0]).expect("a reply to leave unread");
        Client::connect(&server).send(b"*1");
        Client::connect(&server).finish().expect_closed();
    }
    check(&mut other, b"after");
    wait_until("the server has closed its ends", || {
        server.open_files() <= files
    });
}

#[test]
fn a_half_closed_connection_is_drained() {
    let server = Server::start();
    let payload: Vec<u8> = (0..MB).map(|number| (number % 251) as u8).collect();
    let mut client = Client::connect(&server);
    let mut writer = client.socket.try_clone().expect("a second handle");
    let bytes = request(&payload);
    let sender = thread::spawn(move || {
        // If this fails, the reply is missed below.
        let _ = writer.write_all(&bytes);
        let _ = writer.shutdown(Shutdown::Write);
    });
    client.expect(reply(&payload));
    client.expect_closed();
    sender.join().expect("the sender");
}

/// Redis lowers its maxclients to the limit instead, so only ours is tested.
/// Reread: 01-tcp-echo/GUIDE.md#3-the-accept-loop
#[test]
fn running_out_of_files_is_survived() {
    if is_other_server() {
        eprintln!("not tested: what another server does at its limit of files");
        return;
    }
    let server = Server::start_with_files(20);
    let mut first = Client::connect(&server);
    check(&mut first, b"before");
    let crowd: Vec<TcpStream> = (0..40)
        .map(|_| TcpStream::connect(server.addr()).expect("the system queues us"))
        .collect();
    check(&mut first, b"meanwhile");
    drop(crowd);
    // Room is there again; the server notices at its next try.
    check(&mut Client::connect(&server), b"after");
}

/// A client that cannot be accepted stays in the queue. Between two tries the server waits for 10 ms
/// at least.
///
/// Reread: 01-tcp-echo/GUIDE.md#3-the-accept-loop
#[test]
fn the_accept_loop_does_not_spin() {
    if is_other_server() {
        eprintln!("not tested: what another server has in its log");
        return;
    }
    let server = Server::start_with_files(20);
    let start = Instant::now();
    let _crowd: Vec<TcpStream> = (0..40)
        .map(|_| TcpStream::connect(server.addr()).expect("the system queues us"))
        .collect();
    let tries = || server.log().matches("cannot accept a connection").count();
    wait_until("there is no room for all", || tries() > 0);
    thread::sleep(Duration::from_millis(100));
    let tries = tries();
    let most = 1 + start.elapsed().as_millis() / 10;
    assert!(tries as u128 <= most, "{tries} tries, and at most {most}");
}

/// Reread: 01-tcp-echo/GUIDE.md#3-the-accept-loop
/// With `tcp-keepalive` the system has a timer on each connection: kind 2 in its list.
#[test]
fn the_system_asks_whether_a_client_is_there() {
    for (period, wanted) in [("100", true), ("0", false)] {
        let server = Server::start_with(&["--tcp-keepalive", period]);
        let mut client = Client::connect(&server);
        check(&mut client, b"hello");
        let (Ok(near), Ok(far)) = (client.socket.local_addr(), client.socket.peer_addr()) else {
            panic!("no addresses");
        };
        let Ok(list) = fs::read_to_string("/proc/net/tcp") else {
            return eprintln!("not tested: the system does not tell");
        };
        let ports = [far.port(), near.port()].map(|port| format!(":{port:04X}"));
        let timer = list.lines().find_map(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            let is_ours =
                fields.get(1)?.ends_with(&ports[0]) && fields.get(2)?.ends_with(&ports[1]);
            is_ours.then(|| fields.get(5).copied().unwrap_or_default().to_owned())
        });
        // Of a server in another network there is nothing in the list.
        if let Some(timer) = timer {
            assert_eq!(timer.starts_with("02:"), wanted, "{period}: {timer}");
        }
    }
}

/// Reread: 01-tcp-echo/GUIDE.md#build-it
#[test]
fn a_level_that_is_none_is_refused() {
    if is_other_server() {
        return eprintln!("not tested: what another server says of its flags");
    }
    let refused = Server::refuses_flags(&["--loglevel", "loud"]);
    assert!(refused.contains("debug, verbose, notice"), "{refused}");
}
