//! The port at each address of the server. All are served in the same way (`listener.rs`).

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tracing::debug;

use crate::config::Config;
use crate::net::listener;
use crate::shutdown::ConnectionGuard;
use crate::state::Shared;

/// Opens the port. An address that this machine does not have is left out, if it may be. An error
/// says at which address it could not be opened.
pub fn open(config: &Config) -> Result<Vec<TcpListener>, (SocketAddr, io::Error)> {
    let mut listeners = Vec::new();
    for address in config.addresses() {
        match listener::listen(address) {
            Ok(listener) => listeners.push(listener),
            Err(error) if config.may_lack(address, &error) => {
                debug!("{address} is not on this machine: {error}");
            }
            Err(error) => return Err((address, error)),
        }
    }
    Ok(listeners)
}

/// Accepts clients on all listeners until it is cancelled.
pub async fn run(listeners: Vec<TcpListener>, shared: Shared, guard: ConnectionGuard) {
    let serve = |listener| listener::run(listener, shared.clone(), guard.clone());
    let tasks: JoinSet<()> = listeners.into_iter().map(serve).collect();
    tasks.join_all().await;
}
