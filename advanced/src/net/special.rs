//! What a connection does besides for a client that has asked for it: one that wants no replies, or
//! one that watches the others.

use bytes::BytesMut;

use crate::client::{Client, Waiting};
use crate::clients::replies::Replies;
use crate::resp::Args;
use crate::state::State;

/// Is anything to be done besides after each command of the client?
#[inline]
pub fn is_special(client: &Client) -> bool {
    client.replies != Replies::On || client.handle.record.watches()
}

/// The client waits from here on. CLIENT UNBLOCK may end what could also end because it takes too
/// long.
pub fn begin_to_wait(client: &Client, waiting: Waiting) {
    let may_time_out = matches!(waiting, Waiting::Replicas { .. });
    client.handle.record.begin_to_wait(may_time_out);
}

/// A command was executed, and its reply begins at `start`. Takes the reply back if the client does
/// not want it. A monitor finds the line of its own command after the reply.
#[cold]
pub fn settle(
    client: &mut Client,
    state: &mut State,
    args: Args<'_>,
    output: &mut BytesMut,
    start: usize,
) {
    let is_silent = matches!(client.replies, Replies::Off | Replies::Skip);
    let is_blocked = client.waiting.is_some();
    client.replies.settle(args, is_blocked, output, start);
    if is_silent {
        state.clients.monitors.skip(client.handle.id);
    }
    collect(client, state, output, usize::MAX);
}

/// Moves the lines that wait for a monitor to its output, while that is shorter than `room` bytes.
/// Returns whether there are more.
pub fn collect(client: &Client, state: &mut State, output: &mut BytesMut, room: usize) -> bool {
    let monitors = &mut state.clients.monitors;
    if monitors.is_empty() {
        return false;
    }
    if client.replies == Replies::Off {
        monitors.skip(client.handle.id);
    }
    monitors.collect(&client.handle, output, room)
}
