//! What is left of the files of a server when it ends, or when the whole machine does, at any
//! moment of the journal.
//!
//! When a machine ends, a file keeps what it had at its last fsync. What was written later
//! reaches the disk in the order in which it was written, and so some of it may be there. A name in a folder, whether new, moved or deleted, is as it was at
//! the last fsync of that folder, or later. If an fsync failed, what it was for is lost, whatever
//! later ones say: the system forgets what it could not write.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use tempfile::TempDir;

use super::Disk;
use crate::harness::is_other_server;

/// The journal of a server that has ended.
pub struct Journal<'a> {
    disk: &'a Disk,
    text: String,
}

#[derive(Clone, Default)]
struct Inode {
    written: u64,
    safe: u64,
    /// An fsync has failed.
    is_bad: bool,
}

/// Something that became of a name.
#[derive(Clone)]
enum Change {
    File(PathBuf, u64),
    Moved(PathBuf, PathBuf, u64),
    Deleted(PathBuf),
    Folder(PathBuf),
}

impl Change {
    /// The folder that has to be made safe for it.
    fn folder(&self) -> &Path {
        let (Self::File(path, _)
        | Self::Moved(_, path, _)
        | Self::Deleted(path)
        | Self::Folder(path)) = self;
        path.parent().unwrap_or(path)
    }
}

/// What the machine knows at a moment.
#[derive(Clone, Default)]
struct Machine {
    inodes: HashMap<u64, Inode>,
    names: BTreeMap<PathBuf, u64>,
    folders: BTreeSet<PathBuf>,
    /// Each with its place in the journal.
    changes: Vec<(usize, Change)>,
    /// How far the names in a folder are safe, as a place in the journal.
    safe_names: HashMap<PathBuf, usize>,
    /// What each client had been told was done, and how long the logs were then.
    told: Vec<Told>,
}

/// A place in the journal; what a client had been told was done there; the logs and how long
/// they were.
type Told = (usize, u64, Vec<(u64, u64)>);

impl<'a> Journal<'a> {
    pub fn of(disk: &'a Disk) -> Self {
        let text = disk.journal();
        Self { disk, text }
    }

    /// The moments at which it can be told what is in the files: the ends of lines. Before a
    /// file was shortened it held what is no longer known.
    pub fn moments(&self) -> Vec<usize> {
        let mut sizes = HashMap::new();
        let (mut at, mut moments) = (0, vec![0]);
        for line in self.text.split_inclusive('\n') {
            at += line.len();
            let words: Vec<&str> = line.trim_end_matches('\n').split('\t').collect();
            if let ["open" | "write" | "truncate", inode, size, ..] = words[..] {
                let size: u64 = size.parse().expect("a size");
                if sizes
                    .insert(inode, size)
                    .is_some_and(|before| before > size)
                {
                    moments.clear();
                }
            }
            moments.push(at);
        }
        moments
    }

    /// The files as the system has them at `moment`: what a server finds that starts again.
    pub fn after_crash(&self, moment: usize) -> TempDir {
        let machine = self.machine(moment);
        let all = |_: usize, all: usize| all;
        self.build(&machine, all, |_, inode| inode.written)
    }

    /// The files as the disk may have them at `moment`: what a machine finds that starts again.
    pub fn after_power_cut(&self, moment: usize, rng: &mut Rng) -> TempDir {
        let machine = self.machine(moment);
        let moments = self.moments();
        let before: Vec<usize> = moments.into_iter().filter(|it| *it <= moment).collect();
        let reached = self.machine(rng.choice(before).unwrap_or(moment)).inodes;
        let kept = |safe: usize, all: usize| rng.usize(safe..=all);
        self.build(&machine, kept, |number, inode| {
            let reached = reached.get(&number).map_or(0, |inode| inode.written);
            reached.clamp(inode.safe, inode.written)
        })
    }

    /// How many writes `client` had been told were done.
    pub fn told(&self, moment: usize, client: usize) -> u64 {
        let told = self.machine(moment).told;
        let numbers = told.iter().filter(|it| it.0 == client).map(|it| it.1);
        numbers.max().unwrap_or(0)
    }

    /// How many of them the disk had been told to keep, and had.
    pub fn told_and_safe(&self, moment: usize, client: usize) -> u64 {
        let machine = self.machine(moment);
        let is_safe = |(inode, length): &(u64, u64)| {
            let is_named = machine.names.values().any(|named| named == inode);
            !is_named || machine.inodes[inode].safe >= *length
        };
        let told = machine.told.iter().filter(|it| it.0 == client);
        let safe = told.filter(|it| it.2.iter().all(is_safe));
        safe.map(|it| it.1).max().unwrap_or(0)
    }

    fn machine(&self, moment: usize) -> Machine {
        let mut machine = Machine::default();
        machine.folders.insert(self.disk.data.clone());
        for (path, inode) in &self.disk.first {
            machine.folders.extend(path.parent().map(Path::to_owned));
            machine.names.insert(path.clone(), *inode);
            let length = fs::metadata(self.kept(*inode)).map_or(0, |file| file.len());
            let (written, safe) = (length, length);
            machine.inodes.insert(
                *inode,
                Inode {
                    written,
                    safe,
                    is_bad: false,
                },
            );
        }
        let mut at = 0;
        for line in self.text[..moment].split_inclusive('\n') {
            machine.play(at, line.trim_end_matches('\n'));
            at += line.len();
        }
        machine
    }

