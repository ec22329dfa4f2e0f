//! A step's own server, built and started for one page.
//!
//! Each page gets a fresh server on a free port, in an empty folder: a page must
//! work for a reader who has done nothing before it. A page may also start and
//! end servers itself, one after the other, in the same folder.

use std::collections::HashMap;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use cargo_metadata::Message;
use tempfile::NamedTempFile;

use crate::programs;
use crate::steps::{Number, Step, Workshop, read_text};

/// The time from start to the first answer.
const START_LIMIT: Duration = Duration::from_secs(60);

/// The time that an answer takes once it listens; then it is asked again.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// What each step says when it has started, and the time that this may take after its
/// first answer.
const HELLO: &str = "listening on";
const HELLO_LIMIT: Duration = Duration::from_secs(1);

/// How often to look whether something has happened.
const LOOK: Duration = Duration::from_millis(5);

/// What bash does with a program, a port and `ARGS`, in which words may be quoted,
/// as in the Makefile.
const LAUNCH: &str = r#"eval "exec \"\$0\" --port $1 $ARGS""#;

/// The servers that were built so far, or why they could not be.
#[derive(Default)]
pub struct Builds {
    done: HashMap<Number, Result<PathBuf, String>>,
}

impl Builds {
    /// Builds the servers of all steps at once, as `make test` does. One that does not
    /// build is built again when a page asks for it, and then it is told why.
    pub fn of_all(workshop: &Workshop) -> Result<Self> {
        let built = programs::of_all_steps(workshop)?;
        let mut done = HashMap::new();
        for step in &workshop.steps {
            let name = package_name(step)?;
            let mut servers = programs::of_step(&built.programs, step).filter(|it| !it.is_test);
            let server = servers.find(|it| it.name == name);
            done.extend(server.map(|it| (step.number, Ok(it.path.clone()))));
        }
        Ok(Builds { done })
    }

    /// The program of a step, built at most once.
    pub fn get(&mut self, step: &Step) -> Result<PathBuf, String> {
        let built = self.done.entry(step.number);
        built
            .or_insert_with(|| build(step).map_err(|error| format!("{error:#}")))
            .clone()
    }
}

/// The name of a step's package, which is also its program's.
pub fn package_name(step: &Step) -> Result<String> {
    let manifest: toml_edit::DocumentMut = read_text(&step.dir.join("Cargo.toml"))?.parse()?;
    let name = manifest
        .get("package")
        .and_then(|package| package.get("name"));
    let name = name.and_then(|name| name.as_str());
    name.map(str::to_owned).with_context(|| {
        format!(
            "{}/Cargo.toml names no package; add [package] name",
            step.name
        )
    })
}

fn build(step: &Step) -> Result<PathBuf> {
    let package = package_name(step)?;
    let output = Command::new("cargo")
        .args(["build", "--quiet", "--package", &package])
        .arg("--message-format=json-render-diagnostics")
        .current_dir(&step.dir)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!("`cargo build --package {package}` failed");
    }
    program(&output.stdout, &package)
        .with_context(|| format!("the package {package} has no program of that name"))
}

/// Cargo says where the program is; no other tool knows where targets go.
fn program(messages: &[u8], name: &str) -> Option<PathBuf> {
    Message::parse_stream(messages).find_map(|message| match message.ok()? {
        Message::CompilerArtifact(artifact) if artifact.target.name == name => {
            artifact.executable.map(PathBuf::from)
        }
        _ => None,
    })
}

/// A running server. It is ended when this is dropped.
pub struct Server {
    /// Where it listens, on 127.0.0.1.
    port: u16,
    child: Child,
    log: NamedTempFile,
}

impl Server {
    /// Starts the program with that working folder, and waits until it accepts.
    pub fn start(program: &Path, folder: &Path, port: u16) -> Result<Self> {
        let mut server = Self::spawn(program, folder, port, "")?;
        server.wait_until(Self::accepts)?;
        if server.has_ended() {
            bail!(
                "it ended instead of listening; it said: {}",
                server.last_words()
            );
        }
        Ok(server)
    }

