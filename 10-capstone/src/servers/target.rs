//! A server that is measured: it is started here, or it already runs.
//!
//! This file owns the processes. A server that is started here has a folder of its own and a free
//! port of the loopback interface. It is killed when its [`Target`] is dropped, and its files are
//! removed.

use std::fs::File;
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, bail};
use redis::InfoDict;
use tempfile::TempDir;

use super::ability;
use crate::load::{Answers, keyspace};
use crate::measure::cpu;

/// How long a server may take until it answers.
const START: Duration = Duration::from_secs(30);
/// How long to wait if another process answers on the port of a server. If the port was taken, the
/// server ends at once. If the server goes on, it was started by a script, and the other process is
/// the server.
const STRANGE: Duration = Duration::from_secs(3);
/// How long to wait before asking again.
const LOOK: Duration = Duration::from_millis(20);
/// How many ports to try. Another program can take a port after it was found free.
const TRIES: usize = 4;
/// Part of what servers print if their port is taken.
const TAKEN: &str = "ddress already in use";
/// How long a request that is not part of the load may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server, ready to be measured.
pub struct Target {
    /// `host:port`.
    pub address: String,
    /// Its name in the report: the program or address, and the version.
    pub label: String,
    /// Its process, if it runs on this machine.
    pub pid: Option<u32>,
    process: Option<Process>,
    /// How many keys may have been written to it.
    pub keys: u32,
}

impl Target {
    /// Starts a server in a folder of its own, as `program --port P` followed by `arguments`. If
    /// the arguments contain `{port}`, the port is put there instead.
    pub async fn start(program: &Path, arguments: &[String], answers: Answers) -> Result<Self> {
        let mut tries = TRIES;
        loop {
            tries -= 1;
            match Self::try_start(program, arguments, answers).await {
                Err(error) if tries > 0 && format!("{error:#}").contains(TAKEN) => {}
                result => return result,
            }
        }
    }

    async fn try_start(program: &Path, arguments: &[String], answers: Answers) -> Result<Self> {
        let process = Process::start(program, arguments)?;
        let mut target = Self::at(&format!("127.0.0.1:{}", process.port));
        target.pid = Some(process.child.id());
        target.process = Some(process);
        let info = target.wait_until_ready(answers).await;
        let info = info.with_context(|| format!("{} did not start", program.display()))?;
        let name = program.file_name().unwrap_or(program.as_os_str());
        target.label = label(&name.to_string_lossy(), &info);
        Ok(target)
    }

    /// Finds a server that already runs.
    pub fn find(address: &str) -> Result<Self> {
        let mut target = Self::at(address);
        let info = info(&mut target.connect()?)?;
        let pid = info.get("process_id");
        target.pid = pid.filter(|pid| is_loopback(address) && is_process(*pid, &info));
        target.label = label(address, &info);
        Ok(target)
    }

