//! The clients that wait for a key, by their ids: what each of them wants, and the reply of those that
//! have been served (`client->bpop` in Redis).
//!
//! Whoever creates the key executes the waiting command and puts its reply here. The task of the client
//! is notified, and moves the reply to its output when it has its turn.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use ahash::RandomState;
use bytes::BytesMut;

use crate::clients::Handle;
use crate::clients::states::BLOCKED;
use crate::resp::owned::OwnedArgs;
use crate::resp::{Args, Reply};
use crate::store::awaited::Awaited;

/// Those that wait, and those that have waited and do not know it yet.
#[derive(Debug, Default)]
pub struct Blocked {
    waiting: HashMap<u64, Waiter, RandomState>,
    outcomes: HashMap<u64, Outcome, RandomState>,
}

/// A client that waits.
#[derive(Debug)]
pub struct Waiter {
    pub client: Arc<Handle>,
    /// The command that waits, and which of its arguments are the keys that it waits for.
    pub args: OwnedArgs,
    keys: Range<usize>,
    /// What a key must hold to be of use, as TYPE calls it.
    kind: &'static str,
    /// Its place in the queues of its keys.
    place: u64,
}

/// What became of a wait.
#[derive(Debug)]
pub struct Outcome {
    pub reply: BytesMut,
    /// The connection is closed after the reply.
    pub closes: bool,
}

impl Blocked {
    /// The client waits from here on until one of the keys in `args` holds a value of the type `kind`.
    pub fn enter(
        &mut self,
        client: &Arc<Handle>,
        (args, keys): (Args<'_>, Range<usize>),
        kind: &'static str,
        awaited: &mut Awaited,
    ) {
        let waiter = Waiter {
            client: client.clone(),
            place: awaited.enter(client.id, args.range(keys.clone())),
            args: args.to_owned(),
            keys,
            kind,
        };
        self.waiting.insert(client.id, waiter);
    }

    /// The client does not wait any more. Returns what it has waited for; `None` if it did not wait.
    pub fn leave(&mut self, client: u64, awaited: &mut Awaited) -> Option<Waiter> {
        let waiter = self.waiting.remove(&client)?;
        let keys = waiter.args.as_args().range(waiter.keys.clone());
        awaited.leave(waiter.place, keys);
        waiter.client.states.set(BLOCKED, false);
        Some(waiter)
    }

    /// Does the client wait for a value of this type? One whose connection was ended wants nothing.
    pub fn wants(&self, client: u64, kind: &str) -> bool {
        let waiter = self.waiting.get(&client);
        waiter.is_some_and(|it| it.kind == kind && !it.client.is_ended())
    }

    /// The client, which does not wait any more, gets this reply.
    pub fn answer(&mut self, client: &Handle, reply: BytesMut) {
        let closes = false;
        self.outcomes.insert(client.id, Outcome { reply, closes });
        client.mail.notify_one();
    }

    /// Nobody waits any more: all get this error, and their connections are closed
    /// (`disconnectAllBlockedClients`).
    pub fn disconnect_all(&mut self, error: &[u8], awaited: &mut Awaited) {
        let clients: Vec<u64> = self.waiting.keys().copied().collect();
        for client in clients {
            if let Some(waiter) = self.leave(client, awaited) {
                let mut reply = BytesMut::new();
                Reply::new(&mut reply, waiter.client.protocol()).error(error);
                let closes = true;
                self.outcomes.insert(client, Outcome { reply, closes });
                waiter.client.mail.notify_one();
            }
        }
    }

    /// Has the client got its reply, and does not know it yet?
    pub fn is_served(&self, client: u64) -> bool {
        self.outcomes.contains_key(&client)
    }

    /// Takes what became of the client's wait; `None` if it still waits.
    pub fn take(&mut self, client: u64) -> Option<Outcome> {
        self.outcomes.remove(&client)
    }

    /// The client has left.
    pub fn forget(&mut self, client: u64, awaited: &mut Awaited) {
        self.leave(client, awaited);
        self.outcomes.remove(&client);
    }
}