    fn kept(&self, inode: u64) -> PathBuf {
        self.disk.state.path().join("kept").join(inode.to_string())
    }

    /// `keep` says how many of the changes in a folder are there, if so many are safe, of how
    /// many; and `length` how much of a file.
    fn build(
        &self,
        machine: &Machine,
        mut keep: impl FnMut(usize, usize) -> usize,
        mut length: impl FnMut(u64, &Inode) -> u64,
    ) -> TempDir {
        let image = tempfile::tempdir().expect("a folder for the image");
        let mut names = self.disk.first.clone();
        let mut folders = machine.folders.clone();
        let mut left = HashMap::new();
        for (_, change) in &machine.changes {
            let folder = change.folder();
            let changes = left.entry(folder).or_insert_with(|| {
                let changes = machine.changes.iter().filter(|it| it.1.folder() == folder);
                let safe_at = machine.safe_names.get(folder).copied().unwrap_or(0);
                let (safe, all) = changes.fold((0, 0), |(safe, all), (at, _)| {
                    (safe + usize::from(*at < safe_at), all + 1)
                });
                keep(safe, all)
            });
            let is_there = *changes > 0;
            *changes = changes.saturating_sub(1);
            match change {
                Change::Folder(path) if !is_there => {
                    folders.remove(path);
                }
                _ if !is_there => {}
                Change::Folder(_) => {}
                Change::File(path, inode) => {
                    names.insert(path.clone(), *inode);
                }
                Change::Moved(from, to, inode) => {
                    names.remove(from);
                    names.insert(to.clone(), *inode);
                }
                Change::Deleted(path) => {
                    names.remove(path);
                }
            }
        }
        let place = |path: &Path| {
            let below = path.strip_prefix(&self.disk.data).expect("a path below");
            image.path().join(below)
        };
        for folder in &folders {
            fs::create_dir_all(place(folder)).expect("a folder");
        }
        for (path, inode) in names {
            if path.parent().is_some_and(|folder| folders.contains(folder)) {
                let length = length(inode, &machine.inodes[&inode]) as usize;
                let bytes = fs::read(self.kept(inode)).expect("what is kept");
                fs::write(place(&path), &bytes[..length.min(bytes.len())]).expect("a file");
            }
        }
        image
    }
}

impl Machine {
    /// A line of the journal, which begins at `at`.
    fn play(&mut self, at: usize, line: &str) {
        let words: Vec<&str> = line.split('\t').collect();
        let number = |word: &str| word.parse::<u64>().expect("a number");
        match words[..] {
            ["told", client, count] => {
                let logs = self.names.iter();
                let logs = logs.filter(|(path, _)| path.to_string_lossy().contains(".incr"));
                let lengths = logs.map(|(_, inode)| (*inode, self.inodes[inode].written));
                let told = (number(client) as usize, number(count), lengths.collect());
                self.told.push(told);
            }
            [name, inode, size, result, began, _, path, to] => {
                let is_done = !result.starts_with('-');
                let path = PathBuf::from(path);
                let call = (name, number(inode), number(size), number(began) as usize);
                self.call(at, call, is_done, path, to);
            }
            _ => {}
        }
    }

    fn call(
        &mut self,
        at: usize,
        (name, inode, size, began): (&str, u64, u64, usize),
        is_done: bool,
        path: PathBuf,
        to: &str,
    ) {
        if self.folders.contains(&path) {
            if name == "sync" && is_done {
                self.safe_names.insert(path, began);
            }
            return;
        }
        let change = match name {
            "open" if is_done => {
                let file = self.inodes.entry(inode).or_default();
                file.written = size;
                file.safe = file.safe.min(size);
                let is_new = self.names.insert(path.clone(), inode) != Some(inode);
                is_new.then_some(Change::File(path, inode))
            }
            "write" | "truncate" => {
                let file = self.inodes.entry(inode).or_default();
                file.written = size;
                file.safe = file.safe.min(size);
                None
            }
            "sync" => {
                let file = self.inodes.entry(inode).or_default();
                file.is_bad |= !is_done;
                if !file.is_bad {
                    file.safe = file.safe.max(size);
                }
                None
            }
            "rename" if is_done => {
                let to = PathBuf::from(to);
                self.names.remove(&path);
                self.names.insert(to.clone(), inode);
                Some(Change::Moved(path, to, inode))
            }
            "unlink" if is_done => {
                self.names.remove(&path);
                Some(Change::Deleted(path))
            }
            "mkdir" if is_done => {
                self.folders.insert(path.clone());
                // Redis does not make its folder safe; file systems do so of themselves.
                (!is_other_server()).then_some(Change::Folder(path))
            }
            _ => None,
        };
        self.changes.extend(change.map(|change| (at, change)));
    }
}
