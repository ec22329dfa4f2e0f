//! Runs what a client sent: the command is looked up, checked against the state of the
//! server, called, and what it changed is propagated (`processCommand` and `call` in Redis's
//! `server.c`).

use super::propagate::{propagate_expired, settle};
use super::{Command, CommandError, Context, Flag, Result, Table};
use crate::client::Client;
use crate::lifecycle::Hold;
use crate::resp::cross_protocol;
use crate::resp::{Args, Protocol};
use crate::state::State;

/// Executes the command in `args`, which must not be empty. Afterwards its reply, which may be an
/// error, is in the output. Returns whether the reply has to wait until the AOF is written.
pub fn execute(ctx: &mut Context<'_>, args: Args<'_>) -> bool {
    let is_logged = run(ctx, args).unwrap_or_else(|error| {
        refuse(ctx, args, &error);
        false
    });
    #[cfg(feature = "blocking")]
    super::serve::serve_ready(ctx.table, ctx.state);
    is_logged
}

/// Replies with the reason why the command was refused. A line of HTTP gets no reply, and
/// closes the connection before anything that follows it is executed.
fn refuse(ctx: &mut Context<'_>, args: Args<'_>, error: &CommandError) {
    #[cfg(feature = "client-lifecycle")]
    super::measure::refused(ctx, args, error);
    if cross_protocol::is_http(&args[0]) {
        ctx.client.is_browser = true;
        ctx.client.closing = true;
    }
    ctx.reply.error(error.text());
}

/// Executes a command, but returns an error instead of sending it.
fn run(ctx: &mut Context<'_>, args: Args<'_>) -> Result<bool> {
    let command = ctx.table.resolve(args)?;
    ctx.state.stats.commands_processed += 1;
    ctx.client.handle.call(command.address());
    check(ctx.client, ctx.state, command)?;
    call(ctx, command, args)
}

/// Executes a command from the AOF or from the primary, without checks: it was accepted when
/// a client sent it (`mustObeyClient`).
pub fn obey(ctx: &mut Context<'_>, args: Args<'_>) -> Result<bool> {
    let command = ctx.table.resolve(args)?;
    ctx.client.handle.call(command.address());
    let called = call(ctx, command, args);
    #[cfg(feature = "blocking")]
    super::serve::serve_ready(ctx.table, ctx.state);
    called
}

/// Refuses what the server cannot do in the state that it is in, in Redis's order. Asked before
/// every command, so not by a call of its own, though [`must_wait`] asks as well.
#[inline(always)]
fn check(client: &Client, state: &State, command: &Command) -> Result {
    let is = |flag| command.is(flag);
    // Redis does not answer PING then either, so that a watchdog notices.
    let shows_trouble = || is(Flag::Write) || command.name == "ping";
    let must_save = state.config.stop_writes_on_bgsave_error && !state.config.save.is_empty();
    if must_save && state.background.saves.failed && shows_trouble() {
        return Err(CommandError::SAVE_FAILED);
    }
    if let Some(error) = state.aof.error()
        && shows_trouble()
    {
        return Err(CommandError::aof(error));
    }
    if state.replication.is_replica() && state.config.replica_read_only && is(Flag::Write) {
        return Err(CommandError::READONLY);
    }
    let is_subscriber = client.handle.is_subscriber();
    if is_subscriber && client.handle.protocol() == Protocol::Resp2 && !is(Flag::Subscribed) {
        return Err(CommandError::subscribed(command.name));
    }
    let serves_stale = state.config.replica_serve_stale_data;
    if state.replication.is_cut_off() && !serves_stale && !is(Flag::Stale) {
        return Err(CommandError::MASTER_DOWN);
    }
    if state.store.loading && !is(Flag::Loading) {
        return Err(CommandError::LOADING);
    }
    #[cfg(feature = "client-lifecycle")]
    super::monitor::check(client, command)?;
    Ok(())
}

/// Must the command in `args` wait, because the server does not execute such commands now? One
/// that is refused does not wait.
pub fn must_wait(table: &Table, client: &Client, state: &State, args: Args<'_>) -> bool {
    let Ok(command) = table.resolve(args) else {
        return false;
    };
    #[cfg(feature = "client-lifecycle")]
    if super::monitor::watches(client) {
        return false;
    }
    let is_held = match state.hold {
        Hold::Nothing => false,
        Hold::Writes => command.may_replicate(),
        Hold::Everything => true,
    };
    is_held && check(client, state, command).is_ok()
}

/// Calls the handler, and propagates what it changed. True if that went to the AOF.
fn call(ctx: &mut Context<'_>, command: &Command, args: Args<'_>) -> Result<bool> {
    let changes = ctx.state.store.changes;
    let called = (command.handler)(ctx, args);
    propagate_expired(ctx.state);
    #[cfg(feature = "client-lifecycle")]
    super::measure::end(ctx, command, args, called.is_err());
    settle(ctx, args, changes, called)
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::clients::Handle;
    use crate::config::Config;
    use crate::handlers;
    use crate::resp::{Batch, Reply};
    use crate::state::Shared;

    fn run_line(state: &mut State, line: &str) -> Result<bool> {
        let mut input = BytesMut::from(line);
        let mut batch = Batch::default();
        assert_eq!(batch.fill(&mut input), Ok(1));
        let args = batch.take(&input).expect("a command");
        let (mut output, mut client) = (BytesMut::new(), Client::new(Handle::nobody(1).into()));
        if state.store.loading {
            client = Client::obeyed(Handle::nobody(0).into());
        }
        let reply = Reply::new(&mut output, Protocol::Resp2);
        let ctx = &mut Context::new(handlers::table(), &mut client, reply, state);
        match ctx.client.is_obeyed {
            true => obey(ctx, args),
            false => run(ctx, args),
        }
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
