//! RESP, the Redis serialization protocol: bytes become commands, replies
//! become bytes. This file knows nothing else.
//!
//! A command arrives as an array of bulk strings,
//!
//! ```text
//! *2\r\n  $4\r\n ECHO\r\n  $5\r\n hello\r\n
//! ```
//!
//! or, typed by hand, as one line: `ECHO hello\r\n` (an *inline command*).
//! TCP delivers it in pieces of any size, so the parser must be able to stop at
//! any byte. Ours remembers how far it came ([`Parser::pos`], [`Parser::scanned`])
//! and goes on from there: every byte is looked at once, however small the
//! pieces. It does not copy either: an argument is a [`Span`] of the read
//! buffer, and [`Args`] lends it out as a slice. A [`Batch`] parses all commands
//! that have arrived before the first of them is executed.
//!
//! What a client announces is not what it sends. `$536870912\r\n` costs its sender
//! twelve bytes, so nothing is allocated for it: the buffer grows as bytes arrive.
//!
//! Redis does this in `networking.c` (`processInlineBuffer`,
//! `processMultibulkBuffer`, `addReply…`) and `sds.c` (`sdssplitargs`).

use std::ops::{Index, Range};

use bytes::{Buf, BufMut, BytesMut};
use thiserror::Error;

/// How much may arrive of a line that is not a bulk string and has not ended, in
/// bytes: an inline command, or the digits after `*` and `$`
/// (`PROTO_INLINE_MAX_SIZE`).
pub const MAX_LINE: usize = 64 * 1024;

/// The longest bulk string, in bytes (`proto-max-bulk-len`).
pub const MAX_BULK: usize = 512 * 1024 * 1024;

/// The largest number of arguments in one command (`INT_MAX` in Redis 7.0).
pub const MAX_ARGS: i64 = i32::MAX as i64;

/// The most bytes that one command may take, all its arguments together. This limit
/// is ours: Redis has none for the sum. Its `client-query-buffer-limit`, 1 GiB too,
/// bounds what is not parsed yet, and arguments leave that buffer one by one.
pub const MAX_COMMAND: usize = 1024 * 1024 * 1024;

/// Bytes that are not RESP. The text is what Redis replies after `-ERR ` before
/// it closes the connection.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ProtocolError {
    #[error("Protocol error: too big inline request")]
    InlineTooBig,
    #[error("Protocol error: unbalanced quotes in request")]
    UnbalancedQuotes,
    #[error("Protocol error: too big mbulk count string")]
    CountLineTooBig,
    #[error("Protocol error: too big bulk count string")]
    BulkLineTooBig,
    #[error("Protocol error: invalid multibulk length")]
    InvalidCount,
    #[error("Protocol error: invalid bulk length")]
    InvalidBulkLength,
    #[error("Protocol error: expected '$', got '{}'", .0.escape_ascii())]
    ExpectedBulk(u8),
    /// Past [`MAX_COMMAND`]. Limit and text are ours.
    #[error("Protocol error: too big request")]
    CommandTooBig,
}

impl ProtocolError {
    /// What to reply. It may quote a byte that is not UTF-8, which `Display`
    /// cannot.
    pub fn reply(&self) -> Vec<u8> {
        match self {
            Self::ExpectedBulk(got) => {
                let before = b"ERR Protocol error: expected '$', got '";
                [before.as_slice(), &[*got], b"'"].concat()
            }
            other => format!("ERR {other}").into_bytes(),
        }
    }
}

/// Where an argument lies in the read buffer, counted from the first byte of
/// its command. `u32` is enough because of [`MAX_COMMAND`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    start: u32,
    end: u32,
}

impl Span {
    fn new(range: Range<usize>) -> Self {
        // Parser::parse refuses a command past MAX_COMMAND before it gets here.
        Self {
            start: range.start as u32,
            end: range.end as u32,
        }
    }

    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// What the parser waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The first byte of a command.
    Start,
    /// The newline that ends an inline command.
    Inline,
    /// The end of the line `*<count>`.
    Count,
    /// The end of a line `$<length>`; this many arguments are still to come.
    Length { args: i64 },
    /// The bytes of an argument and its `\r\n`.
    Bulk { args: i64, length: usize },
}

