//! What a failure says: what was sent, what should have come and what came, with
//! the first byte that differs, the likely cause, what was sent before, and a line
//! to try it by hand.

use std::io::{self, ErrorKind};

use super::history::History;

#[path = "cause.rs"]
mod cause;

/// How much of a long text a failure shows, in bytes.
pub const SHOWN: usize = 200;

/// How much of that lies before the first difference.
const BEFORE: usize = 60;

/// How an exchange came to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Other bytes came.
    Differs,
    /// The server closed the connection.
    Closed,
    /// Nothing more came for as long as one can wait.
    Silent,
    /// All of the reply came, and then more.
    Extra,
    /// The reply came, and the connection stays open that Redis closes.
    Open,
}

impl End {
    /// What an error of a read says of the connection.
    pub fn of(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => End::Silent,
            _ => End::Closed,
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            End::Differs => "the reply differs",
            End::Closed => "the server closed the connection",
            End::Silent => "nothing more arrived",
            End::Extra => "more bytes arrived than the reply",
            End::Open => "the connection stays open, which Redis closes here",
        }
    }
}

/// One exchange that went wrong.
pub struct Failure<'a> {
    pub sent: &'a [u8],
    /// What the connection sent before.
    pub history: &'a History,
    /// What Redis says.
    pub expected: &'a [u8],
    /// What came instead, as far as it was read.
    pub received: &'a [u8],
    pub end: End,
}

impl Failure<'_> {
    /// The whole text; its first line says what happened.
    pub fn text(&self) -> String {
        let pairs = self.expected.iter().zip(self.received);
        let same = pairs.take_while(|(a, b)| a == b).count();
        let from = same.saturating_sub(BEFORE);
        let caret = shortened(&self.received[..same], from).chars().count();
        let sent = match self.sent {
            [] => String::new(),
            sent => format!("\n  sent      {}", shortened(sent, 0)),
        };
        let likely = cause::likely(self).map(|cause| format!("\n  likely    {cause}"));
        format!(
            "{}{sent}\n  expected  {}\n  received  {}\n            {}^ byte {same}{}{}{}",
            self.end.sentence(),
            or_nothing(shortened(self.expected, from)),
            or_nothing(shortened(self.received, from)),
            " ".repeat(caret),
            likely.unwrap_or_default(),
            self.history.text(),
            by_hand(self.sent, self.history),
        )
    }
}

fn or_nothing(text: String) -> String {
    match text.is_empty() {
        true => "(nothing)".to_owned(),
        false => text,
    }
}

/// Some of `bytes`, the first `from` left out.
pub fn shortened(bytes: &[u8], from: usize) -> String {
    let to = bytes.len().min(from + SHOWN);
    let before = if from > 0 { "…" } else { "" };
    let after = match bytes.len() - to {
        0 => String::new(),
        left => format!("… ({left} bytes more)"),
    };
    format!("{before}{}{after}", quoted(&bytes[from..to]))
}

/// Escaped, but for quotes, of which errors have many.
fn quoted(bytes: &[u8]) -> String {
    escaped(bytes).replace(r"\'", "'").replace("\\\"", "\"")
}

pub fn escaped(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// A line for the shell that sends the same to a server on the usual port, in the
/// protocol that the connection speaks.
pub fn by_hand(sent: &[u8], history: &History) -> String {
    if sent.is_empty() || sent.len() > SHOWN {
        return String::new();
    }
    if let Some(Ok(words)) = words(sent).map(shlex::try_join) {
        let protocol = if history.resp3 { "-3 " } else { "" };
        return format!("\n  by hand   redis-cli {protocol}-p 6380 {words}");
    }
    let print = |byte: &u8| match *byte {
        b'\r' => r"\r".to_owned(),
        b'\n' => r"\n".to_owned(),
        b'%' => "%%".to_owned(),
        b' '..=b'~' if !b"\\'".contains(byte) => char::from(*byte).to_string(),
        other => format!(r"\{other:03o}"),
    };
    let text: String = sent.iter().map(print).collect();
    // Of bytes that are no text this would be a wall.
    if text.len() > 2 * SHOWN {
        return String::new();
    }
    let hello = if history.resp3 { r"HELLO 3\r\n" } else { "" };
    format!("\n  by hand   printf '{hello}{text}' | nc 127.0.0.1 6380")
}

/// The arguments of `sent`, if it is one whole command of printable words.
fn words(sent: &[u8]) -> Option<Vec<&str>> {
    let text = str::from_utf8(sent).ok()?.strip_suffix("\r\n")?;
    let mut lines = text.split("\r\n");
    let count: usize = lines.next()?.strip_prefix('*')?.parse().ok()?;
    let mut words = Vec::new();
    while let Some(header) = lines.next() {
        let word = lines.next()?;
        let length: usize = header.strip_prefix('$')?.parse().ok()?;
        if length != word.len() || word.contains(char::is_control) {
            return None;
        }
        words.push(word);
    }
    (words.len() == count).then_some(words)
}

#[test]
fn a_failure_shows_where_the_reply_differs() {
    let mut history = History::default();
    history.add(b"HELLO 3\r\n", b"%0\r\n");
    let failure = Failure {
        sent: b"*2\r\n$4\r\nECHO\r\n$5\r\na 'b'\r\n",
        history: &history,
        expected: b"$5\r\na (b)\r\n",
        received: b"$5\r\na [b]\r\n",
        end: End::Differs,
    };
    let text = failure.text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "the reply differs");
    assert_eq!(lines[2], r"  expected  $5\r\na (b)\r\n");
    assert_eq!(lines[3], r"  received  $5\r\na [b]\r\n");
    assert_eq!(lines[4], "                    ^ byte 6");
    assert_eq!(lines[5..7], ["  before that", "            HELLO 3"]);
    let line = r#"  by hand   redis-cli -3 -p 6380 ECHO "a 'b'""#;
    assert_eq!(lines[7..], [line]);
}

#[test]
fn a_failure_can_be_seen_by_hand_without_a_tool_of_redis() {
    let text = by_hand(b"*1\r\n$x\r\n\0%'", &History::default());
    let line = r"printf '*1\r\n$x\r\n\000%%\047' | nc 127.0.0.1 6380";
    assert_eq!(text, format!("\n  by hand   {line}"));
}
