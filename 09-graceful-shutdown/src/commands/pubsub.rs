//! Commands about channels: SUBSCRIBE, PUBLISH, PUBSUB and their kin (`pubsub.c`).

use crate::command::{Command, CommandError, Context, Flag::*};
use crate::pubsub::{Kind, Subscription, matches};
use crate::resp::{Args, Reply};

pub const COMMANDS: &[Command] = &[
    Command::new(
        "subscribe",
        -2,
        &[Pubsub, Noscript, Loading, Stale],
        |ctx, args| subscribe(ctx, args, Kind::Channel),
    )
    .while_subscribed()
    .doc(
        "pubsub",
        "2.0.0",
        "O(N) where N is the number of channels to subscribe to.",
        "Listen for messages published to the given channels",
    ),
    Command::new(
        "unsubscribe",
        -1,
        &[Pubsub, Noscript, Loading, Stale],
        |ctx, args| unsubscribe(ctx, args, Kind::Channel),
    )
    .while_subscribed()
    .doc(
        "pubsub",
        "2.0.0",
        "O(N) where N is the number of clients already subscribed to a channel.",
        "Stop listening for messages posted to the given channels",
    ),
    Command::new(
        "psubscribe",
        -2,
        &[Pubsub, Noscript, Loading, Stale],
        |ctx, args| subscribe(ctx, args, Kind::Pattern),
    )
    .while_subscribed()
    .doc(
        "pubsub",
        "2.0.0",
        "O(N) where N is the number of patterns the client is already subscribed to.",
        "Listen for messages published to channels matching the given patterns",
    ),
    Command::new(
        "punsubscribe",
        -1,
        &[Pubsub, Noscript, Loading, Stale],
        |ctx, args| unsubscribe(ctx, args, Kind::Pattern),
    )
    .while_subscribed()
    .doc(
        "pubsub",
        "2.0.0",
        "O(N+M) where N is the number of patterns the client is already subscribed and M is the \
         number of total patterns subscribed in the system (by any client).",
        "Stop listening for messages posted to channels matching the given patterns",
    ),
    Command::new("publish", 3, &[Pubsub, Loading, Stale, Fast], publish).doc(
        "pubsub",
        "2.0.0",
        "O(N+M) where N is the number of clients subscribed to the receiving channel and M is \
         the total number of subscribed patterns (by any client).",
        "Post a message to a channel",
    ),
    Command::container("pubsub", PUBSUB).doc(
        "pubsub",
        "2.8.0",
        "Depends on subcommand.",
        "A container for Pub/Sub commands",
    ),
];

const PUBSUB: &[Command] = &[
    Command::new("pubsub|channels", -2, &[Pubsub, Loading, Stale], channels).doc(
        "pubsub",
        "2.8.0",
        "O(N) where N is the number of active channels, and assuming constant time pattern \
         matching (relatively short channels and patterns)",
        "List active channels",
    ),
    Command::new("pubsub|numsub", -2, &[Pubsub, Loading, Stale], numsub).doc(
        "pubsub",
        "2.8.0",
        "O(N) for the NUMSUB subcommand, where N is the number of requested channels",
        "Get the count of subscribers for channels",
    ),
    Command::new("pubsub|numpat", 2, &[Pubsub, Loading, Stale], numpat).doc(
        "pubsub",
        "2.8.0",
        "O(1)",
        "Get the count of unique patterns pattern subscriptions",
    ),
    Command::new("pubsub|help", 2, &[Loading, Stale], help).doc(
        "pubsub",
        "6.2.0",
        "O(1)",
        "Show helpful text about the different subcommands",
    ),
];

/// `SUBSCRIBE channel [channel …]`, `PSUBSCRIBE pattern [pattern …]`: one reply
/// for each, and each looks like a message.
fn subscribe(ctx: &mut Context<'_>, args: Args<'_>, kind: Kind) -> Result<(), CommandError> {
    let (client, protocol) = (&ctx.client.handle, ctx.client.protocol);
    let subscription = &mut ctx.client.subscription;
    let subscription =
        subscription.get_or_insert_with(|| ctx.pubsub.enter(client.clone(), protocol));
    let word: &[u8] = match kind {
        Kind::Channel => b"subscribe",
        Kind::Pattern => b"psubscribe",
    };
    for name in args.skip(1).iter() {
        let count = ctx.pubsub.subscribe(subscription, kind, name);
        confirm(&mut ctx.reply, word, Some(name), count);
    }
    Ok(())
}

