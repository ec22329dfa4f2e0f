//! The command table: what a command is, how it is found, and what is checked
//! before it runs.
//!
//! One [`Command`] says everything there is to say of a command. Dispatch, the
//! arity check and the replies of `COMMAND` all read it, so there is no second
//! list that could disagree. The families of commands live in `commands/`.
//!
//! Redis generates the same table from JSON files (`struct redisCommand`,
//! `commands.c`) and runs it in `processCommand` (`server.c`).

use std::borrow::Cow;
use std::collections::HashMap;

use crate::aof::{Aof, encode};
use crate::background::Background;
use crate::client::Client;
use crate::clients::Clients;
use crate::clock::Moment;
use crate::config::Config;
use crate::cross_protocol;
use crate::lifecycle::Lifecycle;
use crate::pubsub::PubSub;
use crate::replication::Replication;
use crate::resp::{Args, Protocol, Reply, parse_integer};
use crate::state::State;
use crate::stats::Stats;
use crate::store::Store;

/// The version of Redis that the table mirrors. Clients look at it to know what
/// they can ask for.
pub const REDIS_VERSION: &str = "7.0.15";

/// What a handler gets besides the arguments.
pub struct Context<'a> {
    pub table: &'a Table,
    pub client: &'a mut Client,
    pub reply: Reply<'a>,
    pub store: &'a mut Store,
    pub config: &'a mut Config,
    pub stats: &'a mut Stats,
    pub clients: &'a mut Clients,
    pub aof: &'a mut Aof,
    pub background: &'a mut Background,
    pub pubsub: &'a mut PubSub,
    pub replication: &'a mut Replication,
    pub lifecycle: &'a mut Lifecycle,
    /// What goes to the log instead of the command, if that is not the same
    /// whenever it is executed.
    pub effect: Vec<u8>,
}

impl<'a> Context<'a> {
    /// The surroundings of the commands of `client`.
    pub fn new(
        table: &'a Table,
        client: &'a mut Client,
        reply: Reply<'a>,
        state: &'a mut State,
    ) -> Self {
        state.settle_expiry(client.is_obeyed());
        Self {
            table,
            client,
            reply,
            store: &mut state.store,
            config: &mut state.config,
            stats: &mut state.stats,
            clients: &mut state.clients,
            aof: &mut state.aof,
            background: &mut state.background,
            pubsub: &mut state.pubsub,
            replication: &mut state.replication,
            lifecycle: &mut state.lifecycle,
            effect: Vec::new(),
        }
    }

    /// The longest string that a command may make, in bytes. What is in the log
    /// was made once, whatever the limit was then (`mustObeyClient`).
    pub fn max_string(&self) -> usize {
        match self.client.is_obeyed() {
            true => usize::MAX,
            false => self.config.proto_max_bulk_len,
        }
    }

    /// Lets `words` go to the log instead of the command under way.
    pub fn log_as(&mut self, words: &[&[u8]]) {
        if self.aof.is_open() || self.replication.is_read() {
            self.effect.clear();
            encode(words.iter().copied(), &mut self.effect);
        }
    }

    /// The same for a command that has given `key` this value and deadline. In the
    /// log a deadline is a moment, not a time from now.
    pub fn log_set(&mut self, key: &[u8], value: &[u8], deadline: Option<Moment>) {
        match deadline.map(|deadline| self.store.clock.unix(deadline)) {
            Some(unix) => {
                let unix = unix.to_string();
                self.log_as(&[b"SET", key, value, b"PXAT", unix.as_bytes()]);
            }
            None => self.log_as(&[b"SET", key, value]),
        }
    }

    /// Lets `key`, which must be there, live until `deadline`, and logs what came of it: a
    /// deadline that has come already may have ended the key.
    pub fn set_deadline(&mut self, key: &[u8], deadline: Moment) {
        match self.store.set_deadline(key, deadline) {
            true => {
                let unix = self.store.clock.unix(deadline).to_string();
                self.log_as(&[b"PEXPIREAT", key, unix.as_bytes()]);
            }
            false => self.log_as(&[b"DEL", key]),
        }
    }
}

