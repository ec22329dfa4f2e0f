//! What DEBUG does for tests of the config file, and to fill a server quickly.

use crate::command::{CommandError, Context, Result, integer};
use crate::resp::Args;
use crate::store::Value;

/// `DEBUG CONFIG-REWRITE-FORCE-ALL`: CONFIG REWRITE, but every parameter is written.
pub fn rewrite_all(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    let rewritten = ctx.state.config.rewrite_all();
    rewritten.map_err(|why| CommandError::quoting("ERR ", why.as_bytes(), ""))?;
    ctx.reply.ok();
    Ok(())
}

/// `DEBUG POPULATE count [prefix] [size]`: adds the keys `prefix:0`, `prefix:1` and so on, if they
/// are not there. That is no write: no replica gets them.
pub fn populate(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let count = integer(&args[2])?;
    let prefix = args.get(3).unwrap_or(b"key");
    let size = args.get(4).map(integer).transpose()?;
    let store = &mut ctx.state.store;
    for number in 0..count {
        let key = [prefix, format!(":{number}").as_bytes()].concat();
        if store.contains(&key) {
            continue;
        }
        let mut value = format!("value:{number}").into_bytes();
        if let Some(size) = size.and_then(|size| usize::try_from(size).ok()) {
            value.resize(size, 0);
        }
        store.load(&key, Value::from_bytes(&value), None);
    }
    ctx.reply.ok();
    Ok(())
}
