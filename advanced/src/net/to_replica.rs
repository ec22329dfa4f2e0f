//! The connection to a replica: sends it the RDB file and then the feed, and reads its
//! acknowledgements (`sendBulkToSlave` and what is near it in Redis's `replication.c`).
//!
//! It begins as any other client's connection. With PSYNC it comes here, with a place in the
//! list of replicas and a file of the data as it was at the offset that the reply
//! names. A thread writes the file (`replication/sync_file.rs`), no other client waits for it,
//! and writes that are executed meanwhile are in the feed.
//!
//! To disconnect a replica is to abort the task that runs this, as for any client.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::time::interval;
use tracing::info;

use crate::clients::Handle;
use crate::replication::{ReplicaState, SyncFile};
use crate::resp::{Args, Batch, parse_integer};
use crate::state::Shared;

/// How many bytes of the file or of the feed are sent at once.
const CHUNK: usize = 64 * 1024;

/// How many bytes are read from the replica at once.
const READ: usize = 1024;

/// How often a replica that waits for its file is sent a sign of life.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

/// Serves the replica until its connection ends. `input` is what it has sent already.
///
/// The socket is read all the time, so a replica that hangs up while its file is being written or
/// sent is noticed at once, and nothing is kept for it.
pub async fn run(
    socket: &mut TcpStream,
    input: BytesMut,
    client: &Handle,
    file: Arc<SyncFile>,
    shared: &Shared,
) -> io::Result<()> {
    let (reader, mut writer) = socket.split();
    let send = async {
        send_data(&mut writer, client, file, shared).await?;
        advance(shared, client, ReplicaState::Online);
        send_feed(&mut writer, client, shared).await
    };
    tokio::select! {
        sent = send => sent,
        heard = listen(reader, input, client, shared) => heard,
    }
}

fn advance(shared: &Shared, client: &Handle, state: ReplicaState) {
    shared.lock().replication.advance(client.id, state);
}

/// Sends the file, as a bulk string without the CRLF at its end. Other connections may read the
/// same file, so each reads at a position of its own (`pread`).
async fn send_data(
    writer: &mut WriteHalf<'_>,
    client: &Handle,
    file: Arc<SyncFile>,
    shared: &Shared,
) -> io::Result<()> {
    let file = wait_for_file(writer, file).await?;
    client.hear();
    advance(shared, client, ReplicaState::SendBulk);
    let size = file.metadata()?.len();
    writer.write_all(format!("${size}\r\n").as_bytes()).await?;
    let mut sent = 0;
    let mut chunk = vec![0; CHUNK];
    while sent < size {
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
        shared.lock().stats.replicated(0, count as u64);
        client.hear();
        sent += count as u64;
    }
    info!("a replica has got its file of {size} bytes, and gets the feed now");
    Ok(())
}

/// Waits until the file is written, and returns it. An empty line each second tells the replica
/// that the primary is still there. The `SyncFile` is dropped, so no replica that comes later
/// shares it.
async fn wait_for_file(writer: &mut WriteHalf<'_>, file: Arc<SyncFile>) -> io::Result<Arc<File>> {
    let mut signs = interval(SIGN_OF_LIFE);
    let mut written = pin!(file.written());
    loop {
        tokio::select! {
            file = &mut written => return file,
            _ = signs.tick() => writer.write_all(b"\n").await?,
        }
    }
}

/// Sends what is in the feed, until the connection or the server ends.
async fn send_feed(writer: &mut WriteHalf<'_>, client: &Handle, shared: &Shared) -> io::Result<()> {
    let mut output = BytesMut::new();
    loop {
        if supply(client, &mut output, shared) {
            return Ok(());
        }
        if output.is_empty() {
            client.mail.notified().await;
        }
        writer.write_all_buf(&mut output).await?;
    }
}

/// Moves the next part of the feed into `output`, if there is any. Returns whether the server has
/// ended and the replica has been sent everything.
fn supply(client: &Handle, output: &mut BytesMut, shared: &Shared) -> bool {
    let state = &mut *shared.lock();
    state.replication.supply(client.id, output, CHUNK);
    state.stats.replicated(0, output.len() as u64);
    output.is_empty() && state.lifecycle.has_ended()
}

/// Reads what the replica sends until it hangs up: acknowledgements and, while it loads, empty
/// lines. Either is a sign of life.
async fn listen(
    mut reader: ReadHalf<'_>,
    mut input: BytesMut,
    client: &Handle,
    shared: &Shared,
) -> io::Result<()> {
    let mut batch = Batch::default();
    loop {
        while batch.fill(&mut input).map_err(io::Error::other)? > 0 {
            while let Some(args) = batch.take(&input) {
                if let Some(offset) = acknowledged(args) {
                    shared.lock().replication.acknowledge(client.id, offset);
                }
            }
        }
        input.reserve(READ);
        if reader.read_buf(&mut input).await? == 0 {
            return Ok(());
        }
        client.hear();
    }
}

/// The offset in `REPLCONF ACK offset`, or `None` for any other command, which needs no reply.
fn acknowledged(args: Args<'_>) -> Option<i64> {
    match args.is(0, "REPLCONF") && args.is(1, "ACK") {
        true => parse_integer(args.get(2)?),
        false => None,
    }
}
