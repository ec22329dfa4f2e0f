//! One unit of Redis's own suite, run.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use walkdir::WalkDir;

use crate::chapters::Unit;
use crate::processes::{self, on_path};

/// The time for one unit; the slowest takes a minute.
const LIMIT: Duration = Duration::from_secs(900);
/// After so many seconds in which no test ends the suite gives up.
const SILENCE: &str = "180";
/// The time for a server to start.
const START: Duration = Duration::from_secs(30);

/// What Redis's own CI starts an external server with. A server that has no config file yet does
/// not know the last.
const FLAGS: [[&str; 2]; 3] = [
    ["--save", ""],
    ["--enable-debug-command", "yes"],
    ["--enable-protected-configs", "yes"],
];

/// What the suite looks for beside the server.
const TOOLS: [&str; 4] = [
    "redis-cli",
    "redis-benchmark",
    "redis-check-aof",
    "redis-check-rdb",
];

/// What is changed in the suite: a file, what it says there, and what it says then.
const CHANGES: [[&str; 3]; 3] = [
    // What is said to every server first. One that has no functions yet need not know it.
    [
        "tests/support/server.tcl",
        "    r function flush\n",
        "    catch {r function flush}\n",
    ],
    // There is one database, and this helper names another.
    ["tests/helpers/bg_block_op.tcl", "    $r select $db\n", ""],
    // It goes on with lists where there are no sorted sets yet.
    [
        "tests/helpers/bg_block_op.tcl",
        "        # Zset side\n",
        "        if {[catch {$r zcard key}]} continue\n",
    ],
];

/// What the suite says if its own port is another's.
const TAKEN: &str = "couldn't open socket: address already in use";

/// How a unit ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub passed: usize,
    /// Left out, by us or by the suite itself.
    pub skipped: usize,
    /// What failed, in the suite's words.
    pub failed: Vec<String>,
}

/// A copy of the suite, ready to be run against a server.
pub struct Suite {
    folder: PathBuf,
    server: PathBuf,
    /// Which of the suites that are run at the same time it is.
    place: u32,
}

impl Suite {
    /// Makes the copy: the suite writes into its own folder, and looks for programs there.
    pub fn prepare(source: &Path, server: &Path, folder: PathBuf, place: u32) -> Result<Self> {
        let programs = folder.join("src");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&programs)?;
        for entry in WalkDir::new(source.join("tests")) {
            let entry = entry?;
            let to = folder.join(entry.path().strip_prefix(source)?);
            match entry.file_type().is_dir() {
                true => fs::create_dir_all(&to)?,
                false => fs::copy(entry.path(), &to).map(drop)?,
            }
        }
        for [file, from, to] in CHANGES {
            let path = folder.join(file);
            let text = fs::read_to_string(&path)?;
            if !text.contains(from) {
                bail!("Redis's suite does not say `{}` in {file}", from.trim());
            }
            fs::write(&path, text.replace(from, to))?;
        }
        symlink(server, programs.join("redis-server"))?;
        for tool in TOOLS {
            if let Some(path) = on_path(tool) {
                symlink(path, programs.join(tool))?;
            }
        }
        let server = server.to_owned();
        Ok(Suite {
            folder,
            server,
            place,
        })
    }

    /// Runs the unit against a server of its own, or has the suite start it.
    pub fn run(&self, unit: &Unit, left_out: &[&str]) -> Result<Outcome> {
        let skips = tempfile::NamedTempFile::new()?;
        fs::write(skips.path(), left_out.join("\n"))?;
        let server = match unit.own {
            true => None,
            false => Some(Server::start(&self.server)?),
        };
        let mut ports = ports(self.place);
        let ended = loop {
            let mut tcl = self.command(unit, skips.path(), server.as_ref());
            tcl.args(["--baseport", &ports.next().unwrap_or_default().to_string()]);
            let ended = processes::run(&mut tcl, LIMIT).context("cannot run tclsh")?;
            // Where others have the suite's own port, it has not begun.
            if !ended.output.contains(TAKEN) || ports.len() == 0 {
                break ended;
            }
        };
        let mut outcome = read(&ended.output);
        if ended.success != Some(true) && outcome.failed.is_empty() {
            let last: Vec<_> = ended.output.lines().rev().take(12).collect();
            let last: Vec<_> = last.into_iter().rev().collect();
            outcome.failed.push(format!(
                "the unit ended before its end:\n{}",
                last.join("\n")
            ));
        }
        Ok(outcome)
    }

    fn command(&self, unit: &Unit, skips: &Path, server: Option<&Server>) -> Command {
        let mut tcl = Command::new(super::TCLSH);
        tcl.current_dir(&self.folder);
        // There is one database, also where the suite starts the server.
        tcl.args(["tests/test_helper.tcl", "--singledb", "--clients", "1"]);
        tcl.args(["--durable", "--portcount", "64", "--timeout", SILENCE]);
        tcl.args(["--single", &unit.unit]);
        tcl.arg("--skipfile").arg(skips);
        if let Some(server) = server {
            let port = server.port.to_string();
            tcl.args(["--host", "127.0.0.1", "--port", &port]);
        }
        tcl
    }
}

