//! Commands of replication: REPLICAOF, PSYNC, REPLCONF, ROLE, WAIT
//! (`replication.c` in Redis).

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use crate::client::Waiting;
use crate::clients::states::REPLICA;
use crate::command::{Command, CommandError, Context, Flag, Flag::*, Result, integer};
use crate::replication::{Address, SyncFile};
use crate::resp::{Args, parse_integer};

const FOLLOW: &[Flag] = &[Admin, Noscript, Stale, NoAsyncLoading];
const SYNC: &[Flag] = &[Admin, Noscript, NoAsyncLoading, NoMulti];
const REPLCONF: &[Flag] = &[Admin, Noscript, Loading, Stale, AllowBusy];

pub const COMMANDS: &[Command] = &[
    Command::new("replicaof", 3, FOLLOW, replicaof),
    Command::new("slaveof", 3, FOLLOW, replicaof),
    Command::new("psync", -3, SYNC, sync),
    Command::new("sync", 1, SYNC, sync),
    Command::new("replconf", -1, REPLCONF, replconf),
    Command::new("role", 1, &[Noscript, Loading, Stale, Fast], role),
    Command::new("wait", 3, &[Noscript], wait),
];

/// `REPLICAOF host port` or `REPLICAOF NO ONE`
fn replicaof(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    if args.is(1, "NO") && args.is(2, "ONE") {
        follow_nobody(ctx);
        ctx.reply.ok();
        return Ok(());
    }
    let port = parse_integer(&args[2]).and_then(|port| u16::try_from(port).ok());
    let port = port.ok_or(CommandError::new("ERR Invalid master port"))?;
    let host = String::from_utf8_lossy(&args[1]).into_owned();
    info!("this server is a replica of {host}:{port} now");
    match ctx.state.replication.follow(Address { host, port }) {
        true => {
            #[cfg(feature = "blocking")]
            (ctx.state.blocked)
                .disconnect_all(CommandError::UNBLOCKED.text(), &mut ctx.state.store.awaited);
            ctx.reply.ok();
        }
        false => ctx.reply.simple("OK Already connected to specified master"),
    }
    Ok(())
}

fn follow_nobody(ctx: &mut Context<'_>) {
    if ctx.state.replication.follow_nobody() {
        info!("this server is a primary now");
    }
}

/// `PSYNC replicationid offset [FAILOVER]` and `SYNC`: the client is a replica from now on. It
/// always gets a full synchronization.
fn sync(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let is_psync = args.len() > 1;
    if args.is(3, "FAILOVER") {
        take_over(ctx, &args[1])?;
    }
    if ctx.state.replication.is_cut_off() {
        return Err(CommandError::new(
            "NOMASTERLINK Can't SYNC while not connected with my master",
        ));
    }
    // Replies that are not sent yet would come between `FULLRESYNC` and the file.
    if !ctx.reply.encoded().is_empty() {
        return Err(CommandError::new(
            "ERR SYNC and PSYNC are invalid with pending output",
        ));
    }
    if is_psync && parse_integer(&args[2]).is_none() {
        return Err(CommandError::NOT_AN_INTEGER);
    }
    let file = match ctx.state.replication.awaited_file() {
        Some(file) => file,
        None => begin_file(ctx)?,
    };
    if is_psync {
        let (id, offset) = (&ctx.state.replication.id, file.offset);
        ctx.reply.simple(&format!("FULLRESYNC {id} {offset}"));
    }
    let (client, port) = (ctx.client.handle.clone(), ctx.client.replica_port);
    client.states.set(REPLICA, true);
    ctx.state.replication.enter(client, port, &file);
    ctx.client.sync = Some(file);
    Ok(())
}

/// Makes this server a primary. Its own primary asks for that when it wants to change places with
/// it (FAILOVER), and proves with the replication id that both have the same history.
fn take_over(ctx: &mut Context<'_>, id: &[u8]) -> Result {
    if !ctx.state.replication.is_replica() {
        return Err(CommandError::new(
            "ERR PSYNC FAILOVER can't be sent to a master.",
        ));
    }
    if !id.eq_ignore_ascii_case(ctx.state.replication.id.as_bytes()) {
        return Err(CommandError::new(
            "ERR PSYNC FAILOVER replid must match my replid.",
        ));
    }
    follow_nobody(ctx);
    Ok(())
}

