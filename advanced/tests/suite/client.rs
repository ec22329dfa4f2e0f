//! A client of raw bytes: says what it sends, and compares what comes back byte
//! by byte. It also sees when more comes than was asked for.

// Shared by all steps; an early one does not need all of it.
#![allow(dead_code)]

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread::panicking;
use std::time::Duration;

use crate::harness::Server;
use failure::{End, Failure, SHOWN, by_hand, shortened};
use history::History;

#[path = "failure.rs"]
pub mod failure;
#[path = "history.rs"]
pub mod history;

pub use failure::escaped;

/// How long a reply may take. Only a broken server takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The environment variable with another number of seconds for that.
const OTHER_PATIENCE: &str = "WORKSHOP_PATIENCE";

/// How long to listen for what must not come.
const SILENCE: Duration = Duration::from_millis(50);

/// A connection to the server under test.
pub struct Client {
    pub socket: TcpStream,
    /// What was sent, for the message of a failure.
    sent: Vec<u8>,
    /// What was sent before that, and has its replies.
    history: History,
    /// The last reply that was right.
    reply: Vec<u8>,
    /// Has all that was sent its reply? Then nothing more may come.
    answered: bool,
}

/// Reads once. A read that waits for at most so long may be interrupted (`EINTR`) although nothing
/// has happened to the connection, and is then begun again.
pub fn read(socket: &mut TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match socket.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// How long a reply may take.
pub fn patience() -> Duration {
    let seconds = std::env::var(OTHER_PATIENCE).ok();
    let seconds = seconds.and_then(|text| text.parse().ok());
    seconds.map_or(PATIENCE, Duration::from_secs)
}

impl Client {
    #[track_caller]
    pub fn connect(server: &Server) -> Self {
        let socket = match TcpStream::connect_timeout(&server.addr(), patience()) {
            Ok(socket) => socket,
            Err(error) => panic!(
                "the server accepts no connection ({error})\n  likely    it has ended, or it \
                 serves one client and does not accept the next one meanwhile"
            ),
        };
        let patience = Some(patience());
        socket.set_read_timeout(patience).expect("set a timeout");
        socket.set_write_timeout(patience).expect("set a timeout");
        socket.set_nodelay(true).expect("set TCP_NODELAY");
        Self {
            socket,
            sent: Vec::new(),
            history: History::default(),
            reply: Vec::new(),
            answered: false,
        }
    }

    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        if self.answered {
            self.nothing_waits();
            self.answered = false;
            self.history.add(&self.sent, &self.reply);
            self.sent.clear();
        }
        self.sent.extend_from_slice(bytes.as_ref());
        if let Err(error) = self.socket.write_all(bytes.as_ref()) {
            let sent = shortened(&self.sent, self.sent.len().saturating_sub(SHOWN));
            let likely = match End::of(&error) {
                End::Silent => "it does not read while its replies wait; so both wait for ever",
                _ => "it has closed the connection, after what it was sent before",
            };
            let before = self.history.text();
            panic!("the server takes no more\n  sent      {sent}\n  likely    {likely}{before}");
        }
        self
    }

    /// Says that nothing more will be sent.
    pub fn finish(&mut self) -> &mut Self {
        self.socket
            .shutdown(Shutdown::Write)
            .expect("close our half");
        self
    }

    /// Reads as many bytes as `expected` has and compares them. What comes beyond
    /// them is seen when the next command is sent, or at the end.
    #[track_caller]
    pub fn expect(&mut self, expected: impl AsRef<[u8]>) -> &mut Self {
        let expected = expected.as_ref();
        let mut received = vec![0; expected.len()];
        let mut at = 0;
        while at < expected.len() {
            let end = match read(&mut self.socket, &mut received[at..]) {
                Ok(0) => End::Closed,
                Ok(count) if received[at..].starts_with(&expected[at..at + count]) => {
                    at += count;
                    continue;
                }
                Ok(count) => {
                    at += count;
                    End::Differs
                }
                Err(error) => End::of(&error),
            };
            received.truncate(at);
            if end == End::Differs {
                received.extend(self.listen());
            }
            self.fail(expected, &received, end);
        }
        self.settle(received);
        self
    }

    /// The same for a reply that goes on behind it, in ways that are not compared.
    #[track_caller]
    pub fn expect_start(&mut self, expected: impl AsRef<[u8]>) -> &mut Self {
        self.expect(expected);
        self.answered = false;
        self
    }

    /// All that was sent is answered.
    fn settle(&mut self, reply: Vec<u8>) {
        self.reply = reply;
        self.answered = true;
    }

    #[track_caller]
    fn fail(&self, expected: &[u8], received: &[u8], end: End) -> ! {
        let failure = Failure {
            sent: &self.sent,
            history: &self.history,
            expected,
            received,
            end,
        };
        panic!("{}", failure.text());
    }

    /// Fails if there is more than the last reply.
    #[track_caller]
    fn no_more(&self, extra: &[u8]) {
        if !extra.is_empty() {
            let received = [&self.reply, extra].concat();
            self.fail(&self.reply, &received, End::Extra);
        }
    }

    /// Fails if something came behind the last reply. It does not wait for it.
    #[track_caller]
    fn nothing_waits(&mut self) {
        self.socket.set_nonblocking(true).expect("do not wait");
        let extra = self.receive(SHOWN);
        self.socket.set_nonblocking(false).expect("wait again");
        self.no_more(&extra);
    }

    /// Sends a command and compares its reply.
    #[track_caller]
    pub fn check(&mut self, command: impl AsRef<[u8]>, reply: impl AsRef<[u8]>) -> &mut Self {
        self.send(command).expect(reply)
    }

    /// Reads `length` bytes, or what comes before the end.
    pub fn receive(&mut self, length: usize) -> Vec<u8> {
        let mut received = vec![0; length];
        let mut at = 0;
        while at < length {
            match read(&mut self.socket, &mut received[at..]) {
                Ok(0) | Err(_) => break,
                Ok(count) => at += count,
            }
        }
        received.truncate(at);
        received
    }

    /// One line without its end, escaped.
    #[track_caller]
    pub fn line(&mut self) -> String {
        escaped(self.raw_line().trim_ascii_end())
    }

    #[track_caller]
    fn raw_line(&mut self) -> Vec<u8> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            let byte = self.receive(1);
            if byte.is_empty() {
                let (sent, line) = (shortened(&self.sent, 0), shortened(&line, 0));
                let more = self.history.text() + &by_hand(&self.sent, &self.history);
                panic!("the line does not end\n  sent      {sent}\n  received  {line}{more}");
            }
            line.extend(byte);
        }
        line
    }

    /// One whole reply as it came, in RESP2 or RESP3.
    #[track_caller]
    pub fn reply(&mut self) -> Vec<u8> {
        let mut reply = Vec::new();
        let mut missing = 1;
        while missing > 0 {
            missing -= 1;
            let line = self.raw_line();
            let number = str::from_utf8(line[1..].trim_ascii_end()).unwrap_or_default();
            // A null has the length -1, and nothing behind it.
            let length = number.parse().unwrap_or(0);
            reply.extend_from_slice(&line);
            match line[0] {
                b'*' | b'~' | b'>' => missing += length,
                b'%' => missing += 2 * length,
                b'$' | b'=' if number != "-1" => reply.extend(self.receive(length + 2)),
                _ => {}
            }
        }
        self.settle(reply.clone());
        reply
    }

    /// The server has closed the connection and sent nothing before.
    #[track_caller]
    pub fn expect_closed(&mut self) {
        self.answered = false;
        let mut byte = [0];
        match read(&mut self.socket, &mut byte) {
            Ok(0) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(_) => self.fail(&self.reply, &self.reply, End::Open),
            Ok(_) => {
                let rest = self.listen();
                self.no_more(&[&byte, &rest[..]].concat());
            }
        }
    }

    /// The server says nothing and keeps the connection.
    #[track_caller]
    pub fn expect_silence(&mut self) -> &mut Self {
        let mut byte = [0];
        self.wait_at_most(SILENCE);
        match read(&mut self.socket, &mut byte) {
            Err(error) if End::of(&error) == End::Silent => {}
            Ok(0) | Err(_) => self.fail(b"", b"", End::Closed),
            Ok(_) => {
                let rest = self.listen();
                self.fail(b"", &[&byte, &rest[..]].concat(), End::Extra);
            }
        }
        self.wait_at_most(patience());
        self
    }

    /// What comes within a moment, to show all of a wrong reply.
    fn listen(&mut self) -> Vec<u8> {
        self.wait_at_most(SILENCE);
        self.receive(SHOWN)
    }

    fn wait_at_most(&self, time: Duration) {
        // Fails on a connection that is gone, and the next read says that as well.
        let _ = self.socket.set_read_timeout(Some(time));
    }
}

/// After the last reply nothing may come. Our half is closed first: a server
/// answers that by closing its own, behind all that it had to say.
impl Drop for Client {
    fn drop(&mut self) {
        if self.answered && !panicking() && self.socket.shutdown(Shutdown::Write).is_ok() {
            let extra = self.listen();
            self.no_more(&extra);
        }
    }
}
