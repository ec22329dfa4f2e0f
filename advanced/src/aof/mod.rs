//! The append-only file: every write, in the order in which it was applied, so
//! that replaying it makes the same data set again (`aof.c` in Redis).
//!
//! **When it is written.** A command's effect is appended to `pending` under the
//! same lock under which it was applied: that makes the order right. Before any
//! reply to it leaves, `pending` is written to the file: that makes an
//! acknowledged write survive the end of the process. With `always`, the reply
//! also waits for fsync: then the write survives a power loss.
//!
//! **What is written.** Plain RESP, so that the parser we have reads it, and a
//! stock Redis, too. And only what is deterministic: a time to live becomes the
//! moment at which it ends, a key that expired becomes a DEL. That moment is one of the
//! calendar, so if somebody sets the system's clock, what was written before ends by the
//! old one after a restart, as in Redis; in memory nothing changes.
//!
//! **When the disk is full.** What could not be written stays in `pending`, and
//! clients that wait for it get an error instead of OK. No other write is executed
//! until it is written: so memory never holds more than the AOF and `pending` say.
//!
//! This file owns the open AOF. `aof/folder.rs` owns the files, `aof/manifest.rs` their list;
//! `aof/rewrite.rs` writes a data set as commands, `aof/syncer.rs` calls fsync, and `aof/delays.rs`
//! knows what took long. Replay executes commands and so lies above the commands, in `recovery/replay.rs`.

mod delays;
mod folder;
mod manifest;
mod rewrite;
mod syncer;

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Weak};
use std::time::Instant;

use bytes::BytesMut;
use clap::ValueEnum;
use tokio::sync::watch;
use tracing::{error, info};

pub use folder::{BaseFormat, Folder, FolderError, Location, Rewrite, files};
pub use syncer::Synced;
use syncer::Syncer;

use self::delays::Delays;
use crate::resp::{Protocol, Reply};
use crate::stats::lines;

/// When the AOF is made durable across a power loss (`appendfsync`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Fsync {
    /// Before the reply.
    Always,
    /// Once a second.
    Everysec,
    /// When the operating system sees fit.
    No,
}

/// The AOF, if it is on.
#[derive(Debug, Default)]
pub struct Aof {
    open: Option<Open>,
    /// What was appended and is not written to the file yet.
    pending: BytesMut,
    /// How many bytes were appended since the server started.
    appended: u64,
    /// How many of them are in the file.
    written: u64,
    /// Why the AOF cannot be written now, in the operating system's words.
    error: Option<String>,
    /// The folder in which a new AOF is to begin, because the AOF was just turned on, or because
    /// its files cannot be trusted; then `error` says why. Until it begins, nothing is appended.
    wanted: Option<Folder>,
    /// The handle that locks the folder, as long as anything has it open.
    lock: Weak<File>,
    delays: Delays,
}

/// An AOF that is open for appending.
#[derive(Debug)]
struct Open {
    folder: Folder,
    /// The last increment.
    file: Arc<File>,
    /// The increment continues from a base that is not written yet, and the manifest does not
    /// name it.
    provisional: bool,
    /// The size of the file in bytes, up to the end of the last complete write.
    size: u64,
    /// Part of a write may follow after that, because the write failed.
    torn: bool,
    /// The size of the whole AOF in bytes after its last rewrite.
    base_size: u64,
    syncer: Syncer,
}

/// What a rewrite begins with.
pub enum Begin {
    /// The next increment, which the manifest in this folder must name before the AOF switches to
    /// it.
    Increment(Folder),
    /// The base.
    Base(Rewrite),
}

/// What to do with a reply to a command that was appended up to some position.
pub enum Commit {
    /// The reply may leave.
    Done,
    /// It may leave when an fsync has reached the position.
    Wait(watch::Receiver<Synced>),
    /// It must not leave; this is why.
    Failed(String),
}

