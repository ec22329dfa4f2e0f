//! Commands about the server: DBSIZE, FLUSHALL, INFO, CONFIG, TIME, LOLWUT
//! (in Redis `db.c` for the first two, then `server.c`, `config.c`, `server.c`, `lolwut.c`).

use std::fs;
use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use tracing::{error, warn};

use crate::admission;
use crate::aof::system_text;
use crate::command::{Command, CommandError, Context, Flag, Flag::*, REDIS_VERSION, Result, help};
use crate::config::{Change, Config, PARAMETERS, Parameter};
use crate::glob;
use crate::logging;
use crate::resp::{Args, parse_integer};
use crate::stats::{Loading, memory_in_use};
use crate::store::Counters;

const CONFIG_FLAGS: &[Flag] = &[Admin, Noscript, Loading, Stale];

pub const COMMANDS: &[Command] = &[
    Command::new("dbsize", 1, &[Readonly, Fast], dbsize),
    Command::new("flushdb", -1, &[Write], flush),
    Command::new("flushall", -1, &[Write], flush),
    Command::new("info", -1, &[Loading, Stale], info),
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
    let lazy = match (args.len(), args.get(1)) {
        (1, _) => false,
        (2, Some(how)) if how.eq_ignore_ascii_case(b"SYNC") => false,
        (2, Some(how)) if how.eq_ignore_ascii_case(b"ASYNC") => true,
        _ => return Err(CommandError::SYNTAX),
    };
    ctx.state.store.flush(lazy);
    if args[0].eq_ignore_ascii_case(b"FLUSHALL") {
        forget_saved(ctx);
    }
    ctx.reply.ok();
    Ok(())
}

/// After FLUSHALL nobody wants a file with what was there
/// (`flushAllDataAndResetRDB`).
fn forget_saved(ctx: &mut Context<'_>) {
    if ctx.state.background.is_saving() {
        ctx.state.background.cancel();
    }
    if !ctx.state.config.save.is_empty()
        && let Err(error) = ctx
            .state
            .background
            .save_now(&ctx.state.store, &ctx.state.config)
    {
        warn!("cannot save: {}", system_text(&error));
    }
}

/// A section of INFO: its title, and what makes its lines.
type Section = (&'static str, fn(&Context<'_>) -> String);

/// In Redis's order.
const SECTIONS: &[Section] = &[
    ("Server", info_server),
    ("Clients", info_clients),
    ("Memory", info_memory),
    ("Persistence", info_persistence),
    ("Stats", info_stats),
    ("Replication", info_replication),
    ("CPU", info_cpu),
    ("Modules", info_nothing),
    ("Commandstats", info_nothing),
    ("Latencystats", info_nothing),
    ("Cluster", info_cluster),
    ("Keyspace", info_keyspace),
];

/// Sections that are not among those that INFO shows by default.
const EXTRA: &[&str] = &["Commandstats", "Latencystats"];

/// `INFO [section …]`
fn info(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let asked = args.skip(1);
    let wanted = |title: &str| {
        let is_default = !EXTRA.contains(&title);
        let names = |name: &[u8]| match name.to_ascii_lowercase().as_slice() {
            b"all" | b"everything" => true,
            b"default" => is_default,
            b"module_list" => title == "Modules",
            name => name == title.to_ascii_lowercase().as_bytes(),
        };
        (asked.is_empty() && is_default) || asked.iter().any(names)
    };
    let sections: Vec<String> = SECTIONS
        .iter()
        .filter(|(title, _)| wanted(title))
        .map(|(title, lines)| format!("# {title}\r\n{}", lines(ctx)))
        .collect();
    ctx.reply.verbatim(&sections.join("\r\n"));
    Ok(())
}

fn info_server(ctx: &Context<'_>) -> String {
    let uptime = ctx.state.stats.uptime().as_secs();
    let executable = std::env::current_exe().unwrap_or_default();
    format!(
        "redis_version:{REDIS_VERSION}\r\nredis_mode:standalone\r\nos:{} {}\r\narch_bits:{}\r\n\
         multiplexing_api:{}\r\nprocess_id:{}\r\nprocess_supervised:no\r\ntcp_port:{}\r\n\
         server_time_usec:{}\r\nuptime_in_seconds:{uptime}\r\nuptime_in_days:{}\r\nhz:10\r\n\
         configured_hz:10\r\nexecutable:{}\r\nconfig_file:\r\nio_threads_active:{}\r\n",
        std::env::consts::OS,
        std::env::consts::ARCH,
        usize::BITS,
        if cfg!(target_os = "linux") {
            "epoll"
        } else {
            "kqueue"
        },
        std::process::id(),
        ctx.state.config.port,
        unix_time().as_micros(),
        uptime / 86_400,
        executable.display(),
        u8::from(ctx.state.config.io_threads > 1),
    )
}

