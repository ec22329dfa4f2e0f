//! Commands about the connection itself: PING, ECHO, QUIT, AUTH, HELLO, CLIENT, RESET,
//! SELECT (`networking.c`; PING and ECHO are in `server.c`, AUTH in `acl.c`, SELECT in
//! `db.c`).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::clients::{Handle, Kind};
use crate::command::{
    Command, CommandError, Context, Flag, Flag::*, REDIS_VERSION, Result, Table, check_database,
    help,
};
use crate::resp::{Args, Protocol, parse_integer};

const ANY_TIME: &[Flag] = &[Noscript, Loading, Stale, Fast, NoAuth, AllowBusy];
const ANY_TIME_SUBSCRIBED: &[Flag] = &[
    Noscript, Loading, Stale, Fast, NoAuth, AllowBusy, Subscribed,
];
const OWN: &[Flag] = &[Noscript, Loading, Stale];
const OTHERS: &[Flag] = &[Admin, Noscript, Loading, Stale];

pub const COMMANDS: &[Command] = &[
    Command::new("ping", -1, &[Fast, Subscribed], ping),
    Command::new("echo", 2, &[Loading, Stale, Fast], echo),
    Command::new("quit", -1, ANY_TIME_SUBSCRIBED, quit),
    Command::new("auth", -2, ANY_TIME, auth),
    Command::new("hello", -1, ANY_TIME, hello),
    Command::new("reset", 1, ANY_TIME_SUBSCRIBED, reset),
    Command::new("select", 2, &[Loading, Stale, Fast], select),
    Command::container("client", CLIENT),
];

const CLIENT: &[Command] = &[
    Command::new("client|id", 2, OWN, client_id),
    Command::new("client|getname", 2, OWN, client_getname),
    Command::new("client|setname", 3, OWN, client_setname),
    Command::new("client|info", 2, OWN, client_info),
    Command::new("client|list", -2, OTHERS, client_list),
    Command::new("client|kill", -3, OTHERS, client_kill),
    Command::new("client|help", 2, &[Loading, Stale], help),
];

/// `PING [message]`. A subscriber gets a reply that looks like a message in RESP2.
fn ping(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let is_subscriber = ctx.client.handle.is_subscriber();
    match args.len() {
        1 | 2 if is_subscriber && ctx.client.handle.protocol() == Protocol::Resp2 => {
            ctx.reply.array(2);
            ctx.reply.bulk(b"pong");
            ctx.reply.bulk(args.get(1).unwrap_or_default());
        }
        1 => ctx.reply.simple("PONG"),
        2 => ctx.reply.bulk(&args[1]),
        _ => return Err(CommandError::arity("ping")),
    }
    Ok(())
}

/// `ECHO message`
fn echo(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    ctx.reply.bulk(&args[1]);
    Ok(())
}

/// `QUIT`: replies and closes the connection. Commands after it are not executed.
fn quit(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    ctx.client.closing = true;
    ctx.reply.ok();
    Ok(())
}

/// `AUTH [user] password`
fn auth(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    match args.len() {
        2 => Err(CommandError::new(
            "ERR AUTH <password> called without any password configured for the default user. \
             Are you sure your configuration is correct?",
        )),
        3 => {
            check_user(&args[1])?;
            ctx.reply.ok();
            Ok(())
        }
        _ => Err(CommandError::SYNTAX),
    }
}

/// There is one user, `default`, who has no password and so may give any.
fn check_user(user: &[u8]) -> Result {
    match user {
        b"default" => Ok(()),
        _ => Err(CommandError::new(
            "WRONGPASS invalid username-password pair or user is disabled.",
        )),
    }
}

/// `HELLO [version [AUTH user password] [SETNAME name]]`: chooses the protocol
/// and says who is here.
fn hello(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let protocol = match args.get(1) {
        None => ctx.client.handle.protocol(),
        Some(version) => protocol(version)?,
    };
    let mut options = args.skip(2);
    while let Some(option) = options.get(0) {
        match (options.get(1), options.get(2)) {
            (Some(user), Some(_)) if options.is(0, "AUTH") => {
                check_user(user)?;
                options = options.skip(3);
            }
            (Some(given), _) if options.is(0, "SETNAME") => {
                // As in Redis, the name stays even if a later option is wrong.
                ctx.client.handle.set_name(valid_name(given)?);
                options = options.skip(2);
            }
            _ => {
                let before = "ERR Syntax error in HELLO option '";
                return Err(CommandError::quoting(before, option, "'"));
            }
        }
    }
    // The reply to HELLO is the first in the new protocol.
    ctx.client.handle.set_protocol(protocol);
    ctx.reply.protocol = protocol;
    introduce_server(ctx);
    Ok(())
}

fn protocol(version: &[u8]) -> Result<Protocol> {
    match parse_integer(version) {
        Some(2) => Ok(Protocol::Resp2),
        Some(3) => Ok(Protocol::Resp3),
        Some(_) => Err(CommandError::new("NOPROTO unsupported protocol version")),
        None => Err(CommandError::new(
            "ERR Protocol version is not an integer or out of range",
        )),
    }
}

fn version(protocol: Protocol) -> i64 {
    match protocol {
        Protocol::Resp2 => 2,
        Protocol::Resp3 => 3,
    }
}

