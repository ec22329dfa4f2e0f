//! What replicas may cost their primary: nothing after they have gone, and never more than the
//! limit allows.
//!
//! Reread: 08-replication/GUIDE.md#the-idea

use std::net::TcpStream;

use crate::client::Client;
use crate::harness::{Server, wait_until};
use crate::replicas::{Reader, file, info, start};
use crate::session::{OK, Session, encode, int};

/// Gives the server a data set of which the file takes a while to write and little to send.
fn slow_to_write(session: &mut Session) {
    for key in ["big:1", "big:2", "big:3", "big:4"] {
        let length = 32 * 1024 * 1024;
        session.expect(&format!("SETRANGE {key} {} x", length - 1), int(length));
    }
}

/// A client that says it and is not heard of again, as long as it is held.
fn ask(server: &Server, request: &[u8]) -> TcpStream {
    let mut client = Client::connect(server);
    client.send(request);
    client.socket.try_clone().expect("a handle")
}

fn wait_until_gone(session: &mut Session) {
    wait_until("no replica is left", || {
        info(session, "connected_slaves") == "0"
    });
}

/// Whatever ends the connection of a replica, and whenever.
#[test]
fn a_replica_that_goes_is_forgotten() {
    let (server, mut c) = start(&[]);
    for _ in 0..3 {
        drop(ask(&server, b"PSYNC ? -1\r\n*1\r\nX\r\n"));
        drop(ask(&server, b"PSYNC ? -1\r\n"));
        drop(ask(&server, b"SYNC\r\n"));
        drop(Reader::connect(&server));
    }
    wait_until_gone(&mut c);
    c.expect("SET a 1", OK);
    c.expect("PING", "+PONG\r\n");
}

#[test]
fn a_file_that_nobody_waits_for_is_not_written() {
    let (server, mut c) = start(&[]);
    slow_to_write(&mut c);
    let before = server.open_files();
    let flood: Vec<_> = (0..12).map(|_| ask(&server, b"PSYNC ? -1\r\n")).collect();
    wait_until("all have asked", || {
        info(&mut c, "connected_slaves") == "12"
    });
    drop(flood);
    wait_until_gone(&mut c);
    wait_until("all files are closed", || server.open_files() <= before);
}

/// The second one comes while the file for the first is being written, after a write: it gets
/// the same file, and that write from the feed.
#[test]
fn replicas_that_wait_share_a_file() {
    let (server, mut c) = start(&[]);
    c.expect("CONFIG SET repl-diskless-sync no", OK);
    slow_to_write(&mut c);
    c.expect("SET n 1", OK);
    wait_until("two share a file", || {
        let first = Reader::begin(&server);
        let number = c.call(&["INCR", "n"]);
        let second = Reader::begin(&server);
        if first.offset != second.offset {
            return false;
        }
        for mut reader in [first, second] {
            reader.file = file(&mut reader.client);
            assert!(reader.file.starts_with(b"REDIS00"));
            assert_eq!(reader.command(), ["INCR", "n"]);
        }
        c.expect("INCRBY n 0", number);
        true
    });
}

/// While it is being sent its file, what is written meanwhile waits for a replica; up to the
/// limit.
#[test]
fn a_replica_that_takes_no_file_holds_the_feed_up_to_its_limit() {
    let (server, mut c) = start(&[]);
    // More than the buffers of the sockets hold.
    let noise = noise(1 << 20);
    for i in 0..20 {
        c.expect_args(&[b"SET", format!("{i}").as_bytes(), &noise[..]], OK);
    }
    let limit = "replica 4mb 0 0";
    c.expect_args(&["CONFIG", "SET", "client-output-buffer-limit", limit], OK);
    let _held = ask(&server, b"PSYNC ? -1\r\n");
    wait_until("it is being sent its file", || {
        info(&mut c, "slave0").contains("state=send_bulk")
    });
    flood_feed(&server, &mut c, &noise);
}

#[test]
fn a_replica_that_takes_no_writes_holds_them_up_to_its_limit() {
    let (server, mut c) = start(&[]);
    let limit = "replica 4mb 0 0";
    c.expect_args(&["CONFIG", "SET", "client-output-buffer-limit", limit], OK);
    let _held = Reader::connect(&server);
    wait_until("it gets the feed", || {
        info(&mut c, "slave0").contains("state=online")
    });
    flood_feed(&server, &mut c, &noise(1 << 20));
}

/// Writes 100 MB at once, of which the server must hold next to nothing.
fn flood_feed(server: &Server, session: &mut Session, value: &[u8]) {
    let before = server.peak_memory();
    let commands = encode(&[b"SET", &b"a"[..], value]).repeat(20);
    for _ in 0..5 {
        session.send(&commands);
        (0..20).for_each(|_| assert_eq!(session.reply(), OK.as_bytes()));
    }
    wait_until_gone(session);
    if let (Some(before), Some(after)) = (before, server.peak_memory()) {
        let grown = after.saturating_sub(before) / 1024;
        assert!(grown < 50, "{grown} MB more for a limit of 4 MB");
    }
}

/// Bytes that cannot be compressed.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}
