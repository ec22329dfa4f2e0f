//! What DEBUG does for tests of clients: replies of every type, errors, lines in the server log; and
//! for tests of replication.

use tracing::warn;

use crate::command::{CommandError, Context, Result};
use crate::resp::{Args, Protocol};

const UNKNOWN_TYPE: CommandError = CommandError::new(
    "ERR Wrong protocol type name. Please use one of the following: \
     string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
);

/// `DEBUG PROTOCOL type`: a reply of that type. What RESP2 does not have looks as Redis shows it there.
pub fn protocol(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let is_resp3 = ctx.client.handle.protocol() == Protocol::Resp3;
    let reply = &mut ctx.reply;
    match args[2].to_ascii_lowercase().as_slice() {
        b"string" => reply.bulk(b"Hello World"),
        b"integer" => reply.integer(12345),
        b"double" if is_resp3 => reply.encoded().extend_from_slice(b",3.141\r\n"),
        b"double" => reply.bulk(b"3.141"),
        b"bignum" if is_resp3 => {
            let number = b"(1234567999999999999999999999999999999\r\n";
            reply.encoded().extend_from_slice(number);
        }
        b"bignum" => reply.bulk(b"1234567999999999999999999999999999999"),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            (0..3).for_each(|number| reply.integer(number));
        }
        b"set" => {
            reply.set(3);
            (0..3).for_each(|number| reply.integer(number));
        }
        b"map" => map(ctx),
        b"attrib" => attribute(ctx),
        b"push" => return push(ctx),
        b"verbatim" => reply.verbatim("This is a verbatim\nstring"),
        b"true" => boolean(ctx, true),
        b"false" => boolean(ctx, false),
        _ => return Err(UNKNOWN_TYPE),
    }
    Ok(())
}

fn boolean(ctx: &mut Context<'_>, value: bool) {
    match ctx.client.handle.protocol() {
        Protocol::Resp2 => ctx.reply.integer(value.into()),
        Protocol::Resp3 => {
            let bytes: &[u8] = if value { b"#t\r\n" } else { b"#f\r\n" };
            ctx.reply.encoded().extend_from_slice(bytes);
        }
    }
}

/// Which numbers are odd.
fn map(ctx: &mut Context<'_>) {
    ctx.reply.map(3);
    for number in 0..3 {
        ctx.reply.integer(number);
        boolean(ctx, number % 2 == 1);
    }
}

/// A reply with something said about it, which RESP2 leaves out.
fn attribute(ctx: &mut Context<'_>) {
    if ctx.client.handle.protocol() == Protocol::Resp3 {
        ctx.reply.encoded().extend_from_slice(b"|1\r\n");
        ctx.reply.bulk(b"key-popularity");
        ctx.reply.array(2);
        ctx.reply.bulk(b"key:123");
        ctx.reply.integer(90);
    }
    let text = b"Some real reply following the attribute";
    ctx.reply.bulk(text);
}

/// A message, and then the reply.
fn push(ctx: &mut Context<'_>) -> Result {
    if ctx.client.handle.protocol() == Protocol::Resp2 {
        return Err(CommandError::new(
            "ERR RESP2 is not supported by this command",
        ));
    }
    ctx.reply.push(2);
    ctx.reply.bulk(b"server-cpu-usage");
    ctx.reply.integer(42);
    ctx.reply.bulk(b"Some real reply following the push reply");
    Ok(())
}

/// `DEBUG ERROR text`: replies with that error.
pub fn error(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    ctx.reply.error(&args[2]);
    Ok(())
}

/// `DEBUG LOG message`: writes it to the server log.
pub fn log(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    warn!("DEBUG LOG: {}", String::from_utf8_lossy(&args[2]));
    ctx.reply.ok();
    Ok(())
}

/// `DEBUG CHANGE-REPL-ID`: the feed has another name from here on.
pub fn change_repl_id(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    warn!("Changing replication IDs after receiving change-repl-id");
    ctx.state.replication.rename();
    ctx.reply.ok();
    Ok(())
}

/// `DEBUG REPLICATE word …`: adds a command to the feed, and only there, so that the replicas have
/// other data.
pub fn replicate(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let limit = ctx.state.config.client_output_buffer_limit.replica;
    ctx.state.replication.append(args.skip(2).iter(), limit);
    ctx.reply.ok();
    Ok(())
}