fn introduce_server(ctx: &mut Context<'_>) {
    let id = ctx.client.handle.id as i64;
    let version = version(ctx.client.handle.protocol());
    let role = match ctx.state.replication.is_replica() {
        true => "replica",
        false => "master",
    };
    let reply = &mut ctx.reply;
    reply.map(7);
    for text in ["server", "redis", "version", REDIS_VERSION, "proto"] {
        reply.bulk(text.as_bytes());
    }
    reply.integer(version);
    reply.bulk(b"id");
    reply.integer(id);
    for text in ["mode", "standalone", "role", role, "modules"] {
        reply.bulk(text.as_bytes());
    }
    reply.array(0);
}

/// `RESET`: puts the connection back into the state in which it began.
fn reset(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    ctx.state.pubsub.leave(ctx.client.handle.id);
    ctx.client.handle.set_name("");
    ctx.client.handle.set_protocol(Protocol::default());
    ctx.reply.simple("RESET");
    Ok(())
}

/// `SELECT index`: the only database has the index 0.
fn select(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    check_database(&args[1])?;
    ctx.reply.ok();
    Ok(())
}

/// `CLIENT ID`
fn client_id(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    let id = ctx.client.handle.id as i64;
    ctx.reply.integer(id);
    Ok(())
}

/// `CLIENT GETNAME`
fn client_getname(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    match ctx.client.handle.name().as_str() {
        "" => ctx.reply.null(),
        name => ctx.reply.bulk(name.as_bytes()),
    }
    Ok(())
}

/// `CLIENT SETNAME name`: an empty name removes the old one.
fn client_setname(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    ctx.client.handle.set_name(valid_name(&args[2])?);
    ctx.reply.ok();
    Ok(())
}

/// `CLIENT INFO`
fn client_info(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    let line = describe(&ctx.client.handle, ctx.table);
    ctx.reply.verbatim(&line);
    Ok(())
}

/// `CLIENT LIST [TYPE type | ID id [id …]]`
fn client_list(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let list: Vec<&Arc<Handle>> = if args.is(2, "TYPE") && args.len() == 4 {
        let kind = kind(&args[3])?;
        let clients = ctx.state.clients.iter();
        clients.filter(|client| client.kind() == kind).collect()
    } else if args.is(2, "ID") && args.len() > 3 {
        let ids = args.skip(3);
        let ids = ids.iter().map(parse_integer).collect::<Option<Vec<_>>>();
        let ids = ids.ok_or(CommandError::new("ERR Invalid client ID"))?;
        let find = |id: i64| ctx.state.clients.get(u64::try_from(id).ok()?);
        ids.into_iter().filter_map(find).collect()
    } else if args.len() == 2 {
        ctx.state.clients.iter().collect()
    } else {
        return Err(CommandError::SYNTAX);
    };
    let lines = list.into_iter().map(|client| describe(client, ctx.table));
    ctx.reply.verbatim(&lines.collect::<String>());
    Ok(())
}

/// A client's line in CLIENT LIST. A field for a feature that this server does not have is as
/// in a Redis that does not use it.
fn describe(client: &Handle, table: &Table) -> String {
    let unwritten = client.unwritten.load(Relaxed);
    let unread = client.unread.load(Relaxed);
    let input = client.input_size.load(Relaxed);
    let output = client.output_size.load(Relaxed);
    let [channels, patterns] = &client.subscriptions;
    format!(
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db=0 sub={} psub={} ssub=0 multi=-1 qbuf={unread} qbuf-free={} \
         argv-mem=0 multi-mem=0 rbs={output} rbp={output} obl={unwritten} oll=0 omem=0 \
         tot-mem={} events={} cmd={} user=default redir=-1 resp={}\n",
        client.id,
        client.addr,
        client.local_addr,
        client.fd,
        client.name(),
        client.age().as_secs(),
        client.idle().as_secs(),
        client.flags(),
        channels.load(Relaxed),
        patterns.load(Relaxed),
        input.saturating_sub(unread),
        input + output + size_of::<Handle>(),
        if unwritten > 0 { "rw" } else { "r" },
        table.name_at(client.command()).unwrap_or("NULL"),
        version(client.protocol()),
    )
}

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
            false => {
                ctx.state.clients.kill(client.id);
                ctx.state.pubsub.leave(client.id);
            }
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

/// The kind of clients called `name`, in upper or lower case.
fn kind(name: &[u8]) -> Result<Kind> {
    match name.to_ascii_lowercase().as_slice() {
        b"normal" => Ok(Kind::Normal),
        b"master" => Ok(Kind::Primary),
        b"slave" | b"replica" => Ok(Kind::Replica),
        b"pubsub" => Ok(Kind::Subscriber),
        _ => {
            let before = "ERR Unknown client type '";
            Err(CommandError::quoting(before, name, "'"))
        }
    }
}

/// The name as text. It must be printable and without blanks, because CLIENT LIST prints it
/// on one line with other fields.
fn valid_name(name: &[u8]) -> Result<&str> {
    let name = name.iter().all(u8::is_ascii_graphic).then_some(name);
    let name = name.and_then(|name| str::from_utf8(name).ok());
    name.ok_or(CommandError::new(
        "ERR Client names cannot contain spaces, newlines or special characters.",
    ))
}