impl Aof {
    /// Starts to append to the AOF in `folder`, which must have been replayed.
    pub fn open(&mut self, mut folder: Folder, format: BaseFormat) -> io::Result<()> {
        let file = folder.open_increment(format)?;
        self.lock = Arc::downgrade(&folder.handle);
        self.open = Some(Open::new(folder, file, false)?);
        Ok(())
    }

    /// Turns the AOF on (`CONFIG SET appendonly yes`). The next rewrite begins a new one in
    /// `location`. Until its base is written, an old AOF that is there stays as it is.
    pub fn turn_on(&mut self, location: Location) -> Result<(), FolderError> {
        self.wanted = Some(self.open_folder(location)?);
        self.open = None;
        self.forget_pending();
        Ok(())
    }

    /// Opens a folder. A cancelled rewrite may still have it open, and locked.
    fn open_folder(&mut self, location: Location) -> Result<Folder, FolderError> {
        let folder = Folder::open(location, self.lock.upgrade().as_ref())?;
        self.lock = Arc::downgrade(&folder.handle);
        Ok(folder)
    }

    /// Does the AOF need a new base? Without one, what is appended cannot be replayed.
    pub fn wants_base(&self) -> bool {
        self.wanted.is_some() || self.open.as_ref().is_some_and(|open| open.provisional)
    }

    /// Are the files such that only a new base mends them? No write is accepted before it is
    /// there.
    pub fn is_broken(&self) -> bool {
        self.error.is_some() && self.wants_base()
    }

    /// Has the AOF grown by `percentage` percent since its last rewrite, and is it larger than
    /// `min_size` bytes (`auto-aof-rewrite-percentage` and `-min-size`)? With 0 percent it is
    /// never due.
    pub fn is_rewrite_due(&self, percentage: u64, min_size: u64) -> bool {
        let Some(open) = &self.open else {
            return false;
        };
        let size = open.folder.size();
        size > min_size && has_grown(open.base_size, size, percentage)
    }

    /// Returns what a rewrite begins with, after writing what is pending. If the AOF is off, that
    /// is a base in `location`. Fails if the AOF cannot be written.
    pub fn begin_rewrite(&mut self, location: Location) -> io::Result<Begin> {
        if let Some(open) = self.open.as_ref().filter(|open| !open.provisional) {
            let folder = open.folder.clone();
            if self.error.is_none() {
                self.flush();
            }
            return match &self.error {
                Some(error) => Err(io::Error::other(error.clone())),
                None => Ok(Begin::Increment(folder)),
            };
        }
        let folder = self.open_folder(location).map_err(io::Error::other)?;
        if !self.is_on() {
            return Ok(Begin::Base(Rewrite::new(folder, None)));
        }
        let (file, increment) = folder.provisional_increment()?;
        self.open = Some(Open::new(folder.clone(), file, true)?);
        self.wanted = None;
        // What is pending will be in the base.
        self.pending.clear();
        Ok(Begin::Base(Rewrite::new(folder, Some(increment))))
    }

    /// Continues the AOF in the next increment, `file`, which the manifest in `folder` names
    /// already. Returns the rewrite, whose base must hold everything up to now. An fsync of the
    /// old increment is requested.
    pub fn switch(&mut self, folder: Folder, file: File) -> io::Result<Rewrite> {
        self.flush();
        if self.open.as_ref().is_some_and(|open| open.torn) {
            self.distrust(&io::Error::other("a part of a write cannot be removed"));
        }
        let Some(open) = &mut self.open else {
            return Err(io::Error::other("its last file cannot be trusted"));
        };
        open.syncer.request(&open.file, self.written);
        (open.file, open.size) = (Arc::new(file), 0);
        open.folder = folder.clone();
        let last = folder.manifest.increments.last();
        Ok(Rewrite {
            first: last.map(|part| part.sequence),
            ..Rewrite::new(folder, None)
        })
    }

    /// Ends a rewrite: its base is written, and the manifest in `folder` names it.
    pub fn end_rewrite(&mut self, folder: Folder) {
        let Some(open) = &mut self.open else {
            return;
        };
        open.folder = folder;
        open.provisional = false;
        open.base_size = open.folder.size();
        self.flush();
    }

