//! Helpers for the buffers of a connection.

use bytes::{Buf, BytesMut};

/// A buffer larger than this, in bytes, is freed once it is empty. Ten thousand clients that once
/// sent a lot should cost little, too.
pub const KEPT_BUFFER: usize = 4 * 1024;

/// Removes the first `length` bytes.
pub fn remove_front(buffer: &mut BytesMut, length: usize) {
    match length == buffer.len() {
        true => buffer.clear(),
        false => cut(buffer, length),
    }
}

/// Removes the first `length` bytes, which are not all.
///
/// They no longer count as capacity, but their memory is still in use. So if little is left of a
/// large buffer, that moves to a new one: a buffer with a small capacity takes little memory.
#[cold]
fn cut(buffer: &mut BytesMut, length: usize) {
    match buffer.len() - length <= KEPT_BUFFER && buffer.capacity() > KEPT_BUFFER {
        true => *buffer = BytesMut::from(&buffer[length..]),
        false => buffer.advance(length),
    }
}

/// Frees a large buffer once it is empty: one large value is no reason to keep its memory.
pub fn give_back(buffer: &mut BytesMut) {
    if buffer.is_empty() && buffer.capacity() > KEPT_BUFFER {
        *buffer = BytesMut::new();
    }
}
