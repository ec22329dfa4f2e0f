//! Commands on keys, whatever their values are (`db.c` in Redis; OBJECT is in
//! `object.c`, TOUCH in `expire.c`).

use crate::command::{Command, CommandError, Context, Flag::*, Keys, check_database};
use crate::glob;
use crate::resp::{Args, parse_integer};
use crate::store::Value;

pub const COMMANDS: &[Command] = &[
    Command::new("del", -2, &[Write], del)
        .keys(&[Keys::every("RM delete", 1)])
        .categories(&["keyspace"])
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .doc(
            "generic",
            "1.0.0",
            "O(N) where N is the number of keys that will be removed. When a key to remove \
             holds a value other than a string, the individual complexity for this key is \
             O(M) where M is the number of elements in the list, set, sorted set or hash. \
             Removing a single key that holds a string value is O(1).",
            "Delete a key",
        ),
    Command::new("unlink", -2, &[Write, Fast], del)
        .keys(&[Keys::every("RM delete", 1)])
        .categories(&["keyspace"])
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .doc(
            "generic",
            "4.0.0",
            "O(1) for each key removed regardless of its size. Then the command does O(N) \
             work in a different thread in order to reclaim memory, where N is the number of \
             allocations the deleted objects where composed of.",
            "Delete a key asynchronously in another thread. Otherwise it is just as DEL, but \
             non blocking.",
        ),
    Command::new("exists", -2, &[Readonly, Fast], exists)
        .keys(&[Keys::every("RO", 1)])
        .categories(&["keyspace"])
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .doc(
            "generic",
            "1.0.0",
            "O(N) where N is the number of keys to check.",
            "Determine if a key exists",
        ),
    Command::new("touch", -2, &[Readonly, Fast], exists)
        .keys(&[Keys::every("RO", 1)])
        .categories(&["keyspace"])
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .doc(
            "generic",
            "3.2.1",
            "O(N) where N is the number of keys that will be touched.",
            "Alters the last access time of a key(s). Returns the number of existing keys \
             specified.",
        ),
    Command::new("type", 2, &[Readonly, Fast], type_of)
        .keys(&[Keys::one("RO", 1)])
        .categories(&["keyspace"])
        .doc(
            "generic",
            "1.0.0",
            "O(1)",
            "Determine the type stored at key",
        ),
    Command::new("keys", 2, &[Readonly], keys)
        .categories(&["keyspace", "dangerous"])
        .tips(&["request_policy:all_shards", "nondeterministic_output_order"])
        .doc(
            "generic",
            "1.0.0",
            "O(N) with N being the number of keys in the database, under the assumption that \
             the key names in the database and the given pattern have limited length.",
            "Find all keys matching the given pattern",
        ),
    Command::new("scan", -2, &[Readonly], scan)
        .categories(&["keyspace"])
        .tips(&["nondeterministic_output", "request_policy:special"])
        .doc(
            "generic",
            "2.8.0",
            "O(1) for every call. O(N) for a complete iteration, including enough command \
             calls for the cursor to return back to 0. N is the number of elements inside the \
             collection.",
            "Incrementally iterate the keys space",
        ),
    Command::new("randomkey", 1, &[Readonly], randomkey)
        .categories(&["keyspace"])
        .tips(&["request_policy:all_shards", "nondeterministic_output"])
        .doc(
            "generic",
            "1.0.0",
            "O(1)",
            "Return a random key from the keyspace",
        ),
    Command::new("rename", 3, &[Write], rename)
        .keys(&[Keys::one("RW access delete", 1), Keys::one("OW update", 2)])
        .categories(&["keyspace"])
        .doc("generic", "1.0.0", "O(1)", "Rename a key"),
    Command::new("renamenx", 3, &[Write, Fast], renamenx)
        .keys(&[Keys::one("RW access delete", 1), Keys::one("OW insert", 2)])
        .categories(&["keyspace"])
        .doc(
            "generic",
            "1.0.0",
            "O(1)",
            "Rename a key, only if the new key does not exist",
        ),
    Command::new("copy", -3, &[Write, Denyoom], copy)
        .keys(&[Keys::one("RO access", 1), Keys::one("OW update", 2)])
        .categories(&["keyspace"])
        .doc(
            "generic",
            "6.2.0",
            "O(N) worst case for collections, where N is the number of nested items. O(1) for \
             string values.",
            "Copy a key",
        ),
    Command::container("object", OBJECT).doc(
        "generic",
        "2.2.3",
        "Depends on subcommand.",
        "A container for object introspection commands",
    ),
];

