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
    /// It was written, and this is what the command calls it.
    #[cfg(feature = "lists")]
    Named(&'static str),
}

/// What has happened to keys since the last command.
#[derive(Debug, Default)]
pub struct Journal {
    /// Somebody may want to know.
    pub is_on: bool,
    pub entries: Vec<(Change, Key)>,
    /// What the command under way calls what it does next to a key, if not as itself.
    #[cfg(feature = "lists")]
    pub name: Option<&'static str>,
}

type Key = SmallVec<[u8; 16]>;

impl Journal {
    /// The change by its name, if it has one. A removal is noted as what led to it first.
    #[cfg(feature = "lists")]
    fn named(&mut self, change: Change, key: &[u8]) -> Change {
        match (change, self.name) {
            (Change::Written, Some(name)) => Change::Named(name),
            (Change::Removed, Some(name)) => {
                self.entries
                    .push((Change::Named(name), Key::from_slice(key)));
                change
            }
            _ => change,
        }
    }

    /// Notes a change, if somebody may want to know.
    #[inline]
    pub fn note(&mut self, change: Change, key: &[u8]) {
        if self.is_on {
            self.add(change, key);
        }
    }

    /// Apart from `note`, so that a command that nobody watches does not pay for it.
    #[cold]
    fn add(&mut self, change: Change, key: &[u8]) {
        #[cfg(feature = "lists")]
        let change = self.named(change, key);
        self.entries.push((change, Key::from_slice(key)));
    }
}
