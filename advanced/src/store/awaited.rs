//! The keys that clients wait for, and those of them that have come into being (`db->blocking_keys`
//! and `server.ready_keys` in Redis).
//!
//! Each awaited key has a queue of clients, in the order in which they came. A client that waits for
//! several keys stands in several queues, with the same place in each. When a key is created for which
//! there is a queue, it is *ready*. Nobody is served at that moment: the command that creates it is
//! still under way. So it is only noted here, and `command/serve.rs` looks after each command.
//!
//! This file knows clients by their ids. Who they are and what they want, `clients/blocked.rs` knows.

use std::collections::{BTreeMap, HashMap, VecDeque};

use ahash::RandomState;

use super::Bytes;

/// All queues, and the keys that are ready.
#[derive(Debug, Default)]
pub struct Awaited {
    queues: HashMap<Bytes, Queue, RandomState>,
    /// The first that was created is the first.
    ready: VecDeque<Bytes>,
    /// The place of the client that came last.
    last: u64,
}

/// Those who wait for one key.
#[derive(Debug, Default)]
struct Queue {
    /// Their ids, by their places.
    clients: BTreeMap<u64, u64>,
    /// The key is in `ready`.
    is_ready: bool,
}

impl Awaited {
    /// A client waits for these keys from here on. Returns its place, which is behind all others.
    pub fn enter<'a>(&mut self, client: u64, keys: impl Iterator<Item = &'a [u8]>) -> u64 {
        self.last += 1;
        for key in keys {
            let queue = self.queues.entry(key.into()).or_default();
            queue.clients.insert(self.last, client);
        }
        self.last
    }

    /// The client at this place does not wait for these keys any more.
    pub fn leave<'a>(&mut self, place: u64, keys: impl Iterator<Item = &'a [u8]>) {
        for key in keys {
            if let Some(queue) = self.queues.get_mut(key) {
                queue.clients.remove(&place);
                if queue.clients.is_empty() {
                    self.queues.remove(key);
                }
            }
        }
    }

    /// A key has come into being (`signalKeyAsReady`). It is noted once, if anybody waits for it.
    pub fn created(&mut self, key: &[u8]) {
        if self.queues.is_empty() {
            return;
        }
        if let Some(queue) = self.queues.get_mut(key)
            && !std::mem::replace(&mut queue.is_ready, true)
        {
            self.ready.push_back(key.into());
        }
    }

    /// Is any key ready?
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Takes the key that has been ready for longest.
    pub fn next_ready(&mut self) -> Option<Bytes> {
        let key = self.ready.pop_front()?;
        if let Some(queue) = self.queues.get_mut(&key) {
            queue.is_ready = false;
        }
        Some(key)
    }

    /// The first in the queue of `key` whose place is after this one: its place, and its id. All
    /// places are after 0.
    pub fn next_client(&self, key: &[u8], after: u64) -> Option<(u64, u64)> {
        let mut rest = self.queues.get(key)?.clients.range(after + 1..);
        rest.next().map(|(place, client)| (*place, *client))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys<'a>(names: &'a [&str]) -> impl Iterator<Item = &'a [u8]> {
        names.iter().map(|name| name.as_bytes())
    }

    #[test]
    fn each_key_has_its_queue_in_order_of_arrival() {
        let mut awaited = Awaited::default();
        let first = awaited.enter(9, keys(&["a", "b", "a"]));
        let second = awaited.enter(3, keys(&["a"]));
        assert_eq!(awaited.next_client(b"a", 0), Some((first, 9)));
        assert_eq!(awaited.next_client(b"a", first), Some((second, 3)));
        assert_eq!(awaited.next_client(b"a", second), None);
        assert_eq!(awaited.next_client(b"b", 0), Some((first, 9)));
        awaited.leave(first, keys(&["a", "b", "a"]));
        assert_eq!(awaited.next_client(b"a", 0), Some((second, 3)));
        assert_eq!(awaited.next_client(b"b", 0), None);
        awaited.leave(second, keys(&["a"]));
        assert!(awaited.queues.is_empty());
    }

    #[test]
    fn an_awaited_key_is_ready_once_until_it_is_taken() {
        let mut awaited = Awaited::default();
        awaited.enter(1, keys(&["a", "b"]));
        for key in [b"b", b"x", b"a", b"b"] {
            awaited.created(key);
        }
        assert_eq!(awaited.next_ready().as_deref(), Some(&b"b"[..]));
        awaited.created(b"b");
        assert_eq!(awaited.next_ready().as_deref(), Some(&b"a"[..]));
        assert_eq!(awaited.next_ready().as_deref(), Some(&b"b"[..]));
        assert_eq!(awaited.next_ready(), None);
    }
}
