//! Parameters that Redis has and that have no effect here: a configuration that Redis takes must
//! not stop this server, and must survive CONFIG REWRITE.
//!
//! They keep the value that they are given, within the bounds that Redis sets, and the server log
//! says, once for each, that it has no effect and why. A parameter whose neglect would be a
//! danger, such as a password, is not among them: only its harmless value is accepted
//! ([`Check::Only`]).

use std::collections::{BTreeMap, BTreeSet};

use tracing::warn;

use super::words::{parse_signed, parse_word, primary_name};
use super::{Change, Kind, Parameter, c_string, parse_memory, parse_yes_no, row};

/// A parameter without effect.
#[derive(Clone, Copy)]
pub struct Inert {
    default: &'static str,
    check: Check,
    /// Why it has no effect.
    why: &'static str,
}

/// Which values are accepted.
#[derive(Clone, Copy)]
enum Check {
    YesNo,
    Number(i64, i64),
    /// A size of so many bytes or more.
    Memory(i64),
    /// A size, or a percentage up to 100.
    MemoryOrPercent,
    Words(&'static [&'static str]),
    /// So many numbers.
    Numbers(usize),
    Text,
    /// Only the default: any other value would be a promise that is not kept.
    Only,
}

use Check::{Memory, MemoryOrPercent, Number, Numbers, Only, Text, Words, YesNo};

/// The values that differ from the defaults.
#[derive(Debug, Clone, Default)]
pub struct Accepted {
    values: BTreeMap<&'static str, String>,
    /// Those of which the server log has said that they have no effect.
    told: BTreeSet<&'static str>,
}

impl Accepted {
    /// The value of that parameter, if it is not the default.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Says in the server log which of the parameters that have been set have no effect, once
    /// each.
    pub fn tell(&mut self) {
        for parameter in PARAMETERS {
            let Kind::Inert(inert) = parameter.kind else {
                continue;
            };
            if self.values.contains_key(parameter.name) && self.told.insert(parameter.name) {
                warn!("`{}` has no effect here: {}", parameter.name, inert.why);
            }
        }
    }
}

const INT: i64 = i32::MAX as i64;

const ALLOCATOR: &str = "the allocator is another, and needs no help";
const CLUSTER: &str = "there is no cluster";
const COPY: &str = "there is no child process: a snapshot shares memory with the server";
const EVICTION: &str = "there is no limit on memory";
const FREE: &str =
    "what DEL removes is freed at once, and what UNLINK removes on a thread of its own";
const LISTEN: &str = "the listener is opened in one way only";
const LUA: &str = "there are no scripts";
const PLAIN: &str = "there is one way to do it here";
const SYNC: &str = "every synchronization is a full one, from a file";
const TEST: &str = "it is for tests of Redis";
const TYPES: &str = "there is no such type here";
const USERS: &str = "there are no users and no passwords";

