//! The graders of `EXERCISES.md`. They are ignored until somebody asks for them:
//!
//! ```text
//! make check-04
//! ```
//!
//! Like the suites, they know nothing of a server but its port, and real Redis
//! passes them all.

#[path = "suite/client.rs"]
mod client;
#[path = "suite/harness.rs"]
mod harness;
#[allow(dead_code)]
#[path = "suite/session.rs"]
mod session;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use client::{Client, escaped};
use harness::{Server, wait_until};
use session::{NULL, OK, arity, bulk, encode, int};
use socket2::{Domain, Socket, Type};

/// A new server, and a client of it.
fn start() -> (Server, Client) {
    start_with(&[])
}

/// A new server with more flags, and a client of it.
fn start_with(flags: &[&str]) -> (Server, Client) {
    let server = Server::start_with(flags);
    let client = connect(&server);
    (server, client)
}

/// How long a reply may take. Half-done work here often means that it never
/// comes, and there are many graders.
const PATIENCE: Duration = Duration::from_secs(5);

fn connect(server: &Server) -> Client {
    let client = Client::connect(server);
    be_patient(&client);
    client
}

fn be_patient(client: &Client) {
    let set = client.socket.set_read_timeout(Some(PATIENCE));
    set.expect("set a timeout");
}

/// Nothing comes, for a moment.
#[track_caller]
fn check_silence(client: &mut Client) {
    client.expect_silence();
    be_patient(client);
}

/// A command, whose arguments are the words of `command`, as it is sent.
fn words(command: &str) -> Vec<u8> {
    let words: Vec<&str> = command.split(' ').collect();
    encode(&words)
}

/// Sends a command and compares its reply.
#[track_caller]
fn check(client: &mut Client, command: &str, reply: impl AsRef<[u8]>) {
    client.check(words(command), reply);
}

/// Sends commands that all get the same reply.
#[track_caller]
fn check_all(client: &mut Client, commands: &[&str], reply: impl AsRef<[u8]>) {
    for command in commands {
        check(client, command, &reply);
    }
}

/// Sends commands in one packet and compares their replies.
#[track_caller]
fn check_batch(client: &mut Client, commands: &[&str], replies: &[&str]) {
    let batch: Vec<u8> = commands.iter().flat_map(|c| words(c)).collect();
    client.check(batch, replies.concat());
}

/// Sends a command and takes the reply as text.
#[track_caller]
fn text(client: &mut Client, command: &str) -> String {
    escaped(&client.send(words(command)).reply()).replace("\\r\\n", "\n")
}

/// Sends a command and takes the reply, which must be an integer.
#[track_caller]
fn number(client: &mut Client, command: &str) -> i64 {
    let received = text(client, command);
    let number = received.trim_end().strip_prefix(':');
    let number = number.and_then(|number| number.parse().ok());
    number.unwrap_or_else(|| {
        panic!(
            "the reply is no integer\n  sent      {command}\n  expected  an integer, as Redis \
             replies\n  received  {received}"
        )
    })
}

/// Fails if Redis's reply to `command` has the lines and the server's has not.
#[track_caller]
fn check_lines(client: &mut Client, command: &str, lines: &[&str]) {
    let received = text(client, command);
    for line in lines {
        assert!(
            received.lines().any(|received| received == *line),
            "a line is missing\n  sent      {command}\n  expected  a line `{line}`, as Redis \
             says\n  received\n{received}"
        );
    }
}

/// The reply of `CONFIG GET` for one parameter.
fn parameter(name: &str, value: &str) -> Vec<u8> {
    [b"*2\r\n".to_vec(), bulk(name), bulk(value)].concat()
}

/// What Redis says when CONFIG SET cannot do it.
fn config_error(name: &str, why: &str) -> String {
    format!("-ERR CONFIG SET failed (possibly related to argument '{name}') - {why}\r\n")
}

