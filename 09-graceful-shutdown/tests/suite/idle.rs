//! What a client costs that says nothing.
//!
//! Reread: 09-graceful-shutdown/NOTES.md#memory-and-large-values-beside-redis

use crate::client::Client;
use crate::harness::{Server, wait_until};
use crate::session::Session;

/// CLIENT LIST shows the buffer of whoever asks as well, so the client that is silent has a name.
#[test]
fn a_client_that_is_silent_frees_its_buffer() {
    let server = Server::start();
    let mut silent = Client::connect(&server);
    silent.check("CLIENT SETNAME silent\r\n", "+OK\r\n");
    let mut c = Session::connect(server.addr());
    wait_until("its buffer is freed", || {
        let list = String::from_utf8_lossy(&c.call(&["CLIENT", "LIST"])).into_owned();
        let mut lines = list.lines();
        let line = lines.find(|line| line.contains(" name=silent "));
        line.is_some_and(|line| line.contains(" qbuf=0 qbuf-free=0 "))
    });
    silent.check("PING\r\n", "+PONG\r\n");
}