/// Runs one command. It either writes one whole reply or returns an error and
/// has written nothing. The arity has been checked before it is called.
pub type Handler = fn(&mut Context<'_>, Args<'_>) -> Result<(), CommandError>;

/// What `COMMAND INFO` calls the flags of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flag {
    /// Changes the data set.
    Write,
    /// Looks at the data set.
    Readonly,
    /// May need memory.
    Denyoom,
    /// For administrators.
    Admin,
    /// About channels and patterns.
    Pubsub,
    /// May run while the server loads its data.
    Loading,
    /// May run on a replica that has lost its primary.
    Stale,
    /// Takes constant or logarithmic time.
    Fast,
    /// Not for scripts.
    Noscript,
    /// Not while other data is loaded to replace what there is.
    NoAsyncLoading,
    /// Not in a transaction.
    NoMulti,
    /// May run before authentication.
    NoAuth,
    /// May run while a script is being killed.
    AllowBusy,
}

impl Flag {
    pub fn name(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Readonly => "readonly",
            Self::Denyoom => "denyoom",
            Self::Admin => "admin",
            Self::Pubsub => "pubsub",
            Self::Loading => "loading",
            Self::Stale => "stale",
            Self::Fast => "fast",
            Self::Noscript => "noscript",
            Self::NoAsyncLoading => "no_async_loading",
            Self::NoMulti => "no_multi",
            Self::NoAuth => "no_auth",
            Self::AllowBusy => "allow_busy",
        }
    }
}

/// One line of the table.
pub struct Command {
    /// In lower case; a subcommand is called `container|name`.
    pub name: &'static str,
    /// How many arguments it takes, its name included; `-n` means `n` or more.
    pub arity: i64,
    pub flags: &'static [Flag],
    pub handler: Handler,
    /// Which of the arguments are keys.
    pub keys: &'static [Keys],
    /// The ACL categories that do not follow from the flags.
    pub categories: &'static [&'static str],
    /// Hints for clients and proxies.
    pub tips: &'static [&'static str],
    pub doc: Doc,
    pub subcommands: &'static [Command],
    /// May run while its client is a subscriber and speaks RESP2.
    pub while_subscribed: bool,
}

/// Arguments that are keys, as `COMMAND INFO` describes them. Clients of a
/// cluster and proxies find the keys of a command with it.
pub struct Keys {
    /// What happens to the keys: `RO`, `RW`, `OW` (overwritten) or `RM`, and more
    /// words that say how.
    pub access: &'static str,
    /// The position of the first key.
    pub first: i64,
    /// How far behind it the last key is; `-1` means that it is the last argument.
    pub last: i64,
    /// The distance from key to key.
    pub step: i64,
}

impl Keys {
    /// One key at position `first`.
    pub const fn one(access: &'static str, first: i64) -> Self {
        Self {
            access,
            first,
            last: 0,
            step: 1,
        }
    }

    /// Every `step`th argument from the first on.
    pub const fn every(access: &'static str, step: i64) -> Self {
        Self {
            access,
            first: 1,
            last: -1,
            step,
        }
    }

    /// The keys among `args`.
    pub fn find<'a>(&self, args: Args<'a>) -> impl Iterator<Item = &'a [u8]> {
        let (first, step) = (self.first as usize, self.step as usize);
        let last = match self.last {
            from_end @ ..0 => args.len().saturating_add_signed(from_end as isize),
            behind => first + behind as usize,
        };
        let positions = (first..=last).step_by(step);
        positions.filter_map(move |position| args.get(position))
    }
}

/// What `COMMAND DOCS` says.
#[derive(Default)]
pub struct Doc {
    pub group: &'static str,
    /// The version of Redis that brought it.
    pub since: &'static str,
    pub complexity: &'static str,
    pub summary: &'static str,
}

