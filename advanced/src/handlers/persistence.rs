//! Commands that write the data set to the disk: SAVE, BGSAVE, LASTSAVE, BGREWRITEAOF
//! (`rdb.c` and `aof.c` in Redis, and `db.c` for LASTSAVE).

use crate::command::{Command, CommandError, Context, Flag, Flag::*, Result};
use crate::resp::Args;

const REWRITE: &[Flag] = &[Admin, Noscript, NoAsyncLoading];

pub const COMMANDS: &[Command] = &[
    Command::new("save", 1, &[Admin, Noscript, NoAsyncLoading, NoMulti], save),
    Command::new("bgsave", -1, REWRITE, bgsave),
    Command::new("lastsave", 1, &[Loading, Stale, Fast], lastsave),
    Command::new("bgrewriteaof", 1, REWRITE, bgrewriteaof),
];

const IN_PROGRESS: CommandError = CommandError::new("ERR Background save already in progress");

/// Redis's reply when only the server log says why.
const FAILED: CommandError = CommandError::new("ERR");

/// `SAVE`: all clients wait until the file is written.
fn save(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    let state = &mut *ctx.state;
    if state.background.is_saving() {
        return Err(IN_PROGRESS);
    }
    if !state.background.save_now(&state.store, &state.config) {
        return Err(FAILED);
    }
    ctx.reply.ok();
    Ok(())
}

/// `BGSAVE [SCHEDULE]`: saves in the background, with SCHEDULE after a rewrite that is running.
fn bgsave(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let schedule = match args.len() {
        1 => false,
        2 if args.is(1, "SCHEDULE") => true,
        _ => return Err(CommandError::SYNTAX),
    };
    let state = &mut *ctx.state;
    if state.background.is_saving() {
        return Err(IN_PROGRESS);
    }
    if state.background.is_rewriting() {
        if !schedule {
            return Err(CommandError::new(
                "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE \
                 SCHEDULE in order to schedule a BGSAVE whenever possible.",
            ));
        }
        state.background.save_scheduled = true;
        ctx.reply.simple("Background saving scheduled");
        return Ok(());
    }
    if !state.background.save(&state.store, &state.config) {
        return Err(FAILED);
    }
    ctx.reply.simple("Background saving started");
    Ok(())
}

/// `LASTSAVE`: when the last save succeeded, in seconds since 1970.
fn lastsave(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    ctx.reply.integer(ctx.state.background.saves.last as i64);
    Ok(())
}

/// `BGREWRITEAOF`: rewrites the AOF in the background, after a save that is running.
fn bgrewriteaof(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    let state = &mut *ctx.state;
    if state.background.is_rewriting() {
        return Err(CommandError::new(
            "ERR Background append only file rewriting already in progress",
        ));
    }
    if state.background.is_saving() {
        state.background.rewrite_scheduled = true;
        let text = "Background append only file rewriting scheduled";
        ctx.reply.simple(text);
        return Ok(());
    }
    let (store, config) = (&state.store, &state.config);
    if !state.background.rewrite(&mut state.aof, store, config) {
        return Err(CommandError::new(
            "ERR Can't execute an AOF background rewriting. Please check the server logs for more \
             information.",
        ));
    }
    let text = "Background append only file rewriting started";
    ctx.reply.simple(text);
    Ok(())
}
