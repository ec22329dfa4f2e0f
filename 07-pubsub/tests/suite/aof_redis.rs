//! Redis reads our log, we read Redis's, and its tools accept what we wrote.
//!
//! Reread: 05-aof-persistence/GUIDE.md#how-redis-does-it

use std::fs;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::harness::{Server, installed};
use crate::log::{
    DataSet, FOLDER, Log, NAME, ON, connect, copy, data_folder, data_set, plain, snapshot, start,
    wait_for_rewrite,
};
use crate::session::{OK, Session, encode, int};

/// Writes of every kind.
fn fill(c: &mut Session) {
    let wide = "x".repeat(5000);
    let commands: &[&[&str]] = &[
        &["MSET", "a", "1", "b", "", "c", "line\r\nline"],
        &["SET", "long", &wide],
        &["SET", "timed", "v", "EX", "1000"],
        &["PEXPIREAT", "a", "33000000000123"],
        &["INCRBYFLOAT", "float", "3.1415926535897932384"],
        &["APPEND", "b", "more"],
        &["SETRANGE", "b", "8", "far"],
        &["RENAME", "c", "renamed"],
        &["COPY", "timed", "copied"],
        &["GETEX", "copied", "PERSIST"],
        &["SET", "gone", "v", "PX", "1"],
        &["SETEX", "shorter", "500", "v"],
        &["DECRBY", "count", "9223372036854775807"],
        &["GETDEL", "long"],
    ];
    for command in commands {
        let reply = c.call(command);
        assert_ne!(reply[0], b'-', "{command:?}: {}", reply.escape_ascii());
    }
}

/// Is a data set, with times to the millisecond, the same? A key that is over by
/// now may be there or not.
#[track_caller]
fn same(mut left: DataSet, mut right: DataSet) {
    for data in [&mut left, &mut right] {
        data.remove("gone");
    }
    assert!(left.len() >= 8, "{left:?}");
    assert_eq!(left, right);
}

/// The log of a server that was turned on over data, went on, and was killed.
fn log_of_ours() -> (TempDir, DataSet) {
    let data = data_folder();
    let server = Server::start_on(data.path(), &["--appendfsync", "always"]);
    let mut c = connect(&server);
    c.expect_args(&["MSET", "base", "*1\r\n", "count", "-1"], OK);
    c.expect("PEXPIREAT base 33000000000321", int(1));
    c.expect("CONFIG SET appendonly yes", OK);
    wait_for_rewrite(&mut c);
    fill(&mut c);
    let expected = data_set(&mut c);
    (data, expected)
}

#[test]
fn redis_starts_on_our_log() {
    let (data, expected) = log_of_ours();
    let Some(server) = Server::start_redis_on(data.path(), &ON) else {
        return;
    };
    let mut c = connect(&server);
    same(data_set(&mut c), expected);
    // And we on what Redis made of it.
    c.expect("CONFIG SET appendfsync always", OK);
    c.expect("SET more 1", OK);
    let expected = data_set(&mut c);
    server.kill();
    let (_server, mut c) = start(&data, &[]);
    same(data_set(&mut c), expected);
}

#[test]
fn redis_check_aof_accepts_our_log() {
    if !installed("redis-check-aof") {
        return;
    }
    let (data, _) = log_of_ours();
    let log = Log::of(&data);
    let mut files = log.files('i');
    files.push(log.manifest());
    files.extend(log.files('b'));
    assert_eq!(files.len(), 3);
    for file in files {
        let output = Command::new("redis-check-aof")
            .arg(&file)
            .stdin(Stdio::null())
            .output()
            .expect("redis-check-aof");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{}: {said}", file.display());
        assert!(said.contains("valid"), "{}: {said}", file.display());
    }
}

/// What Redis leaves behind: with a base of commands, several generations,
/// transactions and time stamps.
fn log_of_redis(flags: &[&str]) -> Option<(TempDir, DataSet)> {
    let data = data_folder();
    let flags = [&ON[..], &["--appendfsync", "always"], flags].concat();
    let server = Server::start_redis_on(data.path(), &flags)?;
    let mut c = connect(&server);
    fill(&mut c);
    for round in 1..=2 {
        c.call(&["BGREWRITEAOF"]);
        wait_for_rewrite(&mut c);
        c.expect("MULTI", OK);
        for command in ["SET in 1", "INCR in", "PEXPIREAT in 33000000000777"] {
            c.expect(command, "+QUEUED\r\n");
        }
        c.expect("EXEC", "*3\r\n+OK\r\n:2\r\n:1\r\n");
        c.expect(&format!("SET round {round}"), OK);
        c.expect(
            "EVAL return(redis.call('incr','in')+redis.call('incr','lua')) 0",
            int(3 + round),
        );
    }
    let expected = data_set(&mut c);
    Some((data, expected))
}

