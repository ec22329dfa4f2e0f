//! Random commands on all types, over the same few keys, to this server and to a real one: WRONGTYPE,
//! keys whose type changes, conversions and deadlines meet. The replies must be the same, byte for
//! byte, in both protocols; so must the notifications, the data, the encodings, and what INFO counts.
//!
//! `SEED` repeats a run. By hand: `ROUNDS=1000000 cargo test -p advanced --test suite -- mixed`.
//!
//! Reread: advanced/chapters/006-object-model/GUIDE.md

use std::str::SplitWhitespace;
use std::thread;
use std::time::Duration;

use fastrand::Rng;

use crate::harness::Server;
use crate::hash_differential::{DEBUG, digest, pick, random};
use crate::restore_fuzz::rounds;
use crate::session::{OK, Session, encode, shown};

/// How many commands a test run draws for each protocol.
const ROUNDS: usize = 5_000;

/// So many commands are sent at once, and after so many, all data are compared.
const BATCH: usize = 16;
const BETWEEN: usize = 500;

/// Each section has keys of its own, `hash:1` to `hash:3`, which nine of ten of its commands are for.
///
/// A line is a command as Redis's pages write it. `[ ]` may be left out, `{ }` is there up to three
/// times, and of `A|B` one is drawn. Words in small letters are drawn by [`Dice::word`]. After `~`,
/// Redis leaves the order of what it replies open.
const COMMANDS: [(&str, &str); 7] = [
    (
        "string",
        "SET key word [ NX|XX ] [ GET ] [ KEEPTTL ]
        SET key word PXAT later
        SET key word PX soon
        SETNX key word
        GETSET key word
        GETDEL key
        GETEX key [ PERSIST ]
        GETEX key PXAT later
        GETEX key PX soon
        GET key
        MGET { key }
        MSET { key word }
        MSETNX { key word }
        APPEND key word
        STRLEN key
        GETRANGE key index index
        SETRANGE key count word
        INCR|DECR key
        INCRBY|DECRBY key number
        INCRBYFLOAT key score",
    ),
    (
        "hash",
        "HSET key { word word }
        HSET key { word number }
        HSETNX key word word
        HMSET key { word word }
        HGET|HEXISTS|HSTRLEN key word
        HMGET key { word }
        HDEL key { word }
        HLEN key
        HINCRBY key word number
        HINCRBYFLOAT key word score
        ~HGETALL|HKEYS|HVALS key
        ~HRANDFIELD key 1000 [ WITHVALUES ]
        ~HSCAN key 0 COUNT 1000 [ MATCH pattern ]",
    ),
    (
        "list",
        "LPUSH|RPUSH key { word }
        LPUSH|RPUSH key { number }
        LPUSHX|RPUSHX key { word }
        LINSERT key BEFORE|AFTER word word
        LSET key index word
        LPOP|RPOP key [ count ]
        LREM key index word
        LTRIM key index index
        LLEN key
        LINDEX key index
        LRANGE key index index
        LPOS key word [ RANK index ] [ COUNT count ] [ MAXLEN count ]
        LMOVE key key LEFT|RIGHT LEFT|RIGHT
        RPOPLPUSH key key
        LMPOP keys LEFT|RIGHT [ COUNT count ]
        BLPOP|BRPOP { key } 0.001
        BLMOVE key key LEFT|RIGHT LEFT|RIGHT 0.001
        BLMPOP 0.001 keys LEFT|RIGHT [ COUNT count ]",
    ),
    (
        "set",
        "SADD key { number }
        SADD key { number }
        SADD key word
        SREM key { number|word }
        SMOVE key key number|word
        SISMEMBER key number|word
        SMISMEMBER key { number }
        SCARD key
        SINTERCARD keys [ LIMIT count ]
        SINTERSTORE|SUNIONSTORE|SDIFFSTORE key { key }
        ~SINTER|SUNION|SDIFF { key }
        ~SMEMBERS key
        ~SPOP key 1000
        ~SRANDMEMBER key 1000
        ~SSCAN key 0 COUNT 1000 [ MATCH pattern ]",
    ),
    (
        "zset",
        "ZADD key { score word }
        ZADD key { score number }
        ZADD key [ NX|XX ] [ GT|LT ] [ CH ] [ INCR ] { score word }
        ZINCRBY key score word
        ZREM key { word }
        ZSCORE|ZRANK|ZREVRANK key word
        ZMSCORE key { word }
        ZCARD key
        ZCOUNT key bound bound
        ZRANGE|ZREVRANGE key index index [ WITHSCORES ]
        ZRANGE key bound bound BYSCORE [ REV ] [ LIMIT count count ] [ WITHSCORES ]
        ZRANGEBYSCORE|ZREVRANGEBYSCORE key bound bound [ LIMIT count count ]
        ZRANGESTORE key key index index [ REV ]
        ZREMRANGEBYRANK key index index
        ZREMRANGEBYSCORE key bound bound
        ZPOPMIN|ZPOPMAX key [ count ]
        ZMPOP keys MIN|MAX [ COUNT count ]
        BZPOPMIN|BZPOPMAX { key } 0.001
        BZMPOP 0.001 keys MIN|MAX [ COUNT count ]
        ZUNION|ZINTER|ZDIFF keys [ WITHSCORES ]
        ZUNION|ZINTER 2 key key WEIGHTS score score [ AGGREGATE SUM|MIN|MAX ]
        ZUNIONSTORE|ZINTERSTORE key 2 key key [ WEIGHTS score score ] [ AGGREGATE SUM|MIN|MAX ]
        ZUNIONSTORE|ZINTERSTORE|ZDIFFSTORE key keys
        ZINTERCARD keys [ LIMIT count ]
        ~ZRANDMEMBER key 1000 [ WITHSCORES ]
        ~ZSCAN key 0 COUNT 1000 [ MATCH pattern ]",
    ),
    // The order of members is defined only where all scores are equal: no other section has this key.
    (
        "lex",
        "ZADD same 0 word
        ZADD same 0 number
        ZREM same word
        ZLEXCOUNT same lex lex
        ZRANGEBYLEX|ZREVRANGEBYLEX same lex lex [ LIMIT count count ]
        ZRANGE same lex lex BYLEX [ REV ]
        ZRANGESTORE key same lex lex BYLEX
        ZREMRANGEBYLEX same lex lex
        COPY same key REPLACE",
    ),
    (
        "any",
        "DEL|UNLINK { key }
        EXISTS|TOUCH { key }
        TYPE key
        RENAME|RENAMENX key key
        COPY key key [ REPLACE ]
        OBJECT ENCODING key
        PERSIST key
        EXPIRETIME|PEXPIRETIME key
        PEXPIREAT key later [ NX|XX|GT|LT ]
        PEXPIREAT key -1|1
        PEXPIRE key soon [ NX|XX|GT|LT ]
        DBSIZE
        ~KEYS pattern
        ~SCAN 0 COUNT 1000 [ TYPE string|hash|list|set|zset ]
        FLUSHALL|FLUSHDB [ SYNC|ASYNC ]
        DEBUG RELOAD
        CONFIG SET hash-max-listpack-entries 0|4|8|64
        CONFIG SET hash-max-listpack-value 4|16|64
        CONFIG SET list-max-listpack-size 1|4|-1|-2
        CONFIG SET list-compress-depth 0|1|2
        CONFIG SET set-max-intset-entries 0|4|8|64
        CONFIG SET zset-max-listpack-entries 0|4|8|64
        CONFIG SET zset-max-listpack-value 4|16|64",
    ),
];