/// Sends `COMMAND INFO`: arity, flags and keys must be Redis's.
#[track_caller]
fn check_table(client: &mut Client, name: &str, start: &str) {
    let received = text(client, &format!("COMMAND INFO {name}"));
    let lines: Vec<&str> = received.lines().collect();
    let expected = format!("${}\n{name}\n{start}", name.len());
    assert!(
        lines.join("\n").contains(&expected),
        "the line in the table is another\n  sent      COMMAND INFO {name}\n  expected  (of Redis) \
         {}\n  received  {}",
        expected.replace('\n', " "),
        lines.join(" "),
    );
}

/// Keys whose time is over are removed without anybody naming them: for so many
/// keys, one after the other, how long that takes.
fn time_until_gone(client: &mut Client, keys: u32) -> Duration {
    let started = Instant::now();
    for _ in 0..keys {
        check(client, "SET key value PX 1", OK);
        let what = "DBSIZE is 0 again after SET key value PX 1";
        wait_until(what, || number(client, "DBSIZE") == 0);
    }
    started.elapsed()
}

const NO_INTEGER: &str = "argument couldn't be parsed into an integer";
const HZ_BOUNDS: &str = "argument must be between 0 and 2147483647 inclusive";

#[test]
#[ignore = "exercise 1: hz"]
fn exercise_1_is_a_parameter() {
    let (_server, mut client) = start();
    let c = &mut client;
    check(c, "CONFIG GET hz", parameter("hz", "10"));
    check_lines(c, "INFO server", &["hz:10", "configured_hz:10"]);
    for (asked, given) in [
        ("50", "50"),
        ("1", "1"),
        ("0", "1"),
        ("500", "500"),
        ("501", "500"),
        ("2147483647", "500"),
    ] {
        check(c, &format!("CONFIG SET hz {asked}"), OK);
        check(c, "CONFIG GET hz", parameter("hz", given));
        let lines = [format!("hz:{given}"), format!("configured_hz:{given}")];
        check_lines(c, "INFO server", &lines.each_ref().map(String::as_str));
    }
}

#[test]
#[ignore = "exercise 1: hz"]
fn exercise_1_refuses_what_is_no_frequency() {
    let (_server, mut client) = start();
    let c = &mut client;
    check(c, "CONFIG SET hz 20", OK);
    for wrong in ["x", "", "05", "10.0", "10hz", "99999999999999999999"] {
        let reply = config_error("hz", NO_INTEGER);
        check(c, &format!("CONFIG SET hz {wrong}"), reply);
    }
    for wrong in ["-1", "2147483648", "9223372036854775807"] {
        let reply = config_error("hz", HZ_BOUNDS);
        check(c, &format!("CONFIG SET hz {wrong}"), reply);
    }
    check(c, "CONFIG GET hz", parameter("hz", "20"));
}

#[test]
#[ignore = "exercise 1: hz"]
fn exercise_1_is_a_flag() {
    for (flag, given) in [("20", "20"), ("0", "1"), ("1000", "500")] {
        let (_server, mut client) = start_with(&["--hz", flag]);
        check(&mut client, "CONFIG GET hz", parameter("hz", given));
    }
}

/// Each key is set right after a look, so it waits for the next: at 10 looks in a
/// second, 20 keys take nearly 2 seconds.
#[test]
#[ignore = "exercise 1: hz"]
fn exercise_1_looks_more_often() {
    let (_server, mut client) = start_with(&["--hz", "500"]);
    check_soon(&mut client, "with --hz 500");
    let (_server, mut client) = start();
    check(&mut client, "CONFIG SET hz 500", OK);
    // The period that has begun may still be an old one.
    time_until_gone(&mut client, 1);
    check_soon(&mut client, "after CONFIG SET hz 500");
}

#[track_caller]
fn check_soon(client: &mut Client, when: &str) {
    let soon = Duration::from_secs(1);
    let mut taken = time_until_gone(client, 20);
    // A busy machine may be slow now and then; a server that looks seldom always is.
    for _ in 0..4 {
        if taken >= soon {
            taken = time_until_gone(client, 20);
        }
    }
    assert!(
        taken < soon,
        "the looks are not more frequent {when}\n  sent      20 times: SET key value PX 1, and \
         DBSIZE until it is 0\n  expected  within a second; Redis takes 0.1 s\n  received  it \
         after {taken:?}"
    );
}

