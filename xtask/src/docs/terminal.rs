//! Runs one command as a reader would: in bash, at a terminal.
//!
//! The output goes to a pseudo-terminal and not to a pipe, because programs look:
//! `redis-cli` says `(integer) 1` to a person and `1` to a pipe, and the page
//! shows what a person sees. A pseudo-terminal also keeps output and errors in
//! the order in which they were written.

use std::fs::File;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use rustix::io::FdFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, OutputModes, Winsize};

use crate::processes::Group;

/// How long the terminal must be silent after the command has ended.
const SILENCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 20_000_000,
};

/// What came of a command.
pub struct Outcome {
    /// All that it printed, on both streams.
    pub output: String,
    /// How it ended; `None` if it had to be stopped.
    pub status: Option<ExitStatus>,
    /// Its processes, some of which may run on in the background.
    pub group: Group,
}

/// Runs the command in that folder, for at most that long.
pub fn run(command: &str, folder: &Path, limit: Duration) -> Result<Outcome> {
    let (mut screen, line) = open_terminal().context("cannot open a pseudo-terminal")?;
    let mut child = start(command, folder, line)?;
    let group = Group::of(&child);
    let deadline = Instant::now() + limit;
    let mut output = Vec::new();
    let mut status = None;
    while Instant::now() < deadline {
        status = child.try_wait()?;
        if !read_some(&mut screen, &mut output)? && status.is_some() {
            break;
        }
    }
    if status.is_none() {
        group.end();
        child.wait()?;
    }
    Ok(Outcome {
        output: String::from_utf8_lossy(&output).into_owned(),
        status,
        group,
    })
}

fn start(command: &str, folder: &Path, line: OwnedFd) -> Result<Child> {
    let errors = line.try_clone()?;
    Command::new("bash")
        .args(["-o", "pipefail", "-c", command])
        .current_dir(folder)
        .env("TERM", "dumb")
        .env("NO_COLOR", "1")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .stdout(line)
        .stderr(errors)
        .process_group(0)
        .spawn()
        .context("cannot start bash, which runs the console blocks; install it")
}

/// Reads what is there; false if nothing came for a moment.
fn read_some(screen: &mut File, output: &mut Vec<u8>) -> Result<bool> {
    let mut events = [PollFd::new(screen, PollFlags::IN)];
    if poll(&mut events, Some(&SILENCE))? == 0 {
        return Ok(false);
    }
    let mut buffer = [0; 4096];
    // An error here means that nobody holds the other end any more.
    let count = screen.read(&mut buffer).unwrap_or(0);
    output.extend_from_slice(&buffer[..count]);
    if count == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(count > 0)
}

/// Both ends of a new terminal: ours, which shows what is printed, and the command's.
fn open_terminal() -> Result<(File, OwnedFd)> {
    let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    rustix::io::fcntl_setfd(&screen, FdFlags::CLOEXEC)?;
    grantpt(&screen)?;
    unlockpt(&screen)?;
    let name = ptsname(&screen, Vec::new())?;
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let line = rustix::fs::open(name.as_c_str(), flags, Mode::empty())?;
    let mut modes = rustix::termios::tcgetattr(&line)?;
    // Line ends shall arrive as they were written.
    modes.output_modes.remove(OutputModes::OPOST);
    rustix::termios::tcsetattr(&line, OptionalActions::Now, &modes)?;
    rustix::termios::tcsetwinsize(
        &line,
        Winsize {
            ws_row: 40,
            ws_col: 100,
            ws_xpixel: 0,
            ws_ypixel: 0,
        },
    )?;
    Ok((File::from(screen), line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_temp(command: &str, limit: Duration) -> Outcome {
        let folder = tempfile::tempdir().expect("a temp folder");
        run(command, folder.path(), limit).expect("bash runs")
    }

    #[test]
    fn output_and_errors_come_in_order_and_see_a_terminal() {
        let script = "echo a; echo b >&2; [ -t 1 ] && echo terminal; false | true";
        let outcome = in_temp(script, Duration::from_secs(60));
        assert_eq!(outcome.output, "a\nb\nterminal\n");
        let status = outcome.status.expect("ended by itself");
        assert_eq!(status.code(), Some(1), "pipefail");
    }

    #[test]
    fn a_command_that_does_not_end_is_stopped() {
        let started = Instant::now();
        let outcome = in_temp("echo a; sleep 60", Duration::from_secs(3));
        assert!(outcome.status.is_none());
        assert_eq!(outcome.output, "a\n");
        assert!(started.elapsed() < Duration::from_secs(50));
    }

    #[test]
    fn background_processes_do_not_hold_up_the_command() {
        let started = Instant::now();
        let outcome = in_temp("sleep 60 & echo a", Duration::from_secs(60));
        assert_eq!(outcome.output, "a\n");
        assert!(started.elapsed() < Duration::from_secs(50));
    }
}
