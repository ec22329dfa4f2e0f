//! Processes that must not outlive their purpose.
//!
//! What is run here may start others (a grader starts a server), may hang, or
//! may print without end to a reader who is gone. So each runs as a group of its
//! own, which is ended as a whole. A terminal's Ctrl-C does not reach such a
//! group, so it is passed on.

use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group};

/// How often to look whether a process has ended.
const LOOK: Duration = Duration::from_millis(5);

/// The groups that run now.
static RUNNING: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

/// What a shell reports for a program that ended by Ctrl-C.
const INTERRUPTED: i32 = 130;

/// Where the shell would find that program.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut places = std::env::split_paths(&path).map(|folder| folder.join(program));
    places.find(|it| it.is_file())
}

/// When the tool is asked to end, all that it runs ends with it.
pub fn end_with_the_tool() -> Result<()> {
    let handler = || {
        running().iter().for_each(|leader| kill(*leader));
        std::process::exit(INTERRUPTED);
    };
    ctrlc::set_handler(handler).context("cannot listen for Ctrl-C")
}

fn running() -> MutexGuard<'static, Vec<Pid>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn kill(leader: Pid) {
    // Fails if none is left, which is the usual case.
    let _ = kill_process_group(leader, Signal::KILL);
}

/// A process and all that it starts. They are ended when this is dropped.
pub struct Group(Option<Pid>);

impl Group {
    /// The group that this child leads; it must have been started with `process_group(0)`.
    pub fn of(leader: &Child) -> Self {
        let leader = i32::try_from(leader.id()).ok().and_then(Pid::from_raw);
        running().extend(leader);
        Group(leader)
    }

    /// Ends whatever of it still runs.
    pub fn end(&self) {
        if let Some(leader) = self.0 {
            kill(leader);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
        running().retain(|leader| Some(*leader) != self.0);
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
        let ended = bash("echo a; echo b >&2; exit 3", Duration::from_secs(60));
        assert_eq!(
            (ended.success, ended.output.as_str()),
            (Some(false), "a\nb\n")
        );
        let started = Instant::now();
        let ended = bash("echo a; sleep 60", Duration::from_secs(3));
        assert_eq!((ended.success, ended.output.as_str()), (None, "a\n"));
        assert!(started.elapsed() < Duration::from_secs(50));
    }
}
