//! The reply scanner: where the first reply in a buffer ends, and what it says.
//!
//! This file owns the little of RESP2 that a load generator must understand. It
//! is no parser: it borrows, allocates nothing, and knows only the replies that
//! GET and SET can have. What it does not know is an error, never skipped.

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
}

/// What the buffer starts with.
#[derive(Debug, PartialEq, Eq)]
pub enum Scan<'a> {
    /// A whole reply, and its length in the buffer.
    Reply(Reply<'a>, usize),
    /// The beginning of a reply: read more.
    Incomplete,
    /// No reply that GET or SET can have.
    Invalid,
}

/// Looks at the first reply in `buffer`.
pub fn scan(buffer: &[u8]) -> Scan<'_> {
    let Some((&kind, rest)) = buffer.split_first() else {
        return Scan::Incomplete;
    };
    if !b"+-$".contains(&kind) {
        return Scan::Invalid;
    }
    let Some(line) = first_line(rest) else {
        return Scan::Incomplete;
    };
    let after_line = 1 + line.len() + 2;
    match kind {
        b'+' => Scan::Reply(Reply::Simple(line), after_line),
        b'-' => Scan::Reply(Reply::Error(line), after_line),
        _ => scan_bulk(buffer, line, after_line),
    }
}

/// Looks at the body of a bulk string, whose length was announced in `header`.
fn scan_bulk<'a>(buffer: &'a [u8], header: &[u8], start: usize) -> Scan<'a> {
    if header == b"-1" {
        return Scan::Reply(Reply::Null, start);
    }
    let Some(length) = std::str::from_utf8(header)
        .ok()
        .and_then(|text| text.parse::<u32>().ok())
    else {
        return Scan::Invalid;
    };
    let end = start + length as usize;
    match buffer.get(end..end + 2) {
        Some(b"\r\n") => Scan::Reply(Reply::Bulk(&buffer[start..end]), end + 2),
        Some(_) => Scan::Invalid,
        None => Scan::Incomplete,
    }
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
        let stream = b"+OK\r\n$5\r\nhello\r\n$-1\r\n-ERR no\r\n$0\r\n\r\n$4\r\n\r\n\r\n\r\n";
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
            ]
        );
        assert_eq!(end, stream.len());
    }

    #[test]
    fn every_split_gives_the_same_replies() {
        let stream = b"$5\r\nhello\r\n+OK\r\n$-1\r\n$4\r\n\r\n\r\n\r\n-ERR no\r\n";
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
            &b":1\r\n"[..],
            b"*1\r\n",
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
