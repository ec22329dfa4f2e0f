//! The program: starts the server that the library is.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    step02_resp_parser::startup::main()
}
