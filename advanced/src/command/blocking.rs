//! Commands that wait for a key: BLPOP and others take what they want at once if it is there, and
//! otherwise their client waits (`blockingPopGenericCommand`, `blockForKeys`).

use std::ops::Range;
use std::time::{Duration, Instant};

use super::propagate::{propagate_expired, settle};
use super::{CommandError, Context, Result, measure};
use crate::client::Waiting;
use crate::resp::Args;
use crate::store::Value;
use crate::util::long_double::LongDouble;

/// How a command that waits is served. The row of the command has it.
#[derive(Debug, Clone, Copy)]
pub struct Blocking {
    /// What a key must hold, as TYPE calls it.
    pub kind: &'static str,
    pub take: Take,
    /// What it takes after a wait counts as a change. Redis counts only the push for those commands on
    /// lists that take one element.
    pub is_counted: bool,
}

/// Takes from the key, which holds a value of the right type, what the command in `args` wants. It
/// replies, and propagates what does the same without waiting. If it fails, nothing has changed.
pub type Take = fn(&mut Context<'_>, args: Args<'_>, key: &[u8]) -> Result;

/// Executes a command that waits: takes what it wants from the first of its keys that is there, or else
/// lets the client wait. `keys` are the positions of the keys in `args`, and `timeout` are seconds.
pub fn take_or_wait(
    ctx: &mut Context<'_>,
    args: Args<'_>,
    keys: Range<usize>,
    timeout: &[u8],
) -> Result {
    let deadline = deadline(timeout)?;
    let row = ctx.table.lookup(args)?;
    let Blocking { kind, take, .. } = row.blocking.ok_or(CommandError::SYNTAX)?;
    for key in args.range(keys.clone()) {
        match ctx.state.store.get_for_write(key).map(Value::type_name) {
            None => {}
            Some(found) if found == kind => return take(ctx, args, key),
            Some(_) => return Err(CommandError::WRONG_TYPE),
        }
    }
    // Nobody would ever serve the AOF, nor the primary.
    if ctx.client.is_obeyed {
        ctx.reply.null_array();
        return Ok(());
    }
    let state = &mut *ctx.state;
    let awaited = &mut state.store.awaited;
    (state.blocked).enter(&ctx.client.handle, (args, keys), kind, awaited);
    ctx.client.waiting = Some(Waiting::Keys { deadline });
    Ok(())
}

/// Takes from `key` for a command that has waited for it, and propagates and measures that as for any
/// other command.
pub fn take(ctx: &mut Context<'_>, args: Args<'_>, key: &[u8]) -> Result {
    let command = ctx.table.lookup(args)?;
    let blocking = command.blocking.ok_or(CommandError::SYNTAX)?;
    let (start, changes) = (Instant::now(), ctx.state.store.changes);
    ctx.has_waited = true;
    let taken = (blocking.take)(ctx, args, key);
    propagate_expired(ctx.state);
    measure::served(ctx, command, args, start.elapsed(), taken.as_ref().err());
    settle(ctx, args, changes, taken)?;
    if !blocking.is_counted {
        ctx.state.store.changes = changes;
    }
    Ok(())
}

/// The moment at which a timeout in seconds is over; `None` if that is never, as for 0
/// (`getTimeoutFromObjectOrReply`).
fn deadline(seconds: &[u8]) -> Result<Option<Instant>> {
    const NO_FLOAT: CommandError = CommandError::new("ERR timeout is not a float or out of range");
    // What is out of range becomes the smallest number in C.
    let millis = match seconds {
        // Most wait for ever.
        b"0" => Some(0),
        _ => LongDouble::parse(seconds).ok_or(NO_FLOAT)?.ceil_times(1000),
    };
    let millis = millis.and_then(|millis| u64::try_from(millis).ok());
    let millis = millis.ok_or(CommandError::new("ERR timeout is negative"))?;
    let deadline = Instant::now().checked_add(Duration::from_millis(millis));
    Ok(deadline.filter(|_| millis > 0))
}
