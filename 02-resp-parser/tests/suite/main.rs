//! The black-box suites: they speak to a running server over TCP. From step 02
//! on they pass against real Redis as well.

mod admission;
mod client;
mod harness;
mod interop;
mod payload;
mod resp;
mod tcp;
