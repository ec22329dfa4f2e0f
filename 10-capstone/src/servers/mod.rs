//! The servers that are measured: which ones take part, what each of them can do, and how they are
//! started and stopped.

mod ability;
pub mod contestant;
pub mod lineup;
pub mod target;
