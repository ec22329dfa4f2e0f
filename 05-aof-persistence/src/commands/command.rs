//! COMMAND: the table describes itself, so that clients can learn what a server
//! knows. `redis-cli` asks it for the hints that it shows while you type.

use std::iter;

use crate::command::{Command, CommandError, Context, Flag, Flag::*, Keys};
use crate::glob;
use crate::resp::{Args, Reply};

pub const COMMANDS: &[Command] = &[Command::new("command", -1, &[Loading, Stale], all)
    .subcommands(SUBCOMMANDS)
    .categories(&["connection"])
    .tips(&["nondeterministic_output_order"])
    .doc(
        "server",
        "2.8.13",
        "O(N) where N is the total number of Redis commands",
        "Get array of Redis command details",
    )];

const SUBCOMMANDS: &[Command] = &[
    Command::new("command|count", 2, &[Loading, Stale], count)
        .categories(&["connection"])
        .doc(
            "server",
            "2.8.13",
            "O(1)",
            "Get total number of Redis commands",
        ),
    Command::new("command|docs", -2, &[Loading, Stale], docs)
        .categories(&["connection"])
        .tips(&["nondeterministic_output_order"])
        .doc(
            "server",
            "7.0.0",
            "O(N) where N is the number of commands to look up",
            "Get array of specific Redis command documentation",
        ),
    Command::new("command|info", -2, &[Loading, Stale], info)
        .categories(&["connection"])
        .tips(&["nondeterministic_output_order"])
        .doc(
            "server",
            "2.8.13",
            "O(N) where N is the number of commands to look up",
            "Get array of specific Redis command details, or all when no argument is given.",
        ),
    Command::new("command|list", -2, &[Loading, Stale], list)
        .categories(&["connection"])
        .tips(&["nondeterministic_output_order"])
        .doc(
            "server",
            "7.0.0",
            "O(N) where N is the total number of Redis commands",
            "Get an array of Redis command names",
        ),
    Command::new("command|getkeys", -4, &[Loading, Stale], getkeys)
        .categories(&["connection"])
        .doc(
            "server",
            "2.8.13",
            "O(N) where N is the number of arguments to the command",
            "Extract keys given a full Redis command",
        ),
    Command::new("command|help", 2, &[Loading, Stale], help)
        .categories(&["connection"])
        .doc(
            "server",
            "5.0.0",
            "O(1)",
            "Show helpful text about the different subcommands",
        ),
];

/// `COMMAND`
fn all(ctx: &mut Context<'_>, _: Args<'_>) -> Result<(), CommandError> {
    let table = ctx.table;
    let reply = &mut ctx.reply;
    reply.array(table.len());
    for command in table.iter() {
        describe(reply, command);
    }
    Ok(())
}

/// `COMMAND COUNT`
fn count(ctx: &mut Context<'_>, _: Args<'_>) -> Result<(), CommandError> {
    let count = ctx.table.len() as i64;
    ctx.reply.integer(count);
    Ok(())
}

/// `COMMAND INFO [name …]`: null in the place of a name that is unknown.
fn info(ctx: &mut Context<'_>, args: Args<'_>) -> Result<(), CommandError> {
    let names = args.skip(2);
    if names.is_empty() {
        return all(ctx, args);
    }
    let table = ctx.table;
    let reply = &mut ctx.reply;
    reply.array(names.len());
    for name in names.iter() {
        match table.find(name) {
            Some(command) => describe(reply, command),
            None => reply.null(),
        }
    }
    Ok(())
}

/// `COMMAND DOCS [name …]`: names that are unknown are left out.
fn docs(ctx: &mut Context<'_>, args: Args<'_>) -> Result<(), CommandError> {
    let names = args.skip(2);
    let commands: Vec<&Command> = if names.is_empty() {
        ctx.table.iter().collect()
    } else {
        names
            .iter()
            .filter_map(|name| ctx.table.find(name))
            .collect()
    };
    document_all(&mut ctx.reply, &commands);
    Ok(())
}

/// `COMMAND LIST [FILTERBY MODULE name | ACLCAT category | PATTERN pattern]`: the names
/// of commands and subcommands. There are no modules.
fn list(ctx: &mut Context<'_>, args: Args<'_>) -> Result<(), CommandError> {
    let options: Vec<Vec<u8>> = args
        .skip(2)
        .iter()
        .map(<[u8]>::to_ascii_lowercase)
        .collect();
    let options: Vec<&[u8]> = options.iter().map(Vec::as_slice).collect();
    let is_wanted = |command: &Command| match options[..] {
        [] => Some(true),
        [b"filterby", b"module", _] => Some(false),
        [b"filterby", b"aclcat", category] => {
            let mut own = categories(command).into_iter();
            Some(own.any(|own| own.as_bytes() == category))
        }
        [b"filterby", b"pattern", pattern] => Some(glob::matches(pattern, command.name.as_bytes())),
        _ => None,
    };
    let with_subcommands =
        |command: &'static Command| iter::once(command).chain(command.subcommands);
    let mut found = Vec::new();
    for command in ctx.table.iter().flat_map(with_subcommands) {
        if is_wanted(command).ok_or(CommandError::SYNTAX)? {
            found.push(command.name);
        }
    }
    ctx.reply.array(found.len());
    for name in found {
        ctx.reply.bulk(name.as_bytes());
    }
    Ok(())
}

