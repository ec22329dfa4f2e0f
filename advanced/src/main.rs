//! The program: it starts the server, which is the library.

#![forbid(unsafe_code)]

use std::process::ExitCode;

/// A store makes and drops an allocation for every key and value that does not
/// fit its table; this allocator is made for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    advanced::startup::main()
}
