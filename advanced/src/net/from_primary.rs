//! The link to the primary: gets its data set, and then executes its feed
//! (`syncWithMaster` and `readSyncBulkPayload` in Redis's `replication.c`).
//!
//! Like the replay of an AOF, it executes commands that were accepted before, here by the primary,
//! and must not be refused now. Both use the applier (`apply.rs`), and both lie above `command`.
//!
//! What a primary says before its feed is read as lines. A parser of replies, such as step 02's
//! client has, would find nothing more in them: each answer of the handshake is one line, and the
//! file that follows is no reply.

use std::fs::File;
use std::future::pending;
use std::io::{self, Seek};
use std::os::fd::AsRawFd;
use std::pin::pin;
use std::process;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Duration;

use bytes::BytesMut;
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{interval, sleep};
use tracing::{error, info, warn};

use crate::apply::{self, Applier, ApplyError};
use crate::clients::Handle;
use crate::clients::states::PRIMARY;
use crate::command::Table;
use crate::rdb::{Decoder, RdbError};
use crate::recovery::load::{self, Expired};
use crate::replication::{Address, Link};
use crate::resp::Batch;
use crate::state::{Shared, State};
use crate::stats::Loading;

/// How long to wait before the next try. If this server is the one that cannot load what the
/// primary has, each try costs the primary a file, and the pause doubles.
const PAUSE: Duration = Duration::from_secs(1);
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// How many times to try to begin a new AOF after a full synchronization.
const TRIES: u32 = 10;

/// How often to acknowledge the offset to the primary, and to send it a sign of life while loading.
const ACKNOWLEDGE: Duration = Duration::from_secs(1);

/// How many bytes are read at once.
const CHUNK: usize = 64 * 1024;

/// How many bytes of the feed are kept while it is not executed.
const MAX_HELD: usize = 1024 * 1024;

/// The longest line that a primary may send during the handshake, in bytes.
const MAX_LINE: usize = 1024;

