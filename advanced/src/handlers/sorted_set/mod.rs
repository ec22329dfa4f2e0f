//! Commands on sorted sets (`t_zset.c` in Redis).

mod add;
mod blocking;
mod combine;
mod operands;
mod pop;
mod random;
mod range;
mod range_options;
mod remove;

use crate::command::{Command, Context, Flag, Flag::*, KEY, Keys, Result, TWO_KEYS};
use crate::objects::{Element, Object, SortedSet};
use crate::resp::{Args, Protocol, Reply};
use crate::util::double;

use super::categories::KeyFlags;
use super::key::{ScanOptions, parse_cursor};
use super::list_blocking::BEFORE_TIMEOUT;

const GROW: &[Flag] = &[Write, Denyoom];
/// Keys that are counted may be anywhere.
const READ_COUNTED: &[Flag] = &[Readonly, Movablekeys];
const GROW_COUNTED: &[Flag] = &[Write, Denyoom, Movablekeys];
const GROW_FAST: &[Flag] = &[Write, Denyoom, Fast];
const WAIT_FAST: &[Flag] = &[Write, Noscript, Blocking, Fast];
const WAIT_COUNTED: &[Flag] = &[Write, Blocking, Movablekeys];
const READ: &[Flag] = &[Readonly];
const READ_FAST: &[Flag] = &[Readonly, Fast];

/// The first argument says how many keys follow.
const COUNTED: Keys = Keys::counted(1);
/// The destination, and then the same.
const STORED: Keys = KEY.and_counted(2);

/// What commands do to their keys where that does not follow from their rows.
pub const KEY_FLAGS: &[(KeyFlags, &[&str])] = &[
    (&[&["RW", "access", "update"]], &["zincrby"]),
    (
        &[&["RW", "delete"]],
        &[
            "zrem",
            "zremrangebyrank",
            "zremrangebyscore",
            "zremrangebylex",
        ],
    ),
    (
        &[&["RW", "access", "delete"]],
        &[
            "zpopmin", "zpopmax", "zmpop", "bzpopmin", "bzpopmax", "bzmpop",
        ],
    ),
    (&[&["RO"]], &["zcard"]),
    (
        &[&["OW", "update"], &["RO", "access"]],
        &["zrangestore", "zunionstore", "zinterstore", "zdiffstore"],
    ),
];

pub const COMMANDS: &[Command] = &[
    Command::with_keys("zadd", -4, GROW_FAST, KEY, add::zadd),
    Command::with_keys("zincrby", 4, GROW_FAST, KEY, add::zincrby),
    Command::with_keys("zrem", -3, &[Write, Fast], KEY, remove::zrem),
    Command::with_keys("zremrangebyrank", 4, &[Write], KEY, remove::by_rank),
    Command::with_keys("zremrangebyscore", 4, &[Write], KEY, remove::by_score),
    Command::with_keys("zremrangebylex", 4, &[Write], KEY, remove::by_lex),
    Command::with_keys("zcard", 2, READ_FAST, KEY, zcard),
    Command::with_keys("zcount", 4, READ_FAST, KEY, range::zcount),
    Command::with_keys("zlexcount", 4, READ_FAST, KEY, range::zlexcount),
    Command::with_keys("zscore", 3, READ_FAST, KEY, zscore),
    Command::with_keys("zmscore", -3, READ_FAST, KEY, zmscore),
    Command::with_keys("zrank", 3, READ_FAST, KEY, zrank),
    Command::with_keys("zrevrank", 3, READ_FAST, KEY, zrevrank),
    Command::with_keys("zrange", -4, READ, KEY, range::zrange),
    Command::with_keys("zrangestore", -5, GROW, TWO_KEYS, range::zrangestore),
    Command::with_keys("zrevrange", -4, READ, KEY, range::zrevrange),
    Command::with_keys("zrangebyscore", -4, READ, KEY, range::zrangebyscore),
    Command::with_keys("zrevrangebyscore", -4, READ, KEY, range::zrevrangebyscore),
    Command::with_keys("zrangebylex", -4, READ, KEY, range::zrangebylex),
    Command::with_keys("zrevrangebylex", -4, READ, KEY, range::zrevrangebylex),
    Command::with_keys("zpopmin", -2, &[Write, Fast], KEY, pop::zpopmin),
    Command::with_keys("zpopmax", -2, &[Write, Fast], KEY, pop::zpopmax),
    Command::with_keys("zmpop", -4, &[Write, Movablekeys], COUNTED, pop::zmpop),
    Command::with_keys("bzpopmin", -3, WAIT_FAST, BEFORE_TIMEOUT, blocking::bzpop)
        .waits_for("zset", blocking::take_min),
    Command::with_keys("bzpopmax", -3, WAIT_FAST, BEFORE_TIMEOUT, blocking::bzpop)
        .waits_for("zset", blocking::take_max),
    Command::with_keys(
        "bzmpop",
        -5,
        WAIT_COUNTED,
        Keys::counted(2),
        blocking::bzmpop,
    )
    .waits_for("zset", blocking::take_many),
    Command::with_keys("zrandmember", -2, READ, KEY, random::zrandmember),
    Command::with_keys("zunion", -3, READ_COUNTED, COUNTED, combine::zunion),
    Command::with_keys("zinter", -3, READ_COUNTED, COUNTED, combine::zinter),
    Command::with_keys("zdiff", -3, READ_COUNTED, COUNTED, combine::zdiff),
    Command::with_keys("zintercard", -3, READ_COUNTED, COUNTED, combine::zintercard),
    Command::with_keys(
        "zunionstore",
        -4,
        GROW_COUNTED,
        STORED,
        combine::zunionstore,
    ),
    Command::with_keys(
        "zinterstore",
        -4,
        GROW_COUNTED,
        STORED,
        combine::zinterstore,
    ),
    Command::with_keys("zdiffstore", -4, GROW_COUNTED, STORED, combine::zdiffstore),
    Command::with_keys("zscan", -3, READ, KEY, zscan),
];

