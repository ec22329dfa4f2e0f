//! Commands on strings (`t_string.c` in Redis).

use crate::command::{
    ALL_KEYS, Command, CommandError, Context, Flag, Flag::*, KEY, PAIRS, Result, integer,
};
use crate::resp::{Args, Reply};
use crate::store::Value;
use crate::store::clock::{Moment, Unit};
use crate::util::long_double::LongDouble;

const GROW: &[Flag] = &[Write, Denyoom, Fast];

pub const COMMANDS: &[Command] = &[
    Command::with_keys("get", 2, &[Readonly, Fast], KEY, get),
    Command::with_keys("set", -3, &[Write, Denyoom], KEY, set),
    Command::with_keys("setnx", 3, GROW, KEY, setnx),
    Command::with_keys("setex", 4, &[Write, Denyoom], KEY, setex),
    Command::with_keys("psetex", 4, &[Write, Denyoom], KEY, psetex),
    Command::with_keys("getset", 3, GROW, KEY, getset),
    Command::with_keys("getdel", 2, &[Write, Fast], KEY, getdel),
    Command::with_keys("getex", -2, &[Write, Fast], KEY, getex),
    Command::with_keys("mget", -2, &[Readonly, Fast], ALL_KEYS, mget),
    Command::with_keys("mset", -3, &[Write, Denyoom], PAIRS, mset),
    Command::with_keys("msetnx", -3, &[Write, Denyoom], PAIRS, msetnx),
    Command::with_keys("append", 3, GROW, KEY, append),
    Command::with_keys("strlen", 2, &[Readonly, Fast], KEY, strlen),
    Command::with_keys("getrange", 4, &[Readonly], KEY, getrange),
    Command::with_keys("substr", 4, &[Readonly], KEY, getrange),
    Command::with_keys("setrange", 4, &[Write, Denyoom], KEY, setrange),
    Command::with_keys("incr", 2, GROW, KEY, incr),
    Command::with_keys("decr", 2, GROW, KEY, decr),
    Command::with_keys("incrby", 3, GROW, KEY, incrby),
    Command::with_keys("decrby", 3, GROW, KEY, decrby),
    Command::with_keys("incrbyfloat", 3, GROW, KEY, incrbyfloat),
];

const TOO_LONG: CommandError =
    CommandError::new("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
const OVERFLOW: CommandError = CommandError::new("ERR increment or decrement would overflow");
const NOT_A_FLOAT: CommandError = CommandError::new("ERR value is not a valid float");
const NOT_FINITE: CommandError = CommandError::new("ERR increment would produce NaN or Infinity");
const OUT_OF_RANGE: CommandError = CommandError::new("ERR offset is out of range");

fn reply_value(reply: &mut Reply<'_>, value: Option<&Value>) {
    match value {
        Some(value) => reply.bulk(value.bytes(&mut itoa::Buffer::new())),
        None => reply.null(),
    }
}

/// `GET key`
fn get(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    reply_value(&mut ctx.reply, ctx.state.store.get(&args[1]));
    Ok(())
}

/// What SET or GETEX does to the deadline of the key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Lifetime<'a> {
    /// No option: SET removes the deadline, GETEX leaves it as it is.
    #[default]
    Unsaid,
    /// KEEPTTL: the deadline stays as it is.
    Kept,
    /// PERSIST: the key has no deadline from now on.
    Lasting,
    /// EX, PX, EXAT, PXAT: the key gets this deadline.
    Limited(Unit, &'a [u8]),
}

impl<'a> Lifetime<'a> {
    /// Reads `option`, and takes its value from `rest` if it has one. `None` if it is none of
    /// these options, or has no value.
    fn parse(option: &[u8], rest: &mut impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        const UNITS: [(&str, Unit); 4] = [
            ("EX", Unit::Seconds),
            ("PX", Unit::Milliseconds),
            ("EXAT", Unit::UnixSeconds),
            ("PXAT", Unit::UnixMilliseconds),
        ];
        let is = |word: &str| option.eq_ignore_ascii_case(word.as_bytes());
        match UNITS.iter().find(|(word, _)| is(word)) {
            Some((_, unit)) => Some(Self::Limited(*unit, rest.next()?)),
            None if is("KEEPTTL") => Some(Self::Kept),
            None if is("PERSIST") => Some(Self::Lasting),
            None => None,
        }
    }

    /// Sets what a further option says. If an option is given twice, the last one
    /// counts. Two different options are a syntax error.
    fn change_to(&mut self, new: Self) -> Result {
        let agree = match (&self, new) {
            (Self::Unsaid, _) => true,
            (Self::Limited(old, _), Self::Limited(new, _)) => *old == new,
            (old, new) => **old == new,
        };
        *self = new;
        agree.then_some(()).ok_or(CommandError::SYNTAX)
    }
}

/// The moment that `amount`, an argument of the command called `command`, stands for. It must
/// be above 0.
fn deadline(ctx: &Context<'_>, unit: Unit, amount: &[u8], command: &str) -> Result<Moment> {
    let amount = integer(amount)?;
    let deadline = ctx.state.store.clock.moment(amount, unit);
    deadline
        .filter(|_| amount > 0)
        .ok_or_else(|| CommandError::expire_time(command))
}

/// The options of SET.
#[derive(Default)]
struct SetOptions<'a> {
    /// NX: only if there is no such key. XX: only if there is one.
    must_exist: Option<bool>,
    /// GET: reply with the old value.
    get: bool,
    lifetime: Lifetime<'a>,
}

