//! Replay: when the server starts, the commands in the AOF are executed again
//! (`loadAppendOnlyFiles` in Redis's `aof.c`).
//!
//! The AOF is made of commands, so replay is a client whose socket is a file. This
//! room is above the commands because it executes them; what commands need in order
//! to write the AOF is below them. So the rooms do not depend on each other in a circle.
//!
//! An AOF may end in the middle of a command: the server or the machine stopped
//! during the write, and no client got an OK for it. Such an end is cut off. The
//! cause of any other damage is unknown, and to go on might destroy what is left. So
//! the server says where the damage is, and does not start.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use thiserror::Error;
use tracing::{info, warn};

use crate::aof::Folder;
use crate::apply::{self, Applier};
use crate::clients::Handle;
use crate::command::Table;
use crate::rdb::{MAGIC, RdbError};
use crate::recovery::load::{self, Expired};
use crate::resp::Batch;
use crate::state::{Shared, State};

/// How many bytes are read from a file at once.
const CHUNK: usize = 256 * 1024;

/// How often to say how far it is.
const REPORT: Duration = Duration::from_secs(1);

/// Why the AOF cannot be replayed.
#[derive(Debug, Error)]
pub enum ReplayError {
    #[error("cannot read {path}: {error}")]
    Io { path: PathBuf, error: io::Error },
    #[error(
        "{path} {what}. Nothing was changed. Make a copy of the folder, then look at it with: \
         redis-check-aof --fix {manifest}"
    )]
    Damaged {
        path: PathBuf,
        what: String,
        manifest: PathBuf,
    },
    #[error(
        "cannot load {path}: {error}. Nothing was changed. Make a copy of the folder, then look at \
         it with: redis-check-rdb {path}"
    )]
    Rdb { path: PathBuf, error: RdbError },
}

/// Replays the AOF in `folder`, after which the store is as it was. Returns how many commands
/// were executed.
pub fn run(folder: &Folder, table: &'static Table, shared: &Shared) -> Result<u64, ReplayError> {
    let mut applier = Applier::new(table, true, Handle::nobody(0).into());
    let (location, mut parts) = (folder.location(), folder.manifest.files());
    while let Some(part) = parts.next() {
        let mut source = Source::open(location.path(&part.name), location.manifest())?;
        source.replay(&mut applier, shared)?;
        // If a rewrite had just begun the next increment when the machine stopped, that is there
        // and empty, and this one is the last that was written to.
        let is_increment = folder.manifest.increments.contains(part);
        let mut next = parts.clone();
        let is_last = next.all(|next| is_increment && is_empty(&location.path(&next.name)));
        source.end(&applier, is_last)?;
    }
    Ok(applier.commands)
}

fn is_empty(path: &Path) -> bool {
    path.metadata().is_ok_and(|file| file.len() == 0)
}

/// A file of the AOF that is being read.
struct Source {
    path: PathBuf,
    manifest: PathBuf,
    file: File,
    /// Its size, in bytes.
    size: u64,
    /// The buffer for the next read.
    chunk: Vec<u8>,
    /// Bytes that were read and are not executed yet.
    input: BytesMut,
    batch: Batch,
}

impl Source {
    fn open(path: PathBuf, manifest: PathBuf) -> Result<Self, ReplayError> {
        let opened = File::options().read(true).write(true).open(&path);
        let measured = opened.and_then(|file| Ok((file.metadata()?.len(), file)));
        let io_error = |error| ReplayError::Io {
            path: path.clone(),
            error,
        };
        let (size, file) = measured.map_err(io_error)?;
        Ok(Self {
            path,
            manifest,
            file,
            size,
            chunk: vec![0; CHUNK],
            input: BytesMut::new(),
            batch: apply::batch(),
        })
    }

