//! DEBUG: looks inside the server, for tests (`debug.c` in Redis). `enable-debug-command` says
//! who may.

use std::fs::{self, File};
use std::io;
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use bytes::BytesMut;
use tracing::warn;

use crate::aof;
use crate::apply::{self, Applier};
use crate::clients::Handle;
use crate::command::{Command, CommandError, Context, Flag::*, Handler, Result, Table};
use crate::objects::{Digest, Hash, Object};
use crate::rdb::{Decoder, MAGIC, payload};
use crate::resp::Args;
use crate::state::State;
use crate::store::clock::Unit;
use crate::store::{Entry, Value};

pub const COMMANDS: &[Command] = &[Command::new(
    "debug",
    -2,
    &[Admin, Noscript, Loading, Stale],
    debug,
)];

/// A subcommand, how many arguments the command may have in all, and what it does. In Redis they
/// are not in the table of commands.
type Row = (&'static str, RangeInclusive<usize>, Handler);

const SUBCOMMANDS: &[Row] = &[
    ("DIGEST", 2..=2, digest),
    ("DIGEST-VALUE", 2..=usize::MAX, digest_value),
    ("HELP", 2..=2, help),
    ("HTSTATS-KEY", 3..=3, htstats_key),
    ("LISTPACK", 3..=3, listpack),
    ("LOADAOF", 2..=2, loadaof),
    ("OBJECT", 3..=3, object),
    ("PAUSE-CRON", 3..=3, pause_cron),
    #[cfg(feature = "lists")]
    ("QUICKLIST-PACKED-THRESHOLD", 3..=3, super::list::threshold),
    ("RELOAD", 2..=usize::MAX, reload),
    ("SET-ACTIVE-EXPIRE", 3..=3, set_active_expire),
    ("SET-SKIP-CHECKSUM-VALIDATION", 3..=3, set_skip_checksum),
    ("SLEEP", 3..=3, sleep),
];

const NOT_ALLOWED: CommandError = CommandError::new(
    "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you \
     can run it from a local connection, otherwise you need to set this option in the \
     configuration file, and then restart the server.",
);
const NO_SUCH_KEY: CommandError = CommandError::new("ERR no such key");
const BAD_RDB: CommandError = CommandError::new("ERR Error trying to load the RDB dump");
const BAD_AOF: CommandError = CommandError::new("ERR Error trying to load the AOF");

/// `DEBUG subcommand [argument …]`
fn debug(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    if !ctx.state.config.allows_debug(&ctx.client.handle) {
        return Err(NOT_ALLOWED);
    }
    let is_called = |(name, count, _): &&Row| {
        args[1].eq_ignore_ascii_case(name.as_bytes()) && count.contains(&args.len())
    };
    match rows().find(is_called) {
        Some((_, _, run)) => run(ctx, args),
        None => Err(CommandError::quoting(
            "ERR unknown subcommand or wrong number of arguments for '",
            &args[1],
            "'. Try DEBUG HELP.",
        )),
    }
}

/// All subcommands.
fn rows() -> impl Iterator<Item = &'static Row> {
    let rows = SUBCOMMANDS.iter();
    #[cfg(feature = "client-lifecycle")]
    let rows = rows.chain(super::debug_tests::SUBCOMMANDS);
    rows
}

/// `DEBUG HELP`
fn help(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    ctx.reply.array(rows().count());
    for (name, _, _) in rows() {
        ctx.reply.simple(name);
    }
    Ok(())
}

/// The digest of a value and its deadline, added to `digest`.
fn add_value(digest: &mut Digest, entry: &Entry<'_>) {
    match entry.value.as_object() {
        Some(object) => object.digest(digest),
        None => {
            /// `OBJ_STRING`
            const TYPE: u32 = 0;
            digest.append(&TYPE.to_be_bytes());
            let text = &mut itoa::Buffer::new();
            digest.append(entry.value.bytes(text).unwrap_or_default());
        }
    }
    if entry.deadline.is_some() {
        digest.add(b"!!expire!!");
    }
}

