//! A contestant: a program, and the server of it that runs now.
//!
//! This file owns how servers are started for a scenario. Logging and a replica need
//! other flags, and so another server; a contestant has one at a time, and keeps it
//! as long as the scenarios allow. Every contestant gets the same flags. What might
//! begin by itself in the middle of a measurement, a save or the rewriting of a
//! log, is turned off.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use super::ability;
use super::target::{Greeting, Target};
use crate::load::{Answers, keyspace};
use crate::scenario::{Condition, Scenario};
use crate::worker;

/// How long a replica may take to get all keys.
const SYNC: Duration = Duration::from_secs(20);

/// Why it takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A step of the workshop.
    Step,
    /// What the steps are compared with.
    Redis,
    /// Step 01's echo: what the kernel alone costs.
    Floor,
}

/// Where its server comes from.
pub enum Source {
    /// Started here, with these arguments.
    Program(PathBuf, Vec<String>),
    /// It runs already, at `host:port`.
    Address(String),
}

/// One of those who are measured.
pub struct Contestant {
    /// What the report calls it: `ours`, `redis`, `floor`, `step03`.
    pub name: String,
    pub role: Role,
    /// Its program and version.
    pub label: String,
    source: Source,
    /// The program of a replica: a stock `redis-server`.
    replica_program: Option<PathBuf>,
    server: Option<Server>,
}

/// A server that runs, and what was done to it.
struct Server {
    // Ended first: a replica whose primary is gone has nobody to talk to.
    replica: Option<Target>,
    target: Target,
    setup: Setup,
    /// How many keys it holds, and how long their values are.
    loaded: Option<(u32, u32)>,
}

/// The flags that a server was started with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Setup {
    Plain,
    Aof(&'static str),
    Replica,
}

impl Setup {
    fn of(condition: Condition) -> Self {
        match condition {
            Condition::Plain | Condition::Bgsave | Condition::Pubsub => Self::Plain,
            Condition::AofEverysec => Self::Aof("everysec"),
            Condition::AofAlways => Self::Aof("always"),
            Condition::Replica => Self::Replica,
        }
    }

    fn flags(self) -> Vec<String> {
        match self {
            Self::Aof(policy) => ["--appendonly", "yes", "--appendfsync", policy]
                .map(str::to_owned)
                .to_vec(),
            Self::Plain | Self::Replica => Vec::new(),
        }
    }
}

impl Contestant {
    /// Starts its server, or finds it.
    pub async fn new(
        name: &str,
        role: Role,
        source: Source,
        replica_program: Option<PathBuf>,
    ) -> Result<Self> {
        let mut contestant = Self {
            name: name.to_owned(),
            role,
            label: String::new(),
            source,
            replica_program,
            server: None,
        };
        contestant.set_up(Setup::Plain).await?;
        contestant.label = contestant.target()?.label.clone();
        Ok(contestant)
    }

    /// The server that runs now.
    pub fn target(&self) -> Result<&Target> {
        let server = self.server.as_ref().context("its server has ended")?;
        Ok(&server.target)
    }

    pub fn answers(&self) -> Answers {
        match self.role {
            Role::Floor => Answers::Echo,
            Role::Step | Role::Redis => Answers::Replies,
        }
    }

    /// The arguments that its server was given.
    pub fn flags(&self) -> String {
        match &self.source {
            Source::Program(_, arguments) => arguments
                .iter()
                .map(|word| match word.is_empty() {
                    true => "''",
                    false => word,
                })
                .collect::<Vec<_>>()
                .join(" "),
            Source::Address(_) => "(it was running already)".to_owned(),
        }
    }

    /// Why it cannot take part in a scenario; `None` if it can.
    pub fn cannot(&self, scenario: &Scenario) -> Result<Option<String>> {
        if self.role == Role::Floor {
            return Ok(None);
        }
        let target = self.target()?;
        if target.is_foreign() {
            let harmless = [Condition::Plain, Condition::Pubsub].contains(&scenario.condition);
            return Ok((!harmless || scenario.pause().is_some())
                .then(|| "not done to a server that was not started here".to_owned()));
        }
        if scenario.condition == Condition::Replica && self.replica_program.is_none() {
            return Ok(Some(
                "there is no redis-server to be the replica".to_owned(),
            ));
        }
        let lacks = ability::lacks(&mut target.connect()?, scenario.condition)?;
        let program = target.label.split(' ').next().unwrap_or_default();
        Ok(lacks.map(|what| match self.role {
            Role::Step => format!("{program} does not have it yet ({what})"),
            _ => format!("{program} does not have it ({what})"),
        }))
    }

