//! Values in an RDB: the one place that says how each type is written and read (`rdbSaveObject`
//! and `rdbLoadObject` in Redis).
//!
//! A value that comes from outside is read whole before anybody uses it. Redis does that only if
//! `sanitize-dump-payload` says so, because it takes time; a server that must never crash on a
//! file has no choice. The time is less than that of the checksum.

use std::io::{self, Read, Write};

use super::decode::Result;
use super::encode::Encoder;
use super::{Decoder, kind, legacy};
use crate::objects::{Hash, Limits, Listpack, Object, Output};
use crate::store::Value;

impl<W: Write> Encoder<W> {
    /// Writes a value, whose type has been written.
    pub fn value(&mut self, value: &Value) -> io::Result<()> {
        match value {
            Value::Integer(number) => self.integer(*number),
            value => match value.as_object() {
                Some(object) => object.save(self),
                None => {
                    let digits = &mut itoa::Buffer::new();
                    self.string(value.bytes(digits).unwrap_or_default())
                }
            },
        }
    }
}

impl<W: Write> Output for Encoder<W> {
    fn length(&mut self, length: usize) {
        self.put_length(length);
    }

    fn string(&mut self, bytes: &[u8]) -> io::Result<()> {
        Encoder::string(self, bytes)
    }

    #[cfg(feature = "sorted-sets")]
    fn double(&mut self, number: f64) -> io::Result<()> {
        self.bytes(&number.to_le_bytes())
    }
}

impl<R: Read> Decoder<R> {
    /// Reads a value of this type. `None` if it has no elements; Redis leaves such a key out.
    pub fn value(&mut self, kind: u8) -> Result<Option<Value>> {
        #[cfg(feature = "lists")]
        if kind::list::is(kind) {
            return self.list(kind);
        }
        #[cfg(feature = "sorted-sets")]
        if kind::sorted_set::is(kind) {
            return self.sorted_set(kind);
        }
        let hash = match kind {
            kind::STRING => return Ok(Some(Value::from_bytes(&self.string()?))),
            #[cfg(feature = "sets")]
            kind::set::MEMBERS | kind::set::INTS => {
                let set = self.set(kind)?;
                return Ok((set.len() > 0).then(|| set.into()));
            }
            kind::HASH => self.pairs()?,
            kind::HASH_ZIPMAP => self.packed("Zipmap", |bytes, limits| {
                // Unlike the others, a zipmap says nothing of how long its strings are.
                // Nor is one without a field whole.
                let (list, longest) = legacy::zipmap(bytes).filter(|(list, _)| list.len() > 0)?;
                let limits = match longest > limits.hash_value {
                    true => Limits {
                        hash_entries: 0,
                        ..limits
                    },
                    false => limits,
                };
                Hash::from_pairs(list, limits)
            })?,
            kind::HASH_ZIPLIST => self.packed("Hash ziplist", |bytes, limits| {
                Hash::from_pairs(legacy::ziplist(bytes)?, limits)
            })?,
            _ => self.packed("Hash listpack", |bytes, limits| {
                Hash::from_pairs(Listpack::parse(bytes)?, limits)
            })?,
        };
        Ok((hash.len() > 0).then(|| hash.into()))
    }

    /// Reads a hash field by field.
    fn pairs(&mut self) -> Result<Hash> {
        let offset = self.offset();
        let count = self.plain_length()?;
        let mut limits = self.limits;
        if count > limits.hash_entries {
            // It is a table from the first field on.
            limits.hash_value = 0;
        }
        let mut hash = Hash::default();
        for _ in 0..count {
            let field = self.string()?.into_owned();
            if !hash.set(&field, &self.string()?, limits) {
                return Err(self.damaged(offset, "Duplicate hash fields detected"));
            }
        }
        Ok(hash)
    }

    /// Reads a hash that is one string, in the form that has this name.
    fn packed(
        &mut self,
        form: &str,
        parse: impl FnOnce(&[u8], Limits) -> Option<Hash>,
    ) -> Result<Hash> {
        let (offset, limits) = (self.offset(), self.limits);
        let hash = parse(&self.string()?, limits);
        hash.ok_or_else(|| self.damaged(offset, &format!("{form} integrity check failed.")))
    }
}
