//! The commands that wait for a sorted set (`blockingGenericZpopCommand` and
//! `serveClientsBlockedOnSortedSetKey`): what they read of their arguments, and what they take from a
//! sorted set that is there.

use super::pop::{End, parse_mpop, pop, pop_many, reply_popped};
use crate::command::{Context, Result, take_or_wait};
use crate::resp::Args;

/// `BZPOPMIN key [key …] timeout` and `BZPOPMAX …`: the key, and a member of it with its score.
pub fn bzpop(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let last = args.len() - 1;
    take_or_wait(ctx, args, 1..last, &args[last])
}

pub fn take_min(ctx: &mut Context<'_>, _: Args<'_>, key: &[u8]) -> Result {
    take_one(ctx, key, End::Min)
}

pub fn take_max(ctx: &mut Context<'_>, _: Args<'_>, key: &[u8]) -> Result {
    take_one(ctx, key, End::Max)
}

fn take_one(ctx: &mut Context<'_>, key: &[u8], end: End) -> Result {
    let popped = pop(ctx, key, end, 1)?;
    ctx.reply.array(3);
    ctx.reply.bulk(key);
    reply_popped(ctx, &popped, false);
    ctx.propagate(&[end.command(), key]);
    Ok(())
}

/// `BZMPOP timeout numkeys key [key …] MIN | MAX [COUNT count]`
pub fn bzmpop(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let (keys, ..) = parse_mpop(args.skip(2))?;
    take_or_wait(ctx, args, 3..3 + keys.count(), &args[1])
}

pub fn take_many(ctx: &mut Context<'_>, args: Args<'_>, key: &[u8]) -> Result {
    let (_, end, count) = parse_mpop(args.skip(2))?;
    pop_many(ctx, key, end, count)?;
    Ok(())
}
