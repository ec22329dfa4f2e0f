//! The servers that are measured: who takes part, what each can do, and how it is
//! started and stopped.

mod ability;
pub mod contestant;
pub mod lineup;
pub mod target;
