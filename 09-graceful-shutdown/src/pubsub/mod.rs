//! Publish and subscribe: who listens to what, and what waits for whom
//! (`pubsub.c` in Redis).
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
//! Nobody is woken from here, either. Whoever got something waits in a queue, and
//! `net/delivery.rs` wakes them in turns.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use ahash::RandomState;
use bytes::BytesMut;
use indexmap::{IndexMap, IndexSet};
use slab::Slab;
use tokio::sync::Notify;
use tracing::warn;

use crate::clients::Handle;
use crate::clients::output_limit::{Excess, OutputLimit};
use crate::resp::{Protocol, Reply};
use crate::util::glob;

/// The name of a channel, or a pattern; an encoded message.
type Bytes = Arc<[u8]>;

/// Subscribers, by their places in the registry. Most channels have one, and a set
/// of its own for each of a million channels would take more than all the rest.
#[derive(Debug)]
enum Places {
    One(usize),
    Many(Box<IndexSet<usize, RandomState>>),
}

/// What one client is subscribed to, with numbers that tell the order. A list would be
/// in order by itself, and to take one of a million names out of it takes long.
type Names = HashMap<Bytes, u64, RandomState>;

/// A mailbox keeps room for this many messages when it is empty.
const KEPT_MESSAGES: usize = 32;

/// The registry keeps room for this many channels, and for this many patterns, when it has fewer.
const KEPT_NAMES: usize = 1024;

/// A mailbox with this many messages or bytes is worth a write of its own; waiting for more
/// would make the next write hardly cheaper.
const FULL_MESSAGES: usize = 32;
const FULL_BYTES: usize = 16 * 1024;

/// All subscriptions, and what waits for the subscribers.
#[derive(Default)]
pub struct PubSub {
    channels: HashMap<Bytes, Places, RandomState>,
    /// In an order, as each message is held against all of them.
    patterns: IndexMap<Bytes, Places, RandomState>,
    subscribers: Slab<Subscriber>,
    /// Who got something and has not been woken for it.
    wake_queue: VecDeque<usize>,
    /// Notified when somebody is in the queue.
    notify: Arc<Notify>,
    /// How many bytes of messages have been published.
    pub published: u64,
}

/// A client with at least one subscription.
struct Subscriber {
    client: Arc<Handle>,
    protocol: Protocol,
    channels: Names,
    patterns: Names,
    /// How many subscriptions it has ever had.
    subscribed: u64,
    /// Messages, the oldest first, and how many bytes they are.
    mailbox: VecDeque<Bytes>,
    bytes: usize,
    excess: Excess,
    is_queued: bool,
    /// Too much waited for it; its connection has to end.
    is_disconnected: bool,
    outlet: Arc<Outlet>,
}

/// What a connection and the registry tell each other without the lock.
#[derive(Debug, Default)]
pub struct Outlet {
    /// There is something in the mailbox.
    pub mail: Notify,
    /// How many bytes have left the mailbox, and not the connection.
    pub unwritten: AtomicUsize,
}

/// A client's place among the subscribers. It has one from its first
/// subscription on until it has none any more.
#[derive(Debug)]
pub struct Subscription {
    place: usize,
    pub outlet: Arc<Outlet>,
}

/// What to subscribe to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Channel,
    Pattern,
}

/// What a connection found in its mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mail {
    /// It is empty now.
    All,
    /// There was no room for all of it.
    More,
    /// Too much waited. The connection has to end.
    Disconnected,
}

impl PubSub {
    /// A place for `client`, which has no subscription yet.
    pub fn enter(&mut self, client: Arc<Handle>, protocol: Protocol) -> Subscription {
        let outlet = Arc::new(Outlet::default());
        let place = self.subscribers.insert(Subscriber {
            client,
            protocol,
            channels: Names::default(),
            patterns: Names::default(),
            subscribed: 0,
            mailbox: VecDeque::new(),
            bytes: 0,
            excess: Excess::default(),
            is_queued: false,
            is_disconnected: false,
            outlet: outlet.clone(),
        });
        Subscription { place, outlet }
    }

