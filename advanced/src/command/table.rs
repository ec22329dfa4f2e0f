//! All commands, by name.

use std::collections::HashMap;

use super::{Command, CommandError, Result};
use crate::resp::Args;

/// The longest name of a command, in bytes.
const MAX_NAME: usize = 32;

/// All commands, by name.
pub struct Table {
    /// The names are in capitals here, as most clients send them.
    by_name: HashMap<Vec<u8>, &'static Command, ahash::RandomState>,
}

impl Table {
    /// Joins families of commands.
    pub fn new(families: &[&'static [Command]]) -> Self {
        let commands = families.iter().copied().flatten();
        Self {
            by_name: commands
                .map(|c| (c.name.to_ascii_uppercase().into_bytes(), c))
                .collect(),
        }
    }

    /// Gives a command another name, or none if it is empty.
    #[cfg(feature = "client-lifecycle")]
    pub fn rename(&mut self, from: &[u8], to: &[u8]) -> std::result::Result<(), &'static str> {
        let command = self.by_name.remove(&from.to_ascii_uppercase());
        let command = command.ok_or("No such command in rename-command")?;
        let to = to.to_ascii_uppercase();
        match to.is_empty() || self.by_name.insert(to, command).is_none() {
            true => Ok(()),
            false => Err("Target command name already exists"),
        }
    }

    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &'static Command> {
        self.by_name.values().copied()
    }

    /// The command called `name`, in any mixture of case; a subcommand if it
    /// has the form `container|name`.
    pub fn find(&self, name: &[u8]) -> Option<&'static Command> {
        match name.iter().position(|byte| *byte == b'|') {
            Some(bar) => self.find(&name[..bar])?.subcommand(&name[bar + 1..]),
            None => self.find_whole(name),
        }
    }

    fn find_whole(&self, name: &[u8]) -> Option<&'static Command> {
        if let Some(command) = self.by_name.get(name) {
            return Some(command);
        }
        let mut capitals = [0; MAX_NAME];
        let capitals = capitals.get_mut(..name.len())?;
        capitals.copy_from_slice(name);
        capitals.make_ascii_uppercase();
        self.by_name.get(&*capitals).copied()
    }

    /// The command or subcommand that `args` call, whether or not their number is right.
    pub fn lookup(&self, args: Args<'_>) -> Result<&'static Command> {
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