impl Command {
    pub const fn new(
        name: &'static str,
        arity: i64,
        flags: &'static [Flag],
        handler: Handler,
    ) -> Self {
        Self {
            name,
            arity,
            flags,
            handler,
            keys: &[],
            categories: &[],
            tips: &[],
            doc: Doc {
                group: "",
                since: "",
                complexity: "",
                summary: "",
            },
            subcommands: &[],
            while_subscribed: false,
        }
    }

    /// A command that only holds others, such as `CLIENT`.
    pub const fn container(name: &'static str, subcommands: &'static [Self]) -> Self {
        Self::new(name, -2, &[], no_subcommand).subcommands(subcommands)
    }

    pub const fn subcommands(mut self, subcommands: &'static [Self]) -> Self {
        self.subcommands = subcommands;
        self
    }

    pub const fn keys(mut self, keys: &'static [Keys]) -> Self {
        self.keys = keys;
        self
    }

    pub const fn categories(mut self, categories: &'static [&'static str]) -> Self {
        self.categories = categories;
        self
    }

    pub const fn tips(mut self, tips: &'static [&'static str]) -> Self {
        self.tips = tips;
        self
    }

    pub const fn doc(
        mut self,
        group: &'static str,
        since: &'static str,
        complexity: &'static str,
        summary: &'static str,
    ) -> Self {
        self.doc = Doc {
            group,
            since,
            complexity,
            summary,
        };
        self
    }

    pub const fn while_subscribed(mut self) -> Self {
        self.while_subscribed = true;
        self
    }

    /// Where it is in memory: a number that stands for it where there is no room for more.
    pub fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    pub fn is(&self, flag: Flag) -> bool {
        self.flags.contains(&flag)
    }

    /// May it be called with so many arguments, its name included?
    pub fn takes(&self, args: usize) -> bool {
        let args = args as i64;
        args == self.arity || (self.arity < 0 && args >= -self.arity)
    }

    fn subcommand(&self, name: &[u8]) -> Option<&Self> {
        self.subcommands.iter().find(|command| {
            let own_name = command
                .name
                .split_once('|')
                .map_or(command.name, |(_, own)| own);
            own_name.as_bytes().eq_ignore_ascii_case(name)
        })
    }
}

/// The handler of a container. `Table::resolve` never lets a command come here.
fn no_subcommand(_: &mut Context<'_>, _: Args<'_>) -> Result<(), CommandError> {
    Err(CommandError::SYNTAX)
}

/// The longest name of a command, in bytes.
const MAX_NAME: usize = 32;

/// All commands, by name.
pub struct Table {
    by_name: HashMap<&'static [u8], &'static Command, ahash::RandomState>,
}

impl Table {
    /// Joins families of commands.
    pub fn new(families: &[&'static [Command]]) -> Self {
        let commands = families.iter().copied().flatten();
        Self {
            by_name: commands.map(|c| (c.name.as_bytes(), c)).collect(),
        }
    }

    /// The command called `name`, in any mixture of case; a subcommand if it
    /// has the form `container|name`.
    pub fn find(&self, name: &[u8]) -> Option<&'static Command> {
        if let Some(bar) = name.iter().position(|byte| *byte == b'|') {
            let (container, own) = (&name[..bar], &name[bar + 1..]);
            return self.find(container)?.subcommand(own);
        }
        self.find_whole(name)
    }

