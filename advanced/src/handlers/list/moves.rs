//! Commands on several lists: LMOVE and RPOPLPUSH, which move an element from one to another, and
//! LMPOP, which takes from the first that is there.

use super::{event, len_for_write, pop_many, side};
use crate::command::{CommandError, Context, Result, integer};
use crate::objects::{List, Side};
use crate::resp::Args;
use crate::store::Change;

/// `LMPOP numkeys key [key …] LEFT | RIGHT [COUNT count]`: from the first of the lists that is
/// there.
pub fn lmpop(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let (keys, side, count) = parse_lmpop(args.skip(1))?;
    for key in args.skip(2).iter().take(keys) {
        if pop_from(ctx, key, side, count)? {
            return Ok(());
        }
    }
    ctx.reply.null_array();
    Ok(())
}

/// Replies with the key and up to `count` elements from one end of its list, and removes them. False
/// if there is no list.
pub fn pop_from(ctx: &mut Context<'_>, key: &[u8], side: Side, count: usize) -> Result<bool> {
    let Some(len) = len_for_write(ctx, key)? else {
        return Ok(false);
    };
    let count = count.min(len);
    ctx.reply.array(2);
    ctx.reply.bulk(key);
    pop_many(ctx, key, side, count)?;
    let name = event(false, side).to_uppercase();
    ctx.propagate(&[name.as_bytes(), key, count.to_string().as_bytes()]);
    Ok(true)
}

/// Reads the arguments of LMPOP from the number of keys on: that number, the end, and how many
/// elements.
pub fn parse_lmpop(args: Args<'_>) -> Result<(usize, Side, usize)> {
    let at_least_one = |text: &[u8], error: &'static str| {
        let number = integer(text).ok().filter(|number| *number > 0);
        number.map(|it| it as usize).ok_or(CommandError::new(error))
    };
    let numkeys = at_least_one(&args[0], "ERR numkeys should be greater than 0")?;
    let where_to = args
        .get(numkeys.saturating_add(1))
        .ok_or(CommandError::SYNTAX)?;
    let side = side(where_to)?;
    let options = args.skip(numkeys + 2);
    let count = match (options.len(), options.get(0), options.get(1)) {
        (0, ..) => 1,
        (2.., Some(word), Some(count)) if word.eq_ignore_ascii_case(b"COUNT") => {
            at_least_one(count, "ERR count should be greater than 0")?
        }
        _ => return Err(CommandError::SYNTAX),
    };
    match options.len() {
        0 | 2 => Ok((numkeys, side, count)),
        _ => Err(CommandError::SYNTAX),
    }
}

/// `RPOPLPUSH source destination`, which is older than LMOVE.
pub fn rpoplpush(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    move_one(ctx, &args[1], &args[2], Side::Right, Side::Left)
}

/// `LMOVE source destination LEFT | RIGHT LEFT | RIGHT`
pub fn lmove(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let (from, to) = (side(&args[3])?, side(&args[4])?);
    move_one(ctx, &args[1], &args[2], from, to)
}

/// Moves the element at one end of a list to an end of another, which may be the same, and
/// replies with it.
pub fn move_one(
    ctx: &mut Context<'_>,
    source: &[u8],
    destination: &[u8],
    from: Side,
    to: Side,
) -> Result {
    let shape = ctx.state.config.limits.list;
    let Some(len) = len_for_write(ctx, source)? else {
        ctx.reply.null();
        return Ok(());
    };
    len_for_write(ctx, destination)?;
    let value = ctx.state.store.get_for_write(source);
    let index = if from == Side::Left { 0 } else { len - 1 };
    let moved = value
        .and_then(|value| value.object::<List>().ok())
        .and_then(|list| {
            list.get(index, |element| {
                element.bytes(&mut itoa::Buffer::new()).to_vec()
            })
        });
    let moved = moved.unwrap_or_default();
    // One that is alone and moves to where it is must not be away in between: the key would go.
    let store = &mut ctx.state.store;
    store.events.name = Some(event(true, to));
    store.change(destination, |list: &mut List| {
        if source == destination {
            list.pop(from, shape, |_| ());
        }
        list.push(to, &moved, shape);
        ((), 1)
    })?;
    store.events.name = Some(event(false, from));
    match source == destination {
        true => store.events.note(Change::Named(event(false, from)), source),
        false => {
            store.change(source, |list: &mut List| (list.pop(from, shape, |_| ()), 1))?;
            // It was one change.
            store.changes -= 1;
        }
    }
    ctx.reply.bulk(&moved);
    Ok(())
}
