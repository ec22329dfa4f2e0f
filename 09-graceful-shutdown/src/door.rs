//! The door: who is let in (`acceptCommonHandler` in Redis's `networking.c`).
//!
//! Every client takes a file descriptor and some memory, and there is an end to both. A server
//! that comes to it cannot open its own files any more; so there is a bound before, and
//! who comes too late is told.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tracing::{debug, warn};

use crate::state::State;

/// File descriptors for what is not a client: the listener, the log, the files that are
/// written (`CONFIG_MIN_RESERVED_FDS`).
const RESERVED: u64 = 32;

/// Who does not answer so many probes is gone.
const PROBES: u32 = 3;

/// Why a client is not let in; what it is told.
pub type Refusal = &'static str;

const TOO_MANY: Refusal = "-ERR max number of clients reached\r\n";

const DENIED: Refusal = "-DENIED Redis is running in protected mode because protected mode is \
    enabled and no password is set for the default user. In this mode connections are only \
    accepted from the loopback interface. If you want to connect from external computers to \
    Redis you may adopt one of the following solutions: 1) Just disable protected mode sending \
    the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to \
    Redis from the same host the server is running, however MAKE SURE Redis is not publicly \
    accessible from internet if you do so. 2) Start the server with the '--protected-mode no' \
    option. NOTE: You only need to do one of the above things in order for the server to start \
    accepting connections from the outside.\r\n";

/// Lets a client in, or not.
pub fn enter(socket: &TcpStream, ip: IpAddr, state: &mut State) -> Result<(), Refusal> {
    if state.clients.len() as u64 >= state.config.maxclients {
        state.stats.connections_rejected += 1;
        return Err(TOO_MANY);
    }
    if state.config.protected_mode && !ip.to_canonical().is_loopback() {
        state.stats.connections_rejected += 1;
        return Err(DENIED);
    }
    state.stats.connections_received += 1;
    if let Err(error) = keep_alive(socket, state.config.tcp_keepalive) {
        debug!("cannot set keepalive: {error}");
    }
    Ok(())
}

/// Says why, and hangs up. Who does not even take that goes without.
pub async fn refuse(mut socket: TcpStream, refusal: Refusal) {
    let told = socket.write_all(refusal.as_bytes()).await;
    if let Err(error) = told {
        debug!("a client was refused and is gone: {error}");
    }
}

/// Lets the system ask now and then whether the other side is still there. A machine that was
/// switched off says no goodbye, and its connection would stay for ever.
fn keep_alive(socket: &TcpStream, period: Duration) -> io::Result<()> {
    if period.is_zero() {
        return Ok(());
    }
    // As Redis does: after the period the first probe, then three within another.
    let interval = (period / PROBES).max(Duration::from_secs(1));
    let keepalive = TcpKeepalive::new()
        .with_time(period)
        .with_interval(interval);
    SockRef::from(socket).set_tcp_keepalive(&keepalive.with_retries(PROBES))
}

/// Asks the system for as many file descriptors as so many clients need; how many clients it
/// allows (`adjustOpenFilesLimit`).
pub fn make_room(clients: u64) -> u64 {
    let wanted = clients + RESERVED;
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return clients;
    };
    if soft >= wanted {
        return clients;
    }
    let raised = setrlimit(Resource::RLIMIT_NOFILE, wanted, hard.max(wanted)).map(|()| wanted);
    let most = wanted.min(hard);
    let raised = raised.or_else(|_| setrlimit(Resource::RLIMIT_NOFILE, most, hard).map(|()| most));
    let limit = raised.unwrap_or(soft);
    if limit < wanted {
        warn!(
            "the system allows {limit} open files; {clients} clients need {wanted}. \
             To allow more, see `ulimit -n`"
        );
    }
    // If there are very few, half of them are for clients.
    clients.min(limit.saturating_sub(RESERVED).max(limit / 2))
}
