//! CLIENT KILL: which clients, and what becomes of them (`clientCommand` and `freeClient` in Redis's
//! `networking.c`).
//!
//! A client is a record in the registry, a task that owns its socket, and whatever others keep for
//! it: subscriptions, a mailbox, a place in the feed. To kill it is to end the task and to drop the
//! rest *now*, with the lock held: the next command, whoever sends it, sees a server without that
//! client. The task may be anywhere, in the middle of a write or waiting for a replica; it is aborted
//! where it stands, and the socket is closed with it. Nothing is sent to a client that is killed.
//!
//! Except to the one that kills itself: it gets the reply first. So it is only marked, and its
//! connection, which executes nothing after this, is closed when the reply has left.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::clients::{Handle, Kind};
use crate::command::{CommandError, Context, Result};
use crate::resp::{Args, parse_integer};

/// `CLIENT KILL address` or `CLIENT KILL option value [option value …]`: kills the clients that match
/// all options.
pub fn client_kill(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let own_id = ctx.client.handle.id;
    let is_old_form = args.len() == 3;
    let filter = match is_old_form {
        true => Filter::address(&args[2]),
        false => Filter::parse(own_id, args.skip(2))?,
    };
    let clients = ctx.state.clients.iter();
    let found: Vec<Arc<Handle>> = clients.filter(|it| filter.matches(it)).cloned().collect();
    for client in &found {
        goodbye(ctx, client);
    }
    match is_old_form {
        true if found.is_empty() => return Err(CommandError::new("ERR No such client")),
        true => ctx.reply.ok(),
        false => ctx.reply.integer(found.len() as i64),
    }
    Ok(())
}

/// Ends a client. It may be the one that asks.
fn goodbye(ctx: &mut Context<'_>, client: &Handle) {
    match client.id == ctx.client.handle.id {
        true => ctx.client.closing = true,
        false => ctx.state.kill(client.id),
    }
}

/// The options of CLIENT KILL. A client must match all that are given.
#[derive(Default)]
struct Filter<'a> {
    id: Option<u64>,
    kind: Option<Kind>,
    addr: Option<&'a [u8]>,
    laddr: Option<&'a [u8]>,
    /// The id of the client that calls, unless `SKIPME no` is given.
    spared: Option<u64>,
}

impl<'a> Filter<'a> {
    /// The old form names an address, and may kill the caller.
    fn address(addr: &'a [u8]) -> Self {
        Self {
            addr: Some(addr),
            ..Self::default()
        }
    }

    /// Reads the options. If one is given twice, the last counts.
    fn parse(own_id: u64, mut options: Args<'a>) -> Result<Self> {
        let mut filter = Self {
            spared: Some(own_id),
            ..Self::default()
        };
        while let Some(option) = options.get(0) {
            let value = options.get(1).ok_or(CommandError::SYNTAX)?;
            match option.to_ascii_lowercase().as_slice() {
                b"id" => filter.id = Some(id(value)?),
                b"type" => filter.kind = Some(kind(value)?),
                b"addr" => filter.addr = Some(value),
                b"laddr" => filter.laddr = Some(value),
                // It is the only user, so every client matches.
                b"user" if value == b"default" => {}
                b"user" => return Err(CommandError::quoting("ERR No such user '", value, "'")),
                b"skipme" if value.eq_ignore_ascii_case(b"yes") => filter.spared = Some(own_id),
                b"skipme" if value.eq_ignore_ascii_case(b"no") => filter.spared = None,
                _ => return Err(CommandError::SYNTAX),
            }
            options = options.skip(2);
        }
        Ok(filter)
    }

    fn matches(&self, client: &Handle) -> bool {
        let is = |wanted: &[u8], addr: SocketAddr| addr.to_string().as_bytes() == wanted;
        self.spared != Some(client.id)
            && self.id.is_none_or(|id| client.id == id)
            && self.kind.is_none_or(|kind| client.kind() == kind)
            && self.addr.is_none_or(|addr| is(addr, client.addr))
            && self.laddr.is_none_or(|addr| is(addr, client.local_addr))
    }
}

fn id(value: &[u8]) -> Result<u64> {
    let id = parse_integer(value).filter(|id| *id > 0);
    let id = id.ok_or(CommandError::new("ERR client-id should be greater than 0"))?;
    Ok(id.unsigned_abs())
}

fn kind(name: &[u8]) -> Result<Kind> {
    Kind::named(name).ok_or_else(|| CommandError::client_type(name))
}
