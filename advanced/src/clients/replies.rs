//! CLIENT REPLY: which replies a client gets (`CLIENT_REPLY_OFF` and its kin in Redis's
//! `networking.c`).
//!
//! Commands write their replies without asking. If a client does not want one, it is cut off again
//! directly after it was written, so the many clients that want all replies pay for one comparison.
//! Messages are no replies: a subscriber gets them, whatever it has said here.

use bytes::BytesMut;

use crate::resp::Args;

/// Which replies a client gets.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Replies {
    #[default]
    On,
    Off,
    /// CLIENT REPLY SKIP was called just now.
    SkipNext,
    /// The command that is under way gets no reply, and those after it do.
    Skip,
}

impl Replies {
    /// A command was executed, and has written its reply at `start`. `is_blocked` says that the
    /// reply itself is still to come.
    pub fn settle(
        &mut self,
        args: Args<'_>,
        is_blocked: bool,
        output: &mut BytesMut,
        start: usize,
    ) {
        match self {
            Self::On => {}
            Self::SkipNext => *self = Self::Skip,
            Self::Off | Self::Skip => {
                let sent = messages(args, &output[start..]);
                output.truncate(start + sent);
                if !is_blocked {
                    self.has_skipped();
                }
            }
        }
    }

    /// The reply for which the client has waited was written at `start`.
    pub fn settle_late(&mut self, output: &mut BytesMut, start: usize) {
        if *self != Self::On {
            output.truncate(start);
            self.has_skipped();
        }
    }

    fn has_skipped(&mut self) {
        if *self == Self::Skip {
            *self = Self::On;
        }
    }
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