/// An incremental parser of commands, one per connection.
///
/// It holds no bytes, only positions in the buffer that it is shown, counted
/// from the first byte of the command under way.
#[derive(Debug)]
pub struct Parser {
    state: State,
    /// The arguments that are complete.
    args: Vec<Span>,
    /// All bytes before this one are parsed.
    pos: usize,
    /// There is no end of line between `pos` and here, so do not look again.
    scanned: usize,
    /// The longest bulk string that is accepted, in bytes. A field, because
    /// Redis lets it be configured.
    pub max_bulk: usize,
}

impl Default for Parser {
    fn default() -> Self {
        Self {
            state: State::Start,
            args: Vec::new(),
            pos: 0,
            scanned: 0,
            max_bulk: MAX_BULK,
        }
    }
}

impl Parser {
    /// Goes on parsing `input`, which starts with the command under way.
    ///
    /// - `Ok(Some(n))`: the first `n` bytes are a command. Take its
    ///   [`args`](Self::args), then drop those bytes. It has no arguments if it
    ///   was an empty line or `*0`, to which Redis does not reply.
    /// - `Ok(None)`: it is incomplete. Call again with the same bytes and more.
    /// - `Err`: there is no telling where the next command starts. Hang up.
    ///
    /// `input` is mutable because the quotes of an inline command are resolved
    /// where they stand.
    pub fn parse(&mut self, input: &mut [u8]) -> Result<Option<usize>, ProtocolError> {
        loop {
            let done = match self.state {
                State::Start => self.start(input),
                State::Inline => self.inline(input)?,
                State::Count => self.count(input)?,
                State::Length { args } => self.length(input, args)?,
                State::Bulk { args, length } => self.bulk(input, args, length)?,
            };
            match done {
                Progress::Next => {}
                Progress::Complete => return Ok(Some(self.finish())),
                Progress::Incomplete if input.len() > MAX_COMMAND => {
                    return Err(ProtocolError::CommandTooBig);
                }
                Progress::Incomplete => return Ok(None),
            }
        }
    }

    /// The arguments of the command that [`parse`](Self::parse) just found in
    /// `input`.
    pub fn args<'a>(&'a self, input: &'a [u8]) -> Args<'a> {
        Args {
            input,
            spans: &self.args,
        }
    }

    /// How many of the bytes that `input` lacks are already announced. The
    /// reader uses it as a hint for how much to read at once.
    pub fn missing(&self, input: &[u8]) -> usize {
        match self.state {
            State::Bulk { length, .. } => (self.pos + length + 2).saturating_sub(input.len()),
            _ => 0,
        }
    }

    fn start(&mut self, input: &[u8]) -> Progress {
        self.args.clear();
        // A command with a million arguments is no reason to keep their spans.
        self.args.shrink_to(KEPT_SPANS);
        self.state = match input.first() {
            None => return Progress::Incomplete,
            Some(b'*') => State::Count,
            Some(_) => State::Inline,
        };
        Progress::Next
    }

    /// Ends a command: the next one starts where this one stops.
    fn finish(&mut self) -> usize {
        self.state = State::Start;
        self.scanned = 0;
        std::mem::take(&mut self.pos)
    }

    /// `*<count>\r\n`
    fn count(&mut self, input: &[u8]) -> Result<Progress, ProtocolError> {
        let Some(line) = self.line(input, b'\r', ProtocolError::CountLineTooBig)? else {
            return Ok(Progress::Incomplete);
        };
        match parse_integer(&input[line.start + 1..line.end]) {
            Some(count) if count > MAX_ARGS => Err(ProtocolError::InvalidCount),
            Some(count) if count > 0 => {
                self.state = State::Length { args: count };
                Ok(Progress::Next)
            }
            Some(_) => Ok(Progress::Complete),
            None => Err(ProtocolError::InvalidCount),
        }
    }

    /// `$<length>\r\n`
    fn length(&mut self, input: &[u8], args: i64) -> Result<Progress, ProtocolError> {
        let Some(line) = self.line(input, b'\r', ProtocolError::BulkLineTooBig)? else {
            return Ok(Progress::Incomplete);
        };
        if input[line.start] != b'$' {
            return Err(ProtocolError::ExpectedBulk(input[line.start]));
        }
        let length = parse_integer(&input[line.start + 1..line.end])
            .and_then(|length| usize::try_from(length).ok())
            .filter(|length| *length <= self.max_bulk)
            .ok_or(ProtocolError::InvalidBulkLength)?;
        self.state = State::Bulk { args, length };
        Ok(Progress::Next)
    }

