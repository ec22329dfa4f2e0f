//! Lists in an RDB, in the four forms that Redis has had for them.

use std::io::Read;

use super::decode::Result;
use super::kind::list;
use super::{Decoder, legacy};
use crate::objects::{List, Listpack, Object, Side};
use crate::store::Value;

/// What a node is: one element as it is, or a listpack (`QUICKLIST_NODE_CONTAINER_…`).
const ELEMENT: u64 = 1;
const LISTPACK: u64 = 2;

impl<R: Read> Decoder<R> {
    /// Reads a list of this type. `None` if it has no elements.
    pub(super) fn list(&mut self, kind: u8) -> Result<Option<Value>> {
        let shape = self.limits.list;
        let mut value = List::default();
        let count = if kind == list::ZIPLIST {
            1
        } else {
            self.plain_length()?
        };
        for _ in 0..count {
            let offset = self.offset();
            match kind {
                list::PLAIN => value.push(Side::Right, &self.string()?, shape),
                list::ZIPLIST => {
                    let elements = legacy::ziplist(&self.string()?);
                    let elements = elements.ok_or_else(|| self.wrong(offset))?;
                    for element in elements.iter() {
                        let digits = &mut itoa::Buffer::new();
                        value.push(Side::Right, element.bytes(digits), shape);
                    }
                }
                list::ZIPLISTS => {
                    let node = legacy::ziplist(&self.string()?);
                    value.push_listpack(node.ok_or_else(|| self.wrong(offset))?, shape);
                }
                _ => match self.plain_length()? {
                    ELEMENT => {
                        let element = self.string()?.into_owned();
                        if element.is_empty() {
                            return Err(self.wrong(offset));
                        }
                        value.push_plain(element, shape);
                    }
                    LISTPACK => {
                        let node = Listpack::parse(&self.string()?);
                        value.push_listpack(node.ok_or_else(|| self.wrong(offset))?, shape);
                    }
                    _ => return Err(self.wrong(offset)),
                },
            }
        }
        Ok((value.len() > 0).then(|| value.into()))
    }

    fn wrong(&self, offset: u64) -> super::RdbError {
        self.damaged(offset, "Quicklist integrity check failed.")
    }
}
