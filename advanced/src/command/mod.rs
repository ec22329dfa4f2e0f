//! What a command is, and what its handler gets.
//!
//! One [`Command`] is one line of the table, and says everything that the server knows about
//! a command: dispatch, the arity check and the replies of `COMMAND` all read it, so there is
//! no second list that could disagree. The lines are in `handlers/`, a file per family;
//! [`Table`] finds them, and [`execute`] runs what a client sent.
//!
//! Redis generates the same table from JSON files (`struct redisCommand`, `commands.c`).

mod arguments;
#[cfg(feature = "blocking")]
mod blocking;
mod dispatch;
mod error;
mod help;
#[cfg(feature = "client-lifecycle")]
mod measure;
#[cfg(feature = "client-lifecycle")]
mod monitor;
#[cfg(feature = "client-lifecycle")]
mod notifications;
mod propagate;
#[cfg(feature = "client-lifecycle")]
mod rename;
#[cfg(feature = "blocking")]
mod serve;
#[cfg(feature = "client-lifecycle")]
pub mod special;
mod table;

#[cfg(not(feature = "client-lifecycle"))]
use std::time::Duration;

use strum::IntoStaticStr;

use crate::client::Client;
#[cfg(feature = "lists")]
use crate::resp::parse_integer;
use crate::resp::{Args, Reply};
use crate::state::State;

#[cfg(feature = "sets")]
pub use self::arguments::positive;
pub use self::arguments::{check_database, integer, random_count};
#[cfg(feature = "blocking")]
pub use self::blocking::{Blocking, take_or_wait};
pub use self::dispatch::{execute, must_wait, obey};
pub use self::error::{CommandError, Result};
pub use self::help::help;
#[cfg(feature = "client-lifecycle")]
pub use self::measure::{note_delays, took};
pub use self::propagate::propagate_expired;
pub use self::table::Table;

/// The version of Redis that the table mirrors. Clients look at it to know what
/// they can ask for.
pub const REDIS_VERSION: &str = "7.0.15";

/// Work of this kind has taken so long; nobody asks.
#[cfg(not(feature = "client-lifecycle"))]
pub fn took(_: &mut State, _: &'static str, _: Duration) {}

#[cfg(not(feature = "client-lifecycle"))]
impl State {
    /// Nobody has a copy of a parameter.
    pub fn configure_service(&mut self) {}
}

/// What a handler gets besides the arguments of its command.
pub struct Context<'a> {
    pub table: &'a Table,
    pub client: &'a mut Client,
    pub reply: Reply<'a>,
    pub state: &'a mut State,
    /// The handler has said itself what the AOF gets instead of the command.
    is_propagated: bool,
    /// The command has waited for a key, and is served now.
    #[cfg(feature = "blocking")]
    pub has_waited: bool,
}

impl<'a> Context<'a> {
    /// The context in which a command of `client` is executed.
    pub fn new(
        table: &'a Table,
        client: &'a mut Client,
        reply: Reply<'a>,
        state: &'a mut State,
    ) -> Self {
        state.settle_expiry(client.is_obeyed);
        Self {
            table,
            client,
            reply,
            state,
            is_propagated: false,
            #[cfg(feature = "blocking")]
            has_waited: false,
        }
    }
}

/// Runs one command. It writes one whole reply, or it writes nothing and returns an error. The
/// arity has been checked before it is called.
pub type Handler = fn(&mut Context<'_>, Args<'_>) -> Result;

/// What `COMMAND INFO` calls the flags of a command: `no_async_loading` for `NoAsyncLoading`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
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
    /// May let its client wait.
    #[cfg(feature = "blocking")]
    Blocking,
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
    /// Its keys are counted by one of its arguments.
    #[cfg(feature = "lists")]
    Movablekeys,
    /// May run while its client is a subscriber and speaks RESP2. `COMMAND INFO` does not show it.
    Subscribed,
}

/// One line of the table.
pub struct Command {
    /// In lower case; a subcommand is called `container|name`.
    pub name: &'static str,
    /// How many arguments it takes, its name included; `-n` means `n` or more.
    pub arity: i64,
    pub flags: &'static [Flag],
    /// Which of the arguments are keys.
    pub keys: Keys,
    pub handler: Handler,
    /// How it is served after it has waited, if it may wait for a key.
    #[cfg(feature = "blocking")]
    pub blocking: Option<Blocking>,
    pub subcommands: &'static [Command],
}

impl Command {
    /// A command none of whose arguments are keys.
    pub const fn new(
        name: &'static str,
        arity: i64,
        flags: &'static [Flag],
        handler: Handler,
    ) -> Self {
        Self::with_keys(name, arity, flags, NO_KEYS, handler)
    }

    pub const fn with_keys(
        name: &'static str,
        arity: i64,
        flags: &'static [Flag],
        keys: Keys,
        handler: Handler,
    ) -> Self {
        Self {
            name,
            arity,
            flags,
            keys,
            handler,
            #[cfg(feature = "blocking")]
            blocking: None,
            subcommands: &[],
        }
    }

    /// A command that only holds others, such as `CLIENT`.
    pub const fn container(name: &'static str, subcommands: &'static [Self]) -> Self {
        Self::new(name, -2, &[], |_, _| Err(CommandError::SYNTAX)).subcommands(subcommands)
    }