    /// The client with that id is no subscriber any more; its connection leaves by itself.
    pub fn disconnect(&mut self, client: u64) {
        let place = self
            .subscribers
            .iter()
            .find(|(_, it)| it.client.id == client);
        if let Some((place, _)) = place {
            self.forget_all(place);
        }
    }

    /// Ends all subscriptions of a client, and forgets what waits for it.
    pub fn leave(&mut self, subscription: &Subscription) {
        self.forget_all(subscription.place);
        self.subscribers.try_remove(subscription.place);
    }

    /// The client has chosen another protocol. What waits for it stays as it is.
    pub fn speak(&mut self, subscription: &Subscription, protocol: Protocol) {
        if let Some(subscriber) = self.subscribers.get_mut(subscription.place) {
            subscriber.protocol = protocol;
        }
    }

    /// Subscribes the client to `name`, if it is not yet; how many subscriptions it has.
    pub fn subscribe(&mut self, subscription: &Subscription, kind: Kind, name: &[u8]) -> usize {
        let place = subscription.place;
        let Some(subscriber) = self.subscribers.get_mut(place) else {
            return 0;
        };
        if !subscriber.names(kind).contains_key(name) {
            let known = match kind {
                Kind::Channel => self.channels.get_key_value(name),
                Kind::Pattern => self.patterns.get_key_value(name),
            };
            let name = known.map_or_else(|| Bytes::from(name), |(name, _)| name.clone());
            subscriber.subscribed += 1;
            let number = subscriber.subscribed;
            subscriber.names(kind).insert(name.clone(), number);
            subscriber.tell();
            match kind {
                Kind::Channel => {
                    let places = self.channels.entry(name).or_insert(Places::One(place));
                    places.insert(place);
                }
                Kind::Pattern => {
                    let places = self.patterns.entry(name).or_insert(Places::One(place));
                    places.insert(place);
                }
            }
        }
        subscriber.count()
    }

    /// Ends the client's subscription to `name`, if there is one; how many are left.
    pub fn unsubscribe(&mut self, subscription: &Subscription, kind: Kind, name: &[u8]) -> usize {
        let place = subscription.place;
        let Some(subscriber) = self.subscribers.get_mut(place) else {
            return 0;
        };
        let was_there = subscriber.names(kind).remove(name).is_some();
        subscriber.tell();
        let count = subscriber.count();
        if was_there {
            self.forget(place, kind, name);
        }
        count
    }

    /// Ends all the client's subscriptions of this kind; what they were, the oldest first.
    pub fn unsubscribe_all(&mut self, subscription: &Subscription, kind: Kind) -> Vec<Bytes> {
        let place = subscription.place;
        let Some(subscriber) = self.subscribers.get_mut(place) else {
            return Vec::new();
        };
        let names = std::mem::take(subscriber.names(kind));
        subscriber.tell();
        let mut names: Vec<(Bytes, u64)> = names.into_iter().collect();
        names.sort_unstable_by_key(|(_, number)| *number);
        let names = names.into_iter().map(|(name, _)| name);
        names
            .inspect(|name| self.forget(place, kind, name))
            .collect()
    }

    /// How many subscriptions the client has.
    pub fn count(&self, subscription: &Subscription) -> usize {
        let subscriber = self.subscribers.get(subscription.place);
        subscriber.map_or(0, Subscriber::count)
    }

    /// Puts `message` into the mailboxes of all who are subscribed to `channel`, once
    /// for each subscription that it matches; how often that was. Who then has
    /// more than `limit` waiting for it is disconnected.
    pub fn publish(&mut self, channel: &[u8], message: &[u8], limit: OutputLimit) -> usize {
        let mut post = Post {
            subscribers: &mut self.subscribers,
            wake_queue: &mut self.wake_queue,
            limit,
            slow: Vec::new(),
        };
        let mut receivers = 0;
        if let Some(places) = self.channels.get(channel) {
            receivers += post.deliver(places, &[b"message", channel, message]);
        }
        for (pattern, places) in &self.patterns {
            if matches(pattern, channel) {
                receivers += post.deliver(places, &[b"pmessage", pattern, channel, message]);
            }
        }
        let slow = post.slow;
        self.disconnect_slow(slow);
        if !self.wake_queue.is_empty() {
            self.notify.notify_one();
        }
        self.published += message.len() as u64;
        receivers
    }

