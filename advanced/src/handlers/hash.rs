//! Commands on hashes (`t_hash.c` in Redis).

use std::collections::HashSet;

use super::elements::Elements;
use super::key::{ScanOptions, parse_cursor, reply_element, reply_part};
use crate::command::{
    Command, CommandError, Context, Flag, Flag::*, KEY, Result, integer, random_count,
};
use crate::objects::{Element, Hash, Object};
use crate::resp::{Args, Protocol, Reply, parse_integer};
use crate::util::long_double::LongDouble;

const GROW: &[Flag] = &[Write, Denyoom, Fast];
const READ: &[Flag] = &[Readonly, Fast];

pub const COMMANDS: &[Command] = &[
    Command::with_keys("hset", -4, GROW, KEY, hset),
    Command::with_keys("hsetnx", 4, GROW, KEY, hsetnx),
    Command::with_keys("hmset", -4, GROW, KEY, hmset),
    Command::with_keys("hget", 3, READ, KEY, hget),
    Command::with_keys("hmget", -3, READ, KEY, hmget),
    Command::with_keys("hgetall", 2, &[Readonly], KEY, hgetall),
    Command::with_keys("hdel", -3, &[Write, Fast], KEY, hdel),
    Command::with_keys("hlen", 2, READ, KEY, hlen),
    Command::with_keys("hstrlen", 3, READ, KEY, hstrlen),
    Command::with_keys("hexists", 3, READ, KEY, hexists),
    Command::with_keys("hkeys", 2, &[Readonly], KEY, hkeys),
    Command::with_keys("hvals", 2, &[Readonly], KEY, hvals),
    Command::with_keys("hincrby", 4, GROW, KEY, hincrby),
    Command::with_keys("hincrbyfloat", 4, GROW, KEY, hincrbyfloat),
    Command::with_keys("hrandfield", -2, &[Readonly], KEY, hrandfield),
    Command::with_keys("hscan", -3, &[Readonly], KEY, hscan),
];

const OVERFLOW: CommandError = CommandError::new("ERR increment or decrement would overflow");
const NOT_AN_INTEGER: CommandError = CommandError::new("ERR hash value is not an integer");
const NOT_A_FLOAT: CommandError = CommandError::new("ERR value is not a valid float");
const NO_FLOAT_THERE: CommandError = CommandError::new("ERR hash value is not a float");
const INFINITE: CommandError = CommandError::new("ERR value is NaN or Infinity");
const NOT_FINITE: CommandError = CommandError::new("ERR increment would produce NaN or Infinity");
const OUT_OF_RANGE: CommandError = CommandError::new("ERR value is out of range");

/// The hash at `key`, for a command that reads it.
fn read<'a>(ctx: &'a mut Context<'_>, key: &[u8]) -> Result<Option<&'a Hash>> {
    Ok(ctx.state.store.object(key)?)
}

/// The value of a field, for a command that replies with something about it.
fn look_up<'a>(
    ctx: &'a mut Context<'_>,
    args: Args<'_>,
    digits: &'a mut itoa::Buffer,
) -> Result<Option<&'a [u8]>> {
    let hash = read(ctx, &args[1])?;
    Ok(hash.and_then(|hash| hash.get(&args[2], digits)))
}

/// `HSET key field value [field value …]`: how many fields are new.
fn hset(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let created = set_all(ctx, args, "hset")?;
    ctx.reply.integer(created);
    Ok(())
}

/// `HMSET key field value [field value …]`, which is older than HSET with several fields.
fn hmset(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    set_all(ctx, args, "hmset")?;
    ctx.reply.ok();
    Ok(())
}

fn set_all(ctx: &mut Context<'_>, args: Args<'_>, name: &str) -> Result<i64> {
    if !args.len().is_multiple_of(2) {
        return Err(CommandError::arity(name));
    }
    let limits = ctx.state.config.limits;
    let created = ctx.state.store.change(&args[1], |hash: &mut Hash| {
        let fields = (2..args.len()).step_by(2);
        let count = fields.len() as u64;
        let created = fields.filter(|field| hash.set(&args[*field], &args[field + 1], limits));
        (created.count() as i64, count)
    })?;
    Ok(created)
}

