//! Arguments that outlive the read buffer.

use std::ops::Range;

use super::parser::Args;
use super::span::Span;

/// A copy of the arguments of a command, to be executed later.
#[derive(Debug)]
pub struct OwnedArgs {
    input: Box<[u8]>,
    spans: Box<[Span]>,
}

impl<'a> Args<'a> {
    /// The arguments at these positions, as far as there are so many.
    pub fn range(&self, positions: Range<usize>) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.skip(positions.start).iter().take(positions.len())
    }

    /// Copies the arguments. What has arrived after this command is not copied.
    pub fn to_owned(self) -> OwnedArgs {
        let end = self.spans.iter().map(|span| span.range().end).max();
        OwnedArgs {
            input: self.input[..end.unwrap_or(0)].into(),
            spans: self.spans.into(),
        }
    }
}

impl OwnedArgs {
    /// The arguments as a handler takes them.
    pub fn as_args(&self) -> Args<'_> {
        Args {
            input: &self.input,
            spans: &self.spans,
        }
    }
}
