//! A batch: all commands that have arrived, parsed before the first of them is executed.

use std::ops::Range;

use bytes::BytesMut;

use super::ProtocolError;
use super::parser::{Args, KEPT_SPANS, Parser};
use super::span::Span;
use crate::util::buffer::remove_front;

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
    /// The bytes after the last command are not RESP.
    error: Option<ProtocolError>,
}

impl Batch {
    /// Removes the commands that were taken from `input`, parses the bytes that are
    /// there now, and returns how many commands they hold. Bytes that are not RESP
    /// are an error, once all commands before them have been taken.
    pub fn fill(&mut self, input: &mut BytesMut) -> Result<usize, ProtocolError> {
        remove_front(input, std::mem::take(&mut self.length));
        self.commands.clear();
        self.spans.clear();
        self.spans.shrink_to(KEPT_SPANS);
        self.taken = 0;
        while self.commands.len() < MAX_BATCH && self.error.is_none() {
            match self.parser.parse(&mut input[self.length..]) {
                Ok(Some(length)) => {
                    let args = self.parser.args(&input[self.length..]);
                    // An empty line gets no reply.
                    if !args.is_empty() {
                        let first = self.spans.len();
                        self.spans.extend_from_slice(args.spans);
                        self.commands.push((self.length, first..self.spans.len()));
                    }
                    self.length += length;
                    if self.length == input.len() {
                        break;
                    }
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

    /// Whether `input` held whole commands only, and all of them have been taken. That is the
    /// usual case: then this empties `input`, and there is nothing to parse.
    pub fn is_done(&mut self, input: &mut BytesMut) -> bool {
        let is_done = self.taken == self.commands.len()
            && self.length == input.len()
            && self.spans.len() <= KEPT_SPANS;
        if is_done {
            remove_front(input, std::mem::take(&mut self.length));
        }
        is_done
    }

    /// Takes the next command; `None` if all have been taken.
    pub fn take<'a>(&'a mut self, input: &'a [u8]) -> Option<Args<'a>> {
        let command = self.commands.get(self.taken)?;
        self.taken += 1;
        Some(self.args(command, input))
    }

    /// Takes the next command together with its bytes, to which those between it and the commands
    /// around it belong, such as empty lines; `None` if all have been taken.
    pub fn take_with_bytes<'a>(&'a mut self, input: &'a [u8]) -> Option<(Args<'a>, &'a [u8])> {
        let start = match self.taken {
            0 => 0,
            _ => self.position(),
        };
        let command = self.commands.get(self.taken)?;
        self.taken += 1;
        let bytes = &input[start..self.position()];
        Some((self.args(command, input), bytes))
    }

    /// The next command, which is not taken; `None` if all have been taken.
    pub fn peek<'a>(&'a self, input: &'a [u8]) -> Option<Args<'a>> {
        let command = self.commands.get(self.taken)?;
        Some(self.args(command, input))
    }

    /// Whether a command follows the next one.
    pub fn has_more(&self) -> bool {
        self.commands.len() > self.taken + 1
    }

    /// How many of the next commands have the same name as the next one, without a gap and with that
    /// one, but not more than `most`. A name is at most eight bytes long here, so that it is compared
    /// as a number; what has a longer one, or ends with it, is alone.
    pub fn same(&self, input: &[u8], most: usize) -> usize {
        let Some([next, after @ ..]) = self.commands.get(self.taken..) else {
            return 1;
        };
        let place = self.spans[next.1.start];
        let name = place.range();
        let (from, length @ 1..=8) = (name.start, name.len()) else {
            return 1;
        };
        let unused = 8 * (8 - length);
        let word = |start: usize| {
            let bytes = input.get(start + from..)?.first_chunk()?;
            Some(u64::from_le_bytes(*bytes) << unused)
        };
        let Some(first) = word(next.0) else {
            return 1;
        };
        let is_same = |(start, spans): &&(usize, Range<usize>)| {
            word(*start) == Some(first) && self.spans[spans.start] == place
        };
        1 + after.iter().take(most - 1).take_while(is_same).count()
    }

    /// Where in the read buffer the next command begins.
    pub fn position(&self) -> usize {
        let next = self.commands.get(self.taken);
        next.map_or(self.length, |(start, _)| *start)
    }

    /// Where in the read buffer the command after the next one begins.
    pub fn position_after_next(&self) -> usize {
        let second = self.commands.get(self.taken + 1);
        second.map_or(self.length, |(start, _)| *start)
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