/// `UNSUBSCRIBE [channel …]`, `PUNSUBSCRIBE [pattern …]`: those, or all that there are. One reply
/// for each, and one if there was none.
fn unsubscribe(ctx: &mut Context<'_>, args: Args<'_>, kind: Kind) -> Result<(), CommandError> {
    let word: &[u8] = match kind {
        Kind::Channel => b"unsubscribe",
        Kind::Pattern => b"punsubscribe",
    };
    let subscription = ctx.client.subscription.as_ref();
    for name in args.skip(1).iter() {
        let count = subscription.map_or(0, |it| ctx.pubsub.unsubscribe(it, kind, name));
        confirm(&mut ctx.reply, word, Some(name), count);
    }
    if args.len() == 1 {
        let names = subscription.map(|it| ctx.pubsub.unsubscribe_all(it, kind));
        let names = names.unwrap_or_default();
        let left = subscription.map_or(0, |it| ctx.pubsub.count(it));
        for (name, after) in names.iter().zip((0..names.len()).rev()) {
            confirm(&mut ctx.reply, word, Some(name), left + after);
        }
        if names.is_empty() {
            confirm(&mut ctx.reply, word, None, left);
        }
    }
    end_if_empty(ctx);
    Ok(())
}

/// Who has no subscription left is no subscriber any more.
fn end_if_empty(ctx: &mut Context<'_>) {
    let has_none = |it: &mut Subscription| ctx.pubsub.count(it) == 0;
    if let Some(subscription) = ctx.client.subscription.take_if(has_none) {
        ctx.pubsub.leave(&subscription);
    }
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

/// `PUBLISH channel message`: how many messages that made.
fn publish(ctx: &mut Context<'_>, args: Args<'_>) -> Result<(), CommandError> {
    let limits = ctx.config.client_output_buffer_limit;
    let receivers = ctx.pubsub.publish(&args[1], &args[2], limits.pubsub);
    // The subscribers of the replicas hear it, too. The log is no use to them.
    ctx.replication.append(args.iter(), limits.replica);
    // Who publishes to itself finds the message before the reply.
    if let Some(own) = &ctx.client.subscription {
        ctx.pubsub.collect(own, ctx.reply.encoded(), usize::MAX);
    }
    ctx.reply.integer(receivers as i64);
    Ok(())
}

/// `PUBSUB CHANNELS [pattern]`
fn channels(ctx: &mut Context<'_>, args: Args<'_>) -> Result<(), CommandError> {
    if args.len() > 3 {
        let before = "ERR unknown subcommand or wrong number of arguments for '";
        let after = "'. Try PUBSUB HELP.";
        return Err(CommandError::quoting(before, &args[1], after));
    }
    let wanted = |name: &&[u8]| args.get(2).is_none_or(|it| matches(it, name));
    let found: Vec<&[u8]> = ctx.pubsub.channels().filter(wanted).collect();
    ctx.reply.array(found.len());
    for name in found {
        ctx.reply.bulk(name);
    }
    Ok(())
}

/// `PUBSUB NUMSUB [channel …]`
fn numsub(ctx: &mut Context<'_>, args: Args<'_>) -> Result<(), CommandError> {
    let names = args.skip(2);
    ctx.reply.array(names.len() * 2);
    for name in names.iter() {
        ctx.reply.bulk(name);
        ctx.reply.integer(ctx.pubsub.subscribers(name) as i64);
    }
    Ok(())
}

/// `PUBSUB NUMPAT`
fn numpat(ctx: &mut Context<'_>, _: Args<'_>) -> Result<(), CommandError> {
    ctx.reply.integer(ctx.pubsub.pattern_count() as i64);
    Ok(())
}

/// `PUBSUB HELP`
fn help(ctx: &mut Context<'_>, _: Args<'_>) -> Result<(), CommandError> {
    ctx.reply.lines(&[
        "PUBSUB <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "CHANNELS [<pattern>]",
        "    Return the currently active channels matching a <pattern> (default: '*').",
        "NUMPAT",
        "    Return number of subscriptions to patterns.",
        "NUMSUB [<channel> ...]",
        "    Return the number of subscribers for the specified channels, excluding",
        "    pattern subscriptions(default: no channels).",
        "HELP",
        "    Prints this help.",
    ]);
    Ok(())
}