/// `DEBUG DIGEST`: of all keys; forty zeros if there are none.
fn digest(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    let mut all = Digest::default();
    if ctx.state.store.len() > 0 {
        const DATABASE: u32 = 0;
        all.append(&DATABASE.to_be_bytes());
    }
    for part in ctx.state.store.snapshot().into_parts() {
        for entry in part.entries() {
            let mut digest = Digest::default();
            digest.append(entry.key);
            add_value(&mut digest, &entry);
            all.add_digest(digest);
        }
    }
    ctx.reply.simple(&all.to_string());
    Ok(())
}

/// `DEBUG DIGEST-VALUE [key …]`
fn digest_value(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let keys = args.skip(2);
    ctx.reply.array(keys.len());
    for key in keys.iter() {
        let store = &mut ctx.state.store;
        let mut digest = Digest::default();
        let deadline = store.deadline(key).map(|it| store.clock.unix(it));
        if let Some(value) = store.peek(key) {
            let entry = Entry {
                key,
                value,
                deadline,
            };
            add_value(&mut digest, &entry);
        }
        ctx.reply.simple(&digest.to_string());
    }
    Ok(())
}

fn find<'a>(state: &'a mut State, key: &[u8]) -> Result<&'a Value> {
    state.store.peek(key).ok_or(NO_SUCH_KEY)
}

/// `DEBUG OBJECT key`: the address of the value is not told.
fn object(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let options = ctx.state.config.rdb_options();
    let value = find(ctx.state, &args[2])?;
    let encoding = value.encoding();
    let size = payload::size(value, options).unwrap_or_default();
    let idle = ctx.state.store.idle_time(&args[2]);
    let used = ctx.state.store.clock.seconds().wrapping_sub(idle) & 0xFF_FFFF;
    let text = format!(
        "Value at:0x0 refcount:1 encoding:{encoding} serializedlength:{size} lru:{used} \
         lru_seconds_idle:{idle}"
    );
    #[cfg(feature = "lists")]
    let text = text + &super::list::statistics(ctx, &args[2])?;
    ctx.reply.simple(&text);
    Ok(())
}

/// `DEBUG LISTPACK key`: the server log has its bytes.
fn listpack(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    match find(ctx.state, &args[2])?.object::<Hash>() {
        Ok(Hash::Packed(list)) => {
            warn!("{}", list.as_bytes().escape_ascii());
            ctx.reply.simple("Listpack structure printed on stdout");
            Ok(())
        }
        _ => Err(CommandError::new("ERR Not a listpack encoded object.")),
    }
}

/// `DEBUG HTSTATS-KEY key`: how the table of a large collection is filled.
fn htstats_key(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let object = find(ctx.state, &args[2])?.as_object();
    match object.and_then(Object::table_statistics) {
        Some(statistics) => {
            ctx.reply.verbatim(&statistics);
            Ok(())
        }
        None => Err(CommandError::new(
            "ERR The value stored at the specified key is not represented using an hash table",
        )),
    }
}

/// What C's `atoi` reads.
fn is_true(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    text.strip_prefix(b"-")
        .unwrap_or(text)
        .iter()
        .take_while(|it| it.is_ascii_digit())
        .any(|it| *it != b'0')
}

/// `DEBUG SET-ACTIVE-EXPIRE <0 | 1>`
fn set_active_expire(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    ctx.state.store.is_active_expiry_off = !is_true(&args[2]);
    ctx.reply.ok();
    Ok(())
}

/// `DEBUG PAUSE-CRON <0 | 1>`: nothing is done regularly, neither once a second nor more often.
fn pause_cron(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    ctx.state.is_cron_paused = is_true(&args[2]);
    ctx.reply.ok();
    Ok(())
}

/// `DEBUG SET-SKIP-CHECKSUM-VALIDATION <0 | 1>`: RESTORE does not look at checksums.
fn set_skip_checksum(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    ctx.state.config.skip_checksum_validation = is_true(&args[2]);
    ctx.reply.ok();
    Ok(())
}

