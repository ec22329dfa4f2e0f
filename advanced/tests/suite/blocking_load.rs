//! The hand-over under load: elements go from producers to workers that wait, while workers leave, the
//! server is killed, or a replica follows. None is lost, and none is there twice.
//!
//! Each worker moves what it gets to a list of its own, so an element is somewhere at any moment.
//!
//! Reread: advanced/chapters/010b-blocking/README.md

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;

use fastrand::Rng;
use tempfile::TempDir;

use crate::clients_seen::{info, with_id};
use crate::harness::{Server, amount, is_other_server, wait_until};
use crate::session::{OK, Session, encode, strings};

const WORKERS: usize = 6;
const PRODUCERS: usize = 2;
const ELEMENTS: usize = 3_000;

/// A worker's own list.
fn own(worker: usize) -> String {
    format!("worker:{worker}")
}

/// Pushes elements, some at a time, to one of two queues.
fn produce(addr: SocketAddr, producer: usize, elements: usize) {
    let (mut session, mut rng) = (Session::connect(addr), Rng::with_seed(producer as u64));
    let mut number = 0;
    while number < elements {
        let queue = ["q", "r"][rng.usize(..2)];
        let mut words = vec!["RPUSH".to_owned(), queue.into()];
        for _ in 0..rng.usize(1..4) {
            words.push(format!("{producer}-{number}"));
            number += 1;
        }
        session.call(&words);
    }
}

/// Takes elements until one is called `end`. From time to time it hangs up, whatever it waits for, and
/// comes back. It moves from `q` and now and then from `r`.
fn work(addr: SocketAddr, worker: usize, leaves: bool) {
    let (list, mut rng) = (own(worker), Rng::with_seed(worker as u64));
    let mut session = Session::connect(addr);
    loop {
        let queue = ["q", "r"][(worker + usize::from(rng.u8(..10) == 0)) % 2];
        let command = ["BLMOVE", queue, &list, "LEFT", "RIGHT", "0.05"];
        if leaves && rng.u8(..20) == 0 {
            session.send(&encode(&command));
            session = Session::connect(addr);
        }
        if session.call(&command).ends_with(b"end\r\n") {
            return;
        }
    }
}

/// Lets all work, and returns when the producers and the workers are done.
fn run(addr: SocketAddr, leaves: bool) {
    let workers = (0..WORKERS).map(|it| thread::spawn(move || work(addr, it, leaves)));
    let workers: Vec<_> = workers.collect();
    let elements = amount(ELEMENTS);
    let producers = (0..PRODUCERS).map(|it| thread::spawn(move || produce(addr, it, elements)));
    for producer in producers.collect::<Vec<_>>() {
        producer.join().expect("a producer");
    }
    let mut c = Session::connect(addr);
    let is_done = |workers: &[thread::JoinHandle<()>]| workers.iter().all(|it| it.is_finished());
    wait_until("the workers are done", || {
        // An end in one queue must not come before an element in the other.
        if c.call(&["EXISTS", "q", "r"]) == b":0\r\n" {
            c.call(&["RPUSH", "q", "end"]);
            c.call(&["RPUSH", "r", "end"]);
        }
        is_done(&workers)
    });
    for worker in workers {
        worker.join().expect("a worker");
    }
}

/// How often each element is there, in the lists of the workers and in the queues.
fn count(c: &mut Session) -> HashMap<Vec<u8>, usize> {
    let mut counts = HashMap::new();
    let lists = (0..WORKERS).map(own).chain(["q".into(), "r".into()]);
    for list in lists {
        for element in strings(&c.call(&["LRANGE", &list, "0", "-1"])) {
            *counts.entry(element).or_default() += 1;
        }
    }
    counts.remove(&b"end"[..]);
    counts
}

#[track_caller]
fn each_is_there_once(counts: &HashMap<Vec<u8>, usize>, elements: usize) {
    let twice: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "there twice: {twice:?}");
    for producer in 0..PRODUCERS {
        for number in 0..elements {
            let element = format!("{producer}-{number}");
            assert!(counts.contains_key(element.as_bytes()), "{element} is lost");
        }
    }
}

#[test]
fn nothing_is_lost_or_doubled_while_workers_leave() {
    let server = Server::start();
    run(server.addr(), true);
    let mut c = Session::connect(server.addr());
    each_is_there_once(&count(&mut c), amount(ELEMENTS));
    let (mut observer, _) = with_id(&server);
    wait_until("nobody waits any more", || {
        info(&mut observer, "blocked_clients") == "0"
    });
}