    fn forget_pending(&mut self) {
        self.pending.clear();
        self.written = self.appended;
        self.error = None;
    }

    /// Turns the AOF off; its files stay. It succeeds even if the disk fails, because whoever
    /// turns it off wants to go on without it. Nothing waits for the last fsync.
    pub fn close(&mut self) {
        self.flush();
        if let Some(mut open) = self.open.take() {
            open.syncer.request(&open.file, self.written);
        }
        self.wanted = None;
        self.forget_pending();
    }

    /// Writes what is pending and waits for an fsync, before the server ends. What cannot be
    /// written now was answered with an error.
    pub fn sync(&mut self) -> io::Result<()> {
        self.flush();
        if self.is_broken() {
            return Err(io::Error::other(self.error.clone().unwrap_or_default()));
        }
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        open.cut_back()?;
        let synced = open.syncer.finish(&open.file, self.written);
        synced.inspect_err(|error| self.distrust(error))
    }

    /// Is the AOF on, even if a new one has yet to begin?
    pub fn is_on(&self) -> bool {
        self.open.is_some() || self.wanted.is_some()
    }

    /// Adds a command to the end of the AOF. It is in memory until the next
    /// [`commit`](Self::commit).
    pub fn append<'a>(&mut self, words: impl ExactSizeIterator<Item = &'a [u8]>) {
        if self.open.is_some() {
            let before = self.pending.len();
            encode(words, &mut self.pending);
            self.appended += (self.pending.len() - before) as u64;
        }
    }

    /// Where the AOF ends, in bytes since the server started.
    pub fn position(&self) -> u64 {
        self.appended
    }

    /// Why writes are refused now (`-MISCONF`), in the operating system's words.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Has something been executed that clients can see and that a crash would undo? Writes that
    /// cannot be written now do not count, because they were answered with an error.
    pub fn is_behind(&self, policy: Fsync) -> bool {
        match (&self.open, &self.error) {
            (Some(open), None) if policy == Fsync::Always => !open.syncer.is_safe(self.appended),
            (Some(_), None) => self.written < self.appended,
            _ => false,
        }
    }

    /// Writes the AOF up to `position`, and requests an fsync if the policy is `always`. Returns
    /// whether a reply to what was appended up to there may leave.
    pub fn commit(&mut self, position: u64, policy: Fsync) -> Commit {
        if self.written < position {
            self.flush();
        }
        let is_broken = self.is_broken();
        match (&self.error, &mut self.open) {
            (Some(error), _) if is_broken || self.written < position => {
                Commit::Failed(error.clone())
            }
            (_, Some(open)) if policy == Fsync::Always => {
                open.syncer.request_now(&open.file, self.written);
                Commit::Wait(open.syncer.synced())
            }
            _ => Commit::Done,
        }
    }

    /// Writes what is pending.
    fn flush(&mut self) {
        let Some(open) = &mut self.open else {
            return;
        };
        if self.pending.is_empty() && self.error.is_none() {
            return;
        }
        let (started, is_during_fsync) = (Instant::now(), !open.syncer.is_idle());
        let written = open.write(&self.pending);
        self.delays.add(is_during_fsync, started.elapsed());
        match written {
            Ok(()) => {
                self.written = self.appended;
                self.pending.clear();
                // One large value is no reason to hold on to its memory.
                if self.pending.capacity() > KEPT_PENDING {
                    self.pending = BytesMut::new();
                }
                // A write that succeeds does not undo an fsync that failed, nor does it make a base.
                let is_safe = !open.provisional && open.syncer.error().is_none();
                if is_safe && self.error.take().is_some() {
                    info!("the AOF can be written again");
                }
            }
            Err(error) => self.fail(&error),
        }
    }

    fn fail(&mut self, error: &io::Error) {
        let text = system_text(error);
        if self.error.as_ref() != Some(&text) {
            error!("cannot write the AOF: {text}; writes are refused until it can be written");
        }
        self.error = Some(text);
    }

    /// What is done once a second: requests an fsync, unless the policy is `no`, and tries again
    /// if something failed.
    pub fn every_second(&mut self, policy: Fsync) {
        let Some(open) = &mut self.open else {
            return;
        };
        if let Err(error) = open.check() {
            return self.distrust(&error);
        }
        if policy != Fsync::No {
            open.syncer.request(&open.file, self.written);
        }
        self.flush();
    }

    /// Gives up the files, because they were taken away or an fsync has failed. As long as the
    /// data set is in memory nothing is lost: a rewrite begins soon.
    fn distrust(&mut self, reason: &io::Error) {
        self.fail(reason);
        self.wanted = self.open.take().map(|open| open.folder);
    }

    /// The lines of INFO about the AOF. `aof_delayed_fsync` is always 0, because no write is
    /// delayed by an fsync.
    pub fn info(&self) -> String {
        let status = match self.error {
            None => "ok",
            Some(_) => "err",
        };
        let mut text = lines(&[("aof_last_write_status", &status)]);
        if let Some(open) = &self.open {
            text += &lines(&[
                ("aof_current_size", &open.folder.size()),
                ("aof_base_size", &open.base_size),
                ("aof_pending_rewrite", &0),
                ("aof_buffer_length", &self.pending.len()),
                ("aof_pending_bio_fsync", &u8::from(!open.syncer.is_idle())),
                ("aof_delayed_fsync", &0),
            ]);
        }
        text
    }
}