    /// It may wait for a key that holds a value of the type `kind`, and then takes from it.
    #[cfg(feature = "blocking")]
    pub const fn waits_for(mut self, kind: &'static str, take: blocking::Take) -> Self {
        let is_counted = true;
        self.blocking = Some(Blocking {
            kind,
            take,
            is_counted,
        });
        self
    }

    /// What it takes after a wait is no change that `rdb_changes_since_last_save` counts.
    #[cfg(feature = "blocking")]
    pub const fn uncounted(mut self) -> Self {
        if let Some(blocking) = &mut self.blocking {
            blocking.is_counted = false;
        }
        self
    }

    pub const fn subcommands(mut self, subcommands: &'static [Self]) -> Self {
        self.subcommands = subcommands;
        self
    }

    /// Its address in memory, which identifies it where only a number can be stored.
    /// [`Table::name_at`] finds its name again.
    pub fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    pub fn is(&self, flag: Flag) -> bool {
        self.flags.contains(&flag)
    }

    /// Does it give replicas something to do (`CMD_MAY_REPLICATE`)? Then it waits while the data
    /// must not change.
    pub fn may_replicate(&self) -> bool {
        self.is(Flag::Write) || self.name == "publish"
    }

    /// Whether it may be called with this many arguments, its name included.
    pub fn takes(&self, args: usize) -> bool {
        let args = args as i64;
        args == self.arity || (self.arity < 0 && args >= -self.arity)
    }

    fn subcommand(&self, name: &[u8]) -> Option<&Self> {
        let own_name = |it: &Self| it.name.split_once('|').map_or(it.name, |(_, own)| own);
        let is_called = |it: &&Self| own_name(it).as_bytes().eq_ignore_ascii_case(name);
        self.subcommands.iter().find(is_called)
    }
}

/// Which arguments of a command are keys. Clients of a cluster and proxies ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keys {
    /// The position of the first key; 0 means that there is none.
    pub first: i64,
    /// The position of the last key; `-1` means the last argument.
    pub last: i64,
    /// The distance from key to key.
    pub step: i64,
    /// The position of an argument that says how many keys follow it; 0 means that there is none.
    #[cfg(feature = "lists")]
    count_at: usize,
}

const NO_KEYS: Keys = Keys::at(0, 0, 0);
/// The first argument.
pub const KEY: Keys = Keys::at(1, 1, 1);
/// The first two.
pub const TWO_KEYS: Keys = Keys::at(1, 2, 1);
/// All arguments.
pub const ALL_KEYS: Keys = Keys::at(1, -1, 1);
/// Every other argument, from the first on.
pub const PAIRS: Keys = Keys::at(1, -1, 2);

impl Keys {
    #[cfg(not(feature = "lists"))]
    pub const fn at(first: i64, last: i64, step: i64) -> Self {
        Self { first, last, step }
    }

    #[cfg(feature = "lists")]
    pub const fn at(first: i64, last: i64, step: i64) -> Self {
        let count_at = 0;
        Self {
            first,
            last,
            step,
            count_at,
        }
    }

    /// Keys that follow their number, which is the argument at this position.
    #[cfg(feature = "lists")]
    pub const fn counted(count_at: usize) -> Self {
        Self {
            count_at,
            ..NO_KEYS
        }
    }

    /// The same key, and after it keys that follow their number.
    #[cfg(feature = "sorted-sets")]
    pub const fn and_counted(self, count_at: usize) -> Self {
        Self { count_at, ..self }
    }

    /// The position of the number of those that are counted, if any are.
    #[cfg(feature = "client-lifecycle")]
    pub fn count_at(&self) -> Option<usize> {
        #[cfg(feature = "lists")]
        let count_at = self.count_at;
        #[cfg(not(feature = "lists"))]
        let count_at = 0;
        (count_at > 0).then_some(count_at)
    }

    /// Whether there are none.
    pub fn is_none(&self) -> bool {
        *self == NO_KEYS
    }

    /// Where the keys among `args` are, if their number is one of these; nowhere if it is wrong.
    #[cfg(feature = "lists")]
    fn in_args(&self, args: Args<'_>) -> Self {
        let Some(count) = (self.count_at > 0).then(|| args.get(self.count_at)) else {
            return *self;
        };
        let most = args.len() - self.count_at;
        let count = count.and_then(parse_integer);
        let count = count.filter(|count| (1..most as i64).contains(count));
        let first = self.count_at as i64 + 1;
        Self::at(first, first + count.unwrap_or_default() - 1, 1)
    }

    /// The position of the key before those that are counted, if their number is right.
    #[cfg(feature = "sorted-sets")]
    fn destination(&self, counted: Self) -> Option<usize> {
        let is_stored = self.count_at > 0 && self.first > 0 && counted.first <= counted.last;
        is_stored.then_some(self.first as usize)
    }

    /// The keys among `args`.
    pub fn find<'a>(&self, args: Args<'a>) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        #[cfg(feature = "lists")]
        let keys = self.in_args(args);
        #[cfg(not(feature = "lists"))]
        let keys = self;
        let last = match keys.last {
            from_end @ ..0 => args.len().saturating_add_signed(from_end as isize),
            last => last as usize,
        };
        let positions = (keys.first as usize..=last).step_by(keys.step as usize);
        #[cfg(feature = "sorted-sets")]
        let positions = self.destination(keys).into_iter().chain(positions);
        positions.filter_map(move |position| args.get(position))
    }
}
