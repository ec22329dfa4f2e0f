//! Twenty thousand random commands, right ones and wrong ones, to this server
//! and to a real one. The replies must be the same, byte for byte.
//!
//! Every run draws other commands. When it fails, it prints the seed; set
//! `SEED` to it and the same commands come again. Left out is what depends on
//! chance or on the clock, and what later steps add. Left out is also OBJECT
//! REFCOUNT: a copy of a small number is no shared object in Redis.
//!
//! Reread: 03-get-set/GUIDE.md#how-redis-does-it

use fastrand::Rng;

use crate::harness::{Server, amount};
use crate::session::{OK, Session, shown, strings};

const COMMANDS: usize = 20_000;

/// Small, so that no value gets large.
const LIMIT: [&str; 4] = ["CONFIG", "SET", "proto-max-bulk-len", "1mb"];

/// Few, so that commands meet.
const KEYS: [&[u8]; 12] = [
    b"a",
    b"b",
    b"c",
    b"d",
    b"e",
    b"12",
    b"",
    b"\0\r\n\xff",
    b"key:1",
    b"key:2",
    b"sixteen bytes :)",
    b"seventeen bytes:)",
];

const INTEGERS: [&[u8]; 28] = [
    b"0",
    b"1",
    b"-1",
    b"2",
    b"5",
    b"-3",
    b"10",
    b"44",
    b"100",
    b"-100",
    b"9999",
    b"10000",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"9223372036854775808",
    b"-9223372036854775809",
    b"4611686018427387904",
    b"18446744073709551615",
    b"18446744073709551616",
    b"01",
    b"+1",
    b" 1",
    b"1 ",
    b"-0",
    b"",
    b"1e3",
    b"abc",
    b"1\0",
];

const FLOATS: [&[u8]; 53] = [
    b"0.1",
    b"-0.1",
    b"1.5",
    b"10.50",
    b"3.14159265358979323846",
    b"1e20",
    b"1e-17",
    b"5e-18",
    b"4.9e-18",
    b"1e100",
    b"1e308",
    b"1e4931",
    b"1e4932",
    b"-1.1e4932",
    b"1e5000",
    b"1e-4950",
    b"1e-4960",
    b"inf",
    b"-inf",
    b"+inf",
    b"INFINITY",
    b"infinit",
    b"nan",
    b"nan(1)",
    b"0x10",
    b"0x1p3",
    b"0X1P-3",
    b"0x.8",
    b"0x1.8p1",
    b"0x",
    b"0x1p",
    b"0x1p16383",
    b"0x1p-16446",
    b"0x1p99999999999",
    b"0x123456789abcdef0123456789",
    b".5",
    b"5.",
    b".",
    b"1.e5",
    b".e5",
    b"1e",
    b"1e+",
    b"1e+2",
    b"1E5",
    b"1e5.0",
    b"-",
    b"+",
    b"--1",
    b"1.2.3",
    b"1_0",
    b"1e0000000000000000001",
    b"0e999999999999999999999",
    b"18446744073709551615.5",
];

const PATTERNS: [&[u8]; 30] = [
    b"*",
    b"**",
    b"?",
    b"",
    b"k*",
    b"k*k",
    b"key:?",
    b"*[0-9]",
    b"a*b",
    b"[a-c]",
    b"[c-a]",
    b"[^a]",
    b"[^a-c]",
    b"[",
    b"[a",
    b"[a-",
    b"[^",
    b"[]a]",
    b"[\\",
    b"[\\]a]",
    b"\\",
    b"\\a",
    b"a\\",
    b"*1",
    b"\xff",
    b"*\xff",
    b"[\0-\xff]*",
    b"[\x80-\xff]*",
    b"*e*e*)",
    b"?*?",
];

const MEMORY: [&[u8]; 21] = [
    b"1mb",
    b"1048575",
    b"1048576",
    b"1048576b",
    b"2MB",
    b"1m",
    b"1500K",
    b"abc",
    b"-1",
    b"",
    b"kb",
    b"1 mb",
    b"1.5mb",
    b"+1048576",
    b" 1048576",
    b"1mbx",
    b"1\0mb",
    b"0",
    b"9223372036854775808",
    b"18446744073709551616",
    b"99999999999gb",
];

type Args = Vec<Vec<u8>>;

/// What draws the commands.
struct Dice(Rng);

