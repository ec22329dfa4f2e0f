//! A value: a string, kept in the shortest of several ways (`object.c` in Redis).

use std::sync::Arc;

use super::Bytes;
use crate::resp::parse_integer;

/// The longest string that Redis keeps in one piece with its object header, in
/// bytes (`OBJ_ENCODING_EMBSTR_SIZE_LIMIT`).
const EMBSTR_LIMIT: usize = 44;

/// A value. So far all values are strings, kept in the shortest of four ways. Long
/// ones are shared with a snapshot like the tables, so that to copy a table is to
/// copy its entries, whatever they lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A string that is a number, such as a counter.
    Integer(i64),
    /// A short string that is not expected to change.
    Short(Bytes),
    /// A long string that is not expected to change.
    Long(Arc<[u8]>),
    /// A string that has been changed in place and may grow again. Room to grow
    /// is what makes a thousand APPENDs linear.
    Growable(Arc<Vec<u8>>),
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
        match bytes.len() <= EMBSTR_LIMIT {
            true => Self::Short(Bytes::from_slice(bytes)),
            false => Self::Long(bytes.into()),
        }
    }

    /// An empty string that is about to be changed in place.
    pub fn growable() -> Self {
        Self::Growable(Arc::default())
    }

    /// The string itself. `digits` is where a number is spelled out.
    pub fn bytes<'a>(&'a self, digits: &'a mut itoa::Buffer) -> &'a [u8] {
        match self {
            Self::Integer(number) => digits.format(*number).as_bytes(),
            Self::Short(bytes) => bytes,
            Self::Long(bytes) => bytes,
            Self::Growable(bytes) => bytes,
        }
    }

    /// The length of the string, in bytes.
    pub fn len(&self) -> usize {
        self.bytes(&mut itoa::Buffer::new()).len()
    }

    /// Makes the value growable, calls `change` with the string, and returns its result. A
    /// string that a snapshot shares is copied first.
    pub fn grow<T>(&mut self, change: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let mut bytes = match self {
            Self::Integer(number) => Arc::new(number.to_string().into_bytes()),
            Self::Short(bytes) => Arc::new(std::mem::take(bytes).into_vec()),
            Self::Long(bytes) => Arc::new(bytes.to_vec()),
            Self::Growable(bytes) => std::mem::take(bytes),
        };
        let result = change(Arc::make_mut(&mut bytes));
        *self = Self::Growable(bytes);
        result
    }

    /// What OBJECT ENCODING calls it.
    pub fn encoding(&self) -> &'static str {
        match self {
            Self::Integer(_) => "int",
            Self::Short(_) => "embstr",
            Self::Long(_) | Self::Growable(_) => "raw",
        }
    }

    /// What TYPE calls it.
    pub fn type_name(&self) -> &'static str {
        "string"
    }
}
