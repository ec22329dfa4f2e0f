//! ZRANGE and its kin, and the commands that count a range (`zrangeGenericCommand`).

use super::super::elements::Elements;
use super::range_options::{By, Part, Query};
use super::{begin_members, read, reply_entry};
use crate::command::{Context, Result};
use crate::objects::{Element, SortedSet};
use crate::resp::Args;

/// `ZRANGE key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]`
pub fn zrange(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    reply_range(ctx, args, None)
}

/// `ZREVRANGE key start stop [WITHSCORES]`
pub fn zrevrange(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    reply_range(ctx, args, Some((By::Rank, true)))
}

/// `ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count]`
pub fn zrangebyscore(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    reply_range(ctx, args, Some((By::Score, false)))
}

/// `ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count]`
pub fn zrevrangebyscore(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    reply_range(ctx, args, Some((By::Score, true)))
}

/// `ZRANGEBYLEX key min max [LIMIT offset count]`
pub fn zrangebylex(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    reply_range(ctx, args, Some((By::Lex, false)))
}

/// `ZREVRANGEBYLEX key max min [LIMIT offset count]`
pub fn zrevrangebylex(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    reply_range(ctx, args, Some((By::Lex, true)))
}

fn reply_range(ctx: &mut Context<'_>, args: Args<'_>, given: Option<(By, bool)>) -> Result {
    let query = Query::parse(args.skip(2), given, false)?;
    let Some(set) = ctx.state.store.object::<SortedSet>(&args[1])? else {
        ctx.reply.array(0);
        return Ok(());
    };
    let reply = &mut ctx.reply;
    let ranks = query.ranks(set);
    begin_members(reply, ranks.len(), query.with_scores);
    if query.with_scores {
        visit(set, ranks, query.reverse, |entry| {
            reply_entry(reply, entry, true)
        });
        return Ok(());
    }
    let mut elements = Elements::new(reply);
    visit(set, ranks, query.reverse, |(member, _)| {
        elements.put(member)
    });
    Ok(())
}

/// Calls `visit` with the entries of these ranks, from the last to the first if `reverse`.
fn visit<'a>(
    set: &'a SortedSet,
    ranks: std::ops::Range<usize>,
    reverse: bool,
    visit: impl FnMut((Element<'a>, f64)),
) {
    let count = ranks.len();
    match reverse {
        _ if count == 0 => {}
        false => set.each(ranks, visit),
        true => set
            .iter_back_from(ranks.end - 1)
            .take(count)
            .for_each(visit),
    }
}

/// `ZRANGESTORE destination source start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count]`
pub fn zrangestore(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let query = Query::parse(args.skip(3), None, true)?;
    let mut entries: Vec<(Vec<u8>, f64)> = Vec::new();
    if let Some(set) = read(ctx, &args[2])? {
        visit(set, query.ranks(set), query.reverse, |(member, score)| {
            let member = member.bytes(&mut itoa::Buffer::new()).to_vec();
            entries.push((member, score));
        });
    }
    store_entries(ctx, &args[1], entries)
}

/// Gives `key` a sorted set of these members, or removes it if there are none, and replies with their
/// number.
pub fn store_entries(ctx: &mut Context<'_>, key: &[u8], entries: Vec<(Vec<u8>, f64)>) -> Result {
    let count = entries.len();
    if count == 0 {
        ctx.state.store.remove_destination(key);
    } else {
        let set = SortedSet::from_entries(entries, ctx.state.config.limits.sorted_set);
        ctx.state.store.insert(key, set.into());
    }
    ctx.reply.integer(count as i64);
    Ok(())
}

/// `ZCOUNT key min max`: how many members have a score in a range.
pub fn zcount(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    reply_count(ctx, args, By::Score)
}

/// `ZLEXCOUNT key min max`: how many members are in a range.
pub fn zlexcount(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    reply_count(ctx, args, By::Lex)
}

fn reply_count(ctx: &mut Context<'_>, args: Args<'_>, by: By) -> Result {
    let part = Part::parse(by, &args[2], &args[3])?;
    let count = read(ctx, &args[1])?.map_or(0, |set| part.ranks(set, false).len());
    ctx.reply.integer(count as i64);
    Ok(())
}
