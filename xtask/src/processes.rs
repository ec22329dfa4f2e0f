//! Processes that must not outlive their purpose.
//!
//! What is run here may start others (a grader starts a server), may hang, or
//! may print without end to a reader who is gone. So each runs as a group of its
//! own, which is ended as a whole.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group};

/// How often to look whether a process has ended.
const LOOK: Duration = Duration::from_millis(5);

/// A process and all that it starts. They are ended when this is dropped.
pub struct Group(Option<Pid>);

impl Group {
    /// The group that this child leads; it must have been started with `process_group(0)`.
    pub fn of(leader: &Child) -> Self {
        Group(i32::try_from(leader.id()).ok().and_then(Pid::from_raw))
    }

    /// Ends whatever of it still runs.
    pub fn end(&self) {
        if let Some(leader) = self.0 {
            // Fails if none is left, which is the usual case.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

/// A time limit as one gives it on the command line.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|&seconds: &f64| seconds > 0.0);
    let limit = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    limit.ok_or_else(|| "give a number of seconds above 0, like 20".to_owned())
}

/// What came of a process.
pub struct Ended {
    /// Whether it succeeded; `None` if it had to be stopped.
    pub success: Option<bool>,
    /// All that it printed, on both streams.
    pub output: String,
}

/// Runs the command for at most that long.
pub fn run(command: &mut Command, limit: Duration) -> Result<Ended> {
    // A file, not a pipe: it never fills up, and nobody has to read meanwhile.
    let mut log = tempfile::tempfile()?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log.try_clone()?)
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    let group = Group::of(&child);
    let deadline = Instant::now() + limit;
    let mut status = child.try_wait()?;
    while status.is_none() && Instant::now() < deadline {
        std::thread::sleep(LOOK);
        status = child.try_wait()?;
    }
    group.end();
    child.wait()?;
    std::io::Seek::rewind(&mut log)?;
    let mut output = Vec::new();
    log.read_to_end(&mut output)?;
    Ok(Ended {
        success: status.map(|status| status.success()),
        output: String::from_utf8_lossy(&output).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bash(script: &str, limit: Duration) -> Ended {
        run(Command::new("bash").args(["-c", script]), limit).expect("bash runs")
    }

    #[test]
    fn a_process_is_awaited_or_stopped() {
        let ended = bash("echo a; echo b >&2; exit 3", Duration::from_secs(10));
        assert_eq!(
            (ended.success, ended.output.as_str()),
            (Some(false), "a\nb\n")
        );
        let started = Instant::now();
        let ended = bash("echo a; sleep 60", Duration::from_millis(200));
        assert_eq!((ended.success, ended.output.as_str()), (None, "a\n"));
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}
