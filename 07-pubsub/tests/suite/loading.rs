//! While a large data set is loaded: clients are answered at once, if only that they
//! have to wait, and then all of it is there.
//!
//! Reread: 06-rdb-snapshots/GUIDE.md#7-loading-while-clients-wait

use std::fs;
use std::time::Duration;

use tempfile::TempDir;

use crate::dump::{self, file, record};
use crate::harness::stopwatch::Stopwatch;
use crate::harness::{Server, is_other_server};
use crate::log::{FOLDER, NAME, ON, data_folder, info};
use crate::session::{OK, Session, bulk, encode, int};

const LOADING: &str = "-LOADING Redis is loading the dataset in memory\r\n";

/// How many keys a large data set has.
const KEYS: usize = 150_000;

/// A client that waits longer than this thinks that the server hangs.
const AT_ONCE: Duration = Duration::from_secs(2);

fn key(number: usize) -> String {
    format!("key:{number:012}")
}

fn large_file() -> Vec<u8> {
    let records = (0..KEYS).map(|number| record(key(number).as_bytes(), &[b'v'; 100]));
    file(&records.collect::<Vec<_>>())
}

/// Asks until the data is there. Whatever the client wants, it is answered at once;
/// what needs no data, in the usual way.
fn watch(data: &TempDir, flags: &[&str]) -> (Server, Session) {
    let server = Server::start_on(data.path(), flags);
    let mut c = Session::connect(server.addr());
    let (mut refused, mut slowest) = (0, Duration::ZERO);
    let mut loaded = Vec::new();
    loop {
        let begun = Stopwatch::start();
        let reply = c.call(&["GET", &key(KEYS - 1)]);
        slowest = slowest.max(begun.elapsed());
        if !reply.starts_with(b"-LOADING") {
            break;
        }
        assert_eq!(String::from_utf8_lossy(&reply), LOADING);
        refused += 1;
        loaded.extend(progress(&mut c));
        if loaded.len() == 1 {
            manners(&mut c);
        }
    }
    assert!(refused > 0, "it was loaded before anybody asked");
    assert!(slowest < AT_ONCE, "a client waited {slowest:?}");
    assert!(loaded.is_sorted(), "{loaded:?}");
    assert_eq!(info(&mut c, "loading").as_deref(), Some("0"));
    assert_eq!(info(&mut c, "loading_total_bytes"), None);
    c.expect("DBSIZE", int(KEYS as i64));
    c.expect_args(&["SET", "new", "1"], OK);
    (server, c)
}

/// How many bytes INFO says are loaded, if it is not all yet.
fn progress(c: &mut Session) -> Option<u64> {
    let loading = info(c, "loading")?;
    if loading == "0" {
        return None;
    }
    let mut number = |name| -> Option<f64> { info(c, name)?.parse().ok() };
    let total = number("loading_total_bytes")?;
    let loaded = number("loading_loaded_bytes")?;
    let percent = number("loading_loaded_perc")?;
    number("loading_start_time")?;
    number("loading_eta_seconds")?;
    assert!(total > KEYS as f64, "{total} bytes in all");
    assert!(
        loaded <= total && percent <= 100.0,
        "{loaded} of {total}, {percent} %"
    );
    Some(loaded as u64)
}

/// Some commands need no data, and those that do are refused in the same words.
fn manners(c: &mut Session) {
    for line in [
        "PING",
        "DBSIZE",
        "SET none v XX",
        "EXISTS none",
        "BGSAVE",
        "KEYS x",
        "CONFIG SET appendonly no",
        "CONFIG SET APPENDONLY yes nosuch 1",
    ] {
        let reply = c.call(&words(line));
        let is_loaded = info(c, "loading").as_deref() == Some("0");
        assert!(
            reply == LOADING.as_bytes() || is_loaded,
            "{line}: {}",
            reply.escape_ascii()
        );
    }
    let name = [b"*2\r\n".to_vec(), bulk("dbfilename"), bulk("dump.rdb")].concat();
    c.expect("CONFIG GET dbfilename", name);
    c.expect("CLIENT GETNAME", "$-1\r\n");
    c.expect("SELECT 0", OK);
    c.expect("ECHO x", bulk("x"));
    c.expect("RESET", "+RESET\r\n");
    assert_eq!(c.call(&["LASTSAVE"])[0], b':');
    c.expect("COMMAND INFO nosuch", "*1\r\n$-1\r\n");
    c.expect(
        "GET",
        "-ERR wrong number of arguments for 'get' command\r\n",
    );
    c.expect(
        "NOSUCH",
        "-ERR unknown command 'NOSUCH', with args beginning with: \r\n",
    );
}

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

#[test]
fn whoever_comes_while_a_file_is_loaded_is_told() {
    let data = data_folder();
    fs::write(dump::path(&data), large_file()).expect("a file");
    let (server, mut c) = watch(&data, &[]);
    let keys = info(&mut c, "rdb_last_load_keys_loaded");
    assert_eq!(keys, Some(KEYS.to_string()));
    if !is_other_server() {
        let said = server.log();
        assert!(said.contains(&format!("{KEYS} keys in")), "{said}");
    }
}

#[test]
fn whoever_comes_while_a_log_is_replayed_is_told() {
    let data = data_folder();
    let folder = data.path().join(FOLDER);
    fs::create_dir(&folder).expect("a folder");
    let (base, increment) = (format!("{NAME}.1.base.rdb"), format!("{NAME}.1.incr.aof"));
    let half = KEYS / 2;
    let records = (0..half).map(|number| record(key(number).as_bytes(), b"from the base"));
    fs::write(folder.join(&base), file(&records.collect::<Vec<_>>())).expect("a base");
    let sets = (half..KEYS).flat_map(|number| encode(&["SET", &key(number), "from the log"]));
    fs::write(folder.join(&increment), sets.collect::<Vec<_>>()).expect("an increment");
    let manifest = format!("file {base} seq 1 type b\nfile {increment} seq 1 type i\n");
    fs::write(folder.join(format!("{NAME}.manifest")), manifest).expect("a manifest");
    let (_server, mut c) = watch(&data, &ON);
    c.expect(&format!("GET {}", key(0)), bulk("from the base"));
    c.expect(&format!("GET {}", key(half)), bulk("from the log"));
}

/// Who starts a server and asks at once need not know that there is such a thing.
#[test]
fn a_small_data_set_is_there_before_the_first_reply() {
    let data = data_folder();
    let small: Vec<_> = (0..1000)
        .map(|number| record(key(number).as_bytes(), b"v"))
        .collect();
    fs::write(dump::path(&data), file(&small)).expect("a file");
    for _ in 0..5 {
        let server = Server::start_on(data.path(), &[]);
        Session::connect(server.addr()).expect("DBSIZE", int(1000));
    }
}
