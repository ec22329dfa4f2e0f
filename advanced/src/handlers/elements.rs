//! Replies with many elements. One by one, each would make room for itself in the output; here there
//! is room for several, and each is written where the one before it ends.

use bytes::BytesMut;

use crate::objects::Element;
use crate::resp::Reply;

/// So much room is made at a time, in bytes.
const ROOM: usize = 1024;

/// What a bulk string takes besides its bytes, at most: `$`, a length, and two ends of lines.
const AROUND: usize = 32;

/// The elements of a reply, at the end of the output.
pub struct Elements<'a> {
    output: &'a mut BytesMut,
    /// Where the last one ends. What follows is room.
    end: usize,
}

impl<'a> Elements<'a> {
    pub fn new(reply: &'a mut Reply<'_>) -> Self {
        let output = reply.encoded();
        let end = output.len();
        Self { output, end }
    }

    /// Adds an element as a bulk string.
    #[inline]
    pub fn put(&mut self, element: Element<'_>) {
        self.bulk(element.bytes(&mut itoa::Buffer::new()));
    }

    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        let needed = bytes.len() + AROUND;
        if self.output.len() - self.end < needed {
            self.output.resize(self.end + needed.max(ROOM), 0);
        }
        let room = &mut self.output[self.end..];
        let start = put_header(room, bytes.len());
        let end = start + bytes.len();
        room[start..end].copy_from_slice(bytes);
        room[end..end + 2].copy_from_slice(b"\r\n");
        self.end += end + 2;
    }
}

impl Drop for Elements<'_> {
    fn drop(&mut self) {
        self.output.truncate(self.end);
    }
}

/// Writes `$<length>\r\n`. Returns how many bytes that takes.
#[inline]
fn put_header(room: &mut [u8], length: usize) -> usize {
    let digit = |number: usize| b'0' + number as u8;
    match length {
        0..10 => {
            room[..4].copy_from_slice(&[b'$', digit(length), b'\r', b'\n']);
            4
        }
        10..100 => {
            let (tens, ones) = (digit(length / 10), digit(length % 10));
            room[..5].copy_from_slice(&[b'$', tens, ones, b'\r', b'\n']);
            5
        }
        _ => {
            let mut digits = itoa::Buffer::new();
            let digits = digits.format(length).as_bytes();
            let end = 1 + digits.len();
            room[0] = b'$';
            room[1..end].copy_from_slice(digits);
            room[end..end + 2].copy_from_slice(b"\r\n");
            end + 2
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::Protocol;

    #[test]
    fn elements_are_bulk_strings_of_any_length() {
        let (mut output, mut expected) = (BytesMut::from("*2\r\n"), BytesMut::from("*2\r\n"));
        let lengths = [0, 1, 9, 10, 63, 99, 100, 990, 1000, 1024, 70_000, 5];
        let text = vec![b'x'; 70_000];
        let mut reply = Reply::new(&mut output, Protocol::Resp2);
        let mut elements = Elements::new(&mut reply);
        for length in lengths {
            elements.put(Element::Text(&text[..length]));
            Reply::new(&mut expected, Protocol::Resp2).bulk(&text[..length]);
        }
        elements.put(Element::Integer(-12));
        drop(elements);
        Reply::new(&mut expected, Protocol::Resp2).bulk(b"-12");
        assert_eq!(output, expected);
    }
}
