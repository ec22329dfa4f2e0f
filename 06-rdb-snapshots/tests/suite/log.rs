//! The files of an append-only file, for the suites that look into them, and the
//! data set of a server, to compare.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

use crate::client::escaped;
use crate::client::failure::shortened;
use crate::harness::{Server, is_other_server, wait_until};
use crate::session::{Session, strings};

/// Turns the log on.
pub const ON: [&str; 2] = ["--appendonly", "yes"];

/// The names that the log has if nothing else is said.
pub const FOLDER: &str = "appendonlydir";
pub const NAME: &str = "appendonly.aof";

/// Each key with its value and, in unix milliseconds, its deadline. All of it is
/// escaped, so that people can read what a failure shows.
pub type DataSet = BTreeMap<String, String>;

/// A folder for the files of servers, which outlives them.
pub fn data_folder() -> TempDir {
    tempfile::tempdir().expect("a folder for the data")
}

/// A server on `data` with the log on, and a connection to it.
pub fn start(data: &TempDir, flags: &[&str]) -> (Server, Session) {
    let server = Server::start_on(data.path(), &[&ON[..], &policy(), flags].concat());
    let session = connect(&server);
    (server, session)
}

/// With `everysec` Redis lets a reply leave before it writes the log when an fsync
/// takes long, which any may. With `always` it does not.
fn policy() -> Vec<&'static str> {
    match is_other_server() {
        true => vec!["--appendfsync", "always"],
        false => vec![],
    }
}

/// A connection to a server that has loaded its data. Redis answers before.
pub fn connect(server: &Server) -> Session {
    let mut session = Session::connect(server.addr());
    wait_until("the data is loaded", || {
        !session.call(&["PING"]).starts_with(b"-LOADING")
    });
    session
}

/// Everything in the server that `session` is connected to, once the log has all of it. With
/// `everysec` Redis says OK to what its `aof_buf` still holds.
pub fn data_set(session: &mut Session) -> DataSet {
    wait_until("the log has all of it", || {
        !is_other_server() || info(session, "aof_buffer_length").is_none_or(|bytes| bytes == "0")
    });
    let keys = session.strings(&["KEYS", "*"]);
    let entry = |key: Vec<u8>| {
        let value = strings(&session.call(&[b"GET", &key[..]])).pop()?;
        let reply = session.call(&[b"PEXPIRETIME", &key[..]]);
        let deadline = match reply.trim_ascii_end() {
            b":-1" => String::new(),
            deadline => format!(" until {}", escaped(deadline)),
        };
        Some((escaped(&key), escaped(&value) + &deadline))
    };
    keys.into_iter().filter_map(entry).collect()
}

/// Compares everything in the server with `expected`, and says which keys are others. Where values
/// are long, `assert_eq!` would print all of them.
#[track_caller]
pub fn expect_data_set(session: &mut Session, expected: &DataSet, when: &str) {
    let there = data_set(session);
    let show = |value: Option<&String>| {
        value.map_or("(no key)".into(), |value| shortened(value.as_bytes(), 0))
    };
    let keys: BTreeSet<&String> = there.keys().chain(expected.keys()).collect();
    let differ = keys
        .into_iter()
        .filter(|key| there.get(*key) != expected.get(*key));
    let differ: Vec<String> = differ
        .map(|key| {
            let (is, was) = (show(there.get(key)), show(expected.get(key)));
            format!("\n  {key}\n    expected  {was}\n    there is  {is}")
        })
        .collect();
    assert!(
        differ.is_empty(),
        "{when}: {} of {} keys are others{}",
        differ.len(),
        expected.len(),
        differ[..differ.len().min(3)].concat()
    );
}

/// The data set of `keys`, none of which has a deadline.
pub fn plain(keys: &[(&str, &str)]) -> DataSet {
    let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    keys.iter().map(own).collect()
}

