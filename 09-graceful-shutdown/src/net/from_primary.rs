//! The link to the primary: gets its data set, and then executes its feed
//! (`syncWithMaster` and `readSyncBulkPayload` in Redis's `replication.c`).
//!
//! Like replay it is a client of a special kind: what it executes was accepted once, by
//! the primary, and here it must not be refused. It lies above the commands for the same
//! reason.

use std::fs::File;
use std::io::{self, Seek};
use std::pin::pin;
use std::process;
use std::thread;
use std::time::Duration;

use bytes::{Buf, BytesMut};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, interval, sleep, timeout};
use tracing::{error, info, warn};

use crate::apply::{self, Applier, ApplyError};
use crate::command::Table;
use crate::lifecycle::Phase;
use crate::rdb::{Decoder, RdbError};
use crate::recovery::load::{self, Expired};
use crate::replication::{Address, Link};
use crate::resp::Batch;
use crate::state::{Shared, State};
use crate::stats::Loading;

/// How long to wait before the next try. If it is we who cannot take what the primary has, each
/// try costs it a file, and the pause doubles.
const PAUSE: Duration = Duration::from_secs(1);
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// How often to look whether the primary has been silent for too long.
const LOOK: Duration = Duration::from_secs(1);

/// How often to try to begin a new log after a full synchronization.
const TRIES: u32 = 10;

/// How often to tell the primary how far we are.
const ACKNOWLEDGE: Duration = Duration::from_secs(1);

/// How much is read at once, in bytes.
const CHUNK: usize = 64 * 1024;

/// A line of the primary's is not longer than this, in bytes.
const MAX_LINE: usize = 1024;

/// Why the link has ended.
#[derive(Debug, Error)]
enum LinkError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("nothing came for too long")]
    Timeout,
    #[error("its data cannot be written to a file: {0}")]
    File(io::Error),
    #[error("it answered {0:?}")]
    Answer(String),
    #[error("its data cannot be loaded: {0}")]
    Rdb(#[from] RdbError),
    #[error("what it sent {0}")]
    Apply(#[from] ApplyError),
    #[error("the data could not be loaded")]
    Panicked,
    #[error("another server is wanted, or none")]
    Unwanted,
}

impl LinkError {
    /// Is it we who cannot go on, and not the primary or the network?
    fn is_ours(&self) -> bool {
        use LinkError::{Apply, File, Panicked, Rdb};
        let is_refused = matches!(self, Apply(ApplyError::Refused { .. }));
        is_refused || matches!(self, File(_) | Rdb(_) | Panicked)
    }
}

type Result<T> = std::result::Result<T, LinkError>;

/// Tells whether we still follow whom we followed. It changes under the lock, so who
/// asks with the lock held knows; a task may be told a moment too late.
type Wanted = watch::Receiver<Option<Address>>;

fn check_wanted(wanted: &Wanted) -> Result<()> {
    match wanted.has_changed() {
        Ok(false) => Ok(()),
        _ => Err(LinkError::Unwanted),
    }
}

/// Follows whichever primary is wanted, for as long as the server runs.
pub async fn run(shared: Shared, table: &'static Table) {
    let mut wanted = shared.lock().replication.wanted();
    loop {
        let address = wanted.borrow_and_update().clone();
        let Some(address) = address else {
            // It ends with the server.
            if wanted.changed().await.is_err() {
                return;
            }
            continue;
        };
        let still = wanted.clone();
        tokio::select! {
            biased;
            _ = wanted.changed() => {}
            () = follow(&address, &still, &shared, table) => {}
        }
    }
}

/// Follows one primary, and tries again when the link breaks.
async fn follow(address: &Address, wanted: &Wanted, shared: &Shared, table: &'static Table) {
    let mut pause = PAUSE;
    loop {
        shared.lock().replication.set_link(Link::Connecting);
        let Err(error) = connect(address, wanted, shared, table).await;
        let Address { host, port } = address;
        warn!("the link to the primary {host}:{port} has ended: {error}");
        shared.lock().replication.set_link(Link::Connect);
        sleep(pause).await;
        pause = match error.is_ours() {
            true => MAX_PAUSE.min(pause * 2),
            false => PAUSE,
        };
    }
}

/// One connection, from its beginning to its end, which is an error in any case.
async fn connect(
    address: &Address,
    wanted: &Wanted,
    shared: &Shared,
    table: &'static Table,
) -> Result<std::convert::Infallible> {
    let heard = Instant::now();
    let target = (address.host.as_str(), address.port);
    let socket = patiently(heard, shared, TcpStream::connect(target)).await??;
    socket.set_nodelay(true)?;
    let mut link = Connection {
        socket,
        input: BytesMut::new(),
        heard,
        wanted,
        shared,
    };
    let (id, offset) = link.greet().await?;
    shared.lock().replication.set_link(Link::Sync);
    let file = link.receive().await?;
    link.load(file).await?;
    {
        let replication = &mut shared.lock().replication;
        check_wanted(wanted)?;
        replication.adopt(&id, offset);
        replication.set_link(Link::Connected);
    }
    info!("the data of the primary is here, at offset {offset}; its feed follows");
    link.listen(table).await
}

/// A connection to a primary.
struct Connection<'a> {
    socket: TcpStream,
    input: BytesMut,
    /// When the last byte came. Waiting may be given up for a while, to say something
    /// ourselves; the time goes on.
    heard: Instant,
    wanted: &'a Wanted,
    shared: &'a Shared,
}

