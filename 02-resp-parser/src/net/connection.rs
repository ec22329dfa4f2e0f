//! One client's connection: owns the socket and both buffers, and turns what
//! arrives into replies.
//!
//! Ownership is the whole memory management: when the task that owns a
//! `Connection` ends, however it ends, socket and buffers go with it.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::task::ready;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::ReadHalf;
use tokio::task::yield_now;

use crate::client::Client;
use crate::command::{self, Context, Table};
use crate::resp::cross_protocol;
use crate::resp::{Parser, Reply};

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

/// A buffer larger than this, in bytes, is freed once it is empty. Ten thousand clients that once
/// sent a lot should cost little, too.
const KEPT_BUFFER: usize = MIN_READ;

/// A client that is being served.
pub struct Connection {
    socket: TcpStream,
    input: BytesMut,
    /// How much to read at a time, in bytes; grows when reads fill the buffer.
    read_size: usize,
    output: BytesMut,
    parser: Parser,
    client: Client,
    table: &'static Table,
}

impl Connection {
    pub fn new(socket: TcpStream, client: Client, table: &'static Table) -> Self {
        Self {
            socket,
            input: BytesMut::new(),
            read_size: MIN_READ,
            output: BytesMut::new(),
            parser: Parser::default(),
            client,
            table,
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
                break;
            }
            self.send()?;
            let room = self.make_room();
            let (mut reader, mut writer) = self.socket.split();
            let has_room = self.output.len() < MAX_OUTPUT;
            tokio::select! {
                // Writing comes first: it is what somebody waits for.
                biased;
                written = writer.write(&self.output), if !self.output.is_empty() => {
                    self.output.advance(written?);
                }
                // What has arrived comes before what may arrive; otherwise commands
                // with long replies would pile up. Let other clients have a turn.
                () = yield_now(), if more && has_room => {}
                read = read(&mut reader, &mut self.input, room), if !more => {
                    at_end = read? == 0;
                    if self.input.len() == self.input.capacity() {
                        self.read_size = MAX_READ.min(self.read_size * 2);
                    }
                }
            }
        }
        if self.client.is_browser {
            cross_protocol::log_attack(self.socket.peer_addr());
            return Ok(());
        }
        self.socket.write_all_buf(&mut self.output).await
    }

    /// Sends what the socket takes without waiting, which is nearly always everything.
    fn send(&mut self) -> io::Result<()> {
        if self.output.is_empty() {
            return Ok(());
        }
        match self.socket.try_write(&self.output) {
            Ok(written) => self.output.advance(written),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Executes the commands that have arrived whole. Their replies are in the output afterwards
    /// and leave with one write. Returns whether there may be more, because the output has no room
    /// for their replies yet.
    fn execute_batch(&mut self) -> bool {
        let full = MAX_OUTPUT.min(self.output.len() + MAX_REPLIES);
        while self.output.len() < full && !self.client.closing {
            match self.parser.parse(&mut self.input) {
                Ok(Some(length)) => {
                    let args = self.parser.args(&self.input);
                    // An empty line gets no reply.
                    if !args.is_empty() {
                        let ctx = &mut Context {
                            table: self.table,
                            reply: Reply::new(&mut self.output, self.client.protocol),
                            client: &mut self.client,
                        };
                        command::execute(ctx, args);
                    }
                    self.input.advance(length);
                }
                Ok(None) => return false,
                Err(error) => {
                    let mut reply = Reply::new(&mut self.output, self.client.protocol);
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
        let announced = self.parser.missing(&self.input);
        let ahead = announced.min(MAX_READ.max(7 * self.input.len()));
        ahead.max(self.read_size)
    }
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

/// Frees a large buffer once it is empty: one large value is no reason to keep its memory.
fn give_back(buffer: &mut BytesMut) {
    if buffer.is_empty() && buffer.try_reclaim(KEPT_BUFFER + 1) {
        *buffer = BytesMut::new();
    }
}
