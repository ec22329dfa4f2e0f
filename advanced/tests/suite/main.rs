//! The black-box suites of the advanced track: one file per chapter. The harness is step
//! 09's, byte for byte, and step 09's own suites run against this server as they are. A chapter uses
//! only a part of the harness.

#[cfg(feature = "blocking")]
mod blocking;
#[cfg(feature = "blocking")]
mod blocking_differential;
#[cfg(feature = "blocking")]
mod blocking_ends;
#[cfg(feature = "blocking")]
mod blocking_load;
#[cfg(feature = "blocking")]
mod blocking_log;
#[cfg(feature = "blocking")]
mod blocking_room;
mod client;
#[cfg(feature = "client-lifecycle")]
mod client_kill;
#[cfg(feature = "client-lifecycle")]
mod client_list;
#[cfg(feature = "client-lifecycle")]
mod client_pause;
#[cfg(feature = "client-lifecycle")]
mod client_reply;
#[cfg(feature = "client-lifecycle")]
mod client_unblock;
#[cfg(feature = "client-lifecycle")]
mod clients_seen;
#[cfg(feature = "client-lifecycle")]
mod command;
#[cfg(feature = "client-lifecycle")]
mod config_file;
#[cfg(feature = "client-lifecycle")]
mod config_ports;
#[cfg(feature = "client-lifecycle")]
mod config_rewrite;
#[cfg(feature = "sorted-sets")]
mod damaged_data;
#[cfg(feature = "client-lifecycle")]
mod debug_replies;
mod dump;
mod expired;
mod harness;
mod hash;
mod hash_differential;
#[cfg(feature = "hash-table")]
mod hash_table;
#[cfg(feature = "client-lifecycle")]
mod latency;
#[cfg(feature = "lists")]
mod list_differential;
#[cfg(feature = "lists")]
mod lists;
#[cfg(feature = "sorted-sets")]
mod mixed_differential;
#[cfg(feature = "client-lifecycle")]
mod monitor;
#[cfg(feature = "client-lifecycle")]
mod notifications;
#[cfg(feature = "sorted-sets")]
mod redis_cli;
#[cfg(feature = "sorted-sets")]
mod replication_hand_over;
#[cfg(feature = "sorted-sets")]
mod replication_load;
mod restore_fuzz;
#[allow(dead_code)]
mod session;
#[cfg(feature = "sets")]
mod set_differential;
#[cfg(feature = "sets")]
mod sets;
#[cfg(feature = "client-lifecycle")]
mod slowlog;
#[cfg(feature = "sorted-sets")]
mod sorted_set_blocking;
#[cfg(feature = "sorted-sets")]
mod sorted_set_differential;
#[cfg(feature = "sorted-sets")]
mod sorted_set_events;
#[cfg(feature = "sorted-sets")]
mod sorted_sets;
