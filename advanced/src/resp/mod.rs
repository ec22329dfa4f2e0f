//! RESP, the Redis serialization protocol: bytes become commands, replies
//! become bytes. This file knows nothing else.
//!
//! A command arrives as an array of bulk strings,
//!
//! ```text
//! *2\r\n  $4\r\n ECHO\r\n  $5\r\n hello\r\n
//! ```
//!
//! or, typed by hand, as one line: `ECHO hello\r\n` (an *inline command*).
//! TCP delivers it in pieces of any size, so the parser must be able to stop at
//! any byte. Ours remembers how far it came ([`Parser::pos`], [`Parser::scanned`])
//! and goes on from there: every byte is looked at once, however small the
//! pieces. It does not copy either: an argument is a [`Span`] of the read
//! buffer, and [`Args`] lends it out as a slice. A [`Batch`] parses all commands
//! that have arrived before the first of them is executed.
//!
//! What a client announces is not what it sends. `$536870912\r\n` costs its sender
//! twelve bytes, so nothing is allocated for it: the buffer grows as bytes arrive.
//!
//! Redis does this in `networking.c` (`processInlineBuffer`,
//! `processMultibulkBuffer`, `addReply…`) and `sds.c` (`sdssplitargs`).

mod batch;
pub mod cross_protocol;
pub mod inline;
#[cfg(feature = "blocking")]
pub mod owned;
mod parser;
mod reply;
mod span;

use thiserror::Error;

pub use batch::Batch;
pub use parser::{Args, Parser};
pub use reply::Reply;

/// How long a line may become before its end arrives, in bytes: an inline command, or the digits
/// after `*` and `$` (`PROTO_INLINE_MAX_SIZE`).
pub const MAX_LINE: usize = 64 * 1024;

/// The longest bulk string, in bytes (`proto-max-bulk-len`).
pub const MAX_BULK: usize = 512 * 1024 * 1024;

/// The largest number of arguments in one command (`INT_MAX` in Redis 7.0).
pub const MAX_ARGS: i64 = i32::MAX as i64;

/// The most bytes that one command may take, all its arguments together. This limit
/// is ours: Redis has none for the sum. Its `client-query-buffer-limit`, 1 GiB too,
/// bounds what is not parsed yet, and arguments leave that buffer one by one.
pub const MAX_COMMAND: usize = 1024 * 1024 * 1024;

/// Bytes that are not RESP. The text is what Redis replies after `-ERR ` before
/// it closes the connection.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ProtocolError {
    #[error("Protocol error: too big inline request")]
    InlineTooBig,
    #[error("Protocol error: unbalanced quotes in request")]
    UnbalancedQuotes,
    #[error("Protocol error: too big mbulk count string")]
    CountLineTooBig,
    #[error("Protocol error: too big bulk count string")]
    BulkLineTooBig,
    #[error("Protocol error: invalid multibulk length")]
    InvalidCount,
    #[error("Protocol error: invalid bulk length")]
    InvalidBulkLength,
    #[error("Protocol error: expected '$', got '{}'", .0.escape_ascii())]
    ExpectedBulk(u8),
    /// The command is larger than [`MAX_COMMAND`]. Redis has neither this limit nor this text.
    #[error("Protocol error: too big request")]
    CommandTooBig,
}

impl ProtocolError {
    /// The text of the error reply, without the `-` before it. It may quote a byte that is not
    /// UTF-8, which `Display` cannot.
    pub fn reply(&self) -> Vec<u8> {
        match self {
            Self::ExpectedBulk(got) => {
                let before = b"ERR Protocol error: expected '$', got '";
                [before.as_slice(), &[*got], b"'"].concat()
            }
            other => format!("ERR {other}").into_bytes(),
        }
    }
}

/// Reads an integer as strictly as Redis does (`string2ll`). `None` if there are blanks, a
/// `+` or leading zeros, or if the number does not fit 64 bits.
pub fn parse_integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        // Most counts and lengths, and the only number that begins with a zero.
        [digit @ b'0'..=b'9'] => return Some(i64::from(digit - b'0')),
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    if let [] | [b'0', ..] = digits {
        return None;
    }
    // Negative numbers reach one further than positive ones, so count down.
    let mut value: i64 = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value
            .checked_mul(10)?
            .checked_sub(i64::from(digit - b'0'))?;
    }
    if negative {
        Some(value)
    } else {
        value.checked_neg()
    }
}

/// The version of the protocol that a client asked for with `HELLO`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Protocol {
    #[default]
    Resp2,
    Resp3,
}

impl Protocol {
    /// Its number in HELLO and in CLIENT LIST.
    pub fn number(self) -> i64 {
        match self {
            Self::Resp2 => 2,
            Self::Resp3 => 3,
        }
    }
}