/// What a line of INFO says.
pub fn info(session: &mut Session, field: &str) -> Option<String> {
    let text = session.call(&["INFO", "persistence"]);
    let text = String::from_utf8_lossy(&text).into_owned();
    let start = format!("{field}:");
    let mut lines = text.lines();
    lines.find_map(|line| line.strip_prefix(&start).map(str::to_owned))
}

/// Waits for a rewrite that is under way, where there is such a thing.
pub fn wait_for_rewrite(session: &mut Session) {
    wait_until("the log is rewritten", || {
        let mut idle = |field| info(session, field).is_none_or(|value| value == "0");
        // First it is scheduled, then in progress; in that order nothing is missed.
        idle("aof_rewrite_scheduled") && idle("aof_rewrite_in_progress")
    });
}

pub fn unix_milliseconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("a time after 1970").as_millis() as i64
}

/// Where a log is.
pub struct Log {
    pub folder: PathBuf,
    name: String,
}

impl Log {
    /// The log in `data` with the usual names.
    pub fn of(data: &TempDir) -> Self {
        Self::named(data, FOLDER, NAME)
    }

    pub fn named(data: &TempDir, folder: &str, name: &str) -> Self {
        Self {
            folder: data.path().join(folder),
            name: name.to_owned(),
        }
    }

    pub fn manifest(&self) -> PathBuf {
        self.folder.join(format!("{}.manifest", self.name))
    }

    /// The files of a type, `b`ase or `i`ncrement, in order.
    pub fn files(&self, kind: char) -> Vec<PathBuf> {
        let text = fs::read_to_string(self.manifest()).expect("a manifest");
        let end = format!(" type {kind}");
        let lines = text.lines().filter(|line| line.trim_end().ends_with(&end));
        let name = |line: &str| line.split(' ').nth(1).map(str::to_owned);
        lines
            .map(|line| self.folder.join(name(line).expect("a name")))
            .collect()
    }

    /// The file that is written to.
    pub fn last(&self) -> PathBuf {
        self.files('i').pop().expect("an increment")
    }

    pub fn bytes(&self) -> Vec<u8> {
        fs::read(self.last()).expect("the increment")
    }

    /// The commands of the last increment. Those that only say for which
    /// database the others are, and which belong together, are left out.
    pub fn commands(&self) -> Vec<Vec<u8>> {
        let bytes = self.bytes();
        let mut commands: Vec<Vec<u8>> = ends(&bytes)
            .windows(2)
            .map(|pair| bytes[pair[0]..pair[1]].to_vec())
            .collect();
        commands.retain(|command| {
            let name = strings(command).swap_remove(0).to_ascii_uppercase();
            ![&b"SELECT"[..], b"MULTI", b"EXEC"].contains(&&name[..])
        });
        commands
    }
}

/// Where the commands in `bytes` end; the first is 0.
pub fn ends(bytes: &[u8]) -> Vec<usize> {
    let mut ends = vec![0];
    let mut at = 0;
    while at < bytes.len() {
        let count = header(bytes, &mut at, b'*');
        for _ in 0..count {
            at += header(bytes, &mut at, b'$') + 2;
        }
        ends.push(at);
    }
    ends
}

/// The number in the line at `at`, which begins with `kind`.
fn header(bytes: &[u8], at: &mut usize, kind: u8) -> usize {
    assert_eq!(bytes[*at], kind, "byte {at} of the log");
    let line = &bytes[*at + 1..];
    let end = line.windows(2).position(|two| two == b"\r\n");
    let end = end.expect("the end of a line");
    *at += end + 3;
    let digits = str::from_utf8(&line[..end]).expect("digits");
    digits.parse().expect("a number")
}

/// All files below `folder` with what is in them.
pub fn snapshot(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(snapshot(&path));
        } else {
            files.insert(path.clone(), fs::read(path).expect("a file"));
        }
    }
    files
}

/// A copy of the folder of a server that has ended.
pub fn copy(data: &TempDir) -> TempDir {
    let copy = data_folder();
    for (path, bytes) in snapshot(data.path()) {
        let path = path.strip_prefix(data.path()).expect("a path below");
        let path = copy.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, bytes).expect("a copy");
    }
    copy
}
