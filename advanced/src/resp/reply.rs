//! Replies: what a command answers becomes bytes (`addReply…` in Redis's `networking.c`).

use bytes::{BufMut, BytesMut};

use super::Protocol;

/// Encodes replies at the end of a connection's output buffer.
///
/// A command says what it means (a map, a null, a double), and the protocol
/// decides how that looks: RESP3 has a type for each, RESP2 falls back on arrays
/// and strings. A reply is written as it is made; there is no tree in between.
pub struct Reply<'a> {
    output: &'a mut BytesMut,
    pub protocol: Protocol,
}

impl<'a> Reply<'a> {
    pub fn new(output: &'a mut BytesMut, protocol: Protocol) -> Self {
        Self { output, protocol }
    }

    /// How many bytes of replies wait in the output.
    pub fn len(&self) -> usize {
        self.output.len()
    }

    /// `+OK`, the most common reply.
    pub fn ok(&mut self) {
        self.output.put_slice(b"+OK\r\n");
    }

    /// A short text of ours, such as `+PONG`. It must hold no newline.
    pub fn simple(&mut self, text: &str) {
        self.line(b'+', text.as_bytes());
    }

    /// An error. Its first word, in capitals, is the code that clients look at.
    /// It may quote what a client sent, so newlines become blanks; at the end they
    /// are left out.
    pub fn error(&mut self, text: &[u8]) {
        let newline = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let last = text.iter().rposition(|byte| !newline(byte));
        let clean: Vec<u8> = text[..last.map_or(0, |last| last + 1)]
            .iter()
            .map(|b| if newline(b) { b' ' } else { *b })
            .collect();
        self.line(b'-', &clean);
    }

    pub fn integer(&mut self, value: i64) {
        self.line(b':', itoa::Buffer::new().format(value).as_bytes());
    }

    /// A binary-safe string.
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.output.reserve(bytes.len() + 32);
        self.header(b'$', bytes.len());
        self.output.put_slice(bytes);
        self.output.put_slice(b"\r\n");
    }

    /// Text to be shown as it is.
    pub fn verbatim(&mut self, text: &str) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(text.as_bytes()),
            Protocol::Resp3 => {
                self.header(b'=', text.len() + 4);
                self.output.put_slice(b"txt:");
                self.output.put_slice(text.as_bytes());
                self.output.put_slice(b"\r\n");
            }
        }
    }

    /// Null: there is no such value.
    pub fn null(&mut self) {
        self.output.put_slice(match self.protocol {
            Protocol::Resp2 => b"$-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        });
    }

    /// Null in the place of an array.
    pub fn null_array(&mut self) {
        match self.protocol {
            Protocol::Resp2 => self.output.put_slice(b"*-1\r\n"),
            Protocol::Resp3 => self.null(),
        }
    }

    /// An array; `length` replies must follow.
    pub fn array(&mut self, length: usize) {
        self.header(b'*', length);
    }

    /// A map; `length` pairs of replies must follow.
    pub fn map(&mut self, length: usize) {
        match self.protocol {
            Protocol::Resp2 => self.header(b'*', length * 2),
            Protocol::Resp3 => self.header(b'%', length),
        }
    }

    /// A set; `length` replies must follow.
    pub fn set(&mut self, length: usize) {
        match self.protocol {
            Protocol::Resp2 => self.header(b'*', length),
            Protocol::Resp3 => self.header(b'~', length),
        }
    }

    /// A push message, which is not the reply to a command; `length` replies must follow.
    pub fn push(&mut self, length: usize) {
        match self.protocol {
            Protocol::Resp2 => self.header(b'*', length),
            Protocol::Resp3 => self.header(b'>', length),
        }
    }

    /// The output buffer itself, for bytes that are already encoded.
    pub fn encoded(&mut self) -> &mut BytesMut {
        self.output
    }

    /// An array of bulk strings.
    pub fn bulks(&mut self, items: &[&[u8]]) {
        self.array(items.len());
        for item in items {
            self.bulk(item);
        }
    }

    fn header(&mut self, kind: u8, length: usize) {
        self.line(kind, itoa::Buffer::new().format(length).as_bytes());
    }

    fn line(&mut self, kind: u8, text: &[u8]) {
        self.output.put_u8(kind);
        self.output.put_slice(text);
        self.output.put_slice(b"\r\n");
    }
}