const OBJECT: &[Command] = &[
    Command::new("object|encoding", 3, &[Readonly], object_encoding)
        .keys(&[Keys::one("RO", 2)])
        .categories(&["keyspace"])
        .tips(&["nondeterministic_output"])
        .doc(
            "generic",
            "2.2.3",
            "O(1)",
            "Inspect the internal encoding of a Redis object",
        ),
    Command::new("object|refcount", 3, &[Readonly], object_refcount)
        .keys(&[Keys::one("RO", 2)])
        .categories(&["keyspace"])
        .tips(&["nondeterministic_output"])
        .doc(
            "generic",
            "2.2.3",
            "O(1)",
            "Get the number of references to the value of the key",
        ),
    Command::new("object|freq", 3, &[Readonly], object_freq)
        .keys(&[Keys::one("RO", 2)])
        .categories(&["keyspace"])
        .tips(&["nondeterministic_output"])
        .doc(
            "generic",
            "4.0.0",
            "O(1)",
            "Get the logarithmic access frequency counter of a Redis object",
        ),
    Command::new("object|help", 2, &[Loading, Stale], object_help)
        .categories(&["keyspace"])
        .doc(
            "generic",
            "6.2.0",
            "O(1)",
            "Show helpful text about the different subcommands",
        ),
];

type Result = std::result::Result<(), CommandError>;

const NO_SUCH_KEY: CommandError = CommandError::new("ERR no such key");

/// `DEL key [key …]` and `UNLINK key [key …]`. They differ for values that take
/// long to free; a string does not.
fn del(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let keys = args.skip(1).iter();
    let removed = keys.filter(|key| ctx.store.remove(key).is_some()).count();
    ctx.reply.integer(removed as i64);
    Ok(())
}

/// `EXISTS key [key …]` and `TOUCH key [key …]`: a key that is named twice
/// counts twice.
fn exists(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let keys = args.skip(1).iter();
    let found = keys.filter(|key| ctx.store.get(key).is_some()).count();
    ctx.reply.integer(found as i64);
    Ok(())
}

/// `TYPE key`
fn type_of(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let name = ctx.store.get(&args[1]).map_or("none", Value::type_name);
    ctx.reply.simple(name);
    Ok(())
}

/// `KEYS pattern`: looks at every key, and everybody else waits.
fn keys(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let pattern = &args[1];
    let found: Vec<&[u8]> = ctx
        .store
        .keys()
        .filter(|key| glob::matches(pattern, key))
        .collect();
    ctx.reply.array(found.len());
    for key in found {
        ctx.reply.bulk(key);
    }
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
    fn parse(mut options: Args<'a>) -> std::result::Result<Self, CommandError> {
        let mut parsed = Self {
            pattern: None,
            type_name: None,
            count: 10,
        };
        while let Some(option) = options.get(0) {
            let is = |word: &str| option.eq_ignore_ascii_case(word.as_bytes());
            let value = options.get(1).ok_or(CommandError::SYNTAX)?;
            if is("COUNT") {
                let count = parse_integer(value).ok_or(CommandError::NOT_AN_INTEGER)?;
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
    let (next, part) = ctx.store.scan(cursor, options.count);
    let found: Vec<&[u8]> = part
        .filter(|(key, value)| options.accept(key, value))
        .map(|(key, _)| key)
        .collect();
    ctx.reply.array(2);
    ctx.reply.bulk(itoa::Buffer::new().format(next).as_bytes());
    ctx.reply.array(found.len());
    for key in found {
        ctx.reply.bulk(key);
    }
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
    match ctx.store.random_key() {
        Some(key) => ctx.reply.bulk(key),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// `RENAME key newkey`
fn rename(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let (from, to) = (&args[1], &args[2]);
    let found = match from == to {
        true => ctx.store.contains(from),
        false => ctx.store.rename(from, to),
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
    if !ctx.store.contains(from) {
        return Err(NO_SUCH_KEY);
    }
    let renamed = !ctx.store.contains(to) && ctx.store.rename(from, to);
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
    let found = ctx.store.get(from).is_some();
    let copied = found && (replace || !ctx.store.contains(to)) && ctx.store.copy(from, to);
    ctx.reply.integer(copied.into());
    Ok(())
}

/// Was REPLACE among the options? The database can only be the one there is.
fn parse_copy_options(mut options: Args<'_>) -> std::result::Result<bool, CommandError> {
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
    match ctx.store.get(&args[2]) {
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
    match ctx.store.get(&args[2]) {
        Some(Value::Integer(0..SHARED_INTEGERS)) => ctx.reply.integer(i32::MAX.into()),
        Some(_) => ctx.reply.integer(1),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// `OBJECT FREQ key`: there is no eviction, so there is no such policy.
fn object_freq(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    if ctx.store.get(&args[2]).is_none() {
        ctx.reply.null();
        return Ok(());
    }
    Err(CommandError::new(
        "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note \
         that when switching between policies at runtime LRU and LFU data will take some time to \
         adjust.",
    ))
}

/// `OBJECT HELP`
fn object_help(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    ctx.reply.lines(&[
        "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "ENCODING <key>",
        "    Return the kind of internal representation used in order to store the value",
        "    associated with a <key>.",
        "FREQ <key>",
        "    Return the access frequency index of the <key>. The returned integer is",
        "    proportional to the logarithm of the recent access frequency of the key.",
        "REFCOUNT <key>",
        "    Return the number of references of the value associated with the specified",
        "    <key>.",
        "HELP",
        "    Prints this help.",
    ]);
    Ok(())
}
