//! Publish and subscribe: which clients are subscribed to which channels and patterns, and which
//! messages wait for them (`pubsub.c` in Redis).
//!
//! Every subscriber has a mailbox. A publisher puts a message into the mailboxes
//! of all who want it, and is done: it waits for nobody. A subscriber's own
//! connection empties the mailbox into its socket when it gets to it. All
//! mailboxes are behind the server's one lock, so there is one order of messages, and
//! every subscriber sees its part of it, across channels.
//!
//! A message is encoded once for each protocol that somebody speaks. The
//! mailboxes hold references to it: ten thousand subscribers that are slow cost
//! ten thousand pointers, not ten thousand copies. What the pointers lead to
//! is counted nevertheless, for each mailbox as if it were alone; past a bound in bytes
//! its client is disconnected. It is never skipped: a client that lost messages would not know,
//! and one that lost its connection does.
//!
//! Why not a channel of tokio's for each? `broadcast` has a bound in messages
//! and skips those who are late. One bounded `mpsc` per subscriber makes the publisher wait or
//! skip; an unbounded one knows no bytes and cannot take back what waits in it.
//! And with one channel per subscription nothing would say which of two messages came first.
//!
//! Nobody is woken from here, either. A subscriber that got something waits in a queue, and
//! `net/delivery.rs` wakes them in turns.
//!
//! A subscriber is known by the id of its client, which is never used twice.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use ahash::RandomState;
use bytes::BytesMut;
use indexmap::IndexMap;
use tokio::sync::Notify;

use crate::clients::Handle;
use crate::clients::output_limit::OutputLimit;
use crate::resp::{Protocol, Reply};
use crate::util::glob;

/// The name of a channel or a pattern, or an encoded message. A clone is a pointer.
type Bytes = Arc<[u8]>;

/// The subscribers of each name: the ids of the clients, sorted. A vector is small: most channels
/// have one subscriber, and there may be a million channels.
type Listeners = IndexMap<Bytes, Vec<u64>, RandomState>;

/// A mailbox keeps room for this many messages when it is empty.
const KEPT_MESSAGES: usize = 32;

/// The registry keeps room for this many channels, and for this many patterns, when it has fewer.
const KEPT_NAMES: usize = 1024;

/// A mailbox with this many messages or bytes is worth a write of its own; waiting for more
/// would make the next write hardly cheaper.
const FULL_MESSAGES: usize = 32;
const FULL_BYTES: usize = 16 * 1024;

/// What a client can subscribe to. As a number, it is the index into arrays of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Channel,
    Pattern,
}

/// All subscriptions, and what waits for the subscribers.
#[derive(Default)]
pub struct PubSub {
    /// The subscribers of each channel, and of each pattern.
    listeners: [Listeners; 2],
    mailboxes: Mailboxes,
    /// How many bytes of messages have been published since the server started.
    pub published: u64,
}

/// What waits for the subscribers.
#[derive(Default)]
struct Mailboxes {
    /// By the ids of their clients.
    subscribers: HashMap<u64, Subscriber, RandomState>,
    /// The clients that have new messages and have not been woken for them, the longest waiting first.
    wake_queue: VecDeque<u64>,
    /// Notified when the queue is not empty.
    notify: Arc<Notify>,
}

/// A client with at least one subscription.
struct Subscriber {
    client: Arc<Handle>,
    /// The channels that it is subscribed to, and the patterns, with numbers that tell the order.
    /// A list would be in order by itself, and to take one of a million names out of it takes long.
    names: [HashMap<Bytes, u64, RandomState>; 2],
    /// How many subscriptions it has ever had.
    subscribed: u64,
    /// Messages, the oldest first, and how many bytes they are.
    mailbox: VecDeque<Bytes>,
    bytes: usize,
    is_queued: bool,
}

impl PubSub {
    /// Subscribes the client to `name`, unless it is subscribed already (`pubsubSubscribeChannel`).
    /// Returns how many subscriptions it has then, channels and patterns together.
    pub fn subscribe(&mut self, client: &Arc<Handle>, kind: Kind, name: &[u8]) -> usize {
        let subscribers = &mut self.mailboxes.subscribers;
        let new = || Subscriber::new(client.clone());
        let subscriber = subscribers.entry(client.id).or_insert_with(new);
        let names = &mut subscriber.names[kind as usize];
        if !names.contains_key(name) {
            let listeners = &mut self.listeners[kind as usize];
            let known = listeners.get_key_value(name).map(|(name, _)| name.clone());
            let name = known.unwrap_or_else(|| name.into());
            subscriber.subscribed += 1;
            names.insert(name.clone(), subscriber.subscribed);
            let one = || Vec::with_capacity(1);
            let clients = listeners.entry(name).or_insert_with(one);
            let place = clients.partition_point(|id| *id < client.id);
            clients.insert(place, client.id);
        }
        subscriber.count()
    }

