//! SHUTDOWN (`shutdownCommand` in Redis's `db.c`).

use tracing::info;

use crate::client::Waiting;
use crate::command::{Command, CommandError, Context, Flag::*, Result};
use crate::lifecycle::{Request, Save};
use crate::resp::Args;

pub const COMMANDS: &[Command] = &[Command::new(
    "shutdown",
    -1,
    &[Admin, Noscript, Loading, Stale, NoMulti, AllowBusy],
    shutdown,
)];

/// `SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]`: if it succeeds, the connection is closed
/// without a reply.
fn shutdown(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    match parse(args.skip(1))? {
        Some(request) => {
            let attempt = ctx.state.lifecycle.requests().send(request);
            ctx.client.waiting = Some(Waiting::End(attempt));
            Ok(())
        }
        None if ctx.state.abort_shutdown() => {
            info!("Shutdown manually aborted.");
            ctx.reply.ok();
            Ok(())
        }
        None => Err(CommandError::new("ERR No shutdown in progress.")),
    }
}

/// The request that the options describe; `None` means ABORT.
fn parse(options: Args<'_>) -> Result<Option<Request>> {
    let mut request = Request::default();
    let mut is_abort = false;
    for option in options.iter() {
        match option.to_ascii_lowercase().as_slice() {
            b"nosave" if request.save != Save::Always => request.save = Save::Never,
            b"save" if request.save != Save::Never => request.save = Save::Always,
            b"now" => request.now = true,
            b"force" => request.force = true,
            b"abort" => is_abort = true,
            _ => return Err(CommandError::SYNTAX),
        }
    }
    match is_abort {
        false => Ok(Some(request)),
        true if request == Request::default() => Ok(None),
        true => Err(CommandError::SYNTAX),
    }
}
