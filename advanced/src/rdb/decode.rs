//! Reading the format (`rdbLoadRio` and what it calls).
//!
//! A file may come from anywhere and be damaged anywhere. So everything in it is checked
//! before it is used: a length reserves no memory for bytes that are not there, and each
//! fault is an error that says at which byte it is.

use std::borrow::Cow;
use std::io::{self, Read};

use crc::{Digest, Table};
use thiserror::Error;

use super::kind::{is_known, type_name};
use super::{CRC, MAGIC, VERSION, encoding, lzf, opcode};
use crate::objects::Limits;
use crate::store::Value;

/// How many bytes are read from the source at once.
const CHUNK: usize = 256 * 1024;

/// The first version of the format that has a checksum.
const CHECKSUM_SINCE: u32 = 5;

/// Why a file cannot be loaded. Offsets are in bytes.
#[derive(Debug, Error)]
pub enum RdbError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("it ends at byte {0}, in the middle")]
    Short(u64),
    #[error("it is damaged at byte {offset}: {what}")]
    Damaged { offset: u64, what: String },
    #[error("at byte {offset} it has {what}")]
    Unsupported { offset: u64, what: String },
}

pub(super) type Result<T> = std::result::Result<T, RdbError>;

/// A key and its value, as the file has them.
#[derive(Debug)]
pub struct Record {
    pub key: Vec<u8>,
    pub value: Value,
    /// When the key expires, in milliseconds since 1970.
    pub deadline: Option<i64>,
    /// Where in the file the record begins, in bytes.
    pub offset: u64,
}

/// Reads records from `source`.
pub struct Decoder<R> {
    source: R,
    /// Bytes of the file, of which those before `position` have been read.
    buffer: Vec<u8>,
    position: usize,
    /// The offset of the buffer in the file, in bytes.
    base: u64,
    /// The checksum of all bytes before the position `summed` of the buffer.
    checksum: Digest<'static, u64, Table<16>>,
    summed: usize,
    version: u32,
    /// How many keys the file says it has, and how many of them have a deadline.
    sizes: (u64, u64),
    /// How collections are kept.
    pub(super) limits: Limits,
}

/// A length, or the encoding of a string that has none.
enum Length {
    Bytes(u64),
    Encoding(u8),
}

impl<R: Read> Decoder<R> {
    /// Reads the beginning of the file. Fails if it is not that of an RDB, or of a newer version
    /// than Redis 7.0 reads.
    pub fn new(source: R) -> Result<Self> {
        let mut decoder = Self::bare(source);
        if decoder.take(MAGIC.len())? != MAGIC {
            return Err(decoder.damaged(0, "no RDB file begins like this"));
        }
        decoder.version = decoder.read_version()?;
        Ok(decoder)
    }

    /// A decoder of what has no beginning.
    pub(super) fn bare(source: R) -> Self {
        Self {
            source,
            buffer: Vec::new(),
            position: 0,
            base: 0,
            checksum: CRC.digest(),
            summed: 0,
            version: 0,
            sizes: (0, 0),
            limits: Limits::default(),
        }
    }