    /// Ends the client's subscription to `name`, if there is one (`pubsubUnsubscribeChannel`).
    /// Returns how many it has left, channels and patterns together.
    pub fn unsubscribe(&mut self, client: u64, kind: Kind, name: &[u8]) -> usize {
        let Some(subscriber) = self.mailboxes.subscribers.get_mut(&client) else {
            return 0;
        };
        let was_there = subscriber.names[kind as usize].remove(name).is_some();
        let left = subscriber.count();
        if was_there {
            self.forget(client, kind as usize, name);
        }
        if left == 0 {
            self.mailboxes.subscribers.remove(&client);
        }
        left
    }

    /// The client's subscriptions of this kind, the oldest first.
    pub fn subscriptions(&self, client: u64, kind: Kind) -> Vec<Bytes> {
        let subscriber = self.mailboxes.subscribers.get(&client);
        let names = subscriber.map(|it| it.names[kind as usize].iter());
        let mut names: Vec<_> = names.into_iter().flatten().collect();
        names.sort_unstable_by_key(|(_, number)| **number);
        names.into_iter().map(|(name, _)| name.clone()).collect()
    }

    /// Ends all subscriptions of a client, and drops the messages that wait for it.
    pub fn leave(&mut self, client: u64) {
        let Some(mut subscriber) = self.mailboxes.subscribers.remove(&client) else {
            return;
        };
        for (kind, names) in std::mem::take(&mut subscriber.names).iter().enumerate() {
            for name in names.keys() {
                self.forget(client, kind, name);
            }
        }
        subscriber.count();
    }

    /// Takes a client off the listeners of a channel or a pattern. A name without listeners is
    /// removed.
    fn forget(&mut self, client: u64, kind: usize, name: &[u8]) {
        let listeners = &mut self.listeners[kind];
        let Some(clients) = listeners.get_mut(name) else {
            return;
        };
        clients
            .binary_search(&client)
            .map(|place| clients.remove(place))
            .ok();
        if clients.is_empty() {
            listeners.swap_remove(name);
            // A crowd of channels is no reason to hold on to its memory. Rare enough to be cheap.
            if listeners.capacity() > KEPT_NAMES.max(8 * listeners.len()) {
                listeners.shrink_to(2 * listeners.len());
            }
        }
    }

    /// Puts `message` into the mailboxes of all subscribers of `channel`, once for each
    /// subscription that matches (`pubsubPublishMessage`). Returns how many messages that made. A
    /// client for which more than `limit` waits then is disconnected.
    pub fn publish(&mut self, channel: &[u8], message: &[u8], limit: OutputLimit) -> usize {
        let [channels, patterns] = &self.listeners;
        let mut receivers = 0;
        if let Some(clients) = channels.get(channel) {
            let words = [b"message", channel, message];
            receivers += self.mailboxes.deliver(clients, &words, limit);
        }
        for (pattern, clients) in patterns {
            if matches(pattern, channel) {
                let words = [b"pmessage", &pattern[..], channel, message];
                receivers += self.mailboxes.deliver(clients, &words, limit);
            }
        }
        if !self.mailboxes.wake_queue.is_empty() {
            self.mailboxes.notify.notify_one();
        }
        self.published += message.len() as u64;
        receivers
    }

    /// Moves messages from the client's mailbox to the end of `output`, while that is shorter than
    /// `room` bytes. Returns whether the mailbox holds more.
    pub fn collect(&mut self, client: &Handle, output: &mut BytesMut, room: usize) -> bool {
        let Some(subscriber) = self.mailboxes.subscribers.get_mut(&client.id) else {
            return false;
        };
        while output.len() < room
            && let Some(message) = subscriber.mailbox.pop_front()
        {
            subscriber.bytes -= message.len();
            output.extend_from_slice(&message);
        }
        client.unwritten.store(output.len(), Relaxed);
        if subscriber.mailbox.is_empty() {
            subscriber.mailbox.shrink_to(KEPT_MESSAGES);
        }
        !subscriber.mailbox.is_empty()
    }

    /// How many messages wait for a client in its mailbox, and how many bytes they are.
    pub fn waiting(&self, client: u64) -> (usize, usize) {
        let subscriber = self.mailboxes.subscribers.get(&client);
        subscriber.map_or((0, 0), |it| (it.mailbox.len(), it.bytes))
    }

