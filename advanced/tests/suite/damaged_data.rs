//! Sets and sorted sets, and whole RDB files, that somebody has tampered with: RESTORE and the loading
//! of a file answer, and the server lives on with bounded memory. By hand:
//! `ROUNDS=1000000 cargo test -p advanced --test suite -- damaged`.
//!
//! Reread: advanced/chapters/006-object-model/GUIDE.md

use std::fs;

use crate::harness::{Server, is_other_server};
use crate::restore_fuzz::{MAX_MEMORY, VALUES, dumped, mutate, rounds, seeded, tamper};
use crate::session::{OK, Session};

/// A file is tried so many times less often than a value, because it takes so much longer.
const FILES: usize = 20;

/// One key for each encoding.
fn fill(c: &mut Session) -> Vec<&'static str> {
    let long = "x".repeat(100);
    let commands = [
        "SET text words-that-are-longer-than-a-few-bytes",
        "SET number 5000000000",
        "SET deadline soon PX 100000000",
        "HSET hash f 1 g -70000 h words",
        &format!("HSET large-hash f 1 g {long}"),
        "RPUSH list a 1 -70000 two 5000000000",
        &format!("RPUSH large-list a {long} b"),
        "SADD numbers16 1 -2 300",
        "SADD numbers32 1 -2 70000",
        "SADD numbers64 1 -2 5000000000",
        &format!("SADD set 1 two {long}"),
        "ZADD sorted 1 a -2.5 b inf c 70000 d",
        &format!("ZADD large-sorted 1 a -2.5 b -inf {long} 0.1 d"),
    ];
    for command in &commands {
        c.call(&command.split(' ').collect::<Vec<_>>());
    }
    let key = |it: &&str| it.starts_with("SADD") || it.starts_with("ZADD");
    let keys = [
        "numbers16",
        "numbers32",
        "numbers64",
        "set",
        "sorted",
        "large-sorted",
    ];
    assert_eq!(commands.iter().copied().filter(key).count(), keys.len());
    keys.to_vec()
}

/// A set and a sorted set in each of their forms, also those of older files.
fn samples(c: &mut Session) -> Vec<Vec<u8>> {
    let mut samples = Vec::new();
    for compression in ["no", "yes"] {
        c.expect(&format!("CONFIG SET rdbcompression {compression}"), OK);
        for key in fill(c) {
            samples.push(dumped(c, key));
        }
    }
    // The scores as text, and as a ziplist.
    samples.push(b"\x03\x03\x01a\x011\x01b\xfe\x01c\x042.75".to_vec());
    let ziplist = b"\x0c\x15\x15\0\0\0\x12\0\0\0\x04\0\0\x01a\x03\xf2\x02\x01b\x03\xf3\xff";
    samples.push(ziplist.to_vec());
    samples
}

#[test]
fn a_damaged_set_does_no_harm() {
    let then = [
        "SMEMBERS x",
        "SADD x 7 new",
        "SREM x 1 two",
        "SUNIONSTORE y x",
        "SPOP x",
        "ZRANGE x 0 -1 WITHSCORES",
        "ZADD x 3 new",
        "ZREM x a",
        "ZRANGEBYSCORE x 0 +inf",
        "ZPOPMAX x",
    ];
    tamper(samples, &then);
}

#[test]
fn a_damaged_file_does_no_harm() {
    if is_other_server() {
        // Redis ends when it cannot load a file.
        return;
    }
    let rng = &mut seeded();
    let folder = tempfile::tempdir().expect("a folder");
    let flags = ["--enable-debug-command", "yes", "--rdbchecksum", "no"];
    let mut server = Server::start_on(folder.path(), &flags);
    let mut c = Session::connect(server.addr());
    let file = folder.path().join("dump.rdb");
    let mut files = Vec::new();
    for compression in ["no", "yes"] {
        c.expect(&format!("CONFIG SET rdbcompression {compression}"), OK);
        fill(&mut c);
        c.expect("SAVE", OK);
        files.push(fs::read(&file).expect("a file"));
    }
    let mut loaded = 0;
    for _ in 0..rounds(VALUES) / FILES {
        let mut bytes = rng.choice(&files).cloned().unwrap_or_default();
        mutate(rng, &mut bytes);
        fs::write(&file, &bytes).expect("room");
        loaded += usize::from(c.call(&["DEBUG", "RELOAD", "NOSAVE"]) == OK.as_bytes());
    }
    println!("{loaded} of {} files were loaded", rounds(VALUES) / FILES);
    assert!(server.is_alive());
    c.expect("DEBUG RELOAD", OK);
    let peak = server.peak_memory().unwrap_or_default();
    assert!(peak < MAX_MEMORY, "it took {peak} KiB");
}
