//! Ten thousand random commands that speak of time, to this server and to a real
//! one. The replies must be the same, byte for byte, except that a time that is
//! left may differ by what passes between the two.
//!
//! Time makes no difference to the rest, for every deadline is of one of three
//! kinds: long over, so far away that the test ends before it, or a few
//! milliseconds away, and then the test waits until it is over on both. Two
//! deadlines that are far away are so far from each other, too, that it does not
//! matter which server was asked a moment later.
//!
//! Every run draws other commands. It prints the seed first; set
//! `SEED` to it and the same commands come again. Left out are DBSIZE and
//! RANDOMKEY: how soon a dead key is removed is a server's own business.
//!
//! Reread: 04-expiry/GUIDE.md#how-redis-does-it

use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fastrand::Rng;

use crate::harness::{Server, amount};
use crate::session::{Session, shown, strings};

const COMMANDS: usize = 10_000;

/// Few, so that commands meet.
const KEYS: [&str; 7] = ["a", "b", "c", "12", "", "key:1", "seventeen bytes:)"];

const VALUES: [&str; 8] = [
    "v",
    "12",
    "-7",
    "1.5",
    "",
    "x\r\n",
    "y\n\0z",
    "a longer value than 16",
];

/// Milliseconds that no deadline differs by unless it is another one, and by how
/// much the same one may be told differently.
const TOLERANCE: i64 = 30_000;

/// Times that no command takes, and the longest that every command does not
/// take for one reason or another.
const NO_TIMES: [&str; 12] = [
    "",
    "abc",
    "1.5",
    "01",
    "+1",
    " 1",
    "-0",
    "9223372036854775808",
    "9223372036854775807",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
];

pub type Args = Vec<String>;

/// What draws the commands.
pub struct Dice {
    pub rng: Rng,
    /// When the test started, in milliseconds since 1970.
    pub started: i64,
    /// The command that was drawn sets a deadline that is about to come.
    pub about_to_end: bool,
}

impl Dice {
    /// Draws what the environment's `SEED` says, or something new, and says first what that is.
    pub fn new() -> Self {
        let seed = std::env::var("SEED").ok();
        let seed = seed.and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| fastrand::u64(..));
        println!("SEED={seed}");
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            rng: Rng::with_seed(seed),
            started: since_1970.expect("a time after 1970").as_millis() as i64,
            about_to_end: false,
        }
    }

    fn pick(&mut self, from: &[&str]) -> String {
        from[self.rng.usize(..from.len())].to_owned()
    }

    pub fn key(&mut self) -> String {
        self.pick(&KEYS)
    }

    pub fn value(&mut self) -> String {
        self.pick(&VALUES)
    }

    fn mixed_case(&mut self, word: &str) -> String {
        match self.rng.bool() {
            true => word.to_ascii_lowercase(),
            false => word.to_owned(),
        }
    }

    /// A time for a command that counts it in `unit`: EX, PX, EXAT or PXAT.
    fn time(&mut self, unit: &str) -> String {
        let scale = if unit.starts_with('P') { 1 } else { 1000 };
        let base = if unit.ends_with("AT") {
            self.started
        } else {
            0
        };
        let milliseconds = match self.rng.u8(..20) {
            0..=1 => return self.pick(&NO_TIMES),
            2..=4 => base - self.rng.i64(1_000..1_000_000),
            5..=7 if unit == "PX" => {
                self.about_to_end = true;
                self.rng.i64(1..=4)
            }
            // Up to thirty years, at least a quarter of an hour.
            _ => base + self.rng.i64(1_000_000..1_000_000_000_000),
        };
        (milliseconds / scale).to_string()
    }

    /// EX 10 and its kin, once in a while without the number.
    fn time_option(&mut self) -> Args {
        let unit = self.pick(&["EX", "PX", "PX", "EXAT", "PXAT"]);
        let mut option = vec![self.mixed_case(&unit)];
        if self.rng.u8(..20) > 0 {
            option.push(self.time(&unit));
        }
        option
    }

    /// Up to `most` of these words, and a time or none or two.
    fn options(&mut self, most: usize, words: &[&str]) -> Args {
        let mut options = Vec::new();
        for _ in 0..self.rng.usize(..=most) {
            let word = self.pick(words);
            options.push(vec![self.mixed_case(&word)]);
        }
        for _ in 0..[0, 1, 1, 1, 1, 1, 1, 2][self.rng.usize(..8)] {
            options.push(self.time_option());
        }
        self.rng.shuffle(&mut options);
        options.concat()
    }

    /// Any command; sometimes with an argument too few or too many.
    pub fn command(&mut self) -> Args {
        self.about_to_end = false;
        let mut args = match self.rng.u8(..12) {
            0..=2 => self.setting(),
            3..=5 => self.limiting(),
            6..=7 => self.asking(),
            8..=10 => self.using(),
            _ => self.moving(),
        };
        match self.rng.u8(..50) {
            0 => drop(args.pop()),
            1 => args.push(self.value()),
            _ => {}
        }
        args[0] = self.mixed_case(&args[0].clone());
        args
    }

    fn setting(&mut self) -> Args {
        let name = self.pick(&["SET", "SET", "SET", "SETEX", "PSETEX", "GETEX"]);
        let mut args = vec![name, self.key()];
        match args[0].as_str() {
            "SETEX" => args.extend([self.time("EX"), self.value()]),
            "PSETEX" => args.extend([self.time("PX"), self.value()]),
            "GETEX" => args.extend(self.options(1, &["PERSIST", "PERSIST", "PERSIST", "NX"])),
            _ => {
                args.push(self.value());
                let words = ["NX", "XX", "GET", "GET", "KEEPTTL", "KEEPTTL", "PERSIST"];
                args.extend(self.options(2, &words));
            }
        }
        args
    }

    fn limiting(&mut self) -> Args {
        let name = self.pick(&["EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT", "PERSIST"]);
        let mut args = vec![name, self.key()];
        args.push(match args[0].as_str() {
            "EXPIRE" => self.time("EX"),
            "PEXPIRE" => self.time("PX"),
            "EXPIREAT" => self.time("EXAT"),
            "PEXPIREAT" => self.time("PXAT"),
            _ => return args,
        });
        for _ in 0..[0, 0, 1, 1, 1, 2, 3][self.rng.usize(..7)] {
            let word = self.pick(&["NX", "XX", "GT", "LT", "GT", "LT", "BOGUS"]);
            args.push(self.mixed_case(&word));
        }
        args
    }

    fn asking(&mut self) -> Args {
        vec![
            self.pick(&["TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME"]),
            self.key(),
        ]
    }

    /// What earlier steps have, on keys that may have ended.
    fn using(&mut self) -> Args {
        let lines = [
            "GET k",
            "STRLEN k",
            "TYPE k",
            "OBJECT ENCODING k",
            "INCR k",
            "DECRBY k 3",
            "INCRBYFLOAT k 1.5",
            "APPEND k v",
            "SETRANGE k 2 v",
            "GETRANGE k 0 3",
            "GETSET k v",
            "GETDEL k",
            "SETNX k v",
            "EXISTS k k k",
            "TOUCH k k",
            "DEL k k",
            "UNLINK k",
            "MGET k k k",
            "MSET k v k v",
            "MSETNX k v k v",
            "KEYS *",
            "SCAN 0 COUNT 1000",
            "SET k v",
            "SET k 12",
        ];
        self.fill(&lines)
    }

    fn moving(&mut self) -> Args {
        let lines = ["RENAME k k", "RENAMENX k k", "COPY k k", "COPY k k REPLACE"];
        self.fill(&lines)
    }

    /// One of these lines, with a key for each `k` and a value for each `v`.
    fn fill(&mut self, lines: &[&str]) -> Args {
        let line = self.pick(lines);
        let mut word = |word| match word {
            "k" => self.key(),
            "v" => self.value(),
            _ => word.to_owned(),
        };
        line.split(' ').map(&mut word).collect()
    }
}

