//! What a server can do: asked of the server, never assumed.
//!
//! This file owns these questions. Half of the scenarios need what only a later step
//! has. A server that lacks it is not measured in that scenario, and the report says
//! so; the others are.

use anyhow::{Context, Result};
use redis::{RedisError, Value};

use crate::scenario::{Condition, Operation, Scenario};

/// What the server lacks of what the scenario needs; `None` if it has it all. Where a server has
/// no COMMAND to ask, its clients will find out what it has.
pub fn lacks(server: &mut redis::Connection, scenario: &Scenario) -> Result<Option<String>> {
    let mut command =
        |name: &str, unknown| has_command(server, name).map(|it| it.unwrap_or(unknown));
    let operation = scenario.operation;
    let is_basic = [Operation::Get, Operation::Set].contains(&operation);
    if !is_basic && !command(&operation.to_string(), true)? {
        return Ok(Some(operation.to_string()));
    }
    let (has, name) = match scenario.condition {
        Condition::Plain => (true, ""),
        Condition::AofEverysec | Condition::AofAlways => {
            (has_parameter(server, "appendonly")?, "append-only file")
        }
        Condition::Bgsave => (command("BGSAVE", false)?, "BGSAVE"),
        Condition::Replica => (command("PSYNC", false)?, "PSYNC"),
        Condition::Pubsub => (command("PUBLISH", true)?, "PUBLISH"),
    };
    Ok((!has).then(|| name.to_owned()))
}

/// `COMMAND INFO` has an entry for each name: nothing, for one that is unknown. `None` if the
/// server has no COMMAND.
fn has_command(server: &mut redis::Connection, name: &str) -> Result<Option<bool>> {
    match redis::cmd("COMMAND")
        .arg(&["INFO", name])
        .query::<Vec<Value>>(server)
    {
        Err(error) if is_unknown(&error) => Ok(None),
        entries => {
            let entries = entries.context("COMMAND INFO failed")?;
            Ok(Some(
                matches!(entries.first(), Some(Value::Array(entry)) if !entry.is_empty()),
            ))
        }
    }
}

/// `CONFIG GET` has a name and a value for each parameter that it knows.
fn has_parameter(server: &mut redis::Connection, name: &str) -> Result<bool> {
    match redis::cmd("CONFIG")
        .arg(&["GET", name])
        .query::<Vec<String>>(server)
    {
        Err(error) if is_unknown(&error) => Ok(false),
        found => Ok(!found.context("CONFIG GET failed")?.is_empty()),
    }
}

/// Does the server not have the command at all?
pub fn is_unknown(error: &RedisError) -> bool {
    error.to_string().contains("unknown command")
}
