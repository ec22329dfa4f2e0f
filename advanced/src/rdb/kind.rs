//! The types of values in an RDB (`RDB_TYPE_…`). The old ones are only read.

use crate::objects::Object;
use crate::store::Value;

pub const STRING: u8 = 0;
pub const HASH: u8 = 4;
pub const HASH_ZIPMAP: u8 = 9;
pub const HASH_ZIPLIST: u8 = 13;
pub const HASH_LISTPACK: u8 = 16;

/// Whether this server has the type.
pub fn is_known(kind: u8) -> bool {
    #[cfg(feature = "lists")]
    if list::is(kind) {
        return true;
    }
    #[cfg(feature = "sorted-sets")]
    if sorted_set::is(kind) {
        return true;
    }
    #[cfg(feature = "sets")]
    if set::is(kind) {
        return true;
    }
    matches!(
        kind,
        STRING | HASH | HASH_ZIPMAP | HASH_ZIPLIST | HASH_LISTPACK
    )
}

/// The forms of a list.
#[cfg(feature = "lists")]
pub mod list {
    /// Element by element.
    pub const PLAIN: u8 = 1;
    /// One ziplist (until 3.2).
    pub const ZIPLIST: u8 = 10;
    /// Nodes that are ziplists (until 6.2).
    pub const ZIPLISTS: u8 = 14;
    /// Nodes, with a number before each that says what it is.
    pub const NODES: u8 = 18;

    pub fn is(kind: u8) -> bool {
        matches!(kind, PLAIN | ZIPLIST | ZIPLISTS | NODES)
    }
}

/// The forms of a sorted set.
#[cfg(feature = "sorted-sets")]
pub mod sorted_set {
    /// Members, each with its score in digits (until 4.0).
    pub const DIGITS: u8 = 3;
    /// Members, each with its score in eight bytes.
    pub const BINARY: u8 = 5;
    /// One ziplist (until 6.2).
    pub const ZIPLIST: u8 = 12;
    /// One listpack.
    pub const LISTPACK: u8 = 17;

    pub fn is(kind: u8) -> bool {
        matches!(kind, DIGITS | BINARY | ZIPLIST | LISTPACK)
    }
}

/// The forms of a set.
#[cfg(feature = "sets")]
pub mod set {
    /// Member by member.
    pub const MEMBERS: u8 = 2;
    /// An intset.
    pub const INTS: u8 = 11;

    pub fn is(kind: u8) -> bool {
        matches!(kind, MEMBERS | INTS)
    }
}

/// Names a type of value that this server does not have, for the error.
pub fn type_name(kind: u8) -> Option<&'static str> {
    Some(match kind {
        1 | 10 | 14 | 18 => "a list",
        #[cfg(not(feature = "sets"))]
        2 | 11 => "a set",
        #[cfg(not(feature = "sorted-sets"))]
        3 | 5 | 12 | 17 => "a sorted set",
        6 | 7 => "a module's value",
        15 | 19 => "a stream",
        _ => return None,
    })
}

/// The type that a value is written as.
pub fn kind_of(value: &Value) -> u8 {
    value.as_object().map_or(STRING, Object::kind)
}
