//! A snapshot: the data set as it was at one moment, for a thread that reads it while clients go on
//! writing.

use std::sync::Arc;

use super::{Segment, Value};
use crate::store::clock::Clock;

/// What was in the store. It shares the segments with the store, which has to copy each one that it
/// changes meanwhile. So a snapshot is consumed in parts, and each part frees its segment when it
/// is dropped.
#[derive(Debug)]
pub struct Snapshot {
    pub(super) segments: Vec<Arc<Segment>>,
    /// Converts deadlines to unix times.
    pub(super) clock: Clock,
    pub(super) keys: usize,
    pub(super) volatile: usize,
}

/// A key of a snapshot.
pub struct Entry<'a> {
    pub key: &'a [u8],
    pub value: &'a Value,
    /// When the key expires, in milliseconds since 1970.
    pub deadline: Option<i64>,
}

impl Snapshot {
    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys
    }

    /// How many of them have a deadline.
    pub fn volatile_len(&self) -> usize {
        self.volatile
    }

    /// Its parts, one by one. Each frees its segment when it is dropped.
    pub fn into_parts(self) -> impl Iterator<Item = Part> {
        let clock = self.clock;
        let segments = self.segments.into_iter();
        segments.map(move |segment| Part {
            segment,
            clock: clock.clone(),
        })
    }
}

/// A part of a snapshot.
pub struct Part {
    segment: Arc<Segment>,
    clock: Clock,
}

impl Part {
    /// How many keys there are in it.
    pub fn len(&self) -> usize {
        self.segment.entries.len()
    }

    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let deadlines = &self.segment.deadlines;
        self.segment.entries.iter().map(move |(hash, key, value)| {
            let deadline = match deadlines.is_empty() {
                true => None,
                false => deadlines.get(hash, key),
            };
            Entry {
                key,
                value,
                deadline: deadline.map(|deadline| self.clock.unix(*deadline)),
            }
        })
    }
}
