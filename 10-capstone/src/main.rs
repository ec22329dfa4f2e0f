//! The program: starts the benchmark that the library is.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    step10_capstone::startup::main()
}
