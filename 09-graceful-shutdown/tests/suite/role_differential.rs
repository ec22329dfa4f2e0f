//! Random commands to this server and to a real one while they do not serve as usual: while they
//! wait for a replica before they end, after that is taken back, and while they load their data.
//! The replies must be the same, byte for byte, but for how much of a time is left.
//!
//! While they wait, writes have no reply. Those come on connections of their own, each with keys
//! of its own, because nothing says which connection goes first when the end is taken back; so
//! their replies are compared then. Some keys end in the middle, at the same moment on both.
//!
//! What is sent while data are loaded ends with a command that is refused; so all of it was
//! executed in time. ROLE is left out there: Redis counts the DELs of keys that are over in its
//! offset, and so does not begin with 0.
//!
//! Every run draws other commands. It prints the seed first; set `SEED` to it and the same commands
//! come again.
//!
//! Reread: 09-graceful-shutdown/GUIDE.md#the-idea

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use crate::client::Client;
use crate::dump::{self, record};
use crate::expiry_differential::{Args, Dice, agree};
use crate::harness::{Server, amount, installed, wait_until};
use crate::log::{data_folder, unix_milliseconds};
use crate::replicas::{Reader, all, prepare};
use crate::session::{OK, Session, encode, shown};
use crate::shutdown::{FAILED, tell, wait_for_drain};

const ROUNDS: usize = 1500;

/// How many connections have writes that wait.
const WAITING: usize = 40;

/// How many commands come while data are loaded.
const COMMANDS: usize = 500;

/// How many keys a large data set has.
const KEYS: usize = 100_000;

const LOADING: &[u8] = b"-LOADING Redis is loading the dataset in memory\r\n";

/// Answered while the server waits. For each `k` comes a key, for each `v` a value.
const ANSWERED: &str = "GET k;MGET k k k;STRLEN k;GETRANGE k 0 3;SUBSTR k -3 -1;TYPE k;EXISTS k k;\
    TOUCH k k;OBJECT ENCODING k;TTL k;PTTL k;EXPIRETIME k;PEXPIRETIME k;DBSIZE;\
    KEYS *;KEYS v;SCAN 0 COUNT 1000;SCAN x;PING;PING v;ECHO v;SELECT 0;SELECT x;\
    CLIENT SETNAME k;CLIENT GETNAME;HELLO v;RESET;CONFIG GET shutdown-timeout;CONFIG SET v 1;\
    PUBSUB CHANNELS;PUBSUB NUMSUB k v;WAIT 0 0;WAIT v v;SHUTDOWN v;SHUTDOWN ABORT v;SET;SET k;\
    GET k v;APPEND k;INCR k v;EXPIRE k;GETEX;MSET k;DEL;RENAME k;PUBLISH k;COPY k;UNLINK;\
    NOSUCH k v;v v;OBJECT k;CONFIG v;REPLICAOF k;PSYNC";

/// Has to wait.
const WAITS: &str = "SET k v;SET k v BOGUS;GETEX k;GETDEL k;GETSET k v;SETEX k 0 v;APPEND k v;\
    SETRANGE k 2 v;INCR k;INCRBYFLOAT k v;MSET k v;MSETNX k v;DEL k;UNLINK k;EXPIRE k v;PERSIST k;\
    RENAME k k;COPY k k;PUBLISH k v;FLUSHALL x;FLUSHDB x";

/// Comes behind it on its connection.
const BEHIND: &str = "SET k v;SET k v PX 100000000;SET k v PXAT 1;SET k v XX GET;SET k v EX v;\
    SET k v BOGUS;SETNX k v;SETEX k 0 v;PSETEX k 100000000 v;GETSET k v;GETDEL k;GETEX k PXAT 1;\
    GETEX k PERSIST;GETEX k v;APPEND k v;SETRANGE k 2 v;SETRANGE k v v;INCR k;DECRBY k v;\
    INCRBYFLOAT k 1.5;MSET k v k v;MSETNX k v k v;DEL k k;UNLINK k;EXPIRE k 100000;EXPIRE k v;\
    PEXPIRE k -1;EXPIREAT k 1;PERSIST k;RENAME k k;RENAMENX k k;COPY k k REPLACE;PUBLISH k v;\
    GET k;TTL k;EXISTS k k;MGET k k;SET k";

/// Sent while data are loaded, besides every command there is with any arguments.
const WHILE_LOADING: &str = "CONFIG GET timeout;CONFIG SET appendonly no;CONFIG SET v 1;\
    CONFIG SET maxclients;CLIENT SETNAME k;CLIENT GETNAME;SELECT 0;HELLO v;RESET;SUBSCRIBE k;\
    UNSUBSCRIBE k;PING;PING v;PUBSUB CHANNELS;PUBSUB NUMSUB k;SHUTDOWN v;SHUTDOWN ABORT;\
    SHUTDOWN SAVE NOSAVE;LASTSAVE v;NOSUCH k;REPLICAOF NO ONE;BGSAVE;SAVE;BGREWRITEAOF;SYNC;\
    COMMAND INFO v;CONFIG v;FLUSHALL;WAIT 0 0";