const WORDS: &str = "a b c d e f 1 -1 12 007 1.5 -0 inf nan 4095 4096 70000 2147483648 \
    9223372036854775807 -9223372036854775808 sixteen-bytes-:) seventeen-bytes-:)";
const SCORES: &str = "0 1 -1 2 3 1.5 0.1 -2.5 10 inf -inf 1e10 1e17 nan x";
const LEX: &str = "- + - + [a (a [c (e [f [1 (12 (seventeen [ x";
const PATTERNS: &str = "* *1 ?* [a-c] [^a]* hash:* *e*e*";
const INDEXES: &str = "0 0 1 2 3 5 9 -1 -1 -2 -3 -9 x";
const COUNTS: &str = "0 1 1 1 2 2 3 5 40 -1 x";

/// The time that `soon` is, and the time after which it has certainly passed. A server that the machine
/// stops for so long between two looks at the clock deletes the key at once, and the other does not.
const SOON: &str = "11";
const AFTER_SOON: Duration = Duration::from_millis(13);

/// What is sent, and whether the reply has no order.
pub struct Command {
    pub words: Vec<String>,
    in_any_order: bool,
}

impl Command {
    /// Is it about to set a deadline that passes soon?
    fn is_for_soon(&self) -> bool {
        self.words.iter().any(|word| word == SOON)
            && ["PEXPIRE", "SET", "GETEX"].contains(&&*self.words[0])
    }
}

/// Draws commands.
pub struct Dice {
    pub rng: Rng,
    /// For whose keys.
    pub section: &'static str,
}

