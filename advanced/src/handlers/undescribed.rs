//! What COMMAND says of a command besides its row: nothing that an ordinary client reads.

use crate::command::Command;
use crate::resp::Reply;

/// The ACL categories of a command: none.
pub fn categories(_: &Command) -> Vec<&'static str> {
    Vec::new()
}

/// The tips for a command: none.
pub fn tips(_: &Command) -> &'static [&'static str] {
    &[]
}

/// Writes no key specifications.
pub fn specifications(reply: &mut Reply<'_>, _: &Command) {
    reply.set(0);
}