impl Connection<'_> {
    /// Says who we are and asks for everything; the name of the feed, and the offset at
    /// which the data is.
    async fn greet(&mut self) -> Result<(String, i64)> {
        let port = self.shared.lock().config.port;
        self.ask("PING\r\n").await?;
        self.tell(&format!("REPLCONF listening-port {port}\r\n"))
            .await?;
        // The file is to come with its length, so `eof` is not among what we can.
        self.tell("REPLCONF capa psync2\r\n").await?;
        let answer = self.ask("PSYNC ? -1\r\n").await?;
        let words: Vec<&str> = answer.split(' ').collect();
        match (words.as_slice(), words.get(2).map(|offset| offset.parse())) {
            (["+FULLRESYNC", id, _], Some(Ok(offset))) => Ok(((*id).to_owned(), offset)),
            _ => Err(LinkError::Answer(answer)),
        }
    }

    /// Says something of us. A primary that does not understand it does without.
    async fn tell(&mut self, command: &str) -> Result<()> {
        match self.ask(command).await {
            Err(LinkError::Answer(answer)) => {
                info!("the primary does not understand a REPLCONF: {answer}");
                Ok(())
            }
            answer => answer.map(drop),
        }
    }

    /// Sends a command and waits for a line that is no error.
    async fn ask(&mut self, command: &str) -> Result<String> {
        self.socket.write_all(command.as_bytes()).await?;
        let line = self.line().await?;
        match line.starts_with('-') {
            true => Err(LinkError::Answer(line)),
            false => Ok(line),
        }
    }

    /// The next line. Empty ones are signs of life.
    async fn line(&mut self) -> Result<String> {
        loop {
            if let Some(end) = self.input.iter().position(|byte| *byte == b'\n') {
                let line = self.input.split_to(end + 1);
                let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                if !line.is_empty() {
                    return Ok(line);
                }
            } else if self.input.len() > MAX_LINE {
                let start = String::from_utf8_lossy(&self.input[..MAX_LINE]).into_owned();
                return Err(LinkError::Answer(start));
            } else {
                self.read().await?;
            }
        }
    }

    async fn read(&mut self) -> Result<()> {
        give_back(&mut self.input);
        self.input.reserve(CHUNK);
        let read = self.socket.read_buf(&mut self.input);
        match patiently(self.heard, self.shared, read).await?? {
            0 => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            _ => {
                self.heard = Instant::now();
                self.shared.lock().replication.hear();
                Ok(())
            }
        }
    }

    /// The RDB file.
    async fn receive(&mut self) -> Result<File> {
        let line = self.line().await?;
        let size = line.strip_prefix('$').and_then(|size| size.parse().ok());
        let mut missing: u64 = size.ok_or(LinkError::Answer(line))?;
        let folder = self.shared.lock().config.dir.clone();
        // The disk may be slow, and this is a thread that others need.
        let file = tempfile::tempfile_in(folder).map_err(LinkError::File)?;
        let mut file = tokio::fs::File::from_std(file);
        while missing > 0 {
            if self.input.is_empty() {
                self.read().await?;
            }
            let count = self
                .input
                .len()
                .min(usize::try_from(missing).unwrap_or(usize::MAX));
            let written = file.write_all(&self.input[..count]).await;
            written.map_err(LinkError::File)?;
            self.input.advance(count);
            missing -= count as u64;
        }
        file.flush().await.map_err(LinkError::File)?;
        file.rewind().await.map_err(LinkError::File)?;
        Ok(file.into_std().await)
    }

    /// Loads the file. Meanwhile the primary gets a sign of life, or it would take us for dead.
    async fn load(&mut self, file: File) -> Result<()> {
        let mut loaded = pin!(load(file, self.wanted, self.shared));
        let mut signs = interval(ACKNOWLEDGE);
        loop {
            tokio::select! {
                loaded = &mut loaded => return loaded,
                // If it is gone, that shows when the data is here.
                _ = signs.tick() => drop(self.socket.write_all(b"\n").await),
            }
        }
    }

    /// Executes the feed, and says how far we are.
    async fn listen(&mut self, table: &'static Table) -> Result<std::convert::Infallible> {
        let (mut applier, mut batch) = (Applier::new(table, false), apply::batch());
        let mut ticks = interval(ACKNOWLEDGE);
        let mut status = self.shared.lock().lifecycle.status();
        // Loading took its time, and the primary had no part in it.
        self.heard = Instant::now();
        loop {
            self.execute(&mut applier, &mut batch)?;
            if std::mem::take(&mut applier.is_asked) {
                self.acknowledge().await?;
            }
            let is_held = status.borrow_and_update().phase == Phase::Draining;
            tokio::select! {
                _ = ticks.tick() => self.acknowledge().await?,
                // We did not listen, and the primary had no part in that either.
                _ = status.changed() => self.heard = Instant::now(),
                read = self.read(), if !is_held => read?,
            }
        }
    }

    /// Executes what has arrived whole, and passes it on.
    fn execute(&mut self, applier: &mut Applier, batch: &mut Batch) -> Result<()> {
        let state = &mut *self.shared.lock();
        check_wanted(self.wanted)?;
        if state.lifecycle.phase() == Phase::Draining {
            // Our replicas are to catch up, and would not with an end that moves.
            return Ok(());
        }
        let limit = state.config.client_output_buffer_limit.replica;
        let pass_on = |state: &mut State, bytes: &[u8]| state.replication.pass_on(bytes, limit);
        let applied = applier.apply(batch, &mut self.input, state, pass_on);
        let (policy, position) = (state.config.appendfsync, state.aof.position());
        // Nobody waits for it; if it fails, the AOF says so and is tried again.
        let _ = state.aof.commit(position, policy);
        Ok(applied?)
    }

    async fn acknowledge(&mut self) -> Result<()> {
        let offset = self.shared.lock().replication.offset().to_string();
        let length = offset.len();
        let command = format!("*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n${length}\r\n{offset}\r\n");
        self.socket.write_all(command.as_bytes()).await?;
        Ok(())
    }
}

