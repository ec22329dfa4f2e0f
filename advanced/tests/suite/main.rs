//! The black-box suites of the advanced track: one file per chapter. The harness is step
//! 09's, byte for byte, and step 09's own suites run against this server as they are.

mod client;
mod client_kill;
mod client_list;
mod client_pause;
mod client_reply;
mod client_unblock;
mod clients_seen;
mod command;
mod config_file;
mod config_rewrite;
mod harness;
mod latency;
mod monitor;
mod notifications;
mod session;
mod slowlog;