    /// Moves what waits in the client's mailbox to the end of `output`, while that is shorter
    /// than `room` bytes.
    pub fn collect(
        &mut self,
        subscription: &Subscription,
        output: &mut BytesMut,
        room: usize,
    ) -> Mail {
        let Some(subscriber) = self.subscribers.get_mut(subscription.place) else {
            return Mail::All;
        };
        if subscriber.is_disconnected {
            return Mail::Disconnected;
        }
        while output.len() < room
            && let Some(message) = subscriber.mailbox.pop_front()
        {
            subscriber.bytes -= message.len();
            output.extend_from_slice(&message);
        }
        subscription.outlet.unwritten.store(output.len(), Relaxed);
        match subscriber.mailbox.is_empty() {
            true => {
                subscriber.mailbox.shrink_to(KEPT_MESSAGES);
                Mail::All
            }
            false => Mail::More,
        }
    }

    /// Wakes the first `count` in the queue, and those behind them whose mailboxes
    /// are full; are there more?
    pub fn wake(&mut self, count: usize) -> bool {
        let mut woken = 0;
        while let Some(&place) = self.wake_queue.front() {
            // It may have left; a place is then empty or somebody else's, whom it
            // does no harm to look.
            if let Some(subscriber) = self.subscribers.get_mut(place) {
                if woken >= count && !subscriber.is_full() {
                    return true;
                }
                subscriber.is_queued = false;
                subscriber.outlet.mail.notify_one();
            }
            self.wake_queue.pop_front();
            woken += 1;
        }
        false
    }

    /// Rings when [`wake`](Self::wake) has something to do.
    pub fn notify(&self) -> Arc<Notify> {
        self.notify.clone()
    }

    /// Disconnects who has had too much waiting for too long, even if nothing is added.
    pub fn enforce(&mut self, limit: OutputLimit) {
        let exceeds = |(place, subscriber): (usize, &mut Subscriber)| {
            subscriber.exceeds(limit).then_some(place)
        };
        let slow = self.subscribers.iter_mut().filter_map(exceeds).collect();
        self.disconnect_slow(slow);
    }

    /// The channels that somebody is subscribed to.
    pub fn channels(&self) -> impl Iterator<Item = &[u8]> {
        self.channels.keys().map(AsRef::as_ref)
    }

    /// How many are subscribed to this channel, patterns not counted.
    pub fn subscribers(&self, channel: &[u8]) -> usize {
        self.channels.get(channel).map_or(0, |places| places.len())
    }

    pub fn channel_count(&self) -> usize {
        self.channels.len()
    }

    /// How many different patterns there are.
    pub fn pattern_count(&self) -> usize {
        self.patterns.len()
    }

    /// Nothing more is kept for these clients. Their places are theirs until they
    /// leave, which their connections do as soon as they notice.
    fn disconnect_slow(&mut self, places: Vec<usize>) {
        for place in places {
            self.forget_all(place);
            // One message may be too much twice.
            if let Some(subscriber) = self.subscribers.get_mut(place)
                && !subscriber.is_disconnected
            {
                warn!(
                    "client {} is disconnected for overcoming of output buffer limits: {} bytes \
                     wait for it, and it does not take them",
                    subscriber.client.id,
                    subscriber.waiting()
                );
                subscriber.is_disconnected = true;
                subscriber.mailbox = VecDeque::new();
                subscriber.bytes = 0;
                subscriber.outlet.mail.notify_one();
            }
        }
    }

    /// Takes a subscriber off everything.
    fn forget_all(&mut self, place: usize) {
        for kind in [Kind::Channel, Kind::Pattern] {
            let subscriber = self.subscribers.get_mut(place);
            let names = subscriber.map(|subscriber| {
                let names = std::mem::take(subscriber.names(kind));
                subscriber.tell();
                names
            });
            for name in names.iter().flat_map(HashMap::keys) {
                self.forget(place, kind, name);
            }
        }
    }

