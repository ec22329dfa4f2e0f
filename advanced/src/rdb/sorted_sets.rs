//! Sorted sets in an RDB, in the four forms that Redis has had for them.

use std::collections::HashMap;
use std::io::Read;

use super::decode::Result;
use super::kind::sorted_set::{BINARY, DIGITS, ZIPLIST};
use super::{Decoder, RdbError, legacy};
use crate::objects::{Listpack, Object, SortedSet};
use crate::store::Value;
use crate::util::double;

/// Instead of a number of digits: the score is one that has none.
const NAN: u8 = 253;
const INFINITY: u8 = 254;
const MINUS_INFINITY: u8 = 255;

impl<R: Read> Decoder<R> {
    /// Reads a sorted set of this type. `None` if it has no members.
    pub(super) fn sorted_set(&mut self, kind: u8) -> Result<Option<Value>> {
        let (offset, limits) = (self.offset(), self.limits.sorted_set);
        let (form, list) = match kind {
            DIGITS | BINARY => {
                let set = self.members(kind)?;
                let set = set.ok_or_else(|| self.no_sorted_set(offset, "Zset"))?;
                return Ok((set.len() > 0).then(|| set.into()));
            }
            ZIPLIST => ("Zset ziplist", legacy::ziplist(&self.string()?)),
            _ => ("Zset listpack", Listpack::parse(&self.string()?)),
        };
        let set = list.and_then(|list| SortedSet::from_pairs(list, limits));
        let set = set.ok_or_else(|| self.no_sorted_set(offset, form))?;
        Ok((set.len() > 0).then(|| set.into()))
    }

    /// Reads members and scores in turn. `None` if a member is there twice, or a score is no number.
    fn members(&mut self, kind: u8) -> Result<Option<SortedSet>> {
        let mut limits = self.limits.sorted_set;
        let count = self.plain_length()?;
        // Only of a few it is not known from the beginning that they are no listpack.
        let is_large = count > limits.entries;
        if is_large {
            limits.entries = 0;
        }
        let (mut set, mut few) = (SortedSet::default(), HashMap::new());
        for _ in 0..count {
            let member = self.string()?.into_owned();
            let score = match kind {
                BINARY => f64::from_le_bytes(self.array()?),
                _ => self.digits()?,
            };
            if score.is_nan() || (is_large && set.score(&member).is_some()) {
                return Ok(None);
            }
            match is_large {
                true => set.set(&member, score, None, limits),
                false if few.insert(member, score).is_some() => return Ok(None),
                false => {}
            }
        }
        if !is_large {
            set = SortedSet::from_entries(few.into_iter().collect(), limits);
        }
        Ok(Some(set))
    }

    /// Reads a score in digits (`rdbLoadDoubleValue`).
    fn digits(&mut self) -> Result<f64> {
        let offset = self.offset();
        Ok(match self.byte()? {
            NAN => f64::NAN,
            INFINITY => f64::INFINITY,
            MINUS_INFINITY => f64::NEG_INFINITY,
            length => {
                let score = double::parse(self.bytes(length.into())?);
                score.ok_or_else(|| self.no_sorted_set(offset, "Zset"))?
            }
        })
    }

    fn no_sorted_set(&self, offset: u64, form: &str) -> RdbError {
        self.damaged(offset, &format!("{form} integrity check failed."))
    }
}
