//! Commands on keys, whatever their values are (`db.c` in Redis; OBJECT is in
//! `object.c`, TOUCH in `expire.c`).

use crate::command::{
    ALL_KEYS, Command, CommandError, Context, Flag::*, KEY, Keys, Result, TWO_KEYS, check_database,
    help, integer,
};
use crate::resp::Args;
use crate::store::Value;
use crate::util::glob;

const OBJECT_KEY: Keys = Keys::at(2, 2, 1);

pub const COMMANDS: &[Command] = &[
    Command::with_keys("del", -2, &[Write], ALL_KEYS, del),
    Command::with_keys("unlink", -2, &[Write, Fast], ALL_KEYS, del),
    Command::with_keys("exists", -2, &[Readonly, Fast], ALL_KEYS, exists),
    Command::with_keys("touch", -2, &[Readonly, Fast], ALL_KEYS, exists),
    Command::with_keys("type", 2, &[Readonly, Fast], KEY, type_of),
    Command::new("keys", 2, &[Readonly], keys),
    Command::new("scan", -2, &[Readonly], scan),
    Command::new("randomkey", 1, &[Readonly], randomkey),
    Command::with_keys("rename", 3, &[Write], TWO_KEYS, rename),
    Command::with_keys("renamenx", 3, &[Write, Fast], TWO_KEYS, renamenx),
    Command::with_keys("copy", -3, &[Write, Denyoom], TWO_KEYS, copy),
    Command::container("object", OBJECT),
];

const OBJECT: &[Command] = &[
    Command::with_keys(
        "object|encoding",
        3,
        &[Readonly],
        OBJECT_KEY,
        object_encoding,
    ),
    Command::with_keys(
        "object|refcount",
        3,
        &[Readonly],
        OBJECT_KEY,
        object_refcount,
    ),
    Command::with_keys("object|freq", 3, &[Readonly], OBJECT_KEY, object_freq),
    Command::new("object|help", 2, &[Loading, Stale], help),
];

const NO_SUCH_KEY: CommandError = CommandError::new("ERR no such key");

/// `DEL key [key …]` and `UNLINK key [key …]`. They differ for values that take
/// long to free; a string does not.
fn del(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let keys = args.skip(1).iter();
    let removed = keys
        .filter(|key| ctx.state.store.remove(key).is_some())
        .count();
    ctx.reply.integer(removed as i64);
    Ok(())
}

/// `EXISTS key [key …]` and `TOUCH key [key …]`: a key that is named twice
/// counts twice.
fn exists(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let keys = args.skip(1).iter();
    let found = keys
        .filter(|key| ctx.state.store.get(key).is_some())
        .count();
    ctx.reply.integer(found as i64);
    Ok(())
}

/// `TYPE key`
fn type_of(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let name = ctx
        .state
        .store
        .get(&args[1])
        .map_or("none", Value::type_name);
    ctx.reply.simple(name);
    Ok(())
}

/// `KEYS pattern`: looks at every key, and everybody else waits.
fn keys(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let pattern = &args[1];
    let found: Vec<&[u8]> = ctx
        .state
        .store
        .keys()
        .filter(|key| glob::matches(pattern, key))
        .collect();
    ctx.reply.bulks(&found);
    Ok(())
}

/// What SCAN was asked for besides a cursor.
struct ScanOptions<'a> {
    pattern: Option<&'a [u8]>,
    type_name: Option<&'a [u8]>,
    /// How many keys to look at.
    count: usize,
}

impl<'a> ScanOptions<'a> {
    fn parse(mut options: Args<'a>) -> Result<Self> {
        let mut parsed = Self {
            pattern: None,
            type_name: None,
            count: 10,
        };
        while let Some(option) = options.get(0) {
            let is = |word: &str| option.eq_ignore_ascii_case(word.as_bytes());
            let value = options.get(1).ok_or(CommandError::SYNTAX)?;
            if is("COUNT") {
                let count = integer(value)?;
                parsed.count = usize::try_from(count)
                    .ok()
                    .filter(|count| *count > 0)
                    .ok_or(CommandError::SYNTAX)?;
            } else if is("MATCH") {
                parsed.pattern = Some(value);
            } else if is("TYPE") {
                parsed.type_name = Some(value);
            } else {
                return Err(CommandError::SYNTAX);
            }
            options = options.skip(2);
        }
        Ok(parsed)
    }

