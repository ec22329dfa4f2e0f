//! Values that are more than a string: collections, and what all of them have in common
//! (`object.c` in Redis).
//!
//! Most collections are small, and small ones are cheapest in one piece: a [`Listpack`] has no
//! pointers, and a search through a few dozen elements in a row is as fast as a hash table.
//! Large ones lie in a [`Table`], so that no write ever waits for more than a small part of it to
//! be copied or moved. When a collection outgrows the first form, it is converted to the second, and
//! never back. `OBJECT ENCODING` shows which form a value has; [`Limits`] says when it changes.
//!
//! The rest of the server asks an [`Object`] what it has to know of any value. So a new type is
//! one implementation of this trait, a row for each command, and a place in `rdb/value.rs`.

#[cfg(feature = "hash-table")]
mod dict;
pub mod digest;
mod hash;
#[cfg(feature = "lists")]
mod list;
pub mod listpack;
#[cfg(not(feature = "hash-table"))]
mod pages;
#[cfg(feature = "sets")]
pub mod set;
#[cfg(feature = "sorted-sets")]
pub mod sorted_set;
#[cfg(test)]
mod stalls;

use std::any::Any;
use std::fmt::Debug;
use std::io;
use std::sync::Arc;

use smart_default::SmartDefault;

#[cfg(feature = "hash-table")]
pub use dict::Dict as Table;
pub use digest::Digest;
pub use hash::Hash;
#[cfg(feature = "lists")]
pub use list::{List, Shape, Side, Wanted};
pub use listpack::{Element, Listpack};
#[cfg(not(feature = "hash-table"))]
pub use pages::Pages as Table;
#[cfg(feature = "sorted-sets")]
pub use sorted_set::SortedSet;

/// A value of any type but string.
pub trait Object: Any + Debug + Send + Sync {
    /// What TYPE calls it.
    fn type_name(&self) -> &'static str;

    /// What OBJECT ENCODING calls it.
    fn encoding(&self) -> &'static str;

    /// How many elements it has. A key whose value has none is removed.
    fn len(&self) -> usize;

    /// How many bytes of memory it takes outside of its entry, about. Of a large one, `samples`
    /// elements are measured.
    fn size(&self, samples: usize) -> usize;

    /// The memory in which a small one lies, in one piece; nothing of a large one.
    fn front(&self) -> &[u8] {
        &[]
    }

    /// Does it take so little memory that it may lie in its entry, where a snapshot has to copy it?
    fn is_small(&self) -> bool {
        false
    }

    /// Takes it out of its entry, to lie where a snapshot can share it.
    fn take(&mut self) -> Arc<dyn Object>;

    /// A copy to be changed while a snapshot still holds this one. It may share with it whatever
    /// is not changed at once.
    fn copy(&self) -> Arc<dyn Object>;

    /// The type that an RDB file gives it (`RDB_TYPE_…`).
    fn kind(&self) -> u8;

    /// Writes it as it is in an RDB file, after its type and its key (`rdbSaveObject`).
    fn save(&self, output: &mut dyn Output) -> io::Result<()>;

    /// Calls `write` with the words of each command that it takes to make it again, for an AOF
    /// (`rewriteAppendOnlyFileRio`).
    fn commands(&self, key: &[u8], write: &mut Write<'_>) -> io::Result<()>;

    /// Adds it to the digest of its key (`xorObjectDigest`).
    fn digest(&self, digest: &mut Digest);

    /// How its table is filled, for DEBUG; `None` if it has no table.
    fn table_statistics(&self) -> Option<String> {
        None
    }
}

/// What a [`Table`] is made of: a key, and what belongs to it.
pub trait Record: Clone + Debug + Send + Sync + 'static {
    fn key(&self) -> &[u8];

    /// How many bytes a copy of it takes outside of itself, about.
    fn outside(&self) -> usize {
        self.key().len()
    }
}

/// Takes the words of a command.
pub type Write<'a> = dyn FnMut(&[&[u8]]) -> io::Result<()> + 'a;

/// Where an object writes itself: an RDB file, or the payload of DUMP.
pub trait Output {
    /// Writes how many elements follow.
    fn length(&mut self, length: usize);

    fn string(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Writes a score, in eight bytes.
    #[cfg(feature = "sorted-sets")]
    fn double(&mut self, number: f64) -> io::Result<()>;
}

/// Up to which size a collection is kept in one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, SmartDefault)]
pub struct Limits {
    /// `hash-max-listpack-entries`: so many fields.
    #[default = 512]
    pub hash_entries: u64,
    /// `hash-max-listpack-value`: so many bytes in each field and each value.
    #[default = 64]
    pub hash_value: usize,
    #[cfg(feature = "lists")]
    #[default(Shape::DEFAULT)]
    pub list: Shape,
    #[cfg(feature = "sorted-sets")]
    #[default(sorted_set::Limits::DEFAULT)]
    pub sorted_set: sorted_set::Limits,
    /// `set-max-intset-entries`: so many numbers.
    #[cfg(feature = "sets")]
    #[default = 512]
    pub set_entries: u64,
}
