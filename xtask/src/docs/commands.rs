//! The workshop's own commands on the pages: `make …` and `cargo xtask …`.
//!
//! Most of them are in blocks that are not run, or in a sentence, and could say
//! anything. So each target must be a rule of the Makefile that does something: a
//! folder of that name satisfies make, and teaches nobody anything. What follows
//! `cargo xtask` must be what the tool itself understands. A number must be a
//! step's. `NN` stands for any number.

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use clap::Parser;
use clap::error::ErrorKind;

use super::report::Fault;
use crate::Cli;
use crate::modules;
use crate::steps::{Number, Workshop};

/// What there is to be typed.
pub struct Commands {
    /// Targets with a recipe; `%` stands for a step's number.
    targets: HashSet<String>,
    numbers: HashSet<Number>,
    /// Modules of the advanced track that have a diagram, be they chapters or not.
    drawn: HashSet<Number>,
}

impl Commands {
    /// Asks make. None in a folder without a Makefile, where nothing can be compared.
    pub fn of(workshop: &Workshop) -> Result<Option<Self>> {
        if !workshop.root.join("Makefile").is_file() {
            return Ok(None);
        }
        Ok(Some(Commands {
            targets: targets(&database(&workshop.root)?),
            numbers: workshop.all().map(|step| step.number).collect(),
            drawn: modules::drawn(&workshop.root)
                .iter()
                .filter_map(|name| name.parse().ok())
                .collect(),
        }))
    }

    /// The commands of a page that do not exist.
    pub fn check(&self, page: &str) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (number, line) in (1..).zip(page.lines()) {
            for words in commands(line, "make") {
                faults.extend(self.make(&words, number));
            }
            for words in commands(line, "cargo xtask") {
                faults.extend(self.xtask(&words, number));
            }
        }
        faults
    }

    fn make(&self, words: &[String], line: usize) -> Option<Fault> {
        let plain = |word: &&String| !(word.starts_with('-') || word.contains('='));
        let missing = words.iter().filter(plain).find(|word| !self.has(word))?;
        let what = format!("`make {missing}`, and the Makefile has no rule that does that");
        let next = "correct the target, or write the rule; `make` lists what there is";
        Some(Fault::new(line, what, next))
    }

    fn has(&self, target: &str) -> bool {
        if self.targets.contains(target) {
            return true;
        }
        let Some((name, number)) = target.rsplit_once('-') else {
            return false;
        };
        let numbers = match name {
            "draw" => &self.drawn,
            _ => &self.numbers,
        };
        let is_one = |number: Number| numbers.contains(&number);
        let is_known = ["NN", "NNN"].contains(&number) || number.parse().is_ok_and(is_one);
        self.targets.contains(&format!("{name}-%")) && is_known
    }

    fn xtask(&self, words: &[String], line: usize) -> Option<Fault> {
        let known = words.iter().map(|word| match word.as_str() {
            "NN" => "01",
            word => word,
        });
        let all: Vec<_> = std::iter::once("cargo xtask").chain(known).collect();
        let refused = Cli::try_parse_from(&all)
            .err()
            .filter(|error| !is_fine(error));
        let is_gone = |word: &&&str| {
            let digits = word.len() >= 2 && word.bytes().all(|byte| byte.is_ascii_digit());
            let number = word.parse::<Number>();
            digits && number.is_ok_and(|number| !self.numbers.contains(&number))
        };
        let what = match (refused, all.iter().find(is_gone)) {
            (Some(error), _) => error
                .to_string()
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned(),
            (None, Some(number)) => format!("there is no step {number}"),
            (None, None) => return None,
        };
        let what = format!("`{}`: {what}", all.join(" "));
        let next = "correct the command; `cargo xtask --help` lists what there is";
        Some(Fault::new(line, what, next))
    }
}

/// In a sentence a command may stand without what it needs.
fn is_fine(error: &clap::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::MissingRequiredArgument
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    )
}

