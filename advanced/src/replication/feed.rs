//! The feed: the bytes that some replica has still to be sent, and how many there were before
//! (the replication buffer of Redis's `replication.c`, without a backlog).

use std::collections::VecDeque;

use bytes::BytesMut;

/// The feed is kept in pieces of about this size, in bytes. A piece that all replicas have been sent
/// is dropped as a whole.
pub const PIECE: usize = 64 * 1024;

/// Says to which database the commands that follow belong. There is one, and Redis says so, too.
pub const SELECT: &[u8] = b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n";

#[derive(Debug, Default)]
pub struct Feed {
    pieces: VecDeque<BytesMut>,
    /// The offset at which the first piece begins, and the one at which the last ends.
    start: i64,
    end: i64,
}

impl Feed {
    /// An empty feed that goes on at `offset`.
    pub fn at(offset: i64) -> Self {
        Self {
            start: offset,
            end: offset,
            pieces: VecDeque::new(),
        }
    }

    pub fn end(&self) -> i64 {
        self.end
    }

    /// Adds what `write` appends to a piece.
    pub fn extend(&mut self, write: impl FnOnce(&mut BytesMut)) {
        if self.pieces.back().is_none_or(|last| last.len() >= PIECE) {
            self.pieces.push_back(BytesMut::new());
        }
        if let Some(last) = self.pieces.back_mut() {
            let before = last.len();
            write(last);
            self.end += (last.len() - before) as i64;
        }
    }

    /// Adds bytes that nobody will read.
    pub fn skip(&mut self, bytes: i64) {
        self.end += bytes;
        self.start = self.end;
        self.pieces.clear();
    }

    /// Adds up to `most` bytes from `offset` on to `output`. Returns the offset after them.
    pub fn read(&self, offset: i64, output: &mut BytesMut, most: usize) -> i64 {
        let mut skip = (offset - self.start).max(0) as usize;
        let mut missing = most;
        for piece in &self.pieces {
            let part = piece.get(skip..).unwrap_or_default();
            skip = skip.saturating_sub(piece.len());
            let part = &part[..part.len().min(missing)];
            output.extend_from_slice(part);
            missing -= part.len();
            if missing == 0 {
                break;
            }
        }
        offset + (most - missing) as i64
    }

    /// Drops the pieces that end at `first` or before.
    pub fn trim(&mut self, first: i64) {
        while let Some(piece) = self.pieces.front() {
            let end = self.start + piece.len() as i64;
            if end > first {
                return;
            }
            self.start = end;
            self.pieces.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn returns(received: i64, expected: i64) {
        assert!(
            received == expected,
            "`read` returns the offset after the last byte that it has appended\n  \
             expected  {expected}\n  received  {received}"
        );
    }

    #[test]
    fn every_reader_gets_every_byte_in_order() {
        let mut feed = Feed::at(1000);
        let bytes: Vec<u8> = (0..300_000u32).map(|i| (i % 251) as u8).collect();
        for part in bytes.chunks(777) {
            feed.extend(|piece| piece.extend_from_slice(part));
        }
        let (end, expected) = (feed.end(), 1000 + bytes.len() as i64);
        assert!(
            end == expected,
            "`extend` moves the end of the feed\n  expected  {expected}\n  received  {end}"
        );
        // What is read may lie in many pieces.
        let mut all = BytesMut::new();
        returns(feed.read(1000, &mut all, usize::MAX), end);
        assert!(all == bytes, "one `read` of everything gets other bytes");
        let (mut slow, mut fast) = (BytesMut::new(), BytesMut::new());
        let (mut slow_at, mut fast_at) = (1000, 1000);
        while slow_at < end {
            let next = |at: i64, most: i64| (at + most).min(end);
            let (fast_next, slow_next) = (next(fast_at, 50_000), next(slow_at, 1234));
            fast_at = feed.read(fast_at, &mut fast, 50_000);
            returns(fast_at, fast_next);
            slow_at = feed.read(slow_at, &mut slow, 1234);
            returns(slow_at, slow_next);
            feed.trim(slow_at.min(fast_at));
        }
        assert!(fast == bytes, "the fast reader gets other bytes");
        assert!(slow == bytes, "the slow reader gets other bytes");
        feed.trim(end);
        assert!(
            feed.pieces.is_empty(),
            "everybody has everything, and `trim` keeps a piece"
        );
    }

    #[test]
    fn skipped_bytes_count() {
        let mut feed = Feed::default();
        feed.skip(10);
        feed.extend(|piece| piece.extend_from_slice(b"abc"));
        let mut output = BytesMut::new();
        returns(feed.read(10, &mut output, 100), 13);
        assert!(
            output[..] == b"abc"[..],
            "ten bytes were skipped, and then `abc` was added\n  \
             expected  abc\n  received  {}",
            output.escape_ascii()
        );
    }
}