/// The parameters without effect, by reason.
pub const PARAMETERS: &[Parameter] = &[
    // The allocator and the memory of the process.
    inert("activedefrag", "no", Only, ALLOCATOR),
    inert("active-defrag-cycle-max", "25", Number(1, 99), ALLOCATOR),
    inert("active-defrag-cycle-min", "1", Number(1, 99), ALLOCATOR),
    inert(
        "active-defrag-ignore-bytes",
        "104857600",
        Memory(1),
        ALLOCATOR,
    ),
    inert(
        "active-defrag-max-scan-fields",
        "1000",
        Number(1, i64::MAX),
        ALLOCATOR,
    ),
    inert(
        "active-defrag-threshold-lower",
        "10",
        Number(0, 1000),
        ALLOCATOR,
    ),
    inert(
        "active-defrag-threshold-upper",
        "100",
        Number(0, 1000),
        ALLOCATOR,
    ),
    inert(
        "activerehashing",
        "yes",
        YesNo,
        "tables grow a piece at a time",
    ),
    inert("disable-thp", "yes", YesNo, ALLOCATOR).change(Change::Immutable),
    inert("jemalloc-bg-thread", "yes", YesNo, ALLOCATOR),
    inert(
        "oom-score-adj",
        "no",
        Words(&["no", "yes", "relative", "absolute"]),
        COPY,
    ),
    inert("oom-score-adj-values", "0 200 800", Numbers(3), COPY),
    // Limits on memory.
    inert(
        "client-query-buffer-limit",
        "1073741824",
        Memory(1 << 20),
        EVICTION,
    ),
    inert("lfu-decay-time", "1", Number(0, INT), EVICTION),
    inert("lfu-log-factor", "10", Number(0, INT), EVICTION),
    inert("maxmemory", "0", Memory(0), EVICTION),
    inert("maxmemory-clients", "0", MemoryOrPercent, EVICTION),
    inert(
        "maxmemory-eviction-tenacity",
        "10",
        Number(0, 100),
        EVICTION,
    ),
    inert("maxmemory-policy", "noeviction", Words(POLICIES), EVICTION),
    inert("maxmemory-samples", "5", Number(1, INT), EVICTION),
    inert("replica-ignore-maxmemory", "yes", YesNo, EVICTION),
    inert("slave-ignore-maxmemory", "yes", YesNo, EVICTION),
    inert(
        "tracking-table-max-keys",
        "1000000",
        Number(0, i64::MAX),
        "there is no tracking",
    ),
    // Freeing.
    inert("lazyfree-lazy-eviction", "no", YesNo, FREE),
    inert("lazyfree-lazy-server-del", "no", YesNo, FREE),
    inert("lazyfree-lazy-user-del", "no", YesNo, FREE),
    inert("lazyfree-lazy-user-flush", "no", YesNo, FREE),
    inert("replica-lazy-flush", "no", YesNo, FREE),
    inert("slave-lazy-flush", "no", YesNo, FREE),
    // Files.
    inert("aof-disable-auto-gc", "no", YesNo, PLAIN),
    inert(
        "aof-load-truncated",
        "yes",
        Only,
        "a torn end is always cut off",
    ),
    inert("aof-rewrite-incremental-fsync", "yes", YesNo, PLAIN),
    inert("aof-timestamp-enabled", "no", YesNo, PLAIN),
    inert("no-appendfsync-on-rewrite", "no", YesNo, COPY),
    inert("rdb-del-sync-files", "no", YesNo, PLAIN),
    inert("rdb-save-incremental-fsync", "yes", YesNo, PLAIN),
    inert(
        "sanitize-dump-payload",
        "no",
        Words(&["no", "yes", "clients"]),
        "it is always done",
    ),
    // Time.
    inert(
        "active-expire-effort",
        "1",
        Number(1, 10),
        "the work follows what is found",
    ),
    inert(
        "dynamic-hz",
        "yes",
        YesNo,
        "the server ticks ten times a second",
    ),
    inert(
        "hz",
        "10",
        Number(0, INT),
        "the server ticks ten times a second",
    ),
    // Replication.
    inert("min-replicas-max-lag", "10", Number(0, INT), SYNC),
    inert(
        "min-replicas-to-write",
        "0",
        Only,
        "writes do not depend on replicas",
    ),
    inert("min-slaves-max-lag", "10", Number(0, INT), SYNC),
    inert(
        "min-slaves-to-write",
        "0",
        Only,
        "writes do not depend on replicas",
    ),
    inert("repl-backlog-size", "1048576", Memory(1), SYNC),
    inert("repl-backlog-ttl", "3600", Number(0, i64::MAX), SYNC),
    inert("repl-disable-tcp-nodelay", "no", YesNo, PLAIN),
    inert(
        "repl-diskless-load",
        "disabled",
        Words(&["disabled", "on-empty-db", "swapdb"]),
        SYNC,
    ),
    inert("repl-diskless-sync", "yes", YesNo, SYNC),
    inert("repl-diskless-sync-delay", "5", Number(0, INT), SYNC),
    inert("repl-diskless-sync-max-replicas", "0", Number(0, INT), SYNC),
    inert("replica-announce-ip", "", Only, PLAIN),
    inert("replica-announce-port", "0", Only, PLAIN),
    inert("replica-announced", "yes", Only, PLAIN),
    inert("replica-ignore-disk-write-errors", "no", Only, PLAIN),
    inert("slave-announce-ip", "", Only, PLAIN),
    inert("slave-announce-port", "0", Only, PLAIN),
    // Users.
    inert(
        "acl-pubsub-default",
        "resetchannels",
        Words(&["allchannels", "resetchannels"]),
        USERS,
    ),
    inert("aclfile", "", Only, USERS).change(Change::Immutable),
    inert("acllog-max-len", "128", Number(0, i64::MAX), USERS),
    inert("masterauth", "", Only, USERS),
    inert("masteruser", "", Only, USERS),
    inert("requirepass", "", Only, USERS),
    // The process and its sockets.
    inert("always-show-logo", "no", YesNo, "there is no logo").change(Change::Immutable),
    inert("bind-source-addr", "", Only, LISTEN),
    inert(
        "crash-log-enabled",
        "yes",
        YesNo,
        "a panic says where it was",
    ),
    inert(
        "crash-memcheck-enabled",
        "yes",
        YesNo,
        "a panic says where it was",
    ),
    inert(
        "enable-module-command",
        "no",
        PROTECTED,
        "there are no modules",
    )
    .change(Change::Immutable),
    inert("ignore-warnings", "", Text, TEST),
    inert("io-threads-do-reads", "no", YesNo, "each thread reads").change(Change::Immutable),
    inert(
        "proc-title-template",
        TITLE,
        Text,
        "the process keeps its title",
    ),
    inert(
        "set-proc-title",
        "yes",
        YesNo,
        "the process keeps its title",
    )
    .change(Change::Immutable),
    inert("socket-mark-id", "0", Only, LISTEN).change(Change::Immutable),
    inert("supervised", "no", Words(SUPERVISORS), "nobody is told").change(Change::Immutable),
    inert("syslog-enabled", "no", Only, "there is `logfile`").change(Change::Immutable),
    inert("syslog-ident", "redis", Text, "there is `logfile`").change(Change::Immutable),
    inert("tcp-backlog", "511", Number(0, INT), LISTEN).change(Change::Immutable),
    inert("unixsocket", "", Text, "clients come over TCP").change(Change::Immutable),
    inert("unixsocketperm", "0", Text, LISTEN).change(Change::Immutable),
    // Scripts and a cluster.
    inert("busy-reply-threshold", "5000", Number(0, i64::MAX), LUA),
    inert("lua-time-limit", "5000", Number(0, i64::MAX), LUA),
    inert("cluster-enabled", "no", Only, CLUSTER).change(Change::Immutable),
    inert("cluster-config-file", "nodes.conf", Text, CLUSTER).change(Change::Immutable),
    inert(
        "cluster-node-timeout",
        "15000",
        Number(0, i64::MAX),
        CLUSTER,
    ),
    // Types.
    inert("hll-sparse-max-bytes", "3000", Memory(0), TYPES),
    #[cfg(not(feature = "lists"))]
    inert("list-compress-depth", "0", Number(0, INT), TYPES),
    #[cfg(not(feature = "lists"))]
    inert("list-max-listpack-size", "-2", Number(-INT - 1, INT), TYPES),
    #[cfg(not(feature = "lists"))]
    inert("list-max-ziplist-size", "-2", Number(-INT - 1, INT), TYPES),
    #[cfg(not(feature = "sets"))]
    inert("set-max-intset-entries", "512", Number(0, i64::MAX), TYPES),
    inert("stream-node-max-bytes", "4096", Memory(0), TYPES),
    inert("stream-node-max-entries", "100", Number(0, i64::MAX), TYPES),
    #[cfg(not(feature = "sorted-sets"))]
    inert(
        "zset-max-listpack-entries",
        "128",
        Number(0, i64::MAX),
        TYPES,
    ),
    #[cfg(not(feature = "sorted-sets"))]
    inert("zset-max-listpack-value", "64", Memory(0), TYPES),
    #[cfg(not(feature = "sorted-sets"))]
    inert(
        "zset-max-ziplist-entries",
        "128",
        Number(0, i64::MAX),
        TYPES,
    ),
    #[cfg(not(feature = "sorted-sets"))]
    inert("zset-max-ziplist-value", "64", Memory(0), TYPES),
    // What Redis hides from patterns.
    inert("key-load-delay", "0", Number(-INT - 1, INT), TEST),
    inert(
        "loading-process-events-interval-bytes",
        "2097152",
        Number(1024, INT),
        TEST,
    ),
    inert(
        "propagation-error-behavior",
        "ignore",
        Words(PROPAGATION),
        TEST,
    ),
    inert("rdb-key-save-delay", "0", Number(-INT - 1, INT), TEST),
    inert("use-exit-on-panic", "no", YesNo, TEST),
    inert("watchdog-period", "0", Number(0, INT), TEST),
];

