//! Why a command was refused.

use std::borrow::Cow;

use crate::resp::Args;
use crate::store::WrongType;

/// The result of a handler, or of anything else that can refuse a command.
pub type Result<T = ()> = std::result::Result<T, CommandError>;

/// Why a command was refused, in Redis's words. The connection lives on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandError(Cow<'static, [u8]>);

impl CommandError {
    pub const SYNTAX: Self = Self::new("ERR syntax error");
    pub const NOT_AN_INTEGER: Self = Self::new("ERR value is not an integer or out of range");
    pub const WRONG_TYPE: Self =
        Self::new("WRONGTYPE Operation against a key holding the wrong kind of value");
    pub const READONLY: Self = Self::new("READONLY You can't write against a read only replica.");
    pub const MASTER_DOWN: Self = Self::new(
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    );
    pub const UNBLOCKED: Self = Self::new(
        "UNBLOCKED force unblock from blocking operation, instance state changed (master -> \
         replica?)",
    );
    pub const LOADING: Self = Self::new("LOADING Redis is loading the dataset in memory");
    pub const SAVE_FAILED: Self = Self::new(
        "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist \
         to disk. Commands that may modify the data set are disabled, because this instance is \
         configured to report errors during writes if RDB snapshotting fails \
         (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the \
         RDB error.",
    );

    /// `text` starts with the error's code.
    pub const fn new(text: &'static str) -> Self {
        Self(Cow::Borrowed(text.as_bytes()))
    }

    /// An error that names what the client sent, which need not be UTF-8. Like
    /// Redis, which is written in C, it ends the name at a NUL byte.
    pub fn quoting(before: &str, quoted: &[u8], after: &str) -> Self {
        let quoted = excerpt(quoted, usize::MAX);
        Self(
            [before.as_bytes(), quoted, after.as_bytes()]
                .concat()
                .into(),
        )
    }

    /// The number of arguments is wrong for the command called `name`.
    pub fn arity(name: &str) -> Self {
        let before = "ERR wrong number of arguments for '";
        Self::quoting(before, name.as_bytes(), "' command")
    }

    /// The time to live is not valid for the command called `name`.
    pub fn expire_time(name: &str) -> Self {
        Self::quoting("ERR invalid expire time in '", name.as_bytes(), "' command")
    }

    /// The AOF cannot be written, for the reason that the system gives.
    pub fn aof(reason: &str) -> Self {
        let before = "MISCONF Errors writing to the AOF file: ";
        Self::quoting(before, reason.as_bytes(), "")
    }

    /// A subscriber may not ask for the command called `name` in RESP2, where it could not tell
    /// the reply from a message.
    pub fn subscribed(name: &str) -> Self {
        let after = "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed \
                     in this context";
        Self::quoting("ERR Can't execute '", name.as_bytes(), after)
    }

    /// The text of the error, its code first.
    pub fn text(&self) -> &[u8] {
        &self.0
    }

    /// There is no such command. The error quotes as many of the arguments as fit 128 bytes, as
    /// Redis does.
    pub fn unknown_command(args: Args<'_>) -> Self {
        let mut quoted = Vec::new();
        for arg in args.skip(1).iter() {
            if quoted.len() >= QUOTED {
                break;
            }
            quoted.push(b'\'');
            quoted.extend_from_slice(excerpt(arg, QUOTED - (quoted.len() - 1)));
            quoted.extend_from_slice(b"' ");
        }
        let (name, between) = (excerpt(&args[0], QUOTED), b"', with args beginning with: ");
        Self(
            [&b"ERR unknown command '"[..], name, between, &quoted]
                .concat()
                .into(),
        )
    }

    /// There is no such type of clients.
    pub fn client_type(name: &[u8]) -> Self {
        Self::quoting("ERR Unknown client type '", name, "'")
    }

    /// The container has no such subcommand.
    pub fn unknown_subcommand(container: &str, name: &[u8]) -> Self {
        let after = format!("'. Try {} HELP.", container.to_uppercase());
        Self::quoting("ERR unknown subcommand '", excerpt(name, QUOTED), &after)
    }
}

impl From<WrongType> for CommandError {
    fn from(_: WrongType) -> Self {
        Self::WRONG_TYPE
    }
}

/// The most that an error quotes of what a client sent, in bytes.
const QUOTED: usize = 128;

/// The start of `bytes`, up to a NUL byte, where Redis's C strings end.
fn excerpt(bytes: &[u8], length: usize) -> &[u8] {
    let end = bytes.iter().position(|byte| *byte == 0);
    &bytes[..end.unwrap_or(bytes.len()).min(length)]
}
