//! What a connection has sent. A reply may be wrong because of a command long
//! before it, so a failure shows the last few of them as well.

use std::collections::VecDeque;

use super::failure::escaped;

/// How many commands are shown.
const KEPT: usize = 6;

/// How much of a word is shown, in bytes.
const WORD: usize = 40;

/// How long a line may become, in bytes, before its other words are left out.
const LINE: usize = 120;

/// The commands that are over.
#[derive(Default)]
pub struct History {
    /// The last of them as text, the oldest first.
    lines: VecDeque<String>,
    /// How many came before these.
    left_out: usize,
    /// Does the connection speak RESP3, because of a HELLO?
    pub resp3: bool,
}

impl History {
    /// Adds what was sent, whether one command or several, and the reply.
    pub fn add(&mut self, sent: &[u8], reply: &[u8]) {
        if sent.is_empty() {
            return;
        }
        let commands = split(sent).unwrap_or_default();
        if let [words] = &commands[..] {
            self.resp3 = speaks_resp3(words, reply).unwrap_or(self.resp3);
        }
        match commands.is_empty() {
            true => self.push(plain(sent)),
            false => {
                let old = commands.len().saturating_sub(KEPT);
                self.left_out += old;
                commands[old..].iter().for_each(|it| self.push(line(it)));
            }
        }
    }

    fn push(&mut self, line: String) {
        if self.lines.len() == KEPT {
            self.lines.pop_front();
            self.left_out += 1;
        }
        self.lines.push_back(line);
    }

    /// The part of a failure that shows them.
    pub fn text(&self) -> String {
        if self.lines.is_empty() {
            return String::new();
        }
        let more = (self.left_out > 0).then(|| format!("… ({} more)", self.left_out));
        let lines = more.iter().chain(&self.lines);
        let lines: String = lines.map(|line| format!("\n            {line}")).collect();
        format!("\n  before that{lines}")
    }
}

/// Which protocol the connection speaks after this command, if the command says so.
fn speaks_resp3(words: &[&[u8]], reply: &[u8]) -> Option<bool> {
    if reply.starts_with(b"-") {
        return None;
    }
    let is = |name: &str| words[0].eq_ignore_ascii_case(name.as_bytes());
    match words.get(1) {
        Some(version) if is("HELLO") => Some(*version == b"3"),
        _ => is("RESET").then_some(false),
    }
}

/// The words of the commands in `sent`; `None` if it is anything else.
fn split(mut sent: &[u8]) -> Option<Vec<Vec<&[u8]>>> {
    let mut commands = Vec::new();
    while !sent.is_empty() {
        if sent[0] != b'*' {
            // A command may also be a line, its words parted by blanks.
            let end = sent.iter().position(|byte| *byte == b'\n')? + 1;
            let words = sent[..end].split(u8::is_ascii_whitespace);
            commands.push(words.filter(|word| !word.is_empty()).collect());
            sent = &sent[end..];
            continue;
        }
        let count = header(&mut sent, b'*')?;
        let words = (0..count).map(|_| {
            let length = header(&mut sent, b'$')?;
            let word = sent.get(..length)?;
            sent = sent[length..].strip_prefix(b"\r\n")?;
            Some(word)
        });
        commands.push(words.collect::<Option<_>>()?);
    }
    commands.retain(|words: &Vec<_>| !words.is_empty());
    Some(commands)
}

/// Takes a line like `$12` and its end; the number.
fn header(sent: &mut &[u8], kind: u8) -> Option<usize> {
    let end = sent.windows(2).position(|two| two == b"\r\n")?;
    let number = sent[..end].strip_prefix(&[kind])?;
    *sent = &sent[end + 2..];
    str::from_utf8(number).ok()?.parse().ok()
}

/// A command as one types it into `redis-cli`.
fn line(words: &[&[u8]]) -> String {
    let mut line = String::new();
    for (at, word) in words.iter().enumerate() {
        if line.len() > LINE {
            return format!("{line} … ({} words more)", words.len() - at);
        }
        let blank = if at > 0 { " " } else { "" };
        line += &format!("{blank}{}", typed(word));
    }
    line
}

fn typed(word: &[u8]) -> String {
    let shown = &word[..word.len().min(WORD)];
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && !b"\"'\\".contains(byte);
    let text = match !shown.is_empty() && shown.iter().all(is_plain) {
        true => escaped(shown),
        false => format!("\"{}\"", escaped(shown).replace(r"\'", "'")),
    };
    match word.len() - shown.len() {
        0 => text,
        left => format!("{text}… ({left} bytes more)"),
    }
}

/// What is no command.
fn plain(sent: &[u8]) -> String {
    match sent.get(..LINE) {
        Some(start) => format!("{}… ({} bytes more)", escaped(start), sent.len() - LINE),
        None => escaped(sent),
    }
}

#[test]
fn the_last_commands_are_shown() {
    let mut history = History::default();
    assert_eq!(history.text(), "");
    history.add(
        b"*2\r\n$3\r\nGET\r\n$3\r\na\0b\r\n*1\r\n$4\r\nPING\r\n",
        b"",
    );
    history.add(b"hello", b"hello");
    history.add(
        format!("SET k {}\r\n", "x".repeat(50)).as_bytes(),
        b"+OK\r\n",
    );
    let lines: Vec<_> = history.text().lines().map(str::to_owned).collect();
    let long = format!("SET k {}… (10 bytes more)", "x".repeat(40));
    let expected = [
        "",
        "  before that",
        r#"GET "a\x00b""#,
        "PING",
        "hello",
        &long,
    ];
    assert!(
        lines
            .iter()
            .map(|it| it.trim_start())
            .eq(expected.map(str::trim_start))
    );
    for _ in 0..KEPT {
        history.add(b"PING\r\n", b"+PONG\r\n");
    }
    assert_eq!(history.text().matches("PING").count(), KEPT);
    assert!(history.text().contains("\n            … (4 more)\n"));
}

#[test]
fn the_protocol_is_remembered() {
    let mut history = History::default();
    history.add(b"HELLO 3\r\n", b"-NOAUTH x\r\n");
    assert!(!history.resp3);
    history.add(b"*2\r\n$5\r\nhello\r\n$1\r\n3\r\n", b"%0\r\n");
    history.add(b"HELLO\r\n", b"%0\r\n");
    assert!(history.resp3);
    history.add(b"HELLO 2\r\n", b"*0\r\n");
    assert!(!history.resp3);
}
