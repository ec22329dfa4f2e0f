//! A client of raw bytes: says what it sends, and compares what comes back byte
//! by byte.

// Shared by all steps; an early one does not need all of it.
#![allow(dead_code)]

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::harness::Server;

/// How long a reply may take. Only a broken server takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long to listen for what must not come.
const SILENCE: Duration = Duration::from_millis(50);

/// A connection to the server under test.
pub struct Client {
    pub socket: TcpStream,
    /// What was sent, for the message of a failure.
    sent: Vec<u8>,
}

impl Client {
    pub fn connect(server: &Server) -> Self {
        let socket = TcpStream::connect(server.addr()).expect("connect to the server");
        socket
            .set_read_timeout(Some(PATIENCE))
            .expect("set a timeout");
        socket
            .set_write_timeout(Some(PATIENCE))
            .expect("set a timeout");
        socket.set_nodelay(true).expect("set TCP_NODELAY");
        Self {
            socket,
            sent: Vec::new(),
        }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.sent.extend_from_slice(bytes.as_ref());
        self.socket
            .write_all(bytes.as_ref())
            .expect("send to the server");
        self
    }

    /// Says that nothing more will be sent.
    pub fn finish(&mut self) -> &mut Self {
        self.socket
            .shutdown(Shutdown::Write)
            .expect("close our half");
        self
    }

    /// Reads as many bytes as `expected` has and compares them.
    pub fn expect(&mut self, expected: impl AsRef<[u8]>) -> &mut Self {
        let expected = expected.as_ref();
        let received = self.receive(expected.len());
        if received != expected {
            panic!("{}", self.difference(expected, &received));
        }
        self.sent.clear();
        self
    }

    /// Sends a command and compares its reply.
    pub fn check(&mut self, command: impl AsRef<[u8]>, reply: impl AsRef<[u8]>) -> &mut Self {
        self.send(command).expect(reply)
    }

    /// Reads `length` bytes, or what comes before the end.
    pub fn receive(&mut self, length: usize) -> Vec<u8> {
        let mut received = vec![0; length];
        let mut at = 0;
        while at < length {
            match self.socket.read(&mut received[at..]) {
                Ok(0) | Err(_) => break,
                Ok(count) => at += count,
            }
        }
        received.truncate(at);
        received
    }

    /// One line without its end.
    pub fn line(&mut self) -> String {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            let byte = self.receive(1);
            assert!(!byte.is_empty(), "no line; so far: {}", escaped(&line));
            line.extend(byte);
        }
        escaped(&line[..line.len() - 2])
    }

    /// The server has closed the connection and sent nothing before.
    pub fn expect_closed(&mut self) {
        let mut byte = [0];
        match self.socket.read(&mut byte) {
            Ok(0) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Ok(_) => panic!("expected the end, got {}", escaped(&byte)),
            Err(error) => panic!("expected the end, got {error}"),
        }
    }

    /// The server says nothing and keeps the connection.
    pub fn expect_silence(&mut self) -> &mut Self {
        self.socket
            .set_read_timeout(Some(SILENCE))
            .expect("set a timeout");
        let mut byte = [0];
        match self.socket.read(&mut byte) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Ok(0) => panic!("expected silence, the connection was closed"),
            Ok(_) => panic!("expected silence, got {}", escaped(&byte)),
            Err(error) => panic!("expected silence, got {error}"),
        }
        self.socket
            .set_read_timeout(Some(PATIENCE))
            .expect("set a timeout");
        self
    }

    fn difference(&self, expected: &[u8], received: &[u8]) -> String {
        let same = expected
            .iter()
            .zip(received)
            .take_while(|(a, b)| a == b)
            .count();
        let caret = escaped(&received[..same]).chars().count();
        format!(
            "\n  sent      {}\n  expected  {}\n  received  {}\n            {}^ first difference",
            shortened(&self.sent),
            shortened(expected),
            shortened(received),
            " ".repeat(caret.min(SHOWN)),
        )
    }
}

/// How much of a long text a failure shows.
const SHOWN: usize = 2000;

fn shortened(bytes: &[u8]) -> String {
    let text = escaped(bytes);
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], bytes.len()),
        None => text,
    }
}

pub fn escaped(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