#[test]
#[ignore = "exercise 1: hz"]
fn exercise_1_looks_less_often() {
    let (_server, mut client) = start_with(&["--hz", "1"]);
    // The first may come at any time within its second.
    time_until_gone(&mut client, 1);
    let taken = time_until_gone(&mut client, 1);
    assert!(
        taken > Duration::from_millis(300),
        "the looks are not less frequent with --hz 1\n  sent      twice: SET key value PX 1, and \
         DBSIZE until it is 0\n  expected  the second time about a second, as in Redis\n  received \
         \x20it after {taken:?}"
    );
    check(&mut client, "CONFIG SET hz 500", OK);
    time_until_gone(&mut client, 1);
    check_soon(&mut client, "after CONFIG SET hz 500");
}

const NOT_ALLOWED: &str = "-ERR DEBUG command not allowed. If the enable-debug-command option is \
                           set to \"local\", you can run it from a local connection, otherwise you \
                           need to set this option in the configuration file, and then restart \
                           the server.\r\n";
const DEBUG: &[&str] = &["--enable-debug-command", "yes"];

#[test]
#[ignore = "exercise 2: DEBUG"]
fn exercise_2_is_not_for_everybody() {
    let (_server, mut client) = start();
    let c = &mut client;
    let refused = [
        "DEBUG SET-ACTIVE-EXPIRE 0",
        "debug sleep 0",
        "DEBUG HELP",
        "DEBUG NOSUCH",
    ];
    check_all(c, &refused, NOT_ALLOWED);
    check(c, "DEBUG", arity("debug"));
    let name = "enable-debug-command";
    check(c, &format!("CONFIG GET {name}"), parameter(name, "no"));
    let immutable = config_error(name, "can't set immutable config");
    for value in ["yes", "no", "local"] {
        check(c, &format!("CONFIG SET {name} {value}"), &immutable);
    }
    check(c, "DEBUG SLEEP 0", NOT_ALLOWED);
}

#[test]
#[ignore = "exercise 2: DEBUG"]
fn exercise_2_is_for_those_who_may() {
    let name = "enable-debug-command";
    for value in ["yes", "local"] {
        let (_server, mut client) = start_with(&["--enable-debug-command", value]);
        let c = &mut client;
        check(c, &format!("CONFIG GET {name}"), parameter(name, value));
        check_all(c, &["DEBUG SLEEP 0", "debug set-active-expire 1"], OK);
    }
    let (_server, mut client) = start_with(&["--enable-debug-command", "no"]);
    check(&mut client, "DEBUG SLEEP 0", NOT_ALLOWED);
}

/// A connection whose own address is `from`.
fn connect_from(from: Ipv4Addr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((from, 0)).into())?;
    socket.connect(&to.into())?;
    Ok(socket.into())
}

#[test]
#[ignore = "exercise 2: DEBUG"]
fn exercise_2_local_is_one_address() {
    for (value, reply) in [("local", NOT_ALLOWED), ("yes", OK)] {
        // Or Redis would not let the client in at all.
        let flags = ["--enable-debug-command", value, "--protected-mode", "no"];
        let (server, mut client) = start_with(&flags);
        check(&mut client, "DEBUG SLEEP 0", OK);
        // It is this machine as well, but Redis goes by the text.
        match connect_from([127, 0, 0, 2].into(), server.addr()) {
            Ok(socket) => client.socket = socket,
            Err(error) => {
                eprintln!("not tested: a client from 127.0.0.2: {error}");
                continue;
            }
        }
        be_patient(&client);
        check(&mut client, "DEBUG SLEEP 0", reply);
    }
}

