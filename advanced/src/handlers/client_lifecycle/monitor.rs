//! MONITOR: a client that sees what all others do (`monitorCommand` in Redis's `server.c`).
//! `command/monitor.rs` makes the lines, and `clients/monitors.rs` keeps them.

use crate::command::{Context, Result};
use crate::resp::Args;

/// `MONITOR`: a second one gets no reply.
pub fn monitor(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    if ctx.state.life.monitors.enter(&ctx.client.handle) {
        ctx.reply.ok();
    }
    Ok(())
}
