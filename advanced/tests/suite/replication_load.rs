//! All types are written, clients wait and are served, and a replica comes in the middle of it, loses its
//! link and comes back: a stock Redis from this server, this server from a stock Redis, and from its like.
//! After each round it is quiet. Then both have the same data, deadlines and offset, and each element that
//! was handed over was given to one client.
//!
//! `SEED` repeats what is drawn.
//!
//! Reread: 08-replication/GUIDE.md#how-redis-does-it

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use fastrand::Rng;

use crate::harness::{Server, amount, wait_until};
use crate::hash_differential::{DEBUG, random};
use crate::mixed_differential::Dice;
use crate::session::{OK, Session, encode, shown, strings};

/// How many commands each client sends in a round, at least.
const CALLS: usize = 150;

/// Who sends more of them, because the round is not over, takes its time.
const PACE: Duration = Duration::from_millis(2);

/// After that, no key has a deadline that passes soon (see `soon` of the dice).
const AFTER_SOON: Duration = Duration::from_millis(13);

/// What clients write. The forms are those of `mixed_differential`, and `element` is one that was never
/// there before. No score is -0, which Redis may turn into 0 when it loads a file.
const WRITES: [(&str, &str); 6] = [
    (
        "string",
        "SET key word [ KEEPTTL ]
        SET key word EX 1000|5000
        SET key word PX soon
        MSET { key word }
        GETEX key EX 2000
        GETDEL key
        APPEND key word
        SETRANGE key 3 word
        INCRBY key number
        INCRBYFLOAT key 0.1|1.5",
    ),
    (
        "hash",
        "HSET key { word word }
        HSET big:hash { word word }
        HDEL key { word }
        HINCRBY key word number
        HINCRBYFLOAT key word 0.1|1.5",
    ),
    (
        "list",
        "LPUSH|RPUSH key { word }
        LPUSH|RPUSH big:list { word }
        LPOP|RPOP key 2
        LINSERT key BEFORE|AFTER word word
        LTRIM key 0 20
        LMOVE key key LEFT|RIGHT LEFT|RIGHT
        LMPOP keys LEFT|RIGHT COUNT 2
        BLPOP|BRPOP { key } 0.01
        BLMOVE key key LEFT|RIGHT LEFT|RIGHT 0.01
        BLMPOP 0.01 keys LEFT|RIGHT COUNT 2",
    ),
    (
        "set",
        "SADD key { number }
        SADD key { word }
        SREM key { number }
        SPOP key [ 2 ]
        SPOP big:set [ 2 ]
        SMOVE key key number
        SINTERSTORE|SUNIONSTORE|SDIFFSTORE key { key }",
    ),
    (
        "zset",
        "ZADD key { 1|2|-2.5|1e17|inf word }
        ZADD big:zset { 1|2|-2.5|1e17|inf word }
        ZADD key [ GT|LT ] INCR 1|0.1 word
        ZINCRBY key 1|0.1|-1 word
        ZREM key { word }
        ZPOPMIN|ZPOPMAX key 2
        ZMPOP keys MIN|MAX COUNT 2
        ZRANGESTORE key key 0 9
        ZREMRANGEBYRANK key 9 -1
        ZUNIONSTORE|ZINTERSTORE|ZDIFFSTORE key keys
        BZPOPMIN|BZPOPMAX { key } 0.01
        BZMPOP 0.01 keys MIN|MAX COUNT 2",
    ),
    (
        "any",
        "DEL|UNLINK key
        RENAME key key
        COPY key key REPLACE
        PERSIST key
        EXPIRE key 1000|5000 [ NX|XX|GT|LT ]
        PEXPIRE key soon",
    ),
];

const PUSHES: [(&str, &str); 1] = [(
    "any",
    "LPUSH|RPUSH queue:1|queue:2 { element }
    ZADD queue:3|queue:4 { 1|2|-2.5 element }",
)];

const TAKES: [(&str, &str); 1] = [(
    "any",
    "BLPOP|BRPOP queue:1 queue:2 0.02
    BLMPOP 0.02 2 queue:2 queue:1 LEFT|RIGHT COUNT 1|3
    BLMOVE queue:1|queue:2 taken LEFT|RIGHT LEFT|RIGHT 0.02
    BRPOPLPUSH queue:1|queue:2 taken 0.02
    BZPOPMIN|BZPOPMAX queue:3 queue:4 0.02
    BZMPOP 0.02 2 queue:4 queue:3 MIN|MAX COUNT 1|3",
)];

type Forms = &'static [(&'static str, &'static str)];

/// Who is there in a round.
const CLIENTS: [Forms; 9] = [
    &WRITES, &WRITES, &WRITES, &PUSHES, &PUSHES, &TAKES, &TAKES, &TAKES, &TAKES,
];

/// What an element begins with that is pushed once.
const ELEMENT: &str = "element:";

/// What was pushed to the queues, and what was given to who waited.
#[derive(Default)]
struct Seen {
    pushed: Vec<Vec<u8>>,
    given: Vec<Vec<u8>>,
}

