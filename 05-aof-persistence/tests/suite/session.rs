//! A connection that shows replies as the bytes they are, for the suites that
//! compare them with Redis's.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

pub const OK: &str = "+OK\r\n";
pub const NULL: &str = "$-1\r\n";
pub const SYNTAX: &str = "-ERR syntax error\r\n";
pub const NOT_AN_INTEGER: &str = "-ERR value is not an integer or out of range\r\n";

/// How long a reply may take. Only a broken server takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

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
}

impl Session {
    pub fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).expect("connect");
        socket.set_read_timeout(Some(PATIENCE)).expect("timeout");
        socket.set_nodelay(true).expect("nodelay");
        Self {
            socket,
            received: Vec::new(),
            taken: 0,
        }
    }

    pub fn send(&mut self, bytes: &[u8]) {
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
        self.send(&encode(args));
        self.reply()
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
        let reply = self.call(args);
        let expected = expected.as_ref();
        assert!(
            reply == expected,
            "command:  {}\nreply:    {}\nexpected: {}",
            args.iter()
                .map(|arg| shown(arg.as_ref()))
                .collect::<Vec<_>>()
                .join(" "),
            shown(&reply),
            shown(expected)
        );
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

    fn receive(&mut self) {
        let mut buffer = vec![0; 64 * 1024];
        let length = self.socket.read(&mut buffer).expect("a reply");
        assert!(length > 0, "the server hung up");
        self.received.extend_from_slice(&buffer[..length]);
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