impl<'a> SetOptions<'a> {
    fn parse(options: Args<'a>) -> Result<Self> {
        let mut parsed = Self::default();
        let mut options = options.iter();
        while let Some(option) = options.next() {
            let is = |word: &str| option.eq_ignore_ascii_case(word.as_bytes());
            if is("NX") && parsed.must_exist != Some(true) {
                parsed.must_exist = Some(false);
            } else if is("XX") && parsed.must_exist != Some(false) {
                parsed.must_exist = Some(true);
            } else if is("GET") {
                parsed.get = true;
            } else if let Some(lifetime) = Lifetime::parse(option, &mut options)
                && lifetime != Lifetime::Lasting
            {
                parsed.lifetime.change_to(lifetime)?;
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        Ok(parsed)
    }
}

/// `SET key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT
/// unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]`
fn set(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let (key, value) = (&args[1], &args[2]);
    let options = SetOptions::parse(args.skip(3))?;
    let deadline = match options.lifetime {
        Lifetime::Limited(unit, amount) => Some(deadline(ctx, unit, amount, "set")?),
        Lifetime::Kept => ctx.state.store.deadline(key),
        Lifetime::Unsaid | Lifetime::Lasting => None,
    };
    if options.get {
        reply_value(&mut ctx.reply, ctx.state.store.get(key));
    }
    // A plain SET need not look whether the key is there.
    let is_met = |must_exist| ctx.state.store.contains(key) == must_exist;
    let allowed = options.must_exist.is_none_or(is_met);
    if allowed {
        ctx.state.store.set_bytes_until(key, value, deadline);
        // The AOF gets the result instead of the options.
        if args.len() > 3 {
            ctx.propagate_set(key, value, deadline);
        }
    }
    match (options.get, allowed) {
        (true, _) => {}
        (false, true) => ctx.reply.ok(),
        (false, false) => ctx.reply.null(),
    }
    Ok(())
}

/// `SETNX key value`
fn setnx(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let free = !ctx.state.store.contains(&args[1]);
    if free {
        ctx.state.store.set_bytes(&args[1], &args[2]);
    }
    ctx.reply.integer(free.into());
    Ok(())
}

/// `SETEX key seconds value`
fn setex(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    set_until(ctx, args, Unit::Seconds, "setex")
}

/// `PSETEX key milliseconds value`
fn psetex(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    set_until(ctx, args, Unit::Milliseconds, "psetex")
}

fn set_until(ctx: &mut Context<'_>, args: Args<'_>, unit: Unit, name: &str) -> Result {
    let deadline = Some(deadline(ctx, unit, &args[2], name)?);
    let (key, value) = (&args[1], &args[3]);
    ctx.state.store.set_bytes_until(key, value, deadline);
    ctx.propagate_set(key, value, deadline);
    ctx.reply.ok();
    Ok(())
}

/// `GETEX key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT
/// unix-time-milliseconds | PERSIST]`
fn getex(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let key = &args[1];
    let mut lifetime = Lifetime::Unsaid;
    let mut options = args.skip(2).iter();
    while let Some(option) = options.next() {
        match Lifetime::parse(option, &mut options) {
            None | Some(Lifetime::Kept) => return Err(CommandError::SYNTAX),
            Some(new) => lifetime.change_to(new)?,
        }
    }
    // If the key is missing, Redis does not read the time, which need not even be a number.
    if ctx.state.store.get(key).is_none() {
        ctx.reply.null();
        return Ok(());
    }
    let deadline = match lifetime {
        Lifetime::Limited(unit, amount) => Some(deadline(ctx, unit, amount, "getex")?),
        _ => None,
    };
    reply_value(&mut ctx.reply, ctx.state.store.get_for_write(key));
    if let Some(deadline) = deadline {
        ctx.set_deadline(key, deadline);
    }
    if lifetime == Lifetime::Lasting && ctx.state.store.persist(key) {
        ctx.propagate(&[b"PERSIST", key]);
    }
    Ok(())
}

/// `GETSET key value`
fn getset(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    reply_value(&mut ctx.reply, ctx.state.store.get(&args[1]));
    ctx.state.store.set_bytes(&args[1], &args[2]);
    ctx.propagate(&[b"SET", &args[1], &args[2]]);
    Ok(())
}

/// `GETDEL key`
fn getdel(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    reply_value(&mut ctx.reply, ctx.state.store.get(&args[1]));
    if ctx.state.store.remove(&args[1]).is_some() {
        ctx.propagate(&[b"DEL", &args[1]]);
    }
    Ok(())
}

/// How many keys of one command are looked up together. Of more, those that come first would be
/// out of the processor's cache again when they are needed.
const LOOKED_UP_TOGETHER: usize = 64;

/// `MGET key [key …]`
fn mget(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    ctx.reply.array(args.len() - 1);
    for keys in args.skip(1).chunks(LOOKED_UP_TOGETHER) {
        ctx.state.store.prefetch(keys.iter());
        for key in keys.iter() {
            reply_value(&mut ctx.reply, ctx.state.store.get(key));
        }
    }
    Ok(())
}

/// The arguments after the name, which must be pairs of key and value.
fn pairs<'a>(args: Args<'a>, name: &str) -> Result<Args<'a>> {
    match args.len().is_multiple_of(2) {
        true => Err(CommandError::arity(name)),
        false => Ok(args.skip(1)),
    }
}