/// These are found by their names only, not by a pattern (`HIDDEN_CONFIG`).
const HIDDEN: &[&str] = &[
    "key-load-delay",
    "loading-process-events-interval-bytes",
    "rdb-key-save-delay",
    "use-exit-on-panic",
    "watchdog-period",
];

/// Words that Redis spells differently when it is asked.
const SYNONYMS: &[(&str, &str, &str)] = &[("oom-score-adj", "relative", "yes")];

const POLICIES: &[&str] = &[
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "noeviction",
];
const PROPAGATION: &[&str] = &["ignore", "panic", "panic-on-replicas"];
const PROTECTED: Check = Words(&["no", "yes", "local"]);
const SUPERVISORS: &[&str] = &["upstart", "systemd", "auto", "no"];
const TITLE: &str = "{title} {listen-addr} {server-mode}";

const fn inert(
    name: &'static str,
    default: &'static str,
    check: Check,
    why: &'static str,
) -> Parameter {
    row(
        name,
        Kind::Inert(Inert {
            default,
            check,
            why,
        }),
    )
}

impl Inert {
    pub fn get(&self, name: &str, accepted: &Accepted) -> String {
        let value = accepted.get(&primary_name(name));
        value.unwrap_or(self.default).to_owned()
    }

    /// Keeps a value, or says in Redis's words what is wrong with it.
    pub fn set(&self, name: &str, value: &str, accepted: &mut Accepted) -> Result<(), String> {
        let value = self.check.read(c_string(value), self)?;
        let spelled = SYNONYMS
            .iter()
            .find(|(of, word, _)| *of == name && *word == value);
        let value = spelled.map_or(value, |(_, _, shown)| (*shown).to_owned());
        let name = primary_name(name);
        let Some(name) = PARAMETERS.iter().map(|it| it.name).find(|it| *it == name) else {
            return Ok(());
        };
        match value == self.default {
            true => accepted.values.remove(name),
            false => accepted.values.insert(name, value),
        };
        Ok(())
    }

