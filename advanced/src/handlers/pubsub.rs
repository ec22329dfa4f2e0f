//! Commands about channels: SUBSCRIBE, PUBLISH, PUBSUB and the like (`pubsub.c`).

use crate::command::{Command, CommandError, Context, Flag, Flag::*, Result, help};
use crate::pubsub::{Kind, matches};
use crate::resp::{Args, Reply};

const LISTEN: &[Flag] = &[Pubsub, Noscript, Loading, Stale, Subscribed];

pub const COMMANDS: &[Command] = &[
    Command::new("subscribe", -2, LISTEN, subscribe),
    Command::new("unsubscribe", -1, LISTEN, unsubscribe),
    Command::new("psubscribe", -2, LISTEN, psubscribe),
    Command::new("punsubscribe", -1, LISTEN, punsubscribe),
    Command::new("publish", 3, &[Pubsub, Loading, Stale, Fast], publish),
    Command::container("pubsub", PUBSUB),
];

const PUBSUB: &[Command] = &[
    Command::new("pubsub|channels", -2, &[Pubsub, Loading, Stale], channels),
    Command::new("pubsub|numsub", -2, &[Pubsub, Loading, Stale], numsub),
    Command::new("pubsub|numpat", 2, &[Pubsub, Loading, Stale], numpat),
    Command::new("pubsub|help", 2, &[Loading, Stale], help),
];

/// `SUBSCRIBE channel [channel …]`
fn subscribe(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    join(ctx, args, Kind::Channel, b"subscribe")
}

/// `PSUBSCRIBE pattern [pattern …]`
fn psubscribe(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    join(ctx, args, Kind::Pattern, b"psubscribe")
}

/// `UNSUBSCRIBE [channel …]`
fn unsubscribe(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    leave(ctx, args, Kind::Channel, b"unsubscribe")
}

/// `PUNSUBSCRIBE [pattern …]`
fn punsubscribe(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    leave(ctx, args, Kind::Pattern, b"punsubscribe")
}

/// Subscribes to each name. Each gets a reply of its own, in the form of a message that
/// begins with `word`.
fn join(ctx: &mut Context<'_>, args: Args<'_>, kind: Kind, word: &[u8]) -> Result {
    let client = &ctx.client.handle;
    for name in args.skip(1).iter() {
        let count = ctx.state.pubsub.subscribe(client, kind, name);
        confirm(&mut ctx.reply, word, Some(name), count);
    }
    Ok(())
}

/// Unsubscribes from these names; without names, from all. Each gets a reply of its own; if there
/// is no subscription, there is one reply with a null.
fn leave(ctx: &mut Context<'_>, args: Args<'_>, kind: Kind, word: &[u8]) -> Result {
    let client = &ctx.client.handle;
    let mut all = Vec::new();
    if args.len() == 1 {
        all = ctx.state.pubsub.subscriptions(client.id, kind);
        if all.is_empty() {
            confirm(&mut ctx.reply, word, None, client.subscription_count());
        }
    }
    for name in args.skip(1).iter().chain(all.iter().map(AsRef::as_ref)) {
        let count = ctx.state.pubsub.unsubscribe(client.id, kind, name);
        confirm(&mut ctx.reply, word, Some(name), count);
    }
    Ok(())
}

fn confirm(reply: &mut Reply<'_>, word: &[u8], name: Option<&[u8]>, count: usize) {
    reply.push(3);
    reply.bulk(word);
    match name {
        Some(name) => reply.bulk(name),
        None => reply.null(),
    }
    reply.integer(count as i64);
}

/// `PUBLISH channel message`: replies with how many times the message was delivered.
fn publish(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let limits = ctx.state.config.client_output_buffer_limit;
    let receivers = ctx.state.pubsub.publish(&args[1], &args[2], limits.pubsub);
    // The message also goes to the replicas, for their subscribers. The AOF does not need it.
    ctx.state.replication.append(args.iter(), limits.replica);
    // A client that publishes to itself finds the message before the reply.
    let output = ctx.reply.encoded();
    ctx.state
        .pubsub
        .collect(&ctx.client.handle, output, usize::MAX);
    ctx.reply.integer(receivers as i64);
    Ok(())
}

/// `PUBSUB CHANNELS [pattern]`
fn channels(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    if args.len() > 3 {
        let before = "ERR unknown subcommand or wrong number of arguments for '";
        let after = "'. Try PUBSUB HELP.";
        return Err(CommandError::quoting(before, &args[1], after));
    }
    let wanted = |name: &&[u8]| args.get(2).is_none_or(|it| matches(it, name));
    let found: Vec<&[u8]> = ctx
        .state
        .pubsub
        .names(Kind::Channel)
        .filter(wanted)
        .collect();
    ctx.reply.bulks(&found);
    Ok(())
}

/// `PUBSUB NUMSUB [channel …]`
fn numsub(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let names = args.skip(2);
    ctx.reply.array(names.len() * 2);
    for name in names.iter() {
        ctx.reply.bulk(name);
        ctx.reply.integer(ctx.state.pubsub.subscribers(name) as i64);
    }
    Ok(())
}

/// `PUBSUB NUMPAT`
fn numpat(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    ctx.reply
        .integer(ctx.state.pubsub.names(Kind::Pattern).len() as i64);
    Ok(())
}
