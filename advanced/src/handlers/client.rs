//! CLIENT, and how it ends others (`clientCommand` in Redis's `networking.c`).

use std::net::SocketAddr;
use std::sync::Arc;

use crate::clients::{Handle, Kind};
use crate::command::{Command, CommandError, Context, Flag::*, Result, help};
use crate::handlers::client_list::{
    OTHERS, OWN, client_getname, client_id, client_info, client_list, client_setname,
};
use crate::resp::{Args, parse_integer};

pub const COMMANDS: &[Command] = &[Command::container("client", CLIENT)];

const CLIENT: &[Command] = &[
    Command::new("client|id", 2, OWN, client_id),
    Command::new("client|getname", 2, OWN, client_getname),
    Command::new("client|setname", 3, OWN, client_setname),
    Command::new("client|info", 2, OWN, client_info),
    Command::new("client|list", -2, OTHERS, client_list),
    Command::new("client|kill", -3, OTHERS, client_kill),
    Command::new("client|help", 2, &[Loading, Stale], help),
];

/// `CLIENT KILL address` or `CLIENT KILL option value [option value …]`: closes the
/// connections of the clients that match all options.
fn client_kill(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let own_id = ctx.client.handle.id;
    let is_old_form = args.len() == 3;
    let filter = match is_old_form {
        true => Filter {
            addr: Some(&args[2]),
            ..Filter::default()
        },
        false => Filter::parse(own_id, args.skip(2))?,
    };
    let clients = ctx.state.clients.iter();
    let found: Vec<Arc<Handle>> = clients.filter(|it| filter.matches(it)).cloned().collect();
    for client in &found {
        match client.id == own_id {
            // The caller gets the reply first.
            true => ctx.client.closing = true,
            false => ctx.state.kill(client.id),
        }
    }
    match is_old_form {
        true if found.is_empty() => return Err(CommandError::new("ERR No such client")),
        true => ctx.reply.ok(),
        false => ctx.reply.integer(found.len() as i64),
    }
    Ok(())
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
    /// Reads the options. If one is given twice, the last counts.
    fn parse(own_id: u64, mut options: Args<'a>) -> Result<Self> {
        let mut filter = Self {
            spared: Some(own_id),
            ..Self::default()
        };
        while let Some(option) = options.get(0) {
            let value = options.get(1).ok_or(CommandError::SYNTAX)?;
            match option.to_ascii_lowercase().as_slice() {
                b"id" => {
                    let id = parse_integer(value).filter(|id| *id > 0);
                    filter.id = Some(id.ok_or(INVALID_ID)?.unsigned_abs());
                }
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
        self.id.is_none_or(|id| client.id == id)
            && self.kind.is_none_or(|kind| client.kind() == kind)
            && self.addr.is_none_or(|addr| is(addr, client.addr))
            && self.laddr.is_none_or(|addr| is(addr, client.local_addr))
            && self.spared != Some(client.id)
    }
}

const INVALID_ID: CommandError = CommandError::new("ERR client-id should be greater than 0");

fn kind(name: &[u8]) -> Result<Kind> {
    Kind::named(name).ok_or_else(|| CommandError::client_type(name))
}
