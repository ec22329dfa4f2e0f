//! The journal: what has happened to keys since the last command, if anybody wants to know.

use smallvec::SmallVec;

/// What has happened to a key, as far as the store knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is new, and what follows says how it came.
    New,
    Written,
    Removed,
    RenamedFrom,
    RenamedTo,
    /// It has got a deadline.
    Deadline,
    /// It has lost its deadline.
    Persisted,
    /// A command that reads has not found it.
    Missed,
}

/// What has happened to keys since the last command.
#[derive(Debug, Default)]
pub struct Journal {
    /// Somebody may want to know.
    pub is_on: bool,
    pub entries: Vec<(Change, Key)>,
}

type Key = SmallVec<[u8; 16]>;

impl Journal {
    pub fn note(&mut self, change: Change, key: &[u8]) {
        if self.is_on {
            self.entries.push((change, Key::from_slice(key)));
        }
    }
}
