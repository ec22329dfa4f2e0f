//! Bytes passed on as they come, without a look at what they mean: for the
//! faults of a server that echoes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;

use anyhow::Result;

use crate::faults::Life;

/// Serves a client to its end. `change` gets each piece that the server sends.
pub fn serve(
    client: TcpStream,
    right: TcpStream,
    life: Life,
    change: fn(&mut Vec<u8>),
) -> Result<()> {
    let (from, to) = (client.try_clone()?, right.try_clone()?);
    let forth = thread::spawn(move || {
        let _ = pass_on(&from, &to, usize::MAX, |_| {});
        if life == Life::HalfCloseIsAll {
            let _ = from.shutdown(Shutdown::Both);
        }
        // Whoever never hears of the end is there for ever.
        match life {
            Life::Endless => std::mem::forget(to),
            _ => drop(to.shutdown(Shutdown::Write)),
        }
    });
    let pieces = match life {
        Life::FirstPieceOnly => 1,
        _ => usize::MAX,
    };
    let _ = pass_on(&right, &client, pieces, change);
    let _ = client.shutdown(Shutdown::Both);
    let _ = right.shutdown(Shutdown::Both);
    let _ = forth.join();
    Ok(())
}

/// Passes on what comes, up to its end, and no more than so many pieces.
fn pass_on(
    mut from: &TcpStream,
    mut to: &TcpStream,
    pieces: usize,
    change: fn(&mut Vec<u8>),
) -> Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    for _ in 0..pieces {
        let length = from.read(&mut buffer)?;
        if length == 0 {
            break;
        }
        let mut piece = buffer[..length].to_vec();
        change(&mut piece);
        to.write_all(&piece)?;
    }
    Ok(())
}