/// The sorted set at `key`, for a command that reads it.
fn read<'a>(ctx: &'a mut Context<'_>, key: &[u8]) -> Result<Option<&'a SortedSet>> {
    Ok(ctx.state.store.object(key)?)
}

fn reply_member(reply: &mut Reply<'_>, member: Element<'_>) {
    reply.bulk(member.bytes(&mut itoa::Buffer::new()));
}

/// Replies with a score, which RESP3 has a type for (`addReplyDouble`).
fn reply_score(reply: &mut Reply<'_>, score: f64) {
    let mut text = Vec::with_capacity(32);
    match reply.protocol {
        Protocol::Resp2 => {
            double::format(score, &mut text);
            reply.bulk(&text);
        }
        Protocol::Resp3 => {
            text.push(b',');
            double::format(score, &mut text);
            text.extend(b"\r\n");
            reply.encoded().extend_from_slice(&text);
        }
    }
}

fn reply_score_or_null(reply: &mut Reply<'_>, score: Option<f64>) {
    match score {
        Some(score) => reply_score(reply, score),
        None => reply.null(),
    }
}

/// Begins the reply of so many members. With scores, it is one flat array in RESP2, and pairs in
/// RESP3.
fn begin_members(reply: &mut Reply<'_>, count: usize, with_scores: bool) {
    reply.array(match (with_scores, reply.protocol) {
        (true, Protocol::Resp2) => count * 2,
        _ => count,
    });
}

fn reply_entry(reply: &mut Reply<'_>, (member, score): (Element<'_>, f64), with_scores: bool) {
    if with_scores && reply.protocol == Protocol::Resp3 {
        reply.array(2);
    }
    reply_member(reply, member);
    if with_scores {
        reply_score(reply, score);
    }
}

/// `ZCARD key`
fn zcard(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let length = read(ctx, &args[1])?.map_or(0, SortedSet::len);
    ctx.reply.integer(length as i64);
    Ok(())
}

/// `ZSCORE key member`
fn zscore(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let score = read(ctx, &args[1])?.and_then(|set| set.score(&args[2]));
    reply_score_or_null(&mut ctx.reply, score);
    Ok(())
}

/// `ZMSCORE key member [member …]`
fn zmscore(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let set = ctx.state.store.object::<SortedSet>(&args[1])?;
    let members = args.skip(2);
    ctx.reply.array(members.len());
    for member in members.iter() {
        let score = set.and_then(|set| set.score(member));
        reply_score_or_null(&mut ctx.reply, score);
    }
    Ok(())
}

/// `ZRANK key member`: how many members are before it.
fn zrank(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    reply_rank(ctx, args, |rank, _| rank)
}

/// `ZREVRANK key member`: how many members are after it.
fn zrevrank(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    reply_rank(ctx, args, |rank, length| length - 1 - rank)
}

fn reply_rank(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    from_end: fn(usize, usize) -> usize,
) -> Result {
    let set = read(ctx, &args[1])?;
    let rank = set.and_then(|set| Some(from_end(set.rank(&args[2])?, set.len())));
    match rank {
        Some(rank) => ctx.reply.integer(rank as i64),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// `ZSCAN key cursor [MATCH pattern] [COUNT count]`
fn zscan(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let cursor = parse_cursor(&args[2])?;
    let mut found: Vec<(Element<'_>, Vec<u8>)> = Vec::new();
    let mut next = 0;
    if let Some(set) = ctx.state.store.object::<SortedSet>(&args[1])? {
        let options = ScanOptions::parse(args.skip(3), false)?;
        next = set.scan(cursor, options.count, |(member, score)| {
            if options.matches(member.bytes(&mut itoa::Buffer::new())) {
                found.push((member, set.score_text(score)));
            }
        });
    }
    ctx.reply.array(2);
    ctx.reply.bulk(itoa::Buffer::new().format(next).as_bytes());
    ctx.reply.array(found.len() * 2);
    for (member, score) in found {
        reply_member(&mut ctx.reply, member);
        // A string in both protocols.
        ctx.reply.bulk(&score);
    }
    Ok(())
}
