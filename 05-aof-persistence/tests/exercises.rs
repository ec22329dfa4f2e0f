//! The graders of `EXERCISES.md`. They are ignored until somebody asks for them:
//!
//! ```text
//! make check-05
//! ```
//!
//! Like the suites, they know nothing of a server but its port and its folder, and
//! real Redis passes them all.

#[path = "suite/client.rs"]
mod client;
#[path = "suite/harness.rs"]
mod harness;
#[allow(dead_code)]
#[path = "suite/session.rs"]
mod session;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use client::{Client, escaped};
use harness::{Server, installed, wait_until};
use session::{NULL, OK, arity, bulk, encode, int};

/// A folder that outlives the servers on it.
fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A server that logs to `data`, and a client of it.
#[track_caller]
fn launch(data: &TempDir, flags: &[&str]) -> (Server, Client) {
    let server = Server::start_on(data.path(), &logged(flags));
    let client = Client::connect(&server);
    (server, client)
}

/// The same, once it has loaded what the log says.
#[track_caller]
fn start(data: &TempDir, flags: &[&str]) -> (Server, Client) {
    let (server, mut client) = launch(data, flags);
    wait_until_loaded(&mut client);
    (server, client)
}

#[track_caller]
fn wait_until_loaded(client: &mut Client) {
    wait_until("the data is loaded, and PING gets PONG", || {
        text(client, "PING") == "+PONG\n"
    });
}

/// With `everysec` Redis lets the log wait while an fsync is under way, and after
/// `kill -9` it may lack what had its reply already.
fn logged<'a>(flags: &[&'a str]) -> Vec<&'a str> {
    [&["--appendonly", "yes", "--appendfsync", "no"], flags].concat()
}

fn manifest(data: &TempDir) -> PathBuf {
    data.path().join("appendonlydir/appendonly.aof.manifest")
}

fn increment(data: &TempDir) -> PathBuf {
    data.path().join("appendonlydir/appendonly.aof.1.incr.aof")
}

/// What the first increment of the log holds.
#[track_caller]
fn log(data: &TempDir) -> String {
    read(&increment(data))
}