/// The ports that the suite may use for itself: any that others are unlikely to have, be they another
/// run of this tool or another suite of this run.
fn ports(place: u32) -> impl ExactSizeIterator<Item = u32> {
    let from = std::process::id() % 80 + 13 * place;
    (0..8u32).map(move |more| 21_500 + (from + 11 * more) % 100 * 100)
}

/// Counts what the suite says of each test.
fn read(output: &str) -> Outcome {
    let mut outcome = Outcome::default();
    let mut lines = output.lines().map(without_colors).peekable();
    while let Some(line) = lines.next() {
        let Some((status, rest)) = line.strip_prefix('[').and_then(|it| it.split_once("]: "))
        else {
            continue;
        };
        match status {
            "ok" => outcome.passed += 1,
            "skip" | "ignore" => outcome.skipped += 1,
            "err" | "exception" | "TIMEOUT" => {
                // What was expected stands on the next line.
                let next = lines.next_if(|it| !it.starts_with('[')).unwrap_or_default();
                outcome
                    .failed
                    .push(format!("{rest} {next}").trim().to_owned());
            }
            _ => {}
        }
    }
    outcome
}

/// The line without what makes it green.
fn without_colors(line: &str) -> String {
    let mut pieces = line.split('\u{1b}');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| {
        text + piece.split_once('m').map_or(piece, |(_, rest)| rest)
    })
}

/// A server in a folder of its own; it ends when this is dropped.
struct Server {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl Server {
    /// Starts it with as many of the flags as it knows.
    fn start(program: &Path) -> Result<Self> {
        for count in (0..=FLAGS.len()).rev() {
            if let Some(server) = Self::start_with(program, &FLAGS[..count])? {
                return Ok(server);
            }
        }
        bail!("{} does not start", program.display())
    }

    /// None if it ends.
    fn start_with(program: &Path, flags: &[[&str; 2]]) -> Result<Option<Self>> {
        let folder = tempfile::tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = Command::new(program);
        command.args(["--port", &port.to_string(), "--dir"]);
        command.arg(folder.path()).args(flags.as_flattened());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.stdin(Stdio::null()).spawn();
        let process = process.with_context(|| format!("cannot run {}", program.display()))?;
        let mut server = Server {
            process,
            port,
            _folder: folder,
        };
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if server.process.try_wait()?.is_some() {
                return Ok(None);
            }
            if began.elapsed() > START {
                bail!("{} does not accept connections", program.display());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Some(server))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_test_is_counted_once() {
        let output = "[ready]: 59\n\u{1b}[1;37;49mTesting unit/a\u{1b}[0m\n\
            [\u{1b}[0;32;49mok\u{1b}[0m]: One (1 ms)\n[ok]: Two (0 ms)\n[skip]: Three\n\
            [ignore]: Four: Not supported on external server\n\
            [\u{1b}[0;31;49merr\u{1b}[0m]: Five in tests/unit/a.tcl\nExpected '1' to be '2'\n[done]: x\n";
        let expected = Outcome {
            passed: 2,
            skipped: 2,
            failed: vec!["Five in tests/unit/a.tcl Expected '1' to be '2'".to_owned()],
        };
        assert_eq!(read(output), expected);
    }
}