#[test]
fn our_server_starts_on_a_log_of_redis() {
    for stamps in ["no", "yes"] {
        let flags = [
            "--aof-use-rdb-preamble",
            "no",
            "--aof-timestamp-enabled",
            stamps,
        ];
        let Some((data, expected)) = log_of_redis(&flags) else {
            return;
        };
        let (server, mut c) = start(&data, &[]);
        same(data_set(&mut c), expected);
        c.expect("SET more 1", OK);
        let expected = data_set(&mut c);
        server.kill();
        let (server, mut c) = start(&data, &[]);
        same(data_set(&mut c), expected.clone());
        server.kill();
        let server = Server::start_redis_on(data.path(), &ON).expect("it is installed");
        same(data_set(&mut connect(&server)), expected);
    }
}

/// Redis has begun a rewrite: a new increment is there, and the new base is not.
#[test]
fn our_server_starts_on_several_increments() {
    let Some((data, expected)) = log_of_redis(&["--aof-use-rdb-preamble", "no"]) else {
        return;
    };
    let log = Log::of(&data);
    let next = "appendonly.aof.9.incr.aof";
    let command = encode(&["SET", "round", "next"]);
    fs::write(log.folder.join(next), command).expect("another increment");
    let mut manifest = fs::read_to_string(log.manifest()).expect("a manifest");
    manifest += &format!("file {next} seq 9 type i\n");
    fs::write(log.manifest(), manifest).expect("a manifest");
    let (_server, mut c) = start(&data, &[]);
    c.expect("GET round", "$4\r\nnext\r\n");
    c.expect("SET round 2", OK);
    assert_eq!(log.last(), log.folder.join(next));
    same(data_set(&mut c), expected);
}

/// A server reads a base of RDB, or it says that it cannot. It never starts
/// without what is in there.
#[test]
fn a_base_of_rdb_is_read_or_refused() {
    let Some((data, expected)) = log_of_redis(&[]) else {
        return;
    };
    let twin = copy(&data);
    let mut server = Server::try_on(data.path(), &ON);
    match server.as_mut() {
        Ok(server) => same(data_set(&mut connect(server)), expected),
        Err((status, said)) => {
            assert_eq!(status.code(), Some(1), "{said}");
            for word in ["RDB", ".base.rdb", "--aof-use-rdb-preamble no"] {
                assert!(said.contains(word), "{word} in: {said}");
            }
            let files =
                |data: &TempDir| -> Vec<Vec<u8>> { snapshot(data.path()).into_values().collect() };
            assert!(files(&data) == files(&twin), "files were changed: {said}");
        }
    }
}

/// Before Redis 7 the log was one file, next to where the folder is now.
fn old_log(data: &TempDir) -> DataSet {
    let commands: [&[&str]; 3] = [&["SELECT", "0"], &["SET", "old", "1"], &["INCR", "old"]];
    let bytes: Vec<u8> = commands.iter().flat_map(|words| encode(words)).collect();
    fs::write(data.path().join(NAME), bytes).expect("an old log");
    plain(&[("old", "2")])
}

/// A server takes it over, or says who can. It never starts without what is in there.
#[test]
fn the_single_file_of_an_old_server_is_taken_over_or_refused() {
    let data = data_folder();
    let expected = old_log(&data);
    let old = data.path().join(NAME);
    let before = fs::read(&old).expect("the old log");
    let mut server = Server::try_on(data.path(), &ON);
    match server.as_mut() {
        Ok(server) => assert_eq!(data_set(&mut connect(server)), expected),
        Err((status, said)) => {
            assert_eq!(status.code(), Some(1), "{said}");
            for word in [NAME, "before 7.0", "redis-server 7"] {
                assert!(said.contains(word), "{word} in: {said}");
            }
            assert_eq!(fs::read(&old).expect("it is still there"), before);
        }
    }
}

/// Redis makes it the base, under the name that it has.
#[test]
fn our_server_starts_on_what_redis_has_taken_over() {
    let data = data_folder();
    let expected = old_log(&data);
    let Some(server) = Server::start_redis_on(data.path(), &ON) else {
        return;
    };
    assert_eq!(data_set(&mut connect(&server)), expected);
    server.kill();
    let log = Log::of(&data);
    assert_eq!(log.files('b'), [log.folder.join(NAME)]);
    let (server, mut c) = start(&data, &[]);
    assert_eq!(data_set(&mut c), expected);
    c.expect("INCR old", int(3));
    server.kill();
    // It is history as soon as the data set is written anew.
    let (server, mut c) = start(&data, &[]);
    c.expect("CONFIG SET appendonly no", OK);
    c.expect("CONFIG SET appendonly yes", OK);
    wait_for_rewrite(&mut c);
    server.kill();
    let (_server, mut c) = start(&data, &[]);
    assert_eq!(data_set(&mut c), plain(&[("old", "3")]));
}

/// The file of an old server next to a log is not the log.
#[test]
fn the_log_comes_before_the_single_file() {
    let data = data_folder();
    let (server, mut c) = start(&data, &[]);
    c.expect("SET new 1", OK);
    server.kill();
    old_log(&data);
    let (_server, mut c) = start(&data, &[]);
    assert_eq!(data_set(&mut c), plain(&[("new", "1")]));
    assert!(data.path().join(NAME).exists());
    assert!(!data.path().join(FOLDER).join(NAME).exists());
}