/// Gives each key of these pairs its value.
fn set_pairs(ctx: &mut Context<'_>, pairs: Args<'_>) {
    for pairs in pairs.chunks(2 * LOOKED_UP_TOGETHER) {
        ctx.state.store.prefetch(pairs.iter().step_by(2));
        for pair in pairs.chunks(2) {
            ctx.state.store.set_bytes(&pair[0], &pair[1]);
        }
    }
}

/// `MSET key value [key value …]`
fn mset(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    set_pairs(ctx, pairs(args, "mset")?);
    ctx.reply.ok();
    Ok(())
}

/// `MSETNX key value [key value …]`: all or, if one of the keys exists, none.
fn msetnx(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let pairs = pairs(args, "msetnx")?;
    let exists = |key: &[u8]| ctx.state.store.contains(key);
    let free = !pairs.iter().step_by(2).any(exists);
    if free {
        set_pairs(ctx, pairs);
    }
    ctx.reply.integer(free.into());
    Ok(())
}

/// `APPEND key value`
fn append(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let (key, suffix) = (&args[1], &args[2]);
    let old = ctx.state.store.get_for_write(key).map(Value::len);
    let length = old.unwrap_or_default() + suffix.len();
    check_length(ctx.max_string(), length)?;
    match old {
        Some(_) => ctx.state.store.upsert(key, Value::growable(), |value| {
            value.grow(|bytes| bytes.extend_from_slice(suffix));
            Ok(())
        })?,
        None => ctx.state.store.set_bytes(key, suffix),
    }
    ctx.reply.integer(length as i64);
    Ok(())
}

/// `STRLEN key`
fn strlen(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let length = ctx.state.store.get(&args[1]).map_or(0, Value::len);
    ctx.reply.integer(length as i64);
    Ok(())
}

