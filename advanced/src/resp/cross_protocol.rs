//! Cross-protocol scripting: a web page makes a browser speak to this server.
//!
//! A page from anywhere may let a browser send `POST / HTTP/1.1`, headers and a
//! body of its own to `http://127.0.0.1:6380`. Each line of that is an inline
//! command. The first ones would be unknown commands, but those in the body would be
//! executed, with the rights of whoever sits at the browser. So a connection that
//! says `POST` or `Host:` is closed at that line, before the body
//! (`securityWarningCommand` in Redis's `server.c`). One of the two comes early in
//! every request that has a body.

use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::warn;

/// After one request is logged, others are not logged for this long. Otherwise a web page
/// could fill the disk.
const QUIET: Duration = Duration::from_secs(60);

/// Whether the name of a command is the first word of a line of HTTP, `POST` or `Host:`. The
/// name ends at a NUL byte, as Redis's C strings do.
pub fn is_http(name: &[u8]) -> bool {
    let word = name.split(|byte| *byte == 0).next().unwrap_or_default();
    word.eq_ignore_ascii_case(b"POST") || word.eq_ignore_ascii_case(b"Host:")
}

/// Logs in Redis's words that the connection of the client at `peer` is closed.
pub fn log_attack(peer: io::Result<SocketAddr>) {
    static LOGGED: Mutex<Option<Instant>> = Mutex::new(None);
    let mut logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
    if logged.is_some_and(|logged| logged.elapsed() <= QUIET) {
        return;
    }
    *logged = Some(Instant::now());
    let from = peer.map_or(String::new(), |peer| format!(" from {peer}"));
    warn!(
        "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: \
         commands to Redis. This is likely due to an attacker attempting to use Cross Protocol \
         Scripting to compromise your Redis instance. Connection{from} aborted."
    );
}