    /// `<length bytes>\r\n`. Like Redis, we do not look at the last two bytes.
    fn bulk(&mut self, input: &[u8], args: i64, length: usize) -> Result<Progress, ProtocolError> {
        let end = self.pos + length;
        if end + 2 > MAX_COMMAND {
            return Err(ProtocolError::CommandTooBig);
        }
        if input.len() < end + 2 {
            return Ok(Progress::Incomplete);
        }
        self.args.push(Span::new(self.pos..end));
        self.pos = end + 2;
        self.scanned = self.pos;
        if args == 1 {
            return Ok(Progress::Complete);
        }
        self.state = State::Length { args: args - 1 };
        Ok(Progress::Next)
    }

    /// `<words>\n`, with a `\r` before the newline or without.
    fn inline(&mut self, input: &mut [u8]) -> Result<Progress, ProtocolError> {
        let Some(line) = self.line(input, b'\n', ProtocolError::InlineTooBig)? else {
            return Ok(Progress::Incomplete);
        };
        let line = &mut input[line];
        let length = line.strip_suffix(b"\r").unwrap_or(line).len();
        split_words(&mut line[..length], &mut self.args)?;
        Ok(Progress::Complete)
    }

    /// The next line without its end, once it is whole. `end` is the byte that
    /// ends it. Like Redis, we skip the byte behind a `\r` without looking at it.
    fn line(
        &mut self,
        input: &[u8],
        end: u8,
        too_big: ProtocolError,
    ) -> Result<Option<Range<usize>>, ProtocolError> {
        let Some(offset) = input[self.scanned..].iter().position(|b| *b == end) else {
            self.scanned = input.len();
            let is_too_big = self.scanned - self.pos > MAX_LINE;
            return if is_too_big { Err(too_big) } else { Ok(None) };
        };
        self.scanned += offset;
        let next = self.scanned + if end == b'\r' { 2 } else { 1 };
        if next > input.len() {
            return Ok(None);
        }
        let line = self.pos..self.scanned;
        self.pos = next;
        self.scanned = next;
        Ok(Some(line))
    }
}

/// How many spans a parser keeps room for between commands.
const KEPT_SPANS: usize = 1024;

/// What one step of the state machine came to.
enum Progress {
    /// The state changed; go on.
    Next,
    /// The command is whole.
    Complete,
    /// The bytes end here.
    Incomplete,
}

/// Splits a line into words and unquotes them in place, which works because a
/// word never gets longer (`sdssplitargs`).
///
/// `"…"` understands `\n \r \t \b \a \xHH` and `\` before any other byte; `'…'`
/// understands `\'` only. A closing quote must be the end of its word.
fn split_words(line: &mut [u8], words: &mut Vec<Span>) -> Result<(), ProtocolError> {
    let mut from = 0;
    // Everything before `from` is read, everything before `to` is written.
    let mut to = 0;
    loop {
        while line.get(from).is_some_and(|b| is_space(*b)) {
            from += 1;
        }
        if from == line.len() {
            return Ok(());
        }
        let start = to;
        (from, to) = unquote_word(line, from, to)?;
        words.push(Span::new(start..to));
    }
}

