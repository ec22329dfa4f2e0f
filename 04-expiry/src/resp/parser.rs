//! The parser: bytes become commands (`processInlineBuffer` and `processMultibulkBuffer` in
//! Redis's `networking.c`).

use std::ops::{Index, Range};

use super::inline::split_words;
use super::span::Span;
use super::{MAX_ARGS, MAX_BULK, MAX_COMMAND, MAX_LINE, ProtocolError, parse_integer};

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
/// It holds no bytes, only positions in the buffer that it is shown, counted from the first byte of
/// the current command.
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
    /// Goes on parsing `input`, which starts with the current command.
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

    /// How many of the bytes that `input` lacks are already announced. The reader uses it as a hint
    /// for how much to read at a time.
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

    /// The next line without its end, once it is whole. `end` is the byte that ends it. Like Redis,
    /// we skip the byte after a `\r` without looking at it.
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
pub(super) const KEPT_SPANS: usize = 1024;

/// The result of one step of the state machine.
enum Progress {
    /// The state changed; go on.
    Next,
    /// The command is whole.
    Complete,
    /// The bytes end here.
    Incomplete,
}

/// The arguments of one command, the command's name first. They borrow from the read buffer, so an
/// argument that is to be kept must be copied.
#[derive(Debug, Clone, Copy)]
pub struct Args<'a> {
    pub(super) input: &'a [u8],
    pub(super) spans: &'a [Span],
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

    /// Whether the argument at `index` is this word, in upper or lower case.
    pub fn is(&self, index: usize, word: &str) -> bool {
        let arg = self.get(index);
        arg.is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()))
    }

    /// The arguments without the first `count`.
    pub fn skip(&self, count: usize) -> Self {
        Self {
            input: self.input,
            spans: self.spans.get(count..).unwrap_or_default(),
        }
    }

    /// The arguments in groups of this many; the last group may have fewer.
    pub fn chunks(&self, size: usize) -> impl Iterator<Item = Self> + use<'a> {
        let input = self.input;
        let groups = self.spans.chunks(size);
        groups.map(move |spans| Self { input, spans })
    }

    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let input = self.input;
        self.spans.iter().map(move |span| &input[span.range()])
    }
}

impl Index<usize> for Args<'_> {
    type Output = [u8];

    /// Panics past the end, so use it only for what the arity guarantees.
    fn index(&self, index: usize) -> &[u8] {
        &self.input[self.spans[index].range()]
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
