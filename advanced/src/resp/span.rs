//! Where an argument lies.

use std::ops::Range;

/// Where an argument lies in the read buffer, counted from the first byte of
/// its command. `u32` is enough because of [`MAX_COMMAND`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    pub(super) fn new(range: Range<usize>) -> Self {
        // Parser::parse refuses a command past MAX_COMMAND before it gets here.
        Self {
            start: range.start as u32,
            end: range.end as u32,
        }
    }

    pub(super) fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}
