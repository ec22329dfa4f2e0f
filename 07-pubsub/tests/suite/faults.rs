//! A disk that fails, hangs or is full when a test says so, and that remembers what was done
//! to it. `faults.c` is the part of it that is loaded into the server, ours or a real Redis.
//!
//! ```ignore
//! let Some(disk) = Disk::under(&data) else { return };
//! let server = disk.start(&ON);
//! disk.arm(&Fault::new(Action::Hold).calls("sync").path("manifest"));
//! // … the server does something, and stops at the first fsync of its manifest …
//! disk.wait_for_fault();
//! disk.disarm();
//! ```

// Some of it is for later steps.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use crate::harness::{Server, wait_until};
use crate::log::snapshot;

pub mod load;
pub mod machine;
pub mod walk;

pub const ENOENT: i32 = 2;
pub const EIO: i32 = 5;
pub const EMFILE: i32 = 24;
pub const ENOSPC: i32 = 28;

/// What happens to a call.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    /// It is not done, and fails with this `errno`.
    Fail(i32),
    /// A write writes at most so many bytes, and says so.
    Shorten(u64),
    /// It begins so much later.
    Delay(Duration),
    /// It begins when something else is armed, or nothing.
    Hold,
    /// The process ends before it, or after it, as with `kill -9`.
    Kill,
    KillAfter,
}

/// What happens to which calls.
#[derive(Clone, Debug)]
pub struct Fault {
    calls: String,
    path: String,
    except: String,
    first: u64,
    count: u64,
    action: Action,
}

impl Fault {
    /// Something that happens once, to the next call of any kind to any file.
    pub fn new(action: Action) -> Self {
        Self {
            calls: String::new(),
            path: String::new(),
            except: String::new(),
            first: 1,
            count: 1,
            action,
        }
    }

    /// Only to these calls, with blanks between them: `open`, `write`, `sync`, `truncate`,
    /// `rename`, `unlink`, `mkdir`. All that are like `write` are called so, and so on.
    pub fn calls(self, calls: &str) -> Self {
        let calls = format!(" {calls} ");
        Self { calls, ..self }
    }

    /// Only to files with this in their paths; a rename has two.
    pub fn path(self, path: &str) -> Self {
        let path = path.to_owned();
        Self { path, ..self }
    }

    /// Not to files with this in their paths.
    pub fn except(self, path: &str) -> Self {
        let except = path.to_owned();
        Self { except, ..self }
    }

    /// To the call with this number of those that it is about, counted from 1.
    pub fn first(self, first: u64) -> Self {
        Self { first, ..self }
    }

    /// To so many calls from there on. 0 only counts them.
    pub fn count(self, count: u64) -> Self {
        Self { count, ..self }
    }

    /// To all calls from there on, until something else is armed, or nothing.
    pub fn always(self) -> Self {
        self.count(u64::MAX)
    }

    /// `struct control` of `faults.c`, behind its first number.
    fn encode(&self) -> Vec<u8> {
        let (action, value) = match self.action {
            Action::Fail(errno) => (1, errno as u64),
            Action::Shorten(bytes) => (2, bytes),
            Action::Delay(time) => (3, time.as_millis() as u64),
            Action::Hold => (4, 0),
            Action::Kill => (5, 0),
            Action::KillAfter => (6, 0),
        };
        let numbers = [0, self.first, self.count, action, value];
        let mut bytes: Vec<u8> = numbers.iter().flat_map(|it| it.to_ne_bytes()).collect();
        for text in [&self.calls, &self.path, &self.except] {
            let mut field = [0; TEXT];
            field[..text.len()].copy_from_slice(text.as_bytes());
            bytes.extend(field);
        }
        bytes
    }
}

/// How long the texts in `struct control` are, in bytes.
const TEXT: usize = 128;

/// How long that is.
const CONTROL: usize = 6 * 8 + 3 * TEXT;

/// The files of a server, and what happens to them.
pub struct Disk {
    /// The folder of the server's files.
    pub data: PathBuf,
    /// The inodes of the files that were there at first.
    first: BTreeMap<PathBuf, u64>,
    state: TempDir,
    control: File,
    armed: AtomicU64,
    /// How long the journal was when something was last armed.
    journal_at: AtomicU64,
}

impl Disk {
    /// Files in `data`, or nothing where there cannot be such a disk.
    pub fn under(data: &TempDir) -> Option<Self> {
        library()?;
        let state = tempfile::tempdir().expect("a folder for the state");
        let control = state.path().join("control");
        fs::write(&control, [0; CONTROL]).expect("a control file");
        fs::write(state.path().join("journal"), "").expect("a journal");
        let kept = state.path().join("kept");
        fs::create_dir(&kept).expect("a folder for what is deleted");
        let data = data.path().canonicalize().expect("the data");
        let mut first = BTreeMap::new();
        for path in snapshot(&data).into_keys() {
            let inode = fs::metadata(&path).expect("a file").ino();
            fs::hard_link(&path, kept.join(inode.to_string())).expect("a second link");
            first.insert(path, inode);
        }
        let control = File::options().write(true).read(true).open(control);
        Some(Self {
            data,
            first,
            state,
            control: control.expect("the control file"),
            armed: AtomicU64::new(0),
            journal_at: AtomicU64::new(0),
        })
    }

