//! Runs what a client sent: the command is looked up, checked against the state of the
//! server, called, and what it changed is propagated (`processCommand` and `call` in Redis's
//! `server.c`).

use super::propagate::{propagate, propagate_expired};
use super::{Command, CommandError, Context, Flag, Result};
use crate::resp::Args;
use crate::resp::cross_protocol;

/// Executes the command in `args`, which must not be empty. Afterwards its reply, which may be an
/// error, is in the output. Returns whether the reply has to wait until the AOF is written.
pub fn execute(ctx: &mut Context<'_>, args: Args<'_>) -> bool {
    run(ctx, args).unwrap_or_else(|error| {
        refuse(ctx, args, &error);
        false
    })
}

/// Replies with the reason why the command was refused. A line of HTTP gets no reply, and
/// closes the connection before anything that follows it is executed.
fn refuse(ctx: &mut Context<'_>, args: Args<'_>, error: &CommandError) {
    if cross_protocol::is_http(&args[0]) {
        ctx.client.is_browser = true;
        ctx.client.closing = true;
    }
    ctx.reply.error(error.text());
}

/// Executes a command, but returns an error instead of sending it.
pub fn run(ctx: &mut Context<'_>, args: Args<'_>) -> Result<bool> {
    let command = ctx.table.resolve(args)?;
    ctx.state.stats.commands_processed += 1;
    ctx.client.handle.call(command.address());
    check(ctx, command)?;
    call(ctx, command, args)
}

/// Refuses what the server cannot do in the state that it is in, in Redis's order.
fn check(ctx: &Context<'_>, command: &Command) -> Result {
    let (state, is) = (&*ctx.state, |flag| command.is(flag));
    // Redis does not answer PING then either, so that a watchdog notices.
    let shows_trouble = || is(Flag::Write) || command.name == "ping";
    if let Some(error) = state.aof.error()
        && shows_trouble()
    {
        return Err(CommandError::aof(error));
    }
    Ok(())
}

/// Calls the handler, and propagates what it changed. True if that went to the AOF.
fn call(ctx: &mut Context<'_>, command: &Command, args: Args<'_>) -> Result<bool> {
    let changes = ctx.state.store.changes;
    (command.handler)(ctx, args)?;
    propagate_expired(ctx.state);
    if !ctx.is_propagated {
        if ctx.state.store.changes == changes {
            return Ok(false);
        }
        propagate(ctx.state, args.iter());
    }
    Ok(ctx.state.aof.is_on())
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::client::Client;
    use crate::clients::Handle;
    use crate::config::Config;
    use crate::handlers;
    use crate::resp::{Batch, Protocol, Reply};
    use crate::state::{Shared, State};

    fn run_line(state: &mut State, line: &str) -> Result<bool> {
        let mut input = BytesMut::from(line);
        let mut batch = Batch::default();
        assert_eq!(batch.fill(&mut input), Ok(1));
        let args = batch.take(&input).expect("a command");
        let (mut output, mut client) = (BytesMut::new(), Client::new(Handle::nobody(1).into()));
        let reply = Reply::new(&mut output, Protocol::Resp2);
        let ctx = &mut Context::new(handlers::table(), &mut client, reply, state);
        run(ctx, args)
    }

    #[test]
    fn the_limit_of_strings_is_for_clients_and_not_for_the_log() {
        let config = Config {
            proto_max_bulk_len: 3,
            ..Config::default()
        };
        let shared = Shared::new(config);
        let state = &mut *shared.lock();
        assert_eq!(run_line(state, "SET k abc\r\n"), Ok(false));
        for line in ["APPEND k d\r\n", "SETRANGE k 3 d\r\n"] {
            state.store.loading = false;
            assert!(run_line(state, line).is_err(), "{line}");
            state.store.loading = true;
            assert_eq!(run_line(state, line), Ok(false), "{line}");
        }
    }
}
