//! CLIENT PAUSE, UNPAUSE and UNBLOCK: who waits, and for how long (`pauseClients` in Redis's
//! `networking.c`).
//!
//! A pause is for a failover by hand: while the data does not change, the replicas catch up, and one
//! of them can take over without a loss. So everything that changes the data stands still: writes,
//! PUBLISH, keys that expire, the feed of a primary. A command that must wait stays in the input of
//! its client, which waits for its turn.

use std::time::{Duration, Instant};

use crate::clients::life::record::unblock;
use crate::clients::states::BLOCKED;
use crate::command::{CommandError, Context, Result, integer};
use crate::lifecycle::Hold;
use crate::resp::{Args, parse_integer};
use crate::state::State;

/// `CLIENT PAUSE timeout [WRITE | ALL]`: the timeout in milliseconds.
pub fn client_pause(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let hold = match args.get(3) {
        _ if args.len() > 4 => return Err(super::wrong_arguments(args)),
        None => Hold::Everything,
        Some(mode) if mode.eq_ignore_ascii_case(b"write") => Hold::Writes,
        Some(mode) if mode.eq_ignore_ascii_case(b"all") => Hold::Everything,
        Some(_) => {
            return Err(CommandError::new(
                "ERR CLIENT PAUSE mode must be WRITE or ALL",
            ));
        }
    };
    let timeout = parse_integer(&args[2]).ok_or(CommandError::new(
        "ERR timeout is not an integer or out of range",
    ))?;
    let timeout =
        u64::try_from(timeout).map_err(|_| CommandError::new("ERR timeout is negative"))?;
    let length = Duration::from_millis(timeout);
    ctx.state.life.pause.begin(hold, length, Instant::now());
    ctx.state.settle_hold();
    ctx.reply.ok();
    Ok(())
}

/// `CLIENT UNPAUSE`
pub fn client_unpause(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    ctx.state.life.pause.end();
    resume(ctx.state);
    ctx.reply.ok();
    Ok(())
}

/// Ends a pause that is over.
pub fn every_tick(state: &mut State) {
    if state.life.pause.expire(Instant::now()) {
        resume(state);
    }
}

/// Lets everybody look again. Who called WAIT during the pause has not been asked for yet.
fn resume(state: &mut State) {
    state.settle_hold();
    let mut clients = state.clients.iter();
    if !state.is_frozen() && clients.any(|it| it.states.has(BLOCKED)) {
        let limit = state.config.client_output_buffer_limit.replica;
        state.replication.ask(limit);
    }
}

/// `CLIENT UNBLOCK id [TIMEOUT | ERROR]`: ends the wait of a client, if it could also end because it
/// takes too long.
pub fn client_unblock(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let with_error = match args.get(3) {
        _ if args.len() > 4 => return Err(super::wrong_arguments(args)),
        None => false,
        Some(reason) if reason.eq_ignore_ascii_case(b"timeout") => false,
        Some(reason) if reason.eq_ignore_ascii_case(b"error") => true,
        Some(_) => {
            return Err(CommandError::new(
                "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR",
            ));
        }
    };
    let id = u64::try_from(integer(&args[2])?).unwrap_or_default();
    let client = ctx.state.clients.get(id);
    let client = client.filter(|it| it.states.has(BLOCKED) && unblock(&it.states, with_error));
    if let Some(client) = client {
        client.states.set(BLOCKED, false);
        #[cfg(feature = "blocking")]
        ctx.state.blocked.leave(id, &mut ctx.state.store.awaited);
        client.mail.notify_one();
    }
    ctx.reply.integer(client.is_some().into());
    Ok(())
}
