//! A connection on which a replica hangs: sends it the RDB file, then the feed, and
//! listens to how far it is (`sendBulkToSlave` and its like in Redis's `replication.c`).
//!
//! It begins as any other client's connection. With PSYNC it comes here, together with
//! a snapshot of the data as it was at the offset that the reply names. The file
//! is written from that on another thread; nobody waits for it, and writes that arrive
//! meanwhile are in the feed.

use std::fs::File;
use std::io::{self, Seek};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{interval, timeout};
use tracing::info;

use crate::lifecycle;
use crate::rdb::{self, Progress};
use crate::replication::{FullSync, ReplicaState, Supply};
use crate::resp::{Args, Batch, parse_integer};
use crate::state::Shared;
use crate::store::Snapshot;

/// How much of the file or of the feed is sent at once, in bytes.
const CHUNK: usize = 64 * 1024;

/// How much is read at once of what the replica says, in bytes.
const READ: usize = 1024;

/// While it waits for the file the replica gets a sign of life so often.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// Serves the replica until it goes or falls behind too far. `input` is what it has
/// sent already.
pub async fn run(
    socket: &mut TcpStream,
    input: BytesMut,
    sync: FullSync,
    shared: &Shared,
) -> io::Result<()> {
    let place = sync.place;
    let served = serve(socket, input, sync, shared).await;
    shared.lock().replication.leave(place);
    served
}

async fn serve(
    socket: &mut TcpStream,
    input: BytesMut,
    sync: FullSync,
    shared: &Shared,
) -> io::Result<()> {
    let FullSync {
        place,
        bell,
        data,
        options,
    } = sync;
    let mut rules = shared.lock().lifecycle.rules();
    tokio::select! {
        sent = send_data(socket, place, data, options, shared) => sent?,
        // A part of the data is of no use. It will ask again when we are back.
        () = lifecycle::ended(&mut rules) => return Ok(()),
    }
    advance(shared, place, ReplicaState::Online);
    let listener = Listener {
        input,
        batch: Batch::default(),
    };
    send_feed(socket, place, &bell, listener, shared).await
}

fn advance(shared: &Shared, place: usize, state: ReplicaState) {
    shared.lock().replication.advance(place, state);
}

/// Sends what there was when the replica came.
async fn send_data(
    socket: &mut TcpStream,
    place: usize,
    data: Snapshot,
    options: rdb::Options,
    shared: &Shared,
) -> io::Result<()> {
    let keys = data.len();
    let file = write_file(socket, data, options, shared).await?;
    advance(shared, place, ReplicaState::SendBulk);
    let size = file.metadata()?.len();
    send_file(socket, file, size, shared).await?;
    info!("a replica has got {keys} keys in {size} bytes, and gets the feed now");
    Ok(())
}

/// Writes the file on another thread. An empty line now and then tells the replica
/// that we are still there.
async fn write_file(
    socket: &mut TcpStream,
    data: Snapshot,
    options: rdb::Options,
    shared: &Shared,
) -> io::Result<File> {
    let folder = shared.lock().config.dir.clone();
    let mut file = tokio::task::spawn_blocking(move || {
        let mut file = tempfile::tempfile_in(folder)?;
        rdb::write(data, options, &Progress::default(), &mut file)?;
        file.rewind()?;
        Ok(file)
    });
    let mut signs = interval(SIGN_OF_LIFE);
    loop {
        tokio::select! {
            file = &mut file => return file.map_err(io::Error::other)?,
            _ = signs.tick() => socket.write_all(b"\n").await?,
        }
    }
}

/// Sends the file as one bulk string without an end.
async fn send_file(
    socket: &mut TcpStream,
    file: File,
    size: u64,
    shared: &Shared,
) -> io::Result<()> {
    let patience = shared.lock().config.repl_timeout;
    let mut file = tokio::fs::File::from_std(file);
    let mut output = BytesMut::from(format!("${size}\r\n").as_bytes());
    loop {
        timeout(patience, socket.write_all_buf(&mut output)).await??;
        output.reserve(CHUNK);
        if file.read_buf(&mut output).await? == 0 {
            return Ok(());
        }
    }
}

/// Sends what is in the feed, and listens, until one side has enough.
async fn send_feed(
    socket: &mut TcpStream,
    place: usize,
    bell: &Notify,
    mut listener: Listener,
    shared: &Shared,
) -> io::Result<()> {
    let mut rules = shared.lock().lifecycle.rules();
    let mut output = BytesMut::new();
    loop {
        listener.hear(place, shared)?;
        if output.is_empty() {
            let state = &mut *shared.lock();
            let supply = state.replication.supply(place, &mut output, CHUNK);
            // At the end of the server it still gets the rest.
            let is_last = output.is_empty() && state.lifecycle.has_ended();
            if supply == Supply::Expelled || is_last {
                return Ok(());
            }
        }
        let (mut reader, mut writer) = socket.split();
        listener.input.reserve(READ);
        tokio::select! {
            written = writer.write(&output), if !output.is_empty() => output.advance(written?),
            read = reader.read_buf(&mut listener.input) => {
                if read? == 0 {
                    return Ok(());
                }
            }
            _ = rules.changed() => {}
            () = bell.notified() => {
                // Perhaps it is expelled, and will not take what is in the output.
                if shared.lock().replication.is_expelled(place) {
                    return Ok(());
                }
            }
        }
    }
}

/// What the replica says.
struct Listener {
    input: BytesMut,
    batch: Batch,
}

impl Listener {
    /// Listens to what has arrived.
    fn hear(&mut self, place: usize, shared: &Shared) -> io::Result<()> {
        loop {
            match self.batch.fill(&mut self.input) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) => return Err(io::Error::other(error.to_string())),
            }
            while let Some(args) = self.batch.take(&self.input) {
                if let Some(offset) = acknowledged(args) {
                    shared.lock().replication.acknowledge(place, offset);
                }
            }
        }
    }
}

/// The offset in `REPLCONF ACK offset`. Whatever else a replica says needs no answer.
fn acknowledged(args: Args<'_>) -> Option<i64> {
    let is = |index: usize, word: &[u8]| {
        let arg = args.get(index);
        arg.is_some_and(|arg| arg.eq_ignore_ascii_case(word))
    };
    match is(0, b"REPLCONF") && is(1, b"ACK") {
        true => parse_integer(args.get(2)?),
        false => None,
    }
}