/// Sends random commands of these forms until it has sent enough, and the round is over.
fn client(addr: SocketAddr, name: String, rng: Rng, forms: Forms, is_over: &AtomicBool) -> Seen {
    let (mut c, mut seen) = (Session::connect(addr), Seen::default());
    let section = "any";
    let dice = &mut Dice { rng, section };
    let calls = amount(CALLS);
    for call in (0..).take_while(|call| *call < calls || !is_over.load(Relaxed)) {
        let (section, lines) = forms[dice.rng.usize(..forms.len())];
        let lines: Vec<&str> = lines.lines().collect();
        let line = lines[dice.rng.usize(..lines.len())];
        // What is for any key is for keys of all types.
        dice.section = match section {
            "any" => WRITES[dice.rng.usize(..WRITES.len())].0,
            section => section,
        };
        let mut words = Vec::new();
        dice.expand(line.split_whitespace(), &mut words);
        for word in words.iter_mut().filter(|word| *word == "element") {
            *word = format!("{ELEMENT}{name}:{}", seen.pushed.len());
            seen.pushed.push(word.clone().into());
        }
        let reply = c.call(&words);
        seen.given.extend(elements(&reply));
        if call >= calls {
            thread::sleep(PACE);
        }
    }
    seen
}

fn elements(reply: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let all = strings(reply).into_iter();
    all.filter(|it| it.starts_with(ELEMENT.as_bytes()))
}

/// All clients at once, until they have sent enough, and what is done `meanwhile` is done.
fn round(addr: SocketAddr, name: &str, rng: &mut Rng, meanwhile: impl FnOnce()) -> Seen {
    let is_over = &AtomicBool::new(false);
    thread::scope(|scope| {
        let clients = CLIENTS.iter().enumerate().map(|(number, forms)| {
            let (name, rng) = (format!("{name}:{number}"), rng.fork());
            scope.spawn(move || client(addr, name, rng, forms, is_over))
        });
        let clients: Vec<_> = clients.collect();
        meanwhile();
        is_over.store(true, Relaxed);
        let mut all = Seen::default();
        for client in clients {
            let seen = client.join().expect("a client");
            all.pushed.extend(seen.pushed);
            all.given.extend(seen.given);
        }
        all
    })
}

/// A primary and its replica, and a connection to each.
pub struct Pair {
    primary: Server,
    _replica: Server,
    pub p: Session,
    pub r: Session,
}

impl Pair {
    /// Both turn a small collection into a large one soon, and the replica follows nobody yet.
    pub fn new(primary: Server, replica: Server) -> Self {
        let [mut p, mut r] = [&primary, &replica].map(|it| Session::connect(it.addr()));
        for c in [&mut p, &mut r] {
            for setting in [
                "hash-max-listpack-entries 8",
                "list-max-listpack-size 4",
                "set-max-intset-entries 8",
                "zset-max-listpack-entries 8",
                // Redis waits for more replicas otherwise, and looks seldom whether a wait is late.
                "repl-diskless-sync-delay 0",
                "hz 100",
            ] {
                c.expect(&format!("CONFIG SET {setting}"), OK);
            }
        }
        Self {
            primary,
            _replica: replica,
            p,
            r,
        }
    }

    /// A real Redis follows this server; `None` if there is none.
    pub fn redis_follows() -> Option<Self> {
        let redis = Server::start_redis_with(DEBUG)?;
        Some(Self::new(Server::start_with(DEBUG), redis))
    }

    /// This server follows a real Redis.
    pub fn redis_leads() -> Option<Self> {
        let redis = Server::start_redis_with(DEBUG)?;
        Some(Self::new(redis, Server::start_with(DEBUG)))
    }

    pub fn ours() -> Self {
        let [primary, replica] = [(); 2].map(|()| Server::start_with(DEBUG));
        Self::new(primary, replica)
    }

    /// One more connection to the primary.
    pub fn connect(&self) -> Session {
        Session::connect(self.primary.addr())
    }

    pub fn follow(&mut self) {
        let port = self.primary.addr().port().to_string();
        self.r.expect_args(&["REPLICAOF", "127.0.0.1", &port], OK);
        self.wait_for_link();
    }

    pub fn wait_for_link(&mut self) {
        wait_until("the replica has a link to its primary", || {
            field(&mut self.p, "connected_slaves") == "1"
                && field(&mut self.r, "master_link_status") == "up"
        });
    }

    /// The primary ends the link to its replica.
    pub fn cut(&mut self) {
        self.p.expect("CLIENT KILL TYPE replica", ":1\r\n");
    }

    /// Waits until the replica has got everything, which it has when it has what was written last.
    pub fn settle(&mut self) {
        let last = self.p.call(&["INCR", "last"]);
        let text = String::from_utf8_lossy(&last[1..]).trim_end().to_owned();
        wait_until("the replica has what was written last", || {
            strings(&self.r.call(&["GET", "last"])) == [text.as_bytes()]
        });
        self.wait_for_link();
        wait_until("the replica is as far as the primary", || {
            let [p, r] = [&mut self.p, &mut self.r].map(|it| field(it, "master_repl_offset"));
            p == r
        });
    }

