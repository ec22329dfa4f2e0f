//! What a server can do: asked of the server, never assumed.
//!
//! This file owns these questions. Half of the scenarios need what only a later step
//! has. A server that lacks it is not measured in that scenario, and the report says
//! so; the others are.

use anyhow::{Context, Result};
use redis::Value;

use crate::scenario::Condition;

/// What the server lacks of what the condition needs; `None` if it has it all.
pub fn lacks(server: &mut redis::Connection, condition: Condition) -> Result<Option<&'static str>> {
    let (has, name) = match condition {
        Condition::Plain => (true, ""),
        Condition::AofEverysec | Condition::AofAlways => {
            (has_parameter(server, "appendonly")?, "append-only file")
        }
        Condition::Bgsave => (has_command(server, "BGSAVE")?, "BGSAVE"),
        Condition::Replica => (has_command(server, "PSYNC")?, "PSYNC"),
        Condition::Pubsub => (has_command(server, "PUBLISH")?, "PUBLISH"),
    };
    Ok((!has).then_some(name))
}

/// `COMMAND INFO` has an entry for each name: nothing, for one that is unknown.
fn has_command(server: &mut redis::Connection, name: &str) -> Result<bool> {
    let entries = redis::cmd("COMMAND").arg(&["INFO", name]).query(server);
    let entries: Vec<Value> = entries.context("COMMAND INFO failed")?;
    Ok(matches!(entries.first(), Some(Value::Array(entry)) if !entry.is_empty()))
}

/// `CONFIG GET` has a name and a value for each parameter that it knows.
fn has_parameter(server: &mut redis::Connection, name: &str) -> Result<bool> {
    let found = redis::cmd("CONFIG").arg(&["GET", name]).query(server);
    let found: Vec<String> = found.context("CONFIG GET failed")?;
    Ok(!found.is_empty())
}