impl Open {
    fn new(folder: Folder, file: File, provisional: bool) -> io::Result<Self> {
        Ok(Self {
            base_size: folder.size(),
            folder,
            provisional,
            size: file.metadata()?.len(),
            torn: false,
            file: Arc::new(file),
            syncer: Syncer::start()?,
        })
    }

    /// Fails if what was written may be lost: the files were taken away, or an fsync has failed.
    /// After a failed fsync, nobody knows what is on the disk. A second one may succeed and mean
    /// nothing, because the system forgets what it could not write.
    fn check(&self) -> io::Result<()> {
        match self.syncer.error() {
            Some(error) => Err(io::Error::new(error.kind(), error)),
            None if self.provisional => Ok(()),
            None => self.folder.check(&self.file),
        }
    }

    /// Writes all of `bytes` or, as far as the system permits, nothing: half a command would
    /// damage the one after it.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.cut_back()?;
        let written = (&*self.file).write_all(bytes);
        match written {
            Ok(()) => self.size += bytes.len() as u64,
            Err(_) => {
                self.torn = true;
                self.cut_back()?;
            }
        }
        written
    }

    /// Removes what is left of a write that failed. If that fails, too, it must be done before
    /// the next write.
    fn cut_back(&mut self) -> io::Result<()> {
        if self.torn {
            self.file.set_len(self.size)?;
            self.torn = false;
        }
        Ok(())
    }
}

/// The buffer of pending bytes is kept for the next ones up to this capacity, in bytes.
const KEPT_PENDING: usize = 1024 * 1024;

/// Appends a command to `output` in RESP, as a client would send it.
pub fn encode<'a>(words: impl ExactSizeIterator<Item = &'a [u8]>, output: &mut BytesMut) {
    let mut array = Reply::new(output, Protocol::Resp2);
    array.array(words.len());
    words.for_each(|word| array.bulk(word));
}

/// The operating system's text for an error (`strerror`), without what Rust adds.
pub fn system_text(error: &io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text[..end].to_owned()
}

/// Is `size` larger than `base` by so many percent? With 0 percent the answer is no.
fn has_grown(base: u64, size: u64, percentage: u64) -> bool {
    let growth = (size * 100 / base.max(1)).saturating_sub(100);
    percentage > 0 && growth >= percentage
}

#[cfg(test)]
mod tests;
