//! What a connection does besides for a client that has asked for it: one that wants no replies, or
//! one that watches the others.
//!
//! Commands write their replies without asking. If a client does not want one, it is cut off again
//! directly after it was written. Messages are no replies: a subscriber gets them in any case.

use bytes::BytesMut;

use crate::client::{Client, Waiting};
use crate::clients::life::record::{
    self, BROKEN, MONITOR, OFF, SILENT, SPECIAL, UNBLOCKED, has_replied,
};
use crate::resp::{Args, Reply};
use crate::state::State;

/// Is more to be done after a command of this client than to send its reply?
pub fn is_special(client: &Client) -> bool {
    client.handle.states.has(SPECIAL)
}

/// A command was executed, and its reply begins at `start`. Takes the reply back if the client does
/// not want it. A monitor finds the line of its own command after the reply.
#[cold]
pub fn settle(
    client: &Client,
    state: &mut State,
    args: Args<'_>,
    output: &mut BytesMut,
    start: usize,
) {
    let states = &client.handle.states;
    if states.has(SILENT) {
        let sent = messages(args, &output[start..]);
        output.truncate(start + sent);
        state.life.monitors.skip(client.handle.id);
    }
    if client.waiting.is_none() {
        has_replied(states);
    }
    collect(client, state, output, usize::MAX);
}

/// How many bytes at the beginning of a reply are messages: what confirms a subscription, and what a
/// client has published to itself.
fn messages(args: Args<'_>, reply: &[u8]) -> usize {
    match args[0].to_ascii_lowercase().as_slice() {
        _ if reply.starts_with(b"-") => 0,
        b"subscribe" | b"unsubscribe" | b"psubscribe" | b"punsubscribe" => reply.len(),
        // The reply is the number at the end.
        b"publish" => reply.iter().rposition(|byte| *byte == b':').unwrap_or(0),
        _ => 0,
    }
}

/// Moves the lines that wait for a monitor to its output, while that is shorter than `room` bytes.
/// Returns whether there are more.
#[inline]
pub fn collect(client: &Client, state: &mut State, output: &mut BytesMut, room: usize) -> bool {
    let (monitors, handle) = (&mut state.life.monitors, &client.handle);
    if !handle.states.has(MONITOR) {
        return false;
    }
    // Nothing follows the reply to QUIT.
    if client.closing || handle.states.has(OFF) {
        monitors.skip(handle.id);
    }
    monitors.collect(handle, output, room)
}

/// The client waits from here on. CLIENT UNBLOCK may end what could also end because it takes too
/// long.
pub fn begin_to_wait(client: &Client, waiting: Waiting) {
    record::begin_to_wait(&client.handle.states, waiting.may_time_out());
}

/// What the client waits for. Its time is over if CLIENT UNBLOCK has ended the wait.
pub fn what_is_left(client: &Client, mut waiting: Waiting) -> Waiting {
    if client.handle.states.has(UNBLOCKED) {
        waiting.expire();
    }
    waiting
}

/// Is the reply for which the client has waited, or the last one that it gets, not to be written? An
/// error takes its place if CLIENT UNBLOCK wants that, and nothing does if the client wants no reply.
pub fn takes_its_place(client: &Client, output: &mut BytesMut) -> bool {
    let states = &client.handle.states;
    let (is_silent, is_broken) = (states.has(SILENT), states.has(BROKEN));
    if is_broken && !is_silent {
        let error = b"UNBLOCKED client unblocked via CLIENT UNBLOCK";
        Reply::new(output, client.handle.protocol()).error(error);
    }
    states.set(UNBLOCKED, false);
    has_replied(states);
    is_silent || is_broken
}
