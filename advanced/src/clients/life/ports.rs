//! The port at each address, which CONFIG SET moves while the server runs (`changeListenPort` and
//! `changeBindAddr` in Redis's `server.c`).

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::sync::{Arc, Weak};

use socket2::SockRef;
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedSender;

/// Opens the port at some addresses; an address for which the function is true may be left out.
pub type Open =
    fn(&[SocketAddr], &dyn Fn(SocketAddr, &io::Error) -> bool) -> Result<Opened, Failure>;

type Opened = Vec<Arc<TcpListener>>;

/// Where the port could not be opened, and why.
pub type Failure = (SocketAddr, io::Error);

/// What is open.
#[derive(Debug, Default)]
pub struct Ports(Option<Inner>);

#[derive(Debug)]
struct Inner {
    open: Open,
    /// Those who accept clients get the listeners.
    accept_on: UnboundedSender<Opened>,
    listeners: Vec<Weak<TcpListener>>,
}

impl Ports {
    /// These listeners are open, and `open` opens others.
    pub fn begin(&mut self, open: Open, accept_on: UnboundedSender<Opened>, listeners: &Opened) {
        let listeners = listeners.iter().map(Arc::downgrade).collect();
        self.0 = Some(Inner {
            open,
            accept_on,
            listeners,
        });
    }

    /// Closes what is open, and opens the port at these addresses. It is closed first, because two
    /// sockets cannot listen on every address and on one of them. If it fails, nothing is open.
    pub fn listen_on(
        &mut self,
        addresses: &[SocketAddr],
        may_lack: &dyn Fn(SocketAddr, &io::Error) -> bool,
    ) -> Result<(), Failure> {
        let Some(inner) = &mut self.0 else {
            return Ok(());
        };
        for listener in inner.listeners.drain(..).filter_map(|it| it.upgrade()) {
            // The tasks that accept clients drop it soon; nobody may connect to it meanwhile.
            let _ = SockRef::from(&*listener).shutdown(Shutdown::Both);
        }
        let opened = (inner.open)(addresses, may_lack)?;
        inner.listeners = opened.iter().map(Arc::downgrade).collect();
        // The server ends when nobody receives it.
        let _ = inner.accept_on.send(opened);
        Ok(())
    }
}
