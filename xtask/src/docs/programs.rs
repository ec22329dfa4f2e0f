//! Which programs a command runs: the first word of each stage.
//!
//! Asked for two reasons: a program that is not installed must not look like a
//! stale document, and some programs have no place in a block that is run. This
//! is a look at the words, no shell grammar: it is right for what one writes in
//! a lesson, and bash has the last word on everything else.

use std::process::{Command, Stdio};

/// Words that stand before the program proper.
const PREFIXES: [&str; 17] = [
    "!", "{", "time", "timeout", "env", "command", "exec", "nohup", "do", "then", "else", "elif",
    "while", "until", "if", "xargs", "sudo",
];

/// The first word of each stage of a command, in order, without its own functions.
pub fn programs(command: &str) -> Vec<String> {
    let stages = stages(command);
    let words = stages.iter().filter_map(|stage| first_word(stage));
    words
        .filter(|word| !command.contains(&format!("{word}()")))
        .collect()
}

/// The first program among these that this machine does not have.
pub fn missing(programs: &[String]) -> Option<&String> {
    programs.iter().find(|program| !installed(program))
}

/// Bash is asked, for it also knows its own commands.
fn installed(program: &str) -> bool {
    Command::new("bash")
        .args(["-c", r#"command -v -- "$1""#, "bash", program])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn first_word(stage: &str) -> Option<String> {
    let mut words = stage.split_whitespace();
    let mut wrapped = false;
    let word = words.find(|word| {
        let prefix = PREFIXES.contains(word);
        wrapped |= prefix;
        let option = wrapped && word.starts_with(|c: char| c == '-' || c.is_ascii_digit());
        !(prefix || option || is_assignment(word))
    })?;
    // What bash works out itself cannot be looked up beforehand.
    let literal = !word.contains(['$', '"', '\'', '`', '\\', '<', '>']);
    literal.then(|| word.to_owned())
}

fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map(|(name, _)| name);
    name.is_some_and(|name| name.chars().all(|c| c.is_alphanumeric() || c == '_'))
}

/// Splits at `|`, `&`, `;`, brackets and line ends outside quotes.
fn stages(command: &str) -> Vec<String> {
    let mut stages = vec![String::new()];
    let mut quote = None;
    let mut before = ' ';
    let mut chars = command.chars().peekable();
    while let Some(c) = chars.next() {
        let redirects = c == '&' && (matches!(before, '<' | '>') || chars.peek() == Some(&'>'));
        match (quote, c) {
            (None, '#') if before.is_whitespace() => {
                while chars.next_if(|&c| c != '\n').is_some() {}
            }
            (None, '|' | '&' | ';' | '(' | ')' | '\n') if before != '\\' && !redirects => {
                stages.push(String::new());
            }
            _ => {
                if let Some(stage) = stages.last_mut() {
                    stage.push(if before == '\\' && c == '\n' { ' ' } else { c });
                }
            }
        }
        quote = match quote {
            None if matches!(c, '"' | '\'') && before != '\\' => Some(c),
            Some(open) if c == open && (before != '\\' || c == '\'') => None,
            unchanged => unchanged,
        };
        before = if before == '\\' && c == '\\' { ' ' } else { c };
    }
    stages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_of_each_stage_is_a_program() {
        for (command, want) in [
            ("redis-cli -p 6380 PING", "redis-cli"),
            (r"printf 'a|b;c\r\n' | nc 127.0.0.1 6380", "printf nc"),
            ("A=1 cat x 2>&1 && (ls; wc -l)", "cat ls wc"),
            ("timeout 0.5 nc -l 1 || true", "nc true"),
            ("for i in 1 2; do echo \"it's $i\"; done", "for echo done"),
            ("sleep 1 & wait", "sleep wait"),
            ("ls \\\n  -l # | not this", "ls"),
            ("echo a &> b", "echo"),
            ("f() { cat; }; f", "cat }"),
            ("exec 3<>/dev/tcp/h/1; head -n 1 <&3", "head"),
        ] {
            let found = programs(command);
            let want: Vec<_> = want.split(' ').collect();
            assert_eq!(found, want, "{command}");
        }
    }

    #[test]
    fn a_program_that_is_not_there_is_missed() {
        let programs = ["echo", "no-such-program-here"].map(str::to_owned);
        assert_eq!(missing(&programs), Some(&programs[1]));
        assert_eq!(missing(&programs[..1]), None);
    }
}
