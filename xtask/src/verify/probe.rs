//! Can this server be tested at all? It must start, listen, and say something.
//!
//! Otherwise every test would fail for the same reason, each after its own wait.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::processes::Group;
use crate::steps::{Number, Step};

/// How long a server may take to start, as in the suites.
const START_LIMIT: Duration = Duration::from_secs(20);
const INTERVAL: Duration = Duration::from_millis(5);
/// How much is shown of what the server said.
const LINES: usize = 12;
/// How many ports to try: a stranger may take one before the server does.
const TRIES: usize = 4;
/// What servers say then.
const TAKEN: &str = "ddress already in use";

/// Fails with one message if it is of no use to run the suites.
pub fn check(server: &[String], step: &Step, patience: Duration) -> Result<()> {
    let mut tries = TRIES;
    loop {
        tries -= 1;
        let mut trial = Trial::start(server)?;
        match trial.wait_until_it_listens() {
            Err(_) if tries > 0 && trial.log().contains(TAKEN) => {}
            Err(error) => return Err(error),
            Ok(()) => return trial.ask(step, patience),
        }
    }
}

/// The server, started once to look at it. It is ended when this is dropped.
struct Trial {
    child: Child,
    group: Group,
    address: SocketAddr,
    folder: TempDir,
    /// How it was started.
    line: String,
}

impl Trial {
    fn start(server: &[String]) -> Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let folder = tempfile::tempdir()?;
        let log = File::create(folder.path().join("log"))?;
        let port = address.port().to_string();
        let line = format!("{} --port {port}", super::command_line::join(server)?);
        let child = Command::new(&server[0])
            .args(&server[1..])
            .args(["--port", &port])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .with_context(|| format!("the server cannot be started: {}", server[0]))?;
        Ok(Trial {
            group: Group::of(&child),
            child,
            address,
            folder,
            line,
        })
    }

    fn wait_until_it_listens(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        while !is_served(self.address) {
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "the server ends instead of listening ({status})\n{}",
                    self.background()
                );
            }
            if Instant::now() > deadline {
                bail!(
                    "the server runs, but nobody listens on {} after {} s; it must take --port\n{}",
                    self.address,
                    START_LIMIT.as_secs(),
                    self.background()
                );
            }
            std::thread::sleep(INTERVAL);
        }
        Ok(())
    }

    /// Any answer to the simplest request will do: what is wrong with it, the
    /// suites say better.
    fn ask(&mut self, step: &Step, patience: Duration) -> Result<()> {
        let request = match step.number {
            Number::Step(1) => "hello\r\n",
            _ => "*1\r\n$4\r\nPING\r\n",
        };
        let mut socket = TcpStream::connect(self.address).context("it takes no connection")?;
        socket.set_read_timeout(Some(patience))?;
        let asked = socket.write_all(request.as_bytes());
        let heard = asked.and_then(|()| socket.read(&mut [0; 64]));
        let what = match heard {
            Ok(1..) => return Ok(()),
            Err(error) if is_timeout(&error) => {
                format!("says nothing for {} s", patience.as_secs())
            }
            Ok(_) | Err(_) => "hangs up".to_owned(),
        };
        bail!(
            "the server listens, but {what} when it is sent {}; get this first exchange right, \
             and then run the suites\n{}",
            request.escape_default(),
            self.background()
        );
    }

    /// What it said.
    fn log(&self) -> String {
        let log = std::fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// How it was started and what it said.
    fn background(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().filter(|line| !line.trim().is_empty()).collect();
        let mut text = format!("  started as  {}", self.line);
        for line in &lines[lines.len().saturating_sub(LINES)..] {
            text.push_str(&format!("\n  it said     {line}"));
        }
        text
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        self.group.end();
        let _ = self.child.wait();
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    matches!(error.kind(), TimedOut | WouldBlock)
}

/// Whether somebody listens there. When nobody does, the system may give our end
/// of the connection the same port, and we would be talking to ourselves.
fn is_served(address: SocketAddr) -> bool {
    TcpStream::connect(address).is_ok_and(|socket| socket.local_addr().ok() != Some(address))
}
