//! Commands on keys, whatever their values are (`db.c` in Redis; OBJECT is in
//! `object.c`, TOUCH in `expire.c`).

use crate::command::{
    ALL_KEYS, Command, CommandError, Context, Flag::*, KEY, Keys, Result, TWO_KEYS, check_database,
    help, integer,
};
use crate::objects::Element;
use crate::resp::{Args, Reply};
use crate::store::Value;
use crate::util::glob;

const OBJECT_KEY: Keys = Keys::at(2, 2, 1);

pub const COMMANDS: &[Command] = &[
    Command::with_keys("del", -2, &[Write], ALL_KEYS, del),
    Command::with_keys("unlink", -2, &[Write, Fast], ALL_KEYS, unlink),
    Command::with_keys("exists", -2, &[Readonly, Fast], ALL_KEYS, exists),
    Command::with_keys("touch", -2, &[Readonly, Fast], ALL_KEYS, touch),
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
    Command::with_keys("object|encoding", 3, &[Readonly], OBJECT_KEY, encoding),
    Command::with_keys("object|refcount", 3, &[Readonly], OBJECT_KEY, refcount),
    Command::with_keys("object|idletime", 3, &[Readonly], OBJECT_KEY, idletime),
    Command::with_keys("object|freq", 3, &[Readonly], OBJECT_KEY, freq),
    Command::new("object|help", 2, &[Loading, Stale], help),
];

const NO_SUCH_KEY: CommandError = CommandError::new("ERR no such key");

/// `DEL key [key …]`
fn del(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let store = &mut ctx.state.store;
    let removed = args
        .skip(1)
        .iter()
        .filter(|key| store.remove(key).is_some());
    ctx.reply.integer(removed.count() as i64);
    Ok(())
}

/// `UNLINK key [key …]`: as DEL, and what takes long to free is freed by another thread.
fn unlink(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let store = &mut ctx.state.store;
    let removed = args.skip(1).iter().filter_map(|key| store.remove(key));
    ctx.reply.integer(removed.map(Value::free).count() as i64);
    Ok(())
}

/// `EXISTS key [key …]`: a key that is named twice counts twice.
fn exists(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let store = &mut ctx.state.store;
    let found = args.skip(1).iter().filter(|key| store.peek(key).is_some());
    ctx.reply.integer(found.count() as i64);
    Ok(())
}

/// `TOUCH key [key …]`: as EXISTS, and it is a use of the keys.
fn touch(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let store = &mut ctx.state.store;
    let found = args.skip(1).iter().filter(|key| store.get(key).is_some());
    ctx.reply.integer(found.count() as i64);
    Ok(())
}

/// `TYPE key`
fn type_of(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let value = ctx.state.store.peek(&args[1]);
    ctx.reply.simple(value.map_or("none", Value::type_name));
    Ok(())
}

/// `KEYS pattern`: looks at every key while all other clients wait.
fn keys(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let keys = ctx.state.store.keys();
    let found: Vec<&[u8]> = keys.filter(|key| glob::matches(&args[1], key)).collect();
    ctx.reply.bulks(&found);
    Ok(())
}

/// The options of SCAN and of its kin for one collection.
pub struct ScanOptions<'a> {
    pattern: Option<&'a [u8]>,
    type_name: Option<&'a [u8]>,
    pub count: usize,
}

impl<'a> ScanOptions<'a> {
    /// Reads them. Only `with_type` knows TYPE.
    pub fn parse(mut options: Args<'a>, with_type: bool) -> Result<Self> {
        let (mut pattern, mut type_name, mut count) = (None, None, 10);
        while let Some(option) = options.get(0) {
            let value = options.get(1).ok_or(CommandError::SYNTAX)?;
            match option.to_ascii_lowercase().as_slice() {
                b"match" => pattern = Some(value),
                b"type" if with_type => type_name = Some(value),
                b"count" => count = integer(value)?,
                _ => return Err(CommandError::SYNTAX),
            }
            if count < 1 {
                return Err(CommandError::SYNTAX);
            }
            options = options.skip(2);
        }
        let count = count as usize;
        Ok(Self {
            pattern,
            type_name,
            count,
        })
    }

    pub fn matches(&self, key: &[u8]) -> bool {
        self.pattern
            .is_none_or(|pattern| glob::matches(pattern, key))
    }
}

