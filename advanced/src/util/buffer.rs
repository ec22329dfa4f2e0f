//! Helpers for the buffers of a connection.

use bytes::{Buf, BytesMut};

/// Removes the first `length` bytes. If these are all, the buffer starts at its beginning again, so
/// that the next bytes find room without a search.
pub fn remove_front(buffer: &mut BytesMut, length: usize) {
    match length == buffer.len() {
        true => buffer.clear(),
        false => buffer.advance(length),
    }
}
