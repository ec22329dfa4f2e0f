//! The append-only file: every write, in the order in which it was applied, so
//! that replaying it makes the same data set again (`aof.c` in Redis).
//!
//! **When it is written.** A command's effect is appended to `pending` under the
//! same lock under which it was applied: that makes the order right. Before any
//! reply to it leaves, `pending` is written to the file: that makes an
//! acknowledged write survive the end of the process. With `always`, the reply
//! also waits for fsync: then it survives the end of the machine.
//!
//! **What is written.** Plain RESP, so that the parser we have reads it, and a
//! stock Redis, too. And only what is deterministic: a time to live becomes the
//! moment at which it ends, a key that expired becomes a DEL. That moment is one of the
//! calendar, so if somebody sets the system's clock, what was written before ends by the
//! old one after a restart, as in Redis; in memory nothing changes.
//!
//! **When the disk is full.** What could not be written stays in `pending`, and
//! whoever waits for it gets an error instead of OK. No other write is let in
//! until it is written: so memory never holds more than the AOF and `pending` say.
//!
//! This file owns the open AOF. `aof/folder.rs` owns the files, `aof/manifest.rs`
//! their list, `aof/syncer.rs` fsync. Replay executes commands and so lies above
//! the commands, in `recovery/replay.rs`.

mod folder;
mod manifest;
mod syncer;

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Weak};

use bytes::BytesMut;
use clap::ValueEnum;
use tokio::sync::watch;
use tracing::{error, info};

pub use folder::{BaseFormat, Folder, FolderError, Location, Rewrite};
pub use syncer::Synced;
use syncer::Syncer;

use crate::resp::{Protocol, Reply};
use crate::stats::lines;

/// When the AOF is made safe against a power loss (`appendfsync`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Fsync {
    /// Before the reply.
    Always,
    /// Once a second.
    Everysec,
    /// When the operating system sees fit.
    No,
}

impl Fsync {
    pub fn name(self) -> String {
        let name = self.to_possible_value();
        name.map_or(String::new(), |value| value.get_name().into())
    }
}

/// The AOF, if it is on.
#[derive(Debug, Default)]
pub struct Aof {
    open: Option<Open>,
    /// What was appended and not yet written.
    pending: BytesMut,
    /// How many bytes were appended since the server started.
    appended: u64,
    /// How many of them are in the file.
    written: u64,
    /// Why the AOF cannot be written now, in the system's words.
    error: Option<String>,
    /// A new AOF is to be begun in this folder: the AOF was just turned on, or its files cannot be
    /// trusted, and then the error says why. Until it is begun, nothing is appended.
    wanted: Option<Folder>,
    /// The lock of the folder, as long as anybody has it open.
    lock: Weak<File>,
}

/// An AOF that is open for appending.
#[derive(Debug)]
struct Open {
    folder: Folder,
    /// The last increment.
    file: Arc<File>,
    /// The increment goes on from a base that is not yet written, and nothing names it.
    provisional: bool,
    /// Its size in bytes, up to the end of the last whole write.
    size: u64,
    /// There may be a part of a write behind that.
    torn: bool,
    /// The size of the whole AOF in bytes when it was last written anew.
    base_size: u64,
    syncer: Syncer,
}

/// What a rewrite begins with.
pub enum Begin {
    /// The next increment has to be in the manifest before the AOF goes on in it.
    Increment(Folder),
    /// The base.
    Base(Rewrite),
}

/// How it stands with what was appended up to some position.
pub enum Commit {
    /// The reply may leave.
    Done,
    /// It may leave when the position is safe.
    Wait(watch::Receiver<Synced>),
    /// It must not leave; the error to send instead.
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

    /// Turns the AOF on. A new one begins with the next rewrite. Until the base of that is
    /// written, the old AOF in that folder, if there is one, stays as it is.
    pub fn turn_on(&mut self, location: Location) -> Result<(), FolderError> {
        self.wanted = Some(self.open_folder(location)?);
        self.open = None;
        self.forget_pending();
        Ok(())
    }

    /// Opens a folder. A rewrite that is no longer wanted may still have it open, and locked.
    fn open_folder(&mut self, location: Location) -> Result<Folder, FolderError> {
        let folder = Folder::open(location, self.lock.upgrade().as_ref())?;
        self.lock = Arc::downgrade(&folder.handle);
        Ok(folder)
    }

    /// Does the AOF need a new base? Without that, what is appended means nothing.
    pub fn wants_base(&self) -> bool {
        self.wanted.is_some() || self.open.as_ref().is_some_and(|open| open.provisional)
    }

