//! Sets in an RDB, in both encodings.

use std::io::Read;

use super::Decoder;
use super::decode::Result;
use super::kind;
use crate::objects::set::{Intset, Set};

impl<R: Read> Decoder<R> {
    /// Reads a set of either type.
    pub(super) fn set(&mut self, kind: u8) -> Result<Set> {
        match kind {
            kind::set::MEMBERS => self.set_members(),
            _ => self.set_ints(),
        }
    }

    /// Reads a set member by member.
    fn set_members(&mut self) -> Result<Set> {
        let offset = self.offset();
        let count = self.plain_length()?;
        let mut limits = self.limits;
        if count > limits.set_entries {
            // It is a table from the first number on.
            limits.set_entries = 0;
        }
        let mut set = Set::default();
        for _ in 0..count {
            if !set.add(&self.string()?, limits) {
                return Err(self.damaged(offset, "a set has a member twice"));
            }
        }
        Ok(set)
    }

    /// Reads a set that is one string.
    fn set_ints(&mut self) -> Result<Set> {
        let (offset, limits) = (self.offset(), self.limits);
        let ints = Intset::parse(&self.string()?);
        let ints = ints.ok_or_else(|| self.damaged(offset, "an intset cannot be read"))?;
        Ok(Set::from_ints(ints, limits))
    }
}
