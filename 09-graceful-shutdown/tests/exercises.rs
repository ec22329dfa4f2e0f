//! The graders of `EXERCISES.md`. They are ignored until somebody asks for them:
//!
//! ```text
//! make check-09
//! ```
//!
//! Like the suites, they know nothing of a server but its port, its process and its
//! files, and real Redis passes them all.

#[path = "suite/client.rs"]
mod client;
#[path = "suite/harness.rs"]
mod harness;
#[allow(dead_code)]
#[path = "suite/session.rs"]
mod session;

use std::fs;
use std::path::Path;
use std::process::Command;

use client::{Client, escaped};
use harness::{Server, wait_until};
use session::{OK, bulk, encode};
use tempfile::TempDir;

/// A server with its files in a folder that outlives it, and a client of it.
#[track_caller]
fn start(flags: &[&str]) -> (TempDir, Server, Client) {
    let data = tempfile::tempdir().expect("a folder for the files");
    let (server, client) = start_on(data.path(), flags);
    (data, server, client)
}

#[track_caller]
fn start_on(data: &Path, flags: &[&str]) -> (Server, Client) {
    // Unless the flags say when, it does not save of itself.
    let save = match flags.contains(&"--save") {
        true => &[][..],
        false => &["--save", ""],
    };
    let server = Server::start_on(data, &[save, flags].concat());
    let mut client = Client::connect(&server);
    wait_until("the server has started, and PING gets PONG", || {
        text(&mut client, "PING") == "+PONG\n"
    });
    (server, client)
}