    /// Whether its value is written in quotes.
    pub fn is_text(&self) -> bool {
        matches!(self.check, Text | Only) && !matches!(self.default, "yes" | "no" | "0")
    }

    pub fn is_memory(&self) -> bool {
        matches!(self.check, Memory(_) | MemoryOrPercent)
    }
}

impl Check {
    /// The value as CONFIG GET shows it.
    fn read(self, value: &str, inert: &Inert) -> Result<String, String> {
        match self {
            YesNo => parse_yes_no(value).map(|yes| if yes { "yes" } else { "no" }.into()),
            Number(least, most) => parse_signed(value, least, most).map(|it| it.to_string()),
            Memory(least) => read_memory(value, least),
            MemoryOrPercent => match value.strip_suffix('%') {
                Some(digits) => read_percent(digits),
                None => read_memory(value, 0),
            },
            Words(words) => parse_word(value, words),
            Numbers(count) => read_numbers(value, count),
            Text => Ok(value.to_owned()),
            Only if value == inert.default => Ok(value.to_owned()),
            Only => Err(format!("this server cannot change it: {}", inert.why)),
        }
    }
}

fn read_memory(value: &str, least: i64) -> Result<String, String> {
    let bytes = parse_memory(value).ok_or("argument must be a memory value")?;
    match bytes >= least {
        true => Ok(bytes.to_string()),
        false => Err(format!(
            "argument must be between {least} and {} inclusive",
            i64::MAX
        )),
    }
}

fn read_percent(digits: &str) -> Result<String, String> {
    let percent: u64 = digits
        .parse()
        .map_err(|_| "argument must be a memory or percent value")?;
    match percent <= 100 {
        true => Ok(format!("{percent}%")),
        false => Err("percentage argument must be less or equal to 100".into()),
    }
}

fn read_numbers(value: &str, count: usize) -> Result<String, String> {
    let words: Vec<&str> = value.split_whitespace().collect();
    if words.len() != count {
        return Err("wrong number of arguments".into());
    }
    let numbers = words.iter().map(|word| word.parse::<i64>());
    match numbers
        .flatten()
        .filter(|it| (-2000..=2000).contains(it))
        .count()
        == count
    {
        true => Ok(words.join(" ")),
        false => {
            Err("Invalid oom-score-adj-values, elements must be between -2000 and 2000.".into())
        }
    }
}

impl Parameter {
    /// Whether a pattern of CONFIG GET finds it.
    pub fn is_hidden(&self) -> bool {
        HIDDEN.contains(&self.name)
    }
}