/// `HSETNX key field value`: only if there is no such field.
fn hsetnx(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let limits = ctx.state.config.limits;
    let created = ctx.state.store.change(&args[1], |hash: &mut Hash| {
        let is_new = hash.get(&args[2], &mut itoa::Buffer::new()).is_none();
        let created = is_new && hash.set(&args[2], &args[3], limits);
        (created, created.into())
    })?;
    ctx.reply.integer(created.into());
    Ok(())
}

/// `HGET key field`
fn hget(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let hash = ctx.state.store.object::<Hash>(&args[1])?;
    reply_field(&mut ctx.reply, hash, &args[2]);
    Ok(())
}

fn reply_field(reply: &mut Reply<'_>, hash: Option<&Hash>, field: &[u8]) {
    let digits = &mut itoa::Buffer::new();
    match hash.and_then(|hash| hash.get(field, digits)) {
        Some(value) => reply.bulk(value),
        None => reply.null(),
    }
}

/// `HMGET key field [field …]`
fn hmget(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let hash = ctx.state.store.object::<Hash>(&args[1])?;
    let fields = args.skip(2);
    ctx.reply.array(fields.len());
    for field in fields.iter() {
        reply_field(&mut ctx.reply, hash, field);
    }
    Ok(())
}

/// `HDEL key field [field …]`: how many there were.
fn hdel(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let removed = ctx.state.store.change(&args[1], |hash: &mut Hash| {
        let removed = args.skip(2).iter().filter(|field| hash.remove(field));
        let removed = removed.count() as u64;
        (removed, removed)
    })?;
    ctx.reply.integer(removed as i64);
    Ok(())
}

/// `HLEN key`
fn hlen(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let length = read(ctx, &args[1])?.map_or(0, Hash::len);
    ctx.reply.integer(length as i64);
    Ok(())
}

/// `HSTRLEN key field`: how long the value is.
fn hstrlen(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let length = look_up(ctx, args, &mut itoa::Buffer::new())?.map_or(0, <[u8]>::len);
    ctx.reply.integer(length as i64);
    Ok(())
}

/// `HEXISTS key field`
fn hexists(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let exists = look_up(ctx, args, &mut itoa::Buffer::new())?.is_some();
    ctx.reply.integer(exists.into());
    Ok(())
}

/// `HGETALL key`
fn hgetall(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let hash = ctx.state.store.object::<Hash>(&args[1])?;
    ctx.reply.map(hash.map_or(0, Hash::len));
    let mut elements = Elements::new(&mut ctx.reply);
    if let Some(hash) = hash {
        hash.each(|field, value| {
            elements.put(field);
            elements.put(value);
        });
    }
    Ok(())
}

/// `HKEYS key`: the fields.
fn hkeys(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    reply_one_of_each(ctx, args, |(field, _)| field)
}

/// `HVALS key`: the values.
fn hvals(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    reply_one_of_each(ctx, args, |(_, value)| value)
}

fn reply_one_of_each(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    choose: for<'a> fn((Element<'a>, Element<'a>)) -> Element<'a>,
) -> Result {
    let hash = ctx.state.store.object::<Hash>(&args[1])?;
    ctx.reply.array(hash.map_or(0, Hash::len));
    let mut elements = Elements::new(&mut ctx.reply);
    if let Some(hash) = hash {
        hash.each(|field, value| elements.put(choose((field, value))));
    }
    Ok(())
}

/// Gives a field the value that `compute` makes of the old one, and returns it. An error leaves
/// everything as it was.
fn replace<T: AsRef<[u8]>>(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    compute: impl FnOnce(Option<&[u8]>) -> Result<T>,
) -> Result<T> {
    let limits = ctx.state.config.limits;
    ctx.state.store.change(&args[1], |hash: &mut Hash| {
        let computed = compute(hash.get(&args[2], &mut itoa::Buffer::new()));
        if let Ok(value) = &computed {
            hash.set(&args[2], value.as_ref(), limits);
        }
        let changes = computed.is_ok().into();
        (computed, changes)
    })?
}

/// `HINCRBY key field increment`
fn hincrby(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let increment = integer(&args[3])?;
    let sum = replace(ctx, args, |old| {
        let old = old.map_or(Some(0), parse_integer).ok_or(NOT_AN_INTEGER)?;
        let sum = old.checked_add(increment).ok_or(OVERFLOW)?;
        Ok(sum.to_string())
    })?;
    ctx.reply.integer(integer(sum.as_bytes())?);
    Ok(())
}

