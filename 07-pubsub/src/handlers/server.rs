//! Commands about the server: DBSIZE, FLUSHALL, CONFIG, TIME, LOLWUT
//! (in Redis `db.c` for the first two, then `config.c`, `server.c`, `lolwut.c`).

use tracing::error;

use crate::command::{
    Command, CommandError, Context, Flag, Flag::*, REDIS_VERSION, Result, help, integer,
};
use crate::config::{Change, Config, PARAMETERS, Parameter};
use crate::logging;
use crate::resp::Args;
use crate::state::State;
use crate::store::Counters;
use crate::util::{glob, open_files, unix_time};

const CONFIG_FLAGS: &[Flag] = &[Admin, Noscript, Loading, Stale];

pub const COMMANDS: &[Command] = &[
    Command::new("dbsize", 1, &[Readonly, Fast], dbsize),
    Command::new("flushdb", -1, &[Write], flush),
    Command::new("flushall", -1, &[Write], flush),
    Command::container("config", CONFIG),
    Command::new("time", 1, &[Loading, Stale, Fast], time),
    Command::new("lolwut", -1, &[Readonly, Fast], lolwut),
];

const CONFIG: &[Command] = &[
    Command::new("config|get", -3, CONFIG_FLAGS, config_get),
    Command::new("config|set", -4, CONFIG_FLAGS, config_set),
    Command::new("config|resetstat", 2, CONFIG_FLAGS, config_resetstat),
    Command::new("config|help", 2, &[Loading, Stale], help),
];

/// `DBSIZE`
fn dbsize(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    ctx.reply.integer(ctx.state.store.len() as i64);
    Ok(())
}

/// `FLUSHDB [ASYNC | SYNC]` and `FLUSHALL [ASYNC | SYNC]`: there is one database.
fn flush(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let lazy = match args.len() {
        1 => false,
        2 if args.is(1, "SYNC") => false,
        2 if args.is(1, "ASYNC") => true,
        _ => return Err(CommandError::SYNTAX),
    };
    ctx.state.store.flush(lazy);
    if args.is(0, "FLUSHALL") {
        forget_saved(ctx.state);
    }
    // Redis propagates it even if there was no key (`forceCommandPropagation`).
    ctx.propagate(&args.iter().collect::<Vec<_>>());
    ctx.reply.ok();
    Ok(())
}

/// Cancels a save that is under way, because it would write deleted data. If there are save
/// points, saves the empty data set (`flushAllDataAndResetRDB`).
fn forget_saved(state: &mut State) {
    if state.background.is_saving() {
        state.background.cancel();
    }
    if !state.config.save.is_empty() {
        state.background.save_now(&state.store, &state.config);
    }
}

/// `CONFIG GET pattern [pattern …]`: each parameter once. Without a wildcard it is a
/// name, which goes back as the client spelled it.
fn config_get(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let shown_as = |parameter: &'static Parameter| {
        let name = parameter.name.as_bytes();
        let shown = args.skip(2).iter().find_map(|asked| {
            let lower = asked.to_ascii_lowercase();
            match asked.iter().any(|byte| b"*?[".contains(byte)) {
                true => glob::matches(&lower, name).then_some(name),
                false => (lower == name).then_some(asked),
            }
        });
        Some((shown?, parameter))
    };
    let found: Vec<(&[u8], &Parameter)> = PARAMETERS.iter().filter_map(shown_as).collect();
    ctx.reply.map(found.len());
    for (name, parameter) in found {
        ctx.reply.bulk(name);
        ctx.reply.bulk(parameter.get(&ctx.state.config).as_bytes());
    }
    Ok(())
}

