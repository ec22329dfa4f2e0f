//! Keyspace notifications (`notify.c` in Redis): which classes of events are published.
//!
//! The store knows what happens to a key, and the command knows what that is called: INCR and
//! APPEND do the same to the store, but one event is `incrby` and the other `append`. So the store
//! notes the bare change here, in its one place for changes, and after the command
//! `command/notifications.rs` gives each its name and publishes it. That is also Redis's order:
//! whoever gets the message finds the key changed.
//!
//! While nobody has asked for events, the journal costs one comparison for each change.

use std::fmt;

/// Classes of events, one bit each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Classes(u32);

/// A class that an event belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Generic,
    String,
    List,
    Set,
    Hash,
    SortedSet,
    Expired,
    Evicted,
    Stream,
    Module,
    New,
    /// Channels that are named after the key.
    Keyspace,
    /// Channels that are named after the event.
    Keyevent,
    Missed,
}

/// The letters of the classes in the order in which Redis shows them. `A` is the first
/// [`IN_ALL`] except [`Class::New`].
const LETTERS: [(char, Class); 14] = [
    ('g', Class::Generic),
    ('$', Class::String),
    ('l', Class::List),
    ('s', Class::Set),
    ('h', Class::Hash),
    ('z', Class::SortedSet),
    ('x', Class::Expired),
    ('e', Class::Evicted),
    ('t', Class::Stream),
    ('d', Class::Module),
    ('n', Class::New),
    ('K', Class::Keyspace),
    ('E', Class::Keyevent),
    ('m', Class::Missed),
];

/// How many of the letters `A` stands for.
const IN_ALL: usize = 10;

impl Class {
    fn bit(self) -> u32 {
        1 << self as u32
    }
}

impl Classes {
    fn all() -> u32 {
        LETTERS[..IN_ALL].iter().map(|(_, class)| class.bit()).sum()
    }

    /// Reads letters; `None` if there is one that means nothing.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.split('\0').next().unwrap_or_default();
        let mut bits = text.chars().map(|letter| match letter {
            'A' => Some(Self::all()),
            _ => {
                let found = LETTERS.iter().find(|(it, _)| *it == letter);
                found.map(|(_, class)| class.bit())
            }
        });
        let bits = bits.try_fold(0, |sum, bits| Some(sum | bits?));
        bits.map(Self)
    }

    pub fn has(self, class: Class) -> bool {
        self.0 & class.bit() != 0
    }

    /// Whether anything is published: a class of channels and a class of events.
    pub fn is_on(self) -> bool {
        let channels = Class::Keyspace.bit() | Class::Keyevent.bit();
        self.0 & channels != 0 && self.0 & !channels != 0
    }
}

impl fmt::Display for Classes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_all = self.0 & Self::all() == Self::all();
        if has_all {
            f.write_str("A")?;
        }
        for (index, (letter, class)) in LETTERS.iter().enumerate() {
            // Redis leaves out `n` if there is an `A`, although `A` does not stand for it.
            let is_hidden = has_all && index <= IN_ALL;
            if self.has(*class) && !is_hidden {
                write!(f, "{letter}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_shown_as_redis_shows_them() {
        for (text, shown) in [
            ("", ""),
            ("KEA", "AKE"),
            ("AKEm", "AKEm"),
            ("Kg$lshzxetd", "AK"),
            ("KEn", "nKE"),
            ("nAKE", "AKE"),
            ("x", "x"),
        ] {
            let classes = Classes::parse(text).expect("classes");
            assert_eq!(classes.to_string(), shown, "{text}");
        }
        assert_eq!(Classes::parse("KEb"), None);
        assert!(Classes::parse("Kx").expect("classes").is_on());
        assert!(!Classes::parse("KE").expect("classes").is_on());
        assert!(!Classes::parse("A").expect("classes").is_on());
    }
}