    /// Takes a subscriber off a channel or a pattern; nobody's is not kept.
    fn forget(&mut self, place: usize, kind: Kind, name: &[u8]) {
        let places = match kind {
            Kind::Channel => self.channels.get_mut(name),
            Kind::Pattern => self.patterns.get_mut(name),
        };
        let Some(places) = places else { return };
        if places.remove(place) {
            match kind {
                Kind::Channel => drop(self.channels.remove(name)),
                Kind::Pattern => drop(self.patterns.swap_remove(name)),
            }
            self.shrink();
        }
    }

    /// A crowd of channels is no reason to hold on to its memory. Rare enough to be cheap.
    fn shrink(&mut self) {
        if self.channels.capacity() > KEPT_NAMES.max(8 * self.channels.len()) {
            self.channels.shrink_to(2 * self.channels.len());
        }
        if self.patterns.capacity() > KEPT_NAMES.max(8 * self.patterns.len()) {
            self.patterns.shrink_to(2 * self.patterns.len());
        }
    }
}

impl Subscriber {
    fn names(&mut self, kind: Kind) -> &mut Names {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
        }
    }

    fn count(&self) -> usize {
        self.channels.len() + self.patterns.len()
    }

    /// CLIENT LIST is to know how many subscriptions there are.
    fn tell(&self) {
        self.client.channels.store(self.channels.len(), Relaxed);
        self.client.patterns.store(self.patterns.len(), Relaxed);
    }

    /// How many bytes wait: in the mailbox, and in the connection.
    fn waiting(&self) -> usize {
        self.bytes + self.outlet.unwritten.load(Relaxed)
    }

    fn is_full(&self) -> bool {
        self.mailbox.len() >= FULL_MESSAGES || self.bytes >= FULL_BYTES
    }

    fn exceeds(&mut self, limit: OutputLimit) -> bool {
        !self.is_disconnected && limit.is_exceeded_by_client(self.waiting(), &mut self.excess)
    }
}

/// One message on its way into the mailboxes.
struct Post<'a> {
    subscribers: &'a mut Slab<Subscriber>,
    wake_queue: &'a mut VecDeque<usize>,
    limit: OutputLimit,
    /// For whom it was too much.
    slow: Vec<usize>,
}

impl Post<'_> {
    /// Delivers a message that consists of these `words`; how often.
    fn deliver(&mut self, places: &Places, words: &[&[u8]]) -> usize {
        let mut encoded: [Option<Bytes>; 2] = [None, None];
        for place in places.iter() {
            let Some(subscriber) = self.subscribers.get_mut(place) else {
                continue;
            };
            let protocol = subscriber.protocol;
            let message = encoded[protocol as usize].get_or_insert_with(|| encode(words, protocol));
            subscriber.bytes += message.len();
            subscriber.mailbox.push_back(message.clone());
            if !subscriber.is_queued {
                subscriber.is_queued = true;
                self.wake_queue.push_back(place);
            }
            if subscriber.exceeds(self.limit) {
                self.slow.push(place);
            }
        }
        places.len()
    }
}

impl Places {
    fn insert(&mut self, place: usize) {
        match self {
            Self::One(only) if *only == place => {}
            Self::One(only) => {
                let both = [*only, place];
                *self = Self::Many(Box::new(both.into_iter().collect()));
            }
            Self::Many(places) => drop(places.insert(place)),
        }
    }

    /// Takes `place` out. True if none is left.
    fn remove(&mut self, place: usize) -> bool {
        match self {
            Self::One(only) => *only == place,
            Self::Many(places) => {
                places.swap_remove(&place);
                places.is_empty()
            }
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(places) => places.len(),
        }
    }

    fn iter(&self) -> impl Iterator<Item = usize> {
        let (one, many) = match self {
            Self::One(place) => (Some(*place), None),
            Self::Many(places) => (None, Some(places.iter().copied())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }
}

/// Does `pattern` match the name of this channel? Of the one without a name Redis
/// thinks otherwise here than KEYS does: `*` does not match it.
pub fn matches(pattern: &[u8], channel: &[u8]) -> bool {
    if channel.is_empty() {
        return pattern.is_empty();
    }
    glob::matches(pattern, channel)
}

/// A message as it is sent: a push in RESP3, and in RESP2 an array that nobody
/// asked for.
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