/// `SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]`
fn scan(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let cursor = parse_cursor(&args[1])?;
    let options = ScanOptions::parse(args.skip(2), true)?;
    let is_wanted = |key: &[u8], value: &Value| {
        let is_type = |it: &[u8]| it.eq_ignore_ascii_case(value.type_name().as_bytes());
        options.matches(key) && options.type_name.is_none_or(is_type)
    };
    let (next, part) = ctx.state.store.scan(cursor, options.count);
    let found = part.filter(|(key, value)| is_wanted(key, value));
    let found: Vec<&[u8]> = found.map(|(key, _)| key).collect();
    ctx.reply.array(2);
    ctx.reply.bulk(itoa::Buffer::new().format(next).as_bytes());
    ctx.reply.bulks(&found);
    Ok(())
}

/// Replies with an element of a collection.
pub fn reply_element(reply: &mut Reply<'_>, element: Element<'_>) {
    reply.bulk(element.bytes(&mut itoa::Buffer::new()));
}

/// Replies with a part of a collection, and the cursor of the next.
pub fn reply_part(reply: &mut Reply<'_>, cursor: u64, elements: &[Element<'_>]) {
    reply.array(2);
    reply.bulk(itoa::Buffer::new().format(cursor).as_bytes());
    reply.array(elements.len());
    for element in elements {
        reply_element(reply, *element);
    }
}

/// Reads a cursor.
pub fn parse_cursor(text: &[u8]) -> Result<u64> {
    parse_unsigned(text).ok_or(CommandError::new("ERR invalid cursor"))
}

/// Reads a number as C's `strtoul` does: it stops at a NUL byte, nothing is 0,
/// and `-1` is the largest number.
fn parse_unsigned(text: &[u8]) -> Option<u64> {
    let text = str::from_utf8(text.split(|byte| *byte == 0).next()?).ok()?;
    match text.strip_prefix('-') {
        None if text.is_empty() => Some(0),
        // Rust would take a second sign.
        Some(digits) if digits.starts_with('+') => None,
        Some(digits) => digits.parse::<u64>().ok().map(u64::wrapping_neg),
        None => text.parse().ok(),
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
    let mut replace = false;
    let mut options = args.skip(3).iter();
    while let Some(option) = options.next() {
        match option.to_ascii_lowercase().as_slice() {
            b"replace" => replace = true,
            // There is only one database.
            b"db" => check_database(options.next().ok_or(CommandError::SYNTAX)?)?,
            _ => return Err(CommandError::SYNTAX),
        }
    }
    if from == to {
        let same = "ERR source and destination objects are the same";
        return Err(CommandError::new(same));
    }
    let store = &mut ctx.state.store;
    let found = store.get(from).is_some();
    let copied = found && (replace || !store.contains(to)) && store.copy(from, to);
    ctx.reply.integer(copied.into());
    Ok(())
}

/// `OBJECT ENCODING key`
fn encoding(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    match ctx.state.store.peek(&args[2]) {
        Some(value) => ctx.reply.bulk(value.encoding().as_bytes()),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// Redis keeps the integers below this once for all keys
/// (`OBJ_SHARED_INTEGERS`) and gives `INT_MAX` as the count of their references.
const SHARED_INTEGERS: i64 = 10_000;

/// `OBJECT REFCOUNT key`
fn refcount(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    match ctx.state.store.peek(&args[2]) {
        Some(Value::Integer(0..SHARED_INTEGERS)) => ctx.reply.integer(i32::MAX.into()),
        Some(_) => ctx.reply.integer(1),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// `OBJECT IDLETIME key`: for how many seconds no command has used it.
fn idletime(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let store = &mut ctx.state.store;
    match store.peek(&args[2]).is_some() {
        true => ctx.reply.integer(store.idle_time(&args[2]).into()),
        false => ctx.reply.null(),
    }
    Ok(())
}

/// `OBJECT FREQ key`: how often a key is used is counted only where that decides what is evicted.
fn freq(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    if ctx.state.store.peek(&args[2]).is_some() {
        return Err(CommandError::new(
            "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please \
             note that when switching between policies at runtime LRU and LFU data will take some \
             time to adjust.",
        ));
    }
    ctx.reply.null();
    Ok(())
}