#[track_caller]
fn read(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_else(|error| {
        panic!(
            "the log is not where Redis has it\n  expected  {}\n  received  {error}",
            path.display()
        )
    });
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A command, whose arguments are the words of `command`, as it is sent, and as it
/// stands in the log.
fn words(command: &str) -> Vec<u8> {
    let words: Vec<&str> = command.split(' ').collect();
    encode(&words)
}

/// The same as text.
fn logged_as(command: &str) -> String {
    String::from_utf8_lossy(&words(command)).into_owned()
}

/// Sends a command and compares its reply.
#[track_caller]
fn check(client: &mut Client, command: &str, reply: impl AsRef<[u8]>) {
    client.check(words(command), reply);
}

/// Sends a command and takes the reply as text.
#[track_caller]
fn text(client: &mut Client, command: &str) -> String {
    escaped(&client.send(words(command)).reply()).replace("\\r\\n", "\n")
}

/// The reply of `CONFIG GET` for one parameter.
fn parameter(name: &str, value: &str) -> Vec<u8> {
    [b"*2\r\n".to_vec(), bulk(name), bulk(value)].concat()
}

/// What Redis says when CONFIG SET cannot do it.
fn config_error(name: &str, why: &str) -> String {
    format!("-ERR CONFIG SET failed (possibly related to argument '{name}') - {why}\r\n")
}

/// Runs `redis-check-aof` on the log, and answers yes to what it asks; `None` if it
/// is not installed.
fn check_aof(data: &TempDir, options: &[&str]) -> Option<Output> {
    let program = "redis-check-aof";
    if !installed(program) {
        return None;
    }
    let mut child = Command::new(program)
        .args(options)
        .arg(manifest(data))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("run redis-check-aof");
    // It may end without asking.
    let _ = child.stdin.take().map(|mut input| input.write_all(b"y\n"));
    Some(child.wait_with_output().expect("redis-check-aof ends"))
}

#[track_caller]
fn check_aof_succeeds(data: &TempDir, options: &[&str]) -> bool {
    let Some(output) = check_aof(data, options) else {
        return false;
    };
    assert!(
        output.status.success(),
        "redis-check-aof {} does not accept the log\n{}\n{}",
        options.join(" "),
        String::from_utf8_lossy(&output.stdout),
        log(data),
    );
    true
}

// Exercise 1.

const STRICT: [&str; 2] = ["--aof-load-truncated", "no"];
const LENIENT: [&str; 2] = ["--aof-load-truncated", "yes"];

/// Ends in the middle of a command, or of a transaction.
const TORN: [&str; 4] = [
    "*",
    "*2\r\n$3\r\nDEL\r\n$1\r\n",
    "*2\r\n$3\r\nDEL\r\n$1\r\na\r",
    "*1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\nDEL\r\n$1\r\na\r\n",
];

/// A folder with a log, which sets `a` to 1 and `b` to 2.
#[track_caller]
fn some_log(flags: &[&str]) -> TempDir {
    let data = folder();
    let (server, mut client) = start(&data, flags);
    check(&mut client, "SET a 1", OK);
    check(&mut client, "SET b 2", OK);
    server.kill();
    data
}

/// Adds `end` to the log.
fn append(data: &TempDir, end: &str) {
    let file = fs::File::options().append(true).open(increment(data));
    let written = file.and_then(|mut file| file.write_all(end.as_bytes()));
    written.expect("append to the log");
}

/// The server must not start on `data`, and must leave the log as it is.
#[track_caller]
fn refuses(data: &TempDir, flags: &[&str]) -> String {
    let before = log(data);
    let (status, said) = Server::refuses(data.path(), &logged(flags));
    let end = &before[before.len().saturating_sub(40)..].escape_debug();
    assert!(
        !status.success(),
        "the exit status tells of no failure\n  started   with {flags:?}, on a log that ends \
         with {end}\n  expected  an exit status other than 0\n  received  {status}"
    );
    let after = log(data);
    assert_eq!(
        after, before,
        "the log was changed by a server that did not start\n  started   with {flags:?}, on a \
         log that ends with {end}"
    );
    said
}

#[test]
#[ignore = "exercise 1: aof-load-truncated"]
fn exercise_1_does_not_start_on_a_torn_log() {
    for end in TORN {
        let data = some_log(&STRICT);
        append(&data, end);
        let said = refuses(&data, &STRICT);
        let expected = [
            "Unexpected end of file reading the append only file",
            "appendonly.aof.1.incr.aof",
            "redis-check-aof --fix",
            "'aof-load-truncated'",
        ];
        for part in expected {
            assert!(
                said.contains(part),
                "the reason is not told\n  started   with {STRICT:?}, on a log that ends with \
                 {end:?}\n  expected  to find {part:?}, as Redis says\n  received\n{said}"
            );
        }
    }
}

#[test]
#[ignore = "exercise 1: aof-load-truncated"]
fn exercise_1_cuts_the_log_when_it_may() {
    for end in TORN {
        let data = some_log(&LENIENT);
        let whole = log(&data);
        append(&data, end);
        let (server, mut client) = start(&data, &LENIENT);
        check(&mut client, "MGET a b", "*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
        server.kill();
        assert_eq!(
            log(&data),
            whole,
            "the log is not cut back to its last whole command\n  started   with {LENIENT:?}, on \
             a log that ends with {end:?}"
        );
    }
}

#[test]
#[ignore = "exercise 1: aof-load-truncated"]
fn exercise_1_starts_on_a_whole_log() {
    let data = some_log(&STRICT);
    let (server, mut client) = start(&data, &STRICT);
    check(&mut client, "GET b", bulk("2"));
    check(&mut client, "SET c 3", OK);
    server.kill();
    append(&data, TORN[1]);
    refuses(&data, &STRICT);
    if check_aof_succeeds(&data, &["--fix"]) {
        let (_server, mut client) = start(&data, &STRICT);
        check(&mut client, "MGET a c", "*2\r\n$1\r\n1\r\n$1\r\n3\r\n");
    }
}

#[test]
#[ignore = "exercise 1: aof-load-truncated"]
fn exercise_1_never_cuts_other_damage() {
    // Another server could not tell a flag that it does not know from damage.
    let data = some_log(&LENIENT);
    append(&data, "what is this?\r\n");
    append(&data, &logged_as("SET c 3"));
    for flags in [LENIENT, STRICT] {
        let said = refuses(&data, &flags);
        assert!(
            !said.contains("Unexpected end of file"),
            "that is not what is wrong\n  started   with {flags:?}, on a log with a line in its \
             middle that is no command\n  received\n{said}"
        );
    }
}

#[test]
#[ignore = "exercise 1: aof-load-truncated"]
fn exercise_1_is_a_parameter() {
    const NAME: &str = "aof-load-truncated";
    let server = Server::start();
    let c = &mut Client::connect(&server);
    check(c, "CONFIG GET aof-load-truncated", parameter(NAME, "yes"));
    check(c, "CONFIG SET aof-load-truncated NO", OK);
    check(c, "CONFIG GET aof-load-truncated", parameter(NAME, "no"));
    let refused = config_error(NAME, "argument must be 'yes' or 'no'");
    check(c, "CONFIG SET aof-load-truncated maybe", refused);
    check(c, "CONFIG GET aof-load-truncated", parameter(NAME, "no"));
}

// Exercise 2.

const STAMPED: [&str; 2] = ["--aof-timestamp-enabled", "yes"];

/// The second that the server's calendar shows, since 1970.
#[track_caller]
fn second(client: &mut Client) -> u64 {
    let received = text(client, "TIME");
    let second = received.lines().nth(2).and_then(|line| line.parse().ok());
    second.unwrap_or_else(|| panic!("no time\n  sent      TIME\n  received  {received}"))
}

/// Waits for the next second, and returns the one that is over.
#[track_caller]
fn next_second(client: &mut Client) -> u64 {
    let begun = second(client);
    wait_until("the next second has come", || second(client) > begun);
    begun
}

/// The second in the annotation right in front of `command`, if there is one.
#[track_caller]
fn annotation(log: &str, command: &str) -> Option<u64> {
    let Some((before, _)) = log.split_once(&logged_as(command)) else {
        panic!(
            "a command is missing in the log\n  sent      {command}\n  received  {}",
            log.escape_debug()
        );
    };
    let line = before.strip_suffix("\r\n")?.rsplit("\r\n").next()?;
    line.strip_prefix("#TS:")?.parse().ok()
}

/// There must be an annotation in front of `command`, and of a second in between.
#[track_caller]
fn check_annotation(log: &str, command: &str, after: u64, until: u64) {
    let found = annotation(log, command);
    assert!(
        found.is_some_and(|found| after < found && found <= until),
        "the annotation in front of a command is wrong\n  sent      {command}\n  expected  \
         #TS:{} (until {until}) in front of it, as Redis writes\n  received  {}",
        after + 1,
        log.escape_debug()
    );
}

/// All seconds that are annotated.
fn annotations(log: &str) -> Vec<u64> {
    let lines = log.lines().filter_map(|line| line.strip_prefix("#TS:"));
    lines.filter_map(|second| second.parse().ok()).collect()
}

#[test]
#[ignore = "exercise 2: aof-timestamp-enabled"]
fn exercise_2_annotates_each_second_once() {
    let data = folder();
    let (_server, mut client) = start(&data, &STAMPED);
    let c = &mut client;
    check(c, "SET a 1", OK);
    let over = next_second(c);
    c.check(
        [words("SET b 1"), words("SET b 2"), words("SET b 3")].concat(),
        OK.repeat(3),
    );
    let before = log(&data);
    check_annotation(&before, "SET b 1", over, second(c));
    let over = next_second(c);
    assert_eq!(
        log(&data),
        before,
        "there is an annotation with nothing behind it\n  sent      no write\n  expected  no \
         annotation until there is one"
    );
    check(c, "GET b", bulk("3"));
    check(c, "SET c 1", OK);
    let after = log(&data);
    check_annotation(&after, "SET c 1", over, second(c));
    let seconds = annotations(&after);
    assert!(
        seconds.is_sorted_by(|one, next| one < next),
        "a second is annotated twice, or they do not ascend\n  sent      SET a, SET b three \
         times at once, SET c\n  expected  one annotation for each second with a write\n  \
         received  {}",
        after.escape_debug()
    );
}

#[test]
#[ignore = "exercise 2: aof-timestamp-enabled"]
fn exercise_2_annotates_keys_that_expire() {
    let data = folder();
    let (_server, mut client) = start(&data, &STAMPED);
    check(&mut client, "SET gone x PX 1100", OK);
    let begun = second(&mut client);
    let del = logged_as("DEL gone");
    wait_until("the key has expired, and is in the log as DEL", || {
        log(&data).contains(&del)
    });
    check_annotation(&log(&data), "DEL gone", begun, second(&mut client));
}

#[test]
#[ignore = "exercise 2: aof-timestamp-enabled"]
fn exercise_2_is_a_parameter() {
    const NAME: &str = "aof-timestamp-enabled";
    let data = folder();
    let (_server, mut client) = start(&data, &[]);
    let c = &mut client;
    check(c, "CONFIG GET aof-timestamp-enabled", parameter(NAME, "no"));
    check(c, "SET a 1", OK);
    let refused = config_error(NAME, "argument must be 'yes' or 'no'");
    check(c, "CONFIG SET aof-timestamp-enabled 1", refused);
    check(c, "CONFIG SET aof-timestamp-enabled Yes", OK);
    check(
        c,
        "CONFIG GET aof-timestamp-enabled",
        parameter(NAME, "yes"),
    );
    let begun = second(c);
    check(c, "SET b 1", OK);
    check(c, "CONFIG SET aof-timestamp-enabled no", OK);
    let until = second(c);
    next_second(c);
    check(c, "SET c 1", OK);
    let log = log(&data);
    check_annotation(&log, "SET b 1", begun - 1, until);
    assert!(
        annotation(&log, "SET a 1").is_none() && annotation(&log, "SET c 1").is_none(),
        "there are annotations that nobody wants\n  sent      SET a, CONFIG SET {NAME} yes, SET \
         b, CONFIG SET {NAME} no, SET c\n  expected  an annotation in front of b only\n  \
         received  {}",
        log.escape_debug()
    );
}

#[test]
#[ignore = "exercise 2: aof-timestamp-enabled"]
fn exercise_2_survives_a_restart() {
    let data = some_log(&STAMPED);
    let before = log(&data);
    let (server, mut client) = start(&data, &STAMPED);
    let begun = second(&mut client);
    check(&mut client, "MGET a b", "*2\r\n$1\r\n1\r\n$1\r\n2\r\n");
    check(&mut client, "APPEND b 3", int(2));
    let until = second(&mut client);
    server.kill();
    let log = log(&data);
    let new = log.strip_prefix(&before).unwrap_or_default();
    let found = annotations(new);
    assert!(
        new.starts_with("#TS:") && (begun..=until).contains(&found[0]),
        "what a new run writes does not begin with an annotation\n  sent      APPEND b 3, after \
         kill -9 and a start\n  expected  #TS:{begun} (until {until}) behind what was there\n  \
         received  {}",
        log.escape_debug()
    );
    check_aof_succeeds(&data, &[]);
}

#[test]
#[ignore = "exercise 2: aof-timestamp-enabled"]
fn exercise_2_goes_back_in_time() {
    let data = folder();
    let (server, mut client) = start(&data, &STAMPED);
    let c = &mut client;
    check(c, "SET account 100", OK);
    next_second(c);
    check(c, "INCRBY account 11", int(111));
    let good = next_second(c).to_string();
    check(c, "FLUSHALL", OK);
    check(c, "SET account 0", OK);
    server.kill();
    let before = log(&data);
    if check_aof_succeeds(&data, &["--truncate-to-timestamp", &good]) {
        assert!(
            log(&data).len() < before.len(),
            "redis-check-aof --truncate-to-timestamp {good} finds nothing to cut\n  received  {}",
            before.escape_debug()
        );
        let (_server, mut client) = start(&data, &STAMPED);
        check(&mut client, "GET account", bulk("111"));
    }
}

/// A base that begins in a second in which something was logged before.
#[track_caller]
fn base_of_a_second(client: &mut Client, data: &TempDir) -> String {
    let named = || {
        let manifest = fs::read_to_string(manifest(data)).unwrap_or_default();
        let line = manifest.lines().find(|line| line.contains("type b"));
        let name = line.and_then(|line| line.split(' ').nth(1));
        name.unwrap_or_default().to_owned()
    };
    loop {
        let before = named();
        next_second(client);
        let begun = second(client);
        check(client, "SET b 1", OK);
        check(client, "CONFIG SET appendonly no", OK);
        check(client, "CONFIG SET appendonly yes", OK);
        let is_one_second = second(client) == begun;
        wait_until("there is a new base", || named() != before);
        if is_one_second {
            return read(&data.path().join("appendonlydir").join(named()));
        }
    }
}

#[test]
#[ignore = "exercise 2: aof-timestamp-enabled"]
fn exercise_2_annotates_a_base() {
    let data = folder();
    let server = Server::start_on(data.path(), &STAMPED);
    let c = &mut Client::connect(&server);
    check(c, "SET a 1", OK);
    // A base in Redis's other format has no annotation. We have only one format.
    let _ = text(c, "CONFIG SET aof-use-rdb-preamble no");
    let begun = second(c);
    check(c, "CONFIG SET appendonly yes", OK);
    wait_until("the manifest names the base", || {
        fs::read_to_string(manifest(&data)).is_ok_and(|text| text.contains("type b"))
    });
    let base = data.path().join("appendonlydir/appendonly.aof.1.base.aof");
    let base = read(&base);
    let found = annotations(&base);
    assert!(
        base.starts_with("#TS:") && (begun..=second(c)).contains(&found[0]),
        "the base does not begin with an annotation\n  sent      CONFIG SET appendonly yes\n  \
         expected  #TS:{begun} or later\n  received  {}",
        base.escape_debug()
    );
    let base = base_of_a_second(c, &data);
    assert!(
        base.starts_with("#TS:"),
        "the base does not begin with an annotation\n  sent      SET b 1, CONFIG SET appendonly \
         no, CONFIG SET appendonly yes, in one second\n  expected  #TS:, whatever came before in \
         this second\n  received  {}",
        base.escape_debug()
    );
    server.kill();
    check_aof_succeeds(&data, &[]);
    let (_server, mut client) = start(&data, &STAMPED);
    check(&mut client, "MGET a b", "*2\r\n$1\r\n1\r\n$1\r\n1\r\n");
}

// Exercise 3.

const DEBUG: [&str; 2] = ["--enable-debug-command", "yes"];

/// A server that allows DEBUG, and a client of it.
fn start_debug() -> (Server, Client) {
    let server = Server::start_with(&DEBUG);
    let client = Client::connect(&server);
    (server, client)
}

/// The digest as the reply that it is.
fn digest(hex: &str) -> String {
    format!("+{hex}\r\n")
}

const NOTHING: &str = "0000000000000000000000000000000000000000";

fn unknown(name: &str) -> String {
    format!(
        "-ERR unknown subcommand or wrong number of arguments for '{name}'. Try DEBUG HELP.\r\n"
    )
}

#[test]
#[ignore = "exercise 3: DEBUG DIGEST"]
fn exercise_3_has_the_digests_of_redis() {
    let (_server, mut client) = start_debug();
    let c = &mut client;
    check(c, "DEBUG DIGEST", digest(NOTHING));
    for (command, reply, expected) in [
        ("SET a bc", OK, "50599f372d3b6db94092a49b635f72d56dbd5445"),
        ("SET ab c", OK, "fc315a4c1e0106ed5907947872b5901f7c55cf57"),
        ("SET n 42", OK, "7fed5a6e3557d4cc908bfc32169037c2fc36f2b9"),
        (
            "APPEND m 42",
            ":2\r\n",
            "4f5370b8e600b19cb49ea61083c786109d88587d",
        ),
        (
            "EXPIRE a 100",
            ":1\r\n",
            "ea3784e2d7950a1cd40e1d111912bca3aa207e09",
        ),
        // Which deadline makes no difference.
        (
            "PEXPIRE a 200000",
            ":1\r\n",
            "ea3784e2d7950a1cd40e1d111912bca3aa207e09",
        ),
        (
            "PERSIST a",
            ":1\r\n",
            "4f5370b8e600b19cb49ea61083c786109d88587d",
        ),
        ("FLUSHALL", OK, NOTHING),
    ] {
        check(c, command, reply);
        check(c, "debug digest", digest(expected));
    }
}

#[test]
#[ignore = "exercise 3: DEBUG DIGEST"]
fn exercise_3_has_no_order() {
    let (_server, mut client) = start_debug();
    let c = &mut client;
    let keys: Vec<String> = (0..50).map(|number| format!("key:{number}")).collect();
    let mut digests = Vec::new();
    for backwards in [false, true] {
        check(c, "FLUSHALL", OK);
        for at in 0..keys.len() {
            let at = if backwards { keys.len() - 1 - at } else { at };
            check(c, &format!("SET {} {at}", keys[at]), OK);
        }
        check(c, "SET more x", OK);
        check(c, "DEL key:7 more", int(2));
        check(c, "SET key:7 7", OK);
        digests.push(text(c, "DEBUG DIGEST"));
    }
    assert_eq!(
        digests[0], digests[1],
        "the same keys in another order have another digest\n  sent      SET of 50 keys, \
         forwards and backwards, and DEBUG DIGEST"
    );
}

#[test]
#[ignore = "exercise 3: DEBUG DIGEST"]
fn exercise_3_digests_values() {
    let (_server, mut client) = start_debug();
    let c = &mut client;
    let same = digest("547a004a370bc71c2d611f010c52f2e7b64c77a4");
    check(c, "SET n 42", OK);
    check(c, "APPEND m 42", int(2));
    check(c, "SET a bc", OK);
    let bc = digest("96c03b409c9a57ad7ab426534388dcdbe97b393d");
    let bc_with_deadline = digest("7045c5bf40a3bdf9bba2cdab06e21340f3d578be");
    let several = ["*4\r\n", &same, &digest(NOTHING), &bc, &same].concat();
    check(c, "DEBUG DIGEST-VALUE n nobody a m", several);
    check(c, "EXPIRE a 100", int(1));
    let one = ["*1\r\n", &bc_with_deadline].concat();
    check(c, "DEBUG DIGEST-VALUE a", one);
    check(c, "RENAME n other", OK);
    check(c, "debug digest-value other", ["*1\r\n", &same].concat());
    check(c, "DEBUG DIGEST-VALUE", "*0\r\n");
}

#[test]
#[ignore = "exercise 3: DEBUG DIGEST"]
fn exercise_3_is_the_same_after_a_crash() {
    let data = folder();
    let (server, mut client) = start(&data, &DEBUG);
    let c = &mut client;
    for number in 0..20 {
        check(c, &format!("SET key:{number} {number}"), OK);
    }
    check(c, "APPEND key:3 \u{e9}t\u{e9}", int(6));
    check(c, "INCRBYFLOAT key:4 0.5", bulk("4.5"));
    check(c, "EXPIRE key:5 1000", int(1));
    check(c, "RENAME key:6 key:7", OK);
    let before = text(c, "DEBUG DIGEST");
    server.kill();
    let (_server, mut client) = start(&data, &DEBUG);
    check(&mut client, "DBSIZE", int(19));
    let after = text(&mut client, "DEBUG DIGEST");
    assert_eq!(
        before, after,
        "the digest is another after kill -9 and a start\n  sent      DEBUG DIGEST"
    );
    assert_ne!(before.trim_end(), format!("+{NOTHING}"));
}

#[test]
#[ignore = "exercise 3: DEBUG DIGEST"]
fn exercise_3_is_not_for_everybody() {
    let refused = "-ERR DEBUG command not allowed. If the enable-debug-command option is set to \
                   \"local\", you can run it from a local connection, otherwise you need to set \
                   this option in the configuration file, and then restart the server.\r\n";
    let server = Server::start();
    let c = &mut Client::connect(&server);
    const NAME: &str = "enable-debug-command";
    check(c, "CONFIG GET enable-debug-command", parameter(NAME, "no"));
    let fixed = config_error(NAME, "can't set immutable config");
    check(c, "CONFIG SET enable-debug-command yes", fixed);
    check(c, "DEBUG DIGEST", refused);
    check(c, "DEBUG HELP", refused);
    check(c, "DEBUG NOSUCH", refused);
    check(c, "DEBUG", arity("debug"));
}

#[test]
#[ignore = "exercise 3: DEBUG DIGEST"]
fn exercise_3_is_one_command() {
    let (_server, mut client) = start_debug();
    let c = &mut client;
    check(c, "DEBUG DIGEST a", unknown("DIGEST"));
    check(c, "DEBUG nosuch a b", unknown("nosuch"));
    check(c, "DEBUG", arity("debug"));
    let help = text(c, "DEBUG HELP");
    let lines = [
        "+DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "+DIGEST",
        "+    Output a hex signature representing the current DB content.",
        "+DIGEST-VALUE <key> [<key> ...]",
        "+    Output a hex signature of the values of all the specified keys.",
        "+HELP",
        "+    Prints this help.",
    ];
    for line in lines {
        assert!(
            help.lines().any(|received| received == line),
            "a line is missing\n  sent      DEBUG HELP\n  expected  {line}\n  received\n{help}"
        );
    }
    let info = text(c, "COMMAND INFO debug");
    let start = "*1\n*10\n$5\ndebug\n:-2\n*4\n+admin\n+noscript\n+loading\n+stale\n:0\n:0\n:0\n";
    assert!(
        info.starts_with(start),
        "the line in the table is another\n  sent      COMMAND INFO debug\n  expected\n{start}  \
         received\n{info}"
    );
}

// Exercise 4.

/// Sends MULTI and commands, each of which must be queued.
#[track_caller]
fn queue(client: &mut Client, commands: &[&str]) {
    check(client, "MULTI", OK);
    for command in commands {
        check(client, command, "+QUEUED\r\n");
    }
}

/// The reply of an EXEC whose commands have these replies.
fn array(replies: &[&str]) -> String {
    format!("*{}\r\n{}", replies.len(), replies.concat())
}

/// What stands in the log if these commands were executed together.
fn transaction(commands: &[&str]) -> String {
    let all = [&["MULTI"], commands, &["EXEC"]].concat();
    all.into_iter().map(logged_as).collect()
}

#[track_caller]
fn check_logged(log: &str, sent: &str, expected: &str) {
    assert!(
        log.contains(expected),
        "a transaction is not in the log as it should be\n  sent      {sent}\n  expected  \
         {}\n  received  {}",
        expected.escape_debug(),
        log.escape_debug()
    );
}

const NOT_EXECUTED: &str = "-EXECABORT Transaction discarded because of previous errors.\r\n";

#[test]
#[ignore = "exercise 4: MULTI and EXEC"]
fn exercise_4_executes_what_was_queued() {
    let server = Server::start();
    let c = &mut Client::connect(&server);
    queue(c, &["SET n 1", "INCR n", "GET n", "GET nobody", "PING"]);
    let replies = [OK, ":2\r\n", "$1\r\n2\r\n", NULL, "+PONG\r\n"];
    check(c, "EXEC", array(&replies));
    check(c, "EXEC", "-ERR EXEC without MULTI\r\n");
    queue(c, &[]);
    check(c, "exec", array(&[]));
    // All at once, and as somebody would type it.
    c.check(
        "multi\r\nincr n\r\nset text \"two words\"\r\nexec\r\nget text\r\n",
        "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:3\r\n+OK\r\n$9\r\ntwo words\r\n",
    );
    queue(c, &["SET n 5"]);
    check(c, "MULTI", "-ERR MULTI calls can not be nested\r\n");
    check(c, "EXEC", array(&[OK]));
    check(c, "MULTI now", arity("multi"));
    check(c, "GET n", bulk("5"));
}

#[test]
#[ignore = "exercise 4: MULTI and EXEC"]
fn exercise_4_executes_many() {
    let server = Server::start();
    let c = &mut Client::connect(&server);
    let many = 5000;
    let sent = [
        words("MULTI"),
        words("INCR n").repeat(many),
        words("EXEC"),
        words("GET n"),
    ];
    let replies: String = (1..=many as i64).map(int).collect();
    let queued = "+QUEUED\r\n".repeat(many);
    let expected = format!("{OK}{queued}*{many}\r\n{replies}$4\r\n{many}\r\n");
    c.check(sent.concat(), expected);
}

#[test]
#[ignore = "exercise 4: MULTI and EXEC"]
fn exercise_4_can_be_given_up() {
    let server = Server::start();
    let c = &mut Client::connect(&server);
    check(c, "SET n 1", OK);
    queue(c, &["SET n 2"]);
    check(c, "DISCARD", OK);
    check(c, "GET n", bulk("1"));
    check(c, "DISCARD", "-ERR DISCARD without MULTI\r\n");
    check(c, "EXEC", "-ERR EXEC without MULTI\r\n");
    queue(c, &["SET n 3"]);
    check(c, "RESET", "+RESET\r\n");
    check(c, "EXEC", "-ERR EXEC without MULTI\r\n");
    queue(c, &["SET n 4"]);
    check(c, "QUIT", OK);
    c.expect_closed();
    let c = &mut Client::connect(&server);
    check(c, "GET n", bulk("1"));
}

#[test]
#[ignore = "exercise 4: MULTI and EXEC"]
fn exercise_4_executes_all_or_nothing() {
    let server = Server::start();
    let c = &mut Client::connect(&server);
    check(c, "SET n 1", OK);
    let unknown = "-ERR unknown command 'NOSUCH', with args beginning with: \r\n";
    let subcommand = "-ERR unknown subcommand 'NOSUCH'. Try CLIENT HELP.\r\n";
    for (command, error) in [
        ("NOSUCH", unknown.to_owned()),
        ("GET", arity("get")),
        ("CLIENT NOSUCH", subcommand.to_owned()),
        ("DISCARD n", arity("discard")),
    ] {
        queue(c, &["INCR n"]);
        check(c, command, error);
        check(c, "INCR n", "+QUEUED\r\n");
        check(c, "EXEC", NOT_EXECUTED);
        check(c, "GET n", bulk("1"));
    }
    // It was refused; the next one starts afresh.
    queue(c, &["INCR n"]);
    check(c, "EXEC", array(&[":2\r\n"]));
}

#[test]
#[ignore = "exercise 4: MULTI and EXEC"]
fn exercise_4_goes_on_behind_an_error() {
    let data = folder();
    let (server, mut client) = start(&data, &[]);
    let c = &mut client;
    queue(c, &["SET word x", "INCR word", "SET n 1", "SETEX n 0 1"]);
    let no_integer = "-ERR value is not an integer or out of range\r\n";
    let no_time = "-ERR invalid expire time in 'setex' command\r\n";
    check(c, "EXEC", array(&[OK, no_integer, OK, no_time]));
    check(c, "MGET word n", "*2\r\n$1\r\nx\r\n$1\r\n1\r\n");
    server.kill();
    let sent = "MULTI, SET word x, INCR word, SET n 1, SETEX n 0 1, EXEC";
    check_logged(&log(&data), sent, &transaction(&["SET word x", "SET n 1"]));
}

#[test]
#[ignore = "exercise 4: MULTI and EXEC"]
fn exercise_4_is_executed_when_exec_comes() {
    let server = Server::start();
    let c = &mut Client::connect(&server);
    let other = &mut Client::connect(&server);
    check(c, "SET n 1", OK);
    queue(c, &["GET n", "SET n 5", "HELLO 3", "GET nobody"]);
    check(other, "GET n", bulk("1"));
    check(other, "EXEC", "-ERR EXEC without MULTI\r\n");
    check(other, "INCR n", int(2));
    check(c, "GET nobody", "+QUEUED\r\n");
    // HELLO takes effect with what comes behind it.
    let received = c.send(words("EXEC")).reply();
    assert!(
        received.starts_with(b"*5\r\n$1\r\n2\r\n+OK\r\n%7\r\n")
            && received.ends_with(b"_\r\n_\r\n"),
        "the replies are wrong\n  sent      MULTI, GET n, SET n 5, HELLO 3, GET nobody, GET nobody, \
         EXEC; INCR n by somebody else before EXEC\n  expected  2, OK, the map of HELLO, and two \
         nulls of RESP3\n  received  {}",
        escaped(&received)
    );
    check(other, "GET n", bulk("5"));
}

#[test]
#[ignore = "exercise 4: MULTI and EXEC"]
fn exercise_4_is_in_the_log_in_one_piece() {
    let data = folder();
    let (server, mut client) = start(&data, &[]);
    let c = &mut client;
    let several = ["SET a 1", "INCR a", "SET b 1"];
    queue(
        c,
        &[several[0], "GET a", several[1], "DEL nobody", several[2]],
    );
    let replies = [OK, "$1\r\n1\r\n", ":2\r\n", ":0\r\n", OK];
    check(c, "EXEC", array(&replies));
    let sent = "MULTI, SET a 1, GET a, INCR a, DEL nobody, SET b 1, EXEC";
    check_logged(&log(&data), sent, &transaction(&several));
    // What would not be the same tomorrow is logged as what it did.
    queue(c, &["SET c 1 EX 100", "SET d 1"]);
    check(c, "EXEC", array(&[OK, OK]));
    let now = log(&data);
    let (begin, end) = (logged_as("MULTI"), logged_as("EXEC"));
    let last = now.rsplit_once(&begin).map_or("", |(_, last)| last);
    assert!(
        last.contains("PXAT") && last.ends_with(&[logged_as("SET d 1"), end].concat()),
        "a transaction is not in the log as it should be\n  sent      MULTI, SET c 1 EX 100, SET \
         d 1, EXEC\n  expected  SET c 1 PXAT …, SET d 1 and EXEC behind MULTI\n  received  {}",
        now.escape_debug()
    );
    // One write is whole in any case, and no write is nothing.
    let one = "SET e 1";
    let one = [logged_as(one), transaction(&[one])];
    for (commands, expected) in [
        (["GET a", "SET e 1"], one),
        (["GET a", "PING"], Default::default()),
    ] {
        let before = log(&data);
        queue(c, &commands);
        let _ = text(c, "EXEC");
        let after = log(&data);
        let logged = after.strip_prefix(&before).unwrap_or(&after);
        assert!(
            expected.iter().any(|expected| expected == logged),
            "what is logged is not what was written\n  sent      MULTI, {}, EXEC\n  expected  {}\n  \
             received  {}",
            commands.join(", "),
            expected[1].escape_debug(),
            logged.escape_debug()
        );
    }
    server.kill();
    check_aof_succeeds(&data, &[]);
    let (_server, mut client) = start(&data, &[]);
    let (two, one) = ("$1\r\n2\r\n", "$1\r\n1\r\n");
    let all = array(&[two, one, one, one, one]);
    check(&mut client, "MGET a b c d e", all);
}

#[test]
#[ignore = "exercise 4: MULTI and EXEC"]
fn exercise_4_is_all_there_or_not_at_all_after_a_crash() {
    let data = folder();
    let (server, mut client) = start(&data, &[]);
    let c = &mut client;
    check(c, "MSET from 100 to 0", OK);
    let whole = log(&data).len();
    queue(c, &["DECRBY from 30", "INCRBY to 30"]);
    check(c, "EXEC", array(&[":70\r\n", ":30\r\n"]));
    server.kill();
    let all = fs::read(increment(&data)).expect("the log");
    for cut in (whole + 1..=all.len()).rev().step_by(9) {
        fs::write(increment(&data), &all[..cut]).expect("cut the log");
        let (_server, mut client) = start(&data, &[]);
        let expected = match cut == all.len() {
            true => "*2\r\n$2\r\n70\r\n$2\r\n30\r\n",
            false => "*2\r\n$3\r\n100\r\n$1\r\n0\r\n",
        };
        check(&mut client, "MGET from to", expected);
    }
}

/// Queued while the AOF could be written, and executed when it cannot.
#[test]
#[ignore = "exercise 4: MULTI and EXEC"]
fn exercise_4_executes_no_write_that_cannot_be_logged() {
    // It sets the limit of a file's size.
    if !installed("prlimit") {
        return;
    }
    let data = folder();
    let server = Server::start_limited(data.path(), 64 << 10, &logged(&[]));
    let c = &mut Client::connect(&server);
    wait_until_loaded(c);
    check(c, "SET n 1", OK);
    queue(c, &["GET n", "INCR n"]);
    let reads = &mut Client::connect(&server);
    queue(reads, &["GET n"]);
    let fill = words(&format!("SET full {}", "x".repeat(1000)));
    let other = &mut Client::connect(&server);
    wait_until("the file has reached its limit", || {
        other.send(fill.clone()).reply().starts_with(b"-MISCONF ")
    });
    let reply = escaped(&c.send(words("EXEC")).reply());
    assert!(
        reply.contains("MISCONF "),
        "it was executed\n  sent      MULTI, GET n, INCR n, EXEC; before EXEC the log could no longer be \
         written\n  expected  -EXECABORT …, or an array whose second reply is -MISCONF …\n  received  \
         {reply}"
    );
    check(c, "GET n", bulk("1"));
    // Who only reads need not care.
    check(reads, "EXEC", array(&["$1\r\n1\r\n"]));
}
