//! The digest of a data set, for DEBUG DIGEST (`debug.c` in Redis): two servers with the same
//! digest have the same data, however each of them keeps it.

use sha1_smol::Sha1;

/// Forty hexadecimal digits when it is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Digest([u8; 20]);

impl Digest {
    /// Adds `bytes` such that their order among what is added does not matter (`xorDigest`).
    pub fn add(&mut self, bytes: &[u8]) {
        for (byte, hashed) in self.0.iter_mut().zip(sha1(bytes)) {
            *byte ^= hashed;
        }
    }

    /// Adds `bytes` such that their order matters (`mixDigest`).
    pub fn append(&mut self, bytes: &[u8]) {
        self.add(bytes);
        self.0 = sha1(&self.0);
    }

    /// Adds another digest, in any order.
    pub fn add_digest(&mut self, other: Self) {
        self.add(&other.0);
    }
}

fn sha1(bytes: &[u8]) -> [u8; 20] {
    Sha1::from(bytes).digest().bytes()
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
