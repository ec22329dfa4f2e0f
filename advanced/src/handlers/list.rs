//! Commands on lists (`t_list.c` in Redis).

use std::ops::{ControlFlow, Range};

use crate::command::{
    Command, CommandError, Context, Flag, Flag::*, KEY, Keys, Result, TWO_KEYS, integer,
};
use crate::config::parse_memory;
use crate::objects::{Element, List, Object, Shape, Side, Wanted};
use crate::resp::{Args, Reply};
use crate::store::Change;

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
const NO_SUCH_KEY: CommandError = CommandError::new("ERR no such key");
const OUT_OF_RANGE: CommandError = CommandError::new("ERR index out of range");
const NO_RANK: CommandError = CommandError::new(
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use \
     negative to start from the end of the list",
);

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
    let _ = list.visit(from, count, direction, |element| {
        reply_element(reply, element);
        ControlFlow::<()>::Continue(())
    });
}

/// `LMPOP numkeys key [key …] LEFT | RIGHT [COUNT count]`: from the first of the lists that is
/// there.
fn lmpop(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
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

/// `LSET key index element`
fn lset(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let len = len_for_write(ctx, &args[1])?.ok_or(NO_SUCH_KEY)?;
    let index = index(integer(&args[2])?, len).ok_or(OUT_OF_RANGE)?;
    change(ctx, &args[1], "lset", |list, shape| {
        list.set(index, &args[3], shape);
        ((), 1)
    })?;
    ctx.reply.ok();
    Ok(())
}

/// Changes a list that is there, and notes what that is called.
fn change<R>(
    ctx: &mut Context<'_>,
    key: &[u8],
    event: &'static str,
    change: impl FnOnce(&mut List, Shape) -> (R, u64),
) -> Result<R> {
    let shape = ctx.state.config.limits.list;
    ctx.state.store.events.name = Some(event);
    let changed = ctx.state.store.change(key, |list| change(list, shape))?;
    Ok(changed)
}

/// `LINSERT key BEFORE | AFTER pivot element`: how long the list is then; -1 if there is no pivot.
fn linsert(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let side = match args[2].to_ascii_lowercase().as_slice() {
        b"before" => Side::Left,
        b"after" => Side::Right,
        _ => return Err(CommandError::SYNTAX),
    };
    if len_for_write(ctx, &args[1])?.is_none() {
        ctx.reply.integer(0);
        return Ok(());
    }
    let len = change(ctx, &args[1], "linsert", |list, shape| {
        match list.insert(side, &args[3], &args[4], shape) {
            true => (list.len() as i64, 1),
            false => (-1, 0),
        }
    })?;
    ctx.reply.integer(len);
    Ok(())
}

/// `LREM key count element`: removes so many of those that are equal, from the end if `count` is
/// negative; all if it is 0.
fn lrem(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let count = integer(&args[2])?;
    let side = if count < 0 { Side::Right } else { Side::Left };
    let most = match usize::try_from(count.unsigned_abs()) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(most) => most,
    };
    let wanted = Wanted::new(&args[3]);
    let removed = change(ctx, &args[1], "lrem", |list, shape| {
        let removed = list.remove_all(wanted, side, most, shape) as u64;
        (removed, removed)
    })?;
    ctx.reply.integer(removed as i64);
    Ok(())
}

/// `LTRIM key start stop`: leaves only this range.
fn ltrim(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let (start, stop) = (integer(&args[2])?, integer(&args[3])?);
    if let Some(len) = len_for_write(ctx, &args[1])? {
        let kept = range(start, stop, len);
        if kept.len() == len {
            // Nothing changes, and yet Redis says so.
            ctx.state
                .store
                .events
                .note(Change::Named("ltrim"), &args[1]);
        }
        change(ctx, &args[1], "ltrim", |list, shape| {
            list.remove(kept.end, len - kept.end, shape);
            list.remove(0, kept.start, shape);
            ((), (len - kept.len()) as u64)
        })?;
    }
    ctx.reply.ok();
    Ok(())
}