/// The words of `command` as they are sent.
fn words(command: &str) -> Vec<u8> {
    let words: Vec<&str> = command.split(' ').collect();
    encode(&words)
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

fn signal(server: &Server, name: &str) {
    let process = server.process().to_string();
    let status = Command::new("kill").args([name, &process]).status();
    assert!(status.is_ok_and(|status| status.success()), "kill {name}");
}

#[track_caller]
fn wait_for_end(server: &mut Server) {
    wait_until("the server has ended", || !server.is_alive());
}

/// Waits until the server has ended after a SIGTERM.
#[track_caller]
fn terminate(server: &mut Server) {
    signal(server, "-TERM");
    wait_for_end(server);
}

/// Compares what is in a file; `None` is: there is none.
#[track_caller]
fn check_file(path: &Path, expected: Option<&str>) {
    let found = fs::read_to_string(path).ok();
    let name = path.display();
    assert_eq!(
        found.as_deref(),
        expected,
        "the file {name} is not as Redis leaves it (None: there is no such file)\n  expected  \
         {expected:?}\n  found     {found:?}"
    );
}

/// Makes every save fail: a file cannot take the place of a folder.
fn block_saves(data: &Path) {
    fs::create_dir_all(data.join("dump.rdb/taken")).expect("a folder in the way");
}

/// A replica that takes the file and never says how far it is. The server's end waits for it.
#[track_caller]
fn play_deaf_replica(server: &Server, client: &mut Client) -> Client {
    // Redis waits 5 seconds for more replicas before it sends the file to the first.
    // Whoever does not wait need not know this parameter, so any reply will do.
    text(client, "CONFIG SET repl-diskless-sync-delay 0");
    let mut replica = Client::connect(server);
    replica.send(words("SYNC"));
    wait_until("INFO replication says state=online", || {
        text(client, "INFO replication").contains("state=online")
    });
    check(client, "SET unheard 1", OK);
    replica
}

// Exercise 1.

#[test]
#[ignore = "exercise 1: pidfile"]
fn exercise_1_there_is_a_file_as_long_as_it_runs() {
    let data = tempfile::tempdir().expect("a folder for the files");
    let elsewhere = tempfile::tempdir().expect("a folder for the pid file");
    let absolute = elsewhere.path().join("it.pid");
    for path in [absolute, data.path().join("redis.pid")] {
        // A path that does not begin at the root begins at `--dir`.
        let flag = match path.starts_with(&data) {
            true => "redis.pid".to_owned(),
            false => path.display().to_string(),
        };
        let (mut server, mut client) = start_on(data.path(), &["--pidfile", &flag]);
        check_file(&path, Some(&format!("{}\n", server.process())));
        let get = "CONFIG GET pidfile";
        check(&mut client, get, parameter("pidfile", &flag));
        terminate(&mut server);
        check_file(&path, None);
        let (mut server, mut client) = start_on(data.path(), &["--pidfile", &flag]);
        check_file(&path, Some(&format!("{}\n", server.process())));
        client.send(words("SHUTDOWN")).expect_closed();
        wait_for_end(&mut server);
        check_file(&path, None);
    }
}

/// Whoever waits for the file does not wait for the data.
#[test]
#[ignore = "exercise 1: pidfile"]
fn exercise_1_it_is_there_before_the_data() {
    let data = tempfile::tempdir().expect("a folder for the files");
    let folder = data.path().join("appendonlydir");
    fs::create_dir(&folder).expect("a folder for the AOF");
    let names = "file appendonly.aof.1.incr.aof seq 1 type i\n";
    fs::write(folder.join("appendonly.aof.manifest"), names).expect("a manifest");
    let commands = (0..400_000).map(|number| words(&format!("SET key:{number} 1")));
    let commands: Vec<u8> = commands.flatten().collect();
    fs::write(folder.join("appendonly.aof.1.incr.aof"), commands).expect("an AOF");
    let flags = [
        "--save",
        "",
        "--appendonly",
        "yes",
        "--pidfile",
        "redis.pid",
    ];
    let server = Server::start_on(data.path(), &flags);
    let mut client = Client::connect(&server);
    // Whoever loads faster than we ask has no time in which the file could be missing.
    if text(&mut client, "PING").starts_with("-LOADING") {
        let process = format!("{}\n", server.process());
        check_file(&data.path().join("redis.pid"), Some(&process));
    }
}

#[test]
#[ignore = "exercise 1: pidfile"]
fn exercise_1_it_stays_if_the_server_stays() {
    let (data, mut server, mut client) = start(&["--pidfile", "redis.pid"]);
    let path = data.path().join("redis.pid");
    let process = format!("{}\n", server.process());
    block_saves(data.path());
    let refused = "-ERR Errors trying to SHUTDOWN. Check logs.\r\n";
    check(&mut client, "SHUTDOWN SAVE", refused);
    check_file(&path, Some(&process));
    client.send(words("SHUTDOWN NOSAVE")).expect_closed();
    wait_for_end(&mut server);
    check_file(&path, None);
}

#[test]
#[ignore = "exercise 1: pidfile"]
fn exercise_1_it_stays_if_the_end_was_not_in_order() {
    let (data, server, _client) = start(&["--pidfile", "redis.pid"]);
    let path = data.path().join("redis.pid");
    let process = format!("{}\n", server.process());
    server.kill();
    check_file(&path, Some(&process));
    // The next one takes it over. The end waits for a replica, and somebody insists.
    let (mut server, mut client) = start_on(data.path(), &["--pidfile", "redis.pid"]);
    let process = format!("{}\n", server.process());
    check_file(&path, Some(&process));
    check(&mut client, "CONFIG SET shutdown-timeout 1000", OK);
    let _replica = play_deaf_replica(&server, &mut client);
    signal(&server, "-TERM");
    wait_until("the log has: Waiting for replicas", || {
        server.log().contains("aiting for replicas")
    });
    // Redis lets only SIGINT insist.
    signal(&server, "-INT");
    wait_for_end(&mut server);
    check_log(&server.log(), "You insist... exiting now.");
    check_file(&path, Some(&process));
}

#[test]
#[ignore = "exercise 1: pidfile"]
fn exercise_1_a_server_that_does_not_start_leaves_it_alone() {
    let data = tempfile::tempdir().expect("a folder for the files");
    let path = data.path().join("redis.pid");
    fs::write(&path, "1\n").expect("a pid file");
    // An address for examples in books; no machine has it.
    let flags = ["--bind", "192.0.2.1", "--protected-mode", "no"];
    let flags = [&flags[..], &["--pidfile", "redis.pid"]].concat();
    Server::refuses(data.path(), &flags);
    check_file(&path, Some("1\n"));
    // Without the flag nobody touches it either.
    let (mut server, mut client) = start_on(data.path(), &[]);
    check(&mut client, "CONFIG GET pidfile", parameter("pidfile", ""));
    terminate(&mut server);
    check_file(&path, Some("1\n"));
}

#[test]
#[ignore = "exercise 1: pidfile"]
fn exercise_1_it_is_not_needed() {
    let (_data, mut server, mut client) = start(&["--pidfile", "no/such/folder/redis.pid"]);
    check(&mut client, "SET a 1", OK);
    let why = "can't set immutable config";
    check(
        &mut client,
        "CONFIG SET pidfile other",
        config_error("pidfile", why),
    );
    terminate(&mut server);
    check_log(&server.log(), "bye bye");
    // Somebody has removed it already.
    let (data, mut server, _client) = start(&["--pidfile", "redis.pid"]);
    fs::remove_file(data.path().join("redis.pid")).expect("there is a pid file");
    terminate(&mut server);
    check_log(&server.log(), "bye bye");
    check_log(&server.log(), "Removing the pid file.");
}

/// There is this text in the log.
#[track_caller]
fn check_log(log: &str, expected: &str) {
    assert!(
        log.contains(expected),
        "the log does not say what Redis says\n  expected  …{expected}…\n  found     {log}"
    );
}

// Exercise 2.

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[test]
#[ignore = "exercise 2: logfile"]
fn exercise_2_the_log_is_in_the_file() {
    let elsewhere = tempfile::tempdir().expect("a folder for the log");
    let path = elsewhere.path().join("it.log");
    let flag = path.display().to_string();
    let (_data, mut server, mut client) = start(&["--logfile", &flag]);
    check(
        &mut client,
        "CONFIG GET logfile",
        parameter("logfile", &flag),
    );
    let why = "can't set immutable config";
    check(
        &mut client,
        "CONFIG SET logfile other",
        config_error("logfile", why),
    );
    terminate(&mut server);
    let log = read(&path);
    check_log(&log, "Received SIGTERM scheduling shutdown...");
    check_log(&log, "bye bye");
    assert!(
        !log.contains('\x1b'),
        "there are colours in the file\n  found     {log:?}"
    );
    let said = server.log();
    assert!(
        !said.contains("bye bye"),
        "the log goes to the terminal as well\n  found     {said}"
    );
}

#[test]
#[ignore = "exercise 2: logfile"]
fn exercise_2_it_goes_on_where_it_was() {
    let data = tempfile::tempdir().expect("a folder for the files");
    // A path that does not begin at the root begins at `--dir`.
    let path = data.path().join("redis.log");
    fs::write(&path, "the first line\n").expect("a log");
    for times in 1..=2 {
        let (mut server, _client) = start_on(data.path(), &["--logfile", "redis.log"]);
        terminate(&mut server);
        let log = read(&path);
        check_log(&log, "the first line\n");
        let found = log.matches("bye bye").count();
        assert_eq!(
            found, times,
            "every end has its line\n  expected  {times} times: bye bye\n  found     {log}"
        );
    }
}

#[test]
#[ignore = "exercise 2: logfile"]
fn exercise_2_it_can_be_moved_away() {
    let (data, mut server, _client) = start(&["--logfile", "redis.log"]);
    let path = data.path().join("redis.log");
    let old = data.path().join("redis.log.1");
    wait_until("there is a log", || path.exists());
    fs::rename(&path, &old).expect("move the log away");
    let before = read(&old);
    terminate(&mut server);
    check_file(&old, Some(&before));
    check_log(&read(&path), "bye bye");
}

#[test]
#[ignore = "exercise 2: logfile"]
fn exercise_2_it_may_fail_later_but_not_at_first() {
    let data = tempfile::tempdir().expect("a folder for the files");
    let (status, said) = Server::refuses(data.path(), &["--logfile", "logs/redis.log"]);
    assert_eq!(
        status.code(),
        Some(1),
        "the exit code of a server that cannot open its log is not Redis's"
    );
    check_log(&said, "Can't open the log file: No such file or directory");
    let folder = data.path().join("logs");
    fs::create_dir(&folder).expect("a folder for the log");
    let (mut server, mut client) = start_on(data.path(), &["--logfile", "logs/redis.log"]);
    fs::rename(&folder, data.path().join("gone")).expect("move the folder away");
    // This is worth a line, and there is nowhere to write it.
    block_saves(data.path());
    let refused = "-ERR Errors trying to SHUTDOWN. Check logs.\r\n";
    check(&mut client, "SHUTDOWN SAVE", refused);
    check(&mut client, "PING", "+PONG\r\n");
    fs::create_dir(&folder).expect("a folder for the log");
    terminate(&mut server);
    check_log(&read(&folder.join("redis.log")), "bye bye");
    let said = server.log();
    assert!(
        !said.contains("can't exit"),
        "a line that cannot be written is lost, and goes nowhere else\n  found     {said}"
    );
}

#[test]
#[ignore = "exercise 2: logfile"]
fn exercise_2_without_a_name_it_is_as_before() {
    for flags in [&[][..], &["--logfile", ""]] {
        let (_data, mut server, mut client) = start(flags);
        check(&mut client, "CONFIG GET logfile", parameter("logfile", ""));
        terminate(&mut server);
        check_log(&server.log(), "bye bye");
    }
}

// Exercise 3.

/// Was the data set saved?
#[track_caller]
fn check_saved(data: &TempDir, expected: bool) {
    let path = data.path().join("dump.rdb");
    assert_eq!(
        path.is_file(),
        expected,
        "whether there is an RDB file is not as the signal's parameter says\n  expected  \
         {expected}\n  found     {}",
        path.is_file()
    );
}

#[test]
#[ignore = "exercise 3: shutdown-on-sigterm, shutdown-on-sigint"]
fn exercise_3_each_signal_has_its_own() {
    for (name, is_saved) in [("-TERM", false), ("-INT", true)] {
        let flags = ["--save", "3600", "100", "--shutdown-on-sigterm", "nosave"];
        let (data, mut server, mut client) = start(&flags);
        check(&mut client, "SET a 1", OK);
        signal(&server, name);
        wait_for_end(&mut server);
        check_saved(&data, is_saved);
    }
    for (name, is_saved) in [("-TERM", false), ("-INT", true)] {
        let (data, mut server, mut client) = start(&[]);
        check(&mut client, "CONFIG SET shutdown-on-sigint save", OK);
        check(&mut client, "SET a 1", OK);
        signal(&server, name);
        wait_for_end(&mut server);
        check_saved(&data, is_saved);
    }
}

#[test]
#[ignore = "exercise 3: shutdown-on-sigterm, shutdown-on-sigint"]
fn exercise_3_it_need_not_wait() {
    let (data, mut server, mut client) = start(&["--shutdown-on-sigint", "save", "now"]);
    check(&mut client, "CONFIG SET shutdown-timeout 1000", OK);
    let _replica = play_deaf_replica(&server, &mut client);
    signal(&server, "-INT");
    wait_for_end(&mut server);
    check_saved(&data, true);
}

#[test]
#[ignore = "exercise 3: shutdown-on-sigterm, shutdown-on-sigint"]
fn exercise_3_it_can_be_forced() {
    let flags = ["--save", "3600", "100", "--shutdown-on-sigterm", "force"];
    let (data, mut server, mut client) = start(&flags);
    check(&mut client, "SET a 1", OK);
    block_saves(data.path());
    signal(&server, "-INT");
    wait_until("the log has: can't exit", || {
        server.log().contains("can't exit")
    });
    check(&mut client, "GET a", bulk("1"));
    terminate(&mut server);
    check_log(&server.log(), "bye bye");
}

#[test]
#[ignore = "exercise 3: shutdown-on-sigterm, shutdown-on-sigint"]
fn exercise_3_the_command_has_options_of_its_own() {
    let flags = [
        "--shutdown-on-sigterm",
        "save",
        "--shutdown-on-sigint",
        "save",
    ];
    let (data, mut server, mut client) = start(&flags);
    check(&mut client, "SET a 1", OK);
    client.send(words("SHUTDOWN")).expect_closed();
    wait_for_end(&mut server);
    check_saved(&data, false);
}

/// `CONFIG SET name value`, where the value may have blanks.
fn config_set(name: &str, value: &str) -> Vec<u8> {
    encode(&["CONFIG", "SET", name, value])
}

#[test]
#[ignore = "exercise 3: shutdown-on-sigterm, shutdown-on-sigint"]
fn exercise_3_has_two_parameters() {
    let (_data, _server, mut client) = start(&[]);
    let both = "shutdown options SAVE and NOSAVE can't be used simultaneously";
    let words = "argument(s) must be one of the following: default, save, nosave, now, force";
    for name in ["shutdown-on-sigint", "shutdown-on-sigterm"] {
        let get = format!("CONFIG GET {name}");
        check(&mut client, &get, parameter(name, "default"));
        for (value, shown) in [
            ("nosave", "nosave"),
            ("NOW save", "save now"),
            ("force now nosave now", "nosave now force"),
            ("default force", "force"),
            ("default", "default"),
            ("now", "now"),
        ] {
            client.check(config_set(name, value), OK);
            check(&mut client, &get, parameter(name, shown));
        }
        for (value, why) in [
            ("save nosave", both),
            ("nosave now save", both),
            ("never", words),
            ("", words),
            ("save  now", words),
            ("save,now", words),
        ] {
            client.check(config_set(name, value), config_error(name, why));
            check(&mut client, &get, parameter(name, "now"));
        }
    }
}

#[test]
#[ignore = "exercise 3: shutdown-on-sigterm, shutdown-on-sigint"]
fn exercise_3_has_two_flags() {
    let data = tempfile::tempdir().expect("a folder for the files");
    for words in [&["sometimes"][..], &["save", "nosave"]] {
        let flags = [&["--shutdown-on-sigterm"], words].concat();
        Server::refuses(data.path(), &flags);
    }
    let flags = ["--shutdown-on-sigterm", "now nosave"];
    let (_server, mut client) = start_on(data.path(), &flags);
    let name = "shutdown-on-sigterm";
    check(
        &mut client,
        "CONFIG GET shutdown-on-sigterm",
        parameter(name, "nosave now"),
    );
}

// Exercise 4.

/// What a process adds to its score, as the system sees it.
#[track_caller]
fn score(process: &str) -> i32 {
    let file = format!("/proc/{process}/oom_score_adj");
    let text = fs::read_to_string(&file);
    let text = text.expect("this exercise needs Linux, which has such a file");
    text.trim().parse().expect("a number")
}

#[track_caller]
fn check_score(server: &Server, expected: i32, when: &str) {
    let found = score(&server.process().to_string());
    let expected = expected.clamp(-1000, 1000);
    assert_eq!(
        found, expected,
        "oom_score_adj of the server is not as Redis sets it {when}\n  expected  {expected}\n  \
         found     {found}"
    );
}

/// The score with which the server is started: nobody has changed it yet.
fn base() -> i32 {
    score("self")
}

fn set_values(values: &str) -> Vec<u8> {
    encode(&["CONFIG", "SET", "oom-score-adj-values", values])
}

#[test]
#[ignore = "exercise 4: oom-score-adj"]
fn exercise_4_it_follows_the_role() {
    let (_data, server, mut client) = start(&[]);
    client.check(set_values("10 20 30"), OK);
    check_score(&server, base(), "while oom-score-adj is no");
    check(&mut client, "CONFIG SET oom-score-adj yes", OK);
    check_score(&server, base() + 10, "on a primary");
    check(&mut client, "REPLICAOF 127.0.0.1 1", OK);
    check_score(&server, base() + 20, "on a replica");
    client.check(set_values("10 40 50"), OK);
    check_score(&server, base() + 40, "when the values change");
    check(&mut client, "REPLICAOF NO ONE", OK);
    check_score(&server, base() + 10, "on one that was a replica");
}

#[test]
#[ignore = "exercise 4: oom-score-adj"]
fn exercise_4_it_takes_back_what_it_has_added() {
    let (_data, server, mut client) = start(&[]);
    for value in [20, 30] {
        client.check(set_values(&format!("{value} 0 0")), OK);
        check(&mut client, "CONFIG SET oom-score-adj yes", OK);
        check_score(&server, base() + value, "if it is yes");
        client.check(set_values(&format!("{} 0 0", value + 20)), OK);
        check_score(&server, base() + value + 20, "when the values change");
        check(&mut client, "CONFIG SET oom-score-adj no", OK);
        check_score(&server, base(), "when oom-score-adj is no again");
    }
}

#[test]
#[ignore = "exercise 4: oom-score-adj"]
fn exercise_4_it_stays_within_what_the_system_takes() {
    let (_data, server, mut client) = start(&[]);
    let both = [
        "CONFIG",
        "SET",
        "oom-score-adj",
        "yes",
        "oom-score-adj-values",
        "2000 2000 2000",
    ];
    client.check(encode(&both), OK);
    check_score(&server, 1000, "if that is more than the system takes");
}

#[test]
#[ignore = "exercise 4: oom-score-adj"]
fn exercise_4_it_has_flags() {
    let values = ["--oom-score-adj-values", "10", "20", "30"];
    let flags = [&["--oom-score-adj", "yes"][..], &values].concat();
    let (_data, server, mut client) = start(&flags);
    check_score(&server, base() + 10, "when it starts");
    let reply = parameter("oom-score-adj-values", "10 20 30");
    check(&mut client, "CONFIG GET oom-score-adj-values", reply);
    let flags = [&flags[..], &["--replicaof", "127.0.0.1 1"]].concat();
    let (_data, server, _client) = start(&flags);
    check_score(&server, base() + 20, "when it starts as a replica");
}

#[test]
#[ignore = "exercise 4: oom-score-adj"]
fn exercise_4_what_the_system_refuses_changes_nothing() {
    let (_data, server, mut client) = start(&["--oom-score-adj", "yes"]);
    let before = score(&server.process().to_string());
    let reply = client.send(set_values("-1000 -1000 -1000")).reply();
    // Who is privileged may have it.
    let (expected, values) = match reply.starts_with(b"+OK") {
        true => (before - 1000, "-1000 -1000 -1000"),
        false => (before, "0 200 800"),
    };
    check_score(&server, expected, "after CONFIG SET");
    let reply = parameter("oom-score-adj-values", values);
    check(&mut client, "CONFIG GET oom-score-adj-values", reply);
    check(&mut client, "CONFIG SET timeout 0", OK);
}

#[test]
#[ignore = "exercise 4: oom-score-adj"]
fn exercise_4_has_two_parameters() {
    const MODE: &str = "oom-score-adj";
    const VALUES: &str = "oom-score-adj-values";
    let (_data, _server, mut client) = start(&[]);
    check(
        &mut client,
        "CONFIG GET oom-score-adj",
        parameter(MODE, "no"),
    );
    let reply = parameter(VALUES, "0 200 800");
    check(&mut client, "CONFIG GET oom-score-adj-values", reply);
    for (set, shown) in [("YES", "yes"), ("no", "no")] {
        check(&mut client, &format!("CONFIG SET {MODE} {set}"), OK);
        check(
            &mut client,
            &format!("CONFIG GET {MODE}"),
            parameter(MODE, shown),
        );
    }
    let count = config_error(VALUES, "wrong number of arguments");
    for wrong in ["1 2", "1 2 3 4"] {
        client.check(set_values(wrong), &count);
    }
    let why = "Invalid oom-score-adj-values, elements must be between -2000 and 2000.";
    let range = config_error(VALUES, why);
    for wrong in ["1 2 2001", "-2001 2 3", "1 x 3"] {
        client.check(set_values(wrong), &range);
    }
    let reply = parameter(VALUES, "0 200 800");
    check(&mut client, "CONFIG GET oom-score-adj-values", reply);
}
