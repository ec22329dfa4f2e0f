//! Commands on the time that keys have to live (`expire.c` in Redis).

use crate::command::{Command, CommandError, Context, Flag::*, KEY, Result, integer};
use crate::resp::Args;
use crate::store::clock::{Clock, Moment, Unit};

pub const COMMANDS: &[Command] = &[
    Command::with_keys("expire", -3, &[Write, Fast], KEY, expire),
    Command::with_keys("pexpire", -3, &[Write, Fast], KEY, pexpire),
    Command::with_keys("expireat", -3, &[Write, Fast], KEY, expireat),
    Command::with_keys("pexpireat", -3, &[Write, Fast], KEY, pexpireat),
    Command::with_keys("ttl", 2, &[Readonly, Fast], KEY, ttl),
    Command::with_keys("pttl", 2, &[Readonly, Fast], KEY, pttl),
    Command::with_keys("expiretime", 2, &[Readonly, Fast], KEY, expiretime),
    Command::with_keys("pexpiretime", 2, &[Readonly, Fast], KEY, pexpiretime),
    Command::with_keys("persist", 2, &[Write, Fast], KEY, persist),
];

/// `EXPIRE key seconds [NX | XX | GT | LT]`
fn expire(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    set_deadline(ctx, args, Unit::Seconds, "expire")
}

/// `PEXPIRE key milliseconds [NX | XX | GT | LT]`
fn pexpire(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    set_deadline(ctx, args, Unit::Milliseconds, "pexpire")
}

/// `EXPIREAT key unix-time-seconds [NX | XX | GT | LT]`
fn expireat(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    set_deadline(ctx, args, Unit::UnixSeconds, "expireat")
}

/// `PEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT]`
fn pexpireat(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    set_deadline(ctx, args, Unit::UnixMilliseconds, "pexpireat")
}

/// The conditions under which EXPIRE sets a deadline.
#[derive(Default)]
struct Conditions {
    /// NX: only if there is none.
    missing: bool,
    /// XX: only if there is one.
    present: bool,
    /// GT: only if the new one is later; none at all is the latest.
    later: bool,
    /// LT: only if the new one is earlier.
    earlier: bool,
}

impl Conditions {
    fn parse(options: Args<'_>) -> Result<Self> {
        let mut parsed = Self::default();
        for option in options.iter() {
            match option.to_ascii_lowercase().as_slice() {
                b"nx" => parsed.missing = true,
                b"xx" => parsed.present = true,
                b"gt" => parsed.later = true,
                b"lt" => parsed.earlier = true,
                _ => return Err(CommandError::quoting("ERR Unsupported option ", option, "")),
            }
        }
        parsed.check()?;
        Ok(parsed)
    }

    fn check(&self) -> Result {
        if self.missing && (self.present || self.later || self.earlier) {
            return Err(CommandError::new(
                "ERR NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if self.later && self.earlier {
            return Err(CommandError::new(
                "ERR GT and LT options at the same time are not compatible",
            ));
        }
        Ok(())
    }

    fn allow(&self, old: Option<Moment>, new: Moment) -> bool {
        match old {
            None => !self.present && !self.later,
            Some(old) => {
                !self.missing && (!self.later || new > old) && (!self.earlier || new < old)
            }
        }
    }
}

/// Sets the deadline of a key.
fn set_deadline(ctx: &mut Context<'_>, args: Args<'_>, unit: Unit, name: &str) -> Result {
    let key = &args[1];
    let conditions = Conditions::parse(args.skip(3))?;
    let amount = integer(&args[2])?;
    let new = ctx.state.store.clock.moment(amount, unit);
    let new = new.ok_or_else(|| CommandError::expire_time(name))?;
    let set = ctx.state.store.contains(key) && conditions.allow(ctx.state.store.deadline(key), new);
    if set {
        ctx.set_deadline(key, new);
    }
    ctx.reply.integer(set.into());
    Ok(())
}

/// `TTL key`
fn ttl(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    reply_deadline(ctx, &args[1], |clock, at| to_seconds(clock.until(at)))
}

/// `PTTL key`
fn pttl(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    reply_deadline(ctx, &args[1], Clock::until)
}

/// `EXPIRETIME key`
fn expiretime(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    reply_deadline(ctx, &args[1], |clock, at| to_seconds(clock.unix(at)))
}

/// `PEXPIRETIME key`
fn pexpiretime(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    reply_deadline(ctx, &args[1], Clock::unix)
}

/// Redis rounds to the nearest second.
fn to_seconds(milliseconds: i64) -> i64 {
    milliseconds / 1000 + i64::from(milliseconds % 1000 >= 500)
}

/// How a command shows a deadline.
type Show = fn(&Clock, Moment) -> i64;

/// Replies with the deadline of `key` as `show` returns it, with -1 if the key has
/// none, and with -2 if there is no such key.
fn reply_deadline(ctx: &mut Context<'_>, key: &[u8], show: Show) -> Result {
    let store = &mut ctx.state.store;
    let exists = store.peek(key).is_some();
    let number = match store.deadline(key) {
        Some(deadline) => show(&store.clock, deadline),
        None if exists => -1,
        None => -2,
    };
    ctx.reply.integer(number);
    Ok(())
}

/// `PERSIST key`
fn persist(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let persisted = ctx.state.store.persist(&args[1]);
    ctx.reply.integer(persisted.into());
    Ok(())
}
