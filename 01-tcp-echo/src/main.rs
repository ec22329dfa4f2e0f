//! The program: it starts the server, which is the library.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    step01_tcp_echo::startup::main()
}