fn info_clients(ctx: &Context<'_>) -> String {
    format!(
        "connected_clients:{}\r\ncluster_connections:0\r\nmaxclients:{}\r\n\
         blocked_clients:0\r\ntracking_clients:0\r\nclients_in_timeout_table:0\r\n",
        ctx.state.clients.len(),
        ctx.state.config.maxclients,
    )
}

/// Redis counts every allocation. We ask the system how much memory the process
/// occupies and give that for both numbers.
fn info_memory(ctx: &Context<'_>) -> String {
    let bytes = memory_in_use();
    let peak = bytes.max(ctx.state.stats.peak_memory);
    let human = human_bytes(bytes);
    format!(
        "used_memory:{bytes}\r\nused_memory_human:{human}\r\nused_memory_rss:{bytes}\r\n\
         used_memory_rss_human:{human}\r\nused_memory_peak:{peak}\r\n\
         used_memory_peak_human:{}\r\nused_memory_peak_perc:{:.2}%\r\n\
         used_memory_startup:{}\r\n{}maxmemory:0\r\nmaxmemory_human:0B\r\n\
         maxmemory_policy:noeviction\r\nmem_allocator:mimalloc\r\n",
        human_bytes(peak),
        bytes as f64 * 100.0 / peak.max(1) as f64,
        ctx.state.stats.startup_memory,
        info_system_memory(),
    )
}

/// How much memory the machine has, where the system says so in Linux's way.
fn info_system_memory() -> &'static str {
    static LINES: LazyLock<String> = LazyLock::new(|| {
        let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
        let kib = total.and_then(|total| total.trim().strip_suffix(" kB")?.parse().ok());
        kib.map_or(String::new(), |kib: u64| {
            let (bytes, human) = (kib << 10, human_bytes(kib << 10));
            format!("total_system_memory:{bytes}\r\ntotal_system_memory_human:{human}\r\n")
        })
    });
    &LINES
}

/// `1013232` as `989.48K` (`bytesToHuman`).
fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["K", "M", "G", "T"];
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.2}{}", UNITS[unit])
}

fn info_persistence(ctx: &Context<'_>) -> String {
    let background = &ctx.state.background;
    format!(
        "loading:{}\r\nasync_loading:0\r\n{}{}aof_enabled:{}\r\n{}{}{}",
        u8::from(ctx.state.store.loading),
        background.info_progress(&ctx.state.store),
        background.info_saves(&ctx.state.store),
        u8::from(ctx.state.config.appendonly),
        background.info_rewrites(),
        ctx.state.aof.info(),
        ctx.state
            .stats
            .loading
            .as_ref()
            .map_or(String::new(), info_loading),
    )
}

fn info_loading(loading: &Loading) -> String {
    let started = loading
        .started
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let elapsed = loading.started.elapsed().unwrap_or_default().as_secs();
    let left = loading.total.saturating_sub(loading.loaded);
    format!(
        "loading_start_time:{}\r\nloading_total_bytes:{}\r\nloading_loaded_bytes:{}\r\n\
         loading_loaded_perc:{:.2}\r\nloading_eta_seconds:{}\r\n",
        started.as_secs(),
        loading.total,
        loading.loaded,
        loading.loaded as f64 * 100.0 / loading.total.max(1) as f64,
        elapsed * left / loading.loaded.max(1),
    )
}

fn info_stats(ctx: &Context<'_>) -> String {
    let counters = &ctx.state.store.counters;
    let rates = &ctx.state.stats.rates;
    format!(
        "total_connections_received:{}\r\ntotal_commands_processed:{}\r\n\
         instantaneous_ops_per_sec:{}\r\ntotal_net_input_bytes:{}\r\n\
         total_net_output_bytes:{}\r\ninstantaneous_input_kbps:{:.2}\r\n\
         instantaneous_output_kbps:{:.2}\r\nrejected_connections:{}\r\n\
         expired_keys:{}\r\nevicted_keys:0\r\nkeyspace_hits:{}\r\nkeyspace_misses:{}\r\n\
         latest_fork_usec:0\r\ntotal_forks:0\r\n",
        ctx.state.stats.connections_received,
        ctx.state.stats.commands_processed,
        rates.commands(),
        ctx.state.stats.bytes_received,
        ctx.state.stats.bytes_sent,
        rates.bytes_received() as f64 / 1024.0,
        rates.bytes_sent() as f64 / 1024.0,
        ctx.state.stats.connections_rejected,
        counters.expired,
        counters.hits,
        counters.misses,
    )
}

fn info_replication(_: &Context<'_>) -> String {
    "role:master\r\nconnected_slaves:0\r\n".into()
}

