//! What the connection of a client does that waits for a key: it looks whether somebody has served it,
//! and gives up when its time is over.

use bytes::BytesMut;

use crate::client::{Client, Waiting};
use crate::resp::Reply;
use crate::state::State;

/// What the client gets if its wait is over, and whether that has to wait until the AOF is written.
pub fn answer(
    client: &mut Client,
    state: &mut State,
    waiting: Waiting,
    at_end: bool,
) -> Option<(BytesMut, bool)> {
    let id = client.handle.id;
    if let Some(outcome) = state.blocked.take(id) {
        client.closing = outcome.closes;
        // What was done for it is a write of its own.
        client.written = state.replication.offset();
        return Some((outcome.reply, state.aof.is_on()));
    }
    let mut reply = BytesMut::new();
    if at_end || state.lifecycle.has_ended() {
        // Whoever leaves meanwhile gets nothing, nor does anybody when the server ends.
        client.closing = !state.lifecycle.has_ended();
    } else if waiting.left().is_zero() {
        Reply::new(&mut reply, client.handle.protocol()).null_array();
    } else {
        return None;
    }
    state.blocked.leave(id, &mut state.store.awaited);
    Some((reply, false))
}