    /// Executes the commands in the file, up to the last one that is complete.
    fn replay(&mut self, applier: &mut Applier, shared: &Shared) -> Result<(), ReplayError> {
        if self.size == 0 && self.path.extension() == Some("rdb".as_ref()) {
            return Err(self.damaged(0, "it is empty, and an RDB file never is"));
        }
        applier.position = self.preamble(shared)?;
        let (started, before) = (Instant::now(), applier.commands);
        let mut reported = started;
        loop {
            self.apply(applier, &mut shared.lock())?;
            if reported.elapsed() > REPORT {
                reported = Instant::now();
                let percent = applier.position * 100 / self.size.max(1);
                let commands = (applier.commands - before) as f64;
                info!(
                    "replaying {}: {percent} %, {:.0} commands per second",
                    self.path.display(),
                    commands / started.elapsed().as_secs_f64()
                );
            }
            if !self.fill()? {
                return Ok(());
            }
        }
    }

    /// Loads the RDB at the beginning of the file, if there is one; returns the offset of its
    /// end. A base may be an RDB as a whole; in a base that Redis 7 has taken over from an older
    /// version, commands follow.
    fn preamble(&mut self, shared: &Shared) -> Result<u64, ReplayError> {
        let mut magic = [0; MAGIC.len()];
        let found = self.file.read_at(&mut magic, 0);
        if found.map_err(|error| self.io(error))? < magic.len() || magic != MAGIC {
            return Ok(0);
        }
        match load::file(&self.file, Expired::Keep, shared) {
            Ok((_, rest)) => {
                self.input.extend_from_slice(&rest);
                let position = self.file.stream_position();
                let position = position.map_err(|error| self.io(error))?;
                Ok(position - rest.len() as u64)
            }
            Err(error) => {
                let path = self.path.clone();
                Err(ReplayError::Rdb { path, error })
            }
        }
    }

    /// Executes what has been read.
    fn apply(&mut self, applier: &mut Applier, state: &mut State) -> Result<(), ReplayError> {
        let before = applier.position;
        let applied = applier.apply(&mut self.batch, &mut self.input, state, |_, _| {});
        state.stats.loaded(applier.position - before);
        applied.map_err(|error| self.unusable(error.to_string()))
    }

    /// Reads more. Returns false at the end of the file.
    fn fill(&mut self) -> Result<bool, ReplayError> {
        let read = self.file.read(&mut self.chunk);
        let count = read.map_err(|error| self.io(error))?;
        self.input.extend_from_slice(&self.chunk[..count]);
        Ok(count > 0)
    }

    /// At the end of a file nothing may be left over, except where the last one
    /// was still being written.
    fn end(&self, applier: &Applier, is_last: bool) -> Result<(), ReplayError> {
        let rest = self.input.first();
        if rest.is_some_and(|byte| !b"*#".contains(byte)) {
            return Err(self.damaged(applier.offset(), "there is no command"));
        }
        // Where the last command or transaction ends that is whole.
        let end = applier.position;
        match rest {
            None if end == applier.offset() => Ok(()),
            _ if is_last => self.cut(end),
            _ => {
                let what = "it ends in the middle of a command, and more files follow";
                Err(self.damaged(end, what))
            }
        }
    }

    /// Cuts the file off at `offset`, in bytes.
    fn cut(&self, offset: u64) -> Result<(), ReplayError> {
        warn!(
            "{} ends in the middle of a command; cut back from {} bytes to {offset}, the end of \
             the last whole one",
            self.path.display(),
            self.size
        );
        let cut = self.file.set_len(offset);
        cut.and_then(|()| self.file.sync_all())
            .map_err(|error| self.io(error))
    }

    fn io(&self, error: io::Error) -> ReplayError {
        let path = self.path.clone();
        ReplayError::Io { path, error }
    }

    fn damaged(&self, offset: u64, what: &str) -> ReplayError {
        self.unusable(format!("is damaged at byte {offset}: {what}"))
    }

    fn unusable(&self, what: String) -> ReplayError {
        ReplayError::Damaged {
            path: self.path.clone(),
            what,
            manifest: self.manifest.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
