//! The tool as one runs it, on small workshops made up for the purpose: each
//! check passes on a clean one and catches the fault that is planted in it.

#![forbid(unsafe_code)]

mod carry;
mod chapters;
mod diff;
mod lineage;
mod load;
mod scratch;
