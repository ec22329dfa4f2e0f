//! Admission: which clients may connect (`acceptCommonHandler` in Redis's `networking.c`).
//!
//! Every client takes a file descriptor and some memory, and the process has only so many of both.
//! A server without a free descriptor cannot open its own files any more. So the number of clients
//! is limited to fewer than that, and a client beyond the limit gets an error.

use std::net::IpAddr;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tracing::debug;

use crate::state::State;

/// The error for a client that may not connect.
pub type Rejection = &'static str;

const TOO_MANY: Rejection = "-ERR max number of clients reached\r\n";

const DENIED: Rejection = "-DENIED Redis is running in protected mode because protected mode is \
    enabled and no password is set for the default user. In this mode connections are only \
    accepted from the loopback interface. If you want to connect from external computers to \
    Redis you may adopt one of the following solutions: 1) Just disable protected mode sending \
    the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to \
    Redis from the same host the server is running, however MAKE SURE Redis is not publicly \
    accessible from internet if you do so. 2) Start the server with the '--protected-mode no' \
    option. NOTE: You only need to do one of the above things in order for the server to start \
    accepting connections from the outside.\r\n";

/// Decides whether a client from this address may connect.
pub fn admit(ip: IpAddr, state: &mut State) -> Result<(), Rejection> {
    let is_full = state.clients.len() as u64 >= state.config.maxclients;
    let is_denied = state.config.protected_mode && !ip.to_canonical().is_loopback();
    if is_full || is_denied {
        state.stats.connections_rejected += 1;
        return Err(if is_full { TOO_MANY } else { DENIED });
    }
    state.stats.connections_received += 1;
    Ok(())
}

/// Tells a client why it may not connect, and closes the connection.
pub async fn reject(mut socket: TcpStream, rejection: Rejection) {
    if let Err(error) = socket.write_all(rejection.as_bytes()).await {
        debug!("a client was rejected and is gone: {error}");
    }
}
