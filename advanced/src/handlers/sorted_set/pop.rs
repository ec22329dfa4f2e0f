//! The commands that take members from one of the ends (`genericZpopCommand`).

use super::operands::counted_keys;
use super::reply_score;
use crate::command::{CommandError, Context, Result};
use crate::objects::{Object, SortedSet};
use crate::resp::{Args, Protocol, parse_integer};

const NOT_POSITIVE: CommandError = CommandError::new("ERR value is out of range, must be positive");
const NO_KEYS: CommandError = CommandError::new("ERR numkeys should be greater than 0");
const NO_COUNT: CommandError = CommandError::new("ERR count should be greater than 0");

/// From which end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Min,
    Max,
}

impl End {
    /// The command that takes from this end.
    pub fn command(self) -> &'static [u8] {
        match self {
            Self::Min => b"ZPOPMIN",
            Self::Max => b"ZPOPMAX",
        }
    }
}

/// `ZPOPMIN key [count]`
pub fn zpopmin(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    pop_from_one(ctx, args, End::Min)
}

/// `ZPOPMAX key [count]`
pub fn zpopmax(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    pop_from_one(ctx, args, End::Max)
}

fn pop_from_one(ctx: &mut Context<'_>, args: Args<'_>, end: End) -> Result {
    if args.len() > 3 {
        return Err(CommandError::SYNTAX);
    }
    let count = match args.get(2) {
        Some(count) => parse_integer(count)
            .filter(|it| *it >= 0)
            .ok_or(NOT_POSITIVE)?,
        None => 1,
    };
    let popped = pop(ctx, &args[1], end, count as usize)?;
    let in_pairs = args.len() == 3 && ctx.reply.protocol == Protocol::Resp3;
    ctx.reply.array(match in_pairs {
        true => popped.len(),
        false => popped.len() * 2,
    });
    reply_popped(ctx, &popped, in_pairs);
    Ok(())
}

/// Writes members and their scores, each two as an array of their own if `in_pairs`.
pub fn reply_popped(ctx: &mut Context<'_>, popped: &[(Vec<u8>, f64)], in_pairs: bool) {
    for (member, score) in popped {
        if in_pairs {
            ctx.reply.array(2);
        }
        ctx.reply.bulk(member);
        reply_score(&mut ctx.reply, *score);
    }
}

/// Removes so many entries from one end, and returns them.
pub fn pop(
    ctx: &mut Context<'_>,
    key: &[u8],
    end: End,
    count: usize,
) -> Result<Vec<(Vec<u8>, f64)>> {
    ctx.state.store.events.name = Some(match end {
        End::Min => "zpopmin",
        End::Max => "zpopmax",
    });
    Ok(ctx.state.store.change(key, |set: &mut SortedSet| {
        let take = || {
            let rank = match end {
                End::Min => 0,
                End::Max => set.len().checked_sub(1)?,
            };
            set.remove_rank(rank)
        };
        let popped: Vec<_> = std::iter::from_fn(take).take(count).collect();
        let changes = popped.len() as u64;
        (popped, changes)
    })?)
}

/// `ZMPOP numkeys key [key …] MIN | MAX [COUNT count]`: from the first of them that is there.
pub fn zmpop(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let (keys, end, count) = parse_mpop(args.skip(1))?;
    for key in keys {
        if pop_many(ctx, key, end, count)? {
            return Ok(());
        }
    }
    ctx.reply.null_array();
    Ok(())
}

/// Replies with the key and up to so many members from one end of it, and propagates how many they
/// were. Returns whether there were any; otherwise there is no reply yet.
pub fn pop_many(ctx: &mut Context<'_>, key: &[u8], end: End, count: usize) -> Result<bool> {
    let popped = pop(ctx, key, end, count)?;
    if popped.is_empty() {
        return Ok(false);
    }
    ctx.reply.array(2);
    ctx.reply.bulk(key);
    ctx.reply.array(popped.len());
    reply_popped(ctx, &popped, true);
    let count = popped.len().to_string();
    ctx.propagate(&[end.command(), key, count.as_bytes()]);
    Ok(true)
}

/// Reads `numkeys key [key …] MIN | MAX [COUNT count]`: the keys, from which end, and how many.
pub fn parse_mpop<'a>(args: Args<'a>) -> Result<(impl Iterator<Item = &'a [u8]>, End, usize)> {
    let positive = |text| parse_integer(text).filter(|it| *it > 0);
    let count = positive(&args[0]).ok_or(NO_KEYS)?;
    let (keys, rest) = counted_keys(args.skip(1), count)?;
    let end = match rest.get(0) {
        Some(word) if word.eq_ignore_ascii_case(b"MIN") => End::Min,
        Some(word) if word.eq_ignore_ascii_case(b"MAX") => End::Max,
        _ => return Err(CommandError::SYNTAX),
    };
    let count = match rest.len() {
        1 => 1,
        3 if rest.is(1, "COUNT") => positive(&rest[2]).ok_or(NO_COUNT)?,
        // A wrong count is found before what follows it.
        4.. if rest.is(1, "COUNT") && positive(&rest[2]).is_none() => return Err(NO_COUNT),
        _ => return Err(CommandError::SYNTAX),
    };
    Ok((keys, end, count as usize))
}