    /// Wakes the first `count` clients in the queue, and those directly after them whose mailboxes
    /// are full. Returns whether the queue holds more.
    pub fn wake(&mut self, count: usize) -> bool {
        let mailboxes = &mut self.mailboxes;
        let mut woken = 0;
        while let Some(client) = mailboxes.wake_queue.front() {
            if let Some(subscriber) = mailboxes.subscribers.get_mut(client) {
                if woken >= count && !subscriber.is_full() {
                    return true;
                }
                subscriber.is_queued = false;
                subscriber.client.mail.notify_one();
                woken += 1;
            }
            mailboxes.wake_queue.pop_front();
        }
        false
    }

    /// What is notified when [`wake`](Self::wake) has something to do.
    pub fn notify(&self) -> Arc<Notify> {
        self.mailboxes.notify.clone()
    }

    /// Disconnects the subscribers for which more than `limit` waits. The cron calls it, so that a
    /// soft limit ends a client even if no message arrives.
    pub fn enforce(&mut self, limit: OutputLimit) {
        let subscribers = self.mailboxes.subscribers.values_mut();
        subscribers.for_each(|subscriber| subscriber.enforce(limit));
    }

    /// The names of all channels, or all patterns, that have a subscriber.
    pub fn names(&self, kind: Kind) -> impl ExactSizeIterator<Item = &[u8]> {
        self.listeners[kind as usize].keys().map(AsRef::as_ref)
    }

    /// How many clients are subscribed to this channel, not counting patterns: `PUBSUB NUMSUB`.
    pub fn subscribers(&self, channel: &[u8]) -> usize {
        self.listeners[Kind::Channel as usize]
            .get(channel)
            .map_or(0, Vec::len)
    }
}

impl Mailboxes {
    /// Delivers a message that consists of these `words` to each of the `clients`. Returns how many
    /// that are.
    fn deliver(&mut self, clients: &[u64], words: &[&[u8]], limit: OutputLimit) -> usize {
        let mut encoded: [Option<Bytes>; 2] = [None, None];
        for client in clients {
            let Some(subscriber) = self.subscribers.get_mut(client) else {
                continue;
            };
            let protocol = subscriber.client.protocol();
            let message = encoded[protocol as usize].get_or_insert_with(|| encode(words, protocol));
            subscriber.bytes += message.len();
            subscriber.mailbox.push_back(message.clone());
            if !subscriber.is_queued {
                subscriber.is_queued = true;
                self.wake_queue.push_back(*client);
            }
            subscriber.enforce(limit);
        }
        clients.len()
    }
}

impl Subscriber {
    fn new(client: Arc<Handle>) -> Self {
        Self {
            client,
            names: Default::default(),
            subscribed: 0,
            mailbox: VecDeque::new(),
            bytes: 0,
            is_queued: false,
        }
    }

    /// Returns how many subscriptions the client has, and stores the numbers in its handle, where
    /// CLIENT LIST finds them.
    fn count(&self) -> usize {
        for (names, told) in self.names.iter().zip(&self.client.subscriptions) {
            told.store(names.len(), Relaxed);
        }
        self.client.subscription_count()
    }

    /// How many bytes wait for the client, in the mailbox and in the connection's output.
    fn waiting(&self) -> usize {
        self.bytes + self.client.unwritten.load(Relaxed)
    }

    /// Disconnects the client if more waits for it than `limit` allows, and drops its messages. Its
    /// subscriptions end when its task does, a moment later.
    fn enforce(&mut self, limit: OutputLimit) {
        if self.client.enforce(limit, self.waiting()) {
            self.mailbox = VecDeque::new();
            self.bytes = 0;
        }
    }

    fn is_full(&self) -> bool {
        self.mailbox.len() >= FULL_MESSAGES || self.bytes >= FULL_BYTES
    }
}

/// Whether `pattern` matches the name of this channel. The empty name is special, as in Redis: KEYS
/// says that `*` matches it, and PSUBSCRIBE says that it does not.
pub fn matches(pattern: &[u8], channel: &[u8]) -> bool {
    if channel.is_empty() {
        return pattern.is_empty();
    }
    glob::matches(pattern, channel)
}

/// Encodes a message as it is sent: as a push in RESP3, and as an array in RESP2.
fn encode(words: &[&[u8]], protocol: Protocol) -> Bytes {
    let mut output = BytesMut::new();
    let mut reply = Reply::new(&mut output, protocol);
    reply.push(words.len());
    for word in words {
        reply.bulk(word);
    }
    Bytes::from(&output[..])
}

#[cfg(test)]
mod tests;
