//! Runs what a client sent: the command is looked up and called (`processCommand` in Redis's
//! `server.c`).

use super::{CommandError, Context};
use crate::resp::Args;
use crate::resp::cross_protocol;

/// Executes the command in `args`, which must not be empty. Afterwards its reply, which may be an
/// error, is in the output.
pub fn execute(ctx: &mut Context<'_>, args: Args<'_>) {
    let result = ctx.table.resolve(args).and_then(|command| {
        ctx.state.stats.commands_processed += 1;
        ctx.client.handle.call(command.address());
        (command.handler)(ctx, args)
    });
    if let Err(error) = result {
        refuse(ctx, args, &error);
    }
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
