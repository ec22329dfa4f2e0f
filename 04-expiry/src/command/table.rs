//! All commands, by name.

use super::{Command, CommandError, Result};
use crate::resp::Args;

/// How many groups of commands there are.
const GROUPS: usize = 512;

/// All commands, by name.
///
/// Names are few, and known in advance. Those of the same length with the same first letter form
/// a group, hardly ever of more than three. To look through it takes less time than to compute a hash.
pub struct Table {
    groups: Vec<Vec<&'static Command>>,
}

impl Table {
    /// Joins families of commands.
    pub fn new(families: &[&'static [Command]]) -> Self {
        let mut groups = vec![Vec::new(); GROUPS];
        for command in families.iter().copied().flatten() {
            groups[group(command.name.as_bytes())].push(command);
        }
        Self { groups }
    }

    pub fn len(&self) -> usize {
        self.iter().count()
    }

    pub fn iter(&self) -> impl Iterator<Item = &'static Command> {
        self.groups.iter().flatten().copied()
    }

    /// The command called `name`, in any mixture of case; a subcommand if it
    /// has the form `container|name`.
    pub fn find(&self, name: &[u8]) -> Option<&'static Command> {
        match name.iter().position(|byte| *byte == b'|') {
            Some(bar) => self.find(&name[..bar])?.subcommand(&name[bar + 1..]),
            None => self.find_whole(name),
        }
    }

    #[inline]
    fn find_whole(&self, name: &[u8]) -> Option<&'static Command> {
        let group = self.groups[group(name)].iter().copied();
        // Only a client uses capitals.
        let lower = || name.iter().map(u8::to_ascii_lowercase);
        group
            .filter(|it| it.name.len() == name.len())
            .find(|it| it.name.bytes().eq(lower()))
    }

    /// The command or subcommand that `args` call, whether or not their number is right.
    pub fn lookup(&self, args: Args<'_>) -> Result<&'static Command> {
        let command = self
            .find_whole(&args[0])
            .ok_or_else(|| CommandError::unknown_command(args))?;
        if command.subcommands.is_empty() {
            return Ok(command);
        }
        match args.get(1) {
            Some(name) => command
                .subcommand(name)
                .ok_or_else(|| CommandError::unknown_subcommand(command.name, name)),
            None => Ok(command),
        }
    }

    /// The command that `args` call, if their number is right.
    pub fn resolve(&self, args: Args<'_>) -> Result<&'static Command> {
        let command = self.lookup(args)?;
        match command.takes(args.len()) {
            true => Ok(command),
            false => Err(CommandError::arity(command.name)),
        }
    }

    /// The name of the command at this [address](Command::address), if there is one.
    pub fn name_at(&self, address: usize) -> Option<&'static str> {
        let mut all = self
            .iter()
            .flat_map(|it| [it].into_iter().chain(it.subcommands));
        all.find(|it| it.address() == address).map(|it| it.name)
    }
}

/// The number of the group for `name`. Letters in capitals differ from small ones in one bit,
/// which is left out.
fn group(name: &[u8]) -> usize {
    let letter = name.first().map_or(0, |first| usize::from(first & 31));
    (letter + 32 * name.len()) % GROUPS
}
