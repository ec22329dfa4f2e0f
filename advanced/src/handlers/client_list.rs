//! CLIENT ID, GETNAME, SETNAME, INFO and LIST: what a client says of itself, and what it sees of
//! others (`clientCommand` in Redis's `networking.c`).

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::clients::output_limit;
use crate::clients::{Handle, Kind};
use crate::command::{CommandError, Context, Flag, Flag::*, Result, Table};
use crate::resp::{Args, parse_integer};
use crate::state::State;

pub const OWN: &[Flag] = &[Noscript, Loading, Stale];
pub const OTHERS: &[Flag] = &[Admin, Noscript, Loading, Stale];

/// `CLIENT ID`
pub fn client_id(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    let id = ctx.client.handle.id as i64;
    ctx.reply.integer(id);
    Ok(())
}

/// `CLIENT GETNAME`
pub fn client_getname(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    match ctx.client.handle.name().as_str() {
        "" => ctx.reply.null(),
        name => ctx.reply.bulk(name.as_bytes()),
    }
    Ok(())
}

/// `CLIENT SETNAME name`: an empty name removes the old one.
pub fn client_setname(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    ctx.client.handle.set_name(valid_name(&args[2])?);
    ctx.reply.ok();
    Ok(())
}

/// `CLIENT INFO`
pub fn client_info(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let own = Pending::of_caller(ctx, args);
    let line = describe(&ctx.client.handle, &own, ctx.table);
    ctx.reply.verbatim(&line);
    Ok(())
}

/// `CLIENT LIST [TYPE type | ID id [id …]]`
pub fn client_list(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let own = Pending::of_caller(ctx, args);
    let option = args.get(2);
    let is = |word: &str| option.is_some_and(|it| it.eq_ignore_ascii_case(word.as_bytes()));
    let list: Vec<&Arc<Handle>> = if is("TYPE") && args.len() == 4 {
        let kind = Kind::named(&args[3]).ok_or_else(|| CommandError::client_type(&args[3]))?;
        let clients = ctx.state.clients.iter();
        clients.filter(|client| client.kind() == kind).collect()
    } else if is("ID") && args.len() > 3 {
        let ids = args.skip(3);
        let ids = ids.iter().map(parse_integer).collect::<Option<Vec<_>>>();
        let ids = ids.ok_or(CommandError::new("ERR Invalid client ID"))?;
        let find = |id: i64| ctx.state.clients.get(u64::try_from(id).ok()?);
        ids.into_iter().filter_map(find).collect()
    } else if args.len() == 2 {
        ctx.state.clients.iter().collect()
    } else {
        return Err(CommandError::SYNTAX);
    };
    let line = |client: &Arc<Handle>| match client.id == ctx.client.handle.id {
        true => describe(client, &own, ctx.table),
        false => describe(client, &Pending::of(client, ctx.state), ctx.table),
    };
    let lines: String = list.into_iter().map(line).collect();
    ctx.reply.verbatim(&lines);
    Ok(())
}

/// What is under way for a client, in bytes.
struct Pending {
    /// In its input: the command that is executed, and those after it.
    input: usize,
    /// The arguments of the command that is executed, or with which the client waits.
    argv: usize,
    /// In its output.
    output: usize,
    /// What waits outside of its output: how many messages or pieces, and their bytes.
    messages: (usize, usize),
}

impl Pending {
    /// The client is executing `args`, and others see only how it was before.
    fn of_caller(ctx: &mut Context<'_>, args: Args<'_>) -> Self {
        Self {
            input: args.bytes_from_here(),
            argv: args.size(),
            output: ctx.reply.encoded().len(),
            ..Self::of(&ctx.client.handle, ctx.state)
        }
    }

    fn of(client: &Handle, state: &State) -> Self {
        let messages = match client.kind() {
            Kind::Replica => state.replication.waiting(client.id),
            _ => state.pubsub.waiting(client.id),
        };
        #[cfg(feature = "client-lifecycle")]
        let messages = state.life.monitors.waiting(client.id).unwrap_or(messages);
        Self {
            input: client.unread.load(Relaxed),
            argv: client.argv(),
            output: client.unwritten.load(Relaxed),
            messages,
        }
    }
}

/// A client's line in CLIENT LIST. A field for a feature that this server does not have is as
/// in a Redis that does not use it.
fn describe(client: &Handle, pending: &Pending, table: &Table) -> String {
    let [channels, patterns] = &client.subscriptions;
    let (input, output) = (&client.input_size, &client.output_size);
    let (input, output) = (input.load(Relaxed), output.load(Relaxed));
    // What Redis has in the buffer of each client, and what it has in a list besides.
    let first = pending.output.min(output_limit::FREE);
    let rest = pending.output - first;
    let (count, bytes) = (pending.messages.0, pending.messages.1 + rest);
    let sizes = input.max(pending.input) + output.max(pending.output);
    let user = match client.kind() {
        Kind::Primary => "(superuser)",
        _ => "default",
    };
    format!(
        "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db=0 sub={} psub={} ssub=0 \
         multi=-1 qbuf={} qbuf-free={} argv-mem={} multi-mem=0 rbs={output} rbp={output} \
         obl={first} oll={} omem={bytes} tot-mem={} events={} cmd={} user={user} redir=-1 resp={}\n",
        client.id,
        client.addr,
        client.local_addr,
        client.fd,
        client.name(),
        client.age().as_secs(),
        client.idle().as_secs(),
        client.flags(),
        channels.load(Relaxed),
        patterns.load(Relaxed),
        pending.input,
        input.saturating_sub(pending.input),
        pending.argv,
        count + usize::from(rest > 0),
        sizes + pending.argv + pending.messages.1 + size_of::<Handle>(),
        if pending.output > 0 { "rw" } else { "r" },
        table.name_at(client.command()).unwrap_or("NULL"),
        client.protocol().number(),
    )
}

/// The name as text. It must be printable and without blanks, because CLIENT LIST prints it
/// on one line with other fields.
pub fn valid_name(name: &[u8]) -> Result<&str> {
    let name = name.iter().all(u8::is_ascii_graphic).then_some(name);
    let name = name.and_then(|name| str::from_utf8(name).ok());
    name.ok_or(CommandError::new(
        "ERR Client names cannot contain spaces, newlines or special characters.",
    ))
}
