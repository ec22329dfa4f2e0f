//! CLIENT REPLY and CLIENT NO-EVICT: what a client says of itself.

use std::sync::atomic::Ordering::Relaxed;

use crate::clients::life::record::{OFF, SILENT, SKIP_NEXT};
use crate::command::{CommandError, Context, Result};
use crate::resp::Args;

/// `CLIENT REPLY ON | OFF | SKIP`: only ON gets a reply.
pub fn client_reply(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let record = &ctx.client.handle.record;
    match args[2].to_ascii_lowercase().as_slice() {
        b"on" => {
            record.set(SILENT, false);
            ctx.reply.ok();
        }
        b"off" => record.set(OFF, true),
        b"skip" if record.has(OFF) => {}
        b"skip" => record.set(SKIP_NEXT, true),
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
    ctx.client.handle.record.is_kept.store(is_kept, Relaxed);
    ctx.reply.ok();
    Ok(())
}