    /// Collections are to be kept as these limits say.
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    fn read_version(&mut self) -> Result<u32> {
        let offset = self.offset();
        let digits = str::from_utf8(self.take(4)?).ok();
        let digits = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()));
        match digits.and_then(|digits| digits.parse().ok()) {
            Some(version @ 1..=VERSION) => Ok(version),
            Some(version) if version > VERSION => {
                let what = format!("version {version} of the format; this server knows {VERSION}");
                Err(RdbError::Unsupported { offset, what })
            }
            _ => Err(self.damaged(offset, "no version of the format is called that")),
        }
    }

    /// Returns the next record, or `None` at the end of the file, if the checksum is right.
    pub fn next(&mut self) -> Result<Option<Record>> {
        let mut deadline = None;
        loop {
            let offset = self.offset();
            match self.byte()? {
                opcode::AUX => self.aux()?,
                opcode::DATABASE => self.database()?,
                opcode::SIZES => {
                    self.sizes = (self.plain_length()?, self.plain_length()?);
                }
                opcode::DEADLINE_MILLISECONDS => {
                    deadline = Some(i64::from_le_bytes(self.array()?));
                }
                opcode::DEADLINE_SECONDS => {
                    let seconds = i32::from_le_bytes(self.array()?);
                    deadline = Some(i64::from(seconds) * 1000);
                }
                // For eviction; we have none.
                opcode::IDLE => drop(self.plain_length()?),
                opcode::FREQUENCY => drop(self.byte()?),
                opcode::END => return self.end().map(|()| None),
                kind if is_known(kind) => {
                    let key = self.string()?.into_owned();
                    let Some(value) = self.value(kind)? else {
                        deadline = None;
                        continue;
                    };
                    return Ok(Some(Record {
                        key,
                        value,
                        deadline,
                        offset,
                    }));
                }
                other => return Err(self.unsupported(offset, other)?),
            }
        }
    }

    /// Reads a field about the file, and ignores it: fields that are unknown do not matter.
    fn aux(&mut self) -> Result<()> {
        self.string()?;
        self.string().map(drop)
    }

    fn database(&mut self) -> Result<()> {
        let offset = self.offset();
        match self.plain_length()? {
            0 => Ok(()),
            number => {
                let what = format!("keys in database {number}; this server has database 0 only");
                Err(RdbError::Unsupported { offset, what })
            }
        }
    }

    fn end(&mut self) -> Result<()> {
        if self.version < CHECKSUM_SINCE {
            return Ok(());
        }
        self.sum();
        let offset = self.offset();
        let found = u64::from_le_bytes(self.array()?);
        let expected = self.checksum.clone().finalize();
        // 0 says that whoever wrote the file did without.
        if found != 0 && found != expected {
            let what = format!("the checksum is {expected:016x} and should be {found:016x}");
            return Err(self.damaged(offset, &what));
        }
        Ok(())
    }

    /// Returns the error for a record that this server has no type for. If it is a value, the
    /// error names its key.
    fn unsupported(&mut self, offset: u64, kind: u8) -> Result<RdbError> {
        let what = match (kind, type_name(kind)) {
            (opcode::FUNCTION | opcode::FUNCTION_BEFORE_7, _) => "functions".to_owned(),
            (opcode::MODULE, _) => "data of a module".to_owned(),
            (_, Some(name)) => format!("{name} at key \"{}\"", self.string()?.escape_ascii()),
            _ => return Ok(self.damaged(offset, &format!("{kind} is no type of a record"))),
        };
        let what = format!("{what}, which this server does not have");
        Ok(RdbError::Unsupported { offset, what })
    }

    /// Reads a string. If it was written as a number, returns its digits.
    pub(super) fn string(&mut self) -> Result<Cow<'_, [u8]>> {
        let number: i64 = match self.length()? {
            Length::Bytes(length) => return self.bytes(length).map(Cow::Borrowed),
            Length::Encoding(encoding::INT_8) => i8::from_le_bytes(self.array()?).into(),
            Length::Encoding(encoding::INT_16) => i16::from_le_bytes(self.array()?).into(),
            Length::Encoding(encoding::INT_32) => i32::from_le_bytes(self.array()?).into(),
            Length::Encoding(other) => return self.compressed(other).map(Cow::Owned),
        };
        Ok(number.to_string().into_bytes().into())
    }

    fn compressed(&mut self, encoding: u8) -> Result<Vec<u8>> {
        let offset = self.offset();
        if encoding != encoding::LZF {
            return Err(self.damaged(offset, "no string is encoded like this"));
        }
        let (length, original) = (self.plain_length()?, self.plain_length()?);
        let compressed = self.bytes(length)?;
        let string = usize::try_from(original)
            .ok()
            .and_then(|original| lzf::decompress(compressed, original));
        string.ok_or_else(|| self.damaged(offset, "a string cannot be decompressed"))
    }

    pub(super) fn plain_length(&mut self) -> Result<u64> {
        let offset = self.offset();
        match self.length()? {
            Length::Bytes(length) => Ok(length),
            Length::Encoding(_) => Err(self.damaged(offset, "there should be a length")),
        }
    }

    fn length(&mut self) -> Result<Length> {
        let offset = self.offset();
        let first = self.byte()?;
        let low = first & 0x3F;
        Ok(Length::Bytes(match (first >> 6, first) {
            (0, _) => low.into(),
            (1, _) => u16::from_be_bytes([low, self.byte()?]).into(),
            (2, 0x80) => u32::from_be_bytes(self.array()?).into(),
            (2, 0x81) => u64::from_be_bytes(self.array()?),
            (2, _) => return Err(self.damaged(offset, "no length begins like this")),
            _ => return Ok(Length::Encoding(low)),
        }))
    }

    pub(super) fn byte(&mut self) -> Result<u8> {
        self.array().map(|[byte]| byte)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(super) fn bytes(&mut self, length: u64) -> Result<&[u8]> {
        match usize::try_from(length) {
            Ok(length) => self.take(length),
            Err(_) => Err(RdbError::Short(self.offset())),
        }
    }

    /// Reads the next `count` bytes.
    fn take(&mut self, count: usize) -> Result<&[u8]> {
        while self.buffer.len() - self.position < count {
            self.fill(count)?;
        }
        let start = self.position;
        self.position += count;
        Ok(&self.buffer[start..self.position])
    }

    /// Reads more of the source into the buffer: `CHUNK` bytes, or what `wanted` bytes need if
    /// that is more. Memory is used only for bytes that have arrived, whatever length the file
    /// claims.
    fn fill(&mut self, wanted: usize) -> Result<()> {
        self.sum();
        self.base += self.position as u64;
        self.buffer.drain(..self.position);
        (self.position, self.summed) = (0, 0);
        let more = (wanted - self.buffer.len()).max(CHUNK) as u64;
        let mut piece = self.source.by_ref().take(more);
        match piece.read_to_end(&mut self.buffer)? {
            0 => Err(RdbError::Short(self.base + self.buffer.len() as u64)),
            _ => Ok(()),
        }
    }

    /// Adds the bytes up to `position` to the checksum.
    fn sum(&mut self) {
        self.checksum
            .update(&self.buffer[self.summed..self.position]);
        self.summed = self.position;
    }

    /// How many keys the file says it has, and how many of them have a deadline. Both are 0 until
    /// that part of the file has been read.
    pub fn sizes(&self) -> (u64, u64) {
        self.sizes
    }

    /// How many bytes of the file have been read.
    pub fn offset(&self) -> u64 {
        self.base + self.position as u64
    }

    /// Returns the bytes that follow the RDB and are in the buffer, and the source of all later
    /// ones.
    pub fn into_rest(mut self) -> (Vec<u8>, R) {
        self.buffer.drain(..self.position);
        (self.buffer, self.source)
    }

    pub(super) fn damaged(&self, offset: u64, what: &str) -> RdbError {
        let what = what.to_owned();
        RdbError::Damaged { offset, what }
    }
}