    /// Is there something in the files that only a new base mends? Until it is there, no write
    /// is accepted.
    pub fn is_broken(&self) -> bool {
        self.error.is_some() && self.wants_base()
    }

    /// Has the AOF grown by so many percent since it was last written anew, and is it
    /// larger than `min_size` bytes? 0 percent are never reached.
    pub fn is_rewrite_due(&self, percentage: u64, min_size: u64) -> bool {
        let Some(open) = &self.open else {
            return false;
        };
        let size = open.folder.size();
        size > min_size && has_grown(open.base_size, size, percentage)
    }

    /// What a rewrite begins with. If the AOF is off, only a base is written, to `location`.
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

    /// Goes on in the next increment, `file`, which the manifest in `folder` names already. The
    /// base to be written ends where the old increment does, and that is made safe.
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

    /// The base is written, and the manifest in `folder` names it.
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

    /// Ends the AOF; what it has so far stays. It ends even if the disk fails:
    /// who turns it off wants to go on without it. Nobody waits for its last fsync.
    pub fn close(&mut self) {
        self.flush();
        if let Some(mut open) = self.open.take() {
            open.syncer.request(&open.file, self.written);
        }
        self.wanted = None;
        self.forget_pending();
    }

    /// Is the AOF on, even if a new one has yet to be begun?
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

    /// Why no write may be executed now.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Is there something that clients can see and a crash would undo? Of what
    /// cannot be written now we have said so.
    pub fn is_behind(&self, policy: Fsync) -> bool {
        match (&self.open, &self.error) {
            (Some(open), None) if policy == Fsync::Always => !open.syncer.is_safe(self.appended),
            (Some(_), None) => self.written < self.appended,
            _ => false,
        }
    }

    /// Makes sure that the AOF is written, and with `always` also made safe, up to
    /// `position`.
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
        match open.write(&self.pending) {
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
                    info!("the log can be written again");
                }
            }
            Err(error) => self.fail(&error),
        }
    }

    fn fail(&mut self, error: &io::Error) {
        let text = system_text(error);
        if self.error.as_ref() != Some(&text) {
            error!("cannot write the log: {text}; writes are refused until it can be written");
        }
        self.error = Some(text);
    }

    /// What is to be done once a second: fsync, and another try if something
    /// failed.
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

    /// The file was taken away while it was open, or an fsync has failed. Nothing is lost as
    /// long as the data set is in memory: a rewrite begins soon.
    fn distrust(&mut self, reason: &io::Error) {
        self.fail(reason);
        self.wanted = self.open.take().map(|open| open.folder);
    }

    /// The lines of INFO about the AOF. No write is ever put off because
    /// of an fsync, so none is delayed.
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

    /// Is what was written still there, and safe where it was to be made safe? After an fsync
    /// that failed nobody can say what is on the disk. A second one may succeed and mean
    /// nothing: the system forgets what it could not write.
    fn check(&self) -> io::Result<()> {
        match self.syncer.error() {
            Some(error) => Err(io::Error::new(error.kind(), error)),
            None if self.provisional => Ok(()),
            None => self.folder.check(&self.file),
        }
    }

    /// Writes all of `bytes` or, as far as the system lets us, nothing: a command
    /// that is cut in half would be in the way of the next one.
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

    /// Removes what is left of a write that failed. If that fails, too, it has to
    /// be done before the next write.
    fn cut_back(&mut self) -> io::Result<()> {
        if self.torn {
            self.file.set_len(self.size)?;
            self.torn = false;
        }
        Ok(())
    }
}

/// This much memory for pending bytes is kept for the next ones.
const KEPT_PENDING: usize = 1024 * 1024;

/// Adds a command to `output`, as a client would send it.
pub fn encode<'a>(words: impl ExactSizeIterator<Item = &'a [u8]>, output: &mut BytesMut) {
    let mut array = Reply::new(output, Protocol::Resp2);
    array.array(words.len());
    words.for_each(|word| array.bulk(word));
}

/// What the system says of an error (`strerror`), without Rust's addition.
pub fn system_text(error: &io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text[..end].to_owned()
}

/// Is `size` so many percent larger than `base`? 0 percent are never reached.
fn has_grown(base: u64, size: u64, percentage: u64) -> bool {
    let growth = (size * 100 / base.max(1)).saturating_sub(100);
    percentage > 0 && growth >= percentage
}

#[cfg(test)]
mod tests;
