//! The black-box suites: they speak to a running server over TCP. From step 02
//! on they pass against real Redis as well.

mod admission;
mod client;
mod clients;
mod differential;
mod harness;
mod interop;
mod key;
mod operation;
mod payload;
mod resp;
mod scan;
mod server;
mod session;
mod string;
mod tcp;