/// What make knows about its rules.
fn database(root: &Path) -> Result<String> {
    let output = Command::new("make")
        .args([
            "--print-data-base",
            "--question",
            "--no-builtin-rules",
            "--directory",
        ])
        .arg(root)
        .env("LC_ALL", "C")
        .output()
        .context("cannot run make")?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The targets in make's database that have a recipe.
fn targets(database: &str) -> HashSet<String> {
    let rules = database
        .split("\n\n")
        .filter(|rule| rule.contains("recipe to execute"));
    let lines = rules.flat_map(|rule| rule.lines().find(|line| !line.starts_with('#')));
    let names = lines.filter_map(|line| line.split_once(':'));
    // A pattern rule may have several targets.
    let names = names.flat_map(|(names, _)| names.split_whitespace());
    names.map(str::to_owned).collect()
}

/// The words after this command, wherever the line has it as code: at a prompt,
/// behind another command, or between backticks.
fn commands(line: &str, command: &str) -> Vec<Vec<String>> {
    let is_prompt = line.trim_start_matches(['>', ' ']).starts_with("$ ");
    let is_code = |before: &str| {
        let begins = ["$ ", "& ", "; ", "| ", "("];
        before.ends_with('`') || is_prompt && begins.iter().any(|it| before.ends_with(it))
    };
    let places = line
        .match_indices(command)
        .filter(|(at, _)| is_code(&line[..*at]));
    let rest = places.filter_map(|(at, _)| line[at + command.len()..].strip_prefix(' '));
    rest.map(|rest| words(rest.split('`').next().unwrap_or_default()))
        .collect()
}

/// The words up to the end of the command.
fn words(text: &str) -> Vec<String> {
    let all = shlex::split(text).unwrap_or_default();
    let ends = |word: &String| matches!(word.as_str(), "&" | "&&" | "|" | "||" | ">" | "#");
    let mut words: Vec<String> = all.into_iter().take_while(|word| !ends(word)).collect();
    // `make test; make lint` and `(cd x && make test)` end within a word.
    if let Some(at) = words.iter().position(|word| word.ends_with([';', ')'])) {
        words.truncate(at + 1);
        words[at].pop();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATABASE: &str = "# Not a target:\n02-folder:\n#  Implicit rule search has not been done.\n\n\
        01-echo:\n#  Phony target (prerequisite of .PHONY).\n#  recipe to execute (from 'Makefile', line 3):\n\
        \t@run $(ARGS)\n\n.PHONY: 01-echo 03-gone\n\n03-gone:\n#  Phony target (prerequisite of .PHONY).\n\n\
        check-% try-% draw-%:\n#  recipe to execute (from 'Makefile', line 9):\n\t@cargo\n";

    fn faults(page: &str) -> Vec<String> {
        let commands = Commands {
            targets: targets(DATABASE),
            numbers: HashSet::from([Number::Step(1), Number::Step(2)]),
            drawn: HashSet::from([Number::Chapter(2, None)]),
        };
        let found = commands.check(page);
        found.into_iter().map(|fault| fault.what).collect()
    }

    #[test]
    fn a_target_needs_a_recipe_and_a_step() {
        let page = "$ make 01-echo ARGS=\"--port 7000\" &\nSay `make check-02`, `make try-NN`, `make draw-002 FILE=a`, or make up.\n| disk full | make room |\n";
        assert_eq!(faults(page), [""; 0]);
        for wrong in [
            "$ make 02-folder",
            "`make 03-gone`",
            "$ make check-42",
            "`make draw-02`",
            "`make draw-003`",
            "`make benchmarks`",
            "> $ (cd a && make gone)",
        ] {
            assert_eq!(faults(wrong).len(), 1, "{wrong}");
        }
    }

    #[test]
    fn the_tool_must_understand_its_commands() {
        let page = "$ cargo xtask check 02 --exercise 1\n`cargo xtask check` and `cargo xtask docs NN`\n\
                    $ for a in *; do (cd $a && cargo xtask check 01 --json) > b; done\n";
        assert_eq!(faults(page), [""; 0]);
        for wrong in [
            "$ cargo xtask convey 02",
            "`cargo xtask check 07`",
            "$ cargo xtask docs --fast",
        ] {
            assert_eq!(faults(wrong).len(), 1, "{wrong}");
        }
    }
}
