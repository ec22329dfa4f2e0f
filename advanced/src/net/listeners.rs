//! The port at each address of the server. All are served in the same way (`listener.rs`).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tracing::debug;

use crate::net::listener;
use crate::shutdown::ConnectionGuard;
use crate::state::Shared;

/// Opens the port at these addresses. One that this machine does not have is left out, if it may be. An
/// error says at which address the port could not be opened.
pub fn open(
    addresses: &[SocketAddr],
    may_lack: &dyn Fn(SocketAddr, &io::Error) -> bool,
) -> Result<Vec<Arc<TcpListener>>, (SocketAddr, io::Error)> {
    let mut listeners = Vec::new();
    for &address in addresses {
        match listener::listen(address) {
            Ok(listener) => listeners.push(Arc::new(listener)),
            Err(error) if may_lack(address, &error) => {
                debug!("{address} is not on this machine: {error}");
            }
            Err(error) => return Err((address, error)),
        }
    }
    Ok(listeners)
}

/// Accepts clients on the listeners that were opened last, until it is cancelled. Those before them are
/// closed.
pub async fn run(
    mut opened: UnboundedReceiver<Vec<Arc<TcpListener>>>,
    shared: Shared,
    guard: ConnectionGuard,
) {
    let serve = |listener: Arc<TcpListener>| {
        let (shared, guard) = (shared.clone(), guard.clone());
        async move { listener::run(&listener, shared, guard).await }
    };
    let mut tasks = JoinSet::new();
    while let Some(listeners) = opened.recv().await {
        tasks = listeners.into_iter().map(serve).collect();
    }
    tasks.join_all().await;
}
