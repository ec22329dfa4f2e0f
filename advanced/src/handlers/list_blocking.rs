//! Commands on lists that wait for an element (`blockingPopGenericCommand` and
//! `serveClientBlockedOnList` in Redis's `t_list.c`).
//!
//! Each has two functions: one reads its arguments, and one takes from a list that is there, at once or
//! after a wait.

use super::list::moves::{move_one, parse_lmpop, pop_from};
use super::list::{event, pop_one, side};
use crate::command::{Command, Context, Flag, Flag::*, Keys, Result, TWO_KEYS, take_or_wait};
use crate::objects::Side;
use crate::resp::Args;

const TAKE: &[Flag] = &[Write, Noscript, Blocking];
const MOVE: &[Flag] = &[Write, Denyoom, Noscript, Blocking];
const COUNTED: &[Flag] = &[Write, Blocking, Movablekeys];

/// All arguments but the last.
pub const BEFORE_TIMEOUT: Keys = Keys::at(1, -2, 1);

pub const COMMANDS: &[Command] = &[
    Command::with_keys("blpop", -3, TAKE, BEFORE_TIMEOUT, bpop)
        .waits_for("list", |ctx, _, key| take_one(ctx, key, Side::Left))
        .uncounted(),
    Command::with_keys("brpop", -3, TAKE, BEFORE_TIMEOUT, bpop)
        .waits_for("list", |ctx, _, key| take_one(ctx, key, Side::Right))
        .uncounted(),
    Command::with_keys("blmpop", -5, COUNTED, Keys::counted(2), blmpop)
        .waits_for("list", take_many),
    Command::with_keys("blmove", 6, MOVE, TWO_KEYS, blmove)
        .waits_for("list", take_to)
        .uncounted(),
    Command::with_keys("brpoplpush", 4, MOVE, TWO_KEYS, brpoplpush)
        .waits_for("list", take_to_the_other)
        .uncounted(),
];

/// What these do to their keys.
pub const KEY_FLAGS: &[(&[&[&str]], &[&str])] = &[
    (
        &[&["RW", "access", "delete"]],
        &["blmpop", "blpop", "brpop"],
    ),
    (
        &[&["RW", "access", "delete"], &["RW", "insert"]],
        &["blmove", "brpoplpush"],
    ),
];

/// `BLPOP key [key …] timeout` and `BRPOP …`: an element, and the list from which it comes.
fn bpop(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let last = args.len() - 1;
    take_or_wait(ctx, args, 1..last, &args[last])
}

fn take_one(ctx: &mut Context<'_>, key: &[u8], side: Side) -> Result {
    ctx.reply.array(2);
    ctx.reply.bulk(key);
    pop_one(ctx, key, side)?;
    let name = event(false, side).to_uppercase();
    ctx.propagate(&[name.as_bytes(), key]);
    Ok(())
}

/// `BLMPOP timeout numkeys key [key …] LEFT | RIGHT [COUNT count]`
fn blmpop(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let (keys, ..) = parse_lmpop(args.skip(2))?;
    take_or_wait(ctx, args, 3..3 + keys, &args[1])
}

fn take_many(ctx: &mut Context<'_>, args: Args<'_>, key: &[u8]) -> Result {
    let (_, side, count) = parse_lmpop(args.skip(2))?;
    pop_from(ctx, key, side, count)?;
    Ok(())
}

/// `BLMOVE source destination LEFT | RIGHT LEFT | RIGHT timeout`
fn blmove(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    side(&args[3])?;
    side(&args[4])?;
    take_or_wait(ctx, args, 1..2, &args[5])
}

fn take_to(ctx: &mut Context<'_>, args: Args<'_>, key: &[u8]) -> Result {
    move_one(ctx, key, &args[2], side(&args[3])?, side(&args[4])?)?;
    let mut sides = [args[3].to_vec(), args[4].to_vec()];
    // After a wait, Redis has the sides and not their words any more.
    if ctx.has_waited {
        sides
            .iter_mut()
            .for_each(|side| side.make_ascii_lowercase());
    }
    ctx.propagate(&[b"LMOVE", key, &args[2], &sides[0], &sides[1]]);
    Ok(())
}

/// `BRPOPLPUSH source destination timeout`
fn brpoplpush(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    take_or_wait(ctx, args, 1..2, &args[3])
}

fn take_to_the_other(ctx: &mut Context<'_>, args: Args<'_>, key: &[u8]) -> Result {
    move_one(ctx, key, &args[2], Side::Right, Side::Left)?;
    ctx.propagate(&[b"RPOPLPUSH", key, &args[2]]);
    Ok(())
}
