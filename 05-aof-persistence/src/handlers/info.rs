//! INFO (`genRedisInfoString` in Redis's `server.c`): each section is a table of names and
//! values.

use std::env::consts::{ARCH, OS};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

use crate::command::{Command, Context, Flag::*, REDIS_VERSION, Result};
use crate::resp::Args;
use crate::state::State;
use crate::stats::{lines, memory_in_use};
use crate::util::unix_time;

pub const COMMANDS: &[Command] = &[Command::new("info", -1, &[Loading, Stale], info)];

/// A section of INFO: its title, and what makes its lines.
type Section = (&'static str, fn(&State) -> String);

/// In Redis's order.
const SECTIONS: &[Section] = &[
    ("Server", server),
    ("Clients", clients),
    ("Memory", memory),
    ("Persistence", persistence),
    ("Stats", stats),
    ("Replication", replication),
    ("CPU", cpu),
    // There are no modules. To count and time each command would take longer than most
    // commands do, so nothing is told of them; tools find the titles that they look for.
    ("Modules", |_| String::new()),
    ("Commandstats", |_| String::new()),
    ("Latencystats", |_| String::new()),
    ("Cluster", |_| lines(&[("cluster_enabled", &0)])),
    ("Keyspace", keyspace),
];

/// Sections that INFO shows only on request.
const EXTRA: &[&str] = &["Commandstats", "Latencystats"];

/// `INFO [section …]`
fn info(ctx: &mut Context<'_>, args: Args<'_>) -> Result {
    let asked = args.skip(1);
    let wanted = |title: &str| {
        let is_default = !EXTRA.contains(&title);
        let names = |name: &[u8]| match name.to_ascii_lowercase().as_slice() {
            b"all" | b"everything" => true,
            b"default" => is_default,
            name => name == title.to_ascii_lowercase().as_bytes(),
        };
        (asked.is_empty() && is_default) || asked.iter().any(names)
    };
    let sections: Vec<String> = SECTIONS
        .iter()
        .filter(|(title, _)| wanted(title))
        .map(|(title, lines)| format!("# {title}\r\n{}", lines(ctx.state)))
        .collect();
    ctx.reply.verbatim(&sections.join("\r\n"));
    Ok(())
}

fn server(state: &State) -> String {
    let uptime = state.stats.uptime().as_secs();
    lines(&[
        ("redis_version", &REDIS_VERSION),
        ("redis_mode", &"standalone"),
        ("os", &format!("{OS} {ARCH}")),
        ("arch_bits", &usize::BITS),
        ("process_id", &std::process::id()),
        ("tcp_port", &state.config.port),
        ("server_time_usec", &unix_time().as_micros()),
        ("uptime_in_seconds", &uptime),
        ("uptime_in_days", &(uptime / 86_400)),
        ("hz", &10),
        ("configured_hz", &10),
    ])
}

fn clients(state: &State) -> String {
    lines(&[
        ("connected_clients", &state.clients.len()),
        ("maxclients", &state.config.maxclients),
        ("blocked_clients", &0),
    ])
}

/// Redis counts every allocation. We ask the system how much memory the process
/// occupies and give that for both numbers.
fn memory(state: &State) -> String {
    let bytes = memory_in_use();
    lines(&[
        ("used_memory", &bytes),
        ("used_memory_rss", &bytes),
        ("used_memory_peak", &bytes.max(state.stats.peak_memory)),
        ("used_memory_startup", &state.stats.startup_memory),
        ("maxmemory", &0),
        ("maxmemory_policy", &"noeviction"),
        ("mem_allocator", &"mimalloc"),
    ])
}

fn persistence(state: &State) -> String {
    let lines = lines(&[
        ("loading", &u8::from(state.store.loading)),
        ("rdb_changes_since_last_save", &state.store.changes),
    ]);
    lines + &state.aof.info()
}

fn stats(state: &State) -> String {
    let (stats, counters) = (&state.stats, &state.store.counters);
    let [commands, received, sent] = stats.rates.per_second;
    let kib = |bytes: f64| format!("{:.2}", bytes / 1024.0);
    lines(&[
        ("total_connections_received", &stats.connections_received),
        ("total_commands_processed", &stats.commands_processed),
        ("instantaneous_ops_per_sec", &(commands as u64)),
        ("total_net_input_bytes", &stats.bytes_received),
        ("total_net_output_bytes", &stats.bytes_sent),
        ("instantaneous_input_kbps", &kib(received)),
        ("instantaneous_output_kbps", &kib(sent)),
        ("rejected_connections", &stats.connections_rejected),
        ("expired_keys", &counters.expired),
        ("evicted_keys", &0),
        ("keyspace_hits", &counters.hits),
        ("keyspace_misses", &counters.misses),
        ("latest_fork_usec", &0),
        ("total_forks", &0),
    ])
}

fn replication(_: &State) -> String {
    lines(&[("role", &"master"), ("connected_slaves", &0)])
}

/// How much processor time the server has used, in seconds.
fn cpu(_: &State) -> String {
    let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    let usage = getrusage(UsageWho::RUSAGE_SELF);
    let (system, user) = usage.map_or((0.0, 0.0), |usage| {
        (seconds(usage.system_time()), seconds(usage.user_time()))
    });
    lines(&[
        ("used_cpu_sys", &format!("{system:.6}")),
        ("used_cpu_user", &format!("{user:.6}")),
        ("used_cpu_sys_children", &"0.000000"),
        ("used_cpu_user_children", &"0.000000"),
    ])
}

fn keyspace(state: &State) -> String {
    match state.store.len() {
        0 => String::new(),
        keys => format!(
            "db0:keys={keys},expires={},avg_ttl={}\r\n",
            state.store.volatile_len(),
            state.store.average_ttl()
        ),
    }
}
