//! A value: a string, kept in the shortest of several ways (`object.c` in Redis).

use super::Bytes;
use crate::resp::parse_integer;

/// The longest string that Redis keeps in one piece with its object header, in
/// bytes (`OBJ_ENCODING_EMBSTR_SIZE_LIMIT`).
const EMBSTR_LIMIT: usize = 44;

/// A value. So far all values are strings, kept in the shortest of three ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A string that is a number, such as a counter.
    Integer(i64),
    /// A string that is not expected to change.
    Fixed(Bytes),
    /// A string that has been changed in place and may grow again. Room to grow
    /// is what makes a thousand APPENDs linear.
    Growable(Vec<u8>),
}

impl Value {
    /// The best way to keep `bytes` (`tryObjectEncoding`).
    pub fn from_bytes(bytes: &[u8]) -> Self {
        match parse_integer(bytes) {
            Some(number) => Self::Integer(number),
            None => Self::fixed(bytes),
        }
    }

    /// `bytes` as they are, even if they spell a number.
    pub fn fixed(bytes: &[u8]) -> Self {
        Self::Fixed(Bytes::from_slice(bytes))
    }

    /// An empty string that is about to be changed in place.
    pub fn growable() -> Self {
        Self::Growable(Vec::new())
    }

    /// The string itself. `digits` is where a number is spelled out.
    pub fn bytes<'a>(&'a self, digits: &'a mut itoa::Buffer) -> &'a [u8] {
        match self {
            Self::Integer(number) => digits.format(*number).as_bytes(),
            Self::Fixed(bytes) => bytes,
            Self::Growable(bytes) => bytes,
        }
    }

    /// The length of the string, in bytes.
    pub fn len(&self) -> usize {
        self.bytes(&mut itoa::Buffer::new()).len()
    }

    /// Makes the value growable, calls `change` with the string, and returns its result.
    pub fn grow<T>(&mut self, change: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let mut bytes = match self {
            Self::Integer(number) => number.to_string().into_bytes(),
            Self::Fixed(bytes) => std::mem::take(bytes).into_vec(),
            Self::Growable(bytes) => std::mem::take(bytes),
        };
        let result = change(&mut bytes);
        *self = Self::Growable(bytes);
        result
    }

    /// What OBJECT ENCODING calls it.
    pub fn encoding(&self) -> &'static str {
        match self {
            Self::Integer(_) => "int",
            Self::Fixed(bytes) if bytes.len() <= EMBSTR_LIMIT => "embstr",
            Self::Fixed(_) | Self::Growable(_) => "raw",
        }
    }

    /// What TYPE calls it.
    pub fn type_name(&self) -> &'static str {
        "string"
    }
}
