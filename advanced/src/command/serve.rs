//! Serves the clients that wait for a key, once it has come into being (`handleClientsBlockedOnKeys` in
//! Redis's `blocked.c`).
//!
//! The waiting command is executed by whoever creates the key: after that command, and before the next
//! one of any client. So nobody comes in between and takes what a client has waited for, and those who
//! wait are served in the order in which they came. And the AOF and the replicas get both effects in
//! that order, as two commands of which neither waits: `RPUSH k a`, `LPOP k`.

use bytes::BytesMut;

use super::blocking::take;
use super::{Context, Table};
use crate::client::Client;
use crate::clients::blocked::Waiter;
use crate::resp::Reply;
use crate::state::State;
use crate::store::Value;

/// Serves clients, if a key is ready. It is asked after each command, and mostly none is.
#[inline]
pub fn serve_ready(table: &Table, state: &mut State) {
    if state.store.awaited.has_ready() {
        serve_all(table, state);
    }
}

/// Serves clients for as long as a key is ready. To serve one can create another key, as BLMOVE does;
/// that key is ready then, and has its turn after those that were ready before.
fn serve_all(table: &Table, state: &mut State) {
    while let Some(key) = state.store.awaited.next_ready() {
        serve_key(table, state, &key);
    }
}

/// Serves those who wait for `key`, from the first to the last, for as long as there is anything left.
/// Who waits for another type of value keeps its place.
fn serve_key(table: &Table, state: &mut State, key: &[u8]) {
    let mut after = 0;
    while let Some((place, client)) = state.store.awaited.next_client(key, after)
        && let Some(kind) = state.store.get_for_write(key).map(Value::type_name)
    {
        after = place;
        if state.blocked.wants(client, kind)
            && let Some(waiter) = state.blocked.leave(client, &mut state.store.awaited)
        {
            serve(table, state, &waiter, key);
        }
    }
}

/// Executes the command of a client that waits no more, and leaves it the reply.
fn serve(table: &Table, state: &mut State, waiter: &Waiter, key: &[u8]) {
    let (mut output, mut client) = (BytesMut::new(), Client::new(waiter.client.clone()));
    let reply = Reply::new(&mut output, waiter.client.protocol());
    let ctx = &mut Context::new(table, &mut client, reply, state);
    if let Err(error) = take(ctx, waiter.args.as_args(), key) {
        ctx.reply.error(error.text());
    }
    state.blocked.answer(&waiter.client, output);
}