    fn find_whole(&self, name: &[u8]) -> Option<&'static Command> {
        let mut lower = [0; MAX_NAME];
        let lower = lower.get_mut(..name.len())?;
        lower.copy_from_slice(name);
        lower.make_ascii_lowercase();
        self.by_name.get(&*lower).copied()
    }

    /// May these be a command that gives replicas something to do? Those wait while the server
    /// waits for its replicas (`CMD_MAY_REPLICATE`).
    pub fn may_replicate(&self, args: Args<'_>) -> bool {
        let command = self.resolve(args);
        command.is_ok_and(|command| command.is(Flag::Write) || command.name == "publish")
    }

    /// The name of the command at this [address](Command::address), if there is one.
    pub fn name_at(&self, address: usize) -> Option<&'static str> {
        let mut all = self
            .iter()
            .flat_map(|it| [it].into_iter().chain(it.subcommands));
        all.find(|it| it.address() == address).map(|it| it.name)
    }

    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &'static Command> {
        self.by_name.values().copied()
    }

    /// The command or subcommand that `args` call, however many they are.
    pub fn lookup(&self, args: Args<'_>) -> Result<&'static Command, CommandError> {
        let command = self
            .find_whole(&args[0])
            .ok_or_else(|| CommandError::unknown_command(args))?;
        match args.get(1) {
            Some(name) if !command.subcommands.is_empty() => command
                .subcommand(name)
                .ok_or_else(|| CommandError::unknown_subcommand(command.name, name)),
            _ => Ok(command),
        }
    }

    /// The command that `args` call, once the number of arguments is right.
    fn resolve(&self, args: Args<'_>) -> Result<&'static Command, CommandError> {
        let command = self.lookup(args)?;
        if !command.takes(args.len()) {
            return Err(CommandError::arity(command.name));
        }
        Ok(command)
    }
}

/// Executes the command in `args`, which must not be empty. There is a reply in
/// the output afterwards, come what may. True if the reply has to wait until the
/// log is written.
pub fn execute(ctx: &mut Context<'_>, args: Args<'_>) -> bool {
    run(ctx, args).unwrap_or_else(|error| {
        refuse(ctx, args, &error);
        false
    })
}

/// Replies why the command was refused; but to a line of HTTP nothing is said, and
/// nothing of what follows it is executed.
fn refuse(ctx: &mut Context<'_>, args: Args<'_>, error: &CommandError) {
    if cross_protocol::is_http(&args[0]) {
        ctx.client.is_browser = true;
        ctx.client.closing = true;
    }
    ctx.reply.error(error.text());
}

/// The same, for who wants to know of an error instead of sending it.
fn run(ctx: &mut Context<'_>, args: Args<'_>) -> Result<bool, CommandError> {
    let command = ctx.table.resolve(args)?;
    ctx.stats.commands_processed += 1;
    ctx.client.handle.call(command.address());
    check_saves(ctx, command)?;
    check_log(ctx, command)?;
    check_replica(ctx, command)?;
    check_subscriber(ctx, command)?;
    check_stale(ctx, command)?;
    check_loading(ctx, command)?;
    call(ctx, command, args)
}

/// The same for a command that was accepted once and is in the log now
/// (`mustObeyClient`).
pub fn obey(ctx: &mut Context<'_>, args: Args<'_>) -> Result<bool, CommandError> {
    let command = ctx.table.resolve(args)?;
    call(ctx, command, args)
}

fn call(ctx: &mut Context<'_>, command: &Command, args: Args<'_>) -> Result<bool, CommandError> {
    let changes = ctx.store.changes;
    (command.handler)(ctx, args)?;
    Ok(log(ctx, args, changes))
}

/// Refuses to change what could not be saved lately. Redis does not answer PING then
/// either, so that whoever watches over the server notices.
fn check_saves(ctx: &Context<'_>, command: &Command) -> Result<(), CommandError> {
    let must_save = ctx.config.stop_writes_on_bgsave_error && !ctx.config.save.is_empty();
    match must_save && ctx.background.saves.failed && shows_trouble(command) {
        true => Err(CommandError::SAVE_FAILED),
        false => Ok(()),
    }
}

fn shows_trouble(command: &Command) -> bool {
    command.is(Flag::Write) || command.name == "ping"
}

/// Refuses to change what is the primary's.
fn check_replica(ctx: &Context<'_>, command: &Command) -> Result<(), CommandError> {
    let is_closed = ctx.replication.is_replica() && ctx.config.replica_read_only;
    match is_closed && command.is(Flag::Write) {
        true => Err(CommandError::READONLY),
        false => Ok(()),
    }
}

/// Refuses to show data that may be old, if that is what the operator wants.
fn check_stale(ctx: &Context<'_>, command: &Command) -> Result<(), CommandError> {
    let is_stale = ctx.replication.is_cut_off() && !ctx.config.replica_serve_stale_data;
    match is_stale && !command.is(Flag::Stale) {
        true => Err(CommandError::MASTER_DOWN),
        false => Ok(()),
    }
}

/// Refuses almost everything until the data is there.
fn check_loading(ctx: &Context<'_>, command: &Command) -> Result<(), CommandError> {
    match ctx.store.loading && !command.is(Flag::Loading) {
        true => Err(CommandError::LOADING),
        false => Ok(()),
    }
}

/// The same for what could not be logged.
fn check_log(ctx: &Context<'_>, command: &Command) -> Result<(), CommandError> {
    match ctx.aof.error() {
        Some(error) if shows_trouble(command) => Err(CommandError::log(error)),
        _ => Ok(()),
    }
}

/// Refuses what a subscriber may not ask for in RESP2, where it could not tell the reply from a
/// message.
fn check_subscriber(ctx: &Context<'_>, command: &Command) -> Result<(), CommandError> {
    match ctx.client.subscription {
        Some(_) if ctx.client.protocol == Protocol::Resp2 && !command.while_subscribed => {
            Err(CommandError::quoting(
                "ERR Can't execute '",
                command.name.as_bytes(),
                "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in \
                 this context",
            ))
        }
        _ => Ok(()),
    }
}

/// Logs what the command did, if it did anything.
fn log(ctx: &mut Context<'_>, args: Args<'_>, changes_before: u64) -> bool {
    append_expired(ctx.aof, ctx.replication, ctx.store, ctx.config);
    if ctx.store.changes == changes_before {
        return false;
    }
    let limit = ctx.config.client_output_buffer_limit.replica;
    match ctx.effect.is_empty() {
        true => {
            ctx.aof.append(args.iter());
            ctx.replication.append(args.iter(), limit);
        }
        false => {
            ctx.aof.append_encoded(&ctx.effect);
            ctx.replication.append_encoded(&ctx.effect, limit);
        }
    }
    ctx.client.written = ctx.replication.offset();
    ctx.aof.is_open()
}

/// Tells the log and the replicas of the keys that have expired.
pub fn append_expired(
    aof: &mut Aof,
    replication: &mut Replication,
    store: &mut Store,
    config: &Config,
) {
    let limit = config.client_output_buffer_limit.replica;
    for key in store.expired.drain(..) {
        let words = [&b"DEL"[..], &key];
        aof.append(words.into_iter());
        replication.append(words.into_iter(), limit);
    }
}

/// Is `index` that of the one database there is?
pub fn check_database(index: &[u8]) -> Result<(), CommandError> {
    match parse_integer(index).map(i32::try_from) {
        Some(Ok(0)) => Ok(()),
        Some(Ok(_)) => Err(CommandError::new("ERR DB index is out of range")),
        Some(Err(_)) => Err(CommandError::new(
            "ERR value is out of range, value must between -2147483648 and 2147483647",
        )),
        None => Err(CommandError::NOT_AN_INTEGER),
    }
}

/// Why a command was refused, in Redis's words. The connection lives on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandError(Cow<'static, [u8]>);

impl CommandError {
    pub const SYNTAX: Self = Self::new("ERR syntax error");
    pub const NOT_AN_INTEGER: Self = Self::new("ERR value is not an integer or out of range");
    pub const READONLY: Self = Self::new("READONLY You can't write against a read only replica.");
    pub const MASTER_DOWN: Self = Self::new(
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    );
    pub const UNBLOCKED: Self = Self::new(
        "UNBLOCKED force unblock from blocking operation, instance state changed (master -> \
         replica?)",
    );
    pub const LOADING: Self = Self::new("LOADING Redis is loading the dataset in memory");
    pub const SAVE_FAILED: Self = Self::new(
        "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist \
         to disk. Commands that may modify the data set are disabled, because this instance is \
         configured to report errors during writes if RDB snapshotting fails \
         (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the \
         RDB error.",
    );

    /// `text` starts with the error's code.
    pub const fn new(text: &'static str) -> Self {
        Self(Cow::Borrowed(text.as_bytes()))
    }

    /// An error that names what the client sent, which need not be UTF-8. Like
    /// Redis, which is written in C, it ends the name at a NUL byte.
    pub fn quoting(before: &str, quoted: &[u8], after: &str) -> Self {
        let text = [
            before.as_bytes(),
            excerpt(quoted, usize::MAX),
            after.as_bytes(),
        ]
        .concat();
        Self(Cow::Owned(text))
    }

    /// The number of arguments is wrong for the command called `name`.
    pub fn arity(name: &str) -> Self {
        let before = "ERR wrong number of arguments for '";
        Self::quoting(before, name.as_bytes(), "' command")
    }

    /// A time that cannot be, for the command called `name`.
    pub fn expire_time(name: &str) -> Self {
        Self::quoting("ERR invalid expire time in '", name.as_bytes(), "' command")
    }

    /// The log cannot be written, for the reason that the system gives.
    pub fn log(reason: &str) -> Self {
        let before = "MISCONF Errors writing to the AOF file: ";
        Self::quoting(before, reason.as_bytes(), "")
    }

    /// The text of the error, its code first.
    pub fn text(&self) -> &[u8] {
        &self.0
    }

    /// Quotes as many of the arguments as fit 128 bytes, as Redis does.
    fn unknown_command(args: Args<'_>) -> Self {
        let mut quoted = Vec::new();
        for arg in args.skip(1).iter() {
            if quoted.len() >= QUOTED {
                break;
            }
            quoted.push(b'\'');
            quoted.extend_from_slice(excerpt(arg, QUOTED - (quoted.len() - 1)));
            quoted.extend_from_slice(b"' ");
        }
        let before = [
            b"ERR unknown command '",
            excerpt(&args[0], QUOTED),
            b"', with args beginning with: ",
        ];
        Self(Cow::Owned([before.concat(), quoted].concat()))
    }

    fn unknown_subcommand(container: &str, name: &[u8]) -> Self {
        let after = format!("'. Try {} HELP.", container.to_uppercase());
        Self::quoting("ERR unknown subcommand '", excerpt(name, QUOTED), &after)
    }
}

/// How much of what a client sent an error quotes, in bytes.
const QUOTED: usize = 128;

/// The start of `bytes`, up to a NUL byte, where Redis's C strings end.
fn excerpt(bytes: &[u8], length: usize) -> &[u8] {
    let end = bytes
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(bytes.len());
    &bytes[..end.min(length)]
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::clients::Handle;
    use crate::commands;
    use crate::resp::{Batch, Protocol};
    use crate::state::Shared;

    fn run_line(state: &mut State, line: &str) -> Result<bool, CommandError> {
        let mut input = BytesMut::from(line);
        let mut batch = Batch::default();
        assert_eq!(batch.fill(&mut input), Ok(1));
        let args = batch.take(&input).expect("a command");
        let (mut output, mut client) = (BytesMut::new(), Client::new(Handle::nobody(1).into()));
        if state.store.loading {
            client = Client::obeyed();
        }
        let reply = Reply::new(&mut output, Protocol::Resp2);
        let ctx = &mut Context::new(commands::table(), &mut client, reply, state);
        match ctx.client.is_obeyed() {
            true => obey(ctx, args),
            false => run(ctx, args),
        }
    }

    #[test]
    fn the_limit_of_strings_is_for_clients_and_not_for_the_log() {
        let mut config = Config::new([127, 0, 0, 1].into(), 0, 1);
        config.proto_max_bulk_len = 3;
        let shared = Shared::new(config);
        let state = &mut *shared.lock();
        assert_eq!(run_line(state, "SET k abc\r\n"), Ok(false));
        for line in ["APPEND k d\r\n", "SETRANGE k 3 d\r\n"] {
            state.store.loading = false;
            assert!(run_line(state, line).is_err(), "{line}");
            state.store.loading = true;
            assert_eq!(run_line(state, line), Ok(false), "{line}");
        }
    }
}