/// How much processor time the server has used, in seconds.
fn info_cpu(_: &Context<'_>) -> String {
    let (system, user) = getrusage(UsageWho::RUSAGE_SELF).map_or((0.0, 0.0), |usage| {
        (seconds(usage.system_time()), seconds(usage.user_time()))
    });
    format!(
        "used_cpu_sys:{system:.6}\r\nused_cpu_user:{user:.6}\r\n\
         used_cpu_sys_children:0.000000\r\nused_cpu_user_children:0.000000\r\n"
    )
}

fn seconds(time: TimeVal) -> f64 {
    time.tv_sec() as f64 + time.tv_usec() as f64 / 1_000_000.0
}

/// There are no modules. To count and time each command would take longer than most
/// commands do, so nothing is told of them; tools find the titles that they look for.
fn info_nothing(_: &Context<'_>) -> String {
    String::new()
}

fn info_cluster(_: &Context<'_>) -> String {
    "cluster_enabled:0\r\n".into()
}

fn info_keyspace(ctx: &Context<'_>) -> String {
    match ctx.state.store.len() {
        0 => String::new(),
        keys => format!(
            "db0:keys={keys},expires={},avg_ttl={}\r\n",
            ctx.state.store.volatile_len(),
            ctx.state.store.average_ttl()
        ),
    }
}

/// `CONFIG GET pattern [pattern …]`: each parameter once. Without a wildcard it is a
/// name, which goes back as the client spelled it.
fn config_get(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let mut found: Vec<(&[u8], &Parameter)> = Vec::new();
    for asked in args.skip(2).iter() {
        let is_pattern = asked.iter().any(|byte| b"*?[".contains(byte));
        let lower = asked.to_ascii_lowercase();
        for parameter in PARAMETERS {
            let name = parameter.name.as_bytes();
            let shown = match is_pattern {
                true if glob::matches(&lower, name) => name,
                false if lower == name => asked,
                _ => continue,
            };
            if found.iter().all(|(_, other)| other.name != parameter.name) {
                found.push((shown, parameter));
            }
        }
    }
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
        // While the AOF is being replayed, it can be neither closed nor opened.
        if ctx.state.store.loading && parameter.name == "appendonly" {
            return Err(CommandError::LOADING);
        }
        if parameter.is(Change::Immutable) {
            return Err(config_failed(name, "can't set immutable config"));
        }
        if parameter.is(Change::Protected) {
            return Err(config_failed(name, "can't set protected config"));
        }
        if changes
            .iter()
            .any(|(other, _)| other.name == parameter.name)
        {
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
    switch_log(ctx, &changed)?;
    ctx.state.config = changed;
    logging::set_level(ctx.state.config.loglevel);
    ctx.reply.ok();
    Ok(())
}

/// More clients need more open files.
fn make_room(changed: &Config, current: &Config) -> Result {
    if changed.maxclients > current.maxclients {
        let most = admission::make_room(changed.maxclients);
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

/// Turns the log on or off if `appendonly` changes. A new log begins with what is
/// in the store; that is written in the background.
fn switch_log(ctx: &mut Context<'_>, changed: &Config) -> Result {
    match (ctx.state.config.appendonly, changed.appendonly) {
        (false, true) => turn_on_log(ctx, changed).map_err(|error| {
            error!("cannot turn the log on: {error}");
            let why = "Unable to turn on AOF. Check server logs.";
            config_failed(b"appendonly", why)
        }),
        (true, false) => {
            if ctx.state.background.is_rewriting() {
                ctx.state.background.cancel();
            }
            ctx.state.background.rewrite_scheduled = false;
            ctx.state.aof.close();
            Ok(())
        }
        _ => Ok(()),
    }
}

fn turn_on_log(ctx: &mut Context<'_>, changed: &Config) -> std::result::Result<(), String> {
    if ctx.state.background.is_rewriting() {
        ctx.state.background.cancel();
    }
    let turned_on = ctx.state.aof.turn_on(changed.log_location());
    turned_on.map_err(|error| error.to_string())?;
    // If something else is under way, or this fails, it begins later.
    if ctx.state.background.is_busy() {
        ctx.state.background.rewrite_scheduled = true;
    } else {
        let _ = ctx
            .state
            .background
            .rewrite(&mut ctx.state.aof, &ctx.state.store, changed);
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
    let mut digits = itoa::Buffer::new();
    ctx.reply.array(2);
    ctx.reply.bulk(digits.format(now.as_secs()).as_bytes());
    ctx.reply
        .bulk(digits.format(now.subsec_micros()).as_bytes());
    Ok(())
}

fn unix_time() -> std::time::Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// `LOLWUT [VERSION version]`: Redis 7.0 has no art of its own either.
fn lolwut(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    if let (Some(word), Some(version)) = (args.get(1), args.get(2))
        && word.eq_ignore_ascii_case(b"VERSION")
        && parse_integer(version).is_none()
    {
        return Err(CommandError::NOT_AN_INTEGER);
    }
    ctx.reply.verbatim(&format!("Redis ver. {REDIS_VERSION}\n"));
    Ok(())
}
