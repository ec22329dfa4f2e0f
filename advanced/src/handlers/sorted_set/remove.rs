//! ZREM, and the commands that remove a range (`zremrangeGenericCommand`).

use super::range_options::{By, Part};
use crate::command::{Context, Result};
use crate::objects::{Object, SortedSet};
use crate::resp::Args;

/// `ZREM key member [member …]`: how many there were.
pub fn zrem(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    ctx.state.store.events.name = Some("zrem");
    let removed = ctx.state.store.change(&args[1], |set: &mut SortedSet| {
        let members = args.skip(2);
        let removed = members.iter().filter(|it| set.remove(it).is_some());
        let removed = removed.count() as u64;
        (removed, removed)
    })?;
    ctx.reply.integer(removed as i64);
    Ok(())
}

/// `ZREMRANGEBYRANK key start stop`
pub fn by_rank(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    remove(ctx, args, By::Rank)
}

/// `ZREMRANGEBYSCORE key min max`
pub fn by_score(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    remove(ctx, args, By::Score)
}

/// `ZREMRANGEBYLEX key min max`
pub fn by_lex(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    remove(ctx, args, By::Lex)
}

fn remove(ctx: &mut Context<'_>, args: Args<'_>, by: By) -> Result {
    let part = Part::parse(by, &args[2], &args[3])?;
    ctx.state.store.events.name = Some(match by {
        By::Rank => "zremrangebyrank",
        By::Score => "zremrangebyscore",
        By::Lex => "zremrangebylex",
    });
    let removed = ctx.state.store.change(&args[1], |set: &mut SortedSet| {
        let ranks = part.ranks(set, false);
        let before = set.len();
        // The next one has the rank of the one that has gone.
        for _ in ranks.clone() {
            set.remove_rank(ranks.start);
        }
        let removed = (before - set.len()) as u64;
        (removed, removed)
    })?;
    ctx.reply.integer(removed as i64);
    Ok(())
}