#[test]
#[ignore = "exercise 2: DEBUG"]
fn exercise_2_checks_its_arguments() {
    let (_server, mut client) = start_with(DEBUG);
    let c = &mut client;
    for command in [
        "DEBUG NOSUCH",
        "DEBUG nosuch 1 2",
        "DEBUG SLEEP",
        "DEBUG sleep 0 0",
        "DEBUG SET-ACTIVE-EXPIRE",
        "DEBUG SET-ACTIVE-EXPIRE 0 1",
        "DEBUG HELP 1",
    ] {
        let name = command.split(' ').nth(1).unwrap_or_default();
        let reply = format!(
            "-ERR unknown subcommand or wrong number of arguments for '{name}'. Try DEBUG HELP.\r\n"
        );
        check(c, command, reply);
    }
    let no_times = ["DEBUG SLEEP x", "DEBUG SLEEP -1", "DEBUG SLEEP "];
    check_all(c, &no_times, OK);
    let lines = [
        "+DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "+SET-ACTIVE-EXPIRE <0|1>",
        "+SLEEP <seconds>",
        "+    Stop the server for <seconds>. Decimals allowed.",
        "+HELP",
    ];
    check_lines(c, "DEBUG HELP", &lines);
}

/// Gives keys that nobody names the time to be removed. While the server sleeps
/// it does nothing else, but between two sleeps it has time to look.
#[track_caller]
fn let_the_cycle_run(client: &mut Client) {
    for _ in 0..3 {
        check(client, "DEBUG SLEEP 0.11", OK);
        check(client, "PING", "+PONG\r\n");
    }
}

#[test]
#[ignore = "exercise 2: DEBUG"]
fn exercise_2_keeps_dead_keys_until_somebody_names_them() {
    let (_server, mut client) = start_with(DEBUG);
    let c = &mut client;
    check(c, "DEBUG SET-ACTIVE-EXPIRE 0", OK);
    for key in ["a", "b", "c"] {
        check(c, &format!("SET {key} value PX 1"), OK);
    }
    check(c, "SET living value", OK);
    let_the_cycle_run(c);
    check(c, "DBSIZE", int(4));
    // They are there, but nobody gets to see them.
    check(c, "KEYS *", [&b"*1\r\n"[..], &bulk("living")].concat());
    check(c, "DBSIZE", int(4));
    check(c, "GET a", NULL);
    check(c, "DBSIZE", int(3));
    check(c, "EXISTS b c", int(0));
    check(c, "DBSIZE", int(1));
    check_lines(c, "INFO stats", &["expired_keys:3"]);
}

#[test]
#[ignore = "exercise 2: DEBUG"]
fn exercise_2_switches_back_on() {
    let (server, mut client) = start_with(DEBUG);
    let c = &mut client;
    for off in ["0", "x"] {
        check(c, &format!("DEBUG SET-ACTIVE-EXPIRE {off}"), OK);
        check(c, "SET key value PX 1", OK);
        let_the_cycle_run(c);
        check(c, "DBSIZE", int(1));
        // The switch is the server's, not the client's.
        let mut other = connect(&server);
        check(&mut other, "DEBUG SET-ACTIVE-EXPIRE 1", OK);
        wait_until("DBSIZE is 0", || number(c, "DBSIZE") == 0);
    }
}

#[test]
#[ignore = "exercise 2: DEBUG"]
fn exercise_2_sleeps_for_all() {
    let (server, mut client) = start_with(DEBUG);
    let mut other = connect(&server);
    let started = Instant::now();
    client.send(words("DEBUG SLEEP 0.4"));
    let mut longest = Duration::ZERO;
    while longest < Duration::from_millis(100) && started.elapsed() < Duration::from_secs(2) {
        let asked = Instant::now();
        check(&mut other, "PING", "+PONG\r\n");
        longest = longest.max(asked.elapsed());
    }
    assert!(
        longest >= Duration::from_millis(100),
        "others are served meanwhile\n  sent      DEBUG SLEEP 0.4, and PING by another client\n  \
         expected  PONG when the server is awake again; Redis serves nobody\n  received  PONG \
         after {longest:?} at most"
    );
    client.expect(OK);
    let taken = started.elapsed();
    assert!(
        taken >= Duration::from_millis(400),
        "too short a sleep\n  sent      DEBUG SLEEP 0.4\n  expected  OK after 0.4 s, as in \
         Redis\n  received  it after {taken:?}"
    );
}