impl Dice {
    pub fn command(&mut self) -> Command {
        let (section, lines) = COMMANDS[self.rng.usize(..COMMANDS.len())];
        let lines: Vec<&str> = lines.lines().collect();
        let line = lines[self.rng.usize(..lines.len())].trim_start();
        let form = line.trim_start_matches('~');
        self.section = section;
        let mut words = Vec::new();
        self.expand(form.split_whitespace(), &mut words);
        let in_any_order = form != line;
        // What is destructive, or slow, would leave little.
        let is_rare = ["FLUSHALL", "FLUSHDB", "DEBUG"].contains(&&*words[0]);
        if is_rare && !self.one_in(10) {
            return self.command();
        }
        // Now and then one argument is missing, or there is one too many.
        match self.rng.u8(..100) {
            // Without its count, a command takes what it likes.
            0 if !in_any_order && words.len() > 1 => drop(words.pop()),
            1 => words.push("x".into()),
            _ => {}
        }
        Command {
            words,
            in_any_order,
        }
    }

    pub fn one_in(&mut self, n: u8) -> bool {
        self.rng.u8(..n) == 0
    }

    /// Draws what the form says, up to the end of its group. Returns what comes after the group.
    pub fn expand(&mut self, mut form: Form, words: &mut Vec<String>) -> Form {
        while let Some(token) = form.next() {
            match token {
                "]" | "}" => break,
                "[" => {
                    let mut option = Vec::new();
                    form = self.expand(form, &mut option);
                    if self.one_in(3) {
                        words.append(&mut option);
                    }
                }
                "{" => {
                    let group = form;
                    form = self.expand(group.clone(), words);
                    for _ in 0..self.rng.u8(..3) {
                        self.expand(group.clone(), words);
                    }
                }
                "keys" => {
                    let count = self.rng.usize(1..4);
                    words.push(count.to_string());
                    words.extend((0..count).map(|_| self.word("key")));
                }
                _ => words.push(self.word(token)),
            }
        }
        form
    }

    fn word(&mut self, token: &str) -> String {
        match token {
            "key" => self.key(),
            "word" if self.one_in(30) => "x".repeat(self.rng.usize(15..70)),
            "word" if self.one_in(2) => format!("m{}", self.rng.u8(..60)),
            "word" => self.one_of(WORDS),
            "number" if self.one_in(20) => self.one_of(WORDS),
            "number" if self.one_in(20) => self.rng.i64(..).to_string(),
            "number" => self.rng.i16(-20..100).to_string(),
            "score" if self.one_in(2) => self.rng.i8(-5..20).to_string(),
            "score" => self.one_of(SCORES),
            "bound" if self.one_in(3) => format!("({}", self.word("score")),
            "bound" => self.word("score"),
            "lex" => self.one_of(LEX),
            "index" => self.one_of(INDEXES),
            "count" => self.one_of(COUNTS),
            "pattern" => self.one_of(PATTERNS),
            "soon" => SOON.into(),
            "later" => format!("3300000000000{}", self.rng.u8(..4)),
            _ => match token.split('|').collect::<Vec<_>>()[..] {
                [word] => word.into(),
                ref words => {
                    let word = pick(&mut self.rng, words);
                    self.word(&word)
                }
            },
        }
    }

    fn one_of(&mut self, words: &str) -> String {
        let words: Vec<&str> = words.split_whitespace().collect();
        pick(&mut self.rng, &words)
    }

    pub fn key(&mut self) -> String {
        let section = match self.one_in(10) {
            true => COMMANDS[self.rng.usize(..COMMANDS.len())].0,
            false => self.section,
        };
        format!("{section}:{}", self.rng.u8(1..4))
    }
}

pub type Form = SplitWhitespace<'static>;

/// One of the servers: who sends it commands, and who hears of what happens to its keys.
struct Side {
    c: Session,
    subscriber: Session,
}

impl Side {
    fn new(server: &Server, protocol: &str) -> Self {
        let [mut c, mut subscriber] = [(); 2].map(|()| Session::connect(server.addr()));
        c.call(&["HELLO", protocol]);
        c.expect("FLUSHALL", OK);
        c.expect("CONFIG SET notify-keyspace-events KEA", OK);
        // A wait for a key ends in time.
        c.call(&["CONFIG", "SET", "hz", "500"]);
        // Only commands delete what has expired, so that it is the same on both servers.
        c.expect("DEBUG SET-ACTIVE-EXPIRE 0", OK);
        subscriber.call(&["PSUBSCRIBE", "__key*"]);
        Self { c, subscriber }
    }