    /// Starts the server on these files.
    #[track_caller]
    pub fn start(&self, flags: &[&str]) -> Server {
        match self.try_start(flags) {
            Ok(server) => server,
            Err((status, said)) => panic!("the server does not start ({status}):\n{said}"),
        }
    }

    /// The same if it may not start.
    #[track_caller]
    pub fn try_start(&self, flags: &[&str]) -> Result<Server, (ExitStatus, String)> {
        Server::try_through(&self.program(), &self.data, flags)
    }

    /// Starts the server, which may not serve yet.
    pub fn launch(&self, flags: &[&str]) -> Server {
        Server::start_through(&self.program(), &self.data, flags)
    }

    /// Loads the library into what follows.
    fn program(&self) -> Vec<String> {
        let library = library().expect("a disk");
        vec![
            "env".to_owned(),
            format!("LD_PRELOAD={}", library.display()),
            format!("FAULTS_FOLDER={}", self.data.display()),
            format!("FAULTS_STATE={}", self.state.path().display()),
        ]
    }

    /// From now on this happens, and nothing else.
    pub fn arm(&self, fault: &Fault) {
        self.disarm();
        self.journal_at
            .store(self.journal().len() as u64, Ordering::Relaxed);
        self.write(8, &fault.encode());
        let number = 1 + self.armed.fetch_add(1, Ordering::Relaxed);
        self.write(0, &number.to_ne_bytes());
    }

    /// From now on nothing happens, and what is held goes on.
    pub fn disarm(&self) {
        self.write(0, &0u64.to_ne_bytes());
    }

    fn write(&self, at: u64, bytes: &[u8]) {
        self.control
            .write_all_at(bytes, at)
            .expect("the control file");
    }

    /// How many calls there were of those that the armed fault is about.
    pub fn seen(&self) -> u64 {
        let mut number = [0; 8];
        self.control
            .read_exact_at(&mut number, 8)
            .expect("the control file");
        u64::from_ne_bytes(number)
    }

    /// To how many calls something has happened since it was armed. A call that is held or
    /// delayed counts as soon as it is.
    pub fn faults(&self) -> usize {
        let at = self.journal_at.load(Ordering::Relaxed) as usize;
        let journal = self.journal();
        journal[at..]
            .lines()
            .filter(|line| line.starts_with("fault\t"))
            .count()
    }

    #[track_caller]
    pub fn wait_for_fault(&self) {
        wait_until("something happens to a call", || self.faults() > 0);
    }

    /// Everything that was done to the files, as text: a line a call. See `end_call` in
    /// `faults.c`.
    pub fn journal(&self) -> String {
        let bytes = fs::read(self.state.path().join("journal")).expect("a journal");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The journal, for others who have something to say in it.
    pub fn open_journal(&self) -> File {
        let path = self.state.path().join("journal");
        File::options().append(true).open(path).expect("a journal")
    }
}

/// The library's source.
const SOURCE: &str = include_str!("faults.c");

/// A name for what is built from that source; another source gets another one.
fn fingerprint(source: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    source.hash(&mut hasher);
    hasher.finish()
}

/// The library, built once, or nothing where that is not possible.
fn library() -> Option<&'static Path> {
    static LIBRARY: OnceLock<Option<PathBuf>> = OnceLock::new();
    LIBRARY.get_or_init(build).as_deref()
}

fn build() -> Option<PathBuf> {
    if !cfg!(target_os = "linux") {
        eprintln!("not tested: faults of the disk are made on Linux only");
        return None;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(format!("faults-{:x}.so", fingerprint(SOURCE)));
    if path.exists() {
        return Some(path);
    }
    fs::create_dir_all(folder).expect("a folder for the library");
    // Other tests may be at it at the same time, so it gets its name when it is complete.
    let new = tempfile::tempdir_in(folder).expect("a folder to build in");
    let source = new.path().join("faults.c");
    let library = new.path().join("faults.so");
    fs::write(&source, SOURCE).expect("the source");
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
    let status = Command::new(&compiler)
        .args(["-O1", "-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .status();
    let built = status.is_ok_and(|status| status.success());
    let in_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(
        built || !in_ci,
        "{compiler} is missing; CI must have a C compiler"
    );
    if !built {
        eprintln!("not tested: faults of the disk need a C compiler, and {compiler} is none");
        return None;
    }
    fs::rename(library, &path).expect("the library");
    Some(path)
}
