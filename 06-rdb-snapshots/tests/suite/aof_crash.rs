//! What is left after a crash: nothing that was acknowledged is missing, nothing
//! is half done, a torn end is cut off, and other damage is not guessed at.
//!
//! Reread: 05-aof-persistence/GUIDE.md#the-idea

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use tempfile::TempDir;

use crate::harness::{Server, amount, is_in_part, is_other_server, wait_until};
use crate::log::{DataSet, Log, ON, data_folder, data_set, ends, plain, snapshot, start};
use crate::session::{OK, Session, bulk, encode, int, strings};

/// How many commands a client sends at once.
const PIPELINE: u64 = 8;

/// A client under load: what it wrote last, and what of it was acknowledged.
#[derive(Clone, Copy, Default)]
struct Progress {
    sent: u64,
    acknowledged: u64,
}

/// Writes until the connection breaks. Step `n` appends `n` to a string, makes a
/// counter `n`, and gives two keys at once the value `n`.
fn write_on(address: SocketAddr, client: usize, mut at: Progress, acks: &AtomicU64) -> Progress {
    let Ok(mut socket) = TcpStream::connect(address) else {
        return at;
    };
    loop {
        let mut request = Vec::new();
        let mut expected = Vec::new();
        for number in at.sent + 1..=at.sent + PIPELINE {
            let key = |name: &str| format!("{name}{client}");
            let text = number.to_string();
            request.extend(encode(&["APPEND", &key("list"), &format!("{number:08}")]));
            request.extend(encode(&["INCR", &key("count")]));
            request.extend(encode(&["MSET", &key("left"), &text, &key("right"), &text]));
            expected.push(format!(":{}\r\n:{number}\r\n+OK\r\n", 8 * number));
        }
        at.sent += PIPELINE;
        if socket.write_all(&request).is_err() {
            return at;
        }
        for reply in expected {
            let mut received = vec![0; reply.len()];
            if socket.read_exact(&mut received).is_err() {
                return at;
            }
            assert_eq!(String::from_utf8_lossy(&received), reply);
            at.acknowledged += 1;
            acks.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn get(c: &mut Session, name: &str, client: usize) -> String {
    let value = strings(&c.call(&["GET", &format!("{name}{client}")])).pop();
    String::from_utf8(value.unwrap_or_default()).expect("text")
}

/// How far a client came, as the data says, once that is found to be in order.
fn check(c: &mut Session, client: usize, at: Progress) -> u64 {
    let list = get(c, "list", client);
    let appended = list.len() as u64 / 8;
    let expected: String = (1..=appended)
        .map(|number| format!("{number:08}"))
        .collect();
    assert_eq!(list, expected, "the order of client {client}");
    let number = |text: String| text.parse().unwrap_or(0);
    let (left, right) = (get(c, "left", client), get(c, "right", client));
    assert_eq!(left, right, "half of an MSET of client {client}");
    let counted: u64 = number(get(c, "count", client));
    let steps = [appended, counted, number(left)];
    // The crash may have come between two commands, and in their order.
    assert!(
        steps.is_sorted_by(|a, b| *a >= *b) && steps[2] + 1 >= steps[0],
        "{steps:?}"
    );
    assert!(
        steps[2] >= at.acknowledged,
        "{steps:?}, and {} acknowledged",
        at.acknowledged
    );
    assert!(steps[0] <= at.sent, "{steps:?}, and {} sent", at.sent);
    steps[2]
}

/// Kills the server under load, again and again, and looks at what is left.
fn survives(flags: &[&str], clients: usize) {
    let data = data_folder();
    for round in 0..6 {
        let (server, mut c) = start(&data, flags);
        let acks = Arc::new(AtomicU64::new(0));
        // What the last command of a client did is not known after a crash, so
        // every round begins anew.
        c.expect("FLUSHALL", OK);
        let writers: Vec<JoinHandle<Progress>> = (0..clients)
            .map(|client| {
                let (address, acks) = (server.addr(), Arc::clone(&acks));
                thread::spawn(move || write_on(address, client, Progress::default(), &acks))
            })
            .collect();
        let enough = 20 + 131 * round;
        wait_until("some is written", || acks.load(Ordering::Relaxed) > enough);
        server.kill();
        let progress = writers
            .into_iter()
            .map(|writer| writer.join().expect("a writer"));
        let progress: Vec<Progress> = progress.collect();
        let (_server, mut c) = start(&data, flags);
        for (client, at) in progress.into_iter().enumerate() {
            check(&mut c, client, at);
        }
    }
}

#[test]
fn no_acknowledged_write_is_lost_with_always() {
    survives(&["--appendfsync", "always"], 5);
}

#[test]
fn no_acknowledged_write_is_lost_with_everysec() {
    // Redis may lose some if an fsync takes long.
    if is_other_server() {
        return;
    }
    survives(&["--appendfsync", "everysec"], 5);
}

#[test]
fn no_acknowledged_write_is_lost_with_more_threads() {
    survives(&["--appendfsync", "always", "--io-threads", "4"], 8);
}

/// What somebody has seen must not be undone either.
#[test]
fn what_was_read_is_there_after_a_crash() {
    let data = data_folder();
    for _ in 0..4 {
        let (server, mut c) = start(&data, &["--appendfsync", "always"]);
        c.expect("SET count0 0", OK);
        let acks = Arc::new(AtomicU64::new(0));
        let (address, counted) = (server.addr(), Arc::clone(&acks));
        let writer = thread::spawn(move || write_on(address, 0, Progress::default(), &counted));
        let (seen, reader) = watch(address);
        wait_until("some is written", || acks.load(Ordering::Relaxed) > 100);
        server.kill();
        reader.join().expect("the reader");
        writer.join().expect("the writer");
        let (_server, mut c) = start(&data, &[]);
        let seen = seen.try_iter().last().unwrap_or(0);
        let there = get(&mut c, "count", 0).parse().unwrap_or(0);
        assert!(there >= seen, "{seen} was read, and {there} is left");
        c.call(&["FLUSHALL"]);
    }
}

/// Reads a counter until the connection breaks.
fn watch(address: SocketAddr) -> (mpsc::Receiver<u64>, JoinHandle<()>) {
    let (sender, seen) = mpsc::channel();
    let reader = thread::spawn(move || {
        let Ok(mut socket) = TcpStream::connect(address) else {
            return;
        };
        let mut buffer = [0; 64];
        while socket.write_all(&encode(&["GET", "count0"])).is_ok() {
            match socket.read(&mut buffer) {
                Ok(count) if count > 0 => {
                    let value = strings(&buffer[..count]).pop().unwrap_or_default();
                    let value = String::from_utf8_lossy(&value).parse();
                    let _ = sender.send(value.expect("a number"));
                }
                _ => return,
            }
        }
    });
    (seen, reader)
}

/// The last commands of a log, of every length that a header can have.
const LAST: &[&[&str]] = &[
    &["SET", "k", "v"],
    &["MSET", "left", "1", "right", "1"],
    &[
        "APPEND",
        "k",
        "a long value of more than nine bytes\r\n*1\r\n$4\r\nPING\r\n",
    ],
    &["PEXPIREAT", "k", "33000000000123"],
    &["DEL", "left"],
];

/// A log with a few commands before the last ones; where each of those begins or
/// ends, and the data set there.
fn log_to_tear(data: &TempDir) -> Vec<(usize, DataSet)> {
    let (_server, mut c) = start(data, &[]);
    let log = Log::of(data);
    c.expect("SET first 1", OK);
    let mut states = vec![(log.bytes().len(), data_set(&mut c))];
    for command in LAST {
        c.call(command);
        states.push((log.bytes().len(), data_set(&mut c)));
    }
    states
}

#[test]
fn a_torn_end_is_cut_off_wherever_it_is_torn() {
    let data = data_folder();
    let states = log_to_tear(&data);
    let file = Log::of(&data).last();
    let whole = fs::read(&file).expect("the log");
    let points = states[0].0..whole.len();
    for cut in points.filter(|cut| thorough(*cut)) {
        fs::write(&file, &whole[..cut]).expect("a torn log");
        let before = states.iter().rfind(|(end, _)| *end <= cut);
        let (end, expected) = before.expect("a whole command");
        torn(&data, &file, cut, *end, expected);
    }
}

/// Real Redis takes longer to start; a part of the points does for it.
fn thorough(cut: usize) -> bool {
    !(is_other_server() || is_in_part()) || cut.is_multiple_of(7)
}

/// Starts on a log that was cut at `cut`; what is to be left of it ends at `end`.
fn torn(data: &TempDir, file: &Path, cut: usize, end: usize, expected: &DataSet) {
    let (server, mut c) = start(data, &[]);
    assert_eq!(data_set(&mut c), *expected, "cut at {cut}");
    let left = fs::metadata(file).expect("the log").len();
    assert!(
        left == end as u64,
        "cut at {cut}: the file is {left} bytes long, should be {end}"
    );
    let said = server.log();
    if cut > end {
        assert!(said.contains(&format!(" {end}")), "cut at {cut}: {said}");
    }
    if !is_other_server() {
        assert_eq!(said.contains("WARN"), cut > end, "cut at {cut}: {said}");
    }
}

#[test]
fn after_a_torn_end_the_log_goes_on() {
    let data = data_folder();
    let states = log_to_tear(&data);
    let file = Log::of(&data).last();
    let whole = fs::read(&file).expect("the log");
    fs::write(&file, &whole[..states[2].0 - 3]).expect("a torn log");
    let (server, mut c) = start(&data, &[]);
    c.expect("SET after 1", OK);
    let before = data_set(&mut c);
    server.kill();
    let (server, mut c) = start(&data, &[]);
    assert_eq!(data_set(&mut c), before);
    let said = server.log().to_lowercase();
    assert!(
        !said.contains("warn  ") && !said.contains("truncat"),
        "{said}"
    );
}

/// What stands between MULTI and EXEC is done together or not at all.
#[test]
fn a_torn_transaction_is_cut_off_as_a_whole() {
    let data = data_folder();
    let (server, mut c) = start(&data, &[]);
    c.expect("SET first 1", OK);
    server.kill();
    let file = Log::of(&data).last();
    let whole = fs::read(&file).expect("the log");
    let transaction: Vec<u8> = [
        &["MULTI"][..],
        &["SET", "a", "1"],
        &["SET", "b", "1"],
        &["EXEC"],
    ]
    .iter()
    .flat_map(|words| encode(words))
    .collect();
    for cut in (1..=transaction.len()).filter(|cut| thorough(*cut)) {
        let torn_log = [&whole[..], &transaction[..cut]].concat();
        fs::write(&file, &torn_log).expect("a torn log");
        if cut == transaction.len() {
            let (_server, mut c) = start(&data, &[]);
            let all = plain(&[("first", "1"), ("a", "1"), ("b", "1")]);
            assert_eq!(data_set(&mut c), all);
        } else if is_other_server() {
            // Redis may leave MULTI behind.
            let (_server, mut c) = start(&data, &[]);
            assert_eq!(data_set(&mut c), plain(&[("first", "1")]), "cut at {cut}");
        } else {
            let expected = plain(&[("first", "1")]);
            torn(&data, &file, whole.len() + cut, whole.len(), &expected);
        }
    }
}

/// Starts on `data`, where something is wrong, and returns what the server says of
/// it. It must leave every file as it was.
#[track_caller]
fn refused(data: &TempDir) -> String {
    let before = snapshot(data.path());
    let (status, said) = Server::refuses(data.path(), &ON);
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(
        snapshot(data.path()) == before,
        "files were changed: {said}"
    );
    said
}

#[test]
fn other_damage_stops_the_start() {
    let data = data_folder();
    let states = log_to_tear(&data);
    let file = Log::of(&data).last();
    let whole = fs::read(&file).expect("the log");
    let starts = ends(&whole);
    // The kind of a command, its count, the kind and the length of its name.
    for (at, start) in starts[..starts.len() - 2].iter().enumerate() {
        for behind in [0, 1, 4, 5] {
            let mut damaged = whole.clone();
            damaged[start + behind] = b'x';
            fs::write(&file, &damaged).expect("a damaged log");
            let said = refused(&data);
            assert!(said.contains("redis-check-aof --fix"), "{said}");
            assert!(said.contains("appendonly.aof"), "{said}");
            if !is_other_server() {
                assert!(
                    said.contains(&format!("at byte {start}")),
                    "{at}, {behind}: {said}"
                );
            }
        }
    }
    fs::write(&file, &whole).expect("the log as it was");
    let (_server, mut c) = start(&data, &[]);
    assert_eq!(data_set(&mut c), states[states.len() - 1].1);
}

/// From a client the parser takes more than a log ever has. In a log each of these is
/// what a wrong length leaves over, and what was read may be wrong, too.
#[test]
fn what_only_a_client_may_send_stops_the_start() {
    let data = data_folder();
    log_to_tear(&data);
    let file = Log::of(&data).last();
    let whole = fs::read(&file).expect("the log");
    let starts = ends(&whole);
    let at = starts[2];
    let with = |at: usize, more: &[u8]| [&whole[..at], more, &whole[at..]].concat();
    let mut logs = vec![];
    for between in ["\r\n", "\n", "*0\r\n", "*-1\r\n"] {
        logs.push((at, with(at, between.as_bytes())));
        logs.push((whole.len(), with(whole.len(), between.as_bytes())));
    }
    // A value is longer than its length says.
    logs.push((starts[1], with(at - 2, b"v")));
    // The end of the line behind the count, and behind a length.
    for end in [3, 7] {
        let mut log = whole.clone();
        log[at + end] = b'x';
        logs.push((at, log));
    }
    // Redis does not look at what is behind a word.
    if !is_other_server() {
        for end in [1, 2] {
            let mut log = whole.clone();
            log[at - end] = b'x';
            logs.push((starts[1], log));
        }
    }
    for (at, log) in logs {
        fs::write(&file, &log).expect("a damaged log");
        let said = refused(&data);
        let what = format!("{}: {said}", log.escape_ascii());
        assert!(said.contains("redis-check-aof --fix"), "{what}");
        assert!(
            is_other_server() || said.contains(&format!("at byte {at}:")),
            "{at} in {what}"
        );
    }
}

#[test]
fn a_command_that_there_is_not_stops_the_start() {
    let data = data_folder();
    log_to_tear(&data);
    let file = Log::of(&data).last();
    let whole = fs::read(&file).expect("the log");
    let at = ends(&whole)[2];
    let damaged = [&whole[..at], &encode(&["NOSUCH", "k"]), &whole[at..]].concat();
    fs::write(&file, damaged).expect("a damaged log");
    let said = refused(&data);
    assert!(said.contains("NOSUCH"), "{said}");
    if !is_other_server() {
        assert!(said.contains(&format!("at byte {at}")), "{said}");
    }
}

/// A torn end is no surprise at the end of the last file, and only there.
#[test]
fn a_file_that_is_not_the_last_must_be_whole() {
    let data = data_folder();
    let (server, mut c) = start(&data, &[]);
    c.expect("SET k v", OK);
    server.kill();
    let log = Log::of(&data);
    let first = log.last();
    let second = log.folder.join("appendonly.aof.2.incr.aof");
    fs::write(&second, encode(&["SET", "k", "w"])).expect("another increment");
    let mut manifest = fs::read_to_string(log.manifest()).expect("a manifest");
    manifest += "file appendonly.aof.2.incr.aof seq 2 type i\n";
    fs::write(log.manifest(), &manifest).expect("a manifest");
    let (server, mut c) = start(&data, &[]);
    assert_eq!(data_set(&mut c), plain(&[("k", "w")]));
    server.kill();

    // Redis refuses, too, but cuts it all the same.
    if !is_other_server() {
        let whole = fs::read(&first).expect("the first increment");
        fs::write(&first, &whole[..whole.len() - 1]).expect("a torn increment");
        let said = refused(&data);
        assert!(said.contains("appendonly.aof.1.incr.aof"), "{said}");
        fs::write(&first, &whole).expect("the increment as it was");
    }

    fs::remove_file(&first).expect("a missing increment");
    let said = refused(&data);
    assert!(said.contains("appendonly.aof.1.incr.aof"), "{said}");
}

#[test]
fn a_damaged_manifest_stops_the_start() {
    let data = data_folder();
    let (server, mut c) = start(&data, &[]);
    c.expect("SET k v", OK);
    server.kill();
    let path = Log::of(&data).manifest();
    let manifest = fs::read_to_string(&path).expect("a manifest");
    for damaged in [
        String::new(),
        "\n".into(),
        "file appendonly.aof.1.incr.aof\n".into(),
        manifest.replace(" seq", ""),
        manifest.replace("type i", "type z"),
        manifest.replace("seq 1", "seq x"),
        manifest.replace("file appendonly", "file ../appendonly"),
        manifest.replace("file appendonly", "file \"appendonly"),
        manifest.replace("file appendonly", "file ..\\\\appendonly"),
        manifest.replace("seq 1", "seq 0"),
        manifest.replace("type i", "type i more"),
        manifest.replace("b\nfile", "b\x08file"),
        manifest.replace('\n', "\n\n"),
        manifest.replace("type b", &format!("type b {}", "long ".repeat(200))),
        manifest.trim_end().into(),
        manifest.repeat(2),
    ] {
        fs::write(&path, &damaged).expect("a damaged manifest");
        let said = refused(&data);
        assert!(
            is_other_server() || said.contains("appendonly.aof.manifest is damaged"),
            "{damaged}: {said}"
        );
    }
}

/// Redis starts with a part of the data then.
#[test]
fn a_manifest_that_lost_a_part_stops_the_start() {
    if is_other_server() {
        return;
    }
    let data = data_folder();
    let (server, mut c) = start(&data, &[]);
    c.expect("SET k v", OK);
    server.kill();
    let path = Log::of(&data).manifest();
    let manifest = fs::read_to_string(&path).expect("a manifest");
    let (base, increment) = manifest.split_once('\n').expect("two lines");
    for damaged in [
        format!("{base}\n"),
        format!("{base} {increment}"),
        format!("{base}\n{increment}").replace("type i", "type h"),
        format!("{base}\n{increment}").replace("type i", "type ix"),
        format!(
            "{}\n{increment}",
            increment.trim_end().replace("type i", "type b")
        ),
    ] {
        fs::write(&path, &damaged).expect("a damaged manifest");
        let said = refused(&data);
        assert!(
            said.contains("appendonly.aof.manifest"),
            "{damaged}: {said}"
        );
    }
}

/// What the manifest names stays, whatever its name says of its number.
#[test]
fn a_start_deletes_no_file_that_the_manifest_names() {
    let data = data_folder();
    let (server, mut c) = start(&data, &[]);
    c.expect("SET k v", OK);
    server.kill();
    let log = Log::of(&data);
    let manifest = fs::read_to_string(log.manifest()).expect("a manifest");
    let base = log.files('b').pop().expect("a base");
    let name = |path: &Path| path.file_name().expect("a name").display().to_string();
    let other = base.with_file_name(name(&base).replace(".1.", ".3."));
    fs::copy(log.last(), &other).expect("a base with data");
    fs::write(log.last(), "").expect("an empty increment");
    let manifest = manifest.replace(&name(&base), &name(&other));
    fs::write(log.manifest(), manifest).expect("a manifest");
    for _ in 0..2 {
        let (_server, mut c) = start(&data, &[]);
        assert_eq!(data_set(&mut c), plain(&[("k", "v")]));
    }
}

/// Redis takes it for an empty AOF.
#[test]
fn an_empty_rdb_base_stops_the_start() {
    if is_other_server() {
        return;
    }
    let data = data_folder();
    let (server, mut c) = start(&data, &[]);
    c.expect("SET k v", OK);
    server.kill();
    let log = Log::of(&data);
    let base = "appendonly.aof.2.base.rdb";
    fs::write(log.folder.join(base), "").expect("an empty base");
    let manifest =
        format!("file {base} seq 2 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n");
    fs::write(log.manifest(), manifest).expect("a manifest");
    let said = refused(&data);
    assert!(said.contains(base) && said.contains("at byte 0"), "{said}");
}

/// Redis starts empty then.
#[test]
fn a_lost_manifest_does_not_cost_the_log() {
    if is_other_server() {
        return;
    }
    let data = data_folder();
    let (server, mut c) = start(&data, &[]);
    c.expect("SET k v", OK);
    server.kill();
    let path = Log::of(&data).manifest();
    let manifest = fs::read(&path).expect("a manifest");
    fs::remove_file(&path).expect("no manifest");
    let said = refused(&data);
    assert!(said.contains("appendonly.aof.manifest"), "{said}");
    fs::write(&path, manifest).expect("the manifest as it was");
    let (_server, mut c) = start(&data, &[]);
    assert_eq!(data_set(&mut c), plain(&[("k", "v")]));
}

/// Whenever the log is being made, the next start finds all of it or none.
#[test]
fn a_crash_while_the_log_is_turned_on_leaves_all_or_nothing() {
    for round in 0..6 {
        let data = data_folder();
        let server = Server::start_on(data.path(), &[]);
        let mut c = crate::log::connect(&server);
        for key in 0..300 {
            c.expect(&format!("SET k{key} {}", "v".repeat(round * 100)), OK);
        }
        let count = |file: &str| {
            let path = data.path().join("appendonlydir");
            let files = fs::read_dir(path).map(|files| files.flatten());
            let names = files.into_iter().flatten().map(|file| file.file_name());
            names
                .filter(|name| name.to_string_lossy().contains(file))
                .count()
        };
        let enough = ["", "base", "incr", "temp", "manifest", "a"][round];
        c.send(&encode(&["CONFIG", "SET", "appendonly", "yes"]));
        wait_until("the log is begun", || {
            count(enough) > 0 || count("manifest") > 0
        });
        server.kill();
        let (_server, mut c) = start(&data, &[]);
        let size = c.call(&["DBSIZE"]);
        assert!(
            [int(0), int(300)].map(String::into_bytes).contains(&size),
            "{}",
            size.escape_ascii()
        );
    }
}

/// Whoever waits for a large log to be replayed wants to know for how long.
#[test]
fn a_long_replay_says_how_far_it_is() {
    if is_other_server() {
        return;
    }
    let commands = amount(250_000);
    let data = data_folder();
    let (server, mut c) = start(&data, &[]);
    c.expect("SET k 0", OK);
    server.kill();
    let file = fs::File::options().append(true).open(Log::of(&data).last());
    let many = encode(&["INCR", "k"]).repeat(commands);
    file.and_then(|mut file| file.write_all(&many))
        .expect("a large log");
    let (server, mut c) = start(&data, &[]);
    c.expect_args(&["GET", "k"], bulk(commands.to_string()));
    let said = server.log();
    let summary = said.lines().find(|line| line.contains("commands in "));
    let summary = summary.expect("a line at the end");
    assert!(
        summary.contains(&format!("{} commands", commands + 1)),
        "{summary}"
    );
    let seconds = summary
        .split("commands in ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next());
    let seconds: f64 = seconds.expect("a time").parse().expect("seconds");
    // A fast machine is done before there is anything to say.
    if seconds > 1.5 {
        let mut parts = (1..100).map(|percent| format!(": {percent} %, "));
        assert!(
            parts.any(|part| said.contains(&part)) && said.contains(" commands per second"),
            "{said}"
        );
    }
}
