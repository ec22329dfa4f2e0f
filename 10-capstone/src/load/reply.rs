//! The reply scanner: where the first reply in a buffer ends, and what it contains.
//!
//! This file owns the part of RESP2 that a load generator must understand. It is no full parser: it
//! borrows, allocates nothing, and knows only the replies that the measured commands can have. Any
//! other input is an error and is never skipped.

use std::str::FromStr;

/// One reply, borrowed from the buffer that it was found in.
#[derive(Debug, PartialEq, Eq)]
pub enum Reply<'a> {
    /// `+OK`
    Simple(&'a [u8]),
    /// `-ERR …`, without the dash
    Error(&'a [u8]),
    /// `$5 hello`
    Bulk(&'a [u8]),
    /// `$-1`: no such key
    Null,
    /// `:1`
    Integer(i64),
    /// `*2 $1 a $1 b`: the bulk strings of the array, as they arrived
    Array(&'a [u8]),
}

/// The error for bytes that no measured command can have as its reply.
#[derive(Debug, PartialEq, Eq)]
pub struct Invalid;

/// The reply at the beginning of a buffer and its length; `None` if part of it is missing.
pub type Scan<'a> = Result<Option<(Reply<'a>, usize)>, Invalid>;

/// Scans the first reply in `buffer`.
pub fn scan(buffer: &[u8]) -> Scan<'_> {
    let Some((kind, rest)) = buffer.split_first() else {
        return Ok(None);
    };
    if !b"+-$:*".contains(kind) {
        return Err(Invalid);
    }
    let Some(length) = rest.windows(2).position(|pair| pair == b"\r\n") else {
        return Ok(None);
    };
    let (line, start) = (&rest[..length], length + 3);
    let reply = match kind {
        b'+' => Reply::Simple(line),
        b'-' => Reply::Error(line),
        b':' => Reply::Integer(number(line)?),
        b'*' => return scan_array(buffer, start, number(line)?),
        _ if line == b"-1" => Reply::Null,
        _ => return scan_bulk(buffer, start, number(line)?),
    };
    Ok(Some((reply, start)))
}

/// Scans the body of a bulk string, which begins at `start`.
fn scan_bulk(buffer: &[u8], start: usize, length: u32) -> Scan<'_> {
    let end = start + length as usize;
    match buffer.get(end..end + 2) {
        Some(b"\r\n") => Ok(Some((Reply::Bulk(&buffer[start..end]), end + 2))),
        Some(_) => Err(Invalid),
        None => Ok(None),
    }
}

/// Scans the bulk strings of an array, the first of which begins at `start`.
fn scan_array(buffer: &[u8], start: usize, count: u32) -> Scan<'_> {
    let mut end = start;
    for _ in 0..count {
        if !matches!(buffer.get(end), None | Some(b'$')) {
            return Err(Invalid);
        }
        let Some((_, length)) = scan(&buffer[end..])? else {
            return Ok(None);
        };
        end += length;
    }
    Ok(Some((Reply::Array(&buffer[start..end]), end)))
}

fn number<T: FromStr>(text: &[u8]) -> Result<T, Invalid> {
    let text = std::str::from_utf8(text).map_err(|_| Invalid)?;
    text.parse().map_err(|_| Invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All replies in `buffer`, and what is left of it.
    fn replies(buffer: &[u8]) -> (Vec<Reply<'_>>, usize) {
        let (mut found, mut at) = (Vec::new(), 0);
        while let Ok(Some((reply, length))) = scan(&buffer[at..]) {
            found.push(reply);
            at += length;
        }
        (found, at)
    }

    #[test]
    fn each_kind_is_recognised() {
        let stream = b"+OK\r\n$5\r\nhello\r\n$-1\r\n-ERR no\r\n$0\r\n\r\n$4\r\n\r\n\r\n\r\n\
            :-5\r\n*2\r\n$-1\r\n$1\r\na\r\n*0\r\n";
        let (found, end) = replies(stream);
        assert_eq!(
            found,
            [
                Reply::Simple(b"OK"),
                Reply::Bulk(b"hello"),
                Reply::Null,
                Reply::Error(b"ERR no"),
                Reply::Bulk(b""),
                Reply::Bulk(b"\r\n\r\n"),
                Reply::Integer(-5),
                Reply::Array(b"$-1\r\n$1\r\na\r\n"),
                Reply::Array(b""),
            ]
        );
        assert_eq!(end, stream.len());
    }

    #[test]
    fn every_split_gives_the_same_replies() {
        let stream = b"$5\r\nhello\r\n+OK\r\n$-1\r\n$4\r\n\r\n\r\n\r\n-ERR no\r\n\
            *2\r\n$1\r\na\r\n$-1\r\n:12\r\n";
        let (whole, _) = replies(stream);
        for split in 0..=stream.len() {
            let (mut found, at) = replies(&stream[..split]);
            assert_eq!(scan(&stream[at..split]), Ok(None), "split at {split}");
            let (rest, _) = replies(&stream[at..]);
            found.extend(rest);
            assert_eq!(found, whole, "split at {split}");
        }
    }

    #[test]
    fn what_is_no_reply_is_invalid() {
        for wrong in [
            &b":x\r\n"[..],
            b"*-1\r\n",
            b"*1\r\n:1\r\n",
            b"*1\r\n*1\r\n",
            b"x",
            b"$x\r\n",
            b"$-2\r\n",
            b"$1\r\nabc",
            b"$4294967296\r\n",
        ] {
            assert_eq!(scan(wrong), Err(Invalid), "{wrong:?}");
        }
    }
}