/// Why the link has ended.
#[derive(Debug, Error)]
enum LinkError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("its data cannot be written to a file: {0}")]
    File(io::Error),
    #[error("it answered {0:?}")]
    Answer(String),
    #[error("its data cannot be loaded: {0}")]
    Rdb(#[from] RdbError),
    #[error("what it sent {0}")]
    Apply(#[from] ApplyError),
    #[error("another server is wanted, or none")]
    Unwanted,
    #[error("somebody has ended it")]
    Killed,
}

impl LinkError {
    /// Whether the reason is this server, and not the primary or the network.
    fn is_ours(&self) -> bool {
        use LinkError::{Apply, File, Rdb};
        matches!(self, File(_) | Rdb(_) | Apply(ApplyError::Refused { .. }))
    }
}

type Result<T> = std::result::Result<T, LinkError>;

/// Tells whether another primary is wanted since the link was begun. It changes only with the lock
/// held, so ask with the lock held: the task of the link is ended a moment later.
type Wanted = watch::Receiver<Option<Address>>;

fn check_wanted(wanted: &Wanted) -> Result<()> {
    match wanted.has_changed() {
        Ok(false) => Ok(()),
        _ => Err(LinkError::Unwanted),
    }
}

/// Follows whichever primary REPLICAOF names, for as long as the server runs. It never returns.
pub async fn run(shared: Shared, table: &'static Table) {
    let mut wanted = shared.lock().replication.wanted();
    loop {
        let address = wanted.borrow_and_update().clone();
        let still = wanted.clone();
        let follow = async {
            match &address {
                Some(address) => follow(address, &still, &shared, table).await,
                None => pending().await,
            }
        };
        tokio::select! {
            biased;
            _ = wanted.changed() => {}
            () = follow => {}
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

/// One connection to the primary, from its beginning to its end. It always ends with an error.
async fn connect(
    address: &Address,
    wanted: &Wanted,
    shared: &Shared,
    table: &'static Table,
) -> Result<std::convert::Infallible> {
    let socket = TcpStream::connect((address.host.as_str(), address.port)).await?;
    socket.set_nodelay(true)?;
    let (addr, local_addr) = (socket.peer_addr()?, socket.local_addr()?);
    let client = shared
        .lock()
        .clients
        .enter(addr, local_addr, socket.as_raw_fd());
    client.states.set(PRIMARY, true);
    let mut link = Connection {
        socket,
        input: BytesMut::new(),
        wanted,
        shared,
        client,
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
    wanted: &'a Wanted,
    shared: &'a Shared,
    /// Its entry in the registry of clients: CLIENT LIST shows it, and CLIENT KILL ends it.
    client: Arc<Handle>,
}

impl Connection<'_> {
    /// Sends PING, REPLCONF and PSYNC. Returns the replication id, and the offset of the data set
    /// that follows.
    async fn greet(&mut self) -> Result<(String, i64)> {
        let port = self.shared.lock().config.port;
        let listening = format!("REPLCONF listening-port {port}");
        // The file is to come with its length, so `eof` is not among what we can.
        for command in ["PING", &listening, "REPLCONF capa psync2"] {
            // A primary that does not understand this does without; it may still say yes to PSYNC.
            let answer = self.ask(command).await?;
            if answer.starts_with('-') {
                info!("the primary answers {answer:?} to {command}");
            }
        }
        let answer = self.ask("PSYNC ? -1").await?;
        let words: Vec<&str> = answer.split(' ').collect();
        match (words.as_slice(), words.get(2).map(|offset| offset.parse())) {
            (["+FULLRESYNC", id, _], Some(Ok(offset))) => Ok(((*id).to_owned(), offset)),
            _ => Err(LinkError::Answer(answer)),
        }
    }

    /// Sends an inline command, and returns the line that answers it, without its end.
    async fn ask(&mut self, command: &str) -> Result<String> {
        let line = format!("{command}\r\n");
        self.socket.write_all(line.as_bytes()).await?;
        self.line().await
    }

    /// Reads the next line, and returns it without its end. Empty lines are signs of life, and are
    /// skipped.
    ///
    /// # Errors
    /// [`LinkError::Answer`] if a line is longer than [`MAX_LINE`].
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

    /// Reads what has arrived into the input buffer. If nothing arrives for longer than
    /// `repl-timeout`, the cron ends this connection (`Replication::enforce`).
    async fn read(&mut self) -> Result<()> {
        give_back(&mut self.input);
        self.input.reserve(CHUNK);
        let count = self.socket.read_buf(&mut self.input).await?;
        if count == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        let state = &mut *self.shared.lock();
        state.stats.replicated(count as u64, 0);
        state.replication.hear();
        self.client.hear();
        Ok(())
    }

    /// Receives the RDB file, `$length` and so many bytes, into a file without a name.
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
            let count = missing.min(self.input.len() as u64);
            let mut part = self.input.split_to(count as usize);
            let written = file.write_all_buf(&mut part).await;
            written.map_err(LinkError::File)?;
            missing -= count;
        }
        file.flush().await.map_err(LinkError::File)?;
        file.rewind().await.map_err(LinkError::File)?;
        Ok(file.into_std().await)
    }

    /// Loads the file. Meanwhile the primary is sent a sign of life each second, so that it does not
    /// disconnect us; and its own silence does not count, because nothing is read from it.
    async fn load(&mut self, file: File) -> Result<()> {
        let mut loaded = pin!(load(file, self.wanted, self.shared));
        let mut signs = interval(ACKNOWLEDGE);
        loop {
            tokio::select! {
                loaded = &mut loaded => return loaded,
                _ = signs.tick() => {
                    self.shared.lock().replication.hear();
                    // If it is gone, that shows when the data is here.
                    let _ = self.socket.write_all(b"\n").await;
                }
            }
        }
    }

    /// Executes the feed, and acknowledges the offset once a second and when the primary asks.
    async fn listen(&mut self, table: &'static Table) -> Result<std::convert::Infallible> {
        let (mut applier, mut batch) = (
            Applier::new(table, false, Arc::clone(&self.client)),
            apply::batch(),
        );
        let mut ticks = interval(ACKNOWLEDGE);
        let client = Arc::clone(&self.client);
        loop {
            self.execute(&mut applier, &mut batch)?;
            if std::mem::take(&mut applier.is_asked) {
                self.acknowledge().await?;
            }
            let is_held = self.shared.lock().is_frozen() && self.input.len() >= MAX_HELD;
            tokio::select! {
                _ = ticks.tick() => self.acknowledge().await?,
                // It is ended, or the server is in another phase.
                () = client.mail.notified() => {}
                read = self.read(), if !is_held => read?,
            }
        }
    }

    /// Executes the commands that have arrived whole, and passes them on to our own replicas.
    fn execute(&mut self, applier: &mut Applier, batch: &mut Batch) -> Result<()> {
        let state = &mut *self.shared.lock();
        check_wanted(self.wanted)?;
        if state.clients.get(self.client.id).is_none() {
            return Err(LinkError::Killed);
        }
        self.client.unread.store(self.input.len(), Relaxed);
        if state.is_frozen() {
            // Our replicas are to catch up, and would not with an end that moves.
            return Ok(());
        }
        let limit = state.config.client_output_buffer_limit.replica;
        let pass_on = |state: &mut State, bytes: &[u8]| state.replication.pass_on(bytes, limit);
        let applied = applier.apply(batch, &mut self.input, state, pass_on);
        self.client.unread.store(self.input.len(), Relaxed);
        let (policy, position) = (state.config.appendfsync, state.aof.position());
        // Nobody waits for it; if it fails, the AOF says so and is tried again.
        let _ = state.aof.commit(position, policy);
        Ok(applied?)
    }

    /// Sends `REPLCONF ACK` with the offset up to which the feed has been executed.
    async fn acknowledge(&mut self) -> Result<()> {
        let offset = self.shared.lock().replication.offset().to_string();
        let length = offset.len();
        let command = format!("*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n${length}\r\n{offset}\r\n");
        self.socket.write_all(command.as_bytes()).await?;
        Ok(())
    }
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        self.shared.lock().clients.leave(self.client.id);
    }
}

/// Frees a large buffer: one large value is no reason to keep its memory. The few bytes that are
/// left move to a new buffer.
fn give_back(buffer: &mut BytesMut) {
    if buffer.len() < CHUNK && buffer.try_reclaim(4 * CHUNK) {
        *buffer = BytesMut::from(&buffer[..]);
    }
}

/// Replaces our data set with the file's. Meanwhile clients get `-LOADING`.
///
/// The file is read twice, and the first time only checked: a stock primary may send what this server
/// does not have, such as a list, and then our old data set is better than none.
async fn load(file: File, wanted: &Wanted, shared: &Shared) -> Result<()> {
    let (wanted, shared) = (wanted.clone(), shared.clone());
    let load = move || -> Result<()> {
        check(&file)?;
        begin_to_load(&file, &wanted, &shared)?;
        let loaded = load::file(&file, Expired::Keep, &shared);
        if loaded.is_ok() {
            restart_aof(&shared);
        }
        let state = &mut *shared.lock();
        state.store.loading = false;
        state.stats.loading = None;
        if let Err(error) = loaded {
            state.store.clear(true);
            // The empty data set must not replace the dump, so it does not count as a change.
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
    loaded.map_err(io::Error::other)?
}

/// Empties the data set for the primary's. A save or rewrite under way is cancelled, because it
/// writes the old data set, and would replace newer files.
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

/// Checks that the file can be loaded. Its position is at the beginning again afterwards.
fn check(mut file: &File) -> Result<()> {
    let mut decoder = Decoder::new(file)?;
    while decoder.next()?.is_some() {}
    Ok(file.rewind()?)
}

/// Begins a new AOF with the data set that was loaded, because the old AOF describes the one before
/// (`restartAOFAfterSYNC`). Clients get `-LOADING` until it has begun, so no write is acknowledged
/// that is not in an AOF. If that fails [`TRIES`] times, the process ends.
fn restart_aof(shared: &Shared) {
    for _ in 0..TRIES {
        {
            let state = &mut *shared.lock();
            // What is in our files is to stay as it is.
            if !state.aof.is_on() || state.lifecycle.has_ended() {
                return;
            }
            match state.aof.turn_on(state.config.aof_location()) {
                Ok(()) => return state.background.rewrite_scheduled = true,
                Err(error) => error!("cannot begin a new AOF: {error}"),
            }
        }
        thread::sleep(PAUSE);
    }
    error!("exiting: without an AOF, what comes from the primary would be lost");
    process::exit(1);
}
