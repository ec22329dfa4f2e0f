//! A contestant: a program, and the server that now runs it.
//!
//! This file owns how servers are started for a scenario. An AOF or a replica needs other flags,
//! and so another server. A contestant has one server at a time, and keeps it as long as its flags
//! fit the scenarios. All contestants get the same flags. What could start by itself in the middle
//! of a measurement, a save or an AOF rewrite, is turned off.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result, ensure};
use redis::InfoDict;
use serde::Serialize;

use super::ability;
use super::target::Target;
use crate::load::{Answers, keyspace};
use crate::operation::Operation;
use crate::scenario::{Condition, Scenario};
use crate::worker;

/// How long a replica may take to get all keys.
const SYNC: Duration = Duration::from_secs(20);

/// The part that a server has in the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A step of the workshop.
    Step,
    /// The server that the others are compared with.
    Redis,
    /// A server from another project, which may lack some commands.
    Peer,
    /// The echo of step 01: what the kernel alone costs.
    Floor,
}

impl Role {
    /// Is it compared with Redis?
    pub fn is_compared(self) -> bool {
        matches!(self, Self::Step | Self::Peer)
    }
}

/// Where a server comes from.
pub enum Source {
    /// A program that is started here, with these arguments.
    Program(PathBuf, Vec<String>),
    /// A server that already runs, at `host:port`.
    Address(String),
}

/// A server that is to be measured: its name, its role, and where it comes from.
pub type Candidate = (String, Role, Source);

/// What a report says about a server.
#[derive(Debug, Clone, Serialize)]
pub struct About {
    /// `ours`, `redis`, `floor`, `step03`, or the name of a peer.
    pub name: String,
    pub role: Role,
    /// Program and version.
    pub label: String,
    /// The arguments with which it was started.
    pub flags: String,
}

/// A server that is measured, in all scenarios.
pub struct Contestant {
    pub about: About,
    source: Source,
    /// The program to start as a replica: a stock `redis-server`.
    replica_program: Option<PathBuf>,
    server: Option<Server>,
}

/// A running server, and what it was prepared for.
struct Server {
    // Dropped first: a replica must not outlive its primary.
    replica: Option<Target>,
    target: Target,
    flags: &'static [&'static str],
    /// How many keys it holds, how long their values are, and for which command.
    loaded: Option<(u32, u32, Operation)>,
}

/// The flags that a server needs in a scenario.
fn flags(condition: Condition) -> &'static [&'static str] {
    match condition {
        Condition::AofEverysec => &["--appendonly", "yes", "--appendfsync", "everysec"],
        Condition::AofAlways => &["--appendonly", "yes", "--appendfsync", "always"],
        _ => &[],
    }
}

impl Contestant {
    /// Starts the server, or finds it if it already runs.
    pub async fn new(candidate: Candidate, replica_program: Option<PathBuf>) -> Result<Self> {
        let (name, role, source) = candidate;
        let flags = match &source {
            Source::Program(_, arguments) => shlex::try_join(arguments.iter().map(|it| &**it))?,
            Source::Address(_) => "(it was running already)".to_owned(),
        };
        let mut contestant = Self {
            about: About {
                name,
                role,
                label: String::new(),
                flags,
            },
            source,
            replica_program,
            server: None,
        };
        contestant.set_up(Condition::Plain).await?;
        contestant.about.label = contestant.target()?.label.clone();
        Ok(contestant)
    }

    /// The server that runs now.
    pub fn target(&self) -> Result<&Target> {
        let server = self.server.as_ref().context("its server has ended")?;
        Ok(&server.target)
    }

    pub fn answers(&self) -> Answers {
        let is_floor = self.about.role == Role::Floor;
        if is_floor {
            Answers::Echo
        } else {
            Answers::Replies
        }
    }

    /// What the server lacks of what the scenario needs; `None` if it lacks nothing.
    pub fn lacks(&self, scenario: &Scenario) -> Result<Option<String>> {
        ability::lacks(&mut self.target()?.connect()?, scenario)
    }

    /// The reason why the server cannot take part in a scenario; `None` if it can.
    fn cannot(&self, scenario: &Scenario) -> Result<Option<String>> {
        if self.about.role == Role::Floor {
            let reason = "an echo does nothing but echo";
            return Ok((!scenario.has_floor()).then(|| reason.to_owned()));
        }
        let target = self.target()?;
        if target.is_foreign() {
            let is_plain = scenario.condition == Condition::Plain;
            let harmless = is_plain || scenario.condition.is_fanout();
            let allowed = harmless && scenario.pause().is_none();
            let reason = "not done to a server that was not started here";
            return Ok((!allowed).then(|| reason.to_owned()));
        }
        if scenario.condition == Condition::Replica && self.replica_program.is_none() {
            return Ok(Some("there is no redis-server to be the replica".into()));
        }
        let lacks = self.lacks(scenario)?;
        let program = target.label.split(' ').next().unwrap_or_default();
        Ok(lacks.map(|what| match self.about.role {
            Role::Step => format!("{program} does not have it yet ({what})"),
            _ => format!("{program} does not have it ({what})"),
        }))
    }

