//! The black-box suites: they speak to a running server over TCP. From step 02
//! on they pass against real Redis as well.

mod admission;
mod aof;
mod aof_crash;
mod aof_disk;
mod aof_faults;
mod aof_redis;
mod background_faults;
mod client;
mod clients;
mod differential;
mod dump;
mod expiry;
mod expiry_differential;
mod faults;
mod harness;
mod interop;
mod key;
mod loading;
mod log;
mod operation;
mod payload;
mod pubsub;
mod pubsub_differential;
mod pubsub_slow;
mod rdb;
mod rdb_crash;
mod rdb_redis;
mod resp;
mod rewrite;
mod rewrite_faults;
mod scan;
mod server;
mod session;
mod string;
mod tcp;