impl Dice {
    fn pick(&mut self, from: &[&[u8]]) -> Vec<u8> {
        from[self.0.usize(..from.len())].to_vec()
    }

    /// Once in `n` times.
    fn one_in(&mut self, n: usize) -> bool {
        self.0.usize(..n) == 0
    }

    fn key(&mut self) -> Vec<u8> {
        self.pick(&KEYS)
    }

    fn integer(&mut self) -> Vec<u8> {
        match self.one_in(2) {
            true => self.pick(&INTEGERS),
            false => self.0.i64(-60..60).to_string().into(),
        }
    }

    fn float(&mut self) -> Vec<u8> {
        match self.0.u8(..6) {
            0 | 1 => self.pick(&FLOATS),
            2 => self.pick(&INTEGERS),
            3 => format!("{}.{}", self.0.i16(..), self.0.u64(..)).into(),
            4 => format!("{}", (self.0.f64() - 0.5) * 1e7).into(),
            _ => format!(
                "{}.{}e{}",
                self.0.i8(..),
                self.0.u16(..),
                self.0.i8(-22..30)
            )
            .into(),
        }
    }

    fn value(&mut self) -> Vec<u8> {
        match self.0.u8(..8) {
            0 => self.pick(&INTEGERS),
            1 => self.float(),
            2 => self.pick(&[b"x", b"world", b"\0\xff\r\n", b"$3\r\nfoo\r\n", b"*"]),
            3 => vec![b'v'; self.pick_length()],
            4 => (0..self.0.usize(..60)).map(|_| self.0.u8(..)).collect(),
            _ => self.0.i32(-20_000..20_000).to_string().into(),
        }
    }

    /// At the edges between encodings, and between places to keep a string.
    fn pick_length(&mut self) -> usize {
        [15, 16, 17, 43, 44, 45, 46, 127, 128, 129, 1000][self.0.usize(..11)]
    }

    fn mixed_case(&mut self, word: &[u8]) -> Vec<u8> {
        let flip = |byte: &u8| match byte.is_ascii_alphabetic() && self.0.bool() {
            true => byte ^ 0x20,
            false => *byte,
        };
        word.iter().map(flip).collect()
    }

    fn some(&mut self, from: usize, to: usize, mut make: impl FnMut(&mut Self) -> Args) -> Args {
        let count = self.0.usize(from..=to);
        (0..count).flat_map(|_| make(self)).collect()
    }

    fn words(&mut self, to: usize, from: &[&[u8]]) -> Args {
        self.some(0, to, |dice| {
            let word = dice.pick(from);
            vec![dice.mixed_case(&word)]
        })
    }

    /// One of several ways to write a command, as lines.
    fn line(&mut self, lines: &[&str]) -> Args {
        let line = lines[self.0.usize(..lines.len())];
        line.split(' ')
            .map(|word| word.as_bytes().to_vec())
            .collect()
    }

    /// Any command; sometimes with an argument too few or too many.
    fn command(&mut self) -> Args {
        let mut args = self.well_formed();
        // These would tell what no two servers have in common; think of CONFIG GET *.
        let special = [&b"HELLO"[..], b"COMMAND", b"CONFIG"].contains(&&args[0][..]);
        match self.0.u8(..50) {
            0 if args.len() > 1 && !special => drop(args.pop()),
            1 if !special => args.push(self.value()),
            _ => {}
        }
        let name = std::mem::take(&mut args[0]);
        args[0] = self.mixed_case(&name);
        args
    }

    fn well_formed(&mut self) -> Args {
        match self.0.u8(..14) {
            0..=2 => self.reading(),
            3..=6 => self.writing(),
            7..=8 => self.counting(),
            9..=11 => self.keyspace(),
            12 => self.scan(),
            _ => self.other(),
        }
    }

    fn reading(&mut self) -> Args {
        let name = self.pick(&[b"GET", b"STRLEN", b"MGET", b"GETRANGE", b"SUBSTR", b"TYPE"]);
        let mut args = vec![name, self.key()];
        match &args[0][..] {
            b"MGET" => args.extend(self.some(0, 4, |dice| vec![dice.key()])),
            b"GETRANGE" | b"SUBSTR" => args.extend([self.integer(), self.integer()]),
            _ => {}
        }
        args
    }

