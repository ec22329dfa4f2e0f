//! What MONITOR shows of a command (`replicationFeedMonitors` in Redis's `replication.c`):
//!
//! ```text
//! +1700000000.123456 [0 127.0.0.1:50000] "set" "k" "a \"word\"\r\n"
//! ```
//!
//! A command is shown after it was executed, with the arguments that the client sent. What was
//! refused before is not shown, nor is what is for administrators; passwords are not either.

use super::{Command, CommandError, Context, Flag, Result};
use crate::client::Client;
use crate::clients::life::record::MONITOR;
use crate::resp::Args;
use crate::util::unix_time;

/// What stands in the place of a secret.
const REDACTED: &[u8] = b"(redacted)";

/// Is the client a monitor?
pub fn watches(client: &Client) -> bool {
    client.handle.states.has(MONITOR)
}

/// Refuses what a monitor may not: it is a kind of replica (`CLIENT_SLAVE`), never waits for the end
/// of a pause, and so must not touch the data.
#[inline]
pub fn check(client: &Client, command: &Command) -> Result {
    let touches_data = || command.is(Flag::Readonly) || command.may_replicate();
    if watches(client) && touches_data() {
        return Err(CommandError::new(
            "ERR Replica can't interact with the keyspace",
        ));
    }
    Ok(())
}

/// Shows the monitors a command that was executed.
#[cold]
pub fn show(ctx: &mut Context<'_>, command: &Command, args: Args<'_>) {
    if command.is(Flag::Admin) || ctx.state.store.loading {
        return;
    }
    let now = unix_time();
    let (seconds, microseconds) = (now.as_secs(), now.subsec_micros());
    let addr = ctx.client.handle.addr;
    let mut line = format!("+{seconds}.{microseconds:06} [0 {addr}]").into_bytes();
    for (index, arg) in args.iter().enumerate() {
        line.push(b' ');
        match is_secret(args, index) {
            true => quote(REDACTED, &mut line),
            false => quote(arg, &mut line),
        }
    }
    line.extend_from_slice(b"\r\n");
    let limit = ctx.state.config.client_output_buffer_limit.normal;
    ctx.state.life.monitors.feed(&line, limit);
}

/// Is this argument a user or a password, be it in AUTH or in HELLO?
fn is_secret(args: Args<'_>, index: usize) -> bool {
    let is = |at: usize, word: &[u8]| args.get(at).is_some_and(|it| it.eq_ignore_ascii_case(word));
    if is(0, b"auth") {
        return index > 0;
    }
    let after_auth = |by: usize| index > by + 1 && is(index - by, b"auth");
    is(0, b"hello") && (after_auth(1) || after_auth(2))
}

/// Appends `bytes` in quotes, so that they are printable and on one line (`sdscatrepr`).
pub fn quote(bytes: &[u8], line: &mut Vec<u8>) {
    line.push(b'"');
    for byte in bytes {
        match byte {
            b'\\' | b'"' => line.extend([b'\\', *byte]),
            b'\n' => line.extend(b"\\n"),
            b'\r' => line.extend(b"\\r"),
            b'\t' => line.extend(b"\\t"),
            0x07 => line.extend(b"\\a"),
            0x08 => line.extend(b"\\b"),
            b' '..=b'~' => line.push(*byte),
            other => line.extend(format!("\\x{other:02x}").bytes()),
        }
    }
    line.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_is_undone_by_an_inline_command() {
        let all: Vec<u8> = (0..=255).collect();
        let mut line = Vec::new();
        quote(&all, &mut line);
        assert!(line.is_ascii() && !line.contains(&b'\n'));
        assert_eq!(crate::resp::inline::words(&line), Ok(vec![all]));
    }
}
