//! CLIENT REPLY and CLIENT NO-EVICT: what a client says of itself.

use crate::clients::life::record::{KEPT, OFF, SILENT, SKIP_NEXT};
use crate::command::{CommandError, Context, Result};
use crate::resp::Args;

/// `CLIENT REPLY ON | OFF | SKIP`: only ON gets a reply.
pub fn client_reply(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let states = &ctx.client.handle.states;
    match args[2].to_ascii_lowercase().as_slice() {
        b"on" => {
            states.set(SILENT, false);
            ctx.reply.ok();
        }
        b"off" => states.set(OFF, true),
        b"skip" if states.has(OFF) => {}
        b"skip" => states.set(SKIP_NEXT, true),
        _ => return Err(CommandError::SYNTAX),
    }
    Ok(())
}

/// `CLIENT NO-EVICT ON | OFF`
pub fn client_no_evict(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let is_kept = match args[2].to_ascii_lowercase().as_slice() {
        b"on" => true,
        b"off" => false,
        _ => return Err(CommandError::SYNTAX),
    };
    ctx.client.handle.states.set(KEPT, is_kept);
    ctx.reply.ok();
    Ok(())
}
