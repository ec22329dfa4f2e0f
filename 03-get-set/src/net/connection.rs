//! One client's connection: owns the socket and both buffers, and turns what
//! arrives into replies.
//!
//! Ownership is the whole memory management: when the task that owns a
//! `Connection` ends, however it ends, socket and buffers go with it.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::task::ready;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::ReadHalf;
use tokio::task::yield_now;

use crate::client::Client;
use crate::command::{self, Context, Table};
use crate::resp::cross_protocol;
use crate::resp::{Batch, ProtocolError, Reply};
use crate::state::{Shared, State};
use crate::util::buffer::{KEPT_BUFFER, give_back, remove_front};

/// How much a new connection reads at a time, in bytes. Ten thousand clients that send little
/// should cost little.
const MIN_READ: usize = 4 * 1024;

/// The most that a connection reads at a time, in bytes: a value of 64 KiB, and its command.
const MAX_READ: usize = 68 * 1024;

/// When replies have this size, in bytes, they are sent before more commands are executed.
const MAX_REPLIES: usize = 64 * 1024;

/// While this many bytes of replies wait for a client that does not read them, its commands are
/// neither read nor executed.
const MAX_OUTPUT: usize = 64 * 1024 * 1024;

/// A client that is being served.
pub struct Connection {
    socket: TcpStream,
    input: BytesMut,
    /// How much to read at a time, in bytes; grows when reads fill the buffer.
    read_size: usize,
    output: BytesMut,
    /// How many bytes were received and sent since the last batch, and are not in the statistics
    /// yet.
    received: u64,
    sent: u64,
    batch: Batch,
    client: Client,
    table: &'static Table,
    shared: Shared,
}

impl Connection {
    pub fn new(socket: TcpStream, client: Client, table: &'static Table, shared: Shared) -> Self {
        Self {
            socket,
            input: BytesMut::new(),
            read_size: MIN_READ,
            output: BytesMut::new(),
            received: 0,
            sent: 0,
            batch: Batch::default(),
            client,
            table,
            shared,
        }
    }

    /// Serves the client until it closes its half of the connection, or has to be disconnected.
    ///
    /// A client may send thousands of commands before it reads the first reply. So we go on reading
    /// while replies wait to be written; if we did not, both sides would wait for the other to
    /// read, for ever. But we stop at [`MAX_OUTPUT`], and then TCP itself slows the client down.
    pub async fn run(mut self) -> io::Result<()> {
        // Replies are small and wanted now; do not let TCP wait to fill a packet.
        self.socket.set_nodelay(true)?;
        let mut at_end = false;
        loop {
            let more = self.execute_batch();
            // The client may close its half while commands of its own still wait
            // for room in the output. They count, so go on until there is none.
            if self.client.closing || (at_end && !more) {
                return self.hang_up().await;
            }
            self.send()?;
            let room = self.make_room();
            let (mut reader, mut writer) = self.socket.split();
            let has_room = self.output.len() < MAX_OUTPUT;
            tokio::select! {
                // Writing comes first: it is what somebody waits for.
                biased;
                written = writer.write(&self.output), if !self.output.is_empty() => {
                    self.has_written(written?);
                }
                // What has arrived comes before what may arrive; otherwise commands
                // with long replies would pile up. Let other clients have a turn.
                () = yield_now(), if more && has_room => {}
                read = read(&mut reader, &mut self.input, room), if !more => {
                    at_end = !self.has_read(read?);
                }
            }
        }
    }

