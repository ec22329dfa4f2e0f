//! Replay: what the log says is executed again when the server starts
//! (`loadAppendOnlyFiles` in Redis's `aof.c`).
//!
//! The log is made of commands, so replay is a client whose socket is a file. It
//! lies above the commands because it executes them; what commands need to write
//! the log lies below them. That is how the circle is kept open.
//!
//! A log may end in the middle of a command: the machine stopped while it was
//! being written, and nobody was told OK for it. Such an end is cut off. Any
//! other damage means that something happened that we do not understand, and
//! whatever we did next might destroy what is left. So the server says where it is and does
//! not start.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use thiserror::Error;
use tracing::{info, warn};

use crate::aof::{Folder, encode};
use crate::client::Client;
use crate::clients::Handle;
use crate::command::{self, CommandError, Context, Table};
use crate::load::{self, Expired};
use crate::rdb::{MAGIC, RdbError};
use crate::resp::{Args, Batch, MAX_COMMAND, Protocol, Reply};
use crate::state::{Shared, State};

/// How much is read from a file at once, in bytes.
const CHUNK: usize = 256 * 1024;

/// How often to say how far it is.
const REPORT: Duration = Duration::from_secs(1);

/// Why the log could not be replayed.
#[derive(Debug, Error)]
pub enum ReplayError {
    #[error("cannot read {}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error(
        "{} is damaged at byte {offset}: {what}. Nothing was changed. Make a copy of the \
         folder, then look at it with: redis-check-aof --fix {}",
        path.display(), manifest.display()
    )]
    Damaged {
        path: PathBuf,
        offset: u64,
        what: String,
        manifest: PathBuf,
    },
    #[error(
        "{} holds a command at byte {offset} that cannot be executed here: {error}. Nothing was \
         changed. If the file is damaged, make a copy of the folder, then look at it with: \
         redis-check-aof --fix {}",
        path.display(), manifest.display()
    )]
    Refused {
        path: PathBuf,
        offset: u64,
        error: String,
        manifest: PathBuf,
    },
    #[error(
        "cannot load {}: {error}. Nothing was changed. Make a copy of the folder, then look at it \
         with: redis-check-rdb {}",
        path.display(), path.display()
    )]
    Rdb { path: PathBuf, error: RdbError },
}

/// What a replay found.
#[derive(Debug, Default)]
pub struct Replayed {
    pub commands: u64,
    pub time: Duration,
}

/// Replays the log in `folder`, so that the store is as it was.
pub fn run(
    folder: &Folder,
    table: &'static Table,
    shared: &Shared,
) -> Result<Replayed, ReplayError> {
    let started = Instant::now();
    let mut replay = Replay {
        table,
        shared,
        client: Client::new(Handle::nobody(0).into()),
        output: BytesMut::new(),
        transaction: None,
        commands: 0,
    };
    let mut parts = folder.manifest.files().peekable();
    while let Some(part) = parts.next() {
        let path = folder.location().path(&part.name);
        let source = Source::open(path, folder.location().manifest())?;
        replay.file(source, parts.peek().is_none())?;
    }
    Ok(Replayed {
        commands: replay.commands,
        time: started.elapsed(),
    })
}

/// A file of the log that is being read.
struct Source {
    path: PathBuf,
    manifest: PathBuf,
    file: File,
    /// Its size, in bytes.
    size: u64,
    /// How many bytes have been read from it.
    read: u64,
    input: BytesMut,
    batch: Batch,
}

impl Source {
    fn open(path: PathBuf, manifest: PathBuf) -> Result<Self, ReplayError> {
        let opened = File::options().read(true).write(true).open(&path);
        let measured = opened.and_then(|file| Ok((file.metadata()?.len(), file)));
        let mut batch = Batch::default();
        // What is in the log was accepted once, whatever the limit is now.
        batch.parser.max_bulk = MAX_COMMAND;
        match measured {
            Ok((size, file)) => Ok(Self {
                path,
                manifest,
                file,
                size,
                read: 0,
                input: BytesMut::new(),
                batch,
            }),
            Err(error) => Err(ReplayError::Io { path, error }),
        }
    }

