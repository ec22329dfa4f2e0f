//! Commands that change the middle of a list.

use super::{index, len_for_write, range};
use crate::command::{CommandError, Context, Result, integer};
use crate::objects::{List, Object, Shape, Side, Wanted};
use crate::resp::Args;
use crate::store::Change;

const NO_SUCH_KEY: CommandError = CommandError::new("ERR no such key");
const OUT_OF_RANGE: CommandError = CommandError::new("ERR index out of range");

/// `LSET key index element`
pub fn lset(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let len = len_for_write(ctx, &args[1])?.ok_or(NO_SUCH_KEY)?;
    let index = index(integer(&args[2])?, len).ok_or(OUT_OF_RANGE)?;
    change(ctx, &args[1], "lset", |list, shape| {
        list.set(index, &args[3], shape);
        ((), 1)
    })?;
    ctx.reply.ok();
    Ok(())
}

/// Changes a list that is there, and notes what that is called.
fn change<R>(
    ctx: &mut Context<'_>,
    key: &[u8],
    event: &'static str,
    change: impl FnOnce(&mut List, Shape) -> (R, u64),
) -> Result<R> {
    let shape = ctx.state.config.limits.list;
    ctx.state.store.events.name = Some(event);
    let changed = ctx.state.store.change(key, |list| change(list, shape))?;
    Ok(changed)
}

/// `LINSERT key BEFORE | AFTER pivot element`: how long the list is then; -1 if there is no pivot.
pub fn linsert(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let side = match args[2].to_ascii_lowercase().as_slice() {
        b"before" => Side::Left,
        b"after" => Side::Right,
        _ => return Err(CommandError::SYNTAX),
    };
    if len_for_write(ctx, &args[1])?.is_none() {
        ctx.reply.integer(0);
        return Ok(());
    }
    let len = change(ctx, &args[1], "linsert", |list, shape| {
        match list.insert(side, &args[3], &args[4], shape) {
            true => (list.len() as i64, 1),
            false => (-1, 0),
        }
    })?;
    ctx.reply.integer(len);
    Ok(())
}

/// `LREM key count element`: removes so many of those that are equal, from the end if `count` is
/// negative; all if it is 0.
pub fn lrem(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let count = integer(&args[2])?;
    let side = if count < 0 { Side::Right } else { Side::Left };
    let most = match usize::try_from(count.unsigned_abs()) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(most) => most,
    };
    let wanted = Wanted::new(&args[3]);
    let removed = change(ctx, &args[1], "lrem", |list, shape| {
        let removed = list.remove_all(wanted, side, most, shape) as u64;
        (removed, removed)
    })?;
    ctx.reply.integer(removed as i64);
    Ok(())
}

/// `LTRIM key start stop`: leaves only this range.
pub fn ltrim(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let (start, stop) = (integer(&args[2])?, integer(&args[3])?);
    if let Some(len) = len_for_write(ctx, &args[1])? {
        let kept = range(start, stop, len);
        if kept.len() == len {
            // Nothing changes, and yet Redis says so.
            ctx.state
                .store
                .events
                .note(Change::Named("ltrim"), &args[1]);
        }
        change(ctx, &args[1], "ltrim", |list, shape| {
            list.remove(kept.end, len - kept.end, shape);
            list.remove(0, kept.start, shape);
            ((), (len - kept.len()) as u64)
        })?;
    }
    ctx.reply.ok();
    Ok(())
}
