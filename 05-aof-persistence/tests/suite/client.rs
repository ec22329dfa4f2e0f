//! A client of raw bytes: says what it sends, and compares what comes back byte
//! by byte. A failure shows where the reply differs, and how to send the same by
//! hand.

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

    #[track_caller]
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
    #[track_caller]
    pub fn expect(&mut self, expected: impl AsRef<[u8]>) -> &mut Self {
        let expected = expected.as_ref();
        let mut received = vec![0; expected.len()];
        let mut at = 0;
        while at < expected.len() {
            let why = match self.socket.read(&mut received[at..]) {
                Ok(0) => "the server closed the connection",
                Ok(count) if received[at..].starts_with(&expected[at..at + count]) => {
                    at += count;
                    continue;
                }
                Ok(count) => {
                    at += count;
                    "the reply is another"
                }
                Err(_) => "nothing more came",
            };
            received.truncate(at);
            self.listen(&mut received);
            panic!("{why}{}", difference(&self.sent, expected, &received));
        }
        self.sent.clear();
        self
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
            match self.socket.read(&mut received[at..]) {
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
            assert!(!byte.is_empty(), "no line; so far: {}", escaped(&line));
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
        self.sent.clear();
        reply
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

    /// Adds what comes within a moment, to show all of a wrong reply.
    fn listen(&mut self, received: &mut Vec<u8>) {
        let _ = self.socket.set_read_timeout(Some(SILENCE));
        received.extend(self.receive(SHOWN));
    }
}

/// How much of a long text a failure shows, in bytes.
const SHOWN: usize = 400;

/// How much of that lies before the first difference.
const BEFORE: usize = 100;

/// Where the reply is another one, and how to see it by hand.
fn difference(sent: &[u8], expected: &[u8], received: &[u8]) -> String {
    let pairs = expected.iter().zip(received);
    let same = pairs.take_while(|(a, b)| a == b).count();
    let from = same.saturating_sub(BEFORE);
    let caret = shortened(&received[..same], from).chars().count();
    format!(
        "\n  sent      {}\n  expected  {}\n  received  {}\n            {}^ byte {same}{}",
        shortened(sent, 0),
        shortened(expected, from),
        shortened(received, from),
        " ".repeat(caret),
        by_hand(sent),
    )
}

/// Some of `bytes`, the first `from` left out.
fn shortened(bytes: &[u8], from: usize) -> String {
    let to = bytes.len().min(from + SHOWN);
    let before = if from > 0 { "…" } else { "" };
    let after = match bytes.len() - to {
        0 => String::new(),
        left => format!("… ({left} bytes more)"),
    };
    format!("{before}{}{after}", escaped(&bytes[from..to]))
}

pub fn escaped(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// A line for the shell that sends the same to a server on the usual port.
fn by_hand(sent: &[u8]) -> String {
    if sent.is_empty() || sent.len() > SHOWN {
        return String::new();
    }
    if let Some(Ok(words)) = words(sent).map(shlex::try_join) {
        return format!("\n  by hand   redis-cli -p 6380 {words}");
    }
    let print = |byte: &u8| match *byte {
        b'\r' => r"\r".to_owned(),
        b'\n' => r"\n".to_owned(),
        b'%' => "%%".to_owned(),
        b' '..=b'~' if !b"\\'".contains(byte) => char::from(*byte).to_string(),
        other => format!(r"\{other:03o}"),
    };
    let text: String = sent.iter().map(print).collect();
    format!("\n  by hand   printf '{text}' | nc 127.0.0.1 6380")
}

/// The arguments of `sent`, if it is one whole command of printable words.
fn words(sent: &[u8]) -> Option<Vec<&str>> {
    let text = str::from_utf8(sent).ok()?.strip_suffix("\r\n")?;
    let mut lines = text.split("\r\n");
    let count: usize = lines.next()?.strip_prefix('*')?.parse().ok()?;
    let mut words = Vec::new();
    while let Some(header) = lines.next() {
        let word = lines.next()?;
        let length: usize = header.strip_prefix('$')?.parse().ok()?;
        if length != word.len() || word.contains(char::is_control) {
            return None;
        }
        words.push(word);
    }
    (words.len() == count).then_some(words)
}

#[test]
fn a_failure_shows_where_the_reply_differs() {
    let sent = b"*2\r\n$4\r\nECHO\r\n$5\r\na 'b'\r\n";
    let text = difference(sent, b"$5\r\na (b)\r\n", b"$5\r\na [b]\r\n");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[2], r"  expected  $5\r\na (b)\r\n");
    assert_eq!(lines[3], r"  received  $5\r\na [b]\r\n");
    assert_eq!(lines[4], "                    ^ byte 6");
    assert_eq!(lines[5], r#"  by hand   redis-cli -p 6380 ECHO "a 'b'""#);
}

#[test]
fn a_failure_can_be_seen_by_hand_without_a_tool_of_redis() {
    let text = by_hand(b"*1\r\n$x\r\n\0%'");
    let line = r"printf '*1\r\n$x\r\n\000%%\047' | nc 127.0.0.1 6380";
    assert_eq!(text, format!("\n  by hand   {line}"));
}