    /// Loads the RDB that the file begins with, if it does. A base is one as a whole; in the
    /// single file of an older Redis, commands follow it.
    fn preamble(&mut self, shared: &Shared) -> Result<(), ReplayError> {
        let mut magic = [0; MAGIC.len()];
        let found = self.file.read_at(&mut magic, 0);
        if found.map_err(|error| self.io(error))? < magic.len() || magic != MAGIC {
            return Ok(());
        }
        match load::file(&self.path, &self.file, Expired::Keep, shared) {
            Ok((_, rest)) => {
                let position = self.file.stream_position();
                self.read = position.map_err(|error| self.io(error))?;
                self.input.extend_from_slice(&rest);
                Ok(())
            }
            Err(error) => {
                let path = self.path.clone();
                Err(ReplayError::Rdb { path, error })
            }
        }
    }

    /// Reads more; false at the end of the file.
    fn fill(&mut self) -> Result<bool, ReplayError> {
        let start = self.input.len();
        let missing = self.batch.missing(&self.input);
        let count = missing.clamp(CHUNK, start.max(CHUNK));
        self.input.resize(start + count, 0);
        let result = self.file.read(&mut self.input[start..]);
        let count = *result.as_ref().unwrap_or(&0);
        self.input.truncate(start + count);
        self.read += count as u64;
        match result {
            Ok(count) => Ok(count > 0),
            Err(error) => Err(self.io(error)),
        }
    }

    /// Where in the file the next command begins.
    fn offset(&self) -> u64 {
        self.read - self.input.len() as u64 + self.batch.position() as u64
    }

    /// Is the batch, all of which has been taken, what a log has in it? From a client the
    /// parser takes more, as Redis's does: empty lines, and any two bytes behind a word.
    /// In a log each of these says that a length is wrong, and that what was read may
    /// be, too.
    fn check(&self) -> Result<(), ReplayError> {
        let mut rest = &self.input[..self.batch.position()];
        let damaged = |rest: &[u8]| {
            let offset = self.offset() - rest.len() as u64;
            self.damaged(offset, "there is no command, or its lengths are wrong")
        };
        for args in self.batch.iter(&self.input) {
            rest = skip(rest, args).ok_or_else(|| damaged(rest))?;
        }
        match rest {
            [] => Ok(()),
            _ => Err(damaged(rest)),
        }
    }

    /// Cuts the file off at `offset`.
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
        ReplayError::Damaged {
            path: self.path.clone(),
            offset,
            what: what.to_owned(),
            manifest: self.manifest.clone(),
        }
    }

    fn refused(&self, offset: u64, error: &CommandError) -> ReplayError {
        ReplayError::Refused {
            path: self.path.clone(),
            offset,
            error: String::from_utf8_lossy(error.text()).into_owned(),
            manifest: self.manifest.clone(),
        }
    }
}

/// What stands in `bytes` behind a command with these arguments, if they begin with one
/// to the letter.
fn skip<'a>(bytes: &'a [u8], args: Args<'_>) -> Option<&'a [u8]> {
    if args.is_inline() {
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        return bytes.get(end + 1..);
    }
    let mut rest = skip_header(bytes, b"*", args.len())?;
    for word in args.iter() {
        let behind = skip_header(rest, b"$", word.len())?;
        rest = behind.get(word.len()..)?.strip_prefix(b"\r\n")?;
    }
    Some(rest)
}

fn skip_header<'a>(bytes: &'a [u8], kind: &[u8], count: usize) -> Option<&'a [u8]> {
    let digits = &mut itoa::Buffer::new();
    let rest = bytes.strip_prefix(kind)?;
    let rest = rest.strip_prefix(digits.format(count).as_bytes())?;
    rest.strip_prefix(b"\r\n")
}

/// The commands between MULTI and EXEC, which are executed together or not at
/// all, and where in the file MULTI stands. Our own log has none, Redis's may.
struct Transaction {
    start: u64,
    commands: Vec<u8>,
}

/// Who executes the commands: a client without a socket.
struct Replay<'a> {
    table: &'static Table,
    shared: &'a Shared,
    client: Client,
    output: BytesMut,
    transaction: Option<Transaction>,
    commands: u64,
}

