//! COMMAND: the table describes itself, so that clients can learn what a server
//! knows: which commands, how many arguments, and which of them are keys.

use crate::command::{Command, Context, Flag::*, Result, help};
use crate::resp::{Args, Reply};

pub const COMMANDS: &[Command] =
    &[Command::new("command", -1, &[Loading, Stale], all).subcommands(SUBCOMMANDS)];

const SUBCOMMANDS: &[Command] = &[
    Command::new("command|count", 2, &[Loading, Stale], count),
    Command::new("command|info", -2, &[Loading, Stale], info),
    Command::new("command|help", 2, &[Loading, Stale], help),
];

/// `COMMAND`
fn all(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    ctx.reply.array(ctx.table.len());
    for command in ctx.table.iter() {
        describe(&mut ctx.reply, command);
    }
    Ok(())
}

/// `COMMAND COUNT`
fn count(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    ctx.reply.integer(ctx.table.len() as i64);
    Ok(())
}

/// `COMMAND INFO [name …]`: null in the place of a name that is unknown.
fn info(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let names = args.skip(2);
    if names.is_empty() {
        return all(ctx, args);
    }
    ctx.reply.array(names.len());
    for name in names.iter() {
        match ctx.table.find(name) {
            Some(command) => describe(&mut ctx.reply, command),
            None => ctx.reply.null(),
        }
    }
    Ok(())
}

/// The ten fields of `COMMAND INFO`. ACL categories, tips and key specifications, which no
/// ordinary client reads, are left out.
fn describe(reply: &mut Reply<'_>, command: &Command) {
    reply.array(10);
    reply.bulk(command.name.as_bytes());
    reply.integer(command.arity);
    reply.set(command.flags.len());
    for flag in command.flags {
        reply.simple(flag.into());
    }
    // No command has keys yet.
    for position in [0, 0, 0] {
        reply.integer(position);
    }
    let (categories, tips, key_specifications) = (0, 0, 0);
    for length in [categories, tips, key_specifications] {
        reply.set(length);
    }
    if command.subcommands.is_empty() {
        return reply.set(0);
    }
    reply.array(command.subcommands.len());
    for subcommand in command.subcommands {
        describe(reply, subcommand);
    }
}
