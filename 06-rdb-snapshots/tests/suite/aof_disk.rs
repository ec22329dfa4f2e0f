//! The disk is full, the files are taken away, somebody else uses them: writes
//! are refused, reads go on, and nothing is lost.
//!
//! Reread: 05-aof-persistence/GUIDE.md#4-a-full-disk

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::harness::{Server, is_other_server, wait_until};
use crate::log::{Log, ON, connect, data_folder, data_set, expect_data_set, info, start};
use crate::session::{NULL, OK, Session, bulk, encode, int};

/// How large a file may become, in bytes, until the limit is lifted.
const LIMIT: u64 = 16 * 1024;

const MISCONF: &str = "-MISCONF Errors writing to the AOF file: ";

/// Every policy under which the server survives that. Real Redis ends itself under
/// `always`.
fn policies() -> &'static [&'static str] {
    match is_other_server() {
        true => &["everysec"],
        false => &["everysec", "always", "no"],
    }
}

fn limited(data: &tempfile::TempDir, policy: &str) -> (Server, Session) {
    let flags = [&ON[..], &["--appendfsync", policy]].concat();
    let server = Server::start_limited(data.path(), LIMIT, &flags);
    let session = connect(&server);
    (server, session)
}

/// Writes until it is refused; which of the keys were acknowledged.
fn fill(c: &mut Session) -> usize {
    let value = "v".repeat(1000);
    for number in 0..1000 {
        let reply = c.call(&["SET", &format!("k{number}"), &value]);
        if reply != OK.as_bytes() {
            refusal(&reply);
            return number;
        }
    }
    panic!(
        "1000 SETs of 1000 bytes were all answered OK, although the file may have {LIMIT} bytes: \
         a failed write was not reported"
    );
}

#[track_caller]
fn refusal(reply: &[u8]) {
    let text = String::from_utf8_lossy(reply);
    assert!(text.starts_with(MISCONF), "{text}");
    // The system's own words follow, without a number.
    assert!(
        text.len() > MISCONF.len() + 4 && !text.contains("os error"),
        "{text}"
    );
}

/// Waits until writes are taken again.
fn wait_for_writes(c: &mut Session) {
    wait_until("writes are taken again", || {
        c.call(&["SET", "again", "1"]) == OK.as_bytes()
    });
}

#[test]
fn a_full_disk_stops_writes_until_there_is_room() {
    if !there("prlimit") {
        return;
    }
    for policy in policies() {
        let data = data_folder();
        let (server, mut c) = limited(&data, policy);
        fill(&mut c);
        for command in [
            &["SET", "k0", "w"][..],
            &["DEL", "k0"],
            &["FLUSHALL"],
            &["PING"],
        ] {
            refusal(&c.call(command));
        }
        c.expect_args(&["GET", "k0"], bulk("v".repeat(1000)));
        c.expect("EXISTS k1 none", int(1));
        c.expect(
            "SET k0",
            "-ERR wrong number of arguments for 'set' command\r\n",
        );
        assert_eq!(
            info(&mut c, "aof_last_write_status").as_deref(),
            Some("err")
        );
        server.lift_limit();
        wait_for_writes(&mut c);
        c.expect("PING", "+PONG\r\n");
        assert_eq!(info(&mut c, "aof_last_write_status").as_deref(), Some("ok"));
        c.expect("INCR counter", int(1));
        let before = data_set(&mut c);
        server.kill();
        let (server, mut c) = start(&data, &[]);
        expect_data_set(
            &mut c,
            &before,
            &format!("{policy}, after kill -9 and a start"),
        );
        assert!(is_other_server() || !server.log().contains("WARN"));
    }
}

/// However many writes fail together, each command gets its own reply.
#[test]
fn a_full_disk_and_a_pipeline() {
    if !there("prlimit") {
        return;
    }
    for policy in policies() {
        let data = data_folder();
        let (server, mut c) = limited(&data, policy);
        let value = "v".repeat(500);
        let mut request = Vec::new();
        for number in 0..200 {
            let text = number.to_string();
            request.extend(encode(&["APPEND", "list", &format!("{text:>4}{value}")]));
            request.extend(encode(&["ECHO", &text]));
        }
        c.send(&request);
        let mut refused = 0;
        for number in 0..200 {
            let reply = c.reply();
            match reply[0] {
                b':' => assert_eq!(refused, 0, "a write after one that was refused"),
                _ => {
                    refusal(&reply);
                    refused += 1;
                }
            }
            assert_eq!(c.reply(), bulk(number.to_string()));
        }
        // Real Redis logs a batch after it has executed all of it, and says OK.
        assert!(refused > 0 || is_other_server());
        server.lift_limit();
        wait_for_writes(&mut c);
        let before = data_set(&mut c);
        server.kill();
        let (_server, mut c) = start(&data, &[]);
        expect_data_set(&mut c, &before, "after kill -9 and a start");
    }
}

