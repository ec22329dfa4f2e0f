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

/// Requests within this time of one that was logged are not logged, so that nobody
/// fills the disk with them.
const QUIET: Duration = Duration::from_secs(60);

/// Is this word, where a command has its name, the beginning of a line of HTTP?
/// Like Redis, which is written in C, we end the word at a NUL byte.
pub fn is_http(name: &[u8]) -> bool {
    let word = name.split(|byte| *byte == 0).next().unwrap_or_default();
    word.eq_ignore_ascii_case(b"POST") || word.eq_ignore_ascii_case(b"Host:")
}

/// Logs in Redis's words that the client at `peer` is cut off.
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
