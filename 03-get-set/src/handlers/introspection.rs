//! COMMAND: the table describes itself, so that clients can learn what a server
//! knows: which commands, how many arguments, and which of them are keys.

use std::iter;

use crate::command::{Command, CommandError, Context, Flag::*, Result, help};
use crate::resp::{Args, Reply};
use crate::util::glob;

pub const COMMANDS: &[Command] =
    &[Command::new("command", -1, &[Loading, Stale], all).subcommands(SUBCOMMANDS)];

const SUBCOMMANDS: &[Command] = &[
    Command::new("command|count", 2, &[Loading, Stale], count),
    Command::new("command|getkeys", -4, &[Loading, Stale], getkeys),
    Command::new("command|info", -2, &[Loading, Stale], info),
    Command::new("command|list", -2, &[Loading, Stale], list),
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

/// `COMMAND LIST [FILTERBY MODULE name | PATTERN pattern]`: the names
/// of commands and subcommands. There are no modules.
fn list(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let options = args.skip(2).iter().map(<[u8]>::to_ascii_lowercase);
    let options: Vec<Vec<u8>> = options.collect();
    let options: Vec<&[u8]> = options.iter().map(Vec::as_slice).collect();
    if !matches!(options[..], [] | [b"filterby", b"module" | b"pattern", _]) {
        return Err(CommandError::SYNTAX);
    }
    let is_wanted = |command: &Command| match options[..] {
        [_, b"module", _] => false,
        [_, _, pattern] => glob::matches(pattern, command.name.as_bytes()),
        _ => true,
    };
    let with_subcommands = |it: &'static Command| iter::once(it).chain(it.subcommands);
    let all = ctx.table.iter().flat_map(with_subcommands);
    let found = all.filter(|command| is_wanted(command));
    let found: Vec<&[u8]> = found.map(|command| command.name.as_bytes()).collect();
    ctx.reply.bulks(&found);
    Ok(())
}

/// `COMMAND GETKEYS command argument …`: the keys of that command, which is not executed
/// (`getKeysSubcommandImpl`).
fn getkeys(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let args = args.skip(2);
    let invalid = |_| CommandError::new("ERR Invalid command specified");
    let command = ctx.table.lookup(args).map_err(invalid)?;
    if command.keys.first == 0 {
        return Err(CommandError::new("ERR The command has no key arguments"));
    }
    if !command.takes(args.len()) {
        return Err(CommandError::new(
            "ERR Invalid number of arguments specified for command",
        ));
    }
    let keys: Vec<&[u8]> = command.keys.find(args).collect();
    ctx.reply.bulks(&keys);
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
    for position in [command.keys.first, command.keys.last, command.keys.step] {
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