/// Redis acknowledges the first write that fails.
#[test]
fn a_crash_while_the_disk_is_full_loses_nothing_acknowledged() {
    if is_other_server() || !there("prlimit") {
        return;
    }
    for policy in policies() {
        let data = data_folder();
        let (server, mut c) = limited(&data, policy);
        let acknowledged = fill(&mut c);
        assert!(acknowledged > 10);
        server.kill();
        let (server, mut c) = start(&data, &[]);
        c.expect("DBSIZE", int(acknowledged as i64));
        assert!(!server.log().contains("WARN"), "half a command was left");
    }
}

/// Keys go on expiring, and the log catches up.
#[test]
fn keys_expire_while_the_disk_is_full() {
    if !there("prlimit") {
        return;
    }
    let data = data_folder();
    let (server, mut c) = limited(&data, "everysec");
    c.expect("SET soon 1", OK);
    fill(&mut c);
    server.lift_limit();
    wait_for_writes(&mut c);
    c.expect("PEXPIRE soon 1", int(1));
    wait_until("it expires", || c.call(&["GET", "soon"]) == NULL.as_bytes());
    let before = data_set(&mut c);
    server.kill();
    let (_server, mut c) = start(&data, &[]);
    expect_data_set(&mut c, &before, "after kill -9 and a start");
}

/// Redis does not notice.
#[test]
fn a_log_that_is_taken_away_is_written_anew() {
    if is_other_server() {
        return;
    }
    for (name, policy) in [("", "everysec"), ("incr", "always"), ("manifest", "no")] {
        let data = data_folder();
        let (server, mut c) = start(&data, &["--appendfsync", policy]);
        c.expect("SET before v PXAT 33000000000123", OK);
        let log = Log::of(&data);
        match name {
            "" => fs::rename(&log.folder, data.path().join("away")),
            "incr" => fs::remove_file(log.last()),
            _ => fs::remove_file(log.manifest()),
        }
        .expect("it is taken away");
        // It is refused if the server sees just then that the log is gone: before it is
        // executed, or after that, when the log does not take it.
        let is_safe = c.call(&["SET", "meanwhile", "1"]) == OK.as_bytes();
        wait_until("the log is there again", || {
            log.manifest().exists() && log.files('i').iter().all(|file| file.exists())
        });
        wait_for_writes(&mut c);
        let before = data_set(&mut c);
        server.kill();
        let (_server, mut c) = start(&data, &[]);
        expect_data_set(&mut c, &before, "after kill -9 and a start");
        c.expect("EXISTS before again", int(2));
        if is_safe {
            c.expect("EXISTS meanwhile", int(1));
        }
    }
}

#[test]
fn a_folder_that_cannot_be_used_stops_writes_until_it_can() {
    if is_other_server() {
        return;
    }
    let data = data_folder();
    let (server, mut c) = start(&data, &[]);
    c.expect("SET k v", OK);
    let folder = Log::of(&data).folder;
    let mut taken = 0;
    wait_until("a file is in its place", || {
        // The server may have been quicker, and the folder is there again.
        taken += 1;
        let _ = fs::rename(&folder, data.path().join(format!("away{taken}")));
        fs::write(&folder, "no folder").is_ok()
    });
    wait_until("writes are refused", || {
        c.call(&["SET", "k", "w"]).starts_with(MISCONF.as_bytes())
    });
    refusal(&c.call(&["PING"]));
    let value = c.call(&["GET", "k"]);
    fs::remove_file(&folder).expect("no file in its place");
    wait_for_writes(&mut c);
    c.expect_args(&["GET", "k"], value);
    let before = data_set(&mut c);
    server.kill();
    let (_server, mut c) = start(&data, &[]);
    expect_data_set(&mut c, &before, "after kill -9 and a start");
}

/// Redis lets both of them write into the same file.
#[test]
fn a_second_server_on_the_same_files_is_refused() {
    if is_other_server() {
        return;
    }
    let data = data_folder();
    let (server, mut c) = start(&data, &[]);
    c.expect("SET k v", OK);
    let (status, said) = Server::refuses(data.path(), &ON);
    assert_eq!(status.code(), Some(1));
    let folder = Log::of(&data).folder;
    assert!(said.contains("another server") && said.contains(&folder.display().to_string()));
    // Nor may it come later.
    let other = Server::start_on(data.path(), &[]);
    let mut d = connect(&other);
    assert!(
        d.call(&["CONFIG", "SET", "appendonly", "yes"])
            .starts_with(b"-ERR CONFIG SET failed")
    );
    d.expect(
        "CONFIG GET appendonly",
        "*2\r\n$10\r\nappendonly\r\n$2\r\nno\r\n",
    );
    c.expect("CONFIG SET appendonly no", OK);
    d.expect("CONFIG SET appendonly yes", OK);
    wait_until("the new log is there", || {
        let info = d.call(&["INFO", "persistence"]);
        String::from_utf8_lossy(&info).contains("aof_rewrite_in_progress:0")
    });
    assert!(
        c.call(&["CONFIG", "SET", "appendonly", "yes"])
            .starts_with(b"-ERR CONFIG SET failed")
    );
    server.kill();
    other.kill();
    let (_server, mut c) = start(&data, &[]);
    c.expect("DBSIZE", int(0));
}