/// What comes behind a sleep in the same packet knows that time has passed.
#[test]
#[ignore = "exercise 2: DEBUG"]
fn exercise_2_time_passes_while_it_sleeps() {
    let (_server, mut client) = start_with(DEBUG);
    let commands = ["SET key value PX 50", "DEBUG SLEEP 0.1", "GET key"];
    check_batch(&mut client, &commands, &[OK, OK, NULL]);
    let commands = ["SET key value PX 50", "DEBUG SLEEP 0.1", "TTL key"];
    check_batch(&mut client, &commands, &[OK, OK, ":-2\r\n"]);
}

#[test]
#[ignore = "exercise 2: DEBUG"]
fn exercise_2_is_in_the_table() {
    let (_server, mut client) = start();
    let start = ":-2\n*4\n+admin\n+noscript\n+loading\n+stale\n:0\n:0\n:0";
    check_table(&mut client, "debug", start);
}

/// What may be done to a key that nobody has used for two seconds, and is it a
/// use?
const USES: &[(&str, bool)] = &[
    ("GET $", true),
    ("STRLEN $", true),
    ("GETRANGE $ 0 1", true),
    ("MGET $", true),
    ("TOUCH $", true),
    ("SET $ other", true),
    ("SET $ other NX", true),
    ("SET $ other KEEPTTL", true),
    ("SETNX $ other", true),
    ("GETSET $ other", true),
    ("GETEX $", true),
    ("GETEX $ EX 100", true),
    ("APPEND $ more", true),
    ("SETRANGE $ 1 x", true),
    ("INCR $", true),
    ("EXPIRE $ 100", true),
    ("EXPIRE $ 100 XX", true),
    ("PERSIST $", true),
    ("COPY $ copy", true),
    ("RENAME $ $", true),
    ("EXISTS $", false),
    ("TYPE $", false),
    ("TTL $", false),
    ("PTTL $", false),
    ("EXPIRETIME $", false),
    ("PEXPIRETIME $", false),
    ("OBJECT ENCODING $", false),
    ("OBJECT REFCOUNT $", false),
    ("OBJECT IDLETIME $", false),
    ("KEYS *", false),
    ("SCAN 0 COUNT 1000", false),
    ("RANDOMKEY", false),
    ("COPY nobody $", false),
    ("DEL nobody", false),
];

/// Waits until `key` has been idle for two seconds.
#[track_caller]
fn wait_until_idle(client: &mut Client, key: &str) {
    let command = format!("OBJECT IDLETIME {key}");
    wait_until(&format!("{command} is 2"), || number(client, &command) >= 2);
}

/// The words mention no key by name: the number is the key's.
#[test]
#[ignore = "exercise 3: OBJECT IDLETIME"]
fn exercise_3_knows_what_is_a_use() {
    let (_server, mut client) = start();
    let c = &mut client;
    for index in 0..USES.len() {
        check(c, &format!("SET key:{index} value"), OK);
    }
    wait_until_idle(c, &format!("key:{}", USES.len() - 1));
    for (index, (command, is_use)) in USES.iter().enumerate() {
        let key = format!("key:{index}");
        let command = command.replace('$', &key);
        c.send(words(&command)).reply();
        let idle = number(c, &format!("OBJECT IDLETIME {key}"));
        let expected = if *is_use { "0" } else { "2 or more" };
        // A second may have begun in between.
        assert!(
            (idle <= 1) == *is_use,
            "a use is counted wrongly\n  sent      {command}\n            OBJECT IDLETIME \
             {key}\n  expected  {expected}, as Redis says, because the key had not been used for \
             2 s\n  received  {idle}"
        );
    }
}

