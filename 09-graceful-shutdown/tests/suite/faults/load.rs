//! Clients that write while something happens to the files, and what has to be there
//! afterwards.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use fastrand::Rng;

use super::Disk;
use crate::harness::{is_in_part, wait_until};
use crate::session::{Session, encode, strings};

/// How many clients write.
pub const CLIENTS: usize = 2;

/// How long each of them waits after a write. More would only make the journal longer.
const PAUSE: Duration = Duration::from_millis(1);

/// How long a number is in a list.
const DIGITS: usize = 8;

/// A connection to a server that may end at any moment.
pub struct Peer(BufReader<TcpStream>);

impl Peer {
    pub fn connect(address: SocketAddr) -> Option<Self> {
        let socket = TcpStream::connect(address).ok()?;
        socket
            .set_read_timeout(Some(Duration::from_secs(30)))
            .ok()?;
        Some(Self(BufReader::new(socket)))
    }

    /// The line with which a reply begins, and the string behind it if it is one.
    pub fn ask(&mut self, words: &[&str]) -> Option<String> {
        self.0.get_mut().write_all(&encode(words)).ok()?;
        let mut line = String::new();
        self.0.read_line(&mut line).ok()?;
        let line = line.strip_suffix("\r\n")?.to_owned();
        let Some(length) = line.strip_prefix('$') else {
            return Some(line);
        };
        let Ok(length) = length.parse::<usize>() else {
            return Some(line);
        };
        let mut text = vec![0; length + 2];
        self.0.read_exact(&mut text).ok()?;
        Some(String::from_utf8_lossy(&text[..length]).into_owned())
    }

    /// Sends the words of a line. False if the server has ended.
    pub fn tell(&mut self, line: &str) -> bool {
        self.ask(&line.split(' ').collect::<Vec<_>>()).is_some()
    }

    /// What a field of INFO says.
    pub fn info(&mut self, field: &str) -> Option<String> {
        let text = self.ask(&["INFO"])?;
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        Some(value.unwrap_or_default().to_owned())
    }

    /// Is the log on, and complete? A new one needs its base first, which may have failed.
    pub fn is_logging(&mut self) -> bool {
        let enabled = self.info("aof_enabled");
        let status = self.info("aof_last_bgrewrite_status");
        enabled.is_some_and(|it| it == "1") && status.is_some_and(|it| it != "err")
    }

    /// Waits until nothing is written in the background. False if the server has ended.
    pub fn settle(&mut self) -> bool {
        let fields = [
            "aof_rewrite_scheduled",
            "aof_rewrite_in_progress",
            "rdb_bgsave_in_progress",
        ];
        // A disk on which others write much may let an fsync wait for half a minute.
        let deadline = Instant::now() + Duration::from_secs(120);
        loop {
            let Some(text) = self.ask(&["INFO", "persistence"]) else {
                return false;
            };
            if !fields
                .iter()
                .any(|field| text.contains(&format!("{field}:1")))
            {
                return true;
            }
            assert!(Instant::now() < deadline, "it goes on in the background");
            sleep(Duration::from_millis(5));
        }
    }
}

/// What a client did.
#[derive(Default)]
pub struct Told {
    /// How many numbers were sent.
    pub sent: AtomicU64,
    /// Which of them were refused; the others were acknowledged, but maybe for the last.
    refused: Mutex<Vec<u64>>,
    pub acknowledged: AtomicU64,
}

/// Clients, each of which appends 1, 2, 3 and so on to a list of its own.
#[derive(Default)]
pub struct Load {
    threads: Vec<JoinHandle<()>>,
    pub told: Vec<Arc<Told>>,
    state: Arc<State>,
}

/// What the clients are to do.
#[derive(Default)]
struct State {
    stop: AtomicBool,
    pause: AtomicBool,
    /// Held by whoever writes.
    busy: RwLock<()>,
}