    /// Makes a server with the right flags run, and all keys hold values of the right
    /// length.
    pub async fn prepare(&mut self, scenario: &Scenario, keys: u32) -> Result<()> {
        self.set_up(Setup::of(scenario.condition)).await?;
        let bytes = scenario.value_bytes;
        let server = self.server.as_mut().context("its server has ended")?;
        let needs_keys = self.role != Role::Floor && scenario.condition != Condition::Pubsub;
        if !needs_keys || server.loaded == Some((keys, bytes)) {
            return Ok(());
        }
        server.target.holds_keys(keys);
        let mut connection = server.target.connect()?;
        worker::run("load", move |mut stop| {
            keyspace::load(&mut connection, keys, bytes, &mut stop)
        })
        .await?;
        server.loaded = Some((keys, bytes));
        Ok(())
    }

    /// Does the replica still have its primary? True without a replica.
    pub fn is_followed(&self) -> Result<bool> {
        match self
            .server
            .as_ref()
            .and_then(|server| server.replica.as_ref())
        {
            Some(replica) => is_synced(replica),
            None => Ok(true),
        }
    }

    async fn set_up(&mut self, setup: Setup) -> Result<()> {
        if self
            .server
            .as_ref()
            .is_some_and(|server| server.setup == setup)
        {
            return Ok(());
        }
        self.server = None;
        let (target, replica) = match &self.source {
            Source::Address(address) => (Target::find(address)?, None),
            Source::Program(program, arguments) => {
                let arguments = [arguments.clone(), setup.flags()].concat();
                let greeting = match self.role {
                    Role::Floor => Greeting::Echo,
                    Role::Step | Role::Redis => Greeting::Info,
                };
                let target = Target::start(program, &arguments, greeting).await?;
                if self.role != Role::Floor {
                    let_nothing_begin(&target)?;
                }
                let replica = match (setup, &self.replica_program) {
                    (Setup::Replica, Some(program)) => Some(follow(program, &target).await?),
                    _ => None,
                };
                (target, replica)
            }
        };
        self.server = Some(Server {
            replica,
            target,
            setup,
            loaded: None,
        });
        Ok(())
    }
}

/// Turns off what begins by itself. An early step has none of it, and says so.
fn let_nothing_begin(target: &Target) -> Result<()> {
    let mut server = target.connect()?;
    for (parameter, value) in [("save", ""), ("auto-aof-rewrite-percentage", "0")] {
        let answer = redis::cmd("CONFIG")
            .arg("SET")
            .arg(parameter)
            .arg(value)
            .exec(&mut server);
        match answer {
            Err(error) if error.is_io_error() => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

/// Starts a replica of the server, and waits until it has all that the server has.
async fn follow(program: &Path, primary: &Target) -> Result<Target> {
    let port = primary.port().context("the primary's port is unknown")?;
    let arguments = [
        "--save",
        "",
        "--bind",
        "127.0.0.1",
        "--replicaof",
        "127.0.0.1",
        &port.to_string(),
    ];
    let arguments = arguments.map(str::to_owned);
    let replica = Target::start(program, &arguments, Greeting::Info).await?;
    let until = Instant::now() + SYNC;
    while !is_synced(&replica)? {
        ensure!(
            Instant::now() < until,
            "the replica has no link to {} after {} s",
            primary.label,
            SYNC.as_secs()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(replica)
}

fn is_synced(replica: &Target) -> Result<bool> {
    let info: String = redis::cmd("INFO")
        .arg("replication")
        .query(&mut replica.connect()?)
        .context("INFO of the replica failed")?;
    Ok(info.contains("master_link_status:up"))
}