/// The longest address that a replica may give, in bytes.
const MAX_ADDRESS: usize = 255;

/// Begins to write an RDB file of the data as it is now.
fn begin_file(ctx: &Context<'_>) -> Result<Arc<SyncFile>> {
    let state = &*ctx.state;
    let (data, offset) = (state.store.snapshot(), state.replication.offset());
    let (options, folder) = (state.config.rdb_options(), state.config.dir.clone());
    SyncFile::begin(data, offset, options, folder.into()).map_err(|error| {
        warn!("cannot begin to write a file for a replica: {error}");
        CommandError::new("ERR BGSAVE failed, replication can't continue")
    })
}

/// `REPLCONF option value [option value …]`: a replica describes itself.
fn replconf(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    if args.len().is_multiple_of(2) {
        return Err(CommandError::SYNTAX);
    }
    let names = args.skip(1).iter().step_by(2);
    let values = args.skip(2).iter().step_by(2);
    for (name, value) in names.zip(values) {
        match name.to_ascii_lowercase().as_slice() {
            b"listening-port" => {
                let port = integer(value)?;
                ctx.client.replica_port = u16::try_from(port).unwrap_or_default();
            }
            b"ip-address" if value.len() > MAX_ADDRESS => return Err(address_too_long(value)),
            // Addresses and abilities that we need not know.
            b"ip-address" | b"capa" | b"rdb-only" => {}
            // From a client that is no replica. Redis does not reply either.
            b"ack" | b"getack" => return Ok(()),
            _ => {
                let before = "ERR Unrecognized REPLCONF option: ";
                return Err(CommandError::quoting(before, name, ""));
            }
        }
    }
    ctx.reply.ok();
    Ok(())
}

fn address_too_long(address: &[u8]) -> CommandError {
    let before = "ERR REPLCONF ip-address provided by replica instance is too long: ";
    CommandError::quoting(before, address.len().to_string().as_bytes(), " bytes")
}

/// `ROLE`
fn role(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    let (replication, reply) = (&ctx.state.replication, &mut ctx.reply);
    let offset = replication.offset();
    if let Some(primary) = replication.primary() {
        reply.array(5);
        reply.bulk(b"slave");
        reply.bulk(primary.address.host.as_bytes());
        reply.integer(primary.address.port.into());
        reply.bulk(<&str>::from(primary.link).as_bytes());
        reply.integer(if primary.is_connected() { offset } else { -1 });
        return Ok(());
    }
    let online = || replication.replicas().filter(|it| it.is_online());
    reply.array(3);
    reply.bulk(b"master");
    reply.integer(offset);
    reply.array(online().count());
    for replica in online() {
        let address = replica.client.addr.ip().to_string();
        let (port, offset) = (replica.port.to_string(), replica.acknowledged.to_string());
        reply.bulks(&[address.as_bytes(), port.as_bytes(), offset.as_bytes()]);
    }
    Ok(())
}

/// `WAIT numreplicas timeout`: the connection waits and then replies.
fn wait(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    if ctx.state.replication.is_replica() {
        return Err(CommandError::new(
            "ERR WAIT cannot be used with replica instances. Please also note that since Redis \
             4.0 if a replica is configured to be writable (which is not the default) writes to \
             replicas are just local and are not propagated.",
        ));
    }
    let replicas = integer(&args[1])?;
    let timeout = parse_integer(&args[2]).ok_or(CommandError::new(
        "ERR timeout is not an integer or out of range",
    ))?;
    let timeout =
        u64::try_from(timeout).map_err(|_| CommandError::new("ERR timeout is negative"))?;
    let offset = ctx.client.written;
    let acknowledged = ctx.state.replication.acknowledged(offset);
    if acknowledged as i64 >= replicas {
        ctx.reply.integer(acknowledged as i64);
        return Ok(());
    }
    if !ctx.state.is_frozen() {
        let limit = ctx.state.config.client_output_buffer_limit.replica;
        ctx.state.replication.ask(limit);
    }
    let timeout = (timeout > 0).then(|| Duration::from_millis(timeout));
    ctx.client.waiting = Some(Waiting::Replicas {
        replicas: replicas as usize,
        offset,
        // A deadline that is too far away for the clock never passes.
        deadline: timeout.and_then(|timeout| Instant::now().checked_add(timeout)),
    });
    Ok(())
}