impl Replay<'_> {
    fn file(&mut self, mut source: Source, is_last: bool) -> Result<(), ReplayError> {
        if source.size == 0 && source.path.extension() == Some("rdb".as_ref()) {
            return Err(source.damaged(0, "it is empty, and an RDB file never is"));
        }
        source.preamble(self.shared)?;
        // What the preamble has read ahead comes first.
        self.commands(&mut source)?;
        let mut progress = Progress::new(self.commands);
        let mut before = source.read;
        while source.fill()? {
            self.commands(&mut source)?;
            self.shared.lock().stats.loaded(source.read - before);
            before = source.read;
            progress.report(&source, self.commands);
        }
        self.end(&source, is_last)
    }

    /// Executes the commands that have been read whole.
    fn commands(&mut self, source: &mut Source) -> Result<(), ReplayError> {
        let shared = self.shared;
        let state = &mut *shared.lock();
        loop {
            let offset = source.offset();
            if let Some(args) = source.batch.take(&source.input) {
                match self.command(state, offset, args) {
                    Ok(()) => continue,
                    Err(Refusal::Format(what)) => return Err(source.damaged(offset, what)),
                    Err(Refusal::Command(error)) => return Err(source.refused(offset, &error)),
                }
            }
            source.check()?;
            match source.batch.fill(&mut source.input) {
                Ok(0) => return Ok(()),
                Ok(_) => {
                    let batch = source.batch.iter(&source.input);
                    state.store.warm(batch.filter_map(|args| args.get(1)));
                }
                Err(error) => return Err(source.damaged(source.offset(), &error.to_string())),
            }
        }
    }

    /// One command of the file, or what else stands in its place.
    fn command(&mut self, state: &mut State, offset: u64, args: Args<'_>) -> Result<(), Refusal> {
        let is = |word: &str| args[0].eq_ignore_ascii_case(word.as_bytes());
        if args.is_inline() {
            // `#TS:1700000000` says when the next command was executed.
            return match args[0].starts_with(b"#") {
                true => Ok(()),
                false => Err(Refusal::Format("there is no command")),
            };
        }
        if is("EXEC") {
            let transaction = self.transaction.take();
            let transaction = transaction.ok_or(Refusal::Format("EXEC without MULTI"))?;
            return self.execute_all(state, transaction.commands);
        }
        if let Some(transaction) = &mut self.transaction {
            encode(args.iter(), &mut transaction.commands);
            return Ok(());
        }
        if is("MULTI") {
            self.transaction = Some(Transaction {
                start: offset,
                commands: Vec::new(),
            });
            return Ok(());
        }
        self.execute(state, args)
    }

    fn execute_all(&mut self, state: &mut State, commands: Vec<u8>) -> Result<(), Refusal> {
        let mut input = BytesMut::from(&commands[..]);
        let mut batch = Batch::default();
        while matches!(batch.fill(&mut input), Ok(1..)) {
            while let Some(args) = batch.take(&input) {
                self.execute(state, args)?;
            }
        }
        Ok(())
    }

    fn execute(&mut self, state: &mut State, args: Args<'_>) -> Result<(), Refusal> {
        self.output.clear();
        self.commands += 1;
        let reply = Reply::new(&mut self.output, Protocol::Resp2);
        let ctx = &mut Context::new(self.table, &mut self.client, reply, state);
        command::obey(ctx, args).map_err(Refusal::Command)?;
        Ok(())
    }

    /// At the end of a file nothing may be left over, except where the last one
    /// was still being written.
    fn end(&mut self, source: &Source, is_last: bool) -> Result<(), ReplayError> {
        let rest = source.input.first();
        let offset = match &self.transaction {
            Some(transaction) => transaction.start,
            None => source.offset(),
        };
        if rest.is_none() && self.transaction.is_none() {
            return Ok(());
        }
        if rest.is_some_and(|byte| !b"*#".contains(byte)) {
            return Err(source.damaged(source.offset(), "there is no command"));
        }
        if !is_last {
            let what = "it ends in the middle of a command, and more files follow";
            return Err(source.damaged(offset, what));
        }
        source.cut(offset)
    }
}

/// Why a command of the log was not executed.
enum Refusal {
    Format(&'static str),
    Command(CommandError),
}

/// Says now and then how far the replay is.
struct Progress {
    started: Instant,
    reported: Instant,
    /// How many commands came from the files before this one.
    before: u64,
}

impl Progress {
    fn new(before: u64) -> Self {
        let started = Instant::now();
        Self {
            started,
            reported: started,
            before,
        }
    }

    fn report(&mut self, source: &Source, commands: u64) {
        if self.reported.elapsed() < REPORT {
            return;
        }
        self.reported = Instant::now();
        let percent = source.offset() * 100 / source.size.max(1);
        let rate = (commands - self.before) as f64 / self.started.elapsed().as_secs_f64();
        info!(
            "replaying {}: {percent} %, {rate:.0} commands per second",
            source.path.display()
        );
    }
}

#[cfg(test)]
mod tests;
