//! CLIENT TRACKING and its kin. This server does not tell clients which keys have changed, and says
//! so in the words of a Redis that cannot (or is not asked to).

use crate::command::{CommandError, Context, Result};
use crate::resp::Args;

/// `CLIENT TRACKING ON | OFF [REDIRECT id] [PREFIX prefix …] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]`: off
/// is what it is.
pub fn client_tracking(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let mut options = args.skip(3);
    while let Some(option) = options.get(0) {
        let words = match option.to_ascii_lowercase().as_slice() {
            b"bcast" | b"optin" | b"optout" | b"noloop" => 1,
            b"prefix" | b"redirect" if options.len() > 1 => 2,
            _ => return Err(CommandError::SYNTAX),
        };
        options = options.skip(words);
    }
    match args[2].to_ascii_lowercase().as_slice() {
        b"on" => Err(CommandError::unknown_subcommand("client", &args[1])),
        b"off" => {
            ctx.reply.ok();
            Ok(())
        }
        _ => Err(CommandError::SYNTAX),
    }
}

/// `CLIENT CACHING YES | NO`
pub fn client_caching(_: &mut Context<'_>, _: Args<'_>) -> Result {
    Err(CommandError::new(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or \
         OPTOUT mode enabled",
    ))
}

/// `CLIENT GETREDIR`
pub fn client_getredir(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    ctx.reply.integer(-1);
    Ok(())
}

/// `CLIENT TRACKINGINFO`
pub fn client_trackinginfo(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    let reply = &mut ctx.reply;
    reply.map(3);
    reply.bulk(b"flags");
    reply.set(1);
    reply.bulk(b"off");
    reply.bulk(b"redirect");
    reply.integer(-1);
    reply.bulk(b"prefixes");
    reply.array(0);
    Ok(())
}