/// `RPOPLPUSH source destination`, which is older than LMOVE.
fn rpoplpush(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    move_one(ctx, &args[1], &args[2], Side::Right, Side::Left)
}

/// `LMOVE source destination LEFT | RIGHT LEFT | RIGHT`
fn lmove(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
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

/// The options of LPOS.
struct Search {
    rank: i64,
    count: Option<usize>,
    most: usize,
}

impl Search {
    fn parse(args: Args<'_>) -> Result<Self> {
        let (mut rank, mut count, mut most) = (1, None, 0);
        let mut words = args.iter();
        while let Some(word) = words.next() {
            let value = words.next().ok_or(CommandError::SYNTAX)?;
            match word.to_ascii_lowercase().as_slice() {
                b"rank" => rank = Some(integer(value)?).filter(|it| *it != 0).ok_or(NO_RANK)?,
                b"count" => {
                    let error = CommandError::new("ERR COUNT can't be negative");
                    count = Some(positive(value, error)?);
                }
                b"maxlen" => {
                    let error = CommandError::new("ERR MAXLEN can't be negative");
                    most = positive(value, error)?;
                }
                _ => return Err(CommandError::SYNTAX),
            }
        }
        Ok(Self { rank, count, most })
    }

    /// The indexes of the elements that are wanted.
    fn run(&self, list: &List, wanted: Wanted<'_>) -> Vec<i64> {
        let len = list.len();
        let (first, direction) = match self.rank {
            ..0 => (len - 1, Side::Left),
            _ => (0, Side::Right),
        };
        let most = if self.most == 0 {
            len
        } else {
            self.most.min(len)
        };
        let enough = self.count.unwrap_or(1);
        let (mut seen, mut skipped) = (0, self.rank.unsigned_abs() - 1);
        let mut found = Vec::new();
        let _ = list.visit(first, most, direction, |element| {
            seen += 1;
            if wanted.is(element) && skipped > 0 {
                skipped -= 1;
            } else if wanted.is(element) {
                let index = if direction == Side::Left {
                    len - seen
                } else {
                    seen - 1
                };
                found.push(index as i64);
                if found.len() == enough {
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        });
        found
    }
}

/// `LPOS key element [RANK rank] [COUNT count] [MAXLEN length]`: the index of the element, or with
/// a count those of so many, or of all if it is 0. A negative rank searches from the end.
fn lpos(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let search = Search::parse(args.skip(3))?;
    let list = read(ctx, &args[1])?;
    let found = list.map_or(Vec::new(), |list| search.run(list, Wanted::new(&args[2])));
    match (search.count, found.first()) {
        (Some(_), _) => {
            ctx.reply.array(found.len());
            found.iter().for_each(|index| ctx.reply.integer(*index));
        }
        (None, Some(index)) => ctx.reply.integer(*index),
        (None, None) => ctx.reply.null(),
    }
    Ok(())
}

/// What DEBUG OBJECT says of a list besides; nothing of any other value.
pub fn statistics(ctx: &mut Context<'_>, key: &[u8]) -> Result<String> {
    let shape = ctx.state.config.limits.list;
    let list = ctx
        .state
        .store
        .peek(key)
        .map(|value| value.object::<List>());
    Ok(match list {
        Some(Ok(list)) => list.statistics(shape),
        _ => String::new(),
    })
}

/// `DEBUG QUICKLIST-PACKED-THRESHOLD size`: from which size on an element has a node of its own; 0
/// is the default.
pub fn threshold(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    /// A listpack must not come near its greatest size.
    const MOST: i64 = (1 << 32) - (1 << 20);
    let size = str::from_utf8(&args[2]).ok().and_then(parse_memory);
    let size = size.filter(|size| (0..=MOST).contains(size));
    let size = size.ok_or(CommandError::new(
        "ERR argument must be a memory value bigger than 1 and smaller than 4gb",
    ))?;
    ctx.state.config.limits.list.large = match size {
        0 => Shape::DEFAULT.large,
        size => size as usize,
    };
    ctx.reply.ok();
    Ok(())
}