    /// A server of which only the address is known.
    fn at(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            label: String::new(),
            pid: None,
            process: None,
            keys: 0,
        }
    }

    /// Did it run before the benchmark?
    pub fn is_foreign(&self) -> bool {
        self.process.is_none()
    }

    /// The port of a server that was started here.
    pub fn port(&self) -> Option<u16> {
        self.process.as_ref().map(|process| process.port)
    }

    /// Opens a connection for what is not measured.
    pub fn connect(&self) -> Result<redis::Connection> {
        let connection = redis::Client::open(format!("redis://{}", self.address))
            .and_then(|client| client.get_connection_with_timeout(PATIENCE))
            .with_context(|| format!("cannot connect to {}", self.address))?;
        connection.set_read_timeout(Some(PATIENCE))?;
        Ok(connection)
    }

    /// Asks until the server answers. If its process ends before that, no answer can come, or only
    /// that of another server.
    async fn wait_until_ready(&mut self, answers: Answers) -> Result<InfoDict> {
        let deadline = Instant::now() + START;
        let mut answered: Option<Instant> = None;
        loop {
            if let Some(process) = &mut self.process
                && let Some(status) = process.child.try_wait()?
            {
                let said = process.last_words();
                bail!("it ended at once ({status}) and said:\n{said}");
            }
            let answer = match answers {
                Answers::Replies => self.connect().and_then(|mut server| info(&mut server)),
                Answers::Echo => TcpStream::connect(&self.address)
                    .map(|_| InfoDict::new(""))
                    .map_err(Error::from),
            };
            match answer {
                Ok(info) => {
                    let first = *answered.get_or_insert_with(Instant::now);
                    let pid = info.get("process_id");
                    let is_own = pid.is_none_or(|pid| self.pid == Some(pid));
                    if is_own || first.elapsed() > STRANGE {
                        return Ok(info);
                    }
                }
                Err(error) if !may_pass(&error) || Instant::now() > deadline => return Err(error),
                Err(_) => {}
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for Target {
    /// Removes the benchmark's keys from a server that was not started here.
    fn drop(&mut self) {
        if self.process.is_some() || self.keys == 0 {
            return;
        }
        let (server, address) = (self.connect(), &self.address);
        let removed = server.and_then(|mut it| keyspace::remove(&mut it, self.keys));
        if let Err(error) = removed {
            eprintln!("warning: keys 'capstone:*' are left in {address}: {error:#}");
        }
    }
}

/// The placeholder for the port in a command that starts a server.
const PORT: &str = "{port}";
/// The file for the output of a server, in its folder.
const LOG: &str = "output.log";

/// A running server, which is killed when this value is dropped.
struct Process {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl Process {
    fn start(program: &Path, arguments: &[String]) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("capstone-").tempdir()?;
        let log = File::create(folder.path().join(LOG))?;
        // The port was free a moment ago.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let number = port.to_string();
        let says_where = arguments.iter().any(|it| it.contains(PORT));
        let place = ["--port", &number].into_iter().filter(|_| !says_where);
        let child = Command::new(program)
            .args(place)
            .args(arguments.iter().map(|it| it.replace(PORT, &number)))
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        Ok(Self {
            child,
            port,
            folder,
        })
    }

    /// The last lines that the server has printed.
    fn last_words(&self) -> String {
        let said = std::fs::read_to_string(self.folder.path().join(LOG)).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(8)..].join("\n")
    }
}

impl Drop for Process {
    /// Kills the server and waits for its end, so that its folder can be removed. An error means
    /// that it has already ended.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Can a server that is still starting cause this error?
fn may_pass(error: &anyhow::Error) -> bool {
    let refused = |it: &std::io::Error| it.kind() == std::io::ErrorKind::ConnectionRefused;
    let away = |it: &redis::RedisError| it.is_io_error() || it.code() == Some("LOADING");
    error.downcast_ref().is_some_and(refused) || error.downcast_ref().is_some_and(away)
}

/// Do all addresses of this name belong to the loopback interface?
fn is_loopback(address: &str) -> bool {
    let addresses = address.to_socket_addrs();
    addresses.is_ok_and(|mut all| all.all(|it| it.ip().is_loopback()))
}

/// The reply to INFO; empty if the server does not have the command.
fn info(server: &mut redis::Connection) -> Result<InfoDict> {
    let info = ability::ask(server, "INFO", &[])?;
    Ok(info.unwrap_or_else(|| InfoDict::new("")))
}

/// The name of a server in a report, with its version.
fn label(name: &str, info: &InfoDict) -> String {
    let version = info.get::<String>("redis_version");
    let version = version.map(|it| format!(" (redis_version {it})"));
    format!("{name}{}", version.unwrap_or_default())
}

/// Is this process the server that sent this INFO? A server in a container reports a number that
/// belongs to another process outside, so its CPU time must agree as well.
fn is_process(pid: u32, info: &InfoDict) -> bool {
    let seconds = |name| Duration::try_from_secs_f64(info.get(name)?).ok();
    let told = seconds("used_cpu_user").zip(seconds("used_cpu_sys"));
    let told = told.map(|(user, system)| user + system);
    let agrees = |seen: Duration| {
        told.is_none_or(|told| seen.abs_diff(told) < Duration::from_millis(50) + told / 20)
    };
    cpu::running(pid).is_some_and(agrees)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_has_a_version_if_there_is_one() {
        let info = InfoDict::new("# Server\r\nredis_version:7.0.15\r\n");
        assert_eq!(label("it", &info), "it (redis_version 7.0.15)");
        assert_eq!(label("it", &InfoDict::new("")), "it");
    }

    #[test]
    fn another_process_is_not_the_server() {
        let nothing = InfoDict::new("");
        let long = InfoDict::new("used_cpu_sys:1000.0\r\nused_cpu_user:0.25\r\n");
        let myself = std::process::id();
        if cfg!(target_os = "linux") {
            assert!(is_process(myself, &nothing));
            assert!(!is_process(myself, &long));
        }
        assert!(!is_process(u32::MAX, &nothing));
    }

    #[test]
    fn loopback_is_told_from_elsewhere() {
        assert!(is_loopback("127.0.0.1:6379"));
        assert!(is_loopback("[::1]:6379"));
        assert!(!is_loopback("192.0.2.1:6379"));
        assert!(!is_loopback("nonsense"));
    }
}