    fn writing(&mut self) -> Args {
        let name = self.pick(&[
            b"SET",
            b"SET",
            b"SETNX",
            b"GETSET",
            b"APPEND",
            b"APPEND",
            b"SETRANGE",
            b"SETRANGE",
            b"GETDEL",
            b"MSET",
            b"MSETNX",
        ]);
        let mut args = vec![name, self.key()];
        match &args[0][..] {
            b"GETDEL" => return args,
            b"SETRANGE" if self.one_in(8) => {
                let past = self.pick(&[b"1048575", b"1048576", b"1048500"]);
                args.push(past);
            }
            b"SETRANGE" => args.push(self.integer()),
            _ => {}
        }
        args.push(self.value());
        match &args[0][..] {
            b"SET" if self.0.bool() => {
                args.extend(self.words(3, &[b"NX", b"XX", b"GET", b"BOGUS", b""]));
            }
            b"MSET" | b"MSETNX" => {
                args.extend(self.some(0, 3, |dice| vec![dice.key(), dice.value()]));
            }
            _ => {}
        }
        args
    }

    fn counting(&mut self) -> Args {
        let name = self.pick(&[
            b"INCR",
            b"DECR",
            b"INCRBY",
            b"DECRBY",
            b"INCRBYFLOAT",
            b"INCRBYFLOAT",
        ]);
        let mut args = vec![name, self.key()];
        match &args[0][..] {
            b"INCRBY" | b"DECRBY" => args.push(self.integer()),
            b"INCRBYFLOAT" => args.push(self.float()),
            _ => {}
        }
        args
    }

    fn keyspace(&mut self) -> Args {
        let name = self.pick(&[
            b"DEL",
            b"UNLINK",
            b"EXISTS",
            b"TOUCH",
            b"RENAME",
            b"RENAMENX",
            b"COPY",
            b"KEYS",
            b"OBJECT",
            b"OBJECT",
            b"DBSIZE",
        ]);
        let mut args = vec![name];
        args.extend(match &args[0][..] {
            b"RENAME" | b"RENAMENX" => vec![self.key(), self.key()],
            b"COPY" => {
                let mut pair = vec![self.key(), self.key()];
                pair.extend(self.some(0, 2, Self::copy_option));
                pair
            }
            b"KEYS" => vec![self.pick(&PATTERNS)],
            b"OBJECT" => {
                let words: [&[u8]; 4] = [b"ENCODING", b"ENCODING", b"ENCODING", b"BOGUS"];
                let word = self.pick(&words);
                vec![self.mixed_case(&word), self.key()]
            }
            b"DBSIZE" => vec![],
            _ => self.some(1, 4, |dice| vec![dice.key()]),
        });
        args
    }

    fn copy_option(&mut self) -> Args {
        let indexes: [&[u8]; 7] = [
            b"0",
            b"999",
            b"-1",
            b"x",
            b"",
            b"2147483648",
            b"9223372036854775808",
        ];
        match self.0.u8(..8) {
            0..=3 => vec![self.mixed_case(b"REPLACE")],
            4 => vec![b"BOGUS".to_vec()],
            5 => vec![b"DB".to_vec()],
            _ => vec![self.mixed_case(b"DB"), self.pick(&indexes)],
        }
    }

    /// A scan that ends at once, or that fails.
    fn scan(&mut self) -> Args {
        let mut args = vec![b"SCAN".to_vec()];
        args.push(match self.one_in(3) {
            true => self.pick(&[
                b"",
                b"abc",
                b"-",
                b"+",
                b" 1",
                b"1 ",
                b"+0",
                b"-0",
                b"00",
                b"0\0",
                b"\0",
                b"0x0",
                b"1.0",
                b"18446744073709551616",
            ]),
            false => b"0".to_vec(),
        });
        args.extend(self.some(0, 3, |dice| {
            let counts: [&[u8]; 7] = [
                b"0",
                b"-1",
                b"abc",
                b"1000",
                b"1 ",
                b"",
                b"9223372036854775808",
            ];
            let types: [&[u8]; 5] = [b"string", b"STRING", b"list", b"bogus", b""];
            let (name, value): (&[u8], _) = match dice.0.u8(..8) {
                0..=2 => (b"MATCH", dice.pick(&PATTERNS)),
                3..=4 => (b"COUNT", dice.pick(&counts)),
                5..=6 => (b"TYPE", dice.pick(&types)),
                _ => (b"BOGUS", dice.value()),
            };
            vec![dice.mixed_case(name), value]
        }));
        args.extend([b"COUNT".to_vec(), b"100000".to_vec()]);
        args
    }