/// What no two servers have in common, what has several replies or none, and what only Redis has.
const NOT_COMPARED: &str = "acl asking client|id client|info client|list client|pause cluster \
    command|count command|docs command|info command|list debug eval evalsha function hello info \
    lastsave latency lolwut memory module monitor pfdebug psubscribe punsubscribe quit readonly \
    replconf role script select shutdown slowlog ssubscribe subscribe sunsubscribe time unsubscribe";

fn line(dice: &mut Dice, lines: &str, prefix: &str) -> Args {
    let lines: Vec<&str> = lines.split(';').collect();
    let words = lines[dice.rng.usize(..lines.len())].split(' ');
    let mut word = |word| match word {
        "k" => format!("{prefix}{}", dice.key()),
        "v" => dice.value(),
        _ => word.to_owned(),
    };
    words.map(&mut word).collect()
}

/// Puts the same to both.
#[track_caller]
fn put(pair: &mut [Session; 2], what: &str, args: &Args) {
    let [ours, theirs] = pair.each_mut().map(|session| session.call(args));
    check(what, args, &ours, &theirs);
}

#[track_caller]
fn check(what: &str, args: &Args, ours: &[u8], theirs: &[u8]) {
    assert!(
        agree(args, ours, theirs),
        "{what}:\n  {args:?}\nreply:\n  {}\nRedis:\n  {}",
        shown(ours),
        shown(theirs)
    );
}

/// Any commands, as for a server that serves.
fn serve(pair: &mut [Session; 2], dice: &mut Dice, what: &str) {
    for _ in 0..amount(ROUNDS) {
        let args = dice.command();
        put(pair, what, &args);
        if dice.about_to_end {
            sleep(Duration::from_millis(6));
        }
    }
}

/// Commands on a connection to each, the first of which has to wait.
struct Waiting {
    pair: [Client; 2],
    commands: Vec<Args>,
}

impl Waiting {
    fn new(servers: &[Server; 2], dice: &mut Dice, number: usize) -> Self {
        let prefix = format!("{number}:");
        let count = dice.rng.usize(1..8);
        let mut commands = vec![line(dice, WAITS, &prefix)];
        commands.extend((0..count).map(|_| line(dice, BEHIND, &prefix)));
        let bytes: Vec<u8> = commands.iter().flat_map(|args| encode(args)).collect();
        let pair = servers.each_ref().map(|server| {
            let mut client = Client::connect(server);
            client.send(&bytes);
            client
        });
        Self { pair, commands }
    }

    /// Neither has said anything yet.
    fn expect_silence(&self) {
        for Client { socket, .. } in &self.pair {
            socket.set_nonblocking(true).expect("do not wait");
            let said = socket.peek(&mut [0]).is_ok();
            assert!(!said, "it does not wait: {:?}", self.commands[0]);
            socket.set_nonblocking(false).expect("wait again");
        }
    }

    fn compare(&mut self) {
        for args in &self.commands {
            let [ours, theirs] = self.pair.each_mut().map(Client::reply);
            check("after it waited", args, &ours, &theirs);
        }
    }
}

/// What is answered while both wait, before some keys have ended and after. Half of it is lost
/// on a machine that takes longer than `life` milliseconds; then it says so.
fn drain(servers: &[Server; 2], pair: &mut [Session; 2], dice: &mut Dice, life: i64) -> bool {
    let _readers = servers.each_ref().map(Reader::connect);
    for session in pair.iter_mut() {
        wait_until("what has expired is removed", || {
            let count = session.strings(&["KEYS", "*"]).len();
            session.call(&["DBSIZE"]) == format!(":{count}\r\n").as_bytes()
        });
    }
    let end = unix_milliseconds() + life;
    for key in ["a", "b", "12", "ends"] {
        let args = ["SET", key, "10", "PXAT", &end.to_string()].map(str::to_owned);
        put(pair, "before the end", &args.to_vec());
    }
    let mut askers: [Client; 2] = servers.each_ref().map(|server| tell(server, "SHUTDOWN"));
    pair.iter_mut().for_each(wait_for_drain);
    let mut waiting = Vec::new();
    let mut is_in_time = unix_milliseconds() < end;
    for has_ended in [false, true] {
        if has_ended {
            wait_until("some keys have ended", || unix_milliseconds() > end);
        }
        for round in 0..amount(ROUNDS) {
            if round * WAITING % (2 * ROUNDS) < WAITING {
                waiting.push(Waiting::new(servers, dice, waiting.len()));
            }
            let args = line(dice, ANSWERED, "");
            let [ours, theirs] = pair.each_mut().map(|session| session.call(&args));
            is_in_time &= has_ended || unix_milliseconds() < end;
            if is_in_time {
                check("while it waits", &args, &ours, &theirs);
            }
        }
    }
    waiting.iter().for_each(Waiting::expect_silence);
    for session in pair.iter_mut() {
        session.expect("SHUTDOWN ABORT", OK);
    }
    for asker in &mut askers {
        asker.expect(FAILED);
    }
    waiting.iter_mut().for_each(Waiting::compare);
    is_in_time
}

