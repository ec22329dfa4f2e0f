//! HELP, which every container has (`addReplyHelp` in Redis's `networking.c`).

use super::{Context, Result};
use crate::resp::Args;

/// `CLIENT HELP` and its kin: the subcommands. `redis-cli` knows their arguments.
pub fn help(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let container = args[0].to_ascii_uppercase();
    let container = String::from_utf8_lossy(&container);
    let mut lines = vec![format!(
        "{container} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"
    )];
    let subcommands = ctx
        .table
        .find(&args[0])
        .map_or(&[][..], |it| it.subcommands);
    let names = subcommands.iter().filter_map(|it| it.name.split_once('|'));
    lines.extend(names.map(|(_, name)| name.to_uppercase()));
    lines.push("    Prints this help.".into());
    ctx.reply.array(lines.len());
    for line in lines {
        ctx.reply.simple(&line);
    }
    Ok(())
}
