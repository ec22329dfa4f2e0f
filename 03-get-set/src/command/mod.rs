//! What a command is, and what its handler gets.
//!
//! One [`Command`] is one line of the table, and says everything that the server knows about
//! a command: dispatch, the arity check and the replies of `COMMAND` all read it, so there is
//! no second list that could disagree. The lines are in `handlers/`, a file per family;
//! [`Table`] finds them, and [`execute`] runs what a client sent.
//!
//! Redis generates the same table from JSON files (`struct redisCommand`, `commands.c`).

mod arguments;
mod dispatch;
mod error;
mod help;
mod table;

use strum::IntoStaticStr;

use crate::client::Client;
use crate::resp::{Args, Reply};
use crate::state::State;

pub use self::arguments::{check_database, integer};
pub use self::dispatch::execute;
pub use self::error::{CommandError, Result};
pub use self::help::help;
pub use self::table::Table;

/// The version of Redis that the table mirrors. Clients look at it to know what
/// they can ask for.
pub const REDIS_VERSION: &str = "7.0.15";

/// What a handler gets besides the arguments of its command.
pub struct Context<'a> {
    pub table: &'a Table,
    pub client: &'a mut Client,
    pub reply: Reply<'a>,
    pub state: &'a mut State,
}

impl<'a> Context<'a> {
    /// The context in which a command of `client` is executed.
    pub fn new(
        table: &'a Table,
        client: &'a mut Client,
        reply: Reply<'a>,
        state: &'a mut State,
    ) -> Self {
        Self {
            table,
            client,
            reply,
            state,
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
    /// May run while the server loads its data.
    Loading,
    /// May run on a replica that has lost its primary.
    Stale,
    /// Takes constant or logarithmic time.
    Fast,
    /// Not for scripts.
    Noscript,
    /// May run before authentication.
    NoAuth,
    /// May run while a script is being killed.
    AllowBusy,
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
            subcommands: &[],
        }
    }

    /// A command that only holds others, such as `CLIENT`.
    pub const fn container(name: &'static str, subcommands: &'static [Self]) -> Self {
        Self::new(name, -2, &[], |_, _| Err(CommandError::SYNTAX)).subcommands(subcommands)
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
    pub const fn at(first: i64, last: i64, step: i64) -> Self {
        Self { first, last, step }
    }

    /// The keys among `args`.
    pub fn find<'a>(&self, args: Args<'a>) -> impl Iterator<Item = &'a [u8]> {
        let last = match self.last {
            from_end @ ..0 => args.len().saturating_add_signed(from_end as isize),
            last => last as usize,
        };
        let positions = (self.first as usize..=last).step_by(self.step as usize);
        positions.filter_map(move |position| args.get(position))
    }
}
