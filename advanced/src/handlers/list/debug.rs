//! What DEBUG OBJECT says of a list, and DEBUG QUICKLIST-PACKED-THRESHOLD.

use crate::command::{CommandError, Context, Result};
use crate::config::parse_memory;
use crate::objects::{List, Shape};
use crate::resp::Args;

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