    /// Compares all that is in both.
    #[track_caller]
    pub fn expect_the_same(&mut self, when: &str) {
        let [p, r] = [&mut self.p, &mut self.r].map(state);
        let keys: Vec<&Vec<u8>> = p.keys().chain(r.keys()).collect();
        for key in keys {
            let name = key.escape_ascii();
            assert_eq!(p.get(key), r.get(key), "{when}: {name}, then the replica's");
        }
        let [p, r] = [&mut self.p, &mut self.r].map(|it| it.call(&["DEBUG", "DIGEST"]));
        assert_eq!(shown(&p), shown(&r), "{when}");
    }
}

/// The value of a line of INFO.
fn field(c: &mut Session, name: &str) -> String {
    let info = c.call(&["INFO", "replication"]);
    let info = String::from_utf8_lossy(&info).into_owned();
    let found = info.lines().find_map(|line| {
        let (field, value) = line.split_once(':')?;
        (field == name).then(|| value.to_owned())
    });
    found.unwrap_or_default()
}

/// Each key with its deadline and the digest of its value.
fn state(c: &mut Session) -> BTreeMap<Vec<u8>, [String; 2]> {
    let mut keys = c.strings(&["KEYS", "*"]);
    keys.sort();
    let looks: Vec<u8> = keys
        .iter()
        .flat_map(|key| {
            let digest = encode(&[&b"DEBUG"[..], b"DIGEST-VALUE", &key[..]]);
            [encode(&[b"PEXPIRETIME", &key[..]]), digest].concat()
        })
        .collect();
    c.send(&looks);
    let mut look = || String::from_utf8_lossy(&c.reply()).into_owned();
    let found = keys.into_iter().map(|key| (key, [look(), look()]));
    found.collect()
}

/// So much that a replica needs a while to load it.
fn fill(c: &mut Session) {
    for number in 0..amount(2_000) {
        let name = format!("filled:{number}");
        let commands = [
            encode(&["SET", &name, "a value of more than sixteen bytes"]),
            encode(&["HSET", "big:hash", &name, "v"]),
            encode(&["RPUSH", "big:list", &name]),
            encode(&["SADD", "big:set", &name]),
            encode(&["ZADD", "big:zset", "1.5", &name]),
        ];
        c.send(&commands.concat());
        commands.iter().for_each(|_| drop(c.reply()));
    }
}

/// Each element that was pushed is with one client, or still in its queue.
#[track_caller]
fn each_is_given_once(c: &mut Session, all: &Seen) {
    let mut counts = BTreeMap::new();
    let left = ["queue:1", "queue:2"].map(|key| c.call(&["LRANGE", key, "0", "-1"]));
    let ranked = ["queue:3", "queue:4"].map(|key| c.call(&["ZRANGE", key, "0", "-1"]));
    let left = left.iter().chain(&ranked).flat_map(|it| elements(it));
    for element in all.given.iter().cloned().chain(left) {
        *counts.entry(element).or_insert(0) += 1;
    }
    for element in &all.pushed {
        let count = counts.remove(element);
        assert_eq!(count, Some(1), "how often {} is there", shown(element));
    }
    assert!(counts.is_empty(), "never pushed: {counts:?}");
    assert!(!all.given.is_empty(), "nobody was given anything");
}

/// Keys with a deadline that has passed are deleted by who looks at them, so that no deletion is still
/// to come.
fn look_at_all(c: &mut Session) {
    for section in ["string", "hash", "list", "set", "zset", "lex", "any"] {
        for number in 1..4 {
            c.call(&["EXISTS", &format!("{section}:{number}")]);
        }
    }
}

fn stays_the_same(mut pair: Pair) {
    let (rng, addr) = (&mut random(), pair.primary.addr());
    let mut all = Seen::default();
    fill(&mut pair.p);
    for when in [
        "before the replica comes",
        "as it comes",
        "as it follows",
        "as its link is cut",
    ] {
        let seen = round(addr, &when.replace(' ', "-"), rng, || match when {
            "as it comes" => pair.follow(),
            "as its link is cut" => {
                pair.cut();
                pair.wait_for_link();
            }
            _ => {}
        });
        all.pushed.extend(seen.pushed);
        all.given.extend(seen.given);
        if when == "before the replica comes" {
            continue;
        }
        thread::sleep(AFTER_SOON);
        look_at_all(&mut pair.p);
        pair.settle();
        pair.expect_the_same(when);
        each_is_given_once(&mut pair.r, &all);
    }
}

#[test]
fn redis_follows_us() {
    if let Some(pair) = Pair::redis_follows() {
        stays_the_same(pair);
    }
}

#[test]
fn we_follow_redis() {
    if let Some(pair) = Pair::redis_leads() {
        stays_the_same(pair);
    }
}

#[test]
fn one_of_us_follows_another() {
    stays_the_same(Pair::ours());
}
