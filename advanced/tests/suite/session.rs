//! A connection that shows replies as the bytes they are, for the suites that
//! compare them with Redis's.

use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread::panicking;
use std::time::Duration;

use crate::client::failure::{End, Failure};
use crate::client::history::History;
use crate::client::{patience, read};

pub const OK: &str = "+OK\r\n";
pub const NULL: &str = "$-1\r\n";
pub const SYNTAX: &str = "-ERR syntax error\r\n";
pub const NOT_AN_INTEGER: &str = "-ERR value is not an integer or out of range\r\n";

/// How long to listen for what must not come.
const SILENCE: Duration = Duration::from_millis(50);

/// The reply `text` as a bulk string.
pub fn bulk(text: impl AsRef<[u8]>) -> Vec<u8> {
    let text = text.as_ref();
    let mut reply = format!("${}\r\n", text.len()).into_bytes();
    reply.extend_from_slice(text);
    reply.extend_from_slice(b"\r\n");
    reply
}

pub fn int(number: i64) -> String {
    format!(":{number}\r\n")
}

/// What Redis says when `name` gets the wrong number of arguments.
pub fn arity(name: &str) -> String {
    format!("-ERR wrong number of arguments for '{name}' command\r\n")
}

/// The command in `args` as it is sent.
pub fn encode<T: AsRef<[u8]>>(args: &[T]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args {
        bytes.extend(bulk(arg));
    }
    bytes
}

/// One connection to a server.
pub struct Session {
    socket: TcpStream,
    received: Vec<u8>,
    /// Everything before this position has been handed out.
    taken: usize,
    /// The last exchange that was right: what was sent, and its reply. Until more
    /// is sent, nothing more may come.
    settled: Option<(Vec<u8>, Vec<u8>)>,
    /// What was sent before that.
    history: History,
}

impl Session {
    pub fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).expect("connect");
        socket.set_read_timeout(Some(patience())).expect("timeout");
        socket.set_nodelay(true).expect("nodelay");
        Self {
            socket,
            received: Vec::new(),
            taken: 0,
            settled: None,
            history: History::default(),
        }
    }

    #[track_caller]
    pub fn send(&mut self, bytes: &[u8]) {
        self.nothing_waits();
        if let Some((sent, reply)) = self.settled.take() {
            self.history.add(&sent, &reply);
        }
        self.socket.write_all(bytes).expect("send");
    }

    /// The next reply, every byte of it.
    pub fn reply(&mut self) -> Vec<u8> {
        let start = self.taken;
        let mut frames = 1;
        while frames > 0 {
            frames = frames - 1 + self.frame();
        }
        let reply = self.received[start..self.taken].to_vec();
        self.received.drain(..self.taken);
        self.taken = 0;
        reply
    }

    /// Sends one command and waits for its reply.
    pub fn call<T: AsRef<[u8]>>(&mut self, args: &[T]) -> Vec<u8> {
        let sent = encode(args);
        self.send(&sent);
        let reply = self.reply();
        self.history.add(&sent, &reply);
        reply
    }

    /// Sends `command`, whose arguments are the words of the line, and compares
    /// the reply with `expected`.
    #[track_caller]
    pub fn expect(&mut self, command: &str, expected: impl AsRef<[u8]>) {
        let args: Vec<&str> = command.split(' ').collect();
        self.expect_args(&args, expected);
    }

    /// The same for arguments that hold spaces or are not text.
    #[track_caller]
    pub fn expect_args<T: AsRef<[u8]>>(&mut self, args: &[T], expected: impl AsRef<[u8]>) {
        let sent = encode(args);
        self.send(&sent);
        let expected = expected.as_ref();
        while self.received.len() < expected.len() && expected.starts_with(&self.received) {
            if let Err(end) = self.try_receive() {
                self.fail(&sent, expected, end);
            }
        }
        if !self.received.starts_with(expected) {
            self.fail(&sent, expected, End::Differs);
        }
        self.received.drain(..expected.len());
        self.settled = Some((sent, expected.to_vec()));
        self.nothing_waits();
    }

    #[track_caller]
    fn fail(&self, sent: &[u8], expected: &[u8], end: End) -> ! {
        let failure = Failure {
            sent,
            history: &self.history,
            expected,
            received: &self.received,
            end,
        };
        panic!("{}", failure.text());
    }

    /// Fails if the last right reply had something behind it.
    #[track_caller]
    fn nothing_waits(&mut self) {
        if let Some((sent, reply)) = &self.settled
            && !self.received.is_empty()
        {
            let failure = Failure {
                sent,
                history: &self.history,
                expected: reply,
                received: &[reply, &self.received[..]].concat(),
                end: End::Extra,
            };
            panic!("{}", failure.text());
        }
    }

    /// The strings of a reply that is an array of bulk strings.
    pub fn strings<T: AsRef<[u8]>>(&mut self, args: &[T]) -> Vec<Vec<u8>> {
        strings(&self.call(args))
    }

    /// Takes one line and, if it announces a string, the string; returns how
    /// many replies belong to it and are still to come.
    fn frame(&mut self) -> usize {
        let line = loop {
            let rest = &self.received[self.taken..];
            match rest.windows(2).position(|two| two == b"\r\n") {
                Some(end) => break rest[..end].to_vec(),
                None => self.receive(),
            }
        };
        self.taken += line.len() + 2;
        let count = || -> i64 {
            let digits = String::from_utf8_lossy(&line[1..]);
            digits.parse().expect("a length")
        };
        match line[0] {
            b'$' | b'=' if count() >= 0 => {
                self.taken += count() as usize + 2;
                while self.received.len() < self.taken {
                    self.receive();
                }
                0
            }
            b'*' | b'~' if count() > 0 => count() as usize,
            b'%' => 2 * count() as usize,
            _ => 0,
        }
    }

    /// Adds what comes next to what was received.
    #[track_caller]
    fn receive(&mut self) {
        if let Err(end) = self.try_receive() {
            let received = shown(&self.received);
            panic!("the reply does not end ({end:?}); so far: {received}");
        }
    }

    fn try_receive(&mut self) -> Result<(), End> {
        let mut buffer = vec![0; 64 * 1024];
        match read(&mut self.socket, &mut buffer) {
            Ok(0) => Err(End::Closed),
            Ok(length) => {
                self.received.extend_from_slice(&buffer[..length]);
                Ok(())
            }
            Err(error) => Err(End::of(&error)),
        }
    }
}

/// After the last reply nothing may come; see the client of raw bytes.
impl Drop for Session {
    fn drop(&mut self) {
        if self.settled.is_some() && !panicking() && self.socket.shutdown(Shutdown::Write).is_ok() {
            let _ = self.socket.set_read_timeout(Some(SILENCE));
            let _ = self.try_receive();
            self.nothing_waits();
        }
    }
}

/// All bulk strings in a reply, wherever they are.
pub fn strings(reply: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut rest = reply;
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let line = &rest[..end];
        rest = &rest[end + 2..];
        if let Some(digits) = line.strip_prefix(b"$") {
            let length: i64 = String::from_utf8_lossy(digits).parse().expect("a length");
            if let Ok(length) = usize::try_from(length) {
                found.push(rest[..length].to_vec());
                rest = &rest[length + 2..];
            }
        }
    }
    found
}

/// Bytes for a person to read, the first few hundred of them.
pub fn shown(bytes: &[u8]) -> String {
    let start = &bytes[..bytes.len().min(400)];
    format!("\"{}\" ({} bytes)", start.escape_ascii(), bytes.len())
}
