//! Commands on lists (`t_list.c` in Redis): their table, and those that use a list at its ends or
//! read it by index.

mod debug;
mod edit;
pub mod moves;
mod search;

use std::ops::{ControlFlow, Range};

use super::elements::Elements;
use crate::command::{
    Command, CommandError, Context, Flag, Flag::*, KEY, Keys, Result, TWO_KEYS, integer,
};
use crate::objects::{Element, List, Object, Side};
use crate::resp::{Args, Reply};

pub use debug::{statistics, threshold};

use edit::{linsert, lrem, lset, ltrim};
use moves::{lmove, lmpop, rpoplpush};
use search::lpos;

const GROW: &[Flag] = &[Write, Denyoom, Fast];
const TAKE: &[Flag] = &[Write, Fast];

pub const COMMANDS: &[Command] = &[
    Command::with_keys("lpush", -3, GROW, KEY, |ctx, args| {
        push(ctx, args, Side::Left)
    }),
    Command::with_keys("rpush", -3, GROW, KEY, |ctx, args| {
        push(ctx, args, Side::Right)
    }),
    Command::with_keys("lpushx", -3, GROW, KEY, |ctx, args| {
        push_if_there(ctx, args, Side::Left)
    }),
    Command::with_keys("rpushx", -3, GROW, KEY, |ctx, args| {
        push_if_there(ctx, args, Side::Right)
    }),
    Command::with_keys("lpop", -2, TAKE, KEY, |ctx, args| {
        pop(ctx, args, Side::Left)
    }),
    Command::with_keys("rpop", -2, TAKE, KEY, |ctx, args| {
        pop(ctx, args, Side::Right)
    }),
    Command::with_keys("llen", 2, &[Readonly, Fast], KEY, llen),
    Command::with_keys("lrange", 4, &[Readonly], KEY, lrange),
    Command::with_keys("lindex", 3, &[Readonly], KEY, lindex),
    Command::with_keys("lpos", -3, &[Readonly], KEY, lpos),
    Command::with_keys("lset", 4, &[Write, Denyoom], KEY, lset),
    Command::with_keys("linsert", 5, &[Write, Denyoom], KEY, linsert),
    Command::with_keys("lrem", 4, &[Write], KEY, lrem),
    Command::with_keys("ltrim", 4, &[Write], KEY, ltrim),
    Command::with_keys("lmove", 5, &[Write, Denyoom], TWO_KEYS, lmove),
    Command::with_keys("rpoplpush", 3, &[Write, Denyoom], TWO_KEYS, rpoplpush),
    Command::with_keys("lmpop", -4, &[Write, Movablekeys], Keys::counted(1), lmpop),
];

/// What these do to their keys.
pub const KEY_FLAGS: &[(&[&[&str]], &[&str])] = &[
    (
        &[&["RW", "insert"]],
        &["linsert", "lpush", "lpushx", "rpush", "rpushx"],
    ),
    (&[&["RW", "access", "delete"]], &["lmpop", "lpop", "rpop"]),
    (&[&["RW", "delete"]], &["lrem", "ltrim"]),
    (
        &[&["RW", "access", "delete"], &["RW", "insert"]],
        &["lmove", "rpoplpush"],
    ),
    (&[&["RO"]], &["llen"]),
];

const NOT_POSITIVE: CommandError = CommandError::new("ERR value is out of range, must be positive");

/// The list at `key`, for a command that reads it.
fn read<'a>(ctx: &'a mut Context<'_>, key: &[u8]) -> Result<Option<&'a List>> {
    Ok(ctx.state.store.object(key)?)
}

/// How many elements the list at `key` has, for a command that changes it; `None` if there is no
/// list.
fn len_for_write(ctx: &mut Context<'_>, key: &[u8]) -> Result<Option<usize>> {
    let value = ctx.state.store.get_for_write(key);
    let list = value.map(|value| value.object::<List>()).transpose()?;
    Ok(list.map(List::len))
}

/// Reads a number that must not be negative; `error` says what if it is.
fn positive(text: &[u8], error: CommandError) -> Result<usize> {
    let number = integer(text).ok().map(usize::try_from);
    number.and_then(|number| number.ok()).ok_or(error)
}

/// Reads an end of a list.
pub fn side(text: &[u8]) -> Result<Side> {
    match text.to_ascii_lowercase().as_slice() {
        b"left" => Ok(Side::Left),
        b"right" => Ok(Side::Right),
        _ => Err(CommandError::SYNTAX),
    }
}

fn reply_element(reply: &mut Reply<'_>, element: Element<'_>) {
    reply.bulk(element.bytes(&mut itoa::Buffer::new()));
}

/// The indexes that a range from `start` to `stop`, both included, has in a list of `len`
/// elements. Negative numbers count from the end.
fn range(start: i64, stop: i64, len: usize) -> Range<usize> {
    let from_end = |index: i64| match index {
        ..0 => (len as i64).saturating_add(index),
        _ => index,
    };
    let start = from_end(start).max(0);
    let end = from_end(stop).saturating_add(1).min(len as i64);
    match start < end {
        true => start as usize..end as usize,
        false => 0..0,
    }
}