/// Both effects of a hand-over are in the AOF, or neither is.
#[test]
fn nothing_is_lost_or_doubled_when_the_server_is_killed() {
    const FLAGS: &[&str] = &["--appendonly", "yes", "--appendfsync", "always"];
    let data = TempDir::new().expect("a folder");
    let server = Server::start_on(data.path(), FLAGS);
    let addr = server.addr();
    // A worker waits in a thread of its own, and says what it was given.
    let workers = (0..WORKERS).map(|worker| {
        thread::spawn(move || {
            let (mut connection, mut got) = (connect(addr), Vec::new());
            let command = blmove("q", &own(worker));
            while let Ok(element) = command.query::<Vec<u8>>(&mut connection) {
                got.push(element);
            }
            got
        })
    });
    let workers: Vec<_> = workers.collect();
    let producer = thread::spawn(move || {
        let (mut connection, mut pushed) = (connect(addr), 0);
        while push("q", pushed).query::<usize>(&mut connection).is_ok() {
            pushed += 1;
        }
        pushed
    });
    let mut c = Session::connect(addr);
    wait_until("some have got something", || {
        let lengths = (0..WORKERS).map(|it| c.call(&["LLEN", &own(it)]));
        lengths.filter(|length| length != b":0\r\n").count() == WORKERS
    });
    drop(c);
    server.kill();
    let pushed: usize = producer.join().expect("the producer");
    let got: Vec<Vec<Vec<u8>>> = workers
        .into_iter()
        .map(|it| it.join().expect("one"))
        .collect();
    let server = Server::start_on(data.path(), FLAGS);
    let mut c = Session::connect(server.addr());
    // Redis answers before it has loaded its data.
    wait_until("it has loaded", || c.call(&["PING"]) == b"+PONG\r\n");
    let counts = count(&mut c);
    for number in 0..pushed {
        let count = counts.get(number.to_string().as_bytes());
        assert_eq!(count, Some(&1), "{number}, of {pushed}");
    }
    for (worker, got) in got.iter().enumerate() {
        let list = strings(&c.call(&["LRANGE", &own(worker), "0", "-1"]));
        assert!(
            list.starts_with(got),
            "worker {worker} has got what it does not have"
        );
    }
}

/// A connection of which one sees when it is closed.
fn connect(addr: SocketAddr) -> redis::Connection {
    let client = redis::Client::open(format!("redis://{addr}"));
    let connection = client.and_then(|client| client.get_connection());
    connection.expect("a connection")
}

fn blmove(from: &str, to: &str) -> redis::Cmd {
    let mut command = redis::cmd("BLMOVE");
    command.arg(&[from, to, "LEFT", "RIGHT", "0"]);
    command
}

fn push(to: &str, number: usize) -> redis::Cmd {
    let mut command = redis::cmd("RPUSH");
    command.arg(to).arg(number);
    command
}

type Start<'a> = &'a dyn Fn(&Path, &[&str]) -> Server;

/// With this server as primary and a real one as replica, and the other way round.
#[test]
fn a_replica_has_the_same_data() {
    const DEBUG: &[&str] = &["--enable-debug-command", "yes"];
    if is_other_server() || Server::start_redis().is_none() {
        return;
    }
    let redis =
        |data: &Path, flags: &[&str]| Server::start_redis_on(data, flags).expect("a real server");
    let ways: [[Start<'_>; 2]; 2] = [[&Server::start_on, &redis], [&redis, &Server::start_on]];
    for [primary, replica] in ways {
        let folders = [(); 2].map(|()| TempDir::new().expect("a folder"));
        let primary = primary(folders[0].path(), DEBUG);
        let replica = replica(folders[1].path(), DEBUG);
        let mut r = Session::connect(replica.addr());
        let port = primary.addr().port().to_string();
        r.expect_args(&["REPLICAOF", "127.0.0.1", &port], OK);
        run(primary.addr(), false);
        let mut c = Session::connect(primary.addr());
        wait_until("the replica has the same data", || {
            c.call(&["DEBUG", "DIGEST"]) == r.call(&["DEBUG", "DIGEST"])
        });
        each_is_there_once(&count(&mut r), amount(ELEMENTS));
    }
}
