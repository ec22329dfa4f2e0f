//! ZRANDMEMBER.

use std::collections::HashSet;

use super::{begin_members, read, reply_entry};
use crate::command::{CommandError, Context, Result, integer};
use crate::objects::{Element, Object, SortedSet};
use crate::resp::{Args, Reply};

const OUT_OF_RANGE: CommandError = CommandError::new("ERR value is out of range");

/// `ZRANDMEMBER key [count [WITHSCORES]]`: a member or, with a count, so many different ones. A
/// negative count may return a member more than once.
pub fn zrandmember(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let Some(count) = args.get(2) else {
        let picked = read(ctx, &args[1])?.and_then(SortedSet::random);
        // It is copied to let go of the store.
        match picked.map(|(member, _)| member.bytes(&mut itoa::Buffer::new()).to_vec()) {
            Some(member) => ctx.reply.bulk(&member),
            None => ctx.reply.null(),
        }
        return Ok(());
    };
    let count = integer(count)?;
    if count == i64::MIN {
        let range = format!("{} and {}", -i64::MAX, i64::MAX);
        let before = "ERR value is out of range, value must between ";
        return Err(CommandError::quoting(before, range.as_bytes(), ""));
    }
    let with_scores = match args.get(3) {
        None => false,
        Some(_) if args.len() == 4 && args.is(3, "WITHSCORES") => true,
        Some(_) => return Err(CommandError::SYNTAX),
    };
    if with_scores && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(OUT_OF_RANGE);
    }
    let (limits, client) = (
        ctx.state.config.client_output_buffer_limit,
        &mut *ctx.client,
    );
    match ctx.state.store.object::<SortedSet>(&args[1])? {
        Some(set) => reply_random(&mut ctx.reply, set, count, with_scores, |waiting| {
            client.exceeds(limits, waiting)
        }),
        None => ctx.reply.array(0),
    }
    Ok(())
}

/// Ends, with a part of the reply, when it is so large that the client `is_cut_off`.
fn reply_random(
    reply: &mut Reply<'_>,
    set: &SortedSet,
    count: i64,
    with_scores: bool,
    mut is_cut_off: impl FnMut(usize) -> bool,
) {
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let total = match count {
        ..0 => wanted,
        _ => wanted.min(set.len()),
    };
    begin_members(reply, total, with_scores);
    let mut put = |entry: (Element<'_>, f64)| {
        reply_entry(reply, entry, with_scores);
        reply.len()
    };
    // One by one from a listpack would be a walk through it each time.
    let is_large = matches!(set, SortedSet::Ranked(_));
    if count < 0 {
        let all: Vec<_> = match is_large {
            true => Vec::new(),
            false => set.iter().collect(),
        };
        let pick = || match is_large {
            true => set.random(),
            false => fastrand::choice(&all).copied(),
        };
        for picked in (0..total).map_while(|_| pick()) {
            if is_cut_off(put(picked)) {
                break;
            }
        }
    } else if is_large && total < set.len() / 3 {
        // With few of many, hardly any is drawn twice.
        let mut seen = HashSet::new();
        while seen.len() < total {
            let picked = set.random().filter(|(member, _)| seen.insert(*member));
            picked.map(&mut put);
        }
    } else {
        for picked in fastrand::choose_multiple(set.iter(), total) {
            put(picked);
        }
    }
}
