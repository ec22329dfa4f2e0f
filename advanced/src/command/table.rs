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
    pub(super) groups: Vec<Vec<Row>>,
}

/// A name in lower case, and the command that it calls.
type Row = (Vec<u8>, &'static Command);

impl Table {
    /// Joins families of commands.
    pub fn new(families: &[&'static [Command]]) -> Self {
        let groups = vec![Vec::new(); GROUPS];
        let mut table = Self { groups };
        for command in families.iter().copied().flatten() {
            table.add(command.name.as_bytes(), command);
        }
        table
    }

    /// Adds a command, which `name` calls from here on.
    pub(super) fn add(&mut self, name: &[u8], command: &'static Command) {
        self.groups[group(name)].push((name.to_ascii_lowercase(), command));
    }

    pub fn len(&self) -> usize {
        self.iter().count()
    }

    pub fn iter(&self) -> impl Iterator<Item = &'static Command> {
        self.groups.iter().flatten().map(|(_, command)| *command)
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
    pub(super) fn find_whole(&self, name: &[u8]) -> Option<&'static Command> {
        // Only a client uses capitals.
        let lower = || name.iter().map(u8::to_ascii_lowercase);
        self.groups[group(name)]
            .iter()
            .filter(|(it, _)| it.len() == name.len())
            .find(|(it, _)| it.iter().copied().eq(lower()))
            .map(|(_, command)| *command)
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
