//! Writing the format (`rdbSaveRio` and what it calls).

use std::io::{self, Write};

use crc::{Digest, Table};

use super::lzf::Compressor;
use super::{CRC, MAGIC, Options, VERSION, encoding, kind, opcode};
use crate::resp::parse_integer;
use crate::stats::memory_in_use;
use crate::store::Entry;
use crate::util::unix_time;

/// The size of the pieces in which the file is written and its checksum computed, in bytes.
const CHUNK: usize = 64 * 1024;

/// The length of the longest number of 32 bits, with its sign.
const MAX_DIGITS: usize = 11;

/// Strings shorter than this, in bytes, are never compressed, as in Redis.
const MIN_COMPRESSED: usize = 21;

/// The version of Redis that writes the same files (the field `redis-ver`).
const REDIS_VERSION: &str = "7.0.15";

/// Writes an RDB to `output`.
pub struct Encoder<W> {
    output: W,
    options: Options,
    /// Bytes that are not written yet.
    buffer: Vec<u8>,
    /// The checksum of the bytes that are.
    checksum: Digest<'static, u64, Table<16>>,
    compressor: Compressor,
}

impl<W: Write> Encoder<W> {
    /// An encoder that has written nothing yet.
    pub fn new(output: W, options: Options) -> Self {
        Self {
            output,
            options,
            buffer: Vec::with_capacity(2 * CHUNK),
            checksum: CRC.digest(),
            compressor: Compressor::default(),
        }
    }

    /// Writes the version and the fields about the file as a whole (`rdbSaveInfoAuxFields`).
    pub fn header(&mut self) -> io::Result<()> {
        self.buffer.extend_from_slice(MAGIC);
        self.buffer
            .extend_from_slice(format!("{VERSION:04}").as_bytes());
        self.aux("redis-ver", REDIS_VERSION)?;
        self.aux("redis-bits", &usize::BITS.to_string())?;
        self.aux("ctime", &unix_time().as_secs().to_string())?;
        self.aux("used-mem", &memory_in_use().to_string())?;
        self.aux("aof-base", if self.options.is_base { "1" } else { "0" })
    }

    fn aux(&mut self, name: &str, value: &str) -> io::Result<()> {
        self.buffer.push(opcode::AUX);
        self.string(name.as_bytes())?;
        self.string(value.as_bytes())
    }

    /// Writes that database 0 follows, how many keys it has, and how many of them have a
    /// deadline, so that a reader can reserve memory. Writes nothing if there are no keys.
    pub fn sizes(&mut self, keys: usize, volatile: usize) -> io::Result<()> {
        if keys > 0 {
            self.buffer.push(opcode::DATABASE);
            self.put_length(0);
            self.buffer.push(opcode::SIZES);
            self.put_length(keys);
            self.put_length(volatile);
        }
        Ok(())
    }

    /// Writes a key, its value and its deadline (`rdbSaveKeyValuePair`).
    pub fn entry(&mut self, entry: &Entry<'_>) -> io::Result<()> {
        if let Some(deadline) = entry.deadline {
            self.put(opcode::DEADLINE_MILLISECONDS, &deadline.to_le_bytes());
        }
        self.kind(kind::kind_of(entry.value));
        self.string(entry.key)?;
        self.value(entry.value)
    }

    /// Writes the type of a value.
    pub(super) fn kind(&mut self, kind: u8) {
        self.buffer.push(kind);
    }

    /// Writes the end of the file, and flushes it to the operating system, without an fsync.
    pub fn end(mut self) -> io::Result<()> {
        self.buffer.push(opcode::END);
        self.flush()?;
        let checksum = match self.options.checksum {
            true => self.checksum.finalize(),
            false => 0,
        };
        self.output.write_all(&checksum.to_le_bytes())
    }

    fn put(&mut self, first: u8, rest: &[u8]) {
        self.buffer.push(first);
        self.buffer.extend_from_slice(rest);
    }

    pub(super) fn put_length(&mut self, length: usize) {
        match length {
            0..64 => self.buffer.push(length as u8),
            64..16_384 => self.put(0x40 | (length >> 8) as u8, &[length as u8]),
            _ => match u32::try_from(length) {
                Ok(four) => self.put(0x80, &four.to_be_bytes()),
                Err(_) => self.put(0x81, &(length as u64).to_be_bytes()),
            },
        }
    }

    /// Writes a string in the shortest form: as a number, compressed, or as it is
    /// (`rdbSaveRawString`).
    pub(super) fn string(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() <= MAX_DIGITS
            && let Some(number) = parse_integer(bytes)
            && i32::try_from(number).is_ok()
        {
            return self.integer(number);
        }
        if self.options.compression
            && bytes.len() >= MIN_COMPRESSED
            && let Some(compressed) = self.compressor.compress(bytes)
        {
            self.buffer.push(0xC0 | encoding::LZF);
            self.put_length(compressed.len());
            self.put_length(bytes.len());
            return self.bytes(&compressed);
        }
        self.put_length(bytes.len());
        self.bytes(bytes)
    }

    /// Writes the string that is `number` in digits.
    pub(super) fn integer(&mut self, number: i64) -> io::Result<()> {
        if let Ok(number) = i8::try_from(number) {
            self.put(0xC0 | encoding::INT_8, &number.to_le_bytes());
        } else if let Ok(number) = i16::try_from(number) {
            self.put(0xC0 | encoding::INT_16, &number.to_le_bytes());
        } else if let Ok(number) = i32::try_from(number) {
            self.put(0xC0 | encoding::INT_32, &number.to_le_bytes());
        } else {
            let digits = &mut itoa::Buffer::new();
            let digits = digits.format(number).as_bytes();
            self.put_length(digits.len());
            return self.bytes(digits);
        }
        Ok(())
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(CHUNK) {
            self.buffer.extend_from_slice(piece);
            if self.buffer.len() >= CHUNK {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Writes what is in the buffer.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if self.options.checksum {
            self.checksum.update(&self.buffer);
        }
        self.output.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}
