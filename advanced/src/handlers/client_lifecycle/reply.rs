//! CLIENT REPLY and CLIENT NO-EVICT: what a client says of itself.

use std::sync::atomic::Ordering::Relaxed;

use crate::clients::replies::Replies;
use crate::command::{CommandError, Context, Result};
use crate::resp::Args;

/// `CLIENT REPLY ON | OFF | SKIP`: only ON gets a reply.
pub fn client_reply(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    match args[2].to_ascii_lowercase().as_slice() {
        b"on" => {
            ctx.client.replies = Replies::On;
            ctx.reply.ok();
        }
        b"off" => ctx.client.replies = Replies::Off,
        b"skip" if ctx.client.replies == Replies::Off => {}
        b"skip" => ctx.client.replies = Replies::SkipNext,
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