/// Many clients that wait for the disk wait for it together: for one write, and one fsync.
#[test]
fn clients_share_an_fsync() {
    if !there("strace") {
        return;
    }
    const CLIENTS: usize = 50;
    let data = data_folder();
    let (server, _c) = start(&data, &["--appendfsync", "always"]);
    let trace = data.path().join("trace");
    let Some(mut tracer) = Tracer::attach(&server, &trace, "trace=write,fsync,fdatasync") else {
        return;
    };
    let process = server.process().to_string();
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| Client::connect(&server)).collect();
    for client in &mut clients {
        client.check("PING\r\n", "+PONG\r\n");
    }
    // Stopped, it finds all of them waiting when it goes on.
    signal("-STOP", &process);
    for client in &mut clients {
        client.send(encode(&["INCR", "k"]));
    }
    signal("-CONT", &process);
    for client in &mut clients {
        assert_eq!(client.reply()[0], b':');
    }
    // A write of another kind has no INCR in it.
    let calls = |name: &str, of: &str| {
        let trace = fs::read_to_string(&trace).unwrap_or_default();
        let lines = trace.lines();
        lines
            .filter(|line| line.contains(name) && line.contains(of))
            .count()
    };
    wait_until("strace has told", || calls("sync(", "") > 0);
    tracer.end();
    for (name, count) in [
        ("fsyncs", calls("sync(", "")),
        ("writes to the log", calls("write(", "INCR")),
    ] {
        assert!(
            count <= CLIENTS / 5,
            "{count} {name} for {CLIENTS} clients that wait at the same time"
        );
    }
}

/// Every fsync takes 200 ms longer.
const SLOW: &str = "inject=fsync,fdatasync:delay_enter=200000";

/// With `always`, OK says that the write is on the disk.
#[test]
fn a_reply_waits_for_the_fsync_of_its_write() {
    if !there("strace") {
        return;
    }
    let data = data_folder();
    let (server, mut c) = start(&data, &["--appendfsync", "always"]);
    let trace = data.path().join("trace");
    let Some(mut tracer) = Tracer::attach(&server, &trace, SLOW) else {
        return;
    };
    for number in 0..5 {
        let asked = Instant::now();
        c.expect(&format!("SET k {number}"), OK);
        let waited = asked.elapsed();
        assert!(
            waited >= Duration::from_millis(200),
            "OK before the fsync (200 ms) had ended: after {waited:?}"
        );
    }
    tracer.end();
}

/// With `everysec` nobody waits for it, and it comes.
#[test]
fn what_was_written_is_made_safe_soon() {
    if !there("strace") {
        return;
    }
    let data = data_folder();
    let (server, mut c) = start(&data, &["--appendfsync", "everysec"]);
    let trace = data.path().join("trace");
    let Some(mut tracer) = Tracer::attach(&server, &trace, "trace=fsync,fdatasync") else {
        return;
    };
    c.expect("SET k v", OK);
    wait_until("there is an fsync", || {
        fs::read_to_string(&trace).is_ok_and(|calls| calls.contains("sync("))
    });
    tracer.end();
}

/// With `always` nobody sees what a failing machine would undo: who reads a value
/// that is not safe yet waits as its writer does.
#[test]
fn a_reader_waits_for_the_fsync_of_what_it_reads() {
    if !there("strace") {
        return;
    }
    let data = data_folder();
    let (server, mut reader) = start(&data, &["--appendfsync", "always"]);
    let trace = data.path().join("trace");
    let Some(mut tracer) = Tracer::attach(&server, &trace, SLOW) else {
        return;
    };
    let mut writer = Client::connect(&server);
    for number in 0..5 {
        writer.send(encode(&["SET", "k", &number.to_string()]));
        wait_until("the write is seen", || {
            reader.call(&["GET", "k"]) == bulk(number.to_string())
        });
        let waiting = info(&mut reader, "aof_pending_bio_fsync");
        assert_eq!(
            waiting.as_deref(),
            Some("0"),
            "a value was read before it was safe"
        );
        writer.expect(OK);
    }
    tracer.end();
}