/// The number in a reply, if it is one.
fn number(reply: &[u8]) -> Option<i64> {
    let text = str::from_utf8(reply).ok()?;
    text.strip_prefix(':')?.trim_end().parse().ok()
}

/// Do the replies say the same?
pub fn agree(args: &Args, ours: &[u8], theirs: &[u8]) -> bool {
    let is = |names: &[&str]| names.iter().any(|name| args[0].eq_ignore_ascii_case(name));
    let tolerance = match () {
        () if is(&["PTTL", "PEXPIRETIME"]) => TOLERANCE,
        () if is(&["TTL", "EXPIRETIME"]) => TOLERANCE / 1000,
        () => 0,
    };
    match (number(ours), number(theirs)) {
        // -1 and -2 have a meaning of their own.
        (Some(ours), Some(theirs)) if ours >= 0 && theirs >= 0 => {
            ours.abs_diff(theirs) <= tolerance.unsigned_abs()
        }
        _ if is(&["KEYS", "SCAN"]) && ours[0] == b'*' && theirs[0] == b'*' => {
            let [ours, theirs] = [ours, theirs].map(|reply| {
                let mut keys = strings(reply);
                keys.sort();
                keys
            });
            ours == theirs
        }
        _ => ours == theirs,
    }
}

#[test]
fn replies_about_time_are_those_of_redis() {
    let Some(redis) = Server::start_redis() else {
        return;
    };
    let mut dice = Dice::new();
    let server = Server::start();
    let mut ours = Session::connect(server.addr());
    let mut theirs = Session::connect(redis.addr());
    for index in 0..amount(COMMANDS) {
        let args = dice.command();
        let (reply, expected) = (ours.call(&args), theirs.call(&args));
        assert!(
            agree(&args, &reply, &expected),
            "command {index}:\n  {args:?}\nreply:\n  {}\nRedis:\n  {}",
            shown(&reply),
            shown(&expected)
        );
        if dice.about_to_end {
            sleep(Duration::from_millis(6));
        }
    }
}
