//! Commands about the connection itself: PING, ECHO, QUIT, AUTH, HELLO, RESET, SELECT
//! (`networking.c`; PING and ECHO are in `server.c`, AUTH in `acl.c`, SELECT in `db.c`).

use crate::clients::states::CHOSEN;
use crate::command::{
    Command, CommandError, Context, Flag, Flag::*, REDIS_VERSION, Result, check_database,
};
use crate::handlers::client_list::valid_name;
use crate::resp::{Args, Protocol, parse_integer};

const ANY_TIME: &[Flag] = &[Noscript, Loading, Stale, Fast, NoAuth, AllowBusy];
const ANY_TIME_SUBSCRIBED: &[Flag] = &[
    Noscript, Loading, Stale, Fast, NoAuth, AllowBusy, Subscribed,
];

pub const COMMANDS: &[Command] = &[
    Command::new("ping", -1, &[Fast, Subscribed], ping),
    Command::new("echo", 2, &[Loading, Stale, Fast], echo),
    Command::new("quit", -1, ANY_TIME_SUBSCRIBED, quit),
    Command::new("auth", -2, ANY_TIME, auth),
    Command::new("hello", -1, ANY_TIME, hello),
    Command::new("reset", 1, ANY_TIME_SUBSCRIBED, reset),
    Command::new("select", 2, &[Loading, Stale, Fast], select),
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

fn introduce_server(ctx: &mut Context<'_>) {
    let id = ctx.client.handle.id as i64;
    let version = ctx.client.handle.protocol().number();
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
    ctx.client.handle.states.set(CHOSEN, false);
    ctx.reply.simple("RESET");
    Ok(())
}

/// `SELECT index`: the only database has the index 0.
fn select(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    check_database(&args[1])?;
    ctx.reply.ok();
    Ok(())
}
