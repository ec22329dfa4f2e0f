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
