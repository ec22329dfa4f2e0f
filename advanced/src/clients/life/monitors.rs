//! The clients that watch what others do (`server.monitors` in Redis): a mailbox of lines for each.
//!
//! A line is made once, and all mailboxes refer to it. As for a subscriber, nobody waits until a
//! monitor has read it, and a monitor that falls behind the limit for normal clients is
//! disconnected. By default that limit is none: then a monitor that reads nothing takes as much
//! memory as the server has, in Redis too.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use bytes::BytesMut;

use crate::clients::Handle;
use crate::clients::life::record::MONITOR;
use crate::clients::output_limit::OutputLimit;

/// A mailbox keeps room for this many lines when it is empty.
const KEPT_LINES: usize = 32;

/// All monitors, by the ids of their clients.
#[derive(Debug, Default)]
pub struct Monitors(BTreeMap<u64, Mailbox>);

#[derive(Debug)]
struct Mailbox {
    client: Arc<Handle>,
    /// The oldest first, and how many bytes they are.
    lines: VecDeque<Arc<[u8]>>,
    bytes: usize,
}

impl Monitors {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The client is a monitor from here on. Returns false if it was one.
    pub fn enter(&mut self, client: &Arc<Handle>) -> bool {
        if client.states.has(MONITOR) {
            return false;
        }
        client.states.set(MONITOR, true);
        let mailbox = Mailbox {
            client: client.clone(),
            lines: VecDeque::new(),
            bytes: 0,
        };
        self.0.insert(client.id, mailbox);
        true
    }

    /// Drops the mailboxes of clients that are gone, or have called RESET.
    fn drop_old(&mut self) {
        let watches = |client: &Handle| client.states.has(MONITOR) && !client.is_ended();
        self.0.retain(|_, mailbox| watches(&mailbox.client));
    }

    /// Puts a line into all mailboxes. A monitor for which more than `limit` waits then is
    /// disconnected.
    pub fn feed(&mut self, line: &[u8], limit: OutputLimit) {
        self.drop_old();
        let line: Arc<[u8]> = line.into();
        for mailbox in self.0.values_mut() {
            mailbox.bytes += line.len();
            mailbox.lines.push_back(line.clone());
            mailbox.client.mail.notify_one();
            mailbox.enforce(limit);
        }
    }

    /// Moves lines to the end of `output`, while that is shorter than `room` bytes. Returns whether
    /// there are more.
    pub fn collect(&mut self, client: &Handle, output: &mut BytesMut, room: usize) -> bool {
        let Some(mailbox) = self.0.get_mut(&client.id) else {
            return false;
        };
        while output.len() < room
            && let Some(line) = mailbox.lines.pop_front()
        {
            mailbox.bytes -= line.len();
            output.extend_from_slice(&line);
        }
        client.unwritten.store(output.len(), Relaxed);
        if mailbox.lines.is_empty() {
            mailbox.lines.shrink_to(KEPT_LINES);
        }
        !mailbox.lines.is_empty()
    }

    /// Drops what waits for a client that wants no replies now.
    pub fn skip(&mut self, client: u64) {
        if let Some(mailbox) = self.0.get_mut(&client) {
            mailbox.clear();
        }
    }

    /// How many lines wait for a client, and how many bytes they are; `None` if it
    /// is no monitor.
    pub fn waiting(&self, client: u64) -> Option<(usize, usize)> {
        let mailbox = self.0.get(&client)?;
        Some((mailbox.lines.len(), mailbox.bytes))
    }

    /// Disconnects the monitors for which more than `limit` waits, even if nothing is added.
    pub fn enforce(&mut self, limit: OutputLimit) {
        self.drop_old();
        self.0.values_mut().for_each(|it| it.enforce(limit));
    }
}

impl Mailbox {
    fn enforce(&mut self, limit: OutputLimit) {
        let waiting = self.bytes + self.client.unwritten.load(Relaxed);
        if self.client.enforce(limit, waiting) {
            self.clear();
        }
    }

    fn clear(&mut self) {
        self.lines = VecDeque::new();
        self.bytes = 0;
    }
}