/// Waits for `event`, but not when nothing has come from the primary since `heard`, for longer
/// than `repl-timeout`. Somebody may change that meanwhile.
async fn patiently<T>(
    heard: Instant,
    shared: &Shared,
    event: impl Future<Output = T>,
) -> Result<T> {
    let mut event = pin!(event);
    while heard.elapsed() <= shared.lock().config.repl_timeout {
        if let Ok(event) = timeout(LOOK, &mut event).await {
            return Ok(event);
        }
    }
    Err(LinkError::Timeout)
}

/// One large value is no reason to hold on to its memory. What is left in the buffer is
/// little then, and moves to a new one.
fn give_back(buffer: &mut BytesMut) {
    if buffer.len() < CHUNK && buffer.try_reclaim(4 * CHUNK) {
        *buffer = BytesMut::from(&buffer[..]);
    }
}

/// Puts the data in the place of ours. Meanwhile clients get `-LOADING`.
///
/// The file is read twice. What Redis sends may be what we do not have, a list or a second
/// database, and our own data, old as they are, are better than none.
async fn load(file: File, wanted: &Wanted, shared: &Shared) -> Result<()> {
    let (wanted, shared) = (wanted.clone(), shared.clone());
    let load = move || -> Result<()> {
        check(&file)?;
        begin_to_load(&file, &wanted, &shared)?;
        let loaded = load::file(&file, Expired::Keep, &shared);
        if loaded.is_ok() {
            restart_log(&shared);
        }
        let state = &mut *shared.lock();
        state.store.loading = false;
        state.stats.loading = None;
        if let Err(error) = loaded {
            state.store.clear(true);
            // That there is nothing is not worth saving.
            state.background.saves.skip(state.store.changes);
            return Err(error.into());
        }
        if state.lifecycle.has_ended() {
            // What is in our files is to stay as it is.
            return Err(LinkError::Unwanted);
        }
        Ok(())
    };
    let loaded = tokio::task::spawn_blocking(load).await;
    loaded.map_err(|_| LinkError::Panicked)?
}

/// Makes room for the primary's data. The files tell of our own data until the next save and
/// the new log; what is being written in the background would come after that.
fn begin_to_load(file: &File, wanted: &Wanted, shared: &Shared) -> Result<()> {
    let size = file.metadata()?.len();
    let state = &mut *shared.lock();
    check_wanted(wanted)?;
    state.background.cancel();
    state.store.clear(true);
    state.store.loading = true;
    state.stats.loading = Some(Loading::new(size));
    Ok(())
}

/// Can the file be loaded? It is at its beginning again afterwards.
fn check(mut file: &File) -> Result<()> {
    let mut decoder = Decoder::new(file)?;
    while decoder.next()?.is_some() {}
    Ok(file.rewind()?)
}

/// The log tells of data that is no more. A new one begins with what there is now
/// (`restartAOFAfterSYNC`). Clients wait until it does: nobody shall believe that something is
/// logged that is not.
fn restart_log(shared: &Shared) {
    for _ in 0..TRIES {
        {
            let state = &mut *shared.lock();
            // What is in our files is to stay as it is.
            if !state.aof.is_open() || state.lifecycle.has_ended() {
                return;
            }
            match state.aof.turn_on(state.config.log_location()) {
                Ok(()) => return state.background.rewrite_scheduled = true,
                Err(error) => error!("cannot begin a new log: {error}"),
            }
        }
        thread::sleep(PAUSE);
    }
    error!("exiting: without a log, what comes from the primary would be lost");
    process::exit(1);
}
