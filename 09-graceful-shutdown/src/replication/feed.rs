//! The feed: the bytes that replicas have not all got yet, and how many there were before.

use std::collections::VecDeque;

use bytes::BytesMut;

/// The feed is kept in pieces of about this size, in bytes; a piece that everybody has got
/// is dropped as a whole.
const PIECE: usize = 64 * 1024;

/// To which database the commands that follow belong. There is one, but a stock Redis
/// wants to know.
const SELECT: &[u8] = b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n";

#[derive(Debug, Default)]
pub struct Feed {
    pieces: VecDeque<BytesMut>,
    /// The offset at which the first piece begins, and the one at which the last ends.
    start: i64,
    end: i64,
    /// A replica has come to which nobody has said SELECT.
    wants_select: bool,
}

impl Feed {
    /// An empty feed that goes on at `offset`.
    pub fn at(offset: i64) -> Self {
        Self {
            start: offset,
            end: offset,
            ..Self::default()
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

    pub fn reselect_database(&mut self) {
        self.wants_select = true;
    }

    /// Says which database what follows belongs to, if that has to be said.
    pub fn select_database(&mut self) {
        if std::mem::take(&mut self.wants_select) {
            self.extend(|feed| feed.extend_from_slice(SELECT));
        }
    }

    /// Adds up to `most` bytes from `offset` on to `output`; the offset behind them.
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

    #[test]
    fn every_reader_gets_every_byte_in_order() {
        let mut feed = Feed::at(1000);
        let bytes: Vec<u8> = (0..300_000u32).map(|i| (i % 251) as u8).collect();
        for part in bytes.chunks(777) {
            feed.extend(|piece| piece.extend_from_slice(part));
        }
        assert_eq!(feed.end(), 1000 + bytes.len() as i64);
        let (mut slow, mut fast) = (BytesMut::new(), BytesMut::new());
        let (mut slow_at, mut fast_at) = (1000, 1000);
        while slow_at < feed.end() {
            fast_at = feed.read(fast_at, &mut fast, 50_000);
            slow_at = feed.read(slow_at, &mut slow, 1234);
            feed.trim(slow_at.min(fast_at));
        }
        assert!(slow == bytes && fast == bytes);
        feed.trim(feed.end());
        assert!(feed.pieces.is_empty());
    }

    #[test]
    fn skipped_bytes_count() {
        let mut feed = Feed::default();
        feed.skip(10);
        feed.extend(|piece| piece.extend_from_slice(b"abc"));
        let mut output = BytesMut::new();
        assert_eq!(feed.read(10, &mut output, 100), 13);
        assert_eq!(&output[..], b"abc");
    }
}
