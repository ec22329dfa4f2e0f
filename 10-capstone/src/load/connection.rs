//! What all clients have in common, in a closed loop and in an open one.

use anyhow::{Context, Result};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::traffic::Traffic;
use crate::measure::window::Window;

/// What all clients of a measurement share. They run on one thread, so there is no lock.
pub struct Shared {
    pub traffic: Traffic,
    pub window: Window,
    /// Cancelled after the last command has been sent, in loops in which one task sends for all
    /// clients.
    pub all_sent: CancellationToken,
}

/// How the server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// With a reply, as Redis does.
    Replies,
    /// With the request, as the echo of step 01 does.
    Echo,
}

/// Connects, with Nagle's algorithm turned off.
pub async fn connect(address: &str) -> Result<TcpStream> {
    let stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("cannot connect to {address}"))?;
    // Otherwise the kernel may hold back a small request until the last one is acknowledged.
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
