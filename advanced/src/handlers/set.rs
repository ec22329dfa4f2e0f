//! Commands on the members of a set (`t_set.c` in Redis).

use super::elements::Elements;
use super::key::{ScanOptions, parse_cursor, reply_part};
use crate::command::{Command, Context, Flag, Flag::*, KEY, Result, TWO_KEYS};
use crate::objects::Object;
use crate::objects::set::Set;
use crate::resp::Args;

const READ: &[Flag] = &[Readonly, Fast];

pub const COMMANDS: &[Command] = &[
    Command::with_keys("sadd", -3, &[Write, Denyoom, Fast], KEY, sadd),
    Command::with_keys("srem", -3, &[Write, Fast], KEY, srem),
    Command::with_keys("smove", 4, &[Write, Fast], TWO_KEYS, smove),
    Command::with_keys("sismember", 3, READ, KEY, sismember),
    Command::with_keys("smismember", -3, READ, KEY, smismember),
    Command::with_keys("scard", 2, READ, KEY, scard),
    Command::with_keys("smembers", 2, &[Readonly], KEY, smembers),
    Command::with_keys("sscan", -3, &[Readonly], KEY, sscan),
];

/// `SADD key member [member …]`: how many are new.
fn sadd(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let limits = ctx.state.config.limits;
    let added = ctx.state.store.change(&args[1], |set: &mut Set| {
        let added = args.skip(2).iter().filter(|it| set.add(it, limits));
        let added = added.count() as u64;
        (added, added)
    })?;
    ctx.reply.integer(added as i64);
    Ok(())
}

/// `SREM key member [member …]`: how many there were.
fn srem(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let removed = ctx.state.store.change(&args[1], |set: &mut Set| {
        let removed = args.skip(2).iter().filter(|member| set.remove(member));
        let removed = removed.count() as u64;
        (removed, removed)
    })?;
    ctx.reply.integer(removed as i64);
    Ok(())
}

/// `SMOVE source destination member`: whether the source had it.
fn smove(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let (from, to, member) = (&args[1], &args[2], &args[3]);
    let limits = ctx.state.config.limits;
    let store = &mut ctx.state.store;
    // Redis looks up both first: the destination goes if it has expired.
    store.get_for_write(to);
    let Some(source) = store.get_for_write(from) else {
        ctx.reply.integer(0);
        return Ok(());
    };
    let is_member = source.object::<Set>()?.contains(member);
    if let Some(destination) = store.get_for_write(to) {
        destination.object::<Set>()?;
    }
    if is_member && from != to {
        store.change(from, |set: &mut Set| ((), set.remove(member).into()))?;
        store.change(to, |set: &mut Set| ((), set.add(member, limits).into()))?;
    }
    ctx.reply.integer(is_member.into());
    Ok(())
}

/// `SISMEMBER key member`
fn sismember(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let set = ctx.state.store.object::<Set>(&args[1])?;
    let is_member = set.is_some_and(|set| set.contains(&args[2]));
    ctx.reply.integer(is_member.into());
    Ok(())
}

/// `SMISMEMBER key member [member …]`
fn smismember(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let set = ctx.state.store.object::<Set>(&args[1])?;
    let members = args.skip(2);
    ctx.reply.array(members.len());
    for member in members.iter() {
        let is_member = set.is_some_and(|set| set.contains(member));
        ctx.reply.integer(is_member.into());
    }
    Ok(())
}

/// `SCARD key`
fn scard(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let set = ctx.state.store.object::<Set>(&args[1])?;
    ctx.reply.integer(set.map_or(0, Set::len) as i64);
    Ok(())
}

/// `SMEMBERS key`
fn smembers(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let set = ctx.state.store.object::<Set>(&args[1])?;
    ctx.reply.set(set.map_or(0, Set::len));
    let mut elements = Elements::new(&mut ctx.reply);
    (set.iter().flat_map(|set| set.iter())).for_each(|member| elements.put(member));
    Ok(())
}

/// `SSCAN key cursor [MATCH pattern] [COUNT count]`
fn sscan(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let cursor = parse_cursor(&args[2])?;
    let (mut found, mut next) = (Vec::new(), 0);
    if let Some(set) = ctx.state.store.object::<Set>(&args[1])? {
        let options = ScanOptions::parse(args.skip(3), false)?;
        next = set.scan(cursor, options.count, |member| {
            if options.matches(member.bytes(&mut itoa::Buffer::new())) {
                found.push(member);
            }
        });
    }
    reply_part(&mut ctx.reply, next, &found);
    Ok(())
}