    /// Makes sure that the server runs with the right flags and that all keys have values of the
    /// right length. Returns the reason if it cannot take part.
    pub async fn prepare(&mut self, scenario: &Scenario, keys: u32) -> Result<Option<String>> {
        if self.server.is_none() {
            self.set_up(Condition::Plain).await?;
        }
        let reason = self.cannot(scenario)?;
        if reason.is_none() {
            self.set_up(scenario.condition).await?;
            self.load(scenario, keys).await?;
        }
        Ok(reason)
    }

    /// Turns the error of a peer into a reason, and lets its server be restarted for the next
    /// scenario. The error of any other server ends the run.
    pub fn give_up(&mut self, error: Error) -> Result<String> {
        ensure!(self.about.role == Role::Peer, error);
        self.server = None;
        Ok(format!("{error:#}"))
    }

    async fn load(&mut self, scenario: &Scenario, keys: u32) -> Result<()> {
        let scenario = *scenario;
        let content = Some((keys, scenario.value_bytes, scenario.operation));
        let server = self.server.as_mut().context("its server has ended")?;
        let needs_keys = self.about.role != Role::Floor && !scenario.condition.is_fanout();
        if needs_keys && server.loaded != content {
            // They may be of another type.
            let before = server.target.keys;
            server.target.keys = keys.max(before);
            let mut client = server.target.connect()?;
            let work = move |stop| {
                keyspace::remove(&mut client, before)?;
                keyspace::load(&mut client, keys, &scenario, &stop)
            };
            worker::run("load", work).await?;
            server.loaded = content;
        }
        Ok(())
    }

    /// Is the replica still connected to its primary? True without a replica.
    pub fn is_followed(&self) -> Result<bool> {
        let replica = self.server.as_ref().and_then(|it| it.replica.as_ref());
        replica.map_or(Ok(true), is_synced)
    }

    /// Makes sure that the server runs with the flags for this condition.
    async fn set_up(&mut self, condition: Condition) -> Result<()> {
        let (flags, followed) = (flags(condition), condition == Condition::Replica);
        let fits = |it: &Server| it.flags == flags && it.replica.is_some() == followed;
        if self.server.as_ref().is_some_and(fits) {
            return Ok(());
        }
        self.server = None;
        let target = match &self.source {
            Source::Address(address) => Target::find(address)?,
            Source::Program(program, arguments) => {
                let flags = flags.iter().copied().map(String::from);
                let arguments: Vec<_> = arguments.iter().cloned().chain(flags).collect();
                Target::start(program, &arguments, self.answers()).await?
            }
        };
        if self.about.role != Role::Floor && !target.is_foreign() {
            // Turns off what could start by itself. The error of a server that has no such
            // parameter is ignored.
            let mut server = target.connect()?;
            for (parameter, value) in [("save", ""), ("auto-aof-rewrite-percentage", "0")] {
                let arguments = &["SET", parameter, value];
                let _ = redis::cmd("CONFIG").arg(arguments).exec(&mut server);
            }
        }
        let replica = match &self.replica_program {
            Some(program) if followed => Some(follow(program, &target).await?),
            _ => None,
        };
        self.server = Some(Server {
            replica,
            target,
            flags,
            loaded: None,
        });
        Ok(())
    }
}

/// Starts a replica of the server, and waits until it has all data.
async fn follow(program: &Path, primary: &Target) -> Result<Target> {
    let port = primary.port().context("the primary's port is unknown")?;
    let place = format!("--bind 127.0.0.1 --replicaof 127.0.0.1 {port}");
    let arguments = ["--save", ""].into_iter().chain(place.split(' '));
    let arguments: Vec<_> = arguments.map(String::from).collect();
    let replica = Target::start(program, &arguments, Answers::Replies).await?;
    let until = Instant::now() + SYNC;
    while !is_synced(&replica)? {
        let (label, in_time) = (&primary.label, Instant::now() < until);
        ensure!(in_time, "the replica has no link to {label} after {SYNC:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(replica)
}

fn is_synced(replica: &Target) -> Result<bool> {
    let info: Option<InfoDict> = ability::ask(&mut replica.connect()?, "INFO", &["replication"])?;
    let status = info.and_then(|it| it.get::<String>("master_link_status"));
    Ok(status.as_deref() == Some("up"))
}