#[test]
fn a_server_that_waits_for_its_replicas_replies_as_redis() {
    let mut dice = Dice::new();
    // Nor may the replica that says nothing be given up.
    let flags = ["--shutdown-timeout", "600", "--repl-timeout", "600"];
    let Some(redis) = Server::start_redis_with(&flags) else {
        return;
    };
    let servers = [Server::start_with(&flags), redis];
    let mut pair = servers.each_ref().map(prepare);
    serve(&mut pair, &mut dice, "before");
    let mut lives = [1000, 5000, 20_000].into_iter();
    let is_in_time = lives.any(|life| {
        let is_in_time = drain(&servers, &mut pair, &mut dice, life);
        serve(&mut pair, &mut dice, "after");
        is_in_time
    });
    assert!(is_in_time, "it takes twenty seconds to ask that much");
    wait_until("both have the same keys", || {
        let [ours, theirs] = pair.each_mut().map(|session| {
            let mut keys = session.strings(&["KEYS", "*"]);
            keys.sort();
            keys
        });
        ours == theirs
    });
}

/// Keys that stay, keys that end in the year 2100, and some that are over.
fn large_file() -> Vec<u8> {
    let records = (0..KEYS).map(|number| {
        let record = record(format!("key:{number:012}").as_bytes(), &[b'v'; 100]);
        let deadline = |time: u64| [&[0xFC][..], &time.to_le_bytes(), &record].concat();
        match number % 10 {
            3 => deadline(4_102_444_800_000),
            7 => deadline(1_000_000_000_000),
            _ => record,
        }
    });
    dump::file(&records.collect::<Vec<_>>())
}

/// Any command there is with any arguments, or one of those above.
fn command_while_loading(dice: &mut Dice, names: &[String]) -> Args {
    match dice.rng.u8(..4) {
        0 => line(dice, WHILE_LOADING, ""),
        1 => dice.command(),
        _ => {
            let name = &names[dice.rng.usize(..names.len())];
            let mut args: Args = name.split('|').map(str::to_owned).collect();
            for _ in 0..dice.rng.usize(..4) {
                args.push(dice.value());
            }
            args
        }
    }
}

/// All names of commands, and of their second words, that are compared.
fn names() -> Vec<String> {
    let server = Server::start();
    let names = Session::connect(server.addr()).strings(&["COMMAND", "LIST"]);
    let names = names.iter().map(|name| String::from_utf8_lossy(name));
    let is_compared = |name: &str| {
        let start = name.split('|').next().unwrap_or(name);
        name != "command"
            && !name.ends_with("|help")
            && !NOT_COMPARED.split(' ').any(|no| no == name || no == start)
    };
    let mut names: Vec<String> = names.map(Into::into).collect();
    names.retain(|name| is_compared(name));
    names.sort();
    names
}

/// A server that loads its data, and its replies to commands that were all executed meanwhile.
fn ask_while_loading(
    start: impl Fn() -> Server,
    commands: &[Args],
) -> (Server, Session, Vec<Vec<u8>>) {
    let bytes = commands.iter().flat_map(|args| encode(args));
    let bytes = bytes.collect::<Vec<_>>();
    // On a busy machine it may be done before anybody has asked.
    for _ in 0..10 {
        let server = start();
        let mut session = Session::connect(server.addr());
        session.send(&bytes);
        let replies: Vec<_> = commands.iter().map(|_| session.reply()).collect();
        if replies.last().is_some_and(|reply| reply == LOADING) {
            return (server, session, replies);
        }
    }
    panic!("everything is loaded before it has answered");
}

#[test]
fn a_server_that_loads_its_data_replies_as_redis() {
    let mut dice = Dice::new();
    let data = data_folder();
    fs::write(dump::path(&data), large_file()).expect("a file");
    // Redis lets clients in between two steps, and waits for a moment at each key.
    let slowly = ["--loading-process-events-interval-bytes", "65536"];
    let slowly = [&slowly[..], &["--key-load-delay", "5"]].concat();
    if !installed("redis-server") {
        return;
    }
    let names = names();
    let last = ["RESET", "GET a"].map(|line| line.split(' ').map(str::to_owned).collect());
    let commands: Vec<Args> = (0..COMMANDS)
        .map(|_| command_while_loading(&mut dice, &names))
        .chain(last)
        .collect();
    let start = || Server::start_on(data.path(), &[]);
    let (_server, mut ours, received) = ask_while_loading(start, &commands);
    let start = || Server::start_redis_on(data.path(), &slowly).expect("it is installed");
    let (_redis, mut theirs, expected) = ask_while_loading(start, &commands);
    for ((args, ours), theirs) in commands.iter().zip(&received).zip(&expected) {
        check("while it loads", args, ours, theirs);
    }
    let [ours, theirs] = [&mut ours, &mut theirs].map(|session| {
        wait_until("the data is loaded", || {
            !session.call(&["PING"]).starts_with(b"-LOADING")
        });
        all(session)
    });
    assert!(ours == theirs, "{} keys and {}", ours.len(), theirs.len());
    assert_eq!(ours.len(), KEYS / 10 * 9);
}
