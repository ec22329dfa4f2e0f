//! What all clients have in common, in whichever loop.

use anyhow::{Context, Result};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::traffic::Traffic;
use crate::measure::window::Window;

/// What all clients of a measurement share. They run on one thread, so it needs no lock.
pub struct Shared {
    pub traffic: Traffic,
    pub window: Window,
    /// Cancelled by whoever sends for all clients, after the last command.
    pub all_sent: CancellationToken,
}

/// How the other side answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// As Redis does.
    Replies,
    /// With what it was sent: step 01.
    Echo,
}

/// Connects, and lets nothing wait in the kernel.
pub async fn connect(address: &str) -> Result<TcpStream> {
    let stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("cannot connect to {address}"))?;
    // Otherwise the kernel may hold a small request back until the last one
    // is acknowledged (Nagle's algorithm).
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
pub mod tests {
    use std::rc::Rc;

    use tokio::net::TcpListener;

    use super::super::traffic::Keys;
    use super::*;
    use crate::scenario::Scenario;

    /// What clients share that send nothing but SETs.
    pub fn shared() -> Rc<Shared> {
        let scenario = Scenario {
            percent: 0,
            ..Scenario::plain(1, 1, 16)
        };
        Rc::new(Shared {
            traffic: Traffic::new(&scenario, Keys::Uniform(10)),
            window: Window::new().unwrap(),
            all_sent: CancellationToken::new(),
        })
    }

    /// A connection: the client's end, and the end of a server that does what a test says.
    pub async fn connection() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (client, server) = tokio::join!(connect(&address), listener.accept());
        (client.unwrap(), server.unwrap().0)
    }
}
