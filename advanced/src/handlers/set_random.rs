//! SPOP and SRANDMEMBER: members picked at random (`t_set.c` in Redis).
//!
//! SPOP cannot be repeated: a replica would pick others. So what goes to the AOF and to replicas
//! is what it has removed.

use std::collections::HashSet;

use ahash::RandomState;

use super::key::reply_element;
use crate::command::{
    Command, CommandError, Context, Flag::*, KEY, Result, positive, random_count,
};
use crate::objects::Object;
use crate::objects::set::Set;
use crate::resp::{Args, Reply};

pub const COMMANDS: &[Command] = &[
    Command::with_keys("spop", -2, &[Write, Fast], KEY, spop),
    Command::with_keys("srandmember", -2, &[Readonly], KEY, srandmember),
];

/// Where a set has more than so many times the members that are wanted, hardly any is drawn
/// twice (`SRANDMEMBER_SUB_STRATEGY_MUL`).
const DRAW_RATIO: usize = 3;

/// `SPOP key [count]`: a member, or so many, which are removed.
fn spop(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let count = match args.get(2) {
        None => 1,
        Some(_) if args.len() > 3 => return Err(CommandError::SYNTAX),
        Some(count) => positive(count, "ERR value is out of range, must be positive")?,
    };
    let limits = ctx.state.config.limits;
    let (popped, is_empty) = ctx.state.store.change(&args[1], |set: &mut Set| {
        let popped = set.pop(count, limits);
        let removed = popped.len() as u64;
        ((popped, set.len() == 0), removed)
    })?;
    match (args.get(2), &popped[..]) {
        (Some(_), _) => {
            ctx.reply.set(popped.len());
            popped.iter().for_each(|member| ctx.reply.bulk(member));
        }
        (None, [member]) => ctx.reply.bulk(member),
        (None, _) => ctx.reply.null(),
    }
    propagate(ctx, &args[1], &popped, is_empty && args.len() > 2);
    Ok(())
}

/// Propagates that these members were removed: DEL if with a count all were, else an SREM for
/// each, in a transaction if there are several.
fn propagate(ctx: &mut Context<'_>, key: &[u8], popped: &[Vec<u8>], is_all: bool) {
    match popped {
        [] => {}
        _ if is_all => ctx.propagate(&[b"DEL", key]),
        [member] => ctx.propagate(&[b"SREM", key, member]),
        members => {
            ctx.propagate(&[b"MULTI"]);
            for member in members {
                ctx.propagate(&[b"SREM", key, member]);
            }
            ctx.propagate(&[b"EXEC"]);
        }
    }
}

/// `SRANDMEMBER key [count]`: a member or, with a count, so many different ones. A negative count
/// may return a member more than once.
fn srandmember(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let count = match args.get(2) {
        None => None,
        Some(_) if args.len() > 3 => return Err(CommandError::SYNTAX),
        Some(count) => Some(random_count(count)?),
    };
    let (limits, client) = (
        ctx.state.config.client_output_buffer_limit,
        &mut *ctx.client,
    );
    let set = ctx.state.store.object::<Set>(&args[1])?;
    match (count, set) {
        (Some(count), Some(set)) => reply_random(&mut ctx.reply, set, count, |waiting| {
            client.exceeds(limits, waiting)
        }),
        (Some(_), None) => ctx.reply.array(0),
        (None, set) => match set.and_then(Set::random) {
            Some(member) => reply_element(&mut ctx.reply, member),
            None => ctx.reply.null(),
        },
    }
    Ok(())
}

/// Ends, with a part of the reply, when it is so large that the client `is_cut_off`.
fn reply_random(
    reply: &mut Reply<'_>,
    set: &Set,
    count: i64,
    mut is_cut_off: impl FnMut(usize) -> bool,
) {
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let total = match count {
        ..0 => wanted,
        _ => wanted.min(set.len()),
    };
    reply.array(total);
    if count < 0 {
        for member in (0..total).map_while(|_| set.random()) {
            reply_element(reply, member);
            if is_cut_off(reply.len()) {
                break;
            }
        }
        return;
    }
    let put = |member| reply_element(reply, member);
    if total == set.len() {
        set.iter().for_each(put);
    } else if total.saturating_mul(DRAW_RATIO) > set.len() {
        let picked = fastrand::choose_multiple(set.iter(), total);
        picked.into_iter().for_each(put);
    } else {
        let mut seen = HashSet::with_capacity_and_hasher(total, RandomState::default());
        while seen.len() < total {
            seen.extend(set.random());
        }
        seen.into_iter().for_each(put);
    }
}
