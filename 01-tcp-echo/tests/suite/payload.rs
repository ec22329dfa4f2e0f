//! How a payload goes out and comes back: an echo server returns the bytes.

/// What to send so that `payload` comes back.
pub fn request(payload: &[u8]) -> Vec<u8> {
    payload.to_vec()
}

/// What comes back.
pub fn reply(payload: &[u8]) -> Vec<u8> {
    payload.to_vec()
}

/// An echo server holds one read buffer for a client that does not read.
/// In KiB, with room for the server's own start.
pub const HELD_FOR_SLOW_READER: u64 = 4 * 1024;
