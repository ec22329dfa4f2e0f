//! A connection on which a replica hangs: sends it the RDB file, then the feed, and
//! listens to how far it is (`sendBulkToSlave` and its like in Redis's `replication.c`).
//!
//! It begins as any other client's connection. With PSYNC it comes here, with a place in the
//! list of replicas and a claim to a file of the data as it was at the offset that the reply
//! names. A thread writes that (`replication/sync_file.rs`); nobody else waits for it,
//! and writes that arrive meanwhile are in the feed.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::time::interval;
use tracing::info;

use crate::replication::{FullSync, ReplicaState};
use crate::resp::{Args, Batch, parse_integer};
use crate::state::Shared;

/// How much of the file or of the feed is sent at once, in bytes.
const CHUNK: usize = 64 * 1024;

/// How much is read at once of what the replica says, in bytes.
const READ: usize = 1024;

/// While it waits for the file the replica gets a sign of life so often.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// Serves the replica until it goes or is disconnected. `input` is what it has sent already.
///
/// It is listened to all the time: one that goes while its file is being written or sent
/// is one for whom nothing need be kept.
pub async fn run(
    socket: &mut TcpStream,
    input: BytesMut,
    sync: &mut FullSync,
    shared: &Shared,
) -> io::Result<()> {
    let (reader, writer) = socket.split();
    let (place, events) = (sync.place, sync.events.clone());
    tokio::select! {
        sent = send(writer, sync, shared) => sent,
        heard = listen(reader, input, place, shared) => heard,
        () = events.disconnected.notified() => Ok(()),
    }
}

/// Sends the file, and then the feed.
async fn send(mut writer: WriteHalf<'_>, sync: &mut FullSync, shared: &Shared) -> io::Result<()> {
    send_data(&mut writer, sync, shared).await?;
    advance(shared, sync.place, ReplicaState::Online);
    send_feed(&mut writer, sync, shared).await
}

fn advance(shared: &Shared, place: u64, state: ReplicaState) {
    shared.lock().replication.advance(place, state);
}

/// Sends the data as it was when the replica came.
async fn send_data(
    writer: &mut WriteHalf<'_>,
    sync: &mut FullSync,
    shared: &Shared,
) -> io::Result<()> {
    let file = wait_for_file(writer, sync).await?;
    let size = send_file(writer, file, sync.place, shared).await?;
    info!("a replica has got its file of {size} bytes, and gets the feed now");
    Ok(())
}

/// Waits until the file is written. An empty line now and then tells the replica
/// that we are still there.
async fn wait_for_file(writer: &mut WriteHalf<'_>, sync: &mut FullSync) -> io::Result<Arc<File>> {
    let mut signs = interval(SIGN_OF_LIFE);
    loop {
        tokio::select! {
            file = sync.file.file() => return file,
            _ = signs.tick() => writer.write_all(b"\n").await?,
        }
    }
}

/// Sends the file as one bulk string without an end; its size. Others may read the same
/// file, so each reads at a position of its own.
async fn send_file(
    writer: &mut WriteHalf<'_>,
    file: Arc<File>,
    place: u64,
    shared: &Shared,
) -> io::Result<u64> {
    let size = file.metadata()?.len();
    writer.write_all(format!("${size}\r\n").as_bytes()).await?;
    let mut sent = 0;
    let mut chunk = vec![0; CHUNK];
    while sent < size {
        advance(shared, place, ReplicaState::SendBulk);
        let file = file.clone();
        let read = tokio::task::spawn_blocking(move || {
            let count = file.read_at(&mut chunk, sent)?;
            Ok::<_, io::Error>((chunk, count))
        });
        let count;
        (chunk, count) = read.await.map_err(io::Error::other)??;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        writer.write_all(&chunk[..count]).await?;
        sent += count as u64;
    }
    Ok(size)
}

/// Sends what is in the feed, for as long as the replica is in the list.
async fn send_feed(writer: &mut WriteHalf<'_>, sync: &FullSync, shared: &Shared) -> io::Result<()> {
    let mut output = BytesMut::new();
    loop {
        if !supply(sync.place, &mut output, shared) {
            return Ok(());
        }
        if output.is_empty() {
            sync.events.more.notified().await;
            continue;
        }
        writer.write_all_buf(&mut output).await?;
    }
}

/// Takes what the replica gets next from the feed; false if it is no longer in the list.
fn supply(place: u64, output: &mut BytesMut, shared: &Shared) -> bool {
    let replication = &mut shared.lock().replication;
    replication.supply(place, output, CHUNK)
}

/// Listens to what the replica says until it goes: up to which offset it has the feed, and
/// now and then, while it loads, an empty line. Either is a sign of life.
async fn listen(
    mut reader: ReadHalf<'_>,
    mut input: BytesMut,
    place: u64,
    shared: &Shared,
) -> io::Result<()> {
    let mut batch = Batch::default();
    loop {
        hear(&mut batch, &mut input, place, shared)?;
        input.reserve(READ);
        if reader.read_buf(&mut input).await? == 0 {
            return Ok(());
        }
        shared.lock().replication.hear_replica(place);
    }
}

/// Takes note of what has arrived whole.
fn hear(batch: &mut Batch, input: &mut BytesMut, place: u64, shared: &Shared) -> io::Result<()> {
    while batch.fill(input).map_err(io::Error::other)? > 0 {
        while let Some(args) = batch.take(input) {
            if let Some(offset) = acknowledged(args) {
                shared.lock().replication.acknowledge(place, offset);
            }
        }
    }
    Ok(())
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
