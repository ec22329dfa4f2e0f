//! COMMAND: the table describes itself, so that clients can learn what a server
//! knows: which commands, how many arguments, and which of them are keys.

use std::iter;

use super::categories;
use crate::command::{Command, CommandError, Context, Flag, Flag::*, Result, help};
use crate::resp::{Args, Reply};
use crate::util::glob;

pub const COMMANDS: &[Command] =
    &[Command::new("command", -1, &[Loading, Stale], all).subcommands(SUBCOMMANDS)];

const SUBCOMMANDS: &[Command] = &[
    Command::new("command|count", 2, &[Loading, Stale], count),
    Command::new("command|getkeys", -4, &[Loading, Stale], getkeys),
    #[cfg(feature = "client-lifecycle")]
    Command::new(
        "command|getkeysandflags",
        -4,
        &[Loading, Stale],
        |ctx, args| {
            let found = keys_of(ctx, args)?;
            categories::getkeysandflags(ctx, args, found)
        },
    ),
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

/// `COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN pattern]`: the names
/// of commands and subcommands. There are no modules.
fn list(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let options = args.skip(2).iter().map(<[u8]>::to_ascii_lowercase);
    let options: Vec<Vec<u8>> = options.collect();
    let options: Vec<&[u8]> = options.iter().map(Vec::as_slice).collect();
    let is_wanted: fn(&Command, &[u8]) -> bool = match options[..] {
        [] => |_, _| true,
        [b"filterby", b"module", _] => |_, _| false,
        [b"filterby", b"aclcat", _] => is_in,
        [b"filterby", b"pattern", _] => |it, pattern| glob::matches(pattern, it.name.as_bytes()),
        _ => return Err(CommandError::SYNTAX),
    };
    let argument = options.last().copied().unwrap_or_default();
    let with_subcommands = |it: &'static Command| iter::once(it).chain(it.subcommands);
    let all = ctx.table.iter().flat_map(with_subcommands);
    let found = all.filter(|command| is_wanted(command, argument));
    let found: Vec<&[u8]> = found.map(|command| command.name.as_bytes()).collect();
    ctx.reply.bulks(&found);
    Ok(())
}

/// `COMMAND GETKEYS command argument …`: the keys of that command, which is not executed
/// (`getKeysSubcommandImpl`).
fn getkeys(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let (_, keys) = keys_of(ctx, args)?;
    ctx.reply.bulks(&keys);
    Ok(())
}

/// The command that follows in the arguments, and its keys.
fn keys_of<'a>(ctx: &Context<'_>, args: Args<'a>) -> Result<(&'static Command, Vec<&'a [u8]>)> {
    let args = args.skip(2);
    let invalid = |_| CommandError::new("ERR Invalid command specified");
    let command = ctx.table.lookup(args).map_err(invalid)?;
    if command.keys.is_none() {
        return Err(CommandError::new("ERR The command has no key arguments"));
    }
    if !command.takes(args.len()) {
        return Err(CommandError::new(
            "ERR Invalid number of arguments specified for command",
        ));
    }
    let keys: Vec<&[u8]> = command.keys.find(args).collect();
    if keys.is_empty() {
        return Err(CommandError::new(
            "ERR Invalid arguments specified for command",
        ));
    }
    Ok((command, keys))
}

/// Whether a command is in a category.
fn is_in(command: &Command, category: &[u8]) -> bool {
    let is = |it: &&str| it.as_bytes().eq_ignore_ascii_case(category);
    categories::categories(command).iter().any(is)
}

fn describe_categories(reply: &mut Reply<'_>, command: &Command) {
    let categories = categories::categories(command);
    reply.set(categories.len());
    for category in categories {
        reply.simple(&format!("@{category}"));
    }
}

/// The ten fields of `COMMAND INFO`.
fn describe(reply: &mut Reply<'_>, command: &Command) {
    reply.array(10);
    reply.bulk(command.name.as_bytes());
    reply.integer(command.arity);
    let is_shown = |flag: &&Flag| **flag != Flag::Subscribed;
    reply.set(command.flags.iter().filter(is_shown).count());
    for flag in command.flags.iter().filter(is_shown) {
        reply.simple(flag.into());
    }
    for position in [command.keys.first, command.keys.last, command.keys.step] {
        reply.integer(position);
    }
    describe_categories(reply, command);
    let tips = categories::tips(command);
    reply.set(tips.len());
    tips.iter().for_each(|tip| reply.bulk(tip.as_bytes()));
    categories::specifications(reply, command);
    if command.subcommands.is_empty() {
        return reply.set(0);
    }
    reply.array(command.subcommands.len());
    for subcommand in command.subcommands {
        describe(reply, subcommand);
    }
}
