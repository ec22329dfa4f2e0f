//! The other listeners: `bind` may name several addresses. Each is served as the first is
//! (`listener.rs`).

use std::io;
use std::net::SocketAddr;

use nix::errno::Errno::{EADDRNOTAVAIL, EAFNOSUPPORT};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tracing::debug;

use crate::config::Config;
use crate::net::listener;
use crate::process;
use crate::shutdown::ConnectionGuard;
use crate::state::Shared;

/// Opens the port at the other addresses of `bind`. One that this machine does not have is left
/// out, if it may be.
pub fn open(config: &Config) -> Result<Vec<TcpListener>, String> {
    let mut listeners = Vec::new();
    for bind in config.service.bind.iter().skip(1) {
        let address = SocketAddr::from((bind.address, config.port));
        match listener::listen(address) {
            Ok(listener) => listeners.push(listener),
            Err(error) if bind.is_optional && is_missing(&error) => {
                debug!("{address} is not on this machine: {error}");
            }
            Err(error) => return Err(format!("cannot listen on {address}: {error}")),
        }
    }
    process::note(config);
    Ok(listeners)
}

/// Whether an address cannot be listened on because this machine does not have it.
fn is_missing(error: &io::Error) -> bool {
    let missing = [EADDRNOTAVAIL as i32, EAFNOSUPPORT as i32];
    error.raw_os_error().is_some_and(|it| missing.contains(&it))
}

/// Accepts clients on these listeners until the result is dropped.
pub fn run(listeners: Vec<TcpListener>, shared: &Shared, guard: &ConnectionGuard) -> JoinSet<()> {
    let serve = |listener| listener::run(listener, shared.clone(), guard.clone());
    listeners.into_iter().map(serve).collect()
}
