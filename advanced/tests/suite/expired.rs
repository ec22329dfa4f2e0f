//! A key that has expired: who removes it, and what the AOF says of that.
//!
//! Reread: advanced/chapters/006-object-model/README.md

use std::fs;

use tempfile::TempDir;

use crate::harness::{Server, wait_until};
use crate::session::{NULL, OK, Session, encode, int};

const FLAGS: &[&str] = &[
    "--appendonly",
    "yes",
    "--appendfsync",
    "always",
    "--enable-debug-command",
    "yes",
];

/// Gives a hash more fields than are freed at once where large values are freed on another thread.
fn fill(c: &mut Session, key: &str) {
    let fields = (0..2000).flat_map(|number| [format!("f{number}"), "v".to_owned()]);
    let words = ["HSET".to_owned(), key.to_owned()]
        .into_iter()
        .chain(fields);
    c.expect_args(&words.collect::<Vec<_>>(), int(2000));
}

/// Whoever repeats it should not have to wait until the value is freed either.
#[test]
fn what_is_freed_in_the_background_is_unlinked_in_the_aof() {
    let data = TempDir::new().expect("a folder");
    let server = Server::start_on(data.path(), FLAGS);
    let mut c = Session::connect(server.addr());
    let get = ["CONFIG", "GET", "lazyfree-lazy-expire"];
    assert_eq!(c.strings(&get)[1], b"no");
    for (is_lazy, word) in [("no", "DEL"), ("yes", "UNLINK")] {
        c.expect_args(&["CONFIG", "SET", "lazyfree-lazy-expire", is_lazy], OK);
        fill(&mut c, "unseen");
        c.expect("PEXPIRE unseen 1", int(1));
        wait_until("the cycle removes it", || c.call(&["DBSIZE"]) == b":0\r\n");
        c.expect("DEBUG SET-ACTIVE-EXPIRE 0", OK);
        fill(&mut c, "seen");
        c.expect("PEXPIRE seen 1", int(1));
        wait_until("a command finds it expired", || {
            c.call(&["HLEN", "seen"]) == b":0\r\n"
        });
        c.expect("DEBUG SET-ACTIVE-EXPIRE 1", OK);
        fill(&mut c, "past");
        c.expect("PEXPIRE past -1", int(1));
        c.expect("SET text a", OK);
        c.call(&["GETEX", "text", "PXAT", "1"]);
        c.expect("GET text", NULL);
        let keys = ["unseen", "seen", "past", "text"];
        let words = |key: &str| encode(&[word, key]).to_ascii_uppercase();
        wait_until("each is in the AOF", || {
            let aof = data.path().join("appendonlydir/appendonly.aof.1.incr.aof");
            let aof = fs::read(aof).expect("an AOF").to_ascii_uppercase();
            let has = |words: Vec<u8>| aof.windows(words.len()).any(|it| it == words);
            keys.iter().all(|key| has(words(key)))
        });
    }
}