/// Who turns the log off gets it off, even if the last fsync fails; a server that
/// says `yes` and logs nothing would be the worst of both.
#[test]
fn the_log_can_be_turned_off_on_a_bad_disk() {
    if !there("strace") {
        return;
    }
    let data = data_folder();
    let (server, mut c) = start(&data, &["--appendfsync", "no"]);
    c.expect("SET k v", OK);
    let trace = data.path().join("trace");
    let bad = "inject=fsync,fdatasync:error=EIO";
    let Some(mut tracer) = Tracer::attach(&server, &trace, bad) else {
        return;
    };
    c.expect("CONFIG SET appendonly no", OK);
    tracer.end();
    let on = info(&mut c, "aof_enabled");
    assert_eq!(on.as_deref(), Some("0"), "the log is on");
    c.expect("CONFIG SET appendonly yes", OK);
}

/// Is a tool of Linux here? Other systems have none like it, so even CI goes on
/// without.
fn there(program: &str) -> bool {
    let version = Command::new(program).arg("-V").output();
    let found = version.is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("not tested: {program} is missing");
    }
    found
}

/// Looks at the server's calls to the system, or makes them slow.
struct Tracer(Child);

impl Tracer {
    /// Nothing if that is not allowed here.
    fn attach(server: &Server, output: &Path, what: &str) -> Option<Self> {
        let process = server.process().to_string();
        let mut strace = Command::new("strace")
            .args(["-f", "-q", "-e", what, "-o"])
            .args([output.as_os_str(), "-p".as_ref(), process.as_ref()])
            .stderr(Stdio::null())
            .spawn()
            .expect("strace");
        // All threads, or a call of one that is not traced yet would be missed.
        let traced = || {
            let threads = fs::read_dir(format!("/proc/{process}/task")).expect("threads");
            threads.flatten().all(|thread| {
                let status = fs::read_to_string(thread.path().join("status"));
                status.is_ok_and(|status| !status.contains("TracerPid:\t0\n"))
            })
        };
        let mut refused = false;
        wait_until("the server is traced", || {
            refused = !matches!(strace.try_wait(), Ok(None));
            refused || traced()
        });
        if refused {
            eprintln!("not tested: strace may not trace the server");
        }
        (!refused).then_some(Self(strace))
    }

    fn end(&mut self) {
        signal("-INT", &self.0.id().to_string());
        self.0.wait().expect("strace ends");
    }
}

/// A tracer that outlives its test would be left behind.
impl Drop for Tracer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn signal(signal: &str, process: &str) {
    let status = Command::new("kill").args([signal, process]).status();
    assert!(status.is_ok_and(|status| status.success()), "kill {signal}");
}

/// Nobody waits for the reply, and the write counts all the same.
#[test]
fn a_client_may_go_before_its_reply_comes() {
    let data = data_folder();
    let (server, mut c) = start(&data, &["--appendfsync", "always"]);
    let count = |c: &mut Session, field: &str| -> u64 {
        let text = c.call(&["INFO"]);
        let text = String::from_utf8_lossy(&text).into_owned();
        let mut lines = text.lines();
        let value = lines.find_map(|line| line.strip_prefix(field));
        value
            .and_then(|value| value.parse().ok())
            .expect("a number")
    };
    let before = count(&mut c, "total_connections_received:");
    for round in 1..=20 {
        let mut client = Client::connect(&server);
        for _ in 0..500 {
            client.send(encode(&["INCR", "k"]));
        }
        if round % 2 == 0 {
            client.send("QUIT\r\n");
        }
        let _ = TcpStream::shutdown(&client.socket, std::net::Shutdown::Write);
        drop(client);
    }
    wait_until("all of them have come and gone", || {
        count(&mut c, "total_connections_received:") == before + 20
            && count(&mut c, "connected_clients:") == 1
    });
    let before = c.call(&["INCR", "k"]);
    server.kill();
    let (_server, mut c) = start(&data, &[]);
    let number = String::from_utf8_lossy(&before)
        .trim_matches([':', '\r', '\n'])
        .to_owned();
    c.expect("GET k", bulk(number));
}

#[test]
fn quit_right_behind_a_write() {
    let data = data_folder();
    let (server, _c) = start(&data, &["--appendfsync", "always"]);
    let mut client = Client::connect(&server);
    client.send("SET k v\r\nQUIT\r\n").expect("+OK\r\n+OK\r\n");
    client.expect_closed();
    server.kill();
    let (_server, mut c) = start(&data, &[]);
    c.expect("GET k", bulk("v"));
}

/// What the server says of itself may land on the full disk as well.
#[test]
fn a_server_that_cannot_say_anything_goes_on() {
    if !fs::exists("/dev/full").unwrap_or(false) || !there("prlimit") {
        return;
    }
    let data = data_folder();
    let server = Server::start_mute(data.path(), LIMIT, &ON);
    let mut c = connect(&server);
    fill(&mut c);
    server.lift_limit();
    wait_for_writes(&mut c);
    c.expect("PING", "+PONG\r\n");
}
