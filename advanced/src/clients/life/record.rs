//! What a client has asked for besides its commands, and what others have done to its wait: MONITOR,
//! CLIENT REPLY, CLIENT NO-EVICT and CLIENT UNBLOCK. All of it is [`States`] of the client, so a
//! connection asks one question after each command.

use crate::clients::states::States;

/// It gets a line for each command of others.
pub const MONITOR: u32 = 1 << 1;
/// It gets no replies.
pub const OFF: u32 = 1 << 2;
/// The command that is under way gets no reply.
pub const SKIP: u32 = 1 << 16;
/// CLIENT REPLY SKIP was called just now.
pub const SKIP_NEXT: u32 = 1 << 17;
/// It gets no reply to the command under way.
pub const SILENT: u32 = OFF | SKIP;
/// After a command of this client, more is to be done than to send its reply.
pub const SPECIAL: u32 = MONITOR | SILENT | SKIP_NEXT;
/// It is not disconnected when memory is short. That is for a later server to do.
pub const KEPT: u32 = 1 << 18;

/// CLIENT UNBLOCK may end its wait.
const OPEN: u32 = 1 << 19;
/// CLIENT UNBLOCK has ended it, as if it were late.
const LATE: u32 = 1 << 20;
/// CLIENT UNBLOCK has ended it, with an error.
pub const BROKEN: u32 = 1 << 21;
/// CLIENT UNBLOCK has ended it.
pub const UNBLOCKED: u32 = LATE | BROKEN;

/// The command under way has had its reply, or what stands in its place.
pub fn has_replied(states: &States) {
    states.set(SKIP, states.has(SKIP_NEXT));
    states.set(SKIP_NEXT, false);
}

/// A wait begins. CLIENT UNBLOCK may end it if it could also end because it takes too long.
pub fn begin_to_wait(states: &States, may_time_out: bool) {
    states.set(UNBLOCKED, false);
    states.set(OPEN, may_time_out);
}

/// Ends the wait, with an error or as if it were late. Returns false if that may not be.
pub fn unblock(states: &States, with_error: bool) -> bool {
    let may_be = states.has(OPEN);
    if may_be {
        states.set(OPEN, false);
        states.set(if with_error { BROKEN } else { LATE }, true);
    }
    may_be
}

/// Adds the letters of these states to `flags`, in Redis's order.
pub fn add_flags(states: &States, flags: &mut String) {
    if states.has(MONITOR) {
        flags.insert(0, 'O');
    }
    if states.has(KEPT) {
        flags.push('e');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_ended_once_and_only_if_it_may() {
        let states = &States::default();
        assert!(!unblock(states, false));
        begin_to_wait(states, false);
        assert!(!unblock(states, true));
        begin_to_wait(states, true);
        assert!(unblock(states, true));
        assert!(!unblock(states, false));
        assert!(states.has(BROKEN) && states.has(UNBLOCKED));
        begin_to_wait(states, true);
        assert!(!states.has(UNBLOCKED));
    }

    #[test]
    fn one_reply_is_skipped() {
        let states = &States::default();
        states.set(SKIP_NEXT, true);
        has_replied(states);
        assert!(states.has(SILENT));
        has_replied(states);
        assert!(!states.has(SPECIAL));
    }
}
