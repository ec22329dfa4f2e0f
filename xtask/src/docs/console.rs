//! A console block, taken apart: commands, and the output that each shall have.
//!
//! A line that starts with `$ ` is a command, and a `\` at its end continues it
//! on the next line. The lines up to the next command are the expected output.

use std::ops::Range;

use super::page::Block;
use super::report::Fault;

/// A command and what it shall print.
#[derive(Debug)]
pub struct Exchange {
    /// The line of the page with the command.
    pub line: usize,
    /// What bash is given.
    pub command: String,
    /// The expected lines.
    pub expected: Vec<String>,
    /// The lines of the page with the expected output, without the last.
    pub place: Range<usize>,
}

/// Takes a block apart.
pub fn exchanges(block: &Block) -> Result<Vec<Exchange>, Fault> {
    let mut found: Vec<Exchange> = Vec::new();
    let mut continued = false;
    for (line, text) in (block.line + 1..).zip(&block.body) {
        let end = line + 1;
        match (text.strip_prefix("$ "), found.last_mut()) {
            (_, Some(last)) if continued => {
                last.command.push('\n');
                last.command.push_str(text);
                last.place = end..end;
            }
            (Some(command), _) => found.push(Exchange {
                line,
                command: command.to_owned(),
                expected: Vec::new(),
                place: end..end,
            }),
            (None, Some(last)) => {
                last.expected.push(text.clone());
                last.place.end = end;
                continue;
            }
            (None, None) => {
                let what = "a console block starts with output, not with a command";
                return Err(Fault::new(line, what, "start each command with `$ `"));
            }
        }
        continued = text.ends_with('\\');
    }
    if found.is_empty() {
        let what = "an empty console block";
        return Err(Fault::new(
            block.line,
            what,
            "write a command, or take it out",
        ));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(text: &str) -> Block {
        Block {
            line: 10,
            info: "console".to_owned(),
            body: text.lines().map(str::to_owned).collect(),
            margin: String::new(),
        }
    }

    #[test]
    fn commands_and_their_output_are_told_apart() {
        let found = exchanges(&block("$ a\n1\n$5\n$ b \\\n  c\n$ d\n2\n")).expect("valid");
        let told: Vec<_> = found
            .iter()
            .map(|e| {
                (
                    e.line,
                    e.command.as_str(),
                    e.expected.len(),
                    e.place.clone(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                (11, "a", 2, 12..14),
                (14, "b \\\n  c", 0, 16..16),
                (16, "d", 1, 17..18)
            ]
        );
    }

    #[test]
    fn output_without_a_command_is_a_fault() {
        assert!(exchanges(&block("PONG\n")).is_err());
        assert!(exchanges(&block("")).is_err());
    }
}