/// `GETRANGE key start end`: both ends are included, and negative ones count
/// from the end of the string.
fn getrange(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let (start, end) = (integer(&args[2])?, integer(&args[3])?);
    let digits = &mut itoa::Buffer::new();
    let value = ctx.state.store.get(&args[1]);
    let bytes = value.map_or(&b""[..], |value| value.bytes(digits));
    ctx.reply.bulk(slice(bytes, start, end));
    Ok(())
}

fn slice(bytes: &[u8], start: i64, end: i64) -> &[u8] {
    let length = bytes.len() as i64;
    let from_end = |index: i64| match index {
        ..0 => index.saturating_add(length).max(0),
        _ => index,
    };
    let range = from_end(start) as usize..=from_end(end).min(length - 1) as usize;
    // Both too far to the left, and in the wrong order: Redis says empty, even
    // though cutting them to the string would leave its first byte.
    match start < 0 && end < 0 && start > end {
        true => b"",
        false => bytes.get(range).unwrap_or_default(),
    }
}

/// `SETRANGE key offset value`: the gap before the offset fills with NUL bytes.
fn setrange(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let (key, patch) = (&args[1], &args[3]);
    let offset = usize::try_from(integer(&args[2])?).map_err(|_| OUT_OF_RANGE)?;
    // Writing nothing changes nothing, not even the encoding.
    if patch.is_empty() {
        let length = ctx.state.store.get_for_write(key).map_or(0, Value::len);
        ctx.reply.integer(length as i64);
        return Ok(());
    }
    let end = offset.saturating_add(patch.len());
    check_length(ctx.max_string(), end)?;
    let length = ctx.state.store.upsert(key, Value::growable(), |value| {
        Ok(value.grow(|bytes| {
            bytes.resize(bytes.len().max(end), 0);
            bytes[offset..end].copy_from_slice(patch);
            bytes.len()
        }))
    })?;
    ctx.reply.integer(length as i64);
    Ok(())
}

fn check_length(limit: usize, length: usize) -> Result {
    match length > limit {
        true => Err(TOO_LONG),
        false => Ok(()),
    }
}

/// `INCR key`
fn incr(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    add(ctx, &args[1], 1)
}

/// `DECR key`
fn decr(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    add(ctx, &args[1], -1)
}

/// `INCRBY key increment`
fn incrby(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    add(ctx, &args[1], integer(&args[2])?)
}

/// `DECRBY key decrement`
fn decrby(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let increment = integer(&args[2])?
        .checked_neg()
        .ok_or(CommandError::new("ERR decrement would overflow"))?;
    add(ctx, &args[1], increment)
}

/// Adds to the number at `key`, where a missing key counts as 0, and replies with the sum.
fn add(ctx: &mut Context<'_>, key: &[u8], increment: i64) -> Result {
    let sum = ctx.state.store.upsert(key, Value::Integer(0), |value| {
        let sum = number(value)?.checked_add(increment).ok_or(OVERFLOW)?;
        *value = Value::Integer(sum);
        Ok(sum)
    })?;
    ctx.reply.integer(sum);
    Ok(())
}

fn number(value: &Value) -> Result<i64> {
    match value {
        Value::Integer(number) => Ok(*number),
        other => integer(other.bytes(&mut itoa::Buffer::new())),
    }
}

/// `INCRBYFLOAT key increment`
fn incrbyfloat(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let (key, increment) = (&args[1], &args[2]);
    let sum = ctx.state.store.upsert(key, Value::Integer(0), |value| {
        let sum = add_float(value, increment)?;
        // Redis keeps the text as it is, even if it looks like an integer.
        *value = Value::fixed(sum.as_bytes());
        Ok(sum)
    })?;
    ctx.reply.bulk(sum.as_bytes());
    // The sum, because another machine may compute another last digit.
    let deadline = ctx.state.store.deadline(&args[1]);
    ctx.propagate_set(&args[1], sum.as_bytes(), deadline);
    Ok(())
}

fn add_float(value: &Value, increment: &[u8]) -> Result<String> {
    let old = LongDouble::parse(value.bytes(&mut itoa::Buffer::new())).ok_or(NOT_A_FLOAT)?;
    let increment = LongDouble::parse(increment).ok_or(NOT_A_FLOAT)?;
    let sum = old.checked_add(increment).ok_or(NOT_FINITE)?;
    Ok(sum.format())
}