    /// Sends what the socket takes without waiting, which is nearly always everything.
    fn send(&mut self) -> io::Result<()> {
        if self.output.is_empty() {
            return Ok(());
        }
        match self.socket.try_write(&self.output) {
            Ok(written) => self.has_written(written),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Notes that this many bytes of replies were sent.
    fn has_written(&mut self, bytes: usize) {
        remove_front(&mut self.output, bytes);
        self.sent += bytes as u64;
        self.client.handle.hear();
    }

    /// Notes that this many bytes have arrived. Returns false if no more will.
    fn has_read(&mut self, bytes: usize) -> bool {
        self.received += bytes as u64;
        self.client.handle.hear();
        if self.input.len() == self.input.capacity() {
            self.read_size = MAX_READ.min(self.read_size * 2);
        }
        bytes > 0
    }

    /// Sends the last replies.
    async fn hang_up(&mut self) -> io::Result<()> {
        if self.client.is_browser {
            cross_protocol::log_attack(self.socket.peer_addr());
            return Ok(());
        }
        self.socket.write_all_buf(&mut self.output).await
    }

    /// Executes the commands that have arrived whole. Their replies are in the output afterwards
    /// and leave with one write. Returns whether there may be more, because the output has no room
    /// for their replies yet.
    ///
    /// One lock serves the whole batch. With one worker thread nobody else wants
    /// it; with more, taking it once for 64 commands instead of 64 times is what
    /// keeps the threads from queueing. [`MAX_REPLIES`] bounds how long we hold it, and
    /// there is no `await` in here, so nobody holds it while waiting for a client.
    fn execute_batch(&mut self) -> bool {
        if self.input.is_empty() {
            return false;
        }
        let state = &mut *self.shared.lock();
        state.stats.bytes_received += std::mem::take(&mut self.received);
        state.stats.bytes_sent += std::mem::take(&mut self.sent);
        let full = MAX_OUTPUT.min(self.output.len() + MAX_REPLIES);
        while self.output.len() < full && !self.client.closing {
            let mut reply = Reply::new(&mut self.output, self.client.handle.protocol());
            if let Some(args) = self.batch.take(&self.input) {
                let ctx = &mut Context::new(self.table, &mut self.client, reply, state);
                command::execute(ctx, args);
                if self.batch.is_done(&mut self.input) {
                    return false;
                }
                continue;
            }
            match fill(&mut self.batch, &mut self.input, state) {
                Ok(true) => {}
                Ok(false) => return false,
                Err(error) => {
                    reply.error(&error.reply());
                    self.client.closing = true;
                }
            }
        }
        true
    }

    /// Frees buffers that are not needed. Returns how much to read next, in bytes.
    ///
    /// For a bulk string that has arrived in part, there is room for seven times as much as has
    /// arrived: a large value is read in few parts, and is not moved often. What a client only
    /// announces takes no memory, because the system provides memory when it is written to.
    fn make_room(&mut self) -> usize {
        // Not while replies wait: the output is in use, and the next turn checks again.
        if self.output.is_empty() {
            give_back(&mut self.input);
            give_back(&mut self.output);
        }
        self.client.handle.show(&self.input, &self.output);
        let announced = self.batch.missing(&self.input);
        let ahead = announced.min(MAX_READ.max(7 * self.input.len()));
        ahead.max(self.read_size)
    }
}

/// However a connection ends, nothing is kept for its client after that.
impl Drop for Connection {
    fn drop(&mut self) {
        self.shared.lock().clients.leave(self.client.handle.id);
    }
}

/// Parses what has arrived, and lets the store prefetch the keys of a pipeline. Returns false if
/// there is no whole command.
fn fill(batch: &mut Batch, input: &mut BytesMut, state: &mut State) -> Result<bool, ProtocolError> {
    batch.parser.max_bulk = state.config.proto_max_bulk_len;
    let count = batch.fill(input)?;
    if count > 1 {
        let commands = batch.iter(input);
        state
            .store
            .prefetch(commands.filter_map(|args| args.get(1)));
    }
    Ok(count > 0)
}

/// Reads up to `room` bytes, or a little more. For a large read, and for the first one, the buffer is
/// allocated when there is something to read, so a client that is silent has none.
async fn read(reader: &mut ReadHalf<'_>, input: &mut BytesMut, room: usize) -> io::Result<usize> {
    if room > KEPT_BUFFER || input.capacity() == 0 {
        return poll_fn(|cx| {
            ready!(reader.as_ref().poll_read_ready(cx))?;
            input.reserve(room);
            let read = pin!(reader.read_buf(input)).poll(cx);
            // At first, and after a read that filled its buffer, tokio takes the socket for readable.
            if read.is_pending() && input.is_empty() {
                *input = BytesMut::new();
            }
            read
        })
        .await;
    }
    input.reserve(room);
    reader.read_buf(input).await
}