    /// Starts the program with flags, which are given as `make` takes them:
    /// `ARGS="…"`. It may also say why it does not start, and end.
    pub fn start_with(program: &Path, folder: &Path, port: u16, flags: &str) -> Result<Self> {
        let mut server = Self::spawn(program, folder, port, flags)?;
        server.wait_until(Self::answers)?;
        server.await_hello();
        Ok(server)
    }

    fn spawn(program: &Path, folder: &Path, port: u16, flags: &str) -> Result<Self> {
        let log = NamedTempFile::new()?;
        // Both streams append, or one would overwrite the other.
        let stream = || File::options().append(true).open(log.path());
        let child = Command::new("bash")
            .args(["-c", &format!("ARGS=\n{flags}\n{LAUNCH}")])
            .arg(program)
            .arg(port.to_string())
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(stream()?)
            .stderr(stream()?)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        Ok(Server { port, child, log })
    }

    /// Waits until it is ready or has ended.
    fn wait_until(&mut self, is_ready: fn(&Self) -> bool) -> Result<()> {
        let deadline = Instant::now() + START_LIMIT;
        while !is_ready(self) && !self.has_ended() {
            if Instant::now() > deadline {
                let seconds = START_LIMIT.as_secs();
                bail!("it did not listen on port {} within {seconds} s", self.port);
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    fn accepts(&self) -> bool {
        TcpStream::connect(("127.0.0.1", self.port)).is_ok()
    }

    /// It may listen first and read its files then, and say so to who asks. What it
    /// prints meanwhile is printed when it answers.
    fn answers(&self) -> bool {
        let asked = || {
            let mut socket = TcpStream::connect(("127.0.0.1", self.port))?;
            socket.set_read_timeout(Some(ANSWER_LIMIT))?;
            socket.write_all(b"ping\r\n")?;
            let mut line = String::new();
            BufReader::new(socket).read_line(&mut line)?;
            Ok::<_, io::Error>(line)
        };
        asked().is_ok_and(|line| !line.is_empty() && !line.starts_with("-LOADING"))
    }

    /// A first client may be answered a moment before the server says where it listens.
    fn await_hello(&mut self) {
        let deadline = Instant::now() + HELLO_LIMIT;
        while !self.words().contains(HELLO) && !self.has_ended() && Instant::now() < deadline {
            std::thread::sleep(LOOK);
        }
    }

    /// Waits until it has ended, for at most that long; false if it has not.
    pub fn wait_until_ended(&mut self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while !self.has_ended() && Instant::now() < deadline {
            std::thread::sleep(LOOK);
        }
        self.has_ended()
    }

    /// Its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// All that it has printed so far.
    pub fn words(&self) -> String {
        let log = std::fs::read(self.log.path()).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// The end of what it printed.
    pub fn last_words(&self) -> String {
        let log = self.words();
        let lines: Vec<_> = log.lines().collect();
        let last = lines[lines.len().saturating_sub(5)..].join("\n");
        if last.is_empty() {
            "nothing".to_owned()
        } else {
            last
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port of four digits, so that replies that give its length stay true. While
/// this is held, no other session takes it, though no server may listen just now.
pub struct Port {
    pub number: u16,
    _claim: TcpListener,
}

/// Who claims a port listens at the one that is so much higher.
const CLAIM: u16 = 10_000;

impl Port {
    /// One that is free.
    pub fn claim() -> Result<Self> {
        let start = RandomState::new().hash_one(Instant::now()) as u16;
        let candidates = (0..3000).map(|n| 7000 + start.wrapping_add(n) % 3000);
        let listen = |port: u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok();
        for number in candidates {
            if let Some(claim) = listen(number + CLAIM)
                && listen(number).is_some()
            {
                return Ok(Port {
                    number,
                    _claim: claim,
                });
            }
        }
        bail!("no free port from 7000 to 9999 on 127.0.0.1; end what listens there")
    }
}
