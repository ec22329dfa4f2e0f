//! `cargo xtask completions`: what a shell needs to complete the tool's commands.
//!
//! Shells complete what follows a program, and `cargo` has completions of its own. So these
//! are for an alias: `alias xtask='cargo xtask'`.

use anyhow::Result;
use clap::CommandFactory;
use clap_complete::{Shell, generate};

use crate::Cli;
use crate::output::print;

/// The alias that is completed.
const ALIAS: &str = "xtask";

/// The command's options.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The shell in which they are sourced.
    shell: Shell,
}

/// Runs the command.
pub fn run(args: Args) -> Result<()> {
    print(&script(args.shell)?)
}

fn script(shell: Shell) -> Result<String> {
    let mut script = Vec::new();
    let mut tool = Cli::command().name(ALIAS).bin_name(ALIAS);
    generate(shell, &mut tool, ALIAS, &mut script);
    Ok(String::from_utf8(script)?)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn every_shell_is_told_the_commands() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = script(shell).expect("a script");
            assert!(script.contains("lineage"), "{shell} is not told of lineage");
        }
    }

    #[test]
    fn bash_completes_a_command() {
        let script = script(Shell::Bash).expect("a script");
        let asked =
            "COMP_WORDS=(xtask rev); COMP_CWORD=1; _xtask xtask rev xtask; echo ${COMPREPLY[@]}";
        let mut bash = Command::new("bash");
        bash.args(["--norc", "-c", &format!("{script}\n{asked}")]);
        let output = bash
            .output()
            .expect("bash is there, as for all scripts here");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "reveal\n");
    }
}
