//! Commands with other names (`rename-command`): what a server does not want to be called, it hides.

use super::Table;

impl Table {
    /// Gives the command called `from` the name `to`, or none if that is empty. An error, in Redis's
    /// words, if there is no such command, or if another one has that name.
    pub fn rename(&mut self, from: &[u8], to: &[u8]) -> Result<(), &'static str> {
        let command = self.find_whole(from);
        let command = command.ok_or("No such command in rename-command")?;
        for group in &mut self.groups {
            group.retain(|(_, it)| !std::ptr::eq(*it, command));
        }
        if to.is_empty() {
            return Ok(());
        }
        if self.find_whole(to).is_some() {
            return Err("Target command name already exists");
        }
        self.add(to, command);
        Ok(())
    }
}
