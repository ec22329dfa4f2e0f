//! Commands on several sets (`t_set.c` in Redis): SINTER, SUNION and SDIFF, and their forms that
//! store the result.

use super::elements::Elements;
use crate::command::{
    ALL_KEYS, Command, CommandError, Context, Flag, Flag::*, Keys, Result, positive,
};
use crate::objects::set::Set;
use crate::objects::set::algebra::{intersect, reduced, subtract, unite};
use crate::objects::{Element, Object};
use crate::resp::Args;

const STORE: &[Flag] = &[Write, Denyoom];
const COUNT: &[Flag] = &[Readonly, Movablekeys];

pub const COMMANDS: &[Command] = &[
    Command::with_keys("sinter", -2, &[Readonly], ALL_KEYS, |ctx, args| {
        reply(ctx, args, all_have)
    }),
    Command::with_keys("sunion", -2, &[Readonly], ALL_KEYS, |ctx, args| {
        reply(ctx, args, unite)
    }),
    Command::with_keys("sdiff", -2, &[Readonly], ALL_KEYS, |ctx, args| {
        reply(ctx, args, subtract)
    }),
    Command::with_keys("sinterstore", -3, STORE, ALL_KEYS, |ctx, args| {
        store(ctx, args, all_have, |_| None)
    }),
    Command::with_keys("sunionstore", -3, STORE, ALL_KEYS, |ctx, args| {
        store(ctx, args, unite, |_| None)
    }),
    Command::with_keys("sdiffstore", -3, STORE, ALL_KEYS, |ctx, args| {
        store(ctx, args, subtract, reduced)
    }),
    Command::with_keys("sintercard", -3, COUNT, Keys::counted(1), sintercard),
];

/// What makes members of one set of those of several.
type Operation = for<'a> fn(&[Option<&'a Set>]) -> Vec<Element<'a>>;

fn all_have<'a>(sets: &[Option<&'a Set>]) -> Vec<Element<'a>> {
    let mut found = Vec::new();
    intersect(sets, |member| {
        found.push(member);
        true
    });
    found
}

/// `SINTER | SUNION | SDIFF key [key …]`
fn reply(ctx: &mut Context<'_>, args: Args<'_>, operation: Operation) -> Result {
    let found = operation(&ctx.state.store.objects(args.skip(1).iter())?);
    ctx.reply.set(found.len());
    let mut elements = Elements::new(&mut ctx.reply);
    found.into_iter().for_each(|member| elements.put(member));
    Ok(())
}

/// `SINTERSTORE | SUNIONSTORE | SDIFFSTORE destination key [key …]`: how many members the result
/// has. The destination is replaced, whatever it is; it is removed if the result is empty.
/// `form` says which set the result is a part of, if it is made by taking members away.
fn store(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    operation: Operation,
    form: for<'a> fn(&[Option<&'a Set>]) -> Option<&'a Set>,
) -> Result {
    let limits = ctx.state.config.limits;
    let store = &mut ctx.state.store;
    let sets = store.objects(args.skip(2).iter())?;
    let mut result = Set::collect(operation(&sets).into_iter(), limits);
    if let Some(whole) = form(&sets) {
        result.take_form_of(whole, limits);
    }
    let count = result.len();
    match count {
        0 => store.remove_destination(&args[1]),
        _ => store.insert(&args[1], result.into()),
    }
    ctx.reply.integer(count as i64);
    Ok(())
}

/// `SINTERCARD numkeys key [key …] [LIMIT limit]`: how many members all sets have. With a limit
/// other than 0, no more are counted.
fn sintercard(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    const NUMKEYS: &str = "ERR numkeys should be greater than 0";
    let keys = positive(&args[1], NUMKEYS)?;
    if keys == 0 {
        return Err(CommandError::new(NUMKEYS));
    }
    if keys > args.len() - 2 {
        let text = "ERR Number of keys can't be greater than number of args";
        return Err(CommandError::new(text));
    }
    let mut limit = 0;
    let mut options = args.skip(2 + keys).iter();
    while let Some(option) = options.next() {
        let value = options.next().ok_or(CommandError::SYNTAX)?;
        if !option.eq_ignore_ascii_case(b"LIMIT") {
            return Err(CommandError::SYNTAX);
        }
        limit = positive(value, "ERR LIMIT can't be negative")?;
    }
    let sets = ctx.state.store.objects(args.skip(2).iter().take(keys))?;
    let mut count = 0;
    intersect(&sets, |_| {
        count += 1;
        count != limit
    });
    ctx.reply.integer(count as i64);
    Ok(())
}
