//! Commands that write the data set to the disk: SAVE, BGSAVE, LASTSAVE, BGREWRITEAOF
//! (`rdb.c` and `aof.c` in Redis, and `db.c` for LASTSAVE).

use tracing::warn;

use crate::aof::system_text;
use crate::command::{Command, CommandError, Context, Flag::*};
use crate::resp::Args;

pub const COMMANDS: &[Command] = &[
    Command::new("save", 1, &[Admin, Noscript, NoAsyncLoading, NoMulti], save).doc(
        "server",
        "1.0.0",
        "O(N) where N is the total number of keys in all databases",
        "Synchronously save the dataset to disk",
    ),
    Command::new("bgsave", -1, &[Admin, Noscript, NoAsyncLoading], bgsave).doc(
        "server",
        "1.0.0",
        "O(1)",
        "Asynchronously save the dataset to disk",
    ),
    Command::new("lastsave", 1, &[Loading, Stale, Fast], lastsave)
        .categories(&["admin", "dangerous"])
        .tips(&["nondeterministic_output"])
        .doc(
            "server",
            "1.0.0",
            "O(1)",
            "Get the UNIX time stamp of the last successful save to disk",
        ),
    Command::new(
        "bgrewriteaof",
        1,
        &[Admin, Noscript, NoAsyncLoading],
        bgrewriteaof,
    )
    .doc(
        "server",
        "1.0.0",
        "O(1)",
        "Asynchronously rewrite the append-only file",
    ),
];

type Result = std::result::Result<(), CommandError>;

const IN_PROGRESS: CommandError = CommandError::new("ERR Background save already in progress");

/// What Redis answers when the reason is in its log only.
const FAILED: CommandError = CommandError::new("ERR");

/// `SAVE`: everybody waits until it is done.
fn save(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    if ctx.background.is_saving() {
        return Err(IN_PROGRESS);
    }
    ctx.background
        .save_now(ctx.store, ctx.config)
        .map_err(|error| {
            warn!("cannot save: {}", system_text(&error));
            FAILED
        })?;
    ctx.reply.ok();
    Ok(())
}

/// `BGSAVE [SCHEDULE]`
fn bgsave(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let schedule = match (args.len(), args.get(1)) {
        (1, _) => false,
        (2, Some(word)) if word.eq_ignore_ascii_case(b"SCHEDULE") => true,
        _ => return Err(CommandError::SYNTAX),
    };
    if ctx.background.is_saving() {
        return Err(IN_PROGRESS);
    }
    if ctx.background.is_rewriting() {
        if !schedule {
            return Err(CommandError::new(
                "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE \
                 SCHEDULE in order to schedule a BGSAVE whenever possible.",
            ));
        }
        ctx.background.save_scheduled = true;
        ctx.reply.simple("Background saving scheduled");
        return Ok(());
    }
    ctx.background
        .save(ctx.store, ctx.config)
        .map_err(|error| {
            warn!("cannot begin to save: {error}");
            FAILED
        })?;
    ctx.reply.simple("Background saving started");
    Ok(())
}

/// `LASTSAVE`
fn lastsave(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    ctx.reply.integer(ctx.background.saves.last as i64);
    Ok(())
}

/// `BGREWRITEAOF`
fn bgrewriteaof(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    if ctx.background.is_rewriting() {
        return Err(CommandError::new(
            "ERR Background append only file rewriting already in progress",
        ));
    }
    if ctx.background.is_saving() {
        ctx.background.rewrite_scheduled = true;
        let text = "Background append only file rewriting scheduled";
        ctx.reply.simple(text);
        return Ok(());
    }
    ctx.background
        .rewrite(ctx.aof, ctx.store, ctx.config)
        .map_err(|_| {
            CommandError::new(
                "ERR Can't execute an AOF background rewriting. Please check the server logs for \
                 more information.",
            )
        })?;
    ctx.reply
        .simple("Background append only file rewriting started");
    Ok(())
}