/// The times go where the keys go.
#[test]
#[ignore = "exercise 3: OBJECT IDLETIME"]
fn exercise_3_each_key_has_its_own() {
    let (_server, mut client) = start();
    let c = &mut client;
    for index in 0..40 {
        check(c, &format!("SET old:{index} value"), OK);
    }
    wait_until_idle(c, "old:39");
    check(c, "RENAME old:0 renamed", OK);
    check(c, "COPY old:1 copied", int(1));
    for index in 0..40 {
        check(c, &format!("SET new:{index} value"), OK);
    }
    // Whatever the store does when keys go: the others keep their times.
    for index in (2..40).step_by(2) {
        check(c, &format!("DEL old:{index}"), int(1));
    }
    check(c, "SET new:0 value PXAT 1", OK);
    let old = (3..40)
        .step_by(2)
        .map(|index| (format!("old:{index}"), true));
    let new = (1..40).map(|index| (format!("new:{index}"), false));
    let others = ["renamed", "copied"].map(|key| (key.to_owned(), false));
    for (key, is_old) in old.chain(new).chain(others) {
        let idle = number(c, &format!("OBJECT IDLETIME {key}"));
        let expected = if is_old { "2 or more" } else { "0" };
        assert!(
            (idle >= 2) == is_old,
            "this key has the time of another\n  sent      OBJECT IDLETIME {key}\n  expected  \
             {expected}, as Redis says\n  received  {idle}"
        );
    }
}

#[test]
#[ignore = "exercise 3: OBJECT IDLETIME"]
fn exercise_3_replies_as_its_siblings_do() {
    let (_server, mut client) = start();
    let c = &mut client;
    check(c, "OBJECT IDLETIME nobody", NULL);
    check(c, "SET key value", OK);
    check(c, "object idletime key", int(0));
    check(c, "FLUSHALL", OK);
    check(c, "OBJECT IDLETIME key", NULL);
    check(c, "SET key value", OK);
    check(c, "OBJECT IDLETIME key", int(0));
    let wrong = ["OBJECT IDLETIME", "OBJECT IDLETIME a b"];
    check_all(c, &wrong, arity("object|idletime"));
    let batch = ["SET key value PX 1", "TOUCH nobody key nobody key"];
    check_batch(c, &batch, &[OK, ":2\r\n"]);
    wait_until("EXISTS key is 0", || number(c, "EXISTS key") == 0);
    check(c, "OBJECT IDLETIME key", NULL);
}

#[test]
#[ignore = "exercise 3: OBJECT IDLETIME"]
fn exercise_3_counts_hits_as_before() {
    let (_server, mut client) = start();
    let c = &mut client;
    check(c, "SET key value", OK);
    check(c, "EXISTS key nobody", int(1));
    check(c, "TOUCH key nobody", int(1));
    check(c, "TTL key", int(-1));
    check(c, "OBJECT IDLETIME key", int(0));
    check(c, "OBJECT IDLETIME nobody", NULL);
    let lines = ["keyspace_hits:4", "keyspace_misses:3"];
    check_lines(c, "INFO stats", &lines);
}

#[test]
#[ignore = "exercise 3: OBJECT IDLETIME"]
fn exercise_3_is_in_the_table() {
    let (_server, mut client) = start();
    let c = &mut client;
    let start = ":3\n*1\n+readonly\n:2\n:2\n:1";
    check_table(c, "object|idletime", start);
}

/// Longer than any grader takes.
const LONG: &str = "CLIENT PAUSE 600000";

/// Waits until so many clients wait.
#[track_caller]
fn wait_for_waiting(client: &mut Client, clients: usize) {
    let line = format!("blocked_clients:{clients}");
    wait_until(&format!("INFO clients has the line {line}"), || {
        text(client, "INFO clients").lines().any(|l| l == line)
    });
}

