//! How a payload goes out and comes back: as the argument of ECHO, and as its
//! reply, a bulk string.

/// What to send so that `payload` comes back.
pub fn request(payload: &[u8]) -> Vec<u8> {
    [b"*2\r\n$4\r\nECHO\r\n", reply(payload).as_slice()].concat()
}

/// What comes back.
pub fn reply(payload: &[u8]) -> Vec<u8> {
    let header = format!("${}\r\n", payload.len()).into_bytes();
    [header.as_slice(), payload, b"\r\n"].concat()
}

/// Replies may wait for a client that does not read, up to a bound.
/// In KiB, with room for the server's own start.
pub const HELD_FOR_SLOW_READER: u64 = 128 * 1024;
