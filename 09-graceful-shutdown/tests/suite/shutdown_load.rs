//! The end under load: many clients write, and the server is told to end at some moment. Each
//! write that was acknowledged is there after the restart, no reply is torn, and it does not take
//! long.
//!
//! Reread: 09-graceful-shutdown/GUIDE.md#what-can-go-wrong

use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::client::{patience, read};
use crate::harness::stopwatch::Stopwatch;
use crate::harness::{Server, amount, is_other_server, wait_until};
use crate::log::{ON, connect, data_folder};
use crate::replicas::{follow, start, wait_for_link};
use crate::session::{encode, int};

/// How many clients write at once.
const CLIENTS: usize = 50;

/// How many commands each sends with one packet.
const BATCH: usize = 20;

/// How many times it is done in all.
const ROUNDS: usize = 50;

/// The environment variable with another number, for those who have time.
const OTHER_ROUNDS: &str = "WORKSHOP_ROUNDS";

/// The server ends within this time, however busy it and the machine are.
const LIMIT: Duration = Duration::from_secs(10);

/// How one connection went.
#[derive(Debug)]
struct Account {
    /// How many writes were acknowledged, all of them from the first on.
    acknowledged: usize,
    /// What came behind the last whole reply.
    rest: Vec<u8>,
    /// How it ended.
    end: Result<(), ErrorKind>,
}

fn rounds() -> usize {
    let number = std::env::var(OTHER_ROUNDS).ok();
    let number = number.and_then(|text| text.parse().ok());
    number.unwrap_or(amount(ROUNDS))
}

/// Some moment, another one in each round: within the time that a round should last.
fn moment(round: usize) -> Duration {
    // These are spread evenly, whatever the number of rounds.
    let fraction = (round as f64 * 0.618_033_988_749_895).fract();
    Duration::from_secs_f64(0.005 + fraction * 0.15)
}

fn key(client: usize, number: usize) -> String {
    format!("{client}:{number}")
}

/// Writes one batch after the other, until the server ends the connection.
fn write(address: SocketAddr, client: usize) -> Account {
    let mut account = Account {
        acknowledged: 0,
        rest: Vec::new(),
        end: Ok(()),
    };
    let served = serve(address, client, &mut account);
    account.end = served.map_err(|error| error.kind());
    account
}

fn serve(address: SocketAddr, client: usize, account: &mut Account) -> std::io::Result<()> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(patience()))?;
    let mut buffer = [0; 4096];
    for first in (0..).step_by(BATCH) {
        let commands: Vec<u8> = (first..first + BATCH)
            .flat_map(|number| encode(&["SET", &key(client, number), "a value"]))
            .collect();
        // If it ends just now, there is no reply, and that is said below.
        let _ = socket.write_all(&commands);
        while account.acknowledged < first + BATCH {
            let count = read(&mut socket, &mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            account.rest.extend(&buffer[..count]);
            let replies = account.rest.chunks_exact(5);
            let whole = replies.take_while(|reply| reply == b"+OK\r\n").count();
            account.acknowledged += whole;
            account.rest.drain(..whole * 5);
        }
    }
    Ok(())
}

/// Starts a server, lets clients write, ends it after that time, and looks what is there.
fn round(flags: &[&str], after: Duration, signal: &str) -> usize {
    let data = data_folder();
    let mut server = Server::start_on(data.path(), flags);
    let address = server.addr();
    drop(connect(&server));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| thread::spawn(move || write(address, client)))
        .collect();
    thread::sleep(after);
    let told = Stopwatch::start();
    server.signal(&[signal]);
    let status = server.ended();
    let took = told.elapsed();
    assert_eq!(status.code(), Some(0), "{}", server.log());
    assert!(took < LIMIT, "it took {took:?} to end");
    let accounts: Vec<_> = clients
        .into_iter()
        .map(|client| client.join().expect("a client"))
        .collect();
    if !is_other_server() {
        let log = server.log();
        assert!(log.contains("ready to exit, bye bye"), "{log}");
        // To a server on a machine that stood still, its clients have taken nothing for too long.
        if told.stood_still().is_zero() {
            accounts.iter().for_each(|account| check_end(account, &log));
        }
    }
    check_data(&data, flags, &accounts);
    accounts.iter().map(|account| account.acknowledged).sum()
}

/// A client that came when the port was about to be closed is not served at all.
#[track_caller]
fn check_end(account: &Account, log: &str) {
    let was_late = account.acknowledged == 0 && account.rest.is_empty();
    let is_clean = account.rest.is_empty() && account.end.is_ok();
    assert!(is_clean || was_late, "{account:?}\n{log}");
}

#[track_caller]
fn check_data(data: &TempDir, flags: &[&str], accounts: &[Account]) {
    let server = Server::start_on(data.path(), flags);
    let mut session = connect(&server);
    for (client, account) in accounts.iter().enumerate() {
        let all = account.acknowledged;
        for first in (0..all).step_by(500) {
            let keys = (first..all.min(first + 500)).map(|number| key(client, number));
            let command: Vec<_> = ["EXISTS".to_owned()].into_iter().chain(keys).collect();
            let found = session.call(&command);
            let expected = format!(":{}\r\n", command.len() - 1);
            let found = String::from_utf8_lossy(&found).into_owned();
            assert_eq!(found, expected, "of client {client}, who has {all}");
        }
    }
}

/// Does a share of the rounds with these flags.
fn share(part: usize, flags: &[&str]) {
    let mut writes = 0;
    let rounds = rounds().div_ceil(part);
    for number in 0..rounds {
        let signal = ["TERM", "INT"][number % 2];
        writes += round(flags, moment(number), signal);
    }
    eprintln!("{writes} writes were acknowledged in {rounds} rounds, and all are there");
    assert!(writes > 0, "nobody could write");
}

#[test]
fn acknowledged_writes_are_in_the_log() {
    share(4, &[&ON[..], &["--appendfsync", "everysec"]].concat());
}

#[test]
fn acknowledged_writes_are_in_the_log_that_is_always_safe() {
    share(4, &[&ON[..], &["--appendfsync", "always"]].concat());
}

#[test]
fn acknowledged_writes_are_in_the_file() {
    share(4, &["--save", "3600 1"]);
}

/// With both, the log is what counts.
#[test]
fn acknowledged_writes_are_there_with_two_threads() {
    let threads: &[&str] = match is_other_server() {
        true => &[],
        false => &["--io-threads", "2"],
    };
    share(4, &[&ON[..], &["--save", "3600 1"], threads].concat());
}

/// Its replicas catch up with where it is, and that stays where it is.
#[test]
fn a_replica_that_ends_takes_nothing_more_from_its_primary() {
    let (first, mut a) = start(&[]);
    // Longer than this test waits.
    let (mut second, mut b) = start(&["--shutdown-timeout", "3600"]);
    let (_third, mut c) = start(&[]);
    follow(&mut b, first.addr());
    wait_for_link(&mut b);
    follow(&mut c, second.addr());
    wait_for_link(&mut c);
    let is_over = Arc::new(AtomicBool::new(false));
    let writer = thread::spawn({
        let is_over = is_over.clone();
        move || {
            while !is_over.load(Relaxed) {
                a.call(&["INCR", "n"]);
            }
        }
    });
    wait_until("the last one gets writes", || {
        c.call(&["EXISTS", "n"]) == int(1).as_bytes()
    });
    second.signal(&["TERM"]);
    assert!(second.ended().success());
    is_over.store(true, Relaxed);
    writer.join().expect("the writer");
}
