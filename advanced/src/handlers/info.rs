//! INFO (`genRedisInfoString` in Redis's `server.c`): each section is a table of names and
//! values.

use std::env::consts::{ARCH, OS};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;
use std::time::UNIX_EPOCH;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

use super::info_timing;
use crate::clients::states::BLOCKED;
use crate::clients::{Handle, Kind as Peer};
use crate::command::{Command, Context, Flag::*, REDIS_VERSION, Result};
use crate::pubsub::Kind;
use crate::replication::{Link, Primary, ReplicaState};
use crate::resp::Args;
use crate::state::State;
use crate::stats::{Loading, lines, memory_in_use};
use crate::util::unix_time;

pub const COMMANDS: &[Command] = &[Command::new("info", -1, &[Loading, Stale], info)];

/// A section of INFO: its title, and what makes its lines.
pub type Section = (&'static str, fn(&State) -> String);

/// In Redis's order.
const SECTIONS: &[Section] = &[
    ("Server", server),
    ("Clients", clients),
    ("Memory", memory),
    ("Persistence", persistence),
    ("Stats", stats),
    ("Replication", replication),
    ("CPU", cpu),
    ("Modules", |_| String::new()),
];

/// What follows on the sections about commands and their times.
const LAST: &[Section] = &[
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
        .chain(info_timing::SECTIONS)
        .chain(LAST)
        .filter(|(title, _)| wanted(title))
        .map(|(title, lines)| format!("# {title}\r\n{}", lines(ctx.state)))
        .collect();
    ctx.reply.verbatim(&sections.join("\r\n"));
    Ok(())
}

fn server(state: &State) -> String {
    let uptime = state.stats.uptime().as_secs();
    let drained = state.lifecycle.drained;
    let left = drained.map(|drained| drained.saturating_duration_since(Instant::now()));
    let mut text = lines(&[
        ("redis_version", &REDIS_VERSION),
        ("redis_mode", &"standalone"),
        ("os", &format!("{OS} {ARCH}")),
        ("arch_bits", &usize::BITS),
        ("process_id", &std::process::id()),
        ("run_id", &state.stats.run_id),
        ("tcp_port", &state.config.port),
        ("server_time_usec", &unix_time().as_micros()),
        ("uptime_in_seconds", &uptime),
        ("uptime_in_days", &(uptime / 86_400)),
        ("hz", &10),
        ("configured_hz", &10),
    ]);
    // How much longer the server waits for its replicas.
    if let Some(left) = left {
        text += &lines(&[("shutdown_in_milliseconds", &left.as_millis())]);
    }
    text
}

fn clients(state: &State) -> String {
    let replicas = state.replication.replicas().len();
    let count = |is: fn(&Handle) -> bool| state.clients.iter().filter(|it| is(it)).count();
    let most = |size: fn(&Handle) -> &AtomicUsize| {
        let sizes = state.clients.iter().map(|it| size(it).load(Relaxed));
        sizes.max().unwrap_or(0)
    };
    lines(&[
        (
            "connected_clients",
            &state.clients.len().saturating_sub(replicas),
        ),
        ("cluster_connections", &0),
        ("maxclients", &state.config.maxclients),
        ("client_recent_max_input_buffer", &most(|it| &it.input_size)),
        (
            "client_recent_max_output_buffer",
            &most(|it| &it.output_size),
        ),
        ("blocked_clients", &count(|it| it.states.has(BLOCKED))),
        ("tracking_clients", &0),
        ("clients_in_timeout_table", &count(Handle::has_deadline)),
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
    let background = &state.background;
    let mut text = lines(&[
        ("loading", &u8::from(state.store.loading)),
        ("async_loading", &0),
        ("aof_enabled", &u8::from(state.config.appendonly)),
    ]);
    text += &background.info_progress(&state.store);
    text += &background.info_saves(&state.store);
    text += &background.info_rewrites();
    text += &state.aof.info();
    if let Some(loading) = &state.stats.loading {
        text += &progress(loading);
    }
    text
}

/// How far the data is loaded.
fn progress(loading: &Loading) -> String {
    let started = loading.started.duration_since(UNIX_EPOCH);
    let elapsed = loading.started.elapsed().unwrap_or_default().as_secs();
    let left = loading.total.saturating_sub(loading.loaded);
    let percent = loading.loaded as f64 * 100.0 / loading.total.max(1) as f64;
    lines(&[
        ("loading_start_time", &started.unwrap_or_default().as_secs()),
        ("loading_total_bytes", &loading.total),
        ("loading_loaded_bytes", &loading.loaded),
        ("loading_loaded_perc", &format!("{percent:.2}")),
        (
            "loading_eta_seconds",
            &(elapsed * left / loading.loaded.max(1)),
        ),
    ])
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
        ("total_net_repl_input_bytes", &stats.repl_received),
        ("total_net_repl_output_bytes", &stats.repl_sent),
        ("instantaneous_input_kbps", &kib(received)),
        ("instantaneous_output_kbps", &kib(sent)),
        ("rejected_connections", &stats.connections_rejected),
        ("expired_keys", &counters.expired),
        ("evicted_keys", &0),
        ("keyspace_hits", &counters.hits),
        ("keyspace_misses", &counters.misses),
        ("pubsub_channels", &state.pubsub.names(Kind::Channel).len()),
        ("pubsub_patterns", &state.pubsub.names(Kind::Pattern).len()),
        ("latest_fork_usec", &0),
        ("total_forks", &0),
        ("slave_expires_tracked_keys", &state.store.tracked_len()),
    ])
}

fn replication(state: &State) -> String {
    let replication = &state.replication;
    let mut text = match replication.primary() {
        None => lines(&[("role", &"master")]),
        Some(primary) => lines(&[("role", &"slave")]) + &primary_of(state, primary),
    };
    text += &lines(&[("connected_slaves", &replication.replicas().len())]);
    for (number, replica) in replication.replicas().enumerate() {
        let lag = match replica.state {
            ReplicaState::Online => replica.client.idle().as_secs(),
            _ => 0,
        };
        text += &format!(
            "slave{number}:ip={},port={},state={},offset={},lag={lag}\r\n",
            replica.client.addr.ip(),
            replica.port,
            replica.state,
            replica.acknowledged,
        );
    }
    text + &lines(&[
        ("master_failover_state", &"no-failover"),
        ("master_replid", &replication.id),
        ("master_replid2", &replication.second_id),
        ("master_repl_offset", &replication.offset()),
        ("second_repl_offset", &replication.second_offset),
        ("repl_backlog_active", &0),
        ("repl_backlog_size", &1_048_576),
        ("repl_backlog_first_byte_offset", &0),
        ("repl_backlog_histlen", &0),
    ])
}

/// The lines of a replica about its primary.
fn primary_of(state: &State, primary: &Primary) -> String {
    let (offset, config) = (state.replication.offset(), &state.config);
    let is_up = primary.is_connected();
    let heard = primary.heard.elapsed().as_secs() as i64;
    // What has arrived and is not executed yet.
    let link = state.clients.iter().find(|it| it.kind() == Peer::Primary);
    let read = link.map_or(0, |link| link.unread.load(Relaxed) as i64);
    let mut text = lines(&[
        ("master_host", &primary.address.host),
        ("master_port", &primary.address.port),
        ("master_link_status", &if is_up { "up" } else { "down" }),
        (
            "master_last_io_seconds_ago",
            &if is_up { heard } else { -1 },
        ),
        (
            "master_sync_in_progress",
            &u8::from(primary.link == Link::Sync),
        ),
        ("slave_read_repl_offset", &(offset + read)),
        ("slave_repl_offset", &offset),
    ]);
    if !is_up {
        let down = primary.down.elapsed().as_secs();
        text += &lines(&[("master_link_down_since_seconds", &down)]);
    }
    text + &lines(&[
        ("slave_priority", &config.replica_priority),
        ("slave_read_only", &u8::from(config.replica_read_only)),
        ("replica_announced", &1),
    ])
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
