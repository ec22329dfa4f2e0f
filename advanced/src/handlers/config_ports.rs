//! CONFIG SET of `port` and `bind`: the server listens elsewhere from then on, and the clients that are
//! connected stay (`applyPort` and `applyBind` in Redis's `config.c`).

use std::net::SocketAddr;

use tracing::warn;

use crate::config::{Config, Parameter};
use crate::state::State;

/// A parameter, and why its value cannot be used.
pub type Failure = (&'static str, &'static str);

/// Listens where `changed` says. If that fails, goes on where it was, and returns the first of these
/// parameters that is to blame.
pub fn listen<'a>(
    state: &mut State,
    changed: &Config,
    parameters: impl Iterator<Item = &'a Parameter>,
) -> Result<(), Failure> {
    if addresses(changed) == addresses(&state.config) {
        return Ok(());
    }
    let ports = &mut state.life.ports;
    let may_lack = |address, error: &_| changed.may_lack(address, error);
    let Err((address, error)) = ports.listen_on(&addresses(changed), &may_lack) else {
        return Ok(());
    };
    warn!("cannot listen on {address}: {error}");
    listen_again(state, changed);
    let is_changed = |it: &&Parameter| it.get(changed) != it.get(&state.config);
    let mut names = parameters.filter(is_changed).map(|it| it.name);
    let first = names.find(|it| ["bind", "port"].contains(it));
    Err(match first {
        Some("bind") => ("bind", "Failed to bind to specified addresses."),
        _ => ("port", "Unable to listen on this port. Check server logs."),
    })
}

/// Goes on where the server listened before `changed` said something else.
pub fn listen_again(state: &mut State, changed: &Config) {
    let config = &state.config;
    if addresses(changed) == addresses(config) {
        return;
    }
    let may_lack = |address, error: &_| config.may_lack(address, error);
    if let Err((address, error)) = state.life.ports.listen_on(&addresses(config), &may_lack) {
        warn!("cannot listen on {address} again: {error}");
    }
}

/// Where to listen: nowhere if the port is 0.
fn addresses(config: &Config) -> Vec<SocketAddr> {
    match config.port {
        0 => Vec::new(),
        _ => config.addresses(),
    }
}