/// `COMMAND GETKEYS command argument …`: the keys of that command, which is not executed
/// (`getKeysSubcommandImpl`).
fn getkeys(ctx: &mut Context<'_>, args: Args<'_>) -> Result<(), CommandError> {
    let args = args.skip(2);
    let invalid = |_| CommandError::new("ERR Invalid command specified");
    let command = ctx.table.lookup(args).map_err(invalid)?;
    if command.keys.is_empty() {
        return Err(CommandError::new("ERR The command has no key arguments"));
    }
    if !command.takes(args.len()) {
        return Err(CommandError::new(
            "ERR Invalid number of arguments specified for command",
        ));
    }
    let keys = command.keys.iter().flat_map(|keys| keys.find(args));
    let keys: Vec<&[u8]> = keys.collect();
    ctx.reply.array(keys.len());
    for key in keys {
        ctx.reply.bulk(key);
    }
    Ok(())
}

/// `COMMAND HELP`
fn help(ctx: &mut Context<'_>, _: Args<'_>) -> Result<(), CommandError> {
    ctx.reply.lines(&[
        "COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "(no subcommand)",
        "    Return details about all Redis commands.",
        "COUNT",
        "    Return the total number of commands in this Redis server.",
        "LIST",
        "    Return a list of all commands in this Redis server.",
        "INFO [<command-name> ...]",
        "    Return details about multiple Redis commands.",
        "    If no command names are given, documentation details for all",
        "    commands are returned.",
        "DOCS [<command-name> ...]",
        "    Return documentation details about multiple Redis commands.",
        "    If no command names are given, documentation details for all",
        "    commands are returned.",
        "GETKEYS <full-command>",
        "    Return the keys from a full Redis command.",
        "HELP",
        "    Prints this help.",
    ]);
    Ok(())
}

/// The ten fields of `COMMAND INFO`.
fn describe(reply: &mut Reply<'_>, command: &Command) {
    reply.array(10);
    reply.bulk(command.name.as_bytes());
    reply.integer(command.arity);
    reply.set(command.flags.len());
    for flag in command.flags {
        reply.simple(flag.name());
    }
    describe_keys(reply, command.keys);
    let categories = categories(command);
    reply.set(categories.len());
    for category in categories {
        reply.simple(&format!("@{category}"));
    }
    reply.set(command.tips.len());
    for tip in command.tips {
        reply.bulk(tip.as_bytes());
    }
    describe_key_specs(reply, command.keys);
    if command.subcommands.is_empty() {
        return reply.set(0);
    }
    reply.array(command.subcommands.len());
    for subcommand in command.subcommands {
        describe(reply, subcommand);
    }
}

/// The positions of the first and the last key and the step between keys.
fn describe_keys(reply: &mut Reply<'_>, keys: &[Keys]) {
    let (first, last, step) = match (keys.first(), keys.last()) {
        (Some(head), Some(tail)) if tail.last >= 0 => {
            (head.first, tail.first + tail.last, head.step)
        }
        (Some(head), Some(tail)) => (head.first, tail.last, head.step),
        _ => (0, 0, 0),
    };
    for position in [first, last, step] {
        reply.integer(position);
    }
}

/// The same in the words of Redis 7, which can also say what happens to a key.
fn describe_key_specs(reply: &mut Reply<'_>, keys: &[Keys]) {
    reply.set(keys.len());
    for keys in keys {
        reply.map(3);
        reply.bulk(b"flags");
        reply.set(keys.access.split(' ').count());
        for word in keys.access.split(' ') {
            reply.simple(word);
        }
        reply.bulk(b"begin_search");
        describe_search(reply, "index", &[("index", keys.first)]);
        reply.bulk(b"find_keys");
        let range = [("lastkey", keys.last), ("keystep", keys.step), ("limit", 0)];
        describe_search(reply, "range", &range);
    }
}

fn describe_search(reply: &mut Reply<'_>, kind: &str, spec: &[(&str, i64)]) {
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(kind.as_bytes());
    reply.bulk(b"spec");
    reply.map(spec.len());
    for (name, value) in spec {
        reply.bulk(name.as_bytes());
        reply.integer(*value);
    }
}

/// All ACL categories, in Redis's order.
const CATEGORIES: &[&str] = &[
    "keyspace",
    "read",
    "write",
    "string",
    "admin",
    "fast",
    "slow",
    "dangerous",
    "connection",
];

fn categories(command: &Command) -> Vec<&'static str> {
    let is_in = |category: &&str| match *category {
        "fast" => command.is(Flag::Fast),
        "slow" => !command.is(Flag::Fast),
        "read" => command.is(Flag::Readonly),
        "write" => command.is(Flag::Write),
        "admin" | "dangerous" if command.is(Flag::Admin) => true,
        other => command.categories.contains(&other),
    };
    CATEGORIES.iter().copied().filter(is_in).collect()
}

fn document_all(reply: &mut Reply<'_>, commands: &[&Command]) {
    reply.map(commands.len());
    for command in commands {
        reply.bulk(command.name.as_bytes());
        document(reply, command);
    }
}

fn document(reply: &mut Reply<'_>, command: &Command) {
    let doc = &command.doc;
    let mut fields = vec![
        ("summary", doc.summary),
        ("since", doc.since),
        ("group", doc.group),
        ("complexity", doc.complexity),
    ];
    fields.retain(|(_, text)| !text.is_empty());
    let has_subcommands = !command.subcommands.is_empty();
    reply.map(fields.len() + usize::from(has_subcommands));
    for (name, text) in fields {
        reply.bulk(name.as_bytes());
        reply.bulk(text.as_bytes());
    }
    if has_subcommands {
        reply.bulk(b"subcommands");
        document_all(reply, &command.subcommands.iter().collect::<Vec<_>>());
    }
}