/// `CONFIG SET parameter value [parameter value …]`: all of them or none.
fn config_set(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    if !args.len().is_multiple_of(2) {
        return Err(CommandError::SYNTAX);
    }
    let names = args.skip(2).iter().step_by(2);
    let values = args.skip(3).iter().step_by(2);
    let mut changes: Vec<(&Parameter, &[u8])> = Vec::new();
    for (name, value) in names.zip(values) {
        let parameter = Parameter::find(name).ok_or_else(|| unknown_parameter(name))?;
        if parameter.is(Change::Immutable) {
            return Err(config_failed(name, "can't set immutable config"));
        }
        if parameter.is(Change::Protected) {
            return Err(config_failed(name, "can't set protected config"));
        }
        // While the AOF is being replayed, it can be neither closed nor opened.
        if ctx.state.store.loading && parameter.name == "appendonly" {
            return Err(CommandError::LOADING);
        }
        if changes.iter().any(|(it, _)| it.name == parameter.name) {
            return Err(config_failed(name, "duplicate parameter"));
        }
        changes.push((parameter, value));
    }
    let mut changed = ctx.state.config.clone();
    for (parameter, value) in changes {
        changed
            .set(parameter, value)
            .map_err(|why| config_failed(parameter.name.as_bytes(), &why))?;
    }
    make_room(&changed, &ctx.state.config)?;
    switch_aof(ctx.state, &changed)?;
    ctx.state.config = changed;
    logging::set_level(ctx.state.config.loglevel);
    ctx.reply.ok();
    Ok(())
}

/// Raises the limit of open files if `maxclients` grows. An error if the system refuses.
fn make_room(changed: &Config, current: &Config) -> Result {
    if changed.maxclients > current.maxclients {
        let most = open_files::raise_limit(changed.maxclients);
        if most < changed.maxclients {
            let why = format!(
                "The operating system is not able to handle the specified number of clients, \
                 try with {most}"
            );
            return Err(config_failed(b"maxclients", &why));
        }
    }
    Ok(())
}

/// Turns the AOF on or off if `appendonly` changes. A new AOF begins with what is
/// in the store, which is written in the background.
fn switch_aof(state: &mut State, changed: &Config) -> Result {
    match (state.config.appendonly, changed.appendonly) {
        (false, true) => {
            state.background.cancel_rewrite();
            let turned_on = state.aof.turn_on(changed.aof_location());
            turned_on.map_err(|error| {
                error!("cannot turn the AOF on: {error}");
                let why = "Unable to turn on AOF. Check server logs.";
                config_failed(b"appendonly", why)
            })?;
            let (aof, store) = (&mut state.aof, &state.store);
            state.background.rewrite_soon(aof, store, changed);
        }
        (true, false) => {
            state.background.cancel_rewrite();
            state.aof.close();
        }
        _ => {}
    }
    Ok(())
}

fn unknown_parameter(name: &[u8]) -> CommandError {
    let before = "ERR Unknown option or number of arguments for CONFIG SET - '";
    CommandError::quoting(before, name, "'")
}

fn config_failed(name: &[u8], why: &str) -> CommandError {
    let before = "ERR CONFIG SET failed (possibly related to argument '";
    CommandError::quoting(before, name, &format!("') - {why}"))
}

/// `CONFIG RESETSTAT`
fn config_resetstat(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    ctx.state.stats.reset();
    ctx.state.store.counters = Counters::default();
    ctx.state.background.reset_counters();
    ctx.reply.ok();
    Ok(())
}

/// `TIME`: seconds and microseconds since 1970.
fn time(ctx: &mut Context<'_>, _: Args<'_>) -> Result {
    let now = unix_time();
    ctx.reply.array(2);
    for number in [now.as_secs(), now.subsec_micros().into()] {
        ctx.reply.bulk(number.to_string().as_bytes());
    }
    Ok(())
}

/// `LOLWUT [VERSION version]`: Redis 7.0 has no art of its own either.
fn lolwut(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    if let Some(version) = args.get(2).filter(|_| args.is(1, "version")) {
        integer(version)?;
    }
    ctx.reply.verbatim(&format!("Redis ver. {REDIS_VERSION}\n"));
    Ok(())
}