    fn other(&mut self) -> Args {
        match self.0.u8(..12) {
            0 => self.line(&["FLUSHALL", "FLUSHDB ASYNC", "FLUSHALL sync", "FLUSHDB x"]),
            1 => self.line(&["FLUSHDB x", "FLUSHALL async x"]),
            2 => {
                let mut args = self.line(&["CONFIG SET proto-max-bulk-len"]);
                args.push(self.pick(&MEMORY));
                args
            }
            3 => self.line(&[
                "CONFIG GET proto-max-bulk-len",
                "CONFIG get PROTO-max* proto*len bogus",
                "CONFIG GET bogus",
                "CONFIG GET",
                "CONFIG bogus",
                "CONFIG",
                "CONFIG|GET x",
                "CONFIG RESETSTAT",
                "CONFIG RESETSTAT x",
            ]),
            4 => self.line(&[
                "CONFIG SET bogus 1",
                "CONFIG SET no\0such 1",
                "CONFIG SET  ",
                "CONFIG SET databases 3",
                "CONFIG SET DataBases 16",
                "CONFIG SET proto-max-bulk-len 1mb PROTO-max-bulk-len 1mb",
                "CONFIG SET proto-max-bulk-len 2mb bogus 1",
                "CONFIG SET bogus 1 databases 1",
                "CONFIG SET databases 1 bogus 1",
                "CONFIG SET proto-max-bulk-len bad databases 1",
                "CONFIG SET proto-max-bulk-len 1mb x",
            ]),
            5 => self.line(&[
                "HELLO 4",
                "HELLO x",
                "HELLO 3 bogus",
                "HELLO 2 AUTH default",
                "RESET",
            ]),
            6 => self.line(&[
                "CLIENT GETNAME",
                "CLIENT SETNAME name",
                "CLIENT SETNAME  ",
                "CLIENT SETINFO lib-name x",
                "CLIENT BOGUS",
                "COMMAND INFO bogus get|bogus",
                "COMMAND BOGUS",
            ]),
            7 => vec![
                b"SELECT".to_vec(),
                self.pick(&[b"0", b"-1", b"99", b"x", b"2147483648"]),
            ],
            8 => vec![b"ECHO".to_vec(), self.value()],
            9 => self.some(1, 4, |dice| vec![dice.value()]),
            10 => [
                vec![vec![b'x'; 140]],
                self.some(0, 5, |dice| vec![dice.value()]),
            ]
            .concat(),
            _ => {
                let names: [&[u8]; 4] = [b"PING", b"", b"OBJECT|ENCODING", b"G\r\nET"];
                vec![self.pick(&names), self.value()]
            }
        }
    }
}

/// A reply with what has no order in an order of its own.
fn ordered(args: &Args, reply: Vec<u8>) -> Vec<Vec<u8>> {
    let unordered = ["KEYS", "SCAN"].iter();
    let found = unordered
        .filter(|name| args[0].eq_ignore_ascii_case(name.as_bytes()))
        .count();
    if found == 0 || reply[0] == b'-' {
        return vec![reply];
    }
    let mut sorted = strings(&reply);
    sorted.sort();
    sorted
}

#[test]
fn replies_are_those_of_redis() {
    let seed = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    let mut dice = Dice(Rng::with_seed(seed));
    let server = Server::start();
    let mut ours = Session::connect(server.addr());
    // Which numbers SELECT and COPY take depends on it.
    let databases = ours.strings(&["CONFIG", "GET", "databases"]).remove(1);
    let databases = String::from_utf8_lossy(&databases);
    let Some(redis) = Server::start_redis_with(&["--databases", &databases]) else {
        return;
    };
    let mut theirs = Session::connect(redis.addr());
    for session in [&mut ours, &mut theirs] {
        session.expect_args(&LIMIT, OK);
    }
    for number in 0..amount(COMMANDS) {
        let args = dice.command();
        let reply = ordered(&args, ours.call(&args));
        let expected = ordered(&args, theirs.call(&args));
        if reply != expected {
            let show = |parts: &[Vec<u8>]| {
                parts
                    .iter()
                    .map(|p| shown(p))
                    .collect::<Vec<_>>()
                    .join("\n  ")
            };
            panic!(
                "command {number} of SEED={seed}:\n  {}\nreply:\n  {}\nRedis:\n  {}",
                show(&args),
                show(&reply),
                show(&expected)
            );
        }
    }
}
