//! LZF compression (`lzf_c.c` in Redis, by Marc Lehmann).
//!
//! Compressed data is a sequence of two things. A byte below 32 says that as many bytes and one
//! more follow as they are. Any other byte, with one or two bytes after it, says "what stood so
//! many bytes before, for so long":
//!
//! ```text
//! 000LLLLL  <L+1 bytes>             these bytes
//! LLLooooo  oooooooo                L+2 bytes from o+1 bytes before; L is 1 to 6
//! 111ooooo  LLLLLLLL  oooooooo      L+9 bytes from o+1 bytes before
//! ```
//!
//! To find what stood before, there is a table from the hash of three bytes to where they
//! stood last. The crates that compress LZF clear that table, a quarter of a megabyte,
//! for every string, which takes longer than to compress a short one. Ours
//! is never cleared: what it says of earlier strings is recognised by its position.
//! To decompress needs no table, and a crate does it.

/// The number of bits of a hash that select an entry of the table.
const HASH_BITS: u32 = 14;

/// How far back a reference may point, in bytes.
const MAX_DISTANCE: usize = 1 << 13;

/// The greatest length of a match, in bytes.
const MAX_MATCH: usize = 264;

/// The greatest number of bytes that one control byte announces as they are.
const MAX_LITERALS: usize = 32;

/// A compressed string must be shorter by this many bytes, as in Redis.
const MIN_GAIN: usize = 5;

/// Compresses one string after another.
pub struct Compressor {
    /// Where three bytes with some hash were seen last, counted over all strings.
    table: Vec<usize>,
    /// Where the current string begins, counted over all strings.
    start: usize,
    output: Vec<u8>,
}

impl Default for Compressor {
    fn default() -> Self {
        Self {
            table: vec![0; 1 << HASH_BITS],
            start: 1,
            output: Vec::new(),
        }
    }
}

impl Compressor {
    /// Compresses `input`. `None` if the result would not be shorter by `MIN_GAIN` bytes.
    pub fn compress(&mut self, input: &[u8]) -> Option<Vec<u8>> {
        let is_shorter = self.try_compress(input);
        self.start += input.len();
        is_shorter.then(|| self.output.clone())
    }

    /// Writes the compressed string to `output`. False as soon as it cannot be short enough.
    fn try_compress(&mut self, input: &[u8]) -> bool {
        self.output.clear();
        let limit = input.len().saturating_sub(MIN_GAIN);
        let mut literals = 0;
        let mut here = 0;
        while here + 2 < input.len() {
            if self.output.len() + (here - literals) > limit {
                return false;
            }
            match self.find(input, here) {
                Some((distance, length)) => {
                    self.put_literals(&input[literals..here]);
                    self.put_reference(distance, length);
                    here += length;
                    literals = here;
                }
                None => here += 1,
            }
        }
        self.put_literals(&input[literals..]);
        self.output.len() + MIN_GAIN <= input.len()
    }

    /// Looks for the bytes at `here` earlier in `input`. Returns how far back they are, and how
    /// many bytes are the same, at least three.
    fn find(&mut self, input: &[u8], here: usize) -> Option<(usize, usize)> {
        let position = self.start + here;
        let before = std::mem::replace(&mut self.table[hash(&input[here..])], position);
        // An earlier string's positions lie before our start.
        let before = before.checked_sub(self.start)?;
        let distance = here.checked_sub(before).filter(|distance| *distance > 0)?;
        if distance > MAX_DISTANCE {
            return None;
        }
        let old = input[before..].iter();
        let new = input[here..].iter().take(MAX_MATCH);
        let length = old.zip(new).take_while(|(old, new)| old == new).count();
        (length >= 3).then_some((distance, length))
    }

    fn put_literals(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(MAX_LITERALS) {
            self.output.push(piece.len() as u8 - 1);
            self.output.extend_from_slice(piece);
        }
    }

    fn put_reference(&mut self, distance: usize, length: usize) {
        let [high, low] = (distance as u16 - 1).to_be_bytes();
        match length - 2 {
            short @ ..7 => self.output.push((short as u8) << 5 | high),
            long => {
                self.output.push(7 << 5 | high);
                self.output.push((long - 7) as u8);
            }
        }
        self.output.push(low);
    }
}

/// Hashes the first three bytes to an index of the table.
fn hash(bytes: &[u8]) -> usize {
    let three = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]);
    (three.wrapping_mul(0x9E37_79B1) >> (32 - HASH_BITS)) as usize
}

/// Decompresses `input` to `length` bytes. `None` if that is not possible.
pub fn decompress(input: &[u8], length: usize) -> Option<Vec<u8>> {
    // Three bytes can stand for 264. Nothing is reserved for what cannot be.
    if length > input.len().saturating_mul(MAX_MATCH / 3) {
        return None;
    }
    lzf_rust::decompress_into_vec(input, length).ok()
}
