//! What a server can do: the server is asked, nothing is assumed.
//!
//! This file owns these questions. Half of the scenarios need what only a later step has. A server
//! that lacks it is not measured in that scenario, and the report says so; the other servers are
//! measured.

use anyhow::{Context, Result};
use redis::{FromRedisValue, Value};

use crate::scenario::{Condition, Scenario};

/// What the server lacks of what the scenario needs; `None` if it lacks nothing. If a server has no
/// COMMAND to ask, the load will show what it lacks.
pub fn lacks(server: &mut redis::Connection, scenario: &Scenario) -> Result<Option<String>> {
    let (operation, maker) = (scenario.operation, scenario.operation.maker());
    let names = [operation, maker].map(|it| it.to_string());
    // The name of a command, and what to assume if the server cannot be asked.
    let more = match scenario.condition {
        Condition::Plain | Condition::AofEverysec | Condition::AofAlways => None,
        Condition::Bgsave => Some(("BGSAVE", false)),
        Condition::Replica => Some(("PSYNC", false)),
        Condition::Pubsub => Some(("PUBLISH", true)),
        Condition::Blpop => Some(("BLPOP", true)),
    };
    for (name, believed) in names.iter().map(|it| (&**it, true)).chain(more) {
        // The reply has an entry for each name, which is empty if the command is unknown.
        let entries: Option<Vec<Value>> = ask(server, "COMMAND", &["INFO", name])?;
        let has = entries.map(|it| matches!(it.first(), Some(Value::Array(it)) if !it.is_empty()));
        if !has.unwrap_or(believed) {
            return Ok(Some(name.to_owned()));
        }
    }
    let is_logged = [Condition::AofEverysec, Condition::AofAlways].contains(&scenario.condition);
    // The reply has a name and a value for each parameter that is known.
    let parameter: Option<Vec<String>> = ask(server, "CONFIG", &["GET", "appendonly"])?;
    let lacks_log = is_logged && parameter.unwrap_or_default().is_empty();
    Ok(lacks_log.then(|| "append-only file".to_owned()))
}

/// The reply of a server; `None` if it does not have the command.
pub fn ask<T: FromRedisValue>(
    server: &mut redis::Connection,
    command: &str,
    arguments: &[&str],
) -> Result<Option<T>> {
    match redis::cmd(command).arg(arguments).query(server) {
        Err(error) if error.to_string().contains("unknown command") => Ok(None),
        answer => Ok(Some(answer.with_context(|| format!("{command} failed"))?)),
    }
}