    fn accept(&self, key: &[u8], value: &Value) -> bool {
        let type_name = value.type_name().as_bytes();
        self.pattern
            .is_none_or(|pattern| glob::matches(pattern, key))
            && self
                .type_name
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(type_name))
    }
}

/// `SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]`
fn scan(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let cursor = parse_cursor(&args[1]).ok_or(CommandError::new("ERR invalid cursor"))?;
    let options = ScanOptions::parse(args.skip(2))?;
    let (next, part) = ctx.state.store.scan(cursor, options.count);
    let found: Vec<&[u8]> = part
        .filter(|(key, value)| options.accept(key, value))
        .map(|(key, _)| key)
        .collect();
    ctx.reply.array(2);
    ctx.reply.bulk(itoa::Buffer::new().format(next).as_bytes());
    ctx.reply.bulks(&found);
    Ok(())
}

/// Reads a cursor as C's `strtoul` does: it stops at a NUL byte, nothing is 0,
/// and `-1` is the largest number.
fn parse_cursor(text: &[u8]) -> Option<u64> {
    let text = text.split(|byte| *byte == 0).next()?;
    if text.is_empty() {
        return Some(0);
    }
    let text = std::str::from_utf8(text).ok()?;
    match text.strip_prefix('-') {
        Some(digits) => Some(parse_digits(digits)?.wrapping_neg()),
        None => parse_digits(text.strip_prefix('+').unwrap_or(text)),
    }
}

fn parse_digits(digits: &str) -> Option<u64> {
    let only_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    if only_digits {
        digits.parse().ok()
    } else {
        None
    }
}

/// `RANDOMKEY`
fn randomkey(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    match ctx.state.store.random_key() {
        Some(key) => ctx.reply.bulk(key),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// `RENAME key newkey`
fn rename(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let (from, to) = (&args[1], &args[2]);
    let found = match from == to {
        true => ctx.state.store.contains(from),
        false => ctx.state.store.rename(from, to),
    };
    if !found {
        return Err(NO_SUCH_KEY);
    }
    ctx.reply.ok();
    Ok(())
}

/// `RENAMENX key newkey`
fn renamenx(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let (from, to) = (&args[1], &args[2]);
    if !ctx.state.store.contains(from) {
        return Err(NO_SUCH_KEY);
    }
    let renamed = !ctx.state.store.contains(to) && ctx.state.store.rename(from, to);
    ctx.reply.integer(renamed.into());
    Ok(())
}

/// `COPY source destination [DB 0] [REPLACE]`
fn copy(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let (from, to) = (&args[1], &args[2]);
    let replace = parse_copy_options(args.skip(3))?;
    if from == to {
        return Err(CommandError::new(
            "ERR source and destination objects are the same",
        ));
    }
    let found = ctx.state.store.get(from).is_some();
    let copied =
        found && (replace || !ctx.state.store.contains(to)) && ctx.state.store.copy(from, to);
    ctx.reply.integer(copied.into());
    Ok(())
}

/// Was REPLACE among the options? The database can only be the one there is.
fn parse_copy_options(mut options: Args<'_>) -> Result<bool> {
    let mut replace = false;
    while let Some(option) = options.get(0) {
        if option.eq_ignore_ascii_case(b"REPLACE") {
            replace = true;
            options = options.skip(1);
        } else if let (true, Some(index)) = (option.eq_ignore_ascii_case(b"DB"), options.get(1)) {
            check_database(index)?;
            options = options.skip(2);
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    Ok(replace)
}

/// `OBJECT ENCODING key`
fn object_encoding(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    match ctx.state.store.get(&args[2]) {
        Some(value) => ctx.reply.bulk(value.encoding().as_bytes()),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// Redis keeps the integers below this once for all keys
/// (`OBJ_SHARED_INTEGERS`) and gives `INT_MAX` as the count of their references.
const SHARED_INTEGERS: i64 = 10_000;

/// `OBJECT REFCOUNT key`
fn object_refcount(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    match ctx.state.store.get(&args[2]) {
        Some(Value::Integer(0..SHARED_INTEGERS)) => ctx.reply.integer(i32::MAX.into()),
        Some(_) => ctx.reply.integer(1),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// `OBJECT FREQ key`: there is no eviction, so there is no such policy.
fn object_freq(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    if ctx.state.store.get(&args[2]).is_none() {
        ctx.reply.null();
        return Ok(());
    }
    Err(CommandError::new(
        "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note \
         that when switching between policies at runtime LRU and LFU data will take some time to \
         adjust.",
    ))
}
