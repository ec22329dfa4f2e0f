//! How long the slowest write to a large hash takes, against the slowest that changes nothing of
//! its size in the same run. To be run by hand, on the release build and an idle machine:
//! `cargo test --release -p advanced --test suite -- --ignored --nocapture hash_stall`.

use std::time::{Duration, Instant};

use crate::harness::{Server, is_other_server};
use crate::session::{Session, encode};

/// Commands that are sent together; their time is measured as one.
const BATCH: usize = 50;

/// The times of the slowest batches, longest first.
struct Slowest(Vec<Duration>);

impl Slowest {
    fn measure(c: &mut Session, batches: usize, mut command: impl FnMut() -> Vec<u8>) -> Self {
        let mut times = Vec::with_capacity(batches);
        for _ in 0..batches {
            let commands: Vec<u8> = (0..BATCH).flat_map(|_| command()).collect();
            let started = Instant::now();
            c.send(&commands);
            for _ in 0..BATCH {
                c.reply();
            }
            times.push(started.elapsed());
        }
        times.sort_unstable_by(|a, b| b.cmp(a));
        times.truncate(5);
        Self(times)
    }
}

impl std::fmt::Display for Slowest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0
            .iter()
            .try_for_each(|time| write!(f, " {:.2?}", time))
    }
}

fn set(number: usize) -> Vec<u8> {
    encode(&[
        "HSET",
        "large",
        &format!("field:{number}"),
        &format!("value:{number}"),
    ])
}

#[test]
#[ignore = "takes a minute, and measures"]
fn the_slowest_write() {
    let server = Server::start();
    let mut c = Session::connect(server.addr());
    let mut numbers = 0..;
    let grow = Slowest::measure(&mut c, 4_000_000 / BATCH, || {
        set(numbers.next().unwrap_or(0))
    });
    let same = Slowest::measure(&mut c, 1_000_000 / BATCH, || {
        set(fastrand::usize(..4_000_000))
    });
    println!("growth to 4,000,000 fields:{grow}; afterwards, without growth:{same}");
    c.expect("DEL large", ":1\r\n");
    for number in 0..1_000_000 / BATCH {
        let commands = (0..BATCH).flat_map(|it| set(number * BATCH + it));
        c.send(&commands.collect::<Vec<u8>>());
        (0..BATCH).for_each(|_| drop(c.reply()));
    }
    let before = Slowest::measure(&mut c, 2000, || set(fastrand::usize(..1_000_000)));
    match is_other_server() {
        true => drop(c.call(&["BGSAVE"])),
        false => c.expect("BGSAVE", "+Background saving started\r\n"),
    }
    let during = Slowest::measure(&mut c, 2000, || set(fastrand::usize(..1_000_000)));
    println!("1,000,000 fields: before BGSAVE:{before}; after it began:{during}");
    c.expect("PING", "+PONG\r\n");
}