/// `DEBUG SLEEP seconds`: nobody is served meanwhile.
fn sleep(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let seconds = str::from_utf8(&args[2])
        .ok()
        .and_then(|text| text.parse().ok());
    let time = Duration::try_from_secs_f64(seconds.unwrap_or_default());
    std::thread::sleep(time.unwrap_or_default());
    ctx.reply.ok();
    Ok(())
}

/// `DEBUG RELOAD [MERGE] [NOFLUSH] [NOSAVE]`: saves the data, and loads it again.
fn reload(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let (mut merge, mut flush, mut save) = (false, true, true);
    for option in args.skip(2).iter() {
        match option.to_ascii_lowercase().as_slice() {
            b"merge" => merge = true,
            b"noflush" => flush = false,
            b"nosave" => save = false,
            _ => {
                return Err(CommandError::new(
                    "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.",
                ));
            }
        }
    }
    let State {
        store,
        config,
        background,
        ..
    } = &mut *ctx.state;
    if save && !background.save_now(store, config) {
        return Err(CommandError::new("ERR"));
    }
    let file = File::open(config.rdb_location().path());
    if flush {
        store.clear(false);
    }
    let loaded = file.and_then(|file| load(ctx.state, file, merge).map(drop));
    loaded.map_err(|error| {
        warn!("cannot reload: {error}");
        BAD_RDB
    })?;
    ctx.reply.ok();
    Ok(())
}

/// Puts the keys of an RDB into the store. Returns the bytes that follow it. Unlike a start, this
/// is done with the lock held.
fn load(state: &mut State, source: impl io::Read, merge: bool) -> io::Result<Vec<u8>> {
    let decoder = Decoder::new(source).map_err(io::Error::other)?;
    let mut decoder = decoder.with_limits(state.config.limits);
    let store = &mut state.store;
    while let Some(record) = decoder.next().map_err(io::Error::other)? {
        let deadline = record.deadline;
        let deadline = deadline.and_then(|at| store.clock.moment(at, Unit::UnixMilliseconds));
        let is_past = deadline.is_some_and(|deadline| store.clock.is_past(deadline));
        if !is_past && !store.load(&record.key, record.value, deadline) && !merge {
            return Err(io::Error::other("a key is there twice"));
        }
    }
    let (mut rest, mut source) = decoder.into_rest();
    source.read_to_end(&mut rest)?;
    Ok(rest)
}

/// `DEBUG LOADAOF`: replaces the data by what the AOF has.
fn loadaof(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    let location = ctx.state.config.aof_location();
    let files = ctx
        .state
        .aof
        .sync()
        .ok()
        .and_then(|()| aof::files(&location).ok());
    let files = files.ok_or(BAD_AOF)?;
    // What is executed now is in the AOF already.
    let aof = std::mem::take(&mut ctx.state.aof);
    let changes = ctx.state.store.changes;
    ctx.state.store.clear(false);
    ctx.state.store.loading = true;
    let mut replayed = files
        .iter()
        .map(|file| replay(ctx.state, super::table(), file));
    let replayed = replayed.all(|replayed| replayed.is_ok());
    ctx.state.store.loading = false;
    // None of it is new, so this command does not go to the AOF.
    ctx.state.store.changes = changes;
    ctx.state.aof = aof;
    replayed.then(|| ctx.reply.ok()).ok_or(BAD_AOF)
}

fn replay(state: &mut State, table: &'static Table, file: &Path) -> io::Result<()> {
    let mut bytes = fs::read(file)?;
    if bytes.starts_with(MAGIC) {
        bytes = load(state, &bytes[..], false)?;
    }
    let mut applier = Applier::new(table, true, Handle::nobody(0).into());
    let (mut batch, mut input) = (apply::batch(), BytesMut::from(&bytes[..]));
    let applied = applier.apply(&mut batch, &mut input, state, |_, _| ());
    applied.map_err(io::Error::other)
}