#[test]
#[ignore = "exercise 4: CLIENT PAUSE"]
fn exercise_4_writes_wait_and_reads_do_not() {
    let (server, mut client) = start();
    let c = &mut client;
    let mut other = connect(&server);
    check(c, "SET key old", OK);
    check_lines(c, "INFO clients", &["blocked_clients:0"]);
    check(c, &format!("{LONG} WRITE"), OK);
    other.send(words("SET key new"));
    wait_for_waiting(c, 1);
    check_silence(&mut other);
    check(c, "GET key", bulk("old"));
    check(c, "PING", "+PONG\r\n");
    check(c, "DBSIZE", int(1));
    check(c, "CLIENT UNPAUSE", OK);
    other.expect(OK);
    check(c, "GET key", bulk("new"));
    check(c, "SET key newest", OK);
    check_lines(c, "INFO clients", &["blocked_clients:0"]);
}

#[test]
#[ignore = "exercise 4: CLIENT PAUSE"]
fn exercise_4_what_waits_keeps_its_order() {
    let (server, mut client) = start();
    let c = &mut client;
    let mut other = connect(&server);
    check(c, "SET key 1", OK);
    check(c, &format!("{LONG} write"), OK);
    let batch = ["GET key", "INCR key", "GET key", "NOSUCH", "INCR key"];
    let batch: Vec<u8> = batch.iter().flat_map(|c| words(c)).collect();
    other.check(batch, bulk("1"));
    check_silence(&mut other);
    // What comes later waits behind it.
    other.send(words("GET key"));
    check_silence(&mut other);
    wait_for_waiting(c, 1);
    check(c, "GET key", bulk("1"));
    check(c, "CLIENT UNPAUSE", OK);
    let unknown = "-ERR unknown command 'NOSUCH', with args beginning with: \r\n";
    let two = String::from_utf8(bulk("2")).unwrap_or_default();
    let three = String::from_utf8(bulk("3")).unwrap_or_default();
    other.expect([":2\r\n", &two, unknown, ":3\r\n", &three].concat());
}

#[test]
#[ignore = "exercise 4: CLIENT PAUSE"]
fn exercise_4_its_own_client_waits_too() {
    let (server, mut client) = start();
    let mut other = connect(&server);
    let batch = [&format!("{LONG} WRITE"), "SET key value"];
    let batch: Vec<u8> = batch.iter().flat_map(|c| words(c)).collect();
    client.check(batch, OK);
    wait_for_waiting(&mut other, 1);
    check(&mut other, "EXISTS key", int(0));
    // A client that pauses need not be the one that ends it.
    check(&mut other, "CLIENT UNPAUSE", OK);
    client.expect(OK);
}

#[test]
#[ignore = "exercise 4: CLIENT PAUSE"]
fn exercise_4_ends_by_itself() {
    let (server, mut client) = start();
    let mut other = connect(&server);
    for mode in ["WRITE", "write"] {
        let started = Instant::now();
        check(&mut client, &format!("CLIENT PAUSE 200 {mode}"), OK);
        check(&mut other, "SET key value", OK);
        check_at_least(started, 200, &[&format!("CLIENT PAUSE 200 {mode}")]);
    }
    check_batch(
        &mut client,
        &["CLIENT PAUSE 0 WRITE", "SET key value"],
        &[OK, OK],
    );
}

#[test]
#[ignore = "exercise 4: CLIENT PAUSE"]
fn exercise_4_what_cannot_be_executed_need_not_wait() {
    let (server, mut client) = start();
    check(&mut client, &format!("{LONG} WRITE"), OK);
    let mut wrong = connect(&server);
    let unknown = "-ERR unknown command 'NOSUCH', with args beginning with: \r\n";
    check(&mut wrong, "NOSUCH", unknown);
    check(&mut wrong, "SET key", arity("set"));
    let broken = "-ERR Protocol error: invalid bulk length\r\n";
    wrong.check("*1\r\n$x\r\n", broken).expect_closed();
}

