//! The listener: accepts connections until the shutdown, and starts a task for each.
//!
//! A task costs a few hundred bytes and its buffer, not a stack, so ten thousand
//! clients are ten thousand tasks on one thread. Redis gets the same effect
//! with an event loop written by hand (`ae.c`); tokio's reactor is that loop.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::sleep;
use tracing::{debug, warn};

use crate::client::Client;
use crate::handlers;
use crate::net::admission;
use crate::net::connection::Connection;
use crate::shutdown::ConnectionGuard;
use crate::state::Shared;

/// How long to wait after a failed `accept`, at first and at most.
const BACKOFF_MIN: Duration = Duration::from_millis(10);
const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// How many clients may wait to be accepted (`tcp-backlog`). When many connect at the same time and
/// the queue is full, the system ignores the rest, and they try again only after a second.
const BACKLOG: u32 = 511;

/// A client that leaves this many keepalive probes unanswered is gone.
const KEEPALIVE_PROBES: u32 = 3;

/// Opens the port.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // The port of a server that has just ended is free for the next at once.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Accepts clients on `listener` until that is shut down, or until this is cancelled. Each connection
/// has a `guard`, and drops it at its end.
///
/// `accept` fails when the process is out of file descriptors (`EMFILE`). That is no reason to end,
/// because the clients that are connected can still be served. But the client that waits stays in
/// the queue, so to accept again at once would spin. Hence a pause that doubles.
pub async fn run(listener: &TcpListener, shared: Shared, guard: ConnectionGuard) {
    let mut backoff = BACKOFF_MIN;
    loop {
        match listener.accept().await {
            Ok((socket, address)) => {
                backoff = BACKOFF_MIN;
                welcome(socket, address, &shared, guard.clone());
            }
            // It does not listen any more.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return,
            Err(error) => {
                warn!("cannot accept a connection: {error}; next try in {backoff:?}");
                sleep(backoff).await;
                backoff = (backoff * 2).min(BACKOFF_MAX);
            }
        }
    }
}

/// Gives a client its place in the registry, and a task.
fn welcome(socket: TcpStream, address: SocketAddr, shared: &Shared, guard: ConnectionGuard) {
    // Whoever is gone again already has no local address.
    let Ok(local_address) = socket.local_addr() else {
        return;
    };
    // The lock is held until its task is known: the client must not leave before it has come.
    let state = &mut *shared.lock();
    if let Err(rejection) = admission::admit(address.ip(), state) {
        tokio::spawn(admission::reject(socket, rejection));
        return;
    }
    keep_alive(&socket, state.config.tcp_keepalive);
    let handle = state
        .clients
        .enter(address, local_address, socket.as_raw_fd());
    let client = Client::new(handle.clone());
    let task = tokio::spawn(serve(socket, client, shared.clone(), guard));
    handle.set_task(task.abort_handle());
}

/// Lets the system probe a client that has been idle for `period`. A machine that was switched off
/// does not close its connections, and without probes they would stay open for ever.
fn keep_alive(socket: &TcpStream, period: Duration) {
    if period.is_zero() {
        return;
    }
    // As Redis does: the first probe after the period, then all of them within another.
    let interval = (period / KEEPALIVE_PROBES).max(Duration::from_secs(1));
    let keepalive = TcpKeepalive::new()
        .with_time(period)
        .with_interval(interval)
        .with_retries(KEEPALIVE_PROBES);
    if let Err(error) = SockRef::from(socket).set_tcp_keepalive(&keepalive) {
        debug!("cannot set keepalive: {error}");
    }
}

/// One client, from its first byte to its last.
async fn serve(socket: TcpStream, client: Client, shared: Shared, _guard: ConnectionGuard) {
    // An error here is this client's alone: it went away, or its network did.
    let connection = Connection::new(socket, client, handlers::table(), shared);
    if let Err(error) = connection.run().await {
        debug!("connection ended: {error}");
    }
}
