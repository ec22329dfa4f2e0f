//! The server listens where it did when it started: CONFIG SET accepts no other `port` or `bind`.

use crate::config::{Config, Parameter};
use crate::state::State;

/// A parameter, and why its value cannot be used.
pub type Failure = (&'static str, &'static str);

/// Listens where it did.
pub fn listen<'a>(
    _: &mut State,
    _: &Config,
    _: impl Iterator<Item = &'a Parameter>,
) -> Result<(), Failure> {
    Ok(())
}

/// Listens where it did.
pub fn listen_again(_: &mut State, _: &Config) {}
