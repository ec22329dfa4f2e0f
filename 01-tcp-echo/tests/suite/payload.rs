//! How a payload goes out and comes back: an echo server returns the bytes.

/// What to send so that `payload` comes back.
pub fn request(payload: &[u8]) -> Vec<u8> {
    payload.to_vec()
}

/// What comes back.
pub fn reply(payload: &[u8]) -> Vec<u8> {
    payload.to_vec()
}
