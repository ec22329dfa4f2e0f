//! Commands about the connection itself: PING, ECHO, QUIT, AUTH, HELLO, CLIENT, RESET,
//! SELECT (`networking.c`; PING and ECHO are in `server.c`, AUTH in `acl.c`, SELECT in
//! `db.c`).

use crate::command::{
    Command, CommandError, Context, Flag, Flag::*, REDIS_VERSION, Result, check_database, help,
};
use crate::resp::{Args, Protocol, parse_integer};

const ANY_TIME: &[Flag] = &[Noscript, Loading, Stale, Fast, NoAuth, AllowBusy];
const OWN: &[Flag] = &[Noscript, Loading, Stale];

pub const COMMANDS: &[Command] = &[
    Command::new("ping", -1, &[Fast], ping),
    Command::new("echo", 2, &[Loading, Stale, Fast], echo),
    Command::new("quit", -1, ANY_TIME, quit),
    Command::new("auth", -2, ANY_TIME, auth),
    Command::new("hello", -1, ANY_TIME, hello),
    Command::new("reset", 1, ANY_TIME, reset),
    Command::new("select", 2, &[Loading, Stale, Fast], select),
    Command::container("client", CLIENT),
];

const CLIENT: &[Command] = &[
    Command::new("client|id", 2, OWN, client_id),
    Command::new("client|getname", 2, OWN, client_getname),
    Command::new("client|setname", 3, OWN, client_setname),
    Command::new("client|help", 2, &[Loading, Stale], help),
];

/// `PING [message]`
fn ping(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    match args.len() {
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
        None => ctx.client.protocol,
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
                ctx.client.name = valid_name(given)?.to_vec();
                options = options.skip(2);
            }
            _ => {
                let before = "ERR Syntax error in HELLO option '";
                return Err(CommandError::quoting(before, option, "'"));
            }
        }
    }
    // The reply to HELLO is the first in the new protocol.
    ctx.client.protocol = protocol;
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

fn introduce_server(ctx: &mut Context<'_>) {
    let id = ctx.client.id as i64;
    let version = match ctx.client.protocol {
        Protocol::Resp2 => 2,
        Protocol::Resp3 => 3,
    };
    let reply = &mut ctx.reply;
    reply.map(7);
    for text in ["server", "redis", "version", REDIS_VERSION, "proto"] {
        reply.bulk(text.as_bytes());
    }
    reply.integer(version);
    reply.bulk(b"id");
    reply.integer(id);
    for text in ["mode", "standalone", "role", "master", "modules"] {
        reply.bulk(text.as_bytes());
    }
    reply.array(0);
}

/// `RESET`: puts the connection back into the state in which it began.
fn reset(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    ctx.client.name.clear();
    ctx.client.protocol = Protocol::default();
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
    let id = ctx.client.id as i64;
    ctx.reply.integer(id);
    Ok(())
}

/// `CLIENT GETNAME`
fn client_getname(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    match ctx.client.name.as_slice() {
        b"" => ctx.reply.null(),
        name => ctx.reply.bulk(name),
    }
    Ok(())
}

/// `CLIENT SETNAME name`: an empty name removes the old one.
fn client_setname(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    ctx.client.name = valid_name(&args[2])?.to_vec();
    ctx.reply.ok();
    Ok(())
}

/// The name as text. It must be printable and without blanks, because CLIENT LIST prints it
/// on one line with other fields.
fn valid_name(name: &[u8]) -> Result<&[u8]> {
    if name.iter().all(u8::is_ascii_graphic) {
        Ok(name)
    } else {
        Err(CommandError::new(
            "ERR Client names cannot contain spaces, newlines or special characters.",
        ))
    }
}