#[test]
#[ignore = "exercise 4: CLIENT PAUSE"]
fn exercise_4_a_second_pause_makes_it_longer_only() {
    let (server, mut client) = start();
    let c = &mut client;
    let mut other = connect(&server);
    // Not shorter.
    check(c, &format!("{LONG} WRITE"), OK);
    check(c, "CLIENT PAUSE 1 WRITE", OK);
    other.send(words("SET key value"));
    check_silence(&mut other);
    wait_for_waiting(c, 1);
    check(c, "CLIENT UNPAUSE", OK);
    other.expect(OK);
    // Longer, also for those who wait already.
    let started = Instant::now();
    check(c, "CLIENT PAUSE 300 WRITE", OK);
    other.send(words("SET key value"));
    check(c, "CLIENT PAUSE 400 WRITE", OK);
    other.expect(OK);
    check_at_least(started, 400, &["CLIENT PAUSE 400 WRITE"]);
}

#[track_caller]
fn check_at_least(started: Instant, milliseconds: u128, pauses: &[&str]) {
    let taken = started.elapsed();
    assert!(
        taken.as_millis() >= milliseconds,
        "the pause was too short\n  sent      {}\n  expected  a pause of {milliseconds} ms, as in \
         Redis\n  received  a reply after {taken:?}",
        pauses.join(", ")
    );
}

#[test]
#[ignore = "exercise 4: CLIENT PAUSE"]
fn exercise_4_forgets_who_hangs_up() {
    let (server, mut client) = start();
    let c = &mut client;
    check(c, &format!("{LONG} WRITE"), OK);
    for number in 1..=2 {
        let mut leaving = connect(&server);
        leaving.send(words("SET key value"));
        wait_for_waiting(c, 1);
        if number == 1 {
            leaving.finish().expect_closed();
        }
        drop(leaving);
        wait_for_waiting(c, 0);
    }
    check(c, "CLIENT UNPAUSE", OK);
    check(c, "EXISTS key", int(0));
}

#[test]
#[ignore = "exercise 4: CLIENT PAUSE"]
fn exercise_4_wakes_everybody() {
    let (server, mut client) = start();
    let c = &mut client;
    check(c, "SET visits 0", OK);
    for _ in 0..3 {
        check(c, "SET visits 0", OK);
        check(c, &format!("{LONG} WRITE"), OK);
        let mut many: Vec<Client> = (0..50).map(|_| connect(&server)).collect();
        for client in &mut many {
            client.send(words("INCR visits"));
        }
        wait_for_waiting(c, many.len());
        check(c, "CLIENT UNPAUSE", OK);
        for client in &mut many {
            client.reply();
        }
        check(c, "GET visits", bulk("50"));
    }
}

#[test]
#[ignore = "exercise 4: CLIENT PAUSE"]
fn exercise_4_checks_its_arguments() {
    let (_server, mut client) = start();
    let c = &mut client;
    let mode = "-ERR CLIENT PAUSE mode must be WRITE or ALL\r\n";
    check_all(c, &["CLIENT PAUSE 600000 READ", "CLIENT PAUSE x y"], mode);
    let no_integer = "-ERR timeout is not an integer or out of range\r\n";
    for timeout in ["x", "", "01", "1.5", "9223372036854775808"] {
        check(c, &format!("CLIENT PAUSE {timeout} WRITE"), no_integer);
    }
    let negative = "-ERR timeout is negative\r\n";
    check(c, "CLIENT PAUSE -1 WRITE", negative);
    check(c, "CLIENT PAUSE", arity("client|pause"));
    check(c, "CLIENT UNPAUSE 1", arity("client|unpause"));
    // None of them has paused anything; and ending no pause is fine.
    check(c, "SET key value", OK);
    check_all(c, &["CLIENT UNPAUSE", "CLIENT UNPAUSE"], OK);
}

#[test]
#[ignore = "exercise 4: CLIENT PAUSE"]
fn exercise_4_is_in_the_table() {
    let (_server, mut client) = start();
    let c = &mut client;
    let flags = "*4\n+admin\n+noscript\n+loading\n+stale\n:0\n:0\n:0";
    check_table(c, "client|pause", &format!(":-3\n{flags}"));
    check_table(c, "client|unpause", &format!(":2\n{flags}"));
}