/// `HINCRBYFLOAT key field increment`
fn hincrbyfloat(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let increment = LongDouble::parse(&args[3]).ok_or(NOT_A_FLOAT)?;
    if !increment.is_finite() {
        return Err(INFINITE);
    }
    let sum = replace(ctx, args, |old| {
        let old = LongDouble::parse(old.unwrap_or(b"0")).ok_or(NO_FLOAT_THERE)?;
        Ok(old.checked_add(increment).ok_or(NOT_FINITE)?.format())
    })?;
    ctx.reply.bulk(sum.as_bytes());
    // The sum, because another machine may compute another last digit.
    ctx.propagate(&[b"HSET", &args[1], &args[2], sum.as_bytes()]);
    Ok(())
}

/// `HRANDFIELD key [count [WITHVALUES]]`: a field or, with a count, so many different ones. A
/// negative count may return a field more than once.
fn hrandfield(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let Some(count) = args.get(2) else {
        let picked = read(ctx, &args[1])?.and_then(Hash::random);
        // A field may be as long as a value; it is copied to let go of the store.
        match picked.map(|(field, _)| field.bytes(&mut itoa::Buffer::new()).to_vec()) {
            Some(field) => ctx.reply.bulk(&field),
            None => ctx.reply.null(),
        }
        return Ok(());
    };
    let count = random_count(count)?;
    let with_values = match args.get(3) {
        None => false,
        Some(word) if args.len() == 4 && word.eq_ignore_ascii_case(b"WITHVALUES") => true,
        Some(_) => return Err(CommandError::SYNTAX),
    };
    if with_values && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(OUT_OF_RANGE);
    }
    let (limits, client) = (
        ctx.state.config.client_output_buffer_limit,
        &mut *ctx.client,
    );
    match ctx.state.store.object::<Hash>(&args[1])? {
        Some(hash) => reply_random(&mut ctx.reply, hash, count, with_values, |waiting| {
            client.exceeds(limits, waiting)
        }),
        None => ctx.reply.array(0),
    }
    Ok(())
}

/// Ends, with a part of the reply, when it is so large that the client `is_cut_off`.
fn reply_random(
    reply: &mut Reply<'_>,
    hash: &Hash,
    count: i64,
    with_values: bool,
    mut is_cut_off: impl FnMut(usize) -> bool,
) {
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let total = match count {
        ..0 => wanted,
        _ => wanted.min(hash.len()),
    };
    reply.array(match (with_values, reply.protocol) {
        (true, Protocol::Resp2) => total * 2,
        _ => total,
    });
    let mut put = |(field, value): (Element<'_>, Element<'_>)| {
        if with_values && reply.protocol == Protocol::Resp3 {
            reply.array(2);
        }
        reply_element(reply, field);
        if with_values {
            reply_element(reply, value);
        }
        reply.len()
    };
    // One by one from a listpack would be a walk through it each time.
    let is_table = matches!(hash, Hash::Table(_));
    if count < 0 {
        let all: Vec<_> = match is_table {
            true => Vec::new(),
            false => hash.iter().collect(),
        };
        let pick = || match is_table {
            true => hash.random(),
            false => fastrand::choice(&all).copied(),
        };
        for picked in (0..total).map_while(|_| pick()) {
            if is_cut_off(put(picked)) {
                break;
            }
        }
    } else if is_table && total < hash.len() / 3 {
        // With few of many, hardly any is drawn twice.
        let mut seen = HashSet::new();
        while seen.len() < total {
            let picked = hash.random().filter(|(field, _)| seen.insert(*field));
            picked.map(&mut put);
        }
    } else {
        for picked in fastrand::choose_multiple(hash.iter(), total) {
            put(picked);
        }
    }
}

/// `HSCAN key cursor [MATCH pattern] [COUNT count]`
fn hscan(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let cursor = parse_cursor(&args[2])?;
    let mut found: Vec<Element<'_>> = Vec::new();
    let mut next = 0;
    if let Some(hash) = ctx.state.store.object::<Hash>(&args[1])? {
        let options = ScanOptions::parse(args.skip(3), false)?;
        next = hash.scan(cursor, options.count, |field, value| {
            if options.matches(field.bytes(&mut itoa::Buffer::new())) {
                found.extend([field, value]);
            }
        });
    }
    reply_part(&mut ctx.reply, next, &found);
    Ok(())
}
