//! One client's connection: owns the socket and the buffer between reading and
//! writing.
//!
//! Ownership is the whole memory management: when the task that owns a
//! `Connection` ends, however it ends, socket and buffer go with it.

use std::io;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How much to read at a time, in bytes. It is also all the memory that a client can make an echo
/// server hold.
const READ_SIZE: usize = 16 * 1024;

/// A client that is being served.
pub struct Connection {
    socket: TcpStream,
    input: BytesMut,
}

impl Connection {
    pub fn new(socket: TcpStream) -> Self {
        Self {
            socket,
            input: BytesMut::with_capacity(READ_SIZE),
        }
    }

    /// Sends back what arrives, until the client closes its half of the connection.
    ///
    /// Nothing is read while a write waits, so a client that does not read its
    /// echo soon cannot send either: TCP itself slows it down, and our memory
    /// stays at one buffer. A client that closes its sending half still gets
    /// everything it is owed, because the loop ends only after the last write.
    pub async fn run(mut self) -> io::Result<()> {
        // Replies are small and wanted now; do not let TCP wait to fill a packet.
        self.socket.set_nodelay(true)?;
        while self.socket.read_buf(&mut self.input).await? > 0 {
            self.socket.write_all(&self.input).await?;
            self.input.clear();
        }
        Ok(())
    }
}
