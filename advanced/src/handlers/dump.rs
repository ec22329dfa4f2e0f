//! DUMP and RESTORE: a value leaves the server, and comes back or comes from another
//! (`cluster.c` in Redis).

use crate::command::{Command, CommandError, Context, Flag::*, KEY, Result, integer};
use crate::rdb::payload::{PayloadError, dump as write, restore as read};
use crate::resp::Args;
use crate::store::Expiry;
use crate::store::clock::Unit;

pub const COMMANDS: &[Command] = &[
    Command::with_keys("dump", 2, &[Readonly], KEY, dump),
    Command::with_keys("restore", -4, &[Write, Denyoom], KEY, restore),
];

const BUSY: CommandError = CommandError::new("BUSYKEY Target key name already exists.");

impl From<PayloadError> for CommandError {
    fn from(error: PayloadError) -> Self {
        Self::new(match error {
            PayloadError::Footer => "ERR DUMP payload version or checksum are wrong",
            PayloadError::Value => "ERR Bad data format",
        })
    }
}

/// `DUMP key`
fn dump(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let options = ctx.state.config.rdb_options();
    let value = ctx.state.store.get(&args[1]);
    // Only a disk can fail, and here is none.
    match value.and_then(|value| write(value, options).ok()) {
        Some(payload) => ctx.reply.bulk(&payload),
        None => ctx.reply.null(),
    }
    Ok(())
}

/// The options of RESTORE.
#[derive(Default)]
struct Options {
    replace: bool,
    /// The time to live is a unix time.
    is_absolute: bool,
    /// The value has not been used for so many seconds.
    idle_time: Option<i64>,
    /// How often it has been used; we do not count that.
    frequency: Option<i64>,
}

impl Options {
    fn parse(args: Args<'_>) -> Result<Self> {
        let mut parsed = Self::default();
        let mut words = args.iter();
        while let Some(word) = words.next() {
            match word.to_ascii_lowercase().as_slice() {
                b"replace" => parsed.replace = true,
                b"absttl" => parsed.is_absolute = true,
                b"idletime" if parsed.frequency.is_none() => {
                    let seconds = integer(words.next().ok_or(CommandError::SYNTAX)?)?;
                    let text = "ERR Invalid IDLETIME value, must be >= 0";
                    let seconds = Some(seconds).filter(|it| *it >= 0);
                    parsed.idle_time = Some(seconds.ok_or(CommandError::new(text))?);
                }
                b"freq" if parsed.idle_time.is_none() => {
                    let frequency = integer(words.next().ok_or(CommandError::SYNTAX)?)?;
                    let text = "ERR Invalid FREQ value, must be >= 0 and <= 255";
                    let frequency = Some(frequency).filter(|it| (0..=255).contains(it));
                    parsed.frequency = Some(frequency.ok_or(CommandError::new(text))?);
                }
                _ => return Err(CommandError::SYNTAX),
            }
        }
        Ok(parsed)
    }
}

/// `RESTORE key ttl payload [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]`. A time to
/// live of 0 is none.
fn restore(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let key = &args[1];
    let options = Options::parse(args.skip(4))?;
    if !options.replace && ctx.state.store.contains(key) {
        return Err(BUSY);
    }
    let ttl = integer(&args[2])?;
    if ttl < 0 {
        return Err(CommandError::new("ERR Invalid TTL value, must be >= 0"));
    }
    let config = &ctx.state.config;
    let value = read(&args[3], config.limits, config.skip_checksum_validation)?;
    let store = &mut ctx.state.store;
    let unit = match options.is_absolute {
        true => Unit::UnixMilliseconds,
        false => Unit::Milliseconds,
    };
    let deadline = Some(ttl).filter(|ttl| *ttl > 0);
    let deadline = deadline.and_then(|ttl| store.clock.moment(ttl, unit));
    let has_passed = deadline.is_some_and(|deadline| deadline <= store.clock.now());
    if has_passed && store.expiry == Expiry::Remove {
        if store.remove(key).is_some() {
            ctx.propagate(&[b"DEL", key]);
        }
        ctx.reply.ok();
        return Ok(());
    }
    store.replace(key, value, deadline);
    if let Some(seconds) = options.idle_time {
        store.set_idle_time(key, u32::try_from(seconds).unwrap_or(u32::MAX));
    }
    if let Some(deadline) = deadline.filter(|_| !options.is_absolute) {
        // A time from now would mean another moment in a replay.
        let unix = store.clock.unix(deadline).to_string();
        let mut words: Vec<&[u8]> = args.iter().collect();
        words[2] = unix.as_bytes();
        words.push(b"ABSTTL");
        ctx.propagate(&words);
    }
    ctx.reply.ok();
    Ok(())
}
