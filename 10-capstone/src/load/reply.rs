//! The reply scanner: where the first reply in a buffer ends, and what it says.
//!
//! This file owns the little of RESP2 that a load generator must understand. It
//! is no parser: it borrows, allocates nothing, and knows only the replies that
//! its commands can have. What it does not know is an error, never skipped.

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
    /// `*2 $1 a $1 b`: its bulk strings, one after the other as they came
    Array(&'a [u8]),
}

/// What the buffer starts with.
#[derive(Debug, PartialEq, Eq)]
pub enum Scan<'a> {
    /// A whole reply, and its length in the buffer.
    Reply(Reply<'a>, usize),
    /// The beginning of a reply: read more.
    Incomplete,
    /// No reply that a command of ours can have.
    Invalid,
}

/// Looks at the first reply in `buffer`.
pub fn scan(buffer: &[u8]) -> Scan<'_> {
    let Some((&kind, rest)) = buffer.split_first() else {
        return Scan::Incomplete;
    };
    if !b"+-$:*".contains(&kind) {
        return Scan::Invalid;
    }
    let Some(line) = first_line(rest) else {
        return Scan::Incomplete;
    };
    let after_line = 1 + line.len() + 2;
    match kind {
        b'+' => Scan::Reply(Reply::Simple(line), after_line),
        b'-' => Scan::Reply(Reply::Error(line), after_line),
        b':' => match number(line) {
            Some(number) => Scan::Reply(Reply::Integer(number), after_line),
            None => Scan::Invalid,
        },
        b'*' => scan_array(buffer, line, after_line),
        _ => scan_bulk(buffer, line, after_line),
    }
}

/// Looks at the body of a bulk string, whose length was announced in `header`.
fn scan_bulk<'a>(buffer: &'a [u8], header: &[u8], start: usize) -> Scan<'a> {
    if header == b"-1" {
        return Scan::Reply(Reply::Null, start);
    }
    let Some(length) = number::<u32>(header) else {
        return Scan::Invalid;
    };
    let end = start + length as usize;
    match buffer.get(end..end + 2) {
        Some(b"\r\n") => Scan::Reply(Reply::Bulk(&buffer[start..end]), end + 2),
        Some(_) => Scan::Invalid,
        None => Scan::Incomplete,
    }
}

/// Looks at the bulk strings of an array, whose number was announced in `header`.
fn scan_array<'a>(buffer: &'a [u8], header: &[u8], start: usize) -> Scan<'a> {
    let Some(count) = number::<u32>(header) else {
        return Scan::Invalid;
    };
    let mut end = start;
    for _ in 0..count {
        match (buffer.get(end), scan(&buffer[end..])) {
            (Some(b'$'), Scan::Reply(_, length)) => end += length,
            (None, _) | (Some(b'$'), Scan::Incomplete) => return Scan::Incomplete,
            _ => return Scan::Invalid,
        }
    }
    Scan::Reply(Reply::Array(&buffer[start..end]), end)
}

fn number<T: FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The bytes up to the first `\r\n`, when that has arrived.
fn first_line(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    Some(&bytes[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All replies in `buffer`, and what is left of it.
    fn replies(buffer: &[u8]) -> (Vec<Reply<'_>>, usize) {
        let (mut found, mut at) = (Vec::new(), 0);
        while let Scan::Reply(reply, length) = scan(&buffer[at..]) {
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
            assert_eq!(
                scan(&stream[at..split]),
                Scan::Incomplete,
                "split at {split}"
            );
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
            assert_eq!(scan(wrong), Scan::Invalid, "{wrong:?}");
        }
    }
}
