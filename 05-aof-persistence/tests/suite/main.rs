//! The black-box suites: they speak to a running server over TCP. From step 02
//! on they pass against real Redis as well.

mod admission;
mod aof;
mod aof_crash;
mod aof_disk;
mod aof_faults;
mod aof_redis;
mod client;
mod clients;
mod differential;
mod expiry;
mod expiry_differential;
mod faults;
mod harness;
mod interop;
mod key;
mod log;
mod operation;
mod payload;
mod resp;
mod scan;
mod server;
mod session;
mod string;
mod tcp;
