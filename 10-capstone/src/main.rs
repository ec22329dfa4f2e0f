//! The program: it starts the benchmark, which is the library.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    step10_capstone::startup::main()
}