/// Copies the word at `from` to `to`; returns where both come to stand.
fn unquote_word(
    line: &mut [u8],
    mut from: usize,
    mut to: usize,
) -> Result<(usize, usize), ProtocolError> {
    let mut quote = None;
    loop {
        let (byte, taken) = match (quote, &line[from..]) {
            (None, []) => return Ok((from, to)),
            (Some(_), []) => return Err(ProtocolError::UnbalancedQuotes),
            (None, [blank, ..]) if ends_word(*blank) => return Ok((from, to)),
            (None, [mark @ (b'"' | b'\''), ..]) => {
                quote = Some(*mark);
                from += 1;
                continue;
            }
            (Some(open), [mark, rest @ ..]) if open == *mark => {
                if rest.first().is_some_and(|b| !is_space(*b)) {
                    return Err(ProtocolError::UnbalancedQuotes);
                }
                return Ok((from + 1, to));
            }
            (Some(b'"'), [b'\\', b'x', high, low, ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                (hex_digit(*high) << 4 | hex_digit(*low), 4)
            }
            (Some(b'"'), [b'\\', escaped, ..]) => (unescape(*escaped), 2),
            (Some(b'\''), [b'\\', b'\'', ..]) => (b'\'', 2),
            (_, [byte, ..]) => (*byte, 1),
        };
        line[to] = byte;
        from += taken;
        to += 1;
    }
}

/// Ends a word that is not in quotes. A vertical tab or a form feed does not,
/// although both are space between words.
fn ends_word(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// C's `isspace`.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn unescape(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

fn hex_digit(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

/// Reads an integer as strictly as Redis does (`string2ll`): no blanks, no `+`,
/// no leading zeros, nothing that does not fit 64 bits.
pub fn parse_integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [] | [b'0', ..] => return None,
        _ => {}
    }
    // Negative numbers reach one further than positive ones, so count down.
    let mut value: i64 = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value
            .checked_mul(10)?
            .checked_sub(i64::from(digit - b'0'))?;
    }
    if negative {
        Some(value)
    } else {
        value.checked_neg()
    }
}

/// The arguments of one command, the command's name first. They borrow from the
/// read buffer, so whoever wants to keep one must copy it.
#[derive(Debug, Clone, Copy)]
pub struct Args<'a> {
    input: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Args<'a> {
    /// How many there are, the name included.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.spans.get(index).map(|span| &self.input[span.range()])
    }

    /// All but the first `count`.
    pub fn skip(&self, count: usize) -> Self {
        Self {
            input: self.input,
            spans: self.spans.get(count..).unwrap_or_default(),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let input = self.input;
        self.spans.iter().map(move |span| &input[span.range()])
    }
}

/// The most commands that are parsed before the first of them is executed.
const MAX_BATCH: usize = 64;

/// Commands that have arrived together: parsed first, then executed.
#[derive(Debug, Default)]
pub struct Batch {
    pub parser: Parser,
    /// Where in the read buffer each command begins, and which spans are its
    /// arguments.
    commands: Vec<(usize, Range<usize>)>,
    spans: Vec<Span>,
    /// How many of the commands have been taken.
    taken: usize,
    /// How many bytes of the read buffer the commands occupy.
    length: usize,
    /// What came behind the last command was not RESP.
    error: Option<ProtocolError>,
}

impl Batch {
    /// Drops the commands that were taken from `input`, and parses what stands
    /// there now; says how many commands that gave. An error comes out only when
    /// all commands before it have been taken.
    pub fn fill(&mut self, input: &mut BytesMut) -> Result<usize, ProtocolError> {
        input.advance(std::mem::take(&mut self.length));
        self.commands.clear();
        self.spans.clear();
        self.spans.shrink_to(KEPT_SPANS);
        self.taken = 0;
        while self.commands.len() < MAX_BATCH && self.error.is_none() {
            match self.parser.parse(&mut input[self.length..]) {
                Ok(Some(length)) => {
                    let args = self.parser.args(&input[self.length..]);
                    // Nobody replies to an empty line.
                    if !args.is_empty() {
                        let first = self.spans.len();
                        self.spans.extend_from_slice(args.spans);
                        self.commands.push((self.length, first..self.spans.len()));
                    }
                    self.length += length;
                }
                Ok(None) => break,
                Err(error) => self.error = Some(error),
            }
        }
        match self.error.take_if(|_| self.commands.is_empty()) {
            Some(error) => Err(error),
            None => Ok(self.commands.len()),
        }
    }

    /// The next command that has not been taken.
    pub fn take<'a>(&'a mut self, input: &'a [u8]) -> Option<Args<'a>> {
        let command = self.commands.get(self.taken)?;
        self.taken += 1;
        Some(self.args(command, input))
    }

    /// All commands, taken or not.
    pub fn iter<'a>(&'a self, input: &'a [u8]) -> impl Iterator<Item = Args<'a>> {
        self.commands
            .iter()
            .map(|command| self.args(command, input))
    }

    /// How many of the bytes that `input` lacks are already announced.
    pub fn missing(&self, input: &[u8]) -> usize {
        self.parser.missing(&input[self.length..])
    }

