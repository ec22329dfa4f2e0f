//! What replicas may cost their primary: nothing after they have gone, and never more than the
//! limit allows.
//!
//! Reread: 08-replication/GUIDE.md#the-idea

use std::fs;
use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::harness::{Server, is_other_server, wait_until};
use crate::log::data_folder;
use crate::replicas::{
    Reader, Writer, empty_file, file, follow, info, prepare, start, wait_for_link, wait_for_offset,
};
use crate::session::{OK, Session, encode, int};

/// Gives the server a data set of which the file takes a while to write and little to send: four
/// values of so many MiB.
fn slow_to_write(session: &mut Session, size: i64) {
    for key in ["big:1", "big:2", "big:3", "big:4"] {
        let length = size * 1024 * 1024;
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
    slow_to_write(&mut c, 32);
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
    // Redis shares a file, not what it writes into sockets.
    c.call(&["CONFIG", "SET", "repl-diskless-sync", "no"]);
    slow_to_write(&mut c, 4);
    c.expect("SET n 1", OK);
    wait_until("two share a file", || {
        let first = Reader::begin(&server);
        let number = c.call(&["INCR", "n"]);
        let second = Reader::begin(&server);
        if first.offset != second.offset {
            has_a_file_of_its_own(second, &mut c);
            return false;
        }
        for mut reader in [first, second] {
            reader.file = file(&mut reader.client);
            assert!(reader.file.starts_with(b"REDIS00"));
            reader.expect(&["INCR", "n"]);
        }
        c.expect("INCRBY n 0", number);
        true
    });
}

/// It was told a later offset than the replica before it. So the write between the two is in its
/// file, and must not come again.
fn has_a_file_of_its_own(mut replica: Reader, session: &mut Session) {
    let said = replica.offset;
    session.expect("SET later 1", OK);
    file(&mut replica.client);
    let next = replica.command();
    assert!(
        next == ["SET", "later", "1"],
        "FULLRESYNC names an offset that is not its file's\n  said      {said}, which is after \
         INCR n\n  expected  SET later 1, as the next command of the feed\n  received  {}",
        next.join(" ")
    );
}

/// While it is being sent its file, what is written meanwhile waits for a replica; up to the
/// limit.
#[test]
fn a_replica_that_takes_no_file_holds_the_feed_up_to_its_limit() {
    let (server, mut c) = start(&[]);
    // More than the buffers of the sockets hold.
    let noise = noise(1 << 20);
    for i in 0..12 {
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

/// A link that exists goes by what is set now, and not by what was set when it began.
#[test]
fn how_long_silence_may_last_can_be_changed() {
    let (_server, mut c) = start(&["--repl-timeout", "3600"]);
    let writer = Writer::new();
    follow(&mut c, writer.addr());
    // In the middle of the file, and after it.
    for answer in [&b"$18\r\nREDIS"[..], &empty_file()] {
        let mut socket = writer.accept(answer);
        let state = if answer.len() < 18 {
            "sync"
        } else {
            "connected"
        };
        wait_until("the link is that far", || {
            let role = c.call(&["ROLE"]);
            role.windows(state.len()).any(|it| it == state.as_bytes())
        });
        c.expect("CONFIG SET repl-timeout 1", OK);
        let _ = socket.read_to_end(&mut Vec::new());
        c.expect("CONFIG SET repl-timeout 3600", OK);
    }
}

/// A large value comes, goes, and leaves no memory taken.
#[test]
fn a_replica_gives_back_the_memory_of_a_large_value() {
    let (primary, mut p) = start(&[]);
    let data = data_folder();
    // The allocator is to give back at once what it gets back. (Redis has another one.)
    let at_once = ["env", "MIMALLOC_PURGE_DELAY=0"].map(str::to_owned);
    let replica = Server::start_through(&at_once, data.path(), &[]);
    let mut r = prepare(&replica);
    follow(&mut r, primary.addr());
    wait_for_link(&mut r);
    let before = memory(&replica);
    let large = noise(64 << 20);
    p.expect_args(&[b"SET", &b"a"[..], &large], OK);
    p.expect("SET b 1", OK);
    wait_for_offset(&mut p, &mut r);
    p.expect("DEL a", int(1));
    // Another allocator may keep it until it is next asked for as much. So ask, for less than what
    // the link needed for the large value.
    wait_until("the memory is given back", || {
        wait_for_offset(&mut p, &mut r);
        let grown = memory(&replica)
            .zip(before)
            .map(|(now, before)| now.saturating_sub(before));
        let is_back = grown.is_none_or(|grown| grown < 60 * 1024);
        if !is_back {
            p.expect_args(&[b"SET", &b"c"[..], &large[..20 << 20]], OK);
            p.expect("DEL c", int(1));
        }
        is_back
    });
}

/// Each full sync costs the primary a file. If we cannot load that, the next one may wait.
#[test]
fn what_cannot_be_loaded_is_asked_for_less_and_less_often() {
    let (_server, mut c) = start(&[]);
    if is_other_server() {
        // Redis asks each second.
        return;
    }
    let writer = Writer::new();
    follow(&mut c, writer.addr());
    let broken = b"$20\r\nthis is no RDB file.";
    drop(writer.accept(broken));
    let begun = Instant::now();
    drop(writer.accept(broken));
    drop(writer.accept(broken));
    assert!(begun.elapsed() > Duration::from_millis(2900), "at once");
    // Whom it follows next has no part in that.
    let writer = Writer::new();
    follow(&mut c, writer.addr());
    let _socket = writer.accept(empty_file());
    wait_for_link(&mut c);
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

/// The memory that a server occupies, in KiB, where the system tells.
fn memory(server: &Server) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", server.process())).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
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