impl Load {
    pub fn start(address: SocketAddr, disk: &Disk) -> Self {
        let state = Arc::new(State::default());
        let told: Vec<Arc<Told>> = (0..CLIENTS).map(|_| Arc::default()).collect();
        let start = |(client, told): (usize, &Arc<Told>)| {
            let (told, state) = (Arc::clone(told), Arc::clone(&state));
            let mut journal = disk.open_journal();
            thread::spawn(move || {
                let Some(mut peer) = Peer::connect(address) else {
                    return;
                };
                while !state.stop.load(Ordering::SeqCst) {
                    let busy = state.busy.read();
                    if state.pause.load(Ordering::SeqCst) {
                        drop(busy);
                        sleep(PAUSE);
                        continue;
                    }
                    let Some(number) = append(&mut peer, client, &told) else {
                        return;
                    };
                    if let Some(number) = number {
                        let line = format!("told\t{client}\t{number}\n");
                        journal.write_all(line.as_bytes()).expect("the journal");
                    }
                    drop(busy);
                    sleep(PAUSE);
                }
            })
        };
        let threads = told.iter().enumerate().map(start).collect();
        Self {
            threads,
            told,
            state,
        }
    }

    /// When this returns, nothing is written, nor will be before [`resume`](Self::resume).
    pub fn pause(&self) {
        self.state.pause.store(true, Ordering::SeqCst);
        drop(self.state.busy.write());
    }

    pub fn resume(&self) {
        self.state.pause.store(false, Ordering::SeqCst);
    }

    /// Waits until each client has sent some more, or the server has ended.
    pub fn wait_for(&self, more: u64) {
        let now = |told: &Arc<Told>| told.sent.load(Ordering::Relaxed);
        let before: Vec<u64> = self.told.iter().map(now).collect();
        wait_until("more is written", || {
            let all = self.told.iter().zip(&self.threads).zip(&before);
            all.into_iter()
                .all(|((told, thread), before)| thread.is_finished() || now(told) >= before + more)
        });
    }

    /// Ends the clients, if the server has not ended them.
    pub fn stop(self) -> Vec<Arc<Told>> {
        self.state.stop.store(true, Ordering::SeqCst);
        for thread in self.threads {
            thread.join().expect("a client");
        }
        self.told
    }
}

/// Appends the next number. Which, if it was acknowledged; nothing if the server has ended.
fn append(peer: &mut Peer, client: usize, told: &Told) -> Option<Option<u64>> {
    let number = 1 + told.sent.fetch_add(1, Ordering::Relaxed);
    let (key, text) = (format!("list{client}"), format!("{number:0DIGITS$}"));
    let reply = peer.ask(&["APPEND", &key, &text])?;
    if reply.starts_with(':') {
        told.acknowledged.store(number, Ordering::Relaxed);
        return Some(Some(number));
    }
    assert!(
        reply.starts_with("-MISCONF") || reply.starts_with("-ERR"),
        "{reply}"
    );
    told.refused.lock().expect("a list").push(number);
    Some(None)
}

/// The numbers in the list of a client, which are in order.
#[track_caller]
pub fn list(c: &mut Session, client: usize) -> Vec<u64> {
    let text = strings(&c.call(&["GET", &format!("list{client}")])).pop();
    let text = String::from_utf8(text.unwrap_or_default()).expect("digits");
    let numbers = text.as_bytes().chunks(DIGITS).map(|digits| {
        let digits = str::from_utf8(digits).expect("digits");
        digits.parse().expect("a number")
    });
    let numbers: Vec<u64> = numbers.collect();
    assert!(
        numbers.is_sorted_by(|a, b| a < b),
        "client {client}: {numbers:?}"
    );
    numbers
}

/// Everything that was acknowledged has to be there, and nothing that was not sent.
#[track_caller]
pub fn check(c: &mut Session, told: &[Arc<Told>]) {
    for (client, told) in told.iter().enumerate() {
        let there = list(c, client);
        let refused = told.refused.lock().expect("a list");
        let last = told.acknowledged.load(Ordering::Relaxed);
        for number in 1..=last {
            assert!(
                there.binary_search(&number).is_ok() || refused.contains(&number),
                "client {client}: {number} of {last} is missing"
            );
        }
        let most = there.last().copied().unwrap_or(0);
        assert!(
            most <= told.sent.load(Ordering::Relaxed),
            "{most} was not sent"
        );
    }
}

/// Random numbers; the seed is said first.
pub fn rng() -> Rng {
    let seed = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    eprintln!("SEED={seed}");
    Rng::with_seed(seed)
}

/// Some of `all`, or, if one asks for it, each.
pub fn some<T: Clone>(all: &[T], count: usize, rng: &mut Rng) -> Vec<T> {
    let count = if is_in_part() { 1 } else { count };
    match std::env::var("WORKSHOP_FAULTS") {
        Ok(what) if what == "all" => all.to_vec(),
        _ => (0..count.min(all.len()))
            .map(|_| all[rng.usize(..all.len())].clone())
            .collect(),
    }
}