    /// The replies to commands that are sent at once.
    fn replies(&mut self, commands: &[Command]) -> Vec<Vec<u8>> {
        let bytes: Vec<u8> = (commands.iter().flat_map(|it| encode(&it.words))).collect();
        self.c.send(&bytes);
        commands.iter().map(|_| self.c.reply()).collect()
    }

    /// What was published since the last time: that keys have expired comes last, because this
    /// server tells it before what else a command has done, and Redis when it comes across the key.
    fn events(&mut self) -> Vec<String> {
        const END: &str = "that is all";
        self.c.call(&["PUBLISH", "__keyspace@0__:end", END]);
        let events = std::iter::repeat_with(|| shown(&self.subscriber.reply()));
        let events = events.take_while(|event| !event.contains(END));
        let (mut expired, mut events): (Vec<_>, Vec<_>) =
            events.partition(|event| event.contains("expired"));
        expired.sort();
        events.extend(expired);
        events
    }

    /// What one can see of the data: encodings, digest, and the number of changes.
    fn state(&mut self) -> Vec<String> {
        let keys = COMMANDS
            .iter()
            .flat_map(|(section, _)| (1..4).map(move |number| format!("{section}:{number}")));
        let mut state: Vec<String> = keys
            .chain(["same".to_owned()])
            .map(|key| {
                let encoding = self.c.call(&["OBJECT", "ENCODING", &key]);
                format!("{key} {}", shown(&encoding))
            })
            .collect();
        state.push(digest(&mut self.c));
        for (section, field) in [
            ("persistence", "rdb_changes_since_last_save"),
            ("stats", "expired_keys"),
        ] {
            let info = self.c.call(&["INFO", section]);
            let info = String::from_utf8_lossy(&info).into_owned();
            state.extend(
                info.lines()
                    .find(|it| it.starts_with(field))
                    .map(str::to_owned),
            );
        }
        state
    }
}

fn is_same(left: &[u8], right: &[u8], in_any_order: bool) -> bool {
    let lines = |reply: &[u8]| {
        let mut lines: Vec<_> = reply.split(|it| *it == b'\n').map(<[u8]>::to_vec).collect();
        lines.sort();
        lines
    };
    left == right || in_any_order && lines(left) == lines(right)
}

/// Both servers: ours, and the real one.
struct Pair([Side; 2]);

impl Pair {
    /// Sends commands to both at once, and compares the replies.
    fn say(&mut self, batch: &[Command], number: usize) {
        let [left, right] = self.0.each_mut().map(|side| side.replies(batch));
        for ((command, left), right) in batch.iter().zip(&left).zip(&right) {
            let [ours, theirs] = [shown(left), shown(right)];
            assert!(
                is_same(left, right, command.in_any_order),
                "after command {number}: {:?}\n  ours   {ours}\n  Redis  {theirs}",
                command.words
            );
        }
        if batch.last().is_some_and(Command::is_for_soon) {
            thread::sleep(AFTER_SOON);
        }
    }

    /// Compares what has come of it.
    fn compare(&mut self, number: usize) {
        for look in [Side::events, Side::state as fn(&mut Side) -> _] {
            let [left, right] = self.0.each_mut().map(look);
            let differs = left.iter().zip(&right).find(|(left, right)| left != right);
            assert_eq!(differs, None, "after command {number}");
            assert_eq!(left.len(), right.len(), "after command {number}");
        }
    }
}

/// Sends random commands to both in one protocol, and compares all that comes of them.
fn compare_with_redis(protocol: &str) {
    let flags = [DEBUG, &["--save", ""]].concat();
    let Some(redis) = Server::start_redis_with(&flags) else {
        return;
    };
    let ours = Server::start_with(&flags);
    let (rng, section) = (random(), "any");
    let (dice, all) = (&mut Dice { rng, section }, rounds(ROUNDS));
    let mut pair = Pair([&ours, &redis].map(|server| Side::new(server, protocol)));
    let (mut number, mut compared) = (0, 0);
    while number < all {
        let mut batch = vec![dice.command()];
        // Not after a deadline that passes soon: until then, nobody knows whether it has.
        while batch.len() < BATCH && !batch[batch.len() - 1].is_for_soon() {
            batch.push(dice.command());
        }
        pair.say(&batch, number);
        number += batch.len();
        if number >= compared + BETWEEN || number >= all {
            compared = number;
            pair.compare(number);
        }
    }
}

#[test]
fn random_commands_on_all_types_have_the_replies_of_redis_in_resp2() {
    compare_with_redis("2");
}

#[test]
fn random_commands_on_all_types_have_the_replies_of_redis_in_resp3() {
    compare_with_redis("3");
}