/// The index that an argument names, which may be negative; `None` if no element has it.
fn index(number: i64, len: usize) -> Option<usize> {
    let index = match number {
        ..0 => number.checked_add(len as i64)?,
        _ => number,
    };
    usize::try_from(index).ok().filter(|index| *index < len)
}

/// What a command that puts an element there, or takes one, is called in a notification.
pub fn event(is_push: bool, side: Side) -> &'static str {
    match (is_push, side) {
        (true, Side::Left) => "lpush",
        (true, Side::Right) => "rpush",
        (false, Side::Left) => "lpop",
        (false, Side::Right) => "rpop",
    }
}

/// `LPUSH key element [element …]`, `RPUSH …`: how long the list is then.
fn push(ctx: &mut Context<'_>, args: Args<'_>, side: Side) -> Result {
    let shape = ctx.state.config.limits.list;
    let store = &mut ctx.state.store;
    store.events.name = Some(event(true, side));
    let len = store.change(&args[1], |list: &mut List| {
        let elements = args.skip(2);
        elements
            .iter()
            .for_each(|text| list.push(side, text, shape));
        (list.len(), elements.len() as u64)
    })?;
    ctx.reply.integer(len as i64);
    Ok(())
}

/// `LPUSHX key element [element …]`, `RPUSHX …`: only if there is a list.
fn push_if_there(ctx: &mut Context<'_>, args: Args<'_>, side: Side) -> Result {
    if len_for_write(ctx, &args[1])?.is_some() {
        return push(ctx, args, side);
    }
    ctx.reply.integer(0);
    Ok(())
}

/// `LPOP key [count]`, `RPOP …`: without a count one element, with it an array.
fn pop(ctx: &mut Context<'_>, args: Args<'_>, side: Side) -> Result {
    if args.len() > 3 {
        return Err(CommandError::arity(event(false, side)));
    }
    let Some(count) = args.get(2) else {
        return pop_one(ctx, &args[1], side);
    };
    let count = positive(count, NOT_POSITIVE)?;
    let Some(len) = len_for_write(ctx, &args[1])? else {
        ctx.reply.null_array();
        return Ok(());
    };
    pop_many(ctx, &args[1], side, count.min(len))
}

/// Replies with the element at one end of a list, and removes it.
pub fn pop_one(ctx: &mut Context<'_>, key: &[u8], side: Side) -> Result {
    let shape = ctx.state.config.limits.list;
    let Context { state, reply, .. } = ctx;
    state.store.events.name = Some(event(false, side));
    let popped = state.store.change(key, |list: &mut List| {
        let popped = list.pop(side, shape, |element| reply_element(reply, element));
        (popped, popped.is_some().into())
    })?;
    if popped.is_none() {
        reply.null();
    }
    Ok(())
}

/// Replies with so many elements from one end, which are there, and removes them.
fn pop_many(ctx: &mut Context<'_>, key: &[u8], side: Side, count: usize) -> Result {
    ctx.reply.array(count);
    if count == 0 {
        return Ok(());
    }
    let shape = ctx.state.config.limits.list;
    let Context { state, reply, .. } = ctx;
    state.store.events.name = Some(event(false, side));
    state.store.change(key, |list: &mut List| {
        let (first, start, direction) = match side {
            Side::Left => (0, 0, Side::Right),
            Side::Right => (list.len() - 1, list.len() - count, Side::Left),
        };
        reply_elements(reply, list, first, count, direction);
        list.remove(start, count, shape);
        ((), count as u64)
    })?;
    Ok(())
}

fn reply_elements(reply: &mut Reply<'_>, list: &List, from: usize, count: usize, direction: Side) {
    let mut elements = Elements::new(reply);
    let _ = list.visit(from, count, direction, |element| {
        elements.put(element);
        ControlFlow::<()>::Continue(())
    });
}

/// `LLEN key`
fn llen(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let length = read(ctx, &args[1])?.map_or(0, List::len);
    ctx.reply.integer(length as i64);
    Ok(())
}

/// `LRANGE key start stop`
fn lrange(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let (start, stop) = (integer(&args[2])?, integer(&args[3])?);
    let Some(list) = ctx.state.store.object::<List>(&args[1])? else {
        ctx.reply.array(0);
        return Ok(());
    };
    let range = range(start, stop, list.len());
    ctx.reply.array(range.len());
    reply_elements(&mut ctx.reply, list, range.start, range.len(), Side::Right);
    Ok(())
}

/// `LINDEX key index`
fn lindex(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let Some(list) = ctx.state.store.object::<List>(&args[1])? else {
        ctx.reply.null();
        return Ok(());
    };
    let index = index(integer(&args[2])?, list.len());
    let reply = &mut ctx.reply;
    let found = index.and_then(|index| list.get(index, |element| reply_element(reply, element)));
    if found.is_none() {
        ctx.reply.null();
    }
    Ok(())
}