    fn args<'a>(&'a self, (start, spans): &(usize, Range<usize>), input: &'a [u8]) -> Args<'a> {
        Args {
            input: &input[*start..],
            spans: &self.spans[spans.clone()],
        }
    }
}

impl Index<usize> for Args<'_> {
    type Output = [u8];

    /// Panics past the end, so use it only for what the arity guarantees.
    fn index(&self, index: usize) -> &[u8] {
        &self.input[self.spans[index].range()]
    }
}

/// The version of the protocol that a client asked for with `HELLO`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Protocol {
    #[default]
    Resp2,
    Resp3,
}

/// Encodes replies at the end of a connection's output buffer.
///
/// A command says what it means (a map, a null, a double), and the protocol
/// decides how that looks: RESP3 has a type for each, RESP2 falls back on arrays
/// and strings. A reply is written as it is made; there is no tree in between.
pub struct Reply<'a> {
    output: &'a mut BytesMut,
    pub protocol: Protocol,
}

impl<'a> Reply<'a> {
    pub fn new(output: &'a mut BytesMut, protocol: Protocol) -> Self {
        Self { output, protocol }
    }

    /// `+OK`, the most common reply.
    pub fn ok(&mut self) {
        self.output.put_slice(b"+OK\r\n");
    }

    /// A short text of ours, such as `+PONG`. It must hold no newline.
    pub fn simple(&mut self, text: &str) {
        self.line(b'+', text.as_bytes());
    }

    /// An error. Its first word, in capitals, is the code that clients look at.
    /// It may quote what a client sent, so newlines become blanks; at the end they
    /// are left out.
    pub fn error(&mut self, text: &[u8]) {
        let newline = |byte: &u8| matches!(byte, b'\r' | b'\n');
        let last = text.iter().rposition(|byte| !newline(byte));
        let clean: Vec<u8> = text[..last.map_or(0, |last| last + 1)]
            .iter()
            .map(|b| if newline(b) { b' ' } else { *b })
            .collect();
        self.line(b'-', &clean);
    }

    pub fn integer(&mut self, value: i64) {
        self.line(b':', itoa::Buffer::new().format(value).as_bytes());
    }

    /// A binary-safe string.
    pub fn bulk(&mut self, bytes: &[u8]) {
        self.output.reserve(bytes.len() + 32);
        self.header(b'$', bytes.len());
        self.output.put_slice(bytes);
        self.output.put_slice(b"\r\n");
    }

    /// Text to be shown as it is.
    pub fn verbatim(&mut self, text: &str) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(text.as_bytes()),
            Protocol::Resp3 => {
                self.header(b'=', text.len() + 4);
                self.output.put_slice(b"txt:");
                self.output.put_slice(text.as_bytes());
                self.output.put_slice(b"\r\n");
            }
        }
    }

    /// "There is no such value."
    pub fn null(&mut self) {
        self.output.put_slice(match self.protocol {
            Protocol::Resp2 => b"$-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        });
    }

    /// An array; `length` replies must follow.
    pub fn array(&mut self, length: usize) {
        self.header(b'*', length);
    }

    /// A map; `length` pairs of replies must follow.
    pub fn map(&mut self, length: usize) {
        match self.protocol {
            Protocol::Resp2 => self.header(b'*', length * 2),
            Protocol::Resp3 => self.header(b'%', length),
        }
    }

    /// A set; `length` replies must follow.
    pub fn set(&mut self, length: usize) {
        match self.protocol {
            Protocol::Resp2 => self.header(b'*', length),
            Protocol::Resp3 => self.header(b'~', length),
        }
    }

    /// An array of bulk strings.
    pub fn bulks(&mut self, items: &[&[u8]]) {
        self.array(items.len());
        for item in items {
            self.bulk(item);
        }
    }

    fn header(&mut self, kind: u8, length: usize) {
        self.line(kind, itoa::Buffer::new().format(length).as_bytes());
    }

    fn line(&mut self, kind: u8, text: &[u8]) {
        self.output.put_u8(kind);
        self.output.put_slice(text);
        self.output.put_slice(b"\r\n");
    }
}

// The path is spelled out for the bench, which includes this file from elsewhere.
#[cfg(test)]
#[path = "resp/tests.rs"]
mod tests;
