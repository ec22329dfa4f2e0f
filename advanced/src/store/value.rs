//! A value: a string, or an object (`object.c` in Redis).
//!
//! A table is copied when a snapshot shares it, and must be copied soon, whatever its entries lead
//! to. So what is long lies behind an `Arc`, which a snapshot shares like the tables: strings,
//! whose bytes do not change or are copied when they do, and objects, which share their own
//! pages ([`Object::copy`]). What is short lies in the value itself, because an `Arc` takes a
//! place of its own in memory, and most values are short. A value is 32 bytes.

use std::any::Any;
use std::sync::Arc;

use super::Bytes;
use crate::objects::{Hash, Object};
use crate::resp::parse_integer;
use crate::util::copies;

/// The longest string that Redis keeps in one piece with its object header, in
/// bytes (`OBJ_ENCODING_EMBSTR_SIZE_LIMIT`).
const EMBSTR_LIMIT: usize = 44;

/// So many elements are freed sooner than a thread is started.
const FREED_AT_ONCE: usize = 1000;

/// A value. A string is kept in the shortest of four ways, any other value as an object.
#[derive(Debug, Clone)]
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
    /// A small hash. (Here other types could have their small form, too.)
    Hash(Hash),
    /// A small set.
    #[cfg(feature = "sets")]
    Set(crate::objects::set::Set),
    /// A small sorted set.
    #[cfg(feature = "sorted-sets")]
    SortedSet(crate::objects::SortedSet),
    /// Any other object.
    Object(Arc<dyn Object>),
}

/// With a short key, an entry of the store is one cache line.
const _: () = assert!(size_of::<Value>() == 32);

/// The command is for values of another type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrongType;

impl From<Hash> for Value {
    fn from(hash: Hash) -> Self {
        let mut value = Self::Hash(hash);
        value.settle();
        value
    }
}

#[cfg(feature = "lists")]
impl From<crate::objects::List> for Value {
    fn from(list: crate::objects::List) -> Self {
        Self::Object(Arc::new(list))
    }
}

#[cfg(feature = "sorted-sets")]
impl From<crate::objects::SortedSet> for Value {
    fn from(set: crate::objects::SortedSet) -> Self {
        let mut value = Self::SortedSet(set);
        value.settle();
        value
    }
}

#[cfg(feature = "sets")]
impl From<crate::objects::set::Set> for Value {
    fn from(set: crate::objects::set::Set) -> Self {
        let mut value = Self::Set(set);
        value.settle();
        value
    }
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
    pub fn bytes<'a>(&'a self, digits: &'a mut itoa::Buffer) -> Result<&'a [u8], WrongType> {
        Ok(match self {
            Self::Integer(number) => digits.format(*number).as_bytes(),
            Self::Short(bytes) => bytes,
            Self::Long(bytes) => bytes,
            Self::Growable(bytes) => bytes,
            _ => return Err(WrongType),
        })
    }

    /// A copy of the string; empty if it is none.
    #[cfg(test)]
    pub fn text(&self) -> Vec<u8> {
        let digits = &mut itoa::Buffer::new();
        self.bytes(digits).unwrap_or_default().to_vec()
    }

    /// The length of the string, in bytes.
    pub fn len(&self) -> Result<usize, WrongType> {
        let digits = &mut itoa::Buffer::new();
        self.bytes(digits).map(<[u8]>::len)
    }

    /// Makes the value growable, calls `change` with the string, and returns its result. A
    /// string that a snapshot shares is copied first.
    pub fn grow<T>(&mut self, change: impl FnOnce(&mut Vec<u8>) -> T) -> Result<T, WrongType> {
        let mut bytes = match self {
            Self::Integer(number) => Arc::new(number.to_string().into_bytes()),
            Self::Short(bytes) => Arc::new(std::mem::take(bytes).into_vec()),
            Self::Long(bytes) => Arc::new(bytes.to_vec()),
            Self::Growable(bytes) => std::mem::take(bytes),
            _ => return Err(WrongType),
        };
        copies::count(&bytes, Vec::len);
        let result = change(Arc::make_mut(&mut bytes));
        *self = Self::Growable(bytes);
        Ok(result)
    }

    /// The value as an object; `None` if it is a string.
    pub fn as_object(&self) -> Option<&dyn Object> {
        match self {
            Self::Hash(hash) => Some(hash),
            #[cfg(feature = "sets")]
            Self::Set(set) => Some(set),
            #[cfg(feature = "sorted-sets")]
            Self::SortedSet(set) => Some(set),
            Self::Object(object) => Some(&**object),
            _ => None,
        }
    }

    /// The object, which must be of type `T`.
    pub fn object<T: Object>(&self) -> Result<&T, WrongType> {
        let object = self.as_object().map(|object| object as &dyn Any);
        object.and_then(<dyn Any>::downcast_ref).ok_or(WrongType)
    }

    /// The object, if it lies in the value itself, to be changed.
    fn inside(&mut self) -> Option<&mut dyn Object> {
        match self {
            Self::Hash(hash) => Some(hash),
            #[cfg(feature = "sets")]
            Self::Set(set) => Some(set),
            #[cfg(feature = "sorted-sets")]
            Self::SortedSet(set) => Some(set),
            _ => None,
        }
    }

    /// The object, which must be of type `T`, to be changed. One that a snapshot shares is copied
    /// first. Afterwards [`settle`](Self::settle) must be called.
    pub fn object_mut<T: Object>(&mut self) -> Result<&mut T, WrongType> {
        let object: &mut dyn Any = match self {
            Self::Object(shared) => {
                if Arc::strong_count(shared) > 1 {
                    *shared = shared.copy();
                }
                Arc::get_mut(shared).ok_or(WrongType)?
            }
            _ => self.inside().ok_or(WrongType)?,
        };
        object.downcast_mut().ok_or(WrongType)
    }

    /// Puts an object that has grown where a snapshot can share it. To copy a small one costs
    /// less than the memory that sharing takes.
    pub fn settle(&mut self) {
        if let Some(object) = self.inside()
            && !object.is_small()
        {
            *self = Self::Object(object.take());
        }
    }

    /// Frees it, on a thread of its own if that takes long (`dbAsyncDelete`).
    pub fn free(self) {
        if self.as_object().is_some_and(|it| it.len() > FREED_AT_ONCE) {
            // If there can be no thread, the closure and with it the value are dropped here.
            let _ = std::thread::Builder::new().spawn(move || drop(self));
        }
    }

    /// What OBJECT ENCODING calls it.
    pub fn encoding(&self) -> &'static str {
        match self {
            Self::Integer(_) => "int",
            Self::Short(_) => "embstr",
            object => object.as_object().map_or("raw", Object::encoding),
        }
    }

    /// What TYPE calls it.
    pub fn type_name(&self) -> &'static str {
        self.as_object().map_or("string", Object::type_name)
    }
}
