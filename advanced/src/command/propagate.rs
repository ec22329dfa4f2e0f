//! What goes to the AOF and to the replicas: the command that changed something, or another
//! that does the same whenever it is executed (`propagateNow` in Redis's `server.c`).

use super::{Context, Result};
use crate::resp::Args;
use crate::state::State;
use crate::store::clock::Moment;

/// Appends a command to the AOF and to the replicas' feed, after the keys that have expired
/// before it.
pub fn propagate<'a>(state: &mut State, words: impl ExactSizeIterator<Item = &'a [u8]> + Clone) {
    propagate_expired(state);
    let limit = state.config.client_output_buffer_limit.replica;
    state.aof.append(words.clone());
    state.replication.append(words, limit);
}

/// Appends a DEL, or an UNLINK, for each key that has expired.
pub fn propagate_expired(state: &mut State) {
    if state.store.expired.is_empty() {
        return;
    }
    let limit = state.config.client_output_buffer_limit.replica;
    let mut expired = std::mem::take(&mut state.store.expired);
    for key in expired.drain(..) {
        let words = [state.store.removal.command(), &key].into_iter();
        state.aof.append(words.clone());
        state.replication.append(words, limit);
        #[cfg(feature = "client-lifecycle")]
        super::notifications::publish_expired(state, &key);
    }
    state.store.expired = expired;
}

/// Propagates what a command has changed, if it has not failed. There were so many `changes` before it
/// was called. True if that went to the AOF.
pub fn settle(ctx: &mut Context<'_>, args: Args<'_>, changes: u64, called: Result) -> Result<bool> {
    called?;
    if !ctx.is_propagated {
        if ctx.state.store.changes == changes {
            return Ok(false);
        }
        propagate(ctx.state, args.iter());
    }
    ctx.client.written = ctx.state.replication.offset();
    Ok(ctx.state.aof.is_on())
}

impl Context<'_> {
    /// The longest string that a command may make, in bytes (`proto-max-bulk-len`). For the AOF
    /// and the primary there is no limit: they repeat what was accepted when another limit may
    /// have held (`mustObeyClient`).
    pub fn max_string(&self) -> usize {
        match self.client.is_obeyed {
            true => usize::MAX,
            false => self.state.config.proto_max_bulk_len,
        }
    }

    /// Propagates `words` instead of the command under way, even if nothing was changed.
    pub fn propagate(&mut self, words: &[&[u8]]) {
        self.is_propagated = true;
        propagate(self.state, words.iter().copied());
    }

    /// Propagates a SET that gives `key` this value, and this deadline as a unix time, because a
    /// time from now would mean another moment in a replay.
    pub fn propagate_set(&mut self, key: &[u8], value: &[u8], deadline: Option<Moment>) {
        match deadline.map(|deadline| self.state.store.clock.unix(deadline)) {
            Some(unix) => {
                let unix = unix.to_string();
                self.propagate(&[b"SET", key, value, b"PXAT", unix.as_bytes()]);
            }
            None => self.propagate(&[b"SET", key, value]),
        }
    }

    /// Sets the deadline of `key`, which must exist, and propagates the result: PEXPIREAT, or DEL
    /// or UNLINK if the deadline has already passed and the key was deleted.
    pub fn set_deadline(&mut self, key: &[u8], deadline: Moment) {
        match self.state.store.set_deadline(key, deadline) {
            true => {
                let unix = self.state.store.clock.unix(deadline).to_string();
                self.propagate(&[b"PEXPIREAT", key, unix.as_bytes()]);
            }
            false => self.propagate(&[self.state.store.removal.command(), key]),
        }
    }
}
