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
    /// Those that have been given another name, by that name.
    #[cfg(feature = "client-lifecycle")]
    renamed: Vec<(Vec<u8>, &'static Command)>,
}

impl Table {
    /// Joins families of commands.
    #[cfg(not(feature = "client-lifecycle"))]
    pub fn new(families: &[&'static [Command]]) -> Self {
        let groups = groups(families);
        Self { groups }
    }

    /// Joins families of commands.
    #[cfg(feature = "client-lifecycle")]
    pub fn new(families: &[&'static [Command]]) -> Self {
        Self {
            groups: groups(families),
            renamed: Vec::new(),
        }
    }

    /// Gives a command another name, or none if it is empty.
    #[cfg(feature = "client-lifecycle")]
    pub fn rename(&mut self, from: &[u8], to: &[u8]) -> std::result::Result<(), &'static str> {
        let command = self.find_whole(from);
        let command = command.ok_or("No such command in rename-command")?;
        for group in &mut self.groups {
            group.retain(|it| !std::ptr::eq(*it, command));
        }
        self.renamed.retain(|(_, it)| !std::ptr::eq(*it, command));
        if to.is_empty() {
            return Ok(());
        }
        if self.find_whole(to).is_some() {
            return Err("Target command name already exists");
        }
        self.renamed.push((to.to_vec(), command));
        Ok(())
    }

    pub fn len(&self) -> usize {
        self.iter().count()
    }

    #[cfg(not(feature = "client-lifecycle"))]
    pub fn iter(&self) -> impl Iterator<Item = &'static Command> {
        self.groups.iter().flatten().copied()
    }

    #[cfg(feature = "client-lifecycle")]
    pub fn iter(&self) -> impl Iterator<Item = &'static Command> {
        let renamed = self.renamed.iter().map(|(_, command)| *command);
        self.groups.iter().flatten().copied().chain(renamed)
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
        #[cfg(feature = "client-lifecycle")]
        if let Some((_, command)) = (self.renamed.iter()).find(|it| it.0.eq_ignore_ascii_case(name))
        {
            return Some(command);
        }
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

/// Families of commands as groups.
fn groups(families: &[&'static [Command]]) -> Vec<Vec<&'static Command>> {
    let mut groups = vec![Vec::new(); GROUPS];
    for command in families.iter().copied().flatten() {
        groups[group(command.name.as_bytes())].push(command);
    }
    groups
}

/// The number of the group for `name`. Letters in capitals differ from small ones in one bit,
/// which is left out.
fn group(name: &[u8]) -> usize {
    let letter = name.first().map_or(0, |first| usize::from(first & 31));
    (letter + 32 * name.len()) % GROUPS
}
