//! Commands passed on one by one, each with its reply: for the faults of a server
//! that speaks RESP.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;

use anyhow::{Result, ensure};

use crate::resp::{self, Parsed};

/// What a fault can change.
pub enum Change {
    /// The command, before the right server gets it.
    Command(fn(&mut Exchange)),
    /// What comes back.
    Reply(fn(&mut Exchange)),
}

/// One command and its reply.
pub struct Exchange {
    pub args: Vec<Vec<u8>>,
    /// How many commands the same packet had before it.
    pub before_in_packet: usize,
    /// How many commands the connection had before it.
    pub before: usize,
    pub reply: Vec<u8>,
    /// What is kept for later, in the same connection.
    pub kept: Vec<u8>,
    /// Hang up after this reply?
    pub close: bool,
}

impl Exchange {
    /// Is it this command?
    pub fn is(&self, name: &str) -> bool {
        let first = self.args.first();
        first.is_some_and(|arg| arg.eq_ignore_ascii_case(name.as_bytes()))
    }
}

/// Serves a client to its end.
pub fn serve(mut client: TcpStream, mut right: TcpStream, change: &Change) -> Result<()> {
    let mut came = Vec::new();
    let mut exchange = Exchange {
        args: Vec::new(),
        before_in_packet: 0,
        before: 0,
        reply: Vec::new(),
        kept: Vec::new(),
        close: false,
    };
    loop {
        exchange.before_in_packet = 0;
        loop {
            match resp::command(&came) {
                Parsed::Incomplete => break,
                Parsed::Nothing(length) => drop(came.drain(..length)),
                Parsed::Command(args, length) => {
                    let raw = came.drain(..length).collect();
                    exchange.args = args;
                    exchange.pass_on(raw, &mut right, change)?;
                    client.write_all(&exchange.reply)?;
                    if exchange.close {
                        client.shutdown(Shutdown::Both)?;
                        return Ok(());
                    }
                }
                // The right server refuses it in its own words.
                Parsed::Broken => {
                    right.write_all(&came)?;
                    return connect(client, right);
                }
            }
        }
        let mut buffer = vec![0; 64 * 1024];
        let length = client.read(&mut buffer)?;
        if length == 0 {
            return connect(client, right);
        }
        came.extend_from_slice(&buffer[..length]);
    }
}

impl Exchange {
    fn pass_on(&mut self, raw: Vec<u8>, right: &mut TcpStream, change: &Change) -> Result<()> {
        let mut request = raw;
        if let Change::Command(change) = change {
            let before = self.args.clone();
            change(self);
            if self.args != before {
                request = resp::encode(&self.args);
            }
        }
        right.write_all(&request)?;
        self.reply = read_reply(right)?;
        if let Change::Reply(change) = change {
            change(self);
        }
        self.before += 1;
        self.before_in_packet += 1;
        Ok(())
    }
}

fn read_reply(right: &mut TcpStream) -> Result<Vec<u8>> {
    let mut reply = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    while resp::reply(&reply).is_none() {
        let length = right.read(&mut buffer)?;
        ensure!(length > 0, "the right server hung up");
        reply.extend_from_slice(&buffer[..length]);
    }
    Ok(reply)
}

/// From here on both are connected to each other.
fn connect(mut client: TcpStream, mut right: TcpStream) -> Result<()> {
    let (mut from, mut to) = (client.try_clone()?, right.try_clone()?);
    thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    let _ = std::io::copy(&mut right, &mut client);
    let _ = client.shutdown(Shutdown::Both);
    Ok(())
}
