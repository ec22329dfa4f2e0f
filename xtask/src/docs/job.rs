//! A server that a page starts and ends itself, as a job of the reader's shell.
//!
//! Most pages need a server and nothing more, and they get one. A lesson on what
//! is left when a server has ended must start it, end it and start it again:
//!
//! ```text
//! $ make 05-aof-persistence ARGS="--appendonly yes" &
//! $ kill -9 %1
//! ```
//!
//! At a reader's terminal bash keeps track of the job. Here each command has a
//! bash of its own, so the first line is known by its shape, and `%1` stands for
//! the process that it started.

use super::console::Exchange;

/// What a shell calls its first job.
const JOB: &str = "%1";

/// If the command starts the server of `step` as a job: where `make` is told the
/// server's flags, such as `ARGS="--appendonly yes"`, or nothing.
pub fn start<'a>(command: &'a str, step: &str) -> Option<&'a str> {
    let target = command.strip_prefix("make ")?.strip_suffix('&')?;
    let flags = target.trim().strip_prefix(step)?.trim();
    (flags.is_empty() || flags.starts_with("ARGS=")).then_some(flags)
}

/// Is it the page itself that starts the server?
pub fn is_started_by(blocks: &[Vec<Exchange>], step: &str) -> bool {
    let mut exchanges = blocks.iter().flatten();
    exchanges.any(|exchange| start(&exchange.command, step).is_some())
}

/// Does the command speak of the job?
pub fn is_meant(command: &str) -> bool {
    command.split_whitespace().any(|word| word == JOB)
}

/// The command with the job's process in its place.
pub fn with_process(command: &str, process: u32) -> String {
    command.replace(JOB, &process.to_string())
}

/// Shall the job be gone when the command has ended?
pub fn is_ended(command: &str) -> bool {
    command.starts_with("kill ") && is_meant(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_known_by_its_shape() {
        for (command, flags) in [
            ("make 05-log ARGS=\"--a b\" &", Some("ARGS=\"--a b\"")),
            ("make 05-log &", Some("")),
            ("make 05-log", None),
            ("make 05-logs &", None),
            ("make 04-more &", None),
            ("make test &", None),
        ] {
            assert_eq!(start(command, "05-log"), flags, "{command}");
        }
    }

    #[test]
    fn the_job_is_a_word() {
        assert!(is_ended("kill -9 %1"));
        assert!(!is_ended("echo %1"));
        assert!(!is_meant("printf '%1s' a"));
        assert_eq!(with_process("kill -9 %1", 12), "kill -9 12");
    }
}
